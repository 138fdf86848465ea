"""Looks into folders in a thread of its own: their size, and the models that lie in them."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.engines import installed_models
from karaoke_studio.errors import KaraokeError, error_from_os
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.library.move import FOLDER_NAME
from karaoke_studio.library.schema import DATABASE

log = logging.getLogger(__name__)


class FolderFacts(QObject):
    """What is in folders that may be large, slow or gone.

    Signals:
        sized(folder, bytes in it, bytes free on its disk): -1 where that cannot be told.
        models_found(names): models that are installed.
        library_found(folder, whether a library is there): where one is in a chosen folder, or
            would be begun.
        library_begun(folder, KaraokeError or None): a library can be opened in it now, or why not.
        free_told(bytes): room on a folder's disk, -1 where that cannot be told.

    Thread: GUI; the looking happens in a lane that `close` ends.
    """

    sized = Signal(object, object, object)
    models_found = Signal(object)
    free_told = Signal(object)
    library_found = Signal(object, bool)
    library_begun = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lane = Lane("folder-facts", self)
        self._end = threading.Event()

    def ask_size(self, folder: Path) -> None:
        """Begin to add up a folder."""
        self._lane.put(lambda: self._add_up(folder))

    def ask_free(self, folder: Path) -> None:
        """Begin to look at the disk of a folder."""
        self._lane.put(lambda: self.free_told.emit(_free(folder)))

    def ask_library(self, folder: Path) -> None:
        """Begin to look for a library in a folder."""
        self._lane.put(lambda: self.library_found.emit(*library_in(folder)))

    def begin_library(self, folder: Path) -> None:
        """Begin to make a folder a library's, where it is none yet."""
        self._lane.put(lambda: self.library_begun.emit(folder, _begin(folder)))

    def ask_models(self, folders: tuple[Path, ...]) -> None:
        """Begin to look for models."""
        self._lane.put(lambda: self._look_for_models(folders))

    def close(self) -> None:
        """Stop looking."""
        self._end.set()
        self._lane.close()

    def _add_up(self, folder: Path) -> None:
        size = 0
        for path, _, names in os.walk(folder):
            for name in names:
                if self._end.is_set():
                    return
                size += _size(Path(path, name))
        try:
            free = shutil.disk_usage(folder).free
        except OSError as exc:
            log.info("the disk of a folder cannot be looked at: %s", exc)
            size, free = -1, -1
        self.sized.emit(folder, size, free)

    def _look_for_models(self, folders: tuple[Path, ...]) -> None:
        try:
            found = installed_models(folders)
        except OSError as exc:
            log.info("a model folder cannot be looked into: %s", exc)
            found = []
        if not self._end.is_set():
            self.models_found.emit(found)


def library_in(folder: Path) -> tuple[Path, bool]:
    """Return where the library of a chosen folder is, and whether it is there already."""
    for place in (folder, folder / FOLDER_NAME):
        if (place / DATABASE).is_file():
            return place, True
    return folder / FOLDER_NAME, False


def _begin(folder: Path) -> KaraokeError | None:
    try:
        # not empty, or it would pass for a disk that is not there
        (folder / ".staging").mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        return error_from_os(exc, folder, writing=True)
    return None


def _free(folder: Path) -> int:
    try:
        # what does not exist yet will be made on the disk of its parent
        there = next(place for place in (folder, *folder.parents) if place.exists())
        return shutil.disk_usage(there).free
    except (OSError, StopIteration) as exc:
        log.info("the disk of a folder cannot be looked at: %s", exc)
        return -1


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # it went away while we looked
        return 0
