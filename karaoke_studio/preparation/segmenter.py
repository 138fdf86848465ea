"""Where a vocal stem sings: voice, phrases, silences, and whether two sing at once.

Levels are of the band that voices live in, 100 times a second, against one threshold for the song
that lies between its two kinds of places. Two voices are told by two pitches in one spectrum; in
unison and in octaves they are one.
Source for the pitches: A. Klapuri, "Multiple fundamental frequency estimation by summing harmonic
amplitudes", ISMIR 2006.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import median_filter

from karaoke_studio.preparation.blocks import FloatArray

Spans = tuple[tuple[float, float], ...]
Levels = NDArray[np.float64]

RATE = 16_000
HOP = 160
HOP_S = HOP / RATE
_WINDOW = 400
_BAND_HZ = (150.0, 4500.0)
#: The threshold lies so far below the loud places, at least and at most.
_NEAREST_DB, _FARTHEST_DB = 20.0, 35.0
#: Where it lies between the mean of the quiet places and that of the loud ones.
_BETWEEN = 0.35
#: What comes and goes by less than this around the threshold changes nothing.
_HYSTERESIS_DB = 3.0
#: Shorter voice is a click, shorter silence a consonant.
_MIN_VOICE_S, _MIN_PAUSE_S = 0.08, 0.08
#: From this pause on a new phrase begins.
PHRASE_PAUSE_S = 0.35
#: Below this nothing is heard, whatever the rest of the song does.
_SILENT_DB = -70.0

_PITCH_WINDOW, _PITCH_HOP = 2048, 640
_PITCH_HZ = (90.0, 900.0)
_STEPS_AN_OCTAVE = 60
_HARMONICS = 8
#: A second voice is at least so strong, of the first one's harmonics.
_SECOND = 0.45
#: A song with so many of its sung moments in two voices is a duet.
DUET_SHARE = 0.15


@dataclass(frozen=True)
class Segments:
    """What was found.

    Attributes:
        voiced: for each `HOP_S`, whether there is a voice.
        phrases: start and end in seconds.
        silences: what lies before, between and after them.
        overlap: share of the sung time in which two voices sing, 0…1.
    """

    voiced: NDArray[np.bool_]
    phrases: Spans
    silences: Spans
    overlap: float

    @property
    def is_duet(self) -> bool:
        """Whether two sing for a good part of it."""
        return self.overlap >= DUET_SHARE


def find_segments(blocks: Iterable[FloatArray], sample_rate: int) -> Segments:
    """Return where a vocal stem sings.

    Args:
        blocks: float32 (frames, channels), of any lengths.
        sample_rate: Hz.

    Memory: 16 bytes for each 10 ms.
    """
    listener = _Listener(sample_rate)
    for block in blocks:
        listener.add(block)
    levels, seconds = listener.finish()
    voiced = _voiced(levels)
    phrases = _spans(_closed(voiced, PHRASE_PAUSE_S), listener.duration_s)
    return Segments(
        voiced,
        phrases,
        _between(phrases, listener.duration_s),
        _overlap(voiced, levels, seconds),
    )


class _Listener:
    """Levels, and the strength of a second voice, block by block."""

    def __init__(self, sample_rate: int) -> None:
        self._stream = soxr.ResampleStream(sample_rate, RATE, 1, "float32", "HQ")
        self._window = np.hanning(_WINDOW).astype(np.float32)
        hz = np.fft.rfftfreq(512, 1 / RATE)
        self._band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
        self._pitches = _Pitches()
        # the first window is centred on the first sample
        self._rest = np.zeros(_WINDOW // 2, np.float32)
        self._pitch_rest = np.zeros(_PITCH_WINDOW // 2, np.float32)
        self._levels: list[Levels] = []
        self._seconds: list[Levels] = []
        self._frames = 0

    def add(self, block: FloatArray) -> None:
        self._take(self._stream.resample_chunk(np.ascontiguousarray(block.mean(axis=1))))

    def finish(self) -> tuple[Levels, Levels]:
        """Return levels in dB, and how strong a second voice is (0…1), both every `HOP_S`."""
        self._take(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        self.duration_s = self._frames / RATE
        self._take(np.zeros(_PITCH_WINDOW, np.float32))
        count = -(-round(self.duration_s * RATE) // HOP)
        levels = np.concatenate([*self._levels, np.full(count, -120.0)])[:count]
        seconds = np.repeat(np.concatenate([*self._seconds, np.zeros(1)]), _PITCH_HOP // HOP)
        return levels, np.pad(seconds, (0, count))[:count]

    def _take(self, samples: FloatArray) -> None:
        self._frames += len(samples)
        self._rest = np.concatenate([self._rest, samples])
        count = max(0, (len(self._rest) - _WINDOW) // HOP + 1)
        if count:
            columns = np.lib.stride_tricks.sliding_window_view(self._rest, _WINDOW)[::HOP]
            power = np.square(np.abs(fft.rfft(columns * self._window, 512)))[:, self._band]
            total = power.sum(axis=1) / (512 * 0.375 * _WINDOW / 2)
            self._levels.append(10 * np.log10(np.maximum(total, 1e-12)))
            self._rest = self._rest[count * HOP :]
        self._pitch_rest = np.concatenate([self._pitch_rest, samples])
        count = max(0, (len(self._pitch_rest) - _PITCH_WINDOW) // _PITCH_HOP + 1)
        if count:
            columns = np.lib.stride_tricks.sliding_window_view(self._pitch_rest, _PITCH_WINDOW)
            self._seconds.append(self._pitches.second(columns[::_PITCH_HOP]))
            self._pitch_rest = self._pitch_rest[count * _PITCH_HOP :]


class _Pitches:
    """How strong the second pitch of a spectrum is, of the first."""

    def __init__(self) -> None:
        self._window = np.hanning(_PITCH_WINDOW).astype(np.float32)
        octaves = np.log2(_PITCH_HZ[1] / _PITCH_HZ[0])
        self._hz = _PITCH_HZ[0] * 2 ** (
            np.arange(int(octaves * _STEPS_AN_OCTAVE)) / _STEPS_AN_OCTAVE
        )
        self._size = 2 * _PITCH_WINDOW
        numbers = np.arange(1, _HARMONICS + 1)
        self._bins = np.rint(self._hz[:, np.newaxis] * numbers * self._size / RATE).astype(int)
        self._weights = (27 + self._hz[:, np.newaxis]) / (320 + self._hz[:, np.newaxis] * numbers)

    def second(self, columns: FloatArray) -> Levels:
        """Return 0…1 for each of (columns, window)."""
        heights = np.abs(fft.rfft(columns * self._window, self._size))
        # the ear's own levelling: loud partials do not outweigh all the others
        heights = np.sqrt(_peaks_of(heights))
        first, strongest = self._best(heights)
        for harmonic in range(1, 3 * _HARMONICS):
            self._take_away(heights, self._hz[first] * harmonic)
        second = self._best(heights)[1]
        return np.asarray(second / np.maximum(strongest, 1e-9))

    def _best(self, heights: NDArray[np.float32]) -> tuple[NDArray[np.int64], Levels]:
        salience = (heights[:, self._bins] * self._weights).sum(axis=2)
        best = salience.argmax(axis=1)
        return best, salience[np.arange(len(best)), best]

    def _take_away(self, heights: NDArray[np.float32], hz: Levels) -> None:
        centres = np.rint(hz * self._size / RATE).astype(int)
        # vibrato and the window make partials wider, the more the higher they are
        rows = np.arange(len(heights))
        for aside in range(-6, 7):
            bins = np.clip(centres + aside, 0, heights.shape[1] - 1)
            heights[rows, bins] = 0


def _peaks_of(heights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return spectra in which only peaks are left, each three bins wide."""
    middle = heights[:, 1:-1]
    is_peak = (middle >= heights[:, :-2]) & (middle > heights[:, 2:])
    peaks = np.zeros_like(heights)
    peaks[:, 1:-1] = np.where(is_peak, middle, 0)
    wide = peaks.copy()
    wide[:, 1:] = np.maximum(wide[:, 1:], peaks[:, :-1])
    wide[:, :-1] = np.maximum(wide[:, :-1], peaks[:, 1:])
    return wide


