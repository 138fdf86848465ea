"""Mixes songs and takes anew for each step: no net hears the same three seconds twice.

Half of the mixes are a take over its own song, half are of strangers. The parts are balanced,
placed, widened, left out and resampled at random; then the mix is mastered, which acts on voice
and music alike, so that they still add up.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from training.instant import coding, store
from training.instant.effects import db_to_gain, delayed, panned, rms, scaled_width
from training.instant.store import FRAMES, SAMPLE_RATE, Samples

Rng = np.random.Generator

#: Mean and spread of each kind's loudness, dB.
_LOUDNESS_DB = {"drums": (1, 3.5), "bass": (0, 3), "melody": (-4, 4), "wide": (-1, 4)}
_OTHER_LOUDNESS_DB = (-3, 4)

#: Chance that nobody sings, that an instrument shadows who does, that all is mono, and that the
#: mix was kept as MP3 or AAC.
_NO_VOICE, _SHADOWED, _MONO, _CODED = 0.08, 0.3, 0.28, 0.08

#: Resampled by up to so much, a crop needs more of the source than it gives.
_FASTEST = 1.2


@dataclass(frozen=True)
class Recording:
    """The tracks (tracks, 2, FRAMES) of a song or take, and what each is."""

    tracks: NDArray[np.int16]
    labels: tuple[str, ...]

    def track(self, label: str) -> NDArray[np.int16] | None:
        """Return the first track of that kind."""
        return self.tracks[self.labels.index(label)] if label in self.labels else None


@dataclass(frozen=True)
class _Cut:
    """Which part of a recording is heard, and how much faster."""

    start: int
    frames: int
    speed: float

    def of(self, track: NDArray[np.int16]) -> Samples:
        """Return float32 (…, frames), resampled along straight lines."""
        needed = int(np.ceil(self.frames * self.speed)) + 2
        start = min(self.start, FRAMES - needed)
        samples = track[..., start : start + needed].astype(np.float32) / 32768
        if self.speed == 1:
            return samples[..., : self.frames]
        at = np.arange(self.frames, dtype=np.float32) * np.float32(self.speed)
        low = at.astype(np.int32)
        part = at - low
        return samples[..., low] * (1 - part) + samples[..., low + 1] * part


class Desk:
    """Mixes from all songs and takes of the folders; looks again for new ones when asked."""

    def __init__(self, songs: Path, takes: Path, *, validation: bool) -> None:
        """Open the recordings that training leaves out, or all others."""
        self._folders = songs, takes
        self._validation = validation
        self.songs: dict[int, Recording] = {}
        self.takes: dict[int, Recording] = {}
        self.refresh()

    def refresh(self) -> None:
        """Open what has been finished since."""
        for folder, known in zip(self._folders, (self.songs, self.takes), strict=True):
            for number in store.numbers(folder):
                if number not in known and store.is_validation(number) == self._validation:
                    tracks, facts = store.load(folder, number)
                    known[number] = Recording(tracks, tuple(facts["labels"]))

    def mix(self, rng: Rng, frames: int) -> tuple[Samples, Samples]:
        """Return music and voice, float32 (2, frames) each; they add up to the song."""
        number = int(rng.choice(list(self.takes)))
        is_own_song = rng.random() < 0.5 and number in self.songs
        voice_cut = self._cut(rng, frames)
        music_cut = voice_cut if is_own_song else self._cut(rng, frames)
        song = self.songs[number if is_own_song else int(rng.choice(list(self.songs)))]
        take = self.takes[number]
        music = self._music(song, music_cut, rng, is_own_song=is_own_song)
        shadow = take.track("shadow")
        if shadow is not None and rng.random() < _SHADOWED:
            gain = db_to_gain(rng.normal(-3, 4))
            music += _placed(voice_cut.of(shadow), "melody", rng) * np.float32(gain)
        kind = rng.random()
        voice = np.zeros((2, frames), np.float32)
        if kind > _NO_VOICE:
            voice = self._voice(take, voice_cut, rng)
        if kind > 0.975:
            music *= np.float32(0.02)
        else:
            music *= np.float32(_wanted_rms(rng) / rms(music)) if rms(music) > 1e-4 else 1
        return mastered(*_narrowed(music, voice, rng), rng)

    def _cut(self, rng: Rng, frames: int) -> _Cut:
        speed = float(rng.uniform(0.86, 1.17)) if rng.random() < 0.5 else 1.0
        return _Cut(int(rng.integers(0, FRAMES - int(frames * _FASTEST) - 4)), frames, speed)

    def _music(self, song: Recording, cut: _Cut, rng: Rng, *, is_own_song: bool) -> Samples:
        music = np.zeros((2, cut.frames), np.float32)
        is_thin = rng.random() < 0.35
        for track, label in zip(song.tracks, song.labels, strict=True):
            if is_thin and rng.random() < 0.35:
                continue
            source, where = track, cut
            if not is_own_song and label in ("drums", "bass") and rng.random() < 0.4:
                other = self.songs[int(rng.choice(list(self.songs)))].track(label)
                if other is not None:
                    source, where = other, self._cut(rng, cut.frames)
            mean, spread = _LOUDNESS_DB.get(label, _OTHER_LOUDNESS_DB)
            gain = db_to_gain(rng.normal(mean, spread))
            music += _placed(where.of(source), label, rng) * np.float32(gain)
        return music

    def _voice(self, take: Recording, cut: _Cut, rng: Rng) -> Samples:
        voice = np.zeros((2, cut.frames), np.float32)
        if rng.random() > 0.04:
            voice += _lead(take, cut, rng)
        for label in ("backing", "choir", "ad lib"):
            track = take.track(label)
            if track is not None and rng.random() > 0.3:
                voice += cut.of(track) * np.float32(db_to_gain(rng.uniform(-14, -2)))
        if rng.random() < 0.1:
            stranger = self.takes[int(rng.choice(list(self.takes)))]
            gain = db_to_gain(rng.uniform(-15, -3))
            voice += _lead(stranger, self._cut(rng, cut.frames), rng) * np.float32(gain)
        return voice[::-1] if rng.random() < 0.5 else voice


def _lead(take: Recording, cut: _Cut, rng: Rng) -> Samples:
    """Place the lead: often dry and dead in the middle, as on records; or wet, aside, wide."""
    dry = cut.of(take.tracks[0, 0])
    kind = rng.random()
    if kind < 0.84:
        placed = np.stack([dry, dry])
    elif kind < 0.93:
        placed = panned(dry, rng.uniform(-0.6, 0.6))
    else:
        late = delayed(dry, int(rng.uniform(0.006, 0.025) * SAMPLE_RATE))
        placed = np.stack([0.8 * dry + 0.25 * late, 0.8 * late + 0.25 * dry])
    if kind < 0.16:
        return placed
    loudest, quietest = (-14, -30) if kind < 0.4 else (-4, -22)
    wet = cut.of(take.tracks[1])
    if rng.random() < 0.2:
        wet = scaled_width(wet, 0)
    return placed + wet * np.float32(db_to_gain(rng.uniform(quietest, loudest)))


def _placed(samples: Samples, label: str, rng: Rng) -> Samples:
    """Swap, pan, narrow or widen a track of the band."""
    if rng.random() < 0.5:
        samples = samples[::-1]
    kind = rng.random()
    if label == "drums" and kind < 0.4:
        return scaled_width(samples, rng.uniform(0, 1.3))
    if label in ("drums", "bass", "wide"):
        return samples
    if kind < 0.12:
        return scaled_width(samples, 0)
    if kind < 0.34:
        return panned(samples.mean(axis=0), rng.uniform(-0.95, 0.95)) * np.float32(1.2)
    if kind < 0.48:
        mono = samples.mean(axis=0)
        late = delayed(mono, int(rng.integers(150, 1200)))
        return np.stack([mono, late * np.float32(rng.choice([-1, 1]))])
    return scaled_width(samples, rng.uniform(0, 2)) if kind < 0.63 else samples


def _wanted_rms(rng: Rng) -> float:
    """Return how loud the music is beside a voice of about 0.05."""
    kind = rng.random()
    voice_over_music_db = rng.normal(-8.5, 2) if kind < 0.22 else rng.normal(-1.5, 4)
    return 0.05 * db_to_gain(-voice_over_music_db)


def _narrowed(music: Samples, voice: Samples, rng: Rng) -> tuple[Samples, Samples]:
    kind = rng.random()
    if kind < _MONO:
        return scaled_width(music, 0), scaled_width(voice, 0)
    if kind < _MONO + 0.14:
        width = rng.uniform(0.1, 1)
        return scaled_width(music, width), scaled_width(voice, width)
    return music, voice


def mastered(music: Samples, voice: Samples, rng: Rng) -> tuple[Samples, Samples]:
    """Compress and clip the mix, add noise and crackle, and code it: voice and music add up to it.

    Gains act on both alike; what a codec adds is music.
    """
    if rng.random() < 0.06:
        noise = rng.standard_normal(music.shape).astype(np.float32)
        music = music + noise * np.float32(rms(music) * db_to_gain(rng.uniform(-50, -28)))
    if rng.random() < 0.03:
        music = music + _crackle(music.shape[1], rng) * np.float32(rms(music))
    gain = np.ones(1, np.float32)
    if rng.random() < 0.3:
        power = np.square(music + voice).mean(axis=0)
        speed = float(rng.choice([3e-3, 1e-3, 3e-4]))
        envelope = signal.lfilter([speed], [1, speed - 1], power).astype(np.float32)
        threshold = max(float(np.mean(power)) * db_to_gain(rng.uniform(-12, 6)), 1e-9)
        excess = np.maximum(envelope / threshold, 1)
        gain = excess ** np.float32(-0.5 * rng.uniform(0.3, 0.9))
    if rng.random() < 0.2:
        song = (music + voice) * gain
        driven = np.abs(song) * np.float32(rng.uniform(0.3, 1.5) / (rms(song) * 3)) + 1e-6
        gain = gain * np.tanh(driven) / driven
    music, voice = music * gain, voice * gain
    if rng.random() < _CODED:
        song = music + voice
        music = music + coding.lossy(song, rng) - song
    return music, voice


def _crackle(frames: int, rng: Rng) -> Samples:
    """Return the clicks and hum of an old record, (2, frames)."""
    clicks = np.zeros((2, frames))
    count = rng.integers(10, 200)
    sizes = rng.laplace(0, 1.5, (2, count)) * rng.uniform(0.2, 1)
    clicks[:, rng.integers(0, frames, count)] = sizes
    needle = signal.butter(1, [400, rng.uniform(4000, 12000)], "band", fs=SAMPLE_RATE, output="sos")
    turn = 2 * np.pi * rng.choice([50, 60]) * np.arange(frames) / SAMPLE_RATE
    return (signal.sosfilt(needle, clicks) + 0.01 * np.sin(turn)).astype(np.float32)
