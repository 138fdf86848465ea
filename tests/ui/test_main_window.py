import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import CorruptAudio, LibraryDamaged, NoOutputDevice
from karaoke_studio.library.songs import Word
from karaoke_studio.playback.player import PlayerState, Source
from karaoke_studio.settings import Settings
from karaoke_studio.ui import theme
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.close_question import CloseQuestion
from karaoke_studio.ui.export_dialog import ExportDialog
from karaoke_studio.ui.keys import GROUPS, KeySheet
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import Desk, OpenWindow

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


def mime(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drag(window: QWidget, data: QMimeData) -> QDragEnterEvent:
    event = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, data, LEFT, NO_KEYS)
    QApplication.sendEvent(window, event)
    return event


def drop(window: MainWindow, data: QMimeData) -> None:
    drag(window, data)
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, LEFT, NO_KEYS)
    QApplication.sendEvent(window, event)


def page(window: MainWindow) -> QWidget:
    return window.middle.currentWidget()


# -- songs come in


def test_an_empty_library_asks_for_songs(open_window: OpenWindow) -> None:
    window = open_window()
    assert page(window) is window.drop_area
    assert not window.songs_list.isVisible()
    assert not window.queue_panel.isVisible()
    assert not window.toolbar.export_button.isVisible()


def test_a_drop_says_what_it_will_do_then_does_it(
    open_window: OpenWindow, queue: FakeQueue, tmp_path: Path
) -> None:
    window = open_window()
    songs = [tmp_path / f"{name}.mp3" for name in "abc"]
    for song in songs:
        song.write_bytes(b"x")
    event = drag(window, mime(*songs))
    assert event.isAccepted()
    assert window.overlay.isVisible()
    assert window.overlay.sentence() == "Make karaoke of 3 songs"
    assert window.overlay.geometry() == window.rect()
    drop(window, mime(*songs))
    assert not window.overlay.isVisible()
    assert [view.path for view in queue.jobs()] == songs
    assert page(window) is window.queue_panel


def test_the_light_goes_out_when_the_hand_moves_away(
    open_window: OpenWindow, queue: FakeQueue, tmp_path: Path
) -> None:
    window = open_window()
    drag(window, mime(tmp_path))
    assert window.overlay.sentence() == "Make karaoke of all songs in 1 folder"
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not window.overlay.isVisible()
    assert queue.jobs() == []


def test_a_file_on_a_server_is_refused_with_a_reason(
    open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    data = QMimeData()
    data.setUrls([QUrl("file://server/share/song.mp3")])
    drag(window, data)
    assert "on this computer" in window.overlay.sentence()
    drop(window, data)
    assert queue.jobs() == []


def test_dragged_text_is_none_of_our_business(open_window: OpenWindow) -> None:
    window = open_window()
    data = QMimeData()
    data.setText("hello")
    drag(window, data)
    assert not window.overlay.isVisible()


def test_no_child_takes_a_drop_from_the_window(
    open_window: OpenWindow, library: FakeLibrary
) -> None:
    library.add("A")
    window = open_window()
    window.open_song(library.all[0].id)
    takers = [child for child in window.findChildren(QWidget) if child.acceptDrops()]
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile("/music/a.mp3")])
    assert takers  # songs can be dragged about; files go on to the window
    for child in takers:
        window.overlay.hide()
        drag(child, files)
        assert window.overlay.isVisible(), child.objectName()


