"""What lies on the picture: ruler, names, skeletons, loop, playhead, and the pointer's read-out."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPolygonF

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.job import STEM_LABELS
from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.theme import Tokens
from karaoke_studio.ui.timeline.axis import TimeAxis, tick_step_s
from karaoke_studio.ui.timeline.picture import GAP, RULER_HEIGHT, Rows
from karaoke_studio.ui.timeline.strip import note_name

NO_WAVES = "The waveform cannot be shown; the song plays all the same."
NO_STRIP = "The spectrogram cannot be shown; the song plays all the same."
DRAWING = "Drawing the spectrogram…"
#: How much what lies outside the loop is covered.
_VEIL = 0.55
#: Pixels of a place's name; what is longer is cut.
_LONG_NAME = 120
#: Bars and beats nearer to one another, in pixels, are left out.
_LEAST_BAR, _LEAST_BEAT = 14, 9
#: Bars so far apart are painted in full strength.
_ROOMY_BAR = 40
#: How strongly the lines of bars and of beats are painted.
_BEATS = (0.26, 0.10)
#: Size of the sign that says that there is a menu.
_ARROW = 12
_CENTRED = int(Qt.AlignmentFlag.AlignCenter)


class Chrome:
    """Paints on the picture, in logical pixels.

    Attributes:
        tokens: the colours of now.
        strip_label: what the spectrogram shows.
    """

    def __init__(self, tokens: Tokens, strip_label: str) -> None:
        self.tokens = tokens
        self.strip_label = strip_label
        self._small = theme.font(theme.CAPTION, tabular=True)
        self._strong = theme.font(theme.CAPTION, strong=True)

    # -- what changes with the view only

    def paint_ruler(self, painter: QPainter, axis: TimeAxis, sample_rate: int) -> None:
        """Paint round marks and their times."""
        metrics = QFontMetrics(self._small)
        painter.setFont(self._small)
        painter.setPen(QColor(self.tokens.muted))
        step = tick_step_s(axis.step / sample_rate)
        number = int(axis.start / sample_rate / step)
        line = QColor(self.tokens.line)
        while (x := axis.x_of(number * step * sample_rate)) < axis.width:
            words = text.clock_tenths(number * step) if step < 1 else text.clock(number * step)
            number += 1
            # none that is cut off at the song's end
            if axis.is_whole and x + 8 + metrics.horizontalAdvance(words) > axis.width - 4:
                break
            painter.fillRect(QRectF(round(x) if x >= 2 or x < 0 else 2.0, 6, 1, 14), line)
            painter.drawText(QPointF(round(x) + 8, 17), words)

    def paint_beats(self, painter: QPainter, rows: Rows, axis: TimeAxis, grid: BeatGrid) -> None:
        """Paint a faint line at each beat and a clearer one at each bar, where there is room."""
        beat = grid.period_at(axis.start + axis.span / 2) / axis.step
        if beat * grid.bar < _LEAST_BAR:
            return
        # where they are many each is fainter
        room = min(1.0, beat * grid.bar / _ROOMY_BAR)
        first, plain = (theme.with_alpha(self.tokens.text, room * share) for share in _BEATS)
        bar_below = theme.with_alpha(theme.DARK.text, _BEATS[1])
        tick, height = QColor(self.tokens.muted), rows.lanes_bottom - RULER_HEIGHT
        for at, is_first in grid.within(axis.start, axis.start + axis.span):
            x = round(axis.x_of(at))
            if is_first:
                painter.fillRect(x, RULER_HEIGHT, 1, height, first)
                painter.fillRect(x, RULER_HEIGHT - 4, 1, 4, tick)
                if rows.strip_height:
                    painter.fillRect(x, rows.strip_top, 1, rows.strip_height, bar_below)
            elif beat >= _LEAST_BEAT:
                painter.fillRect(x, RULER_HEIGHT, 1, height, plain)

    def paint_names(self, painter: QPainter, rows: Rows) -> None:
        """Name the lanes and the spectrogram."""
        for number, stem in enumerate(rows.stems):
            ground = theme.with_alpha(self.tokens.panel, 0.85)
            box = self.name_box(rows, number)
            self._chip(painter, box, STEM_LABELS[stem], self.tokens.stem(stem), ground)
        if rows.strip_height:
            ground = theme.with_alpha(self.tokens.panel, 0.92)
            muted = QColor(self.tokens.muted)
            box = self.strip_box(rows)
            words = box.adjusted(0, 0, -_ARROW, 0)
            self._chip(painter, box, "", muted, ground)
            painter.drawText(words, _CENTRED, self.strip_label)
            arrow = QRectF(words.right() - 2, box.center().y() - _ARROW / 2, _ARROW, _ARROW)
            icons.paint_icon(painter, "caret-down", arrow.toRect(), muted)

    def strip_box(self, rows: Rows) -> QRectF:
        """Return where the words of the spectrogram lie; a press opens its menu."""
        if not rows.strip_height:
            return QRectF()
        return self._chip_box(10, rows.strip_top, self.strip_label).adjusted(0, 0, _ARROW + 2, 0)

    def name_box(self, rows: Rows, number: int) -> QRectF:
        """Return where a lane's name lies."""
        return self._chip_box(10, rows.lane(number)[0] + 2, STEM_LABELS[rows.stems[number]])

    def paint_corners(self, painter: QPainter, width: int, height: int) -> None:
        """Round the card by painting what lies outside of it."""
        around, card = QPainterPath(), QPainterPath()
        around.addRect(QRectF(0, 0, width, height))
        card.addRoundedRect(QRectF(0, 0, width, height), theme.CARD_RADIUS, theme.CARD_RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(around.subtracted(card), QColor(self.tokens.window))

    def paint_missing_lane(
        self, painter: QPainter, rows: Rows, width: int, number: int, *, is_broken: bool
    ) -> None:
        """Paint a still skeleton while a waveform is read, or say that it cannot be."""
        top, bottom = rows.lane(number)
        middle, height = (top + bottom) / 2, bottom - top
        raised = QColor(self.tokens.raised)
        painter.fillRect(QRectF(0, middle - 1, width, 2), raised)
        if is_broken:
            if number == 0:
                self._say(painter, QRectF(0, middle, width, height), NO_WAVES)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(raised)
        for index, x in enumerate(range(4, width, 12)):
            tall = height * (0.16 + 0.12 * abs((index * 7 + number * 5) % 9 - 4) / 4)
            painter.drawRoundedRect(QRectF(x, middle - tall / 2, 6, tall), 3, 3)

    def paint_missing_strip(
        self, painter: QPainter, rows: Rows, width: int, *, is_broken: bool
    ) -> None:
        """Say what is being waited for, or that it will not come."""
        area = QRectF(0, rows.strip_top, width, rows.strip_height)
        self._say(painter, area, NO_STRIP if is_broken else DRAWING)

    def _say(self, painter: QPainter, area: QRectF, words: str) -> None:
        painter.setPen(QColor(self.tokens.muted))
        painter.setFont(theme.font())
        painter.drawText(area, _CENTRED, words)

    def _chip_box(self, x: float, y: float, words: str) -> QRectF:
        wide = QFontMetrics(self._strong).horizontalAdvance(words) + 12
        return QRectF(x, y, wide, 18)

    def _chip(
        self, painter: QPainter, box: QRectF, words: str, colour: QColor, ground: QColor
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(box, theme.XS, theme.XS)
        painter.setPen(colour)
        painter.setFont(self._strong)
        painter.drawText(box, _CENTRED, words)

    # -- what moves

    def paint_loop(
        self, painter: QPainter, rows: Rows, width: int, left: float, right: float, *, is_on: bool
    ) -> None:
        """Paint the stretch that is repeated, with a handle at each end; faint while it is off.

        What is not repeated is veiled, so that stems and spectrogram keep their colours inside.
        """
        colour = QColor(self.tokens.accent if is_on else self.tokens.muted)
        if is_on:
            # the spectrogram is dark in both themes
            for top, bottom, ground in (
                (RULER_HEIGHT, rows.strip_top, self.tokens.panel),
                (rows.strip_top, rows.height, theme.DARK.window),
            ):
                veil = theme.with_alpha(ground, _VEIL)
                painter.fillRect(QRectF(0, top, left, bottom - top), veil)
                painter.fillRect(QRectF(right, top, width - right, bottom - top), veil)
        bar = QRectF(left, RULER_HEIGHT - 4, right - left, 4)
        painter.fillRect(bar, theme.with_alpha(colour, 1.0 if is_on else 0.5))
        painter.setPen(Qt.PenStyle.NoPen)
        for edge, outwards in ((left, -1), (right, 1)):
            painter.fillRect(QRectF(edge - 0.5, RULER_HEIGHT, 1, rows.height), colour)
            painter.setBrush(colour)
            grip = QRectF(edge - 3, RULER_HEIGHT - 10, 6, 16).translated(outwards, 0)
            painter.drawRoundedRect(grip, 3, 3)

    def place_box(self, name: str, x: float) -> QRectF:
        """Return where the name of a place lies in the ruler."""
        words = QFontMetrics(self._small).elidedText(name, Qt.TextElideMode.ElideRight, _LONG_NAME)
        wide = QFontMetrics(self._small).horizontalAdvance(words) + 2 * theme.S
        return QRectF(x, 4, wide, 18)

    def paint_place(
        self, painter: QPainter, rows: Rows, name: str, start: float, stop: float | None
    ) -> None:
        """Paint a named moment as a flag, a named stretch with a bar as long as it."""
        colour, box = QColor(self.tokens.accent), self.place_box(name, start)
        bottom = rows.strip_top if rows.strip_height else rows.height
        line = QRectF(start - 0.5, box.top(), 1, bottom - box.top())
        painter.fillRect(line, theme.with_alpha(colour, 0.6))
        if stop is not None:
            bar = QRectF(start, RULER_HEIGHT - 3, stop - start, 2)
            painter.fillRect(bar, theme.with_alpha(colour, 0.6))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.tokens.raised))
        painter.drawRoundedRect(box, theme.XS, theme.XS)
        painter.setPen(QColor(self.tokens.text))
        painter.setFont(self._small)
        words = QFontMetrics(self._small).elidedText(name, Qt.TextElideMode.ElideRight, _LONG_NAME)
        painter.drawText(box, _CENTRED, words)

    def paint_playhead(self, painter: QPainter, rows: Rows, x: float) -> None:
        """Paint the line of what is heard now; on the spectrogram it is light in both themes."""
        colour = QColor(self.tokens.text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        bottom = rows.strip_top if rows.strip_height else rows.height
        painter.drawRect(QRectF(x - 1, 0, 2, bottom))
        painter.drawPolygon(QPolygonF([QPointF(x - 6, 0), QPointF(x + 6, 0), QPointF(x, 7)]))
        if rows.strip_height:
            painter.setBrush(theme.with_alpha(theme.DARK.window, 0.6))
            painter.drawRect(QRectF(x - 2, bottom, 4, rows.strip_height))
            painter.setBrush(QColor(theme.DARK.text))
            painter.drawRect(QRectF(x - 1, bottom, 2, rows.strip_height))

    def read_out_box(self, words: str, x: float, width: int) -> QRectF:
        """Return where the pointer's read-out lies in the ruler."""
        wide = QFontMetrics(self._small).horizontalAdvance(words) + 2 * theme.S
        left = min(max(x - wide / 2, 2.0), max(width - wide - 2.0, 2.0))
        return QRectF(left, 4, wide, 20)

    def paint_pointer(self, painter: QPainter, rows: Rows, x: float, y: float) -> None:
        """Paint a hairline at the pointer's time, and across the spectrogram at its note."""
        if rows.strip_share(y) is not None:
            light = theme.with_alpha(theme.DARK.text, 0.55)
            painter.fillRect(QRectF(x, rows.strip_top, 1, rows.strip_height), light)
            painter.fillRect(QRectF(x - 12, y, 25, 1), light)
            bottom: float = rows.strip_top - GAP
        else:
            bottom = rows.height
        line = QColor(self.tokens.muted)
        painter.fillRect(QRectF(x, RULER_HEIGHT, 1, bottom - RULER_HEIGHT), line)

    def paint_read_out(self, painter: QPainter, box: QRectF, words: str) -> None:
        """Paint the words of the pointer's place."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.tokens.raised))
        painter.drawRoundedRect(box, theme.XS, theme.XS)
        painter.setPen(QColor(self.tokens.text))
        painter.setFont(QFont(self._small))
        painter.drawText(box, _CENTRED, words)


def read_out(seconds: float, found: tuple[float, float] | None, *, tenths: bool) -> str:
    """Return the time, and in the spectrogram (hertz, decibels) the note and the level."""
    time = text.clock_tenths(seconds) if tenths else text.clock(seconds)
    if found is None:
        return time
    hz, level_db = found
    level = f"{level_db:.0f} dB".replace("-", "−")
    return text.joined(time, text.frequency(hz), note_name(hz), level)
