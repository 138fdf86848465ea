"""What a musician asks first: tempo, beats, key and loudness of a song. Runs in a *media* child.

Tempo and key are read from two minutes out of the middle, in mono at 22.05 kHz; the beats are those
of the whole song, and the loudness is that of the whole song and of each stem.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from karaoke_studio.audio.beat_tracking import LONGEST_S, find_beats
from karaoke_studio.audio.encode import read_floats
from karaoke_studio.audio.loudness import LoudnessMeter

FloatArray = NDArray[np.float32]

RATE = 22_050
#: As much as is listened to for tempo and key.
EXCERPT_S = 120
#: Fewer beats are no rhythm.
_FEWEST_BEATS = 8
#: Onsets on the beats of a song are at least this much stronger than elsewhere; in noise, where a
#: beat is found as well, they are 1.3 times as strong.
_LEAST_PULSE = 1.8
#: A key that fits no better than this is none (noise, speech, drums alone).
_LEAST_FIT = 0.5
_NOTES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
#: How well each degree fits into a key, from the tonic up in semitones; Temperley, "What's Key for
#: Key?", Music Perception 17 (1999).
_PROFILES = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
}
KEYS = tuple(f"{note} {mode}" for mode in _PROFILES for note in _NOTES)

Report = Callable[[float], None]
Check = Callable[[], None]


def analyse_stems(
    stems: dict[str, Path], sound: dict[str, int], report: Report, check: Check
) -> dict[str, Any]:
    """Analyse a take.

    Args:
        stems: lossless files whose sum is the song.
        sound: `channels`, `sample_rate` and `frames` of the stems.
        report: gets a rising fraction.
        check: called between steps.

    Returns:
        `bpm` (beats a minute) and `key` (one of `KEYS`), None where there is none; `beats` as
        `beats.BeatGrid` takes them, None where there are none; `lufs` of the song; `stem_lufs` by
        stem, and of the "instrumental" where that is a sum of stems.

    Raises:
        CorruptAudio: a stem is damaged.
    """
    rate, channels = sound["sample_rate"], sound["channels"]
    whole = LoudnessMeter(rate, channels)
    meters = {stem: LoudnessMeter(rate, channels) for stem in stems}
    names = list(stems)
    if "vocals" in names and "instrumental" not in names:
        meters["instrumental"] = LoudnessMeter(rate, channels)
    fits = sound["frames"] <= LONGEST_S * rate
    excerpt = Excerpt(sound["frames"], rate, LONGEST_S if fits else EXCERPT_S)
    readers: list[Iterable[Any]] = [read_floats(path) for path in stems.values()]
    done = 0
    for blocks in zip(*readers, strict=True):
        check()
        song = sum(blocks[1:], start=blocks[0])
        found = dict(zip(names, blocks, strict=True))
        for stem, meter in meters.items():
            meter.add(found[stem] if stem in found else song - found["vocals"])
        whole.add(song)
        excerpt.add(song)
        done += len(song)
        report(0.5 * done / max(1, sound["frames"]))
    whole_song = excerpt.finish()
    aside = max(0, len(whole_song) - EXCERPT_S * RATE) // 2
    mono = whole_song[aside : aside + EXCERPT_S * RATE]
    bpm = estimate_tempo(mono)
    check()
    report(0.7)
    beats = find_beats(whole_song, RATE, bpm, rate) if bpm and fits else None
    check()
    report(0.8)
    key = estimate_key(mono)
    report(1.0)
    return {
        "bpm": bpm,
        "beats": beats,
        "key": key,
        "lufs": whole.finish(),
        "stem_lufs": {stem: meter.finish() for stem, meter in meters.items()},
    }


class Excerpt:
    """Keeps the middle of a song that comes in blocks, in mono at `RATE`."""

    def __init__(self, frames: int, sample_rate: int, seconds: int = EXCERPT_S) -> None:
        wanted = min(frames, seconds * sample_rate)
        self._start = (frames - wanted) // 2
        self._stop = self._start + wanted
        self._at = 0
        self._resampler = soxr.ResampleStream(sample_rate, RATE, 1, "float32", "HQ")
        self._kept: list[FloatArray] = []

    def add(self, block: FloatArray) -> None:
        """Add float32 (frames, channels)."""
        first = max(0, self._start - self._at)
        last = max(0, self._stop - self._at)
        self._at += len(block)
        part = block[first:last]
        if len(part):
            self._kept.append(self._resampler.resample_chunk(part.mean(axis=1)))

    def finish(self) -> FloatArray:
        """Return float32 (frames,) at `RATE`."""
        rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return np.concatenate([*self._kept, rest])


def estimate_tempo(mono: FloatArray) -> float | None:
    """Return the beats a minute of float32 (frames,) at `RATE`, or None where nothing beats."""
    import librosa

    if len(mono) < RATE or not mono.any():
        return None
    onsets = librosa.onset.onset_strength(y=mono, sr=RATE)
    if not onsets.any():
        return None
    _, beats = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE, units="frames")
    if len(beats) < _FEWEST_BEATS or onsets[beats].mean() < _LEAST_PULSE * onsets.mean():
        return None
    # the tracker knows tempi only as whole hops; the mean over all beats is finer
    times_s = librosa.frames_to_time(beats, sr=RATE)
    return float(round(60 * (len(beats) - 1) / (times_s[-1] - times_s[0]), 1))


def estimate_key(mono: FloatArray) -> str | None:
    """Return the key of float32 (frames,) at `RATE`, one of `KEYS`, or None where there is none."""
    import librosa

    if len(mono) < RATE or not mono.any():
        return None
    # drums and the bass's overtones say little about the key
    tones = librosa.effects.harmonic(mono, margin=2.0)
    low_hz = librosa.note_to_hz("C3")
    with warnings.catch_warnings():
        # "empty frequency set": nothing in it has a pitch, which the fit will tell
        warnings.simplefilter("ignore")
        chroma = librosa.feature.chroma_cqt(y=tones, sr=RATE, fmin=low_hz, n_octaves=5)
    chroma = chroma.mean(axis=1)
    if not np.ptp(chroma) > 0:
        return None
    profiles = [np.roll(profile, note) for profile in _PROFILES.values() for note in range(12)]
    fits = [np.corrcoef(chroma, profile)[0, 1] for profile in profiles]
    best = int(np.argmax(fits))
    return KEYS[best] if fits[best] >= _LEAST_FIT else None
