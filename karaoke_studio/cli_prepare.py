"""`prepare` in a terminal: recordings cleaned and brought to level, as new files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from karaoke_studio.cli_batch import require_file, walked
from karaoke_studio.cli_common import complain, print_json, stop_on_signals
from karaoke_studio.errors import (
    EXIT_CANCELLED,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    KaraokeError,
)
from karaoke_studio.job import BIT_DEPTHS, FORMATS, OutputSpec
from karaoke_studio.names import check_template
from karaoke_studio.paths import DataFolder
from karaoke_studio.preparation.validation import HIGHPASS_HZ, LUFS, RATES_HZ, Preparation
from karaoke_studio.preparing import NAME, run_preparation
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.worker.host import Worker

COMMAND = "prepare"
_SWITCHES = {
    "declip": "make peaks round again that were cut off",
    "declick": "take out clicks",
    "dehum": "take out the hum of the mains, where there is any",
    "denoise": "take out steady noise",
    "dereverb": "make a room's late echo quieter",
    "gate": "make pauses quieter",
    "drc": "make loud places less loud",
    "trim-silence": "cut silence off both ends",
}


def add_command(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `prepare` to the parser."""
    prepare = commands.add_parser(
        COMMAND,
        parents=[common],
        help="clean recordings and bring them to level, as new files",
        description="Does what is asked for, always in the order in which it is listed here, and "
        'writes "NAME (Clean)"; the recording itself stays as it is.',
    )
    prepare.add_argument("songs", nargs="+", type=Path, metavar="FILE", help="file or folder")
    steps = prepare.add_argument_group("steps")
    for name in ("declip", "declick", "dehum"):
        steps.add_argument(f"--{name}", action="store_true", help=_SWITCHES[name])
    steps.add_argument(
        "--highpass", type=_number(*HIGHPASS_HZ), metavar="HZ", help="take out wind and rumble"
    )
    for name in ("denoise", "dereverb", "gate", "drc", "trim-silence"):
        steps.add_argument(f"--{name}", action="store_true", help=_SWITCHES[name])
    steps.add_argument("--channels", type=int, choices=(1, 2))
    steps.add_argument("--rate", type=_rate, metavar="HZ", help="sample rate")
    steps.add_argument(
        "--lufs", type=_number(*LUFS), metavar="LUFS", help="loudness; true peaks stay under -1 dB"
    )
    prepare.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where files go")
    prepare.add_argument("--format", choices=FORMATS, default="flac")
    prepare.add_argument("--bit-depth", choices=BIT_DEPTHS, default="24", help="for wav and flac")
    prepare.add_argument(
        "--bitrate", type=_number(8, 640), metavar="KBPS", help="for mp3, m4a, ogg, opus"
    )
    prepare.add_argument("--name", default=NAME, metavar="TEMPLATE", help="as of make")
    prepare.add_argument("--overwrite", action="store_true", help="replace files of the same name")
    prepare.add_argument("--quiet", action="store_true", help="no progress")


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"give a number from {low:g} to {high:g}")
        return value

    parse.__name__ = "number"  # what argparse calls it where it is none
    return parse


def _rate(text: str) -> int:
    return round(_number(*RATES_HZ)(text))


def run_command(arguments: argparse.Namespace, data: DataFolder) -> int:
    """Run `prepare …` and return the exit status."""
    wanted = Preparation(
        **{
            name.replace("-", "_"): getattr(arguments, name.replace("-", "_")) for name in _SWITCHES
        },
        highpass=arguments.highpass,
        channels=arguments.channels,
        rate=arguments.rate,
        lufs=arguments.lufs,
    )
    try:
        check_template(arguments.name, 1)
    except KaraokeError as exc:
        complain(exc)
        return EXIT_USAGE
    output = OutputSpec(
        arguments.out.absolute(),
        arguments.format,
        arguments.bit_depth,
        None if arguments.bitrate is None else round(arguments.bitrate),
        arguments.name,
        arguments.overwrite,
    )
    status = EXIT_OK
    worker = Worker("transfer", log_folder=data.create().logs)
    try:
        with stop_on_signals() as stop:
            for path in walked(arguments.songs):
                told = _outcome(path, wanted, output, worker, stop, is_quiet=arguments.quiet)
                if arguments.json:
                    print_json(told)
                if told["status"] == "cancelled":
                    return EXIT_CANCELLED
                if told["status"] == "failed":
                    status = EXIT_FAILED
    finally:
        worker.close()
    return status


def _outcome(
    path: Path,
    wanted: Preparation,
    output: OutputSpec,
    worker: Worker,
    stop: StopEvent,
    *,
    is_quiet: bool,
) -> dict[str, Any]:
    """Return the object that `--json` prints, and say the same on stderr."""
    line = _Line(path.name, is_quiet=is_quiet)
    try:
        require_file(path)
        made = run_preparation(path.absolute(), wanted, output, worker, line.show, stop)
    except Cancelled:
        line.end("cancelled")
        error = {"code": Cancelled.code, "message": "The file was cancelled.", "hint": ""}
        return {"input": str(path), "status": "cancelled", "error": error}
    except KaraokeError as exc:
        line.end(f"{exc.message} {exc.hint}".rstrip(), is_failure=True)
        return {"input": str(path), "status": "failed", "error": exc.to_json()}
    line.end(str(made.path))
    return made.to_json() | {"input": str(path)}


class _Line:
    """How far a file is, on stderr; only its end where that is no terminal."""

    def __init__(self, name: str, *, is_quiet: bool) -> None:
        self._name, self._is_quiet = name, is_quiet
        self._is_terminal = sys.stderr.isatty() and not is_quiet

    def show(self, share: float) -> None:
        if self._is_terminal:
            print(f"\r\x1b[K{self._name}: {100 * share:.0f} %", end="", file=sys.stderr, flush=True)

    def end(self, words: str, *, is_failure: bool = False) -> None:
        if is_failure or not self._is_quiet:
            start = "\r\x1b[K" if self._is_terminal else ""
            print(f"{start}{self._name}: {words}", file=sys.stderr)
