"""Loops: what is heard round the seam, sample by sample, and where the playhead is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from karaoke_studio.playback.player import Loop, PlayerState
from tests.helpers.fakes import ClockedOutput
from tests.playback.conftest import FloatArray, Stage, Take, until

RATE = 44_100
SEAM = 441
MakeTake = Callable[..., Take]
MakeStage = Callable[..., Stage]


def looped(song: FloatArray, first: int, start: int, stop: int, count: int) -> FloatArray:
    """Slow and obvious: the frames that are heard from `first` on."""
    heard = song.copy()
    for number in range(SEAM):
        gain = np.float32(number + 1) / np.float32(SEAM)
        before = start - SEAM + number
        entering = song[:, before] if before >= 0 else 0 * song[:, 0]
        at = stop - SEAM + number
        heard[:, at] = song[:, at] * (1 - gain) + entering * gain
    once = heard[:, first:stop]
    rounds = -(-count // (stop - start)) + 1
    return np.concatenate([once, *[heard[:, start:stop]] * rounds], axis=1)[:, :count]


def ready(stage: Stage, loop: Loop | None) -> None:
    """Wait until the player's thread has seen a loop."""
    deck = stage.player._deck
    until(lambda: deck._feeder is not None and deck._feeder.loop == loop)
    until(lambda: stage.player.is_ready)


