"""A worker thread meets sys.exit, a BaseException, a panic: its job fails, the queue goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEventLoop

from karaoke_studio.job import JobState
from karaoke_studio.jobs import queue as queue_module
from karaoke_studio.jobs import settling
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.pipeline import Surroundings
from karaoke_studio.worker.host import Workers
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song
from tests.jobs.fake_workers import FakeWorkers

_LONGEST_S, _WAIT_S = 1.0, 8.0


class PanicException(BaseException):
    """What a panic in Rust becomes in Python (pyo3's is no Exception either)."""


def _exits() -> None:
    sys.exit(3)


def _ends() -> None:
    raise KeyboardInterrupt


def _panics() -> None:
    raise PanicException("called `Option::unwrap()` on a `None` value")


def _errs() -> None:
    raise RecursionError


ENDS: dict[str, Callable[[], None]] = {
    "sys.exit": _exits,
    "BaseException": _ends,
    "panic": _panics,
    "RecursionError": _errs,
}
TASKS = ("import_song", "separate", "write_pair")


class _Ill(FakeWorkers):
    """Workers whose task ends the thread for songs named so."""

    def __init__(self, task: str, end: Callable[[], None]) -> None:
        super().__init__()
        self._task, self._end = task, end
        for worker in (self.transfer, self.builtin):
            true_run = worker.run
            worker.run = lambda task, args, _run=true_run, **named: self._meet(  # type: ignore[method-assign]
                task, args, lambda: _run(task, args, **named)
            )
        self.is_ill = True

    def _meet(self, task: str, args: dict[str, Any], go_on: Callable[[], Any]) -> Any:
        if task == self._task and self.is_ill:
            self.is_ill = False
            self._end()
        return go_on()


def run(scale: Scale) -> Report:
    """Let threads end in every way at every stage, in the queue and in the library's writer."""
    application = QCoreApplication.instance() or QCoreApplication([])
    report = Report()
    slowest_s = 0.0
    for way, end in ENDS.items():
        for task in TASKS:
            folder = scale.folder / f"{way}-{task}"
            fault, seconds = _end_in_queue(folder, task, end)
            slowest_s = max(slowest_s, seconds)
            report.points += 1
            report.hits += 1
            report.failures += [f"{way} in {task}: {fault}"] if fault else []
        fault = _end_in_writer(scale.folder / f"{way}-writer", end)
        report.points += 1
        report.hits += 1
        report.failures += [f"{way} in the writer: {fault}"] if fault else []
    _real_children(scale, report)
    report.notes["slowest_s"] = round(slowest_s, 2)
    if scale.with_mutant:
        report.mutant = _mutant(scale.folder / "mutant")
    del application
    return report


def _until(done: Callable[[], bool], seconds: float = _WAIT_S) -> float | None:
    """Let Qt run until `done`; return how long that took, None when it never was."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        if done():
            return time.monotonic() - started
        time.sleep(0.002)
    return None


def _end_in_queue(
    folder: Path, task: str, end: Callable[[], None], wait_s: float = _WAIT_S
) -> tuple[str, float]:
    folder.mkdir()
    library = LibraryWriter(folder / "library")
    queue = JobQueue(Surroundings(_Ill(task, end), library), library, folder / "cache")  # type: ignore[arg-type]
    for name in ("first.mp3", "second.mp3"):
        (folder / name).write_bytes(b"song")
    try:
        queue.add_paths([folder / "first.mp3"])
        spent_s = _until(lambda: _states(queue) == [JobState.FAILED], wait_s)
        if spent_s is None:
            return f"the job is {_states(queue)}", wait_s
        if spent_s > _LONGEST_S:
            return f"the job failed after {spent_s:.1f} s", spent_s
        queue.add_paths([folder / "second.mp3"])
        if _until(lambda: _states(queue)[1:] == [JobState.COMPLETED], wait_s) is None:
            return f"the next job is {_states(queue)[1:]}: {_why(queue)}", spent_s
        return "", spent_s
    finally:
        queue.stop(keep=False)
        library.close()


def _states(queue: JobQueue) -> list[JobState]:
    return [job.state for job in queue.jobs()]


def _why(queue: JobQueue) -> str:
    return "; ".join(str(job.error) for job in queue.jobs() if job.error)


def _end_in_writer(folder: Path, end: Callable[[], None]) -> str:
    library = LibraryWriter(folder)
    try:
        asked = library.submit(lambda _connection: end())
        if asked.exception(timeout=_WAIT_S) is None:
            return "the change is told to be made"
        library.open_jobs().result(timeout=_WAIT_S)
    except TimeoutError:
        return "the writer answers no more"
    else:
        return ""
    finally:
        library.close()


def _real_children(scale: Scale, report: Report) -> None:
    """The same inside a real child: a task that ends its process fails its song and no other."""
    from karaoke_studio.errors import KaraokeError

    workers = Workers.create(scale.folder)
    song = write_song(scale.folder / "song.wav", noise(2, 8000), 8000)
    try:
        for task in ("no such task", "separate"):
            report.points += 1
            try:
                workers.transfer.run(task, {"staging": "/nowhere", "song": {}})
            except KaraokeError:
                report.hits += 1
        staging = scale.folder / "staging"
        staging.mkdir()
        args = {"path": str(song), "staging": str(staging), "copy": False}
        if not workers.transfer.run("import_song", args)["frames"]:
            report.failures.append("the child makes no more songs")
    finally:
        workers.close()


def _mutant(folder: Path) -> str:
    """A border that lets through what is no Exception; say how that was noticed."""

    def settle(spec: Any, work: Any, cancelled: Any, failed: Any, told_id: str) -> Any:
        try:
            return work()
        except settling.Cancelled:
            cancelled.emit(told_id)
        except settling.KaraokeError as exc:
            failed.emit(told_id, exc)
        except Exception:  # noqa: BLE001 - what is wrong with it is the point
            failed.emit(told_id, settling.ProcessingFailed("It broke."))
        return None

    true_settle, queue_module.settle = queue_module.settle, settle  # type: ignore[attr-defined]
    try:
        return _end_in_queue(folder, "separate", _exits, 3.0)[0]
    finally:
        queue_module.settle = true_settle  # type: ignore[attr-defined]
