"""Tries ways of computing on chunks of a song: seconds, and distance from upstream's result.

Each runtime is tried in a child of its own. The one with torch runs first; it leaves the chunks and
upstream's result in files for the other.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from karaoke_studio.separation.calibration import Trial
from karaoke_studio.separation.engine import Check, FloatArray, SampleReader, SongFacts
from karaoke_studio.separation.network_arguments import SAMPLE_RATE
from karaoke_studio.separation.rates import ResampledSource
from karaoke_studio.separation.song_run import Scale

log = logging.getLogger(__name__)

#: Where in the song the chunks are, as shares of what there is.
_PLACES = (0.3, 0.7)
#: Upstream's forward taking longer than this leaves time for one chunk only.
_SLOW_S = 6.0
_CHUNKS, _WANTED, _SHAPE = "chunks.f32", "upstream.f32", "shape.json"

Run = Callable[[FloatArray], FloatArray]


def cut_chunks(source: SampleReader, facts: SongFacts, frames: int, check: Check) -> FloatArray:
    """Return float32 (chunks, 2, frames) of a song, at the level that networks know."""
    view = source
    if source.sample_rate != SAMPLE_RATE:
        view = ResampledSource(source, SAMPLE_RATE, check)
    scale = Scale(view, facts)
    spare = max(0, view.frames - frames)
    starts = [int(place * spare) for place in _PLACES]
    return np.stack([scale.read(start, start + frames) for start in starts])


def run_upstream(run: Run, chunks: FloatArray, folder: Path) -> tuple[FloatArray, FloatArray]:
    """Let upstream's forward make chunks, and keep both for the other trials.

    Returns:
        The chunks that are tried, and what upstream makes of them.
    """
    started_s = time.perf_counter()
    made = [run(chunks[0])]
    if time.perf_counter() - started_s <= _SLOW_S:
        made += [run(chunk) for chunk in chunks[1:]]
    tried, wanted = np.ascontiguousarray(chunks[: len(made)]), np.stack(made)
    for name, values in ((_CHUNKS, tried), (_WANTED, wanted)):
        (folder / name).write_bytes(values.astype(np.float32).tobytes())
    (folder / _SHAPE).write_text(json.dumps([tried.shape, wanted.shape]))
    return tried, wanted


def kept_chunks(folder: Path) -> tuple[FloatArray, FloatArray]:
    """Return what `run_upstream` left in a folder."""
    shapes = json.loads((folder / _SHAPE).read_text())
    chunks, wanted = (
        np.fromfile(folder / name, np.float32).reshape(shape)
        for name, shape in zip((_CHUNKS, _WANTED), shapes, strict=True)
    )
    return chunks, wanted


def try_way(way: str, run: Run, chunks: FloatArray, wanted: FloatArray) -> Trial:
    """Run a way over chunks and compare.

    Args:
        way: its name.
        run: one chunk's forward; the first one is run once more before, to warm up.
        chunks: float32 (chunks, 2, frames).
        wanted: what upstream makes of them.
    """
    run(chunks[0])
    seconds: list[float] = []
    made: list[FloatArray] = []
    for chunk in chunks:
        started_s = time.perf_counter()
        made.append(run(chunk))
        seconds.append(time.perf_counter() - started_s)
    trial = Trial(way, round(min(seconds), 6), round(snr_db(np.stack(made), wanted), 1))
    log.info("tried %s", trial)
    return trial


def snr_db(found: FloatArray, expected: FloatArray) -> float:
    """Return the level of what is expected over the difference, in dB, at most 200."""
    if not np.isfinite(found).all():
        return -200.0
    error = float(np.mean(np.square(found.astype(np.float64) - expected)))
    level = float(np.mean(np.square(expected.astype(np.float64))))
    return min(max(10 * math.log10(max(level, 1e-30) / max(error, 1e-30)), -200.0), 200.0)


def trials_to_plain(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return trials as they go through the pipe."""
    return [vars(trial) for trial in trials]
