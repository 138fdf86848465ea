"""How a line is sung: when each phone sounds, and on which pitch.

Vowels start on their notes; consonants keep about their spoken length and stand before them.
"""

from dataclasses import dataclass, replace

import numpy as np
import score
from scipy.ndimage import gaussian_filter1d
from speech import FRAME_S, Phone, Speech, Syllable

SHORTEST_VOWEL_S = 0.12
BREATH_S = 0.14

# Shortest and longest time in seconds of a consonant before (onset) and after (coda) a vowel.
ONSET_S = {
    "s": (0.09, 0.14),
    "sh": (0.09, 0.14),
    "f": (0.07, 0.11),
    "hh": (0.05, 0.09),
    "t": (0.06, 0.10),
    "k": (0.06, 0.10),
    "p": (0.06, 0.10),
    "b": (0.05, 0.08),
    "d": (0.04, 0.08),
    "dh": (0.035, 0.06),
    "v": (0.05, 0.08),
    "z": (0.06, 0.09),
    "m": (0.06, 0.09),
    "n": (0.05, 0.08),
    "l": (0.06, 0.09),
    "w": (0.06, 0.09),
    "y": (0.04, 0.07),
    "r": (0.05, 0.08),
}
CODA_S = {
    "n": (0.07, 0.20),
    "ng": (0.09, 0.24),
    "m": (0.08, 0.22),
    "l": (0.07, 0.13),
    "r": (0.08, 0.16),
    "z": (0.06, 0.10),
    "s": (0.08, 0.12),
    "t": (0.07, 0.11),
    "d": (0.06, 0.10),
    "k": (0.07, 0.11),
    "v": (0.05, 0.08),
    "dh": (0.05, 0.08),
}


@dataclass(frozen=True)
class Sung:
    """A phone in the song: from `start` to `end` seconds it sounds like `source` of line `line`."""

    name: str
    kind: str
    start: float
    end: float
    source: Phone
    line: int
    syllable: int
    word_number: int


@dataclass(frozen=True)
class Style:
    """How one voice sings: seed, level of looseness, and what it does with the pitch."""

    seed: int
    timing_s: float = 0.0
    detune_cents: float = 0.0
    vibrato_cents: float = 32.0
    formant: float = 1.0
    breathiness: float = 0.0
    use_harmony: bool = False
    breaths: bool = False
    softened_db: float = 0.0
    sections: tuple[str, ...] = ("verse", "chorus")


@dataclass(frozen=True)
class Job:
    """A syllable with the time it may take: `start` and `end` of its notes in seconds."""

    line: int
    number: int
    syllable: Syllable
    start: float
    end: float
    is_last: bool


def plan(speeches: list[Speech], style: Style) -> list[Sung]:
    """Lay the phones of all lines along the notes; vowels start on the notes."""
    rng = np.random.default_rng(style.seed)
    jobs = []
    for number, line in enumerate(score.LINES):
        notes = line.harmony if style.use_harmony else line.notes
        if not notes or line.section not in style.sections:
            continue
        syllables = speeches[number].syllables
        if len(syllables) != len(notes):
            raise ValueError(f"{line.text!r}: {len(syllables)} syllables, {len(notes)} notes")
        for at, (syllable, tied) in enumerate(zip(syllables, notes, strict=True)):
            start = tied[0].start_s + style.timing_s * rng.standard_normal()
            is_last = at == len(notes) - 1
            jobs.append(Job(number, at, syllable, start, tied[-1].end_s, is_last))
    return _fit(jobs)


def _limits(phones: tuple[Phone, ...], table: dict[str, tuple[float, float]]) -> list[float]:
    return [
        float(np.clip(phone.end - phone.start, *table.get(phone.name, (0.05, 0.1))))
        for phone in phones
    ]


def _fit(jobs: list[Job]) -> list[Sung]:
    """Give each phone its time, shrinking consonants where the notes leave too little room."""
    onsets = [_limits(job.syllable.onset, ONSET_S) for job in jobs]
    codas = [_limits(job.syllable.coda, CODA_S) for job in jobs]
    sung: list[Sung] = []
    for k, job in enumerate(jobs):
        end = job.end
        if k + 1 < len(jobs):
            pause = BREATH_S if job.is_last else 0.0
            room = jobs[k + 1].start - job.start - pause - SHORTEST_VOWEL_S
            shrink = np.clip(room / max(sum(codas[k]) + sum(onsets[k + 1]), 1e-6), 0.5, 1.0)
            codas[k] = [length * shrink for length in codas[k]]
            onsets[k + 1] = [length * shrink for length in onsets[k + 1]]
            end = min(end, jobs[k + 1].start - sum(onsets[k + 1]) - pause)
        coda_start = end - sum(codas[k])
        sung += _lay(job, "onset", job.syllable.onset, job.start - sum(onsets[k]), onsets[k])
        sung += _lay(job, "nucleus", (job.syllable.nucleus,), job.start, [coda_start - job.start])
        sung += _lay(job, "coda", job.syllable.coda, coda_start, codas[k])
    return sung


