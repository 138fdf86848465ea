"""The desk: places and balances voice and band, adds room, and brings the sum to its loudness.

Every step after the two groups is one gain applied to both, so vocals and band add up to the mix.
"""

from dataclasses import dataclass

import numpy as np
import pyloudnorm
import score
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, fftconvolve, lfilter, sosfilt, sosfiltfilt

SAMPLE_RATE = 48000
TARGET_LUFS = -15.0
CEILING = 10 ** (-2.4 / 20)
VOICE_OVER_BAND_DB = -0.5


@dataclass(frozen=True)
class Mix:
    """Vocals and band, float64 (frames, 2) at 48 kHz; their sum is the song."""

    vocals: np.ndarray
    band: np.ndarray

    @property
    def song(self) -> np.ndarray:
        """The sum of both."""
        return self.vocals + self.band


def gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def loudness(samples: np.ndarray) -> float:
    """Integrated loudness in LUFS of (frames, 2) samples at 48 kHz."""
    return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(samples))


def place(samples: np.ndarray, pan: float) -> np.ndarray:
    """Pan mono or stereo samples with equal power; `pan` from -1 (left) to 1 (right)."""
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    angle = (pan + 1) * np.pi / 4
    return np.stack([mono * np.cos(angle), mono * np.sin(angle)], axis=1) * np.sqrt(2)


def low_cut(samples: np.ndarray, hertz: float) -> np.ndarray:
    return sosfilt(butter(2, hertz, "high", fs=SAMPLE_RATE, output="sos"), samples, axis=0)


def bell(samples: np.ndarray, hertz: float, decibels: float, quality: float) -> np.ndarray:
    """Peaking equaliser. Source: R. Bristow-Johnson, Audio EQ Cookbook."""
    a = 10 ** (decibels / 40)
    w = 2 * np.pi * hertz / SAMPLE_RATE
    alpha = np.sin(w) / (2 * quality)
    b = np.array([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a])
    d = np.array([1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])
    return lfilter(b / d[0], d / d[0], samples, axis=0)


def compress(samples: np.ndarray, threshold_db: float, ratio: float) -> np.ndarray:
    """Even out the level with a 30 ms window that looks ahead as far as it looks back."""
    power = (samples**2).reshape(len(samples), -1).mean(axis=1)
    smooth = butter(1, 6.0, fs=SAMPLE_RATE, output="sos")
    level = 10 * np.log10(np.maximum(sosfiltfilt(smooth, power), 1e-9))
    over = np.maximum(level - threshold_db, 0)
    curve = 10 ** (-over * (1 - 1 / ratio) / 20)
    return samples * (curve if samples.ndim == 1 else curve[:, None])


def room(seconds: float, delay_s: float, seed: int) -> np.ndarray:
    """Stereo impulse response, energy 1 per side: noise that dies faster the higher it is."""
    rng = np.random.default_rng(seed)
    length = int(seconds * 1.2 * SAMPLE_RATE)
    times = np.arange(length) / SAMPLE_RATE
    response = np.zeros((length, 2))
    for low, high, share in (
        (180, 700, 1.15),
        (700, 2500, 1.0),
        (2500, 6000, 0.7),
        (6000, 11000, 0.4),
    ):
        sos = butter(2, [low, high], "band", fs=SAMPLE_RATE, output="sos")
        noise = sosfilt(sos, rng.standard_normal((length, 2)), axis=0)
        response += noise * np.exp(-6.9 * times / (seconds * share))[:, None]
    response *= np.minimum(times / 0.012, 1.0)[:, None]
    response /= np.sqrt((response**2).sum(axis=0))
    return np.pad(response, ((int(delay_s * SAMPLE_RATE), 0), (0, 0)))


