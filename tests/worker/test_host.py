from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import (
    DiskFull,
    EngineCrashed,
    OutOfMemory,
    ProcessingFailed,
    ProcessingTimeout,
    UnreadableFile,
)
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker import host
from karaoke_studio.worker.host import Worker, WorkerDied, Workers, child_command
from tests.helpers.child import command, make_worker

pytestmark = pytest.mark.usefixtures("nothing_left")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = make_worker()
    yield worker
    worker.close()


class Stopper:
    """Sets a stop-event when the task says that it is under way, and measures from there."""

    def __init__(self, after_s: float = 0.0) -> None:
        self.event = threading.Event()
        self.asked_s = 0.0
        self._after_s = after_s

    def hear(self, _facts: dict[str, Any]) -> None:
        def ask() -> None:
            self.asked_s = time.monotonic()
            self.event.set()

        if self._after_s:
            threading.Timer(self._after_s, ask).start()
        else:
            ask()

    def run(self, worker: Worker, task: str, seconds: float = 30.0) -> float:
        """Return how long it took to stop."""
        with pytest.raises(Cancelled):
            worker.run(task, {"seconds": seconds}, on_progress=self.hear, stop=self.event)
        return time.monotonic() - self.asked_s


# -- talking -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [{}, {"path": "/m/caf\udce9 שיר\n🎤"}, {"a": [1, 2.5, None, True, {"b": "\ud800"}]}],
)
def test_values_go_there_and_back(worker: Worker, args: dict[str, Any]) -> None:
    assert worker.run("echo", args) == args


def test_one_child_serves_many_tasks(worker: Worker) -> None:
    assert worker.pid is None
    worker.run("echo", {})
    first = worker.pid
    for number in range(200):
        assert worker.run("echo", {"n": number}) == {"n": number}
    assert worker.pid == first


def test_progress_comes_in_order_before_the_result(worker: Worker) -> None:
    seen: list[float] = []
    worker.run(
        "steps",
        {"count": 300, "pause_s": 0.001},
        on_progress=lambda facts: seen.append(facts["fraction"]),
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert 2 <= len(seen) <= 30


def test_a_running_task_is_told_what_is_new(worker: Worker) -> None:
    asked = iter(range(1_000))

    def hints() -> dict[str, Any]:
        return {"frame": min(next(asked), 5), "moves": True}

    assert worker.run("wait_for_hint", {"frame": 5}, hints=hints) == {"frame": 5, "moves": True}
    # what was meant for one task is not the next one's
    assert worker.run("echo", {"a": 1}) == {"a": 1}


def test_big_messages_arrive(worker: Worker) -> None:
    assert len(worker.run("big", {"size": 20_000_000})["text"]) == 20_000_000


def test_threads_wait_their_turn(worker: Worker) -> None:
    got: list[int] = []

    def ask(number: int) -> None:
        for step in range(20):
            got.append(worker.run("echo", {"n": number * 100 + step})["n"])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(n * 100 + s for n in range(5) for s in range(20))


def test_what_a_library_prints_goes_to_the_log_and_never_into_the_pipe(tmp_path: Path) -> None:
    worker = make_worker("interactive", "--log", str(tmp_path / "child.log"))
    try:
        assert worker.run("print", {"text": "\x00\x01 noise"}) == {"stdin": ""}
        assert worker.run("echo", {"after": 1}) == {"after": 1}
    finally:
        worker.close()
    text = (tmp_path / "child.log").read_text()
    assert text.count("noise") == 2
    assert "straight to descriptor 1" in text


def test_without_a_log_what_is_printed_is_swallowed(
    worker: Worker, capfd: pytest.CaptureFixture[str]
) -> None:
    worker.run("print", {"text": "noise"})
    assert capfd.readouterr() == ("", "")


# -- failing -----------------------------------------------------------------------------------


def test_errors_come_across_with_their_class(worker: Worker) -> None:
    for what, kind in {
        "bug": ProcessingFailed,
        "no space": DiskFull,
        "no number": UnreadableFile,
        "odd name": UnreadableFile,
    }.items():
        with pytest.raises(kind) as caught:
            worker.run("raise", {"what": what})
        assert "None" not in caught.value.message
        assert caught.value.hint
    with pytest.raises(Cancelled):
        worker.run("raise", {"what": "cancelled"})
    with pytest.raises(ProcessingFailed):
        worker.run("no such task", {})
    assert worker.run("echo", {"still": "there"}) == {"still": "there"}


@linux_only
def test_the_systems_number_comes_across_with_a_read_that_failed(worker: Worker) -> None:
    # a regular file whose first byte cannot be read: EIO, as from a broken share
    with pytest.raises(UnreadableFile) as caught:
        worker.run("hash", {"path": "/proc/self/mem"})
    assert caught.value.errno == errno.EIO
    with pytest.raises(DiskFull) as caught_too:
        worker.run("raise", {"what": "no space"})
    assert caught_too.value.errno == errno.ENOSPC
    with pytest.raises(ProcessingFailed) as not_the_system:
        worker.run("raise", {"what": "bug"})
    assert not_the_system.value.errno == 0


@linux_only
def test_seed_000_20_a_bomb_meets_the_memory_limit_and_the_child_lives() -> None:
    worker = make_worker("interactive", "--memory-mb", "300")
    try:
        worker.run("echo", {})
        pid = worker.pid
        with pytest.raises(OutOfMemory):
            worker.run("hoard", {"size": 400 * 1024 * 1024})
        assert worker.run("hoard", {"size": 50 * 1024 * 1024})["size"] == 50 * 1024 * 1024
        assert worker.pid == pid
        assert worker.run("limits", {})["memory"] == 300 * 1024 * 1024
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("how", "code"), [("kill", -9), ("exit", 3), ("abort", -6), ("leave", 0), ("panic", 1)]
)
def test_a_child_that_dies_is_told_at_once_and_replaced(
    worker: Worker, how: str, code: int
) -> None:
    heard: list[float] = []
    with pytest.raises(WorkerDied) as caught:
        worker.run("die", {"how": how}, on_progress=lambda _: heard.append(time.monotonic()))
    assert time.monotonic() - heard[0] < 0.5
    assert caught.value.code == code or os.name == "nt" or (how == "exit" and caught.value.code)
    assert worker.run("echo", {"after": how}) == {"after": how}


