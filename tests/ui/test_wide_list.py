from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.wide_list import Headings
from karaoke_studio.ui.wide_rows import COLUMNS, FIRST_COLUMNS
from tests.helpers.fakes_ui import FakeLibrary, FakeShelf
from tests.ui.conftest import Desk, OpenWindow

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, shelf: FakeShelf) -> MainWindow:
    for title in ("Delta", "Charlie", "Bravo", "Alpha"):
        library.add(title, "Band", original="original.mp3")
    shelf.change([library.all[2].id], labels=("duet",), colour="teal", rating=3)
    return open_window()


def names(columns: str) -> list[str]:
    return [part.partition(":")[0] for part in columns.split(",")]


def test_the_key_opens_and_closes_the_table(qtbot: QtBot, window: MainWindow) -> None:
    before = window.middle.currentWidget()
    qtbot.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert window.middle.currentWidget() is window.wide_list
    assert window.wide_list.table.hasFocus()
    assert not window.songs_list.view.isVisible()
    assert window.wide_list.count.text() == "4"
    qtbot.mouseClick(window.wide_list.close_button, LEFT)
    assert window.middle.currentWidget() is before
    assert window.songs_list.view.hasFocus()


def test_a_song_opens_from_the_table_and_the_table_goes(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    qtbot.mouseClick(window.songs_list.wide_button, LEFT)
    table = window.wide_list.table
    qtbot.mouseClick(
        table.viewport(), LEFT, pos=table.visualRect(table.model().index(1, 0)).center()
    )
    opened = window.opened.song()
    assert opened is not None
    assert opened.title == "Bravo"
    assert window.middle.currentWidget() is window.song_view


def test_both_lists_have_one_selection_and_one_menu(qtbot: QtBot, window: MainWindow) -> None:
    window.wide.toggle()
    table = window.wide_list.table
    for row in (0, 2):
        place = table.visualRect(table.model().index(row, 0)).center()
        qtbot.mouseClick(table.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, place)
    assert window.songs_list.selected_ids() == window.collection.chosen()
    assert len(window.collection.chosen()) == 2
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert [row.title for row in window.songs_list.songs()] == ["Bravo", "Delta"]


def test_a_heading_sorts_and_turns_round(qtbot: QtBot, window: MainWindow) -> None:
    window.wide.toggle()
    headings = window.wide_list.headings

    def click(name: str) -> list[str]:
        number = list(COLUMNS).index(name)
        place = QPoint(headings.sectionViewportPosition(number) + 20, 10)
        qtbot.mouseClick(headings.viewport(), LEFT, pos=place)
        return [row.title for row in window.songs_list.songs()]

    assert click("title") == ["Alpha", "Bravo", "Charlie", "Delta"]
    assert headings.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
    assert click("title") == ["Delta", "Charlie", "Bravo", "Alpha"]
    assert headings.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
    assert click("rating")[0] == "Charlie"
    assert headings.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
    assert window.songs_list.query.sort == "rating"


def test_columns_are_chosen_and_remembered(qtbot: QtBot, window: MainWindow, desk: Desk) -> None:
    window.wide.toggle()
    headings = window.wide_list.headings
    assert names(headings.columns()) == FIRST_COLUMNS.split(",")
    menu = {action.text(): action for action in headings.build_menu().actions()}
    menu["Key"].trigger()
    menu["Artist"].trigger()
    assert "key" in names(window.settings.table_columns)
    assert "artist" not in names(window.settings.table_columns)
    headings.moveSection(headings.visualIndex(list(COLUMNS).index("added")), 0)
    qtbot.waitUntil(lambda: window.settings.table_columns.startswith("added:"))
    again = Headings()
    again.set_columns(window.settings.table_columns)
    assert again.columns() == window.settings.table_columns
    again.deleteLater()


def test_the_last_column_cannot_go_and_nonsense_is_no_choice(window: MainWindow) -> None:
    headings = window.wide_list.headings
    headings.set_columns("title:300")
    menu = {action.text(): action for action in headings.build_menu().actions()}
    assert not menu["Title"].isEnabled()
    headings.set_columns("nothing:7,:,title")
    assert headings.columns() == f"title:{COLUMNS['title'].width}"
    headings.set_columns("?")
    assert names(headings.columns()) == FIRST_COLUMNS.split(",")


def test_the_columns_fill_the_room_and_no_more(qtbot: QtBot, window: MainWindow) -> None:
    window.wide.toggle()
    headings = window.wide_list.headings
    for width in (1280, 900):
        window.resize(width, 700)
        assert sum(headings.sectionSize(n) for n in range(headings.count())) == headings.width()
    length = list(COLUMNS).index("length")
    assert headings.sectionSize(length) == COLUMNS["length"].width


def test_covers_are_shown_and_remembered(qtbot: QtBot, window: MainWindow) -> None:
    window.wide.toggle()
    qtbot.mouseClick(window.wide_list.kind_button, LEFT)
    assert window.wide_list.covers.isVisible()
    assert not window.wide_list.columns_button.isVisible()
    assert window.settings.wide_kind == "covers"
    covers = window.wide_list.covers
    first, second = (covers.visualRect(covers.model().index(n, 0)) for n in (0, 1))
    assert first.top() == second.top()
    assert second.left() >= first.right()
