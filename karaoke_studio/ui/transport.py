"""Play, jump, choose what is heard, and how loud."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, QVariantAnimation, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)

from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import (
    Button,
    FlatSlider,
    Glow,
    Kind,
    Label,
    is_override,
    motion_ms,
    paint_focus,
)
from karaoke_studio.ui.fader import Toggle
from karaoke_studio.ui.theme import Look

SOURCES = ("original", "instrumental", "vocals")
_NAMES = {"original": "Original", "instrumental": "Instrumental", "vocals": "Vocals"}
_VOLUME_STEPS = 100
_ROOMY_WIDTH, _TIGHT_WIDTH = 860, 730
_VOLUME_WIDTH = 120


class PlayButton(Button):
    """The round one; pulses once when the first song is ready."""

    _DISC = 44
    _SIZE = 60

    def __init__(self, look: Look) -> None:
        super().__init__(
            look,
            "play_button",
            icon="play-fill",
            kind=Kind.PRIMARY,
            says="Play",
            tip="Play (Space)",
        )
        self._ring = 0.0
        self._pulse = QVariantAnimation(self)
        self._pulse.setStartValue(0.0)
        self._pulse.setEndValue(1.0)
        self._pulse.valueChanged.connect(self._on_pulse)
        self.setFixedSize(self._SIZE, self._SIZE)

    def set_playing(self, playing: bool) -> None:
        """Show what a press would do."""
        self.set_icon("pause-fill" if playing else "play-fill")
        word = "Pause" if playing else "Play"
        self.setAccessibleName(word)
        self._tip = f"{word} (Space)"
        self.set_available(self.isEnabled())

    def pulse(self) -> None:
        """Draw the eye here once."""
        if duration := motion_ms(900):
            self._pulse.setDuration(duration)
            self._pulse.start()

    def is_pulsing(self) -> bool:
        """Return whether the pulse runs."""
        return self._pulse.state() == QVariantAnimation.State.Running

    @Slot(object)
    def _on_pulse(self, value: object) -> None:
        self._ring = float(value) if isinstance(value, float) and value < 1 else 0.0
        self.update()

    def sizeHint(self) -> QSize:
        """Return the disc with room for pulse and focus ring."""
        return QSize(self._SIZE, self._SIZE)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint disc, icon, and ring."""
        tokens = self._look.tokens
        background, foreground = self._colours()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        painter.setPen(Qt.PenStyle.NoPen)
        disc = QRectF(0, 0, self._DISC, self._DISC)
        disc.moveCenter(QRectF(self.rect()).center())
        if self._ring:
            grow = self._ring * (self._SIZE - self._DISC) / 2
            painter.setBrush(theme.with_alpha(tokens.accent, 0.45 * (1 - self._ring)))
            painter.drawEllipse(disc.adjusted(-grow, -grow, grow, grow))
        painter.setBrush(background)
        painter.drawEllipse(disc)
        box = QRect(0, 0, icons.LARGE, icons.LARGE)
        box.moveCenter(disc.center().toPoint())
        icons.paint_icon(painter, self._icon, box, foreground)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), theme.FOCUS_WIDTH))
            painter.drawEllipse(disc.adjusted(-4, -4, 4, 4))


class _Segment(QAbstractButton):
    """One choice of the source switch: dot, name, key."""

    def __init__(self, look: Look, stem: str, key: str) -> None:
        super().__init__()
        self._look, self._stem, self._key = look, stem, key
        self._glow = Glow(self)
        self.shows_key = True
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setText(_NAMES[stem])
        self.setObjectName(f"source_{stem}")
        self.setAccessibleName(_NAMES[stem])
        self.setToolTip(f"Hear the {_NAMES[stem].lower()} ({key})")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return self._size(with_key=self.shows_key)

    def minimumSizeHint(self) -> QSize:
        return self._size(with_key=False)

    def _size(self, *, with_key: bool) -> QSize:
        wide = QFontMetrics(theme.font(strong=True)).horizontalAdvance(self.text())
        return QSize(16 + 8 + 8 + wide + (12 + 18 + 12 if with_key else 14), 32)

    def event(self, event: QEvent) -> bool:
        """Keep the arrows from the window's shortcuts while one got here by Tab."""
        if is_override(event, Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.accept()
            return True
        if event.type() in {QEvent.Type.Enter, QEvent.Type.Leave}:
            self._glow.turn(on=event.type() == QEvent.Type.Enter and self.isEnabled())
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        tokens, checked = self._look.tokens, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        ground = QColor(tokens.window if tokens.is_dark else tokens.panel)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground if checked else theme.with_alpha(tokens.hover, self._glow.level))
        painter.drawRoundedRect(self.rect(), theme.RADIUS, theme.RADIUS)
        middle = self.height() / 2
        painter.setBrush(tokens.stem(self._stem))
        painter.drawEllipse(QRectF(16, middle - 4, 8, 8))
        font = theme.font(strong=checked)
        painter.setFont(font)
        painter.setPen(QColor(tokens.text if checked else tokens.muted))
        words = QRect(32, 0, self.width() - 32, self.height())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.text())
        if self.shows_key:
            self._paint_key(painter, checked=checked)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)

    def _paint_key(self, painter: QPainter, *, checked: bool) -> None:
        tokens, middle = self._look.tokens, self.height() / 2
        cap = QRectF(self.width() - 12 - 18, middle - 8, 18, 16)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(tokens.line if checked else tokens.hover), 1))
        painter.drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), theme.XS, theme.XS)
        painter.setPen(QColor(tokens.muted))
        painter.setFont(theme.font(theme.CAPTION))
        painter.drawText(cap, int(Qt.AlignmentFlag.AlignCenter), self._key)


