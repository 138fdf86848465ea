"""What is told of sound while it happens."""

from __future__ import annotations

import math

import numpy as np
import pytest

from karaoke_studio.preparation.live import HOP_S, LiveFeatures, Reading, note_of
from tests.helpers.signals import noise, sine

RATES = (16_000, 44_100, 48_000)


def listen(sound: np.ndarray, rate: int, block: int = 480) -> list[Reading]:
    live = LiveFeatures(rate)
    blocks = range(0, sound.shape[1], block)
    return [told for at in blocks for told in live.push(sound[:, at : at + block])]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [82.4, 196.0, 440.0, 987.8])
def test_the_pitch_of_a_tone(rate: int, hertz: float) -> None:
    at = np.arange(rate) / rate
    tone = sum(np.sin(2 * np.pi * hertz * k * at) / k for k in (1, 2, 3)) * 0.1
    told = listen(np.stack([tone, tone]).astype(np.float32), rate)[5:]
    cents = [1200 * math.log2(reading.f0_hz / hertz) for reading in told if reading.f0_hz]
    assert len(cents) == len(told)
    assert np.abs(cents).max() < 12


def test_noise_and_silence_have_no_pitch_and_are_no_voice() -> None:
    told = listen(noise(2, 44_100, 1) * np.float32(0.1), 44_100)
    assert sum(reading.f0_hz is not None for reading in told) < len(told) / 20
    silent = listen(np.zeros((2, 44_100), np.float32), 44_100)
    assert not any(reading.is_voice or reading.f0_hz for reading in silent)
    assert {reading.level_db for reading in silent} == {-100.0}


def test_a_voice_is_told_within_a_tenth_of_a_second_and_let_go_soon() -> None:
    rate = 44_100
    room = noise(3, rate, 1) * np.float32(0.001)
    song = room.copy()
    song[:, rate : 2 * rate] += sine(1, rate, 220, 1, level=0.2)
    told = listen(song, rate)
    voiced = [number * HOP_S for number, reading in enumerate(told) if reading.is_voice]
    assert 1.0 <= voiced[0] < 1.1
    assert 2.0 <= voiced[-1] < 2.35
    assert len(voiced) > 0.98 * (voiced[-1] - voiced[0]) / HOP_S


def test_the_level_is_that_of_the_sound() -> None:
    (*_, last) = listen(sine(1, 48_000, 500, 2, level=0.5), 48_000)
    assert last.level_db == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.3)


@pytest.mark.parametrize("block", [64, 441, 5000])
def test_blocks_do_not_matter(block: int) -> None:
    sound = sine(0.7, 44_100, 300, 2, level=0.3)
    assert listen(sound, 44_100, block) == listen(sound, 44_100, 480)


@pytest.mark.parametrize(
    ("hertz", "note"),
    [(440.0, ("A4", 0)), (261.63, ("C4", 0)), (445.0, ("A4", 20)), (77.8, ("E♭2", 0))],
)
def test_notes_have_names(hertz: float, note: tuple[str, int]) -> None:
    assert note_of(hertz) == note
