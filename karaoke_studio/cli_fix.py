"""`library fix` in a terminal: a stretch of a song is split again, or its voice reshaped."""

from __future__ import annotations

import argparse
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from karaoke_studio.cli_batch import Batch, Line
from karaoke_studio.cli_common import complain
from karaoke_studio.engines import check_engine, model_folders
from karaoke_studio.errors import EXIT_USAGE, InputError, KaraokeError
from karaoke_studio.fixes import LEAST_S, Fix
from karaoke_studio.job import STEMS, JobResult, JobSpec
from karaoke_studio.jobs.fixing import FixWish, fix_job
from karaoke_studio.library.songs import Song
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.meter import Speeds
from karaoke_studio.paths import DataFolder
from karaoke_studio.pipeline import Surroundings, run_job
from karaoke_studio.settings import Settings, network_choice
from karaoke_studio.worker.host import Workers
from karaoke_studio.worker.network import measure_now

COMMAND = "fix"


def add_command(what: Any, common: argparse.ArgumentParser) -> None:
    """Add `fix` to the parser of `library`."""
    fix = what.add_parser(
        COMMAND,
        parents=[common],
        help="split a stretch of a song again, or reshape its voice",
        description="Makes a new take of the song; the old one stays. Outside of the stretch no "
        "bit changes, inside voice and music still add up to the song.",
    )
    fix.add_argument(
        "songs", nargs=1, metavar="SONG", help="title, a part of it, or the beginning of its id"
    )
    fix.add_argument("--from", type=_seconds, dest="start_s", required=True, metavar="TIME")
    fix.add_argument(
        "--to", type=_seconds, dest="stop_s", required=True, metavar="TIME", help="12.5 or 1:02.5"
    )
    fix.add_argument("--engine", metavar="NAME", help="split it again with this one")
    fix.add_argument("--careful", action="store_true", help="with more overlap and two passes")
    fix.add_argument("--low", type=float, metavar="HZ", help="what lies below is no voice")
    fix.add_argument("--high", type=float, metavar="HZ", help="what lies above is no voice")
    fix.add_argument(
        "--strength", type=float, default=0.0, metavar="X", help="-1 (less voice) to 1 (more)"
    )
    fix.add_argument("--quiet", action="store_true", help="no progress")


def run_fix(arguments: argparse.Namespace, data: DataFolder, settings: Settings, song: Song) -> int:
    """Fix a stretch of a song and return the exit status."""
    own = Path(settings.model_folder) if settings.model_folder else None
    folders = model_folders(data, own)
    try:
        fix = _fix(arguments, song)
        if arguments.engine:
            check_engine(arguments.engine, STEMS, folders)
    except KaraokeError as exc:
        complain(exc)
        return EXIT_USAGE
    plan = JobSpec("", Path(), network=network_choice(settings, folders))
    wish = FixWish(fix, arguments.engine or song.engine, arguments.careful)
    spec = fix_job(plan, song, wish, song.title)

    with closing(LibraryWriter(data.library)) as writer:

        def make(_path: Path, workers: Workers, line: Line, stop: threading.Event) -> JobResult:
            measure = measure_now(line.say, data.logs)
            speeds = Speeds(data.speeds_file)
            around = Surroundings(workers, writer, speeds, data.root, measure=measure)
            return run_job(spec, writer.staging / spec.job_id, line.show, stop, around)

        songs = [(spec.input, song.title)]
        return Batch(make, songs, data.logs, as_json=arguments.json, is_quiet=arguments.quiet).run()


def _fix(arguments: argparse.Namespace, song: Song) -> Fix:
    """Return what was asked for.

    Raises:
        InputError: it makes no sense for this song.
    """
    start, stop = (round(s * song.sample_rate) for s in (arguments.start_s, arguments.stop_s))
    if not 0 <= start < stop <= song.frames or stop - start < LEAST_S * song.sample_rate:
        raise InputError(
            f"{song.title} has no stretch from {arguments.start_s:g} to {arguments.stop_s:g} s.",
            hint=f"It is {song.duration_s:.1f} s long, a stretch at least {LEAST_S} s.",
        )
    low, high, strength = arguments.low, arguments.high, arguments.strength
    try:
        fix = Fix(song.take_id, start, stop, bool(arguments.engine), low, high, strength)
    except ValueError as exc:
        raise InputError(
            "Such a voice cannot be.", hint="--low lies below --high, --strength is -1 to 1."
        ) from exc
    if not fix.does_something:
        raise InputError(
            "There is nothing to do.", hint="Say --engine, --low, --high or --strength."
        )
    return fix


def _seconds(words: str) -> float:
    """Return the seconds of "12.5", "1:02.5" or "1:00:00"."""
    seconds = 0.0
    for part in words.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
