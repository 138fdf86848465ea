"""A stretch of the open song is fixed: by menu, by pages, by brush; judged, undone, heard."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QMenu
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import EngineCrashed
from karaoke_studio.fixes import TO_MUSIC, TO_VOICE, Fix
from karaoke_studio.job import JobSpec
from karaoke_studio.playback.player import PlayerState
from karaoke_studio.ui.fix_panel import FixPanel
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue, FakeShelf
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton
PART = (5 * RATE, 10 * RATE)


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    library.add("Blue", original="original.flac")
    library.add("Red")
    window = open_window()
    window.open_song(library.all[1].id)
    window.opened.repeat(*PART)
    return window


@pytest.fixture
def panel(window: MainWindow) -> FixPanel:
    menu = window.song_view.findChild(QMenu, "region_menu")
    assert menu is not None
    actions: list[QAction] = menu.actions()
    assert [a.objectName() for a in actions][-2:] == ["fix_region_action", "forget_region_action"]
    actions[-2].trigger()
    assert window.fixing.panel.isVisible()
    return window.fixing.panel


def click(panel: FixPanel, name: str, qtbot: QtBot) -> None:
    button = panel.findChild(QAbstractButton, name)
    assert button is not None
    assert button.isVisible(), name
    assert button.isEnabled(), name
    qtbot.mouseClick(button, LEFT)


def last(queue: FakeQueue) -> JobSpec:
    return list(queue.specs.values())[-1]


def fix_of(queue: FakeQueue) -> Fix:
    fix = last(queue).fix
    assert fix is not None
    return fix


def draw(window: MainWindow, qtbot: QtBot, start_s: float, stop_s: float, height: float) -> None:
    layer = window.fixing.layer
    timeline = window.song_view.timeline
    ends = [
        QPoint(round(timeline.x_of(round(s * RATE))), round(layer.height() * (1 - height)))
        for s in (start_s, stop_s)
    ]
    qtbot.mousePress(layer, LEFT, pos=ends[0])
    qtbot.mouseMove(layer, ends[1])
    qtbot.mouseRelease(layer, LEFT, pos=ends[1])


def test_a_stretch_is_split_again(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, player: FakePlayer, qtbot: QtBot
) -> None:
    song = window.opened.song()
    assert song is not None
    assert panel.stretch.text() == "0:05.0 – 0:10.0"
    assert panel.chosen_engine() == "centre", "not the one that made it"
    assert not panel.careful.isEnabled()
    window.opened.clear_loop()
    window.fixing.fix(5.0, 10.0)
    player.position_frames = 20 * RATE
    click(panel, "fix_it", qtbot)
    spec = last(queue)
    assert (spec.engine, spec.song_id, spec.title) == ("centre", song.id, "Blue, 0:05–0:10")
    assert spec.fix == Fix("take1", *PART, redo=True)
    assert panel.bar.isVisible()
    assert panel.fix.isHidden()
    queue.progress(spec.job_id, 0.4)
    assert panel.bar.goal == 0.4
    after = queue.finish_fix(spec.job_id)
    shown = window.opened.song()
    assert shown is not None
    assert shown.take_id == after.take_id
    assert player.take.stems == after.stem_paths
    assert (player.state, player.position_frames) == (PlayerState.PLAYING, PART[0])
    assert panel.bar.isHidden()
    assert window.song_view.timeline.loop() == PART


def test_it_is_compared_and_undone(
    window: MainWindow,
    panel: FixPanel,
    queue: FakeQueue,
    player: FakePlayer,
    shelf: FakeShelf,
    qtbot: QtBot,
) -> None:
    before = window.opened.song()
    assert before is not None
    assert not panel.undo.isEnabled()
    click(panel, "fix_it", qtbot)
    after = queue.finish_fix(last(queue).job_id)
    assert window.commands["undo_action"].text() == "Undo fix"
    player.position_frames = 25 * RATE
    click(panel, "fix_compare_before", qtbot)
    assert player.take.stems == before.stem_paths
    assert player.position_frames == PART[0]
    click(panel, "fix_compare_after", qtbot)
    assert player.take.stems == after.stem_paths
    click(panel, "fix_undo", qtbot)
    assert shelf.wishes[-1] == ("use", before.id, "take1")
    # the library says so, and nothing can be compared any more
    window.opened.follow(before)
    assert not panel.undo.isEnabled()
    assert player.take.stems == before.stem_paths


def test_the_undo_of_the_window_goes_back_too(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, shelf: FakeShelf, qtbot: QtBot
) -> None:
    click(panel, "fix_it", qtbot)
    song = queue.finish_fix(last(queue).job_id)
    window.commands["undo_action"].trigger()
    assert shelf.wishes[-1] == ("use", song.id, "take1")


def test_a_new_take_stays_where_the_old_one_stood(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, qtbot: QtBot
) -> None:
    timeline = window.song_view.timeline
    timeline.zoom_in()
    timeline.zoom_in()
    axis = timeline.axis()
    assert not axis.is_whole
    click(panel, "fix_it", qtbot)
    queue.finish_fix(last(queue).job_id)
    assert timeline.axis() == axis
    assert window.listening.is_looping, "it was repeated before"


def test_the_voice_is_bounded_and_made_weaker(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, qtbot: QtBot
) -> None:
    click(panel, "fix_page_shape", qtbot)
    click(panel, "fix_it", qtbot)
    assert not queue.specs
    assert panel.told.text() == "Nothing was chosen yet. Change something first."
    panel.low.setCurrentIndex(panel.low.findText("100 Hz"))
    panel.high.setCurrentIndex(panel.high.findText("8 kHz"))
    panel.strength.setValue(-40)
    assert panel.strength_words.text() == "Strength of the voice: 40 % less"
    click(panel, "fix_it", qtbot)
    wanted = Fix("take1", *PART, low_hz=100.0, high_hz=8000.0, strength=-0.4)
    assert fix_of(queue) == wanted


def test_a_network_can_take_more_care(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, qtbot: QtBot
) -> None:
    panel.offer_engines(["instant", "centre", "htdemucs"], "instant")
    assert panel.chosen_engine() == "htdemucs"
    qtbot.mouseClick(panel.careful, LEFT)
    click(panel, "fix_it", qtbot)
    network = last(queue).network
    assert (last(queue).engine, network.overlap, network.shifts) == ("htdemucs", 0.5, 2)


def test_strokes_are_drawn_rendered_and_taken_back(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, shelf: FakeShelf, qtbot: QtBot
) -> None:
    assert window.fixing.layer.isHidden()
    click(panel, "fix_page_brush", qtbot)
    assert window.fixing.layer.isVisible()
    assert not panel.stroke_undo.isEnabled()
    draw(window, qtbot, 6.0, 8.0, 0.5)
    panel.brush_strength.setValue(50)
    click(panel, "fix_brush_voice", qtbot)
    draw(window, qtbot, 7.0, 7.5, 0.25)
    assert panel.strokes.text() == "2 strokes"
    click(panel, "fix_it", qtbot)
    first, second = fix_of(queue).strokes
    assert (first.to, first.strength) == (TO_MUSIC, 1.0)
    assert (second.to, second.strength) == (TO_VOICE, 0.5)
    seconds = [at / RATE for at, _ in first.points]
    assert (seconds[0], seconds[-1]) == pytest.approx((6.0, 8.0), abs=0.05)
    # 30 Hz … 16 kHz in octaves
    hz = [hz for _, hz in first.points]
    assert hz == pytest.approx([np.sqrt(hz[0] * hz[-1])] * len(hz), rel=0.05)
    assert second.points[0][1] < first.points[0][1] / 4
    queue.finish_fix(last(queue).job_id)
    # one more: all are rendered from the take that they were drawn on
    draw(window, qtbot, 9.0, 9.5, 0.5)
    click(panel, "fix_it", qtbot)
    assert (fix_of(queue).take_id, len(fix_of(queue).strokes)) == ("take1", 3)
    queue.finish_fix(last(queue).job_id)
    # taken back one by one, and heard at once
    for left in (2, 1):
        click(panel, "fix_stroke_undo", qtbot)
        assert (fix_of(queue).take_id, len(fix_of(queue).strokes)) == ("take1", left)
        song = queue.finish_fix(last(queue).job_id)
    click(panel, "fix_stroke_undo", qtbot)
    assert shelf.wishes[-1] == ("use", song.id, "take1")
    assert panel.strokes.text() == "Draw on the spectrogram"


def test_outside_of_the_stretch_the_hand_seeks(
    window: MainWindow, panel: FixPanel, player: FakePlayer, qtbot: QtBot
) -> None:
    click(panel, "fix_page_brush", qtbot)
    draw(window, qtbot, 20.0, 20.0, 0.5)
    assert panel.strokes.text() == "Draw on the spectrogram"
    assert player.position_frames == pytest.approx(20 * RATE, abs=0.1 * RATE)


def test_cancel_and_failure_leave_it_as_it_was(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, qtbot: QtBot
) -> None:
    song = window.opened.song()
    click(panel, "fix_it", qtbot)
    click(panel, "fix_cancel", qtbot)
    assert panel.fix.isVisible()
    click(panel, "fix_it", qtbot)
    queue.fail(last(queue).job_id, EngineCrashed("It stopped.", hint="Try another engine."))
    assert panel.told.text() == "It stopped. Try another engine."
    assert panel.fix.isVisible()
    assert window.opened.song() == song
    assert not panel.undo.isEnabled()


def test_another_song_closes_it_and_its_fix_goes_on(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, library: FakeLibrary, qtbot: QtBot
) -> None:
    click(panel, "fix_page_brush", qtbot)
    draw(window, qtbot, 6.0, 7.0, 0.5)
    click(panel, "fix_it", qtbot)
    red = library.all[0]
    blue = last(queue)
    window.open_song(red.id)
    assert panel.isHidden()
    assert window.fixing.layer.isHidden()
    window.fixing.fix(1.0, 2.0)
    assert panel.isVisible()
    assert panel.fix.isVisible(), "only the other song is being fixed"
    assert panel.strokes.text() == "Draw on the spectrogram"
    window.open_song(str(blue.song_id))
    window.fixing.fix(5.0, 6.0)
    assert panel.cancel.isVisible(), "this one is"
    window.open_song(red.id)
    queue.finish_fix(blue.job_id)
    shown = window.opened.song()
    assert shown is not None
    assert shown.id == red.id


def test_what_it_waits_for_is_told(
    window: MainWindow, panel: FixPanel, queue: FakeQueue, qtbot: QtBot
) -> None:
    queue.paused = True
    click(panel, "fix_it", qtbot)
    assert panel.told.text() == "The queue is paused. Let it go on to begin."
    job_id = last(queue).job_id
    queue.job_started.emit(job_id)
    assert panel.told.isHidden()
    # it fails, and is tried again in the queue
    queue.fail(job_id, EngineCrashed("It stopped."))
    assert panel.fix.isVisible()
    queue.job_started.emit(job_id)
    assert panel.cancel.isVisible()
    assert panel.told.isHidden()
    queue.finish_fix(job_id)
    assert panel.undo.isEnabled()


def test_a_place_of_no_length_becomes_a_stretch(window: MainWindow) -> None:
    window.opened.clear_loop()
    window.fixing.fix(12.0, 12.0)
    start, stop = window.song_view.timeline.loop() or (0, 0)
    assert stop - start == RATE // 10
    assert start < 12 * RATE < stop
    window.fixing.close()
    assert window.fixing.panel.isHidden()


def test_a_choice_too_short_cannot_be_fixed(window: MainWindow, panel: FixPanel) -> None:
    window.song_view.timeline.loop_requested.emit(RATE, RATE + 100)
    assert not panel.fix.isEnabled()
    window.song_view.timeline.loop_requested.emit(RATE, 2 * RATE)
    assert panel.fix.isEnabled()
    assert panel.stretch.text() == "0:01.0 – 0:02.0"


def test_every_control_has_a_name_and_says_what_it_does(panel: FixPanel) -> None:
    for button in panel.findChildren(QAbstractButton):
        assert button.objectName()
        assert button.accessibleName()
        assert button.toolTip(), button.objectName()


def test_it_fits_a_small_window(window: MainWindow, panel: FixPanel) -> None:
    window.resize(900, 600)
    assert window.width() == 900
    assert window.song_view.timeline.width() > 150
    assert panel.height() > 150