def test_a_child_killed_while_idle_is_replaced_without_a_word(worker: Worker) -> None:
    worker.run("echo", {})
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while worker.pid is not None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert worker.run("echo", {"n": 1}) == {"n": 1}
    assert worker.pid not in {None, pid}


def test_a_result_that_is_no_plain_value_is_a_death_and_not_a_hang(worker: Worker) -> None:
    with pytest.raises(WorkerDied):
        worker.run("raise", {"what": "not plain"})


def test_a_program_that_is_no_child_is_a_death_and_not_a_hang() -> None:
    for wrong in (["-c", "print('hello')"], ["-c", "raise SystemExit(7)"]):
        worker = Worker("interactive", command=[sys.executable, *wrong])
        with pytest.raises(WorkerDied):
            worker.run("echo", {})
        worker.close()


def test_a_child_that_cannot_be_started_is_an_error_for_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = make_worker()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        worker.start()  # only ahead of time: no matter
        with pytest.raises(EngineCrashed, match="could not be started") as caught:
            worker.run("echo", {})
    assert caught.value.hint
    assert worker.run("echo", {"n": 1}) == {"n": 1}
    worker.close()


# -- stopping ----------------------------------------------------------------------------------


def test_a_task_that_listens_stops_at_once_and_its_child_stays(worker: Worker) -> None:
    worker.run("echo", {})
    pid = worker.pid
    for _ in range(5):
        assert Stopper().run(worker, "sleep_checking") < 0.25
    assert worker.pid == pid
    assert worker.run("echo", {"n": 1}) == {"n": 1}


@pytest.mark.parametrize("task", ["sleep_deaf", "spin_deaf"])
def test_a_deaf_task_is_killed_and_a_fresh_child_is_there(worker: Worker, task: str) -> None:
    worker.run("echo", {})
    pid = worker.pid
    took_s = [Stopper().run(worker, task) for _ in range(2)]
    assert host.KILL_AFTER_S - 0.05 < min(took_s) <= 0.6
    assert max(took_s) <= 1.0  # a busy machine may be late once
    assert worker.pid not in {None, pid}
    started = time.monotonic()
    assert worker.run("echo", {"n": 1}) == {"n": 1}
    assert time.monotonic() - started < 0.5


