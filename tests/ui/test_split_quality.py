"""The verdict on a split: the word, the strip, the weakest places, original and split in turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QListWidget, QToolTip
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.split_quality import WeakPlaces, split_words
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton


def quality(points: int, **change: Any) -> dict[str, Any]:
    doubts = [0.1] * points
    doubts[20:30] = [0.9] * 10
    doubts[60:66] = [0.6] * 6
    found = {"score": 0.62, "word": "good", "vocals_db": 7.0, "music_db": 9.1}
    return {**found, "step_s": 0.5, "doubts": doubts, **change}


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    song = library.add("Blue", engine="htdemucs")
    points = round(song.frames / song.sample_rate * 2)
    analysis = {"take_id": song.take_id, "quality": quality(points)}
    library.all[0] = replace(song, analysis=analysis)
    window = open_window()
    window.open_song(song.id)
    return window


@pytest.fixture
def dialog(qtbot: QtBot, window: MainWindow) -> WeakPlaces:
    qtbot.mouseClick(window.split_quality.button, LEFT)
    found = window.findChild(WeakPlaces)
    assert found is not None
    return found


def seconds(window: MainWindow, player: FakePlayer) -> float:
    song = window.opened.song()
    assert song is not None
    return player.position_frames / song.sample_rate


def test_the_word_stands_beside_the_name(window: MainWindow) -> None:
    assert window.split_quality.button.text() == "Split: good, 0.62"
    assert window.split_quality.strip.isVisibleTo(window)
    assert "0:10 to 0:14" in window.split_quality.strip.accessibleDescription()
    assert "good, 0.62" in window.split_quality.strip.accessibleDescription().lower()


@pytest.mark.parametrize(
    "change",
    [{"score": None}, {"score": 7.0}, {"score": True}, {"doubts": []}],
)
def test_what_is_no_verdict_shows_nothing(window: MainWindow, change: dict[str, Any]) -> None:
    song = window.opened.song()
    assert song is not None
    analysis = {"take_id": song.take_id, "quality": quality(100, **change)}
    window.opened.open(replace(song, analysis=analysis))
    assert window.split_quality.strip.curve() is None
    assert not window.split_quality.strip.isVisibleTo(window)


def test_the_verdict_on_another_take_says_nothing_of_this_one(window: MainWindow) -> None:
    song = window.opened.song()
    assert song is not None
    assert split_words(song) == "Good, 0.62"
    assert split_words(replace(song, take_id="another")) == ""


def test_the_strip_is_higher_and_redder_where_it_is_doubtful(window: MainWindow) -> None:
    strip, tokens = window.split_quality.strip, window.look.tokens
    strip.resize(800, strip.height())
    image = strip.grab().toImage()
    song = window.opened.song()
    assert song is not None
    colours = {}
    for name, second in (("clean", 2.0), ("wrong", 12.0)):
        x = round(window.song_view.timeline.x_of(round(second * song.sample_rate))) // 4 * 4 + 1
        column = [image.pixelColor(x, y).name() for y in range(strip.height())]
        colours[name] = column
    assert colours["wrong"].count(tokens.error.lower()) > 8
    assert colours["clean"].count(tokens.error.lower()) == 0
    assert tokens.ok.lower() in colours["clean"]


def test_the_strip_tells_and_goes(qtbot: QtBot, window: MainWindow, player: FakePlayer) -> None:
    strip = window.split_quality.strip
    song = window.opened.song()
    assert song is not None
    x = round(window.song_view.timeline.x_of(12 * song.sample_rate))
    assert "rough, doubt 90 %" in strip.words_at(x)
    event = QHelpEvent(QEvent.Type.ToolTip, QPoint(x, 4), strip.mapToGlobal(QPoint(x, 4)))
    QApplication.sendEvent(strip, event)
    assert "rough, doubt 90" in QToolTip.text()
    QToolTip.hideText()
    qtbot.mouseClick(strip, LEFT, pos=QPoint(x, 4))
    assert seconds(window, player) == pytest.approx(12, abs=1)


def test_the_keys_go_from_place_to_place(
    qtbot: QtBot, window: MainWindow, player: FakePlayer
) -> None:
    strip = window.split_quality.strip
    went = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(strip, key)
        window.listening.look()
        went.append(seconds(window, player))
    assert went == pytest.approx([10, 30, 30, 10], abs=1)


def test_the_weakest_places_are_listed_and_visited(
    qtbot: QtBot, window: MainWindow, dialog: WeakPlaces, player: FakePlayer
) -> None:
    rows = dialog.findChild(QListWidget, "weak_places_list")
    assert rows.count() == 2
    assert rows.item(0).text().startswith("0:10 – 0:14")
    assert "rough" in rows.item(0).text()
    rows.setCurrentRow(1)
    qtbot.mouseClick(dialog.go, LEFT)
    assert seconds(window, player) == pytest.approx(30, abs=1)
    assert not window.listening.is_playing
    rows.setCurrentRow(0)
    qtbot.mouseClick(dialog.repeat, LEFT)
    assert window.listening.is_playing
    loop = window.listening.loop
    song = window.opened.song()
    assert loop is not None
    assert song is not None
    assert loop[0] / song.sample_rate == pytest.approx(10, abs=1)


def test_a_weak_place_is_fixed(qtbot: QtBot, window: MainWindow, dialog: WeakPlaces) -> None:
    qtbot.mouseClick(dialog.fix, LEFT)
    assert dialog.isHidden()
    assert window.fixing.panel.isVisible()
    assert window.fixing.panel.stretch.text() == "0:10.5 – 0:14.5"
    assert window.song_view.timeline.loop() is not None


def test_original_and_split_are_heard_in_turn(
    qtbot: QtBot, window: MainWindow, dialog: WeakPlaces, player: FakePlayer
) -> None:
    window.opened.hear_vocals()
    qtbot.mouseClick(dialog.compare, LEFT)
    heard = [player.source.value]
    start, stop = window.listening.loop or (0, 0)
    for _ in range(3):
        for frame in (stop - 100, start + 100):
            window.split_quality._on_moved(frame)
        heard.append(player.source.value)
    assert heard == ["original", "vocals", "original", "vocals"]
    window.opened.hear_instrumental()
    window.split_quality._on_moved(stop - 100)
    window.split_quality._on_moved(start + 100)
    assert player.source.value == "instrumental", "the person chose"


def test_a_clean_song_says_that_there_is_no_weak_place(
    qtbot: QtBot, window: MainWindow, library: FakeLibrary
) -> None:
    song = window.opened.song()
    assert song is not None
    clean = quality(200, doubts=[0.1] * 200, score=0.9)
    window.opened.open(replace(song, analysis={"take_id": song.take_id, "quality": clean}))
    qtbot.mouseClick(window.split_quality.button, LEFT)
    dialog = window.findChild(WeakPlaces)
    assert dialog.list.count() == 0
    assert not dialog.compare.isVisibleTo(dialog)
    assert window.split_quality.button.text() == "Split: excellent, 0.90"
