"""Turns model files into what can be used, in children that end after it.

Old files are pickles: whatever one might do to the process that reads it, that process has nothing
and ends with it. Networks for another runtime take two runtimes in one process, and much memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from karaoke_studio.errors import ModelRefused
from karaoke_studio.progress import StopEvent
from karaoke_studio.worker.host import Worker, WorkerDied

#: The runtime maps some gigabytes by itself; the largest published model has 0.34.
MEMORY_MB = 8192
STALL_S = 120.0
#: Tracing a network says nothing on its way; it took 34 s on two idle cores.
_TRACING_STALL_S = 900.0


def convert_models(
    paths: Iterable[Path],
    data: Path,
    *,
    log_folder: Path | None = None,
    stop: StopEvent | None = None,
) -> None:
    """Convert old model files into the data folder, where loading then finds them.

    Args:
        paths: what the engine's `load_model` said that needs it.
        data: the data folder.
        log_folder: for the children's log.
        stop: set it to cancel.

    Raises:
        Cancelled: `stop` was set.
        ModelRefused: a file holds anything but the weights of a network that we know.
        ModelDamaged: a file is not the one it was, or that its name tells.
        ModelMissing: a file is gone.
    """
    for path in paths:
        worker = Worker("engine", log_folder=log_folder, memory_mb=MEMORY_MB)
        try:
            worker.run(
                "convert_model", {"path": str(path), "data": str(data)}, stop=stop, stall_s=STALL_S
            )
        except WorkerDied as exc:
            raise ModelRefused(
                f"{path.name} could not be read.",
                hint="Use the .safetensors file of the model instead.",
            ) from exc
        finally:
            worker.close()


def convert_network(
    model: dict[str, Any], *, log_folder: Path | None = None, stop: StopEvent | None = None
) -> None:
    """Convert a model for OpenVINO, into the cache.

    Args:
        model: arguments of the engine's `load_model`.
        log_folder: for the child's log.
        stop: set it to cancel; the child is killed, nothing is left behind that is ever used.

    Raises:
        Cancelled: `stop` was set.
        ModelRefused: it cannot be converted.
        KaraokeError: what else went wrong.
    """
    worker = Worker("engine", log_folder=log_folder, memory_mb=0)
    try:
        worker.run("convert_network", model, stop=stop, stall_s=_TRACING_STALL_S)
    except WorkerDied as exc:
        raise ModelRefused(
            f"The model {model['model']} could not be converted.", hint="Choose the mode exact."
        ) from exc
    finally:
        worker.close()
