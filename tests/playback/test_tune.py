"""Key and tempo in the player: heard soon, without a click, the playhead in its place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.tune import Tune
from karaoke_studio.playback.player import PlayerState
from tests.audio.test_rubber_band import needs_library, pitch
from tests.helpers.fakes import ClockedOutput
from tests.helpers.sound_server import until
from tests.playback.conftest import FloatArray, Stage, Take

RATE = 44_100
MakeTake = Callable[..., Take]
MakeStage = Callable[..., Stage]


def retune(stage: Stage, tune: Tune) -> None:
    """Change the tune, and wait until its ring lies ready."""
    ring = stage.player._desk.controls.ring
    stage.player.set_tune(tune)
    until(lambda: stage.player._desk.controls.ring is not ring)


def is_moved(line: FloatArray, semitones: float) -> bool:
    """Whether the tones of a take, 110 and 165 Hz and equally strong, are heard so far away."""
    found = pitch(line) / 2 ** (semitones / 12)
    return any(abs(found / hz - 1) < 0.003 for hz in (110, 165))


def own_step(*sounds: FloatArray) -> float:
    return max(float(np.abs(np.diff(sound)).max()) for sound in sounds)


@needs_library
def test_another_key_is_heard_soon_and_does_not_click(stage: Stage, tone_take: MakeTake) -> None:
    take = tone_take(4.0)
    stage.load(take)
    stage.play()
    before = stage.listen(RATE // 2)
    np.testing.assert_array_equal(before, take.original[:, : RATE // 2])
    retune(stage, Tune(5))
    after = stage.listen(RATE)
    # after 150 ms of the device's time
    assert is_moved(after[0, round(0.15 * RATE) :], 5)
    whole = np.concatenate([before, after], axis=1)
    # a cross-fade of 441 frames between two sounds of at most 0.8 each, and a fifth more slope
    assert own_step(whole) <= own_step(take.original) * 2 ** (5 / 12) * 1.2 + 1.6 / 441


@needs_library
@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.25, 1.5])
def test_the_playhead_goes_at_the_tempo(stage: Stage, tone_take: MakeTake, tempo: float) -> None:
    stage.load(tone_take(4.0))
    stage.play()
    stage.listen(RATE // 2)
    retune(stage, Tune(0, tempo))
    stage.listen(RATE // 2)
    before = stage.player.position_frames
    stage.listen(RATE // 2)
    went = stage.player.position_frames - before
    assert went == pytest.approx(RATE / 2 * tempo, abs=10)


@needs_library
def test_the_playhead_does_not_jump_where_the_tempo_changes(
    stage: Stage, tone_take: MakeTake
) -> None:
    stage.load(tone_take(4.0))
    stage.play()
    stage.listen(RATE // 2)
    retune(stage, Tune(0, 1.5))
    places = []
    for _ in range(60):
        stage.listen(441)
        places.append(stage.player.position_frames)
    steps = np.diff(places)
    assert steps.min() >= 440
    assert steps.max() <= 441 * 1.5 + 441  # one step may hold the frames skipped at the change


@needs_library
def test_a_slow_song_ends_later_and_is_whole(stage: Stage, tone_take: MakeTake) -> None:
    take = tone_take(1.0)
    stage.load(take)
    stage.player.set_tune(Tune(0, 0.8))
    until(lambda: stage.player._deck._feeder is not None)
    until(lambda: stage.player._deck._feeder.tune == Tune(0, 0.8))
    stage.play()
    heard = stage.listen(round(1.5 * RATE))
    until(lambda: stage.player.state is PlayerState.ENDED)
    assert stage.player.position_frames == RATE
    sounding = np.flatnonzero(np.abs(heard[0]) > 1e-3)
    assert sounding[-1] == pytest.approx(RATE / 0.8, abs=600)
    assert stage.player.underruns == 0


@needs_library
def test_a_loop_goes_round_at_its_tempo(stage: Stage, tone_take: MakeTake) -> None:
    stage.load(tone_take(3.0))
    stage.player.set_loop(RATE // 2, RATE)
    stage.player.set_tune(Tune(2, 1.25))
    stage.player.seek(RATE // 2)
    stage.play()
    heard, places = [], []
    for _ in range(250):
        heard.append(stage.listen(441))
        places.append(stage.player.position_frames)
    assert min(places[20:]) >= RATE // 2 - 10
    assert max(places) <= RATE + 10
    assert 4 <= int((np.diff(places) < 0).sum()) <= 6  # 2.5 s at 0.4 s a round
    assert stage.player.underruns == 0


@needs_library
def test_back_to_the_recording_is_exact_again(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(3.0)
    stage.load(take)
    stage.play()
    stage.listen(RATE // 2)
    retune(stage, Tune(-4))
    stage.listen(RATE // 2)
    retune(stage, Tune())
    stage.listen(RATE // 4)
    heard = stage.listen(RATE // 4)
    # whatever frame it is by now: the same samples lie in the song, one after the other
    first = int(np.abs(take.original[0, :, None] - heard[0, None, :1]).argmin())
    np.testing.assert_array_equal(heard, take.original[:, first : first + heard.shape[1]])


@needs_library
def test_a_paused_song_begins_in_its_new_key(stage: Stage, tone_take: MakeTake) -> None:
    stage.load(tone_take(4.0))
    stage.play()
    stage.listen(RATE // 2)
    stage.player.pause()
    stage.listen(RATE // 2)
    at = stage.player.position_frames
    retune(stage, Tune(4))
    assert stage.player.position_frames == at
    stage.play()
    heard = stage.listen(RATE)
    assert is_moved(heard[0, 2_000:], 4)


@needs_library
def test_a_device_of_another_rate_plays_the_right_key(
    stages: MakeStage, tone_take: MakeTake
) -> None:
    stage = stages(ClockedOutput(refused_rates=frozenset({RATE}), default_rate=48_000))
    stage.load(tone_take(4.0))
    stage.player.set_tune(Tune(3, 0.9))
    stage.play()
    heard = stage.listen(2 * 48_000)
    # what a device at 48 kHz plays is analysed as if it were at 44.1
    assert is_moved(heard[0, 48_000:], 3 + 12 * np.log2(RATE / 48_000))
    # two seconds were played less what is still in the device (50 ms)
    assert stage.player.position_frames == pytest.approx(1.95 * RATE * 0.9, abs=0.02 * RATE)


def test_without_the_library_a_song_is_played_as_it_was_recorded(
    stage: Stage, noise_take: MakeTake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rubber_band, "library", lambda: None)
    take = noise_take(1.0)
    stage.load(take)
    stage.player.set_tune(Tune(3))
    assert stage.player.tune.is_plain
    stage.play()
    np.testing.assert_array_equal(stage.listen(5_000), take.original[:, :5_000])
