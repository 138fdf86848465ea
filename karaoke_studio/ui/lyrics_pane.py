"""The words of a song, scrolling with it where their times are known."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from PySide6.QtCore import (
    QEasingCurve,
    QModelIndex,
    QPersistentModelIndex,
    QPropertyAnimation,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QLinearGradient,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from karaoke_studio.library.songs import Word
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import motion_ms, paint_focus
from karaoke_studio.ui.theme import Look

#: After the person scrolled, the pane stays where they left it for this long.
_HANDS_OFF_MS = 4000
#: Pixels over which lines fade at the edges.
_FADE = 28
_FLAGS = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)


class _Lines(QStyledItemDelegate):
    """Paints a line; the one of the moment is in full colour."""

    def __init__(self, look: Look, view: QListWidget) -> None:
        super().__init__(view)
        self._look, self._view = look, view
        self.now = -1
        self.is_timed = False

    def sizeHint(
        self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        width = self._view.viewport().width()
        words = index.data() or " "
        box = QRect(0, 0, max(width - 2 * theme.XL, 80), 10_000)
        high = QFontMetrics(theme.font(theme.TITLE, strong=True)).boundingRect(box, _FLAGS, words)
        return QSize(width, (high.height() if index.data() else theme.S) + theme.M)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        tokens = self._look.tokens
        rect: QRect = option.rect
        state = option.state
        box = rect.adjusted(theme.XL, 0, -theme.XL, 0)
        is_now = index.row() == self.now
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_now and index.data():
            strong = QFontMetrics(theme.font(theme.TITLE, strong=True))
            hug = QRectF(strong.boundingRect(box, _FLAGS, index.data()))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.raised))
            painter.drawRoundedRect(hug.adjusted(-theme.L, -5, theme.L, 5), 18, 18)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver) and self.is_timed
        colour = tokens.text if is_now or hovered or not self.is_timed else tokens.muted
        painter.setPen(QColor(colour))
        painter.setFont(theme.font(theme.TITLE, strong=is_now))
        painter.drawText(box, _FLAGS, index.data())
        if state & QStyle.StateFlag.State_Selected and self._view.hasFocus():
            paint_focus(painter, QRectF(rect).adjusted(2, 1, -2, -1), theme.RADIUS, tokens.accent)
        painter.restore()


class LyricsPane(QListWidget):
    """The words; a click on a line with a time goes there.

    Signals:
        seek_requested: seconds into the song.
    """

    seek_requested = Signal(float)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._lines: tuple[Word, ...] = ()
        self._starts: list[float] = []
        self._rows: list[int] = []
        self._look = look
        self._delegate = _Lines(look, self)
        self._hands_off = QTimer(self)
        self._hands_off.setSingleShot(True)
        self._hands_off.setInterval(_HANDS_OFF_MS)
        self._glide = QPropertyAnimation(self.verticalScrollBar(), b"value", self)
        self._glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self.setObjectName("lyrics_pane")
        self.setAccessibleName("Words")
        self.setItemDelegate(self._delegate)
        self.setMouseTracking(True)
        self.setWordWrap(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(72)
        self.itemClicked.connect(self._on_clicked)
        self.verticalScrollBar().sliderPressed.connect(self._hands_off.start)
        look.changed.connect(self.viewport().update)

    def show_words(self, words: tuple[Word, ...]) -> None:
        """Show the words of another song; () for none."""
        self._glide.stop()
        self._hands_off.stop()
        self._lines = words
        timed = [(word.seconds, row) for row, word in enumerate(words) if word.seconds is not None]
        timed.sort()
        self._starts = [seconds for seconds, _ in timed]
        self._rows = [row for _, row in timed]
        self._delegate.now = -1
        self._delegate.is_timed = bool(timed)
        self.clear()
        for word in words:
            self.addItem(QListWidgetItem(text.one_line(word.text)))
        self.scrollToTop()

    def current_line(self) -> int:
        """Return the row that is sung now, or −1."""
        return self._delegate.now

    def set_time(self, seconds: float) -> None:
        """Mark the line of the moment and bring it to the middle."""
        place = bisect_right(self._starts, seconds) - 1
        row = self._rows[place] if place >= 0 else -1
        if row == self._delegate.now:
            return
        self._delegate.now = row
        self.viewport().update()
        if not self._hands_off.isActive():
            # before the first line one looks for the words that are to come
            self._bring_to_middle(row if row >= 0 else self._rows[0])

    def _bring_to_middle(self, row: int) -> None:
        bar = self.verticalScrollBar()
        rect = self.visualItemRect(self.item(row))
        goal = bar.value() + rect.center().y() - self.viewport().height() // 2
        goal = min(max(goal, bar.minimum()), bar.maximum())
        self._glide.stop()
        duration = motion_ms(240)
        if not duration or not self.isVisible():
            bar.setValue(goal)
            return
        self._glide.setDuration(duration)
        self._glide.setStartValue(bar.value())
        self._glide.setEndValue(goal)
        self._glide.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lines, fading where they leave the pane."""
        super().paintEvent(event)
        height, width = self.viewport().height(), self.viewport().width()
        ground = self._look.tokens.window
        bar = self.verticalScrollBar()
        painter = QPainter(self.viewport())
        for edge, inner, hidden in (
            (0, _FADE, bar.value() > bar.minimum()),
            (height, height - _FADE, bar.value() < bar.maximum()),
        ):
            if hidden:
                shade = QLinearGradient(0, edge, 0, inner)
                shade.setColorAt(0, QColor(ground))
                shade.setColorAt(1, theme.with_alpha(ground, 0))
                painter.fillRect(0, min(edge, inner), width, _FADE, shade)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the pane to the person for a while."""
        self._glide.stop()
        self._hands_off.start()
        super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the chosen line on Return."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.currentItem():
            self._on_clicked(self.currentItem())
            return
        self._hands_off.start()
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the lines anew."""
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()
        if self._delegate.now >= 0:
            QTimer.singleShot(0, self, self._centre_now)

    @Slot()
    def _centre_now(self) -> None:
        if 0 <= self._delegate.now < self.count():
            self._bring_to_middle(self._delegate.now)

    @Slot(QListWidgetItem)
    def _on_clicked(self, item: Any) -> None:
        seconds = self._lines[self.row(item)].seconds
        if seconds is not None:
            self._hands_off.stop()
            self.seek_requested.emit(seconds)
