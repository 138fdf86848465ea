"""Every key of the window in one table: the actions and the key sheet are both made from it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QWidget

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look


@dataclass(frozen=True)
class Key:
    """One thing that a key does.

    Attributes:
        action: object name of the action; "" for keys that a panel handles itself.
        keys: in Qt's portable spelling; several are alternatives.
        words: what it does, as the menu and the sheet say it.
        repeats: whether holding it down repeats.
        media: keys of keyboards for music, which need no sheet.
    """

    action: str
    keys: tuple[str, ...]
    words: str
    repeats: bool = False
    media: tuple[str, ...] = ()


_PLAY_KEYS = ("Media Play", "Media Pause", "Toggle Media Play/Pause")

GROUPS: dict[str, tuple[Key, ...]] = {
    "Songs": (
        Key("add_action", ("Ctrl+O",), "Add songs…"),
        Key("find_action", ("Ctrl+F",), "Find songs"),
        Key("", ("Return",), "Open the chosen song"),
        Key("", ("Delete",), "Remove the chosen song"),
        Key("", ("Alt+Up", "Alt+Down"), "Move in queue or set list"),
        Key("favourite_action", ("Ctrl+D",), "Favourite on or off"),
        Key("details_action", ("Ctrl+I",), "Edit details…"),
        Key("undo_action", ("Ctrl+Z",), "Undo"),
        Key("table_action", ("Ctrl+T",), "Songs as a table"),
        Key("export_action", ("Ctrl+E",), "Export…"),
    ),
    "Listening": (
        Key("play_action", ("Space",), "Play or pause", media=_PLAY_KEYS),
        Key("original_action", ("1",), "Hear the original"),
        Key("instrumental_action", ("2",), "Hear the instrumental"),
        Key("vocals_action", ("3",), "Hear the vocals"),
        Key("back_action", ("Left",), "5 seconds back", repeats=True),
        Key("forward_action", ("Right",), "5 seconds forward", repeats=True),
        Key("start_action", ("Home",), "To the start"),
        Key("end_action", ("End",), "To the end"),
        Key("previous_action", ("Ctrl+Left",), "Song before", media=("Media Previous",)),
        Key("next_action", ("Ctrl+Right",), "Next song", media=("Media Next",)),
        Key("mute_action", ("M",), "Mute"),
        Key("metronome_action", ("T",), "Metronome on or off"),
        Key("guide_action", ("G",), "Guide voice on or off"),
        Key("", ("A",), "Hold: hear the original"),
        Key("key_up_action", ("Ctrl+Up",), "Key up a semitone", repeats=True),
        Key("key_down_action", ("Ctrl+Down",), "Key down a semitone", repeats=True),
        Key("faster_action", ("Ctrl+Shift+Up",), "5 % faster", repeats=True),
        Key("slower_action", ("Ctrl+Shift+Down",), "5 % slower", repeats=True),
        Key("as_recorded_action", ("Ctrl+Backspace",), "Key and tempo as recorded"),
    ),
    "Timeline": (
        Key("zoom_in_action", ("+", "="), "Zoom in", repeats=True),
        Key("zoom_out_action", ("-",), "Zoom out", repeats=True),
        Key("whole_action", ("0",), "Whole song"),
        Key("page_back_action", ("PgUp",), "Page back", repeats=True),
        Key("page_on_action", ("PgDown",), "Page on", repeats=True),
        Key("loop_action", ("L",), "Loop on or off"),
        Key("clear_loop_action", ("Escape",), "Clear the loop"),
        Key("keep_action", ("K",), "Keep the loop, or mark this moment"),
    ),
    "Window": (
        Key("menu_action", ("F10",), "Menu"),
        Key("settings_action", ("Ctrl+,",), "Settings…"),
        Key("keys_action", ("F1",), "Keyboard"),
        Key("full_screen_action", ("F11",), "Full screen"),
        Key("quit_action", ("Ctrl+Q",), "Quit"),
    ),
}


#: What the mouse does in the timeline, as the sheet says it.
MOUSE: tuple[tuple[str, str], ...] = (
    ("Click", "Go there"),
    ("Drag", "Loop a stretch"),
    ("Alt+Drag", "Loop off the beat"),
    ("Right click on it", "Play, export …"),
    ("Drag the ruler", "Move along"),
    ("Wheel", "Zoom at the pointer"),
    ("Shift+Wheel", "Move along"),
    ("Drag a name", "Copy a stem out"),
)


def native(keys: tuple[str, ...]) -> str:
    """Return keys as this system writes them."""
    form = QKeySequence.SequenceFormat.NativeText
    words = " or ".join(QKeySequence(key).toString(form) for key in keys)
    if sys.platform == "darwin":
        return words
    for word, sign in (("Left", "←"), ("Right", "→"), ("Alt+Up", "Alt+↑"), ("Alt+Down", "Alt+↓")):
        words = words.replace(word, sign)
    return words.replace("Return", "Enter")


class KeySheet(Dialog):
    """All keys at a glance, and what the mouse does in the timeline."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__("key_sheet", "Keyboard and mouse", 860, parent)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.M)
        self._grid.setVerticalSpacing(theme.S)
        for column in (1, 4, 7):
            self._grid.setColumnStretch(column, 1)
        for gap in (2, 5):
            self._grid.setColumnMinimumWidth(gap, theme.S)
        lines = {
            group: tuple((native(key.keys), key.words.rstrip("…")) for key in keys)
            for group, keys in GROUPS.items()
        }
        self._add("Songs", lines["Songs"], 0, 0)
        self._add("Window", lines["Window"], len(lines["Songs"]) + 2, 0)
        self._add("Listening", lines["Listening"], 0, 3)
        self._add("Timeline", lines["Timeline"], 0, 6)
        self._add("Mouse in the timeline", MOUSE, len(lines["Timeline"]) + 2, 6)
        self.body.addLayout(self._grid)
        close = Button(look, "key_sheet_close", "Close", kind=Kind.PRIMARY)
        close.clicked.connect(self.accept)
        self.add_button(close, is_default=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _add(self, group: str, lines: tuple[tuple[str, str], ...], row: int, column: int) -> None:
        heading = Label(group, size=theme.CAPTION, strong=True, tone="muted")
        self._grid.addWidget(heading, row, column, 1, 2)
        for number, (what, words) in enumerate(lines, start=row + 1):
            cap = Label(what, strong=True)
            cap.setMinimumWidth(cap.sizeHint().width())
            self._grid.addWidget(cap, number, column)
            self._grid.addWidget(Label(words, tone="muted"), number, column + 1)
