"""Smart lists: searches that a person saved. Their truth is `playlists.json`, as of set lists."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

from karaoke_studio.errors import MissingFile

log = logging.getLogger(__name__)

_GONE = "The smart list is no longer there."


@dataclass(frozen=True)
class SmartList:
    """A saved search.

    Attributes:
        query: fields of `finder.Query`, as `Query.to_json` gives them.
    """

    id: str
    name: str
    query: dict[str, Any]


def smart_lists(connection: sqlite3.Connection) -> list[SmartList]:
    """Return all smart lists in order; one that cannot be understood finds everything."""
    rows = connection.execute("SELECT id, name, query FROM smart_lists ORDER BY position, rowid")
    return [SmartList(row["id"], row["name"], _parsed(row["query"])) for row in rows.fetchall()]


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        log.warning("a smart list cannot be understood: %s", exc)
        return {}
    return value if isinstance(value, dict) else {}


def put(connection: sqlite3.Connection, found: SmartList) -> None:
    """Make a smart list at the end, or give one that is there another name and search."""
    connection.execute(
        "INSERT INTO smart_lists (id, name, query, position)"
        " SELECT ?, ?, ?, COALESCE(MAX(position), 0) + 1 FROM smart_lists WHERE true"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, query = excluded.query",
        (found.id, found.name, json.dumps(found.query)),
    )


def rename(connection: sqlite3.Connection, list_id: str, name: str) -> None:
    """Give a smart list another name.

    Raises:
        MissingFile: there is no such list.
    """
    done = connection.execute("UPDATE smart_lists SET name = ? WHERE id = ?", (name, list_id))
    if not done.rowcount:
        raise MissingFile(_GONE)


def delete(connection: sqlite3.Connection, list_id: str) -> None:
    """Remove a smart list; no song is touched."""
    connection.execute("DELETE FROM smart_lists WHERE id = ?", (list_id,))


def as_json(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return all smart lists as plain objects."""
    return [
        {"id": found.id, "name": found.name, "query": found.query}
        for found in smart_lists(connection)
    ]


def from_json(data: object) -> list[SmartList]:
    """Return what `as_json` gave; what is no smart list is left out."""
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return [
        SmartList(str(entry["id"]), str(entry["name"]), dict(entry["query"]))
        for entry in entries
        if isinstance(entry.get("query"), dict) and "id" in entry and "name" in entry
    ]


def take_over(connection: sqlite3.Connection, found: list[SmartList]) -> None:
    """Have these smart lists and no others."""
    connection.execute("DELETE FROM smart_lists")
    for each in found:
        put(connection, each)