def reverberate(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Wet signal only, as long as the samples; (frames, 2)."""
    sides = [fftconvolve(samples[:, k], response[:, k])[: len(samples)] for k in (0, 1)]
    return np.stack(sides, axis=1)


def echo(samples: np.ndarray, eighths: float, feedback: float) -> np.ndarray:
    """Dark repeats that change sides; (frames, 2)."""
    step = round(eighths * score.EIGHTH_S * SAMPLE_RATE)
    dark = sosfilt(butter(2, [300, 2800], "band", fs=SAMPLE_RATE, output="sos"), samples, axis=0)
    out = np.zeros_like(samples)
    for k in range(1, 4):
        if k * step < len(samples):
            side = np.array([0.9, 0.3] if k % 2 else [0.3, 0.9])
            out[k * step :] += dark[: len(samples) - k * step] * side * feedback ** (k - 1)
    return out


def treat_voice(dry: np.ndarray) -> np.ndarray:
    """Equalise and compress a dry mono voice; the result peaks near -6 dBFS."""
    voice = low_cut(dry, 110)
    voice = bell(voice, 320, -1.5, 1.0)
    voice = bell(voice, 2900, 4.0, 0.6)
    voice = bell(voice, 9500, 2.0, 0.7)
    voice = voice / np.sqrt(np.mean(voice[np.abs(voice) > 1e-3 * np.abs(voice).max()] ** 2)) * 0.1
    voice = compress(voice, -26, 3.0)
    return voice / np.abs(voice).max() * 0.5


def vocal_group(lead: np.ndarray, doubles: list[np.ndarray], harmony: np.ndarray) -> np.ndarray:
    """The lead in the centre, two quiet doubles at the sides, the harmony behind, one room."""
    lead = treat_voice(lead)
    dry = place(lead, 0.0)
    for side, double in zip((-0.6, 0.6), doubles, strict=True):
        dry = dry + place(treat_voice(double), side) * gain(-14)
    dry = dry + place(treat_voice(harmony), 0.12) * gain(-10.5)
    wet = reverberate(low_cut(dry, 220), room(1.7, 0.028, score.SEED + 5))
    near = reverberate(dry, room(0.35, 0.006, score.SEED + 6))
    return dry + wet * gain(-15.5) + near * gain(-19) + echo(dry, 3, 0.4) * gain(-21)


def band_group(tracks: list[tuple[np.ndarray, object]]) -> np.ndarray:
    """Balance the parts by loudness, place them and add their share of the room."""
    total: np.ndarray | None = None
    send: np.ndarray | None = None
    for samples, part in tracks:
        clean = low_cut(samples, part.low_cut_hz)
        placed = clean if part.pan == 0 else place(clean, part.pan)
        placed = placed * gain(part.loudness - loudness(placed))
        total = placed if total is None else total + placed
        sent = placed * part.reverb
        send = sent if send is None else send + sent
    wet = reverberate(low_cut(send, 250), room(1.5, 0.018, score.SEED + 7))
    bright = bell(total + wet, 5500, 2.0, 0.5)
    return compress(bright, -17, 1.6)


def sung_rows(sung: list) -> np.ndarray:
    """Boolean (frames): where the lead sings."""
    rows = np.zeros(round(score.LENGTH_S * SAMPLE_RATE), bool)
    for phone in sung:
        rows[round(phone.start * SAMPLE_RATE) : round(phone.end * SAMPLE_RATE)] = True
    return rows


def balance(vocals: np.ndarray, band: np.ndarray, sung: list) -> Mix:
    """Set voice against band where it sings, then fade, limit and level the sum."""
    rows = sung_rows(sung)
    difference = loudness(vocals[rows]) - loudness(band[rows])
    vocals = vocals * gain(VOICE_OVER_BAND_DB - difference)
    frames = len(band)
    fade = np.ones(frames)
    fade[: SAMPLE_RATE // 50] = np.linspace(0, 1, SAMPLE_RATE // 50)
    tail = int(1.5 * SAMPLE_RATE)
    fade[-tail:] = np.cos(np.linspace(0, np.pi / 2, tail)) ** 2
    vocals, band = vocals * fade[:, None], band * fade[:, None]
    for _ in range(3):
        level = gain(TARGET_LUFS - loudness(vocals + band))
        vocals, band = vocals * level, band * level
        curve = _limiter(vocals + band)[:, None]
        vocals, band = vocals * curve, band * curve
    return Mix(vocals, band)


def _limiter(song: np.ndarray) -> np.ndarray:
    """Gain curve that keeps the song under the ceiling, smooth over 4 ms and looking ahead."""
    over = np.maximum(np.abs(song).max(axis=1) / CEILING, 1.0)
    window = SAMPLE_RATE // 250
    held = maximum_filter1d(over, 2 * window + 1)
    kernel = np.hanning(2 * window + 1)
    smooth = np.convolve(np.pad(held, window, mode="edge"), kernel / kernel.sum(), "valid")
    return 1.0 / smooth
