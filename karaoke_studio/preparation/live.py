"""Loudness, pitch and whether somebody sings, while it happens: numpy only, a few ms a second.

The pitch is that of YIN (A. de Cheveigné, H. Kawahara, "YIN, a fundamental frequency estimator for
speech and music", JASA 111, 2002) on windows of 51 ms, one every 20 ms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

HOP_S = 0.02
#: The range of voices.
LOWEST_HZ, HIGHEST_HZ = 60.0, 1100.0
#: Pitch is looked for at about this rate: higher costs more and finds no better.
_RATE = 22_050
_WINDOW_S = 0.035
#: Power that a window may differ by from itself one period later.
_UNLIKE = 0.15
#: A voice is that much above the quietest that was heard lately, and above silence.
_ABOVE_FLOOR_DB, _SILENCE_DB = 9.0, -55.0
#: The floor falls at once and rises slowly; a voice goes on through a consonant.
_FLOOR_RISES_DB, _HELD_S = 1.5, 0.24
_QUIETEST_DB = -100.0


class Reading(NamedTuple):
    """What was heard within `HOP_S`.

    Attributes:
        level_db: RMS, dB below full scale.
        f0_hz: fundamental frequency, None where there is none.
        is_voice: whether somebody sings or speaks.
    """

    level_db: float
    f0_hz: float | None
    is_voice: bool


class LiveFeatures:
    """Listens block by block.

    Attributes:
        delay_s: by how much the middle of what a reading's pitch is told of lies behind its end.
    """

    def __init__(self, sample_rate: int) -> None:
        """Set the rate in Hz."""
        self._step = max(1, round(sample_rate / _RATE))
        self._rate = sample_rate / self._step
        self._hop = round(HOP_S * self._rate)
        self._window = round(_WINDOW_S * self._rate)
        self._longest = math.ceil(self._rate / LOWEST_HZ)
        self._shortest = max(2, math.floor(self._rate / HIGHEST_HZ))
        self._heard = np.zeros(self._window + self._longest, np.float32)
        self._rest = np.empty(0, np.float32)
        self._odd = np.empty(0, np.float32)
        self._floor_db: float | None = None
        self._held_s = 0.0
        self.delay_s = len(self._heard) / 2 / self._rate

    def push(self, block: FloatArray) -> list[Reading]:
        """Hear float32 (channels, frames) more, and tell of each `HOP_S` that is full."""
        mono = np.concatenate([self._odd, block.mean(axis=0, dtype=np.float32)])
        whole = len(mono) // self._step * self._step
        self._odd = mono[whole:]
        slow = mono[:whole].reshape(-1, self._step).mean(axis=1, dtype=np.float32)
        self._rest = np.concatenate([self._rest, slow])
        told = []
        while len(self._rest) >= self._hop:
            fresh, self._rest = self._rest[: self._hop], self._rest[self._hop :]
            self._heard = np.concatenate([self._heard[self._hop :], fresh])
            told.append(self._read(fresh))
        return told

    def _read(self, fresh: FloatArray) -> Reading:
        power = float(np.mean(np.square(fresh, dtype=np.float64)))
        level_db = max(_QUIETEST_DB, 10 * math.log10(power + 1e-12))
        f0_hz = self._pitch() if level_db > _SILENCE_DB else None
        if self._floor_db is None:
            self._floor_db = min(level_db, _SILENCE_DB)
        self._floor_db = min(level_db, self._floor_db + _FLOOR_RISES_DB * HOP_S)
        is_loud = level_db > max(_SILENCE_DB, self._floor_db + _ABOVE_FLOOR_DB)
        if is_loud and f0_hz is not None:
            self._held_s = _HELD_S
        else:
            self._held_s = max(0.0, self._held_s - HOP_S)
        return Reading(level_db, f0_hz, self._held_s > 0)

    def _pitch(self) -> float | None:
        """Return the frequency of the first period after which the window is like itself."""
        heard, window = self._heard.astype(np.float64), self._window
        size = 1 << (len(heard) + window - 1).bit_length()
        alike = np.fft.irfft(
            np.fft.rfft(heard, size) * np.conj(np.fft.rfft(heard[:window], size)), size
        )[: self._longest + 1]
        energy = np.concatenate([[0.0], np.cumsum(np.square(heard))])
        powers = energy[window : window + self._longest + 1] - energy[: self._longest + 1]
        unlike = np.maximum(powers[0] + powers - 2 * alike, 0.0)
        total = np.cumsum(unlike[1:])
        ratio = unlike[1:] * np.arange(1, len(unlike)) / np.maximum(total, 1e-12)
        below = np.flatnonzero(ratio[self._shortest - 1 : -1] < _UNLIKE)
        if powers[0] <= 0 or not below.size:
            return None
        place = int(below[0]) + self._shortest - 1
        while place + 1 < len(ratio) - 1 and ratio[place + 1] < ratio[place]:
            place += 1
        before, at, after = ratio[place - 1], ratio[place], ratio[place + 1]
        bend = before - 2 * at + after
        period = place + 1 + (0.5 * (before - after) / bend if bend > 0 else 0.0)
        return float(self._rate / period)


def note_of(hertz: float) -> tuple[str, int]:
    """Return the nearest note ("A4" = 440 Hz) and by how many cents the pitch is above it."""
    midi = 69 + 12 * math.log2(hertz / 440)
    nearest = round(midi)
    names = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
    return f"{names[nearest % 12]}{nearest // 12 - 1}", round(100 * (midi - nearest))
