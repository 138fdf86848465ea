"""Lets a singer sing a melody: speech laid along the notes, under a new pitch, through WORLD."""

from dataclasses import dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from training.instant import store
from training.instant.score import Note
from training.instant.singers import Singer
from training.instant.speech import BINS, FRAME_MS, Syllable
from training.instant.store import LENGTH_S, SAMPLE_RATE, Samples

Rng = np.random.Generator

_FRAME_S = FRAME_MS / 1000
_FRAMES = int(LENGTH_S / _FRAME_S)
_NEPERS_PER_DB = np.log(10) / 10
_SILENCE = -27.0

#: Consonants before the beat last at most so many frames.
_LONGEST_ONSET = 16
_FEWEST_FRAMES = 50


@dataclass
class _Track:
    """What is sung, frame by frame (_FRAMES,).

    Attributes:
        utterance: which of the singer's, -1 where nobody sings.
        place: frame of that utterance.
        pitch: of the note.
        cents: what is added to it.
        loudness: amplitude.
    """

    utterance: NDArray[np.int64]
    place: NDArray[np.float64]
    pitch: NDArray[np.float64]
    cents: NDArray[np.float64]
    loudness: NDArray[np.float64]


def sing(singer: Singer, notes: list[Note], rng: Rng) -> Samples | None:
    """Return (FRAMES,) of the dry voice, or None where the notes are too few to sing."""
    track = _lay_out(singer, notes, rng)
    sung = track.utterance >= 0
    if np.count_nonzero(sung) < _FEWEST_FRAMES:
        return None
    envelope, noise, hertz = _collect(singer, track)
    voiced = hertz > 0
    if singer.style == "rap":
        # Rappers keep the tune of speech, moved to their range.
        median = np.median(hertz[voiced]) if voiced.any() else 1.0
        curve = np.where(voiced, (hertz / median) ** rng.uniform(0.5, 1), 1)
        hertz = 440 * 2 ** ((singer.centre - 69) / 12) * gaussian_filter1d(curve, 2)
    else:
        where = np.flatnonzero(sung)
        steps = np.interp(np.arange(_FRAMES), where, track.pitch[where])
        pitch = gaussian_filter1d(steps, singer.glide_frames) + track.cents / 100
        hertz = 440 * 2 ** ((pitch - 69) / 12)
    if singer.style == "whisper":
        voiced[:] = False
    envelope = _colour(singer, envelope, voiced, rng)
    noise[~voiced] = 1
    audible = np.maximum(gaussian_filter1d(track.loudness, 1.5), 1e-4)
    envelope = np.clip(envelope + 2 * np.log(audible)[:, None], -35, 10)
    samples = pyworld.synthesize(
        np.where(voiced, hertz, 0.0),
        np.exp(envelope.astype(np.float64)),
        np.clip(_breathiness(singer, noise), 1e-3, 1).astype(np.float64),
        SAMPLE_RATE,
        FRAME_MS,
    )
    return _finish(singer, store.fit(samples), sung, rng)


def _lay_out(singer: Singer, notes: list[Note], rng: Rng) -> _Track:
    unsteady = gaussian_filter1d(rng.normal(0, 1, _FRAMES), 12) * 3.4 * singer.shake_cents
    cents = unsteady + gaussian_filter1d(rng.normal(0, 1, _FRAMES), 1.5) * min(
        3, singer.shake_cents
    )
    zeros = np.zeros(_FRAMES)
    track = _Track(np.full(_FRAMES, -1), zeros.copy(), zeros.copy(), cents, zeros.copy())
    which, count = int(rng.integers(len(singer.utterances))), 0
    for note in notes:
        syllables = singer.utterances[which].syllables
        if count >= len(syllables):
            which, count = int(rng.integers(len(singer.utterances))), 0
            syllables = singer.utterances[which].syllables
        syllable = syllables[count]
        is_melisma = rng.random() < singer.melisma
        count += not is_melisma
        frames = max(8, int(note.length_s / _FRAME_S))
        start = max(int(note.start_s / _FRAME_S) + int(rng.normal(0, 3)), 0)
        places = _stretch(syllable, frames, rng, has_onset=not is_melisma)
        if not is_melisma:
            # The vowel, not the consonant, falls on the beat.
            start = max(start - min(syllable.steady[0] - syllable.start, _LONGEST_ONSET), 0)
        kept = min(len(places), _FRAMES - start)
        if kept <= 4:
            continue
        span = slice(start, start + kept)
        track.place[span] = places[:kept]
        track.utterance[span] = which
        track.pitch[span] = note.pitch
        track.cents[span] += _ornaments(singer, kept, rng)
        track.loudness[span] = _envelope(singer, kept, rng)
    return track


