"""The child's side: one process, one task at a time, commands in by pipe, results out by pipe.

Started as `python -m karaoke_studio.worker.child ROLE …` (a frozen program starts itself with
`--worker`). Nothing heavy is imported before the first task, so a bare child is up in tens of
milliseconds. File descriptors 0, 1 and 2 are taken away first, so no library can write into the
pipe. The child ignores Ctrl-C and ends when its parent's end of the pipe closes.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from karaoke_studio.errors import KaraokeError, OutOfMemory, ProcessingFailed, error_from_os
from karaoke_studio.log import PrivateFormatter, tell_names
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.pipe import Message, receive, send

# a child is started as __main__
log = logging.getLogger("karaoke_studio.worker.child")

#: role → (module with its TASKS table, niceness)
ROLES = {
    "interactive": ("karaoke_studio.worker.media", 0),
    "transfer": ("karaoke_studio.worker.media", 5),
    "builtin": ("karaoke_studio.worker.media", 10),
    # apart from the transfer child, where it would keep the next song waiting
    "analysis": ("karaoke_studio.worker.media", 19),
    "engine": ("karaoke_studio.worker.engine", 10),
    "openvino": ("karaoke_studio.worker.openvino", 10),
}
PROGRESS_INTERVAL_S = 1 / 15
#: A task that works on without anything to report says so this often, or it would seem stalled.
SIGN_INTERVAL_S = 5.0
LOG_LIMIT_BYTES = 1_000_000

Task = Callable[[dict[str, Any], "TaskContext"], dict[str, Any]]


class TaskContext:
    """What a running task may do: report, and ask whether it should stop.

    Attributes:
        started_s: `time.perf_counter()` when the task began.
        hints: what the parent said last while the task runs; {} before it said anything.
    """

    def __init__(
        self, channel: Channel, number: int, stop: threading.Event, hints: dict[str, Any]
    ) -> None:
        self._channel = channel
        self._number = number
        self._stop = stop
        self.hints = hints
        self._last_report_s = 0.0
        self.started_s = self._last_sign_s = time.perf_counter()

    def report(self, fraction: float) -> None:
        """Tell the parent how far the task is (0…1), at most 15 times a second."""
        now = time.perf_counter()
        if now - self._last_report_s >= PROGRESS_INTERVAL_S or fraction >= 1.0:
            self._last_report_s = now
            self.tell({"fraction": round(fraction, 4)})

    def tell(self, facts: dict[str, Any]) -> None:
        """Send facts that the parent wants before the task is done."""
        self._last_sign_s = time.perf_counter()
        self._channel.send({"id": self._number, "progress": facts})

    def check(self) -> None:
        """Raise `Cancelled` when the parent asked for the task to stop."""
        if self._stop.is_set():
            raise Cancelled
        if time.perf_counter() - self._last_sign_s >= SIGN_INTERVAL_S:
            self.tell({})


class Channel:
    """The pipe to the parent; sending is safe from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send, or end the process when the parent is gone."""
        try:
            with self._lock:
                send(self._stream, message)
        except OSError:
            os._exit(0)


class Child:
    """Reads commands in a thread, runs tasks in the main thread."""

    def __init__(self, tasks: dict[str, Task], source: BinaryIO, channel: Channel) -> None:
        self._tasks = tasks
        self._source = source
        self._channel = channel
        self._todo: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stops: dict[int, threading.Event] = {}
        self._hints: dict[int, dict[str, Any]] = {}

    def run(self) -> None:
        """Serve until the parent closes the pipe."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()
        while True:
            message = self._todo.get()
            number = int(message["id"])
            self._serve(number, message)
            self._stops.pop(number, None)
            self._hints.pop(number, None)

    def _read(self) -> None:
        while (message := receive(self._source)) is not None:
            if "cancel" in message:
                stop = self._stops.get(int(message["cancel"]))
                if stop is not None:
                    stop.set()
            elif "hint" in message:
                if (hints := self._hints.get(int(message["hint"]))) is not None:
                    hints.update(message["hints"])
            else:
                self._stops[int(message["id"])] = threading.Event()
                self._hints[int(message["id"])] = {}
                self._todo.put(message)
        os._exit(0)  # the parent is gone, and nothing here is worth finishing

    def _serve(self, number: int, message: Message) -> None:
        context = TaskContext(
            self._channel, number, self._stops[number], self._hints.setdefault(number, {})
        )
        answer: Message = {"id": number}
        self._channel.send({"id": number, "started": True})
        try:
            answer["result"] = self._tasks[message["task"]](message["args"], context)
        except Cancelled:
            answer["cancelled"] = True
        except KaraokeError as exc:
            log.info("task %s failed: %s", message.get("task"), exc.code)
            log.debug("it failed because: %s", exc.message)
            answer["error"] = exc.to_pipe()
        except MemoryError:
            log.exception("task %s ran out of memory", message.get("task"))
            answer["error"] = OutOfMemory(
                "There is not enough memory for this song.", hint="Close other programs, try again."
            ).to_pipe()
        except OSError as exc:
            log.exception("task %s met the system", message.get("task"))
            # a file name may also be a number or bytes
            name = exc.filename if isinstance(exc.filename, str) else ""
            answer["error"] = error_from_os(exc, name or "The song").to_pipe()
        except Exception as exc:  # the worker loop is one of the two marked borders
            log.exception("task %s broke", message.get("task"))
            answer["error"] = ProcessingFailed(
                f"The song could not be processed ({type(exc).__name__}).",
                hint="Try again; the log in the data folder says more.",
            ).to_pipe()
        self._channel.send(answer)


