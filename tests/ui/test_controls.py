import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.ui import controls, theme
from karaoke_studio.ui.controls import Button, FlatSlider, Kind, Label, Pill, SmoothBar, Tick
from karaoke_studio.ui.theme import Look


def test_a_bar_glides_to_its_goal_and_never_goes_back(qtbot: QtBot, look: Look) -> None:
    bar = SmoothBar(look, "bar", "Progress")
    qtbot.addWidget(bar)
    bar.show()
    bar.advance(0.6)
    assert bar.shown == 0.0
    seen = []
    bar._timer.timeout.connect(lambda: seen.append(bar.shown))
    qtbot.waitUntil(lambda: bar.shown == 0.6)
    assert seen == sorted(seen)
    assert len(seen) > 5
    bar.advance(0.4)
    assert (bar.goal, bar.shown) == (0.6, 0.6)
    assert bar.value() == 600
    bar.restart()
    assert (bar.goal, bar.shown, bar.value()) == (0.0, 0.0, 0)


def test_a_bar_waits_for_the_next_painting_of_the_window(
    qtbot: QtBot, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = SmoothBar(look, "bar", "Progress")
    qtbot.addWidget(bar)
    bar.show()
    qtbot.waitExposed(bar)
    painted: list[int] = []
    paint = bar.paintEvent
    monkeypatch.setattr(
        bar, "paintEvent", lambda event: (painted.append(bar.value()), paint(event))
    )
    qtbot.wait(20)
    painted.clear()
    for hundredth in range(1, 50):
        bar.advance(hundredth / 100)
    assert painted == []
    qtbot.waitUntil(lambda: bool(painted))
    assert painted[0] == 490


def test_without_motion_a_bar_jumps(
    qtbot: QtBot, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "motion_ms", lambda _ms=0: 0)
    bar = SmoothBar(look, "bar", "Progress")
    qtbot.addWidget(bar)
    bar.advance(0.5)
    assert bar.shown == 0.5


def test_a_button_answers_return_and_clicks(qtbot: QtBot, look: Look) -> None:
    button = Button(look, "a_button", "Go", icon="plus")
    qtbot.addWidget(button)
    button.show()
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Return)
    with qtbot.waitSignal(button.clicked):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_disabled_button_says_why(qtbot: QtBot, look: Look) -> None:
    button = Button(look, "a_button", "Go", tip="Does it")
    qtbot.addWidget(button)
    button.set_available(False, "Not <now>")
    assert not button.isEnabled()
    assert button.toolTip() == "<span>Not &lt;now&gt;</span>"
    button.set_available(True)
    assert button.toolTip() == "<span>Does it</span>"


def test_a_button_is_never_narrower_than_its_words(qtbot: QtBot, look: Look) -> None:
    button = Button(look, "a_button", "Go", kind=Kind.PRIMARY)
    qtbot.addWidget(button)
    narrow = button.sizeHint().width()
    button.set_words("Go a long way")
    assert button.minimumSizeHint().width() > narrow
    assert button.accessibleName() == "Go a long way"


def test_the_focus_ring_is_two_pixels_of_accent(qtbot: QtBot, look: Look) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    button = Button(look, "a_button", "Go")
    button.setParent(box)
    box.show()
    box.activateWindow()
    button.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(button.hasFocus)
    image = button.grab().toImage()
    middle = image.height() // 2
    accent = theme.QColor(look.tokens.accent)
    assert [image.pixelColor(x, middle) == accent for x in range(3)] == [True, True, False]


def test_a_long_label_shows_whole_in_the_tooltip(qtbot: QtBot, look: Look) -> None:
    label = Label("A <b>long</b> title that does not fit")
    qtbot.addWidget(label)
    label.resize(400, 20)
    label.show()
    assert label.toolTip() == ""
    label.resize(60, 20)
    assert label.toolTip() == "<span>A &lt;b&gt;long&lt;/b&gt; title that does not fit</span>"
    assert label.text() == "A <b>long</b> title that does not fit"


def test_a_pill_that_is_cut_shows_whole_in_the_tooltip(qtbot: QtBot, look: Look) -> None:
    pill = Pill(look, "Something that is rather long", icon="info")
    qtbot.addWidget(pill)
    pill.show()
    pill.resize(pill.sizeHint())
    assert pill.toolTip() == ""
    pill.resize(70, 22)
    assert "rather long" in pill.toolTip()


def test_a_slider_shows_a_ring_around_all_of_it_while_it_has_the_keyboard(
    qtbot: QtBot, look: Look
) -> None:
    slider = FlatSlider(look, "slider", "Volume")
    qtbot.addWidget(slider)
    slider.resize(214, 24)
    slider.show()
    slider.activateWindow()
    qtbot.waitUntil(slider.isActiveWindow)
    edge = QPoint(100, 0)
    slider.clearFocus()
    without = slider.grab().toImage().pixelColor(edge)
    slider.setFocus()
    assert slider.grab().toImage().pixelColor(edge) == theme.QColor(look.tokens.accent) != without


def test_a_slider_jumps_to_a_click_and_moves_by_keys(qtbot: QtBot, look: Look) -> None:
    slider = FlatSlider(look, "slider", "Volume")
    qtbot.addWidget(slider)
    slider.setRange(0, 100)
    slider.setSingleStep(2)
    slider.resize(214, 24)
    slider.show()
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(107, 12))
    assert slider.value() == 50
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 52
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert slider.value() == 100
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(207, 12))
    qtbot.mouseMove(slider, QPoint(-40, 12))
    assert slider.value() == 0
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(-40, 12))


def test_a_tick_takes_clicks_on_its_words(qtbot: QtBot, look: Look) -> None:
    tick = Tick(look, "tick", "Vocals")
    qtbot.addWidget(tick)
    tick.resize(tick.sizeHint())
    tick.show()
    qtbot.mouseClick(tick, Qt.MouseButton.LeftButton, pos=QPoint(tick.width() - 4, 14))
    assert tick.isChecked()
