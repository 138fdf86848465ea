"""The widget: shows a song over time, and takes clicks, drags, wheel and keys."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import cast

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.audio.peaks import Peaks
from karaoke_studio.audio.places import Place
from karaoke_studio.audio.spectrogram import Spectrogram
from karaoke_studio.job import STEM_LABELS, STEMS
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import paint_focus
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.axis import TimeAxis
from karaoke_studio.ui.timeline.chrome import Chrome, read_out
from karaoke_studio.ui.timeline.drawing import Drawing
from karaoke_studio.ui.timeline.lanes import Lanes
from karaoke_studio.ui.timeline.picture import RULER_HEIGHT, Picture, Rows, View
from karaoke_studio.ui.timeline.strip import RANGE_DB, Strip
from karaoke_studio.ui.timeline.wheel import read_wheel

#: What takes longer than this to come is announced by a skeleton.
SKELETON_MS = 200
#: So long after the last movement the picture is painted with care.
_SETTLE_MS = 120
#: How far the pointer goes before a click becomes a drag.
_DRAG_FROM = 4
#: How near to an end of the loop the pointer takes hold of it.
_GRIP = 5
_KEY_ZOOM = 1.6
#: Shares of the view: a page, and where the playhead is put by following.
_PAGE, _LEAD_IN = 0.9, 0.05
#: A playhead that goes farther in one look was sent there.
_SENT_S = 0.5
_CLOSE_LOOK_S = 60.0
_STRIP_WIDTH = 20
#: How the height of a wave is called, of its lane's.
_LOUDNESS = ((0.5, "loud"), (0.1, "quiet"), (-1.0, "silent"))


class Hold(Enum):
    """What a pressed button holds."""

    NOTHING = "nothing"
    PRESS = "press"
    REGION = "region"
    RULER = "ruler"
    VIEW = "view"
    NAME = "name"
    STEM = "stem"


class Timeline(QWidget):
    """Ruler, both stems and the spectrogram over time.

    Signals:
        seek_requested: frame of the song.
        loop_requested: first frame, frame after the last; a stretch to repeat.
        drag_requested: a stem that is drawn away by its name.
        view_changed: another part of the song is shown, or another song.
        waves_changed: the waveforms are others.
        region_menu_requested: where on the screen the menu of the chosen stretch belongs.
        spectrogram_menu_requested: where on the screen the menu of the spectrogram belongs.
        place_requested: number of a place whose name in the ruler was clicked.

    Thread: GUI.
    """

    seek_requested = Signal(int)
    loop_requested = Signal(int, int)
    drag_requested = Signal(str)
    place_requested = Signal(int)
    spectrogram_menu_requested = Signal(QPoint)
    region_menu_requested = Signal(QPoint)
    view_changed = Signal()
    waves_changed = Signal()

    def __init__(self, look: Look, *, has_spectrogram: bool = True) -> None:
        super().__init__()
        self._look = look
        self._has_strip = has_spectrogram
        self._axis = TimeAxis()
        self._sample_rate = 44_100
        self._position = 0
        self._stems: tuple[str, ...] = STEMS
        self._heard = set(STEMS)
        self._loop: tuple[int, int] | None = None
        self._loop_is_on = False
        self._places: tuple[Place, ...] = ()
        self._beats: BeatGrid | None = None
        self._snaps_to: BeatGrid | None = None
        self._is_free = False
        self._colours, self._range_db = "magma", RANGE_DB
        self._strip_label = "Spectrogram"
        self._following, self._wheel = "page", "zoom"
        self._spectrogram: Spectrogram | None = None
        self._waves_are_broken = self._strip_is_broken = False
        self._hold = Hold.NOTHING
        self._pressed_x = self._last_x = self._pressed_y = 0.0
        self._anchor = 0
        self._held_stem = ""
        self._is_waiting = False
        self._pointer: QPointF | None = None
        self._spoken_s = -1
        self._picture = Picture()
        self._chrome = Chrome(look.tokens, self._strip_label)
        self._shown: QImage | None = None
        self._is_moving = False
        self._build()

    def _build(self) -> None:
        self._waves_wait = self._timer(SKELETON_MS)
        self._strip_wait = self._timer(SKELETON_MS)
        self._settling = self._timer(_SETTLE_MS)
        self._waves_wait.timeout.connect(self._repaint_all)
        self._strip_wait.timeout.connect(self._repaint_all)
        self._settling.timeout.connect(self._on_settled)
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._look.changed.connect(self._on_look_changed)
        self._on_look_changed()

    def _timer(self, milliseconds: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        return timer

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(800, 352)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which the lanes can be told apart."""
        return QSize(200, 132)

    # -- the song

    def show_song(self, frames: int, sample_rate: int, stems: tuple[str, ...] = STEMS) -> None:
        """Begin another song of these stems; its peaks and its spectrogram follow."""
        self._stems = stems
        self._axis = TimeAxis.whole(frames, self.width())
        self._sample_rate, self._position = sample_rate, 0
        self._loop, self._loop_is_on = None, False
        self._places = ()
        self._beats = self._snaps_to = None
        self._hold = Hold.NOTHING
        self._picture.lanes = None
        self._waves_are_broken = False
        self._waves_wait.start()
        self._spoken_s = -1
        self._tell()
        self.await_spectrogram()
        self.view_changed.emit()
        self.waves_changed.emit()

    def show_peaks(self, peaks: Peaks | None) -> None:
        """Show the waveforms; None = they cannot be read."""
        fits = peaks is not None and set(self._stems) <= set(peaks.stems)
        self.show_lanes(Lanes(peaks) if peaks is not None and fits else None)

    def show_lanes(self, lanes: Lanes | None) -> None:
        """Show waveforms, or once more those that have changed; None = there can be none."""
        self._waves_wait.stop()
        self._picture.lanes = lanes
        self._waves_are_broken = lanes is None
        self._repaint_all()
        self.waves_changed.emit()

    def lanes(self) -> Lanes | None:
        """Return the waveforms, None where they are not there."""
        return self._picture.lanes

    def stems(self) -> tuple[str, ...]:
        """Return the stems from top to bottom."""
        return self._stems

    def has_peaks(self) -> bool:
        """Return whether the waveforms are there."""
        return self._picture.lanes is not None

    def await_spectrogram(self) -> None:
        """Show no spectrogram until one comes; say so when that takes a while."""
        self._spectrogram, self._picture.strip = None, None
        self._strip_is_broken = False
        self._strip_wait.start()
        self._repaint_all()

    def show_spectrogram(self, spectrogram: Spectrogram | None) -> None:
        """Show the spectrogram; None = there can be none."""
        self._strip_wait.stop()
        self._spectrogram, self._strip_is_broken = spectrogram, spectrogram is None
        self._make_strip()

    def has_spectrogram(self) -> bool:
        """Return whether the spectrogram is there."""
        return self._spectrogram is not None

    def set_spectrogram_colours(self, name: str) -> None:
        """Choose the map: "magma" or "viridis"."""
        self._colours = name
        self._make_strip()

    def set_spectrogram_range(self, range_db: float) -> None:
        """Choose how far below the loudest it is black."""
        self._range_db = range_db
        self._make_strip()

    def set_strip_label(self, words: str) -> None:
        """Say what the spectrogram shows."""
        self._strip_label = words
        self._on_look_changed()

    def _make_strip(self) -> None:
        found = self._spectrogram
        made = None if found is None else Strip(found, self._colours, self._range_db)
        self._picture.strip = made
        self._repaint_all()

    def set_heard(self, stems: set[str]) -> None:
        """Paint the lanes that are heard in full strength, the others faintly."""
        if stems != self._heard:
            self._heard = stems
            self._on_look_changed()

    def show_loop(self, loop: tuple[int, int] | None, *, is_on: bool) -> None:
        """Show the stretch that is repeated; None = none is chosen."""
        self._loop, self._loop_is_on = loop, is_on
        self.update()

    def show_places(self, places: tuple[Place, ...]) -> None:
        """Show the places that a person named."""
        self._places = places
        self.update()

    def show_beats(self, grid: BeatGrid | None) -> None:
        """Show the beats of the song; None = do not."""
        self._beats = grid
        self._shown = None
        self.update()

    def set_snapping(self, grid: BeatGrid | None) -> None:
        """Let the ends of a loop that is dragged keep to beats; None = do not."""
        self._snaps_to = grid

    def _place_at(self, at: QPointF) -> int | None:
        """Return the number of the place whose name lies there; the last painted is on top."""
        found = [
            number
            for number, place in enumerate(self._places)
            if self._chrome.place_box(place.name, self.x_of(place.start)).contains(at)
        ]
        return found[-1] if found else None

    def loop(self) -> tuple[int, int] | None:
        """Return the stretch that is shown."""
        return self._loop

    def position(self) -> int:
        """Return the frame of the playhead."""
        return self._position

    def axis(self) -> TimeAxis:
        """Return what is shown of the song."""
        return self._axis

    def frame_at(self, x: float) -> int:
        """Return the frame of the song under a column of the widget."""
        return self._axis.frame_at(x)

    def x_of(self, frame: int) -> float:
        """Return the column of a frame."""
        return self._axis.x_of(frame)

    def set_position(self, frame: int) -> None:
        """Move the playhead; a view that it leaves follows, page by page."""
        before, old_x = self._position, self._playhead_x()
        self._position = frame
        if before == frame:
            return
        self._follow(before)
        new_x = self._playhead_x()
        if new_x != old_x:
            self.update(self._strip_of(old_x))
            self.update(self._strip_of(new_x))
        self._tell()

    def set_following(self, how: str) -> None:
        """Choose how the view goes along: "page", "smooth" (the playhead stays), or "off"."""
        self._following = how

    def set_wheel(self, does: str) -> None:
        """Choose what the wheel does: "zoom", "pan" or "seek"."""
        self._wheel = does

    def _follow(self, before: int) -> None:
        axis, now = self._axis, self._position
        if axis.is_whole or self._hold is not Hold.NOTHING:
            return
        # One who looks elsewhere while it plays is left there.
        was_sent = abs(now - before) > _SENT_S * self._sample_rate
        goes_along = axis.shows(before) and self._following != "off"
        if self._following == "smooth" and goes_along:
            self._pan((now - axis.start - axis.span / 2) / axis.step)
        elif not axis.shows(now) and (was_sent or goes_along):
            self._look_at(axis.moved(now - _LEAD_IN * axis.span))

    def picture(self, ratio: float) -> QImage:
        """Return what is shown now, at so many pixels for each logical one."""
        image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(QColor(self._look.tokens.window))
        self.render(image)
        return image

    def drawing(self) -> Drawing:
        """Return what is shown now as shapes."""
        rows, strip = self._rows(), None
        if self._picture.strip is not None and rows.strip_height:
            below = QRect(0, rows.strip_top, self.width(), rows.strip_height)
            view = View(self._axis, rows, 1.0, smooth=True)
            strip = self._picture.bring_up(view).copy(below)
            self._repaint_all()
        return Drawing(
            axis=self._axis,
            rows=rows,
            tokens=self._look.tokens,
            sample_rate=self._sample_rate,
            lanes=self._picture.lanes,
            strip=strip,
            heard=frozenset(self._heard),
            beats=self._beats,
            places=self._places,
            loop=self._loop,
            position=self._position,
        )

    def _tell(self) -> None:
        """Say for a screen reader where the song is, once a second at most."""
        second = self._position // self._sample_rate
        if second != self._spoken_s:
            self._spoken_s = second
            whole = text.clock(self._axis.frames / self._sample_rate)
            now = text.clock(second)
            said = (self._named_stems(), f"{now} of {whole}", self._loudness())
            self.setAccessibleDescription(", ".join(part for part in said if part))

    def _loudness(self) -> str:
        """Return how loud it is where the song is, by the waves that are heard."""
        lanes, rate = self._picture.lanes, self._sample_rate
        heard = [stem for stem in self._stems if stem in self._heard] or list(self._stems)
        if lanes is None:
            return ""
        highest = max(
            float(lanes.columns(stem, self._position, rate / 2, 1)[1].max()) for stem in heard
        )
        return next(word for least, word in _LOUDNESS if highest >= least)

    def _named_stems(self) -> str:
        *first, last = (STEM_LABELS[stem].lower() for stem in self._stems)
        return f"{', '.join(first)} and {last}".capitalize()

    def _rows(self) -> Rows:
        return Rows(self.height(), self._stems, self._has_strip)

    # -- the view

    @Slot()
    def zoom_in(self) -> None:
        """Look closer at the playhead, or at the middle where it is out of sight."""
        self._zoom(_KEY_ZOOM, self._zoom_x())

    @Slot()
    def zoom_out(self) -> None:
        """Look from farther away."""
        self._zoom(1 / _KEY_ZOOM, self._zoom_x())

    @Slot()
    def show_whole(self) -> None:
        """Show the whole song."""
        self._look_at(TimeAxis.whole(self._axis.frames, self.width()))

    @Slot()
    def page_back(self) -> None:
        """Look a page earlier."""
        self._pan(-_PAGE * self.width())

    @Slot()
    def page_on(self) -> None:
        """Look a page later."""
        self._pan(_PAGE * self.width())

    def look_from(self, frame: float) -> None:
        """Show the song from a frame on, as closely as now."""
        self._look_at(self._axis.moved(frame))

    def _zoom_x(self) -> float:
        shown = self._axis.shows(self._position)
        return self._axis.x_of(self._position) if shown else self.width() / 2

    def _zoom(self, factor: float, x: float) -> None:
        if self._axis.frames:
            self._look_at(self._axis.zoomed(factor, x))

    def _pan(self, columns: float) -> None:
        # By whole pixels of the device, so that what is painted can be shifted.
        ratio = self.devicePixelRatioF()
        self._look_at(self._axis.panned(round(columns * ratio) / ratio))

    def _look_at(self, axis: TimeAxis) -> None:
        if axis != self._axis:
            self._axis = axis
            self._is_moving = True
            self._settling.start()
            self._shown = None
            self.update()
            self.view_changed.emit()

    @Slot()
    def _on_settled(self) -> None:
        self._is_moving = False
        self._shown = None
        self.update()

    @Slot()
    def _on_look_changed(self) -> None:
        self._chrome = Chrome(self._look.tokens, self._strip_label)
        self._picture.set_colours(self._look.tokens, self._heard)
        self._repaint_all()

    @Slot()
    def _repaint_all(self) -> None:
        self._picture.forget()
        self._shown = None
        self.update()

    # -- pointer

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer, pan or seek, as was chosen; sideways always pan."""
        event.accept()
        does, amount = read_wheel(event, self._wheel, self.width())
        if does == "pan":
            self._pan(amount)
        elif does == "zoom":
            self._zoom(amount, event.position().x())
        else:
            frame = self._position + round(amount * self._sample_rate)
            self.seek_requested.emit(min(max(frame, 0), self._axis.frames))

    def event(self, event: QEvent) -> bool:
        """Zoom by pinching."""
        if (
            isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self._zoom(max(1 + event.value(), 0.1), event.position().x())
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the ruler, of an end of the loop, or of a place."""
        if not self._axis.frames or self._hold is not Hold.NOTHING:
            return
        x = event.position().x()
        self._pressed_x = self._last_x = x
        self._pressed_y = event.position().y()
        if event.button() == Qt.MouseButton.MiddleButton:
            self._hold = Hold.VIEW
        elif event.button() == Qt.MouseButton.LeftButton:
            other_end = self._other_end(x)
            if other_end is not None:
                self._hold, self._anchor = Hold.REGION, other_end
            elif self._chrome.strip_box(self._rows()).contains(event.position()):
                corner = self._chrome.strip_box(self._rows()).bottomLeft().toPoint()
                self.spectrogram_menu_requested.emit(self.mapToGlobal(corner))
            elif name := self._name_at(event.position()):
                self._hold, self._held_stem = Hold.NAME, name
            else:
                in_ruler = event.position().y() < RULER_HEIGHT
                self._hold = Hold.RULER if in_ruler else Hold.PRESS
                self._anchor = self.frame_at(x)
        self._choose_cursor(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan, choose a stretch, or show what lies under the pointer."""
        self._is_free = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        self._set_pointer(event.position())
        x = event.position().x()
        is_far = abs(x - self._pressed_x) >= _DRAG_FROM
        if self._hold is Hold.RULER and is_far:
            self._hold = Hold.VIEW
        if self._hold is Hold.PRESS and is_far:
            self._hold = Hold.REGION
            self._anchor = self._snapped(self._anchor)
        if self._hold is Hold.NAME and self._is_drawn(event.position()):
            self._hold = Hold.STEM
            self.drag_requested.emit(self._held_stem)
        if self._hold is Hold.VIEW:
            ratio = self.devicePixelRatioF()
            whole = round((self._last_x - x) * ratio) / ratio
            self._pan(whole)
            self._last_x -= whole
        elif self._hold is Hold.REGION:
            self.show_loop(self._stretch(x), is_on=True)
        self._choose_cursor(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Seek, or repeat the stretch that was chosen."""
        held, self._hold = self._hold, Hold.NOTHING
        x = event.position().x()
        if held in {Hold.PRESS, Hold.RULER, Hold.NAME}:
            number = self._place_at(QPointF(self._pressed_x, self._pressed_y))
            if number is not None:
                self.place_requested.emit(number)
                return
            frame = self.frame_at(self._pressed_x)
            self.set_position(frame)
            self.seek_requested.emit(frame)
        elif held is Hold.REGION:
            self.loop_requested.emit(*self._stretch(x))
        self._choose_cursor(event.position())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with the stretch that is chosen, inside of it."""
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        if self._loop is None:
            return
        start, stop = self._loop
        if by_key or start <= self.frame_at(event.pos().x()) <= stop:
            self.region_menu_requested.emit(event.globalPos())

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the read-out."""
        super().leaveEvent(event)
        self._set_pointer(None)

    def _is_drawn(self, at: QPointF) -> bool:
        way = abs(at.x() - self._pressed_x) + abs(at.y() - self._pressed_y)
        return way >= 2 * _DRAG_FROM

    def _name_at(self, at: QPointF) -> str:
        """Return the stem whose name lies there, or ""."""
        if not self._axis.frames:
            return ""
        rows = self._rows()
        boxes = (self._chrome.name_box(rows, number) for number in range(len(rows.stems)))
        inside = (box.contains(at) for box in boxes)
        return next((s for s, is_in in zip(rows.stems, inside, strict=True) if is_in), "")

    def held_stem(self) -> str:
        """Return the stem that the hand has drawn away and still holds, or ""."""
        return self._held_stem if self._hold is Hold.STEM else ""

    def let_go(self) -> None:
        """Forget what the hand held: it was let go elsewhere."""
        self._hold = Hold.NOTHING
        self.unsetCursor()

    def show_waiting(self, *, on: bool) -> None:
        """Show that a stem is being made ready to be dragged."""
        self._is_waiting = on
        if self._hold is Hold.STEM:
            self._choose_cursor(QPointF(self._last_x, self._pressed_y))

    def _stretch(self, x: float) -> tuple[int, int]:
        frame = self._snapped(self.frame_at(min(max(x, 0.0), self.width() - 1.0)))
        grid = self._snaps_to
        if frame == self._anchor and grid is not None and not self._is_free:
            # not yet at the next beat: to there, on the side of the hand
            side = 1 if self.frame_at(x) >= frame else -1
            frame = min(max(round(frame + side * grid.period_at(frame)), 0), self._axis.frames)
        return min(self._anchor, frame), max(self._anchor, frame)

    def _snapped(self, frame: int) -> int:
        """Return the beat nearest to a frame, where loops keep to beats and Alt is not held."""
        if self._snaps_to is None or self._is_free:
            return frame
        beat = self._snaps_to.nearest(frame)
        return frame if beat is None else min(max(beat, 0), self._axis.frames)

    def _other_end(self, x: float) -> int | None:
        """Return the end of the loop that stays when the one under the pointer is dragged."""
        if self._loop is None:
            return None
        start, stop = self._loop
        to_start, to_stop = abs(self.x_of(start) - x), abs(self.x_of(stop) - x)
        if min(to_start, to_stop) > _GRIP:
            return None
        return stop if to_start < to_stop else start

    def _choose_cursor(self, at: QPointF) -> None:
        shape = Qt.CursorShape.PointingHandCursor
        if self._hold is Hold.STEM:
            busy = self._is_waiting
            shape = Qt.CursorShape.BusyCursor if busy else Qt.CursorShape.DragCopyCursor
        elif self._hold is Hold.VIEW:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._hold is Hold.NOTHING and self._name_at(at):
            shape = Qt.CursorShape.OpenHandCursor
        elif self._hold is Hold.REGION or self._other_end(at.x()) is not None:
            shape = Qt.CursorShape.SizeHorCursor
        elif at.y() < RULER_HEIGHT and not self._axis.is_whole:
            shape = Qt.CursorShape.OpenHandCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    def _set_pointer(self, at: QPointF | None) -> None:
        if self._pointer is not None:
            self.update(self._pointer_area(self._pointer))
        self._pointer = at
        if at is not None:
            self.update(self._pointer_area(at))

    # -- painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the same stretch on more or fewer columns."""
        super().resizeEvent(event)
        self._axis = self._axis.resized(self.width())
        self._shown = None
        self.view_changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Copy the picture, then paint what moves."""
        ratio = self.devicePixelRatioF()
        if self._shown is None or self._shown.devicePixelRatio() != ratio:
            self._shown = self._compose(ratio)
        painter = QPainter(self)
        for part in cast("Iterable[QRect]", event.region()):
            source = QRectF(
                part.x() * ratio, part.y() * ratio, part.width() * ratio, part.height() * ratio
            )
            painter.drawImage(QRectF(part), self._shown, source)
        if not self._axis.frames:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows, chrome = self._rows(), self._chrome
        if self._loop is not None:
            left, right = (self.x_of(frame) for frame in self._loop)
            width = self.width()
            left, right = min(max(left, -9.0), width + 9.0), min(max(right, -9.0), width + 9.0)
            chrome.paint_loop(painter, rows, width, left, right, is_on=self._loop_is_on)
            # once more, above the veil
            chrome.paint_names(painter, rows)
            if self._loop_is_on:
                chrome.paint_corners(painter, width, self.height())
        for place in self._places:
            stop = None if place.stop is None else self.x_of(place.stop)
            chrome.paint_place(painter, rows, place.name, self.x_of(place.start), stop)
        if self._pointer is not None and self._hold is not Hold.VIEW:
            at = self._pointer
            chrome.paint_pointer(painter, rows, round(at.x()), round(at.y()))
            chrome.paint_read_out(painter, self._read_out_box(at), self._read_out(at))
        if self._axis.shows(self._position):
            x = min(max(self._playhead_x(), 1.0), self.width() - 1.0)
            chrome.paint_playhead(painter, rows, x)
        if self.hasFocus():
            accent = self._look.tokens.accent
            paint_focus(painter, QRectF(self.rect()), theme.CARD_RADIUS, accent)

    def _compose(self, ratio: float) -> QImage:
        """Return picture and ruler together."""
        rows, chrome, width = self._rows(), self._chrome, self.width()
        view = View(self._axis, rows, ratio, smooth=not self._is_moving)
        image = self._picture.bring_up(view).copy()
        painter = QPainter(image)
        if self._axis.frames:
            chrome.paint_ruler(painter, self._axis, self._sample_rate)
            if self._beats is not None:
                chrome.paint_beats(painter, rows, self._axis, self._beats)
            if self._picture.lanes is None and not self._waves_wait.isActive():
                for number in range(len(self._stems)):
                    broken = self._waves_are_broken
                    chrome.paint_missing_lane(painter, rows, width, number, is_broken=broken)
            missing = self._spectrogram is None and not self._strip_wait.isActive()
            if rows.strip_height and missing:
                broken = self._strip_is_broken
                chrome.paint_missing_strip(painter, rows, width, is_broken=broken)
            chrome.paint_names(painter, rows)
        chrome.paint_corners(painter, width, self.height())
        painter.end()
        return image

    def _playhead_x(self) -> float:
        # A third of a pixel is as fine as anti-aliasing shows.
        return round(self.x_of(self._position) * 3) / 3

    def _strip_of(self, x: float) -> QRect:
        return QRect(int(x) - _STRIP_WIDTH // 2 + 1, 0, _STRIP_WIDTH, self.height())

    def _read_out(self, at: QPointF) -> str:
        frame = self.frame_at(at.x())
        share, strip = self._rows().strip_share(at.y()), self._picture.strip
        found = strip.read(frame, share) if strip is not None and share is not None else None
        close = self._axis.span < _CLOSE_LOOK_S * self._sample_rate
        return read_out(frame / self._sample_rate, found, tenths=close)

    def _read_out_box(self, at: QPointF) -> QRectF:
        return self._chrome.read_out_box(self._read_out(at), at.x(), self.width())

    def _pointer_area(self, at: QPointF) -> QRect:
        box = self._read_out_box(at).toAlignedRect().adjusted(-2, 0, 2, 0)
        return box.united(QRect(round(at.x()) - 14, 0, 29, self.height()))
