"""Library takes of all stems of a network, and what is exported of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from karaoke_studio.audio.mix import Mix, mixed
from karaoke_studio.audio.peaks import load_peaks
from karaoke_studio.errors import ModelRefused
from karaoke_studio.fixes import Fix
from karaoke_studio.job import ALL_STEMS, MIX, STEMS, JobResult, JobSpec, NetworkChoice, OutputSpec
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.pipeline import Surroundings, output_workdir, run_export, run_job
from karaoke_studio.worker.host import Workers
from tests.helpers.models import make_net, write_bag
from tests.helpers.signals import sung_mix
from tests.helpers.street import read_floats, read_ints, write_song

FOUR = ("vocals", "drums", "bass", "other")


class Shelf:
    """A library with one song of four stems, made by a true small network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = folder / "models"
        write_bag(self.models, "htdemucs", [make_net()])
        vocals, band = sung_mix(1.4, 44_100)
        # so loud that stems of a random network leave full scale: the take needs its shift
        self.path = write_song(
            folder / "song.wav", np.clip((vocals + band) * 3, -1, 1), 44_100, "PCM_16"
        )
        self.workers = Workers.create(folder)
        self.writer = LibraryWriter(folder / "library")
        self.around = Surroundings(self.workers, self.writer, data=folder / "data")
        self.made = self.make(ALL_STEMS)
        self.song = self.find(self.made)

    def make(self, stems: tuple[str, ...], engine: str = "htdemucs") -> JobResult:
        choice = NetworkChoice((self.models,))
        spec = JobSpec(uuid.uuid4().hex, self.path, engine, stems, network=choice)
        staging = self.writer.staging / spec.job_id
        return run_job(spec, staging, lambda _: None, threading.Event(), self.around)

    def find(self, made: JobResult) -> Song:
        library = SongLibrary(self.writer.folder)
        try:
            song = library.song(made.song_id or "")
        finally:
            library.close()
        assert song is not None
        return song

    def export(self, stems: tuple[str, ...], mix: Mix | None = None, **output: str) -> JobResult:
        target = self.folder / uuid.uuid4().hex
        target.mkdir()
        gains = {stem: (mix or Mix()).sides(stem) for stem in self.song.stems}
        spec = JobSpec(
            uuid.uuid4().hex,
            self.song.folder / "song.wav",
            self.song.engine,
            stems,
            OutputSpec(target, **{"format": "wav", **output}),
            gains=gains,
        )
        workdir = output_workdir(spec)
        event = threading.Event()
        return run_export(spec, self.song, workdir, lambda _: None, event, self.around)

    def floats(self) -> list[np.ndarray]:
        """The stems as the player has them, float32 (channels, frames)."""
        scale = np.float32(2.0 ** (self.song.shift_bits - 31))
        return [
            (soundfile.read(path, dtype="int32", always_2d=True)[0].T * scale).astype(np.float32)
            for path in self.song.stem_paths.values()
        ]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path_factory.mktemp("stems"))
    yield shelf
    shelf.workers.close()
    shelf.writer.close()


def test_a_take_holds_every_stem_and_they_add_up_exactly(shelf: Shelf) -> None:
    song, made = shelf.song, shelf.made
    assert song.stems == FOUR
    assert {path.name for path in song.take_folder.iterdir()} == {
        *(f"{stem}.flac" for stem in FOUR),
        "peaks",
    }
    assert (made.null_exact, made.instrumental_path) == (True, None)
    assert made.stem_paths == song.stem_paths
    whole, _ = read_ints(shelf.path)
    together = sum(read_ints(path)[0] for path in song.stem_paths.values())
    assert np.array_equal(together << song.shift_bits, whole)
    assert song.shift_bits > 0
    for path in song.stem_paths.values():
        assert np.abs(read_ints(path)[0]).max() > 0


def test_each_stem_has_its_waveform(shelf: Shelf) -> None:
    peaks = load_peaks(shelf.song.peaks_path)
    assert set(peaks.stems) == set(FOUR)
    for stem in FOUR:
        low, high = peaks.columns(stem, 0, peaks.frames, 1)
        samples, _ = read_floats(shelf.song.stem_path(stem))
        scale = 2.0**shelf.song.shift_bits
        assert high[0] == pytest.approx(min(1, scale * samples.max()), abs=1e-4)
        assert low[0] == pytest.approx(max(-1, scale * samples.min()), abs=1e-4)


def test_all_stems_of_a_built_in_engine_are_its_pair(shelf: Shelf) -> None:
    assert shelf.find(shelf.make(ALL_STEMS, "instant")).stems == STEMS
    assert shelf.find(shelf.make(STEMS)).stems == STEMS


