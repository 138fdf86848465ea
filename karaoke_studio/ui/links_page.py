"""Songs whose own files were not copied: which are lost, and finding them where they are now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.relocate import Linked
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Kind, Label, SmoothBar
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import MOST_ROWS, Card, ToolPage


class LinksPage(ToolPage):
    """Linked songs that are lost, and a search for them."""

    def __init__(self, look: Look, care: LibraryCare) -> None:
        super().__init__(look, "links_page")
        self._care = care
        self._lost: list[Linked] = []
        self._places: dict[str, Path] = {}
        self._is_looking = False
        self.bar = SmoothBar(look, "links_bar", "Progress of the search")
        self.bar.hide()
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.bar)
        self.look_button = self.button(
            "links_look",
            "Look in a folder…",
            self._on_look,
            tip="Looks through the folder and all folders in it, and compares the content",
        )
        self.use_button = self.button("links_use", "Use them", self._on_use, kind=Kind.PRIMARY)
        self.cancel_button = self.button("links_cancel", "Stop looking", care.cancel)
        self.use_button.hide()
        self.cancel_button.hide()
        care.linked_found.connect(self._on_linked)
        care.places_found.connect(self._on_places)
        care.progressed.connect(self._on_progressed)
        care.cancelled.connect(self._on_cancelled)

    def refresh(self) -> None:
        """See which files are there."""
        self._care.find_linked()

    @Slot(object)
    def _on_linked(self, songs: Sequence[Linked]) -> None:
        self._lost = [song for song in songs if not song.is_there]
        self._places = {}
        self.use_button.hide()
        self.look_button.set_available(bool(self._lost), "No file is lost")
        if not songs:
            self.tell(
                "No song is linked: the library keeps a copy of each song's file. Settings, New"
                " songs, has a switch for that."
            )
        elif not self._lost:
            self.tell(f"{text.counted(len(songs), 'song')} linked, and all files are there.")
        else:
            self.tell(
                f"{len(self._lost):,} of {text.counted(len(songs), 'linked song')} cannot be found."
                " They play, but cannot be made again until you show where the files are."
            )
        self._show()

    def _show(self) -> None:
        self.clear()
        for song in self._lost[:MOST_ROWS]:
            self.add(self._row(song))
        self.add_rest(len(self._lost) - MOST_ROWS, "songs")

    def _row(self, song: Linked) -> QWidget:
        card = Card(self.look, "link_row")
        line = QHBoxLayout()
        line.setSpacing(theme.S)
        line.addWidget(Label(text.joined(song.title, song.artist), strong=True), 1)
        found = self._places.get(song.song_id)
        if found is not None:
            line.addWidget(Label("Found", size=theme.CAPTION, tone="ok"))
        card.column.addLayout(line)
        card.column.addWidget(
            Label(
                str(found or song.path),
                size=theme.CAPTION,
                tone="muted",
                elide=Qt.TextElideMode.ElideMiddle,
            )
        )
        return card

    def _on_look(self) -> None:
        dialog = QFileDialog(self.window(), "Look for the files in", str(Path.home()))
        dialog.setObjectName("links_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.look_in)
        dialog.open()

    @Slot(str)
    def look_in(self, name: str) -> None:
        """Look for what is lost in a folder."""
        self._set_looking(on=True)
        self.tell("Looking for the files…")
        self._care.look_for(self._lost, Path(name))

    def _set_looking(self, *, on: bool) -> None:
        self._is_looking = on
        self.bar.restart()
        self.bar.setVisible(on)
        self.cancel_button.setVisible(on)
        self.look_button.setVisible(not on)

    @Slot(float)
    def _on_progressed(self, share: float) -> None:
        if self._is_looking:
            self.bar.advance(share)

    @Slot(object)
    def _on_places(self, places: dict[str, Path]) -> None:
        self._set_looking(on=False)
        self._places = places
        if not places:
            self.tell("None of the files is in that folder. Try another one.", "warn")
            return
        self.tell(f"{len(places):,} of {len(self._lost):,} found, with the same content.", "ok")
        self._lost.sort(key=lambda song: song.song_id not in places)
        self.use_button.set_words("Use it" if len(places) == 1 else f"Use all {len(places):,}")
        self.use_button.show()
        self._show()

    def _on_use(self) -> None:
        self._care.relink(self._places)

    @Slot()
    def _on_cancelled(self) -> None:
        if self._is_looking:
            self._set_looking(on=False)
            self.refresh()
