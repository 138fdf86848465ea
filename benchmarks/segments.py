"""How well voice, phrases and duets are found in vocals, against known ones.

Of songs whose stems are known the vocals are looked at twice: as they are, and as the built-in
engine takes them out of the song. Told are the F-score of frames of 10 ms with voice, and the
median error of where phrases begin and end. What is true is said by the level of the true vocals
alone: 40 dB below their loud places and more is silence.

    python -m benchmarks.segments [FOLDER…]   # folders with vocals.wav and accompaniment.wav
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from karaoke_studio.api import Separator
from karaoke_studio.preparation.segmenter import HOP_S, PHRASE_PAUSE_S, find_segments
from tests.helpers.signals import FloatArray, sung_mix

RATE = 44_100
_MOST_S = 30
_MATCH_S = 0.5


def songs(folders: list[Path]) -> Iterator[tuple[str, FloatArray, FloatArray, int]]:
    """Yield name, vocals, the rest, and rate; made-up songs where no folders are given."""
    for folder in folders:
        parts = []
        for name in ("vocals.wav", "accompaniment.wav"):
            samples, rate = sf.read(folder / name, dtype="float32", always_2d=True)
            parts.append(samples[: _MOST_S * rate].T)
        yield folder.name, parts[0], parts[1], rate
    if not folders:
        for seed in range(4):
            yield f"made up {seed}", *sung_mix(12, RATE, seed=seed), RATE


def truth_of(vocals: FloatArray, rate: int) -> NDArray[np.bool_]:
    """Return for each 10 ms whether there is voice."""
    hop = round(HOP_S * rate)
    count = vocals.shape[1] // hop
    power = np.square(vocals[:, : count * hop]).mean(axis=0).reshape(count, hop).mean(axis=1)
    return np.asarray(power > np.percentile(power, 90) * 1e-4)


def edges_of(voiced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return where phrases begin and end, in seconds."""
    flags = np.concatenate([[False], voiced, [False]])
    edges = np.flatnonzero(np.diff(flags.astype(np.int8)))
    spans = edges.reshape(-1, 2) * HOP_S
    if not len(spans):
        return np.zeros(0)
    kept = np.concatenate([[True], spans[1:, 0] - spans[:-1, 1] >= PHRASE_PAUSE_S])
    return np.sort(np.concatenate([spans[kept, 0], spans[np.append(kept[1:], True), 1]]))


def figures(vocals: FloatArray, rate: int, truth: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return F-score, median error of edges in ms, and the share of edges found."""
    found = find_segments([vocals.T], rate)
    count = min(len(truth), len(found.voiced))
    a, b = truth[:count], found.voiced[:count]
    score = 2 * float((a & b).sum()) / max(1, int(a.sum() + b.sum()))
    ours = np.array([edge for phrase in found.phrases for edge in phrase])
    true = edges_of(a)
    if not len(ours) or not len(true):
        return score, float("nan"), 0.0
    errors = np.abs(true[:, np.newaxis] - ours).min(axis=1)
    matched = errors[errors <= _MATCH_S]
    return score, 1000 * float(np.median(matched)), len(matched) / len(true)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    chosen = parser.parse_args()
    rows = []
    print("| song | true vocals: F | ms | edges | separated: F | ms | edges |")
    print("|---|---|---|---|---|---|---|")
    with Separator("instant") as separator:
        for name, vocals, rest, rate in songs(chosen.folders):
            truth = truth_of(vocals, rate)
            separated = separator.separate(vocals + rest, rate, progress=False).vocals
            row = [*figures(vocals, rate, truth), *figures(separated, rate, truth)]
            rows.append(row)
            print(f"| {name} |", " | ".join(f"{value:.2f}" for value in row), "|", flush=True)
    middle = np.nanmedian(np.array(rows), axis=0)
    print("| median |", " | ".join(f"{value:.2f}" for value in middle), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
