"""Turns old model files into ones that can be loaded, each in a child of its own.

Such files are pickles. Whatever one might do to the process that reads it, that process has nothing
and ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from karaoke_studio.errors import ModelRefused
from karaoke_studio.progress import StopEvent
from karaoke_studio.worker.host import Worker, WorkerDied

#: The runtime maps some gigabytes by itself; the largest published model has 0.34.
MEMORY_MB = 8192
STALL_S = 120.0


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
