"""The next song of the list follows where that is wished, and is shown when it is heard."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer
from tests.ui.conftest import OpenWindow


@pytest.fixture
def window(
    open_window: OpenWindow, library: FakeLibrary, player: FakePlayer, qtbot: QtBot
) -> MainWindow:
    window = open_window()
    for title in ("Blue", "Green", "Red"):
        library.add(title, seconds=60.0)
    window.collection.reload()
    qtbot.waitUntil(lambda: len(window.songs_list.shown.rows()) == 3)
    window.open_song(window.songs_list.shown.rows()[0].id)
    window.listening.play()
    return window


def at(window: MainWindow, player: FakePlayer, seconds: float) -> None:
    player.position_frames = round(seconds * RATE)
    window.listening.look()


def test_nothing_follows_unless_it_is_wished(window: MainWindow, player: FakePlayer) -> None:
    at(window, player, 55.0)
    assert player.lined_up is None


def test_the_next_of_the_list_follows_and_is_shown(window: MainWindow, player: FakePlayer) -> None:
    window.commands["plays_on_action"].trigger()
    assert window.settings.plays_on
    first, second, third = window.songs_list.shown.rows()
    at(window, player, 30.0)
    assert player.lined_up is None
    at(window, player, 51.0)
    assert player.lined_up is not None
    assert window.opened.song().id == first.id
    player.hand_over()
    window.listening.look()
    assert window.opened.song().id == second.id
    assert window.songs_list.view.rows_delegate().open_id == second.id
    # the player went on by itself: nothing was loaded, nothing stopped
    assert player.position_frames == 100
    assert window.listening.is_playing
    assert window.song_view.timeline.position() == 100
    at(window, player, 55.0)
    player.hand_over()
    window.listening.look()
    assert window.opened.song().id == third.id
    at(window, player, 55.0)
    assert player.lined_up is None  # the end of the list


def test_faders_that_move_meanwhile_are_followed(window: MainWindow, player: FakePlayer) -> None:
    window.change_setting("plays_on", True)
    at(window, player, 51.0)
    before = player.lined_up
    window.opened.hear_vocals()
    at(window, player, 51.2)
    assert player.lined_up is before  # looked at twice a second
    at(window, player, 52.0)
    assert player.lined_up is not before
    again = player.lined_up
    at(window, player, 53.0)
    assert player.lined_up is again


def test_it_is_taken_back(window: MainWindow, player: FakePlayer) -> None:
    action = window.commands["plays_on_action"]
    action.trigger()
    at(window, player, 51.0)
    action.trigger()
    assert player.lined_up is None
    assert not window.settings.plays_on
