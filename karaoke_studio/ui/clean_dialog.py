"""Clean up: asks what is wrong with a recording, and how it sounds without."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.cleaning import Trial
from karaoke_studio.preparation.validation import Preparation
from karaoke_studio.preparing import Prepared
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Paragraph, SmoothBar, Tick
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.segments import Segments
from karaoke_studio.ui.theme import Look

_WIDTH = 620
_INTRO = "Makes a clean copy. The recording itself stays as it is."
_WIND_HZ = 80.0
#: Step → its words, what they mean, whether most recordings want it.
_STEPS: dict[str, tuple[str, str, bool]] = {
    "declip": ("Peaks that were cut off", "Makes peaks round again that were too loud", True),
    "declick": ("Clicks and crackle", "Takes out clicks of a few milliseconds", True),
    "dehum": (
        "Hum of the mains",
        "Takes out 50 or 60 Hz and its harmonics, where there are any",
        True,
    ),
    "highpass": ("Wind and rumble", "Takes out what is below 80 Hz", False),
    "denoise": ("Steady noise", "Takes out as much noise as is heard in the pauses", True),
    "dereverb": (
        "Echo of the room",
        "Makes late echo quieter; a dry voice suffers a little",
        False,
    ),
    "gate": ("Sounds in pauses", "Makes pauses quieter", False),
    "drc": ("Too loud and too quiet", "Brings loud and quiet places nearer to each other", False),
    "trim_silence": ("Silence at both ends", "Is cut off in the copy", False),
}
_LEVELS = {"As it is": None, "Streaming (−14 LUFS)": -14.0, "Voice (−16 LUFS)": -16.0}
_LEVELS |= {"Album (−18 LUFS)": -18.0, "Radio and TV (−23 LUFS)": -23.0}


def found_in_words(found: dict[str, Any]) -> str:
    """Return what was found in a recording.

    >>> found_in_words({"clip_level": 0.9, "hum_hz": [50.0, 100.0], "noise_db": -52.3})
    'Found: peaks that were cut off, hum at 50 Hz, noise at −52 dB.'
    """
    parts = []
    if found.get("clip_level") is not None:
        parts.append("peaks that were cut off")
    if found.get("hum_hz"):
        parts.append(f"hum at {found['hum_hz'][0]:.0f} Hz")
    if found.get("noise_db") is not None:
        parts.append(f"noise at −{abs(found['noise_db']):.0f} dB")
    return f"Found: {', '.join(parts)}." if parts else ""


class CleanDialog(Dialog):
    """What to clean; before and after; a copy.

    Signals:
        choose_requested: another recording.
        try_requested: Preparation.
        save_requested: Preparation, and whether the copy shall be a new song, too.
        cancel_requested: end what is under way.
        hear_requested: "before" or "after".
        play_requested: play or pause.
        show_folder_requested.
    """

    choose_requested = Signal()
    try_requested = Signal(object)
    save_requested = Signal(object, bool)
    cancel_requested = Signal()
    hear_requested = Signal(str)
    play_requested = Signal()
    show_folder_requested = Signal()

    def __init__(self, look: Look, parent: QWidget | None) -> None:
        super().__init__("clean_dialog", "Clean up a recording", _WIDTH, parent)
        self._look = look
        self._has_file = self._is_busy = self._is_tried = False
        self._build_file()
        self._build_steps()
        self._build_compare()
        self._build_buttons()
        self._connect()
        self._show()

    def _build_file(self) -> None:
        self.body.addWidget(Paragraph(_INTRO, tone="muted"))
        self.file = Label("No recording chosen", tone="muted", elide=Qt.TextElideMode.ElideMiddle)
        self.file.setObjectName("clean_file")
        self.choose = Button(
            self._look,
            "clean_choose",
            "Choose…",
            icon="folder-open",
            tip="Choose a recording",
        )
        self.choose.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        line = QHBoxLayout()
        line.setSpacing(theme.S)
        line.addWidget(self.file, 1)
        line.addWidget(self.choose)
        self.body.addLayout(line)

    def _build_steps(self) -> None:
        self.steps = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.L)
        grid.setVerticalSpacing(theme.XS)
        grid.setColumnStretch(1, 1)
        for number, (step, (words, tip, usual)) in enumerate(_STEPS.items()):
            tick = Tick(self._look, f"clean_{step}", words)
            tick.setToolTip(text.tooltip(tip))
            tick.setChecked(usual)
            self.steps[step] = tick
            grid.addWidget(tick, number % 5, number // 5)
        self.level = Choice(self._look, "clean_level", "Loudness")
        self.level.setToolTip("How loud the copy is; its peaks stay below −1 dB")
        for words, lufs in _LEVELS.items():
            self.level.addItem(words, lufs)
        line = QHBoxLayout()
        line.setContentsMargins(theme.XS, 0, 0, 0)
        line.setSpacing(theme.S)
        line.addWidget(Label("Loudness", tone="muted"))
        line.addWidget(self.level, 1)
        grid.addLayout(line, 4, 1)
        self.body.addLayout(grid)

    def _build_compare(self) -> None:
        look = self._look
        self.trial = Button(
            look, "clean_try", "Try", icon="magic-wand", tip="Clean it, to hear before and after"
        )
        self.trial.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.play = Button(look, "clean_play", icon="play-fill", says="Play", tip="Play (Space)")
        self.heard = Segments(
            look,
            "clean_heard",
            "What is heard",
            (
                ("before", "Before", "Hear the recording (B)"),
                ("after", "After", "Hear the copy (A)"),
            ),
        )
        line = QHBoxLayout()
        line.setSpacing(theme.M)
        for widget in (self.trial, self.play, self.heard):
            line.addWidget(widget)
        line.addStretch(1)
        self.body.addLayout(line)
        self.bar = SmoothBar(look, "clean_bar", "Progress of the cleaning")
        self.body.addWidget(self.bar)
        self.bar.hide()
        self.outcome = Paragraph(tone="muted")
        self.outcome.setObjectName("clean_outcome")
        self.body.addWidget(self.outcome)

    def _build_buttons(self) -> None:
        look = self._look
        self.close_button = Button(look, "clean_close", "Close", kind=Kind.QUIET)
        self.show_button = Button(
            look, "clean_show", "Show in folder", icon="folder-open", kind=Kind.QUIET
        )
        self.show_button.hide()
        self.add_song = Button(
            look, "clean_add", "Save and add as a song", tip="Save the copy, and make karaoke of it"
        )
        self.save = Button(look, "clean_save", "Save", kind=Kind.PRIMARY, tip="Save the copy")
        self.add_left_button(self.close_button)
        self.add_button(self.show_button)
        self.add_button(self.add_song)
        self.add_button(self.save, is_default=True)

    def _connect(self) -> None:
        self.choose.clicked.connect(self.choose_requested)
        self.trial.clicked.connect(self._on_try)
        self.play.clicked.connect(self.play_requested)
        self.heard.chosen.connect(self.hear)
        self.save.clicked.connect(lambda: self._on_save(adds=False))
        self.add_song.clicked.connect(lambda: self._on_save(adds=True))
        self.show_button.clicked.connect(self.show_folder_requested)
        self.close_button.clicked.connect(self._on_close)
        for tick in self.steps.values():
            tick.toggled.connect(self._on_changed)
        self.level.currentIndexChanged.connect(self._on_changed)
        for key, name in (("B", "before"), ("A", "after")):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(lambda name=name: self.hear(name))
        space = QShortcut(QKeySequence(Qt.Key.Key_Space), self)
        space.activated.connect(self.play.click)

    def wanted(self) -> Preparation:
        """Return what is chosen."""
        chosen: dict[str, Any] = {step: tick.isChecked() for step, tick in self.steps.items()}
        chosen["highpass"] = _WIND_HZ if chosen["highpass"] else None
        return Preparation(**chosen, lufs=self.level.currentData())

    def show_file(self, name: str) -> None:
        """Show which recording it is; nothing of it has been tried."""
        self._has_file, self._is_tried = True, False
        self.file.setText(name)
        self.file.set_tone("")
        self.tell("")
        self._show()

    @Slot(str)
    def hear(self, name: str) -> None:
        """Hear before or after."""
        if self.heard.isEnabled():
            self.heard.show_choice(name)
            self.hear_requested.emit(name)

    def show_playing(self, *, playing: bool) -> None:
        """Show what the play button would do."""
        self.play.set_icon("pause-fill" if playing else "play-fill")
        self.play.setAccessibleName("Pause" if playing else "Play")

    @Slot(float)
    def show_progress(self, share: float) -> None:
        """Show how far it is."""
        if self._is_busy:
            self.bar.advance(share)

    def show_tried(self, trial: Trial) -> None:
        """Let before and after be heard."""
        self._is_tried = True
        self._end()
        self.tell(found_in_words(trial.made.found) or "Nothing that was looked for was found.")
        self.hear("after")

    def show_saved(self, made: Prepared, *, adds: bool) -> None:
        """Say where the copy is."""
        self._end()
        self.show_button.show()
        more = " and is being made into a song" if adds else ""
        self.tell(f"Saved as {made.path.name}{more}.", "ok")

    def show_failure(self, error: KaraokeError) -> None:
        """Say why not."""
        self._end()
        self.tell(messages.export_failure(error).sentence, "error")

    def tell(self, words: str, tone: str = "muted") -> None:
        """Say something below the choices."""
        self.outcome.setText(words)
        self.outcome.set_tone(tone)

    def _begin(self, words: str) -> None:
        self._is_busy = True
        self.tell(words)
        self.bar.restart()
        self._show()

    def _end(self) -> None:
        self._is_busy = False
        self._show()

    def _show(self) -> None:
        self.bar.setVisible(self._is_busy)
        self.close_button.set_words("Cancel" if self._is_busy else "Close")
        why = "It is being cleaned." if self._is_busy else "Choose a recording first."
        can = self._has_file and not self._is_busy
        for button in (self.trial, self.save, self.add_song):
            button.set_available(can, why)
        self.choose.set_available(not self._is_busy, why)
        for widget in (*self.steps.values(), self.level):
            widget.setEnabled(not self._is_busy)
        can_hear = self._is_tried and not self._is_busy
        self.play.set_available(can_hear, "Try it first.")
        self.heard.setEnabled(can_hear)
        for part in self.heard.parts.values():
            part.set_available(can_hear, "Try it first.", "")
        if not can_hear:
            self.heard.show_choice("")

    @Slot()
    def _on_changed(self) -> None:
        """What was tried is not what is chosen any more."""
        if self._is_tried:
            self._is_tried = False
            self.tell("Try again to hear it like this.")
            self._show()

    @Slot()
    def _on_try(self) -> None:
        self._begin("Cleaning…")
        self.try_requested.emit(self.wanted())

    def _on_save(self, *, adds: bool) -> None:
        self._begin("Saving…")
        self.save_requested.emit(self.wanted(), adds)

    @Slot()
    def _on_close(self) -> None:
        if self._is_busy:
            self.cancel_requested.emit()
            self._end()
            self.tell("Cancelled.")
        else:
            self.accept()
