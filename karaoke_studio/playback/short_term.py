"""How loud it has been for the last three seconds: EBU R 128's short-term loudness.

The K weighting is laid over the spectra of short stretches, a tenth of a second at a time, so that
a window's thread is held for a fraction of a millisecond.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

StemArray = NDArray[np.float32]
#: What short-term loudness looks back on, and how often it is made anew.
WINDOW_S, STEP_S = 3.0, 0.1
#: The two filters of ITU-R BS.1770-4 at 48 kHz (b0, b1, b2, a1, a2): head and low cut.
_FILTERS = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
)
_FILTER_RATE = 48_000
#: What 0 LUFS is short of the mean square, by the same recommendation.
_OFFSET_DB = -0.691
#: Below this it is silent.
_FLOOR_LUFS = -70.0


class ShortTerm:
    """Loudness of the last three seconds of sound that comes in blocks; their sizes do not matter.

    Args:
        sample_rate: of the sound in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._step = max(1, round(STEP_S * sample_rate))
        self._held: StemArray = np.zeros((2, 2 * self._step), np.float32)
        self._filled = self._step
        self._taper = np.hanning(2 * self._step + 1)[:-1].astype(np.float32)
        self._weights = _weights(2 * self._step, sample_rate)
        self._powers: deque[float] = deque(maxlen=round(WINDOW_S / STEP_S))

    @property
    def lufs(self) -> float | None:
        """The loudness, None in silence."""
        if not self._powers:
            return None
        mean = sum(self._powers) / len(self._powers)
        lufs = _OFFSET_DB + 10 * math.log10(mean) if mean > 0 else -math.inf
        return lufs if lufs > _FLOOR_LUFS else None

    def add(self, block: StemArray) -> None:
        """Add float32 (2, frames), full scale = 1."""
        at = 0
        while at < block.shape[1]:
            count = min(block.shape[1] - at, self._held.shape[1] - self._filled)
            self._held[:, self._filled : self._filled + count] = block[:, at : at + count]
            self._filled += count
            at += count
            if self._filled == self._held.shape[1]:
                lines = np.fft.rfft(self._held * self._taper)
                power = np.square(lines.real) + np.square(lines.imag)
                self._powers.append(float((power @ self._weights).sum()))
                self._held[:, : self._step] = self._held[:, self._step :]
                self._filled = self._step


def _weights(window: int, sample_rate: int) -> NDArray[np.float64]:
    """Return what each line of a tapered spectrum adds to the mean square behind the filters."""
    hz = np.fft.rfftfreq(window, 1 / sample_rate)
    z = np.exp(-2j * np.pi * np.minimum(hz, _FILTER_RATE / 2) / _FILTER_RATE)
    gain = np.ones(len(hz))
    for b0, b1, b2, a1, a2 in _FILTERS:
        gain *= np.abs((b0 + b1 * z + b2 * z**2) / (1 + a1 * z + a2 * z**2)) ** 2
    twice = np.full(len(hz), 2.0)
    twice[0] = 1.0
    if window % 2 == 0:
        twice[-1] = 1.0
    # a hann window lets 3/8 of the power through
    weights: NDArray[np.float64] = gain * twice / (0.375 * window**2)
    return weights
