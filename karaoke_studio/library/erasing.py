"""Deleting songs so that nothing of them is left in the data folder.

Removing a song moves it to the trash, and its name stays in free pages of the index, in dated
copies, in logs. Here all of that goes. Copies elsewhere (exports, backups on other disks) are not
ours to touch.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from karaoke_studio.errors import LibraryDamaged
from karaoke_studio.library import dated, edits, playlists
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.schema import DATABASE, VERSION, open_for_reading
from karaoke_studio.library.takes import TRASHED_TAKE, about_take
from karaoke_studio.library.trash import FOLDER as TRASH

log = logging.getLogger(__name__)

#: Shorter names would also be found where they mean something else.
_SHORTEST = 3
_DIGEST = re.compile("[0-9a-f]{64}")


def names_of(library: Path, song_ids: Iterable[str]) -> set[str]:
    """Return by what names songs may be written down elsewhere: ids, titles, names of files."""
    found: set[str] = set()
    for song_id in song_ids:
        found.add(song_id)
        for folder in (library / song_id, library / TRASH / song_id):
            with contextlib.suppress(LibraryDamaged, AttributeError, KeyError, TypeError):
                manifest = read_manifest(folder)
                source = str(manifest.get("source_name") or "")
                title = str(manifest["tags"].get("title") or "")
                found |= {source, Path(source).stem, title}
    return {name for name in found if len(name) >= _SHORTEST}


def digests_of(library: Path, song_ids: Iterable[str]) -> set[str]:
    """Return the sha256 of the songs' own files, by which what was made of them is kept."""
    found: set[str] = set()
    for song_id in song_ids:
        for folder in (library / song_id, library / TRASH / song_id):
            with contextlib.suppress(LibraryDamaged, AttributeError, KeyError, TypeError):
                found.add(str(read_manifest(folder)["facts"]["sha256"]))
    return {digest for digest in found if _DIGEST.fullmatch(digest)}


def erase(connection: sqlite3.Connection, library: Path, song_ids: Sequence[str]) -> None:
    """Delete songs, their takes, and every trace of them in the library's folder.

    Called by the writer inside a transaction, which is committed and begun anew on the way.

    Raises:
        OSError: a file cannot be deleted; the song is gone from the index all the same.
    """
    connection.execute("PRAGMA secure_delete = ON")
    for song_id in song_ids:
        edits.delete(connection, song_id)
    _forget_jobs(connection, set(song_ids))
    _leave_lists(connection, library, set(song_ids))
    # what was deleted stays in the search tree until its parts are merged
    connection.execute("INSERT INTO song_words (song_words) VALUES ('optimize')")
    connection.execute("COMMIT")
    try:
        for song_id in song_ids:
            _delete(library / song_id, library)
            _delete(library / TRASH / song_id, library)
        _delete_takes(library, set(song_ids))
        _delete_copies(library)
        _rewrite(connection)
    finally:
        connection.execute("BEGIN IMMEDIATE")


def _forget_jobs(connection: sqlite3.Connection, song_ids: set[str]) -> None:
    for row in connection.execute("SELECT id, spec FROM jobs").fetchall():
        try:
            song_id = json.loads(row["spec"]).get("song_id")
        except (ValueError, AttributeError):
            continue
        if song_id in song_ids:
            connection.execute("DELETE FROM jobs WHERE id = ?", (row["id"],))


def _leave_lists(connection: sqlite3.Connection, library: Path, song_ids: set[str]) -> None:
    held = False
    for found in playlists.playlists(connection):
        songs = playlists.songs_of(connection, found.id)
        if not song_ids.isdisjoint(songs):
            held = True
            playlists.take_out(connection, found.id, song_ids)
    if held:
        playlists.save(connection, library)


def _delete(folder: Path, library: Path) -> None:
    """Delete a folder; first it takes a name that nobody takes for a song."""
    if folder.is_dir():
        going = library / TRASH / f"going-{os.urandom(8).hex()}"
        folder.rename(going)
        shutil.rmtree(going)


def _delete_takes(library: Path, song_ids: set[str]) -> None:
    for folder in (library / TRASH).glob(f"{TRASHED_TAKE}*"):
        about = about_take(folder)
        if about is not None and about["song"] in song_ids:
            _delete(folder, library)


def _delete_copies(library: Path) -> None:
    """Delete older states of the index: each may hold the song's name."""
    dated.forget_all(library)
    for path in library.glob(f"{DATABASE}.damaged-*"):
        path.unlink()


def _rewrite(connection: sqlite3.Connection) -> None:
    """Write the index anew, without its free pages, and empty its log."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def back_up_again(library: Path) -> None:
    """Make a dated copy in place of those that were deleted."""
    with contextlib.closing(open_for_reading(library)) as connection:
        dated.back_up_index(connection, library, f"schema-{VERSION}")


def clean_files(files: Iterable[Path], names: set[str]) -> None:
    """Take lines that name a song out of text files such as logs; what cannot be read is told.

    Lines are compared as bytes; what was escaped is found too.
    """
    marks = {name.encode("utf-8", "surrogateescape") for name in names}
    marks |= {name.encode("ascii", "backslashreplace") for name in names}
    for path in files:
        try:
            with path.open("rb+") as file:
                lines = file.readlines()
                kept = [line for line in lines if not any(mark in line for mark in marks)]
                if len(kept) < len(lines):
                    # in place: a program that writes into it goes on writing into the same file
                    file.seek(0)
                    file.writelines(kept)
                    file.truncate()
        except OSError as exc:
            log.warning("%s could not be cleaned: %s", path.name, exc)
