"""The brush over the spectrogram: strokes that give what lies under them to voice or music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from karaoke_studio.fixes import MOST_POINTS, TO_VOICE, Stroke
from karaoke_studio.ui import theme
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.picture import Rows
from karaoke_studio.ui.timeline.strip import hz_at
from karaoke_studio.ui.timeline.timeline import Timeline

#: The hand moves so far before its way gets another point.
_STEP = 2.0
_FAINTEST, _STRONGEST = 0.25, 0.7
_VEIL = 0.55


class BrushLayer(QWidget):
    """Lies on the spectrogram while a person draws; elsewhere the timeline is as ever.

    Signals:
        stroke_drawn: Stroke.

    Args:
        look: the theme.
        timeline: what it lies on.
        sample_rate: of the song that is shown, in Hz.
        scale: of the spectrogram's frequencies.

    Attributes:
        to: whom strokes give what lies under them.
        radius: of the brush, in pixels.
        strength: 0…1.
    """

    stroke_drawn = Signal(object)

    def __init__(
        self,
        look: Look,
        timeline: Timeline,
        sample_rate: Callable[[], int],
        scale: Callable[[], str],
    ) -> None:
        super().__init__(timeline)
        self._look, self._timeline = look, timeline
        self._sample_rate, self._scale = sample_rate, scale
        self.to, self.radius, self.strength = TO_VOICE, 12.0, 1.0
        self._stretch = (0, 0)
        self._strokes: tuple[Stroke, ...] = ()
        self._way: list[QPointF] = []
        self._pointer: QPointF | None = None
        self.setObjectName("brush_layer")
        self.setAccessibleName("Brush on the spectrogram")
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.hide()
        timeline.view_changed.connect(self.follow)
        look.changed.connect(self.update)

    def show_strokes(self, stretch: tuple[int, int], strokes: tuple[Stroke, ...]) -> None:
        """Show what was drawn, in the stretch (frames) that a person may draw in."""
        self._stretch, self._strokes = stretch, strokes
        self.update()

    @Slot()
    def follow(self) -> None:
        """Lie where the spectrogram is now."""
        rows = self._rows()
        self.setGeometry(0, rows.strip_top, self._timeline.width(), rows.strip_height)
        self.update()

    def _rows(self) -> Rows:
        return Rows(self._timeline.height(), self._timeline.stems())

    # -- what a place means

    def _hz(self, y: float) -> float:
        return hz_at(1 - y / max(self.height(), 1), self._scale())

    def _y(self, hz: float) -> float:
        shares = np.linspace(0, 1, 257)
        known = [hz_at(share, self._scale()) for share in shares.tolist()]
        return float(1 - np.interp(hz, known, shares)) * self.height()

    def _stroke(self) -> Stroke:
        """Return the way of the hand as a stroke: round on the screen where it began."""
        first, rate = self._way[0], self._sample_rate()
        low, high = (self._hz(first.y() + by) for by in (self.radius, -self.radius))
        ways = self._way[:: -(-len(self._way) // MOST_POINTS)]
        points = tuple(
            (max(0, self._timeline.frame_at(at.x())), max(self._hz(at.y()), 1.0)) for at in ways
        )
        radius_s = self.radius * self._timeline.axis().step / rate
        octaves = max(float(np.log2(high / low)) / 2, 0.02)
        return Stroke(self.to, self.strength, radius_s, octaves, points)

    # -- the hand

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke inside of the stretch; elsewhere the timeline answers."""
        inside = (
            self._stretch[0] <= self._timeline.frame_at(event.position().x()) < self._stretch[1]
        )
        if event.button() == Qt.MouseButton.LeftButton and inside:
            self._way = [event.position()]
            self.update()
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw on, and show the brush."""
        at = self._pointer = event.position()
        if self._way and (at - self._way[-1]).manhattanLength() >= _STEP:
            self._way.append(at)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke."""
        if not self._way:
            event.ignore()
            return
        stroke, self._way = self._stroke(), []
        self.stroke_drawn.emit(stroke)

    def leaveEvent(self, _event: object) -> None:
        """Hide the brush."""
        self._pointer = None
        self.update()

    # -- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a veil outside of the stretch, the strokes, and the brush."""
        painter = QPainter(self)
        tokens = self._look.tokens
        left, right = (self._timeline.x_of(frame) for frame in self._stretch)
        veil = theme.with_alpha(tokens.window, _VEIL)
        painter.fillRect(QRectF(0, 0, max(left, 0), self.height()), veil)
        painter.fillRect(QRectF(right, 0, max(self.width() - right, 0), self.height()), veil)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for stroke in self._strokes:
            self._paint_stroke(painter, stroke)
        if self._way:
            self._paint_stroke(painter, self._stroke())
        if self._pointer is not None:
            painter.setPen(QPen(self._colour(self.to, 1.0), 1.5))
            painter.drawEllipse(self._pointer, self.radius, self.radius)

    def _colour(self, to: str, share: float) -> QColor:
        stem = "vocals" if to == TO_VOICE else "instrumental"
        return theme.with_alpha(self._look.tokens.stem(stem), share)

    def _paint_stroke(self, painter: QPainter, stroke: Stroke) -> None:
        wide = stroke.radius_s * self._sample_rate() / self._timeline.axis().step
        hz = stroke.points[0][1]
        ends = (self._y(hz * 2**by) for by in (-stroke.radius_octaves, stroke.radius_octaves))
        high = max((next(ends) - next(ends)) / 2, 1.0)
        share = _FAINTEST + (_STRONGEST - _FAINTEST) * stroke.strength
        # a brush that is no circle any more: the way is painted in a space in which it is one
        painter.save()
        painter.scale(wide, high)
        round_cap, round_join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
        colour = self._colour(stroke.to, share)
        painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, round_cap, round_join))
        way = [
            QPointF(self._timeline.x_of(at) / wide, self._y(hz) / high) for at, hz in stroke.points
        ]
        if len(way) > 1:
            painter.drawPolyline(QPolygonF(way))
        else:
            painter.drawPoint(way[0])
        painter.restore()
