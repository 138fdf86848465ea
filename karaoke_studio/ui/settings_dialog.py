"""The settings: pages at the left, their fields at the right; what is changed acts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.settings import Settings
from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.setting_rows import Pick, Place, Row, Switch, Template
from karaoke_studio.ui.theme import Look

_WIDTH, _HEIGHT = 760, 380
_LIST_WIDTH, _LABEL_WIDTH = 132, 116
_DEFAULTS = Settings()

Description = Pick | Switch | Place | Template


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        name: object name of the page.
        title: as the list shows it.
        rows: the fields.
    """

    name: str
    title: str
    rows: tuple[Description, ...] = ()


class SettingsPage(QWidget):
    """The fields of one page, and what else is put below them."""

    def __init__(self, look: Look, page: Page, settings: Settings) -> None:
        super().__init__()
        self.setObjectName(f"{page.name}_page")
        self.rows: dict[str, Row] = {}
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.M)
        self._grid.setVerticalSpacing(theme.L)
        self._grid.setColumnMinimumWidth(0, _LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(theme.XL, 0, theme.S, 0)
        self.column.setSpacing(theme.L)
        self.column.addLayout(self._grid)
        self.column.addStretch(1)
        for description in page.rows:
            row = description.build(look)
            row.show_value(getattr(settings, description.field))
            self.rows[description.field] = row
            self.add_line(description.label, row)

    def add_line(self, label: str, widget: QWidget) -> None:
        """Add a widget with a word at its left."""
        number = self._grid.rowCount()
        caption = Label(label, tone="muted")
        caption.setFixedHeight(theme.CONTROL_HEIGHT)
        self._grid.addWidget(caption, number, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(widget, number, 1, Qt.AlignmentFlag.AlignVCenter)


class SettingsDialog(Dialog):
    """All settings.

    Args:
        look: the theme.
        pages: what is shown.
        settings: what is chosen now.
        parent: the window.

    Signals:
        changed: name of a field, its new value; it is to act at once.
    """

    changed = Signal(str, object)

    def __init__(
        self, look: Look, pages: Sequence[Page], settings: Settings, parent: QWidget | None
    ) -> None:
        super().__init__("settings_dialog", "Settings", _WIDTH, parent)
        self.pages: dict[str, SettingsPage] = {}
        self.list = QListWidget()
        self.list.setObjectName("settings_list")
        self.list.setProperty("pages", True)
        self.list.setAccessibleName("Pages of the settings")
        self.list.setFixedWidth(_LIST_WIDTH)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFont(theme.font())
        self.stack = QStackedWidget()
        for page in pages:
            self._add_page(look, page, settings)
        line = QHBoxLayout()
        line.setSpacing(0)
        line.addWidget(self.list)
        line.addWidget(self.stack, 1)
        self.body.addLayout(line)
        self.stack.setMinimumHeight(_HEIGHT)
        self.reset_button = Button(
            look,
            "settings_reset_button",
            "Reset this page",
            kind=Kind.QUIET,
            tip="Set all fields of this page to what they were at first",
        )
        close = Button(look, "settings_close_button", "Close", kind=Kind.PRIMARY)
        self.reset_button.clicked.connect(self._on_reset)
        close.clicked.connect(self.accept)
        self.reset_button.setAutoDefault(False)
        self.add_left_button(self.reset_button)
        self.add_button(close, is_default=True)
        self.list.currentRowChanged.connect(self._on_page)
        self.list.setCurrentRow(0)
        self.list.setFocus()

    def _add_page(self, look: Look, page: Page, settings: Settings) -> None:
        widget = SettingsPage(look, page, settings)
        self.pages[page.name] = widget
        for row in widget.rows.values():
            row.changed.connect(self.changed)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(widget)
        self.stack.addWidget(area)
        item = QListWidgetItem(page.title)
        item.setSizeHint(QSize(0, theme.CONTROL_HEIGHT))
        self.list.addItem(item)

    def row(self, field: str) -> Row:
        """Return the row of a field.

        Raises:
            KeyError: no page shows it.
        """
        return next(page.rows[field] for page in self.pages.values() if field in page.rows)

    def show_page(self, name: str) -> None:
        """Turn to a page."""
        self.list.setCurrentRow(list(self.pages).index(name))

    @Slot(int)
    def _on_page(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        page = list(self.pages.values())[number]
        self.reset_button.setVisible(bool(page.rows))

    @Slot()
    def _on_reset(self) -> None:
        page = list(self.pages.values())[self.stack.currentIndex()]
        for field, row in page.rows.items():
            value = getattr(_DEFAULTS, field)
            row.show_value(value)
            self.changed.emit(field, value)


def button_row(*buttons: Button) -> QWidget:
    """Return buttons side by side, none of which answers Return from elsewhere."""
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(theme.S)
    for button in buttons:
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        line.addWidget(button)
    line.addStretch(1)
    return row
