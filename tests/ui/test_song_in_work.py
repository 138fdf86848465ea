"""The song that is being made, in the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QColor
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.live_peaks import FULL_SCALE, STEP
from karaoke_studio.audio.peaks import PeaksBuilder, write_peaks
from karaoke_studio.ui.job_row import JobRow
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.song_in_work import SongInWork
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakeQueue
from tests.ui.conftest import OpenWindow

FRAMES = 200 * STEP


def original_peaks(folder: Path) -> Path:
    builder = PeaksBuilder()
    builder.add(np.tile(np.array([[0.8], [-0.8]], np.float32), (FRAMES // 2, 1)))
    path = folder / "original.peaks"
    write_peaks(path, FRAMES, {"original": builder.finish()})
    return path


def waves(first: int, count: int, voice: float = 0.25, music: float = 0.5) -> dict[str, Any]:
    def extremes(level: float) -> list[list[int]]:
        high = round(level * FULL_SCALE)
        return [[-high] * count, [high] * count]

    return {"first": first, "vocals": extremes(voice), "instrumental": extremes(music)}


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    window = open_window()
    window.resize(1280, 800)
    return window


@pytest.fixture
def making(window: MainWindow, queue: FakeQueue, tmp_path: Path, qtbot: QtBot) -> SongInWork:
    """The view of a song that was just imported."""
    window.add_paths([Path("Blue.mp3")])
    queue.start("job1", "Nina")
    facts = {"original": original_peaks(tmp_path), "frames": FRAMES, "sample_rate": RATE}
    queue.job_waves.emit("job1", facts)
    qtbot.waitUntil(window.song_in_work.timeline.has_peaks)
    return window.song_in_work


def colours_at(view: SongInWork, share: float, lane: int = 0) -> set[str]:
    """Return the colours of a lane's middle, around a share of the song."""
    image = view.timeline.grab().toImage()
    ratio = image.devicePixelRatio()
    rows = view.timeline._rows()
    top, bottom = rows.lane(lane)
    x, y = int(share * image.width()), int((top + bottom) / 2 * ratio)
    return {image.pixelColor(x + dx, y).name() for dx in range(-8, 9)}


def test_the_first_song_is_seen_while_it_is_made(
    window: MainWindow, making: SongInWork, queue: FakeQueue
) -> None:
    assert window.middle.currentWidget() is making
    assert window.queue_panel.isVisible()
    assert (making.title.text(), making.artist.text()) == ("Blue", "Nina")
    queue.progress("job1", 0.62, 14.0)
    assert making.stage.text() == "Separating"
    assert making.share.text() == "62 % · about 14 s left"


def test_what_is_not_ready_is_hatched_and_fills_in(
    making: SongInWork, queue: FakeQueue, qtbot: QtBot
) -> None:
    tokens = making.timeline._look.tokens
    ground = QColor(tokens.panel).name()
    song = QColor(tokens.stem("original")).name()
    for share in (0.25, 0.75):
        assert colours_at(making, share) >= {ground, song}
    queue.job_waves.emit("job1", waves(0, 100))
    assert making._lanes.share_ready == 0.5
    for lane, stem in enumerate(("vocals", "instrumental")):
        assert colours_at(making, 0.25, lane) == {QColor(tokens.stem(stem)).name()}
        assert ground in colours_at(making, 0.75, lane)
    low, high = making._lanes.columns("vocals", 0, STEP, 100)
    loud = making._lanes.columns("vocals", 100 * STEP, STEP, 100)[1]
    assert high.max() == pytest.approx(loud.max() * 0.25 / 0.8, rel=0.02)
    assert low.min() == -high.max()


