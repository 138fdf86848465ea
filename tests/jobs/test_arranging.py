"""The queue as a person arranges it: order, pauses, other engines, files of every song."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import OutputNotWritable
from karaoke_studio.job import ALL_STEMS, STEMS, JobSpec, JobState, Stage
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.schema import DATABASE
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.meter import Speeds
from karaoke_studio.pipeline import Surroundings
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings
from karaoke_studio.stages import expected_s
from tests.jobs.fake_workers import FakeWorkers

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")
OVER = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


class Desk:
    """A queue over a library whose first song waits until it is let go."""

    def __init__(self, folder: Path, qtbot: Any, settings: Settings) -> None:
        self.folder, self._qtbot = folder, qtbot
        self.workers: Any = FakeWorkers()
        self.library = LibraryWriter(folder / "library")
        self.speeds = Speeds()
        around = Surroundings(self.workers, speeds=self.speeds, data=folder / "data")
        self.queue = JobQueue(around, self.library, folder / "cache", settings=settings)
        self._is_closed = False

    def wait(self, wanted: Any) -> None:
        self._qtbot.waitUntil(wanted, timeout=10_000)

    def add(self, *names: str) -> dict[str, str]:
        """Add songs; return name → id."""
        wanted = len(self.queue.jobs()) + len(names)
        self.queue.add_paths([self.folder / f"{name}.mp3" for name in names])
        self.wait(lambda: len(self.queue.jobs()) == wanted)
        return {job.path.stem: job.job_id for job in self.queue.jobs()}

    def begin(self, *names: str) -> dict[str, str]:
        """Add songs behind one that is being made till `finish`."""
        ids = self.add("slow", *names)
        assert self.workers.separating.wait(5)
        self.wait(lambda: self.states()["slow"] == "running")
        return ids

    def finish(self) -> None:
        self.workers.let_go.set()
        self.wait(lambda: all(job.state in OVER for job in self.queue.jobs()))

    def order(self) -> list[str]:
        return [job.path.stem for job in self.queue.jobs()]

    def made(self) -> list[str]:
        return [Path(name).stem for name in self.workers.inputs()]

    def states(self) -> dict[str, str]:
        return {job.path.stem: job.state.value for job in self.queue.jobs()}

    def close(self, *, keep: bool = True) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.queue.stop(keep)
            self.workers.let_go.set()
            self.library.close()
            self.queue.deleteLater()


@pytest.fixture
def open_desk(tmp_path: Path, qtbot: Any) -> Iterator[Any]:
    desks: list[Desk] = []

    def open_one(settings: Settings | None = None) -> Desk:
        desks.append(Desk(tmp_path, qtbot, settings or Settings()))
        return desks[-1]

    yield open_one
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(open_desk: Any) -> Desk:
    return open_desk()


# -- order -------------------------------------------------------------------------------------


def test_waiting_songs_are_made_in_the_order_they_are_brought_into(desk: Desk) -> None:
    ids = desk.begin("a", "b", "c")
    told: list[list[str]] = []
    desk.queue.jobs_arranged.connect(told.append)
    desk.queue.move(ids["c"], ids["a"])
    assert desk.order() == ["slow", "c", "a", "b"]
    desk.queue.move(ids["a"], None)
    assert desk.order() == ["slow", "c", "b", "a"]
    assert told[-1] == [job.job_id for job in desk.queue.jobs()]
    desk.finish()
    assert desk.made() == ["slow", "c", "b", "a"]


def test_songs_move_up_and_down_to_the_ends_and_no_further(desk: Desk) -> None:
    ids = desk.begin("a", "b", "c")
    told: list[list[str]] = []
    desk.queue.jobs_arranged.connect(told.append)
    desk.queue.move_by(ids["a"], -1)
    desk.queue.move_by(ids["c"], 1)
    desk.queue.move_by(ids["slow"], 1)  # it has begun
    desk.queue.move(ids["slow"], None)
    desk.queue.move(ids["b"], ids["b"])
    assert not told
    desk.queue.move_by(ids["a"], 1)
    assert desk.order() == ["slow", "b", "a", "c"]
    desk.queue.move_by(ids["c"], -2)
    assert desk.order() == ["slow", "c", "b", "a"]


def test_a_song_can_be_made_next(desk: Desk) -> None:
    ids = desk.begin("a", "b", "c")
    desk.queue.hold(ids["c"], on=True)
    desk.queue.make_next(ids["c"])
    desk.queue.make_next(ids["slow"])
    assert desk.order() == ["slow", "c", "a", "b"]
    desk.finish()
    assert desk.made() == ["slow", "c", "a", "b"]


# -- pauses ------------------------------------------------------------------------------------


def test_a_paused_queue_finishes_its_song_and_begins_no_other(desk: Desk, qtbot: Any) -> None:
    desk.begin("a", "b")
    told: list[bool] = []
    desk.queue.paused_changed.connect(told.append)
    desk.queue.pause(on=True)
    desk.queue.pause(on=True)
    desk.workers.let_go.set()
    desk.wait(lambda: desk.states()["slow"] == "completed")
    qtbot.wait(50)
    assert desk.made() == ["slow"]
    assert desk.queue.is_busy()
    assert not desk.queue.is_working()
    desk.queue.pause(on=False)
    desk.finish()
    assert desk.made() == ["slow", "a", "b"]
    assert told == [True, False]


def test_a_pause_ends_with_the_last_song(desk: Desk) -> None:
    ids = desk.begin("a")
    desk.queue.pause(on=True)
    desk.queue.cancel(ids["a"])
    assert not desk.queue.is_paused()
    desk.finish()


def test_a_song_that_is_held_is_left_out_until_it_is_let_go(desk: Desk, qtbot: Any) -> None:
    ids = desk.begin("a", "b")
    told: list[tuple[str, bool]] = []
    desk.queue.job_held.connect(lambda job_id, on: told.append((job_id, on)))
    desk.queue.hold(ids["a"], on=True)
    desk.queue.hold(ids["slow"], on=True)
    assert told == [(ids["a"], True)]
    desk.workers.let_go.set()
    desk.wait(lambda: desk.states() == {"slow": "completed", "a": "paused", "b": "completed"})
    qtbot.wait(30)
    assert desk.made() == ["slow", "b"]
    desk.queue.hold(ids["a"], on=False)
    desk.finish()
    assert desk.made() == ["slow", "b", "a"]


def test_a_held_song_can_be_cancelled(desk: Desk) -> None:
    ids = desk.begin("a")
    desk.queue.hold(ids["a"], on=True)
    desk.queue.cancel(ids["a"])
    assert desk.states()["a"] == "cancelled"
    desk.finish()
    assert desk.made() == ["slow"]


def test_order_and_pauses_survive_a_restart(desk: Desk, open_desk: Any, qtbot: Any) -> None:
    ids = desk.begin("a", "b", "c")
    desk.queue.move(ids["c"], ids["a"])
    desk.queue.hold(ids["a"], on=True)
    desk.close(keep=True)
    again = open_desk(Settings(queue_paused=True))
    again.queue.resume()
    again.wait(lambda: again.order() == ["slow", "c", "a", "b"])
    assert again.states()["a"] == "paused"
    qtbot.wait(50)
    assert again.made() == []
    again.workers.let_go.set()
    again.queue.pause(on=False)
    again.wait(
        lambda: (
            again.states()
            == {**dict.fromkeys("cb", "completed"), "slow": "completed", "a": "paused"}
        )
    )
    assert again.made() == ["slow", "c", "b"]


# -- how songs are made ------------------------------------------------------------------------


def test_settings_count_from_the_next_song_on(desk: Desk) -> None:
    desk.begin()
    desk.queue.pause(on=True)
    desk.add("before")
    models = desk.folder / "models"
    models.mkdir()
    (models / "htdemucs.yaml").write_text("models: []")
    chosen = Settings(
        quality="best", device="cpu", shifts=2, threads=1, stems="all", model_folder=str(models)
    )
    desk.queue.use(chosen)
    desk.add("after")
    desk.queue.use(replace(chosen, engine="centre"))
    desk.add("named")
    _, before, after, named = desk.library.open_jobs().result()
    assert (before.engine, before.quality, before.network.device) == ("auto", "normal", "auto")
    assert (after.quality, after.stems) == ("best", ALL_STEMS)
    assert (after.network.device, after.network.shifts, after.network.threads) == ("cpu", 2, 1)
    assert after.network.model_folders == (models, desk.folder / "data" / "models")
    assert named.engine == "centre"
    views = [(job.engine, job.is_makeshift) for job in desk.queue.jobs()[1:]]
    assert views == [("instant", True), ("htdemucs", False), ("centre", False)]


def test_draft_is_no_makeshift(open_desk: Any) -> None:
    desk = open_desk(Settings(quality="draft"))
    desk.add("a")
    assert not desk.queue.jobs()[0].is_makeshift
    desk.finish()


def test_a_failed_song_can_be_made_by_another_engine(desk: Desk) -> None:
    ids = desk.add("broken once", "b")
    desk.wait(lambda: desk.states()["broken once"] == "failed")
    desk.queue.retry(ids["broken once"], "centre")
    assert desk.queue.jobs()[0].engine == "centre"
    desk.finish()
    assert desk.states()["broken once"] == "completed"
    tried = [args["engine"] for task, args in desk.workers.tasks if task == "separate"]
    assert tried.count("centre") == 1


# -- time left ---------------------------------------------------------------------------------


def test_the_time_left_counts_every_song(desk: Desk) -> None:
    told: list[float | None] = []
    desk.queue.time_left_changed.connect(told.append)
    ids = desk.begin("a", "endless", "broken")
    desk.wait(lambda: told[-1:] == [None])  # nothing was ever measured here
    desk.speeds.learn({"separating instant": 10.0}, 100.0)
    rest = sum(desk.speeds.get(name) for name in ("importing", "encoding flac", "publishing"))
    one_s = 60 * (0.1 + rest)
    desk.queue.job_progressed.emit(ids["slow"], Progress(Stage.SEPARATING, 0.5, 0.5, 7.0))
    # songs whose length nobody knows count as the others do; the running one says it is 2 s long
    mean_s = one_s * (60 + 2) / 2 / 60
    desk.wait(lambda: told[-1] == pytest.approx(7.0 + one_s + 2 * mean_s))
    desk.queue.hold(ids["a"], on=True)
    desk.wait(lambda: told[-1] == pytest.approx(7.0 + 2 * mean_s))
    desk.queue.cancel(ids["a"])
    desk.finish()
    desk.wait(lambda: told[-1] == 0.0)


def test_an_engine_is_expected_to_take_what_it_took(desk: Desk) -> None:
    assert desk.queue.expected_s("centre", 240) is None
    desk.speeds.learn({"separating centre": 10.0, "importing": 1.0}, 100.0)
    expected = desk.queue.expected_s("centre", 240)
    assert expected is not None
    assert 240 * 0.11 < expected < 240 * 0.12


# -- files of every song -----------------------------------------------------------------------


def exporting(folder: Path, **fields: Any) -> Settings:
    return Settings(auto_export=True, auto_export_folder=str(folder), export_format="wav", **fields)


def test_five_songs_give_five_pairs(open_desk: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    desk = open_desk(exporting(out))
    told: list[tuple[str, Any]] = []
    desk.queue.job_exporting.connect(lambda job_id, folder: told.append((job_id, folder)))
    desk.queue.job_exported.connect(lambda job_id, _result: told.append((job_id, "done")))
    ids = desk.add("a", "b", "c", "d", "e")
    desk.finish()
    desk.wait(lambda: not desk.queue.is_busy())
    desk.wait(lambda: len(told) == 10)
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name} ({stem}).wav" for name in "abcde" for stem in ("Instrumental", "Vocals")
    ]
    for job_id in ids.values():
        assert [what for name, what in told if name == job_id] == [out, "done"]


def test_files_that_cannot_be_written_hold_up_no_song(open_desk: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    desk = open_desk(exporting(tmp_path / "file" / "out"))
    failed: list[tuple[str, Any]] = []
    desk.queue.job_export_failed.connect(lambda job_id, error: failed.append((job_id, error)))
    ids = desk.add("a", "b")
    desk.finish()
    desk.wait(lambda: len(failed) == 2)
    assert set(desk.states().values()) == {"completed"}
    assert isinstance(failed[0][1], OutputNotWritable)
    # the person chooses another folder and tries again
    desk.queue.use(exporting(tmp_path / "out", export_stems="vocals"))
    desk.queue.export_again(ids["a"])
    desk.wait(lambda: not desk.queue.is_busy())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a (Vocals).wav"]
    desk.queue.dismiss(ids["b"])
    desk.queue.export_again(ids["b"])
    assert not desk.queue.is_busy()


def test_nothing_is_exported_unless_asked(desk: Desk) -> None:
    told: list[str] = []
    desk.queue.job_exporting.connect(lambda job_id, _folder: told.append(job_id))
    desk.add("a")
    desk.finish()
    assert told == []
    assert "restore_take" not in [task for task, _ in desk.workers.tasks]


# -- waiting, other engines, and what a crash leaves ------------------------------------------


def test_nothing_begins_while_the_computer_rests(desk: Desk) -> None:
    told: list[str] = []
    desk.queue.rest_changed.connect(told.append)
    desk.begin("a")
    desk.queue.rest("battery")
    desk.workers.let_go.set()
    desk.wait(lambda: desk.states()["slow"] == "completed")
    assert desk.states()["a"] == "queued"
    assert not desk.queue.is_working()
    assert not desk.queue.is_paused()  # nobody asked for that
    desk.queue.rest("")
    desk.finish()
    assert told == ["battery", ""]
    assert desk.made() == ["slow", "a"]


def test_a_pause_outlasts_a_rest(desk: Desk) -> None:
    desk.begin("a")
    desk.queue.pause(on=True)
    desk.queue.rest("night")
    desk.queue.rest("")
    desk.workers.let_go.set()
    desk.wait(lambda: desk.states()["slow"] == "completed")
    assert desk.states()["a"] == "queued"
    desk.queue.pause(on=False)
    desk.finish()


def test_a_song_that_waits_is_made_with_another_engine(desk: Desk) -> None:
    ids = desk.begin("a")
    changed: list[Any] = []
    desk.queue.job_changed.connect(changed.append)
    desk.queue.make_with(ids["slow"], "centre")  # it has begun
    desk.queue.make_with(ids["a"], "centre")
    assert [(job.job_id, job.engine) for job in changed] == [(ids["a"], "centre")]
    kept = {spec.job_id: spec.engine for spec in desk.library.open_jobs().result()}
    assert kept[ids["a"]] == "centre"
    desk.finish()
    song = desk.library.find_song(ids["a"])
    assert song is not None
    assert song.engine == "centre"


def test_seed_000_27_how_songs_ended_is_kept_for_the_statistics(desk: Desk) -> None:
    desk.begin("a", "broken")
    desk.finish()
    rows = desk.library.submit(
        lambda c: c.execute("SELECT outcome, engine, song_s, code FROM made").fetchall()
    ).result()
    outcomes = sorted((row["outcome"], row["song_s"] > 0, bool(row["code"])) for row in rows)
    assert outcomes == [
        ("completed", True, False),
        ("completed", True, False),
        ("failed", False, True),
    ]


def test_after_a_crash_songs_go_on_where_they_were(desk: Desk, open_desk: Any) -> None:
    ids = desk.begin("a", "b")
    desk.wait(lambda: desk.library.job_starts().result() == {ids["slow"]: 1})
    starts = [(ids["slow"], 1)]
    desk.close()
    _end_as_a_crash_does(desk, starts)
    again = open_desk()
    told: list[tuple[int, bool]] = []
    again.queue.resumed.connect(lambda songs, crashed: told.append((songs, crashed)))
    again.queue.resume()
    again.wait(lambda: told == [(3, True)])
    again.wait(lambda: len(again.queue.jobs()) == 3)
    assert again.order() == ["slow", "a", "b"]
    again.finish()
    assert again.made() == ["slow", "a", "b"]
    assert again.library.job_starts().result() == {}


def test_an_end_in_order_is_no_crash(desk: Desk, open_desk: Any) -> None:
    desk.begin("a")
    desk.close()
    again = open_desk()
    told: list[tuple[int, bool]] = []
    again.queue.resumed.connect(lambda songs, crashed: told.append((songs, crashed)))
    again.queue.resume()
    again.wait(lambda: told == [(2, False)])
    again.finish()


def test_a_song_that_ended_the_program_twice_is_left_out_with_the_reason(
    desk: Desk, open_desk: Any
) -> None:
    ids = desk.begin("a")
    desk.close()
    _end_as_a_crash_does(desk, [(ids["slow"], 2)])
    again = open_desk()
    failures: list[Any] = []
    again.queue.job_failed.connect(lambda job_id, error: failures.append((job_id, error)))
    again.queue.resume()
    again.wait(lambda: again.states().get("a") == "completed")
    ((job_id, error),) = failures
    assert (job_id, error.code) == (ids["slow"], "ENGINE_CRASHED")
    assert "ended 2 times while slow.mp3" in error.message
    assert again.made() == ["a"]
    again.queue.retry(ids["slow"])  # a person may
    again.finish()
    assert again.made() == ["a", "slow"]


def _end_as_a_crash_does(desk: Desk, starts: list[tuple[str, int]]) -> None:
    """Leave in the index what a program that was killed would leave."""
    with contextlib.closing(sqlite3.connect(desk.folder / "library" / DATABASE)) as connection:
        connection.executemany(
            "UPDATE jobs SET starts = ? WHERE id = ?", [(n, job_id) for job_id, n in starts]
        )
        connection.commit()


def test_the_whole_queue_is_foretold_within_a_fifth_after_the_first_song() -> None:
    """Songs take what their length asks for, more or less; the first one teaches how much."""
    rng = random.Random(11)
    for _ in range(50):
        speed = rng.uniform(0.02, 2.0)
        lengths = [rng.uniform(150, 330) for _ in range(40)]
        taken = [seconds * speed * rng.uniform(0.93, 1.07) for seconds in lengths]
        speeds = Speeds()
        parts = {"importing": 0.1, "separating instant": 0.7, "encoding flac": 0.2}
        speeds.learn({name: share * taken[0] for name, share in parts.items()}, lengths[0])
        expected = [expected_s(_spec(), "instant", seconds, speeds) for seconds in lengths[1:]]
        told = sum(seconds for seconds in expected if seconds is not None)
        assert None not in expected
        assert told == pytest.approx(sum(taken[1:]), rel=0.2)


def _spec() -> JobSpec:
    return JobSpec("j", Path("a.mp3"), "instant", STEMS)
