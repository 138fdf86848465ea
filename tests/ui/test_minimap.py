"""The whole song below a timeline that looks closer."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.timeline.minimap import Minimap
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, qtbot: QtBot) -> MainWindow:
    window = open_window()
    window.resize(1280, 800)
    library.add("Blue", seconds=100.0)
    window.collection.reload()
    window.open_song(library.all[0].id)
    qtbot.waitUntil(window.song_view.timeline.has_peaks)
    return window


@pytest.fixture
def minimap(window: MainWindow) -> Minimap:
    """Seen because the timeline looks closer."""
    for _ in range(4):
        window.song_view.timeline.zoom_in()
    return window.song_view.minimap


def test_it_is_there_only_while_the_timeline_looks_closer(window: MainWindow, qtbot: QtBot) -> None:
    assert not window.song_view.minimap.isVisible()
    window.song_view.timeline.zoom_in()
    assert window.song_view.minimap.isVisible()
    window.song_view.timeline.show_whole()
    assert not window.song_view.minimap.isVisible()


def test_its_frame_is_what_the_timeline_shows(window: MainWindow, minimap: Minimap) -> None:
    shown = window.song_view.timeline.axis()
    box = minimap.frame_box()
    assert box.width() / minimap.width() == pytest.approx(shown.span / shown.frames, abs=0.01)
    window.song_view.timeline.look_from(50 * RATE)
    assert minimap.frame_box().left() / minimap.width() == pytest.approx(0.5, abs=0.01)


def test_a_click_looks_there_and_a_drag_takes_the_frame_along(
    qtbot: QtBot, window: MainWindow, minimap: Minimap
) -> None:
    timeline = window.song_view.timeline
    x = minimap.width() * 3 // 4
    qtbot.mousePress(minimap, LEFT, pos=QPoint(x, 10))
    middle = timeline.axis().start + timeline.axis().span / 2
    assert middle == pytest.approx(75 * RATE, abs=RATE)
    qtbot.mouseMove(minimap, QPoint(x - 100, 10))
    qtbot.mouseRelease(minimap, LEFT, pos=QPoint(x - 100, 10))
    moved = timeline.axis().start + timeline.axis().span / 2
    assert middle - moved == pytest.approx(100 / minimap.width() * 100 * RATE, rel=0.02)
    # let go: it stays
    qtbot.mouseMove(minimap, QPoint(5, 10))
    assert timeline.axis().start + timeline.axis().span / 2 == moved


def test_keys_move_the_frame(
    qtbot: QtBot, window: MainWindow, minimap: Minimap, player: FakePlayer
) -> None:
    minimap.setFocus()
    before = window.song_view.timeline.axis()
    qtbot.keyClick(minimap, Qt.Key.Key_PageDown)
    after = window.song_view.timeline.axis()
    assert after.start - before.start == pytest.approx(before.span, rel=0.01)
    qtbot.keyClick(minimap, Qt.Key.Key_Left)
    assert after.start - window.song_view.timeline.axis().start == pytest.approx(
        after.span / 4, rel=0.01
    )
    assert player.position_frames == 0  # the arrows were not the window's


def test_the_song_is_seen_in_it(window: MainWindow, minimap: Minimap) -> None:
    window.song_view.timeline.look_from(0)
    image = minimap.grab().toImage()
    tokens = minimap._look.tokens
    inside = round(minimap.frame_box().center().x())
    colours = {image.pixelColor(x, 14).name() for x in range(inside - 40, inside + 40)}
    music = QColor(tokens.stem("instrumental")).name()
    voice = QColor(tokens.stem("vocals")).name()
    assert colours & {music, voice}
    # veiled outside
    assert image.pixelColor(minimap.width() - 60, 14).name() not in {music, voice}


def test_the_playhead_goes_along(window: MainWindow, minimap: Minimap) -> None:
    window.song_view.set_position(50 * RATE)
    image = minimap.grab().toImage()
    x = round((minimap.width() - 1) / 2)
    near = {image.pixelColor(x + dx, 2).lightness() for dx in (-1, 0, 1)}
    assert max(near) > 120
