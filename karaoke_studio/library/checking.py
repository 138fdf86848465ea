"""Looks whether everything of the library is there and as it was written."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.errors import KaraokeError, LibraryDamaged
from karaoke_studio.library.manifest import MANIFEST, Manifest, read_manifest
from karaoke_studio.library.schema import DATABASE, open_for_reading, translate

_PIECE_BYTES = 1 << 20

REBUILD = "Run karaoke-studio library rebuild."


@dataclass(frozen=True)
class Finding:
    """One thing about a library.

    Attributes:
        is_error: something is lost or changed; else it only is worth knowing.
        code: what it is, for programs.
        message: a sentence.
        song_id: of which song, or None.
    """

    is_error: bool
    code: str
    message: str
    song_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a plain object."""
        return {
            "kind": "error" if self.is_error else "note",
            "code": self.code,
            "message": self.message,
            "song_id": self.song_id,
        }


def file_sha256(path: Path, check: Callable[[], None] = lambda: None) -> str:
    """Return the digest of a file's content; `check` is called between the pieces.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            check()
            digest.update(piece)
    return digest.hexdigest()


def check_library(folder: Path, check: Callable[[], None] = lambda: None) -> Iterator[Finding]:
    """Compare every file of the library with what was noted when it was written.

    Nothing is changed.

    Args:
        folder: the library.
        check: called often; may raise to end it.

    Yields:
        What was found, song after song.
    """
    if not (folder / DATABASE).exists():
        yield Finding(False, "no_library", "There is no library yet.")
        if not folder.is_dir():
            return
    known = None
    if (folder / DATABASE).exists():
        try:
            known, jobs = _index_of(folder)
        except KaraokeError as exc:
            yield Finding(True, "index_damaged", f"{exc.message} {REBUILD}")
        else:
            if jobs:
                yield Finding(False, "unfinished_jobs", f"{jobs} songs wait in the queue.")
    there = sorted(path for path in folder.iterdir() if _is_song_folder(path))
    for path in there:
        check()
        yield from _check_song(path, check)
        if known is not None and path.name not in known:
            text = f"The song in {path.name} is not in the index yet: the next start takes it in."
            yield Finding(False, "not_in_index", text, path.name)
    for song_id in sorted((known or set()) - {path.name for path in there}):
        yield Finding(True, "song_gone", f"The song {song_id} is gone from the disk.", song_id)
    left = len([path for path in (folder / ".staging").glob("*") if path.is_dir()])
    if left:
        yield Finding(False, "left_over_staging", f"{left} folders of unfinished work are left.")


def _index_of(folder: Path) -> tuple[set[str], int]:
    """Return the ids of the songs in the index, and how many jobs it holds.

    Raises:
        KaraokeError: it is damaged or cannot be read.
    """
    try:
        with closing(open_for_reading(folder)) as connection:
            (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if answer != "ok":
                raise LibraryDamaged("The library's index is damaged.")
            ids = {row["id"] for row in connection.execute("SELECT id FROM songs")}
            (jobs,) = connection.execute("SELECT COUNT(*) FROM jobs").fetchone()
    except sqlite3.Error as exc:
        raise translate(exc) from exc
    return ids, jobs


def _is_song_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _check_song(folder: Path, check: Callable[[], None]) -> Iterator[Finding]:
    song_id = folder.name
    if not (folder / MANIFEST).exists():
        text = f"The folder {song_id} has no manifest: it is no song of the library."
        yield Finding(True, "manifest_missing", text, song_id)
        return
    try:
        manifest = read_manifest(folder)
        expected = list(expected_files(manifest))
    except LibraryDamaged as exc:
        yield Finding(True, "manifest_damaged", exc.message, song_id)
        return
    except (KeyError, TypeError, AttributeError):
        text = f"The manifest of the song in {song_id} is incomplete."
        yield Finding(True, "manifest_damaged", text, song_id)
        return
    title = manifest["tags"].get("title") or song_id
    for name, sha256 in expected:
        try:
            is_same = sha256 in (None, file_sha256(folder / name, check))
        except OSError:
            yield Finding(True, "file_missing", f"{title}: {name} cannot be read.", song_id)
        else:
            if not is_same:
                text = f"{title}: {name} is not as it was written."
                yield Finding(True, "file_changed", text, song_id)


def expected_files(manifest: Manifest) -> Iterator[tuple[str, str | None]]:
    """Yield the files that a manifest names, with their digests where they were noted.

    Raises:
        KeyError: the manifest is incomplete.
    """
    if manifest["original"]:
        yield manifest["original"], manifest["facts"]["sha256"]
    if manifest["cover"]:
        yield manifest["cover"], None
    for take_id, take in manifest["takes"].items():
        for about in take["stems"].values():
            yield f"takes/{take_id}/{about['file']}", about["sha256"]
        yield f"takes/{take_id}/peaks", None
