"""The same street from a terminal: `make`, `doctor`, and the commands of `cli_models`."""

from __future__ import annotations

import argparse
import json
import logging
import math
import queue
import re
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from karaoke_studio import __version__, cli_models, notes
from karaoke_studio.cli_models import complain
from karaoke_studio.doctor import report_health, sentences
from karaoke_studio.engines import check_engine, model_folders
from karaoke_studio.errors import (
    EXIT_CANCELLED,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    KaraokeError,
    MissingFile,
    ProcessingFailed,
    error_from_os,
)
from karaoke_studio.job import (
    ALL_STEMS,
    BIT_DEPTHS,
    ENGINES,
    FORMATS,
    MODES,
    NETWORK_STEMS,
    STEMS,
    JobResult,
    JobSpec,
    NetworkChoice,
    OutputSpec,
    Stage,
)
from karaoke_studio.log import start_logging
from karaoke_studio.meter import Speeds
from karaoke_studio.names import check_template
from karaoke_studio.paths import DataFolder, data_folder
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job, sweep_outputs
from karaoke_studio.progress import Cancelled, Progress
from karaoke_studio.settings import load_settings
from karaoke_studio.walk import is_folder, only_new, songs_in
from karaoke_studio.worker.host import Workers

log = logging.getLogger(__name__)

DEVICES = "auto, cpu, cuda, cuda:N, mps, xpu"

_STAGE_WORDS = {
    Stage.IMPORTING: "reading",
    Stage.LOADING_MODEL: "loading the engine",
    Stage.SEPARATING: "separating",
    Stage.ENCODING: "writing",
    Stage.PUBLISHING: "finishing",
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="karaoke-studio",
        description="Turns any song into karaoke. Without arguments the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"Karaoke Studio {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, help="where the program keeps its data")
    common.add_argument("--json", action="store_true", help="machine-readable output on stdout")
    _add_make(commands, common)
    commands.add_parser(
        "doctor", parents=[common], help="say what works on this machine and what is missing"
    )
    cli_models.add_commands(commands, common)
    return parser


def _add_make(commands: Any, common: argparse.ArgumentParser) -> None:
    make = commands.add_parser("make", parents=[common], help="make karaoke of songs and folders")
    make.add_argument("songs", nargs="+", type=Path, metavar="SONG", help="file or folder")
    make.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where results go")
    make.add_argument(
        "--engine", default="auto", metavar="NAME", help=f"{', '.join(ENGINES)}, or a model's name"
    )
    make.add_argument(
        "--stems",
        type=_stems,
        default=STEMS,
        help="vocals,instrumental (default), all, or a list of a model's stems",
    )
    make.add_argument("--format", choices=FORMATS, default="flac")
    make.add_argument("--bit-depth", choices=BIT_DEPTHS, default="24", help="for wav and flac")
    make.add_argument("--bitrate", type=_bitrate, metavar="KBPS", help="for mp3, m4a, ogg, opus")
    make.add_argument(
        "--name",
        default=OutputSpec.name,
        metavar="TEMPLATE",
        help="{artist} {title} {album} {stem} {engine} {base}",
    )
    _add_network(make)
    make.add_argument("--overwrite", action="store_true", help="replace files of the same name")
    make.add_argument("--video", action="store_true", help="also a video with the instrumental")
    make.add_argument(
        "--jobs", type=_whole(1, 16), default=1, metavar="N", help="songs at the same time"
    )
    make.add_argument("--quiet", action="store_true", help="no progress")


def _add_network(make: argparse.ArgumentParser) -> None:
    usual = NetworkChoice()
    group = make.add_argument_group("for networks")
    group.add_argument(
        "--model-folder", type=Path, metavar="DIR", help="look for models here first"
    )
    group.add_argument("--mode", choices=MODES, default=usual.mode)
    group.add_argument("--overlap", type=_number(0, 0.5), default=usual.overlap, metavar="SHARE")
    group.add_argument("--shifts", type=_whole(0, 20), default=usual.shifts, metavar="N")
    group.add_argument("--segment", type=_number(0.5, 600), metavar="SECONDS")
    group.add_argument("--device", type=_device, default=usual.device, help=DEVICES)
    group.add_argument("--threads", type=_whole(0, 256), default=usual.threads, metavar="N")


def _stems(text: str) -> tuple[str, ...]:
    wanted = tuple(part.strip() for part in text.split(","))
    if wanted == ALL_STEMS:
        return wanted
    known = (*STEMS, *(stem for stem in NETWORK_STEMS if stem not in STEMS))
    if len(set(wanted)) != len(wanted) or not set(wanted) <= set(known):
        raise argparse.ArgumentTypeError(f"choose all, or from {', '.join(known)}")
    return tuple(stem for stem in known if stem in wanted)


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps|xpu", text):
        raise argparse.ArgumentTypeError(f"choose from {DEVICES}")
    return text


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"give a number from {low:g} to {high:g}")
        return value

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def _bitrate(text: str) -> int:
    number = text.lower().removesuffix("k")
    if not number.isdecimal() or not 8 <= int(number) <= 640:
        raise argparse.ArgumentTypeError("give kilobits per second, 8 to 640")
    return int(number)


