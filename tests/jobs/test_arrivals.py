from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from karaoke_studio.job import JobSpec
from karaoke_studio.jobs.arrivals import TURN_S, Arrival, Arrivals

pytestmark = pytest.mark.usefixtures("qapp")


def arrivals(count: int) -> list[Arrival]:
    return [Arrival(JobSpec(f"{n}", Path(f"{n}.flac")), "instant") for n in range(count)]


def test_a_burst_leaves_turns_to_others_and_keeps_its_order(qtbot: QtBot) -> None:
    taken: list[str] = []
    turns: list[int] = []

    def take_in(arrival: Arrival) -> None:
        time.sleep(TURN_S / 4)
        taken.append(arrival.spec.job_id)

    beat = QTimer()
    beat.timeout.connect(lambda: turns.append(len(taken)))
    beat.start(0)
    way = Arrivals(take_in)
    way.put(arrivals(20))
    way.put(arrivals(30)[20:])
    assert taken == []
    assert way.are_waiting()
    qtbot.waitUntil(lambda: not way.are_waiting())
    assert taken == [f"{n}" for n in range(30)]
    assert len({count for count in turns if 0 < count < 30}) >= 5


def test_what_still_waits_is_taken_in_at_the_end(qtbot: QtBot) -> None:
    taken: list[Arrival] = []
    way = Arrivals(taken.append)
    way.put(arrivals(3))
    way.finish()
    assert taken == arrivals(3)
    qtbot.wait(20)
    assert len(taken) == 3