def _lay(
    job: Job, kind: str, phones: tuple[Phone, ...], clock: float, lengths: list[float]
) -> list[Sung]:
    """Put phones one after the other from `clock` on."""
    laid = []
    for phone, length in zip(phones, lengths, strict=True):
        place = (job.line, job.number, job.syllable.word_number)
        laid.append(Sung(phone.name, kind, clock, clock + length, phone, *place))
        clock += length
    return laid


def pitch_curve(style: Style, frames: int) -> np.ndarray:
    """MIDI pitch for each frame: glides between notes, vibrato on long ones, a little drift."""
    rng = np.random.default_rng(style.seed + 1)
    times = np.arange(frames) * FRAME_S
    notes = []
    for line in score.LINES:
        chosen = line.harmony if style.use_harmony else line.notes
        notes += [(note, tied[0] is note, s == 0) for s, tied in enumerate(chosen) for note in tied]
    target = np.full(frames, float(notes[0][0].midi))
    for note, _, _ in notes:
        target[times >= note.start_s - 0.02] = note.midi
    curve = gaussian_filter1d(target, 0.022 / FRAME_S)
    cents = np.zeros(frames)
    for number, (note, is_attack, is_first) in enumerate(notes):
        end = note.end_s
        if number + 1 < len(notes):
            end = min(end, notes[number + 1][0].start_s)
        inside = (times >= note.start_s - 0.15) & (times < end)
        since = times[inside] - note.start_s
        left = end - times[inside]
        if is_attack and (is_first or rng.random() < 0.25):
            depth = rng.uniform(50, 110) if is_first else rng.uniform(25, 50)
            cents[inside] -= depth * np.exp(-np.maximum(since + 0.05, 0) / 0.05)
        if end - note.start_s > 0.5:
            rate_hz = rng.uniform(5.2, 5.7)
            depth = style.vibrato_cents * rng.uniform(0.8, 1.15)
            swell = np.clip((since - 0.28) / 0.45, 0, 1) * np.clip(left / 0.12, 0, 1)
            sway = np.cumsum(rate_hz * (1 + 0.06 * np.clip(since, 0, 2))) * FRAME_S
            cents[inside] += depth * swell * np.sin(2 * np.pi * sway + rng.uniform(0, 6.28))
    cents += 5.0 * wander(rng, frames, 0.16) + 1.8 * wander(rng, frames, 0.012)
    cents += style.detune_cents + 0.5 * abs(style.detune_cents) * wander(rng, frames, 0.4)
    return curve + cents / 100


def wander(rng: np.random.Generator, frames: int, width_s: float) -> np.ndarray:
    """Smooth random curve with variance 1 that changes within about `width_s` seconds."""
    curve = gaussian_filter1d(rng.standard_normal(frames), width_s / FRAME_S)
    return curve / curve.std()


def double(style: Style, number: int) -> Style:
    """A second take of the same singer: looser, slightly detuned, softer in colour."""
    side = 1 if number % 2 else -1
    return replace(
        style,
        seed=style.seed + 100 * (number + 1),
        timing_s=0.012,
        detune_cents=7.0 * side,
        vibrato_cents=style.vibrato_cents * 0.7,
        formant=1.0 + 0.015 * side,
        breathiness=0.05,
        breaths=False,
        softened_db=9.0,
        sections=("chorus",),
    )


def harmony(style: Style) -> Style:
    """The second part of the chorus, sung by a slightly darker voice."""
    return replace(
        style,
        seed=style.seed + 900,
        timing_s=0.008,
        vibrato_cents=style.vibrato_cents * 0.8,
        formant=0.97,
        breathiness=0.04,
        use_harmony=True,
        breaths=False,
        softened_db=9.0,
        sections=("chorus",),
    )


def audible_start(phone: Sung) -> float:
    """When a phone is first heard: a stop begins with silence before its burst."""
    closure = {"t": 0.5, "k": 0.5, "p": 0.5}.get(phone.name, 0.0)
    return phone.start + closure * (phone.end - phone.start)
