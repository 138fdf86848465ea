"""A fix: one stretch of a song, and what is to become of the voice in it. Plain values only.

What does not belong to the voice afterwards belongs to the music, so a fix never says anything
about the music.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1
#: Whose sound a stroke of the brush takes away.
TO_MUSIC, TO_VOICE = "music", "voice"
#: The shortest stretch that can be fixed.
LEAST_S = 0.1
MOST_STROKES, MOST_POINTS = 500, 2000


@dataclass(frozen=True)
class Stroke:
    """One stroke of the brush over the spectrogram.

    Attributes:
        to: `TO_MUSIC` gives what lies under it to the music, `TO_VOICE` to the voice.
        strength: which share of it, 0…1.
        radius_s: half the width of the brush, in seconds.
        radius_octaves: half its height.
        points: (frame of the song, Hz) in the order in which they were drawn.
    """

    to: str
    strength: float
    radius_s: float
    radius_octaves: float
    points: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        if self.to not in {TO_MUSIC, TO_VOICE} or not 0 <= self.strength <= 1:
            raise ValueError(f"a stroke to {self.to} of strength {self.strength}")
        if not (self.radius_s > 0 and self.radius_octaves > 0):
            raise ValueError("a brush without size")
        if not 1 <= len(self.points) <= MOST_POINTS or any(hz <= 0 for _, hz in self.points):
            raise ValueError("a stroke of no points, or of too many")


@dataclass(frozen=True)
class Fix:
    """One edit of a take, made in this order: redo, range, strength, strokes.

    Attributes:
        take_id: the take that it is made of, which stays as it is.
        start: first frame of the stretch.
        stop: frame after its last.
        redo: the job's engine makes the voice anew; else it is the take's.
        low_hz: what lies below is no voice; None = anything may be.
        high_hz: what lies above is no voice.
        strength: −1…1; how much more or less of the song counts as voice where it is in doubt.
        strokes: of the brush.
    """

    take_id: str
    start: int
    stop: int
    redo: bool = False
    low_hz: float | None = None
    high_hz: float | None = None
    strength: float = 0.0
    strokes: tuple[Stroke, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"a stretch from {self.start} to {self.stop}")
        low, high = self.low_hz, self.high_hz
        if any(hz is not None and not hz > 0 for hz in (low, high)):
            raise ValueError(f"a voice from {low} to {high} Hz")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"a voice from {low} to {high} Hz")
        if not -1 <= self.strength <= 1 or len(self.strokes) > MOST_STROKES:
            raise ValueError("a fix out of all measure")

    @property
    def reshapes(self) -> bool:
        """Whether the voice is changed beyond being made anew."""
        bounds = self.low_hz is not None or self.high_hz is not None
        return bounds or self.strength != 0 or bool(self.strokes)

    @property
    def does_something(self) -> bool:
        """Whether anything is changed at all."""
        return self.redo or self.reshapes

    def to_json(self) -> dict[str, Any]:
        """Return the plain object that manifests and the job store keep."""
        return {"version": VERSION, **asdict(self)}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Fix:
        """Rebuild a fix from `to_json`'s object.

        Raises:
            ValueError: it is of a newer version, or no fix.
        """
        values = dict(data)
        if values.pop("version", None) != VERSION:
            raise ValueError("a fix of a newer version")
        strokes = tuple(
            Stroke(**{**stroke, "points": tuple((int(at), float(hz)) for at, hz in points)})
            for stroke in values.pop("strokes", ())
            for points in [stroke["points"]]
        )
        return Fix(**values, strokes=strokes)
