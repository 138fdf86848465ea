"""Keeps the settings on disk without the window waiting for the disk."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QObject

from karaoke_studio.jobs.lane import Lane
from karaoke_studio.settings import Settings, save_settings

log = logging.getLogger(__name__)


class Keeper(QObject):
    """Writes settings in a thread of its own; of several that wait only the last are written.

    A disk that is busy with a song takes a tenth of a second and more to say that they are safe.

    Thread: GUI.
    """

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._lane = Lane("settings", self)
        self._wanted: Settings | None = None
        self._written: Settings | None = None

    def keep(self, settings: Settings) -> None:
        """Write settings soon."""
        self._wanted = settings
        self._lane.put(self._write)

    def close(self) -> None:
        """Write what still waits, then end the thread."""
        self._lane.close()

    def _write(self) -> None:
        wanted = self._wanted
        if wanted is None or wanted is self._written:
            return
        self._written = wanted
        try:
            save_settings(wanted, self._path)
        except OSError as exc:
            log.warning("settings could not be saved: %s", exc)
