"""The same street from a terminal: `make`, `doctor`, and the commands of `cli_models`."""

from __future__ import annotations

import argparse
import logging
import math
import re
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from karaoke_studio import (
    __version__,
    cli_features,
    cli_library,
    cli_listen,
    cli_models,
    cli_prepare,
)
from karaoke_studio.cli_batch import Batch, Line, require_file, walked
from karaoke_studio.cli_common import complain, print_json
from karaoke_studio.doctor import report_health, sentences
from karaoke_studio.engines import check_engine, model_folders
from karaoke_studio.errors import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    KaraokeError,
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
)
from karaoke_studio.log import keep_names, start_logging
from karaoke_studio.meter import Speeds
from karaoke_studio.names import check_template
from karaoke_studio.paths import DataFolder, data_folder
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job, sweep_outputs
from karaoke_studio.settings import load_settings
from karaoke_studio.worker.host import Workers
from karaoke_studio.worker.network import measure_now

log = logging.getLogger(__name__)

DEVICES = "auto, cpu, cuda, cuda:N, mps, xpu"


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
    cli_features.add_command(commands, common)
    cli_listen.add_command(commands, common)
    cli_prepare.add_command(commands, common)
    cli_library.add_commands(commands, common)
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
    group.add_argument(
        "--mode",
        choices=MODES,
        default=usual.mode,
        help="exact (the usual one) and reference: as Demucs does it; fast and turbo: quicker, "
        "with errors at least 60 and 38 dB below the stems; measured here when first used",
    )
    group.add_argument("--overlap", type=_number(0, 0.5), default=usual.overlap, metavar="SHARE")
    group.add_argument("--shifts", type=_whole(0, 20), default=usual.shifts, metavar="N")
    group.add_argument("--segment", type=_number(0.5, 600), metavar="SECONDS")
    group.add_argument("--device", type=_device, default=usual.device, help=DEVICES)
    group.add_argument(
        "--threads",
        type=_whole(0, 256),
        default=usual.threads,
        metavar="N",
        help="0 (default) = one for each core",
    )


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
    keep_names(load_settings(data.settings_file).log_names)
    if arguments.command == "doctor":
        return _doctor(data, as_json=arguments.json)
    if arguments.command == cli_features.COMMAND:
        return cli_features.run_command(arguments, data)
    if arguments.command == cli_listen.COMMAND:
        return cli_listen.run_command(arguments, data)
    if arguments.command == cli_prepare.COMMAND:
        return cli_prepare.run_command(arguments, data)
    if arguments.command in cli_models.COMMANDS:
        return cli_models.run_command(arguments, data)
    if arguments.command == "library":
        return cli_library.run_command(arguments, data)
    return _make(arguments, data)


def _doctor(data: DataFolder, *, as_json: bool) -> int:
    if own := load_settings(data.settings_file).library_folder:
        data = replace(data, own_library=Path(own))
    workers = Workers.create(data.logs)
    try:
        health = report_health(data, workers)
    finally:
        workers.close()
    if as_json:
        print_json(health)
    else:
        print("\n".join(sentences(health)))
    return EXIT_OK


def _make(arguments: argparse.Namespace, data: DataFolder) -> int:
    folders = model_folders(data, arguments.model_folder)
    try:
        check_engine(arguments.engine, arguments.stems, folders)
        check_template(arguments.name, 2 if arguments.stems == ALL_STEMS else len(arguments.stems))
    except KaraokeError as exc:
        complain(exc)
        return EXIT_USAGE
    folder = arguments.out.absolute()
    output = OutputSpec(
        folder,
        arguments.format,
        arguments.bit_depth,
        arguments.bitrate,
        arguments.name,
        arguments.overwrite,
        arguments.video,
    )
    network = NetworkChoice(
        folders,
        arguments.mode,
        arguments.overlap,
        arguments.shifts,
        arguments.segment,
        arguments.device,
        arguments.threads,
    )
    speeds = Speeds(data.speeds_file)

    def make(path: Path, workers: Workers, line: Line, stop: threading.Event) -> JobResult:
        require_file(path)
        engine, stems = arguments.engine, arguments.stems
        spec = JobSpec(uuid.uuid4().hex, path, engine, stems, output, network)
        measure = measure_now(line.say, data.logs)
        around = Surroundings(workers, speeds=speeds, data=data.root, measure=measure)
        return run_job(spec, output_workdir(spec), line.show, stop, around)

    is_new = not folder.exists()
    sweep_outputs(folder)
    try:
        return Batch(
            make,
            ((path, path.name) for path in walked(arguments.songs)),
            data.logs,
            jobs=arguments.jobs,
            as_json=arguments.json,
            is_quiet=arguments.quiet,
        ).run()
    finally:
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
