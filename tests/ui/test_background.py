from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import CorruptAudio
from karaoke_studio.ui.background import Background
from tests.helpers.fakes_ui import FakeLibrary, FakeQueue


class Wall(QObject):
    """A desktop that keeps what it is told."""

    unheard = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[str, str]] = []
        self.progress: list[float | None] = []

    def notify(self, title: str, body: str) -> None:
        self.notes.append((title, body))

    def show_progress(self, fraction: float | None) -> None:
        self.progress.append(fraction)

    def close(self) -> None:
        self.progress.append(None)


class Scene:
    def __init__(self, queue: FakeQueue, window: QWidget) -> None:
        self.queue, self.window, self.wall = queue, window, Wall()
        self.in_front = False
        self.background = Background(queue, window, self.wall, lambda: self.in_front)

    def add(self, *names: str) -> list[str]:
        self.queue.add_paths([Path(f"{name}.mp3") for name in names])
        return list(self.queue.views)


@pytest.fixture
def scene(qtbot: QtBot, library: FakeLibrary, queue: FakeQueue) -> Iterator[Scene]:
    window = QWidget()
    qtbot.addWidget(window)
    scene = Scene(queue, window)
    yield scene
    scene.background.close()
    assert scene.wall.progress[-1] is None


def test_the_title_counts_all_songs_while_nobody_looks(scene: Scene) -> None:
    scene.background.show_song("Night Bus")
    first, second = scene.add("a", "b")
    scene.queue.start(first)
    scene.queue.progress(first, 0.5)
    assert scene.window.windowTitle() == "25 % · Night Bus – Karaoke Studio"
    assert scene.wall.progress[-1] == 0.25
    scene.queue.finish(first)
    scene.queue.start(second)
    scene.queue.progress(second, 0.5)
    assert scene.window.windowTitle() == "75 % · Night Bus – Karaoke Studio"
    scene.in_front = True
    scene.queue.progress(second, 0.9)
    assert scene.window.windowTitle() == "Night Bus – Karaoke Studio"
    scene.queue.finish(second)
    assert scene.wall.progress[-1] is None


def test_the_end_of_the_queue_is_told_once(scene: Scene) -> None:
    ids = scene.add("a", "b", "c")
    for job_id in ids[:2]:
        scene.queue.start(job_id)
        scene.queue.finish(job_id)
    assert scene.wall.notes == []
    scene.queue.cancel(ids[2])
    assert scene.wall.notes == [("Your songs are ready", "2 songs were made.")]
    (*_, again) = scene.add("d")
    scene.queue.start(again)
    scene.queue.finish(again)
    assert scene.wall.notes[1:] == [("Your song is ready", "")]


def test_a_failure_is_told_at_once(scene: Scene) -> None:
    first, second = scene.add("a", "b")
    scene.queue.start(first)
    scene.queue.fail(first, CorruptAudio("a.mp3 ends at 1:02.", hint="Copy it again."))
    sentence = ("A song could not be made", "a.mp3 ends at 1:02. Copy it again.")
    assert scene.wall.notes == [sentence]
    scene.queue.start(second)
    scene.queue.finish(second)
    assert scene.wall.notes[1:] == [("Your songs are ready", "1 song was made, 1 failed.")]


def test_who_looks_is_told_nothing_twice(scene: Scene) -> None:
    scene.in_front = True
    first, second = scene.add("a", "b")
    scene.queue.start(first)
    scene.queue.fail(first, CorruptAudio("a.mp3 ends at 1:02."))
    scene.queue.start(second)
    scene.queue.finish(second)
    assert scene.wall.notes == []


def test_a_message_without_a_tray_is_no_trouble(scene: Scene) -> None:
    scene.wall.unheard.emit("Ready", "One song.")
