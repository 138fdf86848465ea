"""The songs of the library: filter box, rows, context menu."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.library.songs import Song
from karaoke_studio.ui import icons, keys, text, theme
from karaoke_studio.ui.controls import Label, is_override, paint_focus
from karaoke_studio.ui.disk import Disk, paint_cover
from karaoke_studio.ui.theme import Look

SONG_ROLE = int(Qt.ItemDataRole.UserRole)
SEARCH_ROLE = SONG_ROLE + 1
_COVER = 40
_PITCH = theme.ROW_HEIGHT + theme.XS

Index = QModelIndex | QPersistentModelIndex


class SongsModel(QAbstractListModel):
    """The songs as a Qt model."""

    def __init__(self) -> None:
        super().__init__()
        self._songs: list[Song] = []

    def set_songs(self, songs: list[Song]) -> None:
        """Show other songs."""
        self.beginResetModel()
        self._songs = songs
        self.endResetModel()

    def songs(self) -> list[Song]:
        """Return the songs in the library's order."""
        return self._songs

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of songs."""
        return 0 if parent.isValid() else len(self._songs)

    def data(self, index: Index, role: int = 0) -> Any:
        """Return what a view, a screen reader or the filter wants to know of a song."""
        song = self._songs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text.one_line(song.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return text.tooltip(text.one_line(text.joined(song.title, song.artist, song.album)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            length = text.spoken_length(song.duration_s)
            return text.one_line(", ".join(filter(None, (song.title, song.artist, length))))
        if role == SEARCH_ROLE:
            return f"{song.title} {song.artist} {song.album}"
        return song if role == SONG_ROLE else None


class _Rows(QStyledItemDelegate):
    """Paints a song's row; `open_id` is the song that is open now."""

    def __init__(self, look: Look, disk: Disk, view: _View) -> None:
        super().__init__(view)
        self._look, self._disk, self._view = look, disk, view
        self.open_id = ""
        self.compact = False

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(0, _PITCH)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        song: Song = index.data(SONG_ROLE)
        tokens = self._look.tokens
        box: QRect = option.rect.adjusted(theme.S, theme.XS // 2, -theme.S, -theme.XS // 2)
        state = option.state
        is_open = song.id == self.open_id
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if is_open or hovered or selected:
            painter.setBrush(QColor(tokens.raised if is_open else tokens.window))
            if hovered and not is_open:
                painter.setBrush(theme.mix(tokens.panel, tokens.raised, 0.6))
            painter.drawRoundedRect(box, theme.S, theme.S)
        if is_open:
            painter.setBrush(QColor(tokens.accent))
            painter.drawRoundedRect(
                QRectF(box.left(), box.top() + 10, 3, box.height() - 20), 1.5, 1.5
            )
        if selected and self._view.hasFocus() and self._view.shows_ring:
            paint_focus(painter, QRectF(box), theme.S, tokens.accent)
        cover = QRect(box.left() + theme.S, box.top() + theme.S, _COVER, _COVER)
        if self.compact:
            cover.moveLeft(box.center().x() - _COVER // 2 + 1)
        picture = self._disk.cover(song.cover_path, _COVER, painter.device().devicePixelRatioF())
        paint_cover(painter, cover, picture, song.title, tokens)
        if not self.compact:
            self._paint_words(
                painter, box.adjusted(theme.S + _COVER + theme.M, 0, -theme.S, 0), song
            )
        painter.restore()

    def _paint_words(self, painter: QPainter, box: QRect, song: Song) -> None:
        tokens = self._look.tokens
        strong, plain = theme.font(strong=True), theme.font(theme.CAPTION)
        tabular = theme.font(theme.CAPTION, tabular=True)
        length, badge = text.clock(song.duration_s), text.engine(song.engine)
        length_width = QFontMetrics(tabular).horizontalAdvance(length)
        badge_width = QFontMetrics(plain).horizontalAdvance(badge) + 2 * theme.S
        upper = QRect(box.left(), box.top() + 9, box.width(), 20)
        lower = QRect(box.left(), box.top() + 28, box.width(), 19)
        painter.setPen(QColor(tokens.muted))
        painter.setFont(tabular)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(upper, int(right), length)
        chip = QRectF(lower.right() - badge_width + 1, lower.top() + 0.5, badge_width, 18)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(chip, 9, 9)
        painter.setPen(QColor(tokens.muted))
        painter.setFont(plain)
        painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), badge)
        _draw_elided(painter, lower.adjusted(0, 0, -badge_width - theme.S, 0), song.artist, plain)
        painter.setPen(QColor(tokens.text))
        _draw_elided(painter, upper.adjusted(0, 0, -length_width - theme.S, 0), song.title, strong)


