"""`models` and `devices` in a terminal: what networks need before a song can use them."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from karaoke_studio.catalogue import KNOWN_MODELS, LICENCE, TERMS, known_model, video_memory_mb
from karaoke_studio.cli_common import complain, print_json, stop_on_signals, told_to_the_end
from karaoke_studio.engines import installed_models, model_folders
from karaoke_studio.errors import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    KaraokeError,
    ModelDamaged,
    ModelMissing,
)
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.calibration import PROMISES_DB, choose_way, processor
from karaoke_studio.separation.device_words import crashed, explain_auto
from karaoke_studio.separation.hub import Hub
from karaoke_studio.separation.shelf import Arrival, Placed, Shelf, Verdict
from karaoke_studio.worker.arrival import import_models
from karaoke_studio.worker.calibration import calibrate, known_trials
from karaoke_studio.worker.host import Worker, WorkerDied

COMMANDS = ("models", "devices")
#: A probe loads drivers that may never have been used before.
_PROBE_STALL_S = 120.0

_VERDICTS = {
    Verdict.GOOD: "as it came",
    Verdict.NEW: "remembered from now on",
    Verdict.DAMAGED: "damaged",
}


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `models` and `devices` to the parser."""
    models = commands.add_parser(
        "models",
        help="list, download, import, verify and remove the networks",
        description=TERMS,
    ).add_subparsers(dest="models_command", required=True, metavar="WHAT")
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--model-folder", type=Path, metavar="DIR", help="look for models here first")
    models.add_parser("list", parents=[common, own], help="what there is and what could be")
    download = models.add_parser("download", parents=[common], help="bring a model from the hub")
    names = [model.name for model in KNOWN_MODELS]
    download.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    download.add_argument(
        "--stems",
        choices=("pair", "all"),
        default="pair",
        help="pair (default): only the networks that voice and music need; all: the rest too",
    )
    download.add_argument("--quiet", action="store_true", help="no progress")
    taken = models.add_parser("import", parents=[common], help="take in a model from files")
    taken.add_argument("path", type=Path, metavar="FILE_OR_FOLDER")
    taken.add_argument("--quiet", action="store_true", help="no progress")
    verify = models.add_parser("verify", parents=[common, own], help="read models and compare")
    verify.add_argument("name", nargs="?", metavar="NAME", help="without it, all that are there")
    verify.add_argument(
        "--accept",
        action="store_true",
        help="take files of your own folder as they are from now on",
    )
    benchmark = models.add_parser(
        "benchmark",
        parents=[common, own],
        help="measure how quickly this machine runs a model, and how exactly",
    )
    benchmark.add_argument("name", metavar="NAME")
    benchmark.add_argument("--again", action="store_true", help="even if it was measured before")
    threads = "0 (default) = one for each core"
    benchmark.add_argument("--threads", type=int, default=0, metavar="N", help=threads)
    remove = models.add_parser("remove", parents=[common], help="take a model away")
    remove.add_argument("name", metavar="NAME")
    commands.add_parser(
        "devices", parents=[common], help="say which processors and graphics cards compute"
    )


def run_command(arguments: argparse.Namespace, data: DataFolder) -> int:
    """Run `models` or `devices` and return the exit status."""
    what = "devices" if arguments.command == "devices" else arguments.models_command
    run: dict[str, Callable[[argparse.Namespace, DataFolder, threading.Event], int]] = {
        "devices": _devices,
        "list": _list,
        "download": _download,
        "import": _import,
        "verify": _verify,
        "benchmark": _benchmark,
        "remove": _remove,
    }
    with stop_on_signals() as stop:
        return told_to_the_end(lambda: run[what](arguments, data, stop), as_json=arguments.json)


# ------------------------------------------------------------------ models


def _list(arguments: argparse.Namespace, data: DataFolder, _stop: threading.Event) -> int:
    shelf = Shelf(data.root, arguments.model_folder)
    rows = [_row(shelf, name) for name in _all_names(shelf)]
    if arguments.json:
        print_json({"models": rows, "terms": TERMS})
        return EXIT_OK
    wide = max(len(row["name"]) for row in rows)
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:.0f} MB" if row["size_bytes"] else ""
        print(f"{row['name']:{wide}}  {row['state']:11}  {size:>7}  {row['best_for']}".rstrip())
    print(f"\n{TERMS}")
    return EXIT_OK


def _all_names(shelf: Shelf) -> list[str]:
    known = [model.name for model in KNOWN_MODELS]
    return [*known, *(name for name in installed_models(shelf.folders) if name not in known)]


