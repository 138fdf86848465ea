"""Splits whose faults are known: by the built-in engines, and by truth made worse on purpose.

A way takes the true voice and music (channels, frames) and returns what it would call the voice.
Those between an engine and the truth stand for better engines: the same faults, only smaller.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from karaoke_studio.separation.centre import CentreEngine
from karaoke_studio.separation.instant import InstantEngine
from karaoke_studio.separation.stft import OVERLAP, ComplexArray, Grid
from tests.helpers.engines import separated

FloatArray = NDArray[np.float32]
Rng = np.random.Generator
Way = Callable[[FloatArray, FloatArray, Rng], FloatArray]

RATE = 44_100


def instant(voice: FloatArray, music: FloatArray, _rng: Rng) -> FloatArray:
    return separated(InstantEngine(), voice + music, RATE)


def centre(voice: FloatArray, music: FloatArray, _rng: Rng) -> FloatArray:
    return separated(CentreEngine(), voice + music, RATE)


def oracle(voice: FloatArray, music: FloatArray, _rng: Rng) -> FloatArray:
    return _masked(voice, music, lambda sizes: sizes[0] / (sizes[0] + sizes[1] + 1e-9))


def blurred(voice: FloatArray, music: FloatArray, rng: Rng) -> FloatArray:
    """Split by the best mask, seen through ground glass: as by a net of few bands."""
    width = tuple(rng.choice([1, 3, 9, 21, 41], 2))

    def mask(sizes: FloatArray) -> FloatArray:
        soft = [ndimage.uniform_filter(np.square(size), width) for size in sizes]
        return soft[0] / (soft[0] + soft[1] + 1e-12)

    return _masked(voice, music, mask)


def noisy(voice: FloatArray, music: FloatArray, rng: Rng) -> FloatArray:
    """Split by the best mask with errors at random, in specks of some size: musical noise."""
    grain, size = rng.choice([1, 2, 4, 8]), rng.uniform(0.2, 3)

    def mask(sizes: FloatArray) -> FloatArray:
        ratio = np.log((sizes[0] + 1e-6) / (sizes[1] + 1e-6))
        error = ndimage.gaussian_filter(rng.standard_normal(ratio.shape), grain)
        ratio += size * error / error.std()
        return np.asarray(1 / (1 + np.exp(-1.5 * ratio)), np.float32)

    return _masked(voice, music, mask)


def leaky(voice: FloatArray, music: FloatArray, rng: Rng) -> FloatArray:
    """Leave some of each in the other, more here and less there."""
    into_voice = _wandering(voice.shape[1], rng, rng.uniform(-45, -3))
    into_music = _wandering(voice.shape[1], rng, rng.uniform(-45, -3))
    return voice * (1 - into_music) + _coloured(music, rng) * into_voice


def dropping(voice: FloatArray, music: FloatArray, rng: Rng) -> FloatArray:
    """Pass over phrases, or take the band for a voice for a while, on top of another way."""
    found = (oracle if rng.random() < 0.5 else instant)(voice, music, rng)
    for _ in range(rng.integers(1, 5)):
        length = int(rng.uniform(0.4, 3) * RATE)
        start = int(rng.integers(0, max(1, found.shape[1] - length)))
        part = slice(start, start + length)
        ramp = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 2000)
        wrong = np.zeros(1, np.float32) if rng.random() < 0.5 else (voice + music)[:, part]
        found[:, part] += ((wrong - found[:, part]) * ramp * rng.uniform(0.3, 1)).astype(np.float32)
    return found


def better(voice: FloatArray, music: FloatArray, rng: Rng) -> FloatArray:
    """Go part of the way from an engine to the truth."""
    way = [instant, instant, centre, oracle, blurred, noisy][rng.integers(6)]
    error = way(voice, music, rng) - voice
    # faults do not all vanish alike: some stay, in time and in frequency
    error *= _wandering(voice.shape[1], rng, rng.uniform(-20, -1))
    return voice + (_coloured(error, rng) if rng.random() < 0.5 else error)


def half(voice: FloatArray, music: FloatArray, rng: Rng) -> FloatArray:
    return (voice + music) * np.float32(rng.uniform(0.1, 0.9))


#: Each way and how often it is drawn.
WAYS: dict[str, tuple[Way, float]] = {
    "instant": (instant, 0.25),
    "better": (better, 0.25),
    "centre": (centre, 0.1),
    "oracle": (oracle, 0.05),
    "blurred": (blurred, 0.08),
    "noisy": (noisy, 0.08),
    "leaky": (leaky, 0.1),
    "dropping": (dropping, 0.07),
    "half": (half, 0.02),
}


def _masked(
    voice: FloatArray, music: FloatArray, mask: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    grid, found = Grid.for_rate(RATE), []
    columns = grid.segments(voice.shape[1]) + OVERLAP - 1
    for sung, played in zip(voice, music, strict=True):
        spectra = [_spectrum(grid, part, columns) for part in (sung, played)]
        gains = mask(np.abs(np.stack(spectra)))
        whole = ((spectra[0] + spectra[1]) * gains).astype(np.complex64)
        scratch = np.empty((columns, grid.n_fft), np.float32)
        found.append(grid.synthesise(whole, scratch)[: voice.shape[1]])
    return np.stack(found)


def _spectrum(grid: Grid, samples: FloatArray, columns: int) -> ComplexArray:
    start, stop = grid.span(0, columns)
    padded = np.pad(samples, (-start, stop - len(samples)))
    scratch = np.empty((columns, grid.n_fft), np.float32)
    return grid.analyse(padded, scratch, np.empty((columns, grid.bins), np.complex64))


def _wandering(frames: int, rng: Rng, middle_db: float) -> FloatArray:
    """Return gains (frames,) that wander around a level, 1 at most, some steadily, some a lot."""
    points = -(-frames // (RATE // 2)) + 1
    walk = ndimage.gaussian_filter1d(rng.standard_normal(points), rng.uniform(0.5, 3))
    levels = middle_db + rng.uniform(0, 9) * walk / (walk.std() + 1e-9)
    smooth = np.interp(np.arange(frames), np.arange(points) * (RATE // 2), levels)
    return np.minimum(1, 10 ** (smooth / 20)).astype(np.float32)


def _coloured(samples: FloatArray, rng: Rng) -> FloatArray:
    """Return the signal darker or brighter, or as it is."""
    kind = rng.random()
    if kind < 0.4:
        return samples
    smooth = ndimage.uniform_filter1d(samples, int(rng.choice([8, 16, 40])), axis=1)
    return smooth if kind < 0.7 else samples - smooth
