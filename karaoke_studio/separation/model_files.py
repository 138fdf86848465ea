"""Finding models: which files make one up, told from names and yaml alone.

Two layouts are read. That of the Hugging Face repositories: `{name}.yaml` (which networks make up
the model) beside one `{signature}.safetensors` per network. And the old one, with
`{signature}-{sha256[:8]}.th` in place of it: those are pickles, so they are never read here, only
in a throw-away child (`legacy_models`) that leaves a safetensors file in the data folder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.catalogue import LEGACY, PUBLISHED, SAFE
from karaoke_studio.errors import ModelMissing, ModelRefused, error_from_os
from karaoke_studio.job import MODEL_NAME
from karaoke_studio.separation.network_arguments import MAX_SEGMENT_S

MAX_YAML_BYTES = 64 << 10
MAX_NETWORKS = 16

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
        networks: one file per network, in order; None = it is not there. That may be where a model
            has a network for each stem: not all are needed for all songs.
        weights: per network one number per stem; None = all count the same.
        segment_s: length of chunks that the model asks for, or None.
    """

    name: str
    networks: tuple[ModelFile | None, ...]
    weights: tuple[tuple[float, ...], ...] | None = None
    segment_s: float | None = None

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The files that are there."""
        return tuple(file for file in self.networks if file is not None)

    @property
    def is_whole(self) -> bool:
        """Whether no network is missing."""
        return None not in self.networks


def find_model(name: str, folders: Sequence[Path]) -> ModelFiles:
    """Find the files of a model.

    Args:
        name: such as "htdemucs"; also the signature of a single network.
        folders: where to look, best first; in each also in a folder named after the model.

    Raises:
        ModelMissing: the model is not there, or a file that all of its stems need.
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
        raise refused(path.name, "a list of networks that is too long")
    try:
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise refused(path.name, "yaml that cannot be read") from exc
    return _from_fields(name, path.name, fields, present)


def _from_fields(name: str, shown: str, fields: Any, present: dict[str, ModelFile]) -> ModelFiles:
    """Check what a yaml says and look up its files; `shown` names it in messages."""
    if not isinstance(fields, dict) or not fields.keys() <= {"models", "weights", "segment"}:
        raise refused(shown, "fields that we do not know")
    signatures = fields.get("models")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_NETWORKS:
        raise refused(shown, "no list of networks")
    for signature in signatures:
        if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
            raise refused(shown, "a network with a name that is not allowed")
    files = ModelFiles(
        name,
        tuple(present.get(signature) for signature in signatures),
        _checked_weights(shown, fields.get("weights"), len(signatures)),
        _checked_segment(shown, fields.get("segment")),
    )
    if not files.files or not (files.is_whole or files.weights):
        missing = next(signature for signature in signatures if signature not in present)
        raise ModelMissing(
            f"The model {name} is incomplete: {missing}{SAFE} is not there.",
            hint="Download the model again, or put the file beside the others.",
        )
    return files


def _checked_weights(shown: str, weights: Any, count: int) -> tuple[tuple[float, ...], ...] | None:
    if weights is None:
        return None
    if (
        not isinstance(weights, list)
        or len(weights) != count
        or not all(isinstance(row, list) and len(row) <= MAX_NETWORKS for row in weights)
        or not all(_is_number(item) and 0 <= item <= 1000 for row in weights for item in row)
    ):
        raise refused(shown, "broken weights")
    return tuple(tuple(float(item) for item in row) for row in weights)


def _checked_segment(shown: str, segment: Any) -> float | None:
    if segment is None:
        return None
    if not _is_number(segment) or not 0.1 <= segment <= MAX_SEGMENT_S:
        raise refused(shown, "a broken segment")
    # kept as it is written: a whole number of seconds and 44.0 are the same to Demucs
    return float(segment)


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def refused(shown: str, reason: str) -> ModelRefused:
    """Return the refusal of a file, which holds something that it must not."""
    return ModelRefused(
        f"{shown} is refused: it holds {reason}.",
        hint="Only files of the Demucs networks can be used; download the model again.",
    )
