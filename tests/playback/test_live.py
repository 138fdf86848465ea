"""Hearing a song that is still being made: what is ready, the seams, and going over to its take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.playback.live_reader import FADE_S, LiveReader
from karaoke_studio.playback.live_song import Layer, LiveSong, LiveTake
from karaoke_studio.playback.player import Mix as PlayerMix
from karaoke_studio.playback.player import PlayerState, Source, stem_gains
from karaoke_studio.staging import ORIGINAL
from tests.helpers.fakes import ClockedOutput
from tests.helpers.sound_server import until
from tests.playback.conftest import FloatArray, Stage, Take

RATE = 44_100
FADE = round(FADE_S * RATE)
MakeStage = Callable[..., Stage]


class Making:
    """A staged song with known samples, of which nothing is ready yet."""

    def __init__(
        self, folder: Path, song: FloatArray, final: FloatArray, draft: FloatArray
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.original, self.final, self.draft = song, final, draft
        for name, samples in (
            (ORIGINAL, song),
            (Layer.FINAL.value, final),
            (Layer.DRAFT.value, draft),
        ):
            with RawFile.create(folder / name, len(samples), samples.shape[1]) as file:
                file.write(0, np.ascontiguousarray(samples.T))
        self.live = LiveSong(folder, sample_rate=RATE, channels=len(song), frames=song.shape[1])

    @property
    def take(self) -> LiveTake:
        return LiveTake(self.live)

    def import_all(self) -> Making:
        self.live.import_to(self.original.shape[1], is_whole=True)
        return self

    def heard_as(self, source: Source, start: int, stop: int, block: int = 4_096) -> FloatArray:
        """What a reader makes of start…stop."""
        reader = LiveReader(self.take)
        reader.seek(start)
        gains = np.array(stem_gains(source, PlayerMix(), self.take.stems), np.float32)
        parts = []
        while reader.next_frame < stop:
            stems = reader.read(min(block, stop - reader.next_frame))
            parts.append((gains[:, None, None] * stems).sum(axis=0, dtype=np.float32))
        reader.close()
        return np.concatenate(parts, axis=1)


def whole_steps(samples: FloatArray) -> FloatArray:
    return (np.round(samples * 2**23) / 2**23).astype(np.float32)


@pytest.fixture
def tones(tmp_path: Path) -> Making:
    """Low tones: their own steps are small, so a click shows."""
    t = np.arange(3 * RATE) / RATE
    voice = 0.4 * np.sin(2 * np.pi * 150 * t)
    music = 0.4 * np.sin(2 * np.pi * 90 * t + 1)
    both = [voice, np.roll(voice, 40)]
    song = np.array([music + one for one in both], np.float32)
    final = np.array(both, np.float32)
    return Making(tmp_path / "making", song, final, final * np.float32(0.7)).import_all()


@pytest.fixture
def noise(tmp_path: Path) -> Making:
    """Noise: every sample differs, so a shift by one frame shows."""
    rng = np.random.default_rng(3)
    voice = rng.uniform(-0.4, 0.4, (2, 4 * RATE)).astype(np.float32)
    song = voice + rng.uniform(-0.4, 0.4, voice.shape).astype(np.float32)
    return Making(tmp_path / "making", song, voice, voice * np.float32(0.5)).import_all()


def own_step(*sounds: FloatArray) -> float:
    return max(float(np.abs(np.diff(sound)).max()) for sound in sounds)


@pytest.mark.parametrize("source", list(Source))
def test_where_nothing_is_ready_the_song_itself_is_heard(noise: Making, source: Source) -> None:
    heard = noise.heard_as(source, 1_000, 30_000)
    np.testing.assert_array_equal(heard, whole_steps(noise.original[:, 1_000:30_000]))


def test_where_the_song_shall_not_fill_in_there_is_silence() -> None:
    stems = LiveTake.__dataclass_fields__["stems"].default
    for source in (Source.INSTRUMENTAL, Source.VOCALS):
        assert stem_gains(source, PlayerMix(), stems, fills=False)[2] == 0.0
    assert stem_gains(Source.ORIGINAL, PlayerMix(), stems, fills=False) == (1.0, 1.0, 1.0)


def test_what_is_ready_is_heard_as_its_take_will_be(noise: Making) -> None:
    noise.live.add(Layer.FINAL, 0, noise.live.frames)
    voice, song = whole_steps(noise.final), whole_steps(noise.original)
    np.testing.assert_array_equal(noise.heard_as(Source.VOCALS, 0, 50_000), voice[:, :50_000])
    music = noise.heard_as(Source.INSTRUMENTAL, 0, 50_000)
    np.testing.assert_array_equal(music, (song - voice)[:, :50_000])


def test_the_better_layer_is_heard_and_the_draft_elsewhere(noise: Making) -> None:
    noise.live.add(Layer.DRAFT, 0, noise.live.frames)
    noise.live.add(Layer.FINAL, RATE, 3 * RATE)
    heard = noise.heard_as(Source.VOCALS, 0, noise.live.frames)
    draft, final = whole_steps(noise.draft), whole_steps(noise.final)
    inside = slice(RATE + 15_000, 3 * RATE - 15_000)
    np.testing.assert_array_equal(heard[:, inside], final[:, inside])
    np.testing.assert_array_equal(heard[:, :RATE], draft[:, :RATE])
    np.testing.assert_array_equal(heard[:, 3 * RATE :], draft[:, 3 * RATE :])


def test_the_original_does_not_change_at_a_seam(noise: Making) -> None:
    noise.live.add(Layer.DRAFT, RATE // 2, 2 * RATE)
    noise.live.add(Layer.FINAL, RATE, 3 * RATE)
    reader = LiveReader(noise.take)
    reader.seek(0)
    stems = np.concatenate([reader.read(5_000) for _ in range(30)], axis=2)
    reader.close()
    np.testing.assert_allclose(
        stems.sum(axis=0), whole_steps(noise.original[:, : stems.shape[2]]), atol=3e-7
    )
    assert stems[2].any()


@pytest.mark.parametrize("source", [Source.INSTRUMENTAL, Source.VOCALS])
def test_no_seam_clicks(tones: Making, source: Source) -> None:
    tones.live.add(Layer.DRAFT, 20_000, 90_000)
    tones.live.add(Layer.FINAL, 50_000, 70_000)
    heard = tones.heard_as(source, 0, tones.live.frames)
    apart = own_step(
        tones.original,
        tones.final,
        tones.draft,
        tones.original - tones.final,
        tones.original - tones.draft,
    )
    # a cross-fade of F frames adds at most the difference of both sides / F to their own steps
    most = 0.81 / FADE
    assert own_step(heard) <= apart + most
    # what a hard cut at the same places would do
    cut = tones.original - np.where(
        (np.arange(tones.live.frames) % 20_000) < 10_000, tones.final, 0
    )
    assert own_step(cut) > 2 * (apart + most)


def test_the_change_over_takes_30_ms_and_stays_inside_what_is_ready(tones: Making) -> None:
    start, stop = 40_000, 80_000
    tones.live.add(Layer.FINAL, start, stop)
    reader = LiveReader(tones.take)
    reader.seek(0)
    bare = np.concatenate([reader.read(4_096)[2, 0] for _ in range(30)])
    reader.close()
    song = whole_steps(tones.original)[0, : len(bare)]
    loud = np.abs(song) > 0.05
    share = np.where(loud, bare / np.where(loud, song, 1), np.nan)
    assert np.nanmax(np.abs(share[:start] - 1)) < 1e-5
    assert np.nanmax(np.abs(share[stop:] - 1)) < 1e-5
    between = (share > 0.001) & (share < 0.999)
    rising = between[:60_000].nonzero()[0]
    assert FADE - 100 <= np.ptp(rising) <= FADE
    assert np.nanmax(share[rising[-1] + 1 : 60_000]) < 0.001


def test_the_change_over_is_where_the_least_changes(tmp_path: Path) -> None:
    voice = np.full((1, 2 * RATE), 0.3, np.float32)
    quiet = slice(RATE + 5_000, RATE + 7_000)
    voice[:, quiet] = 0
    song = Making(tmp_path / "one", voice + np.float32(0.1), voice, voice).import_all()
    song.live.add(Layer.FINAL, RATE, 2 * RATE)
    heard = song.heard_as(Source.INSTRUMENTAL, 0, 2 * RATE)[0]
    np.testing.assert_allclose(heard[: RATE + 5_000], 0.4, atol=1e-6)
    np.testing.assert_allclose(heard[RATE + 5_000 :], 0.1, atol=1e-6)


def test_block_sizes_do_not_matter(tones: Making) -> None:
    tones.live.add(Layer.FINAL, 20_000, 70_000)
    whole = tones.heard_as(Source.INSTRUMENTAL, 0, 100_000, block=100_000)
    for block in (441, 4_096, 30_000):
        parts = tones.heard_as(Source.INSTRUMENTAL, 0, 100_000, block=block)
        np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_what_becomes_ready_under_the_reader_melts_in_once(tones: Making) -> None:
    reader = LiveReader(tones.take)
    reader.seek(0)
    parts = [reader.read(4_096) for _ in range(4)]
    tones.live.add(Layer.DRAFT, 0, tones.live.frames)
    parts += [reader.read(4_096) for _ in range(8)]
    tones.live.add(Layer.FINAL, 0, tones.live.frames)
    parts += [reader.read(4_096) for _ in range(8)]
    reader.close()
    stems = np.concatenate(parts, axis=2)
    assert own_step(stems[0]) <= own_step(tones.final) + 0.4 / FADE
    late = slice(70_000, 80_000)
    np.testing.assert_array_equal(stems[0][:, late], whole_steps(tones.final)[:, late])
    assert not stems[2][:, 4 * 4_096 + 13_000 :].any()


def test_a_reader_waits_for_the_import(noise: Making) -> None:
    frames = noise.live.frames
    noise.live = LiveSong(noise.live.folder, sample_rate=RATE, channels=2, frames=frames)
    reader = LiveReader(noise.take)
    reader.seek(0)
    assert not reader.can_read
    assert reader.read(4_096).shape == (3, 2, 0)
    noise.live.import_to(5_000)
    assert reader.read(4_096).shape[2] == 4_096
    assert reader.read(4_096).shape[2] == 904
    assert not reader.is_at_end
    noise.live.import_to(5_000, is_whole=True)
    assert reader.is_at_end
    reader.close()


def test_the_import_may_find_the_file_shorter_than_it_claims(noise: Making) -> None:
    assert noise.live.frames == noise.original.shape[1]
    noise.live.import_to(RATE, is_whole=True)
    assert noise.live.frames == RATE


# -- by the player


def test_the_song_is_heard_while_it_is_imported(stage: Stage, noise: Making) -> None:
    noise.live = LiveSong(
        noise.live.folder, sample_rate=RATE, channels=2, frames=noise.original.shape[1]
    )
    noise.live.import_to(RATE)
    stage.player.load(noise.take)
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.play()
    heard = stage.listen(RATE // 2)
    np.testing.assert_array_equal(heard, whole_steps(noise.original)[:, : heard.shape[1]])
    noise.import_all()
    heard = stage.listen(RATE)
    np.testing.assert_array_equal(heard, whole_steps(noise.original)[:, RATE // 2 : 3 * RATE // 2])


def test_what_becomes_ready_is_heard_within_a_moment(stage: Stage, tones: Making) -> None:
    stage.player.load(tones.take)
    stage.player.set_source(Source.INSTRUMENTAL)
    stage.play()
    first = stage.listen(RATE // 2)
    np.testing.assert_array_equal(first, whole_steps(tones.original)[:, : RATE // 2])
    ring = stage.player._desk.controls.ring
    tones.live.add(Layer.FINAL, 0, tones.live.frames)
    until(lambda: stage.player._desk.controls.ring is not ring)
    rest = stage.listen(RATE)
    music = (whole_steps(tones.original) - whole_steps(tones.final))[:, RATE // 2 :]
    # 0.12 s ahead, and at most 0.25 s to a quiet spot; without this it were the ring's whole second
    late = slice(round(0.45 * RATE), RATE)
    np.testing.assert_allclose(rest[:, late], music[:, late], atol=1e-6)
    sound = np.concatenate([first, rest], axis=1)
    assert own_step(sound) <= own_step(tones.original, music) + 0.41 / FADE


def test_the_take_plays_on_from_the_very_sample(
    stage: Stage, noise: Making, tmp_path: Path
) -> None:
    noise.live.add(Layer.FINAL, 0, noise.live.frames)
    stems = np.stack([noise.final, noise.original - noise.final])
    take = Take(tmp_path / "take", np.round(stems * 2**23).astype(np.int64), RATE)
    stage.player.load(noise.take)
    stage.player.set_source(Source.VOCALS)
    stage.play()
    parts = [stage.listen(RATE // 2)]
    ring = stage.player._desk.controls.ring
    stage.player.go_on_with(take.files)
    until(lambda: stage.player._desk.controls.ring is not ring)
    parts.append(stage.listen(RATE))
    heard = np.concatenate(parts, axis=1)
    assert stage.player.state is PlayerState.PLAYING
    assert stage.player.underruns == 0
    np.testing.assert_allclose(heard, take.vocals[:, : heard.shape[1]], atol=2e-7)
    assert abs(stage.player.position_frames - (RATE * 3 // 2 - 2_205)) < 442


def test_the_playhead_glides_over_a_change_of_rings(stage: Stage, noise: Making) -> None:
    stage.player.load(noise.take)
    stage.play()
    stage.listen(RATE // 2)
    before = stage.player.position_frames
    ring = stage.player._desk.controls.ring
    noise.live.add(Layer.FINAL, 0, noise.live.frames)
    until(lambda: stage.player._desk.controls.ring is not ring)
    places = []
    for _ in range(40):
        stage.listen(441)
        places.append(stage.player.position_frames)
    steps = np.diff([before, *places])
    assert steps.min() >= 440
    assert steps.max() <= 442


def test_a_paused_song_is_handed_over_where_it_stands(
    stages: MakeStage, noise: Making, tmp_path: Path
) -> None:
    stage = stages(ClockedOutput())
    stems = np.stack([noise.final, noise.original - noise.final])
    take = Take(tmp_path / "take", np.round(stems * 2**23).astype(np.int64), RATE)
    stage.player.load(noise.take)
    stage.player.seek(RATE)
    stage.player.go_on_with(take.files)
    assert stage.player.state is PlayerState.PAUSED
    assert stage.player.position_frames == RATE
    stage.play()
    heard = stage.listen(2_000)
    np.testing.assert_allclose(
        heard[:, 500:], take.original[:, RATE + 500 : RATE + 2_000], atol=1e-6
    )


def test_the_job_is_told_where_the_song_is_heard(stage: Stage, noise: Making) -> None:
    stage.player.load(noise.take)
    stage.player.seek(2 * RATE)
    until(lambda: noise.live.listener is not None and noise.live.listener.frame == 2 * RATE)
    assert noise.live.listener is not None
    assert not noise.live.listener.moves
    stage.play()
    until(lambda: noise.live.listener is not None and noise.live.listener.moves)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_becomes_ready_when_nothing_clicks_and_nothing_unready_is_heard(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(6 * RATE) / RATE
    voice = 0.3 * np.sin(2 * np.pi * 150 * t)[None].astype(np.float32)
    song = voice + 0.3 * np.sin(2 * np.pi * 95 * t)[None].astype(np.float32)
    making = Making(tmp_path / "making", song, voice, voice * np.float32(0.6)).import_all()
    files = {
        layer: RawFile.open(making.live.folder / layer.value, 1, writable=True) for layer in Layer
    }
    whole = {layer: file.read(0, file.frames) for layer, file in files.items()}
    for file in files.values():  # what is not ready would be heard at once
        file.write(0, np.full((file.frames, 1), 100, np.float32))
    reader = LiveReader(making.take)
    reader.seek(0)
    heard = []
    while not reader.is_at_end:
        for layer in Layer:
            if rng.random() < 0.4:
                start = int(rng.integers(0, making.live.frames))
                stop = min(start + int(rng.integers(200, RATE)), making.live.frames)
                files[layer].write(start, whole[layer][start:stop])
                making.live.add(layer, start, stop)
        heard.append(reader.read(int(rng.integers(1, 9_000))))
    reader.close()
    for file in files.values():
        file.close()
    stems = np.concatenate(heard, axis=2)
    np.testing.assert_allclose(stems.sum(axis=0), whole_steps(song), atol=3e-7)
    # one fade, or two that overlap, on top of the voice's own steps
    assert own_step(stems[0]) <= own_step(voice) + 2 * 0.3 / FADE
    assert np.abs(stems).max() < 1
