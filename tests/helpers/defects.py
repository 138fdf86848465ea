"""What is wrong with recordings, added to clean ones: float32 (channels, frames) in and out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve

from tests.helpers.signals import FloatArray, rms


def hum(clean: FloatArray, sample_rate: int) -> FloatArray:
    """The mains at 50.1 Hz and six harmonics, 15 dB below the sound."""
    t = np.arange(clean.shape[1]) / sample_rate
    tone = sum(np.sin(2 * np.pi * 50.1 * k * t + k) / k for k in range(1, 8))
    return _added(clean, np.asarray(tone), -15)


def clicks(clean: FloatArray, _sample_rate: int) -> FloatArray:
    """A hundred clicks of up to eight samples."""
    rng = np.random.default_rng(1)
    out = clean.copy()
    for at in rng.integers(100, clean.shape[1] - 100, 100):
        length = rng.integers(1, 9)
        out[:, at : at + length] += rng.uniform(0.2, 0.7) * rng.standard_normal(length)
    return out.astype(np.float32)


def hiss(clean: FloatArray, _sample_rate: int) -> FloatArray:
    """White noise, 15 dB below the sound."""
    return _added(clean, _coloured(clean.shape[1], 0), -15)


def room_noise(clean: FloatArray, _sample_rate: int) -> FloatArray:
    """Pink noise, 15 dB below the sound."""
    return _added(clean, _coloured(clean.shape[1], 1), -15)


def wind(clean: FloatArray, sample_rate: int) -> FloatArray:
    """Gusts of rumble below 40 Hz, as loud as the sound."""
    frames = clean.shape[1]
    spectrum = np.fft.rfft(_coloured(frames, 2))
    hz = np.fft.rfftfreq(frames, 1 / sample_rate)
    rumble = np.fft.irfft(spectrum * np.exp(-((hz / 25) ** 2)), frames)
    gusts = 1 + np.sin(2 * np.pi * 0.3 * np.arange(frames) / sample_rate)
    return _added(clean, rumble * gusts, 0)


def clipped(clean: FloatArray, _sample_rate: int) -> FloatArray:
    """Cut off at half of its height."""
    half = 0.5 * np.abs(clean).max()
    return np.clip(clean, -half, half)


def echo(clean: FloatArray, sample_rate: int) -> FloatArray:
    """In a room whose echo takes half a second to fall by 60 dB, 3 dB below the sound."""
    rng = np.random.default_rng(3)
    t = np.arange(round(0.6 * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / 0.5)
    tail[: round(0.05 * sample_rate)] = 0
    wet = np.stack([fftconvolve(channel, tail)[: len(channel)] for channel in clean])
    return _added(clean, wet, -3)


def _coloured(frames: int, slope: int) -> FloatArray:
    """Noise whose power falls by 3 · slope dB an octave."""
    rng = np.random.default_rng(2)
    spectrum = np.fft.rfft(rng.standard_normal(frames))
    spectrum /= np.maximum(np.arange(len(spectrum)), len(spectrum) // 400 + 1) ** (slope / 2)
    return np.fft.irfft(spectrum, frames).astype(np.float32)


def _added(clean: FloatArray, defect: np.ndarray, level_db: float) -> FloatArray:
    scale = rms(clean) / rms(np.asarray(defect, np.float64)) * 10 ** (level_db / 20)
    return (clean + scale * defect).astype(np.float32)


#: Step of a preparation → what it is against.
DEFECTS: dict[str, tuple[str, Callable[[FloatArray, int], FloatArray]]] = {
    "hum": ("dehum", hum),
    "clicks": ("declick", clicks),
    "hiss": ("denoise", hiss),
    "noise of a room": ("denoise", room_noise),
    "wind": ("highpass", wind),
    "clipping": ("declip", clipped),
    "echo": ("dereverb", echo),
}
