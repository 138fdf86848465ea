"""The pages that look after the library, and who opens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.finder import SongRow
from karaoke_studio.settings import Settings
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.collection import Collection
from karaoke_studio.ui.controls import Button, Kind
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.duplicates_page import DuplicatesPage
from karaoke_studio.ui.links_page import LinksPage
from karaoke_studio.ui.statistics_page import StatisticsPage
from karaoke_studio.ui.storage_page import StoragePage
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import Question, ToolPage
from karaoke_studio.ui.trash_page import TrashPage

_WIDTH, _HEIGHT, _LIST_WIDTH = 860, 620, 132


class LibraryDialog(Dialog):
    """Pages at the right, their names at the left; a page asks anew when it is turned to."""

    def __init__(self, look: Look, pages: Mapping[str, ToolPage], parent: QWidget) -> None:
        super().__init__("library_tools", "Library", _WIDTH, parent)
        self.pages = dict(pages)
        self.list = QListWidget()
        self.list.setObjectName("library_tools_list")
        self.list.setProperty("pages", True)
        self.list.setAccessibleName("Pages of the library")
        self.list.setFixedWidth(_LIST_WIDTH)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFont(theme.font())
        self.stack = QStackedWidget()
        for name, page in pages.items():
            item = QListWidgetItem(name)
            item.setSizeHint(QSize(0, theme.CONTROL_HEIGHT))
            self.list.addItem(item)
            self.stack.addWidget(page)
        line = QHBoxLayout()
        line.setSpacing(0)
        line.addWidget(self.list)
        line.addWidget(self.stack, 1)
        self.body.addLayout(line)
        close = Button(look, "library_tools_close", "Close", kind=Kind.PRIMARY)
        close.clicked.connect(self.accept)
        self.add_button(close, is_default=True)
        height = min(_HEIGHT, parent.height() - 2 * theme.XXL)
        self.resize(_WIDTH, height)
        self.list.currentRowChanged.connect(self._on_page)
        self.list.setCurrentRow(0)
        self.list.setFocus()

    def show_page(self, name: str) -> None:
        """Turn to a page."""
        self.list.setCurrentRow(list(self.pages).index(name))

    def page(self) -> ToolPage:
        """Return the page that is shown."""
        return list(self.pages.values())[self.list.currentRow()]

    @Slot(int)
    def _on_page(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        self.page().refresh()


class LibraryTools(QObject):
    """Opens the pages; what they do can be taken back where that is possible at all.

    Args:
        look: the theme.
        care: does the work.
        collection: the songs in the window.
        read: returns the settings of now.
        change: keeps a setting.
        open_folder: shows a folder in the system's file manager.
        window: owner of the dialogs.

    Signals:
        erased(names): of songs that shall leave no trace.

    Thread: GUI.
    """

    erased = Signal(object)

    def __init__(
        self,
        look: Look,
        care: LibraryCare,
        collection: Collection,
        read: Callable[[], Settings],
        change: Callable[[str, Any], None],
        open_folder: Callable[[Path], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._care, self._collection = look, care, collection
        self._read, self._change, self._open_folder = read, change, open_folder
        self._window = window
        self._dialog: LibraryDialog | None = None
        self._merging: list[SongRow] = []
        self._is_undoing = False
        care.changed.connect(self._on_changed)
        care.failed.connect(self._on_failed)
        care.merged.connect(self._on_merged)
        care.relinked.connect(self._on_relinked)
        care.erased.connect(self._on_erased)
        collection.erase_requested.connect(self.ask_to_erase)

    def close(self) -> None:
        """End the work."""
        self._care.close()

    @Slot()
    def open(self, page: str = "") -> LibraryDialog:
        """Show the pages."""
        if self._dialog is None:
            look, care = self._look, self._care
            duplicates = DuplicatesPage(look, care)
            duplicates.merge_requested.connect(self._on_merge)
            pages: dict[str, ToolPage] = {
                "Storage": StoragePage(look, care, self._read, self._change, self._open_folder),
                "Duplicates": duplicates,
                "Trash": TrashPage(look, care),
                "Linked files": LinksPage(look, care),
                "Statistics": StatisticsPage(look, care),
            }
            self._dialog = LibraryDialog(look, pages, self._window)
            self._dialog.finished.connect(self._on_closed)
            self._dialog.open()
        if page:
            self._dialog.show_page(page)
        return self._dialog

    @Slot()
    def _on_closed(self) -> None:
        self._dialog = None

    @Slot()
    def _on_changed(self) -> None:
        self._collection.reload()
        if self._dialog is not None:
            self._dialog.page().refresh()

    @Slot(object)
    def _on_failed(self, error: KaraokeError) -> None:
        words = messages.library_failure(error).sentence
        if self._dialog is not None:
            self._dialog.page().tell(words, "error")
        else:
            self._collection.tell(words)

    # -- duplicates

    @Slot(object, object)
    def _on_merge(self, keep: SongRow, others: Sequence[SongRow]) -> None:
        self._collection.close_songs([song.id for song in others])
        self._merging = [keep, *others]
        self._care.merge(keep.id, [song.id for song in others])

    @Slot(str, object, object)
    def _on_merged(self, keep: str, gone: list[str], lists: dict[str, list[str]]) -> None:
        """Let the song that stays know what the others knew; undo gives all of it back."""
        songs = self._merging
        best, rest = songs[0], songs[1:]
        labels = dict.fromkeys(label for song in songs for label in song.label_list)
        news: dict[str, Any] = {
            "favourite": any(song.favourite for song in songs),
            "rating": max(song.rating for song in songs),
            "labels": tuple(labels),
            "colour": best.colour or next((s.colour for s in rest if s.colour), ""),
            "play_count": sum(song.play_count for song in songs),
            "played_at": max(song.played_at or "" for song in songs) or None,
        }
        olds: dict[str, Any] = {
            "favourite": bool(best.favourite),
            "rating": best.rating,
            "labels": best.label_list,
            "colour": best.colour,
            "play_count": best.play_count,
            "played_at": best.played_at,
        }
        apply = self._collection.apply
        apply({keep: news})

        def undo() -> None:
            self._care.restore(gone)
            self._care.set_playlists(lists)
            apply({keep: olds})

        self._collection.undoing.remember(
            "merging", undo, f"{text.counted(len(songs), 'song')} became one."
        )

    # -- linked files

    @Slot(object)
    def _on_relinked(self, before: dict[str, str]) -> None:
        places = {song_id: Path(name) for song_id, name in before.items() if name}
        if not self._is_undoing:
            self._collection.undoing.remember("finding files", lambda: self._relink_back(places))
        self._is_undoing = False

    def _relink_back(self, places: dict[str, Path]) -> None:
        self._is_undoing = True
        self._care.relink(places)

    # -- deleting everywhere

    @Slot(object)
    def ask_to_erase(self, song_ids: list[str]) -> None:
        """Ask, then delete songs without a trace."""
        what = "this song" if len(song_ids) == 1 else f"these {len(song_ids):,} songs"
        question = Question(
            self._look,
            "erase_question",
            "Delete everywhere?",
            f"Nothing of {what} stays in Karaoke Studio: no files, no name in the index, its"
            " backups or the logs. It cannot be undone, and what you undo now ends here too."
            " Your own files, exports and backups on other disks are left alone.",
            "Delete everywhere",
            self._window,
        )
        question.confirmed.connect(lambda: self._erase(song_ids))
        question.open()

    def _erase(self, song_ids: list[str]) -> None:
        self._collection.close_songs(song_ids)
        # what could bring the songs back knows their names
        self._collection.undoing.forget()
        self._care.erase(song_ids)

    @Slot(object)
    def _on_erased(self, names: set[str]) -> None:
        files = self._read().recent_files
        kept = tuple(file for file in files if not any(name in file for name in names))
        if kept != files:
            self._change("recent_files", kept)
        self.erased.emit(names)
