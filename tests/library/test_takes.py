from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import LibraryError, MissingFile, OutputNotWritable, SourceChanged
from karaoke_studio.job import JobSpec
from karaoke_studio.library import edits, schema
from karaoke_studio.library.manifest import NewTake, read_manifest
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.takes import about_take, takes_of
from karaoke_studio.library.writer import LibraryWriter
from tests.conftest import AllowedLog
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def library(folder: Path, calm_log: AllowedLog) -> Iterator[LibraryWriter]:
    library = LibraryWriter(folder)
    yield library
    library.close()


def adopt(library: LibraryWriter, **options: Any) -> Song:
    take = make_take(library.staging, **options)
    song = library.adopt(take)
    shutil.rmtree(take.staging)
    return song


def by_engine(take: NewTake, engine: str) -> NewTake:
    return replace(take, result=replace(take.result, engine=engine))


def redo(library: LibraryWriter, song: Song, engine: str = "htdemucs") -> Song:
    take = by_engine(make_take(library.staging), engine)
    now = library.add_take(take, song.id)
    shutil.rmtree(take.staging)
    return now


def song_of(folder: Path, song_id: str) -> Song | None:
    view = SongLibrary(folder)
    try:
        return view.song(song_id)
    finally:
        view.close()


def test_a_redo_is_a_new_take_and_the_old_one_stays(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library, title="Song")
    library.change_song(song.id, title="Edited", favourite=True).result()
    now = redo(library, song)
    assert (now.id, now.title, now.favourite, now.engine) == (song.id, "Edited", True, "htdemucs")
    assert now == song_of(folder, song.id)
    assert now.take_id != song.take_id
    assert now.vocals_path.read_bytes() == song.vocals_path.read_bytes() == b"vocals"
    found = takes_of(now)
    assert {(take.engine, take.is_current) for take in found} == {
        ("centre", False),
        ("htdemucs", True),
    }
    assert found[0].stems == {"vocals": 6, "instrumental": 12}
    assert library.submit(edits.dirty_songs).result() == []


def test_a_take_can_be_chosen_again_and_another_removed(
    library: LibraryWriter, folder: Path
) -> None:
    song = adopt(library)
    new = redo(library, song)
    assert library.use_take(song.id, song.take_id).result().take_id == song.take_id
    with pytest.raises(LibraryError, match="in use"):
        library.remove_take(song.id, song.take_id).result()
    library.remove_take(song.id, new.take_id).result()
    assert [take.id for take in takes_of(song)] == [song.take_id]
    assert not new.take_folder.exists()
    assert [path.name[:5] for path in (folder / ".trash").iterdir()] == ["take-"]
    for gone in (new.take_id, "../..", "nothing"):
        with pytest.raises(MissingFile):
            library.use_take(song.id, gone).result()


def test_all_takes_outlive_the_index(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library)
    new = redo(library, song)
    library.close()
    for path in folder.glob(schema.DATABASE + "*"):
        path.unlink()
    LibraryWriter(folder).close()
    assert song_of(folder, song.id) == new
    assert len(takes_of(new)) == 2


def test_a_song_that_is_gone_gets_no_take(library: LibraryWriter) -> None:
    song = adopt(library)
    library.remove(song.id).result()
    with pytest.raises(MissingFile):
        redo(library, song)


def test_other_sound_is_no_take_of_the_song(library: LibraryWriter) -> None:
    song = adopt(library)
    take = make_take(library.staging)
    with pytest.raises(SourceChanged):
        library.add_take(replace(take, song={**take.song, "frames": 7}), song.id)
    assert len(takes_of(song)) == 1


@pytest.mark.parametrize("at", ["write_json_atomic", "insert"])
def test_a_take_that_fails_leaves_the_song_as_it_was(
    library: LibraryWriter,
    folder: Path,
    calm_log: AllowedLog,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
) -> None:
    calm_log.allow("could not be written")
    song = adopt(library)

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(edits, at, fail)
        with pytest.raises(OutputNotWritable):
            redo(library, song)
    library.close()
    LibraryWriter(folder).close()
    now = song_of(folder, song.id)
    assert now is not None
    assert now.vocals_path.exists()
    assert now.take_id == read_manifest(song.folder)["current_take"]
    assert len(list((song.folder / "takes").iterdir())) == len(takes_of(now))


