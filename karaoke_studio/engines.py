"""Which engine a job gets, told from names and files alone: nothing here loads a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from karaoke_studio.errors import ModelMissing, ModelRefused
from karaoke_studio.job import ALL_STEMS, BUILTIN_ENGINES, ENGINES, NETWORK_ENGINES, STEMS
from karaoke_studio.paths import DataFolder

AUTO = "auto"


def model_folders(data: DataFolder, chosen: Path | None = None) -> tuple[Path, ...]:
    """Return where models are looked for: the person's own folder first, then the program's."""
    own = () if chosen is None else (chosen.expanduser().absolute(),)
    return (*own, data.models)


def installed_models(folders: Sequence[Path]) -> list[str]:
    """Return the names of the models that are there: each has a `{name}.yaml`."""
    places = ((folder, "*.yaml") for folder in folders)
    nested = ((folder, "*/*.yaml") for folder in folders)
    return sorted({path.stem for folder, form in (*places, *nested) for path in folder.glob(form)})


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


def choose_engine(name: str, folders: Sequence[Path]) -> str:
    """Return the engine that a job runs: for "auto" the best that is there.

    A network that is installed beats the built-in engine; without one, `instant` needs nothing.
    """
    if name != AUTO:
        return name
    installed = installed_models(folders)
    return next((model for model in NETWORK_ENGINES if model in installed), BUILTIN_ENGINES[0])


def is_network(name: str) -> bool:
    """Whether an engine runs in the *engine* child."""
    return name not in BUILTIN_ENGINES
