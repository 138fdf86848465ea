import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from karaoke_studio.library.finder import Found, Query
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.theme import Look
from tests.helpers.fakes_ui import FakeLibrary, FakeShelf


@pytest.fixture
def songs(qtbot: QtBot, look: Look, disk: Disk, library: FakeLibrary) -> SongsList:
    library.add("Copper Sky", "Mara Vell", seconds=178)
    library.add("Night Bus Home", "The Lanterns", "Late")
    library.add("Paper Boats", "Juno Hale", hue=20)
    panel = SongsList(look, disk, library.folder)
    qtbot.addWidget(panel)
    shelf = FakeShelf(library)
    shelf.found.connect(panel.show_found)
    panel.query_changed.connect(shelf.find)
    panel.engines = shelf.engines
    shelf.find(panel.query)
    panel.shelf_behind = shelf
    panel.resize(280, 500)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    return panel


def row(panel: SongsList, number: int) -> QPoint:
    return panel.view.visualRect(panel.shown.index(number, 0)).center()


def titles(panel: SongsList) -> list[str]:
    return [song.title for song in panel.songs()]


def test_a_click_opens_and_a_double_click_plays(qtbot: QtBot, songs: SongsList) -> None:
    view = songs.view.viewport()
    with qtbot.waitSignal(songs.open_requested) as opened:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=row(songs, 1))
    assert opened.args == [songs.songs()[1].id]
    with qtbot.waitSignal(songs.play_requested) as played:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=row(songs, 2))
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=row(songs, 2))
    assert played.args == [songs.songs()[2].id]


def test_the_keyboard_chooses_opens_and_removes(qtbot: QtBot, songs: SongsList) -> None:
    songs.view.setFocus()
    songs.view.setCurrentIndex(songs.shown.index(0, 0))
    qtbot.keyClick(songs.view, Qt.Key.Key_Down)
    with qtbot.waitSignal(songs.open_requested) as opened:
        qtbot.keyClick(songs.view, Qt.Key.Key_Return)
    assert opened.args == [songs.songs()[1].id]
    with qtbot.waitSignal(songs.remove_requested) as removed:
        qtbot.keyClick(songs.view, Qt.Key.Key_Delete)
    assert removed.args == [opened.args]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("NIGHT", ["Night Bus Home"]),
        ("lanterns", ["Night Bus Home"]),
        ("late", ["Night Bus Home"]),
        ("", ["Paper Boats", "Night Bus Home", "Copper Sky"]),
        ("bus la", ["Night Bus Home"]),
        ("boats juno", ["Paper Boats"]),
        (".*", []),
    ],
)
def test_the_filter_looks_at_title_artist_and_album(
    qtbot: QtBot, songs: SongsList, typed: str, found: list[str]
) -> None:
    songs.focus_filter()
    qtbot.keyClicks(songs.filter_box, typed)
    assert titles(songs) == found
    assert songs.nothing.isVisible() is (not found)
    if not found:
        assert songs.nothing.text() == "No song matches “.*”"
    assert songs.count.text() == (f"{len(found)} of 3" if len(found) < 3 else "3")


def test_escape_clears_the_filter_and_goes_to_the_list(qtbot: QtBot, songs: SongsList) -> None:
    songs.focus_filter()
    qtbot.keyClicks(songs.filter_box, "sky")
    qtbot.keyClick(songs.filter_box, Qt.Key.Key_Escape)
    assert len(titles(songs)) == 3
    assert songs.view.hasFocus()


def test_down_goes_from_the_filter_to_the_first_song_found(qtbot: QtBot, songs: SongsList) -> None:
    songs.focus_filter()
    qtbot.keyClicks(songs.filter_box, "sky")
    qtbot.keyClick(songs.filter_box, Qt.Key.Key_Down)
    assert songs.view.hasFocus()
    with qtbot.waitSignal(songs.open_requested):
        qtbot.keyClick(songs.view, Qt.Key.Key_Enter)


def test_new_songs_leave_the_choice_where_it_was(songs: SongsList, library: FakeLibrary) -> None:
    chosen = songs.songs()[1]
    songs.view.setCurrentIndex(songs.shown.index(1, 0))
    library.add("A new one")
    songs.shelf_behind.find(songs.query)
    assert songs.view.current_id() == chosen.id
    assert titles(songs)[0] == "A new one"


def test_a_right_click_opens_the_menu(qtbot: QtBot, songs: SongsList) -> None:
    qtbot.mouseClick(songs.view.viewport(), Qt.MouseButton.LeftButton, pos=row(songs, 0))
    songs.view.customContextMenuRequested.emit(row(songs, 0))
    menu = songs.findChild(QMenu, "song_menu")
    assert menu is not None
    assert menu.isVisible()
    menu.close()


def test_a_narrow_list_shows_covers_only(qtbot: QtBot, songs: SongsList) -> None:
    songs.resize(76, 500)
    assert not songs.filter_box.isVisible()
    songs.resize(280, 500)
    assert songs.filter_box.isVisible()


def test_the_focus_ring_is_for_the_keyboard(qtbot: QtBot, songs: SongsList, look: Look) -> None:
    def ring() -> bool:
        box = songs.view.visualRect(songs.shown.index(1, 0))
        image = songs.view.viewport().grab().toImage()
        return image.pixelColor(box.center().x(), box.top() + 3) == QColor(look.tokens.accent)

    qtbot.mouseClick(songs.view.viewport(), Qt.MouseButton.LeftButton, pos=row(songs, 1))
    assert songs.view.hasFocus()
    assert not ring()
    qtbot.keyClick(songs.view, Qt.Key.Key_Down)
    qtbot.keyClick(songs.view, Qt.Key.Key_Up)
    assert ring()


def test_an_empty_library_says_so(songs: SongsList) -> None:
    songs.show_found(Found(Query(), []))
    assert songs.nothing.text() == "No songs yet"
    assert songs.nothing.isVisible()


def test_a_screen_reader_hears_title_artist_and_length(songs: SongsList) -> None:
    index = songs.shown.index(2, 0)
    said = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "Copper Sky, Mara Vell, 2 minutes 58 seconds"


def test_the_open_song_is_marked(songs: SongsList, look: Look) -> None:
    before = songs.view.grab().toImage()
    songs.set_open(songs.songs()[0].id)
    after = songs.view.grab().toImage()
    box = songs.view.visualRect(songs.shown.index(0, 0))
    x, y = box.left() + 9, box.center().y()
    assert before.pixelColor(x, y).name() != look.tokens.accent.lower()
    assert after.pixelColor(x, y).name() == look.tokens.accent.lower()