def test_the_pair_is_exported_from_four_stems(shelf: Shelf) -> None:
    result = shelf.export(STEMS, bit_depth="32f")
    whole, _ = read_floats(shelf.path)
    voice, music = (read_floats(result.stem_paths[stem])[0] for stem in STEMS)
    np.testing.assert_array_equal(voice, shelf.floats()[0])
    np.testing.assert_allclose(voice + music, whole, atol=2**-22)
    with_gain = shelf.export(STEMS)
    assert with_gain.null_exact is True
    assert with_gain.gain_db < 0, "stems of this song leave full scale"


def test_stems_are_exported_from_four_stems(shelf: Shelf) -> None:
    result = shelf.export(FOUR, bit_depth="32f")
    for stem, samples in zip(FOUR, shelf.floats(), strict=True):
        got, _ = read_floats(result.stem_paths[stem])
        assert np.abs(got - samples).max() <= 2**-22
    assert [path.name for path in shelf.export(("drums",)).stem_paths.values()] == [
        "song (Drums).wav"
    ]
    with pytest.raises(ModelRefused):
        shelf.export(("guitar",))


MIXES = [
    Mix(voice=0.2),
    Mix(voice=0.5, music=0.4, levels={"drums": 0.3}),
    Mix(voice=0.2, muted=frozenset({"bass"}), pans={"vocals": 0.5, "other": -1.0}),
    Mix(voice=0.1, solo=frozenset({"vocals", "other"})),
]


@pytest.mark.parametrize("mix", MIXES)
def test_a_mix_is_exported_as_it_is_heard(shelf: Shelf, mix: Mix) -> None:
    heard = mixed([s.T for s in shelf.floats()], [mix.sides(stem) for stem in FOUR]).T
    result = shelf.export((MIX,), mix, bit_depth="32f")
    (path,) = result.stem_paths.values()
    assert path.name == "song (Mix).wav"
    got, _ = read_floats(path)
    assert np.array_equal(got, heard), "bit for bit"
    assert result.gain_db == 0


def test_a_mix_that_would_clip_is_turned_down_and_says_so(shelf: Shelf) -> None:
    mix = Mix(music=0.0, solo=frozenset({"vocals"}), voice=1.0)
    heard = mixed([s.T for s in shelf.floats()], [mix.sides(stem) for stem in FOUR]).T
    loudest = float(np.abs(heard).max())
    result = shelf.export((MIX,), mix)
    got, _ = read_floats(result.stem_paths[MIX])
    gain = 10 ** (result.gain_db / 20)
    assert (gain < 1) == (loudest > 1)
    np.testing.assert_allclose(got, heard * gain, atol=2**-22)


def test_a_mix_beside_stems_shares_their_gain(shelf: Shelf) -> None:
    result = shelf.export((*STEMS, MIX), Mix(voice=0.5))
    voice, music, mix = (read_floats(result.stem_paths[stem])[0] for stem in (*STEMS, MIX))
    np.testing.assert_allclose(mix, 0.5 * voice + music, atol=2**-21)
    assert result.null_exact is True


def test_a_mix_of_another_rate_keeps_its_length(shelf: Shelf) -> None:
    result = shelf.export((MIX,), Mix(voice=0.5), format="opus")
    assert result.sample_rate == 48_000
    got, _ = read_floats(result.stem_paths[MIX])
    assert abs(got.shape[1] - shelf.song.frames * 48_000 / 44_100) <= 2


@pytest.mark.parametrize("engine", ["centre", "htdemucs"])
def test_a_stretch_of_it_is_fixed_and_what_the_voice_loses_is_other(
    shelf: Shelf, engine: str
) -> None:
    before = shelf.song
    start, stop = 12_000, 40_000
    choice = NetworkChoice((shelf.models,), overlap=0.5, shifts=2)
    fix = Fix(before.take_id, start, stop, redo=True)
    spec = JobSpec(uuid.uuid4().hex, shelf.path, engine, network=choice, song_id=before.id, fix=fix)
    staging = shelf.writer.staging / spec.job_id
    made = run_job(spec, staging, lambda _: None, threading.Event(), shelf.around)
    after = shelf.find(made)
    shelf.writer.use_take(before.id, before.take_id).result()
    assert (after.stems, after.shift_bits, made.null_exact) == (FOUR, before.shift_bits, True)
    old, new = (
        {s: read_ints(p)[0] for s, p in song.stem_paths.items()} for song in (before, after)
    )
    assert np.array_equal(sum(old.values()), sum(new.values()))
    for stem in ("drums", "bass"):
        assert np.array_equal(old[stem], new[stem])
    for stem in ("vocals", "other"):
        assert np.array_equal(old[stem][:, :start], new[stem][:, :start])
        assert np.array_equal(old[stem][:, stop:], new[stem][:, stop:])
        assert not np.array_equal(old[stem], new[stem])
    (edit,) = read_manifest(after.folder)["takes"][after.take_id]["edits"]
    assert (edit["engine"], edit["overlap"], edit["shifts"]) == (engine, 0.5, 2)
    assert after.engine == "htdemucs"
