"""Short-time Fourier transform on one fixed grid, so that blocks of any size give the same bits.

*Columns* are transform frames. Column k covers the samples [(k - 3) · hop, (k + 1) · hop) of the
song, and so the *segment* j, which is the samples [j · hop, (j + 1) · hop), is made of the columns
j … j + 3 and of nothing else. Windows are Hann twice (analysis and synthesis) at a hop of a
quarter, which sum to 1.5 everywhere: unchanged columns give the samples back, at the song's edges
too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.separation.engine import FloatArray

ComplexArray = NDArray[np.complex64]

#: Segments that one column reaches over.
OVERLAP = 4


@dataclass(frozen=True)
class Grid:
    """Transform length and hop.

    Attributes:
        n_fft: samples in a column; a power of two.
    """

    n_fft: int

    @staticmethod
    def for_rate(sample_rate: int, n_fft_at_44100: int = 4096) -> Grid:
        """Return the grid whose columns last as near as can be what they last at 44.1 kHz."""
        exponent = round(math.log2(n_fft_at_44100 * sample_rate / 44100))
        return Grid(2 ** max(exponent, 6))

    @property
    def hop(self) -> int:
        """Samples from column to column."""
        return self.n_fft // OVERLAP

    @property
    def bins(self) -> int:
        """Frequencies in a column."""
        return self.n_fft // 2 + 1

    @cached_property
    def window(self) -> FloatArray:
        """Periodic Hann window, scaled so that analysis and synthesis together sum to one."""
        phase = 2 * np.pi * np.arange(self.n_fft) / self.n_fft
        hann = 0.5 - 0.5 * np.cos(phase)
        return (hann * math.sqrt(1 / 1.5)).astype(np.float32)

    def segments(self, frames: int) -> int:
        """Return how many segments hold `frames` samples."""
        return -(-frames // self.hop)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the samples [start, stop) that the columns [first, last) look at."""
        return (first - OVERLAP + 1) * self.hop, last * self.hop

    def analyse(self, samples: FloatArray, windowed: FloatArray, out: ComplexArray) -> ComplexArray:
        """Transform consecutive columns.

        Args:
            samples: float32 (frames,), exactly the `span` of the columns.
            windowed: scratch, (columns, n_fft).
            out: (columns, bins).

        Returns:
            `out`.
        """
        strided = np.lib.stride_tricks.sliding_window_view(samples, self.n_fft)[:: self.hop]
        np.multiply(strided, self.window, out=windowed)
        # With its default norm numpy multiplies by an integer 1, and for that silently computes in
        # float64, at a third of the speed (numpy 2.4); its type stubs know float64 only.
        np.fft.rfft(windowed, norm="ortho", out=out)  # type: ignore[arg-type]
        return out

    def synthesise(self, columns: ComplexArray, scratch: FloatArray) -> FloatArray:
        """Turn consecutive columns back into the segments that they fully cover.

        Args:
            columns: (n, bins).
            scratch: (n, n_fft), overwritten.

        Returns:
            float32 ((n - 3) · hop,): the segments from the first column's own on.
        """
        return self.add_up(self.invert(columns, scratch))

    def invert(self, columns: ComplexArray, out: FloatArray) -> FloatArray:
        """Turn columns (n, bins) into windowed samples, `out` (n, n_fft)."""
        np.fft.irfft(columns, self.n_fft, norm="ortho", out=out)  # type: ignore[arg-type]
        out *= self.window
        return out

    def add_up(self, inverted: FloatArray) -> FloatArray:
        """Return the segments ((n - 3) · hop,) that consecutive inverted columns fully cover."""
        parts = inverted.reshape(-1, OVERLAP, self.hop)
        count = len(parts) - OVERLAP + 1
        # One order of addition for every block size: float32 sums depend on it.
        total = parts[:count, 3] + parts[1 : count + 1, 2]
        total += parts[2 : count + 2, 1]
        total += parts[3:, 0]
        return total.reshape(-1)