def main(argv: list[str]) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # names that the terminal's encoding cannot show must not end the program
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser = build_parser()
    arguments = parser.parse_args(argv)
    data = data_folder(arguments.data_dir)
    try:
        data.create()
    except OSError as exc:
        complain(error_from_os(exc, data.root, writing=True))
        return EXIT_FAILED
    start_logging(data.logs / "terminal.log")
    if arguments.command == "doctor":
        return _doctor(data, as_json=arguments.json)
    if arguments.command in cli_models.COMMANDS:
        return cli_models.run_command(arguments, data)
    folders = model_folders(data, arguments.model_folder)
    try:
        check_engine(arguments.engine, arguments.stems, folders)
        check_template(arguments.name, 2 if arguments.stems == ALL_STEMS else len(arguments.stems))
    except KaraokeError as exc:
        complain(exc)
        return EXIT_USAGE
    return _Batch(arguments, data).run()


def _doctor(data: DataFolder, *, as_json: bool) -> int:
    if own := load_settings(data.settings_file).library_folder:
        data = replace(data, own_library=Path(own))
    workers = Workers.create(data.logs)
    try:
        health = report_health(data, workers)
    finally:
        workers.close()
    print(json.dumps(health, ensure_ascii=False) if as_json else "\n".join(sentences(health)))
    return EXIT_OK


@dataclass(frozen=True)
class _Outcome:
    """How one song ended; `status` as in `--json`."""

    path: Path
    result: JobResult | None = None
    error: KaraokeError | None = None

    @property
    def status(self) -> str:
        if self.result is not None:
            return "completed"
        return "failed" if self.error is not None else "cancelled"

    def to_json(self) -> dict[str, Any]:
        if self.result is not None:
            return self.result.to_json() | {"input": str(self.path)}
        error = {"code": Cancelled.code, "message": "The song was cancelled.", "hint": ""}
        if self.error is not None:
            error = self.error.to_json()
        return {"input": str(self.path), "status": self.status, "error": error}


