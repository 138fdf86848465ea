"""From what a person named or dropped to the songs that it means."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Endings looked for inside folders only; a file that is named itself is judged by its contents.
SONG_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("mp3", "wav", "wave", "flac", "aif", "aiff", "aifc", "w64", "rf64", "ogg", "oga"),
        *("opus", "m4a", "m4b", "aac", "alac", "wma", "mp4", "m4v", "mkv", "mka", "webm", "mov"),
        *("avi", "wv", "ape", "tta", "caf", "au", "ac3"),
    )
)
_DIGITS = re.compile(r"(\d+)")


def songs_in(path: Path) -> Iterator[Path]:
    """Yield the songs below a folder, in natural order; a path that is no folder is itself.

    Links to folders are not followed, hidden files and folders are left out.
    """
    if not is_folder(path):
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted((f for f in folders if not f.startswith(".")), key=natural_key)
        for name in sorted(files, key=natural_key):
            if not name.startswith(".") and Path(name).suffix.lower() in SONG_SUFFIXES:
                yield Path(folder) / name


def only_new(songs: Iterable[Path], seen: set[Path]) -> list[Path]:
    """Return the songs that are not in `seen`, and put them there.

    A file may be named beside its own folder; it is one song all the same.
    """
    new = {Path(os.path.normpath(song.absolute())): song for song in songs}
    found = [song for place, song in new.items() if place not in seen]
    seen.update(new)
    return found


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; one that cannot be looked at (too long, no permission) is not."""
    try:
        return path.is_dir()
    except OSError:
        return False


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which "2 b" comes before "10 a".

    >>> sorted(["10 a", "2 b"], key=natural_key)
    ['2 b', '10 a']
    """
    parts = _DIGITS.split(name.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]
