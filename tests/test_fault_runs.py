"""The fault runs strike, and notice harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import AllowedLog
from tests.faults import databases
from tests.faults.program import Program
from tests.faults.report import Report, Scale


@pytest.mark.parametrize(
    ("report", "is_good"),
    [
        (Report(points=2, hits=2), True),
        (Report(points=2, hits=0), False),
        (Report(points=2, hits=2, failures=["harm"]), False),
        (Report(points=2, hits=2, mutant=""), False),
        (Report(points=2, hits=2, mutant="a song is lost"), True),
    ],
)
def test_a_run_that_proves_nothing_is_not_good(report: Report, is_good: bool) -> None:
    assert report.is_good == is_good


def test_points_are_those_of_their_seed(tmp_path: Path) -> None:
    one, same, other = (Scale(False, seed, tmp_path, False) for seed in (1, 1, 2))
    assert one.rng(3).random() == same.rng(3).random() != other.rng(3).random()
    assert one.rng(3).random() != one.rng(4).random()


def test_a_library_without_repair_is_caught(
    tmp_path: Path, calm_log: AllowedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_log.allow("index is damaged")
    calm_log.allow("was taken in")
    monkeypatch.setattr(databases, "_SONGS", 3)
    report = databases.run(Scale(False, 1, tmp_path, True))
    assert report.is_good
    assert report.mutant


def test_a_killed_program_takes_its_children_along(tmp_path: Path) -> None:
    program = Program("doctor", data=tmp_path / "data")
    assert program.kill()
    assert not program.is_running
