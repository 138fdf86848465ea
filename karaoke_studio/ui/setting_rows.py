"""The rows that the pages of settings are made of: each shows one field and tells its changes.

A page is a tuple of descriptions (`Pick`, `Switch`, `Place`, `Template`); a field that comes later
is one more of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import STEM_LABELS, STEMS
from karaoke_studio.names import check_template, file_name
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Tick
from karaoke_studio.ui.theme import Look

#: What a name template is shown with.
SAMPLE = {
    "artist": "Mara Vell",
    "title": "Night Bus",
    "album": "Copper Sky",
    "engine": "instant",
    "base": "Night Bus",
}


class Row(QWidget):
    """One field of the settings.

    Attributes:
        field: its name in `Settings`.

    Signals:
        changed: field, its new value.
    """

    changed = Signal(str, object)

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field
        self.setObjectName(f"{field}_row")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(theme.XS)

    def show_value(self, value: Any) -> None:
        """Show a value without telling of a change."""
        raise NotImplementedError

    def add_hint(self, words: str) -> None:
        """Say something more below, small."""
        if words:
            self.column.addWidget(Label(words, size=theme.CAPTION, tone="muted"))


@dataclass(frozen=True)
class Pick:
    """One of several values.

    Attributes:
        options: (value, words) each; or a call that returns them when the page is built.
        hint: when it acts, where that is not at once.
    """

    field: str
    label: str
    options: tuple[tuple[Any, str], ...] | Callable[[], tuple[tuple[Any, str], ...]]
    tip: str
    hint: str = ""

    def build(self, look: Look) -> Row:
        """Return the row."""
        options = self.options() if callable(self.options) else self.options
        return PickRow(look, self, options)


@dataclass(frozen=True)
class Switch:
    """Yes or no."""

    field: str
    label: str
    words: str
    tip: str
    hint: str = ""

    def build(self, look: Look) -> Row:
        """Return the row."""
        return SwitchRow(look, self)


@dataclass(frozen=True)
class Place:
    """A folder.

    Attributes:
        unset: what an empty value means, in words.
    """

    field: str
    label: str
    unset: str
    tip: str
    hint: str = ""

    def build(self, look: Look) -> Row:
        """Return the row."""
        return PlaceRow(look, self)


@dataclass(frozen=True)
class Template:
    """A template of file names with a preview."""

    field: str
    label: str
    tip: str

    def build(self, look: Look) -> Row:
        """Return the row."""
        return TemplateRow(self)


class PickRow(Row):
    """A drop-down list."""

    def __init__(self, look: Look, what: Pick, options: tuple[tuple[Any, str], ...]) -> None:
        super().__init__(what.field)
        self.choice = Choice(look, f"{what.field}_choice", what.label)
        self.choice.setToolTip(text.tooltip(what.tip))
        self.choice.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for value, words in options:
            self.choice.addItem(words, value)
        self.column.addWidget(self.choice)
        self.add_hint(what.hint)
        self.choice.currentIndexChanged.connect(self._on_changed)

    def set_options(self, options: tuple[tuple[Any, str], ...], value: Any) -> None:
        """Offer other values; one that is not among them any more shows the first."""
        with QSignalBlocker(self.choice):
            self.choice.clear()
            for each, words in options:
                self.choice.addItem(words, each)
        self.show_value(value)

    def show_value(self, value: Any) -> None:
        """Show a value; one that is no longer offered is added as it is."""
        with QSignalBlocker(self.choice):
            place = self.choice.findData(value)
            if place < 0:
                self.choice.addItem(text.one_line(str(value)), value)
                place = self.choice.count() - 1
            self.choice.setCurrentIndex(place)

    @Slot()
    def _on_changed(self) -> None:
        self.changed.emit(self.field, self.choice.currentData())


class SwitchRow(Row):
    """A tick."""

    def __init__(self, look: Look, what: Switch) -> None:
        super().__init__(what.field)
        self.tick = Tick(look, f"{what.field}_tick", what.words)
        self.tick.setToolTip(text.tooltip(what.tip))
        self.column.addWidget(self.tick)
        self.add_hint(what.hint)
        self.tick.toggled.connect(self._on_changed)

    def show_value(self, value: Any) -> None:
        """Show yes or no."""
        with QSignalBlocker(self.tick):
            self.tick.setChecked(bool(value))

    @Slot(bool)
    def _on_changed(self, checked: bool) -> None:
        self.changed.emit(self.field, checked)


class PlaceRow(Row):
    """A folder's path, and a button to choose another one."""

    def __init__(self, look: Look, what: Place) -> None:
        super().__init__(what.field)
        self._unset, self._says, self._folder = what.unset, what.label, ""
        self.path = Label(elide=Qt.TextElideMode.ElideMiddle)
        self.path.setObjectName(f"{what.field}_label")
        self.button = Button(
            look,
            f"{what.field}_button",
            "Choose…",
            icon="folder-open",
            says=f"{what.label}: choose",
            tip=what.tip,
        )
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.setAutoDefault(False)
        self.clear_button = Button(
            look,
            f"{what.field}_clear",
            icon="x",
            kind=Kind.QUIET,
            says=f"{what.label}: use {what.unset}",
            tip=f"Use {what.unset}",
        )
        self.clear_button.setAutoDefault(False)
        line = QHBoxLayout()
        line.setSpacing(theme.S)
        line.addWidget(self.path, 1)
        line.addWidget(self.clear_button)
        line.addWidget(self.button)
        self.column.addLayout(line)
        self.add_hint(what.hint)
        self.button.clicked.connect(self._on_choose)
        self.clear_button.clicked.connect(self._on_clear)

    def show_value(self, value: Any) -> None:
        """Show a folder, or what no folder means."""
        self._folder = str(value)
        self.path.setText(self._folder or self._unset[:1].upper() + self._unset[1:])
        self.path.set_tone("" if self._folder else "muted")
        self.clear_button.setVisible(bool(self._folder))

    @Slot()
    def _on_choose(self) -> None:
        dialog = QFileDialog(self, self._says, self._folder or str(Path.home()))
        dialog.setObjectName(f"{self.field}_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    @Slot(str)
    def _on_chosen(self, name: str) -> None:
        self.show_value(name)
        self.changed.emit(self.field, name)

    @Slot()
    def _on_clear(self) -> None:
        self.button.setFocus()
        self._on_chosen("")


class TemplateRow(Row):
    """A line to type in; what cannot work is said and not taken."""

    def __init__(self, what: Template) -> None:
        super().__init__(what.field)
        self.line = QLineEdit()
        self.line.setObjectName(f"{what.field}_box")
        self.line.setAccessibleName(what.label)
        self.line.setToolTip(what.tip)
        self.line.setFixedHeight(theme.CONTROL_HEIGHT)
        self.line.setAcceptDrops(False)
        self.preview = Label(size=theme.CAPTION, tone="muted")
        self.preview.setObjectName(f"{what.field}_preview")
        self.column.addWidget(self.line)
        self.column.addWidget(self.preview)
        self.line.textChanged.connect(self._on_changed)
        self._suffix = ".flac"

    def show_suffix(self, suffix: str) -> None:
        """Show the names with another ending, such as ".mp3"."""
        self._suffix = suffix
        self._show_preview()

    def show_value(self, value: Any) -> None:
        """Show a template."""
        with QSignalBlocker(self.line):
            self.line.setText(str(value))
        self._show_preview()

    @Slot()
    def _on_changed(self) -> None:
        if self._show_preview():
            self.changed.emit(self.field, self.line.text())

    def _show_preview(self) -> bool:
        """Show the name that a song would get, or what is wrong; return whether it can work."""
        template = self.line.text()
        try:
            check_template(template, len(STEMS))
            fields = {**SAMPLE, "stem": STEM_LABELS["instrumental"]}
            words, tone = file_name(template, fields, self._suffix), "muted"
        except KaraokeError as exc:
            words, tone = text.one_line(f"{exc.message} {exc.hint}"), "error"
        self.preview.setText(words)
        self.preview.set_tone(tone)
        return tone != "error"
