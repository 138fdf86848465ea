"""A small knob that places a stem between left and right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QDial

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import is_override, paint_focus
from karaoke_studio.ui.theme import Look

_STEPS = 100
_SIDE = 22
#: How far the hand goes from one end to the other, in pixels.
_WAY = 120
#: Near the middle the hand finds it by itself.
_MIDDLE = 4
#: Qt counts sixteenths of a degree, from three o'clock, against the clock; an end is 135° away.
_TOP, _REACH = 90 * 16, 135 * 16
_KEYS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home)


def pan_in_words(pan: float) -> str:
    """Return where a stem stands.

    >>> pan_in_words(-0.4), pan_in_words(0.0), pan_in_words(1.0)
    ('40 % left', 'middle', '100 % right')
    """
    if not pan:
        return "middle"
    return f"{abs(pan) * 100:.0f} % {'left' if pan < 0 else 'right'}"


class PanKnob(QDial):
    """Turned by dragging, wheel or keys; a double click puts it into the middle.

    Args:
        stem: whose colour it has.
        words: name of the stem.

    Signals:
        panned: −1…1; by a person only.
    """

    panned = Signal(float)

    def __init__(self, look: Look, stem: str, words: str) -> None:
        super().__init__()
        self._look, self._stem, self._words = look, stem, words
        self._held: tuple[float, int] | None = None
        self.setObjectName(f"{stem}_pan")
        self.setAccessibleName(f"{words}: left or right")
        self.setRange(-_STEPS, _STEPS)
        self.setSingleStep(5)
        self.setPageStep(25)
        self.setFixedSize(_SIDE, _SIDE)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.valueChanged.connect(self._on_value_changed)
        look.changed.connect(self.update)
        self._tell()

    def sizeHint(self) -> QSize:
        """Return a small square."""
        return QSize(_SIDE, _SIDE)

    @property
    def pan(self) -> float:
        """Where it stands, −1…1."""
        return self.value() / _STEPS

    def set_pan(self, pan: float) -> None:
        """Place it without telling anybody."""
        self.blockSignals(True)
        self.setValue(round(pan * _STEPS))
        self.blockSignals(False)
        self.update()
        self._tell()

    @Slot()
    def _on_value_changed(self) -> None:
        self._tell()
        self.panned.emit(self.pan)

    def _tell(self) -> None:
        where = pan_in_words(self.pan)
        self.setToolTip(f"{self._words}: {where}. Drag sideways; double click: middle")
        self.setAccessibleDescription(where)

    # -- hand and keys

    def event(self, event: QEvent) -> bool:
        """Keep the keys that turn it from the window's shortcuts while it has the focus."""
        if is_override(event, *_KEYS):
            event.accept()
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of it."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.globalPosition().x(), self.value()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn it with the hand."""
        if self._held is None:
            return
        x, value = self._held
        wanted = value + round((event.globalPosition().x() - x) * 2 * _STEPS / _WAY)
        self.setValue(0 if abs(wanted) <= _MIDDLE else wanted)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the middle."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = None
            self.setValue(0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn it by steps."""
        turned = event.angleDelta().y() or event.angleDelta().x()
        if turned:
            self.setValue(self.value() + (self.singleStep() if turned > 0 else -self.singleStep()))
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a ring, lit from the middle to where it stands, and a hand."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        ring = QRectF(self.rect()).adjusted(4, 4, -4, -4)
        pen = QPen(QColor(tokens.hover), 2.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawArc(ring, _TOP + _REACH, -2 * _REACH)
        colour = QColor(tokens.stem(self._stem) if self.pan else tokens.muted)
        pen.setColor(colour)
        painter.setPen(pen)
        if self.pan:
            painter.drawArc(ring, _TOP, round(-self.pan * _REACH))
        painter.translate(ring.center())
        painter.rotate(self.pan * 135)
        painter.drawLine(QPointF(0, -1), QPointF(0, -ring.height() / 2))
        painter.resetTransform()
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)
