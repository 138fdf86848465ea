"""How making songs went on this computer: today, lately, how fast, how often it failed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.statistics import Statistics
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Label
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import Card, ToolPage


class _Figure(Card):
    """One large number and what it is."""

    def __init__(self, look: Look, name: str, words: str) -> None:
        super().__init__(look, f"{name}_card")
        self.value = Label("–", size=theme.EMPTY, strong=True, tabular=True)
        self.value.setObjectName(f"{name}_value")
        self.column.addWidget(self.value)
        self.column.addWidget(Label(words, size=theme.CAPTION, tone="muted"))


class Days(QWidget):
    """Songs of each day as bars."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._days: list[tuple[str, int]] = []
        self.setObjectName("days_chart")
        self.setFixedHeight(116)
        look.changed.connect(self.update)

    def show_days(self, days: list[tuple[str, int]]) -> None:
        """Show days, today last."""
        self._days = days
        told = ", ".join(f"{songs} on {day}" for day, songs in days if songs)
        self.setAccessibleName(f"Songs finished: {told or 'none lately'}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a bar, its number and its day."""
        if not self._days:
            return
        tokens, painter = self._look.tokens, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        most = max(1, *(songs for _, songs in self._days))
        pitch, floor = self.width() / len(self._days), self.height() - 22.0
        painter.setFont(theme.font(theme.CAPTION, tabular=True))
        centre = int(Qt.AlignmentFlag.AlignCenter)
        for place, (day, songs) in enumerate(self._days):
            left, is_today = place * pitch, place == len(self._days) - 1
            height = max(3.0, (floor - 20) * songs / most)
            painter.setPen(Qt.PenStyle.NoPen)
            bar = QRectF(left + pitch * 0.2, floor - height, pitch * 0.6, height)
            painter.setBrush(QColor(tokens.accent if songs else tokens.line))
            painter.drawRoundedRect(bar, 3, 3)
            if songs:
                painter.setPen(QColor(tokens.text))
                above = QRectF(left, floor - height - 20, pitch, 18)
                painter.drawText(above, centre, f"{songs:,}")
            painter.setPen(QColor(tokens.text if is_today else tokens.muted))
            words = str(dt.date.fromisoformat(day).day)
            painter.drawText(QRectF(left, floor + 4, pitch, 18), centre, words)


class StatisticsPage(ToolPage):
    """Figures, the last days, engines, and why songs failed."""

    def __init__(self, look: Look, care: LibraryCare) -> None:
        super().__init__(look, "statistics_page")
        self._care = care
        self.today = _Figure(look, "today", "songs finished today")
        self.speed = _Figure(look, "speed", "mean speed, of the song’s own")
        self.success = _Figure(look, "success", "of all songs came out well")
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S)
        for figure in (self.today, self.speed, self.success):
            line.addWidget(figure, 1)
        self.add(row)
        days = Card(look, "days_card")
        days.column.addWidget(Label("The last two weeks", strong=True))
        self.days = Days(look)
        days.column.addWidget(self.days)
        self.add(days)
        self._engines, self._engines_card = self._table("engines_card", "Engines")
        self._reasons, self._reasons_card = self._table("reasons_card", "Why songs failed")
        care.statistics_read.connect(self._on_read)

    def _table(self, name: str, words: str) -> tuple[QGridLayout, Card]:
        card = Card(self.look, name)
        card.column.addWidget(Label(words, strong=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.L)
        grid.setVerticalSpacing(theme.XS)
        grid.setColumnStretch(0, 1)
        card.column.addLayout(grid)
        self.add(card)
        return grid, card

    def refresh(self) -> None:
        """Read the figures."""
        self._care.read_statistics()

    @Slot(object)
    def _on_read(self, found: Statistics) -> None:
        self.tell(
            text.joined(
                text.counted(found.songs, "song"),
                f"{text.long_time(found.library_s)} of music",
                f"played {text.counted(found.plays, 'time')}",
                f"{found.finished:,} made on this computer",
            )
        )
        self.today.value.setText(f"{found.today:,}")
        self.speed.value.setText(f"{found.speed:.1f} ×" if found.speed else "–")
        success = found.success
        self.success.value.setText("–" if success is None else text.percent(success))
        self.days.show_days(found.days)
        engines = [
            (text.engine(one.engine), text.counted(one.songs, "song"), f"{one.speed:.1f} ×")
            for one in found.engines
        ]
        self._fill(self._engines, self._engines_card, engines)
        reasons = [
            (messages.code_words(code), text.counted(often, "time"))
            for code, often in found.reasons
        ]
        self._fill(self._reasons, self._reasons_card, reasons)

    def _fill(self, grid: QGridLayout, card: Card, rows: Sequence[tuple[str, ...]]) -> None:
        while (item := grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for number, cells in enumerate(rows):
            for place, words in enumerate(cells):
                label = Label(words, tone="muted" if place else "", tabular=bool(place))
                side = Qt.AlignmentFlag.AlignRight if place else Qt.AlignmentFlag.AlignLeft
                grid.addWidget(label, number, place, side)
        card.setVisible(bool(rows))
