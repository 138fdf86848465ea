"""The songs in the middle of the window: a table with columns of one's choice, or large covers.

Model and selection are those of the list at the side, so that everything that can be done to songs
there can be done here too.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QListView,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.library.finder import Query
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.actions import popup_below
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.songs_view import SongsView
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.wide_rows import COLUMNS, FIRST_COLUMNS, CoverTiles, TableRows

_LEAST_WIDTH, _LEAST_TITLE = 48, 200
#: Narrower columns hold numbers and the like, which are nothing when they are cut.
_GIVES_WAY = 110
_TELL_MS = 400


class Headings(QHeaderView):
    """The headings of the table: click to sort, drag to arrange, right-click to choose.

    Signals:
        sort_requested(sort, backwards).
        columns_changed(str): which are shown in which order and how wide, see `columns`.
    """

    sort_requested = Signal(str, bool)
    columns_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._names = list(COLUMNS)
        self._sorted_by = ("", False)
        #: How wide a person wants columns; they give way together where there is less room.
        self._wanted = {name: column.width for name, column in COLUMNS.items()}
        self._is_fitting = False
        self._telling = QTimer(self)
        self._telling.setSingleShot(True)
        self._telling.setInterval(_TELL_MS)
        self._telling.timeout.connect(self._tell)
        model = QStandardItemModel(0, len(COLUMNS), self)
        model.setHorizontalHeaderLabels([column.words for column in COLUMNS.values()])
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, column in enumerate(COLUMNS.values()):
            if column.is_number:
                role = Qt.ItemDataRole.TextAlignmentRole
                model.setHeaderData(number, Qt.Orientation.Horizontal, right, role)
        self.setModel(model)
        self.setObjectName("table_headings")
        self.setAccessibleName("Columns")
        self.setToolTip("Click to sort, drag to arrange, right-click to choose columns")
        self.setSectionsClickable(True)
        self.setSectionsMovable(True)
        self.setSortIndicatorShown(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(_LEAST_WIDTH)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.setFont(theme.font(theme.CAPTION))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        alignment = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self.setDefaultAlignment(alignment)
        self.sectionClicked.connect(self._on_clicked)
        self.sectionResized.connect(self._on_resized)
        self.sectionMoved.connect(self._telling.start)

    def set_columns(self, columns: str) -> None:
        """Show columns as `columns` told them; nothing that is known = the first ones."""
        wanted: dict[str, int] = {}
        for part in columns.split(","):
            name, _, width = part.partition(":")
            if name in COLUMNS:
                size = int(width) if width.isdecimal() else COLUMNS[name].width
                wanted[name] = max(min(size, 2000), _LEAST_WIDTH)
        if not wanted:
            self.set_columns(FIRST_COLUMNS)
            return
        order = [*wanted, *(name for name in COLUMNS if name not in wanted)]
        for place, name in enumerate(order):
            number = self._names.index(name)
            self.moveSection(self.visualIndex(number), place)
            self.setSectionHidden(number, name not in wanted)
        self._wanted.update(wanted)
        self._fit()
        self._telling.stop()

    def columns(self) -> str:
        """Return what is shown: names with their widths, in order."""
        shown = []
        for place in range(self.count()):
            number = self.logicalIndex(place)
            if not self.isSectionHidden(number):
                name = self._names[number]
                shown.append(f"{name}:{self._wanted[name]}")
        return ",".join(shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the columns fill the room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give the first column what the others leave; they give way where that is too little."""
        shown = [n for n in range(self.count()) if not self.isSectionHidden(n)]
        if not shown or self._is_fitting:
            return
        widths = {n: self._wanted[self._names[n]] for n in shown}
        first = min(shown, key=self.visualIndex)
        if self._names.index("title") in shown:
            first = self._names.index("title")
        others = {n: width for n, width in widths.items() if n != first}
        firm = sum(width for width in others.values() if width < _GIVES_WAY)
        rest = sum(others.values()) - firm
        room = max(self.width() - firm - min(widths[first], _LEAST_TITLE), 0)
        share = min(1.0, room / rest) if rest else 1.0
        self._is_fitting = True
        for number, width in others.items():
            wide = width if width < _GIVES_WAY else round(width * share)
            self.resizeSection(number, max(wide, _LEAST_WIDTH))
        left = self.width() - sum(self.sectionSize(n) for n in shown if n != first)
        self.resizeSection(first, max(left, _LEAST_WIDTH))
        self._is_fitting = False

    @Slot(int, int, int)
    def _on_resized(self, number: int, _before: int, width: int) -> None:
        if not self._is_fitting and not self.isSectionHidden(number):
            self._wanted[self._names[number]] = width
            self._fit()
            self._telling.start()

    def show_sort(self, query: Query) -> None:
        """Show by what the songs are sorted."""
        self._sorted_by = (query.sort, query.backwards)
        number = next((n for n, c in enumerate(COLUMNS.values()) if c.sort == query.sort), -1)
        self.setSortIndicatorShown(number >= 0 and not query.playlist_id)
        if number >= 0:
            falls = list(COLUMNS.values())[number].falls != query.backwards
            order = Qt.SortOrder.DescendingOrder if falls else Qt.SortOrder.AscendingOrder
            self.setSortIndicator(number, order)

    def build_menu(self) -> QMenu:
        """Return the menu of columns."""
        menu = QMenu(self)
        menu.setObjectName("columns_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        shown = [n for n in range(self.count()) if not self.isSectionHidden(n)]
        for number, column in enumerate(COLUMNS.values()):
            action = menu.addAction(column.words)
            action.setCheckable(True)
            action.setChecked(number in shown)
            action.setEnabled(shown != [number])  # one is left
            action.triggered.connect(lambda on, number=number: self._show_column(number, on))
        menu.addSeparator()
        menu.addAction("As at first").triggered.connect(self._on_reset)
        return menu

    def _show_column(self, number: int, on: bool) -> None:
        self.setSectionHidden(number, not on)
        self._fit()
        self._tell()

    def _on_reset(self) -> None:
        self.set_columns(FIRST_COLUMNS)
        self._tell()

    @Slot()
    def _tell(self) -> None:
        self.columns_changed.emit(self.columns())

    @Slot(int)
    def _on_clicked(self, number: int) -> None:
        sort = list(COLUMNS.values())[number].sort
        now, backwards = self._sorted_by
        self.sort_requested.emit(sort, not backwards if sort == now else False)


class WideList(QWidget):
    """Heading, choice of table or covers, and the songs.

    Signals:
        kind_chosen(str): "table" or "covers".
        closed(): the song, or what was there before, is wanted back.
    """

    kind_chosen = Signal(str)
    closed = Signal()

    def __init__(self, look: Look, disk: Disk, folder: Path, songs: SongsList) -> None:
        super().__init__()
        self._songs = songs
        self.setObjectName("wide_list")
        self.heading = Label("All songs", size=theme.TITLE, strong=True)
        self.heading.setObjectName("wide_heading")
        self.count = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.count.setObjectName("wide_count")
        self.columns_button = Button(
            look,
            "columns_button",
            icon="columns",
            kind=Kind.QUIET,
            says="Columns",
            tip="Choose columns",
        )
        self.kind_button = Button(
            look, "kind_button", icon="squares-four", kind=Kind.QUIET, says="Covers"
        )
        self.close_button = Button(
            look,
            "wide_close_button",
            icon="x",
            kind=Kind.QUIET,
            says="Back to the song",
            tip="Back to the song (Ctrl+T)",
        )
        self.headings = Headings()
        self.table = SongsView(look)
        self.table.setItemDelegate(TableRows(look, disk, folder, self.table, self.headings))
        self.table.setObjectName("songs_table")
        self.table.setAccessibleName("Songs as a table")
        self.covers = SongsView(look)
        self.covers.setItemDelegate(CoverTiles(look, disk, folder, self.covers))
        self.covers.setObjectName("songs_covers")
        self.covers.setAccessibleName("Songs as covers")
        self.covers.setViewMode(QListView.ViewMode.IconMode)
        self.covers.setResizeMode(QListView.ResizeMode.Adjust)
        self.covers.setMovement(QListView.Movement.Static)
        self.covers.setSpacing(theme.XS)
        self.covers.setDragEnabled(True)
        for view in self.views():
            view.setModel(songs.shown)
            view.setSelectionModel(songs.view.selectionModel())
            songs.join_view(view)
        self.headings.sectionResized.connect(self.table.viewport().update)
        self.headings.sectionMoved.connect(self.table.viewport().update)
        self.headings.geometriesChanged.connect(self.table.viewport().update)
        self._lay_out()
        self.columns_button.clicked.connect(self._on_columns)
        self.headings.customContextMenuRequested.connect(self._on_headings_menu)
        self.headings.sort_requested.connect(songs.sort_by)
        self.kind_button.clicked.connect(self._on_kind)
        self.close_button.clicked.connect(self.closed)
        songs.found_shown.connect(self.follow)

    def views(self) -> tuple[SongsView, SongsView]:
        """Return table and covers."""
        return self.table, self.covers

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(theme.XL, theme.L, theme.L, theme.S)
        line.setSpacing(theme.S)
        line.addWidget(self.heading)
        line.addWidget(self.count)
        line.addStretch(1)
        for button in (self.columns_button, self.kind_button, self.close_button):
            line.addWidget(button)
        self._table_page = QWidget()
        table = QVBoxLayout(self._table_page)
        table.setSpacing(0)
        table.setContentsMargins(theme.M, 0, theme.M, 0)
        table.addWidget(self.headings)
        table.addWidget(self.table, 1)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._table_page)
        self._pages.addWidget(self.covers)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(self._pages, 1)

    def kind(self) -> str:
        """Return "table" or "covers"."""
        return "covers" if self._pages.currentWidget() is self.covers else "table"

    def set_kind(self, kind: str) -> None:
        """Show a table or covers."""
        is_table = kind != "covers"
        self._pages.setCurrentWidget(self._table_page if is_table else self.covers)
        self.columns_button.setVisible(is_table)
        self.kind_button.set_icon("squares-four" if is_table else "list")
        words = "Show large covers" if is_table else "Show a table"
        self.kind_button.setAccessibleName(words)
        self.kind_button.setToolTip(text.tooltip(words))

    def focus_songs(self) -> None:
        """Give the keyboard to the songs."""
        view = self.covers if self.kind() == "covers" else self.table
        view.setFocus(Qt.FocusReason.OtherFocusReason)
        view.scrollTo(view.currentIndex())

    @Slot()
    def follow(self) -> None:
        """Show what the list at the side shows."""
        songs = self._songs
        self.heading.setText(songs.heading.text())
        self.count.setText(songs.count.text())
        self.headings.show_sort(songs.query)
        for view in self.views():
            view.can_reorder = songs.view.can_reorder

    @Slot()
    def _on_kind(self) -> None:
        self.set_kind("table" if self.kind() == "covers" else "covers")
        self.kind_chosen.emit(self.kind())
        self.focus_songs()

    @Slot()
    def _on_columns(self) -> None:
        popup_below(self.headings.build_menu(), self.columns_button)

    @Slot(QPoint)
    def _on_headings_menu(self, place: QPoint) -> None:
        self.headings.build_menu().popup(self.headings.mapToGlobal(place))
