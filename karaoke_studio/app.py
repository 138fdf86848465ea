"""The composition root of the window: builds the parts, connects them, starts, closes in order."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

os.environ.setdefault("QT_API", "pyside6")

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from karaoke_studio import __version__
from karaoke_studio.awake import Awake
from karaoke_studio.errors import EXIT_FAILED, EXIT_OK, KaraokeError, LibraryError, error_from_os
from karaoke_studio.jobs.cleaning import Cleaner
from karaoke_studio.jobs.desktop import Desktop, session_address
from karaoke_studio.jobs.instance import Instance
from karaoke_studio.jobs.keeper import Keeper
from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.jobs.moving import Mover
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.jobs.shelf import Shelf
from karaoke_studio.jobs.tuning import Tuning
from karaoke_studio.jobs.watch_folder import WatchFolder
from karaoke_studio.library.move import PlannedMove
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.log import keep_names, log_uncaught, start_logging
from karaoke_studio.meter import Speeds
from karaoke_studio.paths import DataFolder, data_folder, resource
from karaoke_studio.pipeline import Surroundings
from karaoke_studio.playback.player import Player
from karaoke_studio.settings import load_settings, save_settings
from karaoke_studio.ui import messages
from karaoke_studio.ui.cleaning import Cleaning
from karaoke_studio.ui.crash import Crashes
from karaoke_studio.ui.file_opener import FileOpener
from karaoke_studio.ui.library_tools import LibraryTools
from karaoke_studio.ui.main_window import MainWindow, show_in_folder
from karaoke_studio.ui.move_dialogs import LibraryGone, MoveWindow
from karaoke_studio.ui.theme import Look
from karaoke_studio.worker.host import Workers

if TYPE_CHECKING:
    from karaoke_studio.ui.mpris import Mpris

log = logging.getLogger(__name__)

DEMO_SONG = "demo/demo.opus"
#: How often Python gets a turn to notice Ctrl-C while Qt's loop runs.
_SIGNAL_POLL_MS = 200


class Studio(QObject):
    """All parts of one running window.

    Thread: GUI.
    """

    def __init__(self, data: DataFolder) -> None:
        """Open the library and build the parts.

        Raises:
            KaraokeError: the library cannot be opened.
        """
        super().__init__()
        self.data = data
        self.writer = LibraryWriter(data.library)
        self.library = SongLibrary(data.library)
        self.shelf = Shelf(self.writer, self)
        self.workers = Workers.create(data.logs)
        around = Surroundings(self.workers, speeds=Speeds(data.speeds_file), data=data.root)
        settings = load_settings(data.settings_file)
        self.keeper = Keeper(data.settings_file, self)
        self.queue = JobQueue(around, self.writer, data.cache, self, settings)
        self.player = Player()
        self.awake = Awake()
        self._has_ended = False
        self._mpris: Mpris | None = None
        #: Another library was chosen: the window opens again with it.
        self.opens_again = False
        #: The library shall move here after the window has closed.
        self.planned_move: PlannedMove | None = None
        self.window = MainWindow(
            queue=self.queue,
            player=self.player,
            shelf=self.shelf,
            words=self.library.words,
            settings=settings,
            save_settings=self.keeper.keep,
            demo_song=resource(DEMO_SONG),
            geometry=QSettings(str(data.root / "window.ini"), QSettings.Format.IniFormat),
            data=data,
            desktop=Desktop(session_address()),
        )
        window = self.window
        self.care = LibraryCare(self.writer, data, self)
        self.tools = LibraryTools(
            window.look,
            self.care,
            window.collection,
            lambda: window.settings,
            window.change_setting,
            show_in_folder,
            window,
        )
        self.cleaner = Cleaner(data.cache / "cleaned", data.logs, self)
        self.cleaning = Cleaning(
            *(window.look, self.cleaner, window.opened, window.listening, window.faders),
            *(lambda: window.settings, self.queue.add_paths, show_in_folder),
            *(window.commands["clean_action"], window.banners, window),
        )
        self.watch = WatchFolder(lambda: window.settings, data.watch_journal, self)
        self.watch.arrived.connect(self._on_songs_arrived)
        window.commands["library_action"].triggered.connect(self._on_library_wanted)
        self.window.preferences.move_confirmed.connect(self._on_move_confirmed)
        self.window.preferences.library_chosen.connect(self._on_library_chosen)
        for changed in (
            self.queue.job_started,
            self.queue.job_finished,
            self.queue.job_failed,
            self.queue.job_cancelled,
            self.queue.paused_changed,
        ):
            changed.connect(self._on_work_changed)
        self.window.listening.playing_changed.connect(self._on_work_changed)
        self.tuning = Tuning(self.queue.plan, self._is_resting, data.root, self)
        self.window.listening.playing_changed.connect(self.tuning.look)

    def _is_resting(self) -> bool:
        """Whether measuring would disturb nobody, and be disturbed by nothing."""
        return not (self._has_ended or self.queue.is_working() or self.window.listening.is_playing)

    def show_faults(self) -> None:
        """Show what nobody caught in a dialog."""
        crashes = Crashes(self.window.look, self.window)
        crashes.folder_requested.connect(self._on_logs_wanted)
        crashes.quit_requested.connect(self._on_quit_wanted)
        log_uncaught(crashes.report)

    @Slot(object)
    def _on_songs_arrived(self, songs: list[Path]) -> None:
        self.queue.add_paths(songs)

    @Slot()
    def _on_library_wanted(self) -> None:
        self.tools.open()

    @Slot()
    def _on_logs_wanted(self) -> None:
        show_in_folder(self.data.logs)

    @Slot()
    def _on_quit_wanted(self) -> None:
        self.window.close_now(keep=True)

    @Slot(object)
    def _on_move_confirmed(self, move: PlannedMove) -> None:
        self.planned_move = move
        self.window.close_now(keep=True)

    @Slot(str)
    def _on_library_chosen(self, folder: str) -> None:
        self.opens_again = True
        self.window.change_setting("library_folder", folder)
        self.window.close_now(keep=True)

    @Slot()
    def _on_work_changed(self) -> None:
        """Keep the computer awake while songs are made or played."""
        is_busy = self.queue.is_working() or self.window.listening.is_playing
        if is_busy and not self._has_ended:
            self.awake.hold()
        else:
            self.awake.release()
        self.tuning.look()

    @Slot(object)
    def _on_files_received(self, files: list[Path]) -> None:
        self.window.come_forward()
        self.window.add_paths(files)

    def take_files_from(self, instance: Instance, opener: FileOpener) -> None:
        """Add what a second start hands over, and what the system wants opened."""
        instance.files_received.connect(self._on_files_received)
        opener.files_opened.connect(self._on_files_received)

    def begin(self, files: list[Path]) -> None:
        """Go on where the last run stopped, and add the files of this start."""
        self.queue.resume()
        if self.writer.refusal is not None:
            self.window.banners.notice.tell(messages.library_failure(self.writer.refusal).sentence)
        self._join_desktop()
        self.window.preferences.settle_move()
        self.window.add_paths(files)
        self.care.begin(self.window.settings.keep_drafts_days)
        self.window.quiet.start()
        self.watch.start()
        self.tuning.look()

    def _join_desktop(self) -> None:
        """Let the desktop see and steer the player, where it has a bus."""
        if sys.platform == "linux":
            from karaoke_studio.ui.mpris import Mpris, session_bus

            bus = session_bus()
            if bus is not None:
                self._mpris = Mpris(bus, self.window)

    def close(self) -> None:
        """End everything, the library last."""
        if self._mpris is not None:
            self._mpris.close()
        self._has_ended = True
        self.awake.release()
        self.tuning.close()
        self.watch.close()
        self.tools.close()
        self.cleaner.close()
        # the window has done so where it was closed by a person
        self.queue.stop(keep=True)
        self.player.close()
        self.keeper.close()
        self.workers.close()
        self.shelf.close()
        self.library.close()
        self.writer.close()
        # Window and callbacks are a cycle; the collector, which runs in any thread, would delete
        # their Qt halves from there (a crash in Shiboken's runDeletionInMainThread).
        for part in (self.window, self):
            part.deleteLater()
            QCoreApplication.sendPostedEvents(part, QEvent.Type.DeferredDelete)


def run_window(files: list[Path], *, smoke: bool = False) -> int:
    """Open the window, run it until it is closed, and return the exit status.

    Args:
        files: songs to add at once.
        smoke: paint the window once, then quit (for tests and packages).
    """
    data = data_folder()
    try:
        data.create()
    except OSError as exc:
        return _refuse(error_from_os(exc, data.root, writing=True))
    start_logging(data.logs / "window.log")
    keep_names(load_settings(data.settings_file).log_names)
    log_uncaught()
    application = QApplication(sys.argv[:1])
    application.setApplicationName("karaoke_studio")
    application.setApplicationDisplayName("Karaoke Studio")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("karaoke-studio")
    instance = Instance(data.root)
    if not instance.claim():
        if smoke or instance.hand_over(files):
            return EXIT_OK
        return _refuse(KaraokeError("Karaoke Studio is running already, but does not answer."))
    try:
        return _run(data, instance, FileOpener(application), files, smoke=smoke)
    except KaraokeError as exc:
        return _refuse(exc)
    finally:
        instance.release()


def _run(
    data: DataFolder, instance: Instance, opener: FileOpener, files: list[Path], *, smoke: bool
) -> int:
    # short turns for Python threads: the sound's feeder never waits long for the window
    sys.setswitchinterval(0.001)
    while (located := _find_library(data)) is not None:
        studio = Studio(located)
        code = _show(studio, instance, opener, files, smoke=smoke)
        if studio.opens_again:
            files = []
            continue
        if studio.planned_move is None:
            return code
        handed_over, goes_on = _move_library(data, studio.planned_move, instance)
        if not goes_on:
            return EXIT_OK
        files = handed_over
    return EXIT_OK


def _find_library(data: DataFolder) -> DataFolder | None:
    """Return the data folder with the library's place in it; None: the person wants to quit.

    Raises:
        LibraryError: the library is on a disk that is not there, and nobody can be asked.
    """
    settings = load_settings(data.settings_file)
    own = Path(settings.library_folder) if settings.library_folder else None
    # a disk that is not connected may have left the empty folder that it is seen in
    while own is not None and not (own.is_dir() and any(own.iterdir())):
        if not _can_ask():
            raise LibraryError(
                f"The library in {own} is not there.", hint="Connect the disk that it is on."
            )
        question = LibraryGone(Look(settings.theme), own)
        question.exec()
        if question.answer == "quit":
            return None
        if question.answer == "default":
            own = None
    return replace(data, own_library=own)


def _show(
    studio: Studio, instance: Instance, opener: FileOpener, files: list[Path], *, smoke: bool
) -> int:
    """Run the window until it is closed, and return the exit status."""
    try:
        studio.take_files_from(instance, opener)
        studio.show_faults()
        _quit_on_signals(studio.window, lambda: studio.window.close_now(keep=True))
        studio.window.show()
        if smoke:
            studio.window.grab()
            QTimer.singleShot(0, studio.window.close)
        else:
            studio.begin(files)
            opener.listen()
        # what is there now stays: the collector never walks it again in the middle of a song
        gc.collect()
        gc.freeze()
        return QApplication.exec()
    finally:
        opener.pause()
        log_uncaught()  # there is no window to show faults in any more
        studio.close()


def _move_library(
    data: DataFolder, move: PlannedMove, instance: Instance
) -> tuple[list[Path], bool]:
    """Move the library, which is closed; return files handed over meanwhile, and whether to go on.

    What is no longer needed is removed when the window is there again (`Studio.begin`).
    """
    settings = load_settings(data.settings_file)

    def switch(moved: PlannedMove) -> None:
        save_settings(replace(settings, library_folder=str(moved.new)), data.settings_file)

    handed_over: list[Path] = []
    collecting = instance.files_received.connect(handed_over.extend)
    mover = Mover(data.move_journal)
    window = MoveWindow(Look(settings.theme), mover, move, switch)
    # its end is not the program's
    QApplication.setQuitOnLastWindowClosed(False)
    _quit_on_signals(window, window.quit)
    try:
        mover.start(move)
        window.exec()
    finally:
        mover.close()
        QApplication.setQuitOnLastWindowClosed(True)
        QObject.disconnect(collecting)
    log.info("the library %s", "was moved" if window.moved else "stays where it was")
    quits = window.quits
    window.deleteLater()
    QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    return handed_over, not quits


def _quit_on_signals(window: QWidget, leave: Callable[[], None]) -> None:
    def on_signal(_number: int, _frame: FrameType | None) -> None:
        # by the loop: a window that is closed before it runs would leave it running without one
        QTimer.singleShot(0, window, leave)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    beat = QTimer(window)
    beat.timeout.connect(_give_python_a_turn)
    beat.start(_SIGNAL_POLL_MS)


def _give_python_a_turn() -> None:
    """Do nothing, in Python: pending signals are delivered between its steps."""


def _can_ask() -> bool:
    """Whether somebody sits before a screen."""
    return QApplication.instance() is not None and QGuiApplication.platformName() != "offscreen"


def _refuse(error: KaraokeError) -> int:
    """Say why the window cannot open."""
    log.error("the window cannot open: %s", error.message)
    if sys.stderr is not None:
        sys.stderr.write(f"karaoke-studio: {error.message} {error.hint}".rstrip() + "\n")
    if _can_ask():
        box = QMessageBox(QMessageBox.Icon.Critical, "Karaoke Studio", error.message)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(error.hint)
        box.exec()
    return EXIT_FAILED
