"""The library in the window, by clicks and keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDragMoveEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.library.takes import TakeFacts
from karaoke_studio.ui import text
from karaoke_studio.ui.edit_many import EditManyDialog
from karaoke_studio.ui.labels import NewLabel
from karaoke_studio.ui.lists_desk import NEW_SET_LIST
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.shelves import ALL, FAVOURITES
from karaoke_studio.ui.song_details import SongDetailsDialog
from karaoke_studio.ui.songs_list import SongsList
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeQueue, FakeShelf, paint_picture
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NO_KEYS = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    for title in ("Delta", "Charlie", "Bravo", "Alpha"):
        library.add(title, "Band", original="original.mp3")
    return open_window()


def titles(window: MainWindow) -> list[str]:
    return [row.title for row in window.songs_list.songs()]


def point(songs: SongsList, row: int) -> QPoint:
    return songs.view.visualRect(songs.shown.index(row, 0)).center()


def click(qtbot: QtBot, window: MainWindow, row: int, keys: Any = NO_KEYS) -> None:
    songs = window.songs_list
    qtbot.mouseClick(songs.view.viewport(), LEFT, keys, point(songs, row))


def entry(menu: QMenu, *path: str) -> QAction:
    """Return an entry of a menu, through its menus."""
    for words in path[:-1]:
        inner = next(action.menu() for action in menu.actions() if action.text() == words)
        assert isinstance(inner, QMenu)
        menu = inner
    found = [action for action in menu.actions() if action.text().split("\t")[0] == path[-1]]
    assert found, [action.text() for action in menu.actions()]
    return found[0]


def menu_of(window: MainWindow) -> QMenu:
    return window.songs_list.build_menu(window.songs_list.selected_ids())


def shelf_row(window: MainWindow, shelf_id: str) -> QPoint:
    shelves = window.songs_list.shelves
    number = [row.id for row in shelves.rows()].index(shelf_id)
    return shelves.visualItemRect(shelves.item(number)).center()


def dragged(window: MainWindow, *rows: int) -> QMimeData:
    model = window.songs_list.shown
    return model.mimeData([model.index(row, 0) for row in rows])


def drop(target: QWidget, data: QMimeData, place: QPoint) -> None:
    enter = QDragEnterEvent(place, Qt.DropAction.CopyAction, data, LEFT, NO_KEYS)
    QApplication.sendEvent(target, enter)
    move = QDragMoveEvent(place, Qt.DropAction.CopyAction, data, LEFT, NO_KEYS)
    QApplication.sendEvent(target, move)
    event = QDropEvent(QPointF(place), Qt.DropAction.CopyAction, data, LEFT, NO_KEYS)
    QApplication.sendEvent(target, event)


# -- several at once


def test_control_and_shift_choose_several_and_open_nothing(
    qtbot: QtBot, window: MainWindow
) -> None:
    click(qtbot, window, 0)
    assert window.song_view.title.text() == "Alpha"
    click(qtbot, window, 2, CONTROL)
    assert window.song_view.title.text() == "Alpha"
    chosen = [window.collection.song(key) for key in window.songs_list.selected_ids()]
    assert [song.title for song in chosen if song] == ["Alpha", "Charlie"]
    click(qtbot, window, 0)
    click(qtbot, window, 3, SHIFT)
    assert len(window.songs_list.selected_ids()) == 4
    click(qtbot, window, 1)
    assert window.song_view.title.text() == "Bravo"
    assert len(window.songs_list.selected_ids()) == 1
    qtbot.keyClick(window.songs_list.view, Qt.Key.Key_A, CONTROL)
    assert len(window.songs_list.selected_ids()) == 4


def test_several_are_removed_and_come_back_at_once(qtbot: QtBot, window: MainWindow) -> None:
    click(qtbot, window, 0)
    click(qtbot, window, 2, SHIFT)
    qtbot.keyClick(window.songs_list.view, Qt.Key.Key_Delete)
    assert titles(window) == ["Delta"]
    assert window.song_view.song() is None
    assert window.banners.undo.label.text() == "3 songs were removed."
    qtbot.mouseClick(window.banners.undo.action_button, LEFT)
    assert sorted(titles(window)) == ["Alpha", "Bravo", "Charlie", "Delta"]


def test_the_menu_does_what_it_says_to_all_that_are_chosen(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, queue: FakeQueue
) -> None:
    click(qtbot, window, 0)
    click(qtbot, window, 1, CONTROL)
    menu = menu_of(window)
    assert not entry(menu, "Open").isEnabled()
    assert entry(menu, "Remove 2 songs").isEnabled()
    with qtbot.waitSignal(window.songs_list.export_requested) as wish:
        entry(menu, "Export 2 songs…").trigger()
    assert wish.args == [window.songs_list.selected_ids()]
    entry(menu, "Favourite").trigger()
    entry(menu, "Rating", "★★★★☆  4 stars").trigger()
    by_title = {song.title: song for song in library.all}
    assert [by_title[t].favourite for t in ("Alpha", "Bravo", "Charlie")] == [True, True, False]
    assert [by_title[t].rating for t in ("Alpha", "Bravo", "Charlie")] == [4, 4, 0]
    again = menu_of(window)
    assert entry(again, "Favourite").isChecked()
    assert entry(again, "Rating", "★★★★☆  4 stars").isChecked()
    entry(again, "Redo with", "Centre").trigger()
    assert queue.redone == [(by_title["Alpha"].id, "centre"), (by_title["Bravo"].id, "centre")]


def test_one_song_is_opened_played_and_shown(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    click(qtbot, window, 1)
    menu = menu_of(window)
    entry(menu, "Play").trigger()
    assert window.listening.is_playing
    entry(menu, "Remove").trigger()
    assert "Bravo" not in titles(window)


def test_playing_is_counted_once(
    window: MainWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    song = library.all[0]
    window.open_song(song.id)
    for _ in range(3):
        window.listening.toggle()
        window.listening.look()
    assert library.all[0].play_count == 1


# -- favourites, sort and filter


def test_the_star_key_marks_and_favourites_lists_it(qtbot: QtBot, window: MainWindow) -> None:
    click(qtbot, window, 1)
    qtbot.keyClick(window, Qt.Key.Key_D, CONTROL)
    shelves = window.songs_list.shelves
    assert shelves.rows()[1].count == 1
    qtbot.mouseClick(shelves.viewport(), LEFT, pos=shelf_row(window, FAVOURITES))
    assert titles(window) == ["Bravo"]
    assert window.songs_list.heading.text() == "Favourites"
    qtbot.keyClick(window, Qt.Key.Key_D, CONTROL)
    assert titles(window) == []
    assert window.songs_list.nothing.text() == "Songs with a star are listed here"


def test_songs_are_sorted_by_the_menu(window: MainWindow) -> None:
    songs = window.songs_list
    assert titles(window) == ["Alpha", "Bravo", "Charlie", "Delta"]
    entry(songs.build_sort_menu(), "Shortest first").trigger()
    assert entry(songs.build_sort_menu(), "Shortest first").isChecked()
    entry(songs.build_sort_menu(), "Title").trigger()
    assert songs.query.sort == "title"


def test_songs_are_filtered_by_engine(window: MainWindow, library: FakeLibrary) -> None:
    library.add("Echo", engine="centre")
    window.collection.reload()
    songs = window.songs_list
    entry(songs.build_filter_menu(), "Engine", "Made by Centre").trigger()
    assert titles(window) == ["Echo"]
    assert songs.count.text() == "1 of 5"
    entry(songs.build_filter_menu(), "Engine", "Any engine").trigger()
    assert len(titles(window)) == 5


# -- set lists


def test_a_new_set_list_is_named_where_it_appears(
    qtbot: QtBot, window: MainWindow, shelf: FakeShelf
) -> None:
    shelves = window.songs_list.shelves
    qtbot.mouseClick(shelves.viewport(), LEFT, pos=shelf_row(window, "new"))
    editor = shelves.findChild(QLineEdit, "shelf_name")
    assert editor is not None
    qtbot.keyClicks(editor, "Friday")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [name for name, _ in shelf.lists.values()] == ["Friday"])
    assert window.songs_list.heading.text() == "Friday"
    assert window.songs_list.nothing.text() == "From All songs, drag songs onto it"


def test_a_name_that_is_typed_is_left_alone_when_songs_come(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, shelf: FakeShelf
) -> None:
    shelves = window.songs_list.shelves
    qtbot.mouseClick(shelves.viewport(), LEFT, pos=shelf_row(window, "new"))
    editor = shelves.findChild(QLineEdit, "shelf_name")
    assert editor is not None
    qtbot.keyClicks(editor, "Fri")
    library.add("Echo")
    window.collection.reload()
    assert editor.isVisible()
    assert "Echo" in [song.title for song in library.all]
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: shelves.rows()[0].count == 5)


def test_songs_go_onto_a_set_list_by_menu_and_by_drag(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, shelf: FakeShelf
) -> None:
    shelf.create_playlist("Friday")
    (key,) = shelf.lists
    click(qtbot, window, 3)
    entry(menu_of(window), "Add to set list", "Friday").trigger()
    shelves = window.songs_list.shelves
    drop(shelves.viewport(), dragged(window, 0, 1), shelf_row(window, key))
    names = {song.id: song.title for song in library.all}
    assert [names[song_id] for song_id in shelf.lists[key][1]] == ["Delta", "Alpha", "Bravo"]
    drop(shelves.viewport(), dragged(window, 2), shelf_row(window, FAVOURITES))
    assert [song.title for song in library.all if song.favourite] == ["Charlie"]


def test_files_dropped_on_the_list_are_not_songs_of_the_library(
    window: MainWindow, shelf: FakeShelf
) -> None:
    shelf.create_playlist("Friday")
    (key,) = shelf.lists
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile("/music/a.mp3")])
    drop(window.songs_list.shelves.viewport(), files, shelf_row(window, key))
    assert shelf.lists[key][1] == []


@pytest.fixture
def party(window: MainWindow, library: FakeLibrary, shelf: FakeShelf) -> str:
    shelf.create_playlist("Party", [song.id for song in library.all])
    (key,) = shelf.lists
    window.songs_list.shelves.choose(key)
    assert titles(window) == ["Alpha", "Bravo", "Charlie", "Delta"]
    return key


def test_a_set_list_is_arranged_by_drag(window: MainWindow, party: str) -> None:
    songs = window.songs_list
    below = songs.view.visualRect(songs.shown.index(2, 0)).bottomLeft() - QPoint(-40, 4)
    drop(songs.view.viewport(), dragged(window, 0), below)
    assert titles(window) == ["Bravo", "Charlie", "Alpha", "Delta"]


def test_a_set_list_is_arranged_by_keys(qtbot: QtBot, window: MainWindow, party: str) -> None:
    view = window.songs_list.view
    click(qtbot, window, 1)
    for _ in range(2):
        qtbot.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert titles(window) == ["Alpha", "Charlie", "Delta", "Bravo"]
    qtbot.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert titles(window) == ["Alpha", "Charlie", "Bravo", "Delta"]


def test_all_songs_cannot_be_arranged(window: MainWindow) -> None:
    songs = window.songs_list
    drop(songs.view.viewport(), dragged(window, 0), QPoint(40, 400))
    assert titles(window) == ["Alpha", "Bravo", "Charlie", "Delta"]


def test_delete_in_a_set_list_only_takes_out(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, party: str
) -> None:
    click(qtbot, window, 1)
    qtbot.keyClick(window.songs_list.view, Qt.Key.Key_Delete)
    assert titles(window) == ["Alpha", "Charlie", "Delta"]
    assert len(library.all) == 4
    assert window.banners.undo.label.text() == "1 song was taken out of “Party”."
    qtbot.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert titles(window) == ["Alpha", "Bravo", "Charlie", "Delta"]


def test_a_set_list_is_renamed_deleted_and_brought_back(
    qtbot: QtBot, window: MainWindow, shelf: FakeShelf, party: str
) -> None:
    shelves = window.songs_list.shelves
    shelves.setFocus()
    qtbot.keyClick(shelves, Qt.Key.Key_F2)
    editor = shelves.findChild(QLineEdit, "shelf_name")
    assert editor is not None
    qtbot.keyClicks(editor, "Gala")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "Gala" in [row.name for row in shelves.rows()])
    assert shelf.lists[party][0] == "Gala"
    shelves.setFocus()
    qtbot.keyClick(shelves, Qt.Key.Key_Delete)
    assert shelf.lists == {}
    assert window.songs_list.heading.text() == "All songs"
    assert window.songs_list.query.playlist_id == ""
    assert window.banners.undo.label.text() == "The set list “Gala” was deleted."
    qtbot.mouseClick(window.banners.undo.action_button, LEFT)
    assert shelf.lists[party][0] == "Gala"


def test_next_goes_along_the_set_list(window: MainWindow, shelf: FakeShelf, party: str) -> None:
    shelf.reorder_playlist(party, list(reversed(shelf.lists[party][1])))
    assert titles(window)[0] == "Delta"
    window.open_song(window.songs_list.songs()[0].id)
    window.opened.go_on()
    assert window.song_view.title.text() == "Charlie"


# -- details


def details_of(window: MainWindow) -> SongDetailsDialog:
    found = [dialog for dialog in window.findChildren(SongDetailsDialog) if dialog.isVisible()]
    assert len(found) == 1
    return found[0]


def press(qtbot: QtBot, dialog: QWidget, name: str) -> None:
    button = dialog.findChild(QPushButton, name)
    assert button is not None
    qtbot.mouseClick(button, LEFT)


def test_details_are_typed_and_saved(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    window.open_song(library.all[0].id)
    qtbot.keyClick(window, Qt.Key.Key_I, CONTROL)
    dialog = details_of(window)
    dialog.fields["title"].selectAll()
    qtbot.keyClicks(dialog.fields["title"], "Omega")
    qtbot.keyClicks(dialog.fields["album"], "Late")
    press(qtbot, dialog, "star_4")
    press(qtbot, dialog, "star_4")
    press(qtbot, dialog, "star_3")
    qtbot.mouseClick(dialog.favourite, LEFT)
    qtbot.keyClicks(dialog.remark, "Slowly")
    press(qtbot, dialog, "details_save")
    song = library.all[0]
    assert (song.title, song.artist, song.album) == ("Omega", "Band", "Late")
    assert (song.rating, song.favourite, song.remark) == (3, True, "Slowly")
    assert window.song_view.title.text() == "Omega"
    assert "Omega" in titles(window)


def test_a_long_title_is_shown_from_its_beginning(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    library.all[0] = replace(library.all[0], title="A long way home and back again " * 5)
    window.collection.edit(library.all[0].id)
    field = details_of(window).fields["title"]
    qtbot.waitUntil(field.hasFocus)
    assert field.selectedText() == field.text()
    assert field.cursorPosition() == 0


def test_cancelled_details_change_nothing(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    before = library.all[0]
    window.collection.edit(before.id)
    dialog = details_of(window)
    qtbot.keyClicks(dialog.fields["title"], "Omega")
    press(qtbot, dialog, "details_cancel")
    assert library.all[0] == before


def test_an_empty_title_stays_what_it_was(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    window.collection.edit(library.all[0].id)
    dialog = details_of(window)
    dialog.fields["title"].clear()
    press(qtbot, dialog, "details_save")
    assert library.all[0].title == "Alpha"


def test_details_show_facts_and_takes(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, shelf: FakeShelf
) -> None:
    song = replace(
        library.all[0],
        analysis={"bpm": 92.4, "key": "D minor", "lufs": -9.25},
        play_count=2,
        played_at="2026-02-03T12:00:00Z",
    )
    library.all[0] = song
    sizes = {"vocals": 2_000_000, "instrumental": 3_000_000}
    shelf.details[song.id] = (
        TakeFacts(
            "b", "htdemucs", song.added_at, True, sizes, -200.0, True, 43.0, "cpu", (), fixes=2
        ),
        TakeFacts("a", "instant", song.added_at, False, sizes, None, None, None, None, ()),
    )
    window.collection.edit(song.id)
    dialog = details_of(window)
    shown = {
        name: dialog.findChild(QWidget, f"fact_{name}").text()  # type: ignore[attr-defined]
        for name in ("tempo", "key", "loudness", "file", "played", "length")
    }
    assert shown == {
        "tempo": "92 BPM",
        "key": "D minor",
        "loudness": "−9.2 LUFS",
        "file": "MP3 · 4.2 MB",
        "played": "twice, last on 3 February 2026",
        "length": "0:30",
    }
    assert dialog.findChild(QWidget, "take_in_use") is not None
    told = [label.text() for label in dialog.findChildren(QLabel)]
    assert sum("2 fixes" in words for words in told) == 1
    press(qtbot, dialog, "take_use")
    press(qtbot, dialog, "take_remove")
    assert shelf.wishes == [("use", song.id, "a"), ("remove", song.id, "a")]
    dialog.reject()


def test_a_dropped_picture_becomes_the_cover(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    paint_picture(picture, 200)
    window.collection.edit(library.all[0].id)
    dialog = details_of(window)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    drop(dialog.cover, data, QPoint(10, 10))
    qtbot.waitUntil(dialog.cover.has_picture)
    press(qtbot, dialog, "details_save")
    cover = library.all[0].cover_path
    assert cover is not None
    assert QImage(str(cover)).width() == 300
    window.collection.edit(library.all[0].id)
    press(qtbot, details_of(window), "cover_remove")
    press(qtbot, details_of(window), "details_save")
    assert library.all[0].cover is None


def test_what_is_no_picture_is_told(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, tmp_path: Path
) -> None:
    (tmp_path / "song.jpg").write_bytes(b"no picture")
    window.collection.edit(library.all[0].id)
    dialog = details_of(window)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "song.jpg"))])
    drop(dialog.cover, data, QPoint(10, 10))
    qtbot.waitUntil(dialog.problem.isVisible)
    assert dialog.problem.text().startswith("song.jpg is no picture")
    press(qtbot, dialog, "details_save")
    assert library.all[0].cover is None


def test_what_was_done_last_is_taken_back_first(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    click(qtbot, window, 0)
    click(qtbot, window, 1, CONTROL)
    undo = window.commands["undo_action"]
    assert not undo.isEnabled()
    entry(menu_of(window), "Rating", text.rating(4)).trigger()
    entry(menu_of(window), "Colour", "Teal").trigger()
    assert [(row.rating, row.colour) for row in window.songs_list.songs()[:3]] == [
        (4, "teal"),
        (4, "teal"),
        (0, ""),
    ]
    assert undo.text() == "Undo colour"
    undo.trigger()
    assert {row.colour for row in window.songs_list.songs()} == {""}
    assert undo.text() == "Undo rating"
    undo.trigger()
    assert {row.rating for row in window.songs_list.songs()} == {0}
    assert not undo.isEnabled()


def test_undo_gives_each_song_what_it_had(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, shelf: FakeShelf
) -> None:
    shelf.change([library.all[0].id], rating=2)
    shelf.change([library.all[1].id], rating=3)
    click(qtbot, window, 0)
    click(qtbot, window, 3, SHIFT)
    entry(menu_of(window), "Rating", text.rating(5)).trigger()
    assert [song.rating for song in library.all] == [5, 5, 5, 5]
    window.commands["undo_action"].trigger()
    assert [song.rating for song in library.all] == [2, 3, 0, 0]


def test_tags_are_put_on_and_taken_off(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    click(qtbot, window, 0)
    entry(menu_of(window), "Tags", "New tag…").trigger()
    dialog = window.findChild(NewLabel)
    assert dialog is not None
    dialog.line.setText("Duet, slow ,, duet")
    qtbot.mouseClick(dialog.findChild(QPushButton, "new_label_add"), LEFT)
    assert library.all[0].labels == ("Duet", "slow")
    click(qtbot, window, 1, CONTROL)
    entry(menu_of(window), "Tags", "slow").trigger()
    assert library.all[1].labels == ("slow",)
    entry(menu_of(window), "Tags", "slow").trigger()
    assert [song.labels for song in library.all[:2]] == [("Duet",), ()]
    window.commands["undo_action"].trigger()
    assert [song.labels for song in library.all[:2]] == [("Duet", "slow"), ("slow",)]


def test_several_songs_are_edited_together(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, shelf: FakeShelf
) -> None:
    shelf.change([library.all[0].id], album="First", labels=("old", "party"))
    click(qtbot, window, 0)
    click(qtbot, window, 1, CONTROL)
    window.commands["details_action"].trigger()
    dialog = window.findChild(EditManyDialog)
    assert dialog is not None
    assert dialog.fields["artist"].text() == "Band"
    assert dialog.fields["album"].placeholderText() == "2 different ones"
    dialog.fields["album"].setFocus()
    qtbot.keyClicks(dialog.fields["album"], "Copper Sky")
    dialog.add_labels.setText("duet")
    dialog.remove_labels.setText("OLD")
    dialog.rating.setCurrentIndex(dialog.rating.findData(3))
    qtbot.mouseClick(dialog.findChild(QPushButton, "many_save"), LEFT)
    first, second, third = library.all[:3]
    assert (first.album, first.labels, first.rating) == ("Copper Sky", ("party", "duet"), 3)
    assert (second.album, second.labels, second.artist) == ("Copper Sky", ("duet",), "Band")
    assert third.album == ""
    window.commands["undo_action"].trigger()
    assert (library.all[0].album, library.all[0].labels) == ("First", ("old", "party"))
    assert library.all[1].album == ""


def test_a_search_is_saved_as_a_smart_list(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary, shelf: FakeShelf
) -> None:
    songs = window.songs_list
    shelf.change([library.all[0].id, library.all[2].id], rating=4)
    songs.filter_box.setText("a")
    assert not entry(songs.build_filter_menu(), "Show all of them again").isEnabled()
    entry(songs.build_filter_menu(), "Rating", "★★★★ or more").trigger()
    assert titles(window) == ["Alpha"]
    entry(songs.build_filter_menu(), "Save as smart list").trigger()
    (kept,) = shelf.smart.values()
    assert kept.query == {"within": "a", "least_rating": 4}
    assert songs.shelves.current_id() == kept.id
    assert songs.filter_box.text() == ""
    editor = songs.shelves.findChild(QLineEdit, "shelf_name")
    assert editor is not None
    editor.setText("Good ones")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: songs.heading.text() == "Good ones")
    assert titles(window) == ["Alpha"]
    songs.shelves.choose(ALL)
    assert titles(window) == ["Alpha", "Bravo", "Charlie", "Delta"]
    songs.shelves.choose(kept.id)
    assert titles(window) == ["Alpha"]
    entry(songs.build_filter_menu(), "Rating", "Any rating").trigger()
    entry(songs.shelves.build_menu(kept.id), "Save what is shown now in it").trigger()
    assert shelf.smart[kept.id].query == {"within": "a"}
    window.commands["undo_action"].trigger()
    assert shelf.smart[kept.id].query == {"within": "a", "least_rating": 4}
    entry(songs.shelves.build_menu(kept.id), "Delete smart list").trigger()
    assert shelf.smart == {}
    assert songs.shelves.current_id() == ALL
    window.commands["undo_action"].trigger()
    assert list(shelf.smart) == [kept.id]


def test_set_lists_are_undone_too(qtbot: QtBot, window: MainWindow, shelf: FakeShelf) -> None:
    songs, undo = window.songs_list, window.commands["undo_action"]
    ids = [row.id for row in songs.songs()]
    songs.add_requested.emit("", ids[:2])
    (key,) = shelf.lists
    songs.add_requested.emit(key, ids[1:3])
    assert shelf.lists[key][1] == ids[:3]
    songs.shelves.renamed.emit(key, "Friday")
    assert undo.text() == "Undo renaming"
    undo.trigger()
    assert shelf.lists[key][0] == NEW_SET_LIST
    undo.trigger()
    assert shelf.lists[key][1] == ids[:2]
    undo.trigger()
    assert shelf.lists == {}


def test_a_cover_comes_back_by_undo(
    window: MainWindow, library: FakeLibrary, shelf: FakeShelf, tmp_path: Path
) -> None:
    song = library.all[0]
    shelf.set_cover(song.id, (b"one", ".jpg"))
    shelf.set_cover(song.id, (b"two", ".png"))
    undo = window.commands["undo_action"]
    undo.trigger()
    now = library.all[0].cover_path
    assert now is not None
    assert (now.read_bytes(), now.suffix) == (b"one", ".jpg")
    undo.trigger()
    assert library.all[0].cover_path is None
    assert not undo.isEnabled()
