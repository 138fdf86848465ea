"""Short-term loudness of sounds that are known, and of what the player plays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from karaoke_studio.audio.loudness import LoudnessMeter
from karaoke_studio.playback.levels import SILENCE
from karaoke_studio.playback.short_term import ShortTerm
from tests.helpers.signals import FloatArray, noise, sine
from tests.playback.conftest import Stage, Take

MakeTake = Callable[..., Take]


def told(sound: FloatArray, rate: int, block: int = 1_470) -> float | None:
    meter = ShortTerm(rate)
    for start in range(0, sound.shape[1], block):
        meter.add(sound[:, start : start + block])
    return meter.lufs


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(("hz", "level_db"), [(1_000.0, -23.0), (60.0, -20.0), (8_000.0, -33.0)])
def test_it_is_that_of_the_standard(rate: int, hz: float, level_db: float) -> None:
    sound = sine(4, rate, hz, level=10 ** (level_db / 20))
    known = LoudnessMeter(rate, 2)
    known.add(sound.T)
    # FFmpeg's meter says tenths, and loses the filters' first moments
    assert told(sound, rate) == pytest.approx(known.finish(), abs=0.1)


def test_block_sizes_do_not_matter_and_the_past_is_forgotten() -> None:
    loud, quiet = noise(4, 44_100), noise(4, 44_100, level=0.01, seed=2)
    assert told(loud, 44_100, 999) == told(loud, 44_100, 20_000)
    after = told(np.concatenate([loud, quiet], axis=1), 44_100)
    assert after == pytest.approx(told(quiet, 44_100), abs=0.1)


def test_silence_has_none() -> None:
    assert told(np.zeros((2, 200_000), np.float32), 44_100) is None
    assert ShortTerm(44_100).lufs is None


def test_the_player_tells_what_it_plays(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(4.0)
    stage.load(take)
    stage.play()
    steps = []
    for _ in range(30):
        steps.append(stage.listen(4_410))
        stage.player.heard()
        told_lufs = stage.player.short_term_lufs()
    sound = np.concatenate(steps, axis=1)
    assert told_lufs == pytest.approx(told(sound, 44_100), abs=0.2)
    stage.listen(4_410)
    heard = stage.player.heard()
    assert heard != SILENCE
    # uniform noise of two stems: known by its own samples
    part = take.original[:, :132_300]
    assert heard.left_rms == pytest.approx(float(np.sqrt(np.mean(part[0] ** 2))), rel=0.05)
    assert heard.left_rms < heard.left
    stage.player.set_volume(0.0)
    for _ in range(35):
        stage.listen(4_410)
        told_lufs = stage.player.short_term_lufs()
    assert told_lufs is None or told_lufs < -40
