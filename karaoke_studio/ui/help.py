"""Help: keys, who made this, the log folder, and a report of what works on this computer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from karaoke_studio.jobs.help_desk import HelpDesk
from karaoke_studio.paths import DataFolder
from karaoke_studio.ui import theme
from karaoke_studio.ui.about import AboutDialog
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.controls import Button, Label
from karaoke_studio.ui.keys import KeySheet
from karaoke_studio.ui.settings_dialog import SettingsDialog, button_row
from karaoke_studio.ui.theme import Look

_TOLD_MS = 8_000


class Help(QObject):
    """Opens what helps.

    Args:
        look: the theme.
        data: where the program keeps its data.
        banners: where it tells what it did.
        open_folder: shows a folder in the system's file manager.
        window: the window it belongs to.

    Signals:
        told: what it did last, in a sentence.

    Thread: GUI.
    """

    told = Signal(str)

    def __init__(
        self,
        look: Look,
        data: DataFolder,
        banners: Banners,
        open_folder: Callable[[Path], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._data, self._window = look, data, window
        self._banners, self._open_folder = banners, open_folder
        self._desk = HelpDesk(data, self)
        self._desk.diagnosed.connect(self._on_diagnosed)

    def close(self) -> None:
        """Stop looking."""
        self._desk.close()

    @Slot()
    def show_keys(self) -> None:
        """Show all keys."""
        KeySheet(self._look, self._window).open()

    @Slot()
    def show_about(self) -> None:
        """Show who this is."""
        dialog = AboutDialog(self._look, self._window)
        dialog.papers_requested.connect(self._desk.ask_papers)
        self._desk.parts_found.connect(dialog.show_parts)
        self._desk.papers_read.connect(dialog.show_papers)
        self._desk.ask_parts()
        dialog.open()

    @Slot()
    def show_logs(self) -> None:
        """Show what the program wrote down about its work."""
        self._open_folder(self._data.logs)

    @Slot()
    def copy_diagnosis(self) -> None:
        """Put a report of what works here on the clipboard; takes some seconds."""
        self._tell("Looking at this computer…")
        self._desk.ask_diagnosis()

    def fill_page(self, dialog: SettingsDialog) -> None:
        """Put all of it on the page "help" of the settings."""
        page = dialog.pages["help"]
        logs = Button(
            self._look,
            "help_logs_button",
            "Show the log folder",
            icon="folder-open",
            tip="What the program wrote down about its work",
        )
        report = Button(
            self._look,
            "help_report_button",
            "Copy diagnostics",
            icon="copy",
            tip="Put a report of what works on this computer on the clipboard",
        )
        keys = Button(
            self._look, "help_keys_button", "Keyboard", icon="keyboard", tip="All keys (F1)"
        )
        about = Button(
            self._look,
            "help_about_button",
            "About and licences",
            icon="info",
            tip="Who made this, and on what terms",
        )
        logs.clicked.connect(self.show_logs)
        report.clicked.connect(self.copy_diagnosis)
        keys.clicked.connect(self.show_keys)
        about.clicked.connect(self.show_about)
        page.add_line("When stuck", button_row(logs, report))
        page.add_line("To know more", button_row(keys, about))
        told = Label(size=theme.CAPTION, tone="muted")
        told.setObjectName("help_told")
        self.told.connect(told.setText)
        page.add_line("", told)

    @Slot(str)
    def _on_diagnosed(self, report: str) -> None:
        if report:
            QGuiApplication.clipboard().setText(report)
            words = "The report is on the clipboard. Paste it where you ask for help."
        else:
            words = "This computer could not be looked at. The log folder says more."
        self._tell(words, for_ms=_TOLD_MS)

    def _tell(self, words: str, for_ms: int = 0) -> None:
        self._banners.notice.tell(words, for_ms=for_ms)
        self.told.emit(words)
