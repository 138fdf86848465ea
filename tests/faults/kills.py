"""kill -9 of the whole program while it makes songs for the library."""

from __future__ import annotations

import time
from pathlib import Path

from karaoke_studio.library.checking import check_library
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_SECONDS, _RATE = 8, 22_050
#: A start after a kill may take so much longer than one after a good end.
_MOST_START_S = 2.0
#: Every other kill comes so soon after the program said that it is finishing.
_FINISHING, _FINISHING_S = "finishing", 0.15


def run(scale: Scale) -> Report:
    """Kill at seeded moments; every song that was acknowledged must be there and whole."""
    report = _kill_at_points(scale, scale.pick(20, 200), "")
    if scale.with_mutant:
        broken = _kill_at_points(scale, 40, "in_place", until_failure=True)
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def _kill_at_points(
    scale: Scale, points: int, mutant: str, *, until_failure: bool = False
) -> Report:
    report = Report()
    folder = scale.folder / f"kills-{mutant or 'program'}"
    folder.mkdir()
    data = folder / "data"
    usual_s = _usual_s(folder, mutant)
    acknowledged: set[str] = set()
    slowest_s = 0.0
    for point in range(points):
        report.points += 1
        rng = scale.rng(point)
        song = _song(folder / f"{point}.flac", point)
        program = Program("library", "add", song, data=data, mutant=mutant)
        if point % 2 and program.wait_for(_FINISHING):
            time.sleep(rng.uniform(0, _FINISHING_S))
        else:
            time.sleep(rng.uniform(0.1, usual_s))
        report.hits += program.kill()
        acknowledged |= {told["song_id"] for told in program.told if told.get("song_id")}
        started = time.monotonic()
        LibraryWriter(data / "library").close()
        slowest_s = max(slowest_s, time.monotonic() - started)
        report.failures += [f"point {point}: {text}" for text in _faults(data, acknowledged)]
        if until_failure and report.failures:
            break
    if slowest_s > _MOST_START_S:
        report.failures.append(f"a start after a kill took {slowest_s:.1f} s")
    report.notes = {
        "acknowledged": len(acknowledged),
        "in_library": len(_ids(data)),
        "slowest_start_s": round(slowest_s, 3),
    }
    return report


def _usual_s(folder: Path, mutant: str) -> float:
    """Return how long a song takes that nobody disturbs."""
    song = _song(folder / "undisturbed.flac", 10_000)
    started = time.monotonic()
    status = Program("library", "add", song, data=folder / "warm-up", mutant=mutant).wait()
    if status:
        raise RuntimeError(f"the undisturbed song ended with {status}")
    return time.monotonic() - started


def _song(path: Path, number: int) -> Path:
    return write_song(path, noise(_SECONDS, _RATE, 2, seed=number), _RATE, "PCM_16")


def _ids(data: Path) -> set[str]:
    library = SongLibrary(data / "library")
    try:
        return {song.id for song in library.songs()}
    finally:
        library.close()


def _faults(data: Path, acknowledged: set[str]) -> list[str]:
    found = [found.message for found in check_library(data / "library") if found.is_error]
    if lost := acknowledged - _ids(data):
        found.append(f"songs were acknowledged and are lost: {sorted(lost)}")
    return found
