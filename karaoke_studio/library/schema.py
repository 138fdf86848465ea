"""The index database: its tables, its migrations, and what its errors mean."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from karaoke_studio.errors import (
    DiskFull,
    KaraokeError,
    LibraryDamaged,
    LibraryLocked,
    LibraryReadOnly,
    LibraryTooNew,
)

log = logging.getLogger(__name__)

DATABASE = "library.sqlite3"
BUSY_S = 5.0
_APPLICATION_ID = 0x4B535444

#: Step n takes a database from user_version n to n + 1, in one transaction.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE songs (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            artist TEXT NOT NULL,
            album TEXT NOT NULL,
            duration_s REAL NOT NULL,
            sample_rate INTEGER NOT NULL,
            channels INTEGER NOT NULL,
            frames INTEGER NOT NULL,
            engine TEXT NOT NULL,
            take_id TEXT NOT NULL,
            shift_bits INTEGER NOT NULL,
            original TEXT,
            cover TEXT,
            notes TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            added_at TEXT NOT NULL,
            revision INTEGER NOT NULL,
            manifest_dirty INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX songs_by_date ON songs (added_at DESC, id)",
        "CREATE INDEX songs_by_content ON songs (sha256)",
        """CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            position INTEGER NOT NULL,
            spec TEXT NOT NULL,
            state TEXT NOT NULL,
            error TEXT,
            created_at TEXT NOT NULL
        ) STRICT""",
    ),
)
VERSION = len(MIGRATIONS)


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """Open the index, make or migrate it; a damaged one is put aside and begun anew.

    Raises:
        LibraryTooNew: a newer version made it.
        LibraryError: it cannot be opened.
    """
    path = folder / DATABASE
    try:
        return _open_checked(path)
    except sqlite3.DatabaseError as exc:
        problem = translate(exc)
        if not isinstance(problem, LibraryDamaged):
            raise problem from exc
        log.warning("the library's index is damaged and is built anew: %s", exc)
    _put_aside(path)
    try:
        return _open_checked(path)
    except sqlite3.DatabaseError as exc:
        raise translate(exc) from exc


def open_for_reading(folder: Path) -> sqlite3.Connection:
    """Open the index so that nothing can be changed through it.

    Raises:
        LibraryError: it is not there or cannot be opened.
    """
    try:
        connection = sqlite3.connect(
            folder / DATABASE, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.row_factory = sqlite3.Row
    except sqlite3.DatabaseError as exc:
        raise translate(exc) from exc
    return connection


def _open_checked(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(f"quick check: {answer}")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise LibraryTooNew(
                "The library was made by a newer version of Karaoke Studio.",
                hint="Install the newer version, or choose another data folder.",
            )
        for step in MIGRATIONS[version:]:
            for statement in step:
                connection.execute(statement)
        if version < VERSION:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _put_aside(path: Path) -> None:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.damaged-{stamp}{suffix}"))


def translate(exc: sqlite3.Error) -> KaraokeError:
    """Turn SQLite's error into ours, by its number."""
    primary = (getattr(exc, "sqlite_errorcode", None) or sqlite3.SQLITE_CORRUPT) & 0xFF
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return LibraryLocked(
            "Another program is using the library.", hint="Close it and try again."
        )
    if primary == sqlite3.SQLITE_FULL:
        return DiskFull("The disk with the library is full.", hint="Free some space.")
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return LibraryReadOnly(
            "The library's folder cannot be written to.",
            hint="Choose another data folder or check its permissions.",
        )
    return LibraryDamaged("The library's index is damaged.", hint="Start the program once more.")
