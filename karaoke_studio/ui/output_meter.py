"""How loud what leaves the program is: peak and mean of both sides, loudness, and a clip light."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.playback.player import Heard
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Label
from karaoke_studio.ui.fader import Meter
from karaoke_studio.ui.theme import Look

_LIGHT, _WIDTH, _HEIGHT = 8, 76, 34
_TELLS = "Peak and mean of what is heard, and its loudness over 3 seconds"


class OutputMeter(QWidget):
    """What goes to both loudspeakers, with a light for what is too loud for them.

    The pale part of a bar is the peak, the solid one the mean. A click puts the light out.
    """

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.left, self.right = Meter(look, "original"), Meter(look, "original")
        self.loudness = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.loudness.setObjectName("loudness_label")
        self.is_clipped = False
        self.setObjectName("output_meter")
        self.setFixedSize(_WIDTH, _HEIGHT)
        bars = QVBoxLayout()
        bars.setContentsMargins(0, 4, _LIGHT + theme.XS, 0)
        bars.setSpacing(3)
        bars.addWidget(self.left)
        bars.addWidget(self.right)
        words = QHBoxLayout()
        words.addWidget(self.loudness, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(bars)
        column.addLayout(words, 1)
        look.changed.connect(self.update)
        self.show_loudness(None)
        self._tell()

    def show_heard(self, heard: Heard) -> None:
        """Show peak and mean of both sides, full scale = 1."""
        self.left.show_peak(heard.left)
        self.right.show_peak(heard.right)
        self.left.show_rms(heard.left_rms)
        self.right.show_rms(heard.right_rms)
        if max(heard.left, heard.right) > 1.0 and not self.is_clipped:
            self.is_clipped = True
            self._tell()
            self.update()

    @Slot(object)
    def show_loudness(self, lufs: float | None) -> None:
        """Show the loudness of the last three seconds; None = silence."""
        self.loudness.setText(text.lufs(lufs))

    def rest(self) -> None:
        """Show nothing."""
        self.left.rest()
        self.right.rest()
        self.show_loudness(None)

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        """Put the light out."""
        self.is_clipped = False
        self._tell()
        self.update()

    def _tell(self) -> None:
        said = "Too loud for the sound device: turn the volume down" if self.is_clipped else ""
        self.setAccessibleName(said or "Level of the sound")
        self.setToolTip(f"{said}. Click to put the light out" if said else _TELLS)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the light."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.error if self.is_clipped else tokens.raised))
        painter.drawEllipse(QRect(self.width() - _LIGHT, 4, _LIGHT, _LIGHT))
