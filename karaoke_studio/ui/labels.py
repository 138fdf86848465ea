"""Typing tags: a line of words between commas that completes those that songs have already."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QStringListModel, Qt, Signal, Slot
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look

_LIMIT = 1000


class LabelLine(QLineEdit):
    """Tags between commas; what is typed after the last comma is completed."""

    def __init__(self, name: str, says: str, known: Sequence[str]) -> None:
        super().__init__()
        self._known = list(known)
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setPlaceholderText("Duet, party, slow…")
        self.setToolTip(f"{says}: words between commas")
        self.setMaxLength(_LIMIT)
        self.setAcceptDrops(False)
        self._offered = QStringListModel(self)
        completer = _LastWord(self)
        completer.setModel(self._offered)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setCompleter(completer)
        self.textEdited.connect(self._on_edited)

    def labels(self) -> list[str]:
        """Return the tags."""
        return [word.strip() for word in self.text().split(",") if word.strip()]

    def set_labels(self, labels: Sequence[str]) -> None:
        """Show tags."""
        self.setText(", ".join(map(text.one_line, labels)))

    @Slot(str)
    def _on_edited(self, words: str) -> None:
        before = {label.casefold() for label in words.split(",")[:-1]}
        given = {word.strip() for word in before}
        self._offered.setStringList(
            [label for label in self._known if label.casefold() not in given]
        )


class _LastWord(QCompleter):
    """Completes what stands behind the last comma."""

    def splitPath(self, path: str) -> list[str]:  # noqa: N802
        return [path.rpartition(",")[2].strip()]

    def pathFromIndex(self, index: object) -> str:  # noqa: N802
        word = super().pathFromIndex(index)  # type: ignore[arg-type]  # Qt's own index
        line = self.widget()
        before = line.text().rpartition(",")[0] if isinstance(line, QLineEdit) else ""
        return f"{before}, {word}" if before else word


class NewLabel(Dialog):
    """Asks for a tag.

    Signals:
        confirmed(list of str): what was typed.
    """

    confirmed = Signal(object)

    def __init__(self, look: Look, songs: int, known: Sequence[str], parent: QWidget) -> None:
        heading = "Tag this song" if songs == 1 else f"Tag {songs:,} songs"
        super().__init__("new_label", heading, 420, parent)
        self.line = LabelLine("new_label_line", "Tags", known)
        self.line.setFixedHeight(theme.CONTROL_HEIGHT)
        self.body.addWidget(self.line)
        cancel = Button(look, "new_label_cancel", "Cancel")
        add = Button(look, "new_label_add", "Add", kind=Kind.PRIMARY)
        cancel.clicked.connect(self.reject)
        add.clicked.connect(self._on_add)
        self.add_button(cancel)
        self.add_button(add, is_default=True)
        self.line.setFocus()

    @Slot()
    def _on_add(self) -> None:
        self.accept()
        if labels := self.line.labels():
            self.confirmed.emit(labels)
