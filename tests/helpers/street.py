"""Drives whole jobs, in real child processes, for tests."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from karaoke_studio import engines
from karaoke_studio.job import STEMS, JobResult, JobSpec, OutputSpec
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job
from karaoke_studio.progress import Progress
from karaoke_studio.worker.host import Workers
from tests.helpers.engine_child import engine_worker

# the children of these tests know more built-in engines than the program does
_OF_TESTS = ("echo", "echo_any", "echo_delayed", "slow", "leaky")
engines.BUILTIN_ENGINES = (*engines.BUILTIN_ENGINES, *_OF_TESTS)


class Street:
    """A set of warm workers and a folder for results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers = replace(Workers.create(folder), builtin=engine_worker(folder))
        self.reports: list[Progress] = []

    def make(
        self,
        song: Path,
        *,
        engine: str = "echo",
        stems: tuple[str, ...] = STEMS,
        stop: threading.Event | None = None,
        out: Path | None = None,
        report: Callable[[Progress], Any] | None = None,
        **output: Any,
    ) -> JobResult:
        """Make files of a song in a folder of their own."""
        target = out or self.folder / uuid.uuid4().hex
        target.mkdir(parents=True, exist_ok=True)
        spec = JobSpec(uuid.uuid4().hex, song, engine, stems, OutputSpec(target, **output))
        self.reports.clear()

        def hear(progress: Progress) -> None:
            self.reports.append(progress)
            if report is not None:
                report(progress)

        return run_job(
            spec,
            output_workdir(spec),
            hear,
            stop or threading.Event(),
            Surroundings(self.workers),
        )

    def close(self) -> None:
        self.workers.close()


def write_song(
    path: Path, samples: np.ndarray[Any, Any], sample_rate: int, subtype: str | None = None
) -> Path:
    """Write (channels, frames) with soundfile, in the format of the suffix."""
    with sf.SoundFile(path, "w", sample_rate, len(samples), subtype) as file:
        for start in range(0, samples.shape[1], 65536):
            file.write(samples[:, start : start + 65536].T)
    return path


def read_ints(path: Path) -> tuple[np.ndarray[Any, Any], int]:
    """Read a lossless file as int64 (channels, frames), left-aligned in 32 bits, and its rate."""
    samples, rate = sf.read(path, dtype="int32", always_2d=True)
    return samples.T.astype(np.int64), rate


def read_floats(path: Path) -> tuple[np.ndarray[Any, Any], int]:
    """Read a file as float64 (channels, frames), and its rate."""
    samples, rate = sf.read(path, dtype="float64", always_2d=True)
    return samples.T, rate
