"""Who this is, and on what terms all its parts may be used."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio import __version__
from karaoke_studio.licences import Part
from karaoke_studio.paths import resource
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look

_WIDTH, _LIST_WIDTH, _LIST_HEIGHT = 760, 220, 300


class AboutDialog(Dialog):
    """Name, version, and a list of parts with their terms.

    Signals:
        papers_requested: Part whose terms are to be shown.
    """

    papers_requested = Signal(object)

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__("about_dialog", f"About {text.APP_NAME}", _WIDTH, parent)
        self._parts: list[Part] = []
        self.list = QListWidget()
        self.list.setObjectName("about_list")
        self.list.setProperty("pages", True)
        self.list.setAccessibleName("Parts of the program")
        self.list.setToolTip("Choose a part to read its terms")
        self.list.setFixedWidth(_LIST_WIDTH)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFont(theme.font())
        self.papers = QPlainTextEdit()
        self.papers.setObjectName("about_papers")
        self.papers.setReadOnly(True)
        self.papers.setAccessibleName("Terms of the chosen part")
        self.papers.setTabChangesFocus(True)
        self.papers.setFont(theme.font(theme.CAPTION))
        self.papers.setPlaceholderText("Looking…")
        self._lay_out()
        close = Button(look, "about_close_button", "Close", kind=Kind.PRIMARY)
        close.clicked.connect(self.accept)
        self.add_button(close, is_default=True)
        self.list.currentRowChanged.connect(self._on_part)
        self.list.setFocus()

    def _lay_out(self) -> None:
        picture = QLabel()
        icon = QIcon(str(resource("icons/karaoke-studio.svg")))
        picture.setPixmap(icon.pixmap(QSize(48, 48), self.devicePixelRatioF()))
        names = QVBoxLayout()
        names.setSpacing(theme.XS)
        version = Label(f"{text.APP_NAME} {__version__}", size=theme.EMPHASIS, strong=True)
        version.setObjectName("about_version")
        names.addWidget(version)
        names.addWidget(
            Label(
                "Makes karaoke of any song, on this computer. Free software: GNU General Public"
                " License, version 3 or later.",
                size=theme.CAPTION,
                tone="muted",
            )
        )
        head = QHBoxLayout()
        head.setSpacing(theme.L)
        head.addWidget(picture)
        head.addLayout(names, 1)
        self.body.addLayout(head)
        self.body.addWidget(Label("What it is made of, and on what terms", strong=True))
        line = QHBoxLayout()
        line.setSpacing(theme.M)
        line.addWidget(self.list)
        line.addWidget(self.papers, 1)
        self.list.setMinimumHeight(_LIST_HEIGHT)
        self.body.addLayout(line, 1)

    @Slot(object)
    def show_parts(self, parts: list[Part]) -> None:
        """List the parts and ask for the terms of the first."""
        self._parts = parts
        for part in parts:
            item = QListWidgetItem(part.name)
            item.setToolTip(text.tooltip(part.name))
            item.setSizeHint(QSize(0, theme.CONTROL_HEIGHT - theme.XS))
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    @Slot(object, str)
    def show_papers(self, part: Part, words: str) -> None:
        """Show the terms of a part, unless another one was chosen meanwhile."""
        place = self.list.currentRow()
        if 0 <= place < len(self._parts) and self._parts[place] == part:
            self.papers.setPlainText(words)

    @Slot(int)
    def _on_part(self, place: int) -> None:
        if 0 <= place < len(self._parts):
            self.papers.clear()
            self.papers_requested.emit(self._parts[place])
