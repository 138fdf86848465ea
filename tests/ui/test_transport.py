import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.transport import SOURCES, Transport


@pytest.fixture
def transport(qtbot: QtBot, look: Look) -> Transport:
    widget = Transport(look, 0.8)
    qtbot.addWidget(widget)
    widget.resize(950, 60)
    widget.show()
    return widget


def test_each_button_asks_for_its_thing(qtbot: QtBot, transport: Transport) -> None:
    for button, wish in (
        (transport.play_button, transport.play_requested),
        (transport.previous_button, transport.previous_requested),
        (transport.next_button, transport.next_requested),
    ):
        with qtbot.waitSignal(wish):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("stem", SOURCES)
def test_a_click_chooses_a_source(qtbot: QtBot, transport: Transport, stem: str) -> None:
    segment = transport.switch._segments[stem]
    with qtbot.waitSignal(transport.source_requested) as blocker:
        qtbot.mouseClick(segment, Qt.MouseButton.LeftButton)
    assert blocker.args == [stem]
    assert transport.switch.source() == stem


def test_arrows_choose_a_source_once_tab_got_there(qtbot: QtBot, transport: Transport) -> None:
    transport.switch.set_source("original")
    first = transport.switch._segments["original"]
    transport.activateWindow()
    first.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(first.hasFocus)
    with qtbot.waitSignal(transport.source_requested) as blocker:
        qtbot.keyClick(first, Qt.Key.Key_Right)
    assert blocker.args == ["instrumental"]


def test_tab_comes_to_the_source_that_is_on(qtbot: QtBot, transport: Transport) -> None:
    transport.switch.set_source("instrumental")
    transport.activateWindow()
    transport.next_button.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(transport.next_button.hasFocus)
    qtbot.keyClick(transport.next_button, Qt.Key.Key_Tab)
    assert transport.switch._segments["instrumental"].hasFocus()
    qtbot.keyClick(transport.focusWidget(), Qt.Key.Key_Tab)
    assert transport.loop_button.hasFocus()


def test_time_is_shown_in_tabular_figures(transport: Transport) -> None:
    transport.set_time(70.9, 222)
    assert (transport.position.text(), transport.length.text()) == ("1:10", "/ 3:42")
    before = transport.position.sizeHint().width()
    transport.set_time(88, 222)
    assert transport.position.sizeHint().width() == before


def test_the_volume_is_told_and_muting_comes_back(qtbot: QtBot, transport: Transport) -> None:
    volumes: list[float] = []
    transport.volume_changed.connect(volumes.append)
    transport.volume.setValue(50)
    qtbot.mouseClick(transport.mute_button, Qt.MouseButton.LeftButton)
    assert transport.mute_button.accessibleName() == "Sound on"
    qtbot.mouseClick(transport.mute_button, Qt.MouseButton.LeftButton)
    assert transport.mute_button.accessibleName() == "Mute"
    assert volumes == [0.5, 0.0, 0.5]


def test_a_start_without_sound_can_be_unmuted(qtbot: QtBot, look: Look) -> None:
    transport = Transport(look, 0.0)
    qtbot.addWidget(transport)
    transport.toggle_mute()
    assert transport.volume.value() > 0


def test_the_play_button_says_what_a_press_does(transport: Transport) -> None:
    transport.play_button.set_playing(True)
    assert transport.play_button.accessibleName() == "Pause"
    assert "Pause" in transport.play_button.toolTip()
    transport.play_button.set_playing(False)
    assert transport.play_button.accessibleName() == "Play"


def test_the_pulse_happens_once(qtbot: QtBot, transport: Transport) -> None:
    button = transport.play_button
    button._pulse.setCurrentTime(0)
    button.pulse()
    assert button.is_pulsing()
    with qtbot.waitSignal(button._pulse.finished):
        pass
    assert not button.is_pulsing()


def test_a_narrow_row_keeps_the_time_and_drops_the_key_caps(
    qtbot: QtBot, transport: Transport
) -> None:
    wide = transport.switch.sizeHint().width()
    transport.resize(775, 60)
    transport.set_time(70, 222)
    qtbot.waitUntil(lambda: transport.switch.width() < wide)
    assert transport.position.width() >= transport.position.sizeHint().width()
