"""`library` in a terminal: real songs, a real library, exit codes."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.cli import main
from karaoke_studio.jobs.instance import Instance
from karaoke_studio.library.checking import check_library, file_sha256
from karaoke_studio.library.playlists import songs_of
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from tests.helpers.signals import noise, sung_mix
from tests.helpers.street import write_song
from tests.library.takes import make_take


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vocals, band = sung_mix(2, 44_100)
    folder = tmp_path_factory.mktemp("songs")
    return write_song(folder / "Nina - Blue.wav", vocals + band, 44_100, "PCM_16")


@pytest.fixture(scope="module")
def made(song: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one song."""
    data = tmp_path_factory.mktemp("data")
    assert main(["library", "add", str(song), "--data-dir", str(data), "--quiet"]) == 0
    return data


class Terminal:
    """Runs commands on a data folder and reads what they print."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys
        self.errors = ""

    def __call__(self, *words: object, status: int = 0) -> list[dict[str, Any]]:
        self._capsys.readouterr()
        words = ("library", *words, "--data-dir", self.data, "--json")
        got = main([str(word) for word in words])
        printed = self._capsys.readouterr()
        self.errors = printed.err
        assert got == status, printed
        return [json.loads(line) for line in printed.out.splitlines()]


@pytest.fixture
def terminal(made: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(made, capsys)


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "data", capsys)


def test_one_object_per_song(terminal: Terminal) -> None:
    (listed,) = terminal("list")
    assert (listed["title"], listed["artist"]) == ("Blue", "Nina")
    assert listed["engine"] == "instant"
    assert terminal("search", "bl", "nin") == [listed]
    assert terminal("search", "green") == []
    (shown,) = terminal("show", "blue")
    assert shown["id"] == listed["id"]
    assert Path(shown["stem_paths"]["vocals"]).is_file()
    assert [take["is_current"] for take in shown["takes"]] == [True]


def test_a_verdict_on_the_split_is_shown_once_there_is_one(made: Path, terminal: Terminal) -> None:
    (before,) = terminal("show", "blue")
    quality = {"score": 0.62, "word": "good", "vocals_db": 7.0, "music_db": 9.0, "doubts": [0.4]}
    told = []
    with closing(LibraryWriter(DataFolder(made).library)) as library:
        for take_id in (before["takes"][0]["id"], "another"):
            analysis = {"take_id": take_id, "quality": quality}
            library.change_song(before["id"], analysis=analysis).result()
            told += terminal("show", "blue")
        library.change_song(before["id"], analysis=None).result()
    quality.pop("doubts")
    assert [before["split"], *(one["split"] for one in told)] == [None, quality, None]


def test_a_song_that_is_there_is_not_made_again(terminal: Terminal, song: Path) -> None:
    (listed,) = terminal("list")
    (again,) = terminal("add", song)
    assert again["status"] == "completed"
    assert again["notes"] == ["already_in_library"]
    assert again["song_id"] == listed["id"]
    assert terminal("list") == [listed]


def test_what_is_not_there_is_told(terminal: Terminal, tmp_path: Path) -> None:
    (told,) = terminal("show", "green", status=1)
    assert told["error"]["code"] == "FILE_NOT_FOUND"
    (told,) = terminal("add", tmp_path / "none.mp3", status=1)
    assert told["status"] == "failed"
    (told,) = terminal("add", tmp_path, status=1)
    assert "no songs in the folder" in told["error"]["message"]
    terminal("add", tmp_path / "none.mp3", "--no-wait", status=1)
    assert "none.mp3" in terminal.errors
    terminal("add", tmp_path, "--engine", "nonsense", status=2)


def test_an_unclear_name_is_not_guessed(empty: Terminal, tmp_path: Path) -> None:
    library = LibraryWriter(empty.data / "library")
    ids = [library.adopt(make_take(library.staging, job_id=name)).id for name in ("aa11", "aa22")]
    library.close()
    (told,) = empty("show", "aa", status=1)
    assert "2 songs" in told["error"]["message"]
    assert all(song_id in told["error"]["hint"] for song_id in ids)
    assert empty("show", "aa1")[0]["id"] == "aa11"


def test_files_of_a_song(terminal: Terminal, tmp_path: Path) -> None:
    (done,) = terminal("export", "Blue", "--out", tmp_path, "--stems", "vocals", "--format", "wav")
    assert done["status"] == "completed"
    assert [path.name for path in tmp_path.iterdir()] == ["Blue (Vocals).wav"]
    terminal("export", "Blue", "--out", tmp_path, "--stems", "kazoo", status=2)


def test_trash_and_back(terminal: Terminal) -> None:
    (listed,) = terminal("list")
    terminal("remove", "blue")
    assert terminal("list") == []
    (trashed,) = terminal("restore")
    assert (trashed["id"], trashed["status"]) == (listed["id"], "in_trash")
    terminal("restore", "green", status=1)
    assert terminal("list") == []
    terminal("restore", "Nina")
    assert terminal("list") == [listed]


def test_seed_001_24_backup_and_back(terminal: Terminal, empty: Terminal, tmp_path: Path) -> None:
    (listed,) = terminal("list")
    library = LibraryWriter(terminal.data / "library")
    library.count_play(listed["id"]).result()
    set_list = library.create_playlist("Friday", [listed["id"]]).result()
    library.close()
    (done,) = terminal("backup", tmp_path / "disk")
    assert (done["status"], done["copied"]) == ("completed", [listed["id"]])
    (again,) = terminal("backup", tmp_path / "disk")
    assert (again["copied"], again["unchanged"]) == ([], [listed["id"]])
    (restored,) = empty("restore", "--from", tmp_path / "disk")
    assert (restored["id"], restored["status"]) == (listed["id"], "restored")
    (back,) = empty("list")
    assert back == listed
    library = LibraryWriter(empty.data / "library")
    brought = library.find_song(listed["id"])
    listed_there = library.submit(lambda c: songs_of(c, set_list)).result()
    library.close()
    assert brought is not None
    assert brought.play_count == 1
    assert listed_there == [listed["id"]]
    assert empty("restore", "--from", tmp_path / "disk", "blue") == []
    assert empty("verify") == []
    empty("restore", "--from", tmp_path, status=1)


def test_an_empty_library_is_no_error(empty: Terminal) -> None:
    assert empty("list") == []
    assert empty("search", "x") == []
    (note,) = empty("verify")
    assert (note["kind"], note["code"]) == ("note", "no_library")


def test_songs_for_the_next_start(empty: Terminal, song: Path) -> None:
    (queued,) = empty("add", song, "--no-wait")
    assert queued == {"input": str(song), "status": "queued"}
    library = LibraryWriter(empty.data / "library")
    (spec,) = library.open_jobs().result()
    library.close()
    assert spec.input == song
    assert spec.output is None
    (note,) = empty("verify")
    assert note["code"] == "unfinished_jobs"


@pytest.fixture
def damaged(empty: Terminal) -> tuple[Terminal, Path]:
    """A library with a song whose files have the digests that its manifest says."""
    library = LibraryWriter(empty.data / "library")
    song = library.adopt(make_take(library.staging))
    library.close()
    shutil.rmtree(library.staging)
    path = song.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["facts"]["sha256"] = file_sha256(song.folder / manifest["original"])
    for about in manifest["takes"][song.take_id]["stems"].values():
        about["sha256"] = file_sha256(song.take_folder / about["file"])
    path.write_text(json.dumps(manifest))
    return empty, song.folder


def test_whole_songs_have_no_findings(damaged: tuple[Terminal, Path]) -> None:
    terminal, _folder = damaged
    assert terminal("verify") == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("flip", "file_changed"),
        ("unlink", "file_missing"),
        ("cut manifest", "manifest_damaged"),
        ("no manifest", "manifest_missing"),
        ("no folder", "song_gone"),
        ("index", "index_damaged"),
    ],
)
def test_every_damage_is_found(damaged: tuple[Terminal, Path], fault: str, code: str) -> None:
    terminal, folder = damaged
    vocals = next(folder.glob("takes/*/vocals.flac"))
    match fault:
        case "flip":
            data = bytearray(vocals.read_bytes())
            data[len(data) // 2] ^= 1
            vocals.write_bytes(data)
        case "unlink":
            vocals.unlink()
        case "cut manifest":
            path = folder / "manifest.json"
            path.write_text(path.read_text()[:100])
        case "no manifest":
            (folder / "manifest.json").unlink()
        case "no folder":
            folder.rename(folder.parent.parent / "elsewhere")
        case "index":
            path = folder.parent / "library.sqlite3"
            data = bytearray(path.read_bytes())
            data[4096:8192] = b"\xff" * 4096
            path.write_bytes(data)
    errors = [found for found in terminal("verify", status=1) if found["kind"] == "error"]
    assert code in {found["code"] for found in errors}


def test_a_new_index_has_every_song_and_what_was_decided(empty: Terminal, song: Path) -> None:
    library = LibraryWriter(empty.data / "library")
    made = library.adopt(make_take(library.staging))
    library.change_song(made.id, rating=4).result()
    library.count_play(made.id).result()
    library.close()
    empty("add", song, "--no-wait")
    library = LibraryWriter(empty.data / "library")
    (spec,) = library.open_jobs().result()
    library.hold_job(spec.job_id, on=True).result()
    library.close()
    path = empty.data / "library" / "library.sqlite3"
    before = path.stat().st_ino
    (done,) = empty("rebuild")
    assert done == {"status": "completed", "songs": 1, "jobs": 1}
    assert path.stat().st_ino != before
    assert [listed["rating"] for listed in empty("list")] == [4]
    library = LibraryWriter(empty.data / "library")
    kept = library.find_song(made.id)
    held = library.held_jobs().result()
    library.close()
    assert kept is not None
    assert kept.play_count == 1
    assert held == {spec.job_id}


def test_beside_a_window(empty: Terminal, song: Path, qapp: object) -> None:
    empty("verify")
    window = Instance(empty.data)
    assert window.lock()
    try:
        (told,) = empty("rebuild", status=1)
        assert told["error"]["code"] == "LIBRARY_LOCKED"
        (told,) = empty("add", song, "--engine", "instant", status=1)
        assert "engine" in told["error"]["message"]
        (told,) = empty("add", song, status=1)
        assert "does not answer" in told["error"]["message"]
    finally:
        window.release()


def test_a_check_can_be_ended(damaged: tuple[Terminal, Path]) -> None:
    _terminal, folder = damaged
    stop = threading.Event()

    def check() -> None:
        stop.set()
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(check_library(folder.parent, check))
    assert stop.is_set()


def test_a_window_makes_what_the_terminal_adds(
    empty: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window is played by a thread that adopts a song of the same content."""
    library = LibraryWriter(empty.data / "library")
    window = Instance(empty.data)
    assert window.lock()
    handed: list[Path] = []

    def take(_self: Instance, files: list[Path]) -> bool:
        handed.extend(files)
        take_ = make_take(library.staging)
        take_.song["sha256"] = file_sha256(files[0])
        library.adopt(take_)
        return True

    monkeypatch.setattr(Instance, "hand_over", take)
    try:
        (done,) = empty("add", song)
    finally:
        window.release()
        library.close()
    assert handed == [song]
    assert done["status"] == "completed"
    assert "already_in_library" not in done["notes"]


