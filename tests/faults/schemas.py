"""Indexes of older versions, killed after each statement of their opening; and newer ones."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from karaoke_studio.errors import LibraryTooNew
from karaoke_studio.library import schema
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.faults.two import make_library

_SONGS, _MOST = 3, 200


def run(scale: Scale) -> Report:
    """Open old indexes until killed, then again; open a newer one."""
    report = Report()
    for version in range(1, schema.VERSION):
        _kill_each(scale, report, version, "")
    _open_newer(scale, report)
    report.notes["version"] = schema.VERSION
    if scale.with_mutant:
        broken = Report()
        _kill_each(scale, broken, 1, "loose")
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def make_old(folder: Path, version: int) -> set[str]:
    """Make a library whose index is of an older version, with songs and a job; return the songs."""
    ids = {*make_library(folder, _SONGS)}
    path = folder / schema.DATABASE
    with closing(sqlite3.connect(path)) as new:
        new.row_factory = sqlite3.Row
        rows = [dict(row) for row in new.execute("SELECT * FROM songs ORDER BY rowid")]
    for part in folder.glob(f"{schema.DATABASE}*"):
        part.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.create_function("searchable", 1, lambda text: text, deterministic=True)
        old.execute("PRAGMA journal_mode = WAL")
        for step in schema.MIGRATIONS[:version]:
            for statement in step:
                old.execute(statement)
        known = {row[1] for row in old.execute("PRAGMA table_info(songs)")}
        for row in rows:
            names = [name for name in row if name in known]
            marks = ", ".join(f":{name}" for name in names)
            old.execute(f"INSERT INTO songs ({', '.join(names)}) VALUES ({marks})", row)
        old.execute(
            "INSERT INTO jobs (id, position, spec, state, created_at)"
            " VALUES ('j', 1, '{}', 'queued', '')"
        )
        old.execute(f"PRAGMA user_version = {version}")
    return ids


def _kill_each(scale: Scale, report: Report, version: int, mutant: str) -> None:
    base = scale.folder / f"version-{version}-{mutant}"
    ids = make_old(base, version)
    for at in range(1, _MOST):
        folder = scale.folder / "opened"
        shutil.copytree(base, folder)
        report.points += 1
        command = [sys.executable, "-m", "tests.faults.schemas", str(folder), str(at), mutant]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        was_killed = done.returncode == -signal.SIGKILL
        report.hits += was_killed
        faults = [] if was_killed or not done.returncode else [done.stderr.strip()[-200:]]
        faults += _faults(folder, ids, version)
        report.failures += [f"version {version}, statement {at}: {text}" for text in faults]
        shutil.rmtree(folder)
        if not was_killed or (mutant and faults):
            return
    report.failures.append(f"version {version} was never opened")


def _faults(folder: Path, ids: set[str], version: int) -> list[str]:
    """Return what is wrong with an index that was left, and with it after the next start."""
    with closing(sqlite3.connect(folder / schema.DATABASE)) as left:
        (found,) = left.execute("PRAGMA user_version").fetchone()
        (count,) = left.execute("SELECT COUNT(*) FROM songs").fetchone()
    # each step is a transaction of its own
    faults = [] if version <= found <= schema.VERSION else [f"it is of version {found}"]
    if count != len(ids):
        faults.append(f"{count} songs are left")
    LibraryWriter(folder).close()
    library = SongLibrary(folder)
    songs = {song.id for song in library.songs()}
    library.close()
    if songs != ids:
        faults.append(f"{len(ids - songs)} songs are lost")
    with closing(sqlite3.connect(folder / schema.DATABASE)) as now:
        if now.execute("SELECT id FROM jobs").fetchall() != [("j",)]:
            faults.append("the queue is lost")
    if any(folder.glob("*damaged*")):
        faults.append("it was taken for damaged")
    return faults


def _open_newer(scale: Scale, report: Report) -> None:
    """An index of a newer version is read, never written, and that is said in a sentence."""
    data = scale.folder / "newer"
    ids = {*make_library(data / "library", _SONGS)}
    index = data / "library" / schema.DATABASE
    with closing(sqlite3.connect(index, isolation_level=None)) as newer:
        newer.execute("ALTER TABLE songs ADD COLUMN mood TEXT")
        newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = index.read_bytes()
    report.points += 1
    report.hits += 1
    listed = Program("library", "list", data=data)
    if listed.wait() or {song["id"] for song in listed.told} != ids:
        report.failures.append(f"newer: its songs are not listed: {listed.lines}")
    removed = Program("library", "remove", next(iter(ids)), data=data)
    if not removed.wait() or "newer version" not in " ".join(removed.lines):
        report.failures.append(f"newer: it was changed, or not refused in words: {removed.lines}")
    try:
        LibraryWriter(data / "library").close()
    except LibraryTooNew as exc:
        if not exc.hint:
            report.failures.append("newer: nobody says what to do")
    if index.read_bytes() != before:
        report.failures.append("newer: it was written to")


def _open_and_die(folder: Path, at: int, mutant: str) -> None:
    """Open a library; die after so many statements."""

    class Deadly(sqlite3.Connection):
        count = 0

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if mutant and statement in {"BEGIN IMMEDIATE", "COMMIT"}:
                statement = "SELECT 1"
            done = super().execute(statement, *values)
            Deadly.count += 1
            if Deadly.count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

    def connect(*args: Any, **named: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, factory=Deadly, **named)

    schema._expected_columns()
    schema.sqlite3 = SimpleNamespace(**{**vars(sqlite3), "connect": connect})  # type: ignore[attr-defined]
    LibraryWriter(folder).close()


if __name__ == "__main__":
    _open_and_die(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
