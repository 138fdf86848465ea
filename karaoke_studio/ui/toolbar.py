"""The row at the top: add, how songs are made, export, menu."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from karaoke_studio.paths import resource
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind, Label, separator
from karaoke_studio.ui.menu_button import MenuButton
from karaoke_studio.ui.segments import Segments
from karaoke_studio.ui.theme import Look

#: Below this width the captions of engine and device are left out.
_CAPTION_WIDTH = 1080
_QUALITIES = (
    ("draft", "Draft", "Ready in seconds"),
    ("normal", "Normal", "Good voices and music in good time"),
    ("best", "Best", "Takes its time"),
)


class Toolbar(QWidget):
    """Buttons and choices; the window connects them."""

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
        self.quality = Segments(look, "quality", "How much care new songs get", _QUALITIES)
        self.engine = MenuButton(
            look, "engine_button", "Engine", "What tells voice from music in new songs"
        )
        self.device = MenuButton(look, "device_button", "Device", "What models compute on")
        row = QHBoxLayout()
        self.brand = _Brand()
        margin = (theme.TOOLBAR_HEIGHT - theme.CONTROL_HEIGHT) // 2
        row.setContentsMargins(theme.L, margin, theme.L, margin)
        row.setSpacing(theme.M)
        row.addWidget(self.add_button)
        row.addWidget(self.brand)
        row.addSpacing(theme.XS)
        for choice in (self.quality, self.engine, self.device):
            row.addWidget(choice)
        row.addStretch(1)
        row.addWidget(self.export_button)
        row.addWidget(self.menu_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(separator(look))
        self.setFixedHeight(theme.TOOLBAR_HEIGHT + 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what the choices say by themselves where there is little room."""
        super().resizeEvent(event)
        for choice in (self.engine, self.device):
            choice.show_caption(self.width() >= _CAPTION_WIDTH)

    def set_welcome(self, welcome: bool) -> None:
        """Say who this is while the welcome page has the "Add songs" button."""
        self.add_button.setVisible(not welcome)
        self.brand.setVisible(welcome)


class _Brand(QWidget):
    """Picture and name of the program."""

    def __init__(self) -> None:
        super().__init__()
        picture = QLabel()
        picture.setPixmap(QIcon(str(resource("icons/karaoke-studio.svg"))).pixmap(28, 28))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.M)
        row.addWidget(picture)
        row.addWidget(Label(text.APP_NAME, size=theme.EMPHASIS, strong=True))
