from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.devices import Device, Devices, explain
from karaoke_studio.separation.device_words import crashed as told_of_a_crash
from karaoke_studio.worker.host import Worker
from tests.jobs.fake_workers import FakeWorkers

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")


@pytest.fixture
def shop() -> FakeWorkers:
    return FakeWorkers()


@pytest.fixture
def devices(shop: Any, tmp_path: Path) -> Iterator[Devices]:
    devices = Devices(shop.another_engine, tmp_path)
    yield devices
    devices.close()


def test_each_device_is_tried_and_a_crash_is_told(qtbot: QtBot, devices: Devices) -> None:
    with qtbot.waitSignal(devices.found) as blocker:
        devices.look()
    update = "Update its driver."
    crashed = Device("cuda:1", "CUDA:1", works=False, reason="it crashes the program")
    crashed = replace(crashed, memory_mb=8192, advice=told_of_a_crash()["advice"])
    assert blocker.args == [
        [
            Device("cuda:0", "CUDA:0", memory_mb=8192),
            crashed,
            Device("mps", "MPS", works=False, reason="it computes wrongly", advice=update),
            Device("cpu", "CPU"),
            Device("", "Intel graphics", works=False, reason="not known", advice="Type this"),
        ]
    ]
    assert explain(blocker.args[0]) == "Automatic takes CUDA:0: a graphics card that works."


def test_they_are_looked_for_once(qtbot: QtBot, devices: Devices, shop: FakeWorkers) -> None:
    with qtbot.waitSignal(devices.found):
        devices.look()
    with qtbot.assertNotEmitted(devices.found, wait=50):
        devices.look()
    assert [task for task, _ in shop.tasks].count("devices") == 1


def test_without_an_answer_there_is_the_processor(
    qtbot: QtBot, devices: Devices, shop: FakeWorkers
) -> None:
    shop.devices = []
    with qtbot.waitSignal(devices.found) as blocker:
        devices.look()
    assert blocker.args == [[Device("cpu", "")]]


def test_a_true_child_knows_its_processor(qtbot: QtBot, tmp_path: Path) -> None:
    devices = Devices(lambda: Worker("engine", memory_mb=0), tmp_path)
    try:
        with qtbot.waitSignal(devices.found, timeout=60_000) as blocker:
            devices.look()
    finally:
        devices.close()
    (found,) = blocker.args
    (processor,) = [one for one in found if one.name == "cpu"]
    assert processor.works
