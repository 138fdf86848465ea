"""Tries the packaged program as a stranger's computer would.

    python packaging/smoke.py [FOLDER] [--only NAME …]

copies the program's folder elsewhere, gives it an empty home and nothing of this checkout, and runs
the checks below; one line each. The exit status is 1 when any of them failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAME = "karaoke-studio"
DEMO = "resources/demo/demo.opus"
#: More than any single run of the program takes on a slow machine.
TIMEOUT_S = 120.0
FORMATS = ("wav", "mp3", "m4a", "ogg", "opus")
#: What a run that starts next to them must not pick up.
STRANGERS = ("json", "numpy", "karaoke_studio", "sitecustomize", "soundfile", "torch")
#: What a machine, not a package, is to blame for.
MACHINE_PROBLEMS = ("There is no sound output", "The disk is nearly full")
#: An empty screen has two, a window's text alone has more.
MANY_COLOURS = 50
SCREEN_S = 30.0
_POLL_S = 0.005


class Failed(Exception):
    """A check did not hold; the message is one line that says why."""


class LeftOut(Exception):
    """A check cannot be made on this system; the message says what is missing."""


@dataclass(frozen=True)
class Trial:
    """A copy of the program, and a stranger's home.

    Attributes:
        program: the file that is started.
        scratch: an empty folder for whatever the checks write.
        environment: all that the program is told of its surroundings.
        as_shipped: what was in the program's folder before it ran.
    """

    program: Path
    scratch: Path
    environment: dict[str, str]
    as_shipped: frozenset[tuple[str, int, int]]

    @property
    def folder(self) -> Path:
        """The program's own folder."""
        return self.program.parent

    @property
    def song(self) -> Path:
        """The demo song that comes with the program."""
        return next(self.folder.rglob(DEMO), self.folder / DEMO)

    def run(
        self,
        *arguments: str | Path,
        shell_redirection: str = "",
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the program to its end.

        Args:
            arguments: its command line.
            shell_redirection: for instance ">&- 2>&-".
            cwd: where it starts; the scratch folder unless told.
            environment: added to the trial's.

        Raises:
            Failed: the status is not 0, a traceback was printed, or it did not end.
        """
        command = [str(self.program), *map(str, arguments)]
        if shell_redirection:
            command = ["/bin/sh", "-c", f'exec "$0" "$@" {shell_redirection}', *command]
        words = " ".join(map(str, arguments[:2]))
        with subprocess.Popen(
            command,
            cwd=cwd or self.scratch,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise Failed(f"{words} had not ended after {TIMEOUT_S:.0f} s") from None
        last = (err.strip().splitlines() or ["nothing was said"])[-1]
        if process.returncode:
            raise Failed(f"{words} ended with {process.returncode}: {last}")
        if "Traceback" in err:
            raise Failed(f"{words} printed a traceback: {last}")
        return subprocess.CompletedProcess(command, 0, out, err)

    def make(self, *songs: Path, out: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Make karaoke and return what `--json` said of each song.

        Raises:
            Failed: a song was not made, or its files are not there.
        """
        arguments: tuple[str | Path, ...] = (
            "make",
            "--json",
            "--quiet",
            "--out",
            self.scratch / out,
            *options,
        )
        return check_results(self.run(*arguments, *songs).stdout, len(songs))


def check_results(printed: str, count: int) -> list[dict[str, Any]]:
    """Return the results that `make --json` printed.

    Raises:
        Failed: not every song was made, or a named file is not there.
    """
    try:
        results = [json.loads(line) for line in printed.splitlines()]
    except ValueError:
        raise Failed(f"make --json printed no JSON but {printed[:60]!r}") from None
    if [result.get("status") for result in results] != ["completed"] * count:
        raise Failed(f"make did not complete {count} songs: {printed[:200]!r}")
    for result in results:
        for stem in ("vocals_path", "instrumental_path"):
            name = result[stem]
            if name is not None and not (Path(name).is_file() and Path(name).stat().st_size > 1000):
                raise Failed(f"make named {name}, which is not there or empty")
    return results


# --- the checks: each returns what it saw, in a few words ---


def check_window(trial: Trial) -> str:
    """The window is painted once, offscreen."""
    done = trial.run("--smoke")
    if done.stderr.strip():
        raise Failed(f"--smoke complained: {done.stderr.strip().splitlines()[-1]}")
    return "painted and closed"


def check_start(trial: Trial) -> str:
    """How long a start takes, as medians of three."""
    version, window = (
        statistics.median(_seconds(trial, argument) for _ in range(3))
        for argument in ("--version", "--smoke")
    )
    return f"terminal {version:.2f} s, window painted and closed {window:.2f} s"


def _seconds(trial: Trial, argument: str) -> float:
    started = time.monotonic()
    trial.run(argument)
    return time.monotonic() - started


def check_doctor(trial: Trial) -> str:
    """All libraries load in their children; only the machine itself may lack something."""
    report = trial.run("doctor", "--json").stdout
    try:
        health = json.loads(report)
        versions, formats = health["versions"], health["codecs"]
        problems = [problem["what"] for problem in health["problems"]]
    except (ValueError, KeyError, TypeError) as exc:
        raise Failed(f"doctor --json is not a report ({exc!r})") from None
    missing = {"torch", "av", "soundfile", "numpy", "mutagen"} - {
        k for k, v in versions.items() if v
    }
    if missing:
        raise Failed(f"doctor found no {', '.join(sorted(missing))}")
    if not {*FORMATS, "flac"} <= set(formats.get("writes", ())):
        raise Failed(f"doctor says only these can be written: {formats.get('writes')}")
    if not health["devices"]:
        raise Failed("doctor found no device to compute on")
    own = [problem for problem in problems if not problem.startswith(MACHINE_PROBLEMS)]
    if own:
        raise Failed(f"doctor found a problem: {own[0]}")
    if not health["folders"]["data"].startswith(trial.environment["HOME"]):
        raise Failed(f"data are kept in {health['folders']['data']}")
    lacks = f"; this machine: {' '.join(problems)}" if problems else ""
    return f"{health['status']}, torch {versions['torch']}{lacks}"


def check_karaoke(trial: Trial) -> str:
    """The demo song becomes an exact pair."""
    (result,) = trial.make(trial.song, out="karaoke", options=("--engine", "instant"))
    if result["engine"] != "instant":
        raise Failed(f"the demo song was made with {result['engine']}")
    if result["null_exact"] is not True:
        raise Failed(f"the pair of the demo song is not exact: {result['null_test_db']} dB")
    if None in (result["vocals_path"], result["instrumental_path"]):
        raise Failed("one of the two files was not written")
    return f"null_exact, {result['realtime_factor']:.0f}x realtime"


def check_exports(trial: Trial) -> str:
    """Each format can be written, and read back as long as the song."""
    written = []
    duration_s = 0.0
    for kind in FORMATS:
        (result,) = trial.make(trial.song, out=f"as {kind}", options=("--format", kind))
        if kind == "wav" and result["null_exact"] is not True:
            raise Failed("the pair in WAV is not exact")
        path = Path(result["instrumental_path"])
        if path.suffix != f".{kind}":
            raise Failed(f"{kind} was written as {path.name}")
        written.append(path)
        duration_s = result["duration_s"]
    again = trial.make(*written, out="read back", options=("--engine", "centre"))
    for kind, result in zip(FORMATS, again, strict=True):
        if abs(result["duration_s"] - duration_s) > 0.01:
            raise Failed(f"{kind} reads back with {result['duration_s']} s of {duration_s} s")
    return f"{', '.join(FORMATS)} written and read back"


def check_network(trial: Trial) -> str:
    """A true Demucs, small and untrained, separates through the engine child, all stems exact."""
    # written by this checkout's Demucs; the packaged one reads it
    sys.path.insert(0, str(ROOT))
    from tests.helpers.models import make_net, write_bag

    models = trial.scratch / "models"
    write_bag(models, "htdemucs", [make_net()])
    options = ("--engine", "htdemucs", "--stems", "all", "--model-folder", str(models))
    (result,) = trial.make(trial.song, out="network", options=options)
    if result["engine"] != "htdemucs" or not result["null_exact"]:
        raise Failed(f"the network's result is {result['engine']}, exact: {result['null_exact']}")
    return f"{', '.join(result['stem_paths'])} add up, on {result['device']}"


def check_children(trial: Trial) -> str:
    """Work is done by children that are the packaged program, with nothing of this checkout."""
    if not Path("/proc/self/maps").exists():
        raise LeftOut("this system does not show what processes use")
    out = trial.scratch / "children"
    seen: dict[int, Process] = {}
    with _started(trial, "make", "--quiet", "--out", out, trial.song) as parent:
        while parent.poll() is None:
            for pid in [parent.pid, *descendants(parent.pid)]:
                process = Process.look(pid)
                if process is not None and process.files >= seen.get(pid, process).files:
                    seen[pid] = process
            time.sleep(_POLL_S)
        if parent.returncode:
            raise Failed(f"make ended with {parent.returncode}")
    for process in seen.values():
        if process.program != trial.program:
            raise Failed(f"a process runs {process.program}")
        foreign = sorted(file for file in process.files if is_foreign(file, trial.folder))
        if foreign:
            raise Failed(f"a process uses {foreign[0]}")
    workers = [process for process in seen.values() if "--worker" in process.command]
    if not workers:
        raise Failed("no child with --worker was seen")
    parts = max(len(process.files) for process in workers)
    return f"{len(workers)} children are the program, each with its own parts (up to {parts} files)"


def is_foreign(file: str, folder: Path) -> bool:
    """Whether a mapped file is Python's or the checkout's, but not the program's own."""
    if Path(file).is_relative_to(folder):
        return False
    is_python = "site-packages" in file or "libpython" in file or "lib-dynload" in file
    return is_python or Path(file).is_relative_to(ROOT)


@dataclass(frozen=True)
class Process:
    """What the system shows of a running process."""

    program: Path
    command: tuple[str, ...]
    files: frozenset[str]

    @staticmethod
    def look(pid: int) -> Process | None:
        """Return what is shown now; None once it has ended."""
        folder = Path("/proc", str(pid))
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            lines = (folder / "maps").read_text(errors="replace").splitlines()
            program = (folder / "exe").readlink()
        except OSError:
            return None
        files = frozenset(line[line.index("/") :] for line in lines if "/" in line)
        return Process(program, tuple(os.fsdecode(word) for word in words), files)


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, and theirs."""
    found = []
    for threads in Path("/proc", str(pid), "task").glob("*/children"):
        try:
            children = [int(child) for child in threads.read_text().split()]
        except OSError:  # it ended meanwhile
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


@contextmanager
def _started(
    trial: Trial, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program and end it at the latest after the block."""
    process = subprocess.Popen(
        [trial.program, *arguments],
        cwd=trial.scratch,
        env={**trial.environment, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def check_streams(trial: Trial) -> str:
    """Open or closed, stdin, stdout and stderr make no difference."""
    ways = ("</dev/null >/dev/null 2>/dev/null", "2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-")
    for number, way in enumerate(ways):
        out = trial.scratch / f"streams {number}"
        options = ("make", "--quiet", "--out", out, "--format", "wav", trial.song)
        for arguments in (("--smoke",), ("doctor", "--json"), options):
            try:
                trial.run(*arguments, shell_redirection=way)
            except Failed as exc:
                raise Failed(f"with {way}: {exc}") from None
        if len(list(out.glob("*.wav"))) != 2:
            raise Failed(f"with {way} the two files were not written")
    return f"{len(ways)} ways"


def check_library(trial: Trial) -> str:
    """The window makes a song it is given, and what it starts finds the system's libraries."""
    if sys.platform != "linux":
        raise LeftOut("only Linux has the program that is watched")
    tools, told = trial.scratch / "tools", trial.scratch / "environment"
    tools.mkdir()
    # stands for whatever the window starts; this one holds off sleep while songs are made
    tool = tools / "systemd-inhibit"
    tool.write_text(f"#!/bin/sh\nenv >{shlex.quote(str(told))}\ncat\n")
    tool.chmod(0o755)
    changes = {
        "QT_QPA_PLATFORM": "offscreen",
        "PATH": f"{tools}:{trial.environment['PATH']}",
        "LD_LIBRARY_PATH": "/opt/of/the/person",
    }
    home = Path(trial.environment["HOME"])
    with _started(trial, trial.song, environment=changes) as window:
        deadline = time.monotonic() + TIMEOUT_S
        while not (told.exists() and len(list(home.rglob("takes/*/*.flac"))) == 2):
            if window.poll() is not None or time.monotonic() > deadline:
                raise Failed("the window did not put the song it was given into its library")
            time.sleep(0.05)
        while (facts := _analysis(home)) is None:
            if window.poll() is not None or time.monotonic() > deadline:
                raise Failed("tempo and key of the song were not found")
            time.sleep(0.2)
        window.send_signal(signal.SIGTERM)
        if status := window.wait(timeout=20):
            raise Failed(f"the window ended with {status}")
    given = dict(line.split("=", 1) for line in told.read_text().splitlines() if "=" in line)
    ours = [name for name, value in given.items() if str(trial.folder) in value]
    if ours or given.get("LD_LIBRARY_PATH") != changes["LD_LIBRARY_PATH"]:
        raise Failed(f"a program of the system was given {', '.join(ours) or 'no library path'}")
    return (
        f"the window made a song in {facts['key']} at {facts['bpm']} BPM; "
        "other programs get their own environment"
    )


def _analysis(home: Path) -> dict[str, Any] | None:
    """Return what the library knows of its only song's sound."""
    for index in home.rglob("library.sqlite3"):
        with closing(sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True)) as library:
            for (found,) in library.execute("SELECT analysis FROM songs WHERE analysis NOT NULL"):
                facts: dict[str, Any] = json.loads(found)
                return facts
    return None


def check_surroundings(trial: Trial) -> str:
    """Strange modules, settings of Python and Qt, and a bare locale change nothing."""
    strange = trial.scratch / "strange"
    strange.mkdir()
    for name in STRANGERS:
        (strange / f"{name}.py").write_text(f"raise SystemExit('a stranger, {name}, was loaded')\n")
    settings = {
        "PYTHONPATH": str(strange),
        "PYTHONHOME": str(strange),
        "PYTHONSTARTUP": str(strange / "json.py"),
        "QT_PLUGIN_PATH": str(strange),
        "LD_LIBRARY_PATH": str(strange),
        "LC_ALL": "C",
    }
    trial.run("--smoke", cwd=strange, environment=settings)
    out = trial.scratch / "among strangers"
    command = ("make", "--json", "--quiet", "--out", out, trial.song)
    check_results(trial.run(*command, cwd=strange, environment=settings).stdout, 1)
    return f"{len(STRANGERS)} strange modules, {len(settings)} strange variables"


def check_cancel(trial: Trial) -> str:
    """Ctrl-C ends it with 130 and leaves no child and no file."""
    if not Path("/proc/self/maps").exists():
        raise LeftOut("this system does not show what processes use")
    out = trial.scratch / "cancelled"
    with _started(trial, "make", "--quiet", "--out", out, trial.song) as parent:
        deadline = time.monotonic() + TIMEOUT_S
        # a child that has loaded its libraries is at work
        while not any(_is_at_work(pid) for pid in descendants(parent.pid)):
            if parent.poll() is not None or time.monotonic() > deadline:
                raise Failed("no child was seen at work")
            time.sleep(_POLL_S)
        children = descendants(parent.pid)
        asked = time.monotonic()
        parent.send_signal(signal.SIGINT)
        try:
            status = parent.wait(timeout=10)
        except subprocess.TimeoutExpired:
            raise Failed("Ctrl-C did not end it within 10 s") from None
    took = time.monotonic() - asked
    if status != 130:
        raise Failed(f"after Ctrl-C the status was {status}")
    alive = [pid for pid in children if Path("/proc", str(pid)).exists()]
    if alive:
        raise Failed(f"{len(alive)} children outlived Ctrl-C")
    if out.exists():
        raise Failed("a cancelled song left something behind")
    return f"over in {took:.2f} s"


def _is_at_work(pid: int) -> bool:
    process = Process.look(pid)
    return process is not None and any(
        "soundfile" in file or "sndfile" in file for file in process.files
    )


def check_screen(trial: Trial) -> str:
    """The window is painted on a real X screen, and ends when it is told to."""
    server = shutil.which("Xvfb")
    if server is None:
        raise LeftOut("there is no Xvfb")
    picture = trial.scratch / "Xvfb_screen0"
    reader, writer = os.pipe()
    screen = subprocess.Popen(
        [
            *(server, "-displayfd", str(writer), "-nolisten", "tcp"),
            *("-screen", "0", "1100x800x24", "-fbdir", trial.scratch),
        ],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as said:
            number = said.readline().strip()
        if not number:
            raise LeftOut("Xvfb does not start")
        with _started(trial, environment={"DISPLAY": f":{number}"}) as window:
            return _watch_window(window, picture)
    finally:
        screen.terminate()
        screen.wait()


def _watch_window(window: subprocess.Popen[bytes], picture: Path) -> str:
    """Wait until there is something on the screen, then end it as the session's end would."""
    started = time.monotonic()
    while count_colours(picture) < MANY_COLOURS:
        if window.poll() is not None:
            raise Failed(f"the window ended with {window.returncode}")
        if time.monotonic() - started > SCREEN_S:
            raise Failed(f"the screen was still empty after {SCREEN_S:.0f} s")
        time.sleep(0.05)
    took = time.monotonic() - started
    window.send_signal(signal.SIGTERM)
    try:
        status = window.wait(timeout=20)
    except subprocess.TimeoutExpired:
        raise Failed("the window does not end when it is told to") from None
    if status:
        raise Failed(f"the window ended with {status}")
    return f"on the screen after {took:.1f} s, ended by SIGTERM"


def count_colours(picture: Path) -> int:
    """Return how many colours there are on a screen that Xvfb keeps in a file (XWD, 32 bit)."""
    try:
        stored = picture.read_bytes()
    except OSError:
        return 0
    if len(stored) < 100:
        return 0
    words = struct.unpack_from(">20I", stored)
    header_bytes, colour_map_entries = words[0], words[19]
    pixels = stored[header_bytes + 12 * colour_map_entries :]
    return len(set(memoryview(pixels).cast("I")))


def check_untouched(trial: Trial) -> str:
    """The program has changed nothing in its own folder."""
    changed = sorted(contents_of(trial.folder) ^ trial.as_shipped)
    if changed:
        raise Failed(f"the program changed its own folder: {changed[0][0]}")
    return f"{len(trial.as_shipped)} files as they were"


def contents_of(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return name, size and time of every file in a folder."""
    return frozenset(
        (str(path.relative_to(folder)), path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir()
    )


def check_sizes(trial: Trial) -> str:
    """How large it is, unpacked and packed."""
    size = sum(path.lstat().st_size for path in trial.folder.rglob("*") if path.is_file())
    facts = f"{size / 1e6:.0f} MB on disk"
    tools = (("tar.zst", ["zstd", "-q", "-T0", "-10"]), ("tar.xz", ["xz", "-T0", "-1"]))
    for kind, command in tools:
        if shutil.which(command[0]) is not None:
            packed = _count_packed(trial.folder, command)
            return f"{facts}, {packed / 1e6:.0f} MB as {kind} ({' '.join(command)})"
    return facts


def _count_packed(folder: Path, command: list[str]) -> int:
    tar = ["tar", "-C", str(folder.parent), "-c", folder.name]
    with (
        subprocess.Popen(tar, stdout=subprocess.PIPE) as archive,
        subprocess.Popen(command, stdin=archive.stdout, stdout=subprocess.PIPE) as packer,
    ):
        if archive.stdout is not None:
            # so that tar is told when the packer ends early
            archive.stdout.close()
        count = 0
        while packer.stdout is not None and (block := packer.stdout.read(1 << 20)):
            count += len(block)
    if archive.returncode or packer.returncode:
        raise Failed("it could not be packed")
    return count


Check = Callable[[Trial], str]
CHECKS: tuple[Check, ...] = (
    check_window,
    check_start,
    check_doctor,
    check_karaoke,
    check_exports,
    check_network,
    check_children,
    check_library,
    check_streams,
    check_surroundings,
    check_cancel,
    check_screen,
    check_untouched,
    check_sizes,
)


def name_of(check: Check) -> str:
    """Return the name that `--only` knows a check by."""
    return check.__name__.removeprefix("check_")


@contextmanager
def stranger(folder: Path) -> Iterator[Trial]:
    """Copy the program to where nobody knows it.

    Raises:
        Failed: there is no program in the folder.
    """
    program = NAME + (".exe" if sys.platform == "win32" else "")
    if not (folder / program).is_file():
        raise Failed(f"there is no program in {folder}; make package builds it")
    with tempfile.TemporaryDirectory(prefix="karaoke smoke é ") as temporary:
        place = Path(temporary).resolve()
        home, scratch = place / "home", place / "scratch"
        home.mkdir()
        scratch.mkdir()
        copy = Path(shutil.copytree(folder, place / "a copy", symlinks=True))
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
        environment = {
            "PATH": os.defpath if sys.platform == "win32" else "/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            **kept,
        }
        yield Trial(copy / program, scratch, environment, contents_of(copy))


def main(arguments: list[str] | None = None) -> int:
    """Run the checks and return the exit status."""
    parser = argparse.ArgumentParser(description="Try the packaged program.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist" / NAME)
    names = [name_of(check) for check in CHECKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    chosen = parser.parse_args(arguments)
    try:
        with stranger(chosen.folder.resolve()) as trial:
            wanted = [check for check in CHECKS if name_of(check) in chosen.only]
            passed = [try_one(check, trial) for check in wanted]
    except Failed as exc:
        print(f"FAILED: {exc}", file=sys.stderr)
        return 1
    return 0 if all(passed) else 1


def try_one(check: Check, trial: Trial) -> bool:
    """Run one check and print its line; returns whether it held."""
    started = time.monotonic()
    try:
        word, facts = "ok", check(trial)
    except LeftOut as exc:
        word, facts = "left out", str(exc)
    except Failed as exc:
        word, facts = "FAILED", str(exc)
    except (OSError, LookupError, TypeError, ValueError, subprocess.TimeoutExpired) as exc:
        word, facts = "FAILED", f"{type(exc).__name__}: {exc}"
    print(f"{word:<8} {name_of(check)}: {facts} [{time.monotonic() - started:.1f} s]", flush=True)
    return word != "FAILED"


if __name__ == "__main__":
    sys.exit(main())
