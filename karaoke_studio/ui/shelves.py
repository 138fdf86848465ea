"""The side list: all songs, favourites, and a person's set lists."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from karaoke_studio.library.finder import Found, Query
from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import is_override, paint_focus
from karaoke_studio.ui.songs_model import dragged_songs, draw_elided
from karaoke_studio.ui.theme import Look

ALL, FAVOURITES, NEW = "all", "favourites", "new"
_SHELF_ROLE = int(Qt.ItemDataRole.UserRole)
#: More rows than these are scrolled, so that the songs keep their room.
_MOST_ROWS = 7

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class ShelfRow:
    """One row: `ALL`, `FAVOURITES`, `NEW`, or the id of a set list or a smart list."""

    id: str
    name: str
    icon: str
    count: int | None = None
    is_smart: bool = False

    @property
    def is_own(self) -> bool:
        """Whether a person made it."""
        return self.id not in {ALL, FAVOURITES, NEW}


class Shelves(QListWidget):
    """Chooses what the list of songs shows; songs can be dropped on its rows.

    Signals:
        chosen(str): `ALL`, `FAVOURITES` or the id of a set list.
        new_requested(): make a set list.
        renamed(str, str): id and new name of a set list or smart list.
        delete_requested(str): id of a set list or smart list.
        update_requested(str): the smart list of this id shall be what is shown now.
        songs_dropped(str, list of ids): songs were dropped on this row.
    """

    chosen = Signal(str)
    new_requested = Signal()
    renamed = Signal(str, str)
    delete_requested = Signal(str)
    update_requested = Signal(str)
    songs_dropped = Signal(str, object)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._names_next = False
        self.drop_row = -1
        self.shows_ring = False
        self.setObjectName("shelves")
        self.setAccessibleName("Set lists")
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAcceptDrops(True)
        rows = _ShelfPainter(look, self)
        rows.named.connect(self._on_named)
        # the editor is gone only after this signal
        rows.closeEditor.connect(self._on_editor_closed, Qt.ConnectionType.QueuedConnection)
        self.setItemDelegate(rows)
        self.customContextMenuRequested.connect(self._on_menu_requested)
        self.itemClicked.connect(self._on_clicked)
        self.currentItemChanged.connect(self._on_current_changed)
        look.changed.connect(self.viewport().update)
        self.show_shelves(Found(Query(), []))

    def show_shelves(self, found: Found) -> None:
        """Show counts and set lists of the library; a name that is being typed is left alone."""
        self._found = found
        if self.state() == QAbstractItemView.State.EditingState:
            return
        rows = [
            ShelfRow(ALL, "All songs", "music-notes", found.total),
            ShelfRow(FAVOURITES, "Favourites", "star", found.favourites),
            *(ShelfRow(s.id, s.name, "funnel", is_smart=True) for s in found.smart_lists),
            *(ShelfRow(p.id, p.name, "playlist", p.songs) for p in found.playlists),
            ShelfRow(NEW, "New set list", "plus"),
        ]
        if rows == self.rows():
            return
        before = {row.id for row in self.rows()}
        current = self.current_id()
        self.blockSignals(True)
        self.clear()
        for row in rows:
            self._add(row)
        self.blockSignals(False)
        self.setFixedHeight(min(len(rows), _MOST_ROWS) * theme.CONTROL_HEIGHT + 2)
        if not self.choose(current, quietly=True):
            self.choose(ALL)
        if self._names_next and (new := [row for row in rows if row.id not in before]):
            self._names_next = False
            self.choose(new[-1].id)
            self.editItem(self.item(rows.index(new[-1])))

    def _add(self, row: ShelfRow) -> None:
        item = QListWidgetItem(text.one_line(row.name))
        item.setData(_SHELF_ROLE, row)
        said = row.name if row.count is None else f"{row.name}, {text.counted(row.count, 'song')}"
        item.setData(Qt.ItemDataRole.AccessibleTextRole, text.one_line(said))
        tip = "Make a set list: songs in the order you sing them" if row.id == NEW else said
        if row.is_smart:
            tip = f"{row.name}: a search that you saved; new songs come in by themselves"
        item.setToolTip(text.tooltip(text.one_line(tip)))
        item.setFlags(
            Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable
        )
        self.addItem(item)

    def rows(self) -> list[ShelfRow]:
        """Return all rows."""
        return [self.item(number).data(_SHELF_ROLE) for number in range(self.count())]

    def current_id(self) -> str:
        """Return what is chosen."""
        item = self.currentItem()
        return ALL if item is None else str(item.data(_SHELF_ROLE).id)

    def choose(self, shelf_id: str, *, quietly: bool = False) -> bool:
        """Choose a row; return whether it is there."""
        for number, row in enumerate(self.rows()):
            if row.id == shelf_id:
                self.blockSignals(quietly)
                self.setCurrentRow(number)
                self.blockSignals(False)
                self.viewport().update()
                return True
        return False

    def name_next(self) -> None:
        """Let the person name the next set list that appears."""
        self._names_next = True

    @Slot(QListWidgetItem)
    def _on_clicked(self, item: QListWidgetItem) -> None:
        if item.data(_SHELF_ROLE).id == NEW:
            self.new_requested.emit()

    @Slot(QListWidgetItem, QListWidgetItem)
    def _on_current_changed(self, item: QListWidgetItem | None, before: object) -> None:
        if item is not None and item.data(_SHELF_ROLE).id != NEW:
            self.chosen.emit(item.data(_SHELF_ROLE).id)

    @Slot()
    def _on_editor_closed(self) -> None:
        self.show_shelves(self._found)

    @Slot(str, str)
    def _on_named(self, shelf_id: str, name: str) -> None:
        if name.strip():
            self.renamed.emit(shelf_id, name.strip())

    @Slot(QPoint)
    def _on_menu_requested(self, place: QPoint) -> None:
        item = self.itemAt(place)
        if item is not None and item.data(_SHELF_ROLE).is_own:
            self.build_menu(item.data(_SHELF_ROLE).id).popup(self.viewport().mapToGlobal(place))

    def build_menu(self, shelf_id: str) -> QMenu:
        """Return the menu of a set list or smart list."""
        row = next((row for row in self.rows() if row.id == shelf_id), None)
        is_smart = row is not None and row.is_smart
        menu = QMenu(self)
        menu.setObjectName("shelf_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rename = menu.addAction("Rename\tF2")
        rename.triggered.connect(lambda: self.rename(shelf_id))
        if is_smart:
            update = menu.addAction("Save what is shown now in it")
            update.setEnabled(shelf_id == self.current_id())
            update.triggered.connect(lambda: self.update_requested.emit(shelf_id))
        menu.addSeparator()
        delete = menu.addAction(f"Delete {'smart' if is_smart else 'set'} list\tDel")
        delete.triggered.connect(lambda: self.delete_requested.emit(shelf_id))
        return menu

    def rename(self, shelf_id: str) -> None:
        """Let the person type another name for a set list."""
        self.choose(shelf_id)
        self.editItem(self.currentItem())

    # -- keys

    def event(self, event: QEvent) -> bool:
        """Keep keys that mean something here from the window's shortcuts."""
        if is_override(event, Qt.Key.Key_F2, Qt.Key.Key_Delete, Qt.Key.Key_Home, Qt.Key.Key_End):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer Return, F2 and Delete."""
        self.shows_ring = True
        item = self.currentItem()
        row: ShelfRow | None = item.data(_SHELF_ROLE) if item is not None else None
        if row is not None and row.id == NEW and event.key() in _RETURN:
            self.new_requested.emit()
        elif row is not None and row.is_own and event.key() == Qt.Key.Key_F2:
            self.rename(row.id)
        elif row is not None and row.is_own and event.key() in _DELETE:
            self.delete_requested.emit(row.id)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hide the focus ring."""
        self.shows_ring = False
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus ring to those who came by key."""
        super().focusInEvent(event)
        if event.reason() in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            self.shows_ring = True
        self.viewport().update()

    # -- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take songs only."""
        if dragged_songs(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Light up the row that would take them."""
        row = self.indexAt(event.position().toPoint()).row()
        takes = self._takes_songs(row) and bool(dragged_songs(event.mimeData()))
        self._show_drop(row if takes else -1)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.setAccepted(takes)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Turn the light off."""
        self._show_drop(-1)

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell what was dropped where."""
        row = self.indexAt(event.position().toPoint()).row()
        self._show_drop(-1)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if self._takes_songs(row) and (songs := dragged_songs(event.mimeData())):
            self.songs_dropped.emit(self.rows()[row].id, songs)

    def _takes_songs(self, row: int) -> bool:
        return row > 0 and not self.rows()[row].is_smart

    def _show_drop(self, row: int) -> None:
        if row != self.drop_row:
            self.drop_row = row
            self.viewport().update()


class _ShelfPainter(QStyledItemDelegate):
    """Paints a row, and lets its name be edited.

    Signals:
        named(str, str): id of the set list and what was typed.
    """

    named = Signal(str, str)

    def __init__(self, look: Look, view: Shelves) -> None:
        super().__init__(view)
        self._look, self._view = look, view

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(0, theme.CONTROL_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: ShelfRow = index.data(_SHELF_ROLE)
        tokens = self._look.tokens
        box: QRect = option.rect.adjusted(theme.S, 1, -theme.S, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected) and row.id != NEW
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        dropping = index.row() == self._view.drop_row
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if selected or hovered or dropping:
            ground = theme.mix(tokens.panel, tokens.raised, 1.0 if selected else 0.6)
            if dropping:
                ground = theme.mix(tokens.panel, tokens.accent, 0.3)
            painter.setBrush(ground)
            painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if focused and self._view.hasFocus() and self._view.shows_ring:
            paint_focus(painter, QRectF(box), theme.RADIUS, tokens.accent)
        muted, ink = QColor(tokens.muted), QColor(tokens.text)
        sign = QRect(box.left() + theme.S, 0, icons.SMALL, icons.SMALL)
        sign.moveTop(box.center().y() - icons.SMALL // 2 + 1)
        icons.paint_icon(painter, row.icon, sign, ink if selected else muted)
        count = "" if row.count is None else f"{row.count:,}"
        tabular = theme.font(theme.CAPTION, tabular=True)
        width = QFontMetrics(tabular).horizontalAdvance(count)
        painter.setFont(tabular)
        painter.setPen(muted)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box.adjusted(0, 0, -theme.S, 0), int(right), count)
        painter.setPen(muted if row.id == NEW else ink)
        words = box.adjusted(theme.S + icons.SMALL + theme.S, 0, -width - 2 * theme.S, 0)
        draw_elided(painter, words, row.name, theme.font(strong=selected))
        painter.restore()

    def createEditor(  # noqa: N802
        self, parent: QWidget, _option: QStyleOptionViewItem, _index: Index
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setObjectName("shelf_name")
        editor.setAccessibleName("Name of the set list")
        editor.setMaxLength(200)
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:  # noqa: N802
        if isinstance(editor, QLineEdit):
            editor.setText(index.data(_SHELF_ROLE).name)
            editor.selectAll()

    def updateEditorGeometry(  # noqa: N802
        self, editor: QWidget, option: QStyleOptionViewItem, _index: Index
    ) -> None:
        editor.setGeometry(option.rect.adjusted(theme.S, 0, -theme.S, 0))

    def setModelData(  # noqa: N802
        self, editor: QWidget, _model: QAbstractItemModel, index: Index
    ) -> None:
        row: ShelfRow = index.data(_SHELF_ROLE)
        if isinstance(editor, QLineEdit) and editor.text() != row.name:
            self.named.emit(row.id, editor.text())


_RETURN = {Qt.Key.Key_Return, Qt.Key.Key_Enter}
_DELETE = {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}
