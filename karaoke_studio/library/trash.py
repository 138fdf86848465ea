"""The trash: songs and takes that were removed, until somebody empties it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from karaoke_studio.errors import LibraryDamaged
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.takes import TRASHED_TAKE, about_take

log = logging.getLogger(__name__)

FOLDER = ".trash"
#: What is being deleted: a crash leaves it under this name, and nobody takes it for a song.
_GOING = "going-"


@dataclass(frozen=True)
class Trashed:
    """Something in the trash.

    Attributes:
        name: of its folder there.
        title: of the song.
        artist: of the song, or "".
        is_take: a take of a song that is still in the library.
        removed_at: ISO time in UTC.
        size_bytes: of all its files.
        can_return: whether it can be restored.
    """

    name: str
    title: str
    artist: str
    is_take: bool
    removed_at: str
    size_bytes: int
    can_return: bool


def list_trash(library: Path, check: Callable[[], None] = lambda: None) -> list[Trashed]:
    """Return what is in the trash, what was removed last first.

    Args:
        library: its folder.
        check: called between the entries; may raise to end it.
    """
    found = []
    for folder in _folders(library / FOLDER):
        check()
        with contextlib.suppress(FileNotFoundError):
            found.append((folder.stat().st_mtime, _describe(folder, library)))
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _folders(trash: Path) -> list[Path]:
    try:
        return [p for p in trash.iterdir() if p.is_dir() and not p.name.startswith(_GOING)]
    except OSError:
        return []


def _describe(folder: Path, library: Path) -> Trashed:
    removed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(folder.stat().st_mtime))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if folder.name.startswith(TRASHED_TAKE):
        about = about_take(folder) or {}
        there = bool(about) and (library / str(about["song"])).is_dir()
        title = str(about.get("title") or "A take")
        return Trashed(folder.name, title, "", True, removed, size, there)
    try:
        tags = read_manifest(folder)["tags"]
        title, artist = str(tags.get("title", "")), str(tags.get("artist", ""))
    except (LibraryDamaged, AttributeError, KeyError) as exc:
        log.info("an entry of the trash cannot be read: %s", exc)
        return Trashed(folder.name, "A damaged song", "", False, removed, size, False)
    return Trashed(folder.name, title or "Untitled", artist, False, removed, size, True)


def empty(
    library: Path, names: Iterable[str] | None = None, check: Callable[[], None] = lambda: None
) -> int:
    """Delete what is in the trash for good.

    Args:
        library: its folder.
        names: of entries; None = all, and what an earlier crash left.
        check: called between the entries; may raise to end it.

    Returns:
        How many entries were deleted.

    Raises:
        OSError: something cannot be deleted; it stays in the trash, or is gone from the list.
    """
    trash = library / FOLDER
    chosen = None if names is None else set(names)
    done = 0
    for folder in _folders(trash):
        if chosen is None or folder.name in chosen:
            check()
            going = trash / f"{_GOING}{uuid.uuid4().hex}"
            folder.rename(going)
            shutil.rmtree(going)
            done += 1
    if chosen is None:
        for left in trash.glob(f"{_GOING}*"):
            shutil.rmtree(left)
        for other in trash.iterdir():
            if other.is_file():
                os.unlink(other)  # noqa: PTH108 - as short as the rest
    return done
