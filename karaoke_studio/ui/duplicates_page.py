"""Songs that are there twice, and putting them together."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.duplicates import Duplicates
from karaoke_studio.library.finder import SongRow
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import MOST_ROWS, Card, ToolPage


class _Group(Card):
    """One song with its duplicates.

    Signals:
        merge_requested(song to keep, list of the others).
    """

    merge_requested = Signal(object, object)

    def __init__(self, look: Look, found: Duplicates) -> None:
        super().__init__(look, "duplicates_group")
        self._songs = list(found.songs)
        why = "Made from the same file" if found.same_file else "Same title, artist and length"
        head = QHBoxLayout()
        head.addWidget(Label(why, size=theme.CAPTION, tone="muted"), 1)
        merge = Button(
            look,
            "merge_button",
            "Merge",
            says=f"Merge the duplicates of {found.songs[0].title}",
            tip="Keep one: it takes rating, plays, tags and places in set lists of the others",
        )
        merge.setAutoDefault(False)
        merge.clicked.connect(self._on_merge)
        head.addWidget(merge)
        self.column.addLayout(head)
        self._rows: list[tuple[Label, Button]] = []
        for song in self._songs:
            self.column.addWidget(self._row(look, song))
        self._keep = self._songs[0]
        self._show()

    def _row(self, look: Look, song: SongRow) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S)
        facts = text.joined(
            song.artist,
            text.clock(song.duration_s),
            text.engine(song.engine),
            f"added {text.short_date(song.added_at)}",
            "★" * song.rating,
            text.counted(song.play_count, "play") if song.play_count else "",
        )
        line.addWidget(Label(song.title, strong=True))
        line.addWidget(Label(facts, size=theme.CAPTION, tone="muted", tabular=True), 1)
        kept = Label("Stays", size=theme.CAPTION, tone="ok")
        keep = Button(
            look, "keep_button", "Keep this one", kind=Kind.QUIET, says=f"Keep {song.title}"
        )
        keep.setAutoDefault(False)
        keep.clicked.connect(lambda _on=False: self._on_keep(song))
        line.addWidget(kept)
        line.addWidget(keep)
        row.setFixedHeight(theme.CONTROL_HEIGHT)
        self._rows.append((kept, keep))
        return row

    def _on_keep(self, song: SongRow) -> None:
        self._keep = song
        self._show()

    def _show(self) -> None:
        for song, (kept, keep) in zip(self._songs, self._rows, strict=True):
            kept.setVisible(song.id == self._keep.id)
            keep.setVisible(song.id != self._keep.id)

    @Slot()
    def _on_merge(self) -> None:
        others = [song for song in self._songs if song.id != self._keep.id]
        self.merge_requested.emit(self._keep, others)


class DuplicatesPage(ToolPage):
    """Groups of duplicates.

    Signals:
        merge_requested(song to keep, list of the others).
    """

    merge_requested = Signal(object, object)

    def __init__(self, look: Look, care: LibraryCare) -> None:
        super().__init__(look, "duplicates_page")
        self._care = care
        care.duplicates_found.connect(self._on_found)

    def refresh(self) -> None:
        """Look for duplicates."""
        self._care.find_duplicates()

    @Slot(object)
    def _on_found(self, found: Sequence[Duplicates]) -> None:
        self.clear()
        if not found:
            self.tell("No song is there twice.")
            return
        songs = sum(len(group.songs) - 1 for group in found)
        self.tell(
            f"{text.counted(songs, 'song')} too many. Merging keeps one of each and moves the"
            " others to the trash; undo brings them back."
        )
        for group in found[:MOST_ROWS]:
            card = _Group(self.look, group)
            card.merge_requested.connect(self.merge_requested, Qt.ConnectionType.QueuedConnection)
            self.add(card)
        self.add_rest(len(found) - MOST_ROWS, "groups")
