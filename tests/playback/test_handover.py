"""One song after another: what is heard at the seam, sample by sample, and what the player says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from karaoke_studio.audio.mix import Mix
from karaoke_studio.audio.tune import Tune
from karaoke_studio.playback.player import PlayerState, Source
from tests.helpers.fakes import ClockedOutput
from tests.playback.conftest import FloatArray, Stage, Take, until

MakeTake = Callable[..., Take]
MakeStage = Callable[..., Stage]
RATE = 44_100


def both(*sounds: FloatArray) -> FloatArray:
    """Return sounds one after another, mono ones on both sides."""
    return np.concatenate([np.broadcast_to(s, (2, s.shape[1])) for s in sounds], axis=1)


def lined_up(stage: Stage) -> None:
    """Wait until the player's thread has the next song ready."""
    until(lambda: stage.player._deck._next is not None)


@pytest.mark.parametrize("block", [441, 512, 1_024, 30])
@pytest.mark.parametrize(("channels", "count"), [(2, 2), (1, 2), (2, 6)])
def test_the_next_song_begins_on_the_very_next_sample(
    stages: MakeStage, noise_take: MakeTake, block: int, channels: int, count: int
) -> None:
    stage = stages(ClockedOutput(block_frames=block))
    first = noise_take(1.2345, name="first")
    second = noise_take(1.5, name="second", channels=channels, count=count)
    stage.load(first)
    stage.player.line_up(second.files)
    stage.play()
    heard = stage.listen(first.files.frames + 40_000)
    truth = both(first.original, second.original)[:, : heard.shape[1]]
    np.testing.assert_array_equal(heard[:, : first.files.frames], truth[:, : first.files.frames])
    # more than two stems: their sum is rounded in another order
    np.testing.assert_allclose(heard, truth, atol=0 if count == 2 else 3e-7)
    assert stage.player.underruns == 0
    until(lambda: stage.player.handovers == 1)
    assert stage.player.frames == second.files.frames
    assert stage.output.rates == [RATE]


def test_the_position_is_that_of_what_is_heard(stages: MakeStage, noise_take: MakeTake) -> None:
    stage = stages(ClockedOutput(latency_s=0.2))
    first, second = noise_take(1.0, name="first"), noise_take(2.0, name="second")
    stage.load(first)
    stage.player.line_up(second.files)
    stage.play()
    # the device is 0.2 s behind: 45,000 frames are asked for, the first song is still heard
    stage.listen(45_000)
    assert stage.player._deck._next is not None
    assert stage.player.position_frames == pytest.approx(45_000 - 0.2 * RATE, abs=500)
    assert stage.player.handovers == 0
    stage.listen(10_000)
    until(lambda: stage.player.handovers == 1)
    assert stage.player.position_frames == pytest.approx(10_900 - 0.2 * RATE, abs=500)


def test_each_song_is_heard_at_its_own_faders_key_and_rate(
    stages: MakeStage, tone_take: MakeTake
) -> None:
    stage = stages()
    first, second = tone_take(1.0, name="first"), tone_take(1.0, rate=48_000, name="second")
    stage.load(first)
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.player.line_up(second.files, mix=Mix(voice=0.5), matches={Source.INSTRUMENTAL: 0.5})
    stage.play()
    heard = stage.listen(RATE + 20_000)
    np.testing.assert_array_equal(heard[:, :RATE], first.instrumental)
    mixed = 0.5 * (second.instrumental + 0.5 * second.vocals)
    # the resampler's own error on low tones; the start is an edge to it
    at = np.arange(2_000, 20_000) * 48_000 / RATE
    truth = np.interp(at, np.arange(mixed.shape[1]), mixed[0])
    np.testing.assert_allclose(heard[0, RATE + 2_000 :], truth, atol=2e-3)


