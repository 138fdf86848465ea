"""The stretch that is chosen: played once, repeated, kept, exported, by mouse and menu."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.export_dialog import ExportDialog
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton
PART = (2 * RATE, 5 * RATE)


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    library.add("Blue", has_picture=True, original="original.mp4")
    window = open_window()
    window.resize(1280, 800)
    window.open_song(library.all[0].id)
    window.opened.repeat(*PART)
    return window


@pytest.fixture
def menu(window: MainWindow) -> QMenu:
    found = window.song_view.findChild(QMenu, "region_menu")
    assert found is not None
    return found


def action(menu: QMenu, name: str) -> QAction:
    return next(a for a in menu.actions() if a.objectName() == f"{name}_region_action")


def ask_at(window: MainWindow, frame: int, reason: QContextMenuEvent.Reason) -> None:
    timeline = window.song_view.timeline
    at = QPoint(round(timeline.x_of(frame)), 120)
    event = QContextMenuEvent(reason, at, timeline.mapToGlobal(at))
    QApplication.sendEvent(timeline, event)


def test_a_right_click_inside_opens_the_menu(window: MainWindow, menu: QMenu) -> None:
    ask_at(window, 20 * RATE, QContextMenuEvent.Reason.Mouse)
    assert not menu.isVisible()
    ask_at(window, 3 * RATE, QContextMenuEvent.Reason.Mouse)
    assert menu.isVisible()
    menu.close()
    ask_at(window, 20 * RATE, QContextMenuEvent.Reason.Keyboard)
    assert menu.isVisible()
    menu.close()
    window.opened.clear_loop()
    ask_at(window, 3 * RATE, QContextMenuEvent.Reason.Mouse)
    assert not menu.isVisible()


def test_it_is_played_once(window: MainWindow, menu: QMenu, player: FakePlayer) -> None:
    action(menu, "play").trigger()
    assert player.loop is None
    assert window.song_view.timeline.loop() == PART, "it stays chosen"
    seen = []
    for _ in range(40):
        window.listening.look()
        seen.append(player.position_frames)
        player.advance_s(0.1)
    assert seen[0] == PART[0]
    assert player.state.value == "paused"
    assert PART[1] <= player.position_frames <= PART[1] + RATE // 5


def test_one_who_goes_elsewhere_is_not_stopped(
    window: MainWindow, menu: QMenu, player: FakePlayer
) -> None:
    action(menu, "play").trigger()
    window.listening.look()
    window.listening.seek(10 * RATE)
    for _ in range(10):
        player.advance_s(0.1)
        window.listening.look()
    assert player.state.value == "playing"
    window.listening.seek(0)
    for _ in range(60):
        player.advance_s(0.1)
        window.listening.look()
    assert player.state.value == "playing"


def test_it_is_repeated_and_forgotten(window: MainWindow, menu: QMenu, player: FakePlayer) -> None:
    window.listening.clear_loop()
    player.seek(9 * RATE)
    action(menu, "repeat").trigger()
    assert tuple(player.loop or ())[:2] == PART
    assert player.position_frames == PART[0]
    assert player.state.value == "playing"
    action(menu, "keep").trigger()
    assert (window.places.places()[0].start, window.places.places()[0].stop) == PART
    action(menu, "forget").trigger()
    assert player.loop is None
    assert window.song_view.timeline.loop() is None


def test_it_is_exported(qtbot: QtBot, window: MainWindow, menu: QMenu, queue: FakeQueue) -> None:
    action(menu, "export").trigger()
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    assert not dialog.video.isVisible()
    qtbot.mouseClick(dialog.start_button, LEFT)
    ((song, _, _),) = queue.exports.values()
    assert song.title == "Blue 0.02–0.05"
    assert queue.region == PART
    dialog.close()
    # the whole song is the whole song again
    window.commands["export_action"].trigger()
    whole = [d for d in window.findChildren(ExportDialog) if d.isVisible()][-1]
    qtbot.mouseClick(whole.start_button, LEFT)
    assert queue.region is None
