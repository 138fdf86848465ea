"""Beats of the open song: seen, clicked, kept to, put right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QMouseEvent
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.beats import Beating
from karaoke_studio.ui.main_window import MainWindow
from tests.audio.test_rubber_band import needs_library
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton
#: 120 beats a minute, the first one 0.1 s in; the second one begins a bar.
BEAT, FIRST = RATE // 2, RATE // 10
FOUND = {"knots": [[0, FIRST], [58, FIRST + 58 * BEAT]], "one": 1}


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, qtbot: QtBot) -> MainWindow:
    library.add("Bare", seconds=30.0)
    song = library.add("Steady", seconds=30.0)
    analysis = {"bpm": 120.0, "key": None, "lufs": None, "take_id": "take1", "beats": FOUND}
    library.all[0] = replace(song, analysis=analysis)
    window = open_window()
    window.resize(1280, 800)
    window.open_song(song.id)
    qtbot.waitUntil(window.song_view.timeline.has_peaks)
    return window


def in_menu(window: MainWindow, name: str) -> QAction:
    window.beats.fill_menu()
    return next(a for a in window.beats.menu.actions() if a.objectName() == name)


def column(window: MainWindow, frame: int) -> list[int]:
    timeline = window.song_view.timeline
    x = round(timeline.x_of(frame))
    picture = timeline.grab().toImage()
    return [picture.pixel(x, y) for y in range(30, 140)]


def test_bars_are_seen_until_they_are_turned_off(window: MainWindow) -> None:
    bar = FIRST + 9 * BEAT
    seen = column(window, bar)
    in_menu(window, "beats_shown_action").trigger()
    assert not window.settings.beats_shown
    bare = column(window, bar)
    assert sum(a != b for a, b in zip(seen, bare, strict=True)) > 100
    in_menu(window, "beats_shown_action").trigger()
    assert column(window, bar) == seen


def test_the_metronome_is_turned_by_its_key(
    qtbot: QtBot, window: MainWindow, player: FakePlayer, library: FakeLibrary
) -> None:
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert player.beats is not None
    assert next(player.beats.within(0, RATE)).frame == FIRST
    button = window.song_view.transport.beats_button
    assert button.isChecked()
    # a song without beats has none, and the next one clicks again
    window.open_song(library.all[1].id)
    assert player.beats is None
    assert not button.isEnabled()
    assert button.toolTip()
    window.open_song(library.all[0].id)
    assert player.beats is not None
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert player.beats is None


def test_the_button_opens_the_menu(qtbot: QtBot, window: MainWindow) -> None:
    button = window.song_view.transport.beats_button
    qtbot.mouseClick(button, LEFT)
    assert window.beats.menu.isVisible()
    assert not button.isChecked()
    window.beats.menu.close()


def drag(qtbot: QtBot, window: MainWindow, start: int, stop: int, *, free: bool = False) -> None:
    timeline = window.song_view.timeline
    keys = Qt.KeyboardModifier.AltModifier if free else Qt.KeyboardModifier.NoModifier
    places = [QPoint(round(timeline.x_of(frame)), 150) for frame in (start, stop)]
    qtbot.mousePress(timeline, LEFT, keys, places[0])
    qtbot.mouseMove(timeline, places[0] + QPoint(6, 0))

    at = QPointF(places[1])
    move = QMouseEvent(
        QEvent.Type.MouseMove, at, timeline.mapToGlobal(at), Qt.MouseButton.NoButton, LEFT, keys
    )
    timeline.mouseMoveEvent(move)
    qtbot.mouseRelease(timeline, LEFT, keys, places[1])


def test_loops_keep_to_beats_unless_alt_is_held(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    near = round(0.2 * BEAT)
    drag(qtbot, window, FIRST + 4 * BEAT + near, FIRST + 8 * BEAT - near)
    assert tuple(player.loop or ())[:2] == (FIRST + 4 * BEAT, FIRST + 8 * BEAT)
    window.opened.clear_loop()
    drag(qtbot, window, FIRST + 4 * BEAT + near, FIRST + 8 * BEAT - near, free=True)
    stop = tuple(player.loop or ())[1]
    assert abs(stop - (FIRST + 8 * BEAT - near)) < window.song_view.timeline.axis().step
    window.opened.clear_loop()
    in_menu(window, "loops_snap_action").trigger()
    assert not window.settings.loops_snap
    drag(qtbot, window, FIRST + 4 * BEAT + near, FIRST + 8 * BEAT - near)
    assert player.loop is not None
    assert player.loop.start != FIRST + 4 * BEAT


def test_a_short_drag_is_a_whole_beat(qtbot: QtBot, window: MainWindow, player: FakePlayer) -> None:
    start = FIRST + 10 * BEAT
    drag(qtbot, window, start + 100, start + round(0.3 * BEAT))
    assert tuple(player.loop or ())[:2] == (start, start + BEAT)


def test_beats_are_put_right_and_kept_with_the_song(
    window: MainWindow, player: FakePlayer, queue: FakeQueue, library: FakeLibrary
) -> None:
    player.seek(FIRST + 2 * BEAT + 500)
    in_menu(window, "bar_here_action").trigger()
    in_menu(window, "more_beats_action").trigger()
    window.beats.fill_menu()
    bars = next(a.menu() for a in window.beats.menu.actions() if a.text() == "Beats of a bar")
    next(action for action in bars.actions() if action.text() == "3").trigger()
    grid = window.beats.grid()
    assert grid is not None
    assert grid.period_at(RATE) == pytest.approx(BEAT / 2)
    firsts = [b.frame for b in grid.within(RATE, 4 * RATE) if b.is_first]
    assert (FIRST + 2 * BEAT) in firsts
    assert firsts[1] - firsts[0] == 3 * BEAT // 2
    assert not in_menu(window, "more_beats_action").isEnabled()
    # another preset leaves them alone
    window.song_view.mixer.toggle_guide()
    window.faders.flush()
    assert queue.mixes[-1][1]["beats"] == Beating(2.0, 3, FIRST + 2 * BEAT).to_plain()
    in_menu(window, "beats_as_found_action").trigger()
    assert window.faders.mix_of(library.all[0]).beating == Beating()


@needs_library
def test_the_count_in_leads_into_the_song(window: MainWindow, player: FakePlayer) -> None:
    window.change_setting("count_in", value=True)
    window.places.fill_menu()
    next(a for a in window.places.menu.actions() if a.objectName() == "count_in_action").trigger()
    player.seek(FIRST + 4 * BEAT - BEAT // 4)
    window.song_view.mixer.tune.set_tempo(50)
    window.listening.play()
    assert player.counted == (4, 60.0)
    # a quarter of a beat before the beat, at half the tempo
    assert player.last_click_s == pytest.approx(0.75 * 0.5 / 0.5, abs=0.001)


def test_a_rest_is_a_counted_bar(window: MainWindow, player: FakePlayer) -> None:
    window.opened.repeat(FIRST + 4 * BEAT, FIRST + 8 * BEAT)
    window.places.fill_menu()
    rests = next(a.menu() for a in window.places.menu.actions() if a.text().startswith("Rest"))
    counted = next(a for a in rests.actions() if a.objectName() == "counted_rest_action")
    counted.trigger()
    assert player.loop is not None
    assert player.loop.gap == 4 * BEAT
    assert player.loop.clicks == tuple(n * BEAT for n in range(4))
    # off the beat: the clicks stay on the beat that goes on
    window.opened.repeat(FIRST + 4 * BEAT + BEAT // 4, FIRST + 8 * BEAT)
    assert player.loop.gap == pytest.approx(3 * BEAT + BEAT // 4, abs=2)


def test_beats_that_are_found_later_appear(
    window: MainWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    window.open_song(library.all[1].id)
    assert window.beats.grid() is None
    analysis = {"take_id": "take1", "beats": FOUND}
    library.all[1] = replace(library.all[1], analysis=analysis)
    window.opened.follow(library.all[1])
    assert window.beats.grid() is not None
    assert window.song_view.transport.beats_button.isEnabled()
