"""Model files: found, checked and turned into networks, without ever running anything in them.

Two layouts are read. That of the Hugging Face repositories: `{name}.yaml` (which networks make up
the model) beside one `{signature}.safetensors` per network. And the old one, with
`{signature}-{sha256[:8]}.th` in place of it: those are pickles, so they are never read here, only
in a throw-away child (`legacy_models`) that leaves a safetensors file in the data folder.

Demucs' own loader imports whatever class a file names and falls back to pickles
(https://github.com/adefossez/demucs/blob/v4.1.0/demucs/hf.py); nothing of it is used. A file's
sha256 is recorded when it is first used; later bytes that differ are refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import re
import stat
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from karaoke_studio.catalogue import LEGACY, PUBLISHED, SAFE
from karaoke_studio.errors import ModelDamaged, ModelMissing, ModelRefused, error_from_os
from karaoke_studio.job import MODEL_NAME
from karaoke_studio.separation.network_arguments import (
    MAX_SEGMENT_S,
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
from karaoke_studio.staging import try_lock, write_json_atomic

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

#: The largest published network has 0.34 GB.
MAX_MODEL_BYTES = 2 << 30
MAX_YAML_BYTES = 64 << 10
MAX_NETWORKS = 16

#: Writers of the hash records wait for each other, but not for ever: some disks have no locks.
_LOCK_TRIES, _LOCK_PAUSE_S = 100, 0.01

IsNeeded = Callable[[tuple[str, ...]], bool]

_SIGNATURE = re.compile(r"[A-Za-z0-9_]{1,64}")
_PREFIX = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True)
class ModelFile:
    """One network's file.

    Attributes:
        path: where it lies.
        prefix: how its sha256 must begin, from its name; "" = nothing is said.
    """

    path: Path
    prefix: str = ""

    @staticmethod
    def at(path: Path) -> ModelFile:
        """Return the file at a path, with what its name says of its hash."""
        _, _, prefix = path.stem.partition("-")
        return ModelFile(path, prefix if path.suffix == LEGACY else "")

    @property
    def is_legacy(self) -> bool:
        """Whether it must be converted before it can be used."""
        return self.path.suffix == LEGACY


@dataclass(frozen=True)
class ModelFiles:
    """What a model is made of, as found on disk; nothing has been read yet but the yaml.

    Attributes:
        name: of the model.
        files: one per network, in order.
        weights: per network one number per stem; None = all count the same.
        segment_s: length of chunks that the model asks for, or None.
    """

    name: str
    files: tuple[ModelFile, ...]
    weights: tuple[tuple[float, ...], ...] | None = None
    segment_s: float | None = None


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


# ------------------------------------------------------------------ finding


def find_model(name: str, folders: Sequence[Path]) -> ModelFiles:
    """Find the files of a model.

    Args:
        name: such as "htdemucs"; also the signature of a single network.
        folders: where to look, best first; in each also in a folder named after the model.

    Raises:
        ModelMissing: the model, or one of its files, is not there.
        ModelRefused: the yaml is not of the form that Demucs writes.
    """
    if not MODEL_NAME.fullmatch(name):
        raise ModelRefused(
            f"{name[:60]!r} is no name of a model.", hint="Choose a model from the list."
        )
    for folder in folders:
        for place in (folder, folder / name):
            found = _model_in(name, place)
            if found is not None:
                return found
    where = " or ".join(str(folder) for folder in folders) or "the model folder"
    raise ModelMissing(
        f"The model {name} is not in {where}.",
        hint=f"Download it, or put {name}.yaml and its {SAFE} files there.",
    )


def _model_in(name: str, folder: Path) -> ModelFiles | None:
    present = _files_in(folder)
    recipe = folder / f"{name}.yaml"
    if recipe.is_file():
        return _from_yaml(name, recipe, present)
    if _SIGNATURE.fullmatch(name) and name in present:
        return ModelFiles(name, (present[name],))
    bag = PUBLISHED.get(name)
    if bag is not None and any(signature in present for signature in bag["models"]):
        return _from_fields(name, f"{name}.yaml", bag, present)
    return None


def _files_in(folder: Path) -> dict[str, ModelFile]:
    """Return signature → file; a safetensors file is preferred to an old one."""
    found: dict[str, ModelFile] = {}
    try:
        paths = sorted(folder.iterdir(), key=lambda path: (path.suffix == LEGACY, path.name))
    except OSError:
        return {}
    for path in paths:
        signature, dash, prefix = path.stem.partition("-")
        if path.suffix == SAFE and not dash:
            found[signature] = ModelFile.at(path)
        elif path.suffix == LEGACY and (not dash or _PREFIX.fullmatch(prefix)):
            found.setdefault(signature, ModelFile.at(path))
    return found


def _from_yaml(name: str, path: Path, present: dict[str, ModelFile]) -> ModelFiles:
    import yaml  # type: ignore[import-untyped]

    try:
        with path.open("rb") as file:
            text = file.read(MAX_YAML_BYTES + 1)
    except OSError as exc:
        raise error_from_os(exc, path) from exc
    if len(text) > MAX_YAML_BYTES:
        raise _refused(path.name, "a list of networks that is too long")
    try:
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise _refused(path.name, "yaml that cannot be read") from exc
    return _from_fields(name, path.name, fields, present)


def _from_fields(name: str, shown: str, fields: Any, present: dict[str, ModelFile]) -> ModelFiles:
    """Check what a yaml says and look up its files; `shown` names it in messages."""
    if not isinstance(fields, dict) or not fields.keys() <= {"models", "weights", "segment"}:
        raise _refused(shown, "fields that we do not know")
    signatures = fields.get("models")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_NETWORKS:
        raise _refused(shown, "no list of networks")
    for signature in signatures:
        if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
            raise _refused(shown, "a network with a name that is not allowed")
        if signature not in present:
            raise ModelMissing(
                f"The model {name} is incomplete: {signature}{SAFE} is not there.",
                hint="Download the model again, or put the file beside the others.",
            )
    return ModelFiles(
        name,
        tuple(present[signature] for signature in signatures),
        _checked_weights(shown, fields.get("weights"), len(signatures)),
        _checked_segment(shown, fields.get("segment")),
    )


def _checked_weights(shown: str, weights: Any, count: int) -> tuple[tuple[float, ...], ...] | None:
    if weights is None:
        return None
    if (
        not isinstance(weights, list)
        or len(weights) != count
        or not all(isinstance(row, list) and len(row) <= MAX_NETWORKS for row in weights)
        or not all(_is_number(item) and 0 <= item <= 1000 for row in weights for item in row)
    ):
        raise _refused(shown, "broken weights")
    return tuple(tuple(float(item) for item in row) for row in weights)


def _checked_segment(shown: str, segment: Any) -> float | None:
    if segment is None:
        return None
    if not _is_number(segment) or not 0.1 <= segment <= MAX_SEGMENT_S:
        raise _refused(shown, "a broken segment")
    # kept as it is written: a whole number of seconds and 44.0 are the same to Demucs
    return float(segment)


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def _refused(shown: str, reason: str) -> ModelRefused:
    return ModelRefused(
        f"{shown} is refused: it holds {reason}.",
        hint="Only files of the Demucs networks can be used; download the model again.",
    )


# ------------------------------------------------------------------ hashes


class HashRecords:
    """The sha256 of every model file that was ever used, in one small JSON file."""

    def __init__(self, path: Path) -> None:
        """Use `path`, usually `<data>/models.json`; it need not exist."""
        self._path = path

    def expected(self, file: Path) -> str | None:
        """Return what was recorded for a file, or None at its first use."""
        return self._load().get(_key(file))

    def check(self, file: ModelFile, sha256: str) -> None:
        """Compare a file's hash with its name and with its record.

        Raises:
            ModelDamaged: it is another one.
        """
        wanted = self.expected(file.path) or file.prefix
        if not sha256.startswith(wanted):
            raise ModelDamaged(
                f"{file.path.name} is not the file it was.",
                hint="Download it again. If you changed it yourself: models verify --accept.",
            )

    def record(self, file: Path, sha256: str) -> None:
        """Remember a file's hash from now on.

        Raises:
            OSError: the record cannot be written.
        """
        if self.expected(file) != sha256:
            self.change({file: sha256})

    def forget(self, file: Path) -> None:
        """Take a file as new at its next use.

        Raises:
            OSError: the record cannot be written.
        """
        self.change({file: None})

    def change(self, hashes: Mapping[Path, str | None]) -> None:
        """Remember hashes, and forget those that are None, all at once.

        Raises:
            OSError: the record cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # the window and its children write too; a reader needs no lock
        with self._path.with_suffix(".lock").open("wb") as lock:
            for _ in range(_LOCK_TRIES):
                if try_lock(lock):
                    break
                time.sleep(_LOCK_PAUSE_S)
            known: dict[str, str | None] = {**self._load()}
            changed = known | {_key(file): sha256 for file, sha256 in hashes.items()}
            kept = {name: sha256 for name, sha256 in changed.items() if sha256 is not None}
            if kept != known:
                write_json_atomic(self._path, {"version": 1, "files": kept})

    def _load(self) -> dict[str, str]:
        try:
            files = json.loads(self._path.read_text(encoding="utf-8"))["files"]
            return {str(name): str(digest) for name, digest in files.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            log.warning("the record of model files cannot be read, it begins anew: %s", exc)
            return {}


def _key(file: Path) -> str:
    return str(file.absolute())


@dataclass(frozen=True)
class ModelStore:
    """What the program itself keeps about models.

    Attributes:
        data: the data folder.
    """

    data: Path

    @property
    def folder(self) -> Path:
        """Models that the program downloaded or imported."""
        return self.data / "models"

    @property
    def converted(self) -> Path:
        """Old files in the form that can be used, named after their sha256."""
        return self.folder / "converted"

    @property
    def records(self) -> HashRecords:
        """Hashes of the files that were used."""
        return HashRecords(self.data / "models.json")


# ------------------------------------------------------------------ reading


@dataclass
class _Hasher:
    """Adds up a sha256 while a file is read."""

    state: Any = field(default_factory=hashlib.sha256)

    def __call__(self, data: bytes | bytearray) -> None:
        self.state.update(data)

    @property
    def sha256(self) -> str:
        return str(self.state.hexdigest())


def read_whole(path: Path) -> tuple[bytearray, str]:
    """Return a model file's bytes and their sha256.

    Raises:
        ModelMissing: it is not there.
        ModelRefused: it is too large, or no regular file.
        UnreadableFile: it cannot be read.
    """

    def take(file: Any, size: int) -> tuple[bytearray, str]:
        data = bytearray(size)
        del data[file.readinto(data) :]
        return data, hashlib.sha256(data).hexdigest()

    found: tuple[bytearray, str] = with_model_file(path, take)
    return found


def with_model_file(path: Path, use: Callable[[Any, int], Any]) -> Any:
    """Open a regular file of a bearable size and return what `use` makes of it and its size.

    Raises:
        ModelMissing: it is not there.
        ModelRefused: it is too large, or no regular file.
        UnreadableFile: it cannot be read.
    """
    try:
        # a pipe or a device must not make us wait
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _refused(path.name, "no data of its own")
            if status.st_size > MAX_MODEL_BYTES:
                raise _refused(path.name, "more data than any network has")
            return use(file, status.st_size)
    except FileNotFoundError as exc:
        raise ModelMissing(
            f"{path.name} is no longer there.", hint="Download the model again."
        ) from exc
    except OSError as exc:
        raise error_from_os(exc, path) from exc


_BINARY = getattr(os, "O_BINARY", 0)


def hash_file(path: Path) -> str:
    """Return a model file's sha256, in little memory.

    Raises:
        ModelMissing: it is not there.
        ModelRefused: it is too large, or no regular file.
        UnreadableFile: it cannot be read.
    """

    def digest(file: Any, _size: int) -> str:
        return hashlib.file_digest(file, "sha256").hexdigest()

    found: str = with_model_file(path, digest)
    return found


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
        sha256 = hash_file(file.path)
        records.check(file, sha256)
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
        raise _refused(file.path.name, str(content)) from content
    try:
        network = build_network(content, is_needed)
    except (TensorFileError, ArgumentError) as exc:
        raise _refused(file.path.name, str(exc)) from exc
    records.record(file.path, hasher.sha256)
    return network, hasher.sha256


def converted_path(sha256: str, store: ModelStore) -> Path:
    """Return where the converted form of an old file lies."""
    return store.converted / f"{sha256}{SAFE}"


def unconverted(files: ModelFiles, store: ModelStore) -> list[Path]:
    """Return the old files of a model that a throw-away child must convert first.

    Raises:
        ModelMissing: one is not there.
        ModelDamaged: one is not the file it was.
        ModelRefused: one cannot be any network's.
    """
    waiting = []
    for file in files.files:
        if file.is_legacy:
            sha256 = hash_file(file.path)
            store.records.check(file, sha256)
            target = converted_path(sha256, store)
            if not target.exists() or store.records.expected(target) is None:
                waiting.append(file.path)
    return waiting


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
        ModelMissing: a file is not there.
        ModelDamaged: a file is not the one it was.
        ModelRefused: a file holds anything but a network that we know, or they do not fit together.
    """
    started_s = time.perf_counter()
    loaded = []
    for number, file in enumerate(files.files):
        check()
        row = files.weights[number] if files.weights else None
        loaded.append(load_network(file, store, _adds_to(stems, row)))
    networks = tuple(network for network, _ in loaded)
    sources = sources_of(networks[0])
    if any(sources_of(network) != sources for network in networks):
        raise _refused(files.name, "networks for different stems")
    weights = files.weights or tuple((1.0,) * len(sources) for _ in networks)
    if any(len(row) != len(sources) for row in weights):
        raise _refused(files.name, "weights for other stems")
    if not all(sum(column) > 0 for column in zip(*weights, strict=True)):
        raise _refused(files.name, "a stem without any weight")
    for network in networks:
        _use_segment(network, files.segment_s)
    return Model(
        files.name,
        sources,
        networks,
        weights,
        model_sha256([sha256 for _, sha256 in loaded], weights, files.segment_s),
        time.perf_counter() - started_s,
    )


def model_sha256(
    files: Sequence[str], weights: Sequence[Sequence[float]] | None, segment_s: float | None
) -> str:
    """Return what names a model: the hashes of its files, and how they are put together."""
    identity = json.dumps([files, weights, segment_s])
    return hashlib.sha256(identity.encode()).hexdigest()


def checked_hashes(files: ModelFiles, store: ModelStore) -> list[str]:
    """Return the sha256 of each of a model's files, without loading them.

    Raises:
        ModelMissing: one is not there.
        ModelDamaged: one is not the file it was.
        ModelRefused: one cannot be any network's.
    """
    hashes = []
    for file in files.files:
        hashes.append(hash_file(file.path))
        store.records.check(file, hashes[-1])
    return hashes


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


# ------------------------------------------------------------------ building


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
