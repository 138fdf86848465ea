"""What a recording is like before it is prepared: its noise, its hum, where it was cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import median_filter

from karaoke_studio.audio.loudness import LoudnessMeter
from karaoke_studio.preparation.blocks import FloatArray, root_hann, window_length

Powers = NDArray[np.float32]

_MOST_ROWS = 400
#: Columns that are averaged before the quietest tenth is looked for.
_TOGETHER = 6
_QUIET_PERCENT = 10
#: The quietest tenth of such means of noise is below its mean by so much.
_QUIET_BIAS = 1.3
#: Hum is looked for at this rate, in windows of four seconds: a quarter of a hertz.
_HUM_RATE, _HUM_WINDOW_S = 2000, 4
_MAINS_HZ = (50.0, 60.0)
_MAINS_DRIFT_HZ = 0.5
_HUM_DB = 12.0
#: A top that stays so flat for four samples is no curve but an end.
_FLAT, _FLAT_RUN, _FEWEST_RUNS = 1.5e-5, 4, 3


@dataclass(frozen=True)
class Findings:
    """What a listener heard.

    Attributes:
        lufs: integrated loudness; None for silence.
        peak: highest sample, full scale 1.
        clip_level: where peaks were cut off, or None.
        hum_hz: partials of the mains' hum.
        noise: mean power of the steady noise per bin, as `noise_reducer` counts.
        noise_db: its level, RMS over full scale.
    """

    lufs: float | None
    peak: float
    clip_level: float | None = None
    hum_hz: tuple[float, ...] = ()
    noise: Powers | None = None
    noise_db: float | None = None


@dataclass
class _Rows:
    """A few hundred rows from all over a recording, however long it is."""

    rows: list[Powers] = field(default_factory=list)
    _step: int = 1
    _seen: int = 0

    def add(self, row: Powers) -> None:
        if self._seen % self._step == 0:
            self.rows.append(row)
        self._seen += 1
        if len(self.rows) >= _MOST_ROWS:
            self.rows = self.rows[::2]
            self._step *= 2


class Listener:
    """Listens to a recording block by block; memory does not grow with its length.

    Args:
        sample_rate: of the recording.
        channels: 1 or 2.
        noise: look for steady noise.
        hum: look for hum.
        clipping: look for peaks that were cut off.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        *,
        noise: bool = False,
        hum: bool = False,
        clipping: bool = False,
    ) -> None:
        self._loudness = LoudnessMeter(sample_rate, channels)
        self._noise, self._clipping = noise, clipping
        self._length = window_length(sample_rate)
        self._window = root_hann(self._length)
        self._quiet, self._humming = _Rows(), _Rows()
        self._hum_rest = np.zeros(0, np.float32)
        self._slow = (
            soxr.ResampleStream(sample_rate, _HUM_RATE, 1, "float32", "HQ") if hum else None
        )
        self._peak = 0.0
        self._ends: list[tuple[float, int]] = []

    def add(self, block: FloatArray) -> None:
        """Take float32 (frames, channels)."""
        self._loudness.add(block)
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        if self._noise:
            self._add_noise(block)
        if self._clipping:
            self._ends += [_flat_tops(channel) for channel in block.T]
        if self._slow is not None:
            self._add_hum(self._slow.resample_chunk(block.mean(axis=1)))

    def finish(self) -> Findings:
        """Return what was heard."""
        noise = self._steady_noise()
        level = None
        if noise is not None:
            # each bin but the first stands for two of the whole spectrum
            power = 2 * float(noise.sum()) / (self._length * float(np.square(self._window).sum()))
            level = 10 * math.log10(max(power, 1e-20))
        return Findings(
            self._loudness.finish(), self._peak, self._clip_level(), self._partials(), noise, level
        )

    def _add_noise(self, block: FloatArray) -> None:
        hop = self._length // 2
        count = (len(block) - self._length) // hop + 1
        if count < _TOGETHER:
            return
        power = np.zeros((count, self._length // 2 + 1), np.float32)
        for channel in block.T:
            columns = np.lib.stride_tricks.sliding_window_view(channel, self._length)[::hop]
            spectrum = fft.rfft(columns * self._window, workers=2)
            power += (spectrum.real**2 + spectrum.imag**2) / block.shape[1]
        whole = count // _TOGETHER * _TOGETHER
        for row in power[:whole].reshape(-1, _TOGETHER, power.shape[1]).mean(axis=1):
            # digital silence at the ends says nothing about the noise of the recording
            if row.any():
                self._quiet.add(row)

    def _steady_noise(self) -> Powers | None:
        if not self._quiet.rows:
            return None
        quiet = np.percentile(np.array(self._quiet.rows), _QUIET_PERCENT, axis=0)
        return np.asarray(median_filter(quiet, 9) * _QUIET_BIAS, np.float32)

    def _add_hum(self, slow: FloatArray) -> None:
        length = _HUM_RATE * _HUM_WINDOW_S
        samples = np.concatenate([self._hum_rest, slow])
        while len(samples) >= length:
            spectrum = fft.rfft(samples[:length] * np.hanning(length).astype(np.float32))
            self._humming.add(np.square(np.abs(spectrum)).astype(np.float32))
            samples = samples[length // 2 :]
        self._hum_rest = samples

    def _partials(self) -> tuple[float, ...]:
        """Return the partials that stand out in all of the recording."""
        if not self._humming.rows:
            return ()
        steady = np.percentile(np.array(self._humming.rows), 25, axis=0) + 1e-20
        heights = 10 * np.log10(steady / median_filter(steady, 61))
        found = [_harmonics(heights, mains) for mains in _MAINS_HZ]
        best = max(found, key=lambda hum: hum[0])
        return best[1]

    def _clip_level(self) -> float | None:
        runs = sum(count for level, count in self._ends if level >= 0.999 * self._peak)
        return self._peak if runs >= _FEWEST_RUNS else None


def _flat_tops(samples: FloatArray) -> tuple[float, int]:
    """Return the height of the highest sample, and how many tops are flat there."""
    level = float(np.abs(samples).max(initial=0.0))
    if not level:
        return 0.0, 0
    steps = np.abs(np.diff(samples)) <= _FLAT * level
    flat = steps & (np.abs(samples[1:]) >= 0.999 * level)
    runs = np.lib.stride_tricks.sliding_window_view(flat, _FLAT_RUN - 1).all(axis=1)
    return level, int(np.count_nonzero(np.diff(runs.astype(np.int8), prepend=0) == 1))


def _harmonics(heights: NDArray[np.float64], mains: float) -> tuple[float, tuple[float, ...]]:
    """Return how far hum stands out in all (dB), and its partials."""
    best: tuple[float, tuple[float, ...]] = (0.0, ())
    bins = np.arange(len(heights))
    for base in np.arange(mains - _MAINS_DRIFT_HZ, mains + _MAINS_DRIFT_HZ + 0.001, 0.02):
        partials = base * np.arange(1, int(0.45 * _HUM_RATE / base))
        found = np.interp(partials * _HUM_WINDOW_S, bins, heights)
        stands_out = found >= _HUM_DB
        if stands_out[:2].any() and stands_out.sum() >= 2:
            score = float(found[stands_out].sum())
            if score > best[0]:
                best = score, tuple(float(hz) for hz in partials[stands_out])
    return best
