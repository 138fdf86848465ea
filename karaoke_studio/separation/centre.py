"""The plain built-in engine: keeps as vocals what sounds alike on both sides.

Singers are mixed to the centre, most of a band is not. For each frequency and moment the *centre
similarity* c = (|M|² − |S|²) / (|M|² + |S|²) of mid and side, smoothed over 3 columns × 5 bins,
raised to the eighth power, is the share of the mid that is handed to the vocals. What lies below
the voice range (bass, bass drum) stays with the music: worth more than any further mask.

Source: D. Barry, B. Lawlor, E. Coyle, "Sound source separation: azimuth discrimination and
resynthesis", DAFx 2004, for the idea; constants by measurement (tests/separation).
"""

from __future__ import annotations

import numpy as np

from karaoke_studio.separation.engine import (
    Check,
    FloatArray,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)
from karaoke_studio.separation.stft import OVERLAP, ComplexArray, Grid

#: Lowest note that counts as voice, unless said otherwise.
VOICE_FLOOR_HZ = 150.0

#: Above this, sound stays with the music: cymbals are there, and hardly any voice.
VOICE_CEILING_HZ = 16000.0

#: Power that counts as nothing: 40 dB below the last bit of 24 (transforms are orthonormal).
_SILENCE = np.float32(1e-19)

#: Segments in a block: the working set stays near the second-level cache.
_BLOCK_SAMPLES = 64 * 1024


def band_gain(grid: Grid, sample_rate: int, floor_hz: float = VOICE_FLOOR_HZ) -> FloatArray:
    """Return the share of each bin that may be voice: 0 outside the range, soft at its edges.

    Returns:
        float32 (bins,), 0…1.
    """
    hz = np.arange(grid.bins) * (sample_rate / grid.n_fft)
    rising = np.clip((hz / floor_hz - 0.8) / 0.4, 0, 1)
    falling = np.clip((VOICE_CEILING_HZ * 1.03 - hz) / (VOICE_CEILING_HZ * 0.06), 0, 1)
    gain: FloatArray = (np.sin(0.5 * np.pi * np.minimum(rising, falling)) ** 2).astype(np.float32)
    return gain


class CentreEngine:
    """Centre-similarity mask on the mid; the vocals are mono in all channels."""

    name = "centre"
    sample_rate = None

    def __init__(
        self, *, voice_floor_hz: float = VOICE_FLOOR_HZ, block_samples: int = _BLOCK_SAMPLES
    ) -> None:
        """Set the voice range (150 Hz default, 110 deep, 220 high) and the samples in a block."""
        self._voice_floor_hz = voice_floor_hz
        self._block_samples = block_samples

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        """Write the centre of `source`; see `Engine.separate`."""
        grid = Grid.for_rate(source.sample_rate)
        gain = band_gain(grid, source.sample_rate, self._voice_floor_hz)
        count = max(self._block_samples // grid.hop, 1)
        masker = CentreMask(grid, gain, count)
        for first in range(0, grid.segments(source.frames), count):
            check()
            start = first * grid.hop
            stop = min(start + count * grid.hop, source.frames)
            vocals = masker.vocals(source, first)[: stop - start]
            sink.write(start, np.broadcast_to(vocals, (source.channels, stop - start)))
            report(stop / source.frames)


class CentreMask:
    """Computes blocks of vocals from the centre; holds all the memory that it needs.

    Attributes:
        low: first bin of the voice range.
        high: one past its last bin.
    """

    def __init__(self, grid: Grid, gain: FloatArray, count: int) -> None:
        """Prepare for blocks of `count` segments with the band `gain` (bins,)."""
        self._grid = grid
        self._count = count
        heard = np.flatnonzero(gain)
        # Bins outside the band are never computed; inside, powers keep two bins of margin.
        self.low = max(int(heard[0]), 2)
        self.high = min(int(heard[-1]) + 1, grid.bins - 2)
        self._gain = gain[self.low : self.high]
        columns = count + OVERLAP - 1 + 2
        self._windowed = np.empty((columns, grid.n_fft), np.float32)
        self._mid = np.empty((columns, grid.bins), np.complex64)
        self._side = np.empty((columns, grid.bins), np.complex64)
        wide = self.high - self.low + 4
        self._powers = np.empty((4, columns, wide), np.float32)

    def vocals(self, source: SampleReader, first: int) -> FloatArray:
        """Return the vocals of the segments from `first` on.

        Args:
            source: the song.
            first: segment.

        Returns:
            float32 (count · hop,).
        """
        grid, count = self._grid, self._count
        start, stop = grid.span(first - 1, first + count + OVERLAP)
        samples = source.read(start, stop)
        left, right = samples[0], samples[-1]
        half = np.float32(0.5)
        mid = grid.analyse((left + right) * half, self._windowed, self._mid)
        side = grid.analyse((left - right) * half, self._windowed, self._side)
        mask = self._similarity(mid, side)
        mask *= mask
        mask *= mask
        mask *= mask
        mask *= self._gain
        kept = mid[1:-1]
        kept[:, : self.low] = 0
        kept[:, self.high :] = 0
        band = kept[:, self.low : self.high]
        band.real *= mask
        band.imag *= mask
        return grid.synthesise(kept, self._windowed[1:-1])

    def _similarity(self, mid: ComplexArray, side: ComplexArray) -> FloatArray:
        """Return c, 0…1 (anti-phase counts as 0), for all columns but the outer two."""
        above, below, scratch, spare = self._powers
        band = slice(self.low - 2, self.high + 2)
        _power(mid[:, band], above, scratch)
        _power(side[:, band], below, scratch)
        total = np.add(above, below, out=scratch)
        difference = np.subtract(above, below, out=above)
        norm = _smooth(total, below, spare)
        c = _smooth(difference, below, scratch)
        norm += _SILENCE
        c /= norm
        return np.maximum(c, 0, out=c)


def _power(spectrum: ComplexArray, out: FloatArray, scratch: FloatArray) -> None:
    np.multiply(spectrum.real, spectrum.real, out=out)
    np.multiply(spectrum.imag, spectrum.imag, out=scratch)
    out += scratch


def _smooth(power: FloatArray, columns: FloatArray, out: FloatArray) -> FloatArray:
    """Sum 3 columns × 5 bins into `out`; return the part of it that is not margin."""
    rows, bins = len(power) - 2, power.shape[1] - 4
    columns = np.add(power[:-2], power[1:-1], out=columns[:rows])
    columns += power[2:]
    total = np.add(columns[:, :bins], columns[:, 1 : bins + 1], out=out[:rows, :bins])
    for shift in (2, 3, 4):
        total += columns[:, shift : bins + shift]
    return total
