"""What the microphone hears: how loud, which note, whether somebody sings."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.microphone import Microphone, Sung
from karaoke_studio.preparation.live import note_of
from karaoke_studio.ui import theme
from karaoke_studio.ui.actions import Actions
from karaoke_studio.ui.controls import Button, Choice, Label, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.fader import Meter
from karaoke_studio.ui.theme import Look

_WIDTH = 420
_INTRO = "Sing, and see the note you hold. Nothing is recorded."
_USUAL = "The usual microphone"
#: So far off a note counts as hit.
_CLEAN_CENTS = 15
_SCALE_HEIGHT = 28


class CentsScale(QWidget):
    """How far above or below a note the pitch is: a mark on a line from -50 to +50 cents."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.cents: int | None = None
        self.setObjectName("cents_scale")
        self.setAccessibleName("Distance from the note")
        self.setFixedHeight(_SCALE_HEIGHT)
        look.changed.connect(self.update)

    def show_cents(self, cents: int | None) -> None:
        """Move the mark; None hides it."""
        if cents != self.cents:
            self.cents = cents
            self.setAccessibleDescription("" if cents is None else f"{cents:+d} cents")
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint line, ticks and mark."""
        tokens, painter = self._look.tokens, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle, wide = self.height() / 2, self.width() - 12
        painter.setBrush(QColor(tokens.line))
        painter.drawRoundedRect(QRectF(6, middle - 1.5, wide, 3), 1.5, 1.5)
        for share in (0, 0.25, 0.5, 0.75, 1):
            tall = 12 if share == 0.5 else 7
            painter.drawRect(QRectF(6 + share * wide - 0.5, middle - tall / 2, 1, tall))
        if self.cents is not None:
            is_clean = abs(self.cents) <= _CLEAN_CENTS
            painter.setBrush(QColor(tokens.ok if is_clean else tokens.warn))
            at = 6 + (self.cents + 50) / 100 * wide
            painter.drawEllipse(QRectF(at - 6, middle - 6, 12, 12))


class MicrophoneDialog(Dialog):
    """The microphone's meter, beside the song that plays.

    Signals:
        chosen: name of the microphone to listen to, "" = the usual one.
    """

    chosen = Signal(str)

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__("microphone", "Microphone", _WIDTH, parent)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.body.addWidget(Paragraph(_INTRO, tone="muted"))
        self.devices = Choice(look, "microphone_choice", "Microphone")
        self.devices.addItem(_USUAL, "")
        self.devices.activated.connect(lambda _at: self.chosen.emit(self.devices.currentData()))
        self.body.addWidget(self.devices)
        self.note = Label("–", size=theme.EMPTY, strong=True, tabular=True)
        self.note.setObjectName("microphone_note")
        self.note.setAccessibleName("Note")
        self.facts = Label(tone="muted", tabular=True)
        self.facts.setObjectName("microphone_facts")
        line = QHBoxLayout()
        line.addWidget(self.note)
        line.addStretch(1)
        line.addWidget(self.facts)
        self.body.addLayout(line)
        self.scale = CentsScale(look)
        self.body.addWidget(self.scale)
        self.meter = Meter(look, "vocals")
        self.meter.setFixedHeight(6)
        self.meter.setAccessibleName("Level")
        self.body.addWidget(self.meter)
        self.state = Label("Waiting for the microphone…", tone="muted")
        self.state.setObjectName("microphone_state")
        self.body.addWidget(self.state)
        close = Button(look, "microphone_close", "Close", tip="Hear no more (Esc)")
        close.clicked.connect(self.accept)
        self.add_button(close, is_default=True)

    def offer(self, names: list[str]) -> None:
        """Offer these microphones; the chosen one stays chosen."""
        chosen = self.devices.currentData()
        self.devices.clear()
        self.devices.addItem(_USUAL, "")
        for name in names:
            self.devices.addItem(name, name)
        self.devices.setCurrentIndex(max(0, self.devices.findData(chosen)))

    def show_sung(self, sung: Sung) -> None:
        """Show what was heard."""
        level = 10 ** (sung.level_db / 20)
        self.meter.show_peak(level * 2**0.5)
        self.meter.show_rms(level)
        note, cents = note_of(sung.f0_hz) if sung.f0_hz and sung.is_voice else ("–", None)
        self.note.setText(note)
        self.scale.show_cents(cents)
        pitch = "" if cents is None else f"{cents:+d} cents · {sung.f0_hz:.0f} Hz · "
        self.facts.setText(f"{pitch}{sung.level_db:.0f} dB")
        self.state.setText("Somebody sings." if sung.is_voice else "Quiet, or no voice.")

    def show_error(self, error: KaraokeError) -> None:
        """Say why nothing is heard."""
        self.note.setText("–")
        self.scale.show_cents(None)
        self.meter.rest()
        self.facts.setText("")
        self.state.setText(f"{error.message} {error.hint}".rstrip())


class Microphones(QObject):
    """Opens the dialog, and the microphone only as long as it is open."""

    def __init__(
        self,
        look: Look,
        commands: Actions,
        window: QWidget,
        make: Callable[[], Microphone] = Microphone,
    ) -> None:
        super().__init__(window)
        self._look, self._window, self._make = look, window, make
        self.dialog: MicrophoneDialog | None = None
        self._microphone: Microphone | None = None
        commands["microphone_action"].triggered.connect(self.open)

    @Slot()
    def open(self) -> None:
        """Show the dialog and listen."""
        if self.dialog is not None:
            self.dialog.raise_()
            return
        dialog = self.dialog = MicrophoneDialog(self._look, self._window)
        if self._microphone is None:
            self._microphone = self._make()
        microphone = self._microphone
        microphone.listed.connect(dialog.offer)
        microphone.heard.connect(dialog.show_sung)
        microphone.failed.connect(dialog.show_error)
        dialog.chosen.connect(microphone.listen)
        dialog.finished.connect(self._on_closed)
        microphone.listen("")
        dialog.show()

    def close(self) -> None:
        """Let go of the microphone for good."""
        if self._microphone is not None:
            self._microphone.close()

    @Slot()
    def _on_closed(self) -> None:
        self.dialog = None
        if self._microphone is not None:
            self._microphone.rest()
