"""Networks that were converted for another runtime: where they lie, and whether they are whole.

Each conversion is one folder in the cache, named after all that it depends on. It is written under
another name first; what is missing, changed or made with other versions is simply not there, and
is made again. No runtime is imported here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from karaoke_studio.staging import sync_folder, write_json_atomic

log = logging.getLogger(__name__)

FACTS = "facts.json"
#: Of the folder; another one makes every conversion anew.
_LAYOUT = 2
#: Conversions of one model that are kept, those used last.
_KEPT = 3
_PART = ".part-"


@dataclass(frozen=True)
class ConvertedNetwork:
    """One network of a converted model.

    Attributes:
        file: its name in the folder; weights lie beside it with the suffix .bin.
        stems: what it makes, in order.
        frames: that it takes at once.
        n_fft: of the spectrum that it takes.
        ranges: what its linear layers meet in music, see `openvino_int8`.
    """

    file: str
    stems: tuple[str, ...]
    frames: int
    n_fft: int
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ConvertedModel:
    """A model whose networks, as far as they are needed, are converted.

    Attributes:
        sources: stems that the model makes, in order.
        weights: per network one number per source.
        segments_s: per network the seconds that it takes at once.
        draws: per network whether upstream's forward draws a random number.
        networks: by number; those that add nothing to the stems that were asked for are not there.
    """

    sources: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    segments_s: tuple[Fraction, ...]
    draws: tuple[bool, ...]
    networks: Mapping[int, ConvertedNetwork]


def installed_version(name: str) -> str:
    """Return the version of a Python package without loading it, "" where it is not known."""
    try:
        return version(name)
    except PackageNotFoundError:  # not there, or a packaged program that does not say
        return ""


def is_installed() -> bool:
    """Whether OpenVINO is there; nothing is loaded."""
    return find_spec("openvino") is not None


def conversion_versions() -> dict[str, str]:
    """Return the versions of what makes a conversion."""
    return {name: installed_version(name) for name in ("openvino", "torch", "demucs")}


def conversion_name(model_sha256: str, stems: Sequence[str] | None) -> str:
    """Return the name of the folder for some stems of a model, None for all."""
    wanted = None if stems is None else sorted(stems)
    identity = json.dumps([_LAYOUT, model_sha256, wanted, conversion_versions()])
    return hashlib.sha256(identity.encode()).hexdigest()[:40]


def conversions_folder(data: Path, model: str) -> Path:
    """Return where the conversions of a model lie in a data folder."""
    return data / "cache" / "openvino" / model


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Let a conversion be written beside `folder`, and put it there when all is done.

    Raises:
        OSError: the disk is full.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    part = folder.with_name(f"{_PART}{os.getpid()}-{uuid.uuid4().hex[:8]}")
    part.mkdir()
    try:
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what a killed conversion left, and all but the conversions used last."""
    found = sorted(parent.iterdir(), key=lambda path: _used_s(path / FACTS), reverse=True)
    parts = [path for path in found if path.name.startswith(_PART)]
    whole = [path for path in found if path not in parts]
    for path in [*parts, *whole[_KEPT - 1 :]]:
        log.info("the conversion %s goes", path.name)
        shutil.rmtree(path, ignore_errors=True)


def _used_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def write_facts(folder: Path, model: ConvertedModel) -> None:
    """Write what a folder holds, with the hashes of its files; the last step of a conversion.

    Raises:
        OSError: the disk is full.
    """
    hashes = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    facts = {
        "sources": model.sources,
        "weights": model.weights,
        "segments_s": [str(segment) for segment in model.segments_s],
        "draws": model.draws,
        "networks": {str(number): asdict(one) for number, one in model.networks.items()},
        "sha256": hashes,
    }
    write_json_atomic(folder / FACTS, facts)


def read_converted(folder: Path) -> ConvertedModel | None:
    """Return what a folder holds, None where it is not there or not as it was written."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        whole = all(_sha256(folder / name) == sha256 for name, sha256 in facts["sha256"].items())
        if not whole:
            log.warning("the conversion %s is damaged", folder.name)
            return None
        model = _parsed(facts)
        os.utime(folder / FACTS)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        log.warning("the conversion %s cannot be read: %s", folder.name, exc)
        return None
    return model


def _parsed(facts: dict[str, Any]) -> ConvertedModel:
    networks = {
        int(number): ConvertedNetwork(
            str(one["file"]),
            tuple(one["stems"]),
            int(one["frames"]),
            int(one["n_fft"]),
            {name: (float(low), float(high)) for name, (low, high) in one["ranges"].items()},
        )
        for number, one in facts["networks"].items()
    }
    return ConvertedModel(
        tuple(facts["sources"]),
        tuple(tuple(float(weight) for weight in row) for row in facts["weights"]),
        tuple(Fraction(segment) for segment in facts["segments_s"]),
        tuple(bool(one) for one in facts["draws"]),
        networks,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