@pytest.mark.parametrize(
    ("start", "stop"), [(10_000, 30_000), (0, 20_000), (200, 44_100 * 2), (30_000, 34_500)]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_sample_of_every_round_is_heard(
    stage: Stage, noise_take: MakeTake, start: int, stop: int, channels: int
) -> None:
    take = noise_take(2.0, channels=channels)
    stage.load(take)
    stage.player.set_loop(start, stop)
    stage.play()
    count = stop + 3 * (stop - start) + 777
    heard = stage.listen(count)
    truth = looped(np.broadcast_to(take.original, (2, 88_200)), 0, start, stop, count)
    # 2e-7: the fade of both stems is rounded apart
    np.testing.assert_allclose(heard, truth, atol=2e-7)
    assert stage.player.underruns == 0
    assert stage.player.state is PlayerState.PLAYING


def test_the_seam_does_not_click(stage: Stage, tone_take: MakeTake) -> None:
    take = tone_take(2.0)
    stage.load(take)
    stage.player.set_loop(10_007, 21_003)
    stage.play()
    heard = stage.listen(100_000)
    own = np.abs(np.diff(take.original, axis=1)).max()
    # a fade between two tones adds at most their sum's slope
    assert np.abs(np.diff(heard, axis=1)).max() <= own + 1.7 / SEAM


def test_the_playhead_goes_round(stage: Stage, noise_take: MakeTake) -> None:
    stage.load(noise_take(2.0))
    stage.player.set_loop(20_000, 30_000)
    stage.play()
    seen = []
    for _ in range(120):
        stage.listen(441)
        seen.append(stage.player.position_frames)
    assert max(seen) <= 30_000
    backwards = [n for n, (a, b) in enumerate(pairwise(seen)) if b < a]
    assert len(backwards) == 3
    assert all(20_000 <= seen[n + 1] <= 20_441 for n in backwards)
    assert all(
        b - a == 441 for n, (a, b) in enumerate(pairwise(seen)) if n not in backwards and a > 5_000
    )


def test_a_loop_that_is_set_late_is_still_exact(stage: Stage, noise_take: MakeTake) -> None:
    """Half a second behind the loop's end is read ahead already when it is set."""
    take = noise_take(3.0)
    stage.load(take)
    stage.play()
    stage.listen(20_000)
    stage.player.set_loop(5_000, 30_000)
    ready(stage, Loop(5_000, 30_000))
    heard = stage.listen(60_000)
    truth = looped(take.original, 20_000, 5_000, 30_000, 60_000)
    # the cross-fade to the ring that was read anew is done after one seam's length
    np.testing.assert_allclose(heard[:, SEAM:], truth[:, SEAM:], atol=2e-7)
    np.testing.assert_allclose(heard[:, :SEAM], truth[:, :SEAM], atol=1e-6)


def test_a_cleared_loop_plays_on(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(3.0)
    stage.load(take)
    stage.player.set_loop(5_000, 30_000)
    stage.play()
    stage.listen(20_000)
    stage.player.clear_loop()
    ready(stage, None)
    heard = stage.listen(30_000)
    np.testing.assert_allclose(heard[:, SEAM:], take.original[:, 20_000 + SEAM : 50_000], atol=1e-6)
    assert stage.player.loop is None


def test_behind_the_loop_the_song_plays_to_its_end(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.player.set_loop(5_000, 20_000)
    stage.player.seek(25_000)
    stage.play()
    heard = stage.listen(44_100 - 25_000)
    np.testing.assert_array_equal(heard[:, SEAM:], take.original[:, 25_000 + SEAM :])
    stage.listen(5_000)  # what the device holds back
    until(lambda: stage.player.state is PlayerState.ENDED)


def test_the_whole_song_never_ends(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.player.set_loop(0, take.files.frames)
    stage.play()
    heard = stage.listen(3 * 44_100)
    np.testing.assert_allclose(heard, looped(take.original, 0, 0, 44_100, 132_300), atol=2e-7)
    assert stage.player.state is PlayerState.PLAYING


def test_loops_are_kept_inside_and_long_enough(stage: Stage, noise_take: MakeTake) -> None:
    stage.player.set_loop(1, 2)
    assert stage.player.loop is None  # there is no song
    take = noise_take(1.0)
    stage.load(take)
    for wish, loop in (
        ((-5, 9_000), (0, 9_000)),
        ((1_000, 1_001), (1_000, 5_410)),
        ((44_000, 90_000), (39_690, 44_100)),
        ((9_000, 2_000), (9_000, 13_410)),
    ):
        stage.player.set_loop(*wish)
        assert stage.player.loop == (*loop, 0, ())
    stage.load(take)
    assert stage.player.loop is None


def test_a_loop_on_a_device_of_another_rate(stages: MakeStage, tone_take: MakeTake) -> None:
    stage = stages(ClockedOutput(refused_rates=frozenset({RATE})))
    stage.load(tone_take(2.0))
    stage.player.set_loop(20_000, 30_000)
    stage.play()
    seen = []
    for _ in range(200):
        stage.listen(480)
        seen.append(stage.player.position_frames)
    assert 29_500 < max(seen) <= 30_001
    rounds = sum(b < a for a, b in pairwise(seen))
    assert rounds == (200 * 441 - 20_000) // 10_000


def test_silence_between_two_rounds(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.player.set_loop(10_000, 30_000, 0.5)
    stage.play()
    heard = stage.listen(30_000 + 22_050 + 20_000)
    song = take.original
    np.testing.assert_array_equal(heard[:, :29_559], song[:, :29_559])
    assert not heard[:, 30_000 : 30_000 + 22_050].any()
    again = heard[:, 30_000 + 22_050 :]
    np.testing.assert_array_equal(again[:, 441:19_000], song[:, 10_441:29_000])
    # both sides fade: nothing is cut
    assert np.abs(heard[:, 29_990:30_000]).max() < 0.05
    assert np.abs(again[:, :10]).max() < 0.05


def test_the_playhead_waits_at_the_start_of_a_round(stage: Stage, noise_take: MakeTake) -> None:
    stage.load(noise_take(2.0))
    stage.player.set_loop(10_000, 30_000, 0.5)
    stage.player.seek(29_000)
    stage.play()
    places = []
    for _ in range(90):
        stage.listen(441)
        places.append(stage.player.position_frames)
    still = [place for place in places if place == 10_000]
    assert 45 <= len(still) <= 52
    assert max(places) <= 30_000
    assert places[-1] > 10_000
