"""Dated copies of the index, made by themselves: what is only in it can be had back.

They lie in `.backups` of the library. Manifests and files need none: they are the truth.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = ".backups"
KEPT = 10
_PREFIX, _SUFFIX = "library-", ".sqlite3"
_PART = ".part"
_PART_LASTS_S = 3600.0


def dated_backups(library: Path) -> list[Path]:
    """Return the copies, the newest first."""
    try:
        found = [
            path
            for path in (library / FOLDER).iterdir()
            if path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)
        ]
    except OSError:
        return []
    return sorted(found, key=lambda path: path.name, reverse=True)


def is_due(library: Path) -> bool:
    """Whether no copy was made today (UTC)."""
    today = time.strftime("%Y%m%d", time.gmtime())
    return not any(path.name.startswith(_PREFIX + today) for path in dated_backups(library))


def back_up_index(connection: sqlite3.Connection, library: Path, why: str = "daily") -> Path | None:
    """Copy the index to a new dated file, flushed and checked; the oldest over `KEPT` go.

    Args:
        connection: to the index, in no transaction.
        library: its folder.
        why: part of the name, such as "daily" or "before-3".

    Returns:
        The copy; None where it could not be made, which is logged: work goes on all the same.
    """
    folder = library / FOLDER
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    target = folder / f"{_PREFIX}{stamp}-{why}{_SUFFIX}"
    part = target.with_name(f"{target.name}-{uuid.uuid4().hex[:8]}{_PART}")
    try:
        folder.mkdir(exist_ok=True)
        _sweep(folder)
        with closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
            (answer,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        _flush(part)
        part.replace(target)
        for old in dated_backups(library)[KEPT:]:
            old.unlink()
    except (OSError, sqlite3.Error) as exc:
        log.warning("the index could not be backed up: %s", exc)
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return None
    return target


def _sweep(folder: Path) -> None:
    """Remove what a crash left; a copy that another program makes just now is younger."""
    for left in folder.glob(f"*{_PART}"):
        if left.stat().st_mtime < time.time() - _PART_LASTS_S:
            left.unlink()


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def forget_all(library: Path) -> None:
    """Remove every copy, such as when a song must leave no trace.

    Raises:
        OSError: one cannot be removed.
    """
    for path in dated_backups(library):
        path.unlink()
