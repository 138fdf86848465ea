"""Clean up: the dialog's wishes go to the cleaner, what it made to the player and to files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from karaoke_studio.audio.tune import AS_RECORDED
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import OutputSpec
from karaoke_studio.jobs.cleaning import Cleaner, Trial
from karaoke_studio.library.songs import Song
from karaoke_studio.preparation.validation import Preparation
from karaoke_studio.preparing import NAME, Prepared
from karaoke_studio.settings import Settings
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.clean_dialog import CleanDialog
from karaoke_studio.ui.export_dialog import default_folder
from karaoke_studio.ui.faders import Faders
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.theme import Look
from karaoke_studio.walk import SONG_SUFFIXES


class Cleaning(QObject):
    """Opens the dialog, plays what it asks for, and gives the player back to the open song.

    Args:
        add_paths: makes karaoke of files.
    """

    def __init__(
        self,
        look: Look,
        cleaner: Cleaner,
        opened: OpenSong,
        listening: Listening,
        faders: Faders,
        settings: Callable[[], Settings],
        add_paths: Callable[[list[Path]], None],
        open_folder: Callable[[Path], None],
        action: QAction,
        banners: Banners,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._cleaner, self._window = look, cleaner, window
        self._opened, self._listening, self._faders = opened, listening, faders
        self._settings, self._add_paths, self._open_folder = settings, add_paths, open_folder
        self._banners = banners
        self.dialog: CleanDialog | None = None
        self._path: Path | None = None
        self._title = ""
        #: The recording that the player has.
        self._played: Path | None = None
        self._trial: Trial | None = None
        self._saved: Path | None = None
        self._adds = False
        #: What was open: song, frame, what of it was heard.
        self._before: tuple[Song | None, int, str] = (None, 0, "")
        action.triggered.connect(self.open)
        cleaner.progressed.connect(self._on_progressed)
        cleaner.tried.connect(self._on_tried)
        cleaner.saved.connect(self._on_saved)
        cleaner.failed.connect(self._on_failed)
        listening.playing_changed.connect(self._on_playing_changed)

    @Slot()
    def open(self) -> None:
        """Show the dialog, for the recording of the open song where there is one."""
        if self.dialog is not None:
            return
        if self._listening.live is not None:
            self._banners.notice.tell("Wait until the song that is open is made, then clean up.")
            return
        song = self._opened.song()
        self._listening.pause()
        self._before = song, self._listening.position_frames, self._listening.source
        dialog = self.dialog = CleanDialog(self._look, self._window)
        dialog.choose_requested.connect(self._on_choose)
        dialog.try_requested.connect(self._on_try)
        dialog.save_requested.connect(self._on_save)
        dialog.cancel_requested.connect(self._cleaner.cancel)
        dialog.hear_requested.connect(self._on_hear)
        dialog.play_requested.connect(self._listening.toggle)
        dialog.show_folder_requested.connect(self._on_show_folder)
        dialog.finished.connect(self._on_closed)
        self._path = self._trial = self._saved = self._played = None
        if song is not None and song.original_path is not None:
            self._choose(song.original_path, song.title)
        dialog.open()
        self._cleaner.start()

    def _choose(self, path: Path, title: str = "") -> None:
        """Take a recording; those of the library are called by their songs' titles."""
        self._path, self._title = path, title
        if self.dialog is not None:
            self.dialog.show_file(title or path.name)

    @Slot()
    def _on_choose(self) -> None:
        if self.dialog is None:
            return
        folder = self._path.parent if self._path else Path.home()
        chooser = QFileDialog(self.dialog, "Recording to clean up", str(folder))
        chooser.setObjectName("clean_chooser")
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.setOption(QFileDialog.Option.HideNameFilterDetails)
        endings = " ".join(f"*{suffix}" for suffix in sorted(SONG_SUFFIXES))
        chooser.setNameFilters([f"Recordings ({endings})", "All files (*)"])
        chooser.fileSelected.connect(self._on_chosen)
        chooser.open()

    @Slot(str)
    def _on_chosen(self, name: str) -> None:
        self._choose(Path(name))

    @Slot(object)
    def _on_try(self, wanted: Preparation) -> None:
        if self._path is not None:
            self._listening.pause()
            self._cleaner.try_out(self._path, wanted)

    @Slot(object, bool)
    def _on_save(self, wanted: Preparation, adds: bool) -> None:
        if self._path is not None:
            self._adds = adds
            chosen = self._settings().export_folder
            folder = Path(chosen) if chosen else default_folder()
            title = self._title.replace("{", "{{").replace("}", "}}")
            name = NAME.replace("{base}", title) if title else NAME
            self._cleaner.save(self._path, wanted, OutputSpec(folder, name=name))

    @Slot(float)
    def _on_progressed(self, share: float) -> None:
        if self.dialog is not None:
            self.dialog.show_progress(share)

    @Slot(object)
    def _on_tried(self, trial: Trial) -> None:
        if self.dialog is None:
            return
        self._trial = trial
        if self._played != self._path:
            self._played = self._path
            self._listening.open_files(trial.after)
            # it goes round, so that no end hands over to another song
            self._listening.set_loop(0, trial.after.frames)
            self._listening.set_source("original")
            self._listening.set_tune(AS_RECORDED)
        self.dialog.show_tried(trial)

    @Slot(object)
    def _on_saved(self, made: Prepared) -> None:
        self._saved = made.path
        if self._adds:
            self._add_paths([made.path])
        if self.dialog is not None:
            self.dialog.show_saved(made, adds=self._adds)

    @Slot(object)
    def _on_failed(self, error: KaraokeError) -> None:
        if self.dialog is not None:
            self.dialog.show_failure(error)

    @Slot(str)
    def _on_hear(self, name: str) -> None:
        if self._trial is not None:
            self._listening.go_on_with(getattr(self._trial, name))

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        if self.dialog is not None:
            self.dialog.show_playing(playing=playing)

    @Slot()
    def _on_show_folder(self) -> None:
        if self._saved is not None:
            self._open_folder(self._saved)

    @Slot()
    def _on_closed(self) -> None:
        self.dialog = None
        if self._trial is not None:
            self._give_back()
        self._trial = None
        self._cleaner.forget()

    def _give_back(self) -> None:
        song, frame, source = self._before
        if song is None:
            self._listening.unload()
            return
        self._listening.open(song)
        self._listening.set_source(source)
        self._listening.set_tune(self._faders.mix_of(song).tune)
        self._listening.seek(frame)
