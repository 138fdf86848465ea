from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPaintEvent, QPixmap
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.peaks import Peaks, load_peaks
from karaoke_studio.ui import theme
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.waveform import RULER_HEIGHT, Waveform, tick_step_s
from tests.helpers.fakes_ui import RATE, write_waves

FRAMES = 60 * RATE


@pytest.fixture
def peaks(tmp_path: Path) -> Peaks:
    write_waves(tmp_path / "peaks", FRAMES, 3)
    return load_peaks(tmp_path / "peaks")


@pytest.fixture
def waveform(qtbot: QtBot, look: Look, peaks: Peaks) -> Waveform:
    widget = Waveform(look)
    qtbot.addWidget(widget)
    widget.resize(601, 240)
    widget.show_song(FRAMES, RATE)
    widget.show_peaks(peaks)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


@pytest.mark.parametrize(
    ("duration_s", "width", "step"),
    [(222, 951, 30), (222, 1591, 15), (35, 951, 5), (3600, 951, 600), (43_200, 951, 7200)],
)
def test_ruler_marks_are_round_and_never_crowded(duration_s: float, width: int, step: int) -> None:
    assert tick_step_s(duration_s, width) == step
    assert width * step / duration_s >= 88


def test_a_click_seeks_to_its_column(qtbot: QtBot, waveform: Waveform) -> None:
    for x, frame in ((0, 0), (300, FRAMES // 2), (600, FRAMES)):
        with qtbot.waitSignal(waveform.seek_requested) as blocker:
            qtbot.mouseClick(waveform, Qt.MouseButton.LeftButton, pos=QPoint(x, 100))
        assert blocker.args == [frame]
        assert waveform.position() == frame


def test_a_drag_seeks_along_and_stays_inside(qtbot: QtBot, waveform: Waveform) -> None:
    frames: list[int] = []
    waveform.seek_requested.connect(frames.append)
    qtbot.mousePress(waveform, Qt.MouseButton.LeftButton, pos=QPoint(150, 100))
    qtbot.mouseMove(waveform, QPoint(300, 100))
    qtbot.mouseMove(waveform, QPoint(900, 100))
    qtbot.mouseRelease(waveform, Qt.MouseButton.LeftButton, pos=QPoint(900, 100))
    qtbot.mouseMove(waveform, QPoint(20, 100))
    assert frames == [FRAMES // 4, FRAMES // 2, FRAMES]


def test_the_right_button_does_not_seek(qtbot: QtBot, waveform: Waveform) -> None:
    with qtbot.assertNotEmitted(waveform.seek_requested):
        qtbot.mouseClick(waveform, Qt.MouseButton.RightButton, pos=QPoint(150, 100))


def test_without_a_song_nothing_is_sought(qtbot: QtBot, look: Look) -> None:
    widget = Waveform(look)
    qtbot.addWidget(widget)
    with qtbot.assertNotEmitted(widget.seek_requested):
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


class CountingWaveform(Waveform):
    """Notes how wide each paint is, and how often the whole picture is painted."""

    def __init__(self, look: Look) -> None:
        self.widths: list[int] = []
        self.pictures = 0
        super().__init__(look)

    def paintEvent(self, event: QPaintEvent) -> None:
        self.widths.append(sum(rect.width() for rect in event.region()))
        super().paintEvent(event)

    def _paint_picture(self) -> QPixmap:
        self.pictures += 1
        return super()._paint_picture()


def test_only_the_strips_of_the_playhead_are_painted_while_playing(
    qtbot: QtBot, look: Look, peaks: Peaks
) -> None:
    waveform = CountingWaveform(look)
    qtbot.addWidget(waveform)
    waveform.resize(601, 240)
    waveform.show_song(FRAMES, RATE)
    waveform.show_peaks(peaks)
    with qtbot.waitExposed(waveform):
        waveform.show()
    qtbot.waitUntil(lambda: bool(waveform.widths))
    waveform.widths.clear()
    for step in range(1, 20):
        waveform.set_position(step * RATE // 2)
        qtbot.waitUntil(lambda step=step: len(waveform.widths) >= step)
    # A window manager may have the window painted whole once more when it comes up.
    assert sum(width > 40 for width in waveform.widths) <= 1
    assert waveform.pictures == 1


def colours(waveform: Waveform, lane: int) -> set[str]:
    image = waveform.grab().toImage()
    height = (waveform.height() - RULER_HEIGHT - theme.S) // 2
    middle = RULER_HEIGHT + lane * height + height // 2
    return {image.pixelColor(x, middle).name() for x in range(5, waveform.width() - 5)}


def test_lanes_have_the_colours_of_their_stems(waveform: Waveform, look: Look) -> None:
    assert look.tokens.vocals.lower() in colours(waveform, 0)
    assert look.tokens.instrumental.lower() in colours(waveform, 1)


def test_a_lane_that_is_not_heard_is_faint(waveform: Waveform, look: Look) -> None:
    waveform.set_heard({"instrumental"})
    assert look.tokens.vocals.lower() not in colours(waveform, 0)
    assert look.tokens.instrumental.lower() in colours(waveform, 1)
    waveform.set_heard({"vocals"})
    assert look.tokens.vocals.lower() in colours(waveform, 0)
    assert look.tokens.instrumental.lower() not in colours(waveform, 1)


def test_the_theme_changes_the_picture(waveform: Waveform, look: Look) -> None:
    look.choose("light")
    assert look.tokens.vocals.lower() == "#c93a28"
    assert "#c93a28" in colours(waveform, 0)


def test_the_playhead_is_where_the_song_is(waveform: Waveform, look: Look) -> None:
    waveform.set_position(FRAMES // 2)
    image = waveform.grab().toImage()
    text = QColor(look.tokens.text).name()
    assert image.pixelColor(300, 220).name() == text
    waveform.set_position(0)
    image = waveform.grab().toImage()
    assert image.pixelColor(300, 220).name() != text


def test_missing_peaks_leave_the_timeline_usable(qtbot: QtBot, look: Look) -> None:
    widget = Waveform(look)
    qtbot.addWidget(widget)
    widget.resize(601, 240)
    widget.show_song(FRAMES, RATE)
    widget.show_peaks(None)
    widget.show()
    assert not widget.has_peaks()
    assert look.tokens.vocals.lower() not in colours(widget, 0)
    with qtbot.waitSignal(widget.seek_requested):
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))


def test_a_slow_disk_shows_a_skeleton_only_after_a_moment(qtbot: QtBot, look: Look) -> None:
    widget = Waveform(look)
    qtbot.addWidget(widget)
    widget.resize(601, 240)
    widget.show_song(FRAMES, RATE)
    widget.show()
    assert QColor(look.tokens.raised).name() not in colours(widget, 0)
    with qtbot.waitSignal(widget._skeleton.timeout):
        pass
    assert QColor(look.tokens.raised).name() in colours(widget, 0)


def test_the_time_under_the_pointer_is_shown(qtbot: QtBot, waveform: Waveform) -> None:
    plain = waveform.grab().toImage()
    qtbot.mouseMove(waveform, QPoint(450, 100))
    qtbot.waitUntil(lambda: waveform.grab().toImage() != plain)
    hovered = waveform.grab().toImage()
    assert hovered.pixelColor(450, 200) != plain.pixelColor(450, 200)
    assert hovered.copy(400, 0, 100, 26) != plain.copy(400, 0, 100, 26)
