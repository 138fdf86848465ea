"""kill -9 of the child that separates a song, again and again, until the song is there."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.separation.ranges import Ranges
from karaoke_studio.separation.song_run import NetworkOptions
from karaoke_studio.staging import ORIGINAL
from karaoke_studio.worker.host import Worker, WorkerDied
from tests.faults.report import Report, Scale
from tests.helpers.engines import facts_of
from tests.helpers.models import make_net, write_bag
from tests.helpers.signals import noise

_RATE, _STEMS = 44_100, ("vocals", "drums")
#: In the quick run checkpoints are this close, so that short lives get somewhere.
_QUICK_INTERVAL_S, _TRUE_INTERVAL_S = 0.25, 5.0
#: A life ends after at most so many new ranges; the song has more than all lives together.
_MOST_RANGES, _CHUNK_S = 8, 0.45


def run(scale: Scale) -> Report:
    """Kill at seeded moments; the bits must be those of a song that nobody disturbed."""
    kills = scale.pick(10, 30)
    interval_s = _TRUE_INTERVAL_S if scale.is_full else _QUICK_INTERVAL_S
    report = _kill_one_song(scale, kills, interval_s, "program")
    if scale.with_mutant:
        broken = _kill_one_song(scale, 3, 0.0, "early")
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def _kill_one_song(scale: Scale, kills: int, interval_s: float, variant: str) -> Report:
    report = Report(points=kills)
    folder = scale.folder / f"resumes-{variant}"
    write_bag(folder / "models", "small", [make_net()])
    # where checkpoints are far apart, a life must be long to reach one
    per_life = _MOST_RANGES if interval_s < 1 else 20 * _MOST_RANGES
    song = noise(per_life * kills * _CHUNK_S + 5, _RATE)
    calm, disturbed = (
        _request(folder / name, folder / "models", song) for name in ("calm", "disturbed")
    )
    first = _Life(interval_s, "program", calm)
    first.run()
    gap_s, most_s = first.longest_s, 0.0
    before = _Life(interval_s, variant, disturbed)
    for number in range(kills):
        rng = scale.rng(number)
        life = _Life(interval_s, variant, disturbed)
        died = life.run(rng.randint(1, per_life), rng.uniform(0, 0.05))
        report.hits += died
        most_s = max(most_s, before.lost_s(life.kept))
        gap_s = max(gap_s, life.longest_s)
        before = life
        if not died:
            break
    last = _Life(interval_s, variant, disturbed)
    last.run()
    most_s = max(most_s, before.lost_s(last.kept))
    if report.hits < kills:
        report.failures.append(f"the song was there after {report.hits} kills")
    for stem in _STEMS:
        if _bits(calm, stem) != _bits(disturbed, stem):
            report.failures.append(f"{stem} has other bits than without kills")
    if most_s > interval_s + 2 * gap_s:
        report.failures.append(f"{most_s:.2f} s of finished work were done twice")
    report.notes = {
        "most_seconds_done_twice": round(most_s, 2),
        "between_checkpoints_s": interval_s,
        "longest_chunk_s": round(gap_s, 2),
    }
    return report


class _Life:
    """One child at work on the song, and what it told.

    Attributes:
        kept: what was ready when it began, by its journal.
    """

    def __init__(self, interval_s: float, variant: str, args: dict[str, Any]) -> None:
        module = [sys.executable, "-m", "tests.faults.engine_child", variant, str(interval_s)]
        self._worker = Worker("engine", command=[*module, "engine"])
        self._args = args
        self.kept = Ranges()
        #: (when it was told, start, stop) of what it made, after the moment at which it began
        self._made: list[tuple[float, int, int]] = []
        self._begun_s = 0.0
        self._left, self._pause_s = 0, 0.0

    @property
    def longest_s(self) -> float:
        """The longest time between two ranges."""
        times = [self._begun_s, *(told_s for told_s, _, _ in self._made)]
        return max((late - early for early, late in pairwise(times)), default=0.0)

    def lost_s(self, kept: Ranges) -> float:
        """Return for how long it made what the next life did not find any more."""
        times = [self._begun_s, *(told_s for told_s, _, _ in self._made)]
        lost = [n for n, (_, *part) in enumerate(self._made) if not kept.covers(*part)]
        return times[-1] - times[lost[0]] if lost else 0.0

    def run(self, ranges: int = 0, pause_s: float = 0.0) -> bool:
        """Run until the song is there, or die after so many ranges; return whether it died."""
        self._left, self._pause_s = ranges, pause_s
        try:
            self._worker.run("load_model", self._args)
            self._worker.run("separate", self._args, on_progress=self._hear)
        except WorkerDied:
            return True
        finally:
            self._worker.close()
        return False

    def _hear(self, facts: dict[str, Any]) -> None:
        if "fraction" in facts and not self._begun_s:
            self._begun_s = time.monotonic()
        if "ready" not in facts:
            return
        if not self._begun_s:  # on disk from the lives before
            self.kept.add(*facts["ready"])
            return
        self._made.append((time.monotonic(), *facts["ready"]))
        self._left -= 1
        if self._left == 0 and (pid := self._worker.pid) is not None:
            time.sleep(self._pause_s)
            os.kill(pid, signal.SIGKILL)


def _request(folder: Path, models: Path, song: np.ndarray) -> dict[str, Any]:
    """Stage a song and return the arguments of `separate`."""
    folder.mkdir(parents=True)
    with RawFile.create(folder / ORIGINAL, 2, song.shape[1]) as staged:
        staged.write(0, np.ascontiguousarray(song.T))
    shape = {"channels": 2, "frames": song.shape[1], "sample_rate": _RATE, "sha256": "ab"}
    options = NetworkOptions(mode="reference", device="cpu", threads=1)
    return {
        "staging": str(folder),
        "song": dataclasses.asdict(facts_of(song)) | shape,
        "stems": list(_STEMS),
        "options": dataclasses.asdict(options),
        "model": "small",
        "folders": [str(models)],
        "data": str(folder.parent / "data"),
    }


def _bits(args: dict[str, Any], stem: str) -> bytes:
    return (Path(args["staging"]) / f"{stem}.f32").read_bytes()
