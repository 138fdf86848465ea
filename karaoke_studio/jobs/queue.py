"""The queue of songs being made, on QThreads with a stop-event per job.

The GUI asks and listens; nothing here waits in the GUI's thread.
"""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal, SignalInstance, Slot

from karaoke_studio.errors import KaraokeError, MissingFile, ProcessingFailed
from karaoke_studio.job import JobResult, JobSpec, JobState, NetworkChoice, OutputSpec
from karaoke_studio.jobs.analyses import Analyses
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.jobs.spectrograms import Spectrograms
from karaoke_studio.library.songs import Song
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.names import safe_name
from karaoke_studio.pipeline import Surroundings, output_workdir, run_export, run_job, sweep_outputs
from karaoke_studio.progress import Cancelled
from karaoke_studio.walk import is_folder, songs_in
from karaoke_studio.worker.host import WorkerDied

log = logging.getLogger(__name__)

#: How often sound outputs are looked for while there is none.
WATCH_INTERVAL_S = 2.0
_OVER = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True)
class JobView:
    """A job as the window shows it."""

    job_id: str
    path: Path
    title: str
    state: JobState
    error: KaraokeError | None = None


@dataclass(frozen=True)
class JobDescription:
    """What is known about a song as soon as its file was opened."""

    title: str
    artist: str
    cover_path: Path | None
    duration_s: float


