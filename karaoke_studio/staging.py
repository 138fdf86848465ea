"""Staging folders, locks and durable files: everything that keeps a crash from leaving halves.

A staging folder belongs to the process that holds the lock file inside it. The lock is the
system's own (it ends with the process, whatever ends the process), so a folder that is not locked
is left over and can be swept.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

log = logging.getLogger(__name__)

_LOCK_NAME = ".lock"
#: A folder without a lock file may be one that is just being made; older ones are left over.
_YOUNG_S = 60.0


def try_lock(file: IO[bytes]) -> bool:
    """Take the system's exclusive lock on an open file; False when another process holds it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Staging:
    """A folder that one job works in; gone when the job is over.

    Attributes:
        folder: where the job may write.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._lock = (folder / _LOCK_NAME).open("wb")
        try_lock(self._lock)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def sweep(parent: Path, pattern: str = "*") -> int:
    """Remove staging folders whose owner is gone; return how many."""
    swept = 0
    for folder in parent.glob(pattern):
        if folder.is_dir() and not folder.is_symlink() and _is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    if swept:
        log.info("swept %d left-over staging folders", swept)
    return swept


def _is_left_over(folder: Path) -> bool:
    try:
        with (folder / _LOCK_NAME).open("r+b") as file:
            return try_lock(file)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _YOUNG_S
    except OSError:
        return False


def write_json_atomic(path: Path, data: object) -> None:
    """Write JSON beside the file, flush it to disk, then rename it into place.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk where the system can (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Flush a file's contents to disk."""
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder`, deepest first, to disk."""
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in files:
            sync_file(Path(parent) / name)
        for name in folders:
            sync_folder(Path(parent) / name)
    sync_folder(folder)
