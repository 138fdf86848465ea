"""Functions that older programs know: names, texts, file rules."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile as sf

from karaoke_studio import api
from karaoke_studio.api import seeds
from karaoke_studio.api.separator import Separator
from karaoke_studio.errors import MissingFile
from karaoke_studio.job import Stage
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DATA_DIR_VARIABLE
from karaoke_studio.progress import Progress
from tests.helpers.signals import noise, sung_mix
from tests.helpers.street import write_song
from tests.library.takes import make_take


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vocals, band = sung_mix(3, 44_100)
    path = tmp_path_factory.mktemp("songs") / "mix.wav"
    return write_song(path, vocals + band, 44_100, "PCM_16")


def test_seed_000_07_the_vocals_are_removed(mix: Path, tmp_path: Path) -> None:
    assert list(inspect.signature(api.remove_vocals).parameters)[:2] == [
        "input_path",
        "output_path",
    ]
    target = tmp_path / "out" / "karaoke.mp3"
    told = api.remove_vocals(mix, target, method="instant")
    assert set(told) == {"method", "quality_score", "processing_time"}
    assert told["method"] == "instant"
    assert 0 < float(told["quality_score"]) < 1
    assert float(told["processing_time"]) > 0
    assert [path.name for path in target.parent.iterdir()] == ["karaoke.mp3"]
    again = api.remove_vocals(str(mix), str(target), method="center_channel")
    assert again["method"] == "center_channel"
    with pytest.raises(api.KaraokeError, match="suffix"):
        api.remove_vocals(mix, tmp_path / "x.exe")


def test_seed_000_08_the_score_is_that_of_the_files(mix: Path, tmp_path: Path) -> None:
    target = tmp_path / "karaoke.wav"
    told = api.remove_vocals(mix, target, method="instant")
    song, music = (sf.read(path, dtype="float32")[0].T for path in (mix, target))
    expected = api.calculate_quality_score(song, music)
    assert told["quality_score"] == pytest.approx(expected, abs=1e-4)


def test_seed_002_01_both_tracks_are_written(mix: Path, tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / "song"
    assert api.separate_audio(mix, folder, told.append, engine="instant") is True
    assert {path.name for path in folder.iterdir()} == {"vocals.wav", "instrumental.wav"}
    assert sf.info(folder / "vocals.wav").subtype == "PCM_16"
    assert told[0] == "Loading audio file: mix.wav"
    assert told[-2:] == ["Vocals track saved successfully", "Instrumental track saved successfully"]
    progress = [text for text in told if text.startswith("Separating")]
    assert progress[-1] == "Separating: Model 1/1 (Overall 100.0%)"


@pytest.mark.parametrize(
    ("suffix", "made"), [(".mp3", ".mp3"), (".flac", ".wav"), (".wav", ".wav")]
)
def test_seed_002_09_mp3_and_wav_stay_what_they_are(tmp_path: Path, suffix: str, made: str) -> None:
    song = tmp_path / f"song{suffix}"
    sf.write(song, noise(1.5, 44_100, 2).T, 44_100)
    assert api.separate_audio(song, tmp_path / "out", lambda _text: None, engine="centre")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {made}


def test_seed_002_02_stopping_says_so(tmp_path: Path) -> None:
    song = write_song(tmp_path / "long.wav", noise(60, 44_100, 2), 44_100, "PCM_16")
    stop = threading.Event()

    def hear(text: str) -> None:
        if text.startswith("Separating"):
            stop.set()

    with pytest.raises(api.StopProcessingError, match=r"^Processing stopped by user$"):
        api.separate_audio(song, tmp_path / "out", hear, stop, engine="instant")
    assert not list((tmp_path / "out").iterdir())


def test_seed_002_05_what_cannot_begin_says_so(mix: Path, tmp_path: Path) -> None:
    with pytest.raises(api.AudioProcessingError) as told:
        api.separate_audio(mix, tmp_path, lambda _text: None, engine="nonsense")
    assert str(told.value).startswith("Failed to initialize audio processor: ")
    with pytest.raises(api.AudioProcessingError, match=r"^Failed to initialize"):
        api.separate_audio(mix, tmp_path, lambda _text: None, engine="demucs")


def test_seed_002_01_failure_is_false_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    assert api.separate_audio(tmp_path / "none.mp3", tmp_path, told.append) is False
    assert "none.mp3" in told[-1]


def test_seed_002_06_progress_is_throttled_but_for_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    now = [0.0]
    monkeypatch.setattr(seeds.time, "monotonic", lambda: now[0])
    hear = seeds._Told(told.append, 4)
    for step in range(101):
        now[0] = step * 0.1
        hear(Progress(Stage.SEPARATING, step / 100, 0.5))
        hear(Progress(Stage.ENCODING, step / 100, 0.9))
    assert told[0] == "Separating: Model 1/4 (Overall 0.0%)"
    assert told[-1] == "Separating: Model 4/4 (Overall 100.0%)"
    assert len(told) == 21
    assert "Separating: Model 3/4 (Overall 50.0%)" in told


def test_seed_002_14_the_scale_of_older_programs() -> None:
    at = [
        api.job_progress(Progress(stage, fraction, 0.0))[0]
        for stage in Stage
        for fraction in (0.0, 0.5, 1.0)
    ]
    assert at == sorted(at)
    assert (at[0], at[-1]) == (0, 100)
    assert api.job_progress(Progress(Stage.SEPARATING, 0.5, 0.0)) == (60, "Separating")


@pytest.fixture
def library(data: Path) -> Iterator[LibraryWriter]:
    library = LibraryWriter(data / "library")
    yield library
    library.close()


def test_seed_002_15_files_of_a_song(library: LibraryWriter, tmp_path: Path) -> None:
    song = library.adopt(replace(make_take(library.staging), shift_bits=0))
    files = api.FileService()
    assert files.get_vocals_path(song.id) == song.vocals_path
    assert files.get_instrumental_path(song.id, "flac") == song.stem_path("instrumental")
    with pytest.raises(MissingFile, match="no song"):
        files.get_vocals_path("f" * 32)
    with pytest.raises(MissingFile, match="MP3"):
        files.get_vocals_path(song.id, "mp3")
    quieter = library.adopt(make_take(library.staging, job_id="aa"))
    with pytest.raises(MissingFile, match="FLAC"):  # its file is half as loud
        files.get_vocals_path(quieter.id)


def test_seed_002_15_other_formats_are_exported(data: Path, mix: Path, tmp_path: Path) -> None:
    from karaoke_studio.cli import main

    assert main(["library", "add", str(mix), "--engine", "instant", "--quiet"]) == 0
    library = LibraryWriter(data / "library")
    (song_id,) = library.submit(
        lambda connection: [row[0] for row in connection.execute("SELECT id FROM songs")]
    ).result()
    library.close()
    files = api.FileService(tmp_path / "exports")
    made = files.get_instrumental_path(song_id, "wav")
    assert sf.info(made).frames == sf.info(mix).frames
    before = made.stat().st_mtime_ns
    assert files.get_instrumental_path(song_id, "wav") == made
    assert made.stat().st_mtime_ns == before, "it is written once"


def test_seed_000_16_the_files_of_both_profiles_are_named() -> None:
    assert api.PROFILES["seed-000"] == {"instrumental": "vocals_removed.mp3"}
    assert api.PROFILES["spleeter"] == {"vocals": "vocals.wav", "instrumental": "accompaniment.wav"}
    assert inspect.signature(Separator.write).parameters["profile"].default is None
