"""Signals with known answers. All float32 (channels, frames), full scale 1, the same every time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Wave = NDArray[np.float64]

#: Formants (Hz, bandwidth Hz, gain) of sung a, e, i, o, u.
VOWELS = (
    ((700, 90, 1.0), (1150, 110, 0.6), (2700, 170, 0.35), (3400, 250, 0.2)),
    ((480, 80, 1.0), (1750, 120, 0.5), (2600, 170, 0.35), (3400, 250, 0.2)),
    ((320, 70, 1.0), (2200, 140, 0.4), (2900, 180, 0.35), (3500, 250, 0.2)),
    ((480, 80, 1.0), (850, 100, 0.6), (2600, 170, 0.25), (3300, 250, 0.15)),
    ((340, 70, 1.0), (700, 90, 0.5), (2500, 170, 0.2), (3300, 250, 0.1)),
)

_TABLE = 2048


def noise(
    seconds: float, sample_rate: int, channels: int = 2, *, level: float = 0.1, seed: int = 0
) -> FloatArray:
    """White Gaussian noise of the given rms, independent on each channel."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * sample_rate)
    return (level * rng.standard_normal((channels, frames), np.float32)).astype(np.float32)


def sine(
    seconds: float, sample_rate: int, hz: float, channels: int = 2, *, level: float = 0.5
) -> FloatArray:
    """The same sine on every channel."""
    phase = 2 * np.pi * hz / sample_rate * np.arange(round(seconds * sample_rate))
    return np.tile((level * np.sin(phase)).astype(np.float32), (channels, 1))


def impulses(
    frames: int, at: list[int] | tuple[int, ...], channels: int = 2, *, level: float = 0.9
) -> FloatArray:
    """Single full samples on the given frames, silence elsewhere."""
    signal = np.zeros((channels, frames), np.float32)
    signal[:, list(at)] = level
    return signal


def rms(signal: FloatArray | Wave) -> float:
    """Level over all channels and frames."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def sdr_db(estimate: FloatArray, truth: FloatArray) -> float:
    """Signal-to-distortion ratio over the whole signal: 20·log10(rms(truth) / rms(error))."""
    error = np.subtract(estimate, truth, dtype=np.float64)
    return float(20 * np.log10(rms(truth) / max(np.sqrt(np.mean(error**2)), 1e-12)))


def sung_mix(
    seconds: float, sample_rate: int, *, stereo: bool = True, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """A synthesised singer over a synthesised band.

    The singer (steady notes with vibrato, vowels, breath and short consonants) stands in the
    centre, 3 dB below the band: bass, bass drum and snare in the centre, chords and an arpeggio
    panned to either side, hi-hat on the right. Nothing repeats exactly.

    Returns:
        (vocals, instrumental); their sum is the song and stays below full scale.
    """
    rng = np.random.default_rng(seed)
    frames = round(seconds * sample_rate)
    vocals = np.tile(_singer(frames, sample_rate, rng), (2, 1))
    band = _band(frames, sample_rate, rng)
    band *= 0.12 / rms(band)
    vocals *= 0.12 * 10 ** (-3 / 20) / rms(vocals)
    peak = float(np.abs(vocals + band).max())
    scale = min(1.0, 0.9 / peak)
    if not stereo:
        vocals, band = (part.mean(axis=0, keepdims=True) for part in (vocals, band))
    return (vocals * scale).astype(np.float32), (band * scale).astype(np.float32)


def _table(f0: float, sample_rate: int, vowel: int, tilt: float) -> Wave:
    """One period of a voiced sound whose harmonics follow a vowel's formants."""
    harmonics = np.arange(1, max(int(min(sample_rate / 2, 9000) / f0), 2))
    hz = harmonics * f0
    shape = 0.03 + sum(g / (1 + ((hz - f) / b) ** 2) for f, b, g in VOWELS[vowel % len(VOWELS)])
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[harmonics] = shape * harmonics**-tilt * np.exp(1j * harmonics**2 * 0.7)
    table = np.fft.irfft(spectrum) * _TABLE
    return np.asarray(table / np.sqrt(np.mean(table**2)))


def _played(table: Wave, phase: Wave) -> Wave:
    position = (phase % 1.0) * _TABLE
    return np.asarray(np.interp(position, np.arange(_TABLE + 1), np.append(table, table[0])))


def _singer(frames: int, sample_rate: int, rng: np.random.Generator) -> Wave:
    out = np.zeros(frames)
    at = int(0.2 * sample_rate)
    note = 3
    scale = (196.0, 220.0, 246.9, 261.6, 293.7, 329.6, 349.2, 392.0, 440.0)
    while at < frames:
        length = int(rng.choice((0.3, 0.45, 0.6, 0.9, 1.4)) * sample_rate)
        stop = min(at + length, frames)
        t = np.arange(stop - at) / sample_rate
        note = int(np.clip(note + rng.integers(-2, 3), 0, len(scale) - 1))
        depth = 0.006 * np.minimum(t / 0.3, 1) * rng.uniform(0.3, 1.2)
        glide = -0.04 * np.exp(-t / 0.04)
        hz = scale[note] * (1 + depth * np.sin(2 * np.pi * rng.uniform(4.8, 6.2) * t) + glide)
        phase = np.cumsum(hz) / sample_rate
        voice = _played(_table(scale[note], sample_rate, int(rng.integers(5)), 0.7), phase)
        envelope = np.minimum(t / 0.04, 1) * np.minimum((t[-1] - t) / 0.06 + 1e-3, 1)
        consonant = rng.standard_normal(len(t)) * np.exp(-(((t - 0.02) / 0.015) ** 2))
        breath = 0.02 * rng.standard_normal(len(t))
        out[at:stop] += envelope * (voice + breath) + 0.4 * np.diff(consonant, prepend=0.0)
        at = stop + int(rng.choice((0.0, 0.0, 0.05, 0.4)) * sample_rate)
    return out


