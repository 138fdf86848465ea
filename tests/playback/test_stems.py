"""Takes of four and six stems, faders, meters, and another device."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from karaoke_studio.audio.mix import Mix, mixed
from karaoke_studio.playback.levels import SILENCE, SLOTS, Levels
from karaoke_studio.playback.player import Manner, PlayerState, Source
from tests.helpers.fakes import ClockedOutput
from tests.playback.conftest import NETWORK, FloatArray, Stage, Take, until

RATE = 44_100
FADE = 441
MakeTake = Callable[..., Take]
MakeStage = Callable[..., Stage]


def largest_step(sound: FloatArray) -> float:
    return float(np.abs(np.diff(sound, axis=1)).max())


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize(("count", "channels"), [(4, 2), (6, 2), (6, 1)])
def test_every_sample_of_many_stems_is_heard_bit_for_bit(
    stage: Stage, noise_take: MakeTake, source: Source, count: int, channels: int
) -> None:
    take = noise_take(1.5, count=count, channels=channels)
    stage.load(take)
    stage.player.set_source(source)
    stage.play()
    heard = stage.listen(take.files.frames)
    truth = np.broadcast_to(getattr(take, source), (2, take.files.frames))
    np.testing.assert_array_equal(heard, truth)


def test_stems_of_another_rate_stay_together(stages: MakeStage, tone_take: MakeTake) -> None:
    stage = stages(ClockedOutput(refused_rates=frozenset({RATE})))
    take = tone_take(2.0, count=4)
    stage.load(take)
    stage.play()
    whole = stage.listen(48_000)
    stage.player.seek(0)
    stage.player.set_source(Source.VOCALS)
    stage.listen(1_000)
    times = np.arange(48_000) / 48_000
    # The sum of four tones, resampled; 1e-3 covers the ends of the resampler.
    truth = sum(0.2 * np.sin(2 * np.pi * hz * times) for hz in (110, 165, 60, 220))
    np.testing.assert_allclose(whole[0, 2_000:40_000], truth[2_000:40_000], atol=1e-3)


FADERS = [
    Mix(voice=0.2),
    Mix(voice=0.2, music=0.5),
    Mix(voice=1.0, music=0.0),
    Mix(levels={"drums": 0.25, "other": 0.0}),
    Mix(voice=0.5, muted=frozenset({"bass"})),
    Mix(voice=0.5, pans={"vocals": -0.75, "drums": 1.0, "bass": 0.125}),
    Mix(voice=0.5, solo=frozenset({"vocals", "drums"})),
]


@pytest.mark.parametrize("mix", FADERS)
def test_faders_are_followed_to_the_sample(stage: Stage, noise_take: MakeTake, mix: Mix) -> None:
    take = noise_take(1.0, count=4)
    stage.load(take)
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.player.set_mix(mix)
    stage.play()
    heard = stage.listen(take.files.frames)
    sides = [mix.sides(stem) for stem in NETWORK[:4]]
    truth = mixed([stem.T for stem in take.stems], sides).T
    np.testing.assert_array_equal(heard, truth)


def test_faders_act_on_the_instrumental_only(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.player.set_mix(Mix(voice=0.5, music=0.1))
    stage.play()
    np.testing.assert_array_equal(stage.listen(5_000), take.original[:, :5_000])
    stage.player.set_source(Source.VOCALS)
    heard = stage.listen(5_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.vocals[:, 5_000 + FADE : 10_000])
    stage.player.set_source(Source.INSTRUMENTAL)
    heard = stage.listen(5_000)
    sides = [(0.5, 0.5), (0.1, 0.1)]
    truth = mixed([take.vocals.T, take.instrumental.T], sides).T[:, 10_000:15_000]
    np.testing.assert_array_equal(heard[:, FADE:], truth[:, FADE:])


def test_switching_among_stems_stays_on_the_sample(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(5.0, count=6)
    stage.load(take)
    stage.play()
    at = 0
    for n in range(60):
        source = list(Source)[n % 3]
        stage.player.set_source(source)
        heard = stage.listen(1_500)
        truth = getattr(take, source)[:, at : at + 1_500]
        np.testing.assert_array_equal(heard[:, FADE:], truth[:, FADE:])
        at += 1_500


def test_no_fader_clicks(stage: Stage, tone_take: MakeTake) -> None:
    take = tone_take(6.0, count=4)
    # Every stem steps by its own slope; a fade adds at most its level over 10 ms.
    own = sum(largest_step(stem) for stem in take.stems)
    stage.load(take)
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.play()
    sounds = [stage.listen(2_000)]
    rng = np.random.default_rng(1)
    for n in range(60):
        levels = {stem: float(rng.random()) for stem in NETWORK[:4]}
        muted = frozenset({NETWORK[n % 4]} if n % 3 == 0 else ())
        solo = frozenset({NETWORK[n % 4]} if n % 5 == 0 else ())
        voice, music = float(rng.random()), float(rng.random())
        stage.player.set_mix(Mix(voice, music, levels, muted, solo))
        sounds.append(stage.listen(701))
    heard = np.concatenate(sounds, axis=1)
    assert largest_step(heard) <= own + 0.8 / FADE
    assert stage.player.underruns == 0


def test_another_song_has_its_own_faders_from_its_first_sample(
    stage: Stage, noise_take: MakeTake
) -> None:
    first, second = noise_take(1.0), noise_take(1.0, name="second", count=4)
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.load(first)
    stage.play()
    stage.listen(10_000)
    stage.load(second)
    stage.player.set_mix(Mix(voice=0.3, levels={"bass": 0.5}))
    stage.listen(2_000)  # the song before fades out
    stage.play()
    heard = stage.listen(8_000)
    faders = Mix(voice=0.3, levels={"bass": 0.5})
    sides = [faders.sides(stem) for stem in NETWORK[:4]]
    truth = mixed([stem.T for stem in second.stems], sides).T
    np.testing.assert_array_equal(heard, truth[:, :8_000])


def test_equally_loud_sources_change_only_the_gain(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(1.0)
    stage.load(take)
    stage.player.set_matches({Source.ORIGINAL: 0.5, Source.VOCALS: 1.25})
    stage.play()
    np.testing.assert_array_equal(stage.listen(5_000), take.original[:, :5_000] / 2)
    stage.player.set_source(Source.VOCALS)
    heard = stage.listen(5_000)
    truth = take.vocals[:, 5_000:10_000] * np.float32(1.25)
    np.testing.assert_array_equal(heard[:, FADE:], truth[:, FADE:])
    stage.player.set_matches({})
    heard = stage.listen(5_000)
    np.testing.assert_array_equal(heard[:, FADE:], take.vocals[:, 10_000 + FADE : 15_000])


# Meters


def test_a_meter_shows_the_loudest_of_what_was_heard(stages: MakeStage, tmp_path) -> None:
    stage = stages(ClockedOutput(latency_s=0.0))
    stems = np.zeros((2, 2, 60_000), np.int64)
    stems[0, 0, 10_000] = 2**22  # one sample of half scale, on the left
    stems[1, :, 20_000:21_000] = -(2**21)
    stage.load(Take(tmp_path / "clicks", stems, RATE))
    stage.play()
    stage.listen(9_000)
    assert stage.player.heard() == SILENCE
    stage.listen(2_000)
    seen = stage.player.heard()
    assert seen.stems[:2] == (0.5, 0.0)
    assert (seen.left, seen.right) == (0.5, 0.0)
    assert stage.player.heard() == SILENCE, "each stretch is shown once"
    stage.listen(11_000)
    assert stage.player.heard().stems[:2] == (0.0, 0.25)


def test_a_meter_waits_until_it_is_heard(stages: MakeStage, noise_take: MakeTake) -> None:
    stage = stages(ClockedOutput(latency_s=0.1))
    stage.load(noise_take(1.0))
    stage.play()
    stage.listen(4_000)
    assert stage.player.heard() == SILENCE
    stage.listen(1_000)
    assert stage.player.heard() != SILENCE


def test_faders_move_the_meters_and_volume_only_the_last(
    stages: MakeStage, noise_take: MakeTake
) -> None:
    stage = stages(ClockedOutput(latency_s=0.0))
    stage.load(noise_take(1.0, count=4))
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.player.set_mix(Mix(music=0.5, muted=frozenset({"drums"})))
    stage.player.set_volume(0.5)
    stage.play()
    stage.listen(4_000)
    stage.player.heard()
    stage.listen(8_000)
    seen = stage.player.heard()
    assert seen.stems[:2] == (0, 0)
    assert seen.stems[2] == pytest.approx(0.125, abs=0.001)
    assert 0.2 / 8 < seen.left < 0.25 / 8 + 0.001


def test_no_peak_is_lost_between_two_threads() -> None:
    levels, end = Levels(), threading.Event()
    now = looks = found = 0

    def look() -> None:
        nonlocal looks, found
        while not end.is_set() or looks < 1:
            found += levels.heard(float(now)).left == 1
            looks += 1

    reader = threading.Thread(target=look)
    reader.start()
    quiet, spike = np.zeros(64, np.float32), np.full(64, -1, np.float32)
    for n in range(1, 10_000):
        loud = n % 1_000 == 500
        levels.finish(spike if loud else quiet, quiet, float(n))
        now = n
        if loud or n % (SLOTS // 2) == 0:
            before = looks
            until(lambda before=before: looks > before + 1)
    end.set()
    reader.join()
    assert found == 10


# Another device


def test_another_device_goes_on_where_the_last_one_was(stage: Stage, noise_take: MakeTake) -> None:
    take = noise_take(3.0)
    stage.load(take)
    stage.play()
    stage.listen(20_000)
    stage.player.set_device("Headset")

    def moved() -> bool:
        stage.output.advance(16)
        return stage.output.devices == ["", "Headset"] and stage.output.is_open

    until(moved)
    assert stage.player.state is PlayerState.PLAYING
    assert stage.player.device == "Headset"
    stage.output.heard()
    at = stage.player.position_frames
    assert 20_000 - 0.06 * RATE <= at <= 20_000 + 0.2 * RATE
    heard = stage.listen(6_000)
    window = np.lib.stride_tricks.sliding_window_view(take.original[0, 15_000:40_000], 2_000)
    assert (window == heard[0, 3_000:5_000]).all(axis=1).any(), "the song goes on, unbroken"
    assert stage.player.underruns == 0


def test_a_device_chosen_while_paused_is_used_by_the_next_play(
    stage: Stage, noise_take: MakeTake
) -> None:
    stage.load(noise_take(1.0))
    stage.player.set_device("Headset")
    stage.play()
    stage.listen(1_000)
    assert stage.output.devices == ["Headset"]


def test_the_device_is_opened_in_another_manner_where_it_was(
    stage: Stage, noise_take: MakeTake
) -> None:
    take = noise_take(3.0)
    stage.load(take)
    stage.play()
    stage.listen(20_000)
    stage.player.set_manner(Manner("low", is_exclusive=True))

    def reopened() -> bool:
        stage.output.advance(16)
        return len(stage.output.manners) == 2 and stage.output.is_open

    until(reopened)
    assert stage.output.manners == [Manner(), Manner("low", is_exclusive=True)]
    assert stage.player.state is PlayerState.PLAYING
    assert 20_000 - 0.06 * RATE <= stage.player.position_frames <= 20_000 + 0.2 * RATE