def _stretch(syllable: Syllable, frames: int, rng: Rng, *, has_onset: bool) -> NDArray[np.float64]:
    """Return which frame of the speech each sung frame is: only the vowel is made longer.

    It is passed through from its beginning to its end, on a slightly wandering path, so that
    its colour moves as it does in speech.
    """
    first, last = syllable.steady
    start = syllable.start if has_onset else first
    onset, coda = first - start, syllable.end - last
    if onset + coda + 2 > frames:
        return np.linspace(start, syllable.end, frames)
    held = frames - onset - coda
    wander = gaussian_filter1d(rng.normal(0, 1, held), 8) * 8
    wander *= np.minimum(1, np.minimum(np.arange(held), np.arange(held)[::-1]) / 8)
    bend = np.linspace(0, 1, held) ** rng.uniform(0.6, 1.7)
    vowel = np.clip(first + bend * (last - first) + wander, syllable.start, syllable.end)
    return np.concatenate([np.arange(start, first), vowel, np.arange(last, syllable.end)]).astype(
        np.float64
    )


def _ornaments(singer: Singer, frames: int, rng: Rng) -> NDArray[np.float64]:
    """Return vibrato, scoops, falls and mistuning of a note, in cents."""
    at_s = np.arange(frames) * _FRAME_S
    depth = singer.vibrato_cents * np.clip((at_s - singer.vibrato_after_s) / 0.25, 0, 1)
    rate = singer.vibrato_hz * (1 + 0.05 * rng.normal())
    turn = 2 * np.pi * rate * at_s + rng.uniform(0, 2 * np.pi)
    cents = depth * rng.uniform(0.6, 1.2) * np.sin(turn) + rng.normal(0, singer.mistuning_cents)
    if rng.random() < 0.5:
        cents -= singer.scoop_cents * np.exp(-at_s / 0.05)
    if rng.random() < 0.2 and singer.style not in ("tuned", "classical"):
        cents -= 60 * np.exp(-at_s[::-1] / 0.04)
    return cents


