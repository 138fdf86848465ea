from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.quiet_times import BATTERY, NIGHT, QuietTimes
from karaoke_studio.power import on_battery
from karaoke_studio.settings import Settings


class Clock:
    """Settings, battery and clock that a test moves."""

    def __init__(self) -> None:
        self.settings, self.is_on_battery, self.hour = Settings(), False, 12
        self.told: list[str] = []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quiet(clock: Clock, qapp: object) -> Iterator[QuietTimes]:
    parent = QObject()
    quiet = QuietTimes(
        lambda: clock.settings,
        parent,
        lambda: clock.is_on_battery,
        lambda: datetime(2026, 1, 1, clock.hour),
    )
    quiet.changed.connect(clock.told.append)
    yield quiet
    quiet.close()


def test_nothing_waits_where_nobody_asked_for_it(clock: Clock, quiet: QuietTimes) -> None:
    clock.is_on_battery, clock.hour = True, 23
    quiet.look()
    assert clock.told == []


def test_the_night_goes_over_midnight(clock: Clock, quiet: QuietTimes) -> None:
    clock.settings = Settings(pause_at_night=True, night_begins=22, night_ends=7)
    for clock.hour in (21, 22, 23, 0, 6, 7, 8):
        quiet.look()
    assert clock.told == [NIGHT, ""]


def test_the_battery_is_waited_for(qtbot: QtBot, clock: Clock, quiet: QuietTimes) -> None:
    clock.settings, clock.is_on_battery = Settings(pause_on_battery=True), True
    quiet.start()
    qtbot.waitUntil(lambda: clock.told == [BATTERY])
    clock.settings = Settings()
    quiet.look()
    assert clock.told == [BATTERY, ""]


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"BAT0": {"type": "Battery", "status": "Discharging"}}, True),
        ({"BAT0": {"type": "Battery", "status": "Charging"}}, False),
        (
            {
                "BAT0": {"type": "Battery", "status": "Discharging"},
                "AC": {"type": "Mains", "online": "1"},
            },
            False,
        ),
        (
            {
                "AC": {"type": "Mains", "online": "0"},
                "BAT0": {"type": "Battery", "status": "Discharging"},
            },
            True,
        ),
        ({"mouse": {"type": "Battery", "status": "Discharging", "scope": "Device"}}, False),
    ],
)
def test_what_the_kernel_tells_of_the_battery(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    supplies: dict[str, dict[str, str]],
    expected: bool,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name, facts in supplies.items():
        (tmp_path / name).mkdir()
        for key, value in facts.items():
            (tmp_path / name / key).write_text(f"{value}\n")
    assert on_battery(tmp_path) is expected
    assert not on_battery(tmp_path / "gone")
