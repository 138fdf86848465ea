"""The spectrum that goes into a hybrid Demucs, and the samples that come of the one it makes.

The same columns as upstream's `_spec` and `_ispec`: a hop of a quarter, Hann windows, the song
mirrored at both ends by one and a half hops, the topmost bin left out. In numpy, for runtimes that
have no such transform.

Source: https://github.com/adefossez/demucs/blob/v4.1.0/demucs/htdemucs.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from karaoke_studio.separation.engine import FloatArray

_OVERLAP = 4
#: What the squares of four overlapping Hann windows add up to.
_WINDOW_SUM = np.float32(1.5)


@dataclass(frozen=True)
class Spectra:
    """Spectra of chunks of one length.

    Attributes:
        n_fft: samples in a column; a multiple of 8.
        frames: in a chunk; more than one and a half hops.
    """

    n_fft: int
    frames: int

    @property
    def hop(self) -> int:
        """Samples from column to column."""
        return self.n_fft // _OVERLAP

    @property
    def columns(self) -> int:
        """Columns of a chunk."""
        return -(-self.frames // self.hop)

    @property
    def bins(self) -> int:
        """Frequencies of a column."""
        return self.n_fft // 2

    @cached_property
    def _window(self) -> FloatArray:
        phase = 2 * np.pi * np.arange(self.n_fft) / self.n_fft
        return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

    @property
    def _margin(self) -> int:
        return self.hop // 2 * 3

    def analyse(self, samples: FloatArray) -> FloatArray:
        """Return the spectrum of a chunk.

        Args:
            samples: float32 (channels, frames).

        Returns:
            float32 (2 · channels, bins, columns): the real and the imaginary part of each channel
            in turn.
        """
        behind = self._margin + self.columns * self.hop - self.frames
        padded = np.pad(samples, ((0, 0), (self._margin, behind)), "reflect")
        strided = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, axis=1)
        windowed = strided[:, :: self.hop][:, : self.columns] * self._window
        # numpy's default norm computes in float64
        found = np.fft.rfft(windowed, norm="ortho")[..., : self.bins]
        parts = np.stack([found.real, found.imag], axis=1)  # (channels, 2, columns, bins)
        swapped = parts.reshape(-1, self.columns, self.bins).transpose(0, 2, 1)
        return np.ascontiguousarray(swapped, np.float32)

    def synthesise(self, spectrum: FloatArray) -> FloatArray:
        """Return the samples of a spectrum.

        Args:
            spectrum: float32 (2 · channels, bins, columns), as `analyse` returns it.

        Returns:
            float32 (channels, frames).
        """
        channels = len(spectrum) // 2
        parts = spectrum.reshape(channels, 2, self.bins, self.columns).transpose(0, 1, 3, 2)
        whole = np.zeros((channels, self.columns, self.bins + 1), np.complex64)
        whole.real[..., : self.bins] = parts[:, 0]
        whole.imag[..., : self.bins] = parts[:, 1]
        columns = np.fft.irfft(whole, self.n_fft, norm="ortho").astype(np.float32, copy=False)
        columns *= self._window / _WINDOW_SUM
        pieces = columns.reshape(channels, self.columns, _OVERLAP, self.hop)
        total = np.zeros((channels, self.columns + _OVERLAP - 1, self.hop), np.float32)
        for place in range(_OVERLAP):
            total[:, place : place + self.columns] += pieces[:, :, place]
        return total.reshape(channels, -1)[:, self._margin : self._margin + self.frames]
