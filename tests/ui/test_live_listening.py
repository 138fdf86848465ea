"""The song in work is played on its page, and goes on in its finished take."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.tune import Tune
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.playback.player import LiveSong, LiveTake, PlayerState, Source, TakeFiles
from karaoke_studio.settings import Settings
from karaoke_studio.ui.job_row import JobRow
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.song_in_work import SongInWork
from tests.audio.test_rubber_band import needs_library
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import Desk, OpenWindow
from tests.ui.test_song_in_work import FRAMES, original_peaks, waves

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    window = open_window()
    window.resize(1280, 800)
    return window


def begin(window: MainWindow, queue: FakeQueue, tmp_path: Path) -> LiveSong:
    window.add_paths([Path("Blue.mp3")])
    queue.start("job1", "Nina")
    live = LiveSong(tmp_path, sample_rate=RATE, channels=2, frames=FRAMES)
    live.import_to(RATE)
    queue.job_live.emit("job1", live)
    return live


@pytest.fixture
def live(window: MainWindow, queue: FakeQueue, tmp_path: Path) -> LiveSong:
    """A song that can be heard, the only one."""
    return begin(window, queue, tmp_path)


@pytest.fixture
def beside(
    window: MainWindow, queue: FakeQueue, library: FakeLibrary, tmp_path: Path, player: FakePlayer
) -> LiveSong:
    """A song that can be heard while another one is open and stands at five seconds."""
    library.add("Red")
    window.collection.reload()
    window.open_song(library.all[0].id)
    player.seek(5 * RATE)
    return begin(window, queue, tmp_path)


def work(window: MainWindow) -> SongInWork:
    return window.song_in_work


def press_play(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.mouseClick(work(window).transport.play_button, LEFT)


def test_before_its_first_second_it_cannot_be_played(
    window: MainWindow, queue: FakeQueue, player: FakePlayer
) -> None:
    window.add_paths([Path("Blue.mp3")])
    queue.start("job1", "Nina")
    button = work(window).transport.play_button
    assert not button.isEnabled()
    assert "In a moment" in button.toolTip()
    assert player.state is PlayerState.EMPTY


def test_it_plays_while_it_is_made(
    qtbot: QtBot, window: MainWindow, live: LiveSong, player: FakePlayer
) -> None:
    assert isinstance(player.take, LiveTake)
    assert player.take.song is live
    press_play(qtbot, window)
    assert player.state is PlayerState.PLAYING
    assert work(window).transport.play_button.accessibleName() == "Pause"
    player.advance_s(0.2)
    window.listening.look()
    assert work(window).timeline.position() == player.position_frames > 0
    assert window.song_view.timeline.position() == 0
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert player.state is PlayerState.PAUSED


def test_keys_choose_what_is_heard_of_it(
    qtbot: QtBot, window: MainWindow, live: LiveSong, player: FakePlayer
) -> None:
    for key, source in ((Qt.Key.Key_1, "original"), (Qt.Key.Key_3, "vocals")):
        qtbot.keyClick(window, key)
        assert player.source is Source(source)
        assert work(window).transport.switch.source() == source
    qtbot.mouseClick(work(window).transport.switch._segments["instrumental"], LEFT)
    assert player.source is Source.INSTRUMENTAL
    assert window.song_view.transport.switch.source() == "instrumental"


def test_a_click_in_its_timeline_goes_there(
    qtbot: QtBot,
    window: MainWindow,
    queue: FakeQueue,
    live: LiveSong,
    player: FakePlayer,
    tmp_path: Path,
) -> None:
    facts = {"original": original_peaks(tmp_path), "frames": FRAMES, "sample_rate": RATE}
    queue.job_waves.emit("job1", facts)
    timeline = work(window).timeline
    qtbot.waitUntil(timeline.has_peaks)
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(timeline.width() // 2, 60))
    assert player.position_frames == pytest.approx(FRAMES / 2, rel=0.01)
    qtbot.mouseClick(work(window).transport.previous_button, LEFT)
    assert player.position_frames == 0


def test_a_stretch_of_it_is_repeated_and_stays_so_in_the_take(
    qtbot: QtBot, window: MainWindow, queue: FakeQueue, live: LiveSong, player: FakePlayer
) -> None:
    work(window).timeline.loop_requested.emit(1_000, 20_000)
    assert player.loop is not None
    assert work(window).transport.loop_button.is_on
    qtbot.mouseClick(work(window).transport.loop_button, LEFT)
    assert player.loop is None
    qtbot.mouseClick(work(window).transport.loop_button, LEFT)
    assert tuple(player.loop or ())[:3] == (1_000, 20_000, 0)
    queue.finish("job1")
    assert window.song_view.timeline.loop() == (1_000, 20_000)


def test_the_words_below_say_what_hatched_parts_sound_like(
    qtbot: QtBot, window: MainWindow, queue: FakeQueue, live: LiveSong, tmp_path: Path
) -> None:
    facts = {"original": original_peaks(tmp_path), "frames": FRAMES, "sample_rate": RATE}
    queue.job_waves.emit("job1", facts)
    assert work(window).hint.text().startswith("Sing already")
    qtbot.waitUntil(work(window).timeline.has_peaks)
    assert "Grey stripes are the song as it is" in work(window).hint.text()
    queue.job_waves.emit("job1", waves(0, 100) | {"draft": True})
    assert "a draft" in work(window).hint.text()
    queue.job_waves.emit("job1", waves(0, 200))
    assert work(window).hint.text().startswith("All of it is there")


def test_the_finished_take_goes_on_where_it_was_heard(
    qtbot: QtBot, window: MainWindow, queue: FakeQueue, live: LiveSong, player: FakePlayer
) -> None:
    press_play(qtbot, window)
    player.advance_s(0.3)
    song = queue.finish("job1")
    assert isinstance(player.take, TakeFiles)
    assert player.take.frames == song.frames
    assert player.state is PlayerState.PLAYING
    assert player.position_frames == round(0.3 * RATE)
    assert window.middle.currentWidget() is window.song_view
    assert window.song_view.timeline.position() == player.position_frames
    assert window.song_view.transport.play_button.accessibleName() == "Pause"
    assert work(window).live() is None


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_a_song_that_is_not_made_is_not_heard_on(
    qtbot: QtBot,
    window: MainWindow,
    queue: FakeQueue,
    live: LiveSong,
    player: FakePlayer,
    end: str,
) -> None:
    press_play(qtbot, window)
    if end == "fail":
        queue.fail("job1", CorruptAudio("It is broken.", hint="Get it once more."))
    else:
        queue.cancel("job1")
    assert player.state is PlayerState.EMPTY
    assert work(window).live() is None


def test_another_song_that_is_open_keeps_playing_until_play_is_pressed(
    qtbot: QtBot, window: MainWindow, beside: LiveSong, player: FakePlayer
) -> None:
    assert isinstance(player.take, TakeFiles)
    (row,) = window.queue_panel.findChildren(JobRow)
    qtbot.mouseClick(row.title, LEFT)
    assert window.middle.currentWidget() is work(window)
    assert isinstance(player.take, TakeFiles)
    press_play(qtbot, window)
    assert isinstance(player.take, LiveTake)
    assert player.state is PlayerState.PLAYING
    # the row once more: back to the song that is open, where it was left
    qtbot.mouseClick(row.title, LEFT)
    assert window.middle.currentWidget() is window.song_view
    assert isinstance(player.take, TakeFiles)
    assert player.position_frames == 5 * RATE
    assert player.state is PlayerState.PAUSED


def test_a_song_that_is_heard_beside_an_open_one_opens_when_it_is_made(
    qtbot: QtBot, window: MainWindow, queue: FakeQueue, beside: LiveSong, player: FakePlayer
) -> None:
    (row,) = window.queue_panel.findChildren(JobRow)
    qtbot.mouseClick(row.title, LEFT)
    press_play(qtbot, window)
    player.advance_s(0.3)
    queue.finish("job1")
    assert window.song_view.title.text() == "Blue"
    assert player.state is PlayerState.PLAYING
    assert player.position_frames == round(0.3 * RATE)


def test_the_loudness_is_the_same_on_both_pages(
    window: MainWindow, live: LiveSong, player: FakePlayer
) -> None:
    work(window).transport.volume.setValue(35)
    assert player.volume == 0.35
    assert window.song_view.transport.volume.value() == 35
    window.commands["mute_action"].trigger()
    assert work(window).transport.volume.value() == 0


def test_silence_instead_of_the_song_is_a_setting(window: MainWindow, player: FakePlayer) -> None:
    assert player.fills
    window.change_setting("fill_unsplit", False)
    assert not player.fills


def test_a_window_opens_as_the_setting_says(desk: Desk, player: FakePlayer) -> None:
    desk.open(Settings(theme="dark", fill_unsplit=False))
    assert not player.fills


@needs_library
def test_key_and_tempo_move_while_it_is_made_and_go_on_with_it(
    qtbot: QtBot,
    window: MainWindow,
    live: LiveSong,
    player: FakePlayer,
    queue: FakeQueue,
) -> None:
    press_play(qtbot, window)
    assert player.tune.is_plain
    work(window).tune.tempo.slider.setValue(80)
    window.commands["key_down_action"].trigger()
    assert player.tune == Tune(-1.0, 0.8)
    assert window.song_view.mixer.tune.tune.is_plain
    song = queue.finish("job1")
    assert window.opened.song() == song
    assert player.tune == Tune(-1.0, 0.8)
    assert window.song_view.mixer.tune.tune == Tune(-1.0, 0.8)
    window.faders.flush()
    assert queue.mixes[-1][1]["tune"] == Tune(-1.0, 0.8).to_plain()
    # the next song begins as it was recorded
    assert work(window).tune.tune.is_plain


@needs_library
def test_each_song_has_its_own_key(
    qtbot: QtBot, window: MainWindow, beside: LiveSong, player: FakePlayer, queue: FakeQueue
) -> None:
    window.song_view.mixer.tune.key_up()
    assert player.tune == Tune(1.0)
    work(window).watch("job1")
    press_play(qtbot, window)
    assert player.tune.is_plain
    work(window).tune.key_down()
    assert player.tune == Tune(-1.0)
    work(window).watch("job1")
    assert player.tune == Tune(1.0)


def test_before_it_can_be_heard_its_key_waits(window: MainWindow, queue: FakeQueue) -> None:
    window.add_paths([Path("Blue.mp3")])
    queue.start("job1", "Nina")
    assert not work(window).tune.isEnabled()
