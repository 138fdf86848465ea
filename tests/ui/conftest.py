"""A window over stand-ins, closed after each test."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from pytestqt.qtbot import QtBot

from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import Settings
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.theme import Look
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeQueue, FakeShelf


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the offscreen platform say that it is no window manager."""
    mark = pytest.mark.qt_log_ignore("This plugin does not support")
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(mark)


@pytest.fixture
def library(tmp_path: Path) -> FakeLibrary:
    return FakeLibrary(tmp_path / "library")


@pytest.fixture
def queue(library: FakeLibrary, qapp: object) -> FakeQueue:
    return FakeQueue(library)


@pytest.fixture
def player() -> FakePlayer:
    return FakePlayer()


@pytest.fixture
def look(qapp: object) -> Look:
    return Look("dark")


@pytest.fixture
def disk(qapp: object) -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.close()


class Desk:
    """Opens windows and knows what they saved and showed."""

    def __init__(self, queue: FakeQueue, player: FakePlayer, library: FakeLibrary) -> None:
        self.queue, self.player, self.library = queue, player, library
        self.shelf = FakeShelf(library)
        self.saved: list[Settings] = []
        self.folders: list[Path] = []
        self.data = DataFolder(library.folder.parent / "data").create()
        self.windows: list[MainWindow] = []

    def open(
        self, settings: Settings | None = None, geometry: QSettings | None = None
    ) -> MainWindow:
        window = MainWindow(
            self.queue,
            self.player,
            self.shelf,
            self.library.words,
            settings or Settings(theme="dark"),
            self.saved.append,
            Path("demo song.ogg"),
            geometry,
            self.folders.append,
            self.data,
        )
        if geometry is None:  # the offscreen screen is smaller than any real one
            window.resize(1280, 800)
        self.windows.append(window)
        return window


@pytest.fixture
def desk(queue: FakeQueue, player: FakePlayer, library: FakeLibrary) -> Iterator[Desk]:
    desk = Desk(queue, player, library)
    yield desk
    queue.views.clear()
    queue.exports.clear()
    for window in desk.windows:
        window.close()
        window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    desk.windows.clear()
    gc.collect()


@pytest.fixture
def shelf(desk: Desk) -> FakeShelf:
    return desk.shelf


OpenWindow = Callable[[], MainWindow]


@pytest.fixture
def open_window(desk: Desk, qtbot: QtBot) -> OpenWindow:
    """Show a window and give it the keyboard."""

    def show() -> MainWindow:
        window = desk.open()
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    return show
