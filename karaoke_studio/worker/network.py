"""Decides how a network is run for one job: which child, which way, with which options."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import AUTO_MODE, NetworkChoice
from karaoke_studio.progress import StopEvent
from karaoke_studio.separation.calibration import TURBO_OVERLAP, Trial, choose_way
from karaoke_studio.separation.converted import installed_version
from karaoke_studio.separation.ways import EXACT, FAST, TORCH_F32, TURBO
from karaoke_studio.worker.calibration import calibrate, known_trials
from karaoke_studio.worker.host import Workers

log = logging.getLogger(__name__)

#: Modes that take the quickest way that was measured to keep their promise.
MEASURED = frozenset({FAST, TURBO})
#: What a quality asks of a network where no mode was chosen.
_MODE_OF = {"draft": TURBO, "normal": FAST, "best": EXACT}
_STALL_S = 120.0

#: Two that measure side by side would find each other slow.
_turn = threading.Lock()

#: Measures the ways of a model, or returns None where now is not the time for it.
Measure = Callable[[dict[str, Any], int, StopEvent], list[Trial] | None]


@dataclass(frozen=True)
class Plan:
    """How a network is run.

    Attributes:
        role: the child that runs it, "engine" or "openvino".
        options: fields of `NetworkOptions`.
    """

    role: str
    options: dict[str, Any]


def mode_for(choice: NetworkChoice, quality: str) -> str:
    """Return the mode of a job: the one that was chosen, else what its quality asks for."""
    return _MODE_OF[quality] if choice.mode == AUTO_MODE else choice.mode


def plan_network(
    model: dict[str, Any],
    choice: NetworkChoice,
    mode: str,
    workers: Workers,
    measure: Measure,
    stop: StopEvent,
) -> Plan:
    """Return how to run a model.

    Modes that may count with fewer digits take the way that was measured to be the quickest which
    keeps their promise. Until that was done, and on graphics cards, they count as `exact` does.

    Args:
        model: arguments of the engine's `load_model`.
        choice: of the person.
        mode: one of `ways.MODES`.
        workers: the children.
        measure: called where nothing is known yet.
        stop: set it to cancel.

    Raises:
        Cancelled: `stop` was set.
        DeviceLost: the device that was named is not there.
        ModelMissing: there is no such model.
    """
    options = {name: value for name, value in vars(choice).items() if name != "model_folders"}
    options["mode"] = mode
    if mode == TURBO:
        options["overlap"] = min(choice.overlap, TURBO_OVERLAP)
    way = TORCH_F32
    is_free = mode in MEASURED and choice.segment_s is None
    if is_free and _uses_processor(model, choice.device, workers, stop):
        trials = known_trials(model, choice.threads)
        if trials is None:
            trials = measure(model, choice.threads, stop)
        way = choose_way(trials or [], mode)
        log.info("%s: %s runs by %s", model["model"], mode, way)
    return Plan("openvino" if way.startswith("openvino") else "engine", options | {"way": way})


def likely_role(model: dict[str, Any], choice: NetworkChoice, mode: str) -> str:
    """Return the child that a job will probably want, so that it can be started ahead."""
    if mode not in MEASURED or choice.device not in {"auto", "cpu"}:
        return "engine"
    try:
        trials = known_trials(model, choice.threads)
    except KaraokeError:  # the job will say what is the matter
        return "engine"
    return "openvino" if choose_way(trials or [], mode).startswith("openvino") else "engine"


def _uses_processor(model: dict[str, Any], device: str, workers: Workers, stop: StopEvent) -> bool:
    if device != "auto":
        return device == "cpu"
    if installed_version("torch").endswith(
        "+cpu"
    ):  # knows no graphics card: torch need not be asked
        return True
    question = {"device": device, "data": model["data"]}
    found = workers.engine.run("usable_devices", question, stop=stop, stall_s=_STALL_S)
    return bool(found["devices"][0] == "cpu")


def without_way(plan: Plan) -> Plan:
    """Return the plan that is always possible."""
    return Plan("engine", plan.options | {"way": TORCH_F32})


def never_measure(_model: dict[str, Any], _threads: int, _stop: StopEvent) -> None:
    """Measure nothing: another time will be better."""


def measure_now(say: Callable[[str], None], log_folder: Path | None) -> Measure:
    """Return a `Measure` that measures at once, and says so.

    Args:
        say: told one sentence before, and one where it failed.
        log_folder: for the children's logs.
    """

    def measure(model: dict[str, Any], threads: int, stop: StopEvent) -> list[Trial] | None:
        with _turn:  # songs that are made side by side want to know the same
            trials = known_trials(model, threads)
            if trials is not None:
                return trials
            say(f"Measuring once what is quickest here for {model['model']} (up to two minutes)")
            try:
                return calibrate(model, threads, stop, log_folder)
            except KaraokeError as exc:
                log.warning("nothing was measured: %s", exc.message)
                say(f"{exc.message} The song is made exactly instead.")
                return None

    return measure