def test_a_cover_is_replaced_and_removed(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library)
    now = library.set_cover(song.id, (b"picture", ".jpg")).result()
    assert now.cover_path is not None
    assert now.cover_path.read_bytes() == b"picture"
    assert now.cover_path != song.cover_path
    assert now.facts()["cover"] == now.cover
    assert song.cover_path is not None
    assert not song.cover_path.exists()
    bare = library.set_cover(song.id, None).result()
    assert bare.cover_path is None
    assert sorted(path.name for path in song.folder.iterdir()) == [
        "manifest.json",
        "original.mp3",
        "takes",
    ]
    assert song_of(folder, song.id) == bare


_REDO = """
import os, signal, sys
from pathlib import Path
from karaoke_studio.job import JobSpec
from karaoke_studio.library import edits, takes, writer
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.staging import Staging
from tests.library.takes import make_take

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(function):
    def wrapped(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return wrapped

library = LibraryWriter(Path(sys.argv[1]))
song = library.adopt(make_take(library.staging, "1" * 32))
library.change_song(song.id, remark="kept").result()
spec = JobSpec("2" * 32, Path("original.mp3"), song_id=song.id)
library.save_job(spec).result()
match sys.argv[2]:
    case "staged": takes.sync_tree = die_after(takes.sync_tree)
    case "renamed": takes.sync_folder = die
    case "before manifest": edits.write_json_atomic = die
    case "after manifest": edits.write_json_atomic = die_after(edits.write_json_atomic)
    case "after row": writer.job_store.drop_job = die
staging = Staging(library.staging / spec.job_id)
library.add_take(make_take(library.staging, spec.job_id), song.id)
die()
"""
#: Whether the take is there afterwards.
MOMENTS = {
    "staged": False,
    "renamed": False,
    "before manifest": False,
    "after manifest": True,
    "after row": True,
    "done": True,
}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_while_redoing_leaves_the_take_or_the_job(
    moment: str, folder: Path, calm_log: AllowedLog
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REDO, str(folder), moment], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    library = LibraryWriter(folder)
    waiting = [spec.job_id for spec in library.open_jobs().result()]
    library.close()
    song = song_of(folder, "1" * 32)
    assert song is not None
    assert song.remark == "kept"
    manifest = read_manifest(song.folder)
    assert song.take_id == manifest["current_take"]
    assert song.vocals_path.read_bytes() == b"vocals"
    assert (song.take_id == "2" * 32) is MOMENTS[moment]
    assert waiting == ([] if MOMENTS[moment] else ["2" * 32])
    if not MOMENTS[moment]:  # and the job can be done after all
        again = LibraryWriter(folder)
        take = make_take(again.staging, "2" * 32)
        assert again.add_take(take, song.id).take_id == "2" * 32
        again.close()


def test_a_job_of_a_redo_survives_the_store(library: LibraryWriter) -> None:
    spec = JobSpec("a" * 32, Path("x.mp3"), song_id="b" * 32, title="Song")
    library.save_job(spec).result()
    assert library.open_jobs().result() == [spec]


def test_a_row_that_knows_less_than_its_manifest_follows_it(
    library: LibraryWriter, folder: Path
) -> None:
    song = adopt(library)
    new = redo(library, song)

    def set_back(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE songs SET take_id = ?, revision = 1, manifest_dirty = 1", (song.take_id,)
        )

    library.submit(set_back).result()
    library.close()
    LibraryWriter(folder).close()
    assert song_of(folder, song.id) == new


def test_a_removed_take_comes_back_with_everything_known_about_it(
    library: LibraryWriter, folder: Path
) -> None:
    song = adopt(library)
    new = redo(library, song)
    before = {take.id: take for take in takes_of(new)}
    name = library.remove_take(song.id, song.take_id).result()
    assert [take.id for take in takes_of(new)] == [new.take_id]
    about = about_take(folder / ".trash" / name)
    assert about is not None
    assert (about["song"], about["title"]) == (song.id, song.title)
    library.restore_take(name).result()
    assert {take.id: take for take in takes_of(new)} == before
    assert list((folder / ".trash").iterdir()) == []
    assert sorted(path.name for path in song.take_folder.iterdir()) == [
        "instrumental.flac",
        "peaks",
        "vocals.flac",
    ]
    with pytest.raises(MissingFile, match="no longer in the trash"):
        library.restore_take(name).result()
