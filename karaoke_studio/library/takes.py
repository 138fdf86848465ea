"""The takes of a song, and its cover: files that join or leave a song that is in the library.

New files come first, then the manifest that names them, then the row; what nobody names yet or any
more is only lost room on the disk.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from karaoke_studio.errors import LibraryDamaged, LibraryError, MissingFile, SourceChanged
from karaoke_studio.job import in_order
from karaoke_studio.library import edits
from karaoke_studio.library.manifest import (
    Manifest,
    NewTake,
    build_take_folder,
    read_manifest,
    take_entry,
)
from karaoke_studio.library.songs import Song
from karaoke_studio.staging import sync_file, sync_folder, sync_tree

log = logging.getLogger(__name__)

#: How the folders of takes in the trash begin; those of songs bear the songs' names.
TRASHED_TAKE = "take-"
_ABOUT = "take.json"


@dataclass(frozen=True)
class TakeFacts:
    """What is known about a take.

    Attributes:
        made_at: ISO time in UTC.
        stems: stem → size of its file in bytes.
        null_test_db: see `JobResult`.
        device: that the network ran on; None for the built-in engines.
        shift_bits: the take's samples × 2^shift_bits are the real level.
        fixes: how many edits lie between it and a take that was made whole.
    """

    id: str
    engine: str
    made_at: str
    is_current: bool
    stems: dict[str, int]
    null_test_db: float | None
    null_exact: bool | None
    processing_time_s: float | None
    device: str | None
    notes: tuple[str, ...]
    shift_bits: int = 0
    fixes: int = 0


def takes_of(song: Song) -> list[TakeFacts]:
    """Return the takes of a song, the newest first; [] where they cannot be read."""
    try:
        manifest = read_manifest(song.folder)
        found = [
            _facts(song, take_id, entry, is_current=take_id == manifest["current_take"])
            for take_id, entry in manifest["takes"].items()
        ]
    except (LibraryDamaged, KeyError, TypeError, AttributeError, ValueError) as exc:
        log.warning("the takes of song %s cannot be read: %s", song.id, exc)
        return []
    return sorted(found, key=lambda take: take.made_at, reverse=True)


def _facts(song: Song, take_id: str, entry: dict[str, Any], *, is_current: bool) -> TakeFacts:
    folder = song.folder / "takes" / take_id
    return TakeFacts(
        id=take_id,
        engine=str(entry["engine"]),
        made_at=str(entry["made_at"]),
        is_current=is_current,
        stems={stem: file_size(folder / about["file"]) for stem, about in entry["stems"].items()},
        null_test_db=entry["null_test_db"],
        null_exact=entry["null_exact"],
        processing_time_s=entry["processing_time_s"],
        device=entry.get("device"),
        notes=tuple(str(note) for note in entry["notes"]),
        shift_bits=int(entry["shift_bits"]),
        fixes=len(entry.get("edits", ())),
    )


def with_take(song: Song, take_id: str) -> Song:
    """Return a song as it is with one of its takes, whichever is the current one.

    Raises:
        MissingFile: the take is gone.
        LibraryDamaged: the song's manifest cannot be read.
    """
    manifest = read_manifest(song.folder)
    _require_take(manifest, take_id)
    try:
        entry = manifest["takes"][take_id]
        return replace(
            song,
            take_id=take_id,
            engine=str(entry["engine"]),
            shift_bits=int(entry["shift_bits"]),
            notes=tuple(str(note) for note in entry["notes"]),
            stems=in_order(entry["stems"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise LibraryDamaged(f"A take of {song.title} cannot be read.") from exc


def file_size(path: Path) -> int:
    """Return a file's size in bytes; 0 where it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def stage_take(take: NewTake) -> Path:
    """Arrange a staged take as a folder, flushed, and return the folder.

    Raises:
        OSError: staging cannot be written.
    """
    folder = take.staging / "take"
    build_take_folder(take, folder)
    sync_tree(folder)
    return folder


def add_take(
    connection: sqlite3.Connection, library: Path, song_id: str, take: NewTake, staged: Path
) -> Song:
    """Give a song a new take and make it the current one.

    The take bears the job's name, so that a job that a crash left open is known to be done.

    Raises:
        MissingFile: the song, or the take that this one is an edit of, is gone.
        SourceChanged: the take was made of other sound.
        LibraryDamaged: the song's manifest cannot be read.
        OSError: the library cannot be written.
    """
    edits.song_of(connection, library, song_id)
    facts = read_manifest(library / song_id)["facts"]
    if any(facts[name] != take.song[name] for name in ("frames", "sample_rate", "channels")):
        raise SourceChanged(
            "The song's file in the library is not the one it was made of.",
            hint="Add the song once more.",
        )
    takes = library / song_id / "takes"
    published = takes / take.job_id
    if published.exists() and not _names_take(library / song_id, take.job_id):
        shutil.rmtree(published)  # a crash came before anybody named it
    staged.rename(published)

    def edit(manifest: Manifest) -> None:
        entry = take_entry(take)
        if take.edit is not None:
            _require_take(manifest, take.edit["take_id"])
            older = manifest["takes"][take.edit["take_id"]]
            entry["edits"] = [*older.get("edits", ()), take.edit]
        manifest["takes"][take.job_id] = entry
        manifest["current_take"] = take.job_id

    try:
        sync_folder(takes)
        return edits.rewrite(connection, library, song_id, edit)
    except BaseException:
        if not _names_take(library / song_id, take.job_id):
            published.rename(staged)
        raise


