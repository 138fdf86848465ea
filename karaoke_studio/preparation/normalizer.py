"""Level, channels and sample rate: loudness that is asked for, and no true peak above −1 dBTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from karaoke_studio.preparation.blocks import FloatArray, with_context

PEAK_DB = -1.0
#: What a rounding to 16 bits and the gain's own movement may add.
_MARGIN_DB = 0.1
#: How much finer true peaks are looked for. Source: ITU-R BS.1770-4, annex 2.
_FINER = 4
#: The limiter begins so long before a peak, and is back so long after it.
_AROUND_S = 0.03


def mixed_to(blocks: Iterable[FloatArray], channels: int) -> Iterator[FloatArray]:
    """Yield blocks (frames, channels) with one or two channels."""
    for block in blocks:
        if block.shape[1] == channels:
            yield block
        elif channels == 1:
            yield block.mean(axis=1, keepdims=True)
        else:
            yield np.repeat(block, 2, axis=1)


def resampled(
    blocks: Iterable[FloatArray], sample_rate: int, wanted: int, channels: int
) -> Iterator[FloatArray]:
    """Yield blocks (frames, channels) at another rate."""
    stream = soxr.ResampleStream(sample_rate, wanted, channels, "float32", "VHQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)


def limited(blocks: Iterable[FloatArray], sample_rate: int, gain_db: float) -> Iterator[FloatArray]:
    """Yield blocks (frames, channels) with a gain, their true peaks kept below `PEAK_DB`.

    Where nothing is too loud the gain is all that is done.
    """
    limiter = _Limiter(sample_rate)
    gain = np.float32(10 ** (gain_db / 20))
    return with_context((block * gain for block in blocks), limiter, limiter.context)


class _Limiter:
    """Turns all channels down around peaks, along a curve without corners."""

    def __init__(self, sample_rate: int) -> None:
        self._ceiling = 10 ** ((PEAK_DB - _MARGIN_DB) / 20)
        self._around = max(1, round(_AROUND_S * sample_rate))
        # the gain looks as far to both sides twice, the finer samples some more
        self.context = 2 * self._around + 256

    def __call__(self, block: FloatArray) -> FloatArray:
        peaks = self._true_peaks(block)
        if peaks.max(initial=0.0) <= self._ceiling:
            return block
        wanted = np.minimum(1.0, self._ceiling / np.maximum(peaks, 1e-9))
        # a mean of what are all minima around one place is not above what is wanted there
        least = minimum_filter1d(wanted, 2 * self._around + 1)
        half = self._around | 1
        gain = uniform_filter1d(uniform_filter1d(least, half), half)
        return np.asarray(block * gain[:, np.newaxis], np.float32)

    def _true_peaks(self, block: FloatArray) -> FloatArray:
        fine = soxr.resample(block, 1, _FINER, "HQ")
        missing = max(0, len(block) * _FINER - len(fine))
        heights = np.pad(np.abs(fine).max(axis=1), (0, missing))[: len(block) * _FINER]
        finest = heights.reshape(-1, _FINER).max(axis=1)
        return np.asarray(np.maximum(finest, np.abs(block).max(axis=1)), np.float32)
