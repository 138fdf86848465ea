"""The strip below the waveform: how doubtful the split is, moment by moment."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from karaoke_studio.audio.doubt import DoubtCurve, grade_of, weakest_places
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import is_override, paint_focus
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.timeline import Timeline

HEIGHT = 20
_BAR, _GAP = 3, 1
_TONES = {"excellent": "ok", "good": "warn", "rough": "error"}
_KEYS = (Qt.Key.Key_Left, Qt.Key.Key_Right)


class DoubtStrip(QWidget):
    """Bars under a timeline, on its axis: the higher and the redder, the more doubtful.

    It hides while there is no curve. The arrow keys go from weak place to weak place.

    Signals:
        seek_requested: frame of the song.
    """

    seek_requested = Signal(int)

    def __init__(self, look: Look, timeline: Timeline) -> None:
        super().__init__()
        self._look, self._timeline = look, timeline
        self._curve: DoubtCurve | None = None
        self._sample_rate = 44_100
        self.setObjectName("doubt_strip")
        self.setAccessibleName("Doubt about the split")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()
        timeline.view_changed.connect(self.update)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return a slim strip."""
        return QSize(400, HEIGHT)

    def curve(self) -> DoubtCurve | None:
        """Return what is shown."""
        return self._curve

    def show_curve(self, curve: DoubtCurve | None, sample_rate: int, says: str = "") -> None:
        """Show the curve of a song; None = there is none.

        Args:
            curve: of the song on the timeline.
            sample_rate: of the song.
            says: the verdict in words, for those who do not see it.
        """
        self._curve, self._sample_rate = curve, sample_rate
        self.setVisible(curve is not None)
        places = weakest_places(curve) if curve is not None else []
        told = "; ".join(f"{text.clock(start)} to {text.clock(stop)}" for start, stop, _ in places)
        weak = f"Weakest places: {told}" if told else "No weak places"
        self.setAccessibleDescription(f"{says}. {weak}." if curve is not None else "")
        self.update()

    def words_at(self, x: float) -> str:
        """Return what the strip says at a column."""
        if self._curve is None:
            return ""
        seconds = self._timeline.frame_at(x) / self._sample_rate
        doubt = self._curve.at(seconds)
        return f"{text.clock(seconds)}: {grade_of(1 - doubt)}, doubt {doubt * 100:.0f} %"

    # -- hand and keys

    def event(self, event: QEvent) -> bool:
        """Tell the doubt under the pointer; keep the keys that go from place to place."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = self.words_at(event.pos().x())
            hint = "Bars show where voice and music may be mixed up: click to go there"
            QToolTip.showText(event.globalPos(), text.tooltip(f"{words}. {hint}"), self)
            return True
        if is_override(event, *_KEYS):
            event.accept()
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton and self._curve is not None:
            self.seek_requested.emit(self._timeline.frame_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the weak place before or after."""
        if event.key() not in _KEYS or self._curve is None:
            super().keyPressEvent(event)
            return
        places = weakest_places(self._curve)
        starts = sorted(round(start * self._sample_rate) for start, _, _ in places)
        now = self._timeline.position()
        number = (
            bisect_right(starts, now)
            if event.key() == Qt.Key.Key_Right
            else bisect_left(starts, now) - 1
        )
        if 0 <= number < len(starts):
            self.seek_requested.emit(starts[number])

    # -- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a bar for every few columns, as high as the worst doubt in it."""
        tokens, curve = self._look.tokens, self._curve
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.panel))
        painter.drawRoundedRect(self.rect(), theme.XS, theme.XS)
        if curve is not None:
            for left in range(0, self.width(), _BAR + _GAP):
                doubt = self._worst(curve, left)
                if doubt is not None:
                    high = max(1.5, doubt * (HEIGHT - 4))
                    tone = _TONES[grade_of(1 - doubt)]
                    painter.setBrush(QColor(getattr(tokens, tone)))
                    painter.drawRoundedRect(QRectF(left, HEIGHT - 2 - high, _BAR, high), 1, 1)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)

    def _worst(self, curve: DoubtCurve, left: int) -> float | None:
        """Return the highest doubt under a bar; None beyond the song."""
        axis = self._timeline.axis()
        point = curve.step_s * self._sample_rate
        first = int((axis.start + left * axis.step) / point)
        last = int((axis.start + (left + _BAR + _GAP) * axis.step) / point)
        found = curve.doubts[max(first, 0) : max(last, first) + 1]
        return max(found, default=None)