def _names_take(folder: Path, take_id: str) -> bool:
    try:
        return take_id in read_manifest(folder)["takes"]
    except LibraryDamaged:
        return False


def use_take(connection: sqlite3.Connection, library: Path, song_id: str, take_id: str) -> Song:
    """Make another take of a song the current one.

    Raises:
        MissingFile: the song or the take is gone.
        LibraryDamaged: the song's manifest cannot be read.
        OSError: the library cannot be written.
    """

    def edit(manifest: Manifest) -> None:
        _require_take(manifest, take_id)
        manifest["current_take"] = take_id

    return edits.rewrite(connection, library, song_id, edit)


def remove_take(
    connection: sqlite3.Connection, library: Path, trash: Path, song_id: str, take_id: str
) -> str:
    """Move a take that is not the current one to the trash; return its name there.

    Raises:
        MissingFile: the song or the take is gone.
        LibraryError: it is the current take.
        LibraryDamaged: the song's manifest cannot be read.
        OSError: the library cannot be written.
    """
    about: dict[str, Any] = {"song": song_id, "take": take_id}

    def edit(manifest: Manifest) -> None:
        _require_take(manifest, take_id)
        if manifest["current_take"] == take_id:
            raise LibraryError(
                "The take in use cannot be removed.", hint="Choose another take first."
            )
        about["title"] = manifest["tags"].get("title", "")
        about["entry"] = manifest["takes"].pop(take_id)

    edits.rewrite(connection, library, song_id, edit)
    target = trash / f"{TRASHED_TAKE}{uuid.uuid4().hex}"
    (library / song_id / "takes" / take_id).rename(target)
    (target / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
    sync_folder(trash)
    return target.name


def about_take(folder: Path) -> dict[str, Any] | None:
    """Return what is known about a take in the trash (song, take, title, entry), or None."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    names = ("song", "take", "entry")
    return about if isinstance(about, dict) and all(name in about for name in names) else None


def restore_take(connection: sqlite3.Connection, library: Path, trash: Path, name: str) -> Song:
    """Take a take back out of the trash; it is not the one in use.

    Raises:
        MissingFile: the take or its song is gone.
        LibraryDamaged: the song's manifest cannot be read.
        OSError: the library cannot be written.
    """
    about = about_take(trash / name)
    if about is None:
        raise MissingFile("This take is no longer in the trash.")
    edits.song_of(connection, library, about["song"])
    takes = library / about["song"] / "takes"
    (trash / name).rename(takes / about["take"])

    def edit(manifest: Manifest) -> None:
        manifest["takes"][about["take"]] = about["entry"]

    try:
        sync_folder(takes)
        song = edits.rewrite(connection, library, about["song"], edit)
    except BaseException:
        (takes / about["take"]).rename(trash / name)
        raise
    (takes / about["take"] / _ABOUT).unlink(missing_ok=True)
    return song


def _require_take(manifest: Manifest, take_id: str) -> None:
    if take_id not in manifest["takes"]:
        raise MissingFile("This take of the song is no longer there.")


def set_cover(
    connection: sqlite3.Connection, library: Path, song_id: str, picture: tuple[bytes, str] | None
) -> Song:
    """Give a song another cover, or none.

    Args:
        connection: of the writer.
        library: its folder.
        song_id: which song.
        picture: the file's bytes and its suffix with the dot.

    Raises:
        MissingFile: the song is not in the library.
        LibraryDamaged: the song's manifest cannot be read.
        OSError: the library cannot be written.
    """
    before = edits.song_of(connection, library, song_id).cover_path
    name = None
    if picture is not None:
        # a name of its own: whoever reads or remembers the old one is not confused
        name = f"cover-{uuid.uuid4().hex[:8]}{picture[1]}"
        path = library / song_id / name
        path.write_bytes(picture[0])
        sync_file(path)

    def edit(manifest: Manifest) -> None:
        manifest["cover"] = name

    song = edits.rewrite(connection, library, song_id, edit)
    if before is not None:
        before.unlink(missing_ok=True)
    return song
