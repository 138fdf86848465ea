"""What takes up space: the files of the library by what they are, and takes that nobody uses."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from karaoke_studio.errors import LibraryDamaged
from karaoke_studio.job import BUILTIN_ENGINES
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.schema import DATABASE, open_for_reading, translate

#: In the order they are shown.
KINDS = (
    *("stems", "originals", "drafts", "older", "pictures"),
    *("index", "trash", "staging", "models", "cache", "logs"),
)


@dataclass(frozen=True)
class SpareTake:
    """A take that is not the one in use.

    Attributes:
        is_draft: a built-in engine made it, and a network made the one in use.
        made_at: ISO time in UTC.
    """

    song_id: str
    take_id: str
    is_draft: bool
    made_at: str
    size_bytes: int


@dataclass(frozen=True)
class Storage:
    """What was found.

    Attributes:
        sizes: kind (see `KINDS`) → bytes.
        songs: in the library.
        free_bytes: on the library's disk.
        spare: takes that could go.
    """

    sizes: dict[str, int]
    songs: int
    free_bytes: int
    spare: list[SpareTake] = field(default_factory=list)

    @property
    def total_bytes(self) -> int:
        """All of it together."""
        return sum(self.sizes.values())


def measure(
    library: Path, folders: dict[str, Path], check: Callable[[], None] = lambda: None
) -> Storage:
    """Add up the library, and other folders under the kinds they are given.

    Args:
        library: its folder.
        folders: kind → folder, such as {"models": …, "cache": …, "logs": …}.
        check: called for each song; may raise to end it.

    Raises:
        LibraryError: the index cannot be read.
    """
    sizes: Counter[str] = Counter()
    current = _current_takes(library)
    spare: list[SpareTake] = []
    for entry in _entries(library):
        check()
        if entry.name in current:
            spare += _add_song(Path(entry.path), current[entry.name], sizes)
        elif entry.is_dir(follow_symlinks=False):
            kind = {".trash": "trash", ".staging": "staging", ".backups": "index"}
            sizes[kind.get(entry.name, "older")] += _size(Path(entry.path))
        elif entry.name.startswith(DATABASE):
            sizes["index"] += entry.stat().st_size
    for name, folder in folders.items():
        check()
        sizes[name] += _size(folder)
    free = shutil.disk_usage(library).free
    return Storage({kind: sizes[kind] for kind in KINDS}, len(current), free, spare)


def _current_takes(library: Path) -> dict[str, tuple[str, str]]:
    """Return id → (take in use, its engine) of all songs."""
    with closing(open_for_reading(library)) as connection:
        try:
            rows = connection.execute("SELECT id, take_id, engine FROM songs").fetchall()
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc
    return {row["id"]: (row["take_id"], row["engine"]) for row in rows}


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # gone, or not ours to look into
        return


def _add_song(song: Path, current: tuple[str, str], sizes: Counter[str]) -> list[SpareTake]:
    for entry in _entries(song):
        if entry.is_file(follow_symlinks=False):
            kind = "originals" if entry.name.startswith("original") else "pictures"
            sizes[kind if entry.name != "manifest.json" else "index"] += entry.stat().st_size
    spare = []
    for take in _entries(song / "takes"):
        size = _size(Path(take.path))
        if take.name == current[0]:
            sizes["stems"] += size
        else:
            found = _spare_take(song, take.name, current[1], size)
            sizes["drafts" if found.is_draft else "older"] += size
            spare.append(found)
    return spare


def _spare_take(song: Path, take_id: str, engine_in_use: str, size: int) -> SpareTake:
    try:
        entry = read_manifest(song)["takes"][take_id]
        engine, made_at = str(entry["engine"]), str(entry["made_at"])
    except (LibraryDamaged, KeyError, TypeError):  # left by a crash: nobody names it
        engine, made_at = "", ""
    is_draft = engine in BUILTIN_ENGINES and engine_in_use not in BUILTIN_ENGINES
    return SpareTake(song.name, take_id, is_draft, made_at, size)


def _size(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{path}/{name}").st_size
            except OSError:  # it went away while we looked
                continue
    return total


def drafts_older_than(library: Path, days: int, now_iso: str) -> list[SpareTake]:
    """Return drafts that were made more than so many days ago; `now_iso` is ISO time in UTC."""
    now = dt.datetime.fromisoformat(now_iso)
    spare = measure(library, {}).spare
    return [
        take
        for take in spare
        if take.is_draft
        and take.made_at
        and now - dt.datetime.fromisoformat(take.made_at) > dt.timedelta(days=days)
    ]
