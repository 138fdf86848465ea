"""A few words of which one is chosen, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Glow, is_override, paint_focus
from karaoke_studio.ui.theme import Look


class Segment(QAbstractButton):
    """One of the words."""

    def __init__(self, look: Look, name: str, words: str, tip: str) -> None:
        super().__init__()
        self._look, self._tip = look, tip
        self._glow = Glow(self)
        self.setText(words)
        self.setObjectName(name)
        self.setAccessibleName(words)
        self.setToolTip(text.tooltip(tip))
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def set_available(self, available: bool, why_not: str, tip: str) -> None:
        """Enable or disable; the tooltip says what it does, or why it cannot be used."""
        self.setEnabled(available)
        self.setToolTip(text.tooltip(text.joined(self._tip, tip) if available else why_not))

    def sizeHint(self) -> QSize:
        """Return the size of the words at their boldest, so that nothing moves when chosen."""
        wide = QFontMetrics(theme.font(strong=True)).horizontalAdvance(self.text())
        return QSize(wide + 2 * theme.M, theme.CONTROL_HEIGHT - 4)

    def event(self, event: QEvent) -> bool:
        """Keep the arrows from the window's shortcuts while one got here by Tab."""
        if is_override(event, Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.accept()
            return True
        if event.type() in {QEvent.Type.Enter, QEvent.Type.Leave}:
            self._glow.turn(on=event.type() == QEvent.Type.Enter and self.isEnabled())
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground of the chosen one, and the word."""
        tokens, checked = self._look.tokens, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        ground = QColor(tokens.window if tokens.is_dark else tokens.panel)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground if checked else theme.with_alpha(tokens.hover, self._glow.level))
        painter.drawRoundedRect(self.rect(), theme.RADIUS - 1, theme.RADIUS - 1)
        painter.setFont(theme.font(strong=checked))
        painter.setPen(QColor(tokens.text if checked else tokens.muted))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), self.text())
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)


class Segments(QWidget):
    """A row of words; one or none is chosen.

    Args:
        look: the theme.
        name: object name; each word's is this and its own.
        says: accessible name.
        choices: (name, words, tooltip).

    Signals:
        chosen: name of the word that a person clicked.
    """

    chosen = Signal(str)

    def __init__(
        self, look: Look, name: str, says: str, choices: Sequence[tuple[str, str, str]]
    ) -> None:
        super().__init__()
        self._look = look
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        self.parts: dict[str, Segment] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for choice, words, tip in choices:
            part = Segment(look, f"{name}_{choice}", words, tip)
            self.parts[choice] = part
            self._group.addButton(part)
            row.addWidget(part)
        self._group.buttonClicked.connect(self._on_clicked)
        look.changed.connect(self.update)

    def choice(self) -> str:
        """Return the name of the word that is chosen, or ""."""
        return next((name for name, part in self.parts.items() if part.isChecked()), "")

    def show_choice(self, name: str) -> None:
        """Show which word is chosen; "" = none."""
        if name:
            self.parts[name].setChecked(True)
        elif (chosen := self._group.checkedButton()) is not None:
            # a group that is exclusive never lets its last button go
            self._group.setExclusive(False)
            chosen.setChecked(False)
            self._group.setExclusive(True)
        for choice, part in self.parts.items():
            # Tab stops once at the row; arrows go on from there
            stops = choice == name or not name
            part.setFocusPolicy(Qt.FocusPolicy.TabFocus if stops else Qt.FocusPolicy.NoFocus)

    @Slot(QAbstractButton)
    def _on_clicked(self, _button: QAbstractButton) -> None:
        self.chosen.emit(self.choice())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._look.tokens.raised))
        painter.drawRoundedRect(self.rect(), theme.RADIUS + 1, theme.RADIUS + 1)
