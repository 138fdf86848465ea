"""`features` in a terminal: the features of songs as files for other programs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from karaoke_studio.cli_batch import walked
from karaoke_studio.cli_common import print_json, stop_on_signals
from karaoke_studio.errors import (
    EXIT_CANCELLED,
    EXIT_FAILED,
    EXIT_OK,
    CorruptAudio,
    KaraokeError,
    error_from_os,
)
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.worker.host import Worker, WorkerDied

COMMAND = "features"
#: The pitch of an hour takes minutes, without a word in between.
_STALL_S = 3600.0


def add_command(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `features` to the parser."""
    features = commands.add_parser(
        COMMAND,
        parents=[common],
        help="find pitch, spectra, rhythm and more of songs, for other programs",
        description="Writes SONG.features.npz (numpy), or with --json SONG.features.json, which "
        "leaves the linear spectrogram out; with --json an object per song is printed too.",
    )
    features.add_argument("songs", nargs="+", type=Path, metavar="SONG", help="file or folder")
    features.add_argument("--npz", action="store_true", help="write numpy's format (the usual)")
    features.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where files go")
    features.add_argument("--quiet", action="store_true", help="no progress")


def run_command(arguments: argparse.Namespace, data: DataFolder) -> int:
    """Run `features …` and return the exit status."""
    suffixes = [".json"] if arguments.json else []
    suffixes += [".npz"] if arguments.npz or not arguments.json else []
    status = EXIT_OK
    worker = Worker("analysis", log_folder=data.create().logs)
    try:
        with stop_on_signals() as stop:
            for song in walked(arguments.songs):
                if stop.is_set():
                    return EXIT_CANCELLED
                told = _outcome(song, suffixes, arguments, data, worker, stop)
                if told["status"] == "cancelled":
                    status = EXIT_CANCELLED
                elif told["status"] == "failed" and status == EXIT_OK:
                    status = EXIT_FAILED
                _tell(song, told, arguments)
    finally:
        worker.close()
    return status


def _outcome(
    song: Path,
    suffixes: list[str],
    arguments: argparse.Namespace,
    data: DataFolder,
    worker: Worker,
    stop: StopEvent,
) -> dict[str, Any]:
    """Return the object that `--json` prints."""
    started = time.monotonic()
    try:
        targets = [_target(song, arguments.out, suffix) for suffix in suffixes]
        for target in targets:
            found = _write(song, target, data, worker, stop)
    except Cancelled:
        error = {"code": Cancelled.code, "message": "The song was cancelled.", "hint": ""}
        return {"input": str(song), "status": "cancelled", "error": error}
    except KaraokeError as exc:
        return {"input": str(song), "status": "failed", "error": exc.to_json()}
    return {
        "input": str(song),
        "status": "completed",
        "paths": [str(target) for target in targets],
        "processing_time_s": round(time.monotonic() - started, 3),
        **found,
    }


def _target(song: Path, folder: Path, suffix: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise error_from_os(exc, folder, writing=True) from exc
    return folder.absolute() / f"{song.stem}.features{suffix}"


def _write(
    song: Path, target: Path, data: DataFolder, worker: Worker, stop: StopEvent
) -> dict[str, Any]:
    args = {
        "path": str(song.absolute()),
        "target": str(target),
        "cache": str(data.cache / "features"),
        "compiled": str(data.cache / "compiled"),
    }
    try:
        return worker.run(COMMAND, args, stop=stop, stall_s=_STALL_S)
    except WorkerDied as exc:
        raise CorruptAudio(
            f"The features of {song.name} could not be found: a helper process stopped.",
            hint="The file may be damaged, or the memory too small for it.",
        ) from exc


def _tell(song: Path, told: dict[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(told)
    if told["status"] == "completed":
        if not arguments.quiet:
            for path in told["paths"]:
                print(f"{song.name}: {path}", file=sys.stderr)
    else:
        error = told["error"]
        print(f"{song.name}: {error['message']} {error['hint']}".rstrip(), file=sys.stderr)
