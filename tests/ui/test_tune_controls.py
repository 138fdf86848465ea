"""Key and tempo by hand and keys; kept with the song, shown in its facts."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.ui import tune_controls
from karaoke_studio.ui.controls import Pill
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tune_controls import TuneControls
from tests.audio.test_rubber_band import needs_library
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import OpenWindow

LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    window = open_window()
    window.resize(1280, 800)
    library.add("Blue")
    library.all[0] = replace(library.all[0], analysis={"key": "D minor", "bpm": 92.0, "lufs": None})
    library.add("Red")
    window.collection.reload()
    window.open_song(library.all[1].id)
    return window


@pytest.fixture
def controls(window: MainWindow) -> TuneControls:
    return window.song_view.mixer.tune


def facts(window: MainWindow) -> list[str]:
    row = window.song_view._pills
    pills = (row.itemAt(number).widget() for number in range(row.count()))
    return [pill.text() for pill in pills if isinstance(pill, Pill)]


def test_the_words() -> None:
    assert doctest.testmod(tune_controls).failed == 0
    assert tune_controls.moved_key("sung", 3) == "sung"


@needs_library
def test_keys_move_key_and_tempo(
    qtbot: QtBot, window: MainWindow, controls: TuneControls, player: FakePlayer
) -> None:
    for key, modifier, tune in (
        (Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier, Tune(1)),
        (Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier, Tune()),
        (Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier | SHIFT, Tune(0, 1.05)),
        (Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier | SHIFT, Tune()),
    ):
        qtbot.keyClick(window, key, modifier)
        assert player.tune == tune == controls.tune
    controls.key_up()
    qtbot.keyClick(window, Qt.Key.Key_Backspace, Qt.KeyboardModifier.ControlModifier)
    assert player.tune == AS_RECORDED


@needs_library
def test_the_pointer_moves_by_semitones_and_shift_by_ten_cents(
    qtbot: QtBot, controls: TuneControls, player: FakePlayer
) -> None:
    slider = controls.key.slider
    qtbot.mouseClick(slider, LEFT, pos=QPoint(slider.width() * 3 // 4, 9))
    assert player.tune.semitones == round(player.tune.semitones) > 0
    before = player.tune.semitones
    qtbot.keyClick(slider, Qt.Key.Key_Left, SHIFT)
    assert player.tune.semitones == pytest.approx(before - 0.1)
    assert controls.key.figure.text() == tune_controls.semitones(before - 0.1)
    qtbot.mouseDClick(slider, LEFT)
    assert player.tune == AS_RECORDED


@needs_library
def test_the_source_that_is_heard_stays(
    window: MainWindow, controls: TuneControls, player: FakePlayer
) -> None:
    window.opened.hear_vocals()
    controls.slower()
    assert player.source.value == "vocals"


@needs_library
def test_it_is_kept_with_its_song(
    qtbot: QtBot,
    window: MainWindow,
    controls: TuneControls,
    player: FakePlayer,
    queue: FakeQueue,
    library: FakeLibrary,
) -> None:
    blue, red = library.all[1].id, library.all[0].id
    controls.key_down()
    controls.formants.trigger()
    window.open_song(red)
    assert player.tune == controls.tune == AS_RECORDED
    (kept,) = [mix for song_id, mix in queue.mixes if song_id == blue]
    assert kept["tune"] == Tune(-1, keeps_formants=True).to_plain()
    window.open_song(blue)
    assert player.tune == controls.tune == Tune(-1, keeps_formants=True)
    assert controls.formants.isChecked()


@needs_library
def test_presets_leave_it_alone(
    window: MainWindow, controls: TuneControls, player: FakePlayer
) -> None:
    controls.key_up()
    strip = window.song_view.mixer
    strip.show_presets()
    names = [action.text() for action in strip.presets_menu.actions()]
    assert strip.presets_menu.actions()[names.index("Instrumental")].isChecked()
    strip.presets_menu.actions()[names.index("Practice")].trigger()
    assert strip.mix().voice == 0.8
    assert strip.mix().tune == Tune(1)


@needs_library
def test_the_facts_tell_what_is_heard(window: MainWindow, controls: TuneControls) -> None:
    assert {"D minor", "92 BPM"} <= set(facts(window))
    controls.key_down()
    controls.slower()
    controls.slower()
    assert {"D minor → C♯ minor", "92 BPM → 83 BPM"} <= set(facts(window))
    controls.reset()
    assert {"D minor", "92 BPM"} <= set(facts(window))


def test_without_the_library_both_are_greyed_out_and_say_why(
    qtbot: QtBot, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rubber_band, "library", lambda: None)
    controls = TuneControls(look)
    qtbot.addWidget(controls)
    assert not controls.key.slider.isEnabled()
    assert "librubberband2" in controls.tempo.slider.toolTip()
    with qtbot.assertNotEmitted(controls.tune_changed):
        controls.key_up()


@needs_library
@pytest.mark.parametrize("as_played", [True, False])
def test_files_are_written_as_played_or_as_recorded(
    window: MainWindow, controls: TuneControls, queue: FakeQueue, as_played: bool
) -> None:
    controls.key_down()
    song = window.opened.song()
    assert song is not None
    dialog = window.exports.open([song], window.settings)
    assert dialog.tune.isVisibleTo(dialog)
    assert dialog.tune.text() == "As played: key −1"
    dialog.tune.setChecked(as_played)
    dialog.start_button.click()
    assert queue.tune == (Tune(-1).to_plain() if as_played else {})


def test_nothing_is_offered_for_a_song_as_it_was_recorded(
    window: MainWindow, queue: FakeQueue
) -> None:
    song = window.opened.song()
    assert song is not None
    dialog = window.exports.open([song], window.settings)
    assert not dialog.tune.isVisibleTo(dialog)
    dialog.start_button.click()
    assert queue.tune == {}