def test_cancelling_at_any_moment_takes_less_than_a_second(worker: Worker) -> None:
    rng = random.Random(20)
    waits = []
    for moment in range(20):
        task = "spin_deaf" if moment % 5 == 0 else "sleep_checking"
        event = threading.Event()
        asked: list[float] = []

        def ask(event: threading.Event = event, asked: list[float] = asked) -> None:
            asked.append(time.monotonic())
            event.set()

        timer = threading.Timer(rng.random() * 0.12, ask)
        timer.start()
        with pytest.raises(Cancelled):
            worker.run(task, {"seconds": 30}, stop=event)
        waits.append(time.monotonic() - asked[0])
        timer.join()
    waits.sort()
    print(f"cancel: p95 {waits[18]:.3f} s, max {waits[19]:.3f} s")
    assert waits[18] <= 0.7
    assert waits[19] <= 1.0


def test_what_was_cancelled_before_its_turn_never_runs(worker: Worker) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        worker.run("die", {"how": "kill"}, stop=stop)
    assert worker.pid is None


def test_waiting_for_a_turn_can_be_cancelled(worker: Worker) -> None:
    begun, release = threading.Event(), threading.Event()

    def occupy() -> None:
        with pytest.raises(Cancelled):
            worker.run(
                "sleep_checking", {"seconds": 30}, on_progress=lambda _: begun.set(), stop=release
            )

    thread = threading.Thread(target=occupy)
    thread.start()
    assert begun.wait(5)
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        worker.run("echo", {}, stop=stop)
    assert time.monotonic() - started < 0.3
    release.set()
    thread.join()
    assert worker.run("echo", {"n": 1}) == {"n": 1}


def test_a_task_that_says_nothing_is_stalled(worker: Worker) -> None:
    worker.run("echo", {})
    pid = worker.pid
    started = time.monotonic()
    with pytest.raises(ProcessingTimeout) as caught:
        worker.run("sleep_deaf", {"seconds": 30}, stall_s=0.3)
    assert 0.25 < time.monotonic() - started < 0.8
    assert caught.value.hint
    assert worker.pid != pid


def test_a_task_that_says_something_is_not_stalled(worker: Worker) -> None:
    worker.run("echo", {})
    pid, started = worker.pid, time.monotonic()
    assert worker.run("steps", {"count": 8, "pause_s": 0.15}, stall_s=0.8) == {}
    assert time.monotonic() - started > 0.8
    assert worker.pid == pid


def test_a_listener_that_breaks_ends_the_task_and_not_the_worker(worker: Worker) -> None:
    """A progress line to a terminal that was closed must not leave a child busy behind us."""

    def closed(_facts: dict[str, Any]) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        worker.run("sleep_deaf", {"seconds": 30}, on_progress=closed)
    started = time.monotonic()
    assert worker.run("echo", {"n": 1}) == {"n": 1}
    assert time.monotonic() - started < 1


# -- living and dying --------------------------------------------------------------------------


def test_an_idle_child_ends_and_comes_back(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "IDLE_END_S", 0.1)
    worker.start()  # one that never gets a task ends as well
    for _ in range(2):
        deadline = time.monotonic() + 3
        while worker.pid is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert worker.pid is None
        assert worker.run("echo", {"n": 1}) == {"n": 1}
    pid = worker.pid
    assert worker.run("steps", {"count": 6, "pause_s": 0.05}) == {}  # longer than the idle time
    assert worker.pid == pid


def test_closing_ends_the_child_and_a_closed_worker_starts_none(worker: Worker) -> None:
    worker.run("echo", {})
    worker.close()
    assert worker.pid is None
    with pytest.raises(Cancelled):
        worker.run("echo", {})
    worker.start()
    assert worker.pid is None
    worker.close()


def test_closing_while_a_task_runs_cancels_it(worker: Worker) -> None:
    begun = threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            worker.run("sleep_deaf", {"seconds": 30}, on_progress=lambda _: begun.set())
        except BaseException as exc:  # noqa: BLE001 - looked at below
            ended.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(5)
    started = time.monotonic()
    worker.close()
    thread.join()
    assert time.monotonic() - started < 1
    assert [type(exc) for exc in ended] == [Cancelled]
    assert worker.pid is None


