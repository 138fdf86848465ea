"""kill -9 while a person's songs are changed, moved to another disk, and backed up."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from karaoke_studio.errors import KaraokeError
from karaoke_studio.library import move as moving
from karaoke_studio.library.backup import FOLDER_NAME, bring_back, songs_in
from karaoke_studio.library.checking import check_library
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from tests.faults.editor import LIST_EVERY, REMARK_EVERY
from tests.faults.mover import library_of
from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.faults.two import make_library

_SONGS = 12


def run(scale: Scale) -> Report:
    """Kill editors, moves and backups at seeded moments."""
    report = Report()
    each = scale.pick(4, 40)
    _kill_editors(scale, report, each)
    _kill_moves(scale, report, each)
    _kill_backups(scale, report, each)
    if scale.with_mutant:
        caught = []
        for kill, mutant in ((_kill_editors, "told_early"), (_kill_moves, "hasty")):
            broken = Report()
            kill(scale, broken, 10, mutant)
            caught += broken.failures[:1]
        report.mutant = "; ".join(caught) if len(caught) == 2 else ""
    return report


def _module(name: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{name}", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _kill_editors(scale: Scale, report: Report, points: int, mutant: str = "") -> None:
    folder = scale.folder / f"edited-{mutant}"
    shared, own = make_library(folder, 2)
    played = listed = 0
    for point in range(points):
        report.points += 1
        words = (folder, shared, own, f"point{point}", 0, *([mutant] if mutant else []))
        with _module("editor", *words) as editor:
            assert editor.stdout is not None
            told = [int(editor.stdout.readline())]
            time.sleep(scale.rng(point).uniform(0.02, 0.6))
            editor.kill()
            told += [int(line) for line in editor.stdout.read().split()]
        report.hits += 1
        lists = [number for number in told if number % LIST_EVERY == 0]
        remarks = [n for n in told if n % REMARK_EVERY == 0 and n % LIST_EVERY]
        played += len(told) - len(lists) - len(remarks)
        listed += len(lists)
        LibraryWriter(folder).close()
        faults = [found.message for found in check_library(folder) if found.is_error]
        library = SongLibrary(folder)
        songs = {song.id: song for song in library.songs()}
        library.close()
        if songs[shared].play_count < played:
            faults.append(f"{played - songs[shared].play_count} plays are lost")
        if remarks and int(songs[own].remark or 0) < remarks[-1]:
            faults.append(f"the remark {remarks[-1]} is lost")
        text = (folder / "playlists.json").read_text(encoding="utf-8")
        missing = [n for n in lists if f'"point{point} {n}"' not in text]
        faults += [f"set list {number} is lost" for number in missing]
        report.failures += [f"edit, point {point}: {text}" for text in faults]
        played = songs[shared].play_count  # a change may be kept that nobody was told of
    report.notes["edits"] = report.notes.get("edits", 0) + played + listed


def _kill_moves(scale: Scale, report: Report, points: int, mutant: str = "") -> None:
    data = DataFolder(scale.folder / f"moved-{mutant}").create()
    ids = {*make_library(data.library, _SONGS)}
    moved, usual_s = 0, _usual_move_s(data, scale.folder / f"first-{mutant}")
    for point in range(points):
        report.points += 1
        into = scale.folder / f"place-{mutant}-{point}"
        into.mkdir()
        before = library_of(data)
        with _module("mover", data.root, into, *([mutant] if mutant else [])) as mover:
            assert mover.stdout is not None
            mover.stdout.readline()
            time.sleep(scale.rng(1, point).uniform(0, 1.2 * usual_s))
            report.hits += mover.poll() is None
            mover.kill()
            is_told = "moved" in mover.stdout.read()
        library = library_of(data)
        moved += library != before
        faults = ["a finished move was undone"] if is_told and library == before else []
        moving.settle_move(data.move_journal, library)
        LibraryWriter(library).close()
        faults += [found.message for found in check_library(library) if found.is_error]
        view = SongLibrary(library)
        if lost := ids - {song.id for song in view.songs()}:
            faults.append(f"{len(lost)} songs are lost")
        view.close()
        other = {before, into / moving.FOLDER_NAME} - {library}
        left = [p for place in other for p in place.rglob("*") if p.is_file()]
        left += list(into.glob(".karaoke-studio-moving-*"))
        if left:
            faults.append(f"{len(left)} files are left in the other place: {left[:2]}")
        report.failures += [f"move, point {point}: {text}" for text in faults]
        if faults:
            break
    report.notes["moved"] = moved


def _usual_move_s(data: DataFolder, into: Path) -> float:
    """Return how long a move takes that nobody disturbs."""
    into.mkdir()
    with _module("mover", data.root, into) as mover:
        assert mover.stdout is not None
        mover.stdout.readline()
        started = time.monotonic()
        mover.stdout.read()
        return time.monotonic() - started


def _kill_backups(scale: Scale, report: Report, points: int) -> None:
    data = scale.folder / "backed-up"
    ids = {*make_library(data / "library", _SONGS)}
    for point in range(points):
        report.points += 1
        place = scale.folder / f"backup-{point}"
        place.mkdir()
        program = Program("library", "backup", place, data=data)
        program.wait_for_folder(place / FOLDER_NAME)
        time.sleep(scale.rng(2, point).uniform(0, 0.3))
        report.hits += program.kill()
        faults = _unsound(place / FOLDER_NAME, scale.folder / "trial")
        if status := Program("library", "backup", place, data=data).wait():
            faults.append(f"the next backup ended with {status}")
        saved = {*songs_in(place / FOLDER_NAME)}
        if saved != ids:
            faults.append(f"{len(ids - saved)} songs are not in the backup")
        faults += _unsound(place / FOLDER_NAME, scale.folder / "trial")
        faults += [f.message for f in check_library(data / "library") if f.is_error]
        report.failures += [f"backup, point {point}: {text}" for text in faults]
        shutil.rmtree(place)


def _unsound(backup: Path, trial: Path) -> list[str]:
    """Bring all songs of a backup back; return what is wrong with them."""
    if not (named := list(songs_in(backup))):
        return []
    trial.mkdir()
    try:
        for _ in bring_back(backup, trial, named, _no_report, _no_check):
            pass
    except KaraokeError as exc:
        return [f"the backup has half a song: {exc}"]
    finally:
        shutil.rmtree(trial)
    return []


def _no_report(_fraction: float) -> None:
    pass


def _no_check() -> None:
    pass
