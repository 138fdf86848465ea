"""Clicks on the beats of the song, on their frames: through seeks, loops and tempi."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.audio.tune import Tune
from karaoke_studio.playback.clicks import ROOM, tones
from tests.audio.test_rubber_band import needs_library
from tests.playback.conftest import FloatArray, Stage, Take

RATE = 44_100
BEAT = 11_025
ACCENT, PLAIN = tones(RATE)
MakeTake = Callable[..., Take]


def grid(first: int = 2_000, count: int = 40) -> BeatGrid:
    return BeatGrid([(0.0, float(first)), (float(count), float(first + count * BEAT))])


def clicks_in(heard: FloatArray) -> list[tuple[int, bool]]:
    """Where whole clicks begin in silence, and which are accented."""
    sounding = np.flatnonzero(heard[0])
    # a tone's first sample is zero
    begins = sounding[np.diff(sounding, prepend=-1_000) > 500] - 1
    found = []
    for at in begins[begins <= heard.shape[1] - len(PLAIN)].tolist():
        tone = heard[0, at : at + len(PLAIN)]
        is_first = bool(np.allclose(tone, ACCENT))
        assert is_first or np.allclose(tone, PLAIN)
        found.append((at, is_first))
    return found


@pytest.fixture
def silent_take(tone_take: MakeTake, tmp_path: object) -> Take:
    take = tone_take(4.0)
    return Take(tmp_path / "silent", np.zeros((2, 2, take.files.frames), np.int64), RATE)


def test_it_clicks_on_the_beats_and_accents_the_bars(stage: Stage, silent_take: Take) -> None:
    stage.load(silent_take)
    stage.player.set_metronome(grid())
    stage.play()
    heard = stage.listen(3 * RATE)
    told = clicks_in(heard)
    assert told == [(2_000 + n * BEAT, n % 4 == 0) for n in range(len(told))]
    assert len(told) == 12
    np.testing.assert_array_equal(heard[0], heard[1])


def test_the_song_makes_room_for_it(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(3.0)
    stage.load(take)
    stage.player.set_metronome(grid())
    stage.play()
    heard = stage.listen(2 * RATE)
    assert np.abs(heard).max() <= 1.0
    # between two clicks
    part = slice(2_000 + BEAT + 4_000, 2_000 + 2 * BEAT - 100)
    np.testing.assert_allclose(heard[:, part], ROOM * take.original[:, part], atol=1e-6)
    stage.player.set_metronome(None)
    stage.listen(5_000)
    at = 2 * RATE + 5_000
    rest = stage.listen(5_000)
    np.testing.assert_array_equal(rest, take.original[:, at : at + 5_000])


def test_it_follows_a_seek_and_a_pause(stage: Stage, silent_take: Take) -> None:
    stage.load(silent_take)
    stage.player.set_metronome(grid())
    stage.player.seek(RATE)
    stage.play()
    told = clicks_in(stage.listen(RATE))
    ahead = (2_000 - RATE) % BEAT
    assert [at for at, _ in told] == [ahead + n * BEAT for n in range(4)]
    stage.player.pause()
    stage.listen(5_000)
    assert not stage.listen(RATE).any()


def test_a_loop_clicks_in_time_round_after_round(stage: Stage, silent_take: Take) -> None:
    stage.load(silent_take)
    stage.player.set_metronome(grid())
    stage.player.set_loop(2_000, 2_000 + 4 * BEAT)
    stage.play()
    told = clicks_in(stage.listen(2_000 + 9 * BEAT))
    assert [at for at, _ in told] == [2_000 + n * BEAT for n in range(9)][: len(told)]
    assert len(told) >= 8
    assert [at for at, is_first in told if is_first][:3] == [2_000 + n * 4 * BEAT for n in range(3)]


def test_a_rest_between_rounds_is_counted(stage: Stage, silent_take: Take) -> None:
    stage.load(silent_take)
    beat_s = BEAT / RATE
    stage.player.set_loop(0, 2 * BEAT, 4 * beat_s, tuple(n * beat_s for n in range(4)))
    stage.play()
    told = clicks_in(stage.listen(8 * BEAT))
    assert told == [(n * BEAT, n == 2) for n in range(2, 6)]


@needs_library
def test_another_tempo_has_its_clicks(stage: Stage, silent_take: Take) -> None:
    stage.player.set_tune(Tune(0, 0.5))
    stage.load(silent_take)
    stage.player.set_metronome(grid())
    stage.play()
    told = clicks_in(stage.listen(3 * RATE))
    expected = [2 * (2_000 + n * BEAT) for n in range(len(told))]
    assert np.abs(np.subtract([at for at, _ in told], expected)).max() <= 2
    assert len(told) >= 5
