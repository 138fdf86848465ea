"""Every operation on files and on the index fails once: what is left is the old or the new.

The n-th operation of a job fails, for n = 1, 2, … until the job gets through without meeting it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from karaoke_studio.errors import KaraokeError
from karaoke_studio.library import edits, manifest, playlists, schema
from karaoke_studio.library.checking import check_library
from karaoke_studio.library.manifest import NewTake
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.publisher import filled_take
from tests.faults.report import Report, Scale

ERRNOS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EINTR)
_FULL = {errno.ENOSPC, errno.EDQUOT}
_MOST = 400


@dataclass
class Trap:
    """Counts operations while it is set, and makes one of them fail."""

    at: int
    number: int
    count: int = 0
    is_set: bool = False

    def step(self, error: Callable[[int], Exception]) -> None:
        """Count one operation."""
        if self.is_set:
            self.count += 1
            if self.count == self.at:
                raise error(self.number)


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _sql_error(number: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("an injected error")
    code = sqlite3.SQLITE_FULL if number in _FULL else sqlite3.SQLITE_IOERR
    error.sqlite_errorcode = code
    return error


@contextlib.contextmanager
def _trapped(trap: Trap) -> Iterator[None]:
    """Lead what the library does to its disk through the trap."""

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if not statement.startswith("ROLLBACK"):
                trap.step(_sql_error)
            return super().execute(statement, *values)

    def through(true: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            trap.step(_os_error)
            return true(*args, **named)

        return call

    def connect(*args: Any, **named: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, factory=Connection, **named)

    places = [(os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "mkdir"), (Path, "open")]
    places += [(Path, "unlink")]
    true = [getattr(owner, name) for owner, name in places]
    true_sqlite = schema.sqlite3
    schema.sqlite3 = SimpleNamespace(**{**vars(sqlite3), "connect": connect})
    for (owner, name), function in zip(places, true, strict=True):
        setattr(owner, name, through(function))
    try:
        yield
    finally:
        schema.sqlite3 = true_sqlite
        for (owner, name), function in zip(places, true, strict=True):
            setattr(owner, name, function)


Job = Callable[[LibraryWriter, str, NewTake], Any]
JOBS: dict[str, Job] = {
    "adopt": lambda library, _song, take: library.adopt(take),
    "edit": lambda library, song, _take: library.change_song(song, title="New").result(),
    "remove": lambda library, song, _take: library.remove(song).result(),
    "cover": lambda library, song, _take: library.set_cover(song, (b"picture", ".png")).result(),
    "take": lambda library, song, take: library.add_take(take, song),
    "set list": lambda library, song, _take: library.create_playlist("List", [song]).result(),
}
_QUICK = ("adopt", "take", "cover")


def run(scale: Scale) -> Report:
    """Let every operation of every job fail in turn."""
    report = Report()
    for turn, name in enumerate(JOBS if scale.is_full else _QUICK):
        # quickly: another one for each job
        for number in ERRNOS if scale.is_full else ERRNOS[turn : turn + 1]:
            _fail_each(scale, report, name, number)
    if scale.with_mutant:
        report.mutant = _mutant(scale)
    return report


def _fail_each(scale: Scale, report: Report, name: str, number: int) -> None:
    base = scale.folder / "base"
    song = _make_base(base)
    for at in range(1, _MOST):
        trap = Trap(at, number)
        folder = scale.folder / "tried"
        shutil.copytree(base, folder)
        report.points += 1
        told = _run_job(folder, name, song, trap)
        is_through = trap.count < at
        report.hits += not is_through
        repeat = f"{name}, operation {at}, {errno.errorcode[number]}"
        report.failures += [f"{repeat}: {text}" for text in (*told, *_look(folder, song, name))]
        shutil.rmtree(folder)
        if is_through:
            break
    else:
        report.failures.append(f"{name} never got through")
    shutil.rmtree(base)


def _make_base(folder: Path) -> str:
    library = LibraryWriter(folder)
    song = library.adopt(filled_take(library.staging)).id
    library.close()
    return song


def _run_job(folder: Path, name: str, song: str, trap: Trap) -> list[str]:
    """Run a job over the trap; return what is wrong with how it ended."""
    with _trapped(trap):
        library = LibraryWriter(folder)
        take = filled_take(library.staging)
        trap.is_set = True
        try:
            JOBS[name](library, song, take)
        except KaraokeError as exc:
            return [] if exc.message else ["an error without a sentence"]
        except (OSError, sqlite3.Error) as exc:
            return [f"an error that nobody translated: {exc!r}"]
        finally:
            trap.is_set = False
            library.close()
    return []


def _look(folder: Path, song: str, name: str) -> list[str]:
    """Start again; return what is wrong with what is left."""
    LibraryWriter(folder).close()
    faults = [found.message for found in check_library(folder) if found.is_error]
    library = SongLibrary(folder)
    ids = [one.id for one in library.songs()]
    library.close()
    if song not in ids and name != "remove":
        faults.append("the song that was there is gone")
    if name == "remove" and song not in ids and not (folder / ".trash" / song).is_dir():
        faults.append("the song is neither there nor in the trash")
    return faults


def _mutant(scale: Scale) -> str:
    """Write manifests in place instead of beside them; say how that was noticed."""

    def in_place(path: Path, data: object) -> None:
        with path.open("w") as file:
            os.fsync(file.fileno())
            file.write(json.dumps(data))

    report = Report()
    modules = (manifest, edits, playlists)
    true = [module.write_json_atomic for module in modules]
    for module in modules:
        module.write_json_atomic = in_place
    try:
        _fail_each(scale, report, "cover", errno.EIO)
    finally:
        for module, function in zip(modules, true, strict=True):
            module.write_json_atomic = function
    return report.failures[0] if report.failures else ""