def _envelope(singer: Singer, frames: int, rng: Rng) -> NDArray[np.float64]:
    loudness = np.ones(frames)
    release = min(12, frames // 3)
    loudness[:3] *= np.linspace(0.3, 1, 3)[:frames]
    loudness[-release:] *= np.linspace(1, singer.release, release)
    loudness *= 1 + 0.25 * np.sin(np.pi * np.arange(frames) / frames) * singer.swell
    return loudness * np.exp(rng.normal(0, 0.15))


def _collect(singer: Singer, track: _Track) -> tuple[NDArray, NDArray, NDArray]:
    """Gather envelope and noise (_FRAMES, BINS), and the speech's pitch (_FRAMES,)."""
    envelope = np.full((_FRAMES, BINS), _SILENCE, np.float32)
    noise = np.ones((_FRAMES, BINS), np.float32)
    hertz = np.zeros(_FRAMES)
    for which, utterance in enumerate(singer.utterances):
        at = np.flatnonzero(track.utterance == which)
        low = np.clip(track.place[at].astype(int), 0, len(utterance.hertz) - 2)
        part = (track.place[at] - low)[:, None].astype(np.float32)
        before, after = (utterance.envelope[low + step].astype(np.float32) for step in (0, 1))
        envelope[at] = before * (1 - part) + after * part
        noise[at] = utterance.noise[low]
        hertz[at] = utterance.hertz[low]
    return envelope, noise, hertz


def _colour(
    singer: Singer, envelope: NDArray, voiced: NDArray[np.bool_], rng: Rng
) -> NDArray[np.float32]:
    """Move the formants and give the voice its timbre, which slowly changes."""
    bins = np.arange(BINS)
    turn = np.log2(1 + bins / 40) * rng.uniform(0.8, 2) + rng.uniform(0, 2 * np.pi)
    bend = 1 + 0.08 * rng.uniform(-1, 1) * np.sin(turn)
    source = np.clip(bins / singer.warp * bend, 0, BINS - 1)
    low = np.minimum(source.astype(int), BINS - 2)
    part = (source - low).astype(np.float32)
    envelope = envelope[:, low] * (1 - part) + envelope[:, low + 1] * part
    hertz = np.maximum(bins * SAMPLE_RATE / 2 / (BINS - 1), 60)
    colour = singer.tilt_db * np.log2(hertz / 500)
    colour += singer.ring_db * np.exp(-(((hertz - singer.ring_hz) / 700) ** 2))
    for _ in range(3):
        middle = np.exp(rng.uniform(np.log(300), np.log(9000)))
        colour += rng.uniform(-6, 8) * np.exp(-((np.log2(hertz / middle) / 0.25) ** 2))
    slow = gaussian_filter1d(rng.normal(0, 1, _FRAMES), 40)
    slow *= rng.uniform(0, 2.2) / (slow.std() + 1e-9)
    envelope += (colour * _NEPERS_PER_DB).astype(np.float32)
    envelope += np.outer(slow, np.log2(hertz / 700) * _NEPERS_PER_DB).astype(np.float32)
    envelope[~voiced] += rng.uniform(-0.3, 1.1)
    return gaussian_filter1d(envelope, 1.2, axis=0)


def _breathiness(singer: Singer, noise: NDArray) -> NDArray:
    hertz = np.linspace(0, SAMPLE_RATE / 2, BINS)
    added = singer.breath * (np.clip((hertz - 800) / 6000, 0, 1) + 0.1)
    return noise + added.astype(np.float32)


def _finish(singer: Singer, samples: Samples, sung: NDArray[np.bool_], rng: Rng) -> Samples:
    if rng.random() < 0.7 and singer.style != "classical":
        _add_breaths(samples, sung, rng)
    if singer.grit > 0:
        peak = np.abs(samples).max() + 1e-9
        samples = (1 - singer.grit) * samples + 0.5 * singer.grit * peak * np.tanh(
            4 * samples / peak
        )
    rumble = signal.butter(2, 70, "high", fs=SAMPLE_RATE, output="sos")
    return signal.sosfilt(rumble, samples).astype(np.float32)


def _add_breaths(samples: Samples, sung: NDArray[np.bool_], rng: Rng) -> None:
    """Breathe in before phrases that leave time for it."""
    mouth = signal.butter(2, [1200, 9000], "band", fs=SAMPLE_RATE, output="sos")
    loudness = np.sqrt(np.mean(np.square(samples)) * len(sung) / np.count_nonzero(sung))
    for onset in np.flatnonzero(sung[1:] & ~sung[:-1]):
        frames = int(rng.uniform(0.15, 0.4) * SAMPLE_RATE)
        first = int(onset * _FRAME_S * SAMPLE_RATE) - frames
        if first > 0 and onset > 60 and not sung[onset - 40 : onset].any():
            breath = signal.sosfilt(mouth, rng.standard_normal(frames)) * np.hanning(frames) ** 0.7
            samples[first : first + frames] += breath * loudness * rng.uniform(0.05, 0.25)
