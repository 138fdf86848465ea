"""Finding songs: light rows of the whole library, searched, filtered and put in order.

The rows are read once and kept until the index changes, and in each order that was asked for. So a
search costs a look into the full-text index and one walk over rows that are sorted already; with
100,000 songs both are done in C.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from karaoke_studio.library import playlists, smart_lists
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.library.schema import open_for_reading, translate
from karaoke_studio.library.search_words import match_expression, searchable
from karaoke_studio.library.smart_lists import SmartList

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

#: What was added or played within so many days is recent.
RECENT_DAYS = 30
#: Orders that a list offers, and those by columns besides.
SORTS = ("added", "title", "artist", "length", "rating", "played", "plays")
COLUMN_SORTS = (*SORTS, "album", "engine", "tempo", "key", "labels", "colour")


class SongRow(NamedTuple):
    """What a list shows of a song.

    Attributes:
        cover: file name in the song's folder, or None.
        added_at: ISO time in UTC.
        played_at: ISO time in UTC, or None.
        labels: JSON list, see `label_list`.
        analysis: JSON object or None, see `bpm` and `key`.
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
    play_count: int
    labels: str
    colour: str
    analysis: str | None

    @property
    def label_list(self) -> tuple[str, ...]:
        """The words that a person put on the song."""
        return () if self.labels == "[]" else tuple(map(str, _parsed(self.labels, list)))

    @property
    def bpm(self) -> float | None:
        """Tempo in beats per minute, where it is known."""
        value = self._found("bpm")
        return float(value) if isinstance(value, int | float) else None

    @property
    def key(self) -> str | None:
        """The key, such as "D minor", where it is known."""
        value = self._found("key")
        return value if isinstance(value, str) else None

    def _found(self, name: str) -> Any:
        return _parsed(self.analysis, dict).get(name) if self.analysis else None


def _parsed(text: str, kind: type[T]) -> T:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return kind()
    return value if isinstance(value, kind) else kind()


#: Of the table, as a `SongRow` wants them.
ROW_COLUMNS = ", ".join(SongRow._fields)


