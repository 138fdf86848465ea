"""The actions behind menu and keys."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from karaoke_studio.ui import keys

_THEMES = {"system": "Like the system", "dark": "Dark", "light": "Light"}
_FOLLOWS = {"page": "Page by page", "smooth": "Smoothly", "off": "Not at all"}
_COLOURS = {"magma": "Magma", "viridis": "Viridis", "grey": "Grey"}
#: What the spectrogram can be made and shown like: words of the menu, and of each choice.
SPECTROGRAM = {
    "spectrogram_source": (
        "Shows",
        {
            "heard": "What is heard",
            "original": "The original",
            "instrumental": "The instrumental",
            "vocals": "The vocals",
        },
    ),
    "spectrogram_scale": ("Scale", {"log": "Octaves", "mel": "Mel", "linear": "Linear"}),
    "spectrogram_window": (
        "Window",
        {
            "1024": "1024: moments are sharp",
            "2048": "2048",
            "4096": "4096",
            "8192": "8192: notes are sharp",
        },
    ),
    "spectrogram_range_db": (
        "Range",
        {"36": "36 dB", "54": "54 dB", "72": "72 dB", "90": "90 dB"},
    ),
}


class Actions:
    """All actions of the window, by object name, and the menu that holds them.

    Args:
        window: gets the actions, so that their keys work everywhere in it.
    """

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._actions: dict[str, QAction] = {}
        for group in keys.GROUPS.values():
            for key in group:
                if key.action:
                    self._add(key.action, key.words, (*key.keys, *key.media), repeats=key.repeats)
        self._add("folder_action", "Show in folder")
        self._add("remove_action", "Remove song")
        self._add("logs_action", "Show the log folder")
        self._add("diagnosis_action", "Copy diagnostics")
        self._add("library_action", "Library: storage, trash, duplicates…")
        self._add("models_action", "Models…")
        self._add("clean_action", "Clean up a recording…")
        self._add("blind_test_action", "Blind test…")
        self._add("microphone_action", "Microphone…")
        self._add("plays_on_action", "Play on with the next song").setCheckable(True)
        self._add("about_action", "About Karaoke Studio")
        self.recent = QMenu("Add recent", window)
        self.recent.setObjectName("recent_menu")
        self.themes = self._build_choices("theme", _THEMES)
        self.follows = self._build_choices("follow", _FOLLOWS)
        self._add("picture_action", "Save the timeline as a picture…")
        self.colours = self._build_choices("colours", _COLOURS)
        self.spectrogram = {
            name: self._build_choices(name, choices) for name, (_, choices) in SPECTROGRAM.items()
        }

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def _add(
        self, name: str, words: str, shortcuts: tuple[str, ...] = (), *, repeats: bool = False
    ) -> QAction:
        action = QAction(words, self._window)
        action.setObjectName(name)
        action.setShortcuts([QKeySequence(shortcut) for shortcut in shortcuts])
        action.setAutoRepeat(repeats)
        self._window.addAction(action)
        self._actions[name] = action
        return action

    def _build_choices(self, name: str, choices: dict[str, str]) -> QActionGroup:
        group = QActionGroup(self._window)
        for choice, words in choices.items():
            action = self._add(f"{name}_{choice}_action", words)
            action.setCheckable(True)
            action.setData(choice)
            group.addAction(action)
        return group

    def build_menu(self) -> QMenu:
        """Return the window's menu."""
        menu = QMenu(self._window)
        menu.setObjectName("main_menu")
        self._fill(menu, "add_action")
        menu.addMenu(self.recent)
        self._fill(menu, "clean_action")
        self._fill(menu, "find_action")
        menu.addSeparator()
        self._fill(menu, "favourite_action", "details_action", "export_action", "folder_action")
        self._fill(menu, "remove_action", "undo_action")
        menu.addSeparator()
        listen = menu.addMenu("Listen")
        self._fill(listen, "play_action", "previous_action", "next_action", "plays_on_action")
        self._fill(listen, "mute_action")
        listen.addSeparator()
        self._fill(
            listen, "original_action", "instrumental_action", "vocals_action", "guide_action"
        )
        self._fill(listen, "metronome_action", "blind_test_action", "microphone_action")
        listen.addSeparator()
        self._fill(listen, "back_action", "forward_action", "start_action", "end_action")
        listen.addSeparator()
        self._fill(listen, "loop_action", "clear_loop_action", "keep_action")
        listen.addSeparator()
        self._fill(listen, "key_up_action", "key_down_action", "faster_action", "slower_action")
        self._fill(listen, "as_recorded_action")
        view = menu.addMenu("View")
        self._fill(view, "table_action")
        view.addSeparator()
        zooms = ("zoom_in_action", "zoom_out_action", "whole_action")
        self._fill(view, *zooms, "page_back_action", "page_on_action")
        view.addSeparator()
        for name, words, group in (
            ("theme_menu", "Theme", self.themes),
            ("colours_menu", "Spectrogram", self.colours),
            ("follow_menu", "Follow the playhead", self.follows),
        ):
            choices = view.addMenu(words)
            choices.setObjectName(name)
            if group is self.colours:
                self.fill_spectrogram(choices)
            else:
                choices.addActions(group.actions())
        self._fill(view, "picture_action", "full_screen_action")
        menu.addSeparator()
        self._fill(menu, "library_action", "models_action", "settings_action")
        helping = menu.addMenu("Help")
        self._fill(helping, "keys_action", "logs_action", "diagnosis_action", "about_action")
        menu.addSeparator()
        self._fill(menu, "quit_action")
        return menu

    def fill_spectrogram(self, menu: QMenu) -> None:
        """Put everything about the spectrogram into a menu."""
        for name, (words, _) in SPECTROGRAM.items():
            choices = menu.addMenu(words)
            choices.setObjectName(f"{name}_menu")
            choices.addActions(self.spectrogram[name].actions())
        colours = menu.addMenu("Colours")
        colours.addActions(self.colours.actions())

    def _fill(self, menu: QMenu, *names: str) -> None:
        for name in names:
            menu.addAction(self._actions[name])


def popup_below(menu: QMenu, button: QWidget) -> None:
    """Show a menu under a button, its right edge at the button's."""
    size: QSize = menu.sizeHint()
    corner = button.mapToGlobal(QPoint(button.width() - size.width(), button.height() + 4))
    menu.popup(corner)
