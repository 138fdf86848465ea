from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from karaoke_studio.settings import Settings
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.recent import KEPT
from tests.helpers.fakes_ui import FakeQueue
from tests.ui.conftest import Desk, OpenWindow


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window()


def recent(window: MainWindow) -> QMenu:
    (menu,) = window.findChildren(QMenu, "recent_menu")
    assert menu.menuAction() in window.menu.actions()
    menu.aboutToShow.emit()
    return menu


def names(window: MainWindow) -> list[str]:
    return [action.text() for action in recent(window).actions() if action.data()]


def test_there_is_nothing_at_first(window: MainWindow) -> None:
    assert not recent(window).menuAction().isEnabled()
    assert names(window) == []


def test_the_last_ten_are_listed_newest_first_and_once(window: MainWindow) -> None:
    for number in range(KEPT + 3):
        window.add_paths([Path(f"/m/{number}.mp3")])
    window.add_paths([Path("/m/7.mp3"), Path("/m/8.mp3")])
    assert names(window) == [f"{n}.mp3" for n in (7, 8, 12, 11, 10, 9, 6, 5, 4, 3)]
    assert recent(window).menuAction().isEnabled()


def test_a_click_adds_a_song_again(window: MainWindow, queue: FakeQueue) -> None:
    window.add_paths([Path("/m/a.mp3")])
    window.add_paths([Path("/m/b.mp3")])
    recent(window).actions()[1].trigger()
    assert [view.path for view in queue.views.values()][-1] == Path("/m/a.mp3")
    assert names(window) == ["a.mp3", "b.mp3"]


def test_they_are_there_at_the_next_start(desk: Desk, qtbot: QtBot) -> None:
    first = desk.open()
    first.add_paths([Path("/m/a.mp3")])
    first.close_now(keep=True)
    again = desk.open(desk.saved[-1])
    assert names(again) == ["a.mp3"]


def test_the_list_is_cleared(window: MainWindow) -> None:
    window.add_paths([Path("/m/a.mp3")])
    clear = recent(window).findChild(QAction, "clear_recent_action")
    assert clear is not None
    clear.trigger()
    assert window.settings.recent_files == ()
    assert not recent(window).menuAction().isEnabled()


def test_strange_names_are_shown_as_they_are(desk: Desk) -> None:
    window = desk.open(Settings(recent_files=("/m/<b>A & B\nC\udcff.mp3", f"/m/{'x' * 300}.mp3")))
    first, second = recent(window).actions()[:2]
    assert first.text() == "<b>A && B C .mp3"
    assert "&lt;b&gt;A" in first.toolTip()
    assert len(second.text()) < 80
    assert "…" in second.text()


def test_the_demo_song_is_not_listed(window: MainWindow) -> None:
    window.drop_area.demo_requested.emit()
    assert names(window) == []
