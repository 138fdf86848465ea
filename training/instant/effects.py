"""What a studio does to a track: rooms, delays, equalisers, compressors, distortion, width."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from training.instant import store
from training.instant.store import FRAMES, SAMPLE_RATE, Samples

Rng = np.random.Generator


def db_to_gain(db: float) -> float:
    """Return the factor on amplitudes."""
    return float(10 ** (db / 20))


def rms(samples: NDArray) -> float:
    """Return the root of the mean power, never quite 0."""
    return float(np.sqrt(np.mean(np.square(samples))) + 1e-9)


def delayed(samples: Samples, frames: int) -> Samples:
    """Return `samples` (…, frames) moved back in time."""
    out = np.zeros_like(samples)
    out[..., frames:] = samples[..., : samples.shape[-1] - frames]
    return out


def panned(mono: Samples, place: float) -> Samples:
    """Put (frames,) at `place`, from -1 for left to 1 for right: (2, frames)."""
    return np.stack([mono * (1 - max(place, 0)), mono * (1 + min(place, 0))])


def scaled_width(stereo: Samples, width: float) -> Samples:
    """Scale the difference of the sides: 0 gives mono, 1 leaves things alone."""
    mid = stereo.mean(axis=0)
    return mid + (stereo - mid) * np.float32(width)


def compressed(mono: Samples, ratio: float) -> Samples:
    """Even out the loudness of (frames,): 0 leaves it, 1 makes it constant."""
    power = signal.lfilter([0.0015], [1, -0.9985], np.square(mono, dtype=np.float64))
    envelope = np.sqrt(np.maximum(power, 0)) + 1e-9
    reference = rms(mono)
    gain = (np.maximum(envelope, 0.3 * reference) / reference) ** -ratio
    return (mono * gain).astype(np.float32)


def equalised(samples: Samples, knots_db: NDArray) -> Samples:
    """Give (…, frames) the gains `knots_db`, evenly spread over the octaves from 30 Hz up."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(samples.shape[-1], 1 / SAMPLE_RATE)
    octaves = np.log2(np.maximum(hertz, 30) / 30)
    gains = np.interp(octaves, np.linspace(0, 9.5, len(knots_db)), knots_db)
    spectrum *= 10 ** (gains / 20)
    return np.fft.irfft(spectrum, samples.shape[-1]).astype(np.float32)


def random_equaliser(rng: Rng, spread_db: float) -> NDArray:
    """Return seven gains in dB whose mean is 0."""
    knots = rng.normal(0, spread_db, 7)
    return knots - knots.mean()


def distorted(samples: Samples, rng: Rng) -> Samples:
    """Drive (…, frames) through an amplifier and its loudspeaker."""
    drive = rng.uniform(4, 40)
    driven = np.tanh(drive * samples / (np.abs(samples).max() + 1e-9))
    loudspeaker = signal.butter(
        1, [90, rng.uniform(3500, 6500)], "band", fs=SAMPLE_RATE, output="sos"
    )
    return signal.sosfilt(loudspeaker, driven, axis=-1).astype(np.float32)


def ensemble(mono: Samples, rng: Rng, count: int) -> Samples:
    """Make `count` players of one (frames,), each late, drifting, somewhere else: (2, frames)."""
    at = np.arange(len(mono), dtype=np.float64)
    knots = np.linspace(0, len(mono), int(len(mono) / SAMPLE_RATE * 1.5) + 2)
    out = np.zeros((2, len(mono)), np.float32)
    for _ in range(count):
        late_s = rng.uniform(0.004, 0.03) + rng.normal(0, 0.0025, len(knots))
        late = np.interp(at, knots, np.maximum(late_s, 0)) * SAMPLE_RATE
        place = rng.uniform(0.3, 1) * rng.choice([-1, 1])
        out += panned(np.interp(at - late, at, mono).astype(np.float32), place)
    return out / np.float32(np.sqrt(count))


def vocoded(voice: Samples, carrier: Samples) -> Samples:
    """Let `carrier` (frames,) speak: it gets the formants of `voice` (frames,)."""
    _, _, spoken = signal.stft(voice, nperseg=1024, noverlap=768)
    _, _, played = signal.stft(carrier, nperseg=1024, noverlap=768)
    own = gaussian_filter1d(np.abs(played), 4, axis=0)
    played *= gaussian_filter1d(np.abs(spoken), 3, axis=0) / (own + 1e-3 * own.max() + 1e-9)
    _, samples = signal.istft(played, nperseg=1024, noverlap=768)
    return store.fit(samples)


def room_response(rng: Rng, decay_s: float) -> Samples:
    """Return a room's answer to a click: early reflections, then noise that dies away, darker.

    Returns:
        float32 (2, frames) of unit power per side.
    """
    frames = int(min(decay_s * 1.1, 3.0) * SAMPLE_RATE)
    at_s = np.arange(frames) / SAMPLE_RATE
    correlation = rng.choice([0, 0, 0.3, 0.7])
    shared = rng.standard_normal(frames)
    low_hz, high_hz = rng.uniform(100, 400), rng.uniform(2500, 9000)
    dull = signal.butter(1, [low_hz, high_hz / 2.5], "band", fs=SAMPLE_RATE, output="sos")
    bright = signal.butter(1, [low_hz, high_hz], "band", fs=SAMPLE_RATE, output="sos")
    before = int(rng.uniform(0.003, 0.05) * SAMPLE_RATE)
    sides = []
    for _ in range(2):
        noise = correlation * shared + np.sqrt(1 - correlation**2) * rng.standard_normal(frames)
        noise[:before] = 0
        tail = signal.sosfilt(bright, noise * np.exp(-9.5 * at_s / decay_s))
        tail += signal.sosfilt(dull, noise * np.exp(-6.9 * at_s / decay_s))
        early = np.zeros(frames)
        places = rng.integers(before, max(before + 2, int(0.08 * SAMPLE_RATE)), 8)
        early[np.minimum(places, frames - 1)] = rng.normal(0, 1, 8)
        side = tail / rms(tail) / np.sqrt(frames) + rng.uniform(0, 0.5) * early / np.sqrt(8)
        sides.append(side / np.sqrt(np.sum(np.square(side))))
    return np.stack(sides).astype(np.float32)


def in_room(samples: Samples, response: Samples) -> Samples:
    """Return only what a room answers to (frames,) or (2, frames): (2, frames), equally loud."""
    sides = np.broadcast_to(samples, (2, samples.shape[-1]))
    wet = np.stack(
        [
            signal.oaconvolve(side, answer)[: samples.shape[-1]]
            for side, answer in zip(sides, response, strict=True)
        ]
    )
    return (wet * (rms(sides) / rms(wet))).astype(np.float32)


def echoes(mono: Samples, rng: Rng, beat_s: float) -> Samples:
    """Return the echoes of (frames,), in time with the song: (2, frames)."""
    step = int(beat_s * rng.choice([0.25, 0.5, 0.75, 1]) * SAMPLE_RATE)
    feedback, is_ping_pong = rng.uniform(0.15, 0.5), rng.random() < 0.4
    out = np.zeros((2, len(mono)), np.float32)
    for count in range(4):
        if step * (count + 1) >= FRAMES:
            break
        tap = delayed(mono, step * (count + 1)) * np.float32(feedback**count)
        if is_ping_pong:
            out[count % 2] += tap
        else:
            out += tap
    return out