def test_a_song_at_another_tempo_follows(stage: Stage, tone_take: MakeTake) -> None:
    first, second = tone_take(1.0, name="first"), tone_take(2.0, name="second")
    stage.load(first)
    stage.player.line_up(second.files, mix=Mix(tune=Tune(tempo=0.5)))
    stage.play()
    stage.listen(RATE + 20_000)
    until(lambda: stage.player.handovers == 1)
    # 0.05 s of latency; at half the tempo half as far
    assert stage.player.position_frames == pytest.approx((20_000 - 0.05 * RATE) / 2, abs=600)


def test_who_seeks_back_stays_in_the_song(stage: Stage, noise_take: MakeTake) -> None:
    first, second = noise_take(1.0, name="first"), noise_take(1.0, name="second")
    stage.load(first)
    stage.player.line_up(second.files)
    stage.play()
    stage.listen(30_000)
    lined_up(stage)
    stage.player.seek(10_000)
    stage.listen(2_000)
    heard = stage.listen(RATE - 12_000 + 5_000)
    np.testing.assert_array_equal(
        heard, both(first.original[:, 12_000:], second.original[:, :5_000])
    )


@pytest.mark.parametrize("what", ["withdrawn", "looped", "paused"])
def test_the_end_is_what_is_wanted_by_then(stage: Stage, noise_take: MakeTake, what: str) -> None:
    first, second = noise_take(1.0, name="first"), noise_take(1.0, name="second")
    stage.load(first)
    stage.player.line_up(second.files)
    stage.play()
    stage.listen(30_000)
    lined_up(stage)
    if what == "withdrawn":
        stage.player.line_up(None)
        until(lambda: stage.player._deck._next is None)
        heard = stage.listen(20_000)
        np.testing.assert_array_equal(heard[:, :14_100], first.original[:, 30_000:])
        assert not heard[:, 14_100:].any()
        until(lambda: stage.player.state is PlayerState.ENDED)
    elif what == "looped":
        stage.player.set_loop(20_000, 40_000)
        until(lambda: stage.player._deck._next is None)
        stage.listen(60_000)
        assert 20_000 <= stage.player.position_frames <= 40_000
    else:
        stage.player.pause()
        assert not stage.listen(20_000)[:, 441:].any()
        assert stage.player.position_frames < RATE
        stage.play()
        stage.listen(20_000)
        until(lambda: stage.player.handovers == 1)
        assert stage.player.state is PlayerState.PLAYING
        return
    assert stage.player.handovers == 0


def test_a_next_song_that_is_damaged_does_not_hurt_this_one(
    stage: Stage, noise_take: MakeTake
) -> None:
    first, second = noise_take(1.0, name="first"), noise_take(1.0, name="second")
    second.files.stems["vocals"].write_bytes(b"fLaC")
    stage.load(first)
    stage.player.line_up(second.files)
    stage.play()
    heard = stage.listen(50_000)
    np.testing.assert_array_equal(heard[:, :RATE], first.original)
    until(lambda: stage.player.state is PlayerState.ENDED)
    assert stage.player.problem is None


def test_a_device_that_goes_away_at_the_seam_keeps_the_place(
    stage: Stage, noise_take: MakeTake
) -> None:
    first, second = noise_take(1.0, name="first"), noise_take(1.0, name="second")
    stage.load(first)
    stage.player.line_up(second.files)
    stage.play()
    stage.listen(30_000)
    lined_up(stage)
    stage.output.lose()
    until(lambda: stage.player.problem is not None)
    assert stage.player.position_frames == pytest.approx(30_000, abs=3_000)
    at = stage.player.position_frames
    stage.output.plug_in()
    stage.player.retry_output()
    until(lambda: stage.player.state is PlayerState.PLAYING)
    stage.listen(441)  # the next song joins a ring that is played
    lined_up(stage)
    heard = stage.listen(RATE - at + 8_000)
    (seam,) = np.flatnonzero(heard[0] == first.original[0, -1])
    truth = both(first.original[:, -5_000:], second.original[:, :5_000])
    np.testing.assert_array_equal(heard[:, seam - 4_999 : seam + 5_001], truth)
