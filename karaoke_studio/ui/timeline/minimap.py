"""The whole song in a slim strip while the timeline looks closer: where one is, and a way there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Slot
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import is_override, paint_focus
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.axis import TimeAxis
from karaoke_studio.ui.timeline.colour_map import ramp
from karaoke_studio.ui.timeline.timeline import Timeline

HEIGHT = 28
#: How much of what is out of view is covered, and the least width of the view's frame.
_VEIL, _LEAST_FRAME = 0.6, 6.0
_STEP = 0.25
_KEYS = {
    Qt.Key.Key_Left: -_STEP,
    Qt.Key.Key_Right: _STEP,
    Qt.Key.Key_PageUp: -1.0,
    Qt.Key.Key_PageDown: 1.0,
}


class Minimap(QWidget):
    """Shows the song of a timeline as a whole; the frame is what the timeline shows.

    It hides while the timeline shows the whole song itself.
    """

    def __init__(self, look: Look, timeline: Timeline) -> None:
        super().__init__()
        self._look, self._timeline = look, timeline
        self._picture: QImage | None = None
        self._position = 0
        #: Columns between the pointer and the left edge of the frame while it is dragged.
        self._held: float | None = None
        self.setObjectName("minimap")
        self.setAccessibleName("Whole song")
        self.setToolTip("The whole song: drag the frame, or click to look elsewhere")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()
        timeline.view_changed.connect(self._on_view_changed)
        timeline.waves_changed.connect(self._on_waves_changed)
        look.changed.connect(self._on_waves_changed)

    def sizeHint(self) -> QSize:
        """Return a slim strip."""
        return QSize(400, HEIGHT)

    def set_position(self, frame: int) -> None:
        """Move the playhead."""
        if round(self._axis().x_of(frame)) != round(self._axis().x_of(self._position)):
            self._position = frame
            self.update()

    def frame_box(self) -> QRectF:
        """Return the frame around what the timeline shows."""
        axis, shown = self._axis(), self._timeline.axis()
        left = axis.x_of(shown.start)
        wide = max(axis.x_of(shown.start + shown.span) - left, _LEAST_FRAME)
        left = min(left, self.width() - wide)
        return QRectF(left, 0, wide, self.height())

    def _axis(self) -> TimeAxis:
        return TimeAxis.whole(self._timeline.axis().frames, self.width())

    @Slot()
    def _on_view_changed(self) -> None:
        axis = self._timeline.axis()
        self.setVisible(bool(axis.frames) and not axis.is_whole)
        self.update()

    @Slot()
    def _on_waves_changed(self) -> None:
        self._picture = None
        self.update()

    # -- hand and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the frame, or bring it here."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        box, x = self.frame_box(), event.position().x()
        self._held = x - box.left() if box.left() <= x <= box.right() else box.width() / 2
        self._drag_to(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the frame."""
        self._drag_to(event.position().x())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._held = None

    def _drag_to(self, x: float) -> None:
        if self._held is not None:
            axis = self._axis()
            self._timeline.look_from(axis.start + (x - self._held) * axis.step)

    def event(self, event: QEvent) -> bool:
        """Keep the keys that move the frame from the window's shortcuts while it has the focus."""
        if is_override(event, *_KEYS):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the frame by a quarter of itself, or by a page."""
        share = _KEYS.get(Qt.Key(event.key()))
        if share is None:
            super().keyPressEvent(event)
            return
        shown = self._timeline.axis()
        self._timeline.look_from(shown.start + share * shown.span)

    # -- painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint anew at another width."""
        super().resizeEvent(event)
        self._picture = None

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the waves, veil what is out of view, frame what is in it."""
        tokens = self._look.tokens
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._paint_waves(ratio)
        painter = QPainter(self)
        painter.drawImage(0, 0, self._picture)
        box, veil = self.frame_box(), theme.with_alpha(tokens.window, _VEIL)
        painter.fillRect(QRectF(0, 0, box.left(), self.height()), veil)
        painter.fillRect(QRectF(box.right(), 0, self.width() - box.right(), self.height()), veil)
        x = self._axis().x_of(self._position)
        painter.fillRect(QRectF(x - 0.5, 0, 1, self.height()), QColor(tokens.text))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.accent), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), theme.XS, theme.XS)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)

    def _paint_waves(self, ratio: float) -> QImage:
        """Return all stems over one another, the first in front."""
        tokens = self._look.tokens
        width, height = max(round(self.width() * ratio), 1), round(HEIGHT * ratio)
        image = QImage(width, height, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(QColor(tokens.panel))
        lanes = self._timeline.lanes()
        if lanes is None:
            return image
        pixels = np.frombuffer(image.bits(), np.uint32).reshape(height, -1)[:, :width]
        step = self._axis().step / ratio
        for stem in reversed(self._timeline.stems()):
            table = ramp(tokens.panel, tokens.stem(stem))
            one = np.empty_like(pixels)
            lanes.paint(stem, one, 0.0, step, table)
            np.copyto(pixels, one, where=one != table[0])
        return image
