"""Fits the judge: `python -m training.doubt.fit OUT.json EXAMPLES.npz ...`.

Prints how right it is on songs left out, a fifth at a time. The examples of one mix stay together.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor

from karaoke_studio.separation.split_measures import describe
from karaoke_studio.separation.verdict import (
    Model,
    Trees,
    conclude,
    judge,
    song_estimates,
    stem_powers,
)
from training.doubt.table import Split, read, report

Array = NDArray[np.float64]

_FOLDS = 5
#: Splits of the same mix that come one after the other; see `examples`.
_WAYS = 4
_TREES, _LEAVES, _RATE = 140, 10, 0.08


def fit_trees(figures: Array, target: Array) -> Trees:
    """Return trees that tell `target` from figures."""
    forest = GradientBoostingRegressor(
        loss="huber",
        n_estimators=_TREES,
        max_leaf_nodes=_LEAVES,
        max_depth=None,
        learning_rate=_RATE,
        min_samples_leaf=40,
        subsample=0.5,
        max_features=0.3,
        random_state=1,
    ).fit(figures, target)
    flat: dict[str, list[Any]] = {
        name: [] for name in ("roots", "figure", "limit", "left", "right", "value")
    }
    for (one,) in forest.estimators_:
        first, tree = len(flat["figure"]), one.tree_
        flat["roots"].append(first)
        is_leaf = tree.children_left < 0
        flat["figure"] += np.where(is_leaf, -1, tree.feature).tolist()
        flat["limit"] += [float(f"{limit:.5g}") for limit in np.where(is_leaf, 0, tree.threshold)]
        flat["left"] += np.where(is_leaf, 0, tree.children_left + first).tolist()
        flat["right"] += np.where(is_leaf, 0, tree.children_right + first).tolist()
        flat["value"] += [
            float(f"{_RATE * v:.4g}") for v in np.where(is_leaf, tree.value.ravel(), 0)
        ]
    base = float(forest.init_.predict(figures[:1])[0])
    return Trees.from_plain({"base": base, **flat})


def to_plain(trees: Trees) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(trees).items()
    }


def fit(splits: list[Split], songs: dict[str, tuple[float, ...]] | None = None) -> Model:
    """Return a model; without weights for songs their estimates stay as they are."""
    figures = np.concatenate([split.figures() for split in splits])
    truth = np.concatenate([split.windows_db for split in splits])
    return Model(
        names=describe(splits[0].rows)[1],
        vocals=fit_trees(figures, truth[:, 0]),
        music=fit_trees(figures, truth[:, 1]),
        songs=songs or {"vocals": (0.0, 1.0, 0.0), "music": (0.0, 0.0, 1.0)},
    )


def fit_songs(splits: list[Split], windows: list[Array]) -> dict[str, tuple[float, ...]]:
    """Return constant and weights that bring the songs' estimates nearest to the truth."""
    told = np.array(
        [song_estimates(w, stem_powers(s.rows)) for s, w in zip(splits, windows, strict=True)]
    )
    known = np.column_stack([np.ones(len(told)), told])
    true = np.clip([split.song_db for split in splits], -15, 35)
    weights = np.linalg.lstsq(known, true, rcond=None)[0].T
    return {
        stem: tuple(round(float(w), 4) for w in line)
        for stem, line in zip(("vocals", "music"), weights, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("examples", type=Path, nargs="+")
    options = parser.parse_args()
    splits = read(options.examples)
    folds = np.arange(len(splits)) // _WAYS % _FOLDS
    windows: list[Array] = [np.empty(0)] * len(splits)
    for fold in range(_FOLDS):
        model = fit([split for split, own in zip(splits, folds, strict=True) if own != fold])
        for number in np.flatnonzero(folds == fold):
            windows[number] = judge(splits[number].rows, model).windows
    songs = fit_songs(splits, windows)
    left_out = [
        conclude(split.rows, found, songs) for split, found in zip(splits, windows, strict=True)
    ]
    for way in ("", *sorted({split.way for split in splits})):
        here = [n for n, split in enumerate(splits) if split.way == way or not way]
        if len(here) >= 8:
            rows = report([splits[n] for n in here], [left_out[n] for n in here])
            print(f"{way or 'all':10}", {name: round(value, 2) for name, value in rows.items()})
    model = fit(splits, songs)
    plain = {
        "names": list(model.names),
        "songs": songs,
        "vocals": to_plain(model.vocals),
        "music": to_plain(model.music),
    }
    options.out.write_text(json.dumps(plain, separators=(",", ":")) + "\n")
    print(options.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
