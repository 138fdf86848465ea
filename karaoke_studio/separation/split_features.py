"""What a split song tells of itself, measured per half second from its two stems alone.

A window is half a second. Its figures compare the stems bin by bin on one transform: how much of
the sound is claimed by both, whether one stem's harmonics and onsets stand in the other, how much
of the voice are lone specks (musical noise), and where in the stereo picture both stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Array = NDArray[np.float64]

#: Hz that stems must come at, and samples of a window.
SAMPLE_RATE = 44_100
WINDOW = SAMPLE_RATE // 2

_N_FFT = 4096
#: Columns of a window, which share it evenly.
_COLUMNS = 21
_HOP = WINDOW // _COLUMNS
_LEAD = (_N_FFT - _HOP) // 2
#: Windows that are measured at once: two seconds.
_AT_ONCE = 4
#: Bins of bands in Hz; nothing is looked for above.
_EDGES_HZ = (60, 200, 400, 800, 1600, 3200, 6400, 11_000)
_EDGES = tuple(round(hertz * _N_FFT / SAMPLE_RATE) for hertz in _EDGES_HZ)
_TOP = _EDGES[-1]
#: Where harmonics are compared, and over how many bins a spectrum is flattened for that.
_HARMONIC = slice(_EDGES[1], _EDGES[5])
_FLAT = 15
#: A voice's fundamental: a cepstrum over bins of f Hz has it at its lag 1024 f / fundamental.
_FUNDAMENTAL_HZ = 80, 500
_LAGS = 1024
_TINY = 1e-12

BANDS = len(_EDGES) - 1
#: Sums per window, in the order in which `_Window` keeps them.
NAMES = (
    *(f"voice_{band}" for band in range(BANDS)),
    *(f"music_{band}" for band in range(BANDS)),
    *(f"both_{band}" for band in range(BANDS)),
    *(f"torn_{band}" for band in range(BANDS)),
    *(f"across_{band}" for band in range(BANDS)),
    "voice_side",
    "music_side",
    "alike",
    "moves_together",
    "voice_specks",
    "music_specks",
    "voice_flatness",
    "music_flatness",
    "voice_pitch",
    "music_pitch",
    "song_pitch",
    "voice_steady",
    "music_steady",
)
_SUMS = NAMES.index("alike")


@dataclass
class SplitMeter:
    """Takes a split song block by block; memory for some seconds.

    The rows that `finish` returns hold sums of powers first (see `NAMES`), then what is a mean.
    """

    _held: FloatArray | None = None
    _rows: list[Array] = field(default_factory=list)
    _frames: int = 0

    def add(self, voice: FloatArray, music: FloatArray) -> None:
        """Take the next frames of both stems, float32 (channels, n) at `SAMPLE_RATE`."""
        block = np.stack([voice, music])
        self._frames += block.shape[2]
        if self._held is None:
            self._held = np.zeros((*block.shape[:2], _LEAD), np.float32)
        self._held = np.concatenate([self._held, block], axis=2)
        needed = _AT_ONCE * WINDOW + _N_FFT - _HOP
        while self._held.shape[2] >= needed:
            self._rows.append(_measure(self._held[:, :, :needed], _AT_ONCE))
            self._held = self._held[:, :, _AT_ONCE * WINDOW :].copy()

    def finish(self) -> Array:
        """Return float64 (windows, len(NAMES)) of all that came; the last window may be part."""
        windows = -(-self._frames // WINDOW)
        left = windows - _AT_ONCE * len(self._rows)
        if left > 0 and self._held is not None:
            needed = left * WINDOW + _N_FFT - _HOP
            missing = needed - self._held.shape[2]
            padded = np.pad(self._held, ((0, 0), (0, 0), (0, max(0, missing))))
            self._rows.append(_measure(padded[:, :, :needed], left))
            self._held = padded[:, :, :0]
        return np.concatenate(self._rows) if self._rows else np.zeros((0, len(NAMES)))


def _measure(stems: FloatArray, windows: int) -> Array:
    """Return (windows, len(NAMES)) of (2, channels, samples) with what the transform looks at."""
    if stems.shape[1] == 2:
        half = np.float32(0.5)
        parts = [(stems[:, 0] + stems[:, 1]) * half, (stems[:, 0] - stems[:, 1]) * half]
    else:
        parts = [stems[:, 0]]
    spectra = [_transform(part, windows * _COLUMNS) for part in parts]
    powers = [_power(spectrum) for spectrum in spectra]
    voice, music = (sum(power[stem] for power in powers) for stem in range(2))
    together = sum((s[0].real * s[1].real + s[0].imag * s[1].imag) for s in spectra)
    across = sum(np.abs(s[0].real * s[1].imag - s[0].imag * s[1].real) for s in spectra)
    sizes = np.sqrt(voice) + np.sqrt(music)
    share = np.sqrt(voice) / (sizes + np.float32(1e-9))
    torn = (voice + music) * share * (1 - share)
    bands = [_in_bands(power) for power in (voice, music, together, torn, across)]
    sides = [_in_bands(powers[1][stem]).sum(1) if len(powers) == 2 else None for stem in range(2)]
    columns = np.concatenate(
        [
            *bands,
            *(np.zeros((len(voice), 1)) if side is None else side[:, None] for side in sides),
        ],
        axis=1,
    )
    sums = columns.reshape(windows, _COLUMNS, -1).sum(axis=1)
    means = _means(voice, music, (bands[0], bands[1]), windows)
    return np.concatenate([sums, means], axis=1)


def _transform(part: FloatArray, columns: int) -> NDArray[np.complex64]:
    """Return (2, columns, _TOP) of (2, samples)."""
    cut = np.lib.stride_tricks.sliding_window_view(part, _N_FFT, axis=1)[:, ::_HOP][:, :columns]
    window = np.hanning(_N_FFT + 1)[:-1].astype(np.float32)
    found: NDArray[np.complex64] = np.fft.rfft(cut * window)[:, :, :_TOP].astype(np.complex64)
    return found


def _power(spectrum: NDArray[np.complex64]) -> FloatArray:
    power: FloatArray = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


def _in_bands(power: FloatArray) -> Array:
    """Return (columns, bands) of (columns, bins)."""
    return np.add.reduceat(power, _EDGES[:-1], axis=1, dtype=np.float64)


def _means(voice: FloatArray, music: FloatArray, bands: tuple[Array, Array], windows: int) -> Array:
    """Return what is a mean over a window's columns, (windows, len(NAMES) - _SUMS)."""
    weight = np.sqrt(bands[0].sum(1)) + _TINY
    flats = [_flattened(power) for power in (voice, music, voice + music)]
    alike = _cosine(flats[0], flats[1])
    flatness = [_flatness(power) for power in (voice, music)]
    pitches = [_pitch(power) for power in (voice, music, voice + music)]
    specks = [_specks(power) for power in (voice, music)]
    steady = [_steadiness(power) for power in (voice, music)]

    def mean(values: Array) -> Array:
        shaped, weights = values.reshape(windows, -1), weight.reshape(windows, -1)
        return np.asarray((shaped * weights).sum(1) / weights.sum(1))

    moves = _moves_together(*bands, windows)
    found = [mean(alike), moves, *map(mean, specks), *map(mean, flatness), *map(mean, pitches)]
    return np.stack([*found, *map(mean, steady)], axis=1)


