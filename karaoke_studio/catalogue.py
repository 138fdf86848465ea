"""The models that are known by name: plain facts about them; no network or file is touched here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SAFE, LEGACY = ".safetensors", ".th"

#: What the published models are made of, for folders that hold their networks without the yaml.
#: Source: https://github.com/adefossez/demucs/tree/v4.1.0/demucs/remote
PUBLISHED: dict[str, dict[str, Any]] = {
    "htdemucs": {"models": ["955717e8"]},
    "htdemucs_ft": {
        "models": ["f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"],
        "weights": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    },
    "htdemucs_6s": {"models": ["5c90dfd2"]},
    "hdemucs_mmi": {"models": ["75fc33f5"], "segment": 44},
    "mdx": {
        "models": ["0d19c1c6", "7ecf8ec1", "c511e2ab", "7d865c68"],
        "weights": [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 1, 1], [1, 0, 1, 1]],
        "segment": 44,
    },
    "mdx_extra": {"models": ["e51eebcc", "a1d90b5c", "5d2d6c55", "cfa93e08"], "segment": 44},
}

#: How the sha256 of the published old files begins, by signature.
#: Source: https://github.com/adefossez/demucs/blob/v4.1.0/demucs/remote/files.txt
LEGACY_SHA256 = {
    # one of them is pinned whole in public
    "955717e8": "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4",
    "f7e0c4bc": "ba3fe64a",
    "d12395a8": "e57c48e6",
    "92cfc3b6": "ef3bcb9c",
    "04573f0d": "f3cf25b2",
    "5c90dfd2": "34c22ccb",
    "75fc33f5": "1941ce65",
    "0d19c1c6": "0f06f20e",
    "7ecf8ec1": "70f50cc9",
    "c511e2ab": "fe698775",
    "7d865c68": "3d5dd56b",
    "e51eebcc": "c1b80bdd",
    "a1d90b5c": "ae9d2452",
    "5d2d6c55": "db83574e",
    "cfa93e08": "61801ae1",
}

#: Memory that a graphics card should have, MB; other networks take what the first one does.
#: Source: the founding document of the separation; no card has measured it yet.
_VIDEO_MEMORY_MB = {"htdemucs": 4096, "htdemucs_ft": 6144, "htdemucs_6s": 8192}

#: On what terms the weights are offered.
#: Source: https://github.com/facebookresearch/demucs/issues/327
LICENCE = "For research only"
TERMS = (
    "The weights come from the authors of Demucs, who offer them for research: "
    "the MIT licence of the Demucs program does not cover them. "
    "Ask the authors before you earn money with what a model makes."
)


@dataclass(frozen=True)
class KnownModel:
    """One model that can be downloaded.

    Attributes:
        name: as Demucs calls it.
        title: the same in plain words.
        best_for: what a person would choose it for, one short sentence.
        stems: what it separates a song into.
        repository: where the hub has it.
        size_bytes: about; the hub knows exactly.
    """

    name: str
    title: str
    best_for: str
    stems: tuple[str, ...]
    repository: str
    size_bytes: int

    @property
    def signatures(self) -> tuple[str, ...]:
        """The names of its networks."""
        return tuple(PUBLISHED[self.name]["models"])

    @property
    def pair_signatures(self) -> tuple[str, ...]:
        """The names of the networks that a pair needs: those that add to its vocals."""
        weights, place = PUBLISHED[self.name].get("weights"), self.stems.index("vocals")
        if weights is None:
            return self.signatures
        rows = zip(self.signatures, weights, strict=True)
        return tuple(signature for signature, row in rows if row[place])

    @property
    def pair_bytes(self) -> int:
        """About how much a pair needs of `size_bytes`."""
        return self.size_bytes * len(self.pair_signatures) // len(self.signatures)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that make it up on the hub."""
        return (f"{self.name}.yaml", *(f"{signature}{SAFE}" for signature in self.signatures))


_FOUR = ("drums", "bass", "other", "vocals")

#: The usual choice first.
KNOWN_MODELS = (
    KnownModel(
        "htdemucs",
        "Demucs",
        "The usual choice: clean voices and music in good time.",
        _FOUR,
        "adefossez/HTDemucs",
        84_000_000,
    ),
    KnownModel(
        "htdemucs_ft",
        "Demucs, fine-tuned",
        "The cleanest stems. With all four it takes four times as long.",
        _FOUR,
        "adefossez/HTDemucs-ft",
        336_000_000,
    ),
    KnownModel(
        "htdemucs_6s",
        "Demucs, six stems",
        "Also guitar and piano, for practising; the piano is only fair.",
        (*_FOUR, "guitar", "piano"),
        "adefossez/HTDemucs-6s",
        55_000_000,
    ),
    KnownModel(
        "hdemucs_mmi",
        "Demucs 3",
        "The generation before: another sound, worth a try where Demucs fails.",
        _FOUR,
        "adefossez/Demucs-hdemucs_mmi",
        167_000_000,
    ),
    KnownModel(
        "mdx_extra",
        "Demucs 3, four networks",
        "Four networks of the generation before, averaged: steady, but slow and large.",
        _FOUR,
        "adefossez/Demucs-mdx_extra",
        670_000_000,
    ),
)

_BY_NAME = {model.name: model for model in KNOWN_MODELS}


def known_model(name: str) -> KnownModel | None:
    """Return the model of that name, or None where it is none that we know."""
    return _BY_NAME.get(name)


def model_of(signature: str) -> str | None:
    """Return the published model that a network belongs to, or None."""
    owners = (name for name, bag in PUBLISHED.items() if signature in bag["models"])
    return next(owners, None)


def video_memory_mb(model: str) -> int:
    """Return how many MB of memory a graphics card should have for a model."""
    return _VIDEO_MEMORY_MB.get(model, _VIDEO_MEMORY_MB["htdemucs"])
