"""The pages of the library over a real one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.dated import dated_backups
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from karaoke_studio.ui.controls import Label
from karaoke_studio.ui.library_tools import LibraryDialog, LibraryTools
from karaoke_studio.ui.links_page import LinksPage
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.storage_page import StoragePage
from karaoke_studio.ui.tool_page import Question
from tests.library.takes import make_take
from tests.ui.conftest import Desk, OpenWindow

LEFT = Qt.MouseButton.LeftButton


class Shop:
    """A library, its care and its pages."""

    def __init__(self, window: MainWindow, desk: Desk) -> None:
        self.window, self.desk = window, desk
        self.data = desk.data
        self.writer = LibraryWriter(self.data.library)
        self.care = LibraryCare(self.writer, DataFolder(self.data.root), window)
        self.tools = LibraryTools(
            window.look,
            self.care,
            window.collection,
            lambda: window.settings,
            window.change_setting,
            desk.folders.append,
            window,
        )

    def adopt(self, title: str, content: bytes = b"", **options: Any) -> Song:
        sha256 = hashlib.sha256(content or title.encode()).hexdigest()
        take = make_take(self.writer.staging, title=title, **options)
        facts = {"sha256": sha256, "size_bytes": len(content), "frames": 4_410_000}
        song = self.writer.adopt(replace(take, song=take.song | facts))
        shutil.rmtree(take.staging)
        return song

    def songs(self) -> set[str]:
        view = SongLibrary(self.writer.folder)
        try:
            return {song.id for song in view.songs()}
        finally:
            view.close()

    def close(self) -> None:
        self.tools.close()
        self.writer.close()


@pytest.fixture
def shop(open_window: OpenWindow, desk: Desk) -> Iterator[Shop]:
    shop = Shop(open_window(), desk)
    yield shop
    shop.close()


def press(qtbot: QtBot, parent: QWidget, name: str, number: int = 0) -> None:
    qtbot.mouseClick(parent.findChildren(QPushButton, name)[number], LEFT)


def told(dialog: LibraryDialog) -> str:
    return dialog.page().told.text()


def test_duplicates_are_merged_and_parted_again(qtbot: QtBot, shop: Shop) -> None:
    one, two = shop.adopt("Blue", b"same"), shop.adopt("Blue", b"same")
    third = shop.adopt("Other")
    playlist = shop.writer.create_playlist("Friday", [two.id, third.id]).result()
    dialog = shop.tools.open("Duplicates")
    qtbot.waitUntil(lambda: told(dialog).startswith("1 song too many"))
    page = dialog.page()
    assert one.id != two.id
    press(qtbot, page, "keep_button", 1)
    with qtbot.waitSignal(shop.care.merged) as merged:
        press(qtbot, page, "merge_button")
    keep, gone, lists = merged.args
    assert {keep, *gone} == {one.id, two.id}
    assert lists == ({playlist: [two.id, third.id]} if two.id in gone else {})
    assert shop.songs() == {keep, third.id}
    qtbot.waitUntil(lambda: told(dialog) == "No song is there twice.")
    undo = shop.window.commands["undo_action"]
    assert undo.text() == "Undo merging"
    with qtbot.waitSignal(shop.care.changed):
        undo.trigger()
    assert shop.songs() == {one.id, two.id, third.id}
    view = SongLibrary(shop.writer.folder)
    assert view.playlist_songs(playlist) == [two.id, third.id]
    view.close()


def test_the_trash_gives_back_and_deletes(qtbot: QtBot, shop: Shop) -> None:
    songs = [shop.adopt(title) for title in ("One", "Two", "Three")]
    for song in songs:
        shop.writer.remove(song.id).result()
    dialog = shop.tools.open("Trash")
    qtbot.waitUntil(lambda: told(dialog).startswith("3 removed"))
    with qtbot.waitSignal(shop.care.changed):
        press(qtbot, dialog.page(), "trash_restore")
    qtbot.waitUntil(lambda: told(dialog).startswith("2 removed"))
    assert len(shop.songs()) == 1
    press(qtbot, dialog.page(), "trash_empty")
    question = shop.window.findChild(Question, "delete_question")
    assert question is not None
    qtbot.mouseClick(question.findChild(QPushButton, "delete_question_back"), LEFT)
    assert len(list(shop.writer.trash.iterdir())) == 2
    press(qtbot, dialog.page(), "trash_empty")
    question = shop.window.findChildren(Question, "delete_question")[-1]
    qtbot.mouseClick(question.findChild(QPushButton, "delete_question_go"), LEFT)
    qtbot.waitUntil(lambda: told(dialog).startswith("The trash is empty"))
    assert list(shop.writer.trash.iterdir()) == []


def test_drafts_are_dropped_and_the_rest_is_counted(qtbot: QtBot, shop: Shop) -> None:
    song = shop.adopt("Blue")
    take = make_take(shop.writer.staging)
    facts = {"frames": 4_410_000}
    better = replace(take, song=take.song | facts, result=replace(take.result, engine="htdemucs"))
    shop.writer.add_take(better, song.id)
    shutil.rmtree(take.staging)
    dialog = shop.tools.open()
    page = dialog.page()
    assert isinstance(page, StoragePage)
    qtbot.waitUntil(lambda: told(dialog).startswith("1 song,"))
    size = page.findChild(Label, "size_drafts")
    assert size is not None
    assert size.text() == "23 bytes"
    assert not page.older_button.isEnabled()
    qtbot.mouseClick(page.drafts_button, LEFT)
    qtbot.waitUntil(lambda: not page.drafts_button.isEnabled())
    assert [path.name[:5] for path in shop.writer.trash.iterdir()] == ["take-"]
    page.retention.setCurrentIndex(page.retention.findData(30))
    assert shop.window.settings.keep_drafts_days == 30


def test_my_data_is_exported_and_shown(qtbot: QtBot, shop: Shop, tmp_path: Path) -> None:
    shop.adopt("Blue")
    page = shop.tools.open().page()
    assert isinstance(page, StoragePage)
    with qtbot.waitSignal(shop.care.data_exported):
        page.export_into(str(tmp_path))
    (folder,) = shop.desk.folders
    assert (folder / "songs.csv").is_file()


def test_lost_files_are_found_in_another_folder(qtbot: QtBot, shop: Shop, tmp_path: Path) -> None:
    song = shop.adopt("Blue", b"the song", copy=None, name="blue.mp3")
    shop.adopt("Red", b"another", copy=None, name="red.mp3")
    place = tmp_path / "new" / "deep"
    place.mkdir(parents=True)
    (place / "renamed.mp3").write_bytes(b"the song")
    dialog = shop.tools.open("Linked files")
    page = dialog.page()
    assert isinstance(page, LinksPage)
    qtbot.waitUntil(lambda: told(dialog).startswith("2 of 2 linked songs cannot be found"))
    page.look_in(str(tmp_path / "new"))
    qtbot.waitUntil(lambda: told(dialog).startswith("1 of 2 found"))
    assert page.use_button.text() == "Use it"
    qtbot.mouseClick(page.use_button, LEFT)
    qtbot.waitUntil(lambda: told(dialog).startswith("1 of 2 linked songs cannot"))
    found = shop.writer.find_song(song.id)
    assert found is not None
    assert found.linked == str(place / "renamed.mp3")
    shop.window.commands["undo_action"].trigger()
    qtbot.waitUntil(lambda: told(dialog).startswith("2 of 2 linked songs cannot"))
    assert not shop.window.commands["undo_action"].isEnabled()


def test_seed_001_17_figures_are_shown(qtbot: QtBot, shop: Shop) -> None:
    shop.writer.note_made("completed", "instant", song_s=200.0, taken_s=10.0).result()
    shop.writer.note_made("failed", "instant", code="FILE_CORRUPT").result()
    dialog = shop.tools.open("Statistics")
    qtbot.waitUntil(lambda: "1 made on this computer" in told(dialog))
    values = {
        name: dialog.findChild(Label, f"{name}_value") for name in ("today", "speed", "success")
    }
    assert {name: label.text() for name, label in values.items() if label is not None} == {
        "today": "1",
        "speed": "20.0 ×",
        "success": "50 %",
    }


def test_delete_everywhere_asks_and_forgets_what_could_be_undone(qtbot: QtBot, shop: Shop) -> None:
    song = shop.adopt("Xylophonia", name="Xylophonia.mp3")
    cached = shop.data.cache / "spectrograms" / f"{song.id}-{song.take_id}"
    cached.mkdir(parents=True)
    (cached / "vocals").write_bytes(b"picture")
    features = shop.data.cache / "features"
    features.mkdir()
    digest = hashlib.sha256(b"Xylophonia").hexdigest()
    for name in (digest, "ab" * 32):
        (features / f"{name}-1.npz").write_bytes(b"spectra")
    shop.window.change_setting("recent_files", ("/m/Xylophonia.mp3", "/m/other.mp3"))
    shop.window.collection.undoing.remember("rating", lambda: None)
    shop.window.songs_list.erase_requested.emit([song.id])
    question = shop.window.findChild(Question, "erase_question")
    assert question is not None
    with qtbot.waitSignal(shop.care.erased):
        qtbot.mouseClick(question.findChild(QPushButton, "erase_question_go"), LEFT)
    assert not cached.exists()
    assert [path.name for path in features.iterdir()] == [f"{'ab' * 32}-1.npz"]
    assert shop.songs() == set()
    assert shop.window.settings.recent_files == ("/m/other.mp3",)
    assert not shop.window.commands["undo_action"].isEnabled()
    files = [path for path in shop.data.root.rglob("*") if path.is_file()]
    assert [path for path in files if b"xylophonia" in path.read_bytes().lower()] == []


def test_the_start_backs_the_index_up_once_a_day_and_drops_old_drafts(
    qtbot: QtBot, shop: Shop
) -> None:
    shop.adopt("Blue")
    shop.care.begin(30)
    qtbot.waitUntil(lambda: len(dated_backups(shop.writer.folder)) == 1)
    shop.care.begin(30)
    shop.care.read_statistics()
    qtbot.waitSignal(shop.care.statistics_read).wait()
    assert len(dated_backups(shop.writer.folder)) == 1
