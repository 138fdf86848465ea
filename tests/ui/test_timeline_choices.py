"""How the timeline follows, and its picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.spectrogram import ROWS, Spectrogram
from karaoke_studio.settings import Settings
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import RATE, FakeLibrary
from tests.ui.conftest import Desk, OpenWindow


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, qtbot: QtBot) -> MainWindow:
    library.add("A/B: Blue?", seconds=100.0)
    window = open_window()
    window.resize(1280, 800)
    window.open_song(library.all[0].id)
    qtbot.waitUntil(window.song_view.timeline.has_peaks)
    for _ in range(4):
        window.song_view.timeline.zoom_in()
    return window


def play(window: MainWindow, seconds: float) -> None:
    """Let the playhead glide on."""
    timeline = window.song_view.timeline
    start = timeline.position()
    for step in range(round(seconds * 10) + 1):
        timeline.set_position(start + step * RATE // 10)


def test_smoothly_the_playhead_stays_in_the_middle(window: MainWindow) -> None:
    window.commands["follow_smooth_action"].trigger()
    assert window.settings.follow_playhead == "smooth"
    timeline = window.song_view.timeline
    play(window, 60.0)
    assert timeline.x_of(timeline.position()) == pytest.approx(timeline.width() / 2, abs=2)
    # who looks elsewhere is left there
    timeline.look_from(0)
    play(window, 5.0)
    assert timeline.axis().start == 0


def test_page_by_page_it_turns_when_the_end_is_reached(window: MainWindow) -> None:
    assert window.commands["follow_page_action"].isChecked()
    timeline = window.song_view.timeline
    play(window, timeline.axis().span / RATE * 0.9)
    assert timeline.axis().start == 0
    play(window, timeline.axis().span / RATE * 0.2)
    assert timeline.axis().start > 0


def test_not_at_all_it_stays_unless_one_goes_elsewhere(window: MainWindow) -> None:
    window.change_setting("follow_playhead", "off")
    assert window.commands["follow_off_action"].isChecked()
    timeline = window.song_view.timeline
    play(window, 50.0)
    assert timeline.axis().start == 0
    timeline.set_position(90 * RATE)
    assert timeline.axis().shows(90 * RATE)


def test_the_saved_choice_is_used(desk: Desk) -> None:
    window = desk.open(Settings(theme="dark", follow_playhead="off"))
    assert window.commands["follow_off_action"].isChecked()


def test_the_timeline_is_saved_as_a_picture(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.commands["picture_action"].trigger()
    dialog = window.findChild(QFileDialog, "picture_dialog")
    assert "/" not in Path(dialog.selectedFiles()[0]).name
    dialog.close()
    target = tmp_path / "timeline.png"
    size = window.song_view.timeline.size()
    window.timeline_choices.save_picture(str(target))
    notice = window.banners.notice
    qtbot.waitUntil(notice.isVisible)
    assert notice.label.text() == "timeline.png is saved."
    assert QImage(str(target)).size() == size * 2


def test_the_timeline_is_saved_as_a_drawing(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    timeline = window.song_view.timeline
    levels = np.full((ROWS, timeline.axis().frames // 1024), 90, np.uint8)
    timeline.show_spectrogram(Spectrogram(timeline.axis().frames, 1024, [levels]))
    window.opened.repeat(2 * RATE, 5 * RATE)
    window.places.keep()
    window.places.call(window.places.places()[0], "Verse <1> & 2")
    target = tmp_path / "timeline.svg"
    window.timeline_choices.save_picture(str(target))
    notice = window.banners.notice
    qtbot.waitUntil(notice.isVisible)
    assert notice.label.text() == "timeline.svg is saved."
    root = ElementTree.parse(target).getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("width") == str(timeline.width())
    words = [one.text for one in root.iter(f"{name}text")]
    assert {"Vocals", "Instrumental", "Verse <1> & 2", "0:00"} <= {*words}
    tokens = window.look.tokens
    waves = [one.get("fill") for one in root.iter(f"{name}path")]
    assert waves == [tokens.vocals.lower(), tokens.instrumental.lower()]
    assert len(list(root.iter(f"{name}image"))) == 1
    # the wave's outline goes from the first column to the last and back
    outline = next(root.iter(f"{name}path")).get("d", "")
    assert outline.count(",") == 2 * timeline.width()


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_picture_that_cannot_be_written_says_so(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, suffix: str
) -> None:
    window.timeline_choices.save_picture(str(tmp_path / "no folder" / f"timeline.{suffix}"))
    qtbot.waitUntil(window.banners.notice.isVisible)
    assert "cannot be written" in window.banners.notice.label.text()


def test_the_wheel_does_what_the_settings_say(window: MainWindow) -> None:
    timeline = window.song_view.timeline
    assert timeline._wheel == "zoom"
    window.change_setting("wheel", "seek")
    assert timeline._wheel == "seek"
