"""Finding songs: light rows of the whole library, searched, filtered and put in order.

The rows are read once and kept until the index changes, so that a search costs a look into the
full-text index and one walk over rows that are sorted already.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from karaoke_studio.library import playlists
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.library.schema import open_for_reading, translate
from karaoke_studio.library.search_words import match_expression, searchable

#: What was added or played within so many days is recent.
RECENT_DAYS = 30
SORTS = ("added", "title", "artist", "length", "rating", "played")


class SongRow(NamedTuple):
    """What a list shows of a song.

    Attributes:
        cover: file name in the song's folder, or None.
        added_at: ISO time in UTC.
        played_at: ISO time in UTC, or None.
    """

    id: str
    title: str
    artist: str
    album: str
    duration_s: float
    engine: str
    cover: str | None
    favourite: int
    rating: int
    added_at: str
    played_at: str | None


_COLUMNS = ", ".join(SongRow._fields)


@dataclass(frozen=True)
class Query:
    """Which songs are wanted, and in which order.

    Attributes:
        text: what was typed.
        favourites: only those with a star.
        recent: only those added or played lately.
        engine: only those whose current take it made; "" = any.
        playlist_id: only those of a set list; "" = any.
        sort: one of `SORTS`; a set list always keeps its own order.
    """

    text: str = ""
    favourites: bool = False
    recent: bool = False
    engine: str = ""
    playlist_id: str = ""
    sort: str = "added"


@dataclass(frozen=True)
class Found:
    """The answer to a query, and what there is besides.

    Attributes:
        total: songs in the library.
        engines: engine → how many songs it made.
    """

    query: Query
    rows: list[SongRow]
    total: int = 0
    favourites: int = 0
    engines: dict[str, int] = field(default_factory=dict)
    playlists: list[Playlist] = field(default_factory=list)


class Finder:
    """Searches the library through a connection of its own.

    Thread: everything in the one that made it.
    """

    def __init__(self, folder: Path) -> None:
        """Open the index.

        Raises:
            LibraryError: it cannot be opened.
        """
        self._connection = open_for_reading(folder)
        self._version = -1
        self._rows: dict[int, SongRow] = {}
        self._orders: dict[str, list[int]] = {}
        self._keys: dict[int, tuple[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._playlists: list[Playlist] = []
        self._engines: dict[str, int] = {}

    def find(self, query: Query) -> Found:
        """Return the songs of a query.

        Raises:
            LibraryError: the index cannot be read.
        """
        try:
            self._refresh()
            wanted = self._wanted(query)
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc
        rows = [self._rows[number] for number in wanted]
        if checks := _checks(query):
            rows = [row for row in rows if all(check(row) for check in checks)]
        return Found(
            query,
            rows,
            len(self._rows),
            sum(row.favourite for row in self._rows.values()),
            self._engines,
            self._playlists,
        )

    def _refresh(self) -> None:
        """Read the rows again where another connection has changed the index."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        cursor = self._connection.cursor()
        cursor.row_factory = None
        found = cursor.execute(f"SELECT rowid, {_COLUMNS} FROM songs ORDER BY rowid DESC")
        self._rows = {values[0]: SongRow._make(values[1:]) for values in found}
        self._numbers = {row.id: number for number, row in self._rows.items()}
        self._orders, self._keys = {}, {}
        self._playlists = playlists.playlists(self._connection)
        self._engines = dict(Counter(row.engine for row in self._rows.values()))
        self._version = version

    def _wanted(self, query: Query) -> list[int]:
        match = match_expression(query.text)
        if query.playlist_id:
            ids = playlists.songs_of(self._connection, query.playlist_id)
            order = [self._numbers[song_id] for song_id in ids if song_id in self._numbers]
        else:
            order = self._order(query.sort)
        if not match:
            return order if not query.text.strip() else []
        cursor = self._connection.cursor()
        cursor.row_factory = None
        found = cursor.execute("SELECT rowid FROM song_words WHERE song_words MATCH ?", (match,))
        hits = {number for (number,) in found}
        return [number for number in order if number in hits]

    def _order(self, sort: str) -> list[int]:
        if sort not in self._orders:
            self._orders[sort] = self._sorted(sort)
        return self._orders[sort]

    def _sorted(self, sort: str) -> list[int]:
        rows = self._rows
        newest = sorted(rows, key=lambda number: rows[number].added_at, reverse=True)
        if sort in {"title", "artist"}:
            keys = self._sort_keys()
            by_title = sorted(newest, key=lambda number: keys[number][0])
            if sort == "title":
                return by_title
            # songs of nobody come last
            return sorted(by_title, key=lambda number: keys[number][1] or "\U0010ffff")
        if sort == "length":
            return sorted(newest, key=lambda number: rows[number].duration_s)
        if sort == "rating":
            return sorted(newest, key=lambda number: rows[number].rating, reverse=True)
        if sort == "played":
            return sorted(newest, key=lambda number: rows[number].played_at or "", reverse=True)
        return newest

    def _sort_keys(self) -> dict[int, tuple[str, str]]:
        """Return title and artist of each song as they are compared."""
        if not self._keys:
            self._keys = {
                number: (searchable(row.title).casefold(), searchable(row.artist).casefold())
                for number, row in self._rows.items()
            }
        return self._keys

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _checks(query: Query) -> list[Callable[[SongRow], Any]]:
    checks: list[Callable[[SongRow], Any]] = []
    if query.favourites:
        checks.append(lambda row: row.favourite)
    if query.engine:
        checks.append(lambda row: row.engine == query.engine)
    if query.recent:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - RECENT_DAYS * 86400))
        checks.append(lambda row: row.added_at >= since or (row.played_at or "") >= since)
    return checks