def _draw_elided(painter: QPainter, box: QRect, words: str, font: Any) -> None:
    painter.setFont(font)
    line = QFontMetrics(font).elidedText(
        text.one_line(words), Qt.TextElideMode.ElideRight, box.width()
    )
    painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), line)


class _View(QListView):
    """A list whose Return, Delete and clicks mean something."""

    opened = Signal(str)
    played = Signal(str)
    removed = Signal(str)

    #: The focus ring belongs to the keyboard; a mouse needs none.
    shows_ring = False

    def event(self, event: QEvent) -> bool:
        """Keep the page keys from the window's shortcuts while the list has the keyboard."""
        if is_override(event, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.shows_ring = True
        song_id = self.current_id()
        if song_id and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit(song_id)
        elif song_id and event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.removed.emit(song_id)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.shows_ring = False
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            self.shows_ring = True
        if not self.currentIndex().isValid() and self.model().rowCount():
            self.setCurrentIndex(self.model().index(0, 0))
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def current_id(self) -> str:
        song = self.currentIndex().data(SONG_ROLE)
        return song.id if song is not None else ""


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
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        if event.key() in {Qt.Key.Key_Escape, Qt.Key.Key_Down}:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class SongsList(QWidget):
    """The panel on the left.

    Signals:
        open_requested: song id; show it.
        play_requested: song id; show it and play.
        export_requested, show_folder_requested, remove_requested: song id.
    """

    open_requested = Signal(str)
    play_requested = Signal(str)
    export_requested = Signal(str)
    show_folder_requested = Signal(str)
    remove_requested = Signal(str)

    def __init__(self, look: Look, disk: Disk) -> None:
        super().__init__()
        self._look = look
        self.setObjectName("side_panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(72)
        self.model = SongsModel()
        self.shown = QSortFilterProxyModel(self)
        self.shown.setSourceModel(self.model)
        self.shown.setFilterRole(SEARCH_ROLE)
        self.shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter_box = self._build_filter()
        self._heading = Label("Songs", strong=True)
        self.count = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.view = self._build_view()
        self._rows = _Rows(look, disk, self.view)
        self.view.setItemDelegate(self._rows)
        self.nothing = Label(tone="muted")
        self.nothing.setObjectName("songs_empty")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._lay_out()
        look.changed.connect(self._on_look_changed)
        disk.cover_changed.connect(self._on_cover_changed)
        self._on_look_changed()
        self._tell_count()

    def _build_filter(self) -> _FilterBox:
        box = _FilterBox()
        box.setObjectName("filter_box")
        box.setAccessibleName("Find songs")
        box.setPlaceholderText("Find songs and artists")
        box.setToolTip("Find songs (Ctrl+F)")
        box.setClearButtonEnabled(True)
        # A file dropped here belongs to the window.
        box.setAcceptDrops(False)
        box.setFixedHeight(theme.CONTROL_HEIGHT)
        self._magnifier = box.addAction(
            icons.icon("magnifying-glass", self._look.tokens.muted),
            QLineEdit.ActionPosition.LeadingPosition,
        )
        box.textChanged.connect(self._on_filter_changed)
        box.left.connect(self._on_filter_left)
        return box

    def _build_view(self) -> _View:
        view = _View()
        view.setObjectName("songs_list")
        view.setAccessibleName("Songs")
        view.setModel(self.shown)
        view.setMouseTracking(True)
        view.setUniformItemSizes(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.customContextMenuRequested.connect(self._on_menu_requested)
        view.clicked.connect(self._on_clicked)
        view.doubleClicked.connect(self._on_double_clicked)
        view.opened.connect(self.open_requested)
        view.removed.connect(self.remove_requested)
        return view

    def _lay_out(self) -> None:
        self._top = QWidget()
        top = QVBoxLayout(self._top)
        top.setContentsMargins(theme.M, theme.M, theme.M, theme.S)
        top.setSpacing(theme.L)
        top.addWidget(self.filter_box)
        line = QHBoxLayout()
        line.setContentsMargins(theme.XS, 0, theme.XS, 0)
        line.addWidget(self._heading, 1)
        line.addWidget(self.count)
        top.addLayout(line)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._top)
        column.addWidget(self.view, 1)
        column.addWidget(self.nothing)
        column.addSpacing(theme.S)

    def set_songs(self, songs: list[Song]) -> None:
        """Show other songs; selection and place stay where they can."""
        current, place = self.view.current_id(), self.view.verticalScrollBar().value()
        self.model.set_songs(songs)
        if current:
            self._select(current)
        self.view.verticalScrollBar().setValue(place)
        self._tell_count()

    def songs(self) -> list[Song]:
        """Return the songs as they are shown, filter applied."""
        rows = range(self.shown.rowCount())
        return [self.shown.index(row, 0).data(SONG_ROLE) for row in rows]

    def song(self, song_id: str) -> Song | None:
        """Return a song of the library, shown or not."""
        return next((song for song in self.model.songs() if song.id == song_id), None)

    def current_song(self) -> Song | None:
        """Return the song that is chosen."""
        return self.song(self.view.current_id())

    def set_open(self, song_id: str) -> None:
        """Mark the song that is open; "" for none."""
        self._rows.open_id = song_id
        if song_id:
            self._select(song_id)
        self.view.viewport().update()

    def set_compact(self, compact: bool) -> None:
        """Show covers only, or whole rows."""
        self._rows.compact = compact
        self._top.setVisible(not compact)
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.view.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOff if compact else policy
        )
        self._tell_count()
        self.view.viewport().update()

    def focus_filter(self) -> None:
        """Put the cursor into the filter box."""
        self.filter_box.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter_box.selectAll()

    @Slot()
    def _on_filter_left(self) -> None:
        self.view.setFocus(Qt.FocusReason.TabFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show covers only where there is room for no more."""
        super().resizeEvent(event)
        compact = self.width() < 160
        if compact != self._rows.compact:
            self.set_compact(compact)

    def _select(self, song_id: str) -> None:
        for row, song in enumerate(self.model.songs()):
            if song.id == song_id:
                index = self.shown.mapFromSource(self.model.index(row))
                if index.isValid():
                    self.view.setCurrentIndex(index)
                return

    def _tell_count(self) -> None:
        total, shown = self.model.rowCount(), self.shown.rowCount()
        self.count.setText(f"{shown:,} of {total:,}" if shown != total else f"{total:,}")
        wanted = self.filter_box.text()
        self.nothing.setText(f"No song matches “{wanted}”" if total else "No songs yet")
        self.nothing.setVisible(shown == 0 and not self._rows.compact)

    @Slot(str)
    def _on_filter_changed(self, words: str) -> None:
        self.shown.setFilterFixedString(words)
        self._tell_count()

    @Slot()
    def _on_look_changed(self) -> None:
        self._magnifier.setIcon(icons.icon("magnifying-glass", self._look.tokens.muted))
        self.view.viewport().update()

    @Slot(str)
    def _on_cover_changed(self, _path: str) -> None:
        self.view.viewport().update()

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        self.open_requested.emit(index.data(SONG_ROLE).id)

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        self.play_requested.emit(index.data(SONG_ROLE).id)

    @Slot(QPoint)
    def _on_menu_requested(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        if index.isValid():
            self.build_menu(index.data(SONG_ROLE).id).popup(self.view.viewport().mapToGlobal(place))

    def build_menu(self, song_id: str) -> QMenu:
        """Return the menu of a song."""
        menu = QMenu(self)
        menu.setObjectName("song_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        entries = [
            ("Open", keys.native(("Return",)), self.open_requested),
            ("Play", "", self.play_requested),
            ("Export…", keys.native(("Ctrl+E",)), self.export_requested),
            ("Show in folder", "", self.show_folder_requested),
            ("Remove", keys.native(("Delete",)), self.remove_requested),
        ]
        for words, shortcut, wish in entries:
            if words == "Remove":
                menu.addSeparator()
            action = menu.addAction(f"{words}\t{shortcut}" if shortcut else words)
            action.triggered.connect(lambda _on=False, wish=wish: wish.emit(song_id))
        return menu
