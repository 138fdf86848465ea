from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from karaoke_studio.errors import CorruptAudio
from karaoke_studio.jobs.analyses import Analyses
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied
from tests.helpers.signals import tune
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")

FOUND = {"bpm": 92.0, "key": "D minor", "lufs": -9.5, "stem_lufs": {"vocals": -20.0}, "beats": None}
JUDGED = {"quality": {"score": 0.6, "word": "good", "doubts": [0.4], "step_s": 0.5}}


class Ear:
    """A worker that answers, slowly where it is told to."""

    def __init__(self) -> None:
        self.wishes: list[dict[str, Any]] = []
        self.judged = 0
        self.slow = False
        self.problem: Exception | None = None
        self.begun = threading.Event()

    def run(self, task: str, args: dict[str, Any], **options: Any) -> dict[str, Any]:
        if task == "judge_split":
            self.judged += 1
            return JUDGED
        assert task == "analyse"
        self.wishes.append(args)
        self.begun.set()
        while self.slow:
            if options["stop"].wait(0.005):
                raise Cancelled
        if self.problem is not None:
            raise self.problem
        return FOUND


class Desk:
    def __init__(self, folder: Path, worker: Any) -> None:
        self.library = LibraryWriter(folder / "library")
        self.parts = Analyses(worker, self.library, folder / "cache")

    def song(self, **tags: str) -> str:
        return self.library.adopt(make_take(self.library.staging, **tags)).id

    def close(self) -> None:
        self.parts.close()
        self.library.close()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def desk(tmp_path: Path, ear: Ear) -> Iterator[Desk]:
    desk = Desk(tmp_path, ear)
    yield desk
    desk.close()


def test_what_was_found_is_kept(desk: Desk, qtbot: Any) -> None:
    song_id = desk.song()
    with qtbot.waitSignal(desk.parts.found) as told:
        desk.parts.request(song_id)
    assert told.args == [song_id]
    song = desk.library.find_song(song_id)
    assert (song.bpm, song.key, song.lufs) == (92.0, "D minor", -9.5)
    assert song.analysis["take_id"] == song.take_id


def test_each_take_is_analysed_once(desk: Desk, ear: Ear, qtbot: Any) -> None:
    first, second = desk.song(), desk.song(title="Other")
    for song_id in (first, first, second):
        desk.parts.request(song_id)
    qtbot.waitUntil(lambda: "quality" in (desk.library.find_song(second).analysis or {}))
    assert len(ear.wishes) == 2
    assert ear.judged == 2


def test_a_take_that_was_analysed_before_is_only_judged(desk: Desk, ear: Ear, qtbot: Any) -> None:
    song_id = desk.song()
    take_id = desk.library.find_song(song_id).take_id
    desk.library.change_song(song_id, analysis={**FOUND, "take_id": take_id}).result()
    with qtbot.waitSignal(desk.parts.found):
        desk.parts.request(song_id)
    assert (len(ear.wishes), ear.judged) == (0, 1)
    song = desk.library.find_song(song_id)
    assert song.analysis == {**FOUND, **JUDGED, "take_id": take_id}


@pytest.mark.parametrize(
    "problem", [CorruptAudio("It is broken."), WorkerDied("analysis", -9)], ids=["broken", "died"]
)
def test_a_failure_is_no_loss_and_not_repeated(
    desk: Desk, ear: Ear, qtbot: Any, problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = desk.song(), desk.song(title="Good")
    ear.problem = problem
    desk.parts.request(bad)
    qtbot.waitUntil(lambda: "is not analysed" in caplog.text)
    ear.problem = None
    desk.parts.request(bad)
    desk.parts.request(good)
    qtbot.waitUntil(lambda: desk.library.find_song(good).analysis is not None)
    assert desk.library.find_song(bad).analysis is None
    assert len(ear.wishes) == 2


def test_a_song_that_is_gone_is_passed_over(desk: Desk, ear: Ear, qtbot: Any) -> None:
    gone, there = desk.song(), desk.song(title="There")
    desk.library.remove(gone).result()
    desk.parts.request(gone)
    with qtbot.waitSignal(desk.parts.found) as told:
        desk.parts.request(there)
    assert told.args == [there]
    assert len(ear.wishes) == 1


def test_closing_does_not_wait_for_a_song(desk: Desk, ear: Ear) -> None:
    ear.slow = True
    song_id = desk.song()
    desk.parts.request(song_id)
    assert ear.begun.wait(5)
    desk.close()
    assert ear.wishes[0]["frames"] == 88_200


def test_a_real_child_hears_a_real_song(tmp_path: Path, qtbot: Any) -> None:
    worker = Worker("analysis", log_folder=tmp_path)
    desk = Desk(tmp_path, worker)
    try:
        music = tune(2, minor=True, bpm=100, seconds=12, sample_rate=44_100, seed=1)
        take = make_take(desk.library.staging)
        take.song["frames"] = music.shape[1]
        song = desk.library.adopt(take)
        song_id = song.id
        for stem in song.stems:
            sf.write(song.stem_path(stem), np.clip(music.T / 2, -1, 1), 44_100, "PCM_24")
        with qtbot.waitSignals([desk.parts.found] * 2, timeout=120_000):
            desk.parts.request(song_id)
        song = desk.library.find_song(song_id)
        assert len(song.analysis["quality"]["doubts"]) == 24
        assert song.key == "D minor"
        assert song.bpm == pytest.approx(100, rel=0.005)
    finally:
        desk.close()
        worker.close()
