"""What a band plays from: tempo, key, chords and style of a song, and notes in seconds."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.instant.store import LENGTH_S

_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)

#: Scale degrees of the chords of a turn.
_TURNS = (
    *((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 3, 4, 3), (0, 3, 0, 4), (1, 4, 0, 0)),
    *((0, 2, 3, 4), (3, 4, 2, 5), (0, 0, 3, 4), (0, 6, 3, 0), (5, 4, 3, 4), (0, 4, 3, 3)),
    *((0, 5, 1, 4), (3, 0, 4, 5), (0, 6, 5, 4), (0, 2, 5, 3), (5, 1, 4, 0), (0, 3, 6, 2)),
)

#: Beats of a section; odd sections use the second turn.
_SECTION_BEATS = 32

STYLES = ("pop", "rock", "electronic", "orchestra", "quiet")
_STYLE_ODDS = (0.42, 0.2, 0.13, 0.15, 0.1)


@dataclass(frozen=True)
class Note:
    """One key pressed; times in seconds."""

    start_s: float
    length_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Plan:
    """A song before anyone plays it.

    Attributes:
        style: one of `STYLES`.
        bpm: beats per minute.
        scale: the seven pitch classes of the key.
        chords: three rising pitches for each beat, the root of the first octave first.
        swing: share of half a beat by which off-beats come late.
    """

    style: str
    bpm: float
    scale: tuple[int, ...]
    chords: tuple[tuple[int, int, int], ...]
    swing: float

    @property
    def beat_s(self) -> float:
        """Seconds from beat to beat."""
        return 60 / self.bpm

    def to_facts(self) -> dict[str, Any]:
        """Return the plan as it goes into a card."""
        return asdict(self)

    @staticmethod
    def from_facts(facts: dict[str, Any]) -> "Plan":
        """Return the plan that was made into `facts`."""
        chords = tuple((int(a), int(b), int(c)) for a, b, c in facts["chords"])
        return Plan(facts["style"], facts["bpm"], tuple(facts["scale"]), chords, facts["swing"])


def compose(rng: np.random.Generator) -> Plan:
    """Return a new song."""
    style = str(rng.choice(STYLES, p=_STYLE_ODDS))
    low, high = {"orchestra": (50, 120), "quiet": (60, 110), "electronic": (90, 172)}.get(
        style, (66, 165)
    )
    bpm = float(rng.uniform(low, high))
    key = int(rng.integers(12))
    steps = _MINOR if rng.random() < 0.45 else _MAJOR
    turns = [_TURNS[rng.integers(len(_TURNS))] for _ in range(2)]
    per_chord = int(rng.choice([2, 4, 4, 4, 8]))
    chords = []
    for beat in range(int(LENGTH_S * bpm / 60) + 2):
        turn = turns[beat // _SECTION_BEATS % 2]
        degree = turn[beat // per_chord % len(turn)]
        first, third, fifth = (
            key + steps[(degree + k) % 7] + 12 * ((degree + k) // 7) for k in (0, 2, 4)
        )
        chords.append((first, third, fifth))
    swing = float(rng.choice([0, 0, 0, 0.16])) if style != "orchestra" else 0.0
    return Plan(style, bpm, tuple((key + step) % 12 for step in steps), tuple(chords), swing)


def octave(pitch: int, low: int) -> int:
    """Move `pitch` by octaves into [low, low + 12)."""
    return low + (pitch - low) % 12


def in_scale(plan: Plan, low: int, high: int) -> list[int]:
    """Return the pitches of the key from `low` up to and without `high`."""
    return [pitch for pitch in range(low, high) if pitch % 12 in plan.scale]
