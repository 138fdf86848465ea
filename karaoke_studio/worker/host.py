"""The parent's side of child processes: start, send, progress, stop, kill.

A `Worker` is one child process that is started when first needed, kept warm, ended when idle, and
replaced when it was killed. Its death is told by the end of its pipe.
"""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from karaoke_studio.errors import EngineCrashed, ProcessingTimeout, error_from_json
from karaoke_studio.paths import is_frozen
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.worker.pipe import Message, receive, send

log = logging.getLogger(__name__)

KILL_AFTER_S = 0.4
IDLE_END_S = 60.0
POLL_S = 0.02
#: Address space of a media child; hostile files meet a MemoryError there.
MEDIA_MEMORY_MB = 3072

OnProgress = Callable[[dict[str, Any]], None]
#: Tells what a running task should know by now, as plain values; {} = nothing.
Hints = Callable[[], dict[str, Any]]


class WorkerDied(Exception):
    """The child ended in the middle of a task; `code` is what the system said of its end."""

    def __init__(self, role: str, code: int | None) -> None:
        super().__init__(f"{role} child ended with {code}")
        self.code = code


def child_command(role: str, log_file: Path | None, memory_mb: int) -> list[str]:
    """Return the command line that starts a child of a role."""
    if is_frozen():
        start = [sys.executable, "--worker"]
    else:
        # -P: the folder a person happens to stand in must not lend us its modules
        start = [sys.executable, "-P", "-m", "karaoke_studio.worker.child"]
    options = ["--log", str(log_file)] if log_file is not None else []
    return [*start, role, *options, "--memory-mb", str(memory_mb)]


def _child_environment() -> dict[str, str]:
    environment = dict(os.environ)
    package_parent = str(Path(__file__).resolve().parents[2])
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = package_parent + (os.pathsep + known if known else "")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = "1"
    return environment


class _Process:
    """One started child: its process, and a thread that reads what it says."""

    def __init__(self, command: list[str]) -> None:
        extra: dict[str, Any] = {}
        if sys.platform == "win32":
            extra["creationflags"] = (
                subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
            )
        else:
            extra["process_group"] = 0  # Ctrl-C in the terminal is ours to handle
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_child_environment(),
            **extra,
        )
        self.inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="child-reader", daemon=True)
        self._reader.start()
        # heavy imports happen while the parent is still getting ready, not inside the first task
        self.send({"id": 0, "task": "warm_up", "args": {}})

    def _read(self) -> None:
        stream = cast("BinaryIO", self._popen.stdout)
        while (message := receive(stream)) is not None:
            self.inbox.put(message)
        self.inbox.put(None)

    def send(self, message: Message) -> None:
        try:
            send(cast("BinaryIO", self._popen.stdin), message)
        except (OSError, ValueError):  # a ValueError where another thread has ended the child
            log.info("child %d is gone", self._popen.pid)

    def is_alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def pid(self) -> int:
        return self._popen.pid

    def end(self, *, kill: bool) -> int | None:
        """Close the pipe (a well child then ends by itself) or kill; wait; return the exit code."""
        if kill:
            self._popen.kill()
        try:
            cast("BinaryIO", self._popen.stdin).close()
        except OSError:
            log.debug("child %d was gone already", self._popen.pid)
        try:
            code = self._popen.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            code = self._popen.wait()
        self._reader.join(timeout=2)
        cast("BinaryIO", self._popen.stdout).close()
        return code


