"""The row at the top: add, export, menu."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Kind, separator
from karaoke_studio.ui.theme import Look


class Toolbar(QWidget):
    """Three buttons; the window connects them."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("toolbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.add_button = Button(
            look,
            "add_button",
            "Add songs",
            icon="plus-bold",
            kind=Kind.PRIMARY,
            tip="Choose songs to make karaoke of (Ctrl+O)",
        )
        self.export_button = Button(
            look,
            "export_button",
            "Export",
            icon="upload-simple",
            tip="Write the open song as files (Ctrl+E)",
        )
        self.menu_button = Button(look, "menu_button", icon="list", says="Menu", tip="Menu (F10)")
        row = QHBoxLayout()
        row.setContentsMargins(theme.L, 0, theme.L, 0)
        row.setSpacing(theme.M)
        row.addWidget(self.add_button)
        row.addStretch(1)
        row.addWidget(self.export_button)
        row.addWidget(self.menu_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(separator(look))
        self.setFixedHeight(theme.TOOLBAR_HEIGHT + 1)
