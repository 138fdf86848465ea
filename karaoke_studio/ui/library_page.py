"""Where the library lives: its folder and size, and moving it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.folder_facts import FolderFacts
from karaoke_studio.jobs.moving import Mover
from karaoke_studio.library.move import PlannedMove
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Label, Paragraph
from karaoke_studio.ui.move_dialogs import MoveQuestion
from karaoke_studio.ui.settings_dialog import SettingsDialog, button_row
from karaoke_studio.ui.theme import Look

_HINT = "Songs, their covers and the trash are in it."


class LibraryPage(QObject):
    """Fills the page "library" of the settings.

    Signals:
        show_requested: folder to show in the file manager.
        confirmed: PlannedMove that the person wants.
    """

    show_requested = Signal(object)
    confirmed = Signal(object)

    def __init__(
        self,
        look: Look,
        library: Path,
        facts: FolderFacts,
        mover: Mover,
        is_busy: Callable[[], bool],
        dialog: SettingsDialog,
    ) -> None:
        super().__init__(dialog)
        self._look, self._library, self._dialog = look, library, dialog
        self._mover, self._is_busy = mover, is_busy
        self._size = Label("Adding up…", size=theme.CAPTION, tone="muted")
        self._size.setObjectName("library_size_label")
        self._told = Paragraph(_HINT, size=theme.CAPTION, tone="muted")
        self._told.setObjectName("library_told")
        self._show_button = Button(
            look,
            "library_show_button",
            "Show in folder",
            icon="folder-open",
            tip="Show the library in the file manager",
        )
        self._move_button = Button(
            look,
            "library_move_button",
            "Move…",
            icon="arrow-right",
            tip="Move the library to another folder or disk",
        )
        self._lay_out()
        self._show_button.clicked.connect(self._on_show)
        self._move_button.clicked.connect(self._on_move)
        facts.sized.connect(self._on_sized)
        mover.planned.connect(self._on_planned)
        mover.failed.connect(self._on_refused)
        facts.ask_size(library)

    def _lay_out(self) -> None:
        folder = QWidget()
        column = QVBoxLayout(folder)
        column.setContentsMargins(0, theme.S, 0, 0)
        column.setSpacing(theme.XS)
        path = Label(str(self._library), elide=Qt.TextElideMode.ElideMiddle)
        path.setObjectName("library_label")
        column.addWidget(path)
        column.addWidget(self._size)
        page = self._dialog.pages["library"]
        page.add_line("Folder", folder)
        page.add_line("", button_row(self._show_button, self._move_button))
        page.add_line("", self._told)

    @Slot(object, object, object)
    def _on_sized(self, _folder: Path, size: int, free: int) -> None:
        self._size.setText(text.folder_size(size, free))

    @Slot()
    def _on_show(self) -> None:
        self.show_requested.emit(self._library)

    @Slot()
    def _on_move(self) -> None:
        if self._is_busy():
            self._tell("Songs are being made or exported. Move the library when that is done.")
            return
        dialog = QFileDialog(self._dialog, "Move the library into", str(Path.home()))
        dialog.setObjectName("library_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    @Slot(str)
    def _on_chosen(self, name: str) -> None:
        self._move_button.set_available(False, "Looking at that folder…")
        self._mover.plan(self._library, Path(name))

    @Slot(object)
    def _on_planned(self, move: PlannedMove) -> None:
        self._move_button.set_available(True)
        self._told.setText(_HINT)
        self._told.set_tone("muted")
        question = MoveQuestion(self._look, move, self._dialog)
        question.confirmed.connect(self.confirmed)
        question.open()

    @Slot(object)
    def _on_refused(self, error: KaraokeError) -> None:
        self._move_button.set_available(True)
        self._tell(messages.library_failure(error).sentence)

    def _tell(self, words: str) -> None:
        self._told.setText(words)
        self._told.set_tone("error")
