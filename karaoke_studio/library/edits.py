"""What a person changes about a song: into the index at once, into its manifest when it settles.

A row that knows more than its manifest is marked `manifest_dirty`; of the two the one with the
higher revision is right. So a crash at any moment loses nothing that was committed.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from karaoke_studio.errors import KaraokeError, LibraryDamaged, MissingFile
from karaoke_studio.library.manifest import (
    COLOURS,
    MANIFEST,
    RATINGS,
    Manifest,
    decided_of,
    read_manifest,
)
from karaoke_studio.library.songs import TAGS, Song, row_of_manifest, song_from_row
from karaoke_studio.staging import write_json_atomic

log = logging.getLogger(__name__)

#: Longest text of a field, as for tags read from files.
TEXT_LIMIT = 4096
_TEXTS = (*TAGS, "remark")
_OBJECTS = ("mix", "analysis")
#: Statistics: no reason to write the manifest anew.
_STATISTICS = ("played_at", "play_count")
_FIELDS = (*_TEXTS, *_OBJECTS, *_STATISTICS, "favourite", "rating", "labels", "colour")
_MOST_LABELS, _LONGEST_LABEL = 50, 60

#: What SQLite says to values of a wrong kind, which only a manifest can bring.
_WRONG_VALUES = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    OverflowError,
    ValueError,
)
_GONE = "The song is no longer in the library."


def columns_of(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a `Song` as columns of its row.

    Raises:
        ValueError: a field cannot be changed, or not to this value.
    """
    if unknown := fields.keys() - set(_FIELDS):
        raise ValueError(f"fields that cannot be changed: {sorted(unknown)}")
    columns = dict(fields)
    for name in fields.keys() & set(_TEXTS):
        columns[name] = str(fields[name])[:TEXT_LIMIT].encode("utf-8", "replace").decode()
    for name in fields.keys() & set(_OBJECTS):
        columns[name] = json.dumps(fields[name], allow_nan=False) if fields[name] else None
    if "mix" in fields and columns["mix"] is None:
        columns["mix"] = "{}"
    if "favourite" in fields:
        columns["favourite"] = int(bool(fields["favourite"]))
    if "rating" in fields and fields["rating"] not in RATINGS:
        raise ValueError(f"a rating of {fields['rating']}")
    if "labels" in fields:
        columns["labels"] = json.dumps(clean_labels(fields["labels"]))
    if fields.get("colour", "") not in ("", *COLOURS):
        raise ValueError(f"a colour named {fields['colour']}")
    return columns


def clean_labels(labels: Iterable[str]) -> list[str]:
    """Return labels as they are kept: one line each, none twice, in their order."""
    found: dict[str, str] = {}
    for label in labels:
        words = " ".join("".join(c if c.isprintable() else " " for c in label).split())
        words = words.replace(",", " ").strip()[:_LONGEST_LABEL]
        words = words.encode("utf-8", "replace").decode()
        if words:
            found.setdefault(words.casefold(), words)
    return list(found.values())[:_MOST_LABELS]


def change(connection: sqlite3.Connection, song_id: str, columns: dict[str, Any]) -> None:
    """Change columns of a song.

    Raises:
        MissingFile: it is not in the library.
    """
    sets = [f"{name} = :{name}" for name in columns]
    if columns.keys() - set(_STATISTICS):
        sets += ["revision = revision + 1", "manifest_dirty = 1"]
    done = connection.execute(
        f"UPDATE songs SET {', '.join(sets)} WHERE id = :song_id", {**columns, "song_id": song_id}
    )
    if not done.rowcount:
        raise MissingFile(_GONE)
    if columns.keys() & {*_TEXTS, "labels"}:
        _index(connection, song_id)


def count_play(connection: sqlite3.Connection, song_id: str, played_at: str) -> None:
    """Note that a song was played just now."""
    connection.execute(
        "UPDATE songs SET played_at = ?, play_count = play_count + 1 WHERE id = ?",
        (played_at, song_id),
    )


def insert(connection: sqlite3.Connection, manifest: Manifest) -> None:
    """Make a song's row from its manifest, or bring it up to date with it.

    Raises:
        LibraryDamaged: the manifest has values of a wrong kind.
    """
    row = row_of_manifest(manifest)
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    news = ", ".join(f"{name} = excluded.{name}" for name in row if name not in _STATISTICS)
    try:
        connection.execute(
            f"INSERT INTO songs ({columns}) VALUES ({marks})"
            f" ON CONFLICT (id) DO UPDATE SET {news}, manifest_dirty = 0",
            row,
        )
        _index(connection, manifest["id"])
    except _WRONG_VALUES as exc:
        raise LibraryDamaged(f"The song in {manifest['id']} cannot be read.") from exc


def delete(connection: sqlite3.Connection, song_id: str) -> None:
    """Forget a song."""
    connection.execute(
        "DELETE FROM song_words WHERE rowid = (SELECT rowid FROM songs WHERE id = ?)", (song_id,)
    )
    connection.execute("DELETE FROM songs WHERE id = ?", (song_id,))


