from __future__ import annotations

import sys
import threading
import time

import pytest
from PySide6.QtCore import QCoreApplication, QThread

from karaoke_studio.jobs.lane import Lane

pytestmark = pytest.mark.usefixtures("qapp")


def test_errands_run_one_after_the_other_in_a_thread_of_their_own() -> None:
    lane = Lane("test")
    done: list[tuple[int, bool]] = []
    own = threading.get_ident()
    for number in range(50):
        lane.put(lambda n=number: done.append((n, threading.get_ident() == own)))
    lane.close()
    assert done == [(number, False) for number in range(50)]
    assert lane.isFinished()


def test_a_lane_that_was_never_used_starts_nothing() -> None:
    lane = Lane("test")
    lane.close()
    assert not lane.isRunning()
    assert not lane.isFinished()


def test_whatever_an_errand_raises_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    lane = Lane("test")
    done = threading.Event()

    def panic() -> None:
        raise BaseException  # noqa: TRY002 - what Rust libraries raise

    for errand in (lambda: 1 / 0, lambda: sys.exit(3), panic, done.set):
        lane.put(errand)
    assert done.wait(5)
    lane.close()
    assert caplog.text.count("an errand of test failed") == 3


def test_closing_waits_for_what_was_put_before() -> None:
    lane = Lane("test")
    done: list[int] = []
    lane.put(lambda: (time.sleep(0.1), done.append(1)))
    lane.put(lambda: done.append(2))
    lane.close()
    assert done == [1, 2]


def test_a_closed_lane_takes_no_errand_and_starts_no_thread() -> None:
    lane = Lane("test")
    done: list[int] = []
    lane.put(lambda: done.append(1))
    lane.close()
    lane.put(lambda: done.append(2))
    lane.close()
    assert done == [1]
    assert not lane.isRunning()


def test_the_thread_is_qt_s_own() -> None:
    lane = Lane("songs")
    seen: list[str] = []
    lane.put(lambda: seen.append(QThread.currentThread().objectName()))
    lane.close()
    assert seen == ["songs"]
    assert QCoreApplication.instance() is not None
