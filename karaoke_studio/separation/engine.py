"""What an engine is: it reads a song, writes its vocals, and knows nothing of files or windows.

An engine never computes the instrumental: that is the original minus the vocals, made once, in
integers, where the pair is written. Torch, Demucs and numpy-only engines all look the same here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

ReportFraction = Callable[[float], None]
Check = Callable[[], None]


class SampleReader(Protocol):
    """A song that can be read anywhere, in any order."""

    @property
    def channels(self) -> int:
        """Return 1 or 2."""
        ...

    @property
    def frames(self) -> int:
        """Return the length of the song."""
        ...

    @property
    def sample_rate(self) -> int:
        """Return the frames per second."""
        ...

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 (channels, stop - start), zeros where the range leaves the song."""
        ...


class VocalsWriter(Protocol):
    """Takes the vocals, block by block, in any order, each frame exactly once."""

    def write(self, start: int, block: FloatArray) -> None:
        """Take float32 (channels, n) for the frames from `start` on, all within the song."""
        ...


@dataclass(frozen=True)
class SongFacts:
    """What the import pass learned about the song.

    Attributes:
        rms: level of the 44.1 kHz mono (mean of the channels); full scale is 1.
        peak: largest magnitude of any channel.
        mean: mean of the 44.1 kHz mono.
        std: standard deviation of the 44.1 kHz mono.
        side_ratio: rms(L - R) / rms(L + R); 0 for mono.
    """

    rms: float
    peak: float
    mean: float
    std: float
    side_ratio: float


class Engine(Protocol):
    """Separates one song."""

    @property
    def name(self) -> str:
        """Return its stable name, as in `karaoke_studio.job.ENGINES`."""
        ...

    @property
    def sample_rate(self) -> int | None:
        """Return the Hz that it works at, or None when it takes any rate."""
        ...

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        """Write the vocals of `source` to `sink`, with memory that does not grow with the song.

        Args:
            source: the song; when `sample_rate` is not None it has that rate.
            sink: where the vocals go, with the song's channels and frames.
            facts: levels and width of the song.
            report: called with the fraction that is done, never falling, 1.0 at the end.
            check: called at least every 0.2 s of work; raises when the person has cancelled.

        Raises:
            Cancelled: from `check`; nothing is cleaned up here, staging belongs to the caller.
        """
        ...


def _make_centre() -> Engine:
    from karaoke_studio.separation.centre import CentreEngine

    return CentreEngine()


def _make_instant() -> Engine:
    from karaoke_studio.separation.instant import InstantEngine

    return InstantEngine()


#: Name → maker. Makers import late, so that a child loads only the engine it runs.
ENGINES: dict[str, Callable[[], Engine]] = {"centre": _make_centre, "instant": _make_instant}


def resolve_engine(name: str) -> str:
    """Turn "auto" into the best engine that is there; other names stay as they are."""
    return "instant" if name == "auto" else name