class SourceSwitch(QWidget):
    """Original | Instrumental | Vocals.

    Signals:
        source_requested: "original", "instrumental" or "vocals".
    """

    source_requested = Signal(str)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setObjectName("source_switch")
        self.setAccessibleName("What is heard")
        self._group = QButtonGroup(self)
        self._segments: dict[str, _Segment] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(3, 3, 3, 3)
        row.setSpacing(2)
        for number, stem in enumerate(SOURCES):
            segment = _Segment(look, stem, str(number + 1))
            self._segments[stem] = segment
            self._group.addButton(segment, number)
            row.addWidget(segment)
        self._group.idClicked.connect(self._on_clicked)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def set_source(self, stem: str) -> None:
        """Show which source is on."""
        self._segments[stem].setChecked(True)
        for name, segment in self._segments.items():
            # Tab stops once at what is on; arrows go on from there
            stops = name == stem
            segment.setFocusPolicy(Qt.FocusPolicy.TabFocus if stops else Qt.FocusPolicy.NoFocus)

    def set_keys_shown(self, shown: bool) -> None:
        """Show the key caps, or save their room."""
        for segment in self._segments.values():
            segment.shows_key = shown
            segment.updateGeometry()
            segment.update()

    def source(self) -> str:
        """Return which source is shown as on, or ""."""
        return next((stem for stem, part in self._segments.items() if part.isChecked()), "")

    @Slot(int)
    def _on_clicked(self, number: int) -> None:
        self.source_requested.emit(SOURCES[number])

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._look.tokens.raised))
        painter.drawRoundedRect(self.rect(), theme.RADIUS + 3, theme.RADIUS + 3)


