"""A child process whose tasks misbehave on purpose, for tests of the parent's side.

`python -m tests.helpers.child interactive [--log FILE] --memory-mb N`
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from karaoke_studio.progress import Cancelled
from karaoke_studio.worker import child
from karaoke_studio.worker.child import Task, TaskContext
from karaoke_studio.worker.host import Worker

Values = dict[str, Any]


class Panic(BaseException):
    """What Rust libraries raise: no Exception at all."""


def _echo(args: Values, _context: TaskContext) -> Values:
    return args


def _sleep_checking(args: Values, context: TaskContext) -> Values:
    context.tell({"asleep": True})
    end = time.monotonic() + args["seconds"]
    while time.monotonic() < end:
        context.check()
        time.sleep(0.005)
    return {}


def _sleep_deaf(args: Values, context: TaskContext) -> Values:
    context.tell({"asleep": True})
    time.sleep(args["seconds"])
    return {}


def _spin_deaf(args: Values, context: TaskContext) -> Values:
    """Hold the interpreter in short steps, as a busy engine does."""
    context.tell({"asleep": True})
    end = time.monotonic() + args["seconds"]
    while time.monotonic() < end:
        sum(range(1000))
    return {}


def _steps(args: Values, context: TaskContext) -> Values:
    for step in range(args["count"]):
        context.report(step / args["count"])
        time.sleep(args.get("pause_s", 0.0))
    context.report(1.0)
    return {}


def _wait_for_hint(args: Values, context: TaskContext) -> Values:
    context.tell({"waiting": True})
    end = time.monotonic() + 10
    while context.hints.get("frame") != args["frame"] and time.monotonic() < end:
        time.sleep(0.005)
    return dict(context.hints)


def _die(args: Values, context: TaskContext) -> Values:
    context.tell({"dying": True})
    match args["how"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.exit(3)
        case "abort":
            os.abort()
        case "leave":
            os._exit(0)
        case "panic":
            raise Panic
    raise AssertionError("still alive")


def _print(args: Values, _context: TaskContext) -> Values:
    sys.stdout.write(args["text"] + "\n")
    sys.stdout.flush()
    sys.stderr.write(args["text"] + "\n")
    os.write(1, b"straight to descriptor 1\n")
    return {"stdin": sys.stdin.read() if sys.stdin else ""}


def _big(args: Values, _context: TaskContext) -> Values:
    return {"text": "x" * args["size"]}


def _hoard(args: Values, _context: TaskContext) -> Values:
    return {"size": len(bytearray(args["size"]))}


def _import_hash(args: Values, _context: TaskContext) -> Values:
    """Read a file as an import does."""
    # here, or every child of these tests would start later
    from karaoke_studio.audio.importing import _hash

    return {"sha256": _hash(Path(args["path"]), None, lambda: None)[0]}


def _raise(args: Values, _context: TaskContext) -> Values:
    match args["what"]:
        case "cancelled":
            raise Cancelled
        case "bug":
            raise RuntimeError("a bug")
        case "no space":
            raise OSError(28, "No space left on device")
        case "no number":
            raise OSError("ends early")
        case "odd name":
            raise OSError(5, "Input/output error", 7)
        case "not plain":
            return {"value": object()}
    raise AssertionError(args["what"])


def _where(_args: Values, _context: TaskContext) -> Values:
    import json

    return {"path": sys.path, "json": json.__file__, "cwd": str(Path.cwd())}


def _limits(_args: Values, _context: TaskContext) -> Values:
    import resource

    return {
        "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
        "nice": os.nice(0),
        "descriptors": sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir()),
    }


def _multiply(_args: Values, _context: TaskContext) -> Values:
    before = len(list(Path("/proc/self/task").iterdir()))
    import numpy as np  # starts its threads

    square = np.ones((700, 700), np.float32)
    product = square @ square
    threads = len(list(Path("/proc/self/task").iterdir())) - before
    return {"product": float(product[0, 0]), "threads": threads}


def _thread_exits(_args: Values, context: TaskContext) -> Values:
    thread = threading.Thread(target=lambda: context.report(1.0))
    thread.start()
    thread.join()
    return {"modules": sorted(sys.modules)}


TASKS: dict[str, Task] = {
    "warm_up": _echo,
    "echo": _echo,
    "sleep_checking": _sleep_checking,
    "sleep_deaf": _sleep_deaf,
    "spin_deaf": _spin_deaf,
    "steps": _steps,
    "wait_for_hint": _wait_for_hint,
    "die": _die,
    "print": _print,
    "big": _big,
    "hoard": _hoard,
    "raise": _raise,
    "hash": _import_hash,
    "where": _where,
    "limits": _limits,
    "multiply": _multiply,
    "modules": _thread_exits,
}


def command(role: str = "interactive", *options: str) -> list[str]:
    """Return the command line of such a child."""
    return [sys.executable, "-P", "-m", "tests.helpers.child", role, *options]


def make_worker(role: str = "interactive", *options: str) -> Worker:
    """Return a worker with such a child."""
    return Worker(role, command=command(role, *options))


if __name__ == "__main__":
    child.ROLES = {role: ("tests.helpers.child", nice) for role, (_, nice) in child.ROLES.items()}
    child.main()
