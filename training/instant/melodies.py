"""What a voice sings over a plan."""

from dataclasses import dataclass

import numpy as np

from training.instant.score import Note, Plan, in_scale
from training.instant.store import LENGTH_S

Rng = np.random.Generator


@dataclass(frozen=True)
class Manner:
    """How a melody moves.

    Attributes:
        centre: pitch around which it stays.
        beats: typical lengths of its notes, and how often each comes.
        stretch: factor on all lengths.
        reach: semitones from the centre at most.
    """

    centre: int
    beats: tuple[tuple[float, float], ...]
    stretch: float
    reach: int


_SONG = ((0.25, 0.18), (0.5, 0.36), (0.75, 0.12), (1, 0.2), (2, 0.1), (3, 0.04))
_ARIA = ((0.5, 0.2), (1, 0.3), (1.5, 0.1), (2, 0.2), (3, 0.1), (4, 0.1))
_RAP = ((0.25, 0.7), (0.5, 0.3))


def manner(rng: Rng, style: str, centre: int) -> Manner:
    """Return a manner for a singer's style and range."""
    if style == "classical":
        return Manner(centre, _ARIA, 1.0, 10)
    if style == "rap":
        return Manner(centre, _RAP, 1.0, 3)
    return Manner(centre, _SONG, float(rng.choice([0.5, 0.75, 1, 1.5])), 8)


def compose(plan: Plan, rng: Rng, how: Manner) -> list[Note]:
    """Return phrases, each a chain of notes without gaps, with rests between them."""
    lengths, odds = zip(*how.beats, strict=True)
    stretch = how.stretch * (1.4 if plan.bpm > 120 else 1)
    last = LENGTH_S / plan.beat_s - 2
    beat, pitch, notes = float(rng.choice([0, 0, 1, 2, 4, 8])), how.centre, []
    while beat < last - 1:
        end = min(beat + float(rng.choice([2, 3, 4, 4, 6, 8, 12])), last)
        while beat < end - 0.2:
            beats = float(rng.choice(lengths, p=odds)) * stretch
            if end - beat - beats < 0.4:
                beats = end - beat
            pitch = _next_pitch(plan, rng, how, pitch, beat)
            notes.append(Note(beat * plan.beat_s, beats * plan.beat_s, pitch, 100))
            beat += beats
        rest = float(rng.choice([0.5, 1, 2, 4, 6], p=[0.3, 0.35, 0.2, 0.1, 0.05]))
        beat = np.ceil(beat * 2) / 2 + rest
    return notes


def _next_pitch(plan: Plan, rng: Rng, how: Manner, before: int, beat: float) -> int:
    low, high = max(before - 7, how.centre - how.reach), min(before + 8, how.centre + how.reach + 1)
    near = in_scale(plan, low, high) or [how.centre]
    if beat % 1 < 0.01 and rng.random() < 0.7:
        chord = {tone % 12 for tone in plan.chords[min(int(beat), len(plan.chords) - 1)]}
        near = [tone for tone in near if tone % 12 in chord] or near
    odds = np.array([np.exp(-abs(tone - before) / 2.5) for tone in near])
    odds[[tone == before for tone in near]] *= 0.6
    return int(rng.choice(near, p=odds / odds.sum()))


def harmony(plan: Plan, notes: list[Note], rng: Rng, steps: int) -> list[Note]:
    """Return `notes` about so many semitones away, in the key, and not quite together."""
    moved = []
    for note in notes:
        pitch = note.pitch + steps
        while steps % 12 and pitch % 12 not in plan.scale:
            pitch += 1
        start = max(note.start_s + rng.normal(0, 0.012), 0)
        moved.append(Note(start, note.length_s, pitch, note.velocity))
    return moved
