"""The timeline: both stems as waveforms under one ruler, and the playhead.

The picture is painted once per size, theme and song; while a song plays only the two small strips
of the old and the new playhead are painted again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from karaoke_studio.audio.peaks import Peaks
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import paint_focus
from karaoke_studio.ui.theme import Look

FloatArray = NDArray[np.float32]
LANES = ("vocals", "instrumental")
_NAMES = {"vocals": "Vocals", "instrumental": "Instrumental"}
RULER_HEIGHT = 28
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_TICK_GAP = 88
#: A waveform that takes longer than this to read is announced by a skeleton.
_SKELETON_MS = 200
#: How strongly a lane that is not heard is painted.
_UNHEARD = 0.4


def tick_step_s(duration_s: float, width: int) -> int:
    """Return the distance of ruler marks: round seconds, and never crowded."""
    wanted = duration_s * _TICK_GAP / max(width, 1)
    return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])


class Waveform(QWidget):
    """Both stems over time; a click or a drag seeks.

    Signals:
        seek_requested: frame of the song.
    """

    seek_requested = Signal(int)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._peaks: Peaks | None = None
        self._sample_rate = 44_100
        self._frames = 0
        self._position = 0
        self._heard = set(LANES)
        self._hover_x: int | None = None
        self._is_dragging = False
        self._is_broken = False
        self._picture: QPixmap | None = None
        self._skeleton = QTimer(self)
        self._skeleton.setSingleShot(True)
        self._skeleton.setInterval(_SKELETON_MS)
        self._skeleton.timeout.connect(self._repaint_all)
        self.setObjectName("waveform")
        self.setAccessibleName("Timeline")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        look.changed.connect(self._repaint_all)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(800, 300)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which the lanes can be told apart."""
        return QSize(200, 132)

    def show_song(self, frames: int, sample_rate: int) -> None:
        """Begin another song; its peaks follow."""
        self._peaks, self._frames, self._sample_rate = None, frames, sample_rate
        self._position = 0
        self._is_broken = False
        length = text.spoken_length(frames / sample_rate)
        self.setAccessibleDescription(f"Length {length}")
        self._skeleton.start()
        self._repaint_all()

    def show_peaks(self, peaks: Peaks | None) -> None:
        """Show the waveforms; None = they cannot be read."""
        self._skeleton.stop()
        self._peaks, self._is_broken = peaks, peaks is None
        self._repaint_all()

    def has_peaks(self) -> bool:
        """Return whether the waveforms are there."""
        return self._peaks is not None

    def set_heard(self, stems: set[str]) -> None:
        """Paint the lanes that are heard in full strength, the others faintly."""
        if stems != self._heard:
            self._heard = stems
            self._repaint_all()

    def set_position(self, frame: int) -> None:
        """Move the playhead."""
        before = self._playhead_x()
        self._position = frame
        after = self._playhead_x()
        if before != after:
            self.update(self._strip(before))
            self.update(self._strip(after))

    def position(self) -> int:
        """Return the frame of the playhead."""
        return self._position

    def frame_at(self, x: float) -> int:
        """Return the frame of the song under a column of the widget."""
        share = min(max(x / max(self.width() - 1, 1), 0.0), 1.0)
        return round(share * self._frames)

    def x_of(self, frame: int) -> float:
        """Return the column of a frame."""
        return frame / self._frames * (self.width() - 1) if self._frames else 0.0

    def _playhead_x(self) -> float:
        # A third of a pixel is as fine as anti-aliasing shows.
        return round(self.x_of(self._position) * 3) / 3

    def _strip(self, x: float) -> QRect:
        return QRect(int(x) - 9, 0, 20, self.height())

    def _hover_box(self) -> QRect:
        return QRect((self._hover_x or 0) - 48, 0, 96, self.height())

    @Slot()
    def _repaint_all(self) -> None:
        self._picture = None
        self.update()

    # -- pointer

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Seek to the pointer."""
        if event.button() == Qt.MouseButton.LeftButton and self._frames:
            self._is_dragging = True
            self._seek(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Seek along while the button is down; else show the time under the pointer."""
        self._set_hover(round(event.position().x()))
        if self._is_dragging:
            self._seek(event.position().x())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._is_dragging = False

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the time under the pointer."""
        super().leaveEvent(event)
        self._set_hover(None)

    def _seek(self, x: float) -> None:
        frame = self.frame_at(x)
        self.set_position(frame)
        self.seek_requested.emit(frame)

    def _set_hover(self, x: int | None) -> None:
        if self._hover_x is not None:
            self.update(self._hover_box())
        self._hover_x = x
        if x is not None:
            self.update(self._hover_box())

    # -- painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint the picture anew."""
        super().resizeEvent(event)
        self._picture = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, then what moves."""
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._paint_picture()
        painter = QPainter(self)
        ratio = self._picture.devicePixelRatio()
        part = event.rect()
        source = QRectF(
            part.x() * ratio, part.y() * ratio, part.width() * ratio, part.height() * ratio
        )
        painter.drawPixmap(QRectF(part), self._picture, source)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._frames:
            return
        if self._hover_x is not None and not self._is_dragging:
            self._paint_hover(painter, self._hover_x)
        self._paint_playhead(painter)
        if self.hasFocus():
            accent = self._look.tokens.accent
            paint_focus(painter, QRectF(self.rect()), theme.CARD_RADIUS, accent)

    def _paint_playhead(self, painter: QPainter) -> None:
        x = min(max(self._playhead_x(), 1.0), self.width() - 1.0)
        colour = QColor(self._look.tokens.text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRect(QRectF(x - 1, 0, 2, self.height()))
        painter.drawPolygon(QPolygonF([QPointF(x - 6, 0), QPointF(x + 6, 0), QPointF(x, 7)]))

    def _paint_hover(self, painter: QPainter, x: int) -> None:
        tokens = self._look.tokens
        painter.fillRect(QRectF(x, RULER_HEIGHT, 1, self.height()), QColor(tokens.muted))
        words = text.clock(self.frame_at(x) / self._sample_rate)
        font = theme.font(theme.CAPTION, tabular=True)
        width = QFontMetrics(font).horizontalAdvance(words) + 2 * theme.S
        left = min(max(x - width / 2, 2.0), self.width() - width - 2.0)
        chip = QRectF(left, 4, width, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.raised))
        painter.drawRoundedRect(chip, theme.XS, theme.XS)
        painter.setPen(QColor(tokens.text))
        painter.setFont(font)
        painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), words)

    def _paint_picture(self) -> QPixmap:
        tokens, ratio = self._look.tokens, self.devicePixelRatioF()
        picture = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(tokens.window))
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QPainterPath()
        card.addRoundedRect(QRectF(self.rect()), theme.CARD_RADIUS, theme.CARD_RADIUS)
        painter.setClipPath(card)
        painter.fillRect(self.rect(), QColor(tokens.panel))
        if self._frames:
            self._paint_ruler(painter)
            self._paint_lanes(painter, ratio)
        painter.end()
        return picture

    def _paint_ruler(self, painter: QPainter) -> None:
        tokens = self._look.tokens
        duration_s = self._frames / self._sample_rate
        font = theme.font(theme.CAPTION, tabular=True)
        metrics = QFontMetrics(font)
        painter.setFont(font)
        step = tick_step_s(duration_s, self.width())
        for second in range(0, int(duration_s) + 1, step):
            x = self.x_of(second * self._sample_rate)
            words = text.clock(second)
            if x + 8 + metrics.horizontalAdvance(words) > self.width() - 4:
                break
            painter.fillRect(QRectF(max(x, 2.0), 6, 1, 14), QColor(tokens.line))
            painter.setPen(QColor(tokens.muted))
            painter.drawText(QPointF(x + 8, 17), words)

    def _paint_lanes(self, painter: QPainter, ratio: float) -> None:
        tokens = self._look.tokens
        height = (self.height() - RULER_HEIGHT - theme.S) / len(LANES)
        count = max(round(self.width() * ratio), 1)
        waves = self._waves(count)
        loudest = max((float(np.abs(pair).max(initial=0)) for pair in waves.values()), default=0.0)
        scale = 0.94 / loudest if loudest > 1e-4 else 0.94
        for number, stem in enumerate(LANES):
            box = QRectF(0, RULER_HEIGHT + number * height, self.width(), height)
            colour = tokens.stem(stem)
            if stem not in self._heard:
                colour = theme.mix(tokens.panel, colour, _UNHEARD)
            if stem in waves:
                low, high = waves[stem]
                _paint_wave(painter, box, low * scale, high * scale, colour)
            elif not self._skeleton.isActive():
                self._paint_missing(painter, box, number)
            _paint_name(painter, box, _NAMES[stem], tokens.stem(stem), tokens.panel)

    def _waves(self, count: int) -> dict[str, FloatArray]:
        if self._peaks is None:
            return {}
        return {
            stem: np.stack(self._peaks.columns(stem, 0, self._frames, count))
            for stem in LANES
            if stem in self._peaks.stems
        }

    def _paint_missing(self, painter: QPainter, box: QRectF, number: int) -> None:
        """Paint a still skeleton while the peaks are read, or say that they cannot be."""
        tokens = self._look.tokens
        middle = box.center().y()
        painter.fillRect(QRectF(box.left(), middle - 1, box.width(), 2), QColor(tokens.raised))
        if self._is_broken:
            if number == 0:
                painter.setPen(QColor(tokens.muted))
                painter.setFont(theme.font())
                words = "The waveform cannot be shown; the song plays all the same."
                area = box.translated(0, box.height() / 2)
                painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), words)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.raised))
        for index, x in enumerate(range(4, int(box.width()), 12)):
            tall = box.height() * (0.16 + 0.12 * abs((index * 7 + number * 5) % 9 - 4) / 4)
            painter.drawRoundedRect(QRectF(x, middle - tall / 2, 6, tall), 3, 3)


def _paint_wave(
    painter: QPainter, box: QRectF, low: FloatArray, high: FloatArray, colour: QColor
) -> None:
    """Paint one lane: columns from minimum to maximum (−1…1), never thinner than a hairline."""
    middle, half = box.center().y(), box.height() / 2
    upper = middle - np.maximum(high * half, 0.6)
    lower = middle - np.minimum(low * half, -0.6)
    x = np.linspace(box.left(), box.right(), len(low))
    points = [QPointF(a, b) for a, b in zip(x.tolist(), upper.tolist(), strict=True)]
    points += [QPointF(a, b) for a, b in zip(x[::-1].tolist(), lower[::-1].tolist(), strict=True)]
    painter.setPen(QPen(Qt.PenStyle.NoPen))
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF(points))


def _paint_name(painter: QPainter, box: QRectF, name: str, colour: QColor, ground: str) -> None:
    font = theme.font(theme.CAPTION, strong=True)
    width = QFontMetrics(font).horizontalAdvance(name) + 2 * 6
    chip = QRectF(box.left() + 10, box.top() + 2, width, 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.with_alpha(ground, 0.85))
    painter.drawRoundedRect(chip, theme.XS, theme.XS)
    painter.setPen(colour)
    painter.setFont(font)
    painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), name)
