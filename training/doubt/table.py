"""Reads what `training.doubt.examples` wrote, and says how right a verdict is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from karaoke_studio.separation.split_measures import describe
from karaoke_studio.separation.verdict import Verdict

Array = NDArray[np.float64]

#: Where truth is judged window by window, it lies between these, dB.
LOWEST_DB, HIGHEST_DB = -10.0, 30.0
#: What is this far below the song is no part of an error, and no voice.
_FLOOR = 1e-5
#: A second counts where its stem is no quieter than this beside the mean second.
_HEARD = 1e-3


@dataclass(frozen=True)
class Split:
    """One split song.

    Attributes:
        way: how it was split.
        rows: see `split_measures.measure`.
        truth: powers of true voice, true music, and the error, (windows, 3).
    """

    way: str
    rows: Array
    truth: Array

    @property
    def song_db(self) -> Array:
        """SDR of vocals and music over the song."""
        power = self.truth.sum(axis=0)
        return np.asarray(10 * np.log10((power[:2] + 1e-9) / (power[2] + 1e-9)))

    @property
    def is_sung(self) -> bool:
        """Whether there is a voice in it."""
        voice, music, _ = self.truth.sum(axis=0)
        return bool(voice > 1e-4 * music)

    @property
    def windows_db(self) -> Array:
        """SDR of vocals and music of each window, (windows, 2)."""
        floor = _FLOOR * self.truth[:, :2].sum(axis=1).mean() + 1e-15
        ratio = 10 * np.log10((self.truth[:, :2] + floor) / (self.truth[:, 2:] + floor))
        return np.asarray(np.clip(ratio, LOWEST_DB, HIGHEST_DB))

    def figures(self) -> Array:
        """Return what the judge looks at."""
        return describe(self.rows)[0]

    def seconds(self, stem: int, windows: Array) -> tuple[Array, Array]:
        """Return estimated and true SDR of the seconds in which a stem is heard."""
        count = len(self.truth) // 2
        truth = self.truth[: 2 * count].reshape(count, 2, 3).sum(axis=1)
        heard = truth[:, stem] > _HEARD * truth[:, stem].mean()
        true_db = 10 * np.log10((truth[heard, stem] + 1e-12) / (truth[heard, 2] + 1e-12))
        estimated = windows[: 2 * count].reshape(count, 2).mean(axis=1)
        return estimated[heard], true_db


def read(paths: list[Path]) -> list[Split]:
    """Return the splits of some files."""
    found = []
    for path in paths:
        with np.load(path) as file:
            rows, truth, songs, ways = (file[key] for key in ("rows", "truth", "song", "way"))
        for song in np.unique(songs):
            here = songs == song
            found.append(Split(str(ways[here][0]), rows[here], truth[here]))
    return found


def spearman(one: Array, other: Array) -> float:
    """Return the rank correlation."""
    return float(stats.spearmanr(one, other).statistic)


def report(splits: list[Split], verdicts: list[Verdict]) -> dict[str, float]:
    """Return correlations and errors of some verdicts."""
    # who does not sing has no SDR
    pairs = [(s, v) for s, v in zip(splits, verdicts, strict=True) if s.is_sung]
    splits, verdicts = [split for split, _ in pairs], [verdict for _, verdict in pairs]
    true = np.array([split.song_db for split in splits])
    told = np.array([[verdict.vocals_db, verdict.music_db] for verdict in verdicts])
    found = {"songs": float(len(splits))}
    scores = np.array([verdict.score for verdict in verdicts])
    for name, stem in (("vocals", 0), ("music", 1)):
        found[f"{name} song"] = spearman(told[:, stem], true[:, stem])
        found[f"score, {name} song"] = spearman(scores, true[:, stem])
        found[f"{name} error dB"] = float(np.median(np.abs(told - true)[:, stem]))
        within = {"": [], " by doubt": []}
        for split, verdict in zip(splits, verdicts, strict=True):
            for kind, windows in (("", verdict.windows[:, stem]), (" by doubt", -verdict.doubts)):
                seconds = split.seconds(stem, windows)
                if len(seconds[0]) >= 6 and all(np.ptp(one) > 1e-9 for one in seconds):
                    within[kind].append(spearman(*seconds))
        found |= {f"{name} seconds{kind}": float(np.median(all_)) for kind, all_ in within.items()}
    found["score, both"] = spearman(scores, true.mean(axis=1))
    return found
