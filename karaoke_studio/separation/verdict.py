"""What the measures of a split song mean: its SDR as it is likely to be, window by window.

Small trees that were fitted on synthesised songs with known stems (`training/doubt`) turn them into
decibels; only numpy is needed here. What they were fitted on, and how far they are off, is told in
training/README.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.doubt import STEP_S, grade_of, score_of
from karaoke_studio.audio.stem_reader import StemReader
from karaoke_studio.paths import resource
from karaoke_studio.separation.engine import Check, ReportFraction, SampleReader
from karaoke_studio.separation.rates import KEPT_S, BlockSource, ResampledSource
from karaoke_studio.separation.split_features import SAMPLE_RATE, Array, FloatArray
from karaoke_studio.separation.split_measures import COLUMNS, describe, measure

COEFFICIENTS = "engines/doubt.json"

#: From which level beside the song's there is a voice in a window: surely not, and surely.
_SUNG_DB = -45.0, -30.0
#: Windows so far below the song are silent.
_SILENT_DB = -50.0
#: A curve has no more points: an hour at half a second.
_MOST_POINTS = 7200
#: Blocks of four seconds that are kept: the engine reads ahead of what it writes.
_KEPT_BLOCKS = 4


@dataclass(frozen=True)
class Trees:
    """A sum of regression trees, in flat arrays.

    Attributes:
        base: what all leaves are added to.
        roots: first node of each tree.
        figure: which figure a node looks at; -1 = a leaf.
        limit: up to here it goes left.
        left, right: where it goes.
        value: of a leaf.
    """

    base: float
    roots: NDArray[np.intp]
    figure: NDArray[np.intp]
    limit: Array
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    value: Array

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Trees:
        """Rebuild from lists."""
        return Trees(
            base=float(plain["base"]),
            roots=np.array(plain["roots"], np.intp),
            figure=np.array(plain["figure"], np.intp),
            limit=np.array(plain["limit"], np.float64),
            left=np.array(plain["left"], np.intp),
            right=np.array(plain["right"], np.intp),
            value=np.array(plain["value"], np.float64),
        )

    def predict(self, figures: Array) -> Array:
        """Return (n,) of figures (n, …)."""
        rows = np.arange(len(figures))
        total = np.full(len(figures), self.base)
        for root in self.roots:
            node = np.full(len(figures), root)
            while (inner := self.figure[node] >= 0).any():
                seen = figures[rows, np.maximum(self.figure[node], 0)]
                down = np.where(seen <= self.limit[node], self.left[node], self.right[node])
                node = np.where(inner, down, node)
            total += self.value[node]
        return total


@dataclass(frozen=True)
class Model:
    """Everything that was fitted.

    Attributes:
        names: figures that it expects, in order.
        vocals, music: trees for the SDR of a window, in dB.
        songs: for each stem, constant and weights of the song's estimates by vocals and music.
    """

    names: tuple[str, ...]
    vocals: Trees
    music: Trees
    songs: dict[str, tuple[float, ...]]

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Model:
        """Rebuild from JSON."""
        return Model(
            names=tuple(plain["names"]),
            vocals=Trees.from_plain(plain["vocals"]),
            music=Trees.from_plain(plain["music"]),
            songs={stem: tuple(weights) for stem, weights in plain["songs"].items()},
        )


@cache
def load_model() -> Model:
    """Return the model that ships with the program."""
    return Model.from_plain(json.loads(resource(COEFFICIENTS).read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Verdict:
    """A split as it is likely to be.

    Attributes:
        vocals_db, music_db: estimated SDR of both stems over the song.
        windows: the same per half second, (n, 2).
        doubts: 0…1 per half second; 0 where both stems are silent.
        is_sung: whether there is a voice in it; without one the music alone is judged.
    """

    vocals_db: float
    music_db: float
    windows: Array
    doubts: Array
    is_sung: bool = True

    @property
    def score(self) -> float:
        """0…1, of the vocals' SDR."""
        return score_of(self.vocals_db if self.is_sung else self.music_db)

    def to_plain(self) -> dict[str, Any]:
        """Return JSON values, as a take's analysis keeps them under "quality"."""
        group = max(1, -(-len(self.doubts) // _MOST_POINTS))
        missing = -len(self.doubts) % group
        pooled = np.pad(self.doubts, (0, missing), mode="edge").reshape(-1, group).max(axis=1)
        return {
            "score": round(self.score, 3),
            "word": grade_of(self.score),
            "vocals_db": round(self.vocals_db, 1),
            "music_db": round(self.music_db, 1),
            "step_s": STEP_S * group,
            "doubts": [round(float(doubt), 2) for doubt in pooled],
        }


def judge(rows: Array, model: Model | None = None) -> Verdict:
    """Return the verdict on what `measure` found.

    Args:
        rows: at least one.
        model: that of the program by default.
    """
    model = model or load_model()
    figures, names = describe(rows)
    if names != model.names:
        raise ValueError("these coefficients are for other figures")
    windows = np.stack([trees.predict(figures) for trees in (model.vocals, model.music)], axis=1)
    return conclude(rows, windows, model.songs)


def conclude(rows: Array, windows: Array, songs_by: dict[str, tuple[float, ...]]) -> Verdict:
    """Return the verdict on a song whose windows' SDR (n, 2) is estimated."""
    powers = stem_powers(rows)
    estimates = song_estimates(windows, powers)
    songs = {
        stem: constant + weights[0] * estimates[0] + weights[1] * estimates[1]
        for stem, (constant, *weights) in songs_by.items()
    }
    missed = rows[:, COLUMNS.index("voice_in_music")]
    whole = float(powers.sum(axis=1).mean()) + 1e-12
    # where nobody sings, the music says how much of it is missing
    levels = 10 * np.log10((powers[:, 0] + missed) / whole + 1e-12)
    silent_db, sung_db = _SUNG_DB
    share = np.clip((levels - silent_db) / (sung_db - silent_db), 0, 1)
    told = share * windows[:, 0] + (1 - share) * windows[:, 1]
    is_heard = powers.sum(axis=1) > whole * 10 ** (_SILENT_DB / 10)
    doubts = np.array([1 - score_of(db) for db in np.where(is_heard, told, np.inf)])
    is_sung = (powers[:, 0] + missed).mean() > whole * 10 ** (silent_db / 10)
    return Verdict(songs["vocals"], songs["music"], windows, doubts, is_sung=bool(is_sung))


def stem_powers(rows: Array) -> Array:
    """Return the powers of both stems per window, (n, 2)."""
    return rows[:, [COLUMNS.index("voice"), COLUMNS.index("music")]]


def song_estimates(windows: Array, powers: Array) -> tuple[float, float]:
    """Return the SDR of both stems over the song, if each window's errors are as estimated."""
    errors = powers / 10 ** (windows / 10)
    sums = 10 * np.log10((powers.sum(axis=0) + 1e-9) / (errors.sum(axis=0) + 1e-9))
    return float(sums[0]), float(sums[1])


def judge_take(
    stems: dict[str, Path], sound: dict[str, int], report: ReportFraction, check: Check
) -> dict[str, Any] | None:
    """Judge a take; memory does not grow with its length but for some numbers per half second.

    Args:
        stems: lossless files whose sum is the song.
        sound: `channels`, `sample_rate` and `frames` of the stems.
        report: gets a rising fraction.
        check: called now and then; raises when it is to end.

    Returns:
        See `Verdict.to_plain`; None where there are no vocals, or nothing is to be heard.

    Raises:
        CorruptAudio: a stem is damaged.
    """
    if "vocals" not in stems or not sound["frames"]:
        return None
    others = [path for stem, path in stems.items() if stem != "vocals"]
    with StemReader([stems["vocals"]], sound) as voice, StemReader(others, sound) as music:
        pair = [_in_blocks(stem, check) for stem in (voice, music)]
        rows = measure(pair[0], pair[1], report, check)
    if not rows[:, COLUMNS.index("song")].any():
        return None
    return judge(rows).to_plain()


def _in_blocks(source: SampleReader, check: Check) -> BlockSource:
    """Return a song at `SAMPLE_RATE`, of which some blocks are kept."""
    is_other = source.sample_rate != SAMPLE_RATE
    song = ResampledSource(source, SAMPLE_RATE, check) if is_other else source
    length = KEPT_S * SAMPLE_RATE

    def make(index: int) -> FloatArray:
        return song.read(index * length, (index + 1) * length)

    return BlockSource(song.channels, SAMPLE_RATE, song.frames, make, _KEPT_BLOCKS)
