from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.file_opener import FileOpener


@pytest.fixture
def application(qapp: QApplication) -> QObject:
    """Stands for the application, which other tests share."""
    return QObject()


@pytest.fixture
def opener(application: QObject) -> FileOpener:
    return FileOpener(application)


def open_url(application: QObject, url: str) -> None:
    QApplication.sendEvent(application, QFileOpenEvent(QUrl(url)))


def test_files_that_are_dropped_together_are_added_together(
    application: QObject, opener: FileOpener, qtbot: QtBot
) -> None:
    opener.listen()
    with qtbot.waitSignal(opener.files_opened) as opened:
        open_url(application, "file:///m/a%20b.mp3")
        open_url(application, "file:///m/c.flac")
    assert opened.args == [[Path("/m/a b.mp3"), Path("/m/c.flac")]]


def test_files_of_a_start_wait_for_the_window(
    application: QObject, opener: FileOpener, qtbot: QtBot
) -> None:
    open_url(application, "file:///m/a.mp3")
    with qtbot.assertNotEmitted(opener.files_opened, wait=120):
        pass
    with qtbot.waitSignal(opener.files_opened) as opened:
        opener.listen()
    assert opened.args == [[Path("/m/a.mp3")]]


def test_while_the_window_is_away_they_wait(
    application: QObject, opener: FileOpener, qtbot: QtBot
) -> None:
    opener.listen()
    open_url(application, "file:///m/a.mp3")
    opener.pause()
    with qtbot.assertNotEmitted(opener.files_opened, wait=120):
        open_url(application, "file:///m/b.mp3")
    with qtbot.waitSignal(opener.files_opened) as opened:
        opener.listen()
    assert opened.args == [[Path("/m/a.mp3"), Path("/m/b.mp3")]]


@pytest.mark.parametrize("url", ["http://x/a.mp3", "file://server/share/a.mp3", ""])
def test_nothing_from_the_network_is_opened(
    url: str, application: QObject, opener: FileOpener, qtbot: QtBot
) -> None:
    opener.listen()
    with qtbot.assertNotEmitted(opener.files_opened, wait=120):
        open_url(application, url)
