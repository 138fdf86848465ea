"""Exports under way: the dialog's wish goes to the queue, the queue's answers to the dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.audio.mix import Mix
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult, OutputSpec
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.export_batch import ExportBatch, written_files
from karaoke_studio.ui.export_dialog import ExportDialog
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tune_controls import tune_in_words


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
        self._seen: ExportBatch | None = None
        self._region: tuple[int, int] | None = None
        #: Export id → those it is exported with.
        self._running: dict[str, ExportBatch] = {}
        self._written: Path | None = None
        queue.export_progressed.connect(self._on_progressed)
        queue.export_finished.connect(self._on_finished)
        queue.export_failed.connect(self._on_failed)
        queue.export_cancelled.connect(self._on_cancelled)
        banners.show_export_requested.connect(self._on_show_requested)

    def is_running(self) -> bool:
        """Return whether an export runs."""
        return bool(self._running)

    def open_region(self, song: Song, settings: Settings, region: tuple[int, int]) -> ExportDialog:
        """Show the dialog for a part of a song, which is named by where it lies."""
        clocks = [text.clock(frame / song.sample_rate).replace(":", ".") for frame in region]
        title = f"{song.title} {'–'.join(clocks)}"
        # a part of a video has no picture of its own
        dialog = self.open([replace(song, title=title, has_picture=False)], settings)
        self._region = region
        return dialog

    def open(self, songs: Sequence[Song], settings: Settings) -> ExportDialog:
        """Show the dialog for songs."""
        self._region = None
        mix = self._mix_of(songs[0])
        dialog = ExportDialog(self._look, songs, settings, self._window, mix)
        moved = [song for song in songs if self.tune_of(song)]
        if moved:
            dialog.offer_tune(tune_in_words(mix.tune) if len(songs) == 1 else "")
        dialog.export_requested.connect(self._on_requested)
        dialog.cancel_requested.connect(self._on_cancel_requested)
        dialog.choices_changed.connect(self.choices_changed)
        dialog.show_folder_requested.connect(self._on_folder_requested)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog, self._seen = dialog, None
        dialog.open()
        return dialog

    def gains_of(self, song: Song) -> dict[str, tuple[float, float]]:
        """Return the gains of a song's stems on both sides, as its faders stand now."""
        mix = self._mix_of(song)
        return {stem: mix.sides(stem, song.channels) for stem in song.stems}

    def tune_of(self, song: Song) -> dict[str, Any]:
        """Return key and tempo of a song as they stand now; {} = as it was recorded."""
        tune = self._mix_of(song).tune
        return {} if tune.is_plain else tune.to_plain()

    def _watching(self, batch: ExportBatch) -> ExportDialog | None:
        return self._dialog if batch is self._seen else None

    @Slot(object, object, object)
    def _on_requested(self, songs: list[Song], output: OutputSpec, stems: tuple[str, ...]) -> None:
        export = self._queue.export_song
        as_played = self._dialog is not None and self._dialog.tune.isChecked()

        def tunes(song: Song) -> dict[str, Any]:
            return self.tune_of(song) if as_played else {}

        batch = ExportBatch(
            {export(s, output, stems, self.gains_of(s), tunes(s), self._region): s for s in songs}
        )
        self._running.update(dict.fromkeys(batch.songs, batch))
        self._seen = batch

    @Slot()
    def _on_cancel_requested(self) -> None:
        if batch := self._seen:
            batch.is_cancelled = True
            for export_id in list(batch.songs):
                if export_id in batch.waiting:
                    self._queue.cancel_export(export_id)

    @Slot()
    def _on_dialog_closed(self) -> None:
        self._dialog, self._seen = None, None

    @Slot(object)
    def _on_folder_requested(self, path: Path) -> None:
        self._open_folder(path)

    @Slot()
    def _on_show_requested(self) -> None:
        self._banners.export.hide()
        if self._written is not None:
            self._open_folder(self._written)

    # -- what the queue tells; a stem that is dragged is not among those that run

    @Slot(str, object)
    def _on_progressed(self, export_id: str, progress: Progress) -> None:
        if batch := self._running.get(export_id):
            batch.advance(export_id, progress)
            if dialog := self._watching(batch):
                dialog.show_progress(batch)

    @Slot(str, object)
    def _on_finished(self, export_id: str, result: JobResult) -> None:
        if batch := self._running.get(export_id):
            batch.files += written_files(result)
            self._settle(batch, export_id)

    @Slot(str, object)
    def _on_failed(self, export_id: str, error: KaraokeError) -> None:
        if batch := self._running.get(export_id):
            batch.failed.append((batch.songs[export_id], error))
            self._settle(batch, export_id)

    @Slot(str)
    def _on_cancelled(self, export_id: str) -> None:
        if batch := self._running.get(export_id):
            self._settle(batch, export_id)

    def _settle(self, batch: ExportBatch, export_id: str) -> None:
        del self._running[export_id]
        batch.settle(export_id)
        if batch.waiting:
            if dialog := self._watching(batch):
                dialog.show_progress(batch)
        elif dialog := self._watching(batch):
            dialog.show_over(batch)
        elif batch.failed:
            self._banners.notice.tell(batch.outcome())
        elif batch.files:
            self._written = batch.files[0]
            self._banners.export.tell(batch.outcome(), "Show in folder")
