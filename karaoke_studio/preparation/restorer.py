"""Peaks that were cut off: made round again by the sparsest spectrum that goes through the rest.

FFmpeg's own `adeclip` needs up to 500 s for a minute of loudly clipped singing; this takes one.
Source: S. Kitić et al., "Consistent iterative hard thresholding for signal declipping", ICASSP
2013.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from karaoke_studio.preparation.blocks import FloatArray, framed, joined, root_hann, window_length

#: So near to full height counts as cut off.
_NEARLY = 0.999
#: Threshold in dB under the loudest partial, from the first round to the last.
_FROM_DB, _TO_DB, _ROUNDS = -6.0, -66.0, 20
#: Columns at once: about 25 MB.
_AT_ONCE = 512


class Declipper:
    """Restores blocks of a recording that was cut off.

    Args:
        sample_rate: of the recording.
        level: height at which it was cut off, full scale 1.
    """

    def __init__(self, sample_rate: int, level: float) -> None:
        self._level = np.float32(level * _NEARLY)
        self._length = window_length(sample_rate)
        self._window = root_hann(self._length)
        #: of silence on both sides, so that no edge is heard
        self.context = 2 * self._length

    def __call__(self, block: FloatArray) -> FloatArray:
        """Return float32 (frames, channels) of the same shape."""
        if not (np.abs(block) >= self._level).any():
            return block
        return np.stack([self._restored(channel) for channel in block.T], axis=1)

    def _restored(self, samples: FloatArray) -> FloatArray:
        is_cut = np.abs(samples) >= self._level
        if not is_cut.any():
            return samples
        hop = self._length // 2
        columns = framed(samples, self._length, hop)
        rows = np.flatnonzero((np.abs(columns) >= self._level).any(axis=1))
        windowed = columns * self._window
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            windowed[some] = self._sparse(windowed[some], np.abs(columns[some]) >= self._level)
        found = joined(windowed * self._window, hop, len(samples))
        return np.where(is_cut, found, samples)

    def _sparse(self, known: FloatArray, is_cut: NDArray[np.bool_]) -> FloatArray:
        """Return columns with few partials that are as known, and beyond where they were cut."""
        signs = np.sign(known)
        estimate = known
        loudest = np.abs(fft.rfft(known)).max(axis=1, keepdims=True)
        for threshold in np.geomspace(10 ** (_FROM_DB / 20), 10 ** (_TO_DB / 20), _ROUNDS):
            spectrum = fft.rfft(estimate)
            spectrum[np.abs(spectrum) < loudest * threshold] = 0
            guess = fft.irfft(spectrum, self._length)
            beyond = signs * np.maximum(signs * guess, signs * known)
            estimate = np.where(is_cut, beyond, known).astype(np.float32)
        return estimate
