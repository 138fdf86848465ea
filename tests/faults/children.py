"""kill -9 of the children that read, separate and write, in every phase."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from karaoke_studio import notes, pipeline
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobSpec, NetworkChoice, OutputSpec
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job
from karaoke_studio.worker.host import Worker, WorkerDied, Workers
from tests.faults.report import Report, Scale
from tests.helpers.models import make_net, write_bag
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_RATE, _SECONDS = 44_100, 20
_LONGEST_S = 5.0
#: Stage of the job → whose child does it.
_BUILTIN = {"importing": "transfer", "separating": "builtin", "encoding": "transfer"}
_NETWORK = {"loading_model": "engine", "separating": "engine"}
_SMALL = "htdemucs"
#: A kill comes so soon after a stage has begun: some are over quickly.
_DELAYS_S = {"importing": 0.02, "loading_model": 0.05, "separating": 0.25, "encoding": 0.05}


class _Shop:
    """Warm children, a song, and a small network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers = Workers.create(folder)
        self.song = write_song(folder / "song.flac", noise(_SECONDS, _RATE, 2), _RATE, "PCM_16")
        self.short = write_song(folder / "short.flac", noise(2, _RATE, 2), _RATE, "PCM_16")
        write_bag(folder / "models", _SMALL, [make_net()])

    def make(self, engine: str, out: Path, hear: Any) -> Any:
        song = self.short if engine == _SMALL else self.song
        network = NetworkChoice((self.folder / "models",), mode="exact", device="cpu", threads=1)
        out.mkdir()
        spec = JobSpec(
            uuid.uuid4().hex, song, engine, ("vocals", "instrumental"), OutputSpec(out), network
        )
        around = Surroundings(self.workers, data=self.folder / "data")
        return run_job(spec, output_workdir(spec), hear, threading.Event(), around)


class _Killer:
    """Kills a child when its stage begins: a seeded while after, once or every time."""

    def __init__(self, worker: Worker, stage: str, delay_s: float, times: int) -> None:
        self._worker, self._stage = worker, stage
        self._delay_s, self._times = delay_s, times
        self.killed_s: list[float] = []
        self.replaced_s: list[float] = []
        self._is_over = threading.Event()
        self._last_pid: int | None = None
        self._timers: list[threading.Timer] = []

    def hear(self, progress: Any) -> None:
        pid = self._worker.pid
        if progress.stage != self._stage or pid in {None, self._last_pid}:
            return
        if len(self._timers) < self._times:
            self._last_pid = pid
            self._timers.append(threading.Timer(self._delay_s, self._kill, (pid,)))
            self._timers[-1].start()

    def _kill(self, pid: int) -> None:
        if self._worker.pid == pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed_s.append(time.monotonic())
                self._watch(pid)

    def _watch(self, pid: int) -> None:
        """Wait until there is another child in its place."""
        while not self._is_over.wait(0.005):
            if self._worker.pid not in {None, pid}:
                self.replaced_s.append(time.monotonic() - self.killed_s[-1])
                return

    def end(self) -> None:
        self._is_over.set()
        for timer in self._timers:
            timer.cancel()
            timer.join()


def run(scale: Scale) -> Report:
    """Kill children in every phase: once, then the song is made; twice, then it fails."""
    report = Report()
    shop = _Shop(scale.folder)
    try:
        each = scale.pick(1, 4)
        for engine, phases in (("centre", _BUILTIN), (_SMALL, _NETWORK)):
            with contextlib.suppress(KaraokeError):  # warm up
                shop.make(engine, scale.folder / f"warm-{engine}", lambda _progress: None)
            for stage, role in phases.items():
                for number in range(each):
                    _once(scale, shop, report, engine, stage, role, number)
        slow = "separating"
        for number in range(scale.pick(1, 3)):
            _twice(scale, shop, report, slow, number)
        if scale.with_mutant:
            report.mutant = _mutant(scale, shop)
    finally:
        shop.workers.close()
    return report


def _once(
    scale: Scale, shop: _Shop, report: Report, engine: str, stage: str, role: str, number: int
) -> None:
    repeat = f"{engine}, {stage}, {number}"
    delay_s = scale.rng(*map(ord, repeat)).uniform(0, _DELAYS_S[stage])
    killer = _Killer(getattr(shop.workers, role), stage, delay_s, 1)
    out = scale.folder / f"once-{engine}-{stage}-{number}"
    report.points += 1
    try:
        result = shop.make(engine, out, killer.hear)
    except Exception as exc:  # noqa: BLE001 - what a fault run is there to find
        report.failures.append(f"{repeat}: {exc!r}")
        return
    finally:
        killer.end()
    was_hit = notes.CHILD_RESTARTED in result.notes
    report.hits += was_hit
    if was_hit and result.null_exact is not True:
        report.failures.append(f"{repeat}: the pair is not exact")
    if was_hit:
        spent_s = max(killer.replaced_s, default=_LONGEST_S + 1)
        slowest_s = max(report.notes.get("slowest_retry_s", 0.0), spent_s)
        report.notes["slowest_retry_s"] = round(slowest_s, 2)
        if spent_s > _LONGEST_S:
            report.failures.append(f"{repeat}: it was tried again after {spent_s:.1f} s")
    if len(list(out.iterdir())) != 2:
        report.failures.append(f"{repeat}: {[path.name for path in out.iterdir()]}")


def _twice(scale: Scale, shop: _Shop, report: Report, stage: str, number: int) -> None:
    repeat = f"twice, {stage}, {number}"
    killer = _Killer(shop.workers.builtin, stage, 0.02, 2)
    out = scale.folder / f"twice-{stage}-{number}"
    report.points += 1
    try:
        shop.make("instant", out, killer.hear)
    except KaraokeError as exc:
        ended_s = time.monotonic()
        report.hits += 1
        spent_s = ended_s - killer.killed_s[-1]
        report.notes["slowest_failure_s"] = round(spent_s, 2)
        if exc.code != "ENGINE_CRASHED" or not exc.hint or spent_s > _LONGEST_S:
            report.failures.append(f"{repeat}: {exc!r} after {spent_s:.1f} s")
    else:
        if len(killer.killed_s) == 2:
            report.failures.append(f"{repeat}: it was tried a third time")
    finally:
        killer.end()
    if list(out.iterdir()) and len(killer.killed_s) == 2:
        report.failures.append(f"{repeat}: {[path.name for path in out.iterdir()]} is left")


def _mutant(scale: Scale, shop: _Shop) -> str:
    """Give a stage up at the first death of its child; say how that was noticed."""
    report = Report()

    class Died(WorkerDied):
        """A death that the retry does not know."""

    pipeline.WorkerDied = Died  # type: ignore[attr-defined]
    try:
        for number in range(4):
            _once(scale, shop, report, "centre", "separating", "builtin", 100 + number)
    finally:
        pipeline.WorkerDied = WorkerDied  # type: ignore[attr-defined]
    return report.failures[0] if report.failures else ""
