"""What is kept on disk: one array of tracks per song or take, with a card of facts beside it.

A *song* is a band's tracks, a *take* what was sung over one. Both are int16 (tracks, 2, FRAMES) in
an `.npy` file that is mapped, not read, and become visible only when they are whole: the card is
written last.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Facts = dict[str, Any]

SAMPLE_RATE = 44_100
LENGTH_S = 34.0
FRAMES = int(LENGTH_S * SAMPLE_RATE)

#: Numbers of songs and takes that training leaves out, to watch it: one in twenty.
_VALIDATION_EVERY, _VALIDATION_AT = 20, 7


def is_validation(number: int) -> bool:
    """Say whether a song or take is kept out of training to watch it."""
    return number % _VALIDATION_EVERY == _VALIDATION_AT


def card_path(folder: Path, number: int) -> Path:
    """Return where the facts of a song or take are; they exist once it is whole."""
    return folder / f"{number:05d}.json"


def save(folder: Path, number: int, tracks: list[NDArray[np.int16]], facts: Facts) -> None:
    """Write a song or take, its card last."""
    folder.mkdir(parents=True, exist_ok=True)
    card = card_path(folder, number)
    for path, write in (
        (card.with_suffix(".npy"), lambda file: np.save(file, np.stack(tracks))),
        (card, lambda file: file.write(json.dumps(facts).encode())),
    ):
        part = path.with_suffix(path.suffix + ".part")
        with part.open("wb") as file:
            write(file)
        part.replace(path)


def load(folder: Path, number: int) -> tuple[NDArray[np.int16], Facts]:
    """Return the mapped tracks (tracks, 2, FRAMES) and the facts of a song or take."""
    card = card_path(folder, number)
    return np.load(card.with_suffix(".npy"), mmap_mode="r"), json.loads(card.read_text())


def numbers(folder: Path) -> list[int]:
    """Return the numbers of all songs or takes that are whole."""
    return sorted(int(path.stem) for path in folder.glob("?????.json"))


def fit(samples: NDArray[Any]) -> Samples:
    """Cut or pad float (…, frames) to FRAMES."""
    kept = samples[..., :FRAMES]
    missing = FRAMES - kept.shape[-1]
    return np.pad(kept, [(0, 0)] * (kept.ndim - 1) + [(0, missing)]).astype(np.float32)


def level(samples: Samples, rms: float, floor: float = 1e-3) -> NDArray[np.int16] | None:
    """Bring the sounding parts of (2, frames) to `rms` and turn them into int16.

    Args:
        samples: a track.
        rms: wanted, of the blocks whose power is above `floor` times the loudest one's.
        floor: see `rms`.

    Returns:
        The track, or None where next to nothing sounds.
    """
    power = np.square(samples[:, : samples.shape[1] // 2048 * 2048])
    blocks = power.mean(axis=0).reshape(-1, 2048).mean(axis=1)
    sounding = blocks[blocks > blocks.max() * floor]
    if len(sounding) < 3 or blocks.max() < 1e-10:
        return None
    scaled = samples * (rms / np.sqrt(sounding.mean()))
    return (np.clip(scaled, -1, 1) * 32767).astype(np.int16)
