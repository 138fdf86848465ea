"""A list of songs that is clicked, typed on and dragged in; what its rows look like is not its."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import is_override
from karaoke_studio.ui.songs_model import SONG_ROLE, SongRows, dragged_songs
from karaoke_studio.ui.theme import Look


class SongsView(QListView):
    """A list whose Return, Delete and clicks mean something.

    Signals:
        opened, played: id of a song.
        removed: the chosen songs shall go.
        moved(list of ids, row): these songs were dropped before this row.
        nudged(int): the chosen songs shall go one place up (-1) or down.
    """

    opened = Signal(str)
    played = Signal(str)
    removed = Signal()
    moved = Signal(object, int)
    nudged = Signal(int)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.can_reorder = False
        self._drop_at = -1
        self.setObjectName("songs_list")
        self.setAccessibleName("Songs")
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.clicked.connect(self._on_clicked)
        self.doubleClicked.connect(self._on_double_clicked)
        self._modifiers = Qt.KeyboardModifier.NoModifier

    def rows_delegate(self) -> SongRows:
        """Return what paints the rows."""
        delegate = self.itemDelegate()
        assert isinstance(delegate, SongRows)
        return delegate

    def event(self, event: QEvent) -> bool:
        """Keep keys of the list from the window's shortcuts while it has the keyboard."""
        if is_override(event, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_A):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer Return, Delete and Alt with the arrows."""
        self.rows_delegate().shows_ring = True
        song_id = self.current_id()
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if song_id and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit(song_id)
        elif song_id and event.key() in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.removed.emit()
        elif alt and event.key() in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            self.nudged.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hide the focus ring; remember whether this click only chooses."""
        self.rows_delegate().shows_ring = False
        self._modifiers = event.modifiers()
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Remember whether this click only chooses."""
        self._modifiers = event.modifiers()
        super().mouseDoubleClickEvent(event)

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        if not self._modifiers & _CHOOSING:
            self.opened.emit(index.data(SONG_ROLE).id)

    @Slot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        if not self._modifiers & _CHOOSING:
            self.played.emit(index.data(SONG_ROLE).id)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus ring to those who came by key."""
        super().focusInEvent(event)
        if event.reason() in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            self.rows_delegate().shows_ring = True
        if not self.currentIndex().isValid() and self.model().rowCount():
            self.setCurrentIndex(self.model().index(0, 0))
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus ring."""
        super().focusOutEvent(event)
        self.viewport().update()

    def current_id(self) -> str:
        """Return the song that the keyboard is on."""
        song = self.currentIndex().data(SONG_ROLE)
        return song.id if song is not None else ""

    # -- dragging within a set list

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take songs of a set list that is shown in its own order."""
        event.setAccepted(self.can_reorder and bool(dragged_songs(event.mimeData())))

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show where the songs would go."""
        takes = self.can_reorder and bool(dragged_songs(event.mimeData()))
        self._show_drop(self._place(event.position().toPoint()) if takes else -1)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.setAccepted(takes)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Hide the line."""
        self._show_drop(-1)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell which songs were dropped where."""
        place = self._place(event.position().toPoint())
        self._show_drop(-1)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.moved.emit(dragged_songs(event.mimeData()), place)

    def _place(self, point: QPoint) -> int:
        index = self.indexAt(point)
        if not index.isValid():
            return self.model().rowCount()
        below = point.y() > self.visualRect(index).center().y()
        return index.row() + int(below)

    def _show_drop(self, place: int) -> None:
        if place != self._drop_at:
            self._drop_at = place
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, and the line where songs would be dropped."""
        super().paintEvent(event)
        if self._drop_at < 0 or not self.model().rowCount():
            return
        last = self._drop_at >= self.model().rowCount()
        box = self.visualRect(self.model().index(self._drop_at - int(last), 0))
        y = box.bottom() if last else box.top()
        painter = QPainter(self.viewport())
        line = QRect(theme.M, y - 1, self.viewport().width() - 2 * theme.M, 2)
        painter.fillRect(line, QColor(self._look.tokens.accent))


_CHOOSING = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.ShiftModifier
    | Qt.KeyboardModifier.MetaModifier
)
