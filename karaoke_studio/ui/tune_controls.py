"""Key and tempo: two sliders whose middle is the song as it was recorded, and their words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRect, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.tune import AS_RECORDED, FASTEST, MOST_SEMITONES, SLOWEST, Tune
from karaoke_studio.ui import icons, theme
from karaoke_studio.ui.controls import FlatSlider, Label
from karaoke_studio.ui.theme import Look

#: As `audio.analysis` names them; that module is for child processes.
NOTES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
#: Sliders count cents and hundredths of the tempo.
_CENTS = 100
_TEMPO_STEP = 5
_LEAST_WIDTH, _ROOMY_WIDTH, _WIDTH = 92, 112, 140
_MISSING = "This needs the Rubber Band library (Debian, Ubuntu: librubberband2)"


def semitones(value: float) -> str:
    """Return a move of the key.

    >>> semitones(0.0), semitones(2.0), semitones(-2.1)
    ('0', '+2', '−2.1')
    """
    figure = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    sign = "" if value == 0 else "+" if value > 0 else "−"
    return sign + figure


def tune_in_words(tune: Tune) -> str:
    """Return key and tempo.

    >>> tune_in_words(Tune(-2, 0.9)), tune_in_words(Tune(1)), tune_in_words(Tune(0, 1.1))
    ('key −2, tempo 90 %', 'key +1', 'tempo 110 %')
    """
    key = f"key {semitones(tune.semitones)}" if tune.semitones else ""
    tempo = f"tempo {tune.tempo * 100:.0f} %" if tune.tempo != 1.0 else ""
    return ", ".join(part for part in (key, tempo) if part)


def moved_key(key: str, by: float) -> str:
    """Return the key that a song in `key` has when it is moved by so many semitones.

    >>> moved_key("D minor", -3), moved_key("B major", 1.0), moved_key("D minor", 0.4)
    ('B minor', 'C major', 'D minor')
    """
    note, _, mode = key.partition(" ")
    if note not in NOTES:
        return key
    return f"{NOTES[(NOTES.index(note) + round(by)) % len(NOTES)]} {mode}"


class TuneSlider(FlatSlider):
    """A slider in the accent colour, filled from its usual place; a double click goes back there.

    Args:
        step: of the pointer, which is coarser than that of the keys with Shift.
    """

    def __init__(self, look: Look, name: str, says: str, *, usual: int, step: int) -> None:
        super().__init__(look, name, says)
        self._usual, self._step = usual, step
        self.setFixedHeight(18)

    def tint(self) -> QColor:
        """Return the accent colour."""
        return QColor(self._look.tokens.accent)

    def filled_from(self) -> int:
        """Return the usual place."""
        return self._usual

    def snapped(self, value: float) -> int:
        """Return the whole step next to a value."""
        return round(value / self._step) * self._step

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setValue(self._usual)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by a step; the key by ten cents while Shift is held."""
        signs = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
        }
        sign = signs.get(Qt.Key(event.key()), 0)
        if sign and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.setValue(self.value() + sign * self.singleStep() // 10)
        else:
            super().keyPressEvent(event)


class _Sign(QWidget):
    """The icon before a name."""

    def __init__(self, look: Look, icon: str) -> None:
        super().__init__()
        self._look, self._icon = look, icon
        self.setFixedSize(icons.SMALL, icons.SMALL)
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint it in the accent colour."""
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        box = QRect(0, 0, icons.SMALL, icons.SMALL)
        icons.paint_icon(painter, self._icon, box, self._look.tokens.accent)


class _Part(QWidget):
    """Name and figure above a slider."""

    def __init__(self, look: Look, words: str, icon: str, slider: TuneSlider) -> None:
        super().__init__()
        self.slider = slider
        self.figure = Label(size=theme.CAPTION, tone="muted", tabular=True)
        head = QHBoxLayout()
        head.setSpacing(theme.XS)
        self._sign = _Sign(look, icon)
        head.addWidget(self._sign)
        head.addWidget(Label(words), 1)
        head.addWidget(self.figure)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(slider)
        # as high as the faders beside it, which have meters
        column.addSpacing(5)
        self.setMinimumWidth(_LEAST_WIDTH)
        self.setMaximumWidth(_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the icon where there is little room."""
        super().resizeEvent(event)
        self._sign.setVisible(self.width() >= _ROOMY_WIDTH)

    def tell(self, figure: str, tip: str) -> None:
        """Show a figure."""
        self.figure.setText(figure)
        self.figure.updateGeometry()
        self.slider.setToolTip(tip)


class TuneControls(QWidget):
    """Shows a tune and lets it be changed; both are greyed out where the library is missing.

    Signals:
        tune_changed: Tune; by a person only.
    """

    tune_changed = Signal(object)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._tune = AS_RECORDED
        self.setObjectName("tune_controls")
        most = round(MOST_SEMITONES * _CENTS)
        key = TuneSlider(look, "key_slider", "Key", usual=0, step=_CENTS)
        key.setRange(-most, most)
        key.setSingleStep(_CENTS)
        key.setPageStep(_CENTS)
        tempo = TuneSlider(look, "tempo_slider", "Tempo", usual=100, step=1)
        tempo.setRange(round(SLOWEST * 100), round(FASTEST * 100))
        tempo.setSingleStep(_TEMPO_STEP)
        tempo.setPageStep(_TEMPO_STEP)
        self.key = _Part(look, "Key", "music-note", key)
        self.tempo = _Part(look, "Tempo", "gauge", tempo)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.L)
        row.addWidget(self.key, 1)
        row.addWidget(self.tempo, 1)
        self.menu = QMenu(self)
        self.menu.setObjectName("tune_menu")
        self.formants = self.menu.addAction("Voices keep their character")
        self.formants.setObjectName("formants_action")
        self.formants.setCheckable(True)
        self.plain = self.menu.addAction("As recorded")
        self.plain.setObjectName("tune_reset_action")
        key.valueChanged.connect(self._on_moved)
        tempo.valueChanged.connect(self._on_moved)
        self.formants.triggered.connect(self._on_formants)
        self.plain.triggered.connect(self.reset)
        self.setEnabled(rubber_band.library() is not None)
        self.show_tune(AS_RECORDED)

    @property
    def tune(self) -> Tune:
        """What is shown."""
        return self._tune

    def show_tune(self, tune: Tune) -> None:
        """Place both sliders without telling anybody."""
        self._tune = tune
        for part, value in (
            (self.key, round(tune.semitones * _CENTS)),
            (self.tempo, round(tune.tempo * 100)),
        ):
            part.slider.blockSignals(True)
            part.slider.setValue(value)
            part.slider.blockSignals(False)
            part.slider.update()
        self.formants.setChecked(tune.keeps_formants)
        self._tell()

    def contextMenuEvent(self, event: object) -> None:
        """Open the menu."""
        self.menu.popup(event.globalPos())  # type: ignore[attr-defined]

    @Slot()
    def key_up(self) -> None:
        """Move the key up a semitone."""
        self._step(self.key.slider, 1)

    @Slot()
    def key_down(self) -> None:
        """Move the key down a semitone."""
        self._step(self.key.slider, -1)

    @Slot()
    def faster(self) -> None:
        """Play 5 % faster."""
        self._step(self.tempo.slider, 1)

    @Slot()
    def slower(self) -> None:
        """Play 5 % slower."""
        self._step(self.tempo.slider, -1)

    @Slot()
    def reset(self) -> None:
        """Play as it was recorded."""
        if self._tune != AS_RECORDED:
            self._change(AS_RECORDED)

    def tempo_percent(self) -> int:
        """Return the tempo in per cent of the recording's."""
        return self.tempo.slider.value()

    def set_tempo(self, percent: int) -> None:
        """Move the tempo, as a person would."""
        if self.isEnabled():
            self.tempo.slider.setValue(percent)

    def answers(self) -> dict[str, Callable[[], None]]:
        """Return what the window's actions do here, by their names."""
        return {
            "key_up_action": self.key_up,
            "key_down_action": self.key_down,
            "faster_action": self.faster,
            "slower_action": self.slower,
            "as_recorded_action": self.reset,
        }

    def _step(self, slider: TuneSlider, sign: int) -> None:
        if self.isEnabled():
            slider.setValue(slider.value() + sign * slider.singleStep())

    @Slot()
    def _on_moved(self) -> None:
        cents, share = self.key.slider.value(), self.tempo.slider.value()
        self._change(replace(self._tune, semitones=cents / _CENTS, tempo=share / 100))

    @Slot(bool)
    def _on_formants(self, on: bool) -> None:
        self._change(replace(self._tune, keeps_formants=on))

    def _change(self, tune: Tune) -> None:
        self.show_tune(tune)
        self.tune_changed.emit(tune)

    def _tell(self) -> None:
        key, share = semitones(self._tune.semitones), f"{self._tune.tempo * 100:.0f} %"
        if not self.isEnabled():
            self.key.tell(key, _MISSING)
            self.tempo.tell(share, _MISSING)
            return
        self.key.tell(key, f"Key {key} semitones (Ctrl+↑ ↓, Shift+arrow: 10 cents)")
        self.tempo.tell(share, f"Tempo {share} (Ctrl+Shift+↑ ↓)")
