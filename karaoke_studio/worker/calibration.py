"""Measures once what is quickest on this machine, with the song that comes with the program.

Every runtime is tried in a child of its own, and all of them end afterwards.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from karaoke_studio.errors import EngineCrashed, KaraokeError
from karaoke_studio.paths import resource
from karaoke_studio.progress import StopEvent
from karaoke_studio.separation.calibration import CalibrationRecord, Trial, calibration_key
from karaoke_studio.separation.converted import is_installed
from karaoke_studio.separation.cores import usual_threads
from karaoke_studio.separation.model_files import find_model
from karaoke_studio.separation.model_store import ModelStore
from karaoke_studio.worker.conversion import convert_models, convert_network
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

#: No more is begun after so long.
LIMIT_S = 120.0
_STALL_S = 120.0
_DEMO = {"path": str(resource("demo/demo.opus")), "copy": False}


def known_trials(model: dict[str, Any], threads: int) -> list[Trial] | None:
    """Return what was measured for a model on this machine, None where nothing was.

    Args:
        model: arguments of the engine's `load_model`.
        threads: of the processor, 0 = the usual.

    Raises:
        ModelMissing: there is no such model.
    """
    key = _key(model, threads)
    return None if key is None else CalibrationRecord(Path(model["data"])).get(key)


def strike_way(model: dict[str, Any], threads: int, way: str, problem: str) -> None:
    """Never use a way again that has failed.

    Raises:
        OSError: the disk is full.
    """
    key = _key(model, threads)
    if key is not None:
        CalibrationRecord(Path(model["data"])).strike(key, way, problem)


def _key(model: dict[str, Any], threads: int) -> str | None:
    data = Path(model["data"])
    files = find_model(model["model"], [Path(folder) for folder in model["folders"]])
    return calibration_key(files, ModelStore(data), threads or usual_threads())


def calibrate(
    model: dict[str, Any], threads: int, stop: StopEvent, log_folder: Path | None = None
) -> list[Trial]:
    """Try all ways of computing a model on this machine, and keep what came of it.

    Args:
        model: arguments of the engine's `load_model`.
        threads: of the processor, 0 = the usual.
        stop: set it to cancel; nothing is kept then.
        log_folder: for the children's logs.

    Raises:
        Cancelled: `stop` was set.
        KaraokeError: the model cannot be used at all.
        OSError: the result cannot be kept.
    """
    started_s = time.monotonic()
    model = model | {"stems": ["vocals"]}
    folder = Path(tempfile.mkdtemp(prefix="karaoke-calibration-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        question = model | {"threads": threads, "staging": str(folder)}
        try:
            question |= {
                "song": _run("transfer", "import_song", question | _DEMO, stop, log_folder)
            }
            found = _try_torch(question, stop, log_folder)
        except WorkerDied as exc:
            raise EngineCrashed(
                "What is quickest here could not be measured: a helper process stopped.",
                hint="Choose the mode exact.",
            ) from exc
        trials = [Trial(**one) for one in found["trials"]]
        time_is_left = time.monotonic() - started_s < LIMIT_S / 2
        if found["is_convertible"] and is_installed() and time_is_left:
            question |= {"network": found["network"]}
            trials += _try_openvino(question, model, stop, log_folder)
    key = _key(model, threads)
    if key is not None:
        CalibrationRecord(Path(model["data"])).put(key, trials)
    log.info("measured %s in %.0f s", model["model"], time.monotonic() - started_s)
    return trials


def _try_torch(
    question: dict[str, Any], stop: StopEvent, log_folder: Path | None
) -> dict[str, Any]:
    worker = Worker("engine", log_folder=log_folder, memory_mb=0)
    try:
        waiting = worker.run("load_model", question, stop=stop, stall_s=_STALL_S)
        if waiting["needs_conversion"]:
            files = [Path(name) for name in waiting["needs_conversion"]]
            convert_models(files, Path(question["data"]), log_folder=log_folder, stop=stop)
        return worker.run("try_torch", question, stop=stop, stall_s=_STALL_S)
    finally:
        worker.close()


def _try_openvino(
    question: dict[str, Any], model: dict[str, Any], stop: StopEvent, log_folder: Path | None
) -> list[Trial]:
    try:
        if not _run("openvino", "load_model", model, stop, log_folder)["is_converted"]:
            convert_network(model, log_folder=log_folder, stop=stop)
        found = _run("openvino", "try_openvino", question, stop, log_folder)
    except (KaraokeError, WorkerDied) as exc:  # what was tried before is enough
        log.warning("OpenVINO is not used: %s", exc)
        return []
    return [Trial(**one) for one in found["trials"]]


def _run(
    role: str, task: str, args: dict[str, Any], stop: StopEvent, log_folder: Path | None
) -> dict[str, Any]:
    """Run one task in a child that ends after it."""
    if role == "openvino":
        worker = Worker(role, log_folder=log_folder, memory_mb=0)
    else:
        worker = Worker(role, log_folder=log_folder)
    try:
        return worker.run(task, args, stop=stop, stall_s=_STALL_S)
    finally:
        worker.close()
