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
        Key("undo_action", ("Ctrl+Z",), "Undo remove"),
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
        Key("guide_action", ("G",), "Guide voice on or off"),
    ),
    "Timeline": (
        Key("zoom_in_action", ("+", "="), "Zoom in", repeats=True),
        Key("zoom_out_action", ("-",), "Zoom out", repeats=True),
        Key("whole_action", ("0",), "Whole song"),
        Key("page_back_action", ("PgUp",), "Page back", repeats=True),
        Key("page_on_action", ("PgDown",), "Page on", repeats=True),
        Key("loop_action", ("L",), "Loop on or off"),
        Key("clear_loop_action", ("Escape",), "Clear the loop"),
    ),
    "Window": (
        Key("menu_action", ("F10",), "Menu"),
        Key("settings_action", ("Ctrl+,",), "Settings…"),
        Key("keys_action", ("F1",), "Keyboard"),
        Key("full_screen_action", ("F11",), "Full screen"),
        Key("quit_action", ("Ctrl+Q",), "Quit"),
    ),
}


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
    """All keys at a glance."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__("key_sheet", "Keyboard", 620, parent)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.L)
        grid.setVerticalSpacing(theme.S)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(4, 1)
        grid.setColumnMinimumWidth(2, theme.L)
        left, right = len(GROUPS["Songs"]) + 2, len(GROUPS["Listening"]) + 2
        places = {"Songs": (0, 0), "Timeline": (left, 0), "Listening": (0, 3), "Window": (right, 3)}
        for group, (row, column) in places.items():
            heading = Label(group, size=theme.CAPTION, strong=True, tone="muted")
            grid.addWidget(heading, row, column, 1, 2)
            for number, key in enumerate(GROUPS[group], start=row + 1):
                cap = Label(native(key.keys), strong=True)
                cap.setMinimumWidth(cap.sizeHint().width())
                grid.addWidget(cap, number, column)
                grid.addWidget(Label(key.words.rstrip("…"), tone="muted"), number, column + 1)
        for below in (left, right):
            grid.setRowMinimumHeight(below - 1, theme.S)
        self.body.addLayout(grid)
        close = Button(look, "key_sheet_close", "Close", kind=Kind.PRIMARY)
        close.clicked.connect(self.accept)
        self.add_button(close, is_default=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
