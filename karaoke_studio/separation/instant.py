"""The built-in engine that needs no download: takes every song, however narrow.

The mask is c⁸ · tonal · (new · tuned)ʷ: the centre similarity c of `centre.py` and what one channel
says, `cues.py`. Wide songs have w = 0: their centre less its drums. The narrower a song, the less
the centre tells and the more the rest counts; for mono c is 1.
"""

from __future__ import annotations

import math

import numpy as np

from karaoke_studio.separation.centre import CentreMask, band_gain
from karaoke_studio.separation.cues import Cues
from karaoke_studio.separation.engine import (
    Check,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)
from karaoke_studio.separation.stft import OVERLAP, Grid

#: Side ratios from which on w is 0, and up to which it is at its most.
WIDE, NARROW = 0.2, 0.02

#: The greatest w. Measured on two mixes made narrower step by step, the best w is 0 at a side ratio
#: of 0.2 and above, 0.25 at 0.13, 0.5 at 0.065 and between 0.5 and 0.75 at 0.01, all with optima so
#: flat that the line from `WIDE` to `NARROW` over the logarithm loses 0.2 dB at most.
_MOST = 0.75

#: Segments masked at a time, and how many such blocks have their surroundings held at once (12 s).
_COUNT, _HELD_BLOCKS = 128, 4


def cue_weight(side_ratio: float) -> float:
    """Return how much the one-channel cues count for a song of that width."""
    narrowness = math.log(WIDE / max(side_ratio, NARROW)) / math.log(WIDE / NARROW)
    return _MOST * max(narrowness, 0.0)


class InstantEngine:
    """Centre and one-channel cues, weighted by the width of the song; never refuses one."""

    name = "instant"
    sample_rate = None

    def __init__(self, *, count: int = _COUNT) -> None:
        """Set the segments masked at a time."""
        self._count = count
        self._held = count * _HELD_BLOCKS

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        """Write the vocals of `source`; see `Engine.separate`."""
        weight = cue_weight(0.0 if source.channels == 1 else facts.side_ratio)
        grid = Grid.for_rate(source.sample_rate)
        centre = CentreMask(grid, band_gain(grid, source.sample_rate), self._count)
        cues = Cues(source, grid, centre.high, weight)
        segments = grid.segments(source.frames)
        for held in range(0, segments, self._held):
            end = min(held + self._held, segments)
            cues.hold(held, held + self._held + OVERLAP - 1, check)
            for first in range(held, end, self._count):
                check()
                share = cues.share(first, first + self._count + OVERLAP - 1)
                vocals = centre.vocals(source, first, share[:, centre.low :])
                start = first * grid.hop
                stop = min(start + self._count * grid.hop, source.frames)
                sink.write(
                    start,
                    np.broadcast_to(vocals[: stop - start], (source.channels, stop - start)),
                )
                report(stop / source.frames)
