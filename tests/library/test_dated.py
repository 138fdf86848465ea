from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from karaoke_studio.library import dated, schema
from tests.conftest import AllowedLog


@pytest.fixture
def index(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / schema.DATABASE, isolation_level=None)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.execute("INSERT INTO songs VALUES ('Night Bus')")
    return connection


def test_a_copy_holds_what_the_index_holds(index: sqlite3.Connection, tmp_path: Path) -> None:
    assert dated.is_due(tmp_path)
    path = dated.back_up_index(index, tmp_path)
    assert path is not None
    with closing(sqlite3.connect(path)) as copy:
        assert copy.execute("SELECT title FROM songs").fetchall() == [("Night Bus",)]
    assert not dated.is_due(tmp_path)
    assert [child.name for child in path.parent.iterdir()] == [path.name]  # no part, no journal
    index.close()


def test_ten_are_kept_and_the_oldest_goes(index: sqlite3.Connection, tmp_path: Path) -> None:
    folder = tmp_path / dated.FOLDER
    folder.mkdir()
    for day in range(1, 11):
        (folder / f"library-202601{day:02}-120000-daily.sqlite3").write_bytes(b"old")
    (folder / "mine.sqlite3").write_bytes(b"not ours")
    made = dated.back_up_index(index, tmp_path)
    names = [path.name for path in dated.dated_backups(tmp_path)]
    assert len(names) == dated.KEPT
    assert made is not None
    assert names[0] == made.name
    assert "library-20260101-120000-daily.sqlite3" not in names
    assert (folder / "mine.sqlite3").exists()
    dated.forget_all(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["mine.sqlite3"]
    index.close()


def test_a_copy_that_cannot_be_made_stops_nothing(
    index: sqlite3.Connection, tmp_path: Path, calm_log: AllowedLog
) -> None:
    calm_log.allow("the index could not be backed up")
    (tmp_path / dated.FOLDER).write_bytes(b"a file where the folder should be")
    assert dated.back_up_index(index, tmp_path) is None
    index.close()
