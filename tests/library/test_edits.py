from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import MissingFile
from karaoke_studio.library import schema, writer
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.staging import write_json_atomic
from tests.conftest import AllowedLog
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")

DECIDED: dict[str, Any] = {
    "title": "Señorita 🌹",
    "artist": "歌手",
    "album": "",
    "favourite": True,
    "rating": 4,
    "remark": "Slow start,\nthen loud",
    "mix": {"vocals": -14.0, "solo": ["drums"]},
    "analysis": {"bpm": 92.5, "key": "D minor", "lufs": -14.2},
}


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


def song_of(folder: Path, song_id: str) -> Song | None:
    view = SongLibrary(folder)
    try:
        return view.song(song_id)
    finally:
        view.close()


def decided(song: Song | None) -> dict[str, Any]:
    return {name: getattr(song, name) for name in DECIDED}


def forget_index(folder: Path) -> None:
    for path in folder.glob(schema.DATABASE + "*"):
        path.unlink()


def test_a_change_is_seen_at_once_and_outlives_the_index(
    library: LibraryWriter, folder: Path, calm_log: AllowedLog
) -> None:
    song = adopt(library, title="Old", artist="Nobody", album="Gone", genre="Pop")
    library.change_song(song.id, **DECIDED).result()
    now = song_of(folder, song.id)
    assert decided(now) == DECIDED
    assert now is not None
    assert (now.bpm, now.key, now.lufs) == (92.5, "D minor", -14.2)
    assert isinstance(hash(now), int)
    library.close()
    assert read_manifest(song.folder)["tags"]["genre"] == "Pop"  # what was not edited stays
    forget_index(folder)
    LibraryWriter(folder).close()
    assert decided(song_of(folder, song.id)) == DECIDED


def test_a_job_gets_the_tags_of_now_before_they_are_in_the_manifest(
    library: LibraryWriter, folder: Path
) -> None:
    song = adopt(library, title="Old", genre="Pop")
    library.change_song(song.id, title="New", artist="Someone").result()
    assert read_manifest(song.folder)["tags"] == {"title": "Old", "genre": "Pop"}
    now = song_of(folder, song.id)
    assert now is not None
    assert now.facts()["tags"] == {"title": "New", "artist": "Someone", "genre": "Pop"}


def test_manifests_are_written_when_changes_settle(
    library: LibraryWriter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def told(path: Path, data: object) -> None:
        write_json_atomic(path, data)
        written.set()

    monkeypatch.setattr(writer, "SETTLE_S", 0.05)
    monkeypatch.setattr("karaoke_studio.library.edits.write_json_atomic", told)
    song = adopt(library)
    for rating in range(6):
        library.change_song(song.id, rating=rating).result()
    assert written.wait(5)
    library.submit(lambda _: None).result()
    manifest = read_manifest(song.folder)
    assert manifest["decided"]["rating"] == 5
    assert manifest["revision"] == 7


@pytest.mark.parametrize(
    "fields",
    [{"rating": 6}, {"rating": -1}, {"id": "x"}, {"frames": 1}, {"take_id": "x"}, {"mix": {1, 2}}],
)
def test_what_cannot_be_changed_is_refused(library: LibraryWriter, fields: dict[str, Any]) -> None:
    song = adopt(library)
    with pytest.raises((ValueError, TypeError)):
        library.change_song(song.id, **fields)


def test_a_song_that_is_gone_cannot_be_changed(library: LibraryWriter) -> None:
    with pytest.raises(MissingFile):
        library.change_song("f" * 32, favourite=True).result()


def test_text_that_no_database_can_hold_is_made_fit(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library)
    library.change_song(song.id, title="caf\udce9", remark="x" * 9000).result()
    now = song_of(folder, song.id)
    assert now is not None
    assert now.title == "caf?"
    assert len(now.remark) == 4096


def test_plays_are_counted_and_survive_the_trash(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library)
    for _ in range(3):
        library.count_play(song.id).result()
    library.change_song(song.id, remark="kept").result()
    library.remove(song.id).result()
    assert song_of(folder, song.id) is None
    library.restore(song.id).result()
    now = song_of(folder, song.id)
    assert now is not None
    assert (now.play_count, now.remark) == (3, "kept")
    assert now.played_at


def test_a_removed_song_is_not_found_any_more(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library, title="Unfindable")
    library.remove(song.id).result()
    rows = library.submit(lambda c: c.execute("SELECT * FROM song_words").fetchall()).result()
    assert rows == []


@pytest.mark.parametrize(
    "value",
    [
        7,
        {"favourite": "yes", "rating": 99, "remark": [], "mix": 3, "analysis": "loud"},
        {"rating": "4", "mix": None, "play_count": {}, "played_at": 5},
    ],
)
def test_nonsense_in_a_manifest_counts_as_undecided(
    library: LibraryWriter, folder: Path, value: Any
) -> None:
    song = adopt(library)
    library.close()
    path = song.folder / "manifest.json"
    data = {**json.loads(path.read_text(encoding="utf-8")), "decided": value}
    path.write_text(json.dumps(data), encoding="utf-8")
    forget_index(folder)
    LibraryWriter(folder).close()
    assert song_of(folder, song.id) == song


_CHANGE = """
import os, signal, sys
from pathlib import Path
from karaoke_studio.library import edits, writer
from karaoke_studio.library.writer import LibraryWriter
from tests.library.takes import make_take

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

library = LibraryWriter(Path(sys.argv[1]))
song = library.adopt(make_take(library.staging, "1" * 32))
library.change_song(song.id, title="Changed", rating=3).result()
if sys.argv[2] == "committed":
    die()
elif sys.argv[2] == "while flushing":
    edits.write_json_atomic = die
else:
    edits.insert = die
library.close()
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("moment", ["committed", "while flushing", "flushed, not told"])
def test_a_kill_loses_no_change(moment: str, folder: Path, calm_log: AllowedLog) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CHANGE, str(folder), moment], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    LibraryWriter(folder).close()
    song = song_of(folder, "1" * 32)
    assert song is not None
    assert (song.title, song.rating) == ("Changed", 3)
    manifest = read_manifest(song.folder)
    assert (manifest["tags"]["title"], manifest["decided"]["rating"]) == ("Changed", 3)
