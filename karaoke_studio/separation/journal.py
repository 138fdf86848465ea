"""What is on disk for certain: the journal of a song that is being separated.

Data first, then the word of it: the stems' files are flushed, then one line with the new ranges is
appended and flushed. After a crash only ranges that a whole line names are believed. Each line
carries the hash of its recipe: everything that decides the bits. Another recipe starts again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from karaoke_studio.separation.ranges import Range, Ranges
from karaoke_studio.staging import sync_folder

log = logging.getLogger(__name__)

#: Seconds between checkpoints: what a crash costs at most, besides the chunk under way.
INTERVAL_S = 5.0


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """Return the name of a recipe of plain values."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Journal:
    """The ranges of one song that are ready, kept through crashes.

    Attributes:
        ready: frames that the stems' files hold, those of earlier runs included.
        resumed: how many of them an earlier run made.
    """

    def __init__(
        self,
        path: Path,
        recipe: str,
        sync: Callable[[], None],
        *,
        interval_s: float = INTERVAL_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or begin a journal.

        Args:
            path: its file. Lines of other recipes are struck out: their ranges will be overwritten.
            recipe: `recipe_hash` of the run that now begins.
            sync: flushes the stems' files.
            interval_s: least time between checkpoints.
            now_s: the clock.

        Raises:
            OSError: the file cannot be written.
        """
        self._path = path
        self._recipe = recipe
        self._sync = sync
        self._interval_s = interval_s
        self._now_s = now_s
        self._pending = Ranges()
        self.ready = Ranges(_begin(path, recipe))
        self.resumed = self.ready.total
        self._file = path.open("ab")
        self._saved_s = now_s()

    def use(self, recipe: str) -> None:
        """Go on under another recipe (a device was lost); what is ready stays ready.

        Raises:
            OSError: the disk is full.
        """
        self.checkpoint()
        self._recipe = recipe

    def add(self, start: int, stop: int) -> None:
        """Note frames that have been written to the stems' files.

        Raises:
            OSError: the disk is full.
        """
        self.ready.add(start, stop)
        self._pending.add(start, stop)
        if self._now_s() - self._saved_s >= self._interval_s:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Make everything noted so far survive a power cut.

        Raises:
            OSError: the disk is full.
        """
        if self._pending:
            self._sync()
            self._file.write(_line(self._recipe, self._pending))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._pending = Ranges()
        self._saved_s = self._now_s()

    def close(self) -> None:
        """Close the file; what was noted after the last checkpoint is not believed."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _line(recipe: str, ranges: Ranges) -> bytes:
    parts = [[start, stop] for start, stop in ranges]
    return json.dumps({"recipe": recipe, "ranges": parts}).encode() + b"\n"


def _begin(path: Path, recipe: str) -> list[Range]:
    """Return the ranges that a recipe has made, and leave only its lines in the file."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        lines = []
    own = {line: ranges for line in lines if (ranges := _ranges(line, recipe)) is not None}
    if len(own) < len(lines) or not lines:
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(own)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    if own:
        log.info("%s: resuming after %d checkpoints", path.parent.name, len(own))
    return [part for ranges in own.values() for part in ranges]


def _ranges(line: bytes, recipe: str) -> list[Range] | None:
    """Return the ranges of a whole line of a recipe, None of any other."""
    if not line.endswith(b"\n"):  # cut off by a crash
        return None
    try:
        data = json.loads(line)
        if data["recipe"] != recipe:
            return None
        return [(int(start), int(stop)) for start, stop in data["ranges"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
