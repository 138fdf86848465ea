"""Tempo, key and loudness of songs that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from karaoke_studio.audio.analysis import (
    EXCERPT_S,
    KEYS,
    RATE,
    Excerpt,
    analyse_stems,
    estimate_key,
    estimate_tempo,
)
from karaoke_studio.audio.loudness import LoudnessMeter
from tests.helpers.signals import FloatArray, noise, sine, tune

# tonic above C, minor, beats a minute
SONGS = (
    (0, False, 120.0),
    (9, True, 92.0),
    (7, False, 76.0),
    (2, True, 140.0),
    (5, False, 104.0),
    (4, True, 128.0),
    (10, False, 66.0),
    (11, True, 151.0),
    (3, False, 98.5),
    (6, True, 111.3),
)


def heard(song: FloatArray, sample_rate: int) -> FloatArray:
    """What tempo and key are read from."""
    excerpt = Excerpt(song.shape[1], sample_rate)
    for start in range(0, song.shape[1], 100_000):
        excerpt.add(song[:, start : start + 100_000].T)
    return excerpt.finish()


def test_tempo_and_key_of_ten_songs() -> None:
    for number, (tonic, minor, bpm) in enumerate(SONGS):
        rate = (44_100, 48_000, 32_000)[number % 3]
        song = tune(tonic, minor=minor, bpm=bpm, seconds=30, sample_rate=rate, seed=number)
        mono = heard(song, rate)
        assert estimate_key(mono) == KEYS[tonic + 12 * minor]
        assert estimate_tempo(mono) == pytest.approx(bpm, rel=0.005)


@pytest.mark.parametrize(
    "sound",
    [noise(20, RATE, 1), np.zeros((1, 20 * RATE), np.float32), noise(0.2, RATE, 1)],
    ids=["noise", "silence", "too short"],
)
def test_what_is_no_music_has_neither(sound: FloatArray) -> None:
    assert estimate_tempo(sound[0]) is None
    assert estimate_key(sound[0]) is None


def test_the_excerpt_is_the_middle() -> None:
    rate = 8_000
    song = np.zeros((2, (EXCERPT_S + 100) * rate), np.float32)
    song[:, 50 * rate : -50 * rate] = sine(EXCERPT_S, rate, 440.0)
    song[:, : 49 * rate] = 0.9
    mono = heard(song, rate)
    assert abs(len(mono) - EXCERPT_S * RATE) <= 2
    assert np.abs(mono).max() < 0.55


def test_loudness_is_that_of_the_standard() -> None:
    # EBU Tech 3341, cases 1 and 2: a 1 kHz sine of -23 and -33 dBFS on both sides
    for level_db in (-23.0, -33.0):
        meter = LoudnessMeter(48_000, 2)
        tone = sine(20, 48_000, 1000.0, level=10 ** (level_db / 20))
        for start in range(0, tone.shape[1], 7_001):
            meter.add(tone[:, start : start + 7_001].T)
        assert meter.finish() == pytest.approx(level_db, abs=0.1)


def test_silence_has_no_loudness() -> None:
    meter = LoudnessMeter(44_100, 1)
    meter.add(np.zeros((44_100, 1), np.float32))
    assert meter.finish() is None


def test_a_take_is_analysed_as_the_sum_of_its_stems(tmp_path: Path) -> None:
    rate = 44_100
    music = tune(9, minor=True, bpm=100, seconds=20, sample_rate=rate, seed=3)
    voice = 0.5 * sine(20, rate, 440.0)
    stems = {}
    for name, sound in (("vocals", voice), ("instrumental", music)):
        stems[name] = tmp_path / f"{name}.flac"
        sf.write(stems[name], np.clip(sound.T, -1, 1), rate, "PCM_24")
    told: list[float] = []
    sound = {"channels": 2, "sample_rate": rate, "frames": music.shape[1]}
    found = analyse_stems(stems, sound, told.append, lambda: None)
    assert found["bpm"] == pytest.approx(100, rel=0.005)
    assert found["key"] == "A minor"
    loud = found["stem_lufs"]
    # a sine of amplitude a on both sides: 20 log10 a and the weighting's 0 dB near 1 kHz
    assert loud["vocals"] == pytest.approx(-12.0, abs=1.0)
    assert found["lufs"] > max(loud.values()) - 0.1
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_instrumental_of_many_stems_is_measured(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    stems = {name: 0.1 * rng.standard_normal((2, 66_150)) for name in ("vocals", "drums", "bass")}
    paths = {name: tmp_path / f"{name}.flac" for name in stems}
    for name, path in paths.items():
        sf.write(path, stems[name].T, 22_050, subtype="PCM_24")
    sound = {"channels": 2, "sample_rate": 22_050, "frames": 66_150}
    found = analyse_stems(paths, sound, lambda _: None, lambda: None)["stem_lufs"]
    assert set(found) == {*stems, "instrumental"}
    meter = LoudnessMeter(22_050, 2)
    meter.add((stems["drums"] + stems["bass"]).T.astype(np.float32))
    assert found["instrumental"] == pytest.approx(meter.finish(), abs=0.1)
