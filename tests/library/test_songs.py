from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import LibraryDamaged, LibraryError
from karaoke_studio.library import schema
from karaoke_studio.library.songs import Song, SongLibrary, Word
from karaoke_studio.library.writer import LibraryWriter
from tests.library.takes import FACTS, make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LibraryWriter]:
    writer = LibraryWriter(tmp_path / "library")
    yield writer
    writer.close()


@pytest.fixture
def view(writer: LibraryWriter) -> Iterator[SongLibrary]:
    view = SongLibrary(writer.folder)
    yield view
    view.close()


def adopt(writer: LibraryWriter, **options: Any) -> Song:
    return writer.adopt(make_take(writer.staging, **options))


def test_the_newest_song_comes_first(writer: LibraryWriter, view: SongLibrary) -> None:
    added = [adopt(writer, title=str(number)).id for number in range(5)]
    assert [song.id for song in view.songs()] == added[::-1]


def test_a_song_is_found_by_its_id(writer: LibraryWriter, view: SongLibrary) -> None:
    song = adopt(writer)
    assert view.song(song.id) == song
    assert view.song("f" * 32) is None
    assert view.song("' OR 1=1 --") is None


def test_a_song_is_found_by_the_content_of_its_file(
    writer: LibraryWriter, view: SongLibrary
) -> None:
    assert view.song_of_content("ab" * 32) is None
    adopt(writer)
    newest = adopt(writer)
    assert view.song_of_content("ab" * 32) == newest
    assert view.song_of_content("ab' OR 1 --") is None


def test_changes_are_seen_at_once(writer: LibraryWriter, view: SongLibrary) -> None:
    assert view.songs() == []
    song = adopt(writer)
    assert view.songs() == [song]
    writer.remove(song.id).result()
    assert view.songs() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM songs",
        "INSERT INTO jobs VALUES ('x', 1, '', '', '', '', 0)",
        "UPDATE songs SET title = 'x'",
        "DROP TABLE songs",
        "CREATE TABLE x (y)",
        "PRAGMA user_version = 9",
    ],
)
def test_the_view_cannot_write(writer: LibraryWriter, view: SongLibrary, statement: str) -> None:
    adopt(writer)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        view._connection.execute(statement)
    assert len(view.songs()) == 1


def test_a_view_of_nothing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LibraryError):
        SongLibrary(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_view_of_a_damaged_index_says_so(tmp_path: Path) -> None:
    (tmp_path / schema.DATABASE).write_bytes(b"no database at all" * 100)

    def look() -> None:
        view = SongLibrary(tmp_path)
        try:
            view.songs()
        finally:
            view.close()

    with pytest.raises(LibraryDamaged):
        look()


def test_words_come_line_by_line(writer: LibraryWriter, view: SongLibrary) -> None:
    song = adopt(writer, words=[[0, "zero"], [1.5, "שורה"], [None, ""]])
    assert view.words(song) == (Word(0.0, "zero"), Word(1.5, "שורה"), Word(None, ""))
    assert view.words(adopt(writer)) == ()


@pytest.mark.parametrize(
    "words",
    [None, 7, "text", [1], [["soon", "x"]], [[1.0]], [[1.0, "a", "b"]], {"a": 1}, [[[], "x"]]],
)
def test_broken_words_are_no_words(writer: LibraryWriter, view: SongLibrary, words: Any) -> None:
    song = adopt(writer)
    path = song.folder / "manifest.json"
    data = {**json.loads(path.read_text(encoding="utf-8")), "words": words}
    path.write_text(json.dumps(data))
    assert view.words(song) == ()
    path.write_bytes(b"{")
    assert view.words(song) == ()
    path.unlink()
    assert view.words(song) == ()


def test_a_song_gives_a_job_its_facts(writer: LibraryWriter) -> None:
    song = adopt(writer, title="T", words=[[1.0, "a"]])
    facts = song.facts()
    assert {name: facts[name] for name in FACTS} == FACTS
    assert facts["tags"] == {"title": "T"}
    assert facts["cover"] == "cover.jpg"
    (song.folder / "manifest.json").unlink()
    with pytest.raises(LibraryDamaged) as caught:
        song.facts()
    assert caught.value.hint


def test_reading_and_writing_do_not_wait_for_each_other(
    writer: LibraryWriter, view: SongLibrary
) -> None:
    done = threading.Event()
    seen: list[int] = []

    def look() -> None:
        own = SongLibrary(writer.folder)
        while not done.is_set():
            seen.append(len(own.songs()))
        own.close()

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(10):
        adopt(writer)
    done.set()
    thread.join()
    assert seen == sorted(seen)
    assert len(view.songs()) == 10
