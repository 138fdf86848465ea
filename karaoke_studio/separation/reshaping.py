"""Gives parts of a voice to the music and back, in the spectrum: range, strength and the brush.

Only the difference is transformed back and added to the voice, so where nothing is changed not one
bit is. The voice may take nothing but what is in the song: what it gains the music loses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.fixes import TO_MUSIC, Fix, Stroke
from karaoke_studio.separation.engine import FloatArray, SampleReader
from karaoke_studio.separation.stft import OVERLAP, Grid

Check = Callable[[], None]
Spectrum = NDArray[np.complex64]

#: Columns of 46 ms: fine enough to tell the tones of a voice, short enough to tell its syllables.
_N_FFT_AT_44100 = 2048
_SEGMENTS = 64
#: How far a range's edge reaches, in octaves.
_EDGE_OCTAVES = 1 / 3
#: Below this all frequencies count as one.
_LOWEST_HZ = 10.0
#: Within this share of the brush's radius its stroke has its full strength.
_CORE = 0.5


class Reshaper:
    """Reshapes the voice of a clip.

    Args:
        fix: what is to be done; its frames are those of the song.
        offset: frame of the song at which the clip begins.
        sample_rate: of both, in Hz.
    """

    def __init__(self, fix: Fix, offset: int, sample_rate: int) -> None:
        self._fix, self._offset, self._rate = fix, offset, sample_rate
        self._grid = Grid.for_rate(sample_rate, _N_FFT_AT_44100)
        hz = np.arange(self._grid.bins) * (sample_rate / self._grid.n_fft)
        self._octaves = np.log2(np.maximum(hz, _LOWEST_HZ)).astype(np.float32)
        self._range = _range_gains(self._octaves, fix.low_hz, fix.high_hz)

    def blocks(
        self, voice: SampleReader, song: SampleReader, check: Check
    ) -> Iterator[tuple[int, FloatArray]]:
        """Yield the new voice from the first frame on.

        Args:
            voice: of the clip.
            song: voice and music together, as long.
            check: called for each block.

        Yields:
            Start in frames of the clip, and float32 (channels, n).
        """
        grid, segments = self._grid, self._grid.segments(voice.frames)
        for first in range(0, segments, _SEGMENTS):
            check()
            last = min(first + _SEGMENTS, segments)
            start, stop = first * grid.hop, min(last * grid.hop, voice.frames)
            yield (
                start,
                voice.read(start, stop) + self._change(voice, song, first, last)[:, : stop - start],
            )

    def _change(self, voice: SampleReader, song: SampleReader, first: int, last: int) -> FloatArray:
        """Return what the segments first…last of the voice gain, float32 (channels, n)."""
        grid, columns = self._grid, last - first + OVERLAP - 1
        start, stop = grid.span(first, first + columns)
        masks = [self._mask(stroke, first, columns) for stroke in self._fix.strokes]
        scratch = np.empty((columns, grid.n_fft), np.float32)
        changes = []
        for own, whole in zip(voice.read(start, stop), song.read(start, stop), strict=True):
            before, everything = (
                grid.analyse(samples, scratch, np.empty((columns, grid.bins), np.complex64))
                for samples in (own, whole)
            )
            after = self._reshaped(before, everything, masks)
            changes.append(grid.synthesise(after - before, scratch))
        return np.stack(changes)

    def _reshaped(
        self, before: Spectrum, song: Spectrum, masks: list[FloatArray | None]
    ) -> Spectrum:
        after = before if self._range is None else before * self._range
        if self._fix.strength:
            after = after + song * _more(after, song, self._fix.strength)
        for stroke, mask in zip(self._fix.strokes, masks, strict=True):
            if mask is not None and stroke.to == TO_MUSIC:
                after = after - after * mask
            elif mask is not None:
                after = after + (song - after) * mask
        return after

    def _mask(self, stroke: Stroke, first: int, columns: int) -> FloatArray | None:
        """Return the share that a stroke moves, (columns, bins); None where it does not reach."""
        grid = self._grid
        middles = (np.arange(first, first + columns) - 1.0) * grid.hop + self._offset
        across = (middles / (self._rate * stroke.radius_s)).astype(np.float32)
        up = self._octaves / np.float32(stroke.radius_octaves)
        xs = np.array([at for at, _ in stroke.points]) / (self._rate * stroke.radius_s)
        ys = np.log2([max(hz, _LOWEST_HZ) for _, hz in stroke.points]) / stroke.radius_octaves
        if xs.max() < across[0] - 1 or xs.min() > across[-1] + 1:
            return None
        nearest = np.full((columns, grid.bins), np.inf, np.float32)
        ends = list(zip(xs, ys, strict=True))
        for (x, y), (x2, y2) in zip(ends, [*ends[1:], ends[-1]], strict=True):
            near = slice(
                *np.searchsorted(across, (min(x, x2) - 1, max(x, x2) + 1)).tolist(),
            )
            part = _distances(across[near, None] - x, up[None] - y, x2 - x, y2 - y)
            np.minimum(nearest[near], part, out=nearest[near])
        share = np.clip((1 - np.sqrt(nearest)) / (1 - _CORE), 0, 1)
        mask: FloatArray = (stroke.strength * share * share * (3 - 2 * share)).astype(np.float32)
        return mask


def _distances(x: FloatArray, y: FloatArray, to_x: float, to_y: float) -> FloatArray:
    """Return the squares of how far points are from the line between the origin and (to_x, to_y).

    Args:
        x: (columns, 1).
        y: (1, bins).
        to_x: end of the line.
        to_y: end of the line.
    """
    length = to_x * to_x + to_y * to_y
    along = np.clip((x * to_x + y * to_y) / length, 0, 1) if length else np.float32(0)
    squares: FloatArray = ((x - along * to_x) ** 2 + (y - along * to_y) ** 2).astype(np.float32)
    return squares


def _range_gains(
    octaves: FloatArray, low_hz: float | None, high_hz: float | None
) -> FloatArray | None:
    """Return the gain of each bin: 1 inside the range, falling to 0 within a third of an octave."""
    if low_hz is None and high_hz is None:
        return None
    gains = np.ones_like(octaves)
    for hz, sign in ((low_hz, 1.0), (high_hz, -1.0)):
        if hz is not None:
            inside = sign * (octaves - np.log2(hz)) / _EDGE_OCTAVES + 1
            share = np.clip(inside, 0, 1)
            gains *= (share * share * (3 - 2 * share)).astype(np.float32)
    return gains


def _more(voice: Spectrum, song: Spectrum, strength: float) -> FloatArray:
    """Return which further share of the song is voice, (columns, bins); negative = less of it.

    The share of the voice's power in each bin, m, becomes m^(2^−2·strength): what is surely voice
    or surely music stays what it is.
    """
    power = voice.real**2 + voice.imag**2
    rest = song - voice
    whole = power + rest.real**2 + rest.imag**2
    share = power / np.maximum(whole, np.float32(1e-20))
    more: FloatArray = share ** np.float32(2.0 ** (-2 * strength)) - share
    return more
