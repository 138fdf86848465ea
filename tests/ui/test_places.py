"""Loops and marks by key, menu and timeline; practising; holding a key to compare."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.places import Place
from karaoke_studio.audio.tune import Tune
from karaoke_studio.ui.main_window import MainWindow
from tests.audio.test_rubber_band import needs_library
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    window = open_window()
    window.resize(1280, 800)
    library.add("Blue")
    library.add("Red")
    window.collection.reload()
    window.open_song(library.all[1].id)
    return window


def menu_words(window: MainWindow) -> list[str]:
    window.places.fill_menu()
    return [action.text() for action in window.places.menu.actions()]


def in_place_menu(window: MainWindow, number: int, words: str) -> QAction:
    window.places.fill_menu()
    menus = [a.menu() for a in window.places.menu.actions() if a.menu() is not None][1:]
    return next(action for action in menus[number].actions() if action.text() == words)


def test_a_moment_is_marked_and_found_again(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    player.seek(7 * RATE)
    window.listening.look()
    qtbot.keyClick(window, Qt.Key.Key_K)
    assert window.places.places() == (Place("Mark 1", 7 * RATE),)
    assert "Mark 1   0:07" in menu_words(window)
    player.seek(0)
    in_place_menu(window, 0, "Go there").trigger()
    assert player.position_frames == 7 * RATE


def test_a_loop_is_kept_and_repeated_again(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    window.opened.repeat(2 * RATE, 5 * RATE)
    assert menu_words(window)[0].startswith("Keep this loop")
    window.commands["keep_action"].trigger()
    window.opened.clear_loop()
    assert player.loop is None
    in_place_menu(window, 0, "Repeat it").trigger()
    assert tuple(player.loop or ())[:3] == (2 * RATE, 5 * RATE, 0)
    # the same loop is kept once only: now it is a moment in it
    window.commands["keep_action"].trigger()
    assert [place.stop is None for place in window.places.places()] == [True, False]


def test_a_click_on_its_name_goes_there_and_beside_it_seeks(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    player.seek(10 * RATE)
    window.listening.look()
    window.places.keep()
    player.seek(0)
    timeline = window.song_view.timeline
    x = round(timeline.x_of(10 * RATE))
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(x + 10, 12))
    assert player.position_frames == 10 * RATE
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(x + 300, 12))
    assert player.position_frames > 11 * RATE


def test_places_are_seen(window: MainWindow, qtbot: QtBot) -> None:
    timeline = window.song_view.timeline
    bare = timeline.grab().toImage()
    window.opened.repeat(2 * RATE, 5 * RATE)
    window.places.keep()
    window.opened.clear_loop()
    shown = timeline.grab().toImage()
    x = round(timeline.x_of(2 * RATE))
    assert shown.pixelColor(x + 4, 20) != bare.pixelColor(x + 4, 20)
    window.places.remove(window.places.places()[0])
    assert timeline.grab().toImage().pixelColor(x + 4, 20) == bare.pixelColor(x + 4, 20)


def test_places_are_renamed_and_removed(qtbot: QtBot, window: MainWindow) -> None:
    window.places.keep()
    in_place_menu(window, 0, "Rename…").trigger()
    dialog = window.findChild(QInputDialog, "place_name_dialog")
    dialog.setTextValue("Verse & bridge")
    dialog.accept()
    assert [place.name for place in window.places.places()] == ["Verse & bridge"]
    assert any("Verse && bridge" in words for words in menu_words(window))
    window.places.call(window.places.places()[0], "   ")
    assert [place.name for place in window.places.places()] == ["Verse & bridge"]
    in_place_menu(window, 0, "Remove").trigger()
    assert window.places.places() == ()


def test_they_are_kept_with_their_song(
    window: MainWindow, queue: FakeQueue, library: FakeLibrary
) -> None:
    blue, red = library.all[1].id, library.all[0].id
    window.places.keep()
    window.open_song(red)
    assert window.places.places() == ()
    (kept,) = [mix for song_id, mix in queue.mixes if song_id == blue]
    assert kept["places"] == [{"name": "Mark 1", "start": 0, "stop": None}]
    # faders and presets leave them alone
    window.open_song(blue)
    window.song_view.mixer.toggle_guide()
    assert len(window.places.places()) == 1


@needs_library
def test_practice_gets_faster_each_round(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    assert not next(
        action for action in _filled(window) if action.objectName() == "practise_action"
    ).isEnabled()
    window.opened.repeat(2 * RATE, 4 * RATE)
    next(a for a in _filled(window) if a.objectName() == "practise_action").trigger()
    assert player.tune == Tune(0, 0.7)
    window.listening.play()
    tempos = []
    for _ in range(8):
        for _ in range(4):
            player.advance_s(0.5)
            window.listening.look()
        tempos.append(round(player.tune.tempo, 2))
    assert tempos == [0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.0, 1.0]
    assert not window.places.is_practising


def _filled(window: MainWindow) -> list[QAction]:
    window.places.fill_menu()
    return window.places.menu.actions()


@needs_library
def test_practice_ends_with_its_loop(window: MainWindow, player: FakePlayer) -> None:
    window.opened.repeat(2 * RATE, 4 * RATE)
    window.places.practise(on=True)
    window.opened.clear_loop()
    window.listening.play()
    player.advance_s(1.0)
    window.listening.look()
    assert not window.places.is_practising
    window.places.practise(on=True)
    assert not window.places.is_practising


def test_the_original_is_heard_while_a_key_is_held(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    window.opened.hear_vocals()
    qtbot.keyPress(window, Qt.Key.Key_A)
    assert player.source.value == "original"
    assert window.song_view.transport.switch.source() == "original"
    qtbot.keyRelease(window, Qt.Key.Key_A)
    assert player.source.value == "vocals"
    # with a modifier it is another key
    qtbot.keyPress(window, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert player.source.value == "vocals"


def test_the_button_opens_the_menu(qtbot: QtBot, window: MainWindow) -> None:
    button = window.song_view.transport.places_button
    assert button.accessibleName() == "Loops and marks of this song"
    qtbot.mouseClick(button, LEFT)
    assert window.places.menu.isVisible()
    window.places.menu.close()


def test_a_count_in_is_asked_for_and_kept(
    window: MainWindow, player: FakePlayer, library: FakeLibrary
) -> None:
    window.listening.play()
    assert player.counted[0] == 0
    player.pause()
    next(a for a in _filled(window) if a.objectName() == "count_in_action").trigger()
    assert window.settings.count_in
    window.listening.toggle()
    assert player.counted == (4, 100.0)
    # one who goes on listening hears none
    player.counted = (0, 0.0)
    window.listening.play()
    assert player.counted == (0, 0.0)


@needs_library
def test_it_counts_at_the_tempo_that_is_heard(
    window: MainWindow, player: FakePlayer, library: FakeLibrary
) -> None:
    library.all[0] = replace(library.all[0], analysis={"bpm": 80.0, "key": None, "lufs": None})
    window.open_song(library.all[0].id)
    window.song_view.mixer.tune.set_tempo(75)
    next(a for a in _filled(window) if a.objectName() == "count_in_action").trigger()
    window.listening.play()
    assert player.counted == (4, 60.0)


def test_a_rest_between_rounds_is_chosen(window: MainWindow, player: FakePlayer) -> None:
    window.opened.repeat(2 * RATE, 5 * RATE)
    rests = next(a.menu() for a in _filled(window) if a.text() == "Rest between rounds")
    assert [action.text() for action in rests.actions() if action.isChecked()] == ["None"]
    next(action for action in rests.actions() if action.text() == "2 s").trigger()
    assert tuple(player.loop or ())[:3] == (2 * RATE, 5 * RATE, 2 * RATE)
    window.opened.repeat(1 * RATE, 2 * RATE)
    assert tuple(player.loop or ())[:3] == (1 * RATE, 2 * RATE, 2 * RATE)
