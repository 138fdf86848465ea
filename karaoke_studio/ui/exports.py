"""Exports under way: the dialog's wish goes to the queue, the queue's answers to the dialog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.audio.mix import Mix
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult, OutputSpec
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings
from karaoke_studio.ui import messages, text
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.export_dialog import ExportDialog, written_files
from karaoke_studio.ui.theme import Look


class Exports(QObject):
    """One dialog at a time; closing it lets its export go on, whose end a banner then tells.

    Signals:
        choices_changed: Settings to remember.
    """

    choices_changed = Signal(object)

    def __init__(
        self,
        look: Look,
        queue: JobQueue,
        banners: Banners,
        open_folder: Callable[[Path], None],
        window: QWidget,
        mix_of: Callable[[Song], Mix],
    ) -> None:
        super().__init__(window)
        self._look, self._queue, self._window, self._mix_of = look, queue, window, mix_of
        self._banners, self._open_folder = banners, open_folder
        self._dialog: ExportDialog | None = None
        self._seen_id = ""
        self._running: set[str] = set()
        self._written: Path | None = None
        queue.export_progressed.connect(self._on_progressed)
        queue.export_finished.connect(self._on_finished)
        queue.export_failed.connect(self._on_failed)
        queue.export_cancelled.connect(self._on_cancelled)
        banners.show_export_requested.connect(self._on_show_requested)

    def is_running(self) -> bool:
        """Return whether an export runs."""
        return bool(self._running)

    def open(self, song: Song, settings: Settings) -> ExportDialog:
        """Show the dialog for a song."""
        dialog = ExportDialog(self._look, song, settings, self._window, self._mix_of(song))
        dialog.export_requested.connect(self._on_requested)
        dialog.cancel_requested.connect(self._on_cancel_requested)
        dialog.choices_changed.connect(self.choices_changed)
        dialog.show_folder_requested.connect(self._on_folder_requested)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog, self._seen_id = dialog, ""
        dialog.open()
        return dialog

    def gains_of(self, song: Song) -> dict[str, float]:
        """Return the gains of a song's stems, as its faders stand now."""
        return dict(zip(song.stems, self._mix_of(song).gains(song.stems), strict=True))

    def _watching(self, export_id: str) -> ExportDialog | None:
        return self._dialog if export_id == self._seen_id else None

    @Slot(object, object, object)
    def _on_requested(self, song: Song, output: OutputSpec, stems: tuple[str, ...]) -> None:
        self._seen_id = self._queue.export_song(song, output, stems, self.gains_of(song))
        self._running.add(self._seen_id)

    @Slot()
    def _on_cancel_requested(self) -> None:
        self._queue.cancel_export(self._seen_id)

    @Slot()
    def _on_dialog_closed(self) -> None:
        self._dialog, self._seen_id = None, ""

    @Slot(object)
    def _on_folder_requested(self, path: Path) -> None:
        self._open_folder(path)

    @Slot()
    def _on_show_requested(self) -> None:
        self._banners.export.hide()
        if self._written is not None:
            self._open_folder(self._written)

    @Slot(str, object)
    def _on_progressed(self, export_id: str, progress: Progress) -> None:
        if dialog := self._watching(export_id):
            dialog.show_progress(progress)

    @Slot(str, object)
    def _on_finished(self, export_id: str, result: JobResult) -> None:
        if export_id not in self._running:
            return  # a stem that is dragged
        self._running.discard(export_id)
        if dialog := self._watching(export_id):
            dialog.show_done(result)
            return
        files = written_files(result)
        self._written = files[0] if files else None
        folder = files[0].parent.name if files else ""
        self._banners.export.tell(text.exported(len(files), folder), "Show in folder")

    @Slot(str, object)
    def _on_failed(self, export_id: str, error: KaraokeError) -> None:
        if export_id not in self._running:
            return
        self._running.discard(export_id)
        if dialog := self._watching(export_id):
            dialog.show_failed(error)
        else:
            self._banners.notice.tell(messages.export_failure(error).sentence)

    @Slot(str)
    def _on_cancelled(self, export_id: str) -> None:
        self._running.discard(export_id)
        if dialog := self._watching(export_id):
            dialog.show_cancelled()
