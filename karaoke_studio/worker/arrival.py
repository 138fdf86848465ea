"""Models that a person has as files: copied in, looked at by the real loader in a child, placed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, BinaryIO

from karaoke_studio.catalogue import LEGACY, LEGACY_SHA256, SAFE, model_of
from karaoke_studio.engines import installed_models
from karaoke_studio.errors import ModelDamaged, ModelMissing, ModelRefused, error_from_os
from karaoke_studio.job import ENGINES, NETWORK_ENGINES
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.separation.model_files import ModelFiles, find_model
from karaoke_studio.separation.model_store import with_model_file
from karaoke_studio.separation.shelf import Arrival, OnArrival, Placed, Shelf
from karaoke_studio.worker.conversion import convert_models
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 20
STALL_S = 120.0


def import_models(
    path: Path,
    shelf: Shelf,
    stop: StopEvent,
    report: OnArrival = lambda _arrival: None,
    log_folder: Path | None = None,
) -> list[Placed]:
    """Take in the models of a file or a folder; each is there whole or not at all.

    Nothing of a file is trusted: its network is built by the loader that every song uses, in a
    child that ends afterwards, and old files are converted in one of their own.

    Args:
        path: a `.safetensors`, `.th` or `.yaml` file (what belongs to it is taken from beside it),
            or a folder of such files.
        shelf: where the models go.
        stop: set it to cancel.
        report: told how much is copied, per model.
        log_folder: for the children's log.

    Returns:
        The models that are there now.

    Raises:
        Cancelled: `stop` was set.
        ModelMissing: there is no model, or it is incomplete.
        ModelRefused: a file is not the weights of a network that we know.
        ModelDamaged: a published file has other bytes than its name tells.
        DownloadFailed: the same model is being downloaded.
        DiskFull: it does not fit.
        OutputNotWritable: the folder of models cannot be written.
        UnreadableFile: a file cannot be read.
    """
    return [_take_in(files, shelf, stop, report, log_folder) for files in models_at(path)]


def models_at(path: Path) -> list[ModelFiles]:
    """Return the models that a file or a folder holds.

    Raises:
        ModelMissing: there is none, or it is incomplete.
        ModelRefused: it is no file of a model.
    """
    if path.is_dir():
        # where nothing says which networks belong together, each is a model of its own
        names = installed_models((path,)) or _loose_networks(path)
        if not names:
            raise ModelMissing(
                f"There is no model in {path.name}.",
                hint=f"Choose a folder with {SAFE} or {LEGACY} files, or one of them.",
            )
        return [_checked(name, path) for name in names]
    if path.suffix not in {SAFE, LEGACY, ".yaml"}:
        raise ModelRefused(
            f"{path.name} is no file of a model.", hint=f"Choose a {SAFE} or {LEGACY} file."
        )
    if not path.exists():
        raise ModelMissing(f"{path.name} is not there.", hint="Check the name of the file.")
    signature = path.stem if path.suffix == ".yaml" else path.stem.partition("-")[0]
    return [_checked(model_of(signature) or signature, path.parent)]


def _loose_networks(folder: Path) -> list[str]:
    """Return the signatures of networks that are no part of a published model."""
    try:
        paths = list(folder.iterdir())
    except OSError as exc:
        raise error_from_os(exc, folder) from exc
    networks = (path for path in paths if path.suffix in {SAFE, LEGACY})
    signatures = {path.stem.partition("-")[0] for path in networks}
    return sorted(signature for signature in signatures if model_of(signature) is None)


def _checked(name: str, folder: Path) -> ModelFiles:
    if name in ENGINES and name not in NETWORK_ENGINES:
        raise ModelRefused(
            f"A model cannot be called {name}: an engine of the program has that name.",
            hint="Rename its files.",
        )
    files = find_model(name, [folder])
    if not files.is_whole:
        raise ModelMissing(
            f"The model {name} is incomplete: not all of its networks are in {folder.name}.",
            hint="Put them all into one folder, or download the model.",
        )
    return files


def _take_in(
    files: ModelFiles, shelf: Shelf, stop: StopEvent, report: OnArrival, log_folder: Path | None
) -> Placed:
    name = files.name
    with shelf.visitor(name) as folder:
        total = 0
        for file in files.files:
            total += with_model_file(file.path, lambda _stream, size: size)
        shelf.check_room(total)
        done = 0
        copies: dict[str, dict[str, Any]] = {}
        for file in files.files:
            copy = _copy(file.path, folder, stop, report, done, total)
            done += copy["size"]
            copies[file.path.name] = copy
        copies[f"{name}.yaml"] = _write_recipe(files, folder)
        try:
            _look_at(name, folder, shelf.store.data, stop, log_folder)
        finally:  # the loader recorded them where they lie now
            shelf.store.records.change(dict.fromkeys(folder / copy for copy in copies))
        shelf.place(name, folder, {"origin": "import"}, copies)
    return shelf.placed(name)


def _copy(
    path: Path, folder: Path, stop: StopEvent, report: OnArrival, before: int, total: int
) -> dict[str, Any]:
    def copy(source: BinaryIO, _size: int) -> dict[str, Any]:
        digest, size = hashlib.sha256(), 0
        try:
            with (folder / path.name).open("wb") as target:
                while block := _read(source, path):
                    if stop.is_set():
                        raise Cancelled
                    target.write(block)
                    digest.update(block)
                    size += len(block)
                    report(Arrival(before + size, total))
                target.flush()
                os.fsync(target.fileno())
        except OSError as exc:
            raise error_from_os(exc, folder, writing=True) from exc
        return {"size": size, "sha256": digest.hexdigest()}

    facts: dict[str, Any] = with_model_file(path, copy)
    if path.suffix == LEGACY:
        _check_published(path, facts["sha256"])
    return facts


def _read(source: BinaryIO, path: Path) -> bytes:
    try:
        return source.read(_BLOCK_BYTES)
    except OSError as exc:
        raise error_from_os(exc, path) from exc


def _check_published(path: Path, sha256: str) -> None:
    """Compare an old file of a published name with what is known of it in public."""
    stated = LEGACY_SHA256.get(path.stem.partition("-")[0], "")
    if not sha256.startswith(stated):
        raise ModelDamaged(
            f"{path.name} is not the file that was published under this name.",
            hint="Get it again, or download the model.",
        )


def _write_recipe(files: ModelFiles, folder: Path) -> dict[str, Any]:
    recipe: dict[str, Any] = {
        "models": [file.path.stem.partition("-")[0] for file in files.files],
    }
    if files.weights is not None:
        recipe["weights"] = files.weights
    if files.segment_s is not None:
        recipe["segment"] = files.segment_s
    body = json.dumps(recipe).encode()  # which is yaml too
    try:
        (folder / f"{files.name}.yaml").write_bytes(body)
    except OSError as exc:
        raise error_from_os(exc, folder, writing=True) from exc
    return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def _look_at(name: str, folder: Path, data: Path, stop: StopEvent, log_folder: Path | None) -> None:
    """Load a model as a song would, in a child of its own: the warm one may be busy."""
    worker = Worker("engine", log_folder=log_folder, memory_mb=0)
    args = {"model": name, "folders": [str(folder)], "data": str(data), "stems": None}

    def load() -> dict[str, Any]:
        return worker.run("load_model", args, stop=stop, stall_s=STALL_S)

    try:
        waiting = load()["needs_conversion"]
        if waiting:
            paths = [Path(path) for path in waiting]
            convert_models(paths, data, log_folder=log_folder, stop=stop)
            load()
    except WorkerDied as exc:
        raise ModelRefused(
            f"The model {name} could not be loaded.", hint="Get its files again, or another model."
        ) from exc
    finally:
        worker.close()
