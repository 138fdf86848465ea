"""The player from the outside: what is heard, when, and what it says of itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import soxr

from karaoke_studio.errors import CorruptAudio, MissingFile, NoOutputDevice, OutputLost
from karaoke_studio.playback.player import Player, PlayerState, Source, TakeFiles, volume_to_gain
from tests.helpers.fakes import ClockedOutput
from tests.playback.conftest import FloatArray, Stage, Take, until

RATE = 44_100
FADE = 441
MakeTake = Callable[..., Take]
MakeStage = Callable[..., Stage]


def largest_step(sound: FloatArray) -> float:
    return float(np.abs(np.diff(sound, axis=1)).max())


# What is heard


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize(("channels", "shift_bits"), [(1, 0), (2, 0), (2, 1)])
def test_every_sample_is_heard_bit_for_bit(
    stage: Stage, noise_take: MakeTake, source: Source, channels: int, shift_bits: int
) -> None:
    take = noise_take(2.5, channels=channels, shift_bits=shift_bits)
    stage.load(take)
    stage.player.set_source(source)
    stage.play()
    heard = stage.listen(take.files.frames)
    truth = np.broadcast_to(getattr(take, source), (2, take.files.frames))
    np.testing.assert_array_equal(heard, truth)
    assert stage.player.underruns == 0


def test_sources_change_on_the_sample_with_a_straight_cross_fade(
    stage: Stage, noise_take: MakeTake
) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.play()
    stage.listen(5_000)
    stage.player.set_source(Source.INSTRUMENTAL)
    heard = stage.listen(2_000)
    vocals, instrumental = take.vocals[:, 5_000:7_000], take.instrumental[:, 5_000:7_000]
    gain = np.clip(1 - np.arange(1, 2_001) / FADE, 0, 1)
    # 1e-6: float32 rounding of gain and product.
    np.testing.assert_allclose(heard, instrumental + gain * vocals, atol=1e-6)
    np.testing.assert_array_equal(heard[:, FADE:], instrumental[:, FADE:])

    stage.player.set_source(Source.VOCALS)
    heard = stage.listen(2_000)
    vocals, instrumental = take.vocals[:, 7_000:9_000], take.instrumental[:, 7_000:9_000]
    np.testing.assert_allclose(heard, gain * instrumental + (1 - gain) * vocals, atol=1e-6)
    np.testing.assert_array_equal(heard[:, FADE:], vocals[:, FADE:])


def test_nothing_clicks(stage: Stage, tone_take: MakeTake) -> None:
    take = tone_take(6.0)
    # A full-scale fade adds at most its slope to the tones' own steps; two may overlap.
    allowed = largest_step(take.original) + 2 * 0.8 / FADE
    stage.load(take)
    stage.play()
    sounds = [stage.listen(3_001)]
    for n in range(30):
        [
            lambda: stage.player.set_source(Source.VOCALS),
            stage.player.pause,
            stage.play,
            lambda: stage.player.seek(90_001),
            lambda: stage.player.set_source(Source.INSTRUMENTAL),
            lambda: stage.player.set_volume(0.3),
            lambda: stage.player.seek(10_007),
            lambda: stage.player.set_source(Source.ORIGINAL),
            lambda: stage.player.set_volume(1.0),
            stage.player.toggle,
            stage.player.toggle,
        ][n % 11]()
        sounds.append(stage.listen(2_503))
    assert largest_step(np.concatenate(sounds, axis=1)) <= allowed
    assert stage.player.underruns == 0


def test_a_thousand_switches_leave_no_trace(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(6.0)
    stage.load(take)
    stage.play()
    for n in range(1_000):
        stage.player.set_source(list(Source)[n % 3])
        stage.listen(200)
    stage.player.set_source(Source.ORIGINAL)
    heard = stage.listen(2_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, 200_000 + FADE : 202_000])
    assert stage.player.underruns == 0


def test_volume_follows_its_law(stage: Stage, tone_take: MakeTake) -> None:
    take = tone_take(1.0)
    stage.load(take)
    stage.player.set_volume(0.5)
    stage.play()
    heard = stage.listen(20_000)
    np.testing.assert_allclose(heard, take.original[:, :20_000] / 8, atol=1e-6)
    assert stage.player.volume == 0.5
    assert volume_to_gain(0.0) == 0.0
    assert volume_to_gain(1.0) == 1.0
    stage.player.set_volume(7.0)
    assert stage.player.volume == 1.0


# Moving about


@pytest.mark.parametrize("frame", [0, 1, 4_095, 4_096, 44_099, 60_000])
def test_seek_lands_on_the_frame(stage: Stage, noise_take: MakeTake, frame: int) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.play()
    stage.listen(1_000)
    stage.player.seek(frame)
    assert stage.player.position_frames == frame
    stage.play()
    heard = stage.listen(8_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, frame + FADE : frame + 8_000])


def test_seek_while_paused_stays_paused_and_starts_there(
    stage: Stage, noise_take: MakeTake
) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.play()
    stage.listen(1_000)
    stage.player.pause()
    stage.listen(1_000)
    stage.player.seek(30_000)
    assert stage.player.state is PlayerState.PAUSED
    assert not stage.listen(1_000).any()
    assert stage.player.position_frames == 30_000
    stage.play()
    heard = stage.listen(3_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, 30_000 + FADE : 33_000])


def test_seeking_past_the_ends_means_the_ends(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.player.seek(-5)
    assert stage.player.position_frames == 0
    stage.player.seek(10**9)
    assert stage.player.position_frames == take.files.frames
    stage.player.play()
    until(lambda: stage.player.state is PlayerState.ENDED)


def test_a_hundred_seeks_at_once_end_at_the_last(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.play()
    for n in range(100):
        stage.player.seek(n * 500)
        stage.output.advance(16)
    stage.play()
    heard = stage.listen(4_000)
    # At most two fades late: one that was running, then the one to the last place.
    expected = take.original[:, 99 * 500 + 3_000 - 2 * FADE :][:, : 100 + 2 * FADE]
    places = np.lib.stride_tricks.sliding_window_view(expected, 100, axis=1)
    assert (places == heard[:, None, 3_000:3_100]).all(axis=(0, 2)).any()


def test_pause_goes_on_where_it_stopped(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.play()
    stage.listen(10_000)
    stage.player.pause()
    faded = stage.listen(5_000)
    assert not faded[:, FADE:].any()
    position = stage.player.position_frames
    assert position == 10_000 + FADE
    stage.play()
    heard = stage.listen(3_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, position + FADE :][:, :2_559])


def test_the_end_and_again_from_the_start(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(0.5)
    frames = take.files.frames
    stage.load(take)
    stage.play()
    stage.listen(frames)
    # Rendered, not heard: the player looks up twice in this time.
    time.sleep(0.1)
    assert stage.player.state is PlayerState.PLAYING
    until(lambda: stage.output.advance() or stage.player.state is PlayerState.ENDED)
    assert stage.player.position_frames == frames
    stage.output.heard()
    stage.play()
    assert stage.player.state is PlayerState.PLAYING
    np.testing.assert_array_equal(stage.listen(frames), take.original)


def test_position_is_what_is_heard_and_never_goes_back(
    stages: MakeStage, noise_take: MakeTake
) -> None:
    stage = stages(ClockedOutput(latency_s=0.1))
    take = noise_take(2.0)
    stage.load(take)
    assert stage.player.position_frames == 0
    stage.play()
    positions = []
    for n in range(150):
        stage.listen(441)
        rendered = 441 * (n + 1)
        assert abs(stage.player.position_frames - max(0, rendered - 4_410)) <= 1
        positions.append(stage.player.position_frames)
    assert positions == sorted(positions)
    stage.player.pause()
    for _ in range(30):
        stage.listen(441)
        positions.append(stage.player.position_frames)
    assert positions == sorted(positions)
    assert positions[-1] == 150 * 441 + FADE
    stage.player.seek(500)
    assert stage.player.position_frames == 500


def test_a_trembling_clock_does_not_move_the_position_back(
    stages: MakeStage, noise_take: MakeTake
) -> None:
    stage = stages(ClockedOutput(block_frames=100, jitter_s=0.004))
    stage.load(noise_take(1.0))
    stage.play()
    positions = []
    for _ in range(300):
        stage.output.advance()
        positions.append(stage.player.position_frames)
    assert positions == sorted(positions)
    assert positions[-1] > 20_000


# Songs


def test_nothing_loaded_is_harmless() -> None:
    player = Player(ClockedOutput())
    player.play()
    player.toggle()
    player.seek(5)
    player.pause()
    player.retry_output()
    assert player.state is PlayerState.EMPTY
    assert (player.frames, player.sample_rate, player.position_frames) == (0, 0, 0)
    assert player.problem is None
    player.close()


def test_songs_of_different_rates_follow_each_other(stage: Stage, noise_take: MakeTake) -> None:
    for rate in (44_100, 96_000, 8_000):
        take = noise_take(1.0, rate=rate, name=f"at {rate}")
        stage.load(take)
        assert stage.player.state is PlayerState.PAUSED
        assert stage.player.sample_rate == rate
        stage.player.play()
        until(lambda rate=rate: stage.output.is_open and stage.output.rates[-1] == rate)
        stage.play()
        np.testing.assert_array_equal(stage.listen(4_000), take.original[:, :4_000])
    assert stage.output.rates == [44_100, 96_000, 8_000]


def test_a_song_of_another_rate_lets_the_last_one_fade(stage: Stage, tone_take: MakeTake) -> None:
    stage.load(tone_take(1.0))
    stage.play()
    stage.listen(10_000)
    stage.load(tone_take(1.0, rate=48_000, name="other"))
    until(lambda: stage.output.advance(40) or not stage.output.is_open)
    faded = stage.output.heard()
    assert np.abs(faded[:, -1]).max() < 0.01
    assert largest_step(faded) < 0.02


def test_another_song_of_the_same_rate_keeps_the_stream(
    stage: Stage, noise_take: MakeTake, tone_take: MakeTake
) -> None:
    stage.load(noise_take(1.0))
    stage.play()
    stage.listen(5_000)
    take = tone_take(1.0)
    stage.load(take)
    stage.listen(2_000)
    stage.play()
    np.testing.assert_array_equal(stage.listen(4_000), take.original[:, :4_000])
    assert stage.output.rates == [RATE]
    stage.player.unload()
    assert stage.player.state is PlayerState.EMPTY
    assert not stage.listen(2_000)[:, FADE:].any()


def test_the_stream_closes_when_idle_and_the_place_is_kept(
    stages: MakeStage, noise_take: MakeTake
) -> None:
    stage = stages(idle_close_s=0.05)
    take = noise_take(1.0)
    stage.load(take)
    stage.play()
    stage.listen(10_000)
    stage.player.pause()
    stage.listen(5_000)
    until(lambda: not stage.output.is_open)
    assert stage.player.position_frames == 10_000 + FADE
    stage.play()
    heard = stage.listen(3_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, 10_000 + 2 * FADE :][:, :2_559])


# Devices


def test_a_lost_device_pauses_and_its_return_resumes(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(2.0)
    stage.load(take)
    stage.play()
    stage.listen(20_000)
    stage.output.lose()
    until(lambda: stage.player.problem is not None)
    assert isinstance(stage.player.problem, OutputLost)
    assert stage.player.state is PlayerState.PAUSED
    position = stage.player.position_frames
    assert 20_000 - 0.05 * RATE - 2 <= position <= 20_000
    stage.player.retry_output()
    until(lambda: isinstance(stage.player.problem, NoOutputDevice))
    assert stage.player.state is PlayerState.PAUSED

    stage.output.plug_in()
    stage.player.retry_output()
    until(lambda: stage.player.problem is None)
    assert stage.player.state is PlayerState.PLAYING
    heard = stage.listen(5_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, position + FADE :][:, :4_559])


def test_a_lost_device_is_said_although_closing_it_hangs(
    stage: Stage, noise_take: MakeTake
) -> None:
    stage.load(noise_take(1.0))
    stage.play()
    stage.output.gate.clear()
    stage.output.lose()
    until(lambda: stage.player.problem is not None)
    assert stage.player.state is PlayerState.PAUSED
    stage.output.gate.set()


def test_pause_while_lost_means_no_resume(stage: Stage, noise_take: MakeTake) -> None:
    stage.load(noise_take(1.0))
    stage.play()
    stage.output.lose()
    until(lambda: stage.player.problem is not None)
    stage.player.pause()
    stage.output.plug_in()
    stage.player.retry_output()
    until(lambda: stage.player.problem is None)
    assert stage.player.state is PlayerState.PAUSED


def test_a_device_lost_while_paused_is_no_problem(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.play()
    stage.listen(5_000)
    stage.player.pause()
    stage.listen(5_000)
    stage.output.lose()
    until(lambda: not stage.output.is_open)
    assert stage.player.problem is None
    stage.output.plug_in()
    stage.play()
    heard = stage.listen(3_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.original[:, 5_000 + 2 * FADE :][:, :2_559])


def test_without_a_device_everything_else_works(stages: MakeStage, noise_take: MakeTake) -> None:
    stage = stages(ClockedOutput(is_present=False))
    take = noise_take(1.0)
    stage.load(take)
    stage.player.play()
    until(lambda: stage.player.problem is not None)
    assert isinstance(stage.player.problem, NoOutputDevice)
    assert stage.player.state is PlayerState.PAUSED
    stage.player.seek(9_000)
    assert stage.player.position_frames == 9_000
    stage.player.set_source(Source.VOCALS)
    # Plugged in later: it was never heard, so it does not begin by itself.
    stage.output.plug_in()
    stage.player.retry_output()
    until(lambda: stage.player.problem is None)
    assert stage.player.state is PlayerState.PAUSED
    stage.play()
    heard = stage.listen(3_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.vocals[:, 9_000 + FADE : 12_000])


def test_play_tries_a_missing_device_again(stages: MakeStage, noise_take: MakeTake) -> None:
    stage = stages(ClockedOutput(is_present=False))
    stage.load(noise_take(1.0))
    stage.player.play()
    until(lambda: stage.player.problem is not None)
    stage.player.play()
    until(lambda: stage.player.state is PlayerState.PAUSED)
    stage.output.plug_in()
    stage.play()
    assert stage.player.problem is None
    assert stage.player.state is PlayerState.PLAYING


def test_looking_for_devices_leaves_a_playing_stream_alone(
    stage: Stage, noise_take: MakeTake
) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.play()
    stage.listen(1_000)
    stage.player.retry_output()
    np.testing.assert_array_equal(stage.listen(9_000), take.original[:, 1_000:10_000])
    assert stage.output.refreshes == 0


def test_a_refused_rate_is_resampled(stages: MakeStage, tone_take: MakeTake) -> None:
    stage = stages(ClockedOutput(refused_rates=frozenset({RATE})))
    take = tone_take(2.0)
    stage.load(take)
    stage.play()
    assert stage.output.rates == [48_000]
    heard = stage.listen(96_000)
    truth = soxr.resample(take.original.T, RATE, 48_000, quality="VHQ").T
    # One-shot and streaming resampling differ by rounding; the stems are summed afterwards.
    np.testing.assert_allclose(heard, truth[:, :96_000], atol=2e-6)
    until(lambda: stage.output.advance() or stage.player.state is PlayerState.ENDED)
    assert stage.player.position_frames == take.files.frames


def test_positions_are_the_songs_when_the_device_has_another_rate(
    stages: MakeStage, tone_take: MakeTake
) -> None:
    stage = stages(ClockedOutput(refused_rates=frozenset({RATE}), latency_s=0.05))
    take = tone_take(3.0)
    stage.load(take)
    stage.play()
    stage.player.seek(RATE)
    stage.play()
    heard = stage.listen(48_000)
    assert abs(stage.player.position_frames - (2 * RATE - round(0.05 * RATE))) <= 1
    truth = soxr.resample(take.original.T, RATE, 48_000, quality="VHQ").T[:, 48_000:96_000]
    # The resampler starts at the seek point without what came before: its edge lies in the fade.
    np.testing.assert_allclose(heard[:, 4_800:], truth[:, 4_800:], atol=2e-6)


def test_one_loudspeaker_gets_both_channels(stages: MakeStage, noise_take: MakeTake) -> None:
    stage = stages(ClockedOutput(channels=1))
    take = noise_take(0.5)
    stage.load(take)
    stage.play()
    heard = stage.listen(4_000)
    np.testing.assert_allclose(heard, take.original[:, :4_000].mean(axis=0)[None], atol=1e-7)


# Takes that cannot be played


def broken(files: TakeFiles, how: str) -> None:
    data = files.stems["vocals"].read_bytes()
    match how:
        case "missing":
            files.stems["vocals"].unlink()
        case "empty":
            files.stems["vocals"].write_bytes(b"")
        case "garbage":
            files.stems["vocals"].write_bytes(bytes(range(256)) * 40)
        case "swapped for a folder":
            files.stems["vocals"].unlink()
            files.stems["vocals"].mkdir()
        case "cut off":
            files.stems["vocals"].write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("how", ["missing", "empty", "garbage", "swapped for a folder", "cut off"])
def test_a_broken_take_is_said(stage: Stage, noise_take: MakeTake, how: str) -> None:
    take = noise_take(2.0)
    broken(take.files, how)
    stage.load(take)
    stage.player.play()
    stage.output.advance()
    until(lambda: stage.output.advance() or stage.player.problem is not None)
    assert stage.player.state is PlayerState.PAUSED
    problem = stage.player.problem
    assert problem is not None
    assert "vocals.flac" in problem.message
    if how not in {"missing", "swapped for a folder"}:
        assert isinstance(problem, CorruptAudio)
    if how == "missing":
        assert isinstance(problem, MissingFile)
    stage.player.play()
    assert stage.player.state is PlayerState.PAUSED

    good = noise_take(1.0, name="good")
    stage.load(good)
    assert stage.player.problem is None
    stage.play()
    stage.listen(2_000)
    assert stage.player.state is PlayerState.PLAYING


def test_a_break_in_the_middle_plays_up_to_it(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(4.0)
    data = bytearray(take.files.stems["instrumental"].read_bytes())
    middle = len(data) // 2
    data[middle:] = bytes(len(data) - middle)
    take.files.stems["instrumental"].write_bytes(bytes(data))
    stage.load(take)
    stage.play()
    while stage.player.problem is None:
        stage.output.advance()
        until(lambda: stage.player.is_ready or stage.player.problem is not None)
    assert isinstance(stage.player.problem, CorruptAudio)
    assert "instrumental.flac" in stage.player.problem.message
    assert stage.player.state is PlayerState.PAUSED
    heard = stage.output.heard()
    # The break is found when it comes into the ring, a second before its turn.
    good = 40_000
    np.testing.assert_array_equal(heard[:, :good], take.original[:, :good])
    assert 0 < stage.player.position_frames < 2.2 * RATE


def test_a_take_that_was_mended_plays_when_loaded_again(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    data = take.files.stems["vocals"].read_bytes()
    take.files.stems["vocals"].write_bytes(b"")
    stage.load(take)
    until(lambda: stage.player.problem is not None)
    take.files.stems["vocals"].write_bytes(data)
    stage.load(take)
    assert stage.player.problem is None
    stage.play()
    np.testing.assert_array_equal(stage.listen(4_000), take.original[:, :4_000])


def test_a_take_of_another_length_is_refused(stage: Stage, noise_take: MakeTake) -> None:
    files = noise_take(1.0).files
    stage.player.load(replace(files, frames=files.frames + 1))
    until(lambda: isinstance(stage.player.problem, CorruptAudio))


# Threads and time


def test_methods_return_at_once_while_the_sound_system_hangs(
    stage: Stage, noise_take: MakeTake
) -> None:
    take = noise_take(1.0)
    stage.output.gate.clear()
    player = stage.player
    slowest = 0.0
    for _ in range(20):
        for call in (
            lambda: player.load(take.files),
            player.play,
            lambda: player.seek(5_000),
            player.retry_output,
            player.pause,
            player.toggle,
            lambda: player.set_source(Source.VOCALS),
            lambda: player.set_volume(0.4),
            lambda: player.position_frames,
            player.unload,
        ):
            began = time.perf_counter()
            call()
            slowest = max(slowest, time.perf_counter() - began)
    stage.output.gate.set()
    # 20 ms is the promise; a busy test machine may take a turn in between.
    assert slowest < 0.1


def test_a_closed_player_is_quiet_and_closing_twice_is_harmless(
    stage: Stage, noise_take: MakeTake
) -> None:
    stage.load(noise_take(1.0))
    stage.play()
    stage.listen(2_000)
    stage.player.close()
    stage.player.close()
    assert stage.player.state is PlayerState.EMPTY
    assert not stage.output.is_open
