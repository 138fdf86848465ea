"""Where and how finished songs are written as files without being asked each time."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths

from karaoke_studio.job import STEMS, OutputSpec
from karaoke_studio.settings import Settings


def default_folder() -> Path:
    """Return where exports go until the person chooses."""
    music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
    return Path(music or Path.home()) / "Karaoke"


def auto_output(settings: Settings) -> OutputSpec:
    """Return how a finished song is written."""
    folder = settings.auto_export_folder or settings.export_folder
    return OutputSpec(
        Path(folder) if folder else default_folder(),
        format=settings.export_format,
        bit_depth=settings.export_bit_depth,
        bitrate_kbps=settings.export_bitrate_kbps or None,
        name=settings.export_name,
    )


def auto_stems(settings: Settings) -> tuple[str, ...]:
    """Return which stems of a finished song are written."""
    wanted = settings.export_stems.split(",")
    return tuple(stem for stem in STEMS if stem in wanted) or STEMS