class JobQueue(QObject):
    """Makes songs one after the other; exports run beside them.

    Signals:
        job_added(JobView), job_started(job_id), job_described(job_id, JobDescription),
        job_progressed(job_id, Progress), job_finished(job_id, JobResult),
        job_failed(job_id, KaraokeError), job_cancelled(job_id), songs_changed(),
        export_progressed(export_id, Progress), export_finished(export_id, JobResult),
        export_failed(export_id, KaraokeError), export_cancelled(export_id),
        sound_devices_changed(list of names),
        spectrogram_ready(song_id, source, path of the file or None where there can be none).

    Args:
        around: the children and what else jobs need.
        library: writes the library.
        cache: folder for what can be made again at any time.

    Thread: lives in the GUI's thread; jobs run in lanes of their own.
    """

    job_added = Signal(object)
    job_started = Signal(str)
    job_described = Signal(str, object)
    job_progressed = Signal(str, object)
    job_finished = Signal(str, object)
    job_failed = Signal(str, object)
    job_cancelled = Signal(str)
    songs_changed = Signal()
    export_progressed = Signal(str, object)
    export_finished = Signal(str, object)
    export_failed = Signal(str, object)
    export_cancelled = Signal(str)
    sound_devices_changed = Signal(object)
    spectrogram_ready = Signal(str, str, object)
    _walked = Signal(object, str)
    _resumed = Signal(object)

    def __init__(
        self,
        around: Surroundings,
        library: LibraryWriter,
        cache: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._around = replace(around, library=library)
        self._library = library
        self._network = NetworkChoice((around.data / "models",))
        self._jobs: dict[str, JobView] = {}
        self._specs: dict[str, JobSpec] = {}
        self._stops: dict[str, threading.Event] = {}
        self._songs, self._exports, self._errands = (
            Lane(name, self) for name in ("songs", "exports", "errands")
        )
        self._spectrograms = Spectrograms(around.workers.interactive, cache / "spectrograms", self)
        self._spectrograms.ready.connect(self.spectrogram_ready)
        self._analyses = Analyses(around.workers.analysis, library, cache / "numba", self)
        self._analyses.found.connect(self.songs_changed)
        #: Which job the lane works on; a job that it has not begun is over when it is cancelled.
        self._running_id: str | None = None
        self._begin = threading.Lock()
        self._watch_end: threading.Event | None = None
        self._watchers: list[threading.Thread] = []
        self._is_closing = threading.Event()
        self._walked.connect(self._on_walked)
        self._resumed.connect(self._on_resumed)
        self.job_started.connect(self._on_started)
        self.job_finished.connect(self._on_finished)
        self.job_failed.connect(self._on_failed)
        self.job_cancelled.connect(self._on_cancelled)

    # -- wishes ----------------------------------------------------------------------------------

    def add_paths(self, paths: list[Path], engine: str = "auto") -> None:
        """Queue songs and all songs in folders; returns at once."""

        def walk() -> None:
            for path in paths:
                found = list(itertools.takewhile(self._is_open, songs_in(path)))
                self._walked.emit(found or [path], engine)

        self._errands.put(walk)

    def redo_song(
        self, song: Song, engine: str, network: NetworkChoice | None = None, quality: str = "best"
    ) -> None:
        """Queue a new take of a song of the library; its old one stays until it is removed."""
        spec = JobSpec(
            uuid.uuid4().hex,
            song.original_path or song.folder / "original",
            engine,
            network=network or self._network,
            quality=quality,
            song_id=song.id,
            title=song.title,
        )
        self._add(spec)
        self._enqueue(spec, is_saved=False)

    def resume(self) -> None:
        """Go on with what an earlier run left in the queue."""

        def load() -> None:
            self._resumed.emit(self._library.open_jobs().result())

        self._errands.put(load)

    def cancel(self, job_id: str) -> None:
        """Stop a job, running or waiting."""
        stop = self._stops.get(job_id)
        if stop is None or job_id not in self._jobs:
            return
        with self._begin:
            stop.set()
            is_running = self._running_id == job_id
        if not is_running and self._jobs[job_id].state is JobState.QUEUED:
            self.job_cancelled.emit(job_id)

    def retry(self, job_id: str) -> None:
        """Queue a job that failed or was cancelled once more, under the same id."""
        job = self._jobs.get(job_id)
        if job is None or job.state not in {JobState.FAILED, JobState.CANCELLED}:
            return
        self._jobs[job_id] = replace(job, state=JobState.QUEUED, error=None)
        self.job_added.emit(self._jobs[job_id])
        self._enqueue(self._specs[job_id], is_saved=False)

    def dismiss(self, job_id: str) -> None:
        """Forget a job that is over."""
        job = self._jobs.get(job_id)
        if job is not None and job.state in _OVER:
            del self._jobs[job_id], self._specs[job_id]

    def export_song(self, song: Song, output: OutputSpec, stems: tuple[str, ...]) -> str:
        """Write files from a song's take; returns the id that the export's signals carry."""
        # named as the song is, so that {base} has something to say
        suffix = Path(song.original or ".flac").suffix
        named = song.folder / f"{safe_name(song.title)}{suffix}"
        spec = JobSpec(uuid.uuid4().hex, named, song.engine, stems, output)
        stop = self._stops[spec.job_id] = threading.Event()
        self._exports.put(lambda: self._export(spec, song, stop))
        return spec.job_id

    def cancel_export(self, export_id: str) -> None:
        """Stop an export."""
        if export_id in self._stops:
            self._stops[export_id].set()

    def remove_song(self, song_id: str) -> None:
        """Move a song to the trash."""
        self._change(lambda: self._library.remove(song_id))

    def restore_song(self, song_id: str) -> None:
        """Take a song back out of the trash."""
        self._change(lambda: self._library.restore(song_id))

    def watch_sound_devices(self, on: bool) -> None:
        """Start or end looking for sound outputs every two seconds."""
        if not on and self._watch_end is not None:
            self._watch_end.set()
            self._watch_end = None
        if on and self._watch_end is None and not self._is_closing.is_set():
            self._watch_end = threading.Event()
            thread = threading.Thread(
                target=self._watch, args=(self._watch_end,), name="sound-watch", daemon=True
            )
            self._watchers = [*(old for old in self._watchers if old.is_alive()), thread]
            thread.start()

    def request_spectrogram(self, song: Song, source: str, *, anew: bool = False) -> None:
        """Ask for the picture of a song's stem, or of "original"; only the last wish is answered.

        With `anew` it is made once more, because the file that was answered cannot be read.
        """
        if not self._is_closing.is_set():
            self._spectrograms.request(song, source, anew=anew)

    def request_analysis(self, song_id: str) -> None:
        """Find tempo, key and loudness of a song, unless they are known; returns at once."""
        if not self._is_closing.is_set():
            self._analyses.request(song_id)

    # -- state -----------------------------------------------------------------------------------

    def jobs(self) -> list[JobView]:
        """Return all jobs that have not been dismissed, in the order they came."""
        return list(self._jobs.values())

    def is_busy(self) -> bool:
        """Whether a job runs or waits, or an export runs."""
        return any(job.state not in _OVER for job in self._jobs.values()) or bool(self._stops)

    def stop(self, keep: bool) -> None:
        """End everything; with `keep`, unfinished songs are made at the next start.

        Waits for the running job to let go (at most about half a second).
        """
        if self._is_closing.is_set():
            return
        self._is_closing.set()
        self.watch_sound_devices(on=False)
        over = {job_id for job_id, job in self._jobs.items() if job.state in _OVER}
        stops = dict(self._stops)
        unwanted = {job_id for job_id, stop in stops.items() if stop.is_set()}
        for stop in stops.values():
            stop.set()
        for part in (self._spectrograms, self._analyses, self._songs, self._exports, self._errands):
            part.close()
        for watcher in self._watchers:
            watcher.join()
        # what the lanes told last: a song that is finished after all, files that were just found
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)
        for job_id, job in self._jobs.items():
            is_unfinished = job.state not in {JobState.COMPLETED, JobState.FAILED}
            if job_id not in over and not (keep and is_unfinished and job_id not in unwanted):
                self._library.drop_job(job_id)

    # -- in the lanes ----------------------------------------------------------------------------

    def _run(self, spec: JobSpec, stop: threading.Event) -> None:
        with self._begin:
            if stop.is_set():
                return
            self._running_id = spec.job_id
        self.job_started.emit(spec.job_id)
        around = replace(self._around, describe=lambda facts: self._describe(spec.job_id, facts))

        def work() -> JobResult:
            return run_job(
                spec,
                self._library.staging / spec.job_id,
                lambda progress: self.job_progressed.emit(spec.job_id, progress),
                stop,
                around,
            )

        result = _settle(spec, work, self.job_cancelled, self.job_failed)
        self._running_id = None
        if result is not None:
            self.songs_changed.emit()
            self.job_finished.emit(spec.job_id, result)

    def _export(self, spec: JobSpec, song: Song, stop: threading.Event) -> None:
        def work() -> JobResult:
            workdir = output_workdir(spec)
            sweep_outputs(workdir.parent)
            return run_export(
                spec,
                song,
                workdir,
                lambda progress: self.export_progressed.emit(spec.job_id, progress),
                stop,
                self._around,
            )

        result = _settle(spec, work, self.export_cancelled, self.export_failed)
        self._stops.pop(spec.job_id, None)
        if result is not None:
            self.export_finished.emit(spec.job_id, result)

    def _describe(self, job_id: str, facts: dict[str, Any]) -> None:
        cover = facts["cover"]
        self.job_described.emit(
            job_id,
            JobDescription(
                facts["title"],
                facts["artist"],
                Path(cover) if cover else None,
                facts["duration_s"],
            ),
        )

    def _change(self, change: Callable[[], Future[None]]) -> None:
        def errand() -> None:
            try:
                change().result()
            except KaraokeError as exc:
                log.warning("the library was not changed: %s", exc.message)
            self.songs_changed.emit()

        self._errands.put(errand)

    def _watch(self, end: threading.Event) -> None:
        while not end.wait(WATCH_INTERVAL_S):
            try:
                found = self._around.workers.interactive.run(
                    "sound_outputs", {}, stop=end, stall_s=10
                )
            except Cancelled:
                return
            except (KaraokeError, WorkerDied) as exc:  # may work in two seconds
                log.info("sound outputs could not be listed: %s", exc)
                continue
            if not end.is_set():
                self.sound_devices_changed.emit(found["outputs"])

    def _is_open(self, _path: Path) -> bool:
        return not self._is_closing.is_set()

    # -- facts come back -------------------------------------------------------------------------

    @Slot(object, str)
    def _on_walked(self, paths: list[Path], engine: str) -> None:
        for path in paths:
            spec = JobSpec(uuid.uuid4().hex, path, engine, network=self._network)
            self._add(spec)
            if is_folder(path):
                self.job_failed.emit(
                    spec.job_id,
                    MissingFile(
                        f"There are no songs in the folder {path.name}.",
                        hint="Drop files, or a folder with songs in it.",
                    ),
                )
            else:
                self._enqueue(spec, is_saved=False)

    @Slot(object)
    def _on_resumed(self, specs: list[JobSpec]) -> None:
        for spec in specs:
            self._add(spec)
            self._enqueue(spec, is_saved=True)

    def _add(self, spec: JobSpec) -> None:
        title = spec.title or spec.input.stem or spec.input.name
        self._specs[spec.job_id] = spec
        self._jobs[spec.job_id] = JobView(spec.job_id, spec.input, title, JobState.QUEUED)
        self.job_added.emit(self._jobs[spec.job_id])

    def _enqueue(self, spec: JobSpec, *, is_saved: bool) -> None:
        stop = self._stops[spec.job_id] = threading.Event()
        if not is_saved:
            self._library.save_job(spec)
        self._songs.put(lambda: self._run(spec, stop))

    @Slot(str)
    def _on_started(self, job_id: str) -> None:
        self._set_state(job_id, JobState.RUNNING)

    @Slot(str, object)
    def _on_finished(self, job_id: str, result: JobResult) -> None:
        self._end(job_id, JobState.COMPLETED)
        if result.song_id:
            self.request_analysis(result.song_id)

    @Slot(str, object)
    def _on_failed(self, job_id: str, error: KaraokeError) -> None:
        self._end(job_id, JobState.FAILED, error)

    @Slot(str)
    def _on_cancelled(self, job_id: str) -> None:
        self._end(job_id, JobState.CANCELLED)

    def _end(self, job_id: str, state: JobState, error: KaraokeError | None = None) -> None:
        self._stops.pop(job_id, None)
        self._set_state(job_id, state, error)
        if not self._is_closing.is_set():
            self._library.drop_job(job_id)

    def _set_state(self, job_id: str, state: JobState, error: KaraokeError | None = None) -> None:
        if job_id in self._jobs:
            self._jobs[job_id] = replace(self._jobs[job_id], state=state, error=error)


def _settle(
    spec: JobSpec, work: Callable[[], JobResult], cancelled: SignalInstance, failed: SignalInstance
) -> JobResult | None:
    """Run a job; tell by signal how it ended unless it is done. A lane outlives every job."""
    try:
        return work()
    except Cancelled:
        cancelled.emit(spec.job_id)
    except KaraokeError as exc:
        failed.emit(spec.job_id, exc)
    except BaseException:  # the worker loop is one of the two marked borders
        log.exception("job %s broke", spec.job_id)
        failed.emit(
            spec.job_id,
            ProcessingFailed(
                f"{spec.input.name} could not be made because of a fault in the program.",
                hint="Try again; the log in the data folder says more.",
            ),
        )
    return None