def _band(frames: int, sample_rate: int, rng: np.random.Generator) -> Wave:
    out = np.zeros((2, frames))
    beat = int(0.47 * sample_rate)
    roots = (98.0, 65.4, 73.4, 82.4)
    for index, at in enumerate(range(0, frames, beat)):
        root = roots[index // 4 % 4]
        _pluck(out, at, root, 0.5, 0.42, 0.5, sample_rate, rng)
        if index % 2 == 0:
            for ratio, pan in ((2, 0.1), (3, 0.1), (5, 0.12)):
                _pluck(out, at, root * ratio, 0.22, 0.9, pan, sample_rate, rng)
        for step in (0, beat // 2):
            ratio = (4, 5, 6, 8, 10)[int(rng.integers(5))]
            _pluck(out, at + step, root * ratio, 0.25, 0.4, 0.88, sample_rate, rng)
            _hit(out, at + step, 0.10, 0.03, 0.75, sample_rate, rng)
        if index % 2 == 0:
            _thump(out, at, sample_rate)
        else:
            _hit(out, at, 0.35, 0.09, 0.5, sample_rate, rng)
    return out


def _add(out: Wave, at: int, mono: Wave, pan: float) -> None:
    stop = min(at + len(mono), out.shape[1])
    if stop > at:
        sides = np.array([[np.cos(0.5 * np.pi * pan)], [np.sin(0.5 * np.pi * pan)]])
        out[:, at:stop] += sides * mono[: stop - at]


def _pluck(
    out: Wave,
    at: int,
    hz: float,
    level: float,
    length_s: float,
    pan: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> None:
    t = np.arange(int(length_s * sample_rate)) / sample_rate
    harmonics = np.arange(1, max(int(min(sample_rate / 2, 6000) / hz), 2))
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex128)
    spectrum[harmonics] = harmonics**-1.5 * np.exp(2j * np.pi * rng.random(len(harmonics)))
    tone = _played(np.fft.irfft(spectrum) * _TABLE, hz * rng.uniform(0.998, 1.002) * t)
    envelope = np.minimum(t / 0.004, 1) * np.exp(-t / (0.5 * length_s)) * (1 - t / length_s)
    _add(out, at, level * rng.uniform(0.7, 1) * envelope * tone, pan)


def _hit(
    out: Wave,
    at: int,
    level: float,
    decay_s: float,
    pan: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> None:
    t = np.arange(int(6 * decay_s * sample_rate)) / sample_rate
    _add(out, at, level * rng.standard_normal(len(t)) * np.exp(-t / decay_s), pan)


def _thump(out: Wave, at: int, sample_rate: int) -> None:
    t = np.arange(int(0.25 * sample_rate)) / sample_rate
    phase = 50 * t + 3.5 * (1 - np.exp(-t / 0.03))
    _add(out, at, 1.1 * np.sin(2 * np.pi * phase) * np.exp(-t / 0.08), 0.5)


def tune(
    key: int, *, minor: bool, bpm: float, seconds: float, sample_rate: int, seed: int
) -> FloatArray:
    """A small band of known key and tempo, stereo: chords, bass, a random melody, drums.

    Args:
        key: tonic in semitones above C.
        minor: harmonic minor instead of major.
        bpm: beats a minute; four to a bar, one chord a bar.
        seconds: length.
        sample_rate: in Hz.
        seed: of melody and noise.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((2, round(seconds * sample_rate)))
    scale = (0, 2, 3, 5, 7, 8, 11) if minor else (0, 2, 4, 5, 7, 9, 11)
    beat_s, third = 60 / bpm, 3 if minor else 4
    # i iv V i, or I vi IV V
    bars = (
        ((0, third), (5, third), (7, 4), (0, third)) if minor else ((0, 4), (9, 3), (5, 4), (7, 4))
    )
    for beat in range(int(seconds / beat_s)):
        at = round(beat * beat_s * sample_rate)
        root, middle = bars[beat // 4 % 4]
        for step in (0, middle, 7):
            _note(out, at, 60 + key + (root + step) % 12, beat_s, 0.05, sample_rate)
        _note(out, at, 36 + key + root, beat_s, 0.15, sample_rate)
        for half in (0.0, 0.5):
            degree = scale[int(rng.integers(7))]
            when = at + round(half * beat_s * sample_rate)
            _note(out, when, 72 + key + degree, beat_s / 2, 0.08, sample_rate)
        hat = rng.standard_normal(sample_rate // 20) * np.geomspace(0.1, 1e-4, sample_rate // 20)
        _add(out, at, hat, 0.3)
        if beat % 2 == 0:
            _thump(out, at, sample_rate)
    return out.astype(np.float32)


def _note(out: Wave, at: int, pitch: int, seconds: float, level: float, sample_rate: int) -> None:
    """A plain tone of six partials, let go at its end; `pitch` as in MIDI."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    hz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hz * n * times) / n**1.5 for n in range(1, 7))
    _add(out, at, level * wave * np.exp(-2 * times / seconds), 0.0)
