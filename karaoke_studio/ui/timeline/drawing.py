"""The timeline as a drawing (SVG): waveforms, beats and names as shapes that stay sharp."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.audio.places import Place
from karaoke_studio.job import STEM_LABELS
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.theme import Tokens
from karaoke_studio.ui.timeline.axis import TimeAxis, tick_step_s
from karaoke_studio.ui.timeline.lanes import Lanes
from karaoke_studio.ui.timeline.picture import RULER_HEIGHT, Rows

#: Half the height of silence, and how closely beats may lie.
_HAIRLINE, _LEAST_BAR, _LEAST_BEAT = 0.6, 14, 9
_LETTER = 7.2
_FONTS = "Inter, 'Segoe UI', 'Helvetica Neue', sans-serif"


@dataclass(frozen=True)
class Drawing:
    """What is drawn; making it waits for nothing and needs no widget.

    Attributes:
        axis: what of the song is shown.
        rows: where everything lies.
        tokens: colours.
        sample_rate: of the song.
        lanes: waveforms, or None.
        strip: pixels of the spectrogram, or None.
        heard: stems that are not painted faintly.
        beats: of the song, or None.
        places: that were named.
        loop: the stretch that is chosen, or None.
        position: of the playhead.
    """

    axis: TimeAxis
    rows: Rows
    tokens: Tokens
    sample_rate: int
    lanes: Lanes | None
    strip: QImage | None
    heard: frozenset[str]
    beats: BeatGrid | None
    places: tuple[Place, ...]
    loop: tuple[int, int] | None
    position: int

    def svg(self) -> str:
        """Return the file's text."""
        width, height = self.axis.width, self.rows.height
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family={quoteattr(_FONTS)} font-size="12">',
            f'<clipPath id="card"><rect width="{width}" height="{height}" '
            f'rx="{theme.CARD_RADIUS}"/></clipPath>',
            '<g clip-path="url(#card)">',
            _rect(0, 0, width, height, self.tokens.panel),
            *self._ruler(),
            *self._waves(),
            *self._spectrogram(),
            *self._beats(),
            *self._marks(),
            "</g></svg>",
        ]
        return "\n".join(parts) + "\n"

    def _ruler(self) -> list[str]:
        axis, rate, made = self.axis, self.sample_rate, []
        step = tick_step_s(axis.step / rate)
        number = max(0, int(axis.start / rate / step))
        while (x := axis.x_of(number * step * rate)) < axis.width - 40:
            words = text.clock_tenths(number * step) if step < 1 else text.clock(number * step)
            made.append(_rect(x, 6, 1, 14, self.tokens.line))
            made.append(_words(x + 8, 17, words, self.tokens.muted))
            number += 1
        return made

    def _waves(self) -> list[str]:
        made = []
        for number, stem in enumerate(self.rows.stems):
            top, bottom = self.rows.lane(number)
            colour = self.tokens.stem(stem).name()
            if self.lanes is not None:
                share = 1.0 if stem in self.heard else 0.4
                outline = self._outline(self.lanes, stem, top, bottom)
                made.append(f'<path d="{outline}" fill="{colour}" fill-opacity="{share}"/>')
            made += _chip(10, top + 2, STEM_LABELS[stem], colour, self.tokens.panel)
        return made

    def _outline(self, lanes: Lanes, stem: str, top: float, bottom: float) -> str:
        axis = self.axis
        low, high = lanes.columns(stem, axis.start, axis.step, axis.width)
        middle, half = (top + bottom) / 2, (bottom - top) / 2
        above = middle - np.maximum(high * half, _HAIRLINE)
        below = middle - np.minimum(low * half, -_HAIRLINE)
        xs = np.arange(axis.width) + 0.5
        there = [f"{x:.1f},{y:.1f}" for x, y in zip(xs, above, strict=True)]
        back = [f"{x:.1f},{y:.1f}" for x, y in zip(xs[::-1], below[::-1], strict=True)]
        return f"M{' L'.join([*there, *back])} Z"

    def _spectrogram(self) -> list[str]:
        if self.strip is None or not self.rows.strip_height:
            return []
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.strip.save(buffer, "PNG")  # type: ignore[call-overload]
        packed = base64.b64encode(bytes(buffer.data().data())).decode("ascii")
        return [
            f'<image x="0" y="{self.rows.strip_top}" width="{self.axis.width}" '
            f'height="{self.rows.strip_height}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{packed}"/>'
        ]

    def _beats(self) -> list[str]:
        axis, grid = self.axis, self.beats
        if grid is None:
            return []
        beat = grid.period_at(axis.start + axis.span / 2) / axis.step
        if beat * grid.bar < _LEAST_BAR:
            return []
        height = self.rows.lanes_bottom - RULER_HEIGHT
        return [
            _rect(axis.x_of(at), RULER_HEIGHT, 1, height, self.tokens.text, 0.26 if first else 0.1)
            for at, first in grid.within(axis.start, axis.start + axis.span)
            if first or beat >= _LEAST_BEAT
        ]

    def _marks(self) -> list[str]:
        axis, height, tokens, made = self.axis, self.rows.height, self.tokens, []
        if self.loop is not None:
            left, right = (axis.x_of(frame) for frame in self.loop)
            made.append(_rect(left, RULER_HEIGHT, right - left, height, tokens.accent, 0.14))
            made.append(_rect(left, RULER_HEIGHT - 4, right - left, 4, tokens.accent))
        for place in self.places:
            x = axis.x_of(place.start)
            made.append(_rect(x, 4, 1, self.rows.lanes_bottom - 4, tokens.accent, 0.6))
            made += _chip(x, 4, text.one_line(place.name), tokens.text, tokens.raised)
        if axis.shows(self.position):
            made.append(_rect(axis.x_of(self.position) - 1, 0, 2, height, tokens.text))
        return made


def _rect(x: float, y: float, wide: float, high: float, fill: str, share: float = 1.0) -> str:
    faint = f' fill-opacity="{share:g}"' if share < 1 else ""
    return (
        f'<rect x="{x:.1f}" y="{y:g}" width="{max(wide, 0):.1f}" height="{high:g}" '
        f'fill="{fill}"{faint}/>'
    )


def _chip(x: float, y: float, words: str, fill: str, ground: str) -> list[str]:
    """Return words on a ground that is about as wide: the reader's font is not known."""
    wide = _LETTER * len(words) + 12
    back = f'<rect x="{x:.1f}" y="{y:g}" width="{wide:g}" height="18" rx="4" fill="{ground}"'
    return [f'{back} fill-opacity="0.9"/>', _words(x + 6, y + 13, words, fill, strong=True)]


def _words(x: float, y: float, words: str, fill: str, *, strong: bool = False) -> str:
    weight = ' font-weight="600"' if strong else ""
    return f'<text x="{x:.1f}" y="{y:g}" fill="{fill}"{weight}>{escape(words)}</text>'
