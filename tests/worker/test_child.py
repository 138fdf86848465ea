from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.progress import Cancelled
from karaoke_studio.worker import child
from karaoke_studio.worker.child import TaskContext


class Heard:
    """A channel that only remembers."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


class Clock:
    now_s = 100.0

    def perf_counter(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(child, "time", clock)
    return clock


def make_context(heard: Heard, stop: threading.Event | None = None) -> TaskContext:
    return TaskContext(heard, 3, stop or threading.Event(), {})  # type: ignore[arg-type]


def test_progress_is_told_fifteen_times_a_second_and_at_the_end(clock: Clock) -> None:
    heard = Heard()
    context = make_context(heard)
    for step in range(1000):
        clock.now_s += 0.001
        context.report(step / 1000)
    context.report(1.0)
    fractions = [message["progress"]["fraction"] for message in heard.messages]
    assert 13 <= len(fractions) <= 17
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {message["id"] for message in heard.messages} == {3}


def test_check_stops_a_task_that_was_cancelled() -> None:
    stop = threading.Event()
    context = make_context(Heard(), stop)
    context.check()
    stop.set()
    with pytest.raises(Cancelled):
        context.check()


def test_a_task_that_only_checks_does_not_seem_stalled(clock: Clock) -> None:
    heard = Heard()
    context = make_context(heard)
    for _ in range(600):
        clock.now_s += 0.1
        context.check()
    assert 9 <= len(heard.messages) <= 12
    assert all(message["progress"] == {} for message in heard.messages)


def test_a_task_that_reports_gives_no_signs_besides(clock: Clock) -> None:
    heard = Heard()
    context = make_context(heard)
    for step in range(100):
        clock.now_s += 0.5
        context.check()
        context.report(step / 100)
    assert all("fraction" in message["progress"] for message in heard.messages)


def test_a_system_that_refuses_the_memory_limit_still_gets_a_child(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """macOS has RLIMIT_AS and refuses to set it."""
    resource = pytest.importorskip("resource")
    asked: list[tuple[int, int]] = []

    def refuse(_what: int, limits: tuple[int, int]) -> None:
        asked.append(limits)
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with caplog.at_level("INFO"):
        child._limit_memory(100)
    assert [soft for soft, _ in asked] == [100 << 20]
    assert "memory is not limited" in caplog.text


def test_a_full_log_becomes_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "transfer.log"
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        for size in (child.LOG_LIMIT_BYTES + 1, child.LOG_LIMIT_BYTES + 2, 10):
            file.write_bytes(b"x" * size)
            handle = child._open_log(file, instead=nothing)
            os.write(handle, b"new")
            os.close(handle)
            assert file.stat().st_size == (13 if size == 10 else 3)
        assert (tmp_path / "transfer.log.1").stat().st_size == child.LOG_LIMIT_BYTES + 2
        file.write_bytes(b"x" * (child.LOG_LIMIT_BYTES + 1))
        (tmp_path / "transfer.log.1").unlink()
        (tmp_path / "transfer.log.1").mkdir()  # in the way, as an open file is on Windows
        os.close(child._open_log(file, instead=nothing))
        assert file.stat().st_size == child.LOG_LIMIT_BYTES + 1
        assert child._open_log(tmp_path / "gone" / "x.log", instead=nothing) == nothing
    finally:
        os.close(nothing)


def test_a_child_starts_with_next_to_nothing() -> None:
    """What a bare child imports is what its start costs."""
    program = (
        "import sys, karaoke_studio.worker.child, json;json.dump(sorted(sys.modules), sys.stdout)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    modules = set(json.loads(done.stdout))
    assert not modules & {"numpy", "torch", "PySide6", "sqlite3", "soundfile", "av", "mutagen"}


def test_the_error_of_a_broken_task_names_no_folder() -> None:
    """Runs `_serve` in this process, with a task that breaks."""
    heard = Heard()
    made = child.Child({"x": _broken}, None, heard)  # type: ignore[arg-type]
    made._stops[1] = threading.Event()
    made._serve(1, {"id": 1, "task": "x", "args": {"path": "/secret/place"}})
    assert heard.messages[0] == {"id": 1, "started": True}
    error = heard.messages[1]["error"]
    assert error["code"] == "AUDIO_PROCESSING_FAILED"
    assert "KeyError" in error["message"]
    assert "secret" not in json.dumps(error)


def _broken(args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    raise KeyError(args["path"])


def test_an_unknown_task_is_an_error_and_not_the_end() -> None:
    heard = Heard()
    made = child.Child({}, None, heard)  # type: ignore[arg-type]
    made._stops[1] = threading.Event()
    made._serve(1, {"id": 1, "task": "nonsense", "args": {}})
    assert heard.messages[-1]["error"]["code"] == "AUDIO_PROCESSING_FAILED"


def test_cancelling_what_waits_is_remembered() -> None:
    """The parent's wish may come before the task's turn."""
    made = child.Child({}, None, Heard())  # type: ignore[arg-type]
    made._todo = queue.SimpleQueue()
    made._stops[5] = threading.Event()
    made._stops[5].set()
    heard = Heard()
    made._channel = heard  # type: ignore[assignment]
    made._tasks = {"x": lambda _args, context: context.check() or {}}  # type: ignore[func-returns-value]
    made._serve(5, {"id": 5, "task": "x", "args": {}})
    assert heard.messages[-1] == {"id": 5, "cancelled": True}
