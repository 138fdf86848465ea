"""The window: lays out the panels, and connects their wishes to queue and player."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings, QSize, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QIcon,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QMainWindow

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult
from karaoke_studio.jobs.desktop import Desktop
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.jobs.quiet_times import QuietTimes
from karaoke_studio.jobs.shelf import Shelf
from karaoke_studio.library.songs import Song, Word
from karaoke_studio.paths import DataFolder, data_folder, resource
from karaoke_studio.playback.player import Player
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text
from karaoke_studio.ui.actions import Actions, popup_below
from karaoke_studio.ui.adding import Adding
from karaoke_studio.ui.arrangement import SIDE_WIDTH, Arrangement
from karaoke_studio.ui.background import Background
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.beats import Beats
from karaoke_studio.ui.blind_test import BlindTests
from karaoke_studio.ui.closing import Closing
from karaoke_studio.ui.collection import Collection, Panels
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.drop_area import DragOverlay, DropArea
from karaoke_studio.ui.exports import Exports
from karaoke_studio.ui.faders import Faders
from karaoke_studio.ui.help import Help
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.live_listening import LiveListening
from karaoke_studio.ui.loudness import LoudnessMatch
from karaoke_studio.ui.making import Making
from karaoke_studio.ui.microphone import Microphones
from karaoke_studio.ui.models_page import ModelsDesk
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.places import HoldToCompare, Places
from karaoke_studio.ui.play_on import PlayOn
from karaoke_studio.ui.preferences import Preferences
from karaoke_studio.ui.queue_control import QueueControl
from karaoke_studio.ui.queue_panel import QueuePanel
from karaoke_studio.ui.recent import Recent
from karaoke_studio.ui.region import Region
from karaoke_studio.ui.sizes import Sizes
from karaoke_studio.ui.song_in_work import SongInWork
from karaoke_studio.ui.song_view import SongView
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.sound_devices import SoundDevices
from karaoke_studio.ui.sound_watch import SoundWatch
from karaoke_studio.ui.split_quality import SplitQuality
from karaoke_studio.ui.status_bar import Status, StatusBar
from karaoke_studio.ui.stem_drag import StemDrag
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline_choices import TimelineChoices
from karaoke_studio.ui.toolbar import Toolbar
from karaoke_studio.ui.wide_desk import WideDesk
from karaoke_studio.ui.wide_list import WideList

if TYPE_CHECKING:
    from karaoke_studio.ui.fixing import Fixing

MINIMUM_WIDTH, MINIMUM_HEIGHT = 900, 600
#: Below this width the songs list starts as covers only.
_NARROW = 1000
#: Actions that need a song.
_SONG_ACTIONS = (
    *("export_action", "folder_action", "remove_action"),
    *("favourite_action", "details_action"),
)
_SAVE_MS = 500


def show_in_folder(path: Path) -> None:
    """Open the folder of a file (or a folder itself) in the system's file manager."""
    folder = path if path.is_dir() else path.parent
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class MainWindow(QMainWindow):
    """The one window.

    Args:
        queue: makes and exports songs.
        player: plays them.
        shelf: finds and changes songs of the library.
        words: reads the words of a song.
        settings: what the person chose.
        save_settings: writes changed settings; returns at once.
        demo_song: the file behind "Try the demo song".
        geometry: remembers sizes; None = nothing is remembered.
        open_folder: shows a file's folder in the system's file manager.
        data: where everything is kept; None = the system's place.
        desktop: is told of progress and of ends; None = nobody is.

    Thread: GUI. Nothing here waits: files are read by `Disk`, songs are made by the queue.
    """

    def __init__(
        self,
        queue: JobQueue,
        player: Player,
        shelf: Shelf,
        words: Callable[[Song], tuple[Word, ...]],
        settings: Settings,
        save_settings: Callable[[Settings], None],
        demo_song: Path,
        geometry: QSettings | None = None,
        open_folder: Callable[[Path], None] = show_in_folder,
        data: DataFolder | None = None,
        desktop: Desktop | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self._queue, self._shelf = queue, shelf
        self._write_settings = save_settings
        self._sizes, self._open_folder = Sizes(geometry), open_folder
        self._is_narrow = self._was_shown = False
        self._may_close = self._keeps_queue = self._has_ended = False
        self.look = Look(settings.theme, self)
        self.disk = Disk(self)
        self._build()
        self.adding = Adding(
            queue, self.overlay, demo_song, lambda paths: self.recent.remember(paths), self
        )
        self.listening = Listening(player, self)
        self.opened = OpenSong(
            self.listening, self.song_view, self.songs_list, words, self._song, self
        )
        self.live = LiveListening(self.song_in_work, self.opened, self.listening, self)
        self.exports = Exports(
            self.look, queue, self.banners, open_folder, self, lambda song: self.faders.mix_of(song)
        )
        keep = queue.keep_mix
        self.faders = Faders(self.opened, self.listening, self.song_view, keep, self)
        strip, keep_setting = self.song_view.mixer, self.change_setting
        strip.set_open(is_open=self.settings.mixer_open)
        strip.opened_changed.connect(self._on_mixer_opened)
        heard = (self.opened, self.listening, self.song_view, self.faders)
        self.beats = Beats(*heard, self.commands, self.settings, keep_setting, self)
        self.places = Places(
            *heard,
            self.beats,
            self,
            counts_in=self.settings.count_in,
            change=self.change_setting,
        )
        self._region = region = Region(
            *(self.opened, self.listening, self.song_view, self.places),
            lambda song, part: self.exports.open_region(song, self.settings, part),
            self,
        )
        HoldToCompare(self.opened, self.listening, self)
        self.split_quality = SplitQuality(
            self.look, self.opened, self.listening, self.song_view, self
        )
        self.sound_devices = SoundDevices(
            self.settings, self.listening, queue, strip, keep_setting, self
        )
        self.loudness = LoudnessMatch(
            self.settings.match_loudness, self.opened, self.listening, strip, keep_setting, self
        )
        BlindTests(
            self.look, self.opened, self.listening, self.loudness, shelf, self.commands, self
        )
        self.microphones = Microphones(self.look, self.commands, self)
        self.play_on = PlayOn(
            self.settings.plays_on,
            self.opened,
            self.listening,
            self.loudness,
            self.opened.following,
            self.faders.mix_of,
            self,
        )
        plays_on = self.commands["plays_on_action"]
        plays_on.setChecked(self.settings.plays_on)
        plays_on.toggled.connect(self._on_plays_on)
        self.stem_drag = StemDrag(
            self.look,
            self.song_view.timeline,
            queue,
            self.banners,
            self.opened.song,
            lambda: self.settings,
            (data or data_folder()).cache / "dragged",
            self,
        )
        self.sound_watch = SoundWatch(self.listening, queue, self.banners, self)
        data = data or data_folder()
        self.help = Help(self.look, data, self.banners, open_folder, self)
        self.models = ModelsDesk(self.look, queue.models, queue.expected_s, self.banners, self)
        self.preferences = Preferences(
            self.look,
            data,
            lambda: self.settings,
            self.change_setting,
            open_folder,
            queue,
            self.help,
            self,
        )
        self.recent = Recent(
            self.commands.recent,
            lambda: self.settings.recent_files,
            lambda files: self.change_setting("recent_files", files),
            self.add_paths,
        )
        self.collection = Collection(
            shelf,
            queue,
            Panels(
                self.look,
                self.disk,
                self.songs_list,
                self.banners,
                self.opened,
                self.listening,
            ),
            self,
        )
        region.add("Fix this bit…", "fix_region_action", lambda: self.fixing.open())
        self.split_quality.fix_requested.connect(lambda *stretch: self.fixing.fix(*stretch))
        self.wide = WideDesk(
            self.wide_list,
            self.songs_list,
            self.commands["table_action"],
            self.settings,
            self.change_setting,
            self,
        )
        self.wide.turned.connect(self._arrange)
        self._connect_panels()
        self._connect_actions()
        self._connect_queue()
        self.closing = Closing(self.look, queue, self.banners, self.close_now, self)
        self.quiet = QuietTimes(lambda: self.settings, self)
        self.quiet.changed.connect(queue.rest)
        self.queue_control = QueueControl(queue, self.queue_panel, self.change_setting, self)
        self.making = Making(
            queue,
            self.toolbar,
            self.queue_panel,
            lambda: self.settings,
            self.change_setting,
            self,
        )
        self.status = Status(
            self.status_bar, data.library, lambda: player.device, self.making.speed, self
        )
        self.making.shown.connect(self.status.tell)
        queue.songs_changed.connect(self.status.look)
        self.background = Background(queue, self, desktop or Desktop(""))
        self.making.more_requested.connect(self._on_more_choices)
        self.making.models_requested.connect(self.open_models)
        queue.models.models_changed.connect(self.making.look_for_models)
        self.collection.reload()
        self._sizes.restore_window(self)
        self._arrange()

    # -- building

    @cached_property
    def fixing(self) -> Fixing:
        """The panel for a stretch, built when it is first wanted."""
        from karaoke_studio.ui.fixing import Fixing

        return Fixing(
            *(self.look, self.opened, self.listening, self.song_view, self._region),
            *(self.collection, self._queue),
            lambda: [name for name, _ in self.queue_panel.engines],
            lambda: self.settings.spectrogram_scale,
            self,
        )

    def _build(self) -> None:
        self.setObjectName("main_window")
        self.setWindowTitle(text.APP_NAME)
        self.setWindowIcon(QIcon(str(resource("icons/karaoke-studio.svg"))))
        self.setMinimumSize(MINIMUM_WIDTH, MINIMUM_HEIGHT)
        # The frame of the window needs some room too.
        room = self.screen().availableSize() - QSize(0, 48)
        self.resize(QSize(1280, 800).boundedTo(room).expandedTo(self.minimumSize()))
        self.setAcceptDrops(True)
        self.toolbar = Toolbar(self.look)
        self.banners = Banners(self.look)
        self.songs_list = SongsList(self.look, self.disk, self._shelf.folder)
        self.wide_list = WideList(self.look, self.disk, self._shelf.folder, self.songs_list)
        self.drop_area = DropArea(self.look)
        self.song_view = SongView(self.look, self.disk, self.settings.volume)
        self.queue_panel = QueuePanel(self.look, self.disk)
        self.status_bar = StatusBar(self.look)
        self.song_in_work = SongInWork(self.look, self.disk, self._queue, self.settings.volume)
        self.arrangement = Arrangement(
            self.toolbar,
            self.banners,
            self.songs_list,
            self.drop_area,
            self.song_view,
            self.song_in_work,
            self.queue_panel,
            self.status_bar,
            self.wide_list,
            self,
        )
        self.middle, self.splitter = self.arrangement.middle, self.arrangement.splitter
        self.setCentralWidget(self.arrangement.page)
        self.arrangement.page.setFocus()
        self.overlay = DragOverlay(self.look, self)
        self.commands = Actions(self)
        self.menu = self.commands.build_menu()
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(_SAVE_MS)

    def _connect_panels(self) -> None:
        self.toolbar.add_button.clicked.connect(self.adding.choose_files)
        self.toolbar.export_button.clicked.connect(self._on_export)
        self.toolbar.menu_button.clicked.connect(self._on_menu)
        self.drop_area.add_requested.connect(self.adding.choose_files)
        self.drop_area.demo_requested.connect(self.adding.add_demo)
        songs = self.songs_list
        songs.open_requested.connect(self.open_song)
        songs.play_requested.connect(self._on_play_song)
        songs.export_requested.connect(self._on_export_songs)
        songs.show_folder_requested.connect(self._on_show_song_folder)
        self.collection.filled.connect(self._arrange)
        self.collection.undo_changed.connect(self._on_undo_changed)
        self.opened.changed.connect(self._on_opened)
        # Elsewhere Escape has other things to do.
        self.commands["clear_loop_action"].setEnabled(False)
        self.opened.stretch_chosen.connect(self.commands["clear_loop_action"].setEnabled)
        self.listening.set_volume(self.settings.volume)
        self.listening.set_filling(on=self.settings.fill_unsplit)
        for transport in (self.song_view.transport, self.song_in_work.transport):
            transport.volume_changed.connect(self._on_volume_changed)
        self._save_timer.timeout.connect(self._save)
        self.exports.choices_changed.connect(self._on_export_choices)

    def _connect_actions(self) -> None:
        answers: dict[str, Callable[[], None]] = {
            "add_action": self.adding.choose_files,
            "find_action": self._on_find,
            "undo_action": self.collection.undo,
            "favourite_action": self.collection.toggle_favourites,
            "details_action": self.collection.edit_chosen,
            "export_action": self._on_export,
            "folder_action": self._on_show_current_folder,
            "remove_action": self._on_remove_current,
            "play_action": self.live.toggle,
            **self.opened.answers(),
            "guide_action": self.song_view.mixer.toggle_guide,
            "mute_action": self.song_view.transport.toggle_mute,
            **self.live.tune_answers(self.song_view.mixer.tune),
            **self._timeline_answers(),
            "menu_action": self._on_menu,
            "models_action": self.open_models,
            "settings_action": self._on_settings,
            "keys_action": self.help.show_keys,
            "logs_action": self.help.show_logs,
            "diagnosis_action": self.help.copy_diagnosis,
            "about_action": self.help.show_about,
            "full_screen_action": self._on_full_screen,
            "quit_action": self._on_quit,
        }
        for name, answer in answers.items():
            self.commands[name].triggered.connect(answer)
        self.commands[f"theme_{self.look.choice}_action"].setChecked(True)
        self.commands.themes.triggered.connect(self._on_theme)
        self.timeline_choices = TimelineChoices(
            self.commands,
            self.song_view,
            self.settings,
            self.change_setting,
            self.banners,
            self,
        )

    def _timeline_answers(self) -> dict[str, Callable[[], None]]:
        timeline = self.song_view.timeline
        return {
            "zoom_in_action": timeline.zoom_in,
            "zoom_out_action": timeline.zoom_out,
            "whole_action": timeline.show_whole,
            "page_back_action": timeline.page_back,
            "page_on_action": timeline.page_on,
            "loop_action": self.opened.toggle_loop,
            "clear_loop_action": self.opened.clear_loop,
            "keep_action": self.places.keep,
        }

    def _connect_queue(self) -> None:
        queue = self._queue
        self.song_view.spectrogram_requested.connect(self._on_spectrogram_requested)
        queue.spectrogram_ready.connect(self.song_view.read_spectrogram)
        queue.job_finished.connect(self._on_job_finished)
        queue.job_failed.connect(self._on_job_failed)
        queue.resumed.connect(self._on_resumed)
        self.queue_panel.filled_changed.connect(self._arrange)
        self.song_in_work.changed.connect(self._arrange)
        # later: the song that was made opens in this turn, and the queue would move twice
        self.song_in_work.ended.connect(self._arrange, Qt.ConnectionType.QueuedConnection)
        self.queue_panel.show_requested.connect(self.song_in_work.watch)

    # -- arranging

    @Slot()
    def _arrange(self) -> None:
        """Put the panels where they belong, and allow what can be done now."""
        song_open = self.opened.song() is not None
        work = self.song_in_work
        making = work.is_filled() and (not song_open or work.was_watched(work.job_id()))
        if work.is_filled() and not making:
            self.live.leave()
        self.arrangement.arrange(song_open=song_open, making=making, wide=self.wide.is_on())
        has_songs = bool(self.songs_list.total())
        for name in _SONG_ACTIONS:
            self.commands[name].setEnabled(has_songs)
        for name in self._timeline_answers().keys() - {"clear_loop_action"}:
            self.commands[name].setEnabled(song_open)
        self.commands["undo_action"].setEnabled(self.collection.can_undo())

    def focusNextPrevChild(self, forwards: bool) -> bool:  # noqa: N802
        """Give the focus of what has been hidden to nobody: the next Space is not a button's."""
        focused, ground = self.focusWidget(), self.centralWidget()
        if ground is not None and focused is not None and not focused.isVisible():
            ground.setFocus()
            return True
        return super().focusNextPrevChild(forwards)

    def showEvent(self, event: QShowEvent) -> None:
        """Divide the panels as they were, once they have their width."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            self._sizes.restore_splitters(self.arrangement.splitters())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the room to the song where there is little."""
        super().resizeEvent(event)
        self.overlay.setGeometry(self.rect())
        self.status_bar.fit(self.width(), self.height())
        narrow = self.width() < _NARROW
        if narrow != self._is_narrow:
            self._is_narrow = narrow
            self.arrangement.show_side(self.width(), narrow=narrow)

    def come_forward(self) -> None:
        """Show the window above the others, as when the program is started once more."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # -- adding

    def add_paths(self, paths: list[Path]) -> None:
        """Make karaoke of files and folders."""
        self.adding.add_paths(paths)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Say what dropping would do."""
        self.adding.enter(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Follow the hand."""
        self.adding.follow(event)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Turn the light off."""
        self.adding.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        self.adding.drop(event)

    # -- songs

    def _song(self, song_id: str) -> Song | None:
        return self.collection.song(song_id)

    @Slot(str)
    def open_song(self, song_id: str) -> None:
        """Show a song, paused at its start; the one that is open stays where it is."""
        if song := self._song(song_id):
            self.song_in_work.leave()
            self.live.leave()
            self.opened.open(song)

    @Slot(str)
    def _on_play_song(self, song_id: str) -> None:
        if song := self._song(song_id):
            self.song_in_work.leave()
            self.live.leave()
            self.opened.play(song)

    @Slot()
    def _on_opened(self) -> None:
        song = self.opened.song()
        if song is not None:
            self._queue.request_analysis(song.id)
        self.making.set_song_length(song.duration_s if song else None)
        self.background.show_song(song.title if song else "")
        self._arrange()

    @Slot(str)
    def _on_undo_changed(self, what: str) -> None:
        undo = self.commands["undo_action"]
        undo.setEnabled(bool(what))
        undo.setText(f"Undo {what}".rstrip())

    def _current_song(self) -> Song | None:
        """Return the song that is open, else the one chosen in the list."""
        return self.opened.song() or self._song(self.songs_list.view.current_id())

    @Slot()
    def _on_remove_current(self) -> None:
        if song := self._current_song():
            self.collection.remove([song.id])

    @Slot()
    def _on_show_current_folder(self) -> None:
        if song := self._current_song():
            self._open_folder(song.folder)

    @Slot(str)
    def _on_show_song_folder(self, song_id: str) -> None:
        if song := self._song(song_id):
            self._open_folder(song.folder)

    @Slot()
    def _on_export(self) -> None:
        self._on_export_songs(self.collection.chosen())

    @Slot(object)
    def _on_export_songs(self, song_ids: list[str]) -> None:
        if songs := [song for song_id in song_ids if (song := self._song(song_id))]:
            self.exports.open(songs, self.settings)

    @Slot()
    def _on_find(self) -> None:
        if self.songs_list.width() < SIDE_WIDTH:
            self.arrangement.show_side(self.width(), narrow=False)
        self.songs_list.focus_filter()

    # -- the queue's facts

    @Slot(object, str, bool)
    def _on_spectrogram_requested(self, song: Song, source: str, anew: bool) -> None:
        self._queue.request_spectrogram(song, source, anew=anew)

    @Slot(str, object)
    def _on_job_finished(self, job_id: str, result: JobResult) -> None:
        self._announce(f"{result.title} is ready")
        was_heard = self.live.is_heard
        wanted = (
            was_heard
            or self.opened.song() is None
            or (self.song_in_work.was_watched(job_id) and not self.listening.is_playing)
        )
        song = self._song(result.song_id) if result.song_id and wanted else None
        if song is not None:
            if was_heard:
                self.faders.take_tune(song, self.song_in_work.tune.tune)
            self.opened.open(song, goes_on=was_heard)
            self.song_in_work.leave()
            self.song_view.transport.play_button.pulse()
        self.song_in_work.forget_live()

    @Slot(str, object)
    def _on_job_failed(self, _job_id: str, error: KaraokeError) -> None:
        self._announce(error.message)

    @Slot(int, bool)
    def _on_resumed(self, songs: int, crashed: bool) -> None:
        if words := text.resumed(songs, crashed=crashed):
            self.banners.notice.tell(words, for_ms=Banners.UNDO_MS)

    def _announce(self, words: str) -> None:
        """Tell a screen reader."""
        if QAccessible.isActive():
            event = QAccessibleAnnouncementEvent(self, text.one_line(words))
            QAccessible.updateAccessibility(event)

    # -- settings

    @Slot(float)
    def _on_volume_changed(self, volume: float) -> None:
        self.listening.set_volume(volume)
        for transport in (self.song_view.transport, self.song_in_work.transport):
            transport.set_volume(volume)
        self.settings = replace(self.settings, volume=volume)
        self._save_timer.start()

    def change_setting(self, field: str, value: Any) -> None:
        """Keep a changed setting and let it act at once where it has something to act on."""
        self.settings = replace(self.settings, **{field: value})
        self._save_timer.start()
        self._queue.use(self.settings)
        self.making.follow(field)
        self.quiet.look()
        self.timeline_choices.follow(field, value)
        self.status.tell()
        if field == "theme":
            self.look.choose(value)
            self.commands[f"theme_{value}_action"].setChecked(True)
        elif field == "sound_device":
            self.sound_devices.follow(value)
        elif field in {"sound_latency", "sound_exclusive"}:
            self.sound_devices.open_as(self.settings)
        elif field == "match_loudness":
            self.loudness.turn(on=value)
        elif field == "plays_on":
            self.play_on.turn(on=value)
            self.commands["plays_on_action"].setChecked(value)
        elif field == "fill_unsplit":
            self.listening.set_filling(on=value)

    @Slot(bool)
    def _on_plays_on(self, is_on: bool) -> None:
        if is_on != self.settings.plays_on:
            self.change_setting("plays_on", is_on)

    @Slot(bool)
    def _on_mixer_opened(self, is_open: bool) -> None:
        self.change_setting("mixer_open", is_open)

    @Slot(object)
    def _on_export_choices(self, chosen: Settings) -> None:
        # other settings may have changed since the dialog was opened
        exports = {
            name: value for name, value in vars(chosen).items() if name.startswith("export_")
        }
        self.settings = replace(self.settings, **exports)
        self._queue.use(self.settings)
        self._save()

    @Slot()
    def _on_theme(self) -> None:
        self.change_setting("theme", str(self.commands.themes.checkedAction().data()))

    @Slot()
    def _save(self) -> None:
        self._write_settings(self.settings)

    # -- menu

    @Slot()
    def _on_menu(self) -> None:
        popup_below(self.menu, self.toolbar.menu_button)

    @Slot()
    def _on_more_choices(self) -> None:
        self.preferences.open("advanced")

    @Slot()
    def _on_settings(self) -> None:
        self.preferences.open()

    @Slot()
    def open_models(self) -> None:
        """Show the models and what can be done with them."""
        self.models.open()

    @Slot()
    def _on_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    @Slot()
    def _on_quit(self) -> None:
        self.close()

    # -- closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask while songs are being made; then end in order."""
        if not self._may_close and self._queue.is_busy():
            event.ignore()
            songs = self.queue_panel.unfinished()
            self.closing.ask(songs, exporting=self.exports.is_running())
            return
        event.accept()
        self._end()

    @Slot(bool)
    def close_now(self, keep: bool) -> None:
        """Close without asking; with `keep`, unfinished songs are made at the next start."""
        self._may_close, self._keeps_queue = True, keep
        self.close()

    def _end(self) -> None:
        """Hide at once; then stop what runs."""
        if self._has_ended:
            return
        self._has_ended = True
        self.preferences.close()
        self.quiet.close()
        self.help.close()
        self.making.close()
        self.status.close()
        self.background.close()
        self.microphones.close()
        if self._save_timer.isActive():
            self._save_timer.stop()
            self._save()
        self._sizes.keep(self, self.arrangement.splitters())
        self.hide()
        self.listening.close()
        self.faders.flush()
        self.stem_drag.close()
        self._queue.stop(self._keeps_queue)
        self.disk.close()
