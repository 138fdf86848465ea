"""Tasks of the *openvino* child: converted networks, and never torch beside them.

It answers to the same names as the *engine* child, so that a job can go to either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from karaoke_studio.worker.child import Task, TaskContext
from karaoke_studio.worker.engine import find_model, separate_staged, stamp_of

if TYPE_CHECKING:
    from karaoke_studio.separation.openvino_engine import OpenVinoEngine


def warm_up(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Load the runtime ahead of the first task."""
    from karaoke_studio.separation import openvino_runtime

    openvino_runtime.load_openvino()
    return {}


def conversion_folder(args: dict[str, Any]) -> tuple[Path, str]:
    """Return where the conversion of a model lies, and the model's hash; reads all its files.

    Args:
        args: those of the *engine* child's `load_model`.

    Raises:
        ModelMissing: a file is not there.
        ModelDamaged: a file is not the one it was.
    """
    from karaoke_studio.separation import converted, model_store

    data, files = Path(args["data"]), find_model(args)
    hashes = model_store.checked_hashes(files, model_store.ModelStore(data))
    sha256 = model_store.model_sha256(hashes, files.weights, files.segment_s)
    name = converted.conversion_name(sha256, args.get("stems"))
    return converted.conversions_folder(data, files.name) / name, sha256


def load_model(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Make a converted model ready.

    Args:
        args: those of the *engine* child's `load_model`.
        context: of this task.

    Returns:
        {"is_converted": False} where `worker.conversion` has work to do, else also `sources`,
        `sha256` and `load_s` (0 for a model that is warm).
    """
    found = _warm.engine(args, context)
    if found is None:
        return {"is_converted": False}
    engine, load_s = found
    return {
        "is_converted": True,
        "sources": list(engine.model.sources),
        "sha256": engine.sha256,
        "load_s": load_s,
    }


def separate(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Run a converted model over a staged song; see `worker.engine.separate`.

    Raises:
        ModelDamaged: the conversion has gone since it was loaded.
    """
    from karaoke_studio.errors import ModelDamaged

    found = _warm.engine(args, context)
    if found is None:
        raise ModelDamaged("The converted model is gone.", hint="Try again.")
    engine, load_s = found
    facts = {"engine": engine.name, "model_sha256": engine.sha256, "model_load_s": load_s}
    return facts | separate_staged(engine, args, context)


def try_openvino(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Try all ways of OpenVINO on what `try_torch` has left.

    Args:
        args: those of `load_model`, `network` (its number), `staging`, `threads`.
        context: of this task.

    Returns:
        {"trials": …}, none where there is no conversion.
    """
    from karaoke_studio.separation import openvino_engine, openvino_runtime, trials
    from karaoke_studio.separation.cores import usual_threads

    found = _warm.engine(args, context)
    if found is None:
        return {"trials": []}
    engine, _ = found
    chunks, wanted = trials.kept_chunks(Path(args["staging"]))
    made = []
    for way, precision in openvino_engine.PRECISIONS.items():
        if precision == openvino_runtime.BF16 and not openvino_runtime.has_bf16():
            continue
        if precision == openvino_runtime.INT8 and not engine.model.networks[args["network"]].ranges:
            continue
        network = engine.compiled(args["network"], precision, args["threads"] or usual_threads())
        row = network.stems.index("vocals")

        def run(chunk: Any, network: Any = network, row: int = row) -> Any:
            return network.run(chunk, context.check, lambda: None)[[row]]

        made.append(trials.try_way(way, run, chunks, wanted))
    return {"trials": trials.trials_to_plain(made)}


@dataclass
class _Warm:
    """The conversion that is loaded, and the files it was made of."""

    _engine: OpenVinoEngine | None = None
    _stamp: object = None

    def engine(
        self, args: dict[str, Any], context: TaskContext
    ) -> tuple[OpenVinoEngine, float] | None:
        """Return the model and the seconds that it took to load; None where none is whole."""
        from karaoke_studio.separation.converted import read_converted
        from karaoke_studio.separation.openvino_engine import OpenVinoEngine

        files = find_model(args)
        stems = args.get("stems")
        stamp = (files, [stamp_of(one.path) for one in files.files], args["data"], stems)
        if self._engine is not None and stamp == self._stamp and self._engine.folder.is_dir():
            return self._engine, 0.0
        started_s = time.perf_counter()
        self._engine = None
        context.tell({"stage": "loading_model"})
        folder, sha256 = conversion_folder(args)
        context.check()
        model = read_converted(folder)
        if model is None:
            return None
        self._engine, self._stamp = OpenVinoEngine(files.name, sha256, folder, model), stamp
        return self._engine, time.perf_counter() - started_s


_warm = _Warm()

TASKS: dict[str, Task] = {
    "warm_up": warm_up,
    "load_model": load_model,
    "separate": separate,
    "try_openvino": try_openvino,
}
