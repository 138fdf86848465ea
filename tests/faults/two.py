"""Two programs change one library at the same time; nothing of either is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from karaoke_studio.library.checking import check_library
from karaoke_studio.library.playlists import FILE as PLAYLISTS
from karaoke_studio.library.schema import DATABASE
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.editor import LIST_EVERY, REMARK_EVERY
from tests.faults.publisher import filled_take
from tests.faults.report import Report, Scale

_WRITES = 300
_LONGEST_S = 240


def run(scale: Scale) -> Report:
    """Let two editors write at once, and count what is there."""
    report = Report()
    for round_ in range(scale.pick(1, 5)):
        _round(scale.folder / f"round-{round_}", report, "")
    if scale.with_mutant:
        broken = Report()
        _round(scale.folder / "mutant", broken, "stale_counts")
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def make_library(folder: Path, songs: int) -> list[str]:
    """Make a library of small songs; return their ids."""
    library = LibraryWriter(folder)
    ids = [library.adopt(filled_take(library.staging)).id for _ in range(songs)]
    library.close()
    return ids


def _round(folder: Path, report: Report, mutant: str) -> None:
    shared, *own = make_library(folder, 3)
    command = [sys.executable, "-m", "tests.faults.editor", str(folder), shared]
    mutants = [mutant] if mutant else []
    editors = [
        subprocess.Popen(
            [*command, song, name, str(_WRITES), *mutants],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, song in zip("ab", own, strict=True)
    ]
    for name, editor in zip("ab", editors, strict=True):
        told, trouble = editor.communicate(timeout=_LONGEST_S)
        report.points += _WRITES
        report.hits += len(told.splitlines())
        if len(told.splitlines()) != _WRITES or editor.returncode:
            last = trouble.strip().rpartition("\n")[2]
            report.failures.append(f"{name} made {len(told.splitlines())} changes: {last}")
    report.failures += _faults(folder, shared, own)
    # what only the index knows is not lost with it, but for the number of plays
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    report.failures += [f"built anew: {text}" for text in _faults(folder, None, own)]


def _faults(folder: Path, shared: str | None, own: list[str]) -> list[str]:
    LibraryWriter(folder).close()
    found = [found.message for found in check_library(folder) if found.is_error]
    numbers = range(_WRITES)
    lists = {number for number in numbers if number % LIST_EVERY == 0}
    remarks = {n for n in numbers if n % REMARK_EVERY == 0} - lists
    library = SongLibrary(folder)
    songs = {song.id: song for song in library.songs()}
    library.close()
    plays = 2 * (_WRITES - len(lists) - len(remarks))
    if shared is not None and songs[shared].play_count != plays:
        found.append(f"{plays - songs[shared].play_count} of {plays} plays are lost")
    for song in own:
        if songs[song].remark != str(max(remarks)):
            found.append(f"the last remark is {songs[song].remark!r} and not {max(remarks)}")
    text = (folder / PLAYLISTS).read_text(encoding="utf-8")
    missing = [f"{who} {n}" for who in "ab" for n in lists if f'"{who} {n}"' not in text]
    if missing:
        found.append(f"{len(missing)} of {2 * len(lists)} set lists are lost: {missing[:3]}")
    return found
