from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.peaks import LEVELS, Peaks, load_peaks, write_peaks
from karaoke_studio.audio.spectrogram import ROWS, Spectrogram
from karaoke_studio.job import STEMS
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.axis import FINEST_STEP, TimeAxis, tick_step_s
from karaoke_studio.ui.timeline.chrome import read_out
from karaoke_studio.ui.timeline.colour_map import level_map, lightness
from karaoke_studio.ui.timeline.picture import RULER_HEIGHT, Rows
from karaoke_studio.ui.timeline.strip import hz_at, note_name
from karaoke_studio.ui.timeline.timeline import Timeline
from tests.helpers.fakes_ui import RATE, write_waves

FRAMES = 60 * RATE
LEFT = Qt.MouseButton.LeftButton
NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


@pytest.fixture
def peaks(tmp_path: Path) -> Peaks:
    write_waves(tmp_path / "peaks", FRAMES, 3)
    return load_peaks(tmp_path / "peaks")


def a_note(row: int = 128) -> Spectrogram:
    """One loud row in the second half of the song."""
    columns = FRAMES // 1024 + 1
    level = np.zeros((ROWS, columns), np.uint8)
    level[row - 6 : row + 6, columns // 2 :] = 220
    return Spectrogram(FRAMES, 1024, [level, level[:, ::2]])


def shown(qtbot: QtBot, widget: Timeline, peaks: Peaks | None) -> Timeline:
    qtbot.addWidget(widget)
    widget.resize(601, 300)
    widget.show_song(FRAMES, RATE)
    if peaks is not None:
        widget.show_peaks(peaks)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


@pytest.fixture
def timeline(qtbot: QtBot, look: Look, peaks: Peaks) -> Timeline:
    return shown(qtbot, Timeline(look), peaks)


def turn(timeline: Timeline, x: float, notches: float, keys: Qt.KeyboardModifier = NONE) -> None:
    place = QPointF(x, 100)
    event = QWheelEvent(
        place,
        timeline.mapToGlobal(place),
        QPoint(),
        QPoint(0, round(notches * 120)),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(timeline, event)


def drag(qtbot: QtBot, timeline: Timeline, start: QPoint, *way: QPoint) -> None:
    qtbot.mousePress(timeline, LEFT, pos=start)
    for place in way:
        qtbot.mouseMove(timeline, place)
    qtbot.mouseRelease(timeline, LEFT, pos=way[-1])


# -- the axis


@pytest.mark.parametrize(
    ("duration_s", "width", "step"),
    [
        (222, 951, 30),
        (222, 1591, 15),
        (35, 951, 5),
        (3600, 951, 600),
        (43_200, 951, 7200),
        (1.5, 951, 0.2),
    ],
)
def test_ruler_marks_are_round_and_never_crowded(
    duration_s: float, width: int, step: float
) -> None:
    assert tick_step_s(duration_s / width) == step
    assert width * step / duration_s >= 88


@pytest.mark.parametrize("x", [0.0, 17.0, 300.0, 600.0])
def test_zooming_keeps_the_frame_under_the_pointer(x: float) -> None:
    axis = TimeAxis.whole(FRAMES, 601)
    for _ in range(8):
        before, axis = axis.frame_at(x), axis.zoomed(1.5, x)
        assert axis.frame_at(x) == pytest.approx(before, abs=1)
    for _ in range(30):
        axis = axis.zoomed(1 / 1.5, x)
    assert axis == TimeAxis.whole(FRAMES, 601)


def test_there_is_an_end_to_zooming_in() -> None:
    axis = TimeAxis.whole(FRAMES, 601)
    for _ in range(100):
        axis = axis.zoomed(2, 300)
    assert axis.step == FINEST_STEP
    tiny = TimeAxis.whole(1_000, 601)
    assert tiny.zoomed(2, 300) == tiny


def test_panning_ends_at_the_songs_ends() -> None:
    axis = TimeAxis.whole(FRAMES, 601).zoomed(4, 300)
    assert axis.panned(-1e6).start == 0
    last = axis.panned(1e6)
    assert last.frame_at(600) == FRAMES
    assert last.start + last.span == pytest.approx(FRAMES)
    assert TimeAxis.whole(FRAMES, 601).panned(50).start == 0


def test_another_width_shows_the_same_place() -> None:
    whole = TimeAxis.whole(FRAMES, 601)
    assert whole.resized(901) == TimeAxis.whole(FRAMES, 901)
    near = whole.zoomed(4, 0)
    assert near.resized(301).step == near.step
    assert near.resized(10_000).is_whole


# -- pointer and keys


def test_a_click_seeks_to_its_column(qtbot: QtBot, timeline: Timeline) -> None:
    for x, frame in ((0, 0), (300, FRAMES // 2), (600, FRAMES)):
        with qtbot.waitSignal(timeline.seek_requested) as blocker:
            qtbot.mouseClick(timeline, LEFT, pos=QPoint(x, 100))
        assert blocker.args == [frame]
        assert timeline.position() == frame


def test_a_click_seeks_where_it_is_zoomed_to(qtbot: QtBot, timeline: Timeline) -> None:
    turn(timeline, 300, 6)
    wanted = timeline.frame_at(450)
    assert wanted != round(0.75 * FRAMES)
    with qtbot.waitSignal(timeline.seek_requested) as blocker:
        qtbot.mouseClick(timeline, LEFT, pos=QPoint(450, 260))
    assert blocker.args == [wanted]


def test_the_right_button_does_not_seek(qtbot: QtBot, timeline: Timeline) -> None:
    with qtbot.assertNotEmitted(timeline.seek_requested):
        qtbot.mouseClick(timeline, Qt.MouseButton.RightButton, pos=QPoint(150, 100))


def test_without_a_song_nothing_is_sought(qtbot: QtBot, look: Look) -> None:
    widget = Timeline(look)
    qtbot.addWidget(widget)
    with qtbot.assertNotEmitted(widget.seek_requested):
        qtbot.mouseClick(widget, LEFT)
    widget.zoom_in()
    widget.page_on()
    assert widget.axis().is_whole


def test_the_wheel_zooms_at_the_pointer(timeline: Timeline) -> None:
    frame = timeline.frame_at(420)
    turn(timeline, 420, 5)
    assert timeline.axis().span < FRAMES / 2.9
    assert timeline.frame_at(420) == pytest.approx(frame, abs=timeline.axis().step)
    turn(timeline, 420, -9)
    assert timeline.axis().is_whole


@pytest.mark.parametrize("keys", [SHIFT, CTRL])
def test_the_wheel_pans_with_shift_or_ctrl(timeline: Timeline, keys: Qt.KeyboardModifier) -> None:
    turn(timeline, 300, 6)
    start, step = timeline.axis().start, timeline.axis().step
    turn(timeline, 300, -1, keys)
    assert timeline.axis().step == step
    assert timeline.axis().start - start == pytest.approx(60 * step)
    turn(timeline, 300, 2, keys)
    assert timeline.axis().start - start == pytest.approx(-60 * step)


@pytest.mark.parametrize("keys", [SHIFT, CTRL])
def test_a_wheel_that_moves_along_zooms_with_a_key(
    timeline: Timeline, keys: Qt.KeyboardModifier
) -> None:
    timeline.set_wheel("pan")
    turn(timeline, 300, 6, keys)
    start, step = timeline.axis().start, timeline.axis().step
    assert timeline.axis().span < FRAMES / 2.9
    turn(timeline, 300, -1)
    assert timeline.axis().step == step
    assert timeline.axis().start - start == pytest.approx(60 * step)


def test_a_wheel_that_goes_through_the_song_seeks(qtbot: QtBot, timeline: Timeline) -> None:
    timeline.set_wheel("seek")
    timeline.set_position(5 * RATE)
    sought: list[int] = []
    timeline.seek_requested.connect(sought.append)
    turn(timeline, 300, -2)
    turn(timeline, 300, 1)
    turn(timeline, 300, 99)
    turn(timeline, 300, -9999)
    assert sought == [7 * RATE, 4 * RATE, 0, FRAMES]
    assert timeline.axis().is_whole
    turn(timeline, 300, 6, CTRL)
    start, step = timeline.axis().start, timeline.axis().step
    turn(timeline, 300, -1, SHIFT)
    assert timeline.axis().start - start == pytest.approx(60 * step)
    assert len(sought) == 4


def test_the_ruler_pans_by_dragging_and_seeks_by_a_click(qtbot: QtBot, timeline: Timeline) -> None:
    turn(timeline, 300, 6)
    start, step = timeline.axis().start, timeline.axis().step
    with qtbot.assertNotEmitted(timeline.seek_requested):
        drag(qtbot, timeline, QPoint(300, 10), QPoint(280, 12), QPoint(220, 200))
    assert timeline.axis().start - start == pytest.approx(80 * step)
    with qtbot.waitSignal(timeline.seek_requested):
        qtbot.mouseClick(timeline, LEFT, pos=QPoint(200, 10))


def test_a_drag_chooses_a_stretch_to_repeat(qtbot: QtBot, timeline: Timeline) -> None:
    with (
        qtbot.waitSignal(timeline.loop_requested) as blocker,
        qtbot.assertNotEmitted(timeline.seek_requested),
    ):
        drag(qtbot, timeline, QPoint(450, 100), QPoint(400, 90), QPoint(150, 100))
    assert blocker.args == [FRAMES // 4, FRAMES * 3 // 4]
    timeline.show_loop((FRAMES // 4, FRAMES * 3 // 4), is_on=True)
    with qtbot.waitSignal(timeline.loop_requested) as blocker:
        drag(qtbot, timeline, QPoint(152, 40), QPoint(200, 90), QPoint(300, 100))
    assert blocker.args == [FRAMES // 2, FRAMES * 3 // 4]
    with qtbot.waitSignal(timeline.loop_requested) as blocker:
        drag(qtbot, timeline, QPoint(100, 100), QPoint(60, 90), QPoint(-400, 100))
    assert blocker.args == [0, round(FRAMES / 6)]


def test_a_trembling_click_is_no_drag(qtbot: QtBot, timeline: Timeline) -> None:
    with (
        qtbot.waitSignal(timeline.seek_requested),
        qtbot.assertNotEmitted(timeline.loop_requested),
    ):
        drag(qtbot, timeline, QPoint(300, 100), QPoint(302, 101), QPoint(301, 100))


def test_keys_zoom_and_page(timeline: Timeline) -> None:
    timeline.set_position(FRAMES // 3)
    x = timeline.x_of(FRAMES // 3)
    for _ in range(4):
        timeline.zoom_in()
    assert timeline.x_of(FRAMES // 3) == pytest.approx(x)
    start, span = timeline.axis().start, timeline.axis().span
    timeline.page_on()
    assert 0.8 * span < timeline.axis().start - start < span
    timeline.page_back()
    assert timeline.axis().start == pytest.approx(start)
    timeline.zoom_out()
    assert timeline.axis().span > span
    timeline.show_whole()
    assert timeline.axis().is_whole


# -- following


def test_the_view_follows_the_playhead_by_pages(timeline: Timeline) -> None:
    turn(timeline, 0, 8)
    span = timeline.axis().span
    frame = 0
    pages = set()
    while frame < FRAMES // 2:
        frame += RATE // 60
        timeline.set_position(frame)
        assert timeline.axis().shows(frame)
        pages.add(timeline.axis().start)
    assert len(pages) == pytest.approx(FRAMES / 2 / (0.95 * span), abs=1.5)


def test_one_who_looks_elsewhere_is_left_there(timeline: Timeline) -> None:
    turn(timeline, 0, 8)
    timeline.page_on()
    timeline.page_on()
    start = timeline.axis().start
    for n in range(1, 30):
        timeline.set_position(n * RATE // 60)
    assert timeline.axis().start == start
    timeline.set_position(FRAMES - RATE)  # sent there by a key
    assert timeline.axis().shows(FRAMES - RATE)


# -- pictures


class CountingTimeline(Timeline):
    """Notes how wide each paint is, and how often the whole picture is composed."""

    def __init__(self, look: Look) -> None:
        self.widths: list[int] = []
        super().__init__(look)

    def paintEvent(self, event: QPaintEvent) -> None:
        self.widths.append(sum(rect.width() for rect in event.region()))
        super().paintEvent(event)


def test_only_the_strips_of_the_playhead_are_painted_while_playing(
    qtbot: QtBot, look: Look, peaks: Peaks
) -> None:
    timeline = CountingTimeline(look)
    shown(qtbot, timeline, peaks)
    timeline.show_spectrogram(a_note())
    qtbot.waitUntil(lambda: bool(timeline.widths))
    qtbot.wait(30)
    timeline.widths.clear()
    painted = timeline._picture.painted_columns
    for step in range(1, 20):
        timeline.set_position(step * RATE // 2)
        qtbot.waitUntil(lambda step=step: len(timeline.widths) >= step)
    # A window manager may have the window painted whole once more when it comes up.
    assert sum(width > 44 for width in timeline.widths) <= 1
    assert timeline._picture.painted_columns == painted


def pixels(timeline: Timeline) -> np.ndarray:
    image = timeline._compose(1.0)
    flat = np.frombuffer(image.constBits(), np.uint32)
    return flat.reshape(image.height(), image.bytesPerLine() // 4)[:, : image.width()].copy()


@pytest.mark.parametrize("distance", [-37, 1, 120, 599, 5_000])
def test_a_panned_picture_is_the_one_painted_anew(timeline: Timeline, distance: int) -> None:
    timeline.show_spectrogram(a_note())
    turn(timeline, 300, 8)
    pixels(timeline)
    before = timeline._picture.painted_columns
    timeline._pan(distance)
    panned = pixels(timeline)
    columns = timeline._picture.painted_columns - before
    assert columns == (min(abs(distance), 601) if distance < 600 else 601)
    timeline._picture.forget()
    anew = pixels(timeline)
    differing = np.abs(panned.view(np.uint8).astype(int) - anew.view(np.uint8).astype(int)).max(
        axis=0
    )
    assert (differing > 2).sum() <= 8  # rounding of a column's edges


def colours(timeline: Timeline, lane: int) -> set[str]:
    image = timeline.grab().toImage()
    top, bottom = Rows(timeline.height()).lane(lane)
    middle = (top + bottom) // 2
    return {image.pixelColor(x, middle).name() for x in range(5, timeline.width() - 5)}


def test_lanes_have_the_colours_of_their_stems(timeline: Timeline, look: Look) -> None:
    assert look.tokens.vocals.lower() in colours(timeline, 0)
    assert look.tokens.instrumental.lower() in colours(timeline, 1)


def test_a_lane_that_is_not_heard_is_faint(timeline: Timeline, look: Look) -> None:
    timeline.set_heard({"instrumental"})
    assert look.tokens.vocals.lower() not in colours(timeline, 0)
    assert look.tokens.instrumental.lower() in colours(timeline, 1)
    timeline.set_heard({"vocals"})
    assert look.tokens.vocals.lower() in colours(timeline, 0)
    assert look.tokens.instrumental.lower() not in colours(timeline, 1)


def test_the_theme_changes_the_picture(timeline: Timeline, look: Look) -> None:
    look.choose("light")
    assert look.tokens.vocals.lower() == "#c93a28"
    assert "#c93a28" in colours(timeline, 0)


def test_the_playhead_is_where_the_song_is(timeline: Timeline, look: Look) -> None:
    y = Rows(timeline.height()).strip_top - 4
    timeline.set_position(FRAMES // 2)
    text = QColor(look.tokens.text).name()
    assert timeline.grab().toImage().pixelColor(300, y).name() == text
    timeline.set_position(0)
    assert timeline.grab().toImage().pixelColor(300, y).name() != text


def brightness(timeline: Timeline, x: int, share: float) -> int:
    rows = Rows(timeline.height())
    y = rows.height - 1 - round(share * (rows.strip_height - 1))
    return QColor(timeline.grab().toImage().pixelColor(x, y)).lightness()


def test_the_spectrogram_appears_where_and_when_it_sounds(timeline: Timeline) -> None:
    assert not timeline.has_spectrogram()
    timeline.show_spectrogram(a_note(row=128))
    assert timeline.has_spectrogram()
    timeline._on_settled()
    for smooth in (True, False):
        timeline._is_moving = not smooth
        timeline._repaint_all()
        assert brightness(timeline, 450, 0.5) > 150
        assert brightness(timeline, 150, 0.5) < 20
        assert brightness(timeline, 450, 0.75) < 20
        assert brightness(timeline, 450, 0.25) < 20
    turn(timeline, 600, 9)  # closer than one column a pixel
    assert brightness(timeline, 300, 0.5) > 150
    timeline.set_spectrogram_colours("viridis")
    assert brightness(timeline, 300, 0.5) > 100
    timeline.await_spectrogram()
    assert not timeline.has_spectrogram()


def test_a_low_timeline_has_lanes_only(timeline: Timeline, look: Look) -> None:
    timeline.show_spectrogram(a_note())
    timeline.resize(601, 140)
    rows = Rows(140)
    assert rows.strip_height == 0
    assert rows.lane(1)[1] <= 140
    assert look.tokens.instrumental.lower() in colours(timeline, 1)


@pytest.mark.parametrize("name", ["magma", "viridis", "grey"])
def test_equal_steps_of_level_look_equally_bright(name: str) -> None:
    table = level_map(name)
    rgb = np.stack([(table >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(float)
    steps = np.diff(lightness(rgb))
    assert len(table) == 256
    # within what rounding to whole bytes does
    np.testing.assert_allclose(steps, steps.mean(), atol=0.45)
    assert steps.sum() > 70


def test_missing_peaks_leave_the_timeline_usable(qtbot: QtBot, look: Look) -> None:
    widget = shown(qtbot, Timeline(look), None)
    widget.show_peaks(None)
    widget.show_spectrogram(None)
    assert not widget.has_peaks()
    assert look.tokens.vocals.lower() not in colours(widget, 0)
    with qtbot.waitSignal(widget.seek_requested):
        qtbot.mouseClick(widget, LEFT, pos=QPoint(300, 100))


def test_a_slow_disk_shows_a_skeleton_only_after_a_moment(qtbot: QtBot, look: Look) -> None:
    widget = Timeline(look)
    qtbot.addWidget(widget)
    widget.resize(601, 240)
    widget.show_song(FRAMES, RATE)
    widget.show()
    assert QColor(look.tokens.raised).name() not in colours(widget, 0)
    with qtbot.waitSignal(widget._waves_wait.timeout):
        pass
    assert QColor(look.tokens.raised).name() in colours(widget, 0)


def test_the_time_under_the_pointer_is_shown(qtbot: QtBot, timeline: Timeline) -> None:
    plain = timeline.grab().toImage()
    qtbot.mouseMove(timeline, QPoint(450, 100))
    qtbot.waitUntil(lambda: timeline.grab().toImage() != plain)
    hovered = timeline.grab().toImage()
    assert hovered.pixelColor(450, 150) != plain.pixelColor(450, 150)
    assert hovered.copy(400, 0, 100, 26) != plain.copy(400, 0, 100, 26)


def test_the_loop_is_seen_and_faint_while_off(timeline: Timeline, look: Look) -> None:
    timeline.show_loop((FRAMES // 4, FRAMES // 2), is_on=True)
    accent = QColor(look.tokens.accent).name()
    image = timeline.grab().toImage()
    assert image.pixelColor(200, RULER_HEIGHT - 2).name() == accent
    assert image.pixelColor(400, RULER_HEIGHT - 2).name() != accent
    timeline.show_loop((FRAMES // 4, FRAMES // 2), is_on=False)
    assert timeline.grab().toImage().pixelColor(200, RULER_HEIGHT - 2).name() != accent


# -- words


def test_the_read_out_names_time_and_note() -> None:
    assert read_out(70.26, None, tenths=False) == "1:10"
    assert read_out(70.26, None, tenths=True) == "1:10.3"
    assert read_out(70.0, (14_000.0, -31.6), tenths=False) == "1:10 · 14 kHz · A9 · −32 dB"
    assert read_out(70.0, (55.0, -96.0), tenths=False) == "1:10 · 55 Hz · A1 · −96 dB"
    assert read_out(70.0, (0.0, 0.0), tenths=False) == "1:10 · 0 Hz · 0 dB"


@pytest.mark.parametrize(
    ("hz", "note"), [(440, "A4"), (261.63, "C4"), (246.94, "B3"), (58.27, "A♯1"), (4186, "C8")]
)
def test_notes_are_named(hz: float, note: str) -> None:
    assert note_name(hz) == note
    share = next(n / 999 for n in range(1000) if hz_at(n / 999) >= hz)
    assert note_name(hz_at(share)) == note


def test_a_screen_reader_hears_where_the_song_is(timeline: Timeline) -> None:
    assert timeline.accessibleDescription().startswith("Vocals and instrumental, 0:00 of 1:00")
    timeline.set_position(round(12.7 * RATE))
    assert timeline.accessibleDescription().startswith("Vocals and instrumental, 0:12 of 1:00, ")


def test_a_screen_reader_hears_how_loud_it_is(qtbot: QtBot, look: Look, tmp_path: Path) -> None:
    count = -(-FRAMES // LEVELS[0])
    high = np.repeat(np.array([0.0, 0.2, 1.0], np.float32), count // 3 + 1)[:count]
    write_peaks(tmp_path / "steps", FRAMES, dict.fromkeys(STEMS, (-high, high)))
    widget = shown(qtbot, Timeline(look), load_peaks(tmp_path / "steps"))
    told = []
    for share in (0.1, 0.5, 0.9):
        widget.set_position(round(share * FRAMES))
        told.append(widget.accessibleDescription().rsplit(", ", 1)[1])
    assert told == ["silent", "quiet", "loud"]


SIX = ("vocals", "drums", "bass", "guitar", "piano", "other")


@pytest.mark.parametrize("stems", [("vocals", "drums", "bass", "other"), SIX])
def test_each_of_many_stems_has_its_lane(
    qtbot: QtBot, look: Look, tmp_path: Path, stems: tuple[str, ...]
) -> None:
    write_waves(tmp_path / "many", FRAMES, 3, stems[::-1])
    timeline = shown(qtbot, Timeline(look), None)
    timeline.resize(601, 352)
    timeline.show_song(FRAMES, RATE, stems)
    timeline.set_heard(set(stems))
    timeline.show_peaks(load_peaks(tmp_path / "many"))
    image = timeline.grab().toImage()
    rows = Rows(timeline.height(), stems)
    for number, stem in enumerate(stems):
        top, bottom = rows.lane(number)
        middle = (top + bottom) // 2
        seen = {image.pixelColor(x, middle).name() for x in range(5, timeline.width() - 5)}
        assert look.tokens.stem(stem).name() in seen
    assert rows.lane(len(stems) - 1)[1] <= rows.strip_top
    assert timeline.accessibleDescription().startswith("Vocals, drums, bass")


def test_a_waveform_of_other_stems_is_not_shown(qtbot: QtBot, look: Look, peaks: Peaks) -> None:
    timeline = shown(qtbot, Timeline(look), None)
    timeline.show_song(FRAMES, RATE, SIX)
    timeline.show_peaks(peaks)
    assert not timeline.has_peaks()
    timeline.grab()
