"""The trash: what was removed comes back from here, or goes for good."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.trash import Trashed
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import MOST_ROWS, Card, Question, ToolPage


class TrashPage(ToolPage):
    """Removed songs and takes, the last first."""

    def __init__(self, look: Look, care: LibraryCare) -> None:
        super().__init__(look, "trash_page")
        self._care = care
        self._entries: list[Trashed] = []
        self.restore_button = self.button(
            "trash_restore_all", "Restore all", self._on_restore_all, tip="Bring everything back"
        )
        self.empty_button = self.button(
            "trash_empty", "Empty trash…", self._on_empty, tip="Delete everything in it for good"
        )
        care.trash_listed.connect(self._on_listed)

    def refresh(self) -> None:
        """Look into the trash."""
        self._care.list_trash()

    @Slot(object)
    def _on_listed(self, entries: Sequence[Trashed]) -> None:
        self.clear()
        self._entries = list(entries)
        can_return = any(entry.can_return for entry in entries)
        self.restore_button.set_available(can_return, "There is nothing to bring back")
        self.empty_button.set_available(bool(entries), "The trash is empty")
        if not entries:
            self.tell("The trash is empty. What you remove stays here until you delete it.")
            return
        size = text.file_size(sum(entry.size_bytes for entry in entries))
        self.tell(f"{len(entries):,} removed, {size}. Everything stays here until you delete it.")
        for entry in entries[:MOST_ROWS]:
            self.add(self._row(entry))
        self.add_rest(len(entries) - MOST_ROWS, "entries")

    def _row(self, entry: Trashed) -> QWidget:
        card = Card(self.look, "trash_row")
        line = QHBoxLayout()
        line.setSpacing(theme.S)
        what = "A take" if entry.is_take else entry.artist
        facts = text.joined(
            what, f"removed {text.short_date(entry.removed_at)}", text.file_size(entry.size_bytes)
        )
        line.addWidget(Label(entry.title, strong=True))
        line.addWidget(Label(facts, size=theme.CAPTION, tone="muted", tabular=True), 1)
        restore = Button(self.look, "trash_restore", "Restore", says=f"Restore {entry.title}")
        restore.setAutoDefault(False)
        restore.set_available(entry.can_return, "It cannot be read, or its song is gone")
        restore.clicked.connect(lambda _on=False: self._restore([entry]))
        delete = Button(
            self.look,
            "trash_delete",
            icon="trash",
            kind=Kind.QUIET,
            says=f"Delete {entry.title} for good",
            tip="Delete for good",
        )
        delete.setAutoDefault(False)
        delete.clicked.connect(lambda _on=False: self._ask_to_delete([entry]))
        line.addWidget(restore)
        line.addWidget(delete)
        card.column.setContentsMargins(theme.L, theme.S, theme.S, theme.S)
        card.column.addLayout(line)
        return card

    def _restore(self, entries: Sequence[Trashed]) -> None:
        good = [entry for entry in entries if entry.can_return]
        songs = [entry.name for entry in good if not entry.is_take]
        takes = [entry.name for entry in good if entry.is_take]
        self._care.restore(songs, takes)

    def _on_restore_all(self) -> None:
        self._restore(self._entries)

    def _on_empty(self) -> None:
        self._ask_to_delete(self._entries)

    def _ask_to_delete(self, entries: Sequence[Trashed]) -> None:
        every = len(entries) == len(self._entries)
        one = f"“{entries[0].title}”" if len(entries) == 1 else f"{len(entries):,} entries"
        question = Question(
            self.look,
            "delete_question",
            "Delete for good?",
            f"{one} cannot be brought back after that.",
            "Delete",
            self.window(),
        )
        names = None if every else [entry.name for entry in entries]
        question.confirmed.connect(lambda: self._care.empty_trash(names))
        question.open()
