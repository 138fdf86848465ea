"""Model files turned into networks, without ever running anything in them.

Demucs' own loader imports whatever class a file names and falls back to pickles
(https://github.com/adefossez/demucs/blob/v4.1.0/demucs/hf.py); nothing of it is used.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from karaoke_studio.errors import ModelMissing
from karaoke_studio.separation.model_files import ModelFile, ModelFiles, refused
from karaoke_studio.separation.model_store import (
    ModelStore,
    checked_hash,
    converted_path,
    model_sha256,
    with_model_file,
)
from karaoke_studio.separation.network_arguments import (
    ArgumentError,
    Arguments,
    checked_arguments,
    parse_arguments,
)
from karaoke_studio.separation.tensor_file import (
    Place,
    TensorFile,
    TensorFileError,
    read_tensor_file,
)

if TYPE_CHECKING:
    import torch

IsNeeded = Callable[[tuple[str, ...]], bool]


@dataclass(frozen=True)
class Model:
    """Networks that are ready to run.

    Attributes:
        name: of the model.
        sources: stems that every network makes, in order.
        networks: in evaluation mode, on the processor, 32 bits; those that add nothing to the
            stems that were asked for are empty (`is_empty`).
        weights: per network one number per source.
        sha256: names exactly these bytes and weights.
        load_s: seconds that loading took.
    """

    name: str
    sources: tuple[str, ...]
    networks: tuple[torch.nn.Module, ...]
    weights: tuple[tuple[float, ...], ...]
    sha256: str
    load_s: float


def load_model(
    files: ModelFiles,
    store: ModelStore,
    check: Callable[[], None] = lambda: None,
    stems: Collection[str] | None = None,
) -> Model:
    """Load the networks of a model.

    Args:
        files: from `find_model`; what `unconverted` names must have been converted.
        store: where hashes and converted files are kept.
        check: called between networks.
        stems: that will be asked for; networks that add nothing to them stay empty. None = all.

    Raises:
        Cancelled: from `check`.
        ModelMissing: a file is not there, or a network that adds to these stems.
        ModelDamaged: a file is not the one it was.
        ModelRefused: a file holds anything but a network that we know, or they do not fit together.
    """
    started_s = time.perf_counter()
    loaded: list[tuple[torch.nn.Module, str] | None] = []
    for number, file in enumerate(files.networks):
        check()
        row = files.weights[number] if files.weights else None
        is_needed = _adds_to(stems, row)
        loaded.append(None if file is None else load_network(file, store, is_needed))
    there = next(one[0] for one in loaded if one is not None)
    sources = sources_of(there)
    _require(files, sources, stems)
    # one that is not there is as empty as one that is not needed, and of the same shape
    hollow = copy.deepcopy(there).to("meta") if not files.is_whole else there
    networks = tuple(hollow if one is None else one[0] for one in loaded)
    hashes = ["" if one is None else one[1] for one in loaded]
    if any(sources_of(network) != sources for network in networks):
        raise refused(files.name, "networks for different stems")
    weights = files.weights or tuple((1.0,) * len(sources) for _ in networks)
    if any(len(row) != len(sources) for row in weights):
        raise refused(files.name, "weights for other stems")
    if not all(sum(column) > 0 for column in zip(*weights, strict=True)):
        raise refused(files.name, "a stem without any weight")
    for network in networks:
        _use_segment(network, files.segment_s)
    return Model(
        files.name,
        sources,
        networks,
        weights,
        model_sha256(hashes, weights, files.segment_s),
        time.perf_counter() - started_s,
    )


def _require(files: ModelFiles, sources: tuple[str, ...], stems: Collection[str] | None) -> None:
    """Refuse stems to which a network adds that is not there.

    Raises:
        ModelMissing: there is such a network.
    """
    for number, file in enumerate(files.networks):
        row = files.weights[number] if files.weights else None
        if file is None and _adds_to(stems, row)(sources):
            raise ModelMissing(
                f"Of the model {files.name} only some parts are here.",
                hint=f"Get the others under Models, or type: models download {files.name} "
                "--stems all",
            )


def load_network(
    file: ModelFile, store: ModelStore, is_needed: IsNeeded = lambda _sources: True
) -> tuple[torch.nn.Module, str]:
    """Load one network and return it with the sha256 of its file.

    Args:
        file: where it is.
        store: where hashes and converted files are kept.
        is_needed: asked, with the stems that it makes, whether its weights are; if not, the file is
            checked all the same, but the network stays empty.

    Raises:
        ModelMissing: the file is not there.
        ModelDamaged: its bytes are not those that were recorded, or that its name tells.
        ModelRefused: it holds anything but the weights of a network that we know.
    """
    records = store.records
    if file.is_legacy:
        sha256 = checked_hash(file, store)
        network, _ = load_network(ModelFile(converted_path(sha256, store)), store, is_needed)
        records.record(file.path, sha256)
        return network, sha256
    hasher = _Hasher()

    def take(stream: Any, size: int) -> TensorFile | TensorFileError:
        try:
            return read_tensor_file(stream, size, hasher)
        except TensorFileError as exc:
            return exc

    content = with_model_file(file.path, take)
    # a file that is not what it was is damaged, whatever else is wrong with it
    records.check(file, hasher.sha256)
    if isinstance(content, TensorFileError):
        raise refused(file.path.name, str(content)) from content
    try:
        network = build_network(content, is_needed)
    except (TensorFileError, ArgumentError) as exc:
        raise refused(file.path.name, str(exc)) from exc
    records.record(file.path, hasher.sha256)
    return network, hasher.sha256


@dataclass
class _Hasher:
    """Adds up a sha256 while a file is read."""

    state: Any = field(default_factory=hashlib.sha256)

    def __call__(self, data: bytes | bytearray) -> None:
        self.state.update(data)

    @property
    def sha256(self) -> str:
        return str(self.state.hexdigest())


def _adds_to(stems: Collection[str] | None, row: tuple[float, ...] | None) -> IsNeeded:
    """Return whether a network with these weights adds to any of the stems."""

    def is_needed(sources: tuple[str, ...]) -> bool:
        if stems is None or row is None or len(row) != len(sources):
            return True
        return any(weight for source, weight in zip(sources, row, strict=True) if source in stems)

    return is_needed


def is_empty(network: torch.nn.Module) -> bool:
    """Whether a network was left without its weights."""
    return any(weight.is_meta for weight in network.parameters())


def _use_segment(network: torch.nn.Module, segment_s: float | None) -> None:
    """Set the length of chunks as upstream's bags do: a transformer's can only be shortened."""
    if segment_s is not None and (not is_transformer(network) or segment_s <= segment_of(network)):
        network.segment = segment_s  # type: ignore[assignment]


def sources_of(network: torch.nn.Module) -> tuple[str, ...]:
    """Return the stems that a network makes, in order."""
    return tuple(cast("list[str]", network.sources))


def segment_of(network: torch.nn.Module) -> float | Fraction:
    """Return the seconds that a network takes at once, as exactly as it was told."""
    return cast("float | Fraction", network.segment)


def is_transformer(network: torch.nn.Module) -> bool:
    """Whether a network is an HTDemucs: those are bound to the length they were trained on."""
    from demucs.htdemucs import HTDemucs

    return isinstance(network, HTDemucs)


def build_network(
    content: TensorFile, is_needed: IsNeeded = lambda _sources: True
) -> torch.nn.Module:
    """Make a network of a file's content; empty where it is not needed.

    It is first made without any memory, so that sizes can be compared before one byte is copied.

    Raises:
        TensorFileError: the tensors are not those of the network.
        ArgumentError: the network is none that we build.
    """
    metadata = content.metadata
    if "structure" in metadata:
        raise TensorFileError("quantised weights, which we do not read")
    if not {"klass", "args", "kwargs"} <= metadata.keys():
        raise TensorFileError("no word of what network it is")
    arguments = parse_arguments(metadata["args"], metadata["kwargs"])
    network = empty_network(metadata["klass"], checked_arguments(metadata["klass"], arguments))
    places = _under_new_names(metadata["klass"], content.tensors, network)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if {name: place.shape for name, place in places.items()} != wanted:
        raise TensorFileError("other tensors than its network has")
    if is_needed(sources_of(network)):
        _fill(network, {name: _tensor(content.data, place) for name, place in places.items()})
    return network.eval()


def empty_network(class_name: str, arguments: Arguments) -> torch.nn.Module:
    """Return a network of known kind and checked arguments that takes no memory yet.

    Raises:
        ArgumentError: the arguments do not go together.
    """
    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    kinds: dict[str, Callable[..., torch.nn.Module]] = {
        "demucs.htdemucs.HTDemucs": HTDemucs,
        "demucs.hdemucs.HDemucs": HDemucs,
        "demucs.demucs.Demucs": Demucs,
    }
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = kinds[class_name](**arguments)
    # what the constructors raise for arguments that do not go together
    except (AssertionError, ValueError, TypeError, RuntimeError, ArithmeticError) as exc:
        raise ArgumentError("arguments that do not go together") from exc
    if any(not weight.numel() for weight in network.parameters()):
        raise ArgumentError("arguments that leave a layer empty")
    return network


def _under_new_names(
    class_name: str, places: dict[str, Place], network: torch.nn.Module
) -> dict[str, Place]:
    """Give tensors of early Demucs files the names that their layers have now.

    Source: `Demucs.load_state_dict` upstream.
    """
    if class_name != "demucs.demucs.Demucs":
        return places
    renamed = dict(places)
    for layer in range(int(network.depth)):  # type: ignore[arg-type]
        for side in ("encoder", "decoder"):
            for kind in ("bias", "weight"):
                old, new = (f"{side}.{layer}.{number}.{kind}" for number in (2, 3))
                if old in renamed and new not in renamed:
                    renamed[new] = renamed.pop(old)
    return renamed


def _tensor(data: bytearray, place: Place) -> torch.Tensor:
    import torch

    kinds = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}
    count = math.prod(place.shape)
    if not count:
        return torch.zeros(place.shape)
    raw = torch.frombuffer(data, dtype=kinds[place.dtype], count=count, offset=place.begin)
    # a copy even of what is 32 bits: the file's bytes can then go
    value = raw.to(torch.float32, copy=True).reshape(place.shape)
    if not bool(torch.isfinite(value).all()):
        raise TensorFileError("numbers that are not finite")
    return value


def _fill(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    import torch

    # not the method of the network: Demucs has its own, which cannot replace empty tensors
    torch.nn.Module.load_state_dict(network, state, assign=True)
    network.requires_grad_(requires_grad=False)
