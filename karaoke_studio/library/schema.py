"""The index database: its tables, its migrations, and what its errors mean."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path

from karaoke_studio.errors import (
    DiskFull,
    KaraokeError,
    LibraryDamaged,
    LibraryError,
    LibraryLocked,
    LibraryReadOnly,
    LibraryTooNew,
    OutOfMemory,
)
from karaoke_studio.library.dated import back_up_index
from karaoke_studio.library.search_words import searchable

log = logging.getLogger(__name__)

DATABASE = "library.sqlite3"
BUSY_S = 5.0
_BUSY_PAUSE_S = 0.02
#: An index up to this size is checked in full at every start (quick_check misses two of three
#: flipped bits, and a broken search tree then fails at every start); a larger one quickly.
FULL_CHECK_BYTES = 8_000_000
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
            has_picture INTEGER NOT NULL,
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
    (
        "ALTER TABLE songs ADD COLUMN favourite INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE songs ADD COLUMN rating INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE songs ADD COLUMN remark TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE songs ADD COLUMN played_at TEXT",
        "ALTER TABLE songs ADD COLUMN play_count INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE songs ADD COLUMN mix TEXT NOT NULL DEFAULT '{}'",
        "ALTER TABLE songs ADD COLUMN analysis TEXT",
        """ALTER TABLE songs ADD COLUMN stems TEXT NOT NULL
            DEFAULT '["vocals", "instrumental"]'""",
        # what is searched in: prepared by `searchable`, so filled by the writer; triggers
        # may not touch it where the schema is not trusted
        """CREATE VIRTUAL TABLE song_words USING fts5(
            title, artist, album, remark,
            tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3', columnsize = 0
        )""",
        """INSERT INTO song_words (rowid, title, artist, album, remark)
            SELECT rowid, searchable(title), searchable(artist), searchable(album), ''
            FROM songs""",
        """CREATE TABLE playlists (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            position INTEGER NOT NULL
        ) STRICT""",
        # without a foreign key: a song that comes back from the trash is in its set lists again
        """CREATE TABLE playlist_songs (
            playlist_id TEXT NOT NULL,
            song_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (playlist_id, song_id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE playlists_state (revision INTEGER NOT NULL) STRICT",
        "INSERT INTO playlists_state VALUES (0)",
    ),
    (
        # JSON list of words
        "ALTER TABLE songs ADD COLUMN labels TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE songs ADD COLUMN colour TEXT NOT NULL DEFAULT ''",
        # path of the person's own file where no copy is kept
        "ALTER TABLE songs ADD COLUMN linked TEXT",
        # last: long, and rarely read; NULL = nobody has looked into the manifest yet
        "ALTER TABLE songs ADD COLUMN lyrics TEXT",
        "DROP TABLE song_words",
        """CREATE VIRTUAL TABLE song_words USING fts5(
            title, artist, album, remark, labels, lyrics,
            tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3', columnsize = 0
        )""",
        """INSERT INTO song_words (rowid, title, artist, album, remark, labels, lyrics)
            SELECT rowid, searchable(title), searchable(artist), searchable(album),
                searchable(remark), '', '' FROM songs""",
        """CREATE TABLE smart_lists (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            query TEXT NOT NULL,
            position INTEGER NOT NULL
        ) STRICT""",
        # how making songs went; without their names
        """CREATE TABLE made (
            id INTEGER PRIMARY KEY,
            ended_at TEXT NOT NULL,
            engine TEXT NOT NULL,
            outcome TEXT NOT NULL,
            song_s REAL NOT NULL,
            taken_s REAL NOT NULL,
            code TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX made_by_date ON made (ended_at)",
        # begun so often, and never ended
        "ALTER TABLE jobs ADD COLUMN starts INTEGER NOT NULL DEFAULT 0",
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
    except UnicodeDecodeError as exc:  # SQLite quoted the damaged bytes in its message
        log.warning("the library's index is damaged and is built anew: %s", exc)
    except sqlite3.DatabaseError as exc:
        problem = translate(exc)
        if not isinstance(problem, LibraryDamaged):
            raise problem from exc
        log.warning("the library's index is damaged and is built anew: %s", exc)
    return open_anew(folder)


def open_anew(folder: Path) -> sqlite3.Connection:
    """Put the index aside and begin a new one.

    Raises:
        LibraryError: it cannot be made.
        OSError: the old one cannot be moved.
    """
    path = folder / DATABASE
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
    path = folder / DATABASE
    if not path.is_file():  # SQLite would make an empty one
        raise LibraryDamaged("There is no library yet.", hint="Start the program once more.")
    connection = _open_as_it_is(path)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return connection if not 0 < version < VERSION else _brought_up(connection, folder)
    except sqlite3.DatabaseError as exc:
        connection.close()
        raise translate(exc) from exc


def _brought_up(connection: sqlite3.Connection, folder: Path) -> sqlite3.Connection:
    """Return an older index as this version knows it; where it cannot be changed, a copy."""
    try:
        _open_checked(folder / DATABASE).close()
    except (KaraokeError, sqlite3.Error, OSError, UnicodeDecodeError) as exc:
        log.info("an older index is looked at in memory: %s", exc)
    else:
        connection.close()
        return _open_as_it_is(folder / DATABASE)
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(copy)
    connection.close()
    copy.create_function("searchable", 1, searchable, deterministic=True)
    (version,) = copy.execute("PRAGMA user_version").fetchone()
    for statement in itertools.chain(*MIGRATIONS[version:]):
        copy.execute(statement)
    copy.execute("PRAGMA query_only = ON")
    copy.row_factory = sqlite3.Row
    copy.text_factory = _text
    return copy


def _open_as_it_is(path: Path) -> sqlite3.Connection:
    try:
        try:
            return _open_to_look(path.as_uri())
        except sqlite3.OperationalError as exc:
            if not isinstance(translate(exc), LibraryReadOnly):
                raise
        # on a disk that cannot be written to, SQLite cannot even make the locks of readers;
        # nobody can change the file there
        return _open_to_look(f"{path.as_uri()}?immutable=1")
    except sqlite3.DatabaseError as exc:
        raise translate(exc) from exc


def _open_to_look(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT 1 FROM sqlite_schema").close()
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    return connection


def open_unchangeable(folder: Path) -> sqlite3.Connection | None:
    """Open an index that cannot be written, or that a newer version made, if its songs are there.

    Returns:
        None where it lacks something that songs are shown by.

    Raises:
        LibraryError: it is not there or cannot be opened.
    """
    connection = open_for_reading(folder)
    try:
        if _expected_columns() <= _columns(connection):
            return connection
    except sqlite3.DatabaseError as exc:
        log.warning("the library's index cannot be read: %s", exc)
    connection.close()
    return None


def _text(data: bytes) -> str:
    """Read text of the index; a flipped bit in a title is no reason to show no songs at all."""
    return data.decode("utf-8", "replace")


def _open_checked(path: Path) -> sqlite3.Connection:
    deadline_s = time.monotonic() + BUSY_S
    while True:
        try:
            return _open_once(path)
        except sqlite3.OperationalError as exc:
            # SQLite does not wait by itself where two first starts turn the write-ahead log on
            is_busy = isinstance(translate(exc), LibraryLocked)
            if not is_busy or time.monotonic() >= deadline_s:
                raise
        time.sleep(_BUSY_PAUSE_S)


def _open_once(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = _text
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.create_function("searchable", 1, searchable, deterministic=True)
        _refuse_newer(connection)  # before anything is written into it
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        check = "integrity_check" if path.stat().st_size <= FULL_CHECK_BYTES else "quick_check"
        (answer,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(f"{check}: {answer}")
        _migrate(connection, path)
        if _columns(connection) != _expected_columns():  # a bit flipped in a column's name
            raise sqlite3.DatabaseError("the columns have other names")
    except BaseException:
        connection.close()
        raise
    return connection


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = connection.execute(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
    )
    return {(table, column) for table, column in rows}


@cache
def _expected_columns() -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("searchable", 1, searchable, deterministic=True)
        for statement in itertools.chain(*MIGRATIONS):
            connection.execute(statement)
        return _columns(connection)


def _refuse_newer(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise LibraryTooNew(
            "The library was made by a newer version of Karaoke Studio.",
            hint="Install the newer version, or choose another data folder.",
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    while (version := _refuse_newer(connection)) < VERSION:
        if version:
            back_up_index(connection, path.parent, f"before-{version + 1}")
            _take_steps(connection, version + 1)
        else:  # an empty one has nothing to lose
            _take_steps(connection, VERSION)


def _take_steps(connection: sqlite3.Connection, goal: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another program may have been quicker
        if (version := _refuse_newer(connection)) < goal:
            for statement in itertools.chain(*MIGRATIONS[version:goal]):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {goal}")
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed; SQLite has ended it already on some errors (disk full)."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _put_aside(path: Path) -> None:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.damaged-{stamp}{suffix}"))


#: What SQLite says when the file itself is wrong; only then is it put aside.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def translate(exc: sqlite3.Error) -> KaraokeError:
    """Turn SQLite's error into ours, by its number."""
    primary = (getattr(exc, "sqlite_errorcode", None) or sqlite3.SQLITE_CORRUPT) & 0xFF
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}:
        return LibraryLocked(
            "Another program is using the library.", hint="Close it and try again."
        )
    if primary == sqlite3.SQLITE_FULL:
        return DiskFull("The disk with the library is full.", hint="Free some space.")
    if primary == sqlite3.SQLITE_NOMEM:
        return OutOfMemory("There is not enough memory.", hint="Close other programs, try again.")
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return LibraryReadOnly(
            "The library's folder cannot be written to.",
            hint="Choose another data folder or check its permissions.",
        )
    if primary in _DAMAGED:
        return LibraryDamaged(
            "The library's index is damaged.", hint="Start the program once more."
        )
    return LibraryError(
        f"The library's index cannot be used ({getattr(exc, 'sqlite_errorname', exc)}).",
        hint="Check the disk it is on, then start the program once more.",
    )
