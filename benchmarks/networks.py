"""Demucs here against Demucs upstream: the same bits, the same network, timed in turn.

    python benchmarks/networks.py [--seconds 32] [--rounds 3] [--json FILE]

The network is htdemucs in its true size with random weights: the arithmetic and its time are those
of the published one. `reference` must give upstream's bits; `exact` must stay 110 dB below it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from demucs.apply import apply_model

from karaoke_studio.separation.demucs_engine import DemucsEngine
from karaoke_studio.separation.model_networks import Model
from karaoke_studio.separation.ranges import Ranges
from karaoke_studio.separation.song_run import NetworkOptions, Song
from tests.helpers.engines import ArraySink, ArraySource, facts_of
from tests.helpers.models import make_true_htdemucs
from tests.helpers.signals import FloatArray, sung_mix

RATE = 44_100
EXACT_DB = 110.0


class Ledger:
    """Remembers nothing: every run makes the whole song."""

    def begin(self, _recipe: dict[str, Any]) -> Ranges:
        """Nothing is there yet."""
        return Ranges()

    def add(self, start: int, stop: int) -> None:
        """Nothing is kept."""


def upstream(net: torch.nn.Module, song: FloatArray) -> FloatArray:
    """All stems as upstream's own program makes them."""
    facts = facts_of(song)
    mean = torch.tensor(facts.mean, dtype=torch.float32)
    std = torch.tensor(facts.std, dtype=torch.float32) + 1e-8
    random.seed(0)
    out = apply_model(net, ((torch.from_numpy(song) - mean) / std)[None], shifts=0)
    return (out * std + mean)[0].numpy()


def ours(engine: DemucsEngine, song: FloatArray, stems: list[str], mode: str) -> FloatArray:
    """The stems as this program makes them."""
    sinks = {stem: ArraySink(*song.shape) for stem in stems}
    with tempfile.TemporaryDirectory() as folder:
        job = Song(ArraySource(song, RATE), sinks, facts_of(song), Path(folder))
        options = NetworkOptions(device="cpu", threads=torch.get_num_threads(), mode=mode)
        engine.separate(job, options, Ledger(), lambda _f: None, lambda: None)
    return np.stack([sinks[stem].samples for stem in stems])


def snr_db(found: FloatArray, expected: FloatArray) -> float:
    """Level of `expected` over the difference."""
    error = np.sqrt(np.mean((found.astype(np.float64) - expected) ** 2))
    level = np.sqrt(np.mean(expected.astype(np.float64) ** 2))
    return float(20 * np.log10(level / max(error, 1e-30)))


def main() -> int:
    """Measure in turn, print a table, and return 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description="Demucs here against Demucs upstream.")
    parser.add_argument("--seconds", type=float, default=32.0, help="length of the song")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    net = make_true_htdemucs()
    sources = list(net.sources)
    engine = DemucsEngine(
        Model("htdemucs", tuple(sources), (net,), ((1.0,) * len(sources),), "00", 0.0)
    )
    vocals, band = sung_mix(chosen.seconds, RATE)
    song = vocals + band
    ways: dict[str, Callable[[], FloatArray]] = {
        "upstream, 4 stems": lambda: upstream(net, song),
        "reference, 4 stems": lambda: ours(engine, song, sources, "reference"),
        "exact, 4 stems": lambda: ours(engine, song, sources, "exact"),
        "exact, vocals": lambda: ours(engine, song, ["vocals"], "exact"),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    made: dict[str, FloatArray] = {}
    for _ in range(chosen.rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            made[name] = way()
            times[name].append(time.perf_counter() - started)
    first = made["upstream, 4 stems"]
    vocal = sources.index("vocals")
    wanted = {name: first[[vocal]] if name.endswith("vocals") else first for name in ways}
    base = statistics.median(times["upstream, 4 stems"])
    rows = []
    for name in ways:
        middle = statistics.median(times[name])
        rows.append(
            {
                "way": name,
                "seconds": round(middle, 2),
                "realtime": round(chosen.seconds / middle, 3),
                "of_upstream": round(base / middle, 3),
                "same_bits": bool(np.array_equal(made[name], wanted[name])),
                "snr_db": round(snr_db(made[name], wanted[name]), 1),
            }
        )
        print(
            "{way:<20} {seconds:>7.2f} s  {realtime:.3f}× realtime  {of_upstream:.2f}× upstream  "
            "same bits: {same_bits}  {snr_db:.0f} dB".format(**rows[-1])
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))
    exact = [row["snr_db"] for row in rows if str(row["way"]).startswith("exact")]
    return 0 if rows[1]["same_bits"] and min(exact) >= EXACT_DB else 1


if __name__ == "__main__":
    sys.exit(main())
