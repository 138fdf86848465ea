"""Waveforms of a song that is still being separated, column by column as they become ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.peaks import LEVELS
from karaoke_studio.audio.raw import RawFile

#: Frames of a column: the middle level of a peaks file.
STEP = LEVELS[1]
#: Samples are told as whole numbers of this full scale.
FULL_SCALE = 127
_INTERVAL_S = 0.1
_BATCH = 64


class LivePeaks:
    """Reads back what an engine has written and tells its waveform, at most ten times a second.

    Args:
        original: the staged song.
        vocals: the staged vocals, being written.
        tell: given {"peaks": {"first": column, "vocals": [minima, maxima], "instrumental": …}},
            whole numbers of ±`FULL_SCALE` for columns of `STEP` frames.
    """

    def __init__(
        self, original: RawFile, vocals: RawFile, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._original, self._vocals, self._tell = original, vocals, tell
        self._frames = original.frames
        self._missing = np.full(-(-self._frames // STEP), STEP, np.int64)
        if self._frames % STEP:
            self._missing[-1] = self._frames % STEP
        self._waiting: list[int] = []
        self._told_s = 0.0

    def add(self, start: int, stop: int) -> None:
        """Take frames start…stop, written now; every frame comes once."""
        columns = np.arange(start // STEP, -(-stop // STEP))
        inside = np.minimum((columns + 1) * STEP, stop) - np.maximum(columns * STEP, start)
        self._missing[columns] -= inside
        self._waiting += columns[self._missing[columns] <= 0].tolist()
        if time.perf_counter() - self._told_s >= _INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Tell what is ready and has not been told."""
        waiting, self._waiting = sorted(self._waiting), []
        while waiting:
            run = 1
            while run < min(len(waiting), _BATCH) and waiting[run] == waiting[0] + run:
                run += 1
            self._tell({"peaks": self._measure(waiting[0], waiting[0] + run)})
            del waiting[:run]
        self._told_s = time.perf_counter()

    def _measure(self, first: int, last: int) -> dict[str, Any]:
        start, stop = first * STEP, min(last * STEP, self._frames)
        vocals = self._vocals.read(start, stop)
        music = self._original.read(start, stop) - vocals
        return {"first": first, "vocals": _extremes(vocals), "instrumental": _extremes(music)}


def _extremes(block: NDArray[np.float32]) -> list[list[int]]:
    """Return minima and maxima of each column of float32 (frames, channels)."""
    # All channels of a column follow each other: one pass over them, where a minimum over the
    # channels first would take forty times as long.
    samples = block.reshape(-1)
    marks = np.arange(0, samples.size, STEP * block.shape[1])
    both = []
    for extreme in (np.minimum, np.maximum):
        values = extreme.reduceat(samples, marks)
        both.append(np.rint(np.clip(values, -1, 1) * FULL_SCALE).astype(int).tolist())
    return both
