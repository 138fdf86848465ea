"""Exports under way: the dialog's wish goes to the queue, the queue's answers to the dialog."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult, OutputSpec
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings
from karaoke_studio.ui.export_dialog import ExportDialog
from karaoke_studio.ui.theme import Look


class Exports(QObject):
    """One dialog at a time; closing it lets its export go on, whose end is then told by signal.

    Signals:
        finished_unseen: JobResult of an export whose dialog is closed.
        failed_unseen: KaraokeError of one.
        choices_changed: Settings to remember.
        show_folder_requested: path of a written file.
    """

    finished_unseen = Signal(object)
    failed_unseen = Signal(object)
    choices_changed = Signal(object)
    show_folder_requested = Signal(object)

    def __init__(self, look: Look, queue: JobQueue, window: QWidget) -> None:
        super().__init__(window)
        self._look, self._queue, self._window = look, queue, window
        self._dialog: ExportDialog | None = None
        self._seen_id = ""
        self._running: set[str] = set()
        queue.export_progressed.connect(self._on_progressed)
        queue.export_finished.connect(self._on_finished)
        queue.export_failed.connect(self._on_failed)
        queue.export_cancelled.connect(self._on_cancelled)

    def is_running(self) -> bool:
        """Return whether an export runs."""
        return bool(self._running)

    def open(self, song: Song, settings: Settings) -> ExportDialog:
        """Show the dialog for a song."""
        dialog = ExportDialog(self._look, song, settings, self._window)
        dialog.export_requested.connect(self._on_requested)
        dialog.cancel_requested.connect(self._on_cancel_requested)
        dialog.choices_changed.connect(self.choices_changed)
        dialog.show_folder_requested.connect(self.show_folder_requested)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog, self._seen_id = dialog, ""
        dialog.open()
        return dialog

    def _watching(self, export_id: str) -> ExportDialog | None:
        return self._dialog if export_id == self._seen_id else None

    @Slot(object, object, object)
    def _on_requested(self, song: Song, output: OutputSpec, stems: tuple[str, ...]) -> None:
        self._seen_id = self._queue.export_song(song, output, stems)
        self._running.add(self._seen_id)

    @Slot()
    def _on_cancel_requested(self) -> None:
        self._queue.cancel_export(self._seen_id)

    @Slot()
    def _on_dialog_closed(self) -> None:
        self._dialog, self._seen_id = None, ""

    @Slot(str, object)
    def _on_progressed(self, export_id: str, progress: Progress) -> None:
        if dialog := self._watching(export_id):
            dialog.show_progress(progress)

    @Slot(str, object)
    def _on_finished(self, export_id: str, result: JobResult) -> None:
        self._running.discard(export_id)
        if dialog := self._watching(export_id):
            dialog.show_done(result)
        else:
            self.finished_unseen.emit(result)

    @Slot(str, object)
    def _on_failed(self, export_id: str, error: KaraokeError) -> None:
        self._running.discard(export_id)
        if dialog := self._watching(export_id):
            dialog.show_failed(error)
        else:
            self.failed_unseen.emit(error)

    @Slot(str)
    def _on_cancelled(self, export_id: str) -> None:
        self._running.discard(export_id)
        if dialog := self._watching(export_id):
            dialog.show_cancelled()
