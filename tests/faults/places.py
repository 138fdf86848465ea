"""Libraries that cannot be written to, that go away, that are on a slow disk."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from karaoke_studio.library.checking import check_library
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import Settings, save_settings
from tests.faults.disks import small_disk, why_no_mounts
from tests.faults.program import Program, tracebacks
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_LONGEST_S = 180
_SONGS = 2
_MUTANT_TRIES = 10


def run(scale: Scale) -> Report:
    """Use a read-only library, take one away, and use one on a slow disk."""
    report = Report()
    songs = [
        write_song(scale.folder / f"song {n}.flac", noise(8, 44_100, 2, seed=n), 44_100, "PCM_16")
        for n in range(_SONGS + 1)
    ]
    _use_slow(scale, report, songs)
    if (reason := why_no_mounts(scale.folder)) is not None:
        report.notes["read-only and vanishing skipped"] = reason
        return report
    with _library_on_disk(scale.folder / "read-only", songs) as data:
        _use_read_only(report, data, songs[-1], scale.folder / "exports")
    for point in range(scale.pick(1, 5)):
        with _library_on_disk(scale.folder / f"vanishing-{point}", songs) as data:
            _vanish(scale, report, data, songs[-1], point, "")
    if scale.with_mutant:
        broken = Report()
        for point in range(_MUTANT_TRIES):
            with _library_on_disk(scale.folder / f"mutant-{point}", songs) as data:
                _vanish(scale, broken, data, songs[-1], point, "in_place")
            if broken.failures:
                break
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


@contextlib.contextmanager
def _library_on_disk(folder: Path, songs: list[Path]) -> Iterator[DataFolder]:
    """Make a data folder whose library is on a disk of its own, with songs in it."""
    data = DataFolder(folder / "data", folder / "disk" / "library")
    folder.mkdir()
    data.create()
    with small_disk(folder / "disk", 200):
        save_settings(Settings(library_folder=str(data.library)), data.settings_file)
        added = Program("library", "add", "--engine", "centre", *songs[:_SONGS], data=data.root)
        if added.wait(_LONGEST_S):
            raise RuntimeError(added.text)
        yield data


def _use_read_only(report: Report, data: DataFolder, song: Path, out: Path) -> None:
    """Browse, export and play a library that cannot be written; adding is refused in words."""
    disk = data.library.parent
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, capture_output=True)
    before = {path: path.stat().st_mtime_ns for path in data.library.rglob("*")}
    first = "song 0"
    wanted = {
        "list": ("library", "list"),
        "search": ("library", "search", "song"),
        "show": ("library", "show", first),
        "verify": ("library", "verify"),
        "export": ("library", "export", first, "--out", out),
        "window": ("--smoke",),
    }
    for name, words in wanted.items():
        report.points += 1
        report.hits += 1
        program = Program(*words, data=data.root, is_window=name == "window")
        if (status := program.wait(_LONGEST_S)) or "Traceback" in program.text:
            report.failures.append(f"read-only, {name}: {status}, {program.text[-300:]}")
        if name in {"list", "search"} and len(program.told) != _SONGS:
            report.failures.append(f"read-only, {name}: {len(program.told)} songs")
    refused = {
        "add": ("library", "add", song),
        "remove": ("library", "remove", first),
        "backup into it": ("library", "backup", disk),
    }
    for name, words in refused.items():
        report.points += 1
        report.hits += 1
        program = Program(*words, data=data.root)
        status = program.wait(_LONGEST_S)
        if not status or not program.text.strip() or "Traceback" in program.text:
            report.failures.append(f"read-only, {name}: {status}, {program.text[-300:]}")
    report.failures += [f"read-only, in the log: {text}" for text in tracebacks(data.root)]
    if {path: path.stat().st_mtime_ns for path in data.library.rglob("*")} != before:
        report.failures.append("read-only: something was written")


def _vanish(
    scale: Scale, report: Report, data: DataFolder, song: Path, point: int, mutant: str
) -> None:
    """Take the disk away while a song is made; bring it back, and make the song again."""
    disk = data.library.parent
    kept = disk.with_name("kept")
    kept.mkdir()
    _command("mount", "--bind", str(disk), str(kept))
    try:
        program = Program(
            "library", "add", song, "--engine", "centre", data=data.root, mutant=mutant
        )
        word = scale.rng(point).choice(("reading", "separating", "writing", "finishing"))
        word = "finishing" if mutant else word
        program.wait_for(word)
        time.sleep(scale.rng(point, 1).uniform(0, 0.15))
        _command("umount", "-l", str(disk))
        report.points += 1
        status = program.wait(_LONGEST_S)
        report.hits += status != 0
        faults = []
        if "Traceback" in program.text or (status and not program.text.strip()):
            faults.append(f"it said {program.text[-300:]}")
        listed = Program("library", "list", data=data.root)
        listed.wait(_LONGEST_S)
        if "Traceback" in listed.text or listed.told:
            faults.append(f"without the disk it listed {listed.told} and said {listed.text}")
        # what was written where the disk had been would be hidden by it for ever
        left = [path.name for path in disk.rglob("*") if path.is_file()]
        if left:
            faults.append(f"it wrote beside the disk: {left[:3]}")
        shutil.rmtree(disk)
        disk.mkdir()
        _command("mount", "--bind", str(kept), str(disk))
        again = Program("library", "add", song, "--engine", "centre", data=data.root)
        if again.wait(_LONGEST_S):
            faults.append(f"with the disk it was not made: {again.text[-200:]}")
        faults += _unsound(data.library, _SONGS + 1)
    finally:
        _command("umount", "-l", str(kept))
    report.failures += [f"vanishing while {word}, point {point}: {text}" for text in faults]


def _use_slow(scale: Scale, report: Report, songs: list[Path]) -> None:
    """Make a song on a disk where every operation takes a while."""
    folder = scale.folder / "slow"
    program = Program(
        "library", "add", "--engine", "centre", songs[0], data=folder, mutant="slow_disk"
    )
    report.points += 1
    status = program.wait(_LONGEST_S)
    report.hits += 1
    faults = [] if not status else [f"it ended with {status}: {program.text[-200:]}"]
    faults += _unsound(folder / "library", 1)
    window = Program("--smoke", data=folder, is_window=True, mutant="slow_disk")
    report.points += 1
    report.hits += 1
    if window.wait(_LONGEST_S) or "Traceback" in window.text:
        faults.append(f"the window said {window.text[-300:]}")
    faults += [f"in the log: {text}" for text in tracebacks(folder)]
    report.failures += [f"slow disk: {text}" for text in faults]


def _unsound(library: Path, count: int) -> list[str]:
    LibraryWriter(library).close()
    faults = [found.message for found in check_library(library) if found.is_error]
    view = SongLibrary(library)
    if len(view.songs()) != count:
        faults.append(f"{len(view.songs())} of {count} songs are there")
    view.close()
    return faults


def _command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