def test_a_draft_is_hatched_in_the_colour_of_its_stem(making: SongInWork, queue: FakeQueue) -> None:
    tokens = making.timeline._look.tokens
    ground, voice = QColor(tokens.panel).name(), QColor(tokens.stem("vocals")).name()
    queue.job_waves.emit("job1", waves(0, 100))
    queue.job_waves.emit("job1", waves(50, 100, voice=0.5) | {"draft": True})
    assert making._lanes.has_draft
    assert colours_at(making, 0.25) == {voice}
    assert colours_at(making, 0.625) >= {ground, voice}
    # what is final stays as it is
    loud = making._lanes.columns("vocals", 0, STEP, 150)[1]
    assert loud[60] == pytest.approx(loud[0], rel=0.02)
    assert loud[120] == pytest.approx(2 * loud[0], rel=0.03)


def test_waves_that_come_before_the_song_was_read_are_not_lost(
    window: MainWindow, queue: FakeQueue, tmp_path: Path, qtbot: QtBot
) -> None:
    window.add_paths([Path("Blue.mp3")])
    queue.start("job1", "Nina")
    facts = {"original": original_peaks(tmp_path), "frames": FRAMES, "sample_rate": RATE}
    queue.job_waves.emit("job1", facts)
    queue.job_waves.emit("job1", waves(0, 50))
    qtbot.waitUntil(window.song_in_work.timeline.has_peaks)
    assert window.song_in_work._lanes.share_ready == 0.25


def test_it_gives_way_to_the_song(
    window: MainWindow, making: SongInWork, queue: FakeQueue, library: FakeLibrary
) -> None:
    queue.finish("job1")
    assert window.middle.currentWidget() is window.song_view
    assert not making.is_filled()


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_a_song_that_is_not_made_leaves_the_queue(
    qtbot: QtBot, window: MainWindow, making: SongInWork, queue: FakeQueue, end: str
) -> None:
    if end == "fail":
        from karaoke_studio.errors import CorruptAudio

        queue.fail("job1", CorruptAudio("It is broken.", hint="Get it once more."))
        qtbot.waitUntil(lambda: window.middle.currentWidget() is window.queue_panel)
    else:
        queue.cancel("job1")
    assert not making.is_filled()
    assert window.middle.currentWidget() is not making


@pytest.fixture
def beside(window: MainWindow, making: SongInWork, library: FakeLibrary) -> SongInWork:
    """The view of a song that is made while another one is open."""
    library.add("Red")
    window.collection.reload()
    window.open_song(library.all[0].id)
    assert making.is_filled()
    assert window.middle.currentWidget() is window.song_view
    return making


def row_of(window: MainWindow) -> JobRow:
    (row,) = window.queue_panel.findChildren(JobRow)
    return row


def test_a_click_on_its_row_brings_it_up_and_takes_it_away(
    qtbot: QtBot, window: MainWindow, beside: SongInWork
) -> None:
    row = row_of(window)
    qtbot.mouseClick(row.title, Qt.MouseButton.LeftButton)
    assert window.middle.currentWidget() is beside
    assert "unless another song is playing" in beside.hint.text()
    qtbot.keyClick(row, Qt.Key.Key_Return)
    assert window.middle.currentWidget() is window.song_view


def test_a_song_of_the_list_is_shown_instead_of_the_one_in_work(
    qtbot: QtBot, window: MainWindow, beside: SongInWork, library: FakeLibrary
) -> None:
    window.queue_panel.build_menu(row_of(window)).findChild(QAction, "show_action").trigger()
    assert window.middle.currentWidget() is beside
    window.songs_list.open_requested.emit(library.all[0].id)
    assert window.middle.currentWidget() is window.song_view


@pytest.mark.parametrize(("playing", "title"), [(False, "Blue"), (True, "Red")])
def test_a_watched_song_opens_unless_another_is_playing(
    qtbot: QtBot,
    window: MainWindow,
    beside: SongInWork,
    queue: FakeQueue,
    playing: bool,
    title: str,
) -> None:
    if playing:
        window.listening.play()
        qtbot.waitUntil(lambda: window.listening.is_playing)
    qtbot.mouseClick(row_of(window), Qt.MouseButton.LeftButton)
    queue.finish("job1")
    qtbot.waitUntil(lambda: window.middle.currentWidget() is window.song_view)
    assert window.song_view.title.text() == title