@dataclass(frozen=True)
class Query:
    """Which songs are wanted, and in which order.

    Attributes:
        text: what was typed.
        favourites: only those with a star.
        recent: only those added or played lately.
        engine: only those whose current take it made; "" = any.
        playlist_id: only those of a set list; "" = any.
        sort: one of `COLUMN_SORTS`; a set list always keeps its own order.
        backwards: the other way round.
        within: what must match besides `text`: the words of a smart list.
        least_rating: only those with at least so many stars.
        label: only those with this label; "" = any.
        colour: only those of this colour; "" = any.
        unplayed: only those that were never played.
        smart_id: the smart list that this came from, or "".
    """

    text: str = ""
    favourites: bool = False
    recent: bool = False
    engine: str = ""
    playlist_id: str = ""
    sort: str = "added"
    backwards: bool = False
    within: str = ""
    least_rating: int = 0
    label: str = ""
    colour: str = ""
    unplayed: bool = False
    smart_id: str = ""

    def narrows(self) -> bool:
        """Whether it is more than all songs, favourites or a set list."""
        return self.has_filter() or bool(self.text.strip() or self.within.strip())

    def has_filter(self) -> bool:
        """Whether songs are left out for what is known about them."""
        filters = (self.recent, self.engine, self.least_rating, self.label, self.colour)
        return any(filters) or self.unplayed

    def to_json(self) -> dict[str, Any]:
        """Return the search as a smart list keeps it."""
        kept = {name: getattr(self, name) for name in _SAVED}
        kept["within"] = f"{self.within} {self.text}".strip()
        return {name: value for name, value in kept.items() if value != getattr(_PLAIN, name)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Query:
        """Return a saved search; what cannot be understood is left out."""
        known = {
            name: data[name]
            for name in _SAVED
            if name in data and type(data[name]) is type(getattr(_PLAIN, name))
        }
        if known.get("sort") not in COLUMN_SORTS:
            known.pop("sort", None)
        return cls(**known)


_SAVED = (
    *("favourites", "recent", "engine", "sort", "backwards"),
    *("within", "least_rating", "label", "colour", "unplayed"),
)
_PLAIN = Query()


@dataclass(frozen=True)
class Found:
    """The answer to a query, and what there is besides.

    Attributes:
        total: songs in the library.
        engines: engine → how many songs it made.
        labels: label → on how many songs it is.
    """

    query: Query
    rows: list[SongRow]
    total: int = 0
    favourites: int = 0
    engines: dict[str, int] = field(default_factory=dict)
    playlists: list[Playlist] = field(default_factory=list)
    smart_lists: list[SmartList] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


class _Order(NamedTuple):
    """All songs in an order: their rows, and int64 (n,) their numbers in the index."""

    rows: list[SongRow]
    numbers: NDArray[np.int64]


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
        self._orders: dict[str, _Order] = {}
        self._favourites = 0
        self._keys: dict[int, tuple[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._playlists: list[Playlist] = []
        self._engines: dict[str, int] = {}
        self._smart: list[SmartList] = []
        self._labels: dict[str, int] = {}

    def find(self, query: Query) -> Found:
        """Return the songs of a query.

        Raises:
            LibraryError: the index cannot be read.
        """
        try:
            self._refresh()
            rows = self._wanted(query)
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc
        if checks := _checks(query):
            rows = [row for row in rows if all(check(row) for check in checks)]
        return Found(
            query,
            rows,
            len(self._rows),
            self._favourites,
            self._engines,
            self._playlists,
            self._smart,
            self._labels,
        )

    def _refresh(self) -> None:
        """Read the rows again where another connection has changed the index."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        cursor = self._connection.cursor()
        cursor.row_factory = None
        found = cursor.execute(f"SELECT rowid, {ROW_COLUMNS} FROM songs ORDER BY rowid DESC")
        self._rows = {values[0]: SongRow._make(values[1:]) for values in found}
        self._numbers = {row.id: number for number, row in self._rows.items()}
        self._orders, self._keys = {}, {}
        self._favourites = sum(row.favourite for row in self._rows.values())
        self._playlists = playlists.playlists(self._connection)
        self._engines = dict(Counter(row.engine for row in self._rows.values()))
        self._smart = smart_lists.smart_lists(self._connection)
        labels = (row.label_list for row in self._rows.values() if row.labels != "[]")
        self._labels = dict(Counter(itertools.chain.from_iterable(labels)))
        self._version = version

    def _wanted(self, query: Query) -> list[SongRow]:
        """Return the rows that match what was typed, in their order."""
        typed = f"{query.within} {query.text}"
        match = match_expression(typed)
        if query.playlist_id:
            ids = playlists.songs_of(self._connection, query.playlist_id)
            order = self._ordered(
                [self._numbers[song_id] for song_id in ids if song_id in self._numbers]
            )
        else:
            order = self._order(query.sort)
        rows = [] if typed.strip() else list(order.rows)
        if match:
            rows = self._matching(match, order)
        if query.backwards and not query.playlist_id:
            rows.reverse()
        return rows

    def _matching(self, match: str, order: _Order) -> list[SongRow]:
        # one text, not a tuple for each row: those took most of the time of a search
        (numbers,) = self._connection.execute(
            "SELECT group_concat(rowid) FROM song_words WHERE song_words MATCH ?", (match,)
        ).fetchone()
        if numbers is None:
            return []
        import numpy as np  # a terminal that makes songs needs none

        hits = np.fromstring(numbers, np.int64, sep=",")
        # bytes: their items are plain numbers, those of an array are made one by one
        return list(itertools.compress(order.rows, np.isin(order.numbers, hits).tobytes()))

    def _order(self, sort: str) -> _Order:
        if sort not in self._orders:
            self._orders[sort] = self._ordered(self._sorted(sort))
        return self._orders[sort]

    def _ordered(self, numbers: list[int]) -> _Order:
        import numpy as np

        return _Order([self._rows[number] for number in numbers], np.array(numbers, np.int64))

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
        if sort in _BY:
            key, backwards = _BY[sort]
            return sorted(newest, key=lambda number: key(rows[number]), reverse=backwards)
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


#: What is compared in an order, and whether the largest come first; songs without it come last.
_BY: dict[str, tuple[Callable[[SongRow], Any], bool]] = {
    "length": (lambda row: row.duration_s, False),
    "rating": (lambda row: row.rating, True),
    "played": (lambda row: row.played_at or "", True),
    "plays": (lambda row: row.play_count, True),
    "album": (lambda row: (not row.album, searchable(row.album).casefold()), False),
    "engine": (lambda row: row.engine, False),
    "tempo": (lambda row: (row.bpm is None, row.bpm or 0.0), False),
    "key": (lambda row: (row.key is None, row.key or ""), False),
    "labels": (
        lambda row: (row.labels == "[]", [word.casefold() for word in row.label_list]),
        False,
    ),
    "colour": (lambda row: (not row.colour, row.colour), False),
}


def _checks(query: Query) -> list[Callable[[SongRow], Any]]:
    checks: list[Callable[[SongRow], Any]] = []
    if query.favourites:
        checks.append(lambda row: row.favourite)
    if query.engine:
        checks.append(lambda row: row.engine == query.engine)
    if query.least_rating:
        checks.append(lambda row: row.rating >= query.least_rating)
    if query.label:
        wanted = query.label.casefold()
        checks.append(lambda row: wanted in (word.casefold() for word in row.label_list))
    if query.colour:
        checks.append(lambda row: row.colour == query.colour)
    if query.unplayed:
        checks.append(lambda row: not row.play_count)
    if query.recent:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - RECENT_DAYS * 86400))
        checks.append(lambda row: row.added_at >= since or (row.played_at or "") >= since)
    return checks
