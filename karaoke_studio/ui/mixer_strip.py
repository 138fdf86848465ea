"""The row under the transport: guide voice, music, a fader for each stem, and how loud it is."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from karaoke_studio.audio.mix import MUSIC, VOICE, Mix
from karaoke_studio.audio.tune import Tune
from karaoke_studio.job import STEM_LABELS, STEMS
from karaoke_studio.playback.player import Heard
from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Kind
from karaoke_studio.ui.fader import Fader, Toggle
from karaoke_studio.ui.output_meter import OutputMeter
from karaoke_studio.ui.pan import PanKnob
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tune_controls import TuneControls

#: How loud the voice is that helps one to sing along.
GUIDE = 0.2
_PRESETS = {
    "Instrumental": Mix(),
    "Sing along": Mix(voice=GUIDE),
    "Practice": Mix(voice=0.8, music=0.5),
}


def presets(stems: tuple[str, ...]) -> dict[str, Mix]:
    """Return the ready mixes for a song of these stems, by name."""
    made = dict(_PRESETS)
    for stem in stems:
        if stem not in {*STEMS, "other"}:
            made[f"Without {stem}"] = Mix(voice=1.0, muted=frozenset({stem}))
    return made


class Channel(Fader):
    """One stem: fader, mute, solo.

    Signals:
        muted_changed, solo_changed: whether the button is down; by a person only.
    """

    muted_changed = Signal(bool)
    solo_changed = Signal(bool)
    knob_width = 136

    def __init__(self, look: Look, stem: str) -> None:
        words = STEM_LABELS[stem]
        super().__init__(look, stem, words, f"{stem}_channel", usual=0.0 if stem == VOICE else 1.0)
        self.mute = Toggle(
            look, f"{stem}_mute", letter="M", says=f"Mute {words}", tip=f"Silence {words.lower()}"
        )
        self.solo = Toggle(
            look, f"{stem}_solo", letter="S", says=f"Solo {words}", tip=f"Only {words.lower()}"
        )
        self.pan = PanKnob(look, stem, words)
        self.add_knob(self.pan)
        self.head.addWidget(self.mute)
        self.head.addWidget(self.solo)
        # the slider says it: there is no room
        self.figure.hide()
        self.mute.clicked.connect(self.muted_changed)
        self.solo.clicked.connect(self.solo_changed)


class MixerStrip(QWidget):
    """Shows a mix and lets it be changed.

    Signals:
        mix_changed: Mix; by a person only.
        tune_changed: Mix of which only key or tempo are others; by a person only.
        devices_requested: where on the screen a menu of sound devices belongs.
        match_requested: whether sources are to sound equally loud.
        opened_changed: whether the faders of the stems are shown.
    """

    mix_changed = Signal(object)
    tune_changed = Signal(object)
    devices_requested = Signal(QPoint)
    match_requested = Signal(bool)
    opened_changed = Signal(bool)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._mix = Mix()
        self._stems: tuple[str, ...] = STEMS
        self._is_open = True
        self.setObjectName("mixer_strip")
        self.setAccessibleName("Mixer")
        self.voice = Fader(look, VOICE, "Guide voice", "voice", icon="microphone", usual=0.0)
        self.music = Fader(look, MUSIC, "Music", "music", icon="music-notes")
        self.tune = TuneControls(look)
        self.channels: dict[str, Channel] = {}
        self._channels = 2
        #: Of the pair; where there are more stems each has its own.
        self.pans = {
            VOICE: PanKnob(look, VOICE, "Guide voice"),
            MUSIC: PanKnob(look, MUSIC, "Music"),
        }
        self._build_buttons()
        self._lay_out()
        for stem, knob in self.pans.items():
            (self.voice if stem == VOICE else self.music).add_knob(knob)
            knob.panned.connect(lambda pan, stem=stem: self._on_panned(stem, pan))
        self.voice.moved.connect(self._on_voice_moved)
        self.music.moved.connect(self._on_music_moved)
        self.tune.tune_changed.connect(self._on_tune_changed)

    def _build_buttons(self) -> None:
        look = self._look
        self.presets_button = Button(
            look,
            "presets_button",
            "Presets",
            icon="faders-horizontal",
            tip="Ready mixes: instrumental, sing along, practice",
        )
        self.presets_menu = QMenu(self)
        self.presets_menu.setObjectName("presets_menu")
        self.stems_button = Toggle(
            look,
            "stems_button",
            icon="sliders",
            says="A fader for each stem",
            tip="Show a fader for each stem",
        )
        self.match_button = Toggle(
            look,
            "match_button",
            icon="scales",
            says="Equally loud",
            tip="Play original, instrumental and vocals equally loud, to compare them",
        )
        self.device_button = Button(
            look,
            "sound_device_button",
            icon="headphones",
            kind=Kind.QUIET,
            says="Sound device",
            tip="Where the sound goes",
        )
        self.output = OutputMeter(look)
        self.presets_button.clicked.connect(self.show_presets)
        self.stems_button.clicked.connect(self._on_opened)
        self.match_button.clicked.connect(self.match_requested)
        self.device_button.clicked.connect(self._on_devices)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.L)
        row.addWidget(self.voice, 2)
        row.addWidget(self.music, 2)
        row.addWidget(self.tune, 3)
        row.addWidget(self.presets_button)
        tools = QHBoxLayout()
        tools.setSpacing(theme.XS)
        for part in (self.stems_button, self.match_button, self.device_button):
            tools.addWidget(part)
        tools.addSpacing(theme.S)
        tools.addWidget(self.output)
        row.addLayout(tools)
        self._panel = QWidget()
        self._panel.setObjectName("stem_faders")
        self._row = QHBoxLayout(self._panel)
        self._row.setContentsMargins(0, theme.S, 0, 0)
        self._row.setSpacing(theme.L)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self._panel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._arrange()

    def show_song(self, stems: tuple[str, ...], mix: Mix, *, channels: int = 2) -> None:
        """Show the faders of a song; one of a single channel has no left and right."""
        self._channels = channels
        if stems != self._stems:
            self._stems = stems
            self._build_channels()
        self._arrange()
        self.show_mix(mix)
        self.rest()

    def _build_channels(self) -> None:
        for old in self.channels.values():
            self._row.removeWidget(old)
            old.deleteLater()
        many = self._stems if len(self._stems) > len(STEMS) else ()
        self.channels = {stem: Channel(self._look, stem) for stem in many}
        for stem, channel in self.channels.items():
            self._row.addWidget(channel, 1)
            channel.pan.panned.connect(lambda pan, stem=stem: self._on_panned(stem, pan))
            channel.moved.connect(lambda level, stem=stem: self._on_channel_moved(stem, level))
            channel.muted_changed.connect(lambda on, stem=stem: self._on_named("muted", stem, on))
            channel.solo_changed.connect(lambda on, stem=stem: self._on_named("solo", stem, on))
        self._arrange()

    def set_open(self, *, is_open: bool) -> None:
        """Show or hide the faders of the stems, where there are more than two."""
        self._is_open = is_open
        self._arrange()

    def _arrange(self) -> None:
        many = bool(self.channels)
        self.stems_button.setVisible(many)
        self.stems_button.setChecked(self._is_open)
        self._panel.setVisible(many and self._is_open)
        for fader in (self.voice, self.music):
            fader.show_knob(shown=self._channels > 1 and not many)
        for channel in self.channels.values():
            channel.show_knob(shown=self._channels > 1)

    def show_mix(self, mix: Mix) -> None:
        """Place all faders."""
        self._mix = mix
        self.tune.show_tune(mix.tune)
        self.voice.set_level(mix.voice)
        self.music.set_level(mix.music)
        for stem, knob in self.pans.items():
            knob.set_pan(mix.pans.get(stem, 0.0))
        for stem, channel in self.channels.items():
            channel.set_level(mix.level(stem))
            channel.pan.set_pan(mix.pans.get(stem, 0.0))
            channel.mute.setChecked(stem in mix.muted)
            channel.solo.setChecked(stem in mix.solo)

    def mix(self) -> Mix:
        """Return where the faders stand."""
        return self._mix

    def show_heard(self, heard: Heard) -> None:
        """Let the meters follow."""
        peaks = dict(zip(self._stems, heard.stems, strict=False))
        self.voice.meter.show_peak(peaks.get(VOICE, 0.0))
        self.music.meter.show_peak(max((p for s, p in peaks.items() if s != VOICE), default=0.0))
        for stem, channel in self.channels.items():
            channel.meter.show_peak(peaks.get(stem, 0.0))
        self.output.show_heard(heard)

    def rest(self) -> None:
        """Let all meters show nothing."""
        for fader in (self.voice, self.music, *self.channels.values()):
            fader.meter.rest()
        self.output.rest()

    @Slot()
    def show_presets(self) -> None:
        """Open the menu of ready mixes."""
        menu = self.presets_menu
        menu.clear()
        for words, faders in presets(self._stems).items():
            mix = self._mix.with_faders(faders)
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(mix == self._mix)
            action.triggered.connect(lambda _on=False, mix=mix: self._change(mix))
        menu.popup(_above(self.presets_button, menu))

    @Slot()
    def toggle_guide(self) -> None:
        """Let a quiet voice help, or not."""
        self._change(replace(self._mix, voice=0.0 if self._mix.voice else GUIDE))

    @Slot(float)
    def _on_voice_moved(self, level: float) -> None:
        self._change(replace(self._mix, voice=level))

    @Slot(float)
    def _on_music_moved(self, level: float) -> None:
        self._change(replace(self._mix, music=level))

    def _on_channel_moved(self, stem: str, level: float) -> None:
        if stem == VOICE:
            self._change(replace(self._mix, voice=level))
            return
        levels = {**self._mix.levels, stem: level}
        levels = {name: at for name, at in levels.items() if at != 1.0}
        self._change(replace(self._mix, levels=levels))

    def _on_panned(self, stem: str, pan: float) -> None:
        pans = {name: at for name, at in {**self._mix.pans, stem: pan}.items() if at}
        self._change(replace(self._mix, pans=pans))

    def _on_named(self, field: str, stem: str, on: bool) -> None:
        named: frozenset[str] = getattr(self._mix, field)
        changed = named | {stem} if on else named - {stem}
        muted, solo = self._mix.muted, self._mix.solo
        if field == "muted":
            muted = changed
        else:
            solo = changed
        self._change(replace(self._mix, muted=muted, solo=solo))

    @Slot(object)
    def _on_tune_changed(self, tune: Tune) -> None:
        self._mix = replace(self._mix, tune=tune)
        self.tune_changed.emit(self._mix)

    def _change(self, mix: Mix) -> None:
        self.show_mix(mix)
        self.mix_changed.emit(mix)

    @Slot(bool)
    def _on_opened(self, is_open: bool) -> None:
        self.set_open(is_open=is_open)
        self.opened_changed.emit(is_open)

    @Slot()
    def _on_devices(self) -> None:
        self.devices_requested.emit(self.device_button.mapToGlobal(QPoint(0, 0)))


def _above(button: QWidget, menu: QMenu) -> QPoint:
    return button.mapToGlobal(QPoint(0, -menu.sizeHint().height() - theme.XS))
