"""Moves a whole library to another folder; whatever happens, one whole library is left.

The files are copied into a staging folder beside the target, flushed, and read back from the disk.
The staging folder becomes the new library by one rename. The caller then switches to it, which is
one atomic write of the settings, and only then the old files go. A journal in the data folder names
all three places, so that the next start can finish or undo what a crash left (`settle_move`).

Only files that were copied are ever deleted, each by its name: what else lies there stays.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.errors import DiskFull, OutputNotWritable, error_from_os
from karaoke_studio.library.copying import copy_file
from karaoke_studio.staging import sync_folder, sync_tree, write_json_atomic

log = logging.getLogger(__name__)

FOLDER_NAME = "Karaoke Studio library"
_STAGING_PREFIX = ".karaoke-studio-moving-"
#: In the new library until the old one is gone: where it came from, and its files.
_LIST = ".moved.json"
#: Not copied: what jobs work in, which are over or will be begun anew.
_LEFT_OUT = ".staging"
_RESERVE_BYTES = 100_000_000

Report = Callable[[float], None]
Check = Callable[[], None]


@dataclass(frozen=True)
class PlannedMove:
    """What moving will do.

    Attributes:
        old: the library of now.
        new: where it will be; does not exist yet, or is an empty folder.
        size_bytes: what has to be copied.
    """

    old: Path
    new: Path
    size_bytes: int


def plan_move(old: Path, into: Path) -> PlannedMove:
    """Look whether a library can move into a folder.

    Args:
        old: the library of now.
        into: a folder that the library's own folder will be made in.

    Raises:
        OutputNotWritable: it cannot be moved there.
        DiskFull: there is no room.
    """
    new = into / FOLDER_NAME
    try:
        if _is_inside(into, old):
            raise OutputNotWritable(
                "The library cannot be moved into itself.", hint="Choose another folder."
            )
        if old.resolve() == new.resolve():
            raise OutputNotWritable("The library is in this folder already.")
        if new.exists() and (not new.is_dir() or any(new.iterdir())):
            raise OutputNotWritable(
                f"There is something named “{FOLDER_NAME}” in this folder already.",
                hint="Choose another folder.",
            )
        size = sum(path.stat().st_size for path in _files(old))
        free = shutil.disk_usage(into).free
    except OSError as exc:
        raise error_from_os(exc, into, writing=True) from exc
    needed = size + _RESERVE_BYTES
    if free < needed:
        raise DiskFull(
            f"The library needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free there.",
            hint="Free some space, or choose another disk.",
        )
    return PlannedMove(old, new, size)


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _files(library: Path) -> Iterator[Path]:
    """Yield the files of a library, without what jobs work in."""
    for parent, folders, names in os.walk(library, onerror=_raise):
        if Path(parent) == library:
            folders[:] = [name for name in folders if name != _LEFT_OUT]
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and path.name != _LIST:
                yield path


def _raise(exc: OSError) -> None:
    """Stop at a folder that cannot be looked into: what is in it would stay behind."""
    raise exc


def copy_library(move: PlannedMove, journal: Path, report: Report, check: Check) -> None:
    """Make the new library; nothing uses it yet, and the old one is untouched.

    Nobody may write into the old one meanwhile: its index must be closed.

    Args:
        move: what to do.
        journal: a file in the data folder; there until `settle_move`.
        report: called with 0…1.
        check: raises `Cancelled` when the person no longer wants it.

    Raises:
        KaraokeError: it could not be copied.
        Cancelled: from `check`.
    """
    staging = move.new.parent / f"{_STAGING_PREFIX}{uuid.uuid4().hex[:12]}"
    places = {"old": str(move.old), "new": str(move.new), "staging": str(staging)}
    try:
        write_json_atomic(journal, places)
        staging.mkdir()
        copied = _Copy(move, staging, report, check).run()
        write_json_atomic(staging / _LIST, {"old": str(move.old), "files": copied})
        sync_tree(staging)
        check()
        if move.new.exists():
            move.new.rmdir()
        staging.rename(move.new)
        sync_folder(move.new.parent)
    except BaseException as exc:
        with contextlib.suppress(OSError):
            settle_move(journal, move.old)
        if isinstance(exc, OSError):
            raise error_from_os(exc, move.new.parent, writing=True) from exc
        raise


class _Copy:
    """One run over all files: each is written, flushed, and read back."""

    def __init__(self, move: PlannedMove, staging: Path, report: Report, check: Check) -> None:
        self._move, self._staging = move, staging
        self._report, self._check = report, check
        self._whole = max(2 * move.size_bytes, 1)
        self._done = 0

    def run(self) -> list[str]:
        """Copy everything; return the names of the files, below the library."""
        names = []
        for source in _files(self._move.old):
            name = source.relative_to(self._move.old)
            target = self._staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self._copy(source, target)
            names.append(name.as_posix())
        return names

    def _copy(self, source: Path, target: Path) -> None:
        copy_file(
            source,
            target,
            self._on_block,
            "The library stays where it is. Check that disk, or choose another.",
        )

    def _on_block(self, size: int) -> None:
        self._check()
        self._done += size
        self._report(min(self._done / self._whole, 1.0))


def settle_move(journal: Path, library: Path) -> None:
    """Finish or undo a move, so that only the library that is used is left.

    Args:
        journal: as `copy_library` wrote it; where there is none, there is nothing to do.
        library: the one that is used now.

    Raises:
        OSError: something could not be removed; the journal stays for the next time.
    """
    places = _read(journal)
    if places is None:
        return
    old, new, staging = (Path(places[name]) for name in ("old", "new", "staging"))
    if staging.name.startswith(_STAGING_PREFIX) and staging.is_dir():
        shutil.rmtree(staging)
    copied = _read(new / _LIST)
    if copied is not None and copied.get("old") == str(old):
        if library == new:
            _remove_copied(old, copied["files"])
            shutil.rmtree(old / _LEFT_OUT, ignore_errors=True)
            (new / _LIST).unlink()
        elif library == old:
            _remove_copied(new, copied["files"])
            (new / _LIST).unlink()
            _remove_empty(new)
    if library == new:
        _remove_empty(old)
    journal.unlink()
    log.info("a move of the library is settled")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as exc:
        log.warning("%s cannot be read: %s", path.name, exc)
        return None
    return data if isinstance(data, dict) else None


def _remove_copied(library: Path, names: list[str]) -> None:
    for name in names:
        path = library / name
        if ".." not in Path(name).parts and path.is_relative_to(library):
            path.unlink(missing_ok=True)
    _remove_empty(library)


def _remove_empty(folder: Path) -> None:
    """Remove folders that have nothing in them, deepest first; others stay."""
    for parent, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(parent).rmdir()