def _flattened(power: FloatArray) -> FloatArray:
    """Return log magnitudes less their surroundings, (columns, bins of `_HARMONIC`)."""
    logs = np.log(power[:, _HARMONIC] + np.float32(_TINY))
    padded = np.pad(logs, ((0, 0), (_FLAT // 2 + 1, _FLAT // 2)), mode="edge")
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    found: FloatArray = (logs - (sums[:, _FLAT:] - sums[:, :-_FLAT]) / _FLAT).astype(np.float32)
    return found


def _cosine(one: FloatArray, other: FloatArray) -> Array:
    sizes = np.sqrt(np.square(one).sum(1) * np.square(other).sum(1)) + _TINY
    return np.asarray((one * other).sum(1) / sizes, np.float64)


def _flatness(power: FloatArray) -> Array:
    part = power[:, _HARMONIC] + np.float32(_TINY)
    return np.asarray(np.log(part).mean(1) - np.log(part.mean(1)), np.float64)


def _pitch(power: FloatArray) -> Array:
    """Return how strong the strongest lag of a voice is in the cepstrum."""
    logs = np.log(power[:, 1 : _EDGES[5]] + np.float32(_TINY))
    logs -= logs.mean(1, keepdims=True)
    cepstrum = np.abs(np.fft.rfft(logs, _LAGS).real)
    last, first = (round(_LAGS * SAMPLE_RATE / _N_FFT / hertz) for hertz in _FUNDAMENTAL_HZ)
    return np.asarray(cepstrum[:, first:last].max(1) / (np.abs(logs).sum(1) + 1), np.float64)


def _specks(power: FloatArray) -> Array:
    """Return the share of the power in bins ten times as strong as a moment before and after."""
    part = power[:, _HARMONIC]
    before = np.concatenate([part[:2], part[:-2]])
    after = np.concatenate([part[2:], part[-2:]])
    alone = part > 10 * np.maximum(before, after)
    return np.asarray((part * alone).sum(1) / (part.sum(1) + _TINY), np.float64)


def _steadiness(power: FloatArray) -> Array:
    """Return how much of a magnitude is there a moment later as well, 0…1."""
    part = np.sqrt(power[:, _HARMONIC])
    after = np.concatenate([part[2:], part[-2:]])
    return np.asarray(np.minimum(part, after).sum(1) / (part.sum(1) + _TINY), np.float64)


def _moves_together(voice: Array, music: Array, windows: int) -> Array:
    """Return how much the stems' levels rise and fall together, band by band, -1…1."""
    pair = [np.log(bands + _TINY).reshape(windows, _COLUMNS, -1) for bands in (voice, music)]
    rises = [np.diff(levels, axis=1) for levels in pair]
    rises = [rise - rise.mean(axis=1, keepdims=True) for rise in rises]
    sizes = np.sqrt(np.square(rises[0]).sum(1) * np.square(rises[1]).sum(1)) + 1e-6
    return np.asarray(((rises[0] * rises[1]).sum(1) / sizes).mean(axis=1))
