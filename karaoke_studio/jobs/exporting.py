"""Writing songs of the library as files, beside the songs that are being made."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult, JobSpec, OutputSpec
from karaoke_studio.jobs.auto_export import auto_output, auto_stems
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.jobs.settling import Told, settle
from karaoke_studio.library.songs import Song
from karaoke_studio.names import safe_name
from karaoke_studio.pipeline import Surroundings, output_workdir, run_export, sweep_outputs
from karaoke_studio.settings import Settings


class Exporting(QObject):
    """Exports one after the other, in a lane of its own.

    Signals:
        progressed(export_id, Progress), finished(export_id, JobResult),
        failed(export_id, KaraokeError), cancelled(export_id): an export that a person asked for;
        job_exporting(job_id, folder), job_exported(job_id, JobResult),
        job_export_failed(job_id, KaraokeError): a finished song is also written as files.

    Args:
        around: the children, and the library that is read.
        settings: returns what is chosen now.

    Thread: GUI, but for `wish`.
    """

    progressed = Signal(str, object)
    finished = Signal(str, object)
    failed = Signal(str, object)
    cancelled = Signal(str)
    job_exporting = Signal(str, object)
    job_exported = Signal(str, object)
    job_export_failed = Signal(str, object)
    _wished = Signal(str, object)
    _job_progressed = Signal(str, object)
    _job_settled = Signal(str)

    def __init__(
        self, around: Surroundings, settings: Callable[[], Settings], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._around, self._settings = around, settings
        self._lane = Lane("exports", self)
        self._stops: dict[str, threading.Event] = {}
        #: Finished songs whose files are still wanted.
        self._wanted: dict[str, Song] = {}
        self._wished.connect(self._on_wished)
        self._job_settled.connect(self._on_job_settled)
        self.job_exported.connect(self._on_job_settled)

    def begin(
        self,
        song: Song,
        output: OutputSpec,
        stems: tuple[str, ...],
        gains: dict[str, tuple[float, float]] | None = None,
        tune: dict[str, Any] | None = None,
        region: tuple[int, int] | None = None,
    ) -> str:
        """Write files from a song's take; see `JobQueue.export_song`."""
        spec, stop = self._new(song, output, stems, gains, tune, region)
        told = Told(self.progressed, self.finished, self.failed, self.cancelled)
        self._lane.put(lambda: self._export(spec, song, stop, told, spec.job_id))
        return spec.job_id

    def _new(
        self,
        song: Song,
        output: OutputSpec,
        stems: tuple[str, ...],
        gains: dict[str, tuple[float, float]] | None = None,
        tune: dict[str, Any] | None = None,
        region: tuple[int, int] | None = None,
    ) -> tuple[JobSpec, threading.Event]:
        # named as the song is, so that {base} has something to say
        suffix = Path(song.original or ".flac").suffix
        named = song.folder / f"{safe_name(song.title)}{suffix}"
        spec = JobSpec(
            uuid.uuid4().hex,
            named,
            song.engine,
            stems,
            output,
            gains=gains or {},
            tune=tune or {},
            region=region,
        )
        self._stops[spec.job_id] = threading.Event()
        return spec, self._stops[spec.job_id]

    def cancel(self, export_id: str) -> None:
        """Stop an export."""
        if export_id in self._stops:
            self._stops[export_id].set()

    def cancel_all(self) -> None:
        """Stop everything that runs or waits."""
        for stop in list(self._stops.values()):
            stop.set()

    def close(self) -> None:
        """Wait for the end of what runs."""
        self._lane.close()

    def is_busy(self) -> bool:
        """Whether an export runs or waits."""
        return bool(self._stops)

    # -- songs that were just made

    def wish(self, job_id: str, result: JobResult) -> None:
        """Ask for the files of a finished song where the person wants them of every one."""
        if not self._settings().auto_export or result.song_id is None:
            return
        library = self._around.library
        assert library is not None
        try:
            song = library.song(result.song_id).result()
        except KaraokeError as exc:
            self.job_export_failed.emit(job_id, exc)
            return
        if song is not None:
            self._wished.emit(job_id, song)

    def are_wanted(self) -> bool:
        """Whether files of a finished song are still to be written."""
        return bool(self._wanted)

    def export_again(self, job_id: str) -> None:
        """Try once more to write a finished song as files."""
        if song := self._wanted.get(job_id):
            self._on_wished(job_id, song)

    def forget(self, job_id: str) -> None:
        """Give up a finished song's files."""
        self._wanted.pop(job_id, None)

    @Slot(str, object)
    def _on_wished(self, job_id: str, song: Song) -> None:
        self._wanted[job_id] = song
        output = auto_output(self._settings())
        spec, stop = self._new(song, output, auto_stems(self._settings()))
        told = Told(
            self._job_progressed, self.job_exported, self.job_export_failed, self._job_settled
        )
        self.job_exporting.emit(job_id, output.folder)
        self._lane.put(lambda: self._export(spec, song, stop, told, job_id))

    @Slot(str)
    def _on_job_settled(self, job_id: str) -> None:
        self._wanted.pop(job_id, None)

    # -- in the lane

    def _export(
        self, spec: JobSpec, song: Song, stop: threading.Event, told: Told, told_id: str
    ) -> None:
        def work() -> JobResult:
            workdir = output_workdir(spec)
            sweep_outputs(workdir.parent)
            return run_export(
                spec,
                song,
                workdir,
                lambda progress: told.progressed.emit(told_id, progress),
                stop,
                self._around,
            )

        result = settle(spec, work, told.cancelled, told.failed, told_id)
        self._stops.pop(spec.job_id, None)
        if result is not None:
            told.finished.emit(told_id, result)
