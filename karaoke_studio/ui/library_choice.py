"""Another library: one that is there already, or a new one in a folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.folder_facts import FolderFacts
from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Paragraph
from karaoke_studio.ui.settings_dialog import SettingsDialog, button_row
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import Question

_HINT = "Songs of the other library are shown instead; this one stays as it is."


class LibraryChoice(QObject):
    """Adds to the page "library" of the settings.

    Args:
        library: the one that is used now.
        usual: the one in the program's own folder.
        facts: looks into the chosen folder, and makes it a library's.

    Signals:
        confirmed(path, as a setting): use this library; "" = the usual one.
    """

    confirmed = Signal(str)

    def __init__(
        self, look: Look, library: Path, usual: Path, facts: FolderFacts, dialog: SettingsDialog
    ) -> None:
        super().__init__(dialog)
        self._look, self._library, self._usual = look, library, usual
        self._facts, self._dialog = facts, dialog
        self.other_button = Button(
            look,
            "library_other_button",
            "Open another…",
            icon="books",
            tip="Open a library in another folder, or begin one there",
        )
        self.usual_button = Button(
            look, "library_usual_button", "Use the usual one", tip="Go back to the first library"
        )
        self.usual_button.setVisible(library != usual)
        self._told = Paragraph(_HINT, size=theme.CAPTION, tone="muted")
        self._told.setObjectName("library_choice_told")
        page = dialog.pages["library"]
        page.add_line("Others", button_row(self.other_button, self.usual_button))
        page.add_line("", self._told)
        self.other_button.clicked.connect(self._on_other)
        self.usual_button.clicked.connect(self._on_usual)
        facts.library_found.connect(self._on_found)
        facts.library_begun.connect(self._on_begun)

    @Slot()
    def _on_usual(self) -> None:
        self.confirmed.emit("")

    @Slot()
    def _on_other(self) -> None:
        dialog = QFileDialog(self._dialog, "Folder of the other library", str(Path.home()))
        dialog.setObjectName("library_other_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.choose)
        dialog.open()

    @Slot(str)
    def choose(self, name: str) -> None:
        """Look what is in a folder that was chosen."""
        self._facts.ask_library(Path(name))

    @Slot(object, bool)
    def _on_found(self, folder: Path, there: bool) -> None:
        if folder == self._library:
            self._told.setText("This library is open already.")
            self._told.set_tone("warn")
            return
        begin = f"There is no library in this folder yet. One is begun in {folder}."
        question = Question(
            self._look,
            "library_question",
            "Open this library?" if there else "Begin a new library?",
            f"{folder}. {_HINT}" if there else begin,
            "Open" if there else "Begin",
            self._dialog,
        )
        question.confirmed.connect(lambda: self._use(folder))
        question.open()

    def _use(self, folder: Path) -> None:
        if folder == self._usual:
            self.confirmed.emit("")
        else:
            self._facts.begin_library(folder)

    @Slot(object, object)
    def _on_begun(self, folder: Path, problem: KaraokeError | None) -> None:
        if problem is None:
            self.confirmed.emit(str(folder))
        else:
            self._told.setText(f"{problem.message} {problem.hint}".rstrip())
            self._told.set_tone("error")
