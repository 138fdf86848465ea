from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QObject, QThread, Slot

from karaoke_studio.errors import CorruptAudio, EngineCrashed, MissingFile, ProcessingFailed
from karaoke_studio.job import JobSpec, JobState, OutputSpec
from karaoke_studio.jobs import queue as queue_module
from karaoke_studio.jobs import sound_outputs
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.pipeline import Surroundings
from karaoke_studio.settings import Settings
from karaoke_studio.worker.host import Workers
from tests.helpers.signals import noise
from tests.helpers.street import write_song
from tests.jobs.fake_workers import FakeWorkers

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")
OVER = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


class Listener(QObject):
    """Hears everything a queue says, as a window does: in its own thread."""

    def __init__(self, queue: JobQueue) -> None:
        super().__init__()
        self.heard: list[tuple[Any, ...]] = []
        self.is_in_gui = True
        queue.job_added.connect(self.added)
        queue.job_started.connect(self.started)
        queue.job_described.connect(self.described)
        queue.job_progressed.connect(self.progressed)
        queue.job_finished.connect(self.finished)
        queue.job_failed.connect(self.failed)
        queue.job_cancelled.connect(self.cancelled)
        queue.songs_changed.connect(self.changed)

    def _hear(self, *words: Any) -> None:
        application = QCoreApplication.instance()
        assert application is not None
        self.is_in_gui &= QThread.currentThread() is application.thread()
        self.heard.append(words)

    @Slot(object)
    def added(self, job: Any) -> None:
        self._hear("added", job.job_id)

    @Slot(str)
    def started(self, job_id: str) -> None:
        self._hear("started", job_id)

    @Slot(str, object)
    def described(self, job_id: str, facts: Any) -> None:
        self._hear("described", job_id, facts)

    @Slot(str, object)
    def progressed(self, job_id: str, progress: Any) -> None:
        self._hear("progressed", job_id, progress)

    @Slot(str, object)
    def finished(self, job_id: str, result: Any) -> None:
        self._hear("finished", job_id, result)

    @Slot(str, object)
    def failed(self, job_id: str, error: Any) -> None:
        self._hear("failed", job_id, error)

    @Slot(str)
    def cancelled(self, job_id: str) -> None:
        self._hear("cancelled", job_id)

    @Slot()
    def changed(self) -> None:
        self._hear("changed")

    def words(self, job_id: str) -> list[str]:
        return [words[0] for words in self.heard if words[1:2] == (job_id,)]

    def last(self, word: str) -> Any:
        return next(words[-1] for words in reversed(self.heard) if words[0] == word)


class Desk:
    """A queue over a library, with workers of ours."""

    def __init__(self, folder: Path, workers: Any, qtbot: Any) -> None:
        self.folder = folder
        self.workers = workers
        self._qtbot = qtbot
        self._is_closed = False
        self.library = LibraryWriter(folder / "library")
        self.queue = JobQueue(Surroundings(workers), self.library, folder.parent / "cache")
        self.listener = Listener(self.queue)

    def wait(self, wanted: Callable[[], bool], timeout_ms: int = 10_000) -> None:
        self._qtbot.waitUntil(wanted, timeout=timeout_ms)

    def add(self, *names: str) -> list[str]:
        """Add files and return the ids of their jobs."""
        before = len(self.queue.jobs())
        self.queue.add_paths([self.folder / name for name in names])
        self.wait(lambda: len(self.queue.jobs()) >= before + len(names))
        return [job.job_id for job in self.queue.jobs()[before:]]

    def wait_over(self, timeout_ms: int = 10_000) -> None:
        """Wait until all jobs are over and everybody has heard of it."""
        jobs = self.queue.jobs
        ends = {"finished", "failed", "cancelled"}
        self.wait(
            lambda: all(
                job.state in OVER and self.listener.words(job.job_id)[-1] in ends for job in jobs()
            ),
            timeout_ms,
        )

    def states(self) -> dict[str, str]:
        return {job.path.name: job.state.value for job in self.queue.jobs()}

    def songs(self) -> list[Song]:
        view = SongLibrary(self.folder / "library")
        try:
            return view.songs()
        finally:
            view.close()

    def waiting(self) -> list[str]:
        return [spec.input.name for spec in self.library.open_jobs().result()]

    def close(self, *, keep: bool = False) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self.queue.stop(keep)
        self.workers.let_go.set()
        self.library.close()
        self.queue.deleteLater()
        self.listener.deleteLater()


