"""A button that shows what is chosen in its menu."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import QMenu

from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import Button
from karaoke_studio.ui.theme import Look

_ARROW = 14
_WIDEST = 190


class MenuButton(Button):
    """A muted caption, the choice, and an arrow; pressing it opens the menu.

    Signals:
        about_to_open: fill the menu now.
    """

    about_to_open = Signal()

    def __init__(self, look: Look, name: str, caption: str, tip: str) -> None:
        super().__init__(look, name, " ", says=caption, tip=tip)
        self._caption, self._shows_caption = caption, True
        self.menu_list = QMenu(self)
        self.menu_list.setObjectName(f"{name}_menu")
        self.menu_list.setToolTipsVisible(True)
        self.clicked.connect(self.open_menu)

    def show_choice(self, words: str) -> None:
        """Show what is chosen."""
        self.setText(text.one_line(words))
        self.setAccessibleName(f"{self._caption}: {self.text()}")
        self.updateGeometry()
        self.update()

    def show_caption(self, shown: bool) -> None:
        """Show the caption, or save its room."""
        if shown != self._shows_caption:
            self._shows_caption = shown
            self.updateGeometry()
            self.update()

    @Slot()
    def open_menu(self) -> None:
        """Open the menu below."""
        self.about_to_open.emit()
        self.menu_list.popup(self.mapToGlobal(QPoint(0, self.height() + theme.XS)))

    def _widths(self) -> tuple[int, int]:
        """Return the widths of caption and choice."""
        caption = QFontMetrics(theme.font()).horizontalAdvance(self._caption) + theme.S
        words = QFontMetrics(theme.font(strong=True)).horizontalAdvance(self.text()) + 2
        return caption if self._shows_caption else 0, min(words, _WIDEST)

    def sizeHint(self) -> QSize:
        """Return the size of caption, choice and arrow."""
        return QSize(sum(self._widths()) + theme.S + _ARROW + 2 * theme.M, theme.CONTROL_HEIGHT)

    def _paint_content(self, painter: QPainter, foreground: QColor) -> None:
        caption, words = self._widths()
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        tokens = self._look.tokens
        if caption:
            painter.setFont(theme.font())
            painter.setPen(QColor(tokens.muted))
            painter.drawText(QRect(theme.M, 0, caption, self.height()), middle, self._caption)
        font = theme.font(strong=True)
        painter.setFont(font)
        painter.setPen(foreground)
        shown = QFontMetrics(font).elidedText(self.text(), Qt.TextElideMode.ElideRight, words)
        painter.drawText(QRect(theme.M + caption, 0, words, self.height()), middle, shown)
        top = (self.height() - _ARROW) // 2
        arrow = QRect(self.width() - theme.M - _ARROW, top, _ARROW, _ARROW)
        icons.paint_icon(painter, "caret-down", arrow, tokens.muted)