def _index(connection: sqlite3.Connection, song_id: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO song_words (rowid, title, artist, album, remark, labels, lyrics)"
        " SELECT rowid, searchable(title), searchable(artist), searchable(album),"
        " searchable(remark), searchable(labels), searchable(COALESCE(lyrics, ''))"
        " FROM songs WHERE id = ?",
        (song_id,),
    )


def song_of(connection: sqlite3.Connection, library: Path, song_id: str) -> Song:
    """Return a song.

    Raises:
        MissingFile: it is not in the library.
    """
    row = connection.execute("SELECT * FROM songs WHERE id = ?", (song_id,)).fetchone()
    if row is None:
        raise MissingFile(_GONE)
    return song_from_row(row, library)


def fill_lyrics(connection: sqlite3.Connection, library: Path, most: int = 100) -> bool:
    """Read the words of songs that were made before they were searched; whether more are left."""
    rows = connection.execute("SELECT id FROM songs WHERE lyrics IS NULL LIMIT ?", (most,))
    song_ids = [row["id"] for row in rows.fetchall()]
    for song_id in song_ids:
        try:
            words = row_of_manifest(read_manifest(library / song_id))["lyrics"]
        except LibraryDamaged as exc:
            log.warning("%s", exc.message)
            words = ""
        connection.execute("UPDATE songs SET lyrics = ? WHERE id = ?", (words, song_id))
        if words:
            _index(connection, song_id)
    return len(song_ids) == most


def dirty_songs(connection: sqlite3.Connection) -> list[str]:
    """Return the songs whose manifests know less than their rows."""
    rows = connection.execute("SELECT id FROM songs WHERE manifest_dirty").fetchall()
    return [row["id"] for row in rows]


def played_songs(connection: sqlite3.Connection, library: Path) -> list[str]:
    """Return the songs that were played since their manifests were written."""
    rows = connection.execute("SELECT id, play_count FROM songs WHERE play_count").fetchall()
    return [row["id"] for row in rows if _plays(library / row["id"]) != row["play_count"]]


def _plays(folder: Path) -> int | None:
    try:
        return int(decided_of(read_manifest(folder))["play_count"])
    except LibraryDamaged:
        return None


def flush(connection: sqlite3.Connection, library: Path, song_ids: Iterable[str]) -> None:
    """Write what is in rows into the songs' manifests; where one knows more, the row follows it."""
    for song_id in song_ids:
        try:
            manifest = _merged(connection, library, song_id)
            write_json_atomic(library / song_id / MANIFEST, manifest)
            insert(connection, manifest)
        except (KaraokeError, OSError) as exc:
            log.warning("the manifest of song %s could not be written: %s", song_id, exc)


def flush_before_leaving(connection: sqlite3.Connection, library: Path, song_id: str) -> None:
    """Let the manifest of a song that goes to the trash know everything: its row ends."""
    row = connection.execute(
        "SELECT manifest_dirty OR play_count AS knows_more FROM songs WHERE id = ?", (song_id,)
    ).fetchone()
    if row is not None and row["knows_more"] and (library / song_id).exists():
        flush(connection, library, [song_id])


def rewrite(
    connection: sqlite3.Connection,
    library: Path,
    song_id: str,
    edit: Callable[[Manifest], None],
) -> Song:
    """Change a song's manifest at once, and its row after it.

    A crash between the two leaves a row that is marked and of a lower revision: the next start
    makes it anew from the manifest.

    Raises:
        MissingFile: the song is not in the library.
        LibraryDamaged: its manifest cannot be read.
        OSError: its manifest cannot be written.
    """
    connection.execute("UPDATE songs SET manifest_dirty = 1 WHERE id = ?", (song_id,))
    connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    manifest = _merged(connection, library, song_id)
    edit(manifest)
    manifest["revision"] += 1
    write_json_atomic(library / song_id / MANIFEST, manifest)
    insert(connection, manifest)
    return song_of(connection, library, song_id)


def _merged(connection: sqlite3.Connection, library: Path, song_id: str) -> Manifest:
    """Return a song's manifest with what its row knows besides."""
    song = song_of(connection, library, song_id)
    manifest = read_manifest(library / song_id)
    revision = connection.execute("SELECT revision FROM songs WHERE id = ?", (song_id,)).fetchone()[
        "revision"
    ]
    if revision < manifest["revision"]:
        return manifest
    if revision > manifest["revision"]:
        manifest["tags"] = {**manifest["tags"], **{name: getattr(song, name) for name in TAGS}}
        manifest["revision"] = revision
    manifest["decided"] = {
        "favourite": song.favourite,
        "rating": song.rating,
        "remark": song.remark,
        "labels": list(song.labels),
        "colour": song.colour,
        "mix": song.mix,
        "analysis": song.analysis,
        "played_at": song.played_at,
        "play_count": song.play_count,
    }
    return manifest
