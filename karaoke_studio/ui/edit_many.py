"""Changing several songs together: only what is touched is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from karaoke_studio.library.finder import SongRow
from karaoke_studio.library.manifest import COLOURS
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.labels import LabelLine
from karaoke_studio.ui.theme import Look

_WIDTH = 560
_AS_THEY_ARE = "As they are"
_LIMIT = 4000


class EditManyDialog(Dialog):
    """Artist, album, tags, rating, colour and star of several songs.

    Signals:
        change_requested(fields, labels to add, labels to remove): fields of `Song` for all of them.
    """

    change_requested = Signal(object, object, object)

    def __init__(
        self, look: Look, rows: Sequence[SongRow], labels: Sequence[str], parent: QWidget
    ) -> None:
        super().__init__("edit_many", f"Edit {len(rows):,} songs", _WIDTH, parent)
        self.body.addWidget(
            Paragraph("What you leave as it is stays as it is in every song.", tone="muted")
        )
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.M)
        self._grid.setVerticalSpacing(theme.S)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)
        self.fields = {name: self._field(name, rows) for name in ("artist", "album")}
        self.add_labels = LabelLine("many_add_labels", "Tags to add", labels)
        self.remove_labels = LabelLine("many_remove_labels", "Tags to take off", labels)
        self.remove_labels.setPlaceholderText("")
        self._line("Add tags", self.add_labels)
        self._line("Take off tags", self.remove_labels)
        stars = [(text.rating(rating), rating) for rating in range(5, -1, -1)]
        self.rating = self._choice(look, "Rating", stars)
        colours = [(text.colour(name), name) for name in ("", *COLOURS)]
        self.colour = self._choice(look, "Colour", colours)
        self.favourite = self._choice(
            look, "Favourite", [("All of them", True), ("None of them", False)]
        )
        cancel = Button(look, "many_cancel", "Cancel")
        save = Button(look, "many_save", "Save", kind=Kind.PRIMARY)
        cancel.clicked.connect(self.reject)
        save.clicked.connect(self._on_save)
        self.add_button(cancel)
        self.add_button(save, is_default=True)
        self.fields["artist"].setFocus()

    def _line(self, words: str, widget: QWidget) -> None:
        row = self._grid.rowCount()
        widget.setFixedHeight(theme.CONTROL_HEIGHT)
        self._grid.addWidget(Label(words, tone="muted"), row, 0)
        self._grid.addWidget(widget, row, 1)

    def _field(self, name: str, rows: Sequence[SongRow]) -> QLineEdit:
        field = QLineEdit()
        field.setObjectName(f"many_{name}")
        field.setAccessibleName(name.capitalize())
        field.setMaxLength(_LIMIT)
        field.setAcceptDrops(False)
        values = {getattr(row, name) for row in rows}
        if len(values) == 1:
            field.setText(text.one_line(values.pop()))
        else:
            field.setPlaceholderText(f"{len(values):,} different ones")
        field.setToolTip(f"{name.capitalize()} of all chosen songs, if you type one")
        self._line(name.capitalize(), field)
        return field

    def _choice(self, look: Look, words: str, options: Sequence[tuple[str, Any]]) -> Choice:
        choice = Choice(look, f"many_{words.lower()}", words)
        choice.setToolTip(f"{words} of all chosen songs, if you choose one")
        choice.addItem(_AS_THEY_ARE, None)
        for name, value in options:
            choice.addItem(name, value)
        self._line(words, choice)
        return choice

    def changes(self) -> dict[str, Any]:
        """Return the fields that were touched, with their values for all songs."""
        found: dict[str, Any] = {
            name: field.text().strip() for name, field in self.fields.items() if field.isModified()
        }
        for name, choice in (
            ("rating", self.rating),
            ("colour", self.colour),
            ("favourite", self.favourite),
        ):
            if (value := choice.currentData()) is not None:
                found[name] = value
        return found

    @Slot()
    def _on_save(self) -> None:
        self.accept()
        changes = self.changes()
        add, remove = self.add_labels.labels(), self.remove_labels.labels()
        if changes or add or remove:
            self.change_requested.emit(changes, add, remove)
