"""Variants of the program: `python -m … NAME[+NAME…] WORDS…`.

Most are broken on purpose, and the fault runs must catch them; some only meet a fault.
"""

from __future__ import annotations

import functools
import itertools
import os
import sqlite3
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from karaoke_studio import meter, names, staging
from karaoke_studio.__main__ import main
from karaoke_studio.library import edits, manifest, schema, writer


def songs_are_built_in_place() -> None:
    """Arrange a song where it is seen already, manifest first, instead of renaming it there."""

    def build(take: manifest.NewTake, song_id: str) -> Path:
        folder = true_build(take, song_id)
        target = take.staging.parent.parent / song_id
        target.mkdir()
        for path in [folder / manifest.MANIFEST, *folder.iterdir()]:
            if path.exists():
                path.rename(target / path.name)
                time.sleep(0.03)
        return target

    true_build = manifest.build_song_folder
    writer.build_song_folder = build  # type: ignore[attr-defined]
    true_rename = Path.rename

    def rename(self: Path, target: Any) -> Path:
        return self if self == Path(target) else true_rename(self, target)

    Path.rename = rename  # type: ignore[method-assign]


def nothing_is_flushed() -> None:
    """Rename without telling the disk to keep what was written."""
    os.fsync = lambda _file: None

    class Careless(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            return super().execute(statement.replace("= FULL", "= OFF"), *values)

    schema.sqlite3 = SimpleNamespace(**vars(sqlite3))  # type: ignore[attr-defined]
    schema.sqlite3.connect = functools.partial(sqlite3.connect, factory=Careless)  # type: ignore[attr-defined]


def plays_are_counted_from_memory() -> None:
    """Read the number of plays in one transaction and write it in the next."""

    def count(connection: sqlite3.Connection, song_id: str, played_at: str) -> None:
        (plays,) = connection.execute(
            "SELECT play_count FROM songs WHERE id = ?", (song_id,)
        ).fetchone()
        connection.execute("COMMIT")
        time.sleep(0.01)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE songs SET play_count = ?, played_at = ? WHERE id = ?",
            (plays + 1, played_at, song_id),
        )

    edits.count_play = count


def changes_are_told_early() -> None:
    """Say that a change is safe before it is."""

    def submit(self: writer.LibraryWriter, change: Any) -> Future[Any]:
        true_submit(self, lambda connection: (time.sleep(0.02), change(connection))[1])
        told: Future[Any] = Future()
        told.set_result("")
        return told

    true_submit = writer.LibraryWriter.submit
    writer.LibraryWriter.submit = submit  # type: ignore[method-assign]


def nothing_is_put_away() -> None:
    """Leave staging folders where they are."""
    staging._remove = lambda _folder: None


def names_are_taken_as_they_are() -> None:
    """Name files as their songs are."""
    names.safe_name = lambda text: text


def times_are_told_by_the_wall_clock() -> None:
    """Measure how long a job takes with a clock that people set."""
    made = meter.Meter.__init__
    made.__defaults__ = tuple(
        time.time if default is time.monotonic else default for default in made.__defaults__ or ()
    )


def the_clock_jumps() -> None:
    """Set the wall clock back and forth by hours, every few looks at it."""
    true_time, looks = time.time, itertools.count()

    def jumping() -> float:
        return true_time() + (0, -7200, 90_000)[next(looks) // 3 % 3]

    time.time = jumping


def the_disk_is_slow() -> None:
    """Let every operation on files take 20 ms, as on a share that is far away."""

    def slowly(true: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            time.sleep(0.02)
            return true(*args, **named)

        return call

    os.fsync = slowly(os.fsync)
    for name in ("open", "rename", "replace", "mkdir", "unlink", "iterdir"):
        setattr(Path, name, slowly(getattr(Path, name)))


MUTANTS = {
    "in_place": songs_are_built_in_place,
    "unflushed": nothing_is_flushed,
    "stale_counts": plays_are_counted_from_memory,
    "told_early": changes_are_told_early,
    "left_lying": nothing_is_put_away,
    "unsafe_names": names_are_taken_as_they_are,
    "slow_disk": the_disk_is_slow,
    "jumping_clock": the_clock_jumps,
    "wall_clock": times_are_told_by_the_wall_clock,
}

if __name__ == "__main__":
    for name in sys.argv.pop(1).split("+"):
        MUTANTS[name]()
    raise SystemExit(main())
