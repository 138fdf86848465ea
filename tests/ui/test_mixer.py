"""Faders in the window: moved by hand and keys, heard at once, kept with the song."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.mix import Mix
from karaoke_studio.library.songs import Song
from karaoke_studio.playback.levels import SILENCE
from karaoke_studio.playback.player import Heard, Source
from karaoke_studio.settings import Settings
from karaoke_studio.ui.fader import Fader, Meter
from karaoke_studio.ui.loudness import match_gains
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.mixer_strip import MixerStrip, presets
from karaoke_studio.ui.output_meter import OutputMeter
from karaoke_studio.ui.theme import Look
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import Desk, OpenWindow

LEFT = Qt.MouseButton.LeftButton
FOUR = ("vocals", "drums", "bass", "other")


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    library.add("Pair")
    library.add("Four", stems=FOUR)
    window = open_window()
    window.open_song(library.all[0].id)
    return window


@pytest.fixture
def strip(window: MainWindow) -> MixerStrip:
    return window.song_view.mixer


def at(fader: Fader, share: float) -> QPoint:
    slider = fader.slider
    return QPoint(round(7 + share * (slider.width() - 14)), slider.height() // 2)


def move(qtbot: QtBot, fader: Fader, share: float) -> None:
    qtbot.mouseClick(fader.slider, LEFT, pos=at(fader, share))


def test_the_guide_voice_is_heard_at_once(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, player: FakePlayer
) -> None:
    window.opened.hear_original()
    move(qtbot, strip.voice, 0.2)
    assert player.mix == Mix(voice=pytest.approx(0.2, abs=0.01))
    assert player.source is Source.INSTRUMENTAL, "the other sources have no faders"
    assert window.song_view.transport.switch.source() == "instrumental"
    assert strip.voice.figure.text() == "20 %"
    assert "−14 dB" in strip.voice.slider.toolTip()


def test_a_double_click_puts_a_fader_back(
    qtbot: QtBot, strip: MixerStrip, player: FakePlayer
) -> None:
    move(qtbot, strip.voice, 0.6)
    move(qtbot, strip.music, 0.3)
    assert player.mix.music == pytest.approx(0.3, abs=0.01)
    for fader in (strip.voice, strip.music):
        qtbot.mouseDClick(fader.slider, LEFT, pos=at(fader, 0.7))
    assert player.mix == Mix()


def test_keys_move_a_fader(qtbot: QtBot, strip: MixerStrip, player: FakePlayer) -> None:
    slider = strip.music.slider
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(slider.hasFocus)
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert player.mix.music == 0.98
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert player.mix.music == 0
    assert player.position_frames == 0, "Home was the fader's"


def test_g_lets_a_quiet_voice_help(
    qtbot: QtBot, window: MainWindow, player: FakePlayer, strip: MixerStrip
) -> None:
    qtbot.keyClick(window, Qt.Key.Key_G)
    assert (player.mix.voice, strip.voice.level) == (0.2, 0.2)
    qtbot.keyClick(window, Qt.Key.Key_G)
    assert (player.mix.voice, strip.voice.level) == (0.0, 0.0)


def test_stems_have_faders_mute_and_solo(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, player: FakePlayer
) -> None:
    assert list(strip.channels) == list(FOUR)
    move(qtbot, strip.channels["drums"], 0.5)
    assert player.mix.gain("drums") == pytest.approx(0.5, abs=0.01)
    qtbot.mouseClick(strip.channels["bass"].mute, LEFT)
    assert player.mix.gain("bass") == 0
    assert window.song_view.timeline._heard == {"drums", "other"}
    qtbot.mouseClick(strip.channels["bass"].mute, LEFT)
    assert player.mix.gain("bass") == 1
    qtbot.mouseClick(strip.channels["other"].solo, LEFT)
    assert player.mix.gains(FOUR) == (0, 0, 0, 1)
    assert window.song_view.timeline._heard == {"other"}


def test_the_voice_of_the_stems_is_the_guide_voice(
    qtbot: QtBot, strip: MixerStrip, player: FakePlayer
) -> None:
    move(qtbot, strip.channels["vocals"], 0.4)
    assert strip.voice.level == strip.channels["vocals"].level == player.mix.voice
    qtbot.mouseDClick(strip.channels["vocals"].slider, LEFT, pos=at(strip.voice, 0.5))
    assert player.mix == Mix()


def test_a_pair_has_two_faders_only(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, library: FakeLibrary
) -> None:
    window.open_song(library.all[1].id)
    assert strip.channels == {}
    assert not strip.stems_button.isVisible()
    assert strip.voice.isVisible()


def test_the_faders_of_the_stems_can_be_put_away(qtbot: QtBot, strip: MixerStrip) -> None:
    assert strip.channels["drums"].isVisible()
    qtbot.mouseClick(strip.stems_button, LEFT)
    assert not strip.channels["drums"].isVisible()
    qtbot.mouseClick(strip.stems_button, LEFT)
    assert strip.channels["drums"].isVisible()


def test_each_song_keeps_its_faders(
    qtbot: QtBot,
    window: MainWindow,
    strip: MixerStrip,
    player: FakePlayer,
    queue: FakeQueue,
    library: FakeLibrary,
) -> None:
    four, pair = library.all
    move(qtbot, strip.voice, 0.5)
    qtbot.mouseClick(strip.channels["bass"].mute, LEFT)
    kept = player.mix
    assert queue.mixes == [], "only when it settles"
    window.open_song(pair.id)
    assert queue.mixes == [(four.id, kept.to_plain())]
    assert (player.mix, strip.voice.level) == (Mix(), 0)
    move(qtbot, strip.music, 0.7)
    qtbot.waitUntil(lambda: len(queue.mixes) == 2)
    window.open_song(four.id)
    assert player.mix == kept
    assert strip.channels["bass"].mute.isChecked()
    window.collection.reload()
    assert player.mix == kept


def test_faders_of_an_earlier_run_are_there_again(
    open_window: OpenWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    song = library.add("A")
    library.all[0] = replace(song, mix=Mix(voice=0.3).to_plain())
    window = open_window()
    window.open_song(song.id)
    assert player.mix == Mix(voice=0.3)
    assert window.song_view.mixer.voice.figure.text() == "30 %"


def test_what_was_moved_last_is_kept_when_the_window_closes(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, queue: FakeQueue
) -> None:
    move(qtbot, strip.voice, 0.5)
    window.close()
    assert [mix["voice"] for _, mix in queue.mixes] == [pytest.approx(0.5, abs=0.01)]


def test_presets_are_a_click_away(qtbot: QtBot, strip: MixerStrip, player: FakePlayer) -> None:
    qtbot.mouseClick(strip.presets_button, LEFT)
    menu = strip.presets_menu
    names = {action.text(): action for action in menu.actions()}
    assert list(names) == [
        *("Instrumental", "Sing along", "Practice"),
        *("Without drums", "Without bass"),
    ]
    assert names["Instrumental"].isChecked()
    names["Sing along"].trigger()
    assert (player.mix, strip.voice.level) == (Mix(voice=0.2), 0.2)
    menu.close()
    qtbot.mouseClick(strip.presets_button, LEFT)
    names = {action.text(): action for action in menu.actions()}
    assert names["Sing along"].isChecked()
    names["Without drums"].trigger()
    assert player.mix.gains(FOUR) == (1, 0, 1, 1)
    menu.close()


def test_a_pair_has_the_three_presets() -> None:
    assert list(presets(("vocals", "instrumental"))) == ["Instrumental", "Sing along", "Practice"]


def test_every_control_can_be_reached_and_says_what_it_is(strip: MixerStrip) -> None:
    controls = [w for w in strip.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert len(controls) == 2 + 2 + 4 * 4 + 4 + 2
    for control in controls:
        assert control.accessibleName(), control.objectName()
        assert control.toolTip(), control.objectName()
        assert control.objectName()


# -- meters


def test_meters_follow_what_is_heard_and_rest_with_it(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, player: FakePlayer
) -> None:
    player.levels = Heard((0.1, 0.5, 0.0, 0.25, 0.0, 0.0), 0.5, 0.25)
    window.listening.toggle()
    qtbot.waitUntil(lambda: strip.output.left.share > 0)
    assert strip.channels["drums"].meter.share == pytest.approx(1 - 6 / 54, abs=0.01)
    assert strip.channels["bass"].meter.share == 0
    assert strip.music.meter.share == strip.channels["drums"].meter.share
    assert 0 < strip.voice.meter.share < strip.music.meter.share
    assert strip.output.left.share > strip.output.right.share
    window.listening.toggle()
    assert strip.music.meter.share == strip.output.left.share == 0


def test_a_meter_falls_slowly(qtbot: QtBot, look: Look) -> None:
    meter = Meter(look, "vocals")
    qtbot.addWidget(meter)
    meter.show_peak(1.0)
    assert meter.share == 1
    qtbot.wait(50)
    meter.show_peak(0.0)
    assert 0.5 < meter.share < 1
    meter._at -= 10
    meter._shown_db = -53.0
    meter.show_peak(0.0)
    assert meter.share == 0


def test_the_clip_light_stays_until_it_is_seen(qtbot: QtBot, look: Look) -> None:
    meter = OutputMeter(look)
    qtbot.addWidget(meter)
    meter.show_heard(SILENCE._replace(left=1.0, right=0.2))
    assert not meter.is_clipped, "full scale is not too loud"
    meter.show_heard(SILENCE._replace(left=1.001, right=0.2))
    meter.show_heard(SILENCE)
    assert meter.is_clipped
    assert "Too loud" in meter.toolTip()
    pixel = meter.grab().toImage().pixelColor(meter.width() - 4, 8)
    assert pixel.name() == look.tokens.error.lower()
    qtbot.mouseClick(meter, LEFT)
    assert not meter.is_clipped
    assert "Too loud" not in meter.toolTip()


def test_the_mix_is_exported_as_the_faders_stand(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, queue: FakeQueue, player: FakePlayer
) -> None:
    move(qtbot, strip.voice, 0.5)
    qtbot.mouseClick(strip.channels["drums"].mute, LEFT)
    dialog = window.exports.open([window.opened.song()], window.settings)
    qtbot.mouseClick(dialog.stems["mix"], LEFT)
    qtbot.mouseClick(dialog.start_button, LEFT)
    ((_, _, stems),) = queue.exports.values()
    assert "mix" in stems
    assert queue.gains == {stem: player.mix.sides(stem) for stem in FOUR}
    queue.finish_export(*queue.exports)
    dialog.close()


# -- where the sound goes


def open_devices(qtbot: QtBot, window: MainWindow) -> dict[str, QAction]:
    qtbot.mouseClick(window.song_view.mixer.device_button, LEFT)
    return {action.text(): action for action in window.sound_devices.menu.actions()}


def test_a_device_is_chosen_and_kept(
    qtbot: QtBot, window: MainWindow, queue: FakeQueue, player: FakePlayer
) -> None:
    menu = window.sound_devices.menu
    names = open_devices(qtbot, window)
    assert queue.lookings == 1
    assert names["System default"].isChecked()
    assert not names["Looking for devices…"].isEnabled()
    queue.sound_devices_listed.emit(["Speakers", "Rock & Roll Headset"])
    names = {action.text(): action for action in menu.actions()}
    assert "Looking for devices…" not in names
    names["Rock && Roll Headset"].trigger()
    menu.close()
    assert player.device == window.settings.sound_device == "Rock & Roll Headset"
    assert "Rock &amp; Roll Headset" in window.song_view.mixer.device_button.toolTip()
    assert open_devices(qtbot, window)["Rock && Roll Headset"].isChecked()
    menu.close()


def test_a_device_that_is_away_is_still_the_chosen_one(
    qtbot: QtBot, desk: Desk, queue: FakeQueue, player: FakePlayer, library: FakeLibrary
) -> None:
    library.add("A")
    window = desk.open(Settings(theme="dark", sound_device="Headset"))
    window.show()
    window.open_song(library.all[0].id)
    assert player.device == "Headset"
    open_devices(qtbot, window)
    queue.sound_devices_listed.emit(["Speakers"])
    menu = window.sound_devices.menu
    names = {action.text(): action for action in menu.actions()}
    assert names["Headset (not connected)"].isChecked()
    names["System default"].trigger()
    assert player.device == window.settings.sound_device == ""
    menu.close()


def test_a_list_that_comes_after_the_menu_was_closed_opens_nothing(
    window: MainWindow, queue: FakeQueue
) -> None:
    queue.sound_devices_listed.emit(["Speakers"])
    assert not window.sound_devices.menu.isVisible()


# -- equally loud


def measured(song: Song, whole: float | None, music: float | None, voice: float | None) -> Song:
    stems = {"instrumental": music, "vocals": voice}
    analysis = {"take_id": song.take_id, "lufs": whole, "stem_lufs": stems}
    return replace(song, analysis=analysis)


def test_all_sources_come_down_to_the_quietest(library: FakeLibrary) -> None:
    song = library.add("A")
    gains = match_gains(measured(song, -10.0, -12.0, -16.0))
    assert gains["vocals"] == 1.0
    assert gains["original"] == pytest.approx(10 ** (-6 / 20))
    assert gains["instrumental"] == pytest.approx(10 ** (-4 / 20))


def test_a_whisper_does_not_silence_the_song(library: FakeLibrary) -> None:
    gains = match_gains(measured(library.add("A"), -10.0, -10.0, -40.0))
    assert gains["vocals"] == 1.0
    assert gains["original"] == pytest.approx(10 ** (-12 / 20))


@pytest.mark.parametrize("voice", [None, float("nan"), True, "loud"])
def test_what_has_no_loudness_stays_as_it_is(library: FakeLibrary, voice: object) -> None:
    gains = match_gains(measured(library.add("A"), -10.0, -11.0, voice))
    assert gains == {"original": pytest.approx(10 ** (-1 / 20)), "instrumental": 1.0}


def test_figures_of_another_take_do_not_count(library: FakeLibrary) -> None:
    song = measured(library.add("A"), -10.0, -12.0, -16.0)
    assert match_gains(replace(song, take_id="new")) == {}
    assert match_gains(replace(song, analysis=None)) == {}
    assert match_gains(measured(song, None, -12.0, -16.0)) == {}


def test_equal_loudness_is_turned_on_kept_and_follows_the_song(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, player: FakePlayer, library: FakeLibrary
) -> None:
    qtbot.mouseClick(strip.match_button, LEFT)
    assert window.settings.match_loudness
    assert player.matches == {}, "not measured yet"
    library.all[0] = measured(library.all[0], -10.0, -12.0, -16.0)
    window.collection.reload()
    assert player.matches[Source.VOCALS] == 1.0
    assert player.matches[Source.ORIGINAL] < 1
    window.open_song(library.all[1].id)
    assert player.matches == {}
    window.open_song(library.all[0].id)
    assert player.matches
    qtbot.mouseClick(strip.match_button, LEFT)
    assert player.matches == {}
    assert not window.settings.match_loudness


def test_put_away_faders_stay_away(desk: Desk, library: FakeLibrary, qtbot: QtBot) -> None:
    library.add("A", stems=FOUR)
    window = desk.open(Settings(theme="dark", mixer_open=False, match_loudness=True))
    window.show()
    window.open_song(library.all[0].id)
    strip = window.song_view.mixer
    assert strip.match_button.isChecked()
    assert not strip.channels["drums"].isVisible()
    qtbot.mouseClick(strip.stems_button, LEFT)
    assert window.settings.mixer_open


def test_the_mean_lies_below_the_peak_and_the_loudness_is_told(
    window: MainWindow, player: FakePlayer, strip: MixerStrip
) -> None:
    player.levels = Heard((0.5,) * 6, 0.5, 0.25, 0.1, 0.05)
    player.lufs = -14.26
    window.listening.play()
    for _ in range(60):
        window.listening.look()
    meter = strip.output
    assert 0 < meter.left.steady_share < meter.left.share
    assert meter.left.steady_share == pytest.approx(1 - 20 / 54, abs=0.02)
    assert meter.right.steady_share < meter.left.steady_share
    assert meter.loudness.text() == "−14.3 LUFS"
    player.pause()
    window.listening.look()
    assert meter.loudness.text() == "– LUFS"
    assert meter.left.steady_share == 0


def test_a_stem_is_placed_by_hand_wheel_and_keys(
    qtbot: QtBot, window: MainWindow, strip: MixerStrip, player: FakePlayer, queue: FakeQueue
) -> None:
    window.opened.hear_original()
    knob = strip.channels["drums"].pan
    assert knob.accessibleName() == "Drums: left or right"
    centre = knob.rect().center()
    qtbot.mousePress(knob, LEFT, pos=centre)
    qtbot.mouseMove(knob, centre + QPoint(-30, 0))
    qtbot.mouseRelease(knob, LEFT, pos=centre + QPoint(-30, 0))
    assert player.mix.pans == {"drums": -0.5}
    assert player.mix.sides("drums") == (1.0, 0.5)
    assert player.source is Source.INSTRUMENTAL
    assert "50 % left" in knob.toolTip()
    knob.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(knob.hasFocus)
    qtbot.keyClick(knob, Qt.Key.Key_Right)
    assert player.mix.pans == {"drums": -0.45}
    assert player.position_frames == 0, "the arrow was the knob's"
    window.faders.flush()
    assert queue.mixes[-1][1]["pans"] == {"drums": -0.45}
    qtbot.mouseDClick(knob, LEFT, pos=centre)
    assert player.mix == Mix()


def test_a_pair_has_knobs_and_a_mono_song_none(
    window: MainWindow, strip: MixerStrip, library: FakeLibrary, player: FakePlayer
) -> None:
    assert not strip.pans["vocals"].isVisible(), "each stem has its own"
    window.open_song(library.all[1].id)
    assert strip.pans["vocals"].isVisible()
    strip.pans["instrumental"].setValue(40)
    assert player.mix.sides("instrumental") == (pytest.approx(0.6), 1.0)
    library.all[1] = replace(library.all[1], channels=1, take_id="take2")
    window.opened.follow(library.all[1])
    assert not strip.pans["vocals"].isVisible()
    assert not strip.pans["instrumental"].isVisible()
