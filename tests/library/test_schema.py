from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import LibraryReadOnly
from karaoke_studio.library import schema
from karaoke_studio.library.dated import dated_backups
from karaoke_studio.library.finder import Finder, Query
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")

#: A row as the first version wrote it.
_OLD_COLUMNS = (
    "id, title, artist, album, duration_s, sample_rate, channels, frames, engine, take_id,"
    " shift_bits, original, cover, has_picture, notes, sha256, added_at, revision, manifest_dirty"
)


def songs_of(folder: Path) -> list[Song]:
    view = SongLibrary(folder)
    try:
        return view.songs()
    finally:
        view.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A library of the first version with three songs and a job."""
    folder = tmp_path / "library"
    writer = LibraryWriter(folder)
    for number in range(3):
        take = make_take(writer.staging, title=f"Älter {number}", artist="夜の歌手")
        writer.adopt(take)
        shutil.rmtree(take.staging)
    writer.close()
    new = sqlite3.connect(folder / schema.DATABASE)
    rows = new.execute(f"SELECT {_OLD_COLUMNS} FROM songs ORDER BY rowid").fetchall()
    new.close()
    for path in folder.glob(schema.DATABASE + "*"):
        path.unlink()
    connection = sqlite3.connect(folder / schema.DATABASE, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    for statement in schema.MIGRATIONS[0]:
        connection.execute(statement)
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO songs ({_OLD_COLUMNS}) VALUES ({marks})", rows)
    connection.execute("INSERT INTO jobs VALUES ('j', 1, '{}', 'queued', NULL, '')")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    return folder


def ask(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / schema.DATABASE)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_library_of_the_first_version_is_brought_up_to_date(old: Path) -> None:
    LibraryWriter(old).close()
    assert ask(old, "PRAGMA user_version") == [(schema.VERSION,)]
    songs = songs_of(old)
    assert sorted(song.title for song in songs) == ["Älter 0", "Älter 1", "Älter 2"]
    for song in songs:
        assert (song.favourite, song.rating, song.remark, song.play_count) == (False, 0, "", 0)
        assert (song.mix, song.analysis, song.played_at) == ({}, None, None)
        assert song.stems == ("vocals", "instrumental")
    found = ask(old, "SELECT rowid FROM song_words WHERE song_words MATCH 'alter 歌'")
    assert len(found) == 3
    assert ask(old, "SELECT id FROM jobs") == [("j",)]


_DIE = """
import os, signal, sys
from contextlib import closing
from pathlib import Path
from karaoke_studio.errors import LibraryReadOnly
from karaoke_studio.library import schema
from karaoke_studio.library.writer import LibraryWriter

steps = schema.MIGRATIONS
schema._expected_columns()

class Deadly(tuple):
    def __iter__(self):
        for number, statement in enumerate(tuple.__iter__(self)):
            yield statement
            if number == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)

schema.MIGRATIONS = (steps[0], Deadly(steps[1]), *steps[2:])
LibraryWriter(Path(sys.argv[1])).close()
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("after", range(0, len(schema.MIGRATIONS[1]), 3))
def test_a_kill_while_migrating_leaves_the_old_or_the_new(old: Path, after: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DIE, str(old), str(after)], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert ask(old, "PRAGMA user_version") == [(1,)]
    assert ask(old, "SELECT COUNT(*) FROM songs") == [(3,)]
    LibraryWriter(old).close()
    assert len(songs_of(old)) == 3
    assert not list(old.glob("*damaged*"))


def test_a_column_whose_name_is_damaged_is_found(old: Path) -> None:
    LibraryWriter(old).close()
    connection = sqlite3.connect(old / schema.DATABASE)
    connection.execute("ALTER TABLE songs RENAME COLUMN sample_rate TO sample_ratd")
    connection.close()
    LibraryWriter(old).close()
    assert len(songs_of(old)) == 3
    assert list(old.glob("*damaged*"))


def test_a_manifest_of_the_first_version_is_read(old: Path) -> None:
    for path in old.glob("*/manifest.json"):
        data = json.loads(path.read_text(encoding="utf-8"))
        assert "decided" not in data  # nothing was decided yet
    for path in old.glob(schema.DATABASE + "*"):
        path.unlink()
    LibraryWriter(old).close()
    assert len(songs_of(old)) == 3


def test_each_step_is_preceded_by_a_copy_of_the_index(old: Path) -> None:
    LibraryWriter(old).close()
    names = [path.name for path in dated_backups(old)]
    assert [name.split("-", 3)[3] for name in sorted(names)] == [
        f"before-{version}.sqlite3" for version in range(2, schema.VERSION + 1)
    ]
    with closing(sqlite3.connect(dated_backups(old)[-1])) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT COUNT(*) FROM songs").fetchone() == (3,)


def test_an_older_index_can_be_read_at_once(old: Path) -> None:
    assert [song.title for song in songs_of(old)] == ["Älter 2", "Älter 1", "Älter 0"]
    with closing(sqlite3.connect(old / schema.DATABASE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_an_older_index_that_cannot_be_changed_is_read_all_the_same(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path) -> sqlite3.Connection:
        raise LibraryReadOnly("It cannot be written to.")

    monkeypatch.setattr(schema, "_open_checked", refuse)
    assert [song.title for song in songs_of(old)] == ["Älter 2", "Älter 1", "Älter 0"]
    finder = Finder(old)
    assert len(finder.find(Query(text="alter")).rows) == 3
    finder.close()
    with closing(sqlite3.connect(old / schema.DATABASE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
