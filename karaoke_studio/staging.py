"""Staging folders, locks and durable files: everything that keeps a crash from leaving halves.

A staging folder belongs to the process that holds the lock file inside it. The lock is the
system's own (it ends with the process, whatever ends the process), so a folder that is not locked
is left over and can be swept.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Self

log = logging.getLogger(__name__)

#: In a job's staging folder: the song, and its peaks before it is separated.
ORIGINAL, ORIGINAL_PEAKS = "original.f32", "original.peaks"
#: Vocals that will be kept, and those of the built-in engine that are heard until they are there.
VOCALS, DRAFT = "vocals.f32", "draft.f32"

#: Of a song that a network makes: what of it is on disk for certain, and which song it is.
JOURNAL, UNFINISHED = "journal", "unfinished.json"
#: So long a song that a crash interrupted can be gone on with.
_KEPT_S = 24 * 3600.0

_LOCK_NAME = ".lock"
#: In the lock file once its owner holds the lock: a file without it may be one just being made.
_OWNED = b"owned"
#: What is just being made is younger than this.
_YOUNG_S = 60.0
#: A sweeper that looks at a new folder holds its lock for a moment.
_LOCK_TRIES, _LOCK_PAUSE_S = 20, 0.01
#: Disks where folders cannot be flushed, and folders that may be written but not read.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES, errno.EPERM}


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
        """Make and lock the folder.

        Raises:
            OSError: it cannot be made, or is there already.
        """
        folder.mkdir(parents=True)
        self.folder = folder
        try:
            self._lock = (folder / _LOCK_NAME).open("wb", buffering=0)
        except OSError:
            folder.rmdir()
            raise
        for _ in range(_LOCK_TRIES):
            if try_lock(self._lock):
                break
            time.sleep(_LOCK_PAUSE_S)
        # a disk without locks is used all the same; a sweeper there finds every lock taken
        try:
            self._lock.write(_OWNED)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._lock.close()
        _remove(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def sweep(parent: Path, pattern: str = "*") -> int:
    """Remove staging folders whose owner is gone; return how many.

    A folder without our lock file is not ours: it is left alone unless it is empty. Of a song that
    can be gone on with (`take_over`) the stems stay for a day.
    """
    swept = 0
    for folder in parent.glob(pattern):
        try:
            is_left_over = folder.is_dir() and not folder.is_symlink() and _is_left_over(folder)
        except OSError:  # another sweeper was faster
            continue
        if is_left_over and _can_go_on(folder):
            _strip(folder)
        elif is_left_over:
            _remove(folder)
            swept += 1
    if swept:
        log.info("swept %d left-over staging folders", swept)
    return swept


def take_over(folder: Path, song: dict[str, Any]) -> bool:
    """Bring in what an interrupted program left of a song, to go on with it.

    Args:
        folder: the staging folder of the new job; its neighbours are looked at.
        song: plain values that tell the song, its model and its `stems`; remembered in the folder.

    Returns:
        Whether there was something.

    Raises:
        OSError: the disk is full.
    """
    found = False
    for other in folder.parent.iterdir():
        if other != folder and not found and _read(other / UNFINISHED) == song:
            found = _bring(other, folder, [f"{stem}.f32" for stem in song["stems"]])
    write_json_atomic(folder / UNFINISHED, song)
    return found


def _bring(other: Path, folder: Path, stems: list[str]) -> bool:
    """Move stems and their journal out of a folder whose owner is gone; then it goes."""
    try:
        with (other / _LOCK_NAME).open("r+b") as file:
            if not try_lock(file):
                return False
            for name in (*stems, JOURNAL):
                (other / name).replace(folder / name)
    except OSError as exc:  # not whole: then the song begins anew
        log.info("%s cannot be gone on with: %s", other.name, exc)
        return False
    _remove(other)
    log.info("%s is gone on with", other.name)
    return True


def _can_go_on(folder: Path) -> bool:
    try:
        age_s = time.time() - (folder / JOURNAL).stat().st_mtime
    except OSError:
        return False
    return age_s < _KEPT_S and _read(folder / UNFINISHED) is not None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        song = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return song if isinstance(song, dict) else None


def _strip(folder: Path) -> None:
    """Leave of a folder what it takes to go on."""
    stems = (_read(folder / UNFINISHED) or {}).get("stems")
    kept = {JOURNAL, UNFINISHED, *(f"{stem}.f32" for stem in stems or ())}
    _remove_files(folder, kept)


def _is_left_over(folder: Path) -> bool:
    try:
        with (folder / _LOCK_NAME).open("r+b") as file:
            if not try_lock(file):
                return False
            return file.read() == _OWNED or _is_old(folder)
    except FileNotFoundError:
        return _is_old(folder) and not any(folder.iterdir())
    except OSError:
        return False


def _is_old(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > _YOUNG_S


def _remove(folder: Path) -> None:
    """Remove a staging folder, the lock file last: what a crash leaves can still be swept."""
    _remove_files(folder, set())
    shutil.rmtree(folder, ignore_errors=True)


def _remove_files(folder: Path, kept: set[str]) -> None:
    """Remove all but some files and the lock from a staging folder."""
    try:
        inside = [path for path in folder.iterdir() if path.name not in {_LOCK_NAME, *kept}]
    except OSError:
        return
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def write_json_atomic(path: Path, data: object) -> None:
    """Write JSON beside the file, flush it to disk, then rename it into place.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    try:
        body = json.dumps(data, ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:
        # lone surrogates (file names in other encodings) are no UTF-8: written as escapes
        body = json.dumps(data, indent=1).encode()
    write_bytes_atomic(path, body)


def write_bytes_atomic(path: Path, body: bytes) -> None:
    """Do the same with bytes.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
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
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as exc:
        if exc.errno not in _NO_FOLDER_SYNC:
            raise


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