def test_closing_at_any_moment_leaves_nothing() -> None:
    """`nothing_left` looks for the children; many threads use and replace them meanwhile."""
    rng = random.Random(5)
    for _ in range(6):
        worker = make_worker()

        def use(worker: Worker = worker) -> None:
            for number in range(200):
                stop = threading.Event()
                if number % 7 == 0:
                    stop.set()
                worker.start()
                try:
                    worker.run("die" if number % 10 == 9 else "echo", {"how": "kill"}, stop=stop)
                except WorkerDied:
                    continue
                except Cancelled:
                    if worker._is_closed:
                        return

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.1 + rng.random() * 0.25)
        worker.close()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def test_ctrl_c_is_not_for_children(worker: Worker) -> None:
    worker.run("echo", {})
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    assert worker.run("echo", {"n": 1}) == {"n": 1}
    assert worker.pid == pid
    if os.name == "posix":
        assert os.getpgid(pid) == pid != os.getpgid(0)


_PARENT = """
import sys, os, threading
from tests.helpers.child import make_worker
worker = make_worker()
def say(facts):
    print(worker.pid, flush=True)
    if sys.argv[1] == "exit":
        os._exit(0)
worker.run(sys.argv[2], {"seconds": 60}, on_progress=say)
"""


@linux_only
@pytest.mark.parametrize("task", ["sleep_checking", "sleep_deaf", "spin_deaf"])
@pytest.mark.parametrize("end", ["kill", "exit"])
def test_a_child_ends_with_its_parent(end: str, task: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, end, task], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if end == "kill":
            parent.kill()
        parent.wait()
    deadline = time.monotonic() + 1
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.005)
    else:
        assert not Path(f"/proc/{pid}").exists(), "the child lives on"


@linux_only
def test_a_child_holds_nothing_of_ours_open(worker: Worker, tmp_path: Path) -> None:
    with (tmp_path / "ours").open("wb") as ours:
        os.set_inheritable(ours.fileno(), True)
        limits = worker.run("limits", {})
    # 0, 1, 2, the two ends of the pipe, /dev/null, the log's stream, and /proc itself
    assert len(limits["descriptors"]) <= 8


@linux_only
def test_matrices_are_multiplied_in_the_thread_that_asks(worker: Worker) -> None:
    # An engine has threads of its own; those of the library would be in their way.
    assert worker.run("multiply", {}) == {"product": 700.0, "threads": 0}


@linux_only
def test_children_are_polite(tmp_path: Path) -> None:
    own = os.nice(0)
    for role, niceness in (("interactive", 0), ("transfer", 5), ("builtin", 10)):
        worker = make_worker(role, "--log", str(tmp_path / "x.log"))
        assert worker.run("limits", {})["nice"] == min(19, own + niceness)
        worker.close()


def test_modules_in_the_folder_we_stand_in_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numpy", "sitecustomize", "struct", "karaoke_studio"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hostile')\n")
    monkeypatch.chdir(tmp_path)
    for made in (make_worker(), Worker("interactive")):
        if made._command == command():
            where = made.run("where", {})
            assert str(tmp_path) not in where["path"]
            assert not where["json"].startswith(str(tmp_path))
        else:
            assert made.run("versions", {})["versions"]
        made.close()


def test_a_bare_child_is_up_quickly() -> None:
    times = []
    for _ in range(4):
        worker = Worker("interactive", command=child_command("interactive", None, 3072))
        started = time.monotonic()
        worker.start()
        process = worker._process
        assert process is not None
        message = process.inbox.get(timeout=5)
        times.append(time.monotonic() - started)
        assert message == {"ready": process.pid}
        worker.close()
    print(f"bare child: {min(times):.3f} s best, {sorted(times)[2]:.3f} s usual")
    assert min(times) <= 0.25


def test_the_time_a_child_takes_to_start_is_told_apart(worker: Worker) -> None:
    worker.run("echo", {})
    cold_s = worker.start_wait_s
    worker.run("steps", {"count": 3, "pause_s": 0.1})
    assert 0.01 < cold_s < 5
    assert worker.start_wait_s < min(0.1, cold_s + 0.05)


def test_a_set_of_workers_starts_nothing_by_itself(tmp_path: Path) -> None:
    workers = Workers.create(tmp_path)
    assert [worker.pid for worker in workers.all()] == [None] * 6
    assert {worker.role for worker in workers.all()} == {
        "interactive",
        "transfer",
        "builtin",
        "analysis",
        "engine",
        "openvino",
    }
    workers.close()
    assert not list(tmp_path.iterdir())


def test_a_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/karaoke-studio/karaoke-studio")
    made = child_command("transfer", tmp_path / "t.log", 100)
    assert made[:3] == ["/opt/karaoke-studio/karaoke-studio", "--worker", "transfer"]
    assert "-m" not in made