def _voiced(levels: Levels) -> NDArray[np.bool_]:
    heard = levels[levels > _SILENT_DB]
    if not len(heard):
        return np.zeros(len(levels), bool)
    loud = float(np.percentile(heard, 90))
    threshold = min(max(_between_kinds(levels), loud - _FARTHEST_DB), loud - _NEAREST_DB)
    threshold = max(threshold, _SILENT_DB)
    smooth = median_filter(levels, 3, mode="nearest")
    above, loudly = smooth >= threshold - _HYSTERESIS_DB, smooth >= threshold + _HYSTERESIS_DB
    voiced = np.zeros(len(levels), bool)
    for start, stop in _runs(above):
        if loudly[start:stop].any():
            voiced[start:stop] = True
    return _opened(_closed(voiced, _MIN_PAUSE_S), _MIN_VOICE_S)


def _between_kinds(levels: Levels) -> float:
    """Return a level between quiet places and loud ones."""
    clipped = np.clip(levels, _SILENT_DB, 0)
    is_loud = clipped >= _divide(levels)
    if is_loud.all() or not is_loud.any():
        return _SILENT_DB
    low, high = float(clipped[~is_loud].mean()), float(clipped[is_loud].mean())
    return low + _BETWEEN * (high - low)


def _divide(levels: Levels) -> float:
    """Return what divides levels into two kinds that differ most.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", IEEE SMC 9 (1979).
    """
    counts, edges = np.histogram(np.clip(levels, _SILENT_DB, 0), 140, (_SILENT_DB, 0))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    lower = np.cumsum(counts * middles)
    upper = lower[-1] - lower
    with np.errstate(divide="ignore", invalid="ignore"):
        differ = below * above * np.square(lower / below - upper / above)
    return float(edges[1 + int(np.nanargmax(np.where(np.isfinite(differ), differ, -1)))])


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (n, 2): first and one past the last of each run of what is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def _closed(flags: NDArray[np.bool_], pause_s: float) -> NDArray[np.bool_]:
    """Return flags without gaps shorter than a pause."""
    closed = flags.copy()
    for start, stop in _runs(~flags):
        if start > 0 and stop < len(flags) and (stop - start) * HOP_S < pause_s:
            closed[start:stop] = True
    return closed


def _opened(flags: NDArray[np.bool_], least_s: float) -> NDArray[np.bool_]:
    opened = flags.copy()
    for start, stop in _runs(flags):
        if (stop - start) * HOP_S < least_s:
            opened[start:stop] = False
    return opened


def _spans(flags: NDArray[np.bool_], duration_s: float) -> Spans:
    return tuple(
        (round(float(start) * HOP_S, 3), round(min(float(stop) * HOP_S, duration_s), 3))
        for start, stop in _runs(flags)
    )


def _between(phrases: Spans, duration_s: float) -> Spans:
    edges = [0.0, *(edge for phrase in phrases for edge in phrase), round(duration_s, 3)]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((start, stop) for start, stop in gaps if stop > start)


def _overlap(voiced: NDArray[np.bool_], levels: Levels, seconds: Levels) -> float:
    """Return the share of loud voice in which a second one stands out."""
    if not voiced.any():
        return 0.0
    loud = voiced & (levels >= np.median(levels[voiced]) - 6)
    steady = median_filter(seconds, 13, mode="nearest")
    return float((steady[loud] >= _SECOND).mean())
