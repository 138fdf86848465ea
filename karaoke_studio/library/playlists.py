"""Set lists: songs in an order that a person chose. Their truth is `playlists.json`."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.errors import MissingFile
from karaoke_studio.library import smart_lists
from karaoke_studio.staging import write_json_atomic

log = logging.getLogger(__name__)

FILE = "playlists.json"
_FORMAT = 1
NAME_LIMIT = 200
_GONE = "The set list is no longer there."


@dataclass(frozen=True)
class Playlist:
    """A set list.

    Attributes:
        songs: how many songs of the library are in it.
    """

    id: str
    name: str
    songs: int


def playlists(connection: sqlite3.Connection) -> list[Playlist]:
    """Return all set lists in order."""
    rows = connection.execute(
        "SELECT p.id, p.name, COUNT(s.id) AS songs FROM playlists p"
        " LEFT JOIN playlist_songs m ON m.playlist_id = p.id"
        " LEFT JOIN songs s ON s.id = m.song_id"
        " GROUP BY p.id ORDER BY p.position, p.rowid"
    ).fetchall()
    return [Playlist(row["id"], row["name"], row["songs"]) for row in rows]


def songs_of(connection: sqlite3.Connection, playlist_id: str) -> list[str]:
    """Return the ids of a set list in order, also of songs in the trash."""
    rows = connection.execute(
        "SELECT song_id FROM playlist_songs WHERE playlist_id = ? ORDER BY position, song_id",
        (playlist_id,),
    ).fetchall()
    return [row["song_id"] for row in rows]


def create(connection: sqlite3.Connection, playlist_id: str, name: str) -> None:
    """Make an empty set list at the end."""
    connection.execute(
        "INSERT INTO playlists (id, name, position)"
        " SELECT ?, ?, COALESCE(MAX(position), 0) + 1 FROM playlists",
        (playlist_id, clean_name(name)),
    )


def rename(connection: sqlite3.Connection, playlist_id: str, name: str) -> None:
    """Give a set list another name.

    Raises:
        MissingFile: there is no such set list.
    """
    done = connection.execute(
        "UPDATE playlists SET name = ? WHERE id = ?", (clean_name(name), playlist_id)
    )
    if not done.rowcount:
        raise MissingFile(_GONE)


def delete(connection: sqlite3.Connection, playlist_id: str) -> None:
    """Remove a set list; its songs stay in the library."""
    connection.execute("DELETE FROM playlists WHERE id = ?", (playlist_id,))
    connection.execute("DELETE FROM playlist_songs WHERE playlist_id = ?", (playlist_id,))


def whole(connection: sqlite3.Connection, playlist_id: str) -> tuple[str, int, list[str]]:
    """Return name, place and songs of a set list.

    Raises:
        MissingFile: there is no such set list.
    """
    row = connection.execute(
        "SELECT name, position FROM playlists WHERE id = ?", (playlist_id,)
    ).fetchone()
    if row is None:
        raise MissingFile(_GONE)
    return row["name"], row["position"], songs_of(connection, playlist_id)


def restore(
    connection: sqlite3.Connection, playlist_id: str, was: tuple[str, int, list[str]]
) -> None:
    """Bring a deleted set list back to what `whole` said."""
    name, position, song_ids = was
    connection.execute("INSERT INTO playlists VALUES (?, ?, ?)", (playlist_id, name, position))
    set_songs(connection, playlist_id, song_ids)


def add(connection: sqlite3.Connection, playlist_id: str, song_ids: Iterable[str]) -> None:
    """Put songs at the end of a set list; those in it already stay where they are.

    Raises:
        MissingFile: there is no such set list.
    """
    before = songs_of(connection, playlist_id)
    set_songs(connection, playlist_id, list(dict.fromkeys([*before, *song_ids])))


def take_out(connection: sqlite3.Connection, playlist_id: str, song_ids: Iterable[str]) -> None:
    """Take songs out of a set list; they stay in the library."""
    connection.executemany(
        "DELETE FROM playlist_songs WHERE playlist_id = ? AND song_id = ?",
        [(playlist_id, song_id) for song_id in song_ids],
    )


def set_songs(connection: sqlite3.Connection, playlist_id: str, song_ids: Sequence[str]) -> None:
    """Give a set list these songs in this order.

    Raises:
        MissingFile: there is no such set list.
    """
    known = connection.execute("SELECT 1 FROM playlists WHERE id = ?", (playlist_id,)).fetchone()
    if known is None:
        raise MissingFile(_GONE)
    connection.execute("DELETE FROM playlist_songs WHERE playlist_id = ?", (playlist_id,))
    connection.executemany(
        "INSERT INTO playlist_songs VALUES (?, ?, ?)",
        [(playlist_id, song_id, place) for place, song_id in enumerate(song_ids)],
    )


def reorder(connection: sqlite3.Connection, playlist_id: str, song_ids: Sequence[str]) -> None:
    """Put the songs of a set list that are named into this order, at the places they have.

    Those that are not named (in the trash, or added meanwhile) stay where they are.
    """
    now = songs_of(connection, playlist_id)
    chosen = [song_id for song_id in song_ids if song_id in set(now)]
    wanted, moved = iter(chosen), set(chosen)
    set_songs(connection, playlist_id, [next(wanted) if s in moved else s for s in now])


def save(connection: sqlite3.Connection, library: Path) -> None:
    """Write the set lists to their file; the row that says so is committed after it."""
    connection.execute("UPDATE playlists_state SET revision = revision + 1")
    write_json_atomic(library / FILE, _as_json(connection))


def bring_together(connection: sqlite3.Connection, library: Path) -> None:
    """Make index and file say the same at the start: the higher revision is right.

    Raises:
        OSError: the file cannot be written.
    """
    data = _read(library)
    (revision,) = connection.execute("SELECT revision FROM playlists_state").fetchone()
    if data is not None and data["revision"] > revision:
        _take_over(connection, data)
    elif revision and (data is None or data["revision"] < revision):
        write_json_atomic(library / FILE, _as_json(connection))


def _as_json(connection: sqlite3.Connection) -> dict[str, Any]:
    (revision,) = connection.execute("SELECT revision FROM playlists_state").fetchone()
    lists = [
        {"id": found.id, "name": found.name, "songs": songs_of(connection, found.id)}
        for found in playlists(connection)
    ]
    return {
        "format": _FORMAT,
        "revision": revision,
        "playlists": lists,
        "smart_lists": smart_lists.as_json(connection),
    }


def _read(library: Path) -> dict[str, Any] | None:
    """Return the file's contents, or None where there is none that can be understood."""
    try:
        data = json.loads((library / FILE).read_text(encoding="utf-8"))
        if data["format"] > _FORMAT:
            raise ValueError("a newer version made it")
        return {
            "revision": int(data["revision"]),
            "playlists": [
                {
                    "id": str(found["id"]),
                    "name": clean_name(str(found["name"])),
                    "songs": list(dict.fromkeys(str(song_id) for song_id in found["songs"])),
                }
                for found in data["playlists"]
            ],
            "smart_lists": smart_lists.from_json(data.get("smart_lists")),
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        log.warning("the set lists in %s cannot be read: %s", FILE, exc)
        return None


def _take_over(connection: sqlite3.Connection, data: dict[str, Any]) -> None:
    connection.execute("DELETE FROM playlists")
    connection.execute("DELETE FROM playlist_songs")
    for found in {found["id"]: found for found in data["playlists"]}.values():
        create(connection, found["id"], found["name"])
        set_songs(connection, found["id"], found["songs"])
    smart_lists.take_over(connection, data["smart_lists"])
    connection.execute("UPDATE playlists_state SET revision = ?", (data["revision"],))


def clean_name(name: str) -> str:
    """Return a name as it is kept: one line, not too long, never empty."""
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return line.encode("utf-8", "replace").decode()[:NAME_LIMIT] or "Set list"