@pytest.fixture
def desk(tmp_path: Path, qtbot: Any) -> Iterator[Desk]:
    desk = Desk(tmp_path, FakeWorkers(), qtbot)
    yield desk
    desk.close()


# -- making ------------------------------------------------------------------------------------


def test_the_story_of_a_song(desk: Desk) -> None:
    (job_id,) = desk.add("song.mp3")
    desk.wait_over()
    words = desk.listener.words(job_id)
    assert words[:2] == ["added", "started"]
    assert "described" in words
    assert "progressed" in words
    assert words[-1] == "finished"
    assert words.count("finished") == 1
    result = desk.listener.last("finished")
    (song,) = desk.songs()
    assert result.song_id == song.id == job_id
    assert result.vocals_path == song.vocals_path
    assert ("changed",) in desk.listener.heard
    assert desk.listener.last("described").title == "song"
    fractions = [w[2].overall_fraction for w in desk.listener.heard if w[0] == "progressed"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert desk.listener.is_in_gui
    assert not desk.queue.is_busy()
    assert desk.waiting() == []
    assert not list(desk.library.staging.iterdir())


def test_songs_are_made_in_the_order_they_came(desk: Desk) -> None:
    (desk.folder / "album").mkdir()
    for name in ("10.mp3", "9.mp3", "cover.jpg"):
        (desk.folder / "album" / name).write_bytes(b"")
    desk.queue.add_paths([desk.folder / "b.mp3", desk.folder / "album", desk.folder / "a.mp3"])
    desk.wait(lambda: len(desk.queue.jobs()) == 4)
    desk.wait_over()
    assert desk.workers.inputs() == ["b.mp3", "9.mp3", "10.mp3", "a.mp3"]
    assert [job.path.name for job in desk.queue.jobs()] == desk.workers.inputs()
    assert set(desk.states().values()) == {"completed"}


def test_adding_never_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()

    def slow_disk(path: Path) -> Iterator[Path]:
        held.wait(5)
        yield path

    monkeypatch.setattr(queue_module, "songs_in", slow_disk)
    started = time.monotonic()
    desk.queue.add_paths([desk.folder / "a.mp3"])
    assert time.monotonic() - started < 0.2
    held.set()
    desk.wait(lambda: len(desk.queue.jobs()) == 1)
    desk.wait_over()


def test_a_file_dropped_with_its_folder_is_one_song(desk: Desk) -> None:
    (desk.folder / "album").mkdir()
    for name in ("a.mp3", "b.mp3"):
        (desk.folder / "album" / name).write_bytes(b"")
    desk.add("album/a.mp3", "album")
    desk.wait_over()
    assert sorted(desk.states()) == ["a.mp3", "b.mp3"]
    assert len(desk.queue.jobs()) == 2


def test_a_folder_without_songs_is_a_failed_row(desk: Desk) -> None:
    (desk.folder / "empty").mkdir()
    desk.add("empty")
    desk.wait_over()
    assert desk.states() == {"empty": "failed"}
    error = desk.queue.jobs()[0].error
    assert isinstance(error, MissingFile)
    assert error.hint
    assert desk.waiting() == []


def test_a_name_that_no_system_has_gets_a_row_too(desk: Desk) -> None:
    desk.add("x" * 300 + ".mp3", "a.mp3")
    desk.wait_over()
    assert len(desk.queue.jobs()) == 2


# -- failing -----------------------------------------------------------------------------------


def test_a_failure_is_told_and_the_next_songs_are_made(desk: Desk) -> None:
    desk.add("broken.mp3", "bug.mp3", "exit.mp3", "dies.mp3", "good.mp3")
    desk.wait_over()
    assert desk.states() == {
        "broken.mp3": "failed",
        "bug.mp3": "failed",
        "exit.mp3": "failed",
        "dies.mp3": "failed",
        "good.mp3": "completed",
    }
    errors = [job.error for job in desk.queue.jobs()[:4]]
    assert [type(error) for error in errors] == [
        CorruptAudio,
        ProcessingFailed,
        ProcessingFailed,
        EngineCrashed,
    ]
    assert all(error is not None and error.hint for error in errors)
    assert desk.waiting() == []
    assert not list(desk.library.staging.iterdir())


def test_a_child_that_dies_once_is_forgiven(desk: Desk) -> None:
    desk.add("dies once.mp3")
    desk.wait_over()
    assert desk.states() == {"dies once.mp3": "completed"}
    assert "child_restarted" in desk.listener.last("finished").notes


def test_a_failed_song_can_be_tried_again_under_its_id(desk: Desk) -> None:
    (job_id,) = desk.add("broken once.mp3")
    desk.wait_over()
    desk.queue.retry(job_id)
    assert desk.queue.jobs()[0].state is JobState.QUEUED
    assert desk.queue.jobs()[0].error is None
    desk.queue.retry(job_id)  # twice is once
    desk.wait_over()
    assert desk.states() == {"broken once.mp3": "completed"}
    assert len(desk.songs()) == 1
    desk.queue.retry(job_id)  # what is made is made
    assert desk.queue.jobs()[0].state is JobState.COMPLETED


def test_rows_can_be_dismissed_when_they_are_over(desk: Desk) -> None:
    failed, slow = desk.add("broken.mp3", "slow.mp3")
    assert desk.workers.separating.wait(5)
    desk.wait(lambda: desk.states()["broken.mp3"] == "failed")
    desk.queue.dismiss(slow)
    desk.queue.dismiss(failed)
    desk.queue.dismiss(failed)
    desk.queue.dismiss("nobody")
    assert [job.job_id for job in desk.queue.jobs()] == [slow]
    desk.queue.cancel(failed)
    desk.queue.retry(failed)
    assert [job.job_id for job in desk.queue.jobs()] == [slow]


# -- cancelling --------------------------------------------------------------------------------


def test_cancelling_a_running_and_a_waiting_song(desk: Desk) -> None:
    running, waiting, last = desk.add("slow.mp3", "waiting.mp3", "last.mp3")
    desk.wait(lambda: desk.states()["slow.mp3"] == "running")
    assert desk.workers.separating.wait(5)
    desk.queue.cancel(waiting)
    assert desk.states()["waiting.mp3"] == "cancelled"
    assert desk.listener.words(waiting) == ["added", "cancelled"]
    desk.queue.cancel(running)
    desk.wait(lambda: desk.states()["slow.mp3"] == "cancelled", 1000)
    desk.wait_over()
    assert desk.states()["last.mp3"] == "completed"
    assert desk.workers.inputs() == ["slow.mp3", "last.mp3"]
    assert [song.title for song in desk.songs()] == ["last"]
    assert desk.waiting() == []
    assert last
    assert not list(desk.library.staging.iterdir())


def test_a_cancelled_song_can_be_made_after_all(desk: Desk) -> None:
    slow, waiting = desk.add("slow.mp3", "waiting.mp3")
    assert desk.workers.separating.wait(5)
    desk.queue.cancel(waiting)
    desk.queue.retry(waiting)
    desk.queue.cancel(slow)
    desk.wait(lambda: desk.states()["slow.mp3"] == "cancelled")
    desk.workers.let_go.set()
    desk.queue.retry(slow)
    desk.wait_over()
    assert set(desk.states().values()) == {"completed"}
    assert len(desk.songs()) == 2


def test_cancelling_what_is_not_there_is_no_trouble(desk: Desk) -> None:
    (job_id,) = desk.add("a.mp3")
    desk.wait_over()
    desk.queue.cancel(job_id)
    desk.queue.cancel("nobody")
    desk.queue.cancel_export("nobody")
    assert desk.states() == {"a.mp3": "completed"}


def test_a_song_that_the_lane_has_just_begun_is_cancelled_once(desk: Desk) -> None:
    """Between the lane's beginning and the window's hearing of it, a wish to cancel comes."""
    queue = desk.queue
    queue.add_paths([desk.folder / "slow.mp3"])
    desk.wait(lambda: len(queue.jobs()) == 1)
    job_id = queue.jobs()[0].job_id
    assert desk.workers.separating.wait(5)  # no events are handled here
    if queue.jobs()[0].state is JobState.QUEUED:
        queue.cancel(job_id)
        assert queue.jobs()[0].state is not JobState.CANCELLED
        queue.retry(job_id)  # too early: it still runs
    else:
        queue.cancel(job_id)
    desk.wait_over()
    assert desk.listener.words(job_id).count("cancelled") == 1
    assert desk.listener.words(job_id)[-1] == "cancelled"
    assert not queue.is_busy()


def test_wild_clicking_ends_in_order(desk: Desk, qtbot: Any) -> None:
    rng = random.Random(14)
    names = [f"{'slow' if n % 3 == 0 else 'song'} {n}.mp3" for n in range(12)]
    ids = desk.add(*names)
    for _ in range(150):
        job_id = rng.choice(ids)
        rng.choice((desk.queue.cancel, desk.queue.cancel, desk.queue.retry))(job_id)
        if rng.random() < 0.4:
            qtbot.wait(rng.randrange(8))
    desk.workers.let_go.set()
    desk.wait_over()
    qtbot.wait(50)
    assert not desk.queue.is_busy()
    made = {song.title for song in desk.songs()}
    assert made == {job.path.stem for job in desk.queue.jobs() if job.state is JobState.COMPLETED}
    assert len(made) == len(desk.songs())
    for job in desk.queue.jobs():
        ends = [w for w in desk.listener.words(job.job_id) if w in {"finished", "cancelled"}]
        assert ends[-1] == ("finished" if job.state is JobState.COMPLETED else "cancelled")
        assert ends.count("finished") <= 1
    assert desk.waiting() == []
    assert not list(desk.library.staging.iterdir())


# -- closing and going on ----------------------------------------------------------------------


def reopen(desk: Desk, qtbot: Any, *, keep: bool) -> Desk:
    """Close the program and start it again."""
    desk.close(keep=keep)
    return Desk(desk.folder, FakeWorkers(), qtbot)


def test_what_is_kept_is_made_at_the_next_start_in_its_order(desk: Desk, qtbot: Any) -> None:
    ids = desk.add("done.mp3", "broken.mp3", "slow.mp3", "unwanted.mp3", "b.mp3", "a.mp3")
    assert desk.workers.separating.wait(5)
    desk.wait(lambda: desk.states()["slow.mp3"] == "running")
    desk.queue.cancel(ids[3])
    started = time.monotonic()
    again = reopen(desk, qtbot, keep=True)
    assert time.monotonic() - started < 3
    again.workers.let_go.set()
    again.queue.resume()
    again.wait(lambda: len(again.queue.jobs()) == 3)
    again.wait_over()
    assert again.workers.inputs() == ["slow.mp3", "b.mp3", "a.mp3"]
    assert [job.job_id for job in again.queue.jobs()] == [ids[2], ids[4], ids[5]]
    assert sorted(song.title for song in again.songs()) == ["a", "b", "done", "slow"]
    again.close()


def test_what_is_not_kept_is_forgotten(desk: Desk, qtbot: Any) -> None:
    desk.add("slow.mp3", "a.mp3")
    assert desk.workers.separating.wait(5)
    again = reopen(desk, qtbot, keep=False)
    assert again.waiting() == []
    again.queue.resume()
    qtbot.wait(50)
    assert again.queue.jobs() == []
    assert again.songs() == []
    again.close()


def test_a_song_that_is_finished_while_closing_is_not_made_again(desk: Desk, qtbot: Any) -> None:
    """The lane has made it, the window has not heard of it yet."""
    desk.add("slow.mp3", "next slow.mp3")
    assert desk.workers.separating.wait(5)
    desk.wait(lambda: desk.states()["slow.mp3"] == "running")
    desk.workers.separating.clear()
    desk.workers.let_go.set()
    deadline = time.monotonic() + 5
    while len(desk.songs()) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)  # no events are handled here
    assert "completed" not in desk.states().values()
    again = reopen(desk, qtbot, keep=True)
    assert again.waiting() == []
    assert len(again.songs()) == 2
    again.close()