def _row(shelf: Shelf, name: str) -> dict[str, Any]:
    known = known_model(name)
    row: dict[str, Any] = {
        "name": name,
        "state": "not there",
        "size_bytes": known.size_bytes if known else 0,
        "video_memory_mb": video_memory_mb(name),
        "best_for": known.best_for if known else "",
        "licence": LICENCE if known else "",
        "stems": list(known.stems) if known else [],
        "repository": known.repository if known else "",
        "folder": None,
        "origin": "",
        "commit": "",
        "arrived_bytes": shelf.arrived_bytes(name),
    }
    try:
        placed = shelf.placed(name)
    except ModelMissing:
        return row | {"state": "in part"} if row["arrived_bytes"] else row
    except KaraokeError as exc:
        return row | {"state": "unusable", "error": exc.to_json()}
    state = "there" if placed.is_own else "own folder"
    return row | _facts(placed) | {"state": state if placed.is_whole else "for a pair"}


def _facts(placed: Placed) -> dict[str, Any]:
    return {
        "name": placed.name,
        "folder": str(placed.folder),
        "size_bytes": placed.size,
        "origin": placed.origin,
        "commit": placed.commit,
        "added_at": placed.added_at,
        "is_whole": placed.is_whole,
    }


def _download(arguments: argparse.Namespace, data: DataFolder, stop: threading.Event) -> int:
    model = known_model(arguments.name)
    if model is None:
        raise ModelMissing(f"There is no model {arguments.name}.")
    print(TERMS, file=sys.stderr)
    line = _Line(arguments.name, is_quiet=arguments.quiet)
    try:
        pair_only = arguments.stems == "pair"
        shelf = Shelf(data.root)
        placed = shelf.download(model, Hub.chosen(), stop, line.show, pair_only=pair_only)
    except Cancelled:
        line.end(f"{arguments.name}: stopped; the same command goes on with what is there")
        raise
    line.end(f"{placed.name}: there, {placed.size / 1e6:.0f} MB, commit {placed.commit[:12]}")
    if not placed.is_whole and not arguments.quiet:
        rest = f"models download {placed.name} --stems all"
        print(f"It makes voice and music; for every stem type: {rest}", file=sys.stderr)
    if arguments.json:
        print_json({"status": "completed", "terms": TERMS, **_facts(placed)})
    return EXIT_OK


def _import(arguments: argparse.Namespace, data: DataFolder, stop: threading.Event) -> int:
    line = _Line(arguments.path.name, is_quiet=arguments.quiet)
    path = arguments.path.absolute()
    for placed in import_models(path, Shelf(data.root), stop, line.show, data.logs):
        line.end(f"{placed.name}: there, {placed.size / 1e6:.0f} MB")
        if arguments.json:
            print_json({"status": "completed", **_facts(placed)})
    return EXIT_OK


def _verify(arguments: argparse.Namespace, data: DataFolder, stop: threading.Event) -> int:
    shelf = Shelf(data.root, arguments.model_folder)
    names = [arguments.name] if arguments.name else installed_models(shelf.folders)
    if arguments.accept and not arguments.name:
        complain(KaraokeError("Name the model whose files you accept."))
        return EXIT_USAGE
    is_good = True
    for name in names:
        if stop.is_set():
            raise Cancelled
        try:
            verdicts = shelf.verify(name, accept=arguments.accept)
        except KaraokeError as exc:
            if arguments.name:
                raise
            complain(exc)  # the others are looked at all the same
            is_good = False
            continue
        is_good &= Verdict.DAMAGED not in verdicts.values()
        if arguments.json:
            print_json({"name": name, "files": verdicts})
        else:
            for file, verdict in verdicts.items():
                print(f"{name}: {file} is {_VERDICTS[verdict]}")
    if not is_good and not arguments.json:
        damaged = ModelDamaged("Not every model is as it came.", hint="Download it again.")
        complain(damaged)
    return EXIT_OK if is_good else EXIT_FAILED


def _remove(arguments: argparse.Namespace, data: DataFolder, _stop: threading.Event) -> int:
    Shelf(data.root).remove(arguments.name)
    if arguments.json:
        print_json({"name": arguments.name, "status": "removed"})
    else:
        print(f"{arguments.name}: removed")
    return EXIT_OK


