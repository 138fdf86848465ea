from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.watch_folder import WatchFolder
from karaoke_studio.settings import Settings


class Watch:
    """A watched folder and what it told."""

    def __init__(self, folder: Path, journal: Path, qtbot: QtBot) -> None:
        self.folder, self.journal, self._qtbot = folder, journal, qtbot
        self.settings = Settings(watch_folder=str(folder))
        self.told: list[list[str]] = []
        self.begin()

    def begin(self) -> None:
        self.parent = QObject()
        self.watch = WatchFolder(lambda: self.settings, self.journal, self.parent)
        self.watch.arrived.connect(lambda paths: self.told.append([p.name for p in paths]))

    def look(self) -> None:
        self.watch.look()
        self._qtbot.waitUntil(lambda: not self.watch._is_looking)
        self._qtbot.wait(1)  # what the lane told

    def put(self, name: str, content: bytes = b"sound") -> None:
        (self.folder / name).write_bytes(content)


@pytest.fixture
def watch(tmp_path: Path, qtbot: QtBot) -> Iterator[Watch]:
    folder = tmp_path / "new"
    folder.mkdir()
    watch = Watch(folder, tmp_path / "watched.json", qtbot)
    yield watch
    watch.watch.close()


def test_seed_001_12_only_what_comes_later_is_made_and_only_once(watch: Watch) -> None:
    watch.put("old.mp3")
    watch.look()
    watch.put("new.mp3")
    watch.put("words.txt")
    watch.look()
    assert watch.told == []  # it may still be growing
    watch.put("new.mp3", b"sound and more")
    watch.look()
    assert watch.told == []
    watch.look()
    assert watch.told == [["new.mp3"]]
    watch.look()
    assert watch.told == [["new.mp3"]]


def test_what_comes_while_the_program_is_closed_is_found(watch: Watch) -> None:
    watch.look()
    watch.watch.close()
    watch.put("meanwhile.flac")
    watch.begin()
    watch.look()
    watch.look()
    assert watch.told == [["meanwhile.flac"]]


def test_a_damaged_memory_begins_anew_and_a_lost_folder_is_nothing(
    watch: Watch, calm_log: object
) -> None:
    calm_log.allow("what was seen")  # type: ignore[attr-defined]
    watch.journal.write_text("{")
    watch.put("old.mp3")
    watch.look()
    watch.settings = Settings(watch_folder=str(watch.folder / "gone"))
    watch.look()
    watch.settings = Settings()
    watch.watch.look()
    assert watch.told == []
