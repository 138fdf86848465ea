import os
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from pytestqt.qtbot import QtBot

from karaoke_studio.ui import text
from karaoke_studio.ui.drop_area import DropArea, drop_sentence, dropped_paths, local_path
from karaoke_studio.ui.theme import Look


def test_files_and_folders_are_taken_in_order(tmp_path: Path) -> None:
    song = tmp_path / "a b#ü%20.mp3"
    song.write_bytes(b"x")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path)), QUrl.fromLocalFile(str(song))])
    assert dropped_paths(data) == [tmp_path, song]


@pytest.mark.parametrize(
    "url",
    [
        "file://server/share/song.mp3",
        "file:////server/share/song.mp3",
        "http://example.org/song.mp3",
        "ftp://example.org/song.mp3",
        "data:audio/mpeg;base64,AAAA",
        "song.mp3",
        "file:///nowhere/at/all.mp3",
        "",
    ],
)
def test_what_is_not_here_is_refused(url: str) -> None:
    assert local_path(QUrl(url)) is None


def test_a_server_is_refused_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(Path, "stat", lambda path, **_: asked.append(path))
    assert local_path(QUrl("file://server/share/song.mp3")) is None
    assert asked == []


@pytest.mark.skipif(os.name != "posix", reason="FIFOs and devices are POSIX")
def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    assert local_path(QUrl.fromLocalFile(str(tmp_path / "pipe.mp3"))) is None
    assert local_path(QUrl.fromLocalFile("/dev/null")) is None


def test_the_sentence_tells_files_from_folders(tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(b"x")
    assert drop_sentence([song]) == "Make karaoke of 1 song"
    assert drop_sentence([song, tmp_path]) == text.dropped(1, 1)
    assert drop_sentence([]) == text.DROP_REFUSED


def test_the_welcome_page_has_two_ways_to_begin(qtbot: QtBot, look: Look) -> None:
    area = DropArea(look)
    qtbot.addWidget(area)
    with qtbot.waitSignal(area.add_requested):
        qtbot.mouseClick(area.add_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(area.demo_requested):
        qtbot.mouseClick(area.demo_button, Qt.MouseButton.LeftButton)
    assert area.demo_button.text() == "Try the demo song"


def test_who_has_songs_is_sent_to_them(qtbot: QtBot, look: Look) -> None:
    area = DropArea(look)
    qtbot.addWidget(area)
    area.show()
    assert area.heading.text() == "Drop songs here"
    area.set_welcome(False)
    assert area.heading.text() == area.accessibleName() == "Choose a song, or drop more here"
    assert not area.demo_button.isVisible()
    assert area.add_button.isVisible()
