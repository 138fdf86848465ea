"""Odd surroundings: clocks that jump, a home that cannot be written, no room for temporary files,
few open files, other languages. The program works, or says why not.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from karaoke_studio.library.checking import check_library
from tests.faults.disks import small_disk, why_no_mounts
from tests.faults.program import Program, tracebacks
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_LONGEST_S = 120
_MUTANT_TRIES = 6
_COMMA = "de_DE.UTF-8"


@dataclass(frozen=True)
class _Place:
    """Where a program is started.

    Attributes:
        data: its data folder.
        environment: see `Program`.
        shell: see `Program`.
        mutant: see `Program`.
        says_why: it cannot work here, and must say so.
    """

    data: Path
    environment: Mapping[str, str | None] = field(default_factory=dict)
    shell: str = ""
    mutant: str = ""
    says_why: bool = False


Make = Callable[[Path], contextlib.AbstractContextManager[_Place]]


def run(scale: Scale) -> Report:
    """Make a song and open the window in each of the surroundings."""
    report = Report()
    song = write_song(scale.folder / "song.wav", noise(1.5, 44_100, 2), 44_100, "PCM_16")
    reason = why_no_mounts(scale.folder)
    for name, make in PLACES.items():
        if reason is not None and make in _MOUNTED:
            report.notes[f"{name} skipped"] = reason
            continue
        folder = scale.folder / name
        folder.mkdir()
        try:
            with make(folder) as place:
                faults = _try(place, song, report, is_full=scale.is_full)
                report.failures += [f"{name}: {text}" for text in faults]
        except _NotHere as exc:
            report.notes[f"{name} skipped"] = str(exc)
    if scale.with_mutant:
        faults: list[str] = []
        for number in range(_MUTANT_TRIES):  # one song in three begins and ends between jumps
            place = _Place(scale.folder / f"mutant-{number}", mutant="jumping_clock+wall_clock")
            faults = faults or _try(place, song, Report(), is_full=False)
        report.mutant = faults[0] if faults else ""
    return report


class _NotHere(Exception):
    """These surroundings cannot be made here."""


def _try(place: _Place, song: Path, report: Report, *, is_full: bool) -> list[str]:
    options = {"mutant": place.mutant, "shell": place.shell, "environment": place.environment}
    out = place.data.parent / "out"
    wanted: dict[str, tuple[object, ...]] = {
        "add": ("library", "add", song, "--engine", "instant"),
    }
    if is_full:
        wanted["make"] = ("make", song, "--engine", "instant", "--out", out)
        wanted["list"] = ("library", "list")
    faults = []
    for name, words in wanted.items():
        report.points += 1
        report.hits += 1
        program = Program(*words, data=place.data, **options)  # type: ignore[arg-type]
        status = program.wait(_LONGEST_S)
        faults += [f"{name}: {text}" for text in _ends(program, status, place.says_why)]
    report.points += 1
    report.hits += 1
    window = Program("--smoke", data=place.data, is_window=True, **options)  # type: ignore[arg-type]
    faults += [f"window: {t}" for t in _ends(window, window.wait(_LONGEST_S), place.says_why)]
    if not place.says_why:
        found = check_library(place.data / "library")
        faults += [finding.message for finding in found if finding.is_error]
        faults += [f"in the log: {text}" for text in tracebacks(place.data)]
    return faults


def _ends(program: Program, status: int, says_why: bool) -> list[str]:
    faults = []
    if "Traceback" in program.text:
        faults.append(f"a traceback: {program.lines[-1]}")
    if says_why:
        if not status or not program.text.strip():
            faults.append(f"it ended with {status} and said {program.text!r}")
        return faults
    if status:
        faults.append(f"it ended with {status}: {program.text[-200:]}")
    for told in program.told:
        faults += [f"{k} is {told[k]}" for k in told if k.endswith("_s") and (told[k] or 0) < 0]
        if told.get("status") == "completed" and told["processing_time_s"] > _LONGEST_S:
            faults.append(f"a second of song took {told['processing_time_s']:.0f} s")
    return faults


@contextlib.contextmanager
def _jumping_clock(folder: Path) -> Iterator[_Place]:
    yield _Place(folder / "data", mutant="jumping_clock")


@contextlib.contextmanager
def _read_only_home(folder: Path) -> Iterator[_Place]:
    with _unwritable(folder / "home") as home:
        yield _Place(folder / "data", {"HOME": str(home), **_NO_XDG})


@contextlib.contextmanager
def _data_in_read_only_home(folder: Path) -> Iterator[_Place]:
    with _unwritable(folder / "home") as home:
        yield _Place(home / "data", {"HOME": str(home), **_NO_XDG}, says_why=True)


@contextlib.contextmanager
def _unwritable(home: Path) -> Iterator[Path]:
    """Yield a folder that root cannot write to either."""
    with small_disk(home, 4):
        subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True, capture_output=True)
        yield home


_NO_XDG: dict[str, str | None] = dict.fromkeys(
    ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
)


@contextlib.contextmanager
def _no_home(folder: Path) -> Iterator[_Place]:
    yield _Place(folder / "data", {"HOME": None, **_NO_XDG})


@contextlib.contextmanager
def _no_temp(folder: Path) -> Iterator[_Place]:
    yield _Place(folder / "data", dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "gone")))


@contextlib.contextmanager
def _full_temp(folder: Path) -> Iterator[_Place]:
    with small_disk(folder / "temp", 1) as (disk, _):
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(bytes(4 << 20))
        yield _Place(folder / "data", dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(disk)))


@contextlib.contextmanager
def _few_files(folder: Path) -> Iterator[_Place]:
    yield _Place(folder / "data", shell="ulimit -n 64")


@contextlib.contextmanager
def _comma_decimals(folder: Path) -> Iterator[_Place]:
    environment: dict[str, str | None] = {"LC_ALL": _COMMA, "LANG": _COMMA, "LANGUAGE": "de"}
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    if "de_DE.utf8" not in known:
        made = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / _COMMA)],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise _NotHere("there is no German locale here, and none can be made")
        environment["LOCPATH"] = str(folder)
    yield _Place(folder / "data", environment)


@contextlib.contextmanager
def _plain_ascii(folder: Path) -> Iterator[_Place]:
    yield _Place(folder / "dàta", {"LC_ALL": "C", "LANG": None, "LANGUAGE": None})


@contextlib.contextmanager
def _no_threads_to_spare(folder: Path) -> Iterator[_Place]:
    variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "64")
    yield _Place(folder / "data", {**variables, "TZ": "Pacific/Kiritimati"})


PLACES: dict[str, Make] = {
    "clock jumps": _jumping_clock,
    "read-only home": _read_only_home,
    "data in a read-only home": _data_in_read_only_home,
    "no home": _no_home,
    "no temporary folder": _no_temp,
    "full temporary folder": _full_temp,
    "64 open files": _few_files,
    "comma decimals": _comma_decimals,
    "plain ASCII": _plain_ascii,
    "odd threads and time zone": _no_threads_to_spare,
}
_MOUNTED = (_read_only_home, _data_in_read_only_home, _full_temp)
if sys.platform == "win32":
    del PLACES["64 open files"]
