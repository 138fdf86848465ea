"""Which engine a job gets, told from names and files alone: nothing here loads a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from karaoke_studio.catalogue import LEGACY, PUBLISHED, SAFE
from karaoke_studio.errors import ModelMissing, ModelRefused
from karaoke_studio.job import (
    ALL_STEMS,
    BUILTIN_ENGINES,
    ENGINES,
    MIX,
    NETWORK_ENGINES,
    QUALITIES,
    STEMS,
)
from karaoke_studio.paths import DataFolder

AUTO = "auto"
#: Models that make a pair of stems with one network, the best first (of a fine-tuned one only the
#: network for vocals is run).
SINGLE_NETWORKS = ("htdemucs", "htdemucs_ft", "hdemucs_mmi", "htdemucs_6s")
DRAFT, NORMAL, BEST = QUALITIES


def model_folders(data: DataFolder, chosen: Path | None = None) -> tuple[Path, ...]:
    """Return where models are looked for: the person's own folder first, then the program's."""
    own = () if chosen is None else (chosen.expanduser().absolute(),)
    return (*own, data.models)


def installed_models(folders: Sequence[Path], *, whole: bool = False) -> list[str]:
    """Return the names of the models that are there.

    Each has a `{name}.yaml`, or is a published one all of whose networks lie in one folder; a
    folder inside one of `folders` holds the model that it is named after.

    Args:
        folders: where to look.
        whole: leave out published models of which only the networks for a pair are there.
    """
    found: set[str] = set()
    for folder in folders:
        paths = _paths_in(folder)
        found |= _models_among(paths, whole)
        for path in paths:
            if path.is_dir():
                found |= _models_among(_paths_in(path), whole) & {path.name}
    return sorted(found)


def _paths_in(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # not there, or not to be read: then it has none
        return []


def _models_among(paths: list[Path], only_whole: bool) -> set[str]:
    signatures = {path.stem.partition("-")[0] for path in paths if path.suffix in {SAFE, LEGACY}}
    whole = {name for name, bag in PUBLISHED.items() if signatures.issuperset(bag["models"])}
    named = {path.stem for path in paths if path.suffix == ".yaml"}
    return whole | (named - PUBLISHED.keys() if only_whole else named)


def check_engine(name: str, stems: Sequence[str], folders: Sequence[Path]) -> None:
    """Refuse what no engine of that name can do.

    Raises:
        ModelMissing: it is neither an engine nor a model in one of the folders.
        ModelRefused: it does not make such stems.
    """
    installed = installed_models(folders)
    if name not in ENGINES and name not in installed:
        others = [model for model in installed if model not in ENGINES]
        raise ModelMissing(
            f"There is no engine {name}.", hint=f"There are {', '.join((*ENGINES, *others))}."
        )
    chosen = choose_engine(name, folders)
    if not is_network(chosen) and not set(stems) <= {*STEMS, *ALL_STEMS}:
        raise ModelRefused(
            f"The engine {chosen} makes vocals and instrumental only.",
            hint="Choose a network such as htdemucs, or other stems.",
        )


def choose_engine(
    name: str, folders: Sequence[Path], quality: str = BEST, stems: Sequence[str] = STEMS
) -> str:
    """Return the engine that a job runs: for "auto" what the quality asks for.

    A network that is installed beats the built-in engine; without one, `instant` needs nothing.
    For more stems than a pair, all networks of a model must be there.
    """
    if name != AUTO:
        return name
    is_pair = {*stems} <= {*STEMS, MIX}
    return choose_quality(quality, installed_models(folders, whole=not is_pair))


def choose_quality(quality: str, installed: Sequence[str]) -> str:
    """Return the engine for one of `job.QUALITIES`, given the names of the models that are there.

    Draft takes seconds; Normal runs one network, Best the finest; both make do without a model.
    """
    wanted = {DRAFT: (), NORMAL: SINGLE_NETWORKS, BEST: NETWORK_ENGINES}[quality]
    return next((model for model in wanted if model in installed), BUILTIN_ENGINES[0])


def is_network(name: str) -> bool:
    """Whether an engine runs in the *engine* child."""
    return name not in BUILTIN_ENGINES
