"""A damaged index: whatever happened to its file, every song comes back."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from karaoke_studio.errors import KaraokeError, LibraryTooNew
from karaoke_studio.library.schema import DATABASE
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.report import Report, Scale
from tests.library.takes import make_take

_SONGS = 30


def run(scale: Scale) -> Report:
    """Damage copies of a library's index, open them, and count the songs."""
    whole = scale.folder / "whole"
    library = LibraryWriter(whole)
    ids = {library.adopt(make_take(library.staging, title=f"Song {n}")).id for n in range(_SONGS)}
    library.close()
    report = _damage(scale, whole, ids, scale.pick(20, 200))
    if scale.with_mutant:
        true_tidy = LibraryWriter._tidy_folders
        LibraryWriter._tidy_folders = lambda *_: None  # type: ignore[method-assign]
        try:
            broken = _damage(scale, whole, ids, 20)
        finally:
            LibraryWriter._tidy_folders = true_tidy  # type: ignore[method-assign]
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def _damage(scale: Scale, whole: Path, ids: set[str], points: int) -> Report:
    report = Report(points=points)
    newer = anew = 0
    for point in range(points):
        folder = scale.folder / "damaged"
        shutil.copytree(whole, folder)
        index = folder / DATABASE
        before = index.read_bytes()
        index.write_bytes(_damaged(before, scale.rng(point)))
        report.hits += index.read_bytes() != before
        try:
            LibraryWriter(folder).close()
            found = _ids(folder)
        except LibraryTooNew:
            newer += 1  # a flipped version number is refused with a sentence; nothing is touched
        except KaraokeError as exc:
            report.failures.append(f"point {point}: {exc}")
        else:
            anew += any(folder.glob(f"{DATABASE}.damaged-*"))
            if found != ids:
                report.failures.append(f"point {point}: {len(ids - found)} songs are lost")
        shutil.rmtree(folder)
    report.notes = {"built_anew": anew, "refused_as_newer": newer, "songs": len(ids)}
    return report


def _damaged(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    match dice.randrange(4):
        case 0:
            for _ in range(dice.choice([1, 1, 10, 100])):
                changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
        case 1:
            start = dice.randrange(len(changed))
            stop = min(start + dice.choice([16, 512, 4096]), len(changed))
            changed[start:stop] = dice.randbytes(stop - start)
        case 2:
            del changed[dice.randrange(len(changed)) :]
        case _:
            changed[: dice.choice([16, 100, 4096])] = b""
    return bytes(changed)


def _ids(folder: Path) -> set[str]:
    library = SongLibrary(folder)
    try:
        return {song.id for song in library.songs()}
    finally:
        library.close()
