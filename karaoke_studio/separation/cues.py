"""What tells a voice from a band in one channel: it is tonal, does not repeat, and carries a tune.

Three shares, each 0…1 per column and bin, multiply to the mask of mono and narrow songs:

- *tonal*: the power of the median along nine columns beside that along seventeen bins; drums spread
  over frequencies, voices over time. Source: D. FitzGerald, "Harmonic/percussive separation
  using median filtering", DAFx 2010.
- *new*: what rises above the median of the most similar columns elsewhere in the song's half minute
  around. Source: Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix",
  ISMIR 2012. Only one column per slot of 1.5 s is taken, or a held note would be its own company.
- *tuned*: what lies on the harmonics of the strongest series in what the first two left.

Measured in tests/separation/test_instant.py. On sustained singing no single cue is worth much; the
three together gain some 6 dB over doing nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.separation.engine import Check, FloatArray, SampleReader
from karaoke_studio.separation.stft import OVERLAP, Grid

Numbers = NDArray[np.floating[Any]]

#: Reach of the medians on either side, in columns and bins, both even: every second one is looked
#: at, which measures the same and is faster.
_ALONG_TIME, _ALONG_FREQUENCY = 4, 8

#: A column is compared with one column from each of 21 slots of 1.5 s, its own included.
_SLOTS, _SLOT_S = 21, 1.5

#: In shorter songs nothing can be told about repetition.
_FEWEST_SLOTS = 3

#: The background is the median of so many columns.
_NEIGHBOURS = 13

#: Bins per feature, and the highest frequency that takes part in comparing.
_FEATURE_BINS, _FEATURE_TOP_HZ = 4, 8000.0

#: Fundamental frequencies: three and a half octaves in steps of an eighth of a semitone.
_LOWEST_HZ, _SEMITONES, _STEP = 75.0, 42, 0.125

#: Harmonics are looked for up to here, and this many of them.
_TUNE_TOP_HZ, _HARMONICS = 7000.0, 20

#: Columns on either side over which the strength of a series is summed.
_TUNE_COLUMNS = 5

#: Share that stays for what is on no harmonic: consonants, breath, a wrong guess.
_UNTUNED_SHARE = np.float32(0.3)

#: Least product of *new* and *tuned*: without it a weight near 0 would still silence what is 0.
_LEAST = np.float32(0.02)

#: Magnitude below all 24-bit sound; as a floor it keeps squares out of the slow subnormal range.
_FLOOR = np.float32(1e-12)

#: Columns that are analysed at a time.
_CHUNK = 64


@dataclass(frozen=True)
class _Tune:
    """Matrices between bins and fundamental frequencies.

    Attributes:
        strength: (bins up to `_TUNE_TOP_HZ`, fundamentals): harmonics minus what lies between.
        harmonics: (fundamentals, bins): 1 on each harmonic, falling off to the sides.
    """

    strength: FloatArray
    harmonics: FloatArray

    @staticmethod
    def on(hz: FloatArray) -> _Tune:
        """Build the matrices for bins at `hz`, which rise from 0 in equal steps."""
        f0 = _LOWEST_HZ * 2 ** (np.arange(0, _SEMITONES, _STEP) / 12)[:, None]
        step = hz[1]
        low = hz[hz < _TUNE_TOP_HZ]
        width = np.maximum(1.2 * step, 0.008 * low)
        order = np.round(low / f0)
        weight = np.where(order <= _HARMONICS, np.maximum(order, 1) ** -0.5, 0)
        strength = weight * (_ridges(low, f0, width) - 0.5 * _ridges(low, f0, width, 0.5))
        strength /= np.sqrt(np.sum(strength**2, axis=1, keepdims=True))
        harmonics = _ridges(hz, f0, 1.5 * step * (1 + hz / 3000))
        return _Tune(
            np.ascontiguousarray(strength.T, dtype=np.float32), harmonics.astype(np.float32)
        )


def _ridges(hz: Numbers, f0: Numbers, width: Numbers, offset: float = 0.0) -> Numbers:
    """Return 1 at the multiples of each `f0`, moved down by `offset` of it, falling off aside."""
    order = np.round(hz / f0 + offset)
    distance = (hz - (order - offset) * f0) / width
    return np.where(order > 0, np.exp(-0.5 * distance**2), 0)


class Cues:
    """Computes what one channel of a song says about any of its columns."""

    def __init__(self, source: SampleReader, grid: Grid, top: int, weight: float) -> None:
        """Look at `source` on `grid`.

        Args:
            source: the song.
            grid: its columns.
            top: how many bins, from 0, are looked at.
            weight: exponent of *new* and *tuned*; with 0 neither is computed.
        """
        self._source = source
        self._grid = grid
        self._top = top
        self._weight = np.float32(weight)
        per_s = source.sample_rate / grid.hop
        self._columns = grid.segments(source.frames) + OVERLAP - 1
        self._slot = round(_SLOT_S * per_s)
        self._slots = min(_SLOTS, self._columns // self._slot) if weight else 0
        hz = np.arange(top, dtype=np.float32) * np.float32(source.sample_rate / grid.n_fft)
        self._features = int(np.searchsorted(hz, _FEATURE_TOP_HZ)) // _FEATURE_BINS
        self._tune = _Tune.on(hz) if weight else None
        self._windowed = np.empty((_CHUNK, grid.n_fft), np.float32)
        self._spectrum = np.empty((_CHUNK, grid.bins), np.complex64)
        self._held_from = 0
        self._magnitudes = np.empty((0, top), np.float32)
        self._profile = np.empty((0, self._features), np.float32)

    def hold(self, first: int, last: int, check: Check) -> None:
        """Analyse all columns that `share` may need within [first, last)."""
        margin = _TUNE_COLUMNS + _ALONG_TIME
        low, high = first - margin, last + margin
        if self._slots:
            starts = self._window_starts(np.array([low, high]))
            low = min(low, int(starts[0]))
            high = max(high, int(starts[1]) + self._slots * self._slot)
        self._held_from = low
        self._magnitudes = np.empty((high - low, self._top), np.float32)
        for at in range(low, high, _CHUNK):
            check()
            stop = min(at + _CHUNK, high)
            self._analyse(at, self._magnitudes[at - low : stop - low])
        if self._slots:
            used = self._features * _FEATURE_BINS
            grouped = self._magnitudes[:, :used].reshape(-1, self._features, _FEATURE_BINS)
            self._profile = np.sqrt(grouped.sum(axis=2))
            self._profile /= np.linalg.norm(self._profile, axis=1, keepdims=True)

    def share(self, first: int, last: int) -> FloatArray:
        """Return tonal · (new · tuned)^weight for columns within what is held.

        Returns:
            float32 (last - first, top), 0…1.
        """
        if self._tune is None:
            return self._tonal(first, last)
        inner = slice(_TUNE_COLUMNS, -_TUNE_COLUMNS)
        first, last = first - _TUNE_COLUMNS, last + _TUNE_COLUMNS
        tonal = self._tonal(first, last)
        new = self._new(first, last)
        left = tonal * new
        left *= self._held(first, last)
        share = new[inner]
        share *= _tuned(left, self._tune)
        share *= 1 - _LEAST
        share += _LEAST
        np.power(share, self._weight, out=share)
        share *= tonal[inner]
        return share

    def _analyse(self, first: int, out: FloatArray) -> None:
        count = len(out)
        samples = self._source.read(*self._grid.span(first, first + count))
        mid = samples.mean(axis=0, dtype=np.float32)
        spectrum = self._grid.analyse(mid, self._windowed[:count], self._spectrum[:count])
        np.abs(spectrum[:, : self._top], out=out)
        np.maximum(out, _FLOOR, out=out)

    def _held(self, first: int, last: int) -> FloatArray:
        return self._magnitudes[first - self._held_from : last - self._held_from]

    def _window_starts(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return from where on columns are compared: half a minute around, within the song."""
        reach = self._slots * self._slot
        return np.clip(columns - reach // 2, 0, max(self._columns - reach, 0))

    def _tonal(self, first: int, last: int) -> FloatArray:
        rows, top = last - first, self._top
        near = self._held(first - _ALONG_TIME, last + _ALONG_TIME)
        steady = median([near[shift : shift + rows] for shift in range(0, 2 * _ALONG_TIME + 1, 2)])
        aside = (_ALONG_FREQUENCY, _ALONG_FREQUENCY)
        wide = np.pad(self._held(first, last), ((0, 0), aside), mode="reflect")
        flat = median([wide[:, shift : shift + top] for shift in range(0, 2 * aside[0] + 1, 2)])
        steady *= steady
        flat *= flat
        flat += steady
        steady /= flat
        return steady

    def _new(self, first: int, last: int) -> FloatArray:
        if self._slots < _FEWEST_SLOTS:
            return np.ones((last - first, self._top), np.float32)
        neighbours = self._neighbours(first, last)
        background = median([self._magnitudes[rows] for rows in neighbours.T])
        magnitudes = self._held(first, last)
        np.minimum(background, magnitudes, out=background)
        background /= magnitudes
        return np.subtract(1, background, out=background)

    def _neighbours(self, first: int, last: int) -> NDArray[np.intp]:
        """Return the rows of the most similar columns, (last - first, an odd number)."""
        low = self._held_from
        likeness = self._profile[first - low : last - low] @ self._profile.T
        starts = self._window_starts(np.arange(first, last)) - low
        reach = self._slots * self._slot
        rows = starts[:, None] + np.arange(reach)
        in_slots = np.take_along_axis(likeness, rows, axis=1)
        in_slots = in_slots.reshape(-1, self._slots, self._slot)
        best = in_slots.argmax(axis=2)
        score = np.take_along_axis(in_slots, best[:, :, None], axis=2)[:, :, 0]
        best += starts[:, None] + np.arange(self._slots) * self._slot
        count = min(_NEIGHBOURS, self._slots - (self._slots + 1) % 2)
        chosen = np.argsort(-score, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(best, chosen, axis=1)


def _tuned(left: FloatArray, tune: _Tune) -> FloatArray:
    """Return the third share.

    Args:
        left: magnitudes that the first two shares left, with `_TUNE_COLUMNS` on either side.
        tune: matrices for its bins.

    Returns:
        float32, 0.3…1, without the columns on either side.
    """
    strength = np.sqrt(left[:, : len(tune.strength)]) @ tune.strength
    np.maximum(strength, 0, out=strength)
    width = 2 * _TUNE_COLUMNS + 1
    total = np.cumsum(strength, axis=0, dtype=np.float64)
    total[width:] -= total[:-width].copy()
    summed = total[width - 1 :]
    summed /= summed.max(axis=1, keepdims=True) + _FLOOR
    # The 32nd power: close to choosing the strongest series, yet without a jump; that of 0.1 is
    # still a normal float32, and subnormal ones are slow.
    weight = np.maximum(summed, 0.1).astype(np.float32)
    for _ in range(5):
        weight *= weight
    weight /= weight.sum(axis=1, keepdims=True) + _FLOOR
    share = weight @ tune.harmonics
    np.minimum(share, 1, out=share)
    share *= 1 - _UNTUNED_SHARE
    share += _UNTUNED_SHARE
    return share


def median(values: list[FloatArray]) -> FloatArray:
    """Return the element-wise median of an odd number of arrays.

    Forgetful selection: of a little more than half of the values neither the least nor the greatest
    can be the median; drop both, take in one more, repeat. As whole-array minima and maxima this is
    some twenty times as fast as `np.median` (numpy 2.4).
    """
    if len(values) == 1:
        return values[0].copy()
    held = [value.copy() for value in values[: len(values) // 2 + 2]]
    rest = values[len(held) :]
    spare = np.empty_like(held[0])

    def order(low: int, high: int) -> None:
        nonlocal spare
        np.minimum(held[low], held[high], out=spare)
        np.maximum(held[low], held[high], out=held[high])
        held[low], spare = spare, held[low]

    while True:
        last = len(held) - 1
        for index in range(len(held) // 2):
            order(index, last - index)
        for index in range(1, (len(held) + 1) // 2):
            order(0, index)
        for index in range(len(held) // 2, last):
            order(index, last)
        freed = held.pop()
        held[0] = held.pop()
        if len(held) == 1:
            return held[0]
        np.copyto(freed, rest[-1])
        held.append(freed)
        rest = rest[:-1]