def test_files_that_were_just_dropped_are_kept(desk: Desk, qtbot: Any) -> None:
    desk.add("slow.mp3")
    assert desk.workers.separating.wait(5)
    desk.queue.add_paths([desk.folder / "just dropped.mp3"])
    again = reopen(desk, qtbot, keep=True)
    assert again.waiting() == ["slow.mp3", "just dropped.mp3"]
    again.close()


def test_closing_does_not_wait_for_a_huge_folder(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def endless(path: Path) -> Iterator[Path]:
        for number in range(10_000):
            begun.set()
            time.sleep(0.002)
            yield path / f"{number}.mp3"

    monkeypatch.setattr(queue_module, "songs_in", endless)
    desk.queue.add_paths([desk.folder])
    assert begun.wait(5)
    started = time.monotonic()
    desk.queue.stop(keep=False)
    assert time.monotonic() - started < 1.5
    assert desk.waiting() == []


def test_after_closing_nothing_starts_again(desk: Desk, qtbot: Any) -> None:
    desk.queue.stop(keep=True)
    desk.queue.stop(keep=True)
    desk.queue.add_paths([desk.folder / "late.mp3"])
    desk.queue.resume()
    desk.queue.watch_sound_devices(on=True)
    qtbot.wait(30)
    assert desk.queue.jobs() == []
    assert desk.workers.tasks == []


def test_stopping_twice_keeps_what_was_kept(desk: Desk) -> None:
    desk.add("slow.mp3", "a.mp3")
    assert desk.workers.separating.wait(5)
    desk.queue.stop(keep=True)
    desk.queue.stop(keep=True)
    assert desk.waiting() == ["slow.mp3", "a.mp3"]


def test_jobs_of_a_run_that_crashed_are_made(tmp_path: Path, qtbot: Any) -> None:
    library = LibraryWriter(tmp_path / "library")
    specs = [JobSpec(letter * 32, tmp_path / f"{letter}.mp3") for letter in "cab"]
    for spec in specs:
        library.save_job(spec)
    library.close()
    left = tmp_path / "library" / ".staging" / specs[0].job_id
    left.mkdir()
    (left / ".lock").write_bytes(b"owned")
    desk = Desk(tmp_path, FakeWorkers(), qtbot)
    desk.queue.resume()
    desk.wait(lambda: len(desk.queue.jobs()) == 3)
    assert len(desk.waiting()) <= 3
    desk.wait_over()
    assert desk.workers.inputs() == ["c.mp3", "a.mp3", "b.mp3"]
    assert desk.waiting() == []
    desk.close()


# -- songs of the library ----------------------------------------------------------------------


class Export:
    """What an export's signals said."""

    def __init__(self, queue: JobQueue) -> None:
        self.said: list[tuple[str, str, Any]] = []
        queue.export_finished.connect(lambda key, result: self.said.append(("done", key, result)))
        queue.export_failed.connect(lambda key, error: self.said.append(("failed", key, error)))
        queue.export_cancelled.connect(lambda key: self.said.append(("cancelled", key, None)))


def make_song(desk: Desk, name: str = "song.mp3") -> Song:
    desk.add(name)
    desk.wait_over()
    return desk.songs()[0]


def test_a_song_is_exported_beside_the_queue(desk: Desk) -> None:
    song = make_song(desk)
    out = desk.folder / "out"
    export = Export(desk.queue)
    desk.add("slow.mp3")
    assert desk.workers.separating.wait(5)
    key = desk.queue.export_song(song, OutputSpec(out, name="{base} ({stem})"), ("instrumental",))
    desk.wait(lambda: bool(export.said))
    (word, said_key, result) = export.said[0]
    assert (word, said_key) == ("done", key)
    assert result.instrumental_path == out / "song (Instrumental).flac"
    assert [path.name for path in out.iterdir()] == ["song (Instrumental).flac"]
    assert desk.states()["slow.mp3"] == "running"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("AC/DC", "AC-DC (Vocals).flac"),
        ("/etc/passwd", "-etc-passwd (Vocals).flac"),
        ("Mr.", "Mr (Vocals).flac"),
        ("../../up", "-..-up (Vocals).flac"),
        ("", "Song (Vocals).flac"),
        ("Vol. 2.5", "Vol. 2.5 (Vocals).flac"),
    ],
)
def test_an_export_is_named_as_the_song_is(
    title: str, name: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = make_song(desk)
    object.__setattr__(song, "title", title)
    out = desk.folder / "out"
    export = Export(desk.queue)
    desk.queue.export_song(song, OutputSpec(out), ("vocals",))
    desk.wait(lambda: bool(export.said))
    assert export.said[0][0] == "done", export.said
    assert [path.name.lstrip("-.") for path in out.iterdir()] == [name.lstrip("-.")]
    assert not [path for path in desk.folder.iterdir() if path.name == "up (Vocals).flac"]


def test_a_song_is_made_again_by_another_engine(desk: Desk) -> None:
    song = make_song(desk)
    desk.queue.redo_song(song, "instant")
    assert desk.queue.jobs()[-1].title == song.title
    desk.wait_over()
    (now,) = desk.songs()
    assert (now.id, now.title, now.engine) == (song.id, song.title, "instant")
    assert now.take_id != song.take_id
    assert song.vocals_path.exists()
    assert desk.listener.last("finished").song_id == song.id
    assert desk.listener.last("described").title == song.title
    assert desk.waiting() == []
    assert not list(desk.library.staging.iterdir())


def test_a_linked_song_is_made_again_from_its_file_while_that_is_there(desk: Desk) -> None:
    desk.queue.use(Settings(engine="centre", copy_originals=False))
    song = make_song(desk)
    assert song.original is None
    assert song.original_path == Path(str(song.linked))
    desk.queue.redo_song(song, "instant")
    desk.wait_over()
    assert desk.songs()[0].take_id != song.take_id


def test_a_song_whose_file_was_not_kept_cannot_be_made_again(desk: Desk) -> None:
    desk.queue.use(Settings(engine="centre", copy_originals=False))
    song = replace(make_song(desk), linked=None)  # made by an older program
    assert song.vocals_path.exists()
    desk.queue.redo_song(song, "instant")
    desk.wait_over()
    error = desk.listener.last("failed")
    assert isinstance(error, MissingFile)
    assert "was not kept" in error.message
    assert desk.songs()[0].take_id == song.take_id


def test_a_redo_of_a_song_that_was_removed_fails_and_says_so(desk: Desk) -> None:
    song = make_song(desk)
    desk.workers.let_go.clear()
    desk.library.remove(song.id).result()
    desk.queue.redo_song(song, "instant")
    desk.wait_over()
    assert isinstance(desk.listener.last("failed"), MissingFile)
    assert desk.songs() == []


def test_an_export_can_be_cancelled_and_leaves_nothing(desk: Desk) -> None:
    song = make_song(desk)
    desk.workers.hold_exports.set()
    export = Export(desk.queue)
    out = desk.folder / "out"
    keys = [desk.queue.export_song(song, OutputSpec(out), ("vocals",)) for _ in range(2)]
    assert desk.workers.restoring.wait(5)
    assert desk.queue.is_busy()
    desk.queue.cancel(keys[0])  # not the way to cancel an export, and no trouble
    for key in keys:
        desk.queue.cancel_export(key)
    desk.wait(lambda: len(export.said) == 2)
    assert {(word, key) for word, key, _ in export.said} == {("cancelled", key) for key in keys}
    desk.wait(lambda: not desk.queue.is_busy())
    assert not out.exists() or not list(out.iterdir())


def test_an_export_that_fails_is_told(desk: Desk) -> None:
    export = Export(desk.queue)
    song = make_song(desk)
    (desk.folder / "file").write_bytes(b"")
    desk.queue.export_song(song, OutputSpec(desk.folder / "file" / "out"), ("vocals",))
    desk.wait(lambda: len(export.said) == 1)
    (song.folder / "manifest.json").unlink()
    desk.queue.export_song(song, OutputSpec(desk.folder / "out"), ("vocals",))
    desk.wait(lambda: len(export.said) == 2)
    assert [word for word, _, _ in export.said] == ["failed", "failed"]
    assert [error.code for _, _, error in export.said] == ["OUTPUT_NOT_WRITABLE", "LIBRARY_DAMAGED"]
    assert all(error.hint for _, _, error in export.said)


def test_closing_cancels_exports(desk: Desk) -> None:
    song = make_song(desk)
    desk.workers.hold_exports.set()
    desk.queue.export_song(song, OutputSpec(desk.folder / "out"), ("vocals",))
    assert desk.workers.restoring.wait(5)
    started = time.monotonic()
    desk.queue.stop(keep=True)
    assert time.monotonic() - started < 1
    assert desk.waiting() == []


# -- sound outputs -----------------------------------------------------------------------------


def test_sound_outputs_are_looked_for_while_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(sound_outputs, "WATCH_INTERVAL_S", 0.01)
    seen: list[list[str]] = []
    desk.queue.sound_devices_changed.connect(seen.append)
    desk.queue.watch_sound_devices(on=True)
    desk.queue.watch_sound_devices(on=True)
    desk.wait(lambda: len(seen) >= 3)  # the first look failed, and that was no matter
    assert seen[0] == ["Speakers"]
    desk.queue.watch_sound_devices(on=False)
    qtbot.wait(30)
    looks = len(desk.workers.watching)
    qtbot.wait(60)
    assert len(desk.workers.watching) == looks
    desk.queue.watch_sound_devices(on=False)


def test_sound_outputs_are_listed_once_on_wish(desk: Desk, qtbot: Any) -> None:
    seen: list[list[str]] = []
    desk.queue.sound_devices_listed.connect(seen.append)
    for wishes in (1, 2):
        desk.queue.list_sound_devices()
        desk.wait(lambda wishes=wishes: len(seen) == wishes)
    assert seen == [[], ["Speakers"]]  # the first look failed
    qtbot.wait(30)
    assert len(desk.workers.watching) == 2
    desk.queue.stop(keep=False)
    desk.queue.list_sound_devices()
    assert not [t for t in threading.enumerate() if t.name == "sound-look"]


def test_faders_are_kept(desk: Desk) -> None:
    desk.add("song.wav")
    desk.wait_over()
    (song,) = desk.songs()
    desk.queue.keep_mix("nobody", {})
    desk.queue.keep_mix(song.id, {"voice": 0.5})
    desk.wait(lambda: desk.songs()[0].mix == {"voice": 0.5})


def test_switching_the_watch_on_and_off_leaves_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_outputs, "WATCH_INTERVAL_S", 0.05)
    for on in (True, False) * 10:
        desk.queue.watch_sound_devices(on=on)
    desk.queue.watch_sound_devices(on=True)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        alive = [t for t in threading.enumerate() if t.name == "sound-watch"]
        if len(alive) == 1:
            break
        time.sleep(0.01)
    assert len(alive) == 1
    desk.queue.stop(keep=False)
    assert not [t for t in threading.enumerate() if t.name == "sound-watch"]


# -- with real children ------------------------------------------------------------------------


def test_real_children_make_a_real_song(tmp_path: Path, qtbot: Any) -> None:
    write_song(tmp_path / "noise.wav", noise(2.0, 44_100), 44_100, "PCM_16")
    (tmp_path / "garbage.mp3").write_bytes(b"this is no sound" * 100)
    workers = Workers.create(tmp_path)
    desk = Desk(tmp_path, workers, qtbot)
    try:
        desk.add("garbage.mp3", "noise.wav")
        desk.wait_over(60_000)
        assert desk.states() == {"garbage.mp3": "failed", "noise.wav": "completed"}
        (song,) = desk.songs()
        assert song.vocals_path.stat().st_size > 10_000
        assert song.frames == 88_200
        assert desk.listener.last("finished").null_exact is True
    finally:
        desk.queue.stop(keep=False)
        workers.close()
        desk.library.close()
