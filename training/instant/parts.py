"""What each kind of part plays over a plan: lists of notes."""

from collections.abc import Callable

import numpy as np

from training.instant.score import Note, Plan, in_scale, octave

Rng = np.random.Generator

#: Beats in which a part either plays or rests.
_STRETCH = 16


class _Sheet:
    """Collects the notes of a part, with the unevenness of a hand."""

    def __init__(self, plan: Plan, rng: Rng) -> None:
        self.notes: list[Note] = []
        self._plan = plan
        self._rng = rng
        self._unevenness_s = rng.uniform(0.002, 0.014)

    def add(self, beat: float, beats: float, pitch: int, velocity: float) -> None:
        """Play `pitch` from `beat` on for so many beats."""
        if not 20 <= pitch <= 108:
            return
        if abs(beat % 1 - 0.5) < 0.01:
            beat += self._plan.swing * 0.5
        start = max(beat * self._plan.beat_s + self._rng.normal(0, self._unevenness_s), 0)
        loudness = int(np.clip(velocity + self._rng.normal(0, 7), 15, 127))
        self.notes.append(Note(start, beats * self._plan.beat_s, int(pitch), loudness))


def _playing(plan: Plan, rng: Rng, share: float) -> list[int]:
    """Return the beats in which a part plays."""
    stretches = rng.random(len(plan.chords) // _STRETCH + 1) < share
    stretches[0] |= not stretches.any()
    return [beat for beat in range(len(plan.chords)) if stretches[beat // _STRETCH]]


def _changes(plan: Plan, beat: int, most: int) -> int:
    """Return for how many beats a chord that starts here lasts; 0 where none starts."""
    chord = plan.chords[beat]
    if beat % most and plan.chords[beat - 1] == chord:
        return 0
    length = 1
    while length < most and beat + length < len(plan.chords):
        if plan.chords[beat + length] != chord:
            break
        length += 1
    return length


def drums(plan: Plan, rng: Rng) -> list[Note]:
    """Play a kit, by the keys of General MIDI."""
    sheet = _Sheet(plan, rng)
    kick = int(rng.choice([35, 36]))
    snare = int(rng.choice([38, 40, 39, 37], p=[0.45, 0.35, 0.12, 0.08]))
    hat = int(rng.choice([42, 44, 51, 70, 54], p=[0.55, 0.1, 0.2, 0.08, 0.07]))
    kicks = rng.random(16) < 0.22
    kicks[0] = True
    has_four = rng.random() < (0.8 if plan.style == "electronic" else 0.25)
    is_half, has_ghosts = rng.random() < 0.2, rng.random() < 0.3
    hats, velocity = int(rng.choice([1, 2, 2, 4])), rng.integers(75, 112)
    for beat in _playing(plan, rng, 0.93):
        for quarter in range(4):
            at = beat + quarter / 4
            if (has_four and quarter == 0) or (not has_four and kicks[beat % 4 * 4 + quarter]):
                sheet.add(at, 0.1, kick, velocity + 8)
            if has_ghosts and quarter and rng.random() < 0.1:
                sheet.add(at, 0.1, snare, 45)
        if beat % 4 == 2 if is_half else beat % 2 == 1:
            sheet.add(beat, 0.1, snare, velocity + 10)
        for stroke in range(hats):
            key = 46 if rng.random() < 0.05 else hat
            sheet.add(beat + stroke / hats, 0.1, key, velocity - 8 - 14 * (stroke % 2))
        if beat % 16 == 0 and rng.random() < 0.7:
            sheet.add(beat, 0.1, int(rng.choice([49, 57])), velocity)
        if beat % 16 >= 14 and rng.random() < 0.5:
            for stroke in range(4):
                sheet.add(beat + stroke / 4, 0.1, int(rng.choice([38, 45, 47, 48, 50])), velocity)
    return sheet.notes


def bass(plan: Plan, rng: Rng) -> list[Note]:
    """Play a bass line in one of six manners."""
    sheet = _Sheet(plan, rng)
    low, manner = 28 + int(rng.integers(6)), int(rng.integers(6))
    pattern = rng.random(16) < rng.uniform(0.35, 0.8)
    held, velocity = rng.uniform(0.3, 1.05), rng.integers(78, 118)
    for beat in _playing(plan, rng, 0.93):
        chord = plan.chords[beat]
        root = octave(chord[0], low)
        if manner < 2:
            for half in range(2):
                leap = 0 if rng.random() < 0.85 else int(rng.choice([7, 12, -5]))
                sheet.add(beat + half / 2, held / 2, root + leap, velocity)
        elif manner == 2 and beat % 2 == 0:
            sheet.add(beat, 2 * held, root, velocity)
        elif manner == 3:
            for quarter in np.flatnonzero(pattern[beat % 4 * 4 :][:4]):
                leap = int(rng.choice([0, 0, 0, 12, 7]))
                sheet.add(beat + quarter / 4, max(held, 0.5) / 4, root + leap, velocity)
        elif manner == 4:
            sheet.add(beat, 0.95, octave(chord[rng.integers(3)], low), velocity)
        elif manner == 5 and beat % 4 == 0:
            sheet.add(beat, 3.9 * max(held, 0.6), root, velocity)
    return sheet.notes


def pad(plan: Plan, rng: Rng) -> list[Note]:
    """Hold the chords."""
    sheet = _Sheet(plan, rng)
    low, velocity = int(rng.choice([48, 52, 55, 60])), rng.integers(60, 100)
    is_doubled = rng.random() < 0.5
    for beat in _playing(plan, rng, rng.uniform(0.6, 1)):
        length = _changes(plan, beat, 4)
        chord = plan.chords[beat]
        voices = (*chord, chord[0] + 12) if is_doubled else chord
        for place, pitch in enumerate(voices if length else ()):
            sheet.add(beat, length * 0.98, octave(pitch, low) + 12 * (place == 3), velocity)
    return sheet.notes


def _struck(plan: Plan, rng: Rng, strike: Callable[[_Sheet, float, float, int, float], None]):
    """Strike a pattern of chords; `strike` says of which notes one is made."""
    sheet = _Sheet(plan, rng)
    strokes = int(rng.choice([1, 2, 2, 4]))
    pattern = rng.random(16) < rng.uniform(0.35, 0.85)
    held, velocity = rng.uniform(0.3, 1.05), rng.integers(70, 112)
    for beat in _playing(plan, rng, rng.uniform(0.6, 1)):
        for stroke in range(strokes):
            if pattern[beat % 4 * 4 + stroke * 4 // strokes]:
                at = beat + stroke / strokes
                strike(sheet, at, held / strokes, beat, velocity - 6 * (stroke % 2))
    return sheet.notes


def strum(plan: Plan, rng: Rng) -> list[Note]:
    """Strum a guitar."""
    low = int(rng.choice([48, 52, 55]))

    def strike(sheet: _Sheet, at: float, beats: float, beat: int, velocity: float) -> None:
        tones = sorted(octave(pitch, low) for pitch in plan.chords[beat])
        for string, pitch in enumerate([*tones, tones[0] + 12]):
            sheet.add(at + 0.012 * string, beats, pitch, velocity)

    return _struck(plan, rng, strike)


def power(plan: Plan, rng: Rng) -> list[Note]:
    """Play root, fifth and octave."""

    def strike(sheet: _Sheet, at: float, beats: float, beat: int, velocity: float) -> None:
        root = octave(plan.chords[beat][0], 40)
        for step in (0, 7, 12):
            sheet.add(at, beats, root + step, velocity + 5)

    return _struck(plan, rng, strike)


def comping(plan: Plan, rng: Rng) -> list[Note]:
    """Play chords on keys, the root below on each stroke of a beat."""
    low = int(rng.choice([48, 52, 55, 60]))

    def strike(sheet: _Sheet, at: float, beats: float, beat: int, velocity: float) -> None:
        if at == beat:
            sheet.add(at, max(beats, 0.5), octave(plan.chords[beat][0], low - 12), velocity)
        for pitch in plan.chords[beat]:
            sheet.add(at, beats, octave(pitch, low + 5), velocity - 6)

    return _struck(plan, rng, strike)


def arpeggio(plan: Plan, rng: Rng) -> list[Note]:
    """Break the chords up."""
    sheet = _Sheet(plan, rng)
    low, strokes = int(rng.choice([48, 52, 55, 60])), int(rng.choice([2, 3, 4]))
    held, velocity = rng.uniform(0.5, 1.6), rng.integers(65, 108)
    for beat in _playing(plan, rng, rng.uniform(0.6, 1)):
        for stroke in range(strokes):
            if rng.random() < 0.9:
                step = beat * strokes + stroke
                pitch = octave(plan.chords[beat][step % 3], low) + 12 * (step // 3 % 2)
                sheet.add(beat + stroke / strokes, held / strokes, pitch, velocity)
    return sheet.notes


def melody(plan: Plan, rng: Rng) -> list[Note]:
    """Play a tune."""
    sheet = _Sheet(plan, rng)
    low = int(rng.choice([52, 57, 60, 64]))
    pitch, held, velocity = low + 12, rng.uniform(0.5, 1.05), rng.integers(75, 115)
    for beat in _playing(plan, rng, rng.uniform(0.4, 0.9)):
        at = 0.0
        while at < 0.99:
            beats = float(rng.choice([0.25, 0.5, 0.5, 1]))
            if rng.random() < 0.75:
                near = in_scale(plan, max(pitch - 5, low), min(pitch + 6, low + 26)) or [low + 12]
                chord = {tone % 12 for tone in plan.chords[beat]}
                fitting = [tone for tone in near if tone % 12 in chord]
                pitch = int(rng.choice(fitting if at == 0 and fitting else near))
                sheet.add(beat + at, beats * held, pitch, velocity)
            at += beats
    return sheet.notes


def legato(plan: Plan, rng: Rng) -> list[Note]:
    """Play a slow line whose notes overlap, as bowed strings and winds do."""
    sheet = _Sheet(plan, rng)
    low = int(rng.choice([43, 50, 55, 60, 67]))
    pitch, velocity = low + 7, rng.integers(55, 105)
    lengths = rng.choice([1, 2, 4], size=3)
    beats_left = 0
    for beat in _playing(plan, rng, rng.uniform(0.6, 1)):
        beats_left -= 1
        if beats_left > 0:
            continue
        beats_left = int(rng.choice(lengths))
        near = in_scale(plan, max(pitch - 7, low), min(pitch + 8, low + 19)) or [low + 7]
        chord = {tone % 12 for tone in plan.chords[beat]}
        fitting = [tone for tone in near if tone % 12 in chord]
        pitch = int(rng.choice(fitting or near))
        sheet.add(beat, beats_left * 1.04, pitch, velocity + 10 * np.sin(beat / 5))
    return sheet.notes


PARTS: dict[str, Callable[[Plan, Rng], list[Note]]] = {
    "drums": drums,
    "bass": bass,
    "pad": pad,
    "strum": strum,
    "power": power,
    "comping": comping,
    "arpeggio": arpeggio,
    "melody": melody,
    "legato": legato,
}
