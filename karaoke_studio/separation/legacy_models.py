"""Converts old `.th` files, which are pickles, once, in a child that is thrown away afterwards.

Never call this in a process that lives on. The pickle is read by torch's restricted reader, with
stand-ins for the few names that such files may hold: none of their classes is ever made here.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from karaoke_studio.errors import ModelRefused
from karaoke_studio.separation.model_files import ModelFile
from karaoke_studio.separation.model_networks import build_network, empty_network
from karaoke_studio.separation.model_store import (
    MAX_MODEL_BYTES,
    ModelStore,
    converted_path,
    read_whole,
)
from karaoke_studio.separation.network_arguments import (
    ARGUMENTS,
    ArgumentError,
    Arguments,
    arguments_to_json,
    checked_arguments,
    join_arguments,
    parse_fraction,
)
from karaoke_studio.separation.tensor_file import TensorFileError, read_tensor_file
from karaoke_studio.staging import sync_folder

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

#: What reading a hostile pickle can raise, however restricted the reader.
_BROKEN = (
    pickle.UnpicklingError,
    ValueError,
    RuntimeError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    struct.error,
)


def convert_model(path: Path, store: ModelStore) -> Path:
    """Write the safetensors form of an old file into the store, and return where.

    Raises:
        ModelMissing: the file is not there.
        ModelDamaged: it is not the one it was, or that its name tells.
        ModelRefused: it holds anything but the weights of a network that we know.
        OSError: the store cannot be written.
    """
    file = ModelFile.at(path)
    data, sha256 = read_whole(path)
    store.records.check(file, sha256)
    try:
        class_name, arguments, state = _unpack(data)
        body = _safe_form(class_name, arguments, state)
        # what is kept must pass the same checks as any other file
        build_network(read_tensor_file(io.BytesIO(body), len(body), lambda _data: None))
    except _BROKEN as exc:
        raise ModelRefused(
            f"{path.name} is refused: it holds more than the weights of a network.",
            hint="Use the .safetensors file of the model instead.",
        ) from exc
    target = converted_path(sha256, store)
    _write(target, body)
    store.records.record(target, hashlib.sha256(body).hexdigest())
    log.info("%s is converted", path.name)
    return target


class _StandIn:
    """In place of a class that a file may name: a name, and nothing that could be made."""

    class_name = ""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise ArgumentError("an object")


def _unpack(data: bytearray) -> tuple[str, Arguments, dict[str, torch.Tensor]]:
    import torch

    kinds: list[type[_StandIn]] = [
        type("StandIn", (_StandIn,), {"class_name": name}) for name in ARGUMENTS
    ]
    allowed: list[Any] = [(kind, kind.class_name) for kind in kinds]
    allowed.append((parse_fraction, "fractions.Fraction"))
    with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another protocol of pickles; reading then fails or not
        package = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    kind, state = package["klass"], package["state"]
    if kind not in kinds:
        raise ArgumentError("a class that we do not know")
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and type(value) is torch.Tensor for name, value in state.items()
    ):
        raise ArgumentError("no plain weights")
    arguments = join_arguments(list(package["args"]), dict(package["kwargs"]))
    return kind.class_name, arguments, state


def _safe_form(class_name: str, arguments: Arguments, state: dict[str, torch.Tensor]) -> bytes:
    """Return the bytes of a safetensors file, after comparing sizes with those of the network."""
    from safetensors.torch import save

    # raises where the network is none that we build
    empty_network(class_name, checked_arguments(class_name, arguments))
    if sum(value.numel() * value.element_size() for value in state.values()) > MAX_MODEL_BYTES:
        raise TensorFileError("more than any network has")
    metadata = {"klass": class_name, "args": "[]", "kwargs": arguments_to_json(arguments)}
    return save({name: value.clone().contiguous() for name, value in state.items()}, metadata)


def _write(target: Path, body: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(target.parent)
