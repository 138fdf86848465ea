"""Settings under way: the dialog, and what a change does at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.engines import model_folders
from karaoke_studio.jobs.devices import Device
from karaoke_studio.jobs.folder_facts import FolderFacts
from karaoke_studio.jobs.moving import Mover
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import Settings
from karaoke_studio.ui.help import Help
from karaoke_studio.ui.library_choice import LibraryChoice
from karaoke_studio.ui.library_page import LibraryPage
from karaoke_studio.ui.setting_pages import (
    LOSSLESS,
    PAGES,
    device_options,
    engine_options,
    sound_options,
)
from karaoke_studio.ui.setting_rows import PickRow, TemplateRow
from karaoke_studio.ui.settings_dialog import SettingsDialog
from karaoke_studio.ui.theme import Look


class Preferences(QObject):
    """Opens the settings, keeps them and lets changes act.

    Args:
        look: the theme.
        data: where the program keeps its data.
        read: the settings of now.
        change: takes the name of a field and its new value, and keeps it.
        open_folder: shows a folder in the system's file manager.
        queue: knows whether songs are being made, and which sound outputs there are.
        help_: fills the page of that name.
        window: the window they belong to.

    Signals:
        move_confirmed: PlannedMove that the person wants.
        library_chosen: folder of another library, "" = the usual one.

    Thread: GUI.
    """

    move_confirmed = Signal(object)
    library_chosen = Signal(str)

    def __init__(
        self,
        look: Look,
        data: DataFolder,
        read: Callable[[], Settings],
        change: Callable[[str, Any], None],
        open_folder: Callable[[Path], None],
        queue: JobQueue,
        help_: Help,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._data, self._window = look, data, window
        self._read, self._change, self._open_folder = read, change, open_folder
        self._queue, self._help = queue, help_
        self._mover = Mover(data.move_journal, self)
        self._dialog: SettingsDialog | None = None
        self._facts = FolderFacts(self)
        self._facts.models_found.connect(self._on_models_found)
        queue.sound_devices_listed.connect(self._on_sound_devices)
        queue.devices_found.connect(self._on_devices)
        self._devices: list[Device] = []

    def close(self) -> None:
        """Stop looking into folders."""
        self._facts.close()
        self._mover.close()

    def settle_move(self) -> None:
        """Remove what an earlier move of the library left."""
        chosen = self._read().library_folder
        # a start with another library, because the disk of this one is not there, settles nothing
        if self._data.own_library == (Path(chosen) if chosen else None):
            self._mover.settle(self._data.library)

    def open(self, page: str = "") -> SettingsDialog:
        """Show the settings, at a page where one is named."""
        if self._dialog is None:
            dialog = SettingsDialog(self._look, PAGES, self._read(), self._window)
            library = LibraryPage(
                self._look,
                self._data.library,
                self._facts,
                self._mover,
                self._queue.is_busy,
                dialog,
            )
            usual = replace(self._data, own_library=None).library
            choice = LibraryChoice(self._look, self._data.library, usual, self._facts, dialog)
            choice.confirmed.connect(self.library_chosen)
            self._help.fill_page(dialog)
            library.show_requested.connect(self._open_folder)
            library.confirmed.connect(self.move_confirmed)
            dialog.changed.connect(self._on_changed)
            dialog.finished.connect(self._on_closed)
            self._dialog = dialog
            self._show_format()
            self._show_devices()
            self._look_for_models()
            self._queue.list_sound_devices()
            self._queue.look_for_devices()
            dialog.open()
        if page:
            self._dialog.show_page(page)
        return self._dialog

    # -- answers

    @Slot(str, object)
    def _on_changed(self, field: str, value: Any) -> None:
        self._change(field, value)
        if field == "export_format":
            self._show_format()
        if field == "model_folder":
            self._look_for_models()

    def _show_format(self) -> None:
        """Offer depth or bitrate, whichever the format has, and show its ending in names."""
        if self._dialog is None:
            return
        chosen = self._read().export_format
        self._dialog.row("export_bit_depth").setEnabled(chosen in LOSSLESS)
        self._dialog.row("export_bitrate_kbps").setEnabled(chosen not in LOSSLESS)
        row = self._dialog.row("export_name")
        if isinstance(row, TemplateRow):
            row.show_suffix(f".{chosen}")

    def _look_for_models(self) -> None:
        chosen = self._read().model_folder
        self._facts.ask_models(model_folders(self._data, Path(chosen) if chosen else None))

    @Slot(object)
    def _on_models_found(self, names: list[str]) -> None:
        row = self._dialog.row("engine") if self._dialog else None
        if isinstance(row, PickRow):
            row.set_options(engine_options(names), self._read().engine)

    @Slot(object)
    def _on_sound_devices(self, names: list[str]) -> None:
        row = self._dialog.row("sound_device") if self._dialog else None
        if isinstance(row, PickRow):
            row.set_options(sound_options(names), self._read().sound_device)

    @Slot(object)
    def _on_devices(self, devices: list[Device]) -> None:
        self._devices = devices
        self._show_devices()

    def _show_devices(self) -> None:
        """Offer the devices that are there, as soon as anybody has looked for them."""
        row = self._dialog.row("device") if self._dialog else None
        if isinstance(row, PickRow) and self._devices:
            row.set_options(device_options(self._devices), self._read().device)

    @Slot()
    def _on_closed(self) -> None:
        self._dialog = None
