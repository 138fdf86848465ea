"""What the pages of the library share: a sentence, a column that scrolls, cards, questions."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Kind, Label, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look

#: More rows than these are told as a number: nobody reads them one by one.
MOST_ROWS = 200


class Card(QWidget):
    """A quiet box around what belongs together."""

    def __init__(self, look: Look, name: str) -> None:
        super().__init__()
        self._look = look
        self.setObjectName(name)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(theme.L, theme.M, theme.M, theme.M)
        self.column.setSpacing(theme.XS)
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(tokens.line))
        painter.setBrush(theme.mix(tokens.panel, tokens.raised, 0.35))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, theme.CARD_RADIUS, theme.CARD_RADIUS)


class ToolPage(QWidget):
    """One page: a sentence of what it is, a column of parts, buttons below.

    Attributes:
        told: the sentence at the top.
        parts: what scrolls.
        buttons: below.
    """

    def __init__(self, look: Look, name: str) -> None:
        super().__init__()
        self.look = look
        self.setObjectName(name)
        self.told = Paragraph("Looking…", tone="muted")
        self.told.setObjectName(f"{name}_told")
        self.parts = QVBoxLayout()
        self.parts.setContentsMargins(0, 0, theme.S, 0)
        self.parts.setSpacing(theme.S)
        self.parts.addStretch(1)
        content = QWidget()
        content.setLayout(self.parts)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(theme.S)
        self.buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.XL, 0, 0, 0)
        column.setSpacing(theme.M)
        column.addWidget(self.told)
        column.addWidget(area, 1)
        column.addLayout(self.buttons)

    def refresh(self) -> None:
        """Ask for what is shown."""
        raise NotImplementedError

    def tell(self, words: str, tone: str = "muted") -> None:
        """Say something at the top."""
        self.told.setText(words)
        self.told.set_tone(tone)

    def clear(self) -> None:
        """Take all parts out."""
        while self.parts.count() > 1:
            item = self.parts.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def add(self, part: QWidget) -> None:
        """Add a part at the end."""
        self.parts.insertWidget(self.parts.count() - 1, part)

    def add_rest(self, left: int, noun: str) -> None:
        """Say that there are more than are shown."""
        if left > 0:
            self.add(Label(f"… and {left:,} more {noun}", tone="muted"))

    def button(
        self,
        name: str,
        words: str,
        answer: Callable[[], object],
        *,
        tip: str = "",
        kind: Kind = Kind.NORMAL,
    ) -> Button:
        """Return a button that is below the page, at the left of those before."""
        button = Button(self.look, name, words, tip=tip, kind=kind)
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda: answer())
        self.buttons.insertWidget(self.buttons.count() - 1, button)
        return button


class Question(Dialog):
    """Asks before something that cannot be taken back.

    Signals:
        confirmed(): it is wanted.
    """

    confirmed = Signal()

    def __init__(
        self, look: Look, name: str, heading: str, words: str, go: str, parent: QWidget
    ) -> None:
        super().__init__(name, heading, 460, parent)
        self.body.addWidget(Paragraph(words))
        back = Button(look, f"{name}_back", "Cancel", kind=Kind.PRIMARY)
        go_button = Button(look, f"{name}_go", go)
        back.clicked.connect(self.reject)
        go_button.clicked.connect(self._on_go)
        self.add_left_button(go_button)
        self.add_button(back, is_default=True)

    @Slot()
    def _on_go(self) -> None:
        self.accept()
        self.confirmed.emit()
