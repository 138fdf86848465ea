"""Key and tempo of a song as it is played: plain values, one law for player and export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_SEMITONES = 12.0
SLOWEST, FASTEST = 0.5, 1.5


@dataclass(frozen=True)
class Tune:
    """How a song is moved away from how it was recorded.

    Attributes:
        semitones: up, or down below 0; −12…12, cents are hundredths.
        tempo: of the recording's own, 0.5…1.5.
        keeps_formants: voices keep their character when the key moves.
    """

    semitones: float = 0.0
    tempo: float = 1.0
    keeps_formants: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing is moved."""
        return self.semitones == 0.0 and self.tempo == 1.0

    @property
    def pitch_scale(self) -> float:
        """Every frequency is multiplied by this."""
        return float(2 ** (self.semitones / 12))

    def to_plain(self) -> dict[str, Any]:
        """Return the object that a song keeps."""
        return {
            "semitones": self.semitones,
            "tempo": self.tempo,
            "keeps_formants": self.keeps_formants,
        }

    @staticmethod
    def from_plain(data: dict[str, Any]) -> Tune:
        """Rebuild from `to_plain`'s object.

        Raises:
            ValueError: a number is out of range.
            KeyError, TypeError: it is no such object.
        """
        semitones, tempo = float(data["semitones"]), float(data["tempo"])
        if not (abs(semitones) <= MOST_SEMITONES and SLOWEST <= tempo <= FASTEST):
            raise ValueError(f"out of range: {data}")
        return Tune(semitones, tempo, bool(data["keeps_formants"]))


#: As the song was recorded.
AS_RECORDED = Tune()