def _benchmark(arguments: argparse.Namespace, data: DataFolder, stop: threading.Event) -> int:
    folders = [str(folder) for folder in model_folders(data, arguments.model_folder)]
    model = {"model": arguments.name, "folders": folders, "data": str(data.root)}
    threads = max(arguments.threads, 0)
    trials = None if arguments.again else known_trials(model, threads)
    if trials is None:
        print(f"{arguments.name}: measuring, up to two minutes", file=sys.stderr)
        trials = calibrate(model, threads, stop, data.logs)
    used = {mode: choose_way(trials, mode) for mode in PROMISES_DB}
    if arguments.json:
        ways = [vars(trial) for trial in trials]
        print_json({"name": arguments.name, "processor": processor(), "ways": ways, "used": used})
        return EXIT_OK
    found = processor()
    print(f"{found['name']}: {' '.join(found['flags'])}")
    print(f"{'way':24}{'s a chunk':>10}{'error dB':>10}  used for")
    for trial in trials:
        modes = ", ".join(mode for mode, way in used.items() if way == trial.way)
        figures = f"{trial.seconds:10.2f}{-trial.snr_db:10.1f}  {modes}"
        print(f"{trial.way:24}{trial.problem or figures}".rstrip())
    return EXIT_OK


class _Line:
    """How far a model is, on stderr: one line on a terminal, a line every few seconds elsewhere."""

    def __init__(self, what: str, *, is_quiet: bool) -> None:
        self._what, self._is_quiet = what, is_quiet
        self._is_terminal = sys.stderr.isatty()
        self._shown_s = 0.0

    def show(self, arrival: Arrival) -> None:
        """Take a report."""
        now = time.monotonic()
        if self._is_quiet or now - self._shown_s < (0.2 if self._is_terminal else 5.0):
            return
        self._shown_s = now
        percent = f"{100 * arrival.done / max(arrival.total, 1):3.0f} %"
        of = f"{arrival.done / 1e6:.0f} of {arrival.total / 1e6:.0f} MB"
        text = f"{self._what}: {percent}, {of}"
        sys.stderr.write(f"\r\x1b[K{text}" if self._is_terminal else f"{text}\n")
        sys.stderr.flush()

    def end(self, text: str) -> None:
        """Say how it ended."""
        if not self._is_quiet:
            sys.stderr.write(("\r\x1b[K" if self._is_terminal else "") + text + "\n")


# ------------------------------------------------------------------ devices


def _devices(arguments: argparse.Namespace, data: DataFolder, stop: threading.Event) -> int:
    facts = devices_of(data, stop)
    if arguments.json:
        print_json(facts)
        return EXIT_OK
    wide = max(len(device["name"]) for device in facts["devices"])
    for device in facts["devices"]:
        memory = f", {device['memory_mb'] / 1024:.0f} GB" if device["memory_mb"] else ""
        state = "works" if device["works"] else f"does not work: {device['reason']}"
        print(f"{device['name']:{wide}}  {device['label']}{memory}: {state}")
    for card in facts["unused"]:
        print(f"{'-':{wide}}  {card['label']}: cannot be used: {card['reason']}")
    for one in (*facts["devices"], *facts["unused"]):
        if one["advice"]:
            print(f"{one['label']}: {one['advice']}")
    print(facts["explanation"])
    if facts["torch"] is None:
        print("Networks cannot run: PyTorch is missing.")
    return EXIT_OK


def devices_of(data: DataFolder, stop: threading.Event) -> dict[str, Any]:
    """Return what computes on this machine; each device is tried once and remembered.

    Returns:
        {"torch": version or None, "auto": what auto takes first, "explanation": why, "devices":
        [{"name", "label", "memory_mb", "works", "seconds", "state", "reason", "advice"}, …],
        "unused": [{"label", "state", "reason", "advice"}, …]}.

    Raises:
        Cancelled: `stop` was set.
        EngineCrashed: no child could be started.
    """
    worker = Worker("engine", log_folder=data.logs, memory_mb=0)
    try:
        found = worker.run("devices", {}, stop=stop, stall_s=_PROBE_STALL_S)
        devices = [
            device | _probe(worker, device["name"], data, stop) for device in found["devices"]
        ]
    finally:
        worker.close()
    auto = next(device["name"] for device in devices if device["works"])
    facts = {name: found[name] for name in ("torch", "unused")}
    explanation = explain_auto(devices, found["unused"])
    return facts | {"auto": auto, "explanation": explanation, "devices": devices}


def _probe(worker: Worker, name: str, data: DataFolder, stop: threading.Event) -> dict[str, Any]:
    args = {"name": name, "data": str(data.root)}
    try:
        return worker.run("probe_device", args, stop=stop, stall_s=_PROBE_STALL_S)
    except (WorkerDied, KaraokeError):
        # the child has noted that it tried
        return crashed()
