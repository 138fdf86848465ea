"""The pixels below the ruler: kept, shifted when the view pans, painted anew only where needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from karaoke_studio.job import NETWORK_STEMS, STEMS, in_order
from karaoke_studio.ui import theme
from karaoke_studio.ui.timeline.axis import TimeAxis
from karaoke_studio.ui.timeline.colour_map import Pixels, ramp
from karaoke_studio.ui.timeline.lanes import Lanes
from karaoke_studio.ui.timeline.strip import Strip

RULER_HEIGHT = 28
#: Between the lanes and the spectrogram.
GAP = 6
#: Share of the height below the ruler that the spectrogram gets, where there is enough.
_STRIP_SHARE = 0.41
#: Where the lanes are many they need the room more.
_STRIP_SHARE_OF_MANY, _MANY = 0.3, 4
_STRIP_FROM = 180
#: How strongly a lane that is not heard is painted.
_UNHEARD = 0.4


@dataclass(frozen=True)
class Rows:
    """Where ruler, lanes and spectrogram lie, in logical pixels.

    Attributes:
        height: of the whole.
        stems: one lane each, from top to bottom.
        has_strip: whether there is to be a spectrogram.
    """

    height: int
    stems: tuple[str, ...] = STEMS
    has_strip: bool = True

    @property
    def strip_height(self) -> int:
        """Height of the spectrogram; 0 where there is no room."""
        room = self.height - RULER_HEIGHT
        share = _STRIP_SHARE if len(self.stems) < _MANY else _STRIP_SHARE_OF_MANY
        return round(room * share) if self.has_strip and room >= _STRIP_FROM else 0

    @property
    def strip_top(self) -> int:
        """Where the spectrogram begins."""
        return self.height - self.strip_height

    @property
    def lanes_bottom(self) -> int:
        """Where the last lane ends."""
        return self.strip_top - GAP if self.strip_height else self.height - theme.S

    def lane(self, number: int) -> tuple[int, int]:
        """Return top and bottom of a lane."""
        room = self.lanes_bottom - RULER_HEIGHT
        return (
            RULER_HEIGHT + room * number // len(self.stems),
            RULER_HEIGHT + room * (number + 1) // len(self.stems),
        )

    def strip_share(self, y: float) -> float | None:
        """Return the height inside the spectrogram, 0 (bottom) to 1; None outside of it."""
        if not self.strip_height or not self.strip_top <= y < self.height:
            return None
        return 1 - (y + 0.5 - self.strip_top) / self.strip_height


@dataclass(frozen=True)
class View:
    """What a picture is to show.

    Attributes:
        ratio: device pixels per logical pixel.
        smooth: painted with care, as it will stay; else quickly, because it moves.
    """

    axis: TimeAxis
    rows: Rows
    ratio: float
    smooth: bool

    def same_scale(self, other: View) -> bool:
        """Whether the other view is this one, only earlier or later."""
        return (self.rows, self.ratio, self.axis.step, self.axis.width) == (
            *(other.rows, other.ratio, other.axis.step, other.axis.width),
        )


class Picture:
    """Lanes and spectrogram as 32-bit pixels.

    Attributes:
        lanes: the waveforms, or None while they are not there.
        strip: the spectrogram, or None.
        painted_columns: how many device columns were painted since the start (for tests).
    """

    def __init__(self) -> None:
        self.lanes: Lanes | None = None
        self.strip: Strip | None = None
        self.painted_columns = 0
        self._ground, self._gap, self._empty = ramp("black", "black")[:3]
        self._tables: dict[str, Pixels] = {}
        self._bare = self._ground
        self._view: View | None = None
        self._pages: list[tuple[QImage, Pixels]] = []

    def set_colours(self, tokens: theme.Tokens, heard: set[str]) -> None:
        """Take the theme's colours; a lane that is not heard is painted faintly."""
        self._ground = ramp(tokens.panel, tokens.panel)[0]
        self._gap = ramp(tokens.raised, tokens.raised)[0]
        self._empty = ramp(tokens.raised, tokens.panel)[128]
        self._bare = ramp(tokens.panel, tokens.stem("original"))
        for stem in in_order((*STEMS, *NETWORK_STEMS)):
            colour = tokens.stem(stem)
            if stem not in heard:
                colour = theme.mix(tokens.panel, colour, _UNHEARD)
            self._tables[stem] = ramp(tokens.panel, colour)
        self.forget()

    def forget(self) -> None:
        """Let the next view be painted whole."""
        self._view = None

    def bring_up(self, view: View) -> QImage:
        """Return the picture of a view; valid until the next call."""
        if view != self._view:
            before, self._view = self._view, view
            shift = self._shift(before, view)
            if shift is None:
                self._turn_page(view)
                self._fill(view, 0, self._pages[0][1].shape[1])
            elif shift:
                self._pan(view, shift)
        return self._pages[0][0]

    def _shift(self, before: View | None, view: View) -> int | None:
        """Return by how many device columns the kept pixels are to move left; None = all anew."""
        if before is None or not before.same_scale(view) or (view.smooth and not before.smooth):
            return None
        columns = (view.axis.start - before.axis.start) / view.axis.step * view.ratio
        whole = round(columns)
        width = self._pages[0][1].shape[1]
        return whole if abs(columns - whole) < 0.02 and abs(whole) < width else None

    def _turn_page(self, view: View) -> None:
        width = max(round(view.axis.width * view.ratio), 1)
        height = max(round(view.rows.height * view.ratio), 1)
        if not self._pages or self._pages[0][1].shape != (height, width):
            self._pages = [_page(width, height), _page(width, height)]
        for image, _ in self._pages:
            image.setDevicePixelRatio(view.ratio)

    def _pan(self, view: View, shift: int) -> None:
        """Copy what stays to the other page and paint what came into view."""
        self._pages.reverse()
        now, old = self._pages[0][1], self._pages[1][1]
        width = now.shape[1]
        if shift > 0:
            now[:, : width - shift] = old[:, shift:]
            self._fill(view, width - shift, width)
        else:
            now[:, -shift:] = old[:, : width + shift]
            self._fill(view, 0, -shift)

    def _fill(self, view: View, first: int, last: int) -> None:
        pixels = self._pages[0][1][:, first:last]
        rows, ratio = view.rows, view.ratio
        step = view.axis.step / ratio
        start = view.axis.start + first * step
        self.painted_columns += last - first

        def part(top: float, bottom: float) -> Pixels:
            return pixels[round(top * ratio) : round(bottom * ratio)]

        pixels[:] = self._ground
        if self.lanes is not None:
            for number, stem in enumerate(rows.stems):
                lane = part(*rows.lane(number))
                self.lanes.paint(stem, lane, start, step, self._tables[stem], self._bare)
        if rows.strip_height:
            part(rows.strip_top - GAP, rows.strip_top)[:] = self._gap
            strip = part(rows.strip_top, rows.height)
            if self.strip is not None:
                self.strip.paint(strip, start, step, smooth=view.smooth)
            else:
                strip[:] = self._empty


def _page(width: int, height: int) -> tuple[QImage, Pixels]:
    """Return an image and its pixels as an array."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.bits(), np.uint32).reshape(height, image.bytesPerLine() // 4)
    return image, pixels[:, :width]
