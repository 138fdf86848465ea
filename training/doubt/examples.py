"""Measures splits whose truth is known: `python -m training.doubt.examples DATA OUT.npz --count N`.

Mixes are those of `training.instant.mixing`, seeded by number; half of them of what the net of
`instant` never heard, whose faults are therefore those of songs that are new to it. With `--stems`
multitracks are measured instead: the test set.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from karaoke_studio.separation.split_measures import Powers, measure
from tests.helpers.engines import ArraySource
from training.doubt.splits import RATE, WAYS, FloatArray, Way
from training.instant.mixing import Desk

_SECONDS = 16
Example = tuple[str, FloatArray, FloatArray, Way, np.random.Generator]


def examples(data: Path, first: int, count: int, ways: int) -> Iterator[Example]:
    """Yield a way's name, voice, music, the way, and what it may draw from."""
    desks = [Desk(data / "songs", data / "takes", validation=left) for left in (False, True)]
    names = list(WAYS)
    chances = np.array([chance for _, chance in WAYS.values()])
    for number in range(first, first + count):
        rng = np.random.default_rng([7, number])
        music, voice = desks[number % 2].mix(rng, _SECONDS * RATE)
        if np.ptp(music - music[::-1]) == 0 and np.ptp(voice - voice[::-1]) == 0:
            music, voice = music[:1], voice[:1]
        for name in rng.choice(names, ways, replace=False, p=chances / chances.sum()):
            yield name, voice, music, WAYS[name][0], rng


def multitracks(folder: Path, ways: int) -> Iterator[Example]:
    """Yield the same for the songs of a folder: `instant`, and other ways at random."""
    for number, path in enumerate(sorted(folder.glob("*/vocals.wav"))):
        voice, music = (
            np.ascontiguousarray(soundfile.read(file, dtype="float32", always_2d=True)[0].T)
            for file in (path, path.with_name("accompaniment.wav"))
        )
        rng = np.random.default_rng([8, number])
        names = [name for name in WAYS if name != "instant"]
        chances = np.array([WAYS[name][1] for name in names])
        others = rng.choice(names, ways - 1, replace=False, p=chances / chances.sum())
        for name in ("instant", *others):
            yield name, voice, music, WAYS[name][0], rng


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stems", action="store_true", help="DATA holds multitracks")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--ways", type=int, default=4, help="per mix")
    options = parser.parse_args()
    found: dict[str, list[NDArray[Any]]] = {"rows": [], "truth": [], "song": [], "way": []}
    chosen = (
        multitracks(options.data, options.ways)
        if options.stems
        else examples(options.data, options.first, options.count, options.ways)
    )
    for number, (name, voice, music, way, rng) in enumerate(chosen):
        split = way(voice, music, rng)
        stems = (ArraySource(part, RATE) for part in (split, voice + music - split))
        found["rows"].append(measure(*stems, lambda _: None, lambda: None))
        truth = Powers(voice.shape[1])
        truth.add(0, (voice, music, split - voice))
        found["truth"].append(truth.sums)
        found["song"].append(np.full(len(truth.sums), number))
        found["way"].append(np.full(len(truth.sums), name))
        if number % 20 == 0:
            print(number, flush=True)
            _save(options.out, found)
    _save(options.out, found)


def _save(path: Path, found: dict[str, list[NDArray[Any]]]) -> None:
    np.savez(path, **{key: np.concatenate(parts) for key, parts in found.items()})


if __name__ == "__main__":
    main()
