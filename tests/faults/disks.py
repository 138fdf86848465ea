"""Disks that are too small and limits on the size of files: told clearly, gone on with later.

A quota is met in `operations`: for the program it is one more errno.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from karaoke_studio.library.checking import check_library
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_RATE, _SECONDS = 44_100, 30
_ROOM_MB = 96
_FULL = "DISK_FULL"


def run(scale: Scale) -> Report:
    """Make a song where there is too little room, make room, and make it again."""
    song = write_song(scale.folder / "song.flac", noise(_SECONDS, _RATE, 2), _RATE, "PCM_16")
    report = Report()
    _limit_files(scale, report, song)
    if (reason := why_no_mounts(scale.folder)) is not None:
        report.notes["small disks skipped"] = reason
        return report
    sizes = _sizes(scale, scale.pick(5, 20))
    report.notes["sizes_mb"] = sizes
    for size_mb in sizes:
        report.points += 1
        with small_disk(scale.folder / "disk", size_mb) as (disk, resize):
            faults = _fill(disk, song, lambda: resize(_ROOM_MB), "", report)
        report.failures += [f"{size_mb} MB: {text}" for text in faults]
    if scale.with_mutant:
        with small_disk(scale.folder / "disk", 12) as (disk, resize):
            faults = _fill(disk, song, lambda: resize(_ROOM_MB), "left_lying", Report())
        report.mutant = faults[0] if faults else ""
    return report


def why_no_mounts(folder: Path) -> str | None:
    """Return why no disk can be mounted here, or None where one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting a small disk takes Linux and root"
    try:
        with small_disk(folder / "trial", 1):
            return None
    except (OSError, subprocess.CalledProcessError) as exc:
        return f"a small disk cannot be mounted here: {exc}"


@contextlib.contextmanager
def small_disk(place: Path, size_mb: int) -> Iterator[tuple[Path, Callable[[int], None]]]:
    """Mount a disk in memory; yield it, and how to give it another size."""
    place.mkdir(exist_ok=True)

    def mount(*words: str) -> None:
        subprocess.run(["mount", *words, str(place)], check=True, capture_output=True)

    mount("-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs")
    try:
        yield place, lambda wanted_mb: mount("-o", f"remount,size={wanted_mb}m")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def _sizes(scale: Scale, count: int) -> list[int]:
    """Return sizes in MB, one seeded size of each part of 1…40."""
    step = 40 / count
    return [
        scale.rng(number).randint(1 + round(number * step), max(round((number + 1) * step), 1))
        for number in range(count)
    ]


def _fill(
    disk: Path, song: Path, make_room: Callable[[], None], mutant: str, report: Report
) -> list[str]:
    """Add a song to a library on a disk; return what is wrong with how that ended."""
    data = disk / "data"
    program = Program("library", "add", song, "--engine", "centre", data=data, mutant=mutant)
    status = program.wait(120)
    faults = []
    if status:
        report.hits += 1
        codes = [told.get("error", {}).get("code") for told in program.told]
        if codes != [_FULL] and not (not codes and "disk is full" in program.text.lower()):
            faults.append(f"it is told as {codes}: {program.text[-200:]}")
        if "Traceback" in program.text:
            faults.append("a traceback is shown")
        if left := _staged(data):
            faults.append(f"{left} is left in staging")
    make_room()
    LibraryWriter(data / "library").close()
    faults += [found.message for found in check_library(data / "library") if found.is_error]
    if (count := _count(data)) != (0 if status else 1):
        faults.append(f"{count} songs are there")
    again = Program("library", "add", song, "--engine", "centre", data=data)
    if again.wait(120) or _count(data) != 1:
        faults.append(f"with room it was not made: {again.text[-200:]}")
    return faults


def _staged(data: Path) -> list[str]:
    staging = data / "library" / ".staging"
    return [str(path.relative_to(staging)) for path in staging.glob("*")]


def _count(data: Path) -> int:
    library = SongLibrary(data / "library")
    try:
        return len(library.songs())
    finally:
        library.close()


def _limit_files(scale: Scale, report: Report, song: Path) -> None:
    """Let no file grow over a limit (`ulimit -f`)."""
    if sys.platform == "win32":
        return
    for number in range(scale.pick(1, 5)):
        # below what is staged of a song, above what Python's own files need
        limit_kb = scale.rng(100, number).randint(1000, 9000)
        data = scale.folder / f"limited-{number}"
        report.points += 1
        program = Program(
            "library",
            "add",
            song,
            "--engine",
            "centre",
            data=data,
            shell=f"ulimit -f {limit_kb * 2 if _is_dash() else limit_kb}",
        )
        status = program.wait(120)
        report.hits += status != 0
        faults = [] if status else ["nothing was told"]
        codes = [told.get("error", {}).get("code") for told in program.told]
        if codes != [_FULL]:
            faults.append(f"it is told as {codes}: {program.text[-200:]}")
        LibraryWriter(data / "library").close()
        faults += [found.message for found in check_library(data / "library") if found.is_error]
        faults += [f"{left} is left" for left in _staged(data)]
        if Program("library", "add", song, "--engine", "centre", data=data).wait(120):
            faults.append("without a limit it was not made")
        report.failures += [f"files of {limit_kb} kB: {text}" for text in faults]


def _is_dash() -> bool:
    """Whether the shell counts in blocks of 512 bytes, as dash does."""
    return "dash" in Path("/bin/sh").resolve().name
