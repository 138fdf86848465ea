"""Settings under way: which pages there are, and what a change does at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.engines import AUTO, model_folders
from karaoke_studio.job import BIT_DEPTHS, BUILTIN_ENGINES, FORMATS
from karaoke_studio.jobs.folder_facts import FolderFacts
from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Label, Paragraph
from karaoke_studio.ui.setting_rows import Pick, PickRow, Place, Template, TemplateRow
from karaoke_studio.ui.settings_dialog import Page, SettingsDialog
from karaoke_studio.ui.theme import Look

_THEMES = (("system", "Like the system"), ("dark", "Dark"), ("light", "Light"))
_COLOURS = (("magma", "Magma"), ("viridis", "Viridis"))
_LOSSLESS = ("wav", "flac")
_BITRATES = (320, 256, 192, 128)
_NEXT_SONG = "From the next song on."


_QUALITIES = (
    ("draft", "Draft: quick, to try a song"),
    ("normal", "Normal"),
    ("best", "Best: takes its time"),
)
_STEMS = (("pair", "Voice and music"), ("all", "Every part that the engine can tell apart"))
_DEVICES = (
    ("auto", "Automatic: the fastest that works"),
    ("cpu", "Processor"),
    *(
        ("cuda", "NVIDIA or AMD graphics card"),
        ("mps", "Apple graphics"),
        ("xpu", "Intel graphics"),
    ),
)
_MODES = (("exact", "Quick, same result"), ("reference", "As Demucs does it"))
_OVERLAPS = ((0.1, "10 %"), (0.25, "25 %, the usual"), (0.5, "50 %, slower"))
_PASSES = ((0, "One"), *((n, f"{n}, {n} times as long") for n in (2, 3, 5, 10)))


def _threads() -> tuple[tuple[int, str], ...]:
    there = os.cpu_count() or 1
    return ((0, "All that the processor has"), *((n, str(n)) for n in range(1, there + 1)))


def _engines(names: list[str]) -> tuple[tuple[str, str], ...]:
    offered = (*BUILTIN_ENGINES, *sorted(set(names) - {*BUILTIN_ENGINES, AUTO}))
    return (
        (AUTO, "Automatic: what the quality asks for"),
        *((name, text.engine(name)) for name in offered),
    )


PAGES = (
    Page(
        "general",
        "General",
        (
            Pick("theme", "Theme", _THEMES, "Colours of the window"),
            Pick("spectrogram_colours", "Spectrogram", _COLOURS, "Colours of the spectrogram"),
        ),
    ),
    Page(
        "making",
        "Making",
        (
            Pick("quality", "Quality", _QUALITIES, "How much care new songs get", _NEXT_SONG),
            Pick("stems", "Parts", _STEMS, "Which parts of a new song are kept", _NEXT_SONG),
            Place(
                "model_folder",
                "Models",
                "the program's own folder",
                "A folder in which models are looked for first",
                _NEXT_SONG,
            ),
        ),
    ),
    Page(
        "advanced",
        "Advanced",
        (
            Pick("engine", "Engine", _engines([]), "What tells voice from music", _NEXT_SONG),
            Pick("device", "Device", _DEVICES, "What networks compute on", _NEXT_SONG),
            Pick("threads", "Threads", _threads, "How many threads of the processor are used"),
            Pick("network_mode", "Method", _MODES, "How a network is run"),
            Pick("overlap", "Overlap", _OVERLAPS, "How far pieces of a song reach into the next"),
            Pick("shifts", "Passes", _PASSES, "Several passes are averaged"),
        ),
    ),
    Page(
        "export",
        "Export",
        (
            Pick(
                "export_format",
                "Format",
                tuple((name, text.file_format(name)) for name in FORMATS),
                "Format of exported files",
            ),
            Pick(
                "export_bit_depth",
                "Depth",
                tuple((depth, text.bit_depth(depth)) for depth in BIT_DEPTHS),
                "Bits of WAV and FLAC; FLAC has at most 24",
            ),
            Pick(
                "export_bitrate_kbps",
                "Quality",
                ((0, "Standard"), *((kbps, f"{kbps} kbit/s") for kbps in _BITRATES)),
                "Size and quality of MP3, M4A, OGG and Opus",
            ),
            Template(
                "export_name",
                "Name",
                "{title}, {artist}, {album}, {stem} and {engine} are filled in for each file",
            ),
            Place(
                "export_folder",
                "Folder",
                "the music folder",
                "Where exported files go until another folder is chosen",
            ),
        ),
    ),
    Page("library", "Library"),
)


class Preferences(QObject):
    """Opens the settings, keeps them and lets changes act.

    Args:
        look: the theme.
        data: where the program keeps its data.
        read: the settings of now.
        change: takes the name of a field and its new value, and keeps it.
        open_folder: shows a folder in the system's file manager.
        window: the window they belong to.

    Thread: GUI.
    """

    def __init__(
        self,
        look: Look,
        data: DataFolder,
        read: Callable[[], Settings],
        change: Callable[[str, Any], None],
        open_folder: Callable[[Path], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._data, self._window = look, data, window
        self._read, self._change, self._open_folder = read, change, open_folder
        self._dialog: SettingsDialog | None = None
        self._size_label: Label | None = None
        self._facts = FolderFacts(self)
        self._facts.sized.connect(self._on_sized)
        self._facts.models_found.connect(self._on_models_found)

    def close(self) -> None:
        """Stop looking into folders."""
        self._facts.close()

    def open(self, page: str = "") -> SettingsDialog:
        """Show the settings, at a page where one is named."""
        if self._dialog is None:
            dialog = SettingsDialog(self._look, PAGES, self._read(), self._window)
            self._add_library(dialog)
            dialog.changed.connect(self._on_changed)
            dialog.finished.connect(self._on_closed)
            self._dialog = dialog
            self._show_format()
            self._look_for_models()
            self._facts.ask_size(self._data.library)
            dialog.open()
        if page:
            self._dialog.show_page(page)
        return self._dialog

    # -- pages with more than fields

    def _add_library(self, dialog: SettingsDialog) -> None:
        page = dialog.pages["library"]
        folder = QWidget()
        column = QVBoxLayout(folder)
        column.setContentsMargins(0, theme.XS, 0, 0)
        column.setSpacing(theme.XS)
        path = Label(str(self._data.library), elide=Qt.TextElideMode.ElideMiddle)
        path.setObjectName("library_label")
        self._size_label = Label("Adding up…", size=theme.CAPTION, tone="muted")
        self._size_label.setObjectName("library_size_label")
        column.addWidget(path)
        column.addWidget(self._size_label)
        page.add_line("Folder", folder)
        page.add_line("", self._button_row(self._library_buttons()))
        hint = Paragraph(
            "Songs, their covers and the trash are in it.",
            size=theme.CAPTION,
            tone="muted",
        )
        page.add_line("", hint)

    def _library_buttons(self) -> tuple[Button, ...]:
        show = Button(
            self._look,
            "library_show_button",
            "Show in folder",
            icon="folder-open",
            tip="Show the library in the file manager",
        )
        show.clicked.connect(self._on_show_library)
        return (show,)

    @staticmethod
    def _button_row(buttons: tuple[Button, ...]) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.S)
        for button in buttons:
            button.setAutoDefault(False)
            line.addWidget(button)
        line.addStretch(1)
        return row

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
        self._dialog.row("export_bit_depth").setEnabled(chosen in _LOSSLESS)
        self._dialog.row("export_bitrate_kbps").setEnabled(chosen not in _LOSSLESS)
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
            row.set_options(_engines(names), self._read().engine)

    @Slot(object, object, object)
    def _on_sized(self, _folder: Path, size: int, free: int) -> None:
        if self._dialog is not None and self._size_label is not None:
            self._size_label.setText(text.folder_size(size, free))

    @Slot()
    def _on_show_library(self) -> None:
        self._open_folder(self._data.library)

    @Slot()
    def _on_closed(self) -> None:
        self._dialog, self._size_label = None, None
