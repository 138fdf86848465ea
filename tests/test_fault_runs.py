"""The fault runs strike, and notice harm."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AllowedLog
from tests.faults import __main__ as faults
from tests.faults import databases, disks, power, threads
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


@pytest.mark.parametrize("task", threads.TASKS)
def test_a_thread_that_is_ended_fails_its_job_alone(
    tmp_path: Path, task: str, qapp: object, calm_log: AllowedLog
) -> None:
    calm_log.allow("broke")
    fault, seconds = threads._end_in_queue(tmp_path / "ended", task, threads.ENDS["panic"])
    assert fault == ""
    assert seconds <= 1.0


def test_what_is_known_of_a_seed_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fault(scale: Scale) -> Report:
        tried.append("harm" if scale.seed == 2 else "none")
        return Report(1, 1, ["harm"] if scale.seed == 2 else [])

    monkeypatch.setattr(faults, "FAULTS", {"one": fault})
    monkeypatch.setattr(faults.logging, "disable", lambda _level: None)  # for other tests, too
    file = tmp_path / "deep" / "figures.json"

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["faults", "--json", str(file), *words])
        return faults.main()

    assert [run(), run("--resume"), run("--resume", "--all")] == [0, 0, 0]
    assert tried == ["none", "none"]
    assert [run("--seed", "2"), run("--seed", "2", "--resume")] == [1, 1]
    assert tried == ["none", "none", "harm"]


@pytest.mark.parametrize("why_not", [disks.why_no_mounts, power._why_not])
def test_who_cannot_mount_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why_not: Callable[[Path], str | None]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert "takes Linux and root" in (why_not(tmp_path) or "")


def test_a_killed_program_takes_its_children_along(tmp_path: Path) -> None:
    program = Program("doctor", data=tmp_path / "data")
    assert program.kill()
    assert not program.is_running
