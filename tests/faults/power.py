"""The power goes: what the disk holds at a moment is all that is left.

The library is on a disk image. At seeded moments the publisher is stopped and the image is copied
as it is, without what the system still keeps in memory; the copy is mounted and looked at.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from karaoke_studio.library.checking import check_library
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.report import Report, Scale

_IMAGE_MB = 96
_LONGEST_S = 1.2
#: The image is copied until two copies are equal: the system writes by itself, too.
_MOST_COPIES = 20


def run(scale: Scale) -> Report:
    """Cut the power at seeded moments; acknowledged songs must be there and whole."""
    if (reason := _why_not(scale.folder)) is not None:
        return Report(skipped=reason)
    report = _cut(scale, scale.pick(5, 60), "")
    # without it a disk that loses nothing would pass for a program that flushes
    broken = _cut(scale, scale.pick(5, 20), "unflushed", until_failure=True)
    report.mutant = broken.failures[0] if broken.failures else ""
    return report


def _why_not(folder: Path) -> str | None:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting a disk image takes Linux and root"
    try:
        with _mounted(_image(folder / "trial.img"), folder / "trial"):
            return None
    except (OSError, subprocess.CalledProcessError) as exc:
        return f"a disk image cannot be mounted here: {exc}"


def _image(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(_IMAGE_MB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(path)], check=True, capture_output=True)
    return path


@contextlib.contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir()
    command = ["mount", "-o", "loop", str(image), str(place)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)
        place.rmdir()


def _cut(scale: Scale, points: int, mutant: str, *, until_failure: bool = False) -> Report:
    report = Report()
    songs = 0
    for point in range(points):
        report.points += 1
        image = _image(scale.folder / f"disk-{mutant}.img")
        with _mounted(image, scale.folder / "disk") as disk:
            acknowledged = _publish(disk, mutant, scale.rng(point).uniform(0.2, _LONGEST_S), image)
        report.hits += bool(acknowledged)
        left = image.with_suffix(".left")
        with _mounted(left, scale.folder / "left") as disk:
            faults, count = _look(disk, acknowledged)
        songs += count
        report.failures += [f"point {point}: {text}" for text in faults]
        left.unlink()
        image.unlink()
        if until_failure and report.failures:
            break
    report.notes = {"songs": songs}
    return report


def _publish(disk: Path, mutant: str, seconds: float, image: Path) -> list[str]:
    """Publish for a while, then keep the image as it is; return the acknowledged songs."""
    command = [sys.executable, "-m", "tests.faults.publisher", str(disk / "library")]
    acknowledged: list[str] = []
    with subprocess.Popen(
        [*command, *([mutant] if mutant else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as publisher:
        assert publisher.stdout is not None
        lines = iter(publisher.stdout)
        acknowledged.append(next(lines).strip())

        def read() -> None:
            acknowledged.extend(line.strip() for line in lines)

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(seconds)
        publisher.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        told = list(acknowledged)
        _freeze(image)
        publisher.kill()
        reader.join()
    return told


def _freeze(image: Path) -> None:
    """Copy the image to `.left`, as it is at one moment."""
    left, again = image.with_suffix(".left"), image.with_suffix(".again")
    shutil.copyfile(image, left)
    for _ in range(_MOST_COPIES):
        shutil.copyfile(image, again)
        if filecmp.cmp(left, again, shallow=False):
            break
        again.replace(left)
    again.unlink(missing_ok=True)


def _look(disk: Path, acknowledged: list[str]) -> tuple[list[str], int]:
    """Open what is left; return what is wrong with it, and how many songs it has."""
    LibraryWriter(disk / "library").close()
    faults = [found.message for found in check_library(disk / "library") if found.is_error]
    library = SongLibrary(disk / "library")
    ids = {song.id for song in library.songs()}
    library.close()
    if lost := set(acknowledged) - ids:
        faults.append(f"{len(lost)} of {len(acknowledged)} acknowledged songs are lost")
    return faults, len(ids)