class LoopButton(Button):
    """Says whether a stretch, or the song, is repeated; in words where there is room."""

    def __init__(self, look: Look) -> None:
        super().__init__(
            look,
            "loop_button",
            "Loop off",
            icon="repeat",
            kind=Kind.QUIET,
            tip="Repeat the chosen stretch, or the whole song (L)",
        )
        self.is_on = False
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def set_on(self, *, on: bool) -> None:
        """Show what is on."""
        self.is_on = on
        self.set_words("Loop on" if on else "Loop off")

    def sizeHint(self) -> QSize:
        """Return room for either word, so that nothing moves."""
        metrics = QFontMetrics(self.font())
        wide = max(metrics.horizontalAdvance(words) for words in ("Loop off", "Loop on"))
        return QSize(wide + icons.SMALL + theme.S + 2 * theme.S, theme.CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Return room for the icon alone."""
        return QSize(theme.CONTROL_HEIGHT, theme.CONTROL_HEIGHT)

    def _colours(self) -> tuple[QColor, QColor]:
        background, foreground = super()._colours()
        tokens = self._look.tokens
        if self.is_on:
            return background, QColor(tokens.accent)
        return background, QColor(foreground if self.underMouse() else tokens.muted)

    def _paint_content(self, painter: QPainter, foreground: QColor) -> None:
        if self.width() >= self.sizeHint().width():
            super()._paint_content(painter, foreground)
            return
        box = QRect(0, 0, icons.MEDIUM, icons.MEDIUM)
        box.moveCenter(self.rect().center())
        icons.paint_icon(painter, self._icon, box, foreground)


class Transport(QWidget):
    """The row under the timeline.

    Signals:
        play_requested: play or pause.
        previous_requested, next_requested: another song, or this one's start.
        source_requested: "original", "instrumental" or "vocals".
        loop_requested: repeat, or play on.
        volume_changed: 0…1, place of the slider.
    """

    play_requested = Signal()
    previous_requested = Signal()
    next_requested = Signal()
    source_requested = Signal(str)
    loop_requested = Signal()
    volume_changed = Signal(float)

    def __init__(self, look: Look, volume: float) -> None:
        super().__init__()
        self.setObjectName("transport")
        self._has_beats = True
        self.previous_button = Button(
            look,
            "previous_button",
            icon="skip-back",
            kind=Kind.QUIET,
            says="Start of the song, or the song before",
            tip="Start of the song, or the song before (Ctrl+←)",
        )
        self.play_button = PlayButton(look)
        self.next_button = Button(
            look,
            "next_button",
            icon="skip-forward",
            kind=Kind.QUIET,
            says="Next song",
            tip="Next song (Ctrl+→)",
        )
        self.position = Label("0:00", size=theme.EMPHASIS, strong=True, tabular=True)
        self.position.setObjectName("position_label")
        self.length = Label("/ 0:00", tone="muted", tabular=True)
        self.length.setObjectName("length_label")
        self.switch = SourceSwitch(look)
        self.loop_button = LoopButton(look)
        self.places_button = Button(
            look,
            "places_button",
            icon="bookmark-simple",
            kind=Kind.QUIET,
            says="Loops and marks of this song",
            tip="Loops and marks of this song, and practising (K keeps one)",
        )
        self.beats_button = Toggle(
            look,
            "beats_button",
            icon="heartbeat",
            says="Beats of this song",
            tip="Beats: metronome (T), lines, loops that keep time",
        )
        self.mute_button = Button(look, "mute_button", icon="speaker-high", kind=Kind.QUIET)
        self.volume = FlatSlider(look, "volume_slider", "Volume")
        self.volume.setRange(0, _VOLUME_STEPS)
        self.volume.setPageStep(10)
        self.volume.setSingleStep(2)
        self.volume.setMinimumWidth(0)
        self.volume.setMaximumWidth(_VOLUME_WIDTH)
        self.volume.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._loud = volume or 0.8
        self._lay_out()
        self._connect()
        self.set_volume(volume)

    def _lay_out(self) -> None:
        for label in (self.position, self.length):
            label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        left, right = QHBoxLayout(), QHBoxLayout()
        for line in (left, right):
            line.setSpacing(theme.XS)
        left.addWidget(self.previous_button)
        left.addWidget(self.play_button)
        left.addWidget(self.next_button)
        left.addSpacing(theme.M)
        left.addWidget(self.position)
        left.addWidget(self.length)
        left.addStretch(1)
        right.addStretch(1)
        right.addWidget(self.loop_button)
        right.addWidget(self.beats_button)
        right.addWidget(self.places_button)
        right.addSpacing(theme.S)
        right.addWidget(self.mute_button)
        right.addWidget(self.volume, 1000)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.M)
        # Equal shares on both sides keep the switch in the middle.
        row.addLayout(left, 1)
        row.addWidget(self.switch)
        row.addLayout(right, 1)

    def _connect(self) -> None:
        self.play_button.clicked.connect(self.play_requested)
        self.previous_button.clicked.connect(self.previous_requested)
        self.next_button.clicked.connect(self.next_requested)
        self.switch.source_requested.connect(self.source_requested)
        self.loop_button.clicked.connect(self.loop_requested)
        self.volume.valueChanged.connect(self._on_volume_changed)
        self.mute_button.clicked.connect(self.toggle_mute)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the key caps where there is little room, and the length where there is less."""
        super().resizeEvent(event)
        is_roomy = self.width() >= _ROOMY_WIDTH
        self.switch.set_keys_shown(is_roomy)
        loop = self.loop_button
        loop.setMaximumWidth((loop.sizeHint() if is_roomy else loop.minimumSizeHint()).width())
        is_tight = self.width() < _TIGHT_WIDTH
        self.length.setVisible(not is_tight)
        # its key and the menu are left
        self.beats_button.setVisible(self._has_beats and not is_tight)

    def minimumSizeHint(self) -> QSize:
        """Return the room for what is never left out."""
        least = super().minimumSizeHint()
        spare = [part for part in (self.length, self.beats_button) if not part.isHidden()]
        width = sum(part.sizeHint().width() + theme.XS for part in spare)
        return QSize(least.width() - width, least.height())

    def leave_out_beats(self) -> None:
        """Have no button for beats: nothing is known of them."""
        self._has_beats = False
        self.beats_button.hide()

    def set_time(self, position_s: float, length_s: float) -> None:
        """Show where the song is."""
        now, whole = text.clock(position_s), f"/ {text.clock(length_s)}"
        if now != self.position.text():
            self.position.setText(now)
            self.position.updateGeometry()
        if whole != self.length.text():
            self.length.setText(whole)
            self.length.updateGeometry()

    def set_looping(self, on: bool) -> None:
        """Show whether something is played again and again."""
        self.loop_button.set_on(on=on)

    def set_volume(self, volume: float) -> None:
        """Place the slider."""
        self.volume.setValue(round(volume * _VOLUME_STEPS))
        self._tell_volume()

    @Slot()
    def toggle_mute(self) -> None:
        """Go silent, or back to the loudness before."""
        if self.volume.value():
            self._loud = self.volume.value() / _VOLUME_STEPS
            self.volume.setValue(0)
        else:
            self.volume.setValue(round(self._loud * _VOLUME_STEPS))

    @Slot(int)
    def _on_volume_changed(self, value: int) -> None:
        self._tell_volume()
        self.volume_changed.emit(value / _VOLUME_STEPS)

    def _tell_volume(self) -> None:
        value = self.volume.value()
        icon = "speaker-slash" if not value else "speaker-low" if value < 50 else "speaker-high"
        self.mute_button.set_icon(icon)
        word = "Sound on" if not value else "Mute"
        self.mute_button.setAccessibleName(word)
        self.mute_button.setToolTip(f"{word} (M)")
        self.volume.setToolTip(f"Volume {value} %")
