"""The timeline in the window: spectrograms come from the queue, loops go to the player."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.spectrogram import (
    ROWS,
    Spectrogram,
    SpectrogramBuilder,
    write_spectrogram,
)
from karaoke_studio.library.songs import Song
from karaoke_studio.playback.feeder import Loop
from karaoke_studio.playback.player import PlayerState
from karaoke_studio.settings import Settings
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.timeline.timeline import Timeline
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import Desk, OpenWindow

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    library.add("Second")
    library.add("First")
    window = open_window()
    window.open_song(library.all[0].id)
    return window


@pytest.fixture
def timeline(window: MainWindow) -> Timeline:
    return window.song_view.timeline


@pytest.fixture
def song(window: MainWindow, library: FakeLibrary) -> Song:
    return library.all[0]


def spectrogram_file(folder: Path, song: Song) -> Path:
    path = folder / f"{song.title}.spectrogram"
    builder = SpectrogramBuilder(song.frames, song.sample_rate, 1)
    write_spectrogram(path, builder, {"frames": song.frames})
    return path


# -- spectrograms


def test_the_spectrogram_of_what_is_heard_is_asked_for_once(
    qtbot: QtBot,
    window: MainWindow,
    timeline: Timeline,
    song: Song,
    queue: FakeQueue,
    tmp_path: Path,
) -> None:
    assert queue.wishes == [(song.id, "instrumental", False)]
    queue.spectrogram_ready.emit(song.id, "instrumental", spectrogram_file(tmp_path, song))
    qtbot.waitUntil(timeline.has_spectrogram)
    window.commands["vocals_action"].trigger()
    assert queue.wishes[1:] == [(song.id, "vocals", False)]
    assert not timeline.has_spectrogram()
    window.commands["instrumental_action"].trigger()
    assert timeline.has_spectrogram()
    assert len(queue.wishes) == 2


def test_answers_for_another_song_or_source_are_dropped(
    qtbot: QtBot,
    window: MainWindow,
    timeline: Timeline,
    queue: FakeQueue,
    library: FakeLibrary,
    tmp_path: Path,
) -> None:
    first, second = library.all
    path = spectrogram_file(tmp_path, first)
    queue.spectrogram_ready.emit(second.id, "instrumental", path)
    queue.spectrogram_ready.emit(first.id, "vocals", path)
    queue.spectrogram_ready.emit(first.id, "instrumental", path)
    window.open_song(second.id)  # while the file is being read
    qtbot.wait(60)
    assert not timeline.has_spectrogram()


def test_a_file_that_cannot_be_read_is_made_anew_once(
    qtbot: QtBot, timeline: Timeline, song: Song, queue: FakeQueue, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"KSSPECT1 nothing")
    queue.spectrogram_ready.emit(song.id, "instrumental", bad)
    qtbot.waitUntil(lambda: queue.wishes[1:] == [(song.id, "instrumental", True)])
    queue.spectrogram_ready.emit(song.id, "instrumental", bad)
    qtbot.waitUntil(lambda: timeline._strip_is_broken)
    assert len(queue.wishes) == 2


def test_none_can_be_had(timeline: Timeline, song: Song, queue: FakeQueue) -> None:
    queue.spectrogram_ready.emit(song.id, "instrumental", None)
    assert timeline._strip_is_broken
    assert not timeline.has_spectrogram()


def test_the_colours_are_chosen_in_the_menu_and_saved(window: MainWindow, desk: Desk) -> None:
    assert window.commands["colours_magma_action"].isChecked()
    window.commands["colours_viridis_action"].trigger()
    assert window.settings.spectrogram_colours == "viridis"
    window.close()
    assert desk.saved[-1].spectrogram_colours == "viridis"
    assert window.song_view.timeline._colours == "viridis"


def test_another_scale_is_made_and_said(
    window: MainWindow, timeline: Timeline, queue: FakeQueue, song: Song
) -> None:
    assert len(queue.wishes) == 1
    window.commands["spectrogram_scale_mel_action"].trigger()
    assert queue.settings.spectrogram_scale == "mel"
    assert queue.wishes[1:] == [(song.id, "instrumental", False)]
    assert "mel" in timeline._strip_label
    window.commands["spectrogram_window_8192_action"].trigger()
    assert queue.settings.spectrogram_window == 8192
    assert len(queue.wishes) == 3


def test_one_source_can_be_shown_whatever_is_heard(
    window: MainWindow, timeline: Timeline, queue: FakeQueue, song: Song
) -> None:
    window.commands["spectrogram_source_vocals_action"].trigger()
    assert queue.wishes[1:] == [(song.id, "vocals", False)]
    window.commands["original_action"].trigger()
    assert len(queue.wishes) == 2
    assert timeline._strip_label.startswith("Spectrogram · vocals")
    window.commands["spectrogram_source_heard_action"].trigger()
    assert queue.wishes[2:] == [(song.id, "original", False)]


def test_the_range_needs_no_new_file(
    qtbot: QtBot, window: MainWindow, timeline: Timeline, queue: FakeQueue, song: Song
) -> None:
    rng = np.random.default_rng(1)
    level = rng.integers(0, 200, (ROWS, song.frames // 1024), dtype=np.uint8)
    timeline.show_spectrogram(Spectrogram(song.frames, 1024, [level]))

    def brightness() -> float:
        picture, y = timeline.grab().toImage(), timeline.height() - 40
        return sum(picture.pixelColor(x, y).lightness() for x in range(300, 500))

    narrow = brightness()
    window.commands["spectrogram_range_db_90_action"].trigger()
    assert brightness() > 1.2 * narrow
    assert len(queue.wishes) == 1
    assert window.settings.spectrogram_range_db == 90


def test_its_words_open_its_menu(qtbot: QtBot, window: MainWindow, timeline: Timeline) -> None:
    box = timeline._chrome.strip_box(timeline._rows())
    qtbot.mouseClick(timeline, LEFT, pos=box.center().toPoint())
    menu = window.timeline_choices.spectrogram.menu
    assert menu.isVisible()
    assert [a.text() for a in menu.actions()] == ["Shows", "Scale", "Window", "Range", "Colours"]
    menu.close()


def test_the_saved_colours_are_used(desk: Desk) -> None:
    window = desk.open(Settings(theme="dark", spectrogram_colours="viridis"))
    assert window.commands["colours_viridis_action"].isChecked()
    assert window.song_view.timeline._colours == "viridis"


# -- keys


def test_keys_zoom_the_timeline(qtbot: QtBot, window: MainWindow, timeline: Timeline) -> None:
    for key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        span = timeline.axis().span
        qtbot.keyClick(window, key)
        assert timeline.axis().span < span
    start = timeline.axis().start
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    assert timeline.axis().start > start
    qtbot.keyClick(window, Qt.Key.Key_PageUp)
    assert timeline.axis().start == pytest.approx(start, abs=1)
    qtbot.keyClick(window, Qt.Key.Key_Minus)
    qtbot.keyClick(window, Qt.Key.Key_0)
    assert timeline.axis().is_whole


def test_the_list_keeps_its_page_keys(qtbot: QtBot, window: MainWindow, timeline: Timeline) -> None:
    timeline.zoom_in()
    axis = timeline.axis()
    view = window.songs_list.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert timeline.axis() == axis
    assert view.currentIndex().row() == 1


# -- loops


def choose(qtbot: QtBot, timeline: Timeline, start_s: float, stop_s: float) -> None:
    places = [QPoint(round(timeline.x_of(round(s * RATE))), 100) for s in (start_s, stop_s)]
    qtbot.mousePress(timeline, LEFT, pos=places[0])
    qtbot.mouseMove(timeline, places[1])
    qtbot.mouseRelease(timeline, LEFT, pos=places[1])


def test_a_drag_repeats_a_stretch_from_its_start(
    qtbot: QtBot, window: MainWindow, timeline: Timeline, player: FakePlayer
) -> None:
    button = window.song_view.transport.loop_button
    assert button.text() == "Loop off"
    choose(qtbot, timeline, 10, 20)
    assert player.loop is not None
    assert player.loop.start == pytest.approx(10 * RATE, abs=RATE / 20)
    assert player.loop.stop == pytest.approx(20 * RATE, abs=RATE / 20)
    assert timeline.loop() == player.loop[:2]
    assert player.position_frames == player.loop.start
    assert button.text() == "Loop on"
    player.play()
    player.advance_s(5)
    choose(qtbot, timeline, 12, 18)
    assert player.position_frames == pytest.approx(15 * RATE, abs=RATE / 10)
    assert player.state is PlayerState.PLAYING


def test_the_toggle_repeats_the_stretch_or_the_whole_song(
    qtbot: QtBot, window: MainWindow, timeline: Timeline, player: FakePlayer
) -> None:
    button = window.song_view.transport.loop_button
    qtbot.mouseClick(button, LEFT)
    assert player.loop == Loop(0, 30 * RATE)
    assert timeline.loop() is None
    assert button.text() == "Loop on"
    qtbot.keyClick(window, Qt.Key.Key_L)
    assert player.loop is None
    assert button.text() == "Loop off"
    choose(qtbot, timeline, 10, 20)
    stretch = player.loop
    qtbot.mouseClick(button, LEFT)
    assert player.loop is None
    assert stretch is not None
    assert timeline.loop() == stretch[:2]  # shown faintly, to be turned on again
    qtbot.mouseClick(button, LEFT)
    assert player.loop == stretch


def test_escape_forgets_the_loop_and_leaves_the_search_alone(
    qtbot: QtBot, window: MainWindow, timeline: Timeline, player: FakePlayer
) -> None:
    clear = window.commands["clear_loop_action"]
    assert not clear.isEnabled()
    choose(qtbot, timeline, 10, 20)
    assert clear.isEnabled()
    box = window.songs_list.filter_box
    box.setFocus()
    box.setText("sec")
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == ""
    assert player.loop is not None
    window.centralWidget().setFocus()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert player.loop is None
    assert timeline.loop() is None
    assert not clear.isEnabled()


def test_another_song_has_no_loop(
    qtbot: QtBot,
    window: MainWindow,
    timeline: Timeline,
    player: FakePlayer,
    library: FakeLibrary,
) -> None:
    choose(qtbot, timeline, 10, 20)
    window.open_song(library.all[1].id)
    assert player.loop is None
    assert timeline.loop() is None
    assert window.song_view.transport.loop_button.text() == "Loop off"
    assert not window.commands["clear_loop_action"].isEnabled()
