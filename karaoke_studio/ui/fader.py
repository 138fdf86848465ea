"""One fader with its name, its figure and a meter; and the meter of what leaves the program."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import Button, FlatSlider, Kind, Label
from karaoke_studio.ui.theme import Look

STEPS = 100
#: What a meter's left end stands for, and how fast it falls back.
FLOOR_DB, FALL_DB_S = -54.0, 30.0
#: How much of the way to a new mean a meter goes, 30 times a second (some 0.3 s for most of it).
_CALM = 0.2


class _Slider(FlatSlider):
    """Goes back to its usual place on a double click."""

    usual = STEPS

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setValue(self.usual)


class Meter(QWidget):
    """A thin bar that jumps up with the sound and falls back slowly.

    Args:
        stem: whose colour it has.
    """

    def __init__(self, look: Look, stem: str) -> None:
        super().__init__()
        self._look, self._stem = look, stem
        self._shown_db = self._steady_db = FLOOR_DB
        self._at = 0.0
        self.setFixedHeight(3)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    @property
    def share(self) -> float:
        """How much of it is lit, 0…1."""
        return min(max(1 - self._shown_db / FLOOR_DB, 0.0), 1.0)

    def show_peak(self, peak: float) -> None:
        """Show a peak, full scale = 1, or how far the last one has fallen."""
        now = time.monotonic()
        fallen = self._shown_db - FALL_DB_S * min(now - self._at, 1.0)
        self._at = now
        peak_db = 20 * math.log10(peak) if peak > 1e-6 else FLOOR_DB
        shown = max(peak_db, fallen, FLOOR_DB)
        if shown != self._shown_db:
            self._shown_db = shown
            self.update()

    def show_rms(self, rms: float) -> None:
        """Show as well how loud it is on the whole, after `show_peak`; it moves calmly."""
        rms_db = max(20 * math.log10(rms), FLOOR_DB) if rms > 1e-6 else FLOOR_DB
        self._steady_db += _CALM * (rms_db - self._steady_db)
        self.update()

    @property
    def steady_share(self) -> float:
        """How far the calm part of the bar reaches, 0…1."""
        return min(max(1 - self._steady_db / FLOOR_DB, 0.0), 1.0)

    def rest(self) -> None:
        """Show nothing."""
        self._shown_db = self._steady_db = FLOOR_DB
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint groove and bar."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        box = QRectF(self.rect())
        painter.setBrush(QColor(tokens.raised))
        painter.drawRoundedRect(box, 1.5, 1.5)
        if self.share > 0:
            box.setWidth(max(3.0, box.width() * self.share))
            painter.setBrush(theme.with_alpha(tokens.stem(self._stem), 0.55))
            painter.drawRoundedRect(box, 1.5, 1.5)
        if self.steady_share > 0:
            box.setWidth(max(3.0, self.width() * min(self.steady_share, self.share)))
            painter.setBrush(tokens.stem(self._stem))
            painter.drawRoundedRect(box, 1.5, 1.5)


class Fader(QWidget):
    """A slider of 0…100 %, its name and figure above, its meter below.

    Args:
        stem: whose colour it has.
        words: its name.
        name: of the object.
        icon: Phosphor name, "" = a dot.
        usual: where a double click puts it, 0…1.

    Signals:
        moved: 0…1; by a person only.
    """

    moved = Signal(float)
    #: One that is narrower has no room for a knob.
    knob_width = 150

    def __init__(
        self, look: Look, stem: str, words: str, name: str, *, icon: str = "", usual: float = 1.0
    ) -> None:
        super().__init__()
        self._words = words
        self._knob: QWidget | None = None
        self._has_knob = False
        self.setObjectName(f"{name}_fader")
        self.slider = _Slider(look, f"{name}_slider", words, stem)
        self.slider.usual = round(usual * STEPS)
        self.slider.setRange(0, STEPS)
        self.slider.setSingleStep(2)
        self.slider.setPageStep(10)
        self.slider.setFixedHeight(18)
        self.meter = Meter(look, stem)
        self.figure = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.head = QHBoxLayout()
        self.head.setSpacing(theme.XS)
        self.head.addWidget(_Mark(look, stem, icon))
        self.head.addSpacing(theme.XS)
        self.head.addWidget(Label(words), 1)
        self.head.addWidget(self.figure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(self.head)
        column.addWidget(self.slider)
        column.addWidget(self.meter)
        self.slider.valueChanged.connect(self._on_value_changed)
        self.set_level(usual)
        self._tell()

    def add_knob(self, knob: QWidget) -> None:
        """Put a knob beside the figure; it is there while there is room."""
        self._knob = knob
        self.head.insertWidget(self.head.count() - 1, knob)
        QWidget.setTabOrder(self.slider, knob)
        self.show_knob(shown=False)

    def show_knob(self, *, shown: bool) -> None:
        """Show the knob, or do not."""
        self._has_knob = shown
        if self._knob is not None:
            self._knob.setVisible(shown and self.width() >= self.knob_width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the knob out where there is little room."""
        super().resizeEvent(event)
        self.show_knob(shown=self._has_knob)

    @property
    def level(self) -> float:
        """Where it stands, 0…1."""
        return self.slider.value() / STEPS

    def set_level(self, level: float) -> None:
        """Place it without telling anybody."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(level * STEPS))
        self.slider.blockSignals(False)
        self.slider.update()
        self._tell()

    @Slot()
    def _on_value_changed(self) -> None:
        self._tell()
        self.moved.emit(self.level)

    def _tell(self) -> None:
        self.figure.setText(f"{self.slider.value()} %")
        self.figure.updateGeometry()
        level_db = text.decibels(self.level)
        tip = f"{self._words} {self.slider.value()} % ({level_db}). Double click: back to"
        self.slider.setToolTip(f"{tip} {self.slider.usual} %")


class _Mark(QWidget):
    """The icon or the dot before a fader's name."""

    def __init__(self, look: Look, stem: str, icon: str) -> None:
        super().__init__()
        self._look, self._stem, self._icon = look, stem, icon
        size = icons.SMALL if icon else 8
        self.setFixedSize(size, icons.SMALL)
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        colour = self._look.tokens.stem(self._stem)
        if self._icon:
            icons.paint_icon(painter, self._icon, self.rect(), colour)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QRectF(0, (self.height() - 8) / 2, 8, 8))


class Toggle(Button):
    """A small button that stays down: an icon, or one letter."""

    def __init__(
        self, look: Look, name: str, *, says: str, tip: str, letter: str = "", icon: str = ""
    ) -> None:
        super().__init__(look, name, letter, icon=icon, kind=Kind.QUIET, says=says, tip=tip)
        self.setCheckable(True)
        if letter:
            self.setFont(theme.font(theme.CAPTION, strong=True))

    def sizeHint(self) -> QSize:
        """Return a square."""
        side = 22 if self.text() else theme.CONTROL_HEIGHT
        return QSize(side, side)

    def _colours(self) -> tuple[QColor, QColor]:
        background, foreground = super()._colours()
        tokens = self._look.tokens
        if self.isChecked():
            return QColor(tokens.accent), QColor(tokens.on_accent)
        return background, QColor(foreground if self.underMouse() else tokens.muted)
