"""Fixes in the queue: before all that wait, kept over a crash, and no song of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.fixes import Fix
from karaoke_studio.job import JobSpec, JobState
from karaoke_studio.jobs.fixing import FixWish, fix_job
from karaoke_studio.library.songs import Song
from karaoke_studio.settings import Settings
from tests.jobs.fake_workers import FakeWorkers
from tests.jobs.test_queue import Desk


@pytest.fixture
def desk(tmp_path: Path, qtbot: Any) -> Iterator[Desk]:
    desk = Desk(tmp_path, FakeWorkers(), qtbot)
    yield desk
    desk.close()


@pytest.fixture
def song(desk: Desk) -> Song:
    desk.add("song.mp3")
    desk.wait_over()
    (song,) = desk.songs()
    return song


def job(desk: Desk, song: Song, *, engine: str = "", **fields: Any) -> JobSpec:
    fix = Fix(song.take_id, 10, song.frames - 10, redo=bool(engine), **fields)
    return fix_job(desk.queue.plan(), song, FixWish(fix, engine, careful=True), "song, 0:01")


def test_a_job_says_what_is_wanted(desk: Desk, song: Song) -> None:
    desk.queue.use(replace(Settings(), draft_first=True, stems="all", engine="centre"))
    spec = job(desk, song, engine="htdemucs")
    assert (spec.engine, spec.stems, spec.draft) == ("htdemucs", ("vocals", "instrumental"), False)
    assert (spec.network.overlap, spec.network.shifts) == (0.5, 2)
    assert (spec.song_id, spec.title, spec.input) == (song.id, "song, 0:01", song.original_path)
    assert job(desk, song, low_hz=90.0).engine == song.engine, "nobody makes anything anew"


def test_it_comes_before_all_that_wait_and_is_no_song(
    desk: Desk, song: Song, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    desk.queue.use(replace(Settings(), auto_export=True, auto_export_folder=str(files)))
    desk.queue.pause(on=True)
    others = desk.add("one.mp3", "two.mp3")
    spec = job(desk, song, low_hz=90.0)
    desk.queue.make_at_once(spec)
    waiting = [view.job_id for view in desk.queue.jobs() if view.state is JobState.QUEUED]
    assert waiting[0] == spec.job_id
    exported = []
    desk.queue.job_exporting.connect(lambda job_id, _folder: exported.append(job_id))
    desk.queue.pause(on=False)
    desk.wait_over()
    desk.wait(lambda: len(exported) == 2)
    words = desk.listener.words(spec.job_id)
    assert words[:2] == ["added", "started"]
    assert "described" not in words, "no page of a song in work opens"
    assert words[-1] == "finished"
    fixed = next(one for one in desk.songs() if one.id == song.id)
    assert fixed.take_id == spec.job_id
    assert exported == others, "a fix is no song that is ready"
    tasks = [task for task, _ in desk.workers.tasks]
    assert tasks.count("separate") == 3, "the song and the two others"
    assert tasks.count("write_fix") == 1


def test_a_crash_forgets_no_fix(desk: Desk, song: Song, tmp_path: Path, qtbot: Any) -> None:
    desk.queue.pause(on=True)
    spec = job(desk, song, engine="centre", strength=0.5)
    desk.queue.make_at_once(spec)
    desk.close(keep=True)
    again = Desk(tmp_path, FakeWorkers(), qtbot)
    try:
        again.queue.resume()
        again.wait(lambda: bool(again.queue.jobs()))
        again.wait_over()
        (fixed,) = again.songs()
        assert fixed.take_id == spec.job_id
    finally:
        again.close()


def test_a_fix_that_failed_is_tried_again_as_it_was(desk: Desk, song: Song) -> None:
    spec = job(desk, song, engine="centre")
    wrong = replace(spec, fix=replace(spec.fix, take_id="0" * 32))
    desk.queue.make_at_once(wrong)
    desk.wait_over()
    assert desk.listener.last("failed").code == "FILE_NOT_FOUND"
    desk.queue.use(replace(Settings(), stems="all"))
    desk.queue.retry(wrong.job_id)
    desk.wait_over()
    kept = desk.queue._specs[wrong.job_id]
    assert (kept.stems, kept.network, kept.fix) == (wrong.stems, wrong.network, wrong.fix)