class _Batch:
    """One `make`: its songs, its children, its stop-event."""

    def __init__(self, arguments: argparse.Namespace, data: DataFolder) -> None:
        self._arguments = arguments
        self._data = data
        self._output = OutputSpec(
            arguments.out.absolute(),
            arguments.format,
            arguments.bit_depth,
            arguments.bitrate,
            arguments.name,
            arguments.overwrite,
            arguments.video,
        )
        self._network = NetworkChoice(
            model_folders(data, arguments.model_folder),
            arguments.mode,
            arguments.overlap,
            arguments.shifts,
            arguments.segment,
            arguments.device,
            arguments.threads,
        )
        self._stop = threading.Event()
        self._screen = _Screen(sys.stderr, is_quiet=arguments.quiet)
        self._speeds = Speeds(data.speeds_file)

    def run(self) -> int:
        """Make all songs and return the exit status."""
        before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            statuses = self._make_all()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._stop.is_set():
            return EXIT_CANCELLED
        return EXIT_OK if all(status == "completed" for status in statuses) else EXIT_FAILED

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _make_all(self) -> list[str]:
        folder = self._output.folder
        is_new = not folder.exists()
        idle: queue.SimpleQueue[Workers] = queue.SimpleQueue()
        sets = [Workers.create(self._data.logs) for _ in range(self._arguments.jobs)]
        for workers in sets:
            workers.transfer.start()
            idle.put(workers)
        try:
            sweep_outputs(folder)
            # jobs run in threads, so that Ctrl-C reaches this one at once
            with ThreadPoolExecutor(len(sets), thread_name_prefix="song") as pool:
                return [
                    self._tell(outcome)
                    for outcome in pool.map(lambda path: self._make(path, idle), self._songs())
                ]
        finally:
            for workers in sets:
                workers.close()
            if is_new and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _songs(self) -> Iterator[Path]:
        seen: set[Path] = set()
        for path in self._arguments.songs:
            yield from only_new(list(songs_in(path)) or [path], seen)

    def _make(self, path: Path, idle: queue.SimpleQueue[Workers]) -> _Outcome:
        if self._stop.is_set():
            return _Outcome(path)
        workers = idle.get()
        try:
            if is_folder(path):
                raise MissingFile(f"There are no songs in the folder {path.name}.")
            spec = JobSpec(
                uuid.uuid4().hex,
                path.absolute(),
                self._arguments.engine,
                self._arguments.stems,
                self._output,
                self._network,
            )
            line = self._screen.line(path)
            around = Surroundings(workers, speeds=self._speeds, data=self._data.root)
            result = run_job(spec, output_workdir(spec), line.show, self._stop, around)
        except Cancelled:
            return _Outcome(path)
        except KaraokeError as exc:
            return _Outcome(path, error=exc)
        except Exception:  # the worker loop is one of the two marked borders
            log.exception("a song broke")
            fault = f"{path.name} could not be made because of a fault in the program."
            hint = f"The log in {self._data.logs} says more."
            return _Outcome(path, error=ProcessingFailed(fault, hint=hint))
        finally:
            idle.put(workers)
        return _Outcome(path, result)

    def _tell(self, outcome: _Outcome) -> str:
        self._screen.finish(outcome)
        if self._arguments.json:
            print(json.dumps(outcome.to_json(), ensure_ascii=False), flush=True)
        return outcome.status


class _Screen:
    """Progress on stderr: one line per song on a terminal, plain lines when piped."""

    def __init__(self, stream: TextIO, *, is_quiet: bool) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self.is_quiet = is_quiet
        self._lock = threading.Lock()

    def line(self, path: Path) -> _Line:
        """Return the line of one song."""
        return _Line(self, path.name)

    def finish(self, outcome: _Outcome) -> None:
        """Say how a song ended; failures are told even when quiet."""
        name = outcome.path.name
        if outcome.result is not None:
            if self.is_quiet:
                return
            result = outcome.result
            speed = result.duration_s / max(result.processing_time_s, 1e-3)
            text = (
                f"{name}: done in {result.processing_time_s:.1f} s ({speed:.0f}x, {result.engine})"
            )
            self.write(text, final=True)
            for note in result.notes:
                self.write(f"  {notes.describe(note)}", final=True)
            video = [] if result.video_path is None else [result.video_path]
            for path in (*result.stem_paths.values(), *video):
                self.write(f"  {path}", final=True)
        elif outcome.error is not None:
            error = outcome.error
            self.write(f"{name}: {error.message} {error.hint}".rstrip(), final=True)
        else:
            self.write(f"{name}: cancelled", final=True)

    def progress(self, text: str, *, is_milestone: bool) -> None:
        """Show how far a song is."""
        if not self.is_quiet and (self._is_terminal or is_milestone):
            self.write(text, final=not self._is_terminal)

    def write(self, text: str, *, final: bool) -> None:
        """Write a line; on a terminal one that is not final is written over by the next."""
        text = "".join(c if c.isprintable() else "?" for c in text)
        with self._lock:
            if self._is_terminal:
                self._stream.write(f"\r\x1b[K{text}" + ("\n" if final else ""))
            else:
                self._stream.write(text + "\n")
            self._stream.flush()


class _Line:
    """The progress of one song."""

    def __init__(self, screen: _Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._stage: Stage | None = None
        self._shown_s = 0.0

    def show(self, progress: Progress) -> None:
        """Take a report of the job."""
        is_milestone = progress.stage is not self._stage
        now = time.monotonic()
        if not is_milestone and now - self._shown_s < 0.1:
            return
        self._stage, self._shown_s = progress.stage, now
        left = "" if progress.eta_s is None else f", about {progress.eta_s:.0f} s left"
        percent = f"{100 * progress.overall_fraction:3.0f} %"
        text = f"{self._name}: {percent} {_STAGE_WORDS[progress.stage]}{left}"
        self._screen.progress(text, is_milestone=is_milestone)
