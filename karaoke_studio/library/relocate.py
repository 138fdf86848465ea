"""Finding linked songs again whose files were moved: by their content, whole folders at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from karaoke_studio.errors import KaraokeError, LibraryDamaged
from karaoke_studio.library import edits
from karaoke_studio.library.checking import file_sha256
from karaoke_studio.library.manifest import Manifest, read_manifest
from karaoke_studio.library.schema import open_for_reading, translate


@dataclass(frozen=True)
class Linked:
    """A song whose file is not copied into the library.

    Attributes:
        path: where its file was when it was added or found last.
        is_there: whether there is a file now.
        size_bytes: of the file; 0 where that was not noted.
        sha256: of its content.
    """

    song_id: str
    title: str
    artist: str
    path: Path
    is_there: bool
    size_bytes: int
    sha256: str


def linked_songs(library: Path, check: Callable[[], None] = lambda: None) -> list[Linked]:
    """Return all linked songs, by title.

    Raises:
        LibraryError: the index cannot be read.
    """
    with closing(open_for_reading(library)) as connection:
        try:
            rows = connection.execute(
                "SELECT id, title, artist, linked, sha256 FROM songs"
                " WHERE linked IS NOT NULL AND original IS NULL ORDER BY title, id"
            ).fetchall()
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc
    found = []
    for row in rows:
        check()
        path = Path(row["linked"])
        found.append(
            Linked(
                row["id"],
                row["title"],
                row["artist"],
                path,
                os.path.isfile(path),  # noqa: PTH113 - a name with NUL in it is no error here
                _size(library / row["id"]),
                row["sha256"],
            )
        )
    return found


def _size(folder: Path) -> int:
    try:
        return int(read_manifest(folder)["facts"].get("size_bytes") or 0)
    except (LibraryDamaged, AttributeError, TypeError, ValueError):
        return 0


def look_for(
    missing: list[Linked],
    folder: Path,
    report: Callable[[float], None] = lambda _share: None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Path]:
    """Look for files in a folder and all folders in it; only a file with the same content counts.

    Files are read only where their size fits, those with the name that is looked for first.

    Args:
        missing: what is looked for.
        folder: where.
        report: told 0…1.
        check: called often; may raise to end it.

    Returns:
        Song id → where its file is now.
    """
    sizes = {song.size_bytes for song in missing}
    names = {song.path.name for song in missing}
    candidates = [path for path in _files(folder, check) if _fits(path, sizes)]
    candidates.sort(key=lambda path: path.name not in names)
    wanted: dict[str, list[str]] = {}
    for song in missing:
        wanted.setdefault(song.sha256, []).append(song.song_id)
    found: dict[str, Path] = {}
    for number, path in enumerate(candidates):
        if not wanted:
            break
        try:
            sha256 = file_sha256(path, check)
        except OSError:  # not ours to read, or gone
            continue
        for song_id in wanted.pop(sha256, ()):
            found[song_id] = path
        report((number + 1) / len(candidates))
    return found


def _files(folder: Path, check: Callable[[], None]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        check()
        folders.sort()
        for name in sorted(names):
            yield Path(parent, name)


def _fits(path: Path, sizes: set[int]) -> bool:
    try:
        # 0: an older manifest did not note it, so any size fits
        return path.is_file() and (0 in sizes or path.stat().st_size in sizes)
    except OSError:
        return False


def relink(
    connection: sqlite3.Connection, library: Path, found: Mapping[str, Path]
) -> dict[str, str]:
    """Write down where files are now.

    Returns:
        Song id → where its file was, so that it can be undone.

    Raises:
        KaraokeError: a song cannot be changed.
    """
    before: dict[str, str] = {}
    for song_id, path in found.items():

        def edit(manifest: Manifest, song_id: str = song_id, path: Path = path) -> None:
            before[song_id] = str(manifest.get("linked") or "")
            manifest["linked"] = str(path.absolute())

        try:
            edits.rewrite(connection, library, song_id, edit)
        except KaraokeError:
            if len(found) == 1:
                raise
    return before
