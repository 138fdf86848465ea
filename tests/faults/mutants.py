"""Broken variants of the program, which the fault runs must catch: `python -m … NAME WORDS…`."""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from karaoke_studio.__main__ import main
from karaoke_studio.library import manifest, schema, writer


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


MUTANTS = {
    "in_place": songs_are_built_in_place,
    "unflushed": nothing_is_flushed,
}

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    raise SystemExit(main())
