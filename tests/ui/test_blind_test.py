"""A blind test by mouse and keys: nothing on the screen gives X away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel
from pytestqt.qtbot import QtBot

from karaoke_studio.library.takes import TakeFacts
from karaoke_studio.playback.levels import SILENCE
from karaoke_studio.ui.blind_test import BlindTestDialog
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeShelf
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, shelf: FakeShelf) -> MainWindow:
    song = library.add("Blue", engine="htdemucs")
    analysis = {
        "take_id": song.take_id,
        "lufs": -10.0,
        "stem_lufs": {"vocals": -16.0, "instrumental": -12.0},
    }
    library.all[0] = replace(song, analysis=analysis)
    sizes = {"vocals": 1_000, "instrumental": 1_000}
    shelf.details[song.id] = (
        TakeFacts("take1", "htdemucs", song.added_at, True, sizes, -200.0, True, 9.0, "cpu", ()),
        TakeFacts("old", "instant", song.added_at, False, sizes, -200.0, True, 1.0, None, (), 1),
    )
    window = open_window()
    window.open_song(song.id)
    return window


@pytest.fixture
def dialog(window: MainWindow) -> BlindTestDialog:
    window.opened.hear_vocals()
    window.commands["blind_test_action"].trigger()
    found = window.findChild(BlindTestDialog)
    assert found is not None
    return found


def press(qtbot: QtBot, dialog: BlindTestDialog, name: str) -> None:
    qtbot.mouseClick(dialog.findChild(QAbstractButton, name), LEFT)


def said(dialog: BlindTestDialog, name: str) -> str:
    return dialog.findChild(QLabel, name).text()


def test_one_who_hears_it_is_told_so(
    qtbot: QtBot, dialog: BlindTestDialog, player: FakePlayer
) -> None:
    for number in range(16):
        assert said(dialog, "blind_round") == f"Round {number + 1} of 16"
        qtbot.keyClick(dialog, Qt.Key.Key_A)
        a = player.source.value
        qtbot.keyClick(dialog, Qt.Key.Key_B)
        assert (a, player.source.value) == ("original", "instrumental")
        press(qtbot, dialog, "blind_heard_x")
        press(qtbot, dialog, "blind_says_a" if player.source.value == a else "blind_says_b")
    assert said(dialog, "blind_round") == "Done"
    assert said(dialog, "blind_result").startswith("16 of 16 right")
    assert "less than 0.1 %" in said(dialog, "blind_result")
    assert not dialog.says_a.isEnabled()
    press(qtbot, dialog, "blind_again")
    assert said(dialog, "blind_round") == "Round 1 of 16"
    assert said(dialog, "blind_result") == ""


def test_one_who_does_not_is_told_that(qtbot: QtBot, dialog: BlindTestDialog) -> None:
    for number in range(16):
        is_a = dialog.test.x == "a"
        wrong = number % 2 == 0
        press(qtbot, dialog, "blind_says_a" if is_a is not wrong else "blind_says_b")
    assert "8 of 16 right" in said(dialog, "blind_result")
    assert "no difference was shown" in said(dialog, "blind_result")


def test_the_window_does_not_give_it_away(
    qtbot: QtBot, window: MainWindow, dialog: BlindTestDialog, player: FakePlayer
) -> None:
    switch = window.song_view.transport.switch
    heard = window.song_view.timeline._heard
    player.levels = SILENCE._replace(left=0.9, right=0.9)
    window.listening.play()
    for key in (Qt.Key.Key_A, Qt.Key.Key_B, Qt.Key.Key_X):
        qtbot.keyClick(dialog, key)
        window.listening.look()
        window.listening.look()
        assert switch.source() == "vocals"
        assert window.song_view.timeline._heard == heard
        assert window.song_view.mixer.output.left.share == 0
    assert player.matches, "they are equally loud"
    press(qtbot, dialog, "blind_close")
    assert player.source.value == "vocals"
    assert player.matches == {}
    window.listening.look()
    window.listening.look()
    assert window.song_view.mixer.output.left.share > 0


def test_takes_are_compared_from_the_same_sample_on(
    qtbot: QtBot, window: MainWindow, dialog: BlindTestDialog, player: FakePlayer
) -> None:
    b = dialog.choices["b"]
    number = next(n for n in range(b.count()) if b.itemText(n).startswith("Instrumental of Instan"))
    b.setCurrentIndex(number)
    b.activated.emit(number)
    assert player.take is not None
    assert player.take.shift_bits == 1
    assert "old" in str(player.take.stems["vocals"])
    assert player.source.value == "instrumental"
    qtbot.keyClick(dialog, Qt.Key.Key_A)
    assert "old" not in str(player.take.stems["vocals"])
    qtbot.keyClick(dialog, Qt.Key.Key_B)
    press(qtbot, dialog, "blind_close")
    assert "old" not in str(player.take.stems["vocals"])


def test_another_choice_begins_again(qtbot: QtBot, dialog: BlindTestDialog) -> None:
    press(qtbot, dialog, "blind_says_a")
    assert said(dialog, "blind_round") == "Round 2 of 16"
    dialog.choices["a"].setCurrentIndex(2)
    dialog.choices["a"].activated.emit(2)
    assert said(dialog, "blind_round") == "Round 1 of 16"


def test_space_plays(qtbot: QtBot, dialog: BlindTestDialog, player: FakePlayer) -> None:
    qtbot.keyClick(dialog, Qt.Key.Key_Space)
    assert player.state.value == "playing"
    assert dialog.play.accessibleName() == "Pause"
