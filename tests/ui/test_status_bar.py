from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from karaoke_studio.ui.status_bar import StatusBar
from karaoke_studio.ui.theme import Look
from tests.helpers.fakes_ui import FakeQueue
from tests.ui.conftest import Desk


def test_the_line_tells_sound_speed_and_room(desk: Desk, qtbot: QtBot, queue: FakeQueue) -> None:
    queue.seconds = {"instant": 0.02}
    window = desk.open()
    window.show()
    bar = window.status_bar
    assert bar.isVisible()
    assert bar.sound.text() == "Sound: system default"
    window.status.look()
    assert bar.speed.text() == "Instant: 50× realtime"
    qtbot.waitUntil(lambda: bar.disk.text().endswith("B free"))
    assert bar.geometry().bottom() == window.centralWidget().height() - 1


def test_the_line_follows_what_is_chosen(desk: Desk, qtbot: QtBot, queue: FakeQueue) -> None:
    queue.seconds = {"instant": 0.02, "centre": 0.5}
    window = desk.open()
    window.show()
    window.change_setting("engine", "centre")
    assert window.status_bar.speed.text() == "Centre: 2.0× realtime"
    queue.seconds["centre"] = 0.25  # a song was made meanwhile
    queue.songs_changed.emit()
    assert window.status_bar.speed.text() == "Centre: 4.0× realtime"


def test_the_queue_stays_above_the_line(desk: Desk, qtbot: QtBot, queue: FakeQueue) -> None:
    song = desk.library.add("Song")
    window = desk.open()
    window.show()
    window.open_song(song.id)
    window.add_paths([Path("a.mp3")])
    qtbot.waitUntil(window.queue_panel.isVisible)
    assert window.queue_panel.geometry().top() < window.status_bar.geometry().top()


def test_a_small_window_keeps_the_room_for_the_song(desk: Desk) -> None:
    window = desk.open()
    window.show()
    for width, height, shown in ((900, 800, False), (1280, 640, False), (1280, 800, True)):
        window.resize(width, height)
        assert window.status_bar.isVisible() == shown


def test_a_full_disk_is_told_in_another_tone(qtbot: QtBot, look: Look) -> None:
    bar = StatusBar(look)
    qtbot.addWidget(bar)
    bar.show_disk(900_000_000)
    assert bar.disk.text() == "Disk nearly full: 900 MB free"
    assert bar.disk.property("tone") == "warn"
    bar.show_disk(-1)
    assert bar.disk.text() == ""
    assert bar.disk.property("tone") == "muted"
