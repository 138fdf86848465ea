"""Converted Demucs networks on the chunk loop, run by OpenVINO on the processor."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from karaoke_studio.errors import ModelRefused
from karaoke_studio.separation.converted import ConvertedModel, installed_version
from karaoke_studio.separation.cores import usual_threads
from karaoke_studio.separation.device import CPU
from karaoke_studio.separation.engine import Check, FloatArray, ReportFraction
from karaoke_studio.separation.network_arguments import SAMPLE_RATE
from karaoke_studio.separation.openvino_runtime import BF16, F32, INT8, OpenVinoNetwork
from karaoke_studio.separation.overlap_add import Forward, Network
from karaoke_studio.separation.song_run import (
    Ledger,
    NetworkOptions,
    Pulse,
    Rising,
    Separation,
    Song,
    never,
    run_song,
    shares_of,
    song_recipe,
)
from karaoke_studio.separation.ways import OPENVINO_BF16, OPENVINO_F32, OPENVINO_INT8

log = logging.getLogger(__name__)

#: Way of computing → precision of the runtime.
PRECISIONS = {OPENVINO_F32: F32, OPENVINO_BF16: BF16, OPENVINO_INT8: INT8}


@dataclass
class OpenVinoEngine:
    """A converted model that is kept warm.

    Attributes:
        name: of the model.
        sha256: of the model that was converted.
        folder: of the conversion.
        model: what lies there.
    """

    name: str
    sha256: str
    folder: Path
    model: ConvertedModel
    _compiled: dict[tuple[int, str, int], OpenVinoNetwork] = field(default_factory=dict)

    def separate(
        self,
        song: Song,
        options: NetworkOptions,
        ledger: Ledger,
        report: ReportFraction,
        check: Check,
    ) -> Separation:
        """Make the stems that `song.sinks` asks for; see `DemucsEngine.separate`.

        Raises:
            Cancelled: from `check`.
            ModelRefused: the conversion makes no such stem.
            ModelDamaged: the runtime refuses the conversion.
            OSError: the disk is full.
        """
        options = replace(options, threads=options.threads or usual_threads())
        recipe = self._recipe(song, options)
        ready = ledger.begin(recipe)
        check()
        rising = Rising(report)
        pulse = Pulse(rising, check)
        networks = [
            self._network(number, list(song.sinks), options, pulse)
            for number in range(len(self.model.weights))
        ]
        run_song(song, options, ready, ledger, pulse, networks)
        rising(1.0)
        return Separation(CPU, recipe)

    def compiled(self, number: int, precision: str, threads: int) -> OpenVinoNetwork:
        """Return a network, compiled when it is first asked for.

        Raises:
            ModelDamaged: the runtime refuses it.
        """
        key = (number, precision, threads)
        if key not in self._compiled:
            started_s = time.perf_counter()
            network = OpenVinoNetwork(self.folder, self.model.networks[number], precision, threads)
            self._compiled[key] = network
            log.info("compiled %s in %.2f s", key, time.perf_counter() - started_s)
        return self._compiled[key]

    def _network(
        self, number: int, stems: list[str], options: NetworkOptions, pulse: Pulse
    ) -> Network:
        """Return a network as the loop sees it."""
        made = shares_of(self.model.sources, self.model.weights[number], stems)
        frames = int(SAMPLE_RATE * self.model.segments_s[number])
        return Network(
            self._forward(number, [stem for _, stem, _ in made], options, pulse),
            frames,
            tuple(place for place, _, _ in made),
            tuple(weight for _, _, weight in made),
            lambda _length: frames,
            draws=self.model.draws[number],
        )

    def _forward(
        self, number: int, stems: list[str], options: NetworkOptions, pulse: Pulse
    ) -> Forward:
        if not stems:
            return never
        known = self.model.networks.get(number)
        if known is None or not {*stems} <= {*known.stems}:
            raise ModelRefused(
                f"The conversion of {self.name} does not make {', '.join(stems)}.",
                hint="Choose the mode exact.",
            )
        network = self.compiled(number, PRECISIONS[options.way], options.threads)
        rows = [known.stems.index(stem) for stem in stems]
        clock = _Clock(pulse)

        def forward(samples: FloatArray) -> FloatArray:
            with clock:
                return network.run(samples, pulse.check, clock.show)[rows]

        return forward

    def _recipe(self, song: Song, options: NetworkOptions) -> dict[str, Any]:
        return song_recipe(song, options) | {
            "model": self.sha256,
            "backend": "openvino",
            "segments_s": [str(segment) for segment in self.model.segments_s],
            "device": CPU,
            "threads": options.threads,
            "versions": {
                "openvino": installed_version("openvino"),
                "numpy": np.__version__,
                "soxr": str(soxr.__version__),
            },
        }


class _Clock:
    """Guesses how far a forward is from how long the one before it took."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._usual_s = 2.0
        self._started_s = 0.0

    def __enter__(self) -> None:
        self._started_s = time.perf_counter()

    def __exit__(self, *_exc: object) -> None:
        self._usual_s = max(time.perf_counter() - self._started_s, 1e-3)

    def show(self) -> None:
        """Report the guess."""
        self._pulse.show((time.perf_counter() - self._started_s) / self._usual_s)