def _take_pipes(log_file: Path | None) -> tuple[BinaryIO, BinaryIO]:
    """Move the pipe away from descriptors 0 and 1; point 1 and 2 at the log."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    written = nothing if log_file is None else _open_log(log_file, instead=nothing)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(source, os.O_BINARY)
        msvcrt.setmode(sink, os.O_BINARY)
    return os.fdopen(source, "rb"), os.fdopen(sink, "wb")


def _open_log(file: Path, *, instead: int) -> int:
    """Open a child's log for appending; a full one becomes the old one."""
    try:
        if file.exists() and file.stat().st_size > LOG_LIMIT_BYTES:
            file.replace(f"{file}.1")
    except OSError:  # another child has it open, which Windows minds: it grows on
        log.debug("the log of a child is not rotated")
    try:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return instead


def _limit_memory(limit_mb: int) -> None:
    """Cap the address space where the system can: a bomb then is a MemoryError, not a freeze."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = limit_mb * 1024 * 1024
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    except (ValueError, OSError) as exc:  # macOS knows the limit and refuses to set it
        log.info("memory is not limited: %s", exc)


def _lower_priority(niceness: int) -> None:
    if hasattr(os, "nice"):
        os.nice(niceness)
    elif sys.platform == "win32" and niceness:
        import ctypes

        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)


def main(argv: list[str] | None = None) -> None:
    """Run a child process for one role until its parent goes away."""
    parser = argparse.ArgumentParser(prog="karaoke-studio --worker")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--memory-mb", type=int, default=0)
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, sink = _take_pipes(arguments.log)
    written = logging.StreamHandler(os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace"))
    form = f"%(asctime)s %(levelname)s {arguments.role} %(process)d %(message)s"
    written.setFormatter(PrivateFormatter(form))
    logging.basicConfig(level=logging.INFO, handlers=[written])
    tell_names()
    module, niceness = ROLES[arguments.role]
    _lower_priority(niceness)
    if arguments.memory_mb:
        _limit_memory(arguments.memory_mb)
    channel = Channel(sink)
    channel.send({"ready": os.getpid()})
    try:
        tasks: dict[str, Task] = importlib.import_module(module).TASKS
        Child(tasks, source, channel).run()
    except BaseException:
        # not by the usual way: that waits for threads a library may have left behind
        log.exception("the child ends")
        os._exit(1)


if __name__ == "__main__":
    main()