def test_a_window_is_not_asked_for_what_is_there(
    empty: Terminal, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One song is there under another name; of two files with one content, one is handed over."""
    library = LibraryWriter(empty.data / "library")
    known = make_take(library.staging)
    known.song["sha256"] = file_sha256(song)
    library.adopt(known)
    there = Path(shutil.copy(song, tmp_path / "again.wav"))
    new = write_song(tmp_path / "new.flac", noise(1, 44_100, 1), 44_100, "PCM_16")
    twin = Path(shutil.copy(new, tmp_path / "twin.flac"))
    handed: list[Path] = []

    def take(_self: Instance, files: list[Path]) -> bool:
        handed.extend(files)
        made = make_take(library.staging, job_id="ff")
        made.song["sha256"] = file_sha256(files[0])
        library.adopt(made)
        return True

    monkeypatch.setattr(Instance, "hand_over", take)
    window = Instance(empty.data)
    assert window.lock()
    try:
        told = empty("add", there, new, twin, tmp_path / "none.mp3", status=1)
    finally:
        window.release()
        library.close()
    assert [one["status"] for one in told] == ["completed"] * 3 + ["failed"]
    assert [one.get("song_id") for one in told[:3]] == [known.job_id, "ff", "ff"]
    assert ["already_in_library" in one["notes"] for one in told[:3]] == [True, False, False]
    assert len(handed) == 1


def test_noise_is_a_song_too(empty: Terminal, tmp_path: Path) -> None:
    """Added from a folder, with a name that is no words."""
    write_song(tmp_path / "%d \U0001f600.flac", noise(1, 44_100, 1), 44_100, "PCM_16")
    (done,) = empty("add", tmp_path)
    assert done["status"] == "completed"
    assert [listed["title"] for listed in empty("list")] == ["%d \U0001f600"]
    assert empty("verify") == []


def test_lost_files_are_found_by_their_content(empty: Terminal, tmp_path: Path) -> None:
    assert empty("relocate") == []
    library = LibraryWriter(empty.data / "library")
    (tmp_path / "new").mkdir()
    for title, content in (("Blue", b"blue song"), ("Red", b"red song")):
        take = make_take(library.staging, title=title, copy=None, name=f"{title}.mp3")
        (tmp_path / "new" / "x.mp3").write_bytes(content)
        facts = {"sha256": file_sha256(tmp_path / "new" / "x.mp3"), "size_bytes": len(content)}
        library.adopt(replace(take, song=take.song | facts))
        shutil.rmtree(take.staging)
    library.close()
    lost = empty("relocate", status=1)
    assert [(song["title"], song["status"]) for song in lost] == [("Blue", "lost"), ("Red", "lost")]
    dry = empty("relocate", tmp_path / "new", "--dry-run", status=1)
    assert [song["status"] for song in dry] == ["lost", "found"]
    assert len(empty("relocate", status=1)) == 2
    found = empty("relocate", tmp_path / "new", status=1)
    assert found[1]["path"] == str(tmp_path / "new" / "x.mp3")
    (left,) = empty("relocate", status=1)
    assert left["title"] == "Blue"
    (tmp_path / "new" / "y.mp3").write_bytes(b"blue song")
    empty("relocate", tmp_path / "new")
    assert empty("relocate") == []
    empty("relocate", tmp_path / "nowhere")  # nothing is lost: nothing is looked for


def test_a_stretch_is_fixed(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(shutil.copytree(made, tmp_path / "data"), capsys)
    (before,) = terminal("show", "blue")
    (told,) = terminal("fix", "blue", "--from", "0:00.5", "--to", 1.5, "--engine", "centre")
    assert (told["status"], told["null_exact"]) == ("completed", True)
    assert told["song_id"] == before["id"]
    (after,) = terminal("show", "blue")
    assert [take["fixes"] for take in after["takes"] if take["is_current"]] == [1]
    assert after["engine"] == "instant"
    terminal("fix", "blue", "--from", 0.5, "--to", 1.5, "--low", 100, "--strength", -0.5)
    (again,) = terminal("show", "blue")
    assert sorted(take["fixes"] for take in again["takes"]) == [0, 1, 2]
    assert terminal("verify") == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--engine", "nobody"),
        ("--engine", "centre", "--to", 1.0),
        ("--engine", "centre", "--to", 99),
        ("--low", 200, "--high", 100),
        ("--strength", 2),
    ],
)
def test_a_fix_that_makes_no_sense_is_refused(terminal: Terminal, words: tuple[Any, ...]) -> None:
    (before,) = terminal("show", "blue")
    assert terminal("fix", "blue", "--from", 1.0, "--to", 1.5, *words, status=2) == []
    assert terminal.errors.startswith("karaoke-studio: ")
    assert terminal("show", "blue") == [before]