class Worker:
    """A warm child process of one role; tasks run one after the other.

    Attributes:
        start_wait_s: how long the last task waited for its child to start.

    Thread: any thread may call `run`; callers wait their turn.
    """

    def __init__(
        self,
        role: str,
        *,
        log_folder: Path | None = None,
        memory_mb: int = MEDIA_MEMORY_MB,
        command: list[str] | None = None,
    ) -> None:
        self.role = role
        log_file = log_folder / f"{role}.log" if log_folder is not None else None
        self._command = command or child_command(role, log_file, memory_mb)
        self._turn = threading.Lock()
        self._state = threading.Lock()
        self._process: _Process | None = None
        self._number = 0
        self._idle: threading.Timer | None = None
        self._is_closed = False
        self.start_wait_s = 0.0

    @property
    def pid(self) -> int | None:
        """The child's process id, or None while none is running."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def start(self) -> None:
        """Start the child ahead of its first task; where that fails, the task will tell."""
        try:
            self._ready_process()
        except (EngineCrashed, Cancelled) as exc:
            log.info("%s child was not started ahead: %s", self.role, exc)
        self._watch_idle()

    def run(
        self,
        task: str,
        args: dict[str, Any],
        *,
        on_progress: OnProgress | None = None,
        stop: StopEvent | None = None,
        stall_s: float | None = None,
        hints: Hints = dict,
    ) -> dict[str, Any]:
        """Run one task in the child and return its result.

        Args:
            task: name in the child's task table.
            args: plain values.
            on_progress: called in this thread with each fact the task tells.
            stop: when set, the task is asked to stop, and its child is killed 0.4 s later.
            stall_s: kill the child when it has said nothing for so long.
            hints: asked many times a second; what is new is passed on to the task.

        Raises:
            Cancelled: `stop` was set, or the worker has been closed.
            WorkerDied: the child ended in the middle.
            ProcessingTimeout: the task stalled.
            EngineCrashed: no child could be started.
            KaraokeError: whatever the task raised.
        """
        stop = stop or threading.Event()
        self._take_turn(stop)
        try:
            process = self._ready_process()
            self._number += 1
            process.send({"id": self._number, "task": task, "args": args})
            return self._wait(process, self._number, on_progress, stop, stall_s, hints)
        finally:
            self._turn.release()
            self._watch_idle()

    def _take_turn(self, stop: StopEvent) -> None:
        while not self._turn.acquire(timeout=POLL_S):
            if stop.is_set():
                raise Cancelled
        if stop.is_set():
            self._turn.release()
            raise Cancelled

    def _wait(
        self,
        process: _Process,
        number: int,
        on_progress: OnProgress | None,
        stop: StopEvent,
        stall_s: float | None,
        hints: Hints,
    ) -> dict[str, Any]:
        heard_s = sent_s = time.monotonic()
        hinted: dict[str, Any] = {}
        asked_s: float | None = None
        while True:
            try:
                message = process.inbox.get(timeout=POLL_S)
            except queue.Empty:
                message = {}
            now = time.monotonic()
            if message is None:
                died = self._died(process)
                if self._is_closed:
                    raise Cancelled from died
                raise died
            if message.get("id") == number:
                heard_s = now
                if "started" in message:
                    self.start_wait_s = now - sent_s
                    continue
                if "progress" not in message:
                    return _result_of(message)
                if on_progress is not None and asked_s is None and message["progress"]:
                    self._tell(process, on_progress, message["progress"])
            hinted = _pass_on(process, number, hinted, hints())
            if stop.is_set() and asked_s is None:
                asked_s = now
                process.send({"cancel": number})
            if asked_s is not None and now - asked_s > KILL_AFTER_S:
                self._replace(process)
                raise Cancelled
            if stall_s is not None and now - heard_s > stall_s:
                self._replace(process)
                raise ProcessingTimeout(
                    f"The song could not be processed: nothing happened for {stall_s:.0f} seconds.",
                    hint="Check the disk the song is on, then try again.",
                )

    def _tell(self, process: _Process, on_progress: OnProgress, facts: dict[str, Any]) -> None:
        try:
            on_progress(facts)
        except BaseException:  # nobody waits for the task any more
            self._replace(process)
            raise

    def _ready_process(self) -> _Process:
        with self._state:
            if self._is_closed:
                raise Cancelled
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            if self._process is not None and not self._process.is_alive():
                self._process.end(kill=False)
                self._process = None
            if self._process is None:
                try:
                    self._process = _Process(self._command)
                except OSError as exc:
                    raise EngineCrashed(
                        f"A helper process could not be started ({exc.strerror}).",
                        hint="Close other programs, then try again.",
                    ) from exc
            return self._process

    def _died(self, process: _Process) -> WorkerDied:
        code = process.end(kill=True)
        with self._state:
            if self._process is process:
                self._process = None
        log.warning("%s child ended in the middle of a task with %s", self.role, code)
        return WorkerDied(self.role, code)

    def _replace(self, process: _Process) -> None:
        """Kill the child; start a fresh one at once, so that the next task need not wait."""
        log.info("%s child %d is killed", self.role, process.pid)
        with self._state:
            if self._process is process:
                self._process = None
        process.end(kill=True)
        self.start()

    def _watch_idle(self) -> None:
        with self._state:
            if self._process is None or self._is_closed:
                return
            if self._idle is not None:
                self._idle.cancel()
            self._idle = threading.Timer(IDLE_END_S, self.end_idle)
            self._idle.daemon = True
            self._idle.start()

    def end_idle(self) -> None:
        """End the child unless it works; all its memory is given back, on graphics cards too."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            with self._state:
                process, self._process = self._process, None
            if process is not None:
                process.end(kill=False)
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the child; a task that still runs is killed."""
        with self._state:
            self._is_closed = True
            if self._idle is not None:
                self._idle.cancel()
            process, self._process = self._process, None
        if process is not None:
            process.end(kill=self._turn.locked())


def _pass_on(
    process: _Process, number: int, before: dict[str, Any], now: dict[str, Any]
) -> dict[str, Any]:
    if now != before:
        process.send({"hint": number, "hints": now})
    return now


def _result_of(message: Message) -> dict[str, Any]:
    if message.get("cancelled"):
        raise Cancelled
    if "error" in message:
        raise error_from_json(message["error"])
    result: dict[str, Any] = message["result"]
    return result


@dataclass(frozen=True)
class Workers:
    """The children a program needs, each started when first used.

    Attributes:
        interactive: probes, tags, device lists: short things a person waits for.
        transfer: import, encoding, exports.
        builtin: the engines that need no download.
        analysis: tempo, key and loudness, at the lowest priority.
        engine: the network runtime.
        openvino: the other one, for converted networks.
    """

    interactive: Worker
    transfer: Worker
    builtin: Worker
    analysis: Worker
    engine: Worker
    openvino: Worker

    @staticmethod
    def create(log_folder: Path | None = None) -> Workers:
        """Return a set of workers that log into a folder."""
        return Workers(
            Worker("interactive", log_folder=log_folder),
            Worker("transfer", log_folder=log_folder),
            Worker("builtin", log_folder=log_folder),
            Worker("analysis", log_folder=log_folder),
            Worker("engine", log_folder=log_folder, memory_mb=0),
            Worker("openvino", log_folder=log_folder, memory_mb=0),
        )

    def another_engine(self) -> Worker:
        """Return one more *engine* child, for questions that cannot wait for a song's end.

        Whoever asked closes it.
        """
        # no log: two processes cannot turn the pages of one file
        return Worker("engine", memory_mb=0)

    def all(self) -> tuple[Worker, ...]:
        """Return every worker."""
        media = (self.interactive, self.transfer, self.builtin, self.analysis)
        return (*media, self.engine, self.openvino)

    def close(self) -> None:
        """End all children."""
        for worker in self.all():
            worker.close()
