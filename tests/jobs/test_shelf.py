from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import MissingFile
from karaoke_studio.jobs.shelf import Shelf, SongDetails
from karaoke_studio.library.finder import Found, Query
from karaoke_studio.library.songs import Song
from karaoke_studio.library.writer import LibraryWriter
from tests.conftest import AllowedLog
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LibraryWriter]:
    writer = LibraryWriter(tmp_path / "library")
    yield writer
    writer.close()


@pytest.fixture
def shelf(writer: LibraryWriter) -> Iterator[Shelf]:
    shelf = Shelf(writer)
    yield shelf
    shelf.close()
    shelf.deleteLater()
    QCoreApplication.sendPostedEvents(shelf, QEvent.Type.DeferredDelete)


def adopt(writer: LibraryWriter, title: str) -> Song:
    take = make_take(writer.staging, title=title)
    song = writer.adopt(take)
    shutil.rmtree(take.staging)
    return song


def ask(qtbot: QtBot, shelf: Shelf, **query: Any) -> Found:
    with qtbot.waitSignal(shelf.found, timeout=5000) as found:
        shelf.find(Query(**query))
    assert found.args is not None
    answer: Found = found.args[0]
    return answer


def test_songs_are_found_without_waiting(qtbot: QtBot, writer: LibraryWriter, shelf: Shelf) -> None:
    adopt(writer, "Blue"), adopt(writer, "Red")
    found = ask(qtbot, shelf, text="re")
    assert [row.title for row in found.rows] == ["Red"]
    assert found.total == 2


def test_of_many_wishes_the_last_is_answered(
    qtbot: QtBot, writer: LibraryWriter, shelf: Shelf
) -> None:
    adopt(writer, "Blue")
    answers: list[Found] = []
    shelf.found.connect(answers.append)
    for letters in ("x", "xy", "b", "bl", "blu", "blue"):
        shelf.find(Query(text=letters))
    qtbot.waitUntil(lambda: bool(answers) and answers[-1].query.text == "blue", timeout=5000)
    assert [row.title for row in answers[-1].rows] == ["Blue"]


def test_many_changes_are_told_once(qtbot: QtBot, writer: LibraryWriter, shelf: Shelf) -> None:
    ids = [adopt(writer, str(number)).id for number in range(5)]
    told: list[int] = []
    shelf.changed.connect(lambda: told.append(1))
    with qtbot.waitSignal(shelf.changed, timeout=5000):
        shelf.change(ids, favourite=True)
    with qtbot.waitSignal(shelf.changed, timeout=5000):
        shelf.remove(ids[:3])
    assert ask(qtbot, shelf, favourites=True).total == 2
    with qtbot.waitSignal(shelf.changed, timeout=5000):
        shelf.restore(ids[:3])
    assert len(ask(qtbot, shelf, favourites=True).rows) == 5
    assert len(told) == 3
    shelf.change([], favourite=True)
    shelf.remove([])


def test_a_failure_is_told_once_and_the_rest_is_done(
    qtbot: QtBot, writer: LibraryWriter, shelf: Shelf, calm_log: AllowedLog
) -> None:
    calm_log.allow("the library was not changed")
    song = adopt(writer, "Blue")
    problems: list[Any] = []
    shelf.change_failed.connect(problems.append)
    with qtbot.waitSignal(shelf.changed, timeout=5000):
        shelf.change(["x", song.id, "y"], rating=5)
    assert [type(problem) for problem in problems] == [MissingFile]
    now = shelf.song(song.id)
    assert now is not None
    assert now.rating == 5


def test_changes_after_the_end_do_not_hang(
    qtbot: QtBot, writer: LibraryWriter, shelf: Shelf, calm_log: AllowedLog
) -> None:
    calm_log.allow("the library was not changed")
    song = adopt(writer, "Blue")
    writer.close()
    with qtbot.waitSignal(shelf.change_failed, timeout=5000):
        shelf.count_play(song.id)


def test_details_tell_of_files_and_takes(qtbot: QtBot, writer: LibraryWriter, shelf: Shelf) -> None:
    song = adopt(writer, "Blue")
    with qtbot.waitSignal(shelf.details_read, timeout=5000) as read:
        shelf.read_details(song)
    assert read.args is not None
    details: SongDetails = read.args[0]
    assert details.original_bytes == len("copy.mp3")
    assert [(take.engine, take.is_current) for take in details.takes] == [("centre", True)]


def test_a_deleted_set_list_comes_back_at_its_place(
    qtbot: QtBot, writer: LibraryWriter, shelf: Shelf
) -> None:
    song = adopt(writer, "Blue")
    first = writer.create_playlist("First", [song.id]).result()
    writer.create_playlist("Second").result()
    shelf.delete_playlist(first)
    with qtbot.waitSignal(shelf.changed, timeout=5000):
        pass
    assert [entry.name for entry in ask(qtbot, shelf).playlists] == ["Second"]
    with qtbot.waitSignal(shelf.changed, timeout=5000):
        shelf.restore_playlist(first)
    assert [(entry.name, entry.songs) for entry in ask(qtbot, shelf).playlists] == [
        ("First", 1),
        ("Second", 0),
    ]


def test_the_engines_are_the_built_in_ones_and_the_models(
    qtbot: QtBot, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("models: []")
    with qtbot.waitSignal(shelf.engines_found, timeout=5000) as found:
        shelf.find_engines([tmp_path])
    assert found.args == [["instant", "centre", "own"]]