def test_the_demo_song_is_one_click_away(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    qtbot.mouseClick(window.drop_area.demo_button, LEFT)
    assert [view.path.name for view in queue.jobs()] == ["demo song.ogg"]


def test_songs_are_chosen_from_a_dialog(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    qtbot.keyClick(window, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(QFileDialog, "add_dialog")
    assert dialog is not None
    assert "*.flac" in dialog.nameFilters()[0]
    dialog.filesSelected.emit(["/music/a.mp3", "/music/b.flac"])
    dialog.close()
    assert [view.path for view in queue.jobs()] == [Path("/music/a.mp3"), Path("/music/b.flac")]


def test_new_songs_are_made_as_the_settings_say_from_now_on(desk: Desk, queue: FakeQueue) -> None:
    window = desk.open(Settings(theme="dark"))
    window.change_setting("engine", "centre")
    assert queue.settings.engine == "centre"
    window.add_paths([])
    assert queue.jobs() == []


# -- the first song


def test_the_first_finished_song_opens_and_the_play_button_pulses(
    open_window: OpenWindow, queue: FakeQueue, player: FakePlayer
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3"), Path("b.mp3")])
    first, second = queue.ids()
    queue.start(first)
    queue.progress(first, 0.5, 12)
    song = queue.finish(first)
    assert page(window) is window.song_view
    assert window.song_view.title.text() == "a"
    assert player.take is not None
    assert player.take.stems["vocals"] == song.vocals_path
    assert player.state is PlayerState.PAUSED
    assert window.song_view.transport.play_button.is_pulsing()
    assert window.queue_panel.isVisible()
    assert window.songs_list.isVisible()
    assert window.windowTitle() == "a – Karaoke Studio"
    queue.start(second)
    queue.finish(second)
    assert window.song_view.title.text() == "a"


def test_the_queue_is_the_page_until_a_song_is_open_then_a_strip(
    open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3")])
    assert page(window) is window.queue_panel
    (job_id,) = queue.ids()
    queue.cancel(job_id)
    assert page(window) is window.drop_area
    assert queue.jobs() == []


def test_a_failed_song_is_retried_and_dismissed(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3")])
    (job_id,) = queue.ids()
    queue.start(job_id)
    queue.fail(job_id, CorruptAudio("a.mp3 is empty."))
    (row,) = window.queue_panel.rows()
    assert row.note.text() == "a.mp3 is empty."
    qtbot.waitUntil(row.retry_button.isVisible)
    qtbot.mouseClick(row.retry_button, LEFT)
    assert queue.jobs()[0].state.value == "queued"
    assert row.stage.text() == "Waiting"
    queue.start(job_id)
    queue.fail(job_id, CorruptAudio("a.mp3 is empty."))
    qtbot.mouseClick(row.close_button, LEFT)
    assert window.queue_panel.rows() == []
    assert queue.jobs() == []


def test_a_running_song_is_cancelled_by_its_cross(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3")])
    queue.start(queue.ids()[0])
    (row,) = window.queue_panel.rows()
    qtbot.mouseClick(row.close_button, LEFT)
    assert window.queue_panel.rows() == []


def test_jobs_that_were_there_before_are_shown(desk: Desk, queue: FakeQueue) -> None:
    queue.add_paths([Path("left over.mp3")])
    window = desk.open()
    assert [row.title.text() for row in window.queue_panel.rows()] == ["left over"]


# -- listening


@pytest.fixture
def song_window(open_window: OpenWindow, library: FakeLibrary) -> MainWindow:
    library.add("Third", "C", seconds=30)
    library.add("Second", "B", seconds=30)
    lines = (Word(2.0, "One"), Word(8.0, "Two"))
    library.add("First", "A", "Album", seconds=30, words=lines, notes=("truncated:0:30",))
    window = open_window()
    window.open_song(library.all[0].id)
    return window


def key(qtbot: QtBot, window: MainWindow, name: Any, modifier: Any = NO_KEYS) -> None:
    """Press a key where the focus is, as a person does."""
    qtbot.keyClick(QApplication.focusWidget() or window, name, modifier)


def test_space_plays_and_pauses(qtbot: QtBot, song_window: MainWindow, player: FakePlayer) -> None:
    key(qtbot, song_window, Qt.Key.Key_Space)
    assert player.state is PlayerState.PLAYING
    assert song_window.song_view.transport.play_button.accessibleName() == "Pause"
    key(qtbot, song_window, Qt.Key.Key_Space)
    assert player.state is PlayerState.PAUSED


def test_space_is_not_eaten_by_whatever_has_the_focus(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    window = song_window
    focusable = [
        child
        for child in window.findChildren(QWidget)
        if child.isVisible()
        and child.isEnabled()
        and child.focusPolicy() & Qt.FocusPolicy.TabFocus
        and child is not window.songs_list.filter_box
    ]
    assert len(focusable) >= 12
    for number, widget in enumerate(focusable, start=1):
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        assert widget.hasFocus(), widget
        key(qtbot, window, Qt.Key.Key_Space)
        playing = player.state is PlayerState.PLAYING
        assert playing == bool(number % 2), widget
    assert window.isVisible()


def test_typing_in_the_filter_box_is_typing(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    key(qtbot, song_window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert song_window.songs_list.filter_box.hasFocus()
    for letter in (Qt.Key.Key_1, Qt.Key.Key_Space, Qt.Key.Key_M):
        key(qtbot, song_window, letter)
    assert song_window.songs_list.filter_box.text().lower() == "1 m"
    assert player.state is PlayerState.PAUSED
    assert player.source is Source.INSTRUMENTAL


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (Qt.Key.Key_1, Source.ORIGINAL),
        (Qt.Key.Key_2, Source.INSTRUMENTAL),
        (Qt.Key.Key_3, Source.VOCALS),
    ],
)
def test_number_keys_choose_what_is_heard(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer, name: Qt.Key, source: Source
) -> None:
    player.set_source(Source.VOCALS if source is Source.ORIGINAL else Source.ORIGINAL)
    key(qtbot, song_window, name)
    assert player.source is source
    assert song_window.song_view.transport.switch.source() == source.value


def test_a_click_on_the_switch_chooses_what_is_heard(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    segment = song_window.song_view.findChild(QWidget, "source_vocals")
    qtbot.mouseClick(segment, LEFT)
    assert player.source is Source.VOCALS


def test_arrows_and_ends_seek(qtbot: QtBot, song_window: MainWindow, player: FakePlayer) -> None:
    seen = []
    for name in (
        *(Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End),
        *(Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_Left),
    ):
        key(qtbot, song_window, name)
        seen.append(player.position_frames / RATE)
    assert seen == [5, 10, 5, 30, 30, 0, 0]


def test_the_playhead_time_and_words_follow_the_player(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    view = song_window.song_view
    key(qtbot, song_window, Qt.Key.Key_Space)
    player.advance_s(8.5)
    qtbot.waitUntil(lambda: view.timeline.position() == round(8.5 * RATE))
    assert view.transport.position.text() == "0:08"
    assert view.words.current_line() == 1
    player.advance_s(60)
    qtbot.waitUntil(lambda: view.transport.play_button.accessibleName() == "Play")
    assert player.state is PlayerState.ENDED
    key(qtbot, song_window, Qt.Key.Key_Space)
    assert (player.state, player.position_frames) == (PlayerState.PLAYING, 0)


def test_a_click_on_the_waveform_or_a_line_seeks(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    timeline, words = song_window.song_view.timeline, song_window.song_view.words
    qtbot.mouseClick(timeline, LEFT, pos=QPoint((timeline.width() - 1) // 2, 60))
    assert player.position_frames == pytest.approx(15 * RATE, abs=RATE * 0.05)
    qtbot.mouseClick(words.viewport(), LEFT, pos=words.visualItemRect(words.item(1)).center())
    assert player.position_frames == 8 * RATE


def test_the_waveform_is_read_for_the_song_that_is_open(
    qtbot: QtBot, song_window: MainWindow, library: FakeLibrary
) -> None:
    timeline = song_window.song_view.timeline
    qtbot.waitUntil(timeline.has_peaks)
    song_window.open_song(library.all[1].id)
    assert not timeline.has_peaks()
    qtbot.waitUntil(timeline.has_peaks)


def test_a_late_answer_of_the_disk_for_another_song_is_dropped(
    song_window: MainWindow, library: FakeLibrary
) -> None:
    view = song_window.song_view
    view.show_song(library.all[1], ())
    song_window.disk.peaks_read.emit(view._asked - 1, object())
    assert not view.timeline.has_peaks()


def test_the_head_tells_title_artist_and_facts(song_window: MainWindow) -> None:
    view = song_window.song_view
    assert (view.title.text(), view.artist.text()) == ("First", "A · Album")
    pills = [view._pills.itemAt(i).widget() for i in range(view._pills.count() - 1)]
    assert [pill.text() for pill in pills] == [
        *("0:30", "44.1 kHz", "Stereo", "Instant"),
        "The file is cut off at 0:30; the readable part was used.",
    ]


def test_a_song_without_words_has_no_empty_pane(
    song_window: MainWindow, library: FakeLibrary
) -> None:
    assert song_window.song_view.words.isVisible()
    song_window.open_song(library.all[1].id)
    assert not song_window.song_view.words.isVisible()


def test_next_and_previous_go_through_the_list_and_play_on(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    window, control = song_window, Qt.KeyboardModifier.ControlModifier
    key(qtbot, window, Qt.Key.Key_Space)
    key(qtbot, window, Qt.Key.Key_Right, control)
    assert window.song_view.title.text() == "Second"
    assert player.state is PlayerState.PLAYING
    player.advance_s(10)
    qtbot.mouseClick(window.song_view.transport.previous_button, LEFT)
    assert (window.song_view.title.text(), player.position_frames) == ("Second", 0)
    qtbot.mouseClick(window.song_view.transport.previous_button, LEFT)
    assert window.song_view.title.text() == "First"
    key(qtbot, window, Qt.Key.Key_Left, control)
    assert (window.song_view.title.text(), player.position_frames) == ("First", 0)
    for _ in range(5):
        qtbot.mouseClick(window.song_view.transport.next_button, LEFT)
    assert window.song_view.title.text() == "Third"


def test_opening_the_open_song_again_does_not_start_it_over(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer, library: FakeLibrary
) -> None:
    key(qtbot, song_window, Qt.Key.Key_Right)
    song_window.open_song(library.all[0].id)
    assert player.position_frames == 5 * RATE


def test_the_volume_reaches_the_player_and_is_saved(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer, desk: Desk
) -> None:
    assert player.volume == 0.8
    song_window.song_view.transport.volume.setValue(25)
    assert player.volume == 0.25
    qtbot.waitUntil(lambda: bool(desk.saved))
    assert desk.saved[-1].volume == 0.25
    key(qtbot, song_window, Qt.Key.Key_M)
    assert player.volume == 0


def test_a_double_click_in_the_list_plays(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer
) -> None:
    view = song_window.songs_list.view
    place = view.visualRect(song_window.songs_list.shown.index(1, 0)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=place)
    assert song_window.song_view.title.text() == "Second"
    assert player.state is PlayerState.PAUSED
    qtbot.mouseDClick(view.viewport(), LEFT, pos=place)
    assert player.state is PlayerState.PLAYING


# -- no sound


def test_a_missing_sound_device_is_a_calm_banner(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer, queue: FakeQueue
) -> None:
    banner = song_window.banners.sound
    player.problem = NoOutputDevice("No device.")
    qtbot.waitUntil(banner.isVisible)
    assert "There is no sound device." in banner.label.text()
    assert queue.is_watching
    qtbot.mouseClick(banner.action_button, LEFT)
    assert player.retries == 1
    queue.sound_devices_changed.emit([])
    assert player.retries == 1
    for _ in range(3):  # the queue tells every two seconds
        queue.sound_devices_changed.emit(["Speakers"])
    assert player.retries == 2
    queue.sound_devices_changed.emit(["Speakers", "Headphones"])
    assert player.retries == 3
    player.problem = None
    qtbot.waitUntil(lambda: not banner.isVisible())
    assert not queue.is_watching


def test_a_damaged_take_is_told_without_looking_for_devices(
    qtbot: QtBot, song_window: MainWindow, player: FakePlayer, queue: FakeQueue
) -> None:
    player.problem = CorruptAudio("The song's files are damaged.", hint="Make it again.")
    banner = song_window.banners.sound
    qtbot.waitUntil(banner.isVisible)
    assert banner.label.text() == "The song's files are damaged. Make it again."
    assert not banner.action_button.isVisible()
    assert not queue.is_watching


# -- removing


def test_delete_removes_and_undo_brings_back(
    qtbot: QtBot, song_window: MainWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    window = song_window
    first = library.all[0]
    window.songs_list.view.setFocus()
    key(qtbot, window, Qt.Key.Key_Delete)
    assert first not in library.all
    assert player.state is PlayerState.EMPTY
    assert page(window) is window.drop_area
    assert window.windowTitle() == "Karaoke Studio"
    assert window.banners.undo.label.text() == "“First” was removed."
    assert window.banners.undo.isVisible()
    key(qtbot, window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert first in library.all
    assert not window.banners.undo.isVisible()
    assert not window.commands["undo_action"].isEnabled()


def test_the_keyboard_does_not_go_to_a_button_when_the_list_goes(
    qtbot: QtBot, song_window: MainWindow, library: FakeLibrary
) -> None:
    window = song_window
    window.songs_list.view.setFocus()
    window.collection.remove([song.id for song in library.all])
    assert not window.songs_list.isVisible()
    assert window.focusWidget() is window.centralWidget()


def test_several_removals_are_undone_in_turn(
    qtbot: QtBot, song_window: MainWindow, library: FakeLibrary
) -> None:
    first, second, _ = library.all
    song_window.collection.remove([first.id])
    song_window.collection.remove([second.id])
    qtbot.mouseClick(song_window.banners.undo.action_button, LEFT)
    assert second in library.all
    assert first not in library.all
    song_window.commands["undo_action"].trigger()
    assert first in library.all


def test_the_undo_banner_goes_by_itself(
    qtbot: QtBot, song_window: MainWindow, library: FakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Banners, "UNDO_MS", 20)
    song_window.collection.remove([library.all[1].id])
    assert song_window.banners.undo.isVisible()
    qtbot.waitUntil(lambda: not song_window.banners.undo.isVisible())
    assert song_window.commands["undo_action"].isEnabled()


def test_removing_another_song_leaves_the_open_one(
    song_window: MainWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    song_window.collection.remove([library.all[1].id])
    assert song_window.song_view.title.text() == "First"
    assert player.state is PlayerState.PAUSED


# -- exporting


def open_export(qtbot: QtBot, window: MainWindow) -> ExportDialog:
    qtbot.mouseClick(window.toolbar.export_button, LEFT)
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    return dialog


def test_an_export_goes_to_the_queue_and_comes_back(
    qtbot: QtBot, song_window: MainWindow, queue: FakeQueue, desk: Desk, tmp_path: Path
) -> None:
    song_window.settings = Settings(theme="dark", export_folder=str(tmp_path / "out"))
    dialog = open_export(qtbot, song_window)
    assert dialog.heading.text() == "Export “First”"
    qtbot.mouseClick(dialog.start_button, LEFT)
    ((export_id, (song, output, stems)),) = queue.exports.items()
    assert (song.title, output.folder, stems) == (
        *("First", tmp_path / "out"),
        ("vocals", "instrumental"),
    )
    assert desk.saved[-1].export_folder == str(tmp_path / "out")
    queue.finish_export(export_id)
    assert dialog.outcome.text() == "2 files are in out."
    qtbot.mouseClick(dialog.show_button, LEFT)
    assert desk.folders == [tmp_path / "out" / "First (instrumental).flac"]
    dialog.close()


def test_a_closed_dialog_lets_its_export_go_on(
    qtbot: QtBot, song_window: MainWindow, queue: FakeQueue, desk: Desk, tmp_path: Path
) -> None:
    song_window.settings = Settings(theme="dark", export_folder=str(tmp_path))
    dialog = open_export(qtbot, song_window)
    qtbot.mouseClick(dialog.start_button, LEFT)
    (export_id,) = queue.exports
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: song_window.findChild(ExportDialog) is None)
    assert export_id in queue.exports
    queue.finish_export(export_id)
    banner = song_window.banners.export
    assert banner.isVisible()
    assert banner.label.text() == f"2 files are in {tmp_path.name}."
    qtbot.mouseClick(banner.action_button, LEFT)
    assert desk.folders[0].parent == tmp_path


def test_an_export_is_cancelled(qtbot: QtBot, song_window: MainWindow, queue: FakeQueue) -> None:
    dialog = open_export(qtbot, song_window)
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.mouseClick(dialog.close_button, LEFT)
    assert queue.exports == {}
    assert dialog.outcome.text() == "Cancelled. Nothing was written."
    dialog.close()


def test_ctrl_e_exports_the_chosen_song_when_none_is_open(
    qtbot: QtBot, open_window: OpenWindow, library: FakeLibrary
) -> None:
    library.add("Chosen")
    window = open_window()
    window.songs_list.view.setCurrentIndex(window.songs_list.shown.index(0, 0))
    key(qtbot, window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    assert dialog.heading.text() == "Export “Chosen”"
    dialog.close()


def test_several_songs_are_exported_together_and_stopped(
    qtbot: QtBot, open_window: OpenWindow, library: FakeLibrary, queue: FakeQueue, tmp_path: Path
) -> None:
    for name in ("A", "B", "C"):
        library.add(name)
    window = open_window()
    window.settings = Settings(export_folder=str(tmp_path / "out"))
    window.songs_list.view.setFocus()
    window.songs_list.view.selectAll()
    key(qtbot, window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    assert dialog.heading.text() == "Export 3 songs"
    qtbot.mouseClick(dialog.start_button, LEFT)
    in_order = [song.title for song, _, _ in queue.exports.values()]
    assert in_order == ["C", "B", "A"], "as the list shows them"
    queue.finish_export(next(iter(queue.exports)))
    assert dialog.outcome.text().startswith("Song 2 of 3 · 33 %")
    qtbot.mouseClick(dialog.close_button, LEFT)
    assert queue.exports == {}
    assert dialog.outcome.text() == "Cancelled. 2 files are in out."
    dialog.close()


# -- closing


def test_nothing_running_closes_without_a_question(
    open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    assert window.close()
    assert queue.stopped is False


@pytest.mark.parametrize(
    ("button", "kept"), [("close_keep_button", True), ("close_stop_button", False)]
)
def test_closing_while_songs_are_made_asks(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue, button: str, kept: bool
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3"), Path("b.mp3")])
    assert not window.close()
    question = window.findChild(CloseQuestion)
    assert question is not None
    assert question.question.text() == "2 songs are not finished yet."
    assert queue.stopped is None
    qtbot.mouseClick(question.findChild(QPushButton, button), LEFT)
    assert queue.stopped is kept
    assert not window.isVisible()


def test_the_window_closes_by_itself_when_all_is_done(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3")])
    window.close()
    question = window.findChild(CloseQuestion)
    assert question is not None
    qtbot.mouseClick(question.findChild(QPushButton, "close_wait_button"), LEFT)
    assert window.closing.is_waiting()
    assert queue.stopped is None
    queue.finish(queue.ids()[0])
    qtbot.waitUntil(lambda: queue.stopped is False)
    assert not window.isVisible()


def test_a_window_that_waits_for_its_end_may_stay(
    qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue
) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3")])
    window.close()
    question = window.findChild(CloseQuestion)
    assert question is not None
    qtbot.mouseClick(question.findChild(QPushButton, "close_wait_button"), LEFT)
    window.showNormal()
    window.banners.closing.acted.emit()
    assert not window.closing.is_waiting()
    queue.finish(queue.ids()[0])
    qtbot.wait(700)
    assert queue.stopped is None


def test_songs_of_a_crash_are_told_of(open_window: OpenWindow, queue: FakeQueue) -> None:
    window = open_window()
    queue.resumed.emit(3, False)
    assert not window.banners.notice.isVisible()
    queue.resumed.emit(3, True)
    assert "3 songs go on where they were" in window.banners.notice.label.text()


def test_closing_can_be_called_off(qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue) -> None:
    window = open_window()
    window.add_paths([Path("a.mp3")])
    window.close()
    window.close()
    (question,) = window.findChildren(CloseQuestion)
    qtbot.mouseClick(question.findChild(QPushButton, "close_back_button"), LEFT)
    qtbot.waitUntil(lambda: window.findChild(CloseQuestion) is None)
    assert window.isVisible()
    assert queue.stopped is None
    queue.cancel(queue.ids()[0])
    assert window.close()


# -- window


def test_the_theme_is_chosen_in_the_menu_and_saved(
    qtbot: QtBot, open_window: OpenWindow, desk: Desk
) -> None:
    window = open_window()
    assert window.commands["theme_dark_action"].isChecked()
    window.commands["theme_light_action"].trigger()
    assert window.look.tokens is theme.LIGHT
    qtbot.waitUntil(lambda: bool(desk.saved))
    assert desk.saved[-1].theme == "light"
    window.commands["theme_system_action"].trigger()
    window.close()
    assert desk.saved[-1].theme == "system"


def test_a_keyboards_own_keys_play(
    qtbot: QtBot, open_window: OpenWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    library.add("A")
    window = open_window()
    window.open_song(library.all[0].id)
    qtbot.keyClick(window, Qt.Key.Key_MediaPlay)
    assert player.state is PlayerState.PLAYING


def test_the_menu_opens_with_f10_and_with_a_click(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    key(qtbot, window, Qt.Key.Key_F10)
    assert window.menu.isVisible()
    window.menu.close()
    qtbot.mouseClick(window.toolbar.menu_button, LEFT)
    assert window.menu.isVisible()
    window.menu.close()


def test_f1_shows_every_key(qtbot: QtBot, open_window: OpenWindow) -> None:
    window = open_window()
    key(qtbot, window, Qt.Key.Key_F1)
    sheet = window.findChild(KeySheet)
    assert sheet is not None
    shown = {label.text() for label in sheet.findChildren(QWidget) if hasattr(label, "text")}
    wanted = {key.words.rstrip("…") for group in GROUPS.values() for key in group}
    assert wanted <= shown
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    assert not sheet.isVisible()


def test_no_key_means_two_things() -> None:
    keys = [name for group in GROUPS.values() for key in group for name in key.keys]
    assert len(keys) == len(set(keys))


def test_ctrl_q_closes(qtbot: QtBot, open_window: OpenWindow, queue: FakeQueue) -> None:
    window = open_window()
    key(qtbot, window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()
    assert queue.stopped is False


def test_sizes_are_remembered(
    qtbot: QtBot, desk: Desk, library: FakeLibrary, tmp_path: Path
) -> None:
    library.add("A", words=(Word(1.0, "One"),))

    def open_again() -> MainWindow:
        path = str(tmp_path / "window.ini")
        window = desk.open(geometry=QSettings(path, QSettings.Format.IniFormat))
        window.show()
        window.open_song(library.all[0].id)
        return window

    first = open_again()
    # The offscreen screen is 800 pixels wide: a restored window is cut to its minimum width.
    first.resize(900, 650)
    first.splitter.setSizes([180, 720])
    first.song_view.splitter.setSizes([200, 300])
    sizes = first.splitter.sizes(), first.song_view.splitter.sizes()
    first.close()
    again = open_again()
    assert again.height() == 650
    qtbot.waitUntil(lambda: (again.splitter.sizes(), again.song_view.splitter.sizes()) == sizes)


def test_damaged_sizes_do_no_harm(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "window.ini"
    path.write_text("[General]\nwindow=nonsense\nmain_splitter=@ByteArray(xx)\n")
    window = desk.open(geometry=QSettings(str(path), QSettings.Format.IniFormat))
    plain = desk.open()
    assert window.size() == plain.size().boundedTo(window.size())
    assert window.songs_list.width() > 0


def test_a_small_window_keeps_room_for_the_song(song_window: MainWindow) -> None:
    song_window.resize(900, 600)
    assert song_window.songs_list.width() < 100
    assert song_window.minimumSize().width() == 900
    song_window.resize(1280, 800)
    assert song_window.songs_list.width() == 280


def test_find_opens_a_folded_songs_list(qtbot: QtBot, song_window: MainWindow) -> None:
    song_window.resize(900, 600)
    key(qtbot, song_window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(song_window.songs_list.filter_box.hasFocus)
    assert song_window.songs_list.filter_box.isVisible()


def test_the_focus_stays_where_it_was_when_a_song_arrives(
    qtbot: QtBot, song_window: MainWindow, queue: FakeQueue
) -> None:
    song_window.songs_list.focus_filter()
    song_window.add_paths([Path("new.mp3")])
    (job_id,) = queue.ids()
    queue.start(job_id)
    queue.finish(job_id)
    assert song_window.songs_list.filter_box.hasFocus()


def test_a_damaged_library_is_told_in_a_banner(desk: Desk) -> None:
    window = desk.open()
    window.show()

    desk.shelf.problem = LibraryDamaged("The index of the library is broken.")
    window.collection.reload()
    assert window.banners.notice.label.text() == "The index of the library is broken."
    assert window.banners.notice.isVisible()


def test_a_new_take_of_the_open_song_is_loaded(
    song_window: MainWindow, library: FakeLibrary, player: FakePlayer
) -> None:
    library.all[0] = replace(library.all[0], take_id="take2")
    song_window.collection.reload()
    assert player.take is not None
    assert "take2" in str(player.take.stems["vocals"])


def test_the_window_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys, karaoke_studio.ui.main_window\n"
        "heavy = {'torch', 'demucs', 'librosa', 'av', 'scipy', 'soxr'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_key_and_tempo_are_shown_when_they_are_found(
    song_window: MainWindow, library: FakeLibrary, queue: FakeQueue
) -> None:
    song = library.all[0]
    assert queue.analysed == [song.id]
    library.all[0] = replace(song, analysis={"bpm": 92.3, "key": "D minor", "lufs": -9.0})
    queue.songs_changed.emit()
    view = song_window.song_view
    pills = [view._pills.itemAt(i).widget() for i in range(view._pills.count() - 1)]
    assert [pill.text() for pill in pills][:3] == ["0:30", "D minor", "92 BPM"]
