"""Clicks before the sound begins: on the frame, once, and the song is whole after them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from karaoke_studio.playback.clicks import CLICK_LEVEL
from tests.playback.conftest import Stage, Take

RATE = 44_100
MakeTake = Callable[..., Take]


@pytest.mark.parametrize("bpm", [60.0, 133.0])
def test_the_song_begins_on_the_beat_after_the_clicks(
    stage: Stage, noise_take: MakeTake, bpm: float
) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.player.count_in(4, bpm)
    stage.play()
    beat = round(60 / bpm * RATE)
    heard = stage.listen(4 * beat + RATE)
    np.testing.assert_array_equal(heard[:, 4 * beat :], take.original[:, :RATE])
    clicks = heard[0, : 4 * beat]
    np.testing.assert_array_equal(heard[1, : 4 * beat], clicks)
    assert np.abs(clicks).max() == pytest.approx(CLICK_LEVEL, rel=0.05)
    for number in range(4):
        tone, rest = np.split(clicks[number * beat : (number + 1) * beat], [1_764])
        assert np.abs(tone).max() > 0.3
        assert not rest.any()
    # soft edges: nothing but the tones' own slope
    assert np.abs(np.diff(clicks)).max() <= CLICK_LEVEL * 2 * np.pi * 1_500 / RATE * 1.05


def test_it_counts_once(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(3.0)
    stage.load(take)
    stage.player.count_in(2, 120.0)
    stage.play()
    stage.listen(2 * 22_050 + 10_000)
    stage.player.pause()
    stage.listen(5_000)
    at = stage.player.position_frames
    stage.play()
    heard = stage.listen(5_000)
    assert np.abs(heard).max() > 0.1
    assert stage.player.position_frames > at


def test_the_playhead_waits_for_the_song(stage: Stage, noise_take: MakeTake) -> None:
    stage.load(noise_take(3.0))
    stage.player.seek(RATE)
    stage.player.count_in(4, 120.0)
    stage.play()
    stage.listen(3 * 22_050)
    assert stage.player.position_frames == RATE
    stage.listen(2 * 22_050)
    assert stage.player.position_frames > RATE


def test_none_is_none(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.player.count_in(4, 60.0)
    stage.player.count_in(0, 60.0)
    stage.play()
    np.testing.assert_array_equal(stage.listen(5_000), take.original[:, :5_000])


def test_the_volume_is_the_clicks_too(stage: Stage, noise_take: MakeTake) -> None:
    stage.load(noise_take(1.0))
    stage.player.set_volume(0.0)
    stage.player.count_in(1, 60.0)
    stage.play()
    stage.listen(4_000)
    assert not stage.listen(20_000).any()


def test_the_beat_of_the_song_goes_on_from_the_last_click(
    stage: Stage, noise_take: MakeTake
) -> None:
    take = noise_take(2.0)
    stage.load(take)
    # the song's first beat lies 0.2 s in, so the last click is 0.3 s before the song
    stage.player.count_in(4, 120.0, 0.3)
    stage.play()
    counted = 3 * 22_050 + round(0.3 * RATE)
    heard = stage.listen(counted + RATE)
    np.testing.assert_array_equal(heard[:, counted:], take.original[:, :RATE])
    assert np.abs(heard[0, 3 * 22_050 : counted]).max() > 0.3
