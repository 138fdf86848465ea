from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest

from karaoke_studio.job import FORMATS, Stage
from karaoke_studio.meter import Meter, Speeds
from karaoke_studio.progress import Progress

STAGES = [
    (Stage.IMPORTING, "importing"),
    (Stage.SEPARATING, "separating centre"),
    (Stage.ENCODING, "encoding flac"),
    (Stage.PUBLISHING, "publishing"),
]


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Recorded:
    """A meter with a clock of ours and all that it reported."""

    def __init__(self, speeds: Speeds | None = None) -> None:
        self.clock = Clock()
        self.reports: list[Progress] = []
        self.meter = Meter(STAGES, speeds or Speeds(), self.reports.append, self.clock)

    @property
    def overall(self) -> float:
        return self.reports[-1].overall_fraction


def test_random_jobs_never_go_back_and_reach_one() -> None:
    rng = random.Random(6)
    for _ in range(300):
        run = Recorded()
        for stage, _name in STAGES:
            for _repeat in range(rng.choice((1, 1, 1, 2))):  # a stage may be entered once more
                run.meter.enter(stage)
                for _step in range(rng.randrange(12)):
                    run.clock.now_s += rng.random() * 3
                    run.meter.update(rng.choice((rng.random(), -1.0, 2.0, float("nan"), 0.0, 1.0)))
                if rng.random() < 0.3:
                    run.meter.forgive(rng.random() * 0.01)
        run.meter.finish()
        fractions = [report.overall_fraction for report in run.reports]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0.0
        assert fractions[-1] == 1.0
        assert all(0.0 <= report.stage_fraction <= 1.0 for report in run.reports)
        assert all(report.eta_s is None or report.eta_s >= 0 for report in run.reports)
        assert run.reports[-1].eta_s == 0.0


def test_stages_weigh_what_they_take(tmp_path: Path) -> None:
    file = tmp_path / "speeds.json"
    speeds = {"importing": 1, "separating centre": 7, "encoding flac": 1.5, "publishing": 0.5}
    file.write_text(json.dumps(speeds))
    run = Recorded(Speeds(file))
    seen = []
    for stage, _name in STAGES:
        run.meter.enter(stage)
        seen.append(run.overall)
        run.meter.update(0.5)
        seen.append(run.overall)
    assert seen == pytest.approx([0, 0.05, 0.1, 0.45, 0.8, 0.875, 0.95, 0.975])


def test_a_stage_that_is_left_early_counts_whole() -> None:
    run = Recorded()
    run.meter.enter(Stage.IMPORTING)
    run.meter.update(0.1)
    run.meter.enter(Stage.SEPARATING)
    first = run.overall
    assert first > 0.1
    run.meter.enter(Stage.ENCODING)
    assert run.overall > first + 0.2


def test_the_time_left_is_told_late_and_is_right() -> None:
    run = Recorded(Speeds())
    run.meter.enter(Stage.IMPORTING)
    for fraction in (0.01, 0.05):
        run.clock.now_s += 0.1
        run.meter.update(fraction)
        assert run.reports[-1].eta_s is None  # too early to say
    run.meter.enter(Stage.SEPARATING)
    run.clock.now_s += 9.8
    run.meter.update(0.5)
    eta_s = run.reports[-1].eta_s
    assert eta_s == pytest.approx(10 * (1 - run.overall) / run.overall)


def test_time_is_kept_per_stage_and_forgiven_time_is_not() -> None:
    run = Recorded()
    for seconds, (stage, _name) in zip((1, 5, 2, 0.5), STAGES, strict=True):
        run.meter.enter(stage)
        run.clock.now_s += seconds
        if stage is Stage.SEPARATING:
            run.meter.forgive(3)
    run.meter.finish()
    run.clock.now_s += 100
    assert run.meter.elapsed_s == pytest.approx(5.5)
    assert list(run.meter.seconds.values()) == pytest.approx([1, 2, 2, 0.5])
    assert list(run.meter.seconds) == [name for _, name in STAGES]


def test_speeds_are_learnt_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "speeds.json"
    speeds = Speeds(file)
    usual = speeds.get("separating centre")
    speeds.learn({"separating centre": 100 * usual}, 10.0)
    assert speeds.get("separating centre") == pytest.approx(10 * usual)
    speeds.learn({"separating centre": 10 * usual}, 10.0)
    assert usual < speeds.get("separating centre") < 10 * usual
    assert Speeds(file).get("separating centre") == speeds.get("separating centre")
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]


def test_every_speed_has_a_default() -> None:
    speeds = Speeds()
    for name in ("importing", "separating auto", "separating instant", "publishing"):
        assert speeds.get(name) > 0
    assert all(speeds.get(f"encoding {name}") > 0 for name in FORMATS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        "7",
        '{"importing": "fast"}',
        '{"importing": null}',
        '{"importing": -1}',
        '{"importing": 0}',
        '{"importing": NaN}',
        '{"importing": Infinity}',
        '{"importing": 1e999}',
        "\udcff",
    ],
)
def test_a_damaged_file_of_speeds_means_defaults(text: str, tmp_path: Path) -> None:
    file = tmp_path / "speeds.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    run = Recorded(Speeds(file))
    assert Speeds(file).get("importing") == Speeds().get("importing")
    run.meter.enter(Stage.IMPORTING)
    run.meter.update(0.5)
    assert 0 < run.overall < 1


def test_speeds_that_cannot_be_kept_are_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    speeds = Speeds(tmp_path / "gone" / "speeds.json")
    speeds.learn({"importing": 3.0}, 1.0)
    assert speeds.get("importing") == 3.0
    assert "could not be kept" in caplog.text


def test_songs_made_at_the_same_time_learn_together(tmp_path: Path) -> None:
    """Writing the file walks the same dictionary that other songs add to."""
    speeds = Speeds(tmp_path / "speeds.json")
    failed: list[BaseException] = []

    def learn(number: int) -> None:
        try:
            for step in range(12):
                names = {f"encoding {number} {step} {i}": 1.0 for i in range(40)}
                speeds.learn(names, 60.0)
        except BaseException as exc:  # noqa: BLE001 - told to the test
            failed.append(exc)

    threads = [threading.Thread(target=learn, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(json.loads((tmp_path / "speeds.json").read_text())) == 4 * 12 * 40
