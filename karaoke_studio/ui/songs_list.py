"""The library on the left: search, set lists, sort and filter, the songs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QPoint,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.library.finder import Found, Query, SongRow
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.library.smart_lists import SmartList
from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.actions import popup_below
from karaoke_studio.ui.controls import Button, Kind, Label, is_override
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.query_menus import build_filter_menu, build_sort_menu
from karaoke_studio.ui.shelves import ALL, FAVOURITES, Shelves
from karaoke_studio.ui.song_menu import MenuFacts, Wishes, build_song_menu
from karaoke_studio.ui.songs_model import SongRows, SongsModel
from karaoke_studio.ui.songs_view import SongsView
from karaoke_studio.ui.theme import Look

#: A loading library says so after this time.
_PATIENCE_MS = 200


class _FilterBox(QLineEdit):
    """A line that Down and Escape leave, Escape emptying it."""

    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Keep Escape from the window's shortcuts."""
        if is_override(event, Qt.Key.Key_Escape):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave by Escape and Down."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        if event.key() in {Qt.Key.Key_Escape, Qt.Key.Key_Down}:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class SongsList(QWidget):
    """The panel on the left. It asks for songs and shows what it is given.

    Args:
        look: the theme.
        disk: reads covers.
        folder: the library's; songs lie in folders below it.

    Signals:
        query_changed(Query): other songs are wanted.
        open_requested, play_requested, details_requested, show_folder_requested: song id.
        export_requested, remove_requested: list of song ids.
        favourite_requested(ids, bool), rating_requested(ids, int), redo_requested(ids, engine).
        add_requested(playlist id or "" for a new one, ids), take_out_requested(playlist id, ids),
        reorder_requested(playlist id, ids in their new order).
        labels_requested(ids, label, whether to put it on), new_label_requested(ids),
        colour_requested(ids, name), edit_requested(ids): change several songs together,
        erase_requested(ids): delete songs without a trace.
        smart_list_requested(SmartList): save a search.
        wide_requested(): show the songs where there is room.
        found_shown(): other songs are shown, or know something else.
    """

    query_changed = Signal(object)
    open_requested = Signal(str)
    play_requested = Signal(str)
    details_requested = Signal(str)
    show_folder_requested = Signal(str)
    export_requested = Signal(object)
    remove_requested = Signal(object)
    favourite_requested = Signal(object, bool)
    rating_requested = Signal(object, int)
    redo_requested = Signal(object, str)
    add_requested = Signal(str, object)
    take_out_requested = Signal(str, object)
    reorder_requested = Signal(str, object)
    labels_requested = Signal(object, str, bool)
    new_label_requested = Signal(object)
    colour_requested = Signal(object, str)
    edit_requested = Signal(object)
    erase_requested = Signal(object)
    smart_list_requested = Signal(object)
    wide_requested = Signal()
    found_shown = Signal()

    def __init__(self, look: Look, disk: Disk, folder: Path) -> None:
        super().__init__()
        self._look = look
        self.query = Query()
        self._views: list[SongsView] = []
        self._found = Found(self.query, [])
        self._was_filled = False
        self.engines: list[str] = []
        self.setObjectName("side_panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(72)
        self.shown = SongsModel()
        self.filter_box = self._build_filter()
        self.shelves = Shelves(look)
        self.heading = Label("All songs", strong=True)
        self.count = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.sort_button = self._small_button("sort_button", "sort-ascending", "Sort")
        self.narrow_button = self._small_button("narrow_button", "funnel", "Filter")
        self.wide_button = self._small_button("wide_button", "table", "Show as a table (Ctrl+T)")
        self.view = SongsView(look)
        self._is_wide = False
        self._rows = SongRows(look, disk, folder, self.view)
        self._build_view()
        self.nothing = Label(tone="muted")
        self.nothing.setObjectName("songs_empty")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.nothing.setFixedHeight(48)
        self._lay_out()
        self._connect()
        self._on_look_changed()
        self._tell_count()

    def _build_filter(self) -> _FilterBox:
        box = _FilterBox()
        box.setObjectName("filter_box")
        box.setAccessibleName("Find songs")
        box.setPlaceholderText("Search songs and artists")
        box.setToolTip("Title, artist, album and notes (Ctrl+F)")
        box.setClearButtonEnabled(True)
        box.setMaxLength(400)
        # A file dropped here belongs to the window.
        box.setAcceptDrops(False)
        box.setFixedHeight(theme.CONTROL_HEIGHT)
        self._magnifier = box.addAction(
            icons.icon("magnifying-glass", self._look.tokens.muted),
            QLineEdit.ActionPosition.LeadingPosition,
        )
        return box

    def _small_button(self, name: str, icon: str, words: str) -> Button:
        return Button(self._look, name, icon=icon, kind=Kind.QUIET, says=words, tip=words)

    def _build_view(self) -> None:
        self.view.setModel(self.shown)
        self.view.setItemDelegate(self._rows)

    def _lay_out(self) -> None:
        self._top = QWidget()
        top = QVBoxLayout(self._top)
        top.setContentsMargins(0, theme.M, 0, theme.XS)
        top.setSpacing(theme.S)
        search = QHBoxLayout()
        search.setContentsMargins(theme.M, 0, theme.M, 0)
        search.addWidget(self.filter_box)
        top.addLayout(search)
        top.addWidget(self.shelves)
        line = QHBoxLayout()
        line.setContentsMargins(theme.L, 0, theme.S, 0)
        line.setSpacing(theme.XS)
        line.addWidget(self.heading)
        line.addWidget(self.count, 1)
        line.addWidget(self.sort_button)
        line.addWidget(self.narrow_button)
        line.addWidget(self.wide_button)
        top.addLayout(line)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._top)
        column.addWidget(self.nothing)
        column.addWidget(self.view, 1)
        # fills the panel while the songs are shown elsewhere
        self._ground = QWidget()
        self._ground.hide()
        column.addWidget(self._ground, 1)
        column.addSpacing(theme.S)

    def _connect(self) -> None:
        self.filter_box.textChanged.connect(self._on_text_changed)
        self.filter_box.left.connect(self._on_filter_left)
        self.shelves.chosen.connect(self._on_shelf_chosen)
        self.shelves.songs_dropped.connect(self._on_songs_dropped)
        self.shelves.update_requested.connect(self._on_update_requested)
        self.sort_button.clicked.connect(self._on_sort)
        self.narrow_button.clicked.connect(self._on_narrow)
        self.wide_button.clicked.connect(self.wide_requested)
        self.join_view(self.view)
        self._look.changed.connect(self._on_look_changed)
        self._rows.disk.cover_changed.connect(self._on_cover_changed)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._tell_count)
        self._patience.start()

    def join_view(self, view: SongsView) -> None:
        """Let what is done in a view of these songs act as if it was done here."""
        view.customContextMenuRequested.connect(lambda place: self._on_menu_requested(view, place))
        view.opened.connect(self.open_requested)
        view.played.connect(self.play_requested)
        view.removed.connect(self._on_removed)
        view.moved.connect(self._on_moved)
        view.nudged.connect(self._on_nudged)
        self._views.append(view)

    def has_keyboard(self) -> bool:
        """Whether keys go to one of the views of these songs."""
        return any(view.hasFocus() for view in self._views)

    def set_wide(self, *, on: bool) -> None:
        """Give way while the songs are shown where there is more room."""
        self._is_wide = on
        self._show_views()

    def _show_views(self) -> None:
        gives_way = self._is_wide and not self._rows.compact
        self.view.setVisible(not gives_way)
        self._ground.setVisible(gives_way)

    # -- what is shown

    def show_found(self, found: Found) -> None:
        """Show songs; selection and place stay where they can."""
        self._found, self._was_filled = found, True
        self.shelves.show_shelves(found)
        if self.query != found.query:  # the set list is gone, other songs were asked for
            return
        chosen, current = set(self.selected_ids()), self.view.current_id()
        place = self.view.verticalScrollBar().value()
        if self.shown.set_rows(found.rows):
            self._select(chosen, current)
            self.view.verticalScrollBar().setValue(place)
        shelf = self.shelf()
        chosen_shelf = self.shelves.current_id()
        named = shelf or self.smart_list()
        self.heading.setText(named.name if named else _HEADINGS.get(chosen_shelf, "All songs"))
        self.view.can_reorder = bool(found.query.playlist_id) and not found.query.text
        self._tell_count()
        self.found_shown.emit()

    def _select(self, chosen: set[str], current: str) -> None:
        model = self.view.selectionModel()
        if (place := self.shown.place_of(current)) >= 0:
            self.view.setCurrentIndex(self.shown.index(place))
        if chosen - {current}:
            picked = QItemSelection()
            for song_id in chosen:
                if (place := self.shown.place_of(song_id)) >= 0:
                    index = self.shown.index(place)
                    picked.select(index, index)
            model.select(picked, QItemSelectionModel.SelectionFlag.Select)

    def shelf(self) -> Playlist | None:
        """Return the set list that is shown, or None."""
        wanted = self.shelves.current_id()
        return next((found for found in self._found.playlists if found.id == wanted), None)

    def smart_list(self) -> SmartList | None:
        """Return the smart list that is shown, or None."""
        wanted = self.shelves.current_id()
        return next((found for found in self._found.smart_lists if found.id == wanted), None)

    def smart_lists(self) -> list[SmartList]:
        """Return all saved searches."""
        return self._found.smart_lists

    def labels(self) -> list[str]:
        """Return all labels that songs have, the most used first."""
        counts = self._found.labels
        return sorted(counts, key=lambda label: (-counts[label], label.casefold()))

    def total(self) -> int:
        """Return how many songs the library has."""
        return self._found.total

    def songs(self) -> list[SongRow]:
        """Return the songs as they are shown."""
        return self.shown.rows()

    def neighbour(self, song_id: str, by: int) -> str:
        """Return the song that is shown `by` rows after another one; "" where there is none."""
        place, rows = self.shown.place_of(song_id), self.shown.rows()
        return rows[place + by].id if place >= 0 and 0 <= place + by < len(rows) else ""

    def selected_ids(self) -> list[str]:
        """Return the chosen songs in the order they are shown."""
        rows = self.shown.rows()
        places = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return [rows[place].id for place in places]

    def set_open(self, song_id: str) -> None:
        """Mark the song that is open; "" for none."""
        for view in self._views:
            view.rows_delegate().open_id = song_id
        if song_id and song_id not in self.selected_ids():
            self._select(set(), song_id)
        self._paint_again()

    def set_compact(self, compact: bool) -> None:
        """Show covers only, or whole rows."""
        self._rows.compact = compact
        self._top.setVisible(not compact)
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.view.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOff if compact else policy
        )
        self._show_views()
        self._tell_count()
        self.view.viewport().update()

    def focus_filter(self) -> None:
        """Put the cursor into the search box."""
        self.filter_box.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_box.selectAll()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show covers only where there is room for no more."""
        super().resizeEvent(event)
        compact = self.width() < 160
        if compact != self._rows.compact:
            self.set_compact(compact)

    def _tell_count(self) -> None:
        shown, shelf = self.shown.rowCount(), self.shelf()
        whole = self._found.total
        if shelf is not None:
            whole = shelf.songs
        elif self.query.favourites:
            whole = self._found.favourites
        self.count.setText(f"{shown:,} of {whole:,}" if shown != whole else f"{whole:,}")
        self.nothing.setText(self._why_nothing(shelf))
        # a library that is still being read is not empty
        waits = not self._was_filled and self._patience.isActive()
        self.nothing.setVisible(shown == 0 and not self._rows.compact and not waits)

    def _why_nothing(self, shelf: Playlist | None) -> str:
        if not self._was_filled:
            return "Reading the library…"
        if self.query.text.strip():
            return f"No song matches “{self.query.text}”"
        if self.query.has_filter():
            return "No song passes the filter"
        if shelf is not None:
            return "From All songs, drag songs onto it"
        if self.query.favourites:
            return "Songs with a star are listed here"
        return "No songs yet"

    # -- which songs

    def _ask(self, **changes: object) -> None:
        self._ask_for(replace(self.query, **changes))  # type: ignore[arg-type]  # names are checked

    def _ask_for(self, query: Query) -> None:
        self.query = query
        is_own = query.has_filter() and not query.smart_id
        self.narrow_button.set_kind(Kind.NORMAL if is_own else Kind.QUIET)
        self.query_changed.emit(query)

    @Slot(str)
    def _on_text_changed(self, words: str) -> None:
        self._ask(text=words)

    @Slot(str)
    def _on_shelf_chosen(self, shelf_id: str) -> None:
        if smart := self.smart_list():
            saved = Query.from_json(smart.query)
            self._ask_for(replace(saved, text=self.query.text, smart_id=smart.id))
            return
        is_list = shelf_id not in {ALL, FAVOURITES}
        # what a smart list left out is there again with the next shelf
        base = Query(text=self.query.text) if self.query.smart_id else self.query
        self._ask_for(
            replace(
                base,
                favourites=shelf_id == FAVOURITES,
                playlist_id=shelf_id if is_list else "",
            )
        )

    @Slot()
    def _on_sort(self) -> None:
        popup_below(self.build_sort_menu(), self.sort_button)

    @Slot()
    def _on_narrow(self) -> None:
        popup_below(self.build_filter_menu(), self.narrow_button)

    def build_sort_menu(self) -> QMenu:
        """Return the menu of orders."""
        return build_sort_menu(self, self.query, self._ask)

    def choose_sort(self, sort: str) -> None:
        """Show the songs in another order, one of `SORTS`."""
        self._ask(sort=sort)

    @Slot(str, bool)
    def sort_by(self, sort: str, backwards: bool) -> None:
        """Show the songs in the order of a column."""
        self._ask(sort=sort, backwards=backwards)

    def build_filter_menu(self) -> QMenu:
        """Return the menu of filters."""
        return build_filter_menu(
            self, self._look, self._found, self.query, self._ask, self._on_save_smart_list
        )

    def _on_save_smart_list(self) -> None:
        """Let what is shown be a smart list, and its name be typed."""
        query = self.query
        name = f"{query.within} {query.text}".strip() or _name_of(query)
        self.shelves.name_next()
        self.smart_list_requested.emit(SmartList(uuid.uuid4().hex, name, query.to_json()))
        self.filter_box.clear()

    @Slot(str)
    def _on_update_requested(self, _list_id: str) -> None:
        if smart := self.smart_list():
            self.smart_list_requested.emit(replace(smart, query=self.query.to_json()))

    # -- what happens to songs

    @Slot()
    def _on_removed(self) -> None:
        shelf, chosen = self.shelf(), self.selected_ids()
        if shelf is not None:  # what was put together is taken apart; nothing is lost
            self.take_out_requested.emit(shelf.id, chosen)
        else:
            self.remove_requested.emit(chosen)

    @Slot(str, object)
    def _on_songs_dropped(self, shelf_id: str, songs: list[str]) -> None:
        if shelf_id == FAVOURITES:
            self.favourite_requested.emit(songs, True)
        else:
            self.add_requested.emit(shelf_id if shelf_id != "new" else "", songs)

    @Slot(object, int)
    def _on_moved(self, songs: list[str], place: int) -> None:
        if shelf := self.shelf():
            order = [row.id for row in self.songs()]
            self._reorder(shelf, _moved(order, songs, place))

    @Slot(int)
    def _on_nudged(self, by: int) -> None:
        shelf, chosen = self.shelf(), self.selected_ids()
        if shelf is None or not self.view.can_reorder or not chosen:
            return
        order = [row.id for row in self.songs()]
        first, last = order.index(chosen[0]), order.index(chosen[-1])
        place = first - 1 if by < 0 else last + 2
        if 0 <= place <= len(order):
            self._reorder(shelf, _moved(order, chosen, place))

    def _reorder(self, shelf: Playlist, order: list[str]) -> None:
        if order != [row.id for row in self.songs()]:
            self.reorder_requested.emit(shelf.id, order)

    def _on_menu_requested(self, view: SongsView, place: QPoint) -> None:
        if view.indexAt(place).isValid() and (chosen := self.selected_ids()):
            self.build_menu(chosen).popup(view.viewport().mapToGlobal(place))

    def build_menu(self, chosen: Sequence[str]) -> QMenu:
        """Return the menu of songs."""
        ids, shelf = list(chosen), self.shelf()
        rows = [self.shown.rows()[self.shown.place_of(song_id)] for song_id in ids]
        facts = MenuFacts(
            rows, self._found.playlists, shelf, self.engines, self.labels(), self._look
        )
        first = ids[0]
        wishes = Wishes(
            open=lambda: self.open_requested.emit(first),
            play=lambda: self.play_requested.emit(first),
            favourite=lambda on: self.favourite_requested.emit(ids, on),
            rate=lambda rating: self.rating_requested.emit(ids, rating),
            add_to=lambda playlist_id: self.add_requested.emit(playlist_id, ids),
            take_out=lambda: self.take_out_requested.emit(shelf.id if shelf else "", ids),
            edit=lambda: self.details_requested.emit(first),
            redo=lambda engine: self.redo_requested.emit(ids, engine),
            export=lambda: self.export_requested.emit(ids),
            show_folder=lambda: self.show_folder_requested.emit(first),
            remove=lambda: self.remove_requested.emit(ids),
            label=lambda label, on: self.labels_requested.emit(ids, label, on),
            new_label=lambda: self.new_label_requested.emit(ids),
            colour=lambda colour: self.colour_requested.emit(ids, colour),
            edit_many=lambda: self.edit_requested.emit(ids),
            erase=lambda: self.erase_requested.emit(ids),
        )
        return build_song_menu(self, facts, wishes)

    # -- looks

    @Slot()
    def _on_filter_left(self) -> None:
        self.view.setFocus(Qt.FocusReason.TabFocusReason)

    @Slot()
    def _on_look_changed(self) -> None:
        self._magnifier.setIcon(icons.icon("magnifying-glass", self._look.tokens.muted))
        self._paint_again()

    def _paint_again(self) -> None:
        for view in self._views:
            view.viewport().update()

    @Slot(str)
    def _on_cover_changed(self, _path: str) -> None:
        self._paint_again()


_HEADINGS = {ALL: "All songs", FAVOURITES: "Favourites"}


def _moved(order: Sequence[str], songs: Sequence[str], place: int) -> list[str]:
    """Return the order after songs were moved before the row `place`."""
    moving = set(songs)
    before = [song_id for song_id in order[:place] if song_id not in moving]
    after = [song_id for song_id in order[place:] if song_id not in moving]
    return [*before, *(song_id for song_id in order if song_id in moving), *after]


def _name_of(query: Query) -> str:
    """Return a name for a smart list that is about filters only."""
    parts = [
        query.label,
        text.colour(query.colour) if query.colour else "",
        f"{'★' * query.least_rating}" if query.least_rating else "",
        "Favourites" if query.favourites else "",
        text.engine(query.engine) if query.engine else "",
        "Lately" if query.recent else "",
        "Never played" if query.unplayed else "",
    ]
    return ", ".join(filter(None, parts)) or "Smart list"
