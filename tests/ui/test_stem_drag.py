"""Stems are dragged out of the window by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import DiskFull
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.timeline.timeline import Hold, Timeline
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton
FOUR = ("vocals", "drums", "bass", "other")


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    library.add("Pair")
    library.add("Four", stems=FOUR)
    window = open_window()
    window.open_song(library.all[0].id)
    return window


@pytest.fixture
def timeline(window: MainWindow) -> Timeline:
    return window.song_view.timeline


@pytest.fixture
def drags(window: MainWindow) -> list[tuple[Path, str]]:
    """What was handed to other programs."""
    made: list[tuple[Path, str]] = []
    window.stem_drag._drag = lambda path, stem: made.append((path, stem))
    return made


def name_of(timeline: Timeline, stem: str) -> QPoint:
    rows = timeline._rows()
    return timeline._chrome.name_box(rows, rows.stems.index(stem)).center().toPoint()


def draw_away(qtbot: QtBot, timeline: Timeline, stem: str) -> None:
    at = name_of(timeline, stem)
    qtbot.mousePress(timeline, LEFT, pos=at)
    qtbot.mouseMove(timeline, at + QPoint(0, 30))


def only(queue: FakeQueue) -> str:
    (export_id,) = queue.exports
    return export_id


def test_a_stem_is_made_and_then_dragged(
    qtbot: QtBot,
    window: MainWindow,
    timeline: Timeline,
    queue: FakeQueue,
    drags: list[tuple[Path, str]],
) -> None:
    draw_away(qtbot, timeline, "drums")
    assert timeline.cursor().shape() is Qt.CursorShape.BusyCursor
    ((_, output, stems),) = queue.exports.values()
    assert (stems, output.format) == (("drums",), "flac")
    assert output.folder.parent.name == "dragged"
    assert drags == []
    result = queue.finish_export(only(queue))
    assert drags == [(result.stem_paths["drums"], "drums")]
    assert timeline._hold is Hold.NOTHING
    assert not window.banners.export.isVisible(), "nobody exported anything"


def test_the_second_time_it_is_there_at_once(
    qtbot: QtBot, timeline: Timeline, queue: FakeQueue, drags: list[tuple[Path, str]]
) -> None:
    draw_away(qtbot, timeline, "bass")
    queue.finish_export(only(queue))
    draw_away(qtbot, timeline, "bass")
    assert len(drags) == 2
    assert not queue.exports
    drags[0][0].unlink()
    draw_away(qtbot, timeline, "bass")
    assert len(drags) == 2, "made once more, because somebody has deleted it"
    queue.finish_export(only(queue))
    assert len(drags) == 3


def test_a_hand_that_was_faster_is_told(
    qtbot: QtBot,
    window: MainWindow,
    timeline: Timeline,
    queue: FakeQueue,
    drags: list[tuple[Path, str]],
) -> None:
    draw_away(qtbot, timeline, "vocals")
    qtbot.mouseRelease(timeline, LEFT, pos=QPoint(200, 200))
    draw_away(qtbot, timeline, "vocals")
    assert len(queue.exports) == 1, "it is being made already"
    qtbot.mouseRelease(timeline, LEFT, pos=QPoint(200, 200))
    queue.finish_export(only(queue))
    assert drags == []
    assert window.banners.notice.label.text() == "Vocals of this song can be dragged now."
    draw_away(qtbot, timeline, "vocals")
    assert len(drags) == 1


def test_another_song_is_not_handed_over(
    qtbot: QtBot,
    window: MainWindow,
    timeline: Timeline,
    queue: FakeQueue,
    library: FakeLibrary,
    drags: list[tuple[Path, str]],
) -> None:
    draw_away(qtbot, timeline, "vocals")
    window.open_song(library.all[1].id)
    queue.finish_export(only(queue))
    assert drags == []


def test_a_failure_is_told(
    qtbot: QtBot, window: MainWindow, timeline: Timeline, queue: FakeQueue, drags: list[object]
) -> None:
    draw_away(qtbot, timeline, "vocals")
    queue.export_failed.emit(only(queue), DiskFull("The disk is full.", hint="Free some space."))
    assert "The disk is full." in window.banners.notice.label.text()
    assert timeline.cursor().shape() is not Qt.CursorShape.BusyCursor
    draw_away(qtbot, timeline, "vocals")
    assert drags == []


def test_a_click_on_a_name_seeks_as_everywhere(
    qtbot: QtBot, timeline: Timeline, queue: FakeQueue, player: FakePlayer
) -> None:
    at = name_of(timeline, "vocals")
    with qtbot.waitSignal(timeline.seek_requested):
        qtbot.mouseClick(timeline, LEFT, pos=at)
    assert player.position_frames == timeline.frame_at(at.x())
    assert not queue.exports
    qtbot.mouseMove(timeline, at)
    assert timeline.cursor().shape() is Qt.CursorShape.OpenHandCursor


def test_what_leaves_the_window_is_not_a_new_song(window: MainWindow, tmp_path: Path) -> None:
    class FromHere(QDragEnterEvent):
        def source(self) -> object:
            return window

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "song.flac"))])
    keys = Qt.KeyboardModifier.NoModifier
    event = FromHere(QPoint(50, 50), Qt.DropAction.CopyAction, data, LEFT, keys)
    window.dragEnterEvent(event)
    assert not window.overlay.isVisible()
    QApplication.processEvents()
