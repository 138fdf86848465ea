from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QObject, Slot

from karaoke_studio.audio.spectrogram import load_spectrogram
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.jobs.spectrograms import Spectrograms, prune
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")


class Painter:
    """A worker that writes a file, slowly where it is told to."""

    def __init__(self) -> None:
        self.wishes: list[dict[str, Any]] = []
        self.slow = False
        self.problem: Exception | None = None
        self.begun = threading.Event()

    def run(self, task: str, args: dict[str, Any], **options: Any) -> dict[str, Any]:
        assert task == "spectrogram"
        self.wishes.append(args)
        self.begun.set()
        while self.slow:
            if options["stop"].wait(0.005):
                raise Cancelled
        if self.problem is not None:
            raise self.problem
        Path(args["target"]).parent.mkdir(parents=True, exist_ok=True)
        Path(args["target"]).write_bytes(b"picture")
        return {}


class Listener(QObject):
    def __init__(self, parts: Spectrograms) -> None:
        super().__init__()
        self.heard: list[tuple[str, str, Path | None]] = []
        parts.ready.connect(self.on_ready)

    @Slot(str, str, object)
    def on_ready(self, song_id: str, source: str, path: Path | None) -> None:
        self.heard.append((song_id, source, path))


def song(folder: Path, name: str = "song", frames: int = 44_100) -> Song:
    return Song(
        name, "T", "A", "", frames / 44_100, 44_100, 2, frames, "instant", "take", 0, "", folder
    )


class Desk:
    def __init__(self, folder: Path, worker: Any) -> None:
        self.parts = Spectrograms(worker, folder / "cache")
        self.listener = Listener(self.parts)
        self.heard = self.listener.heard


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def desk(tmp_path: Path, painter: Painter) -> Iterator[Desk]:
    desk = Desk(tmp_path, painter)
    yield desk
    desk.parts.close()


def test_it_is_made_once_and_then_found(
    desk: Desk, painter: Painter, tmp_path: Path, qtbot: Any
) -> None:
    made = song(tmp_path)
    for times in (1, 2):
        desk.parts.request(made, "vocals")
        qtbot.waitUntil(lambda times=times: len(desk.heard) == times)
    path = desk.parts.path_of(made, "vocals")
    assert desk.heard == [("song", "vocals", path)] * 2
    assert path.read_bytes() == b"picture"
    assert len(painter.wishes) == 1
    assert painter.wishes[0]["stems"] == [str(made.vocals_path)]
    desk.parts.request(made, "vocals", anew=True)
    qtbot.waitUntil(lambda: len(desk.heard) == 3)
    assert len(painter.wishes) == 2


def test_only_the_last_wish_is_answered(
    desk: Desk, painter: Painter, tmp_path: Path, qtbot: Any
) -> None:
    painter.slow = True
    desk.parts.request(song(tmp_path, "first"), "original")
    qtbot.waitUntil(painter.begun.is_set)
    for number in range(20):
        desk.parts.request(song(tmp_path, f"next{number}"), "vocals")
    painter.slow = False
    desk.parts.request(song(tmp_path, "last"), "instrumental")
    qtbot.waitUntil(lambda: bool(desk.heard))
    qtbot.wait(20)
    assert [words[0] for words in desk.heard] == ["last"]


@pytest.mark.parametrize("problem", [CorruptAudio("broken"), WorkerDied("interactive", -9)])
def test_a_failure_is_told_as_nothing(
    desk: Desk, painter: Painter, tmp_path: Path, qtbot: Any, problem: Exception
) -> None:
    painter.problem = problem
    desk.parts.request(song(tmp_path), "original")
    qtbot.waitUntil(lambda: bool(desk.heard))
    assert desk.heard == [("song", "original", None)]


def test_closing_stops_the_one_under_way(
    desk: Desk, painter: Painter, tmp_path: Path, qtbot: Any
) -> None:
    painter.slow = True
    desk.parts.request(song(tmp_path), "original")
    qtbot.waitUntil(painter.begun.is_set)
    desk.parts.close()
    desk.parts.request(song(tmp_path), "vocals")
    qtbot.wait(20)
    assert not desk.heard


def test_the_cache_stays_small(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / f"song{number}" / "original"
        path.parent.mkdir()
        path.write_bytes(bytes(100))
        os.utime(path, (1_000 + number, 1_000 + number))
    os.utime(tmp_path / "song0" / "original", (5_000, 5_000))
    prune(tmp_path, 350)
    assert {path.name for path in tmp_path.iterdir()} == {"song0", "song4", "song5"}
    prune(tmp_path / "nothing", 1)


def test_a_real_child_makes_a_real_one(tmp_path: Path, qtbot: Any) -> None:
    made = song(tmp_path, frames=2 * 44_100)
    made.take_folder.mkdir(parents=True)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(made.frames) / 44_100)
    for path in made.stem_paths.values():
        soundfile.write(path, np.stack([tone, tone], axis=1), 44_100, subtype="PCM_24")
    worker = Worker("interactive")
    desk = Desk(tmp_path, worker)
    try:
        desk.parts.request(made, "original")
        qtbot.waitUntil(lambda: bool(desk.heard), timeout=20_000)
        path = desk.heard[0][2]
        assert path is not None
        assert load_spectrogram(path).frames == made.frames
    finally:
        desk.parts.close()
        worker.close()
