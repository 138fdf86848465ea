"""The queue of songs being made, on QThreads with a stop-event per job.

The GUI asks and listens; nothing here waits in the GUI's thread.
"""

from __future__ import annotations

import itertools
import logging
import threading
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal, Slot

from karaoke_studio.audio.spectrogram import Shape
from karaoke_studio.engines import AUTO, DRAFT, choose_engine, is_network, model_folders
from karaoke_studio.errors import EngineCrashed, KaraokeError, MissingFile
from karaoke_studio.job import JobResult, JobSpec, JobState, OutputSpec
from karaoke_studio.jobs.analyses import Analyses
from karaoke_studio.jobs.arrivals import Arrival, Arrivals
from karaoke_studio.jobs.devices import Devices
from karaoke_studio.jobs.exporting import Exporting
from karaoke_studio.jobs.forecast import Forecast
from karaoke_studio.jobs.job_view import JobDescription, JobView
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.jobs.line import Line, Turn
from karaoke_studio.jobs.models import Models
from karaoke_studio.jobs.settling import settle
from karaoke_studio.jobs.sound_outputs import SoundOutputs
from karaoke_studio.jobs.spectrograms import Spectrograms
from karaoke_studio.library import statistics
from karaoke_studio.library.songs import Song
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from karaoke_studio.pipeline import Surroundings, run_job
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings, chosen_stems, network_choice
from karaoke_studio.stages import expected_s
from karaoke_studio.walk import is_folder, only_new, songs_in

log = logging.getLogger(__name__)

#: A song that was begun so often, and each time ended the program, is not begun by itself again.
MOST_STARTS = 2

_OVER = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


class JobQueue(QObject):
    """Makes songs one after the other; exports run beside them.

    Signals:
        job_added(JobView), job_started(job_id), job_described(job_id, JobDescription),
        job_progressed(job_id, Progress), job_finished(job_id, JobResult),
        job_failed(job_id, KaraokeError), job_cancelled(job_id), songs_changed(),
        job_waves(job_id, what `Surroundings.show_waves` is told),
        job_live(job_id, LiveSong: the song can be heard from now on while it is made),
        job_held(job_id, whether it is left out until it is let go),
        job_changed(JobView: it will be made with another engine),
        resumed(songs an earlier run left, whether that run ended by a crash),
        rest_changed(why no further song is begun, see `quiet_times`; "" = they are),
        jobs_arranged(ids of all jobs in their order), paused_changed(whether),
        time_left_changed(seconds till the queue is done, None where that is not known),
        job_exporting(job_id, folder), job_exported(job_id, JobResult),
        job_export_failed(job_id, KaraokeError): a finished song is also written as files,
        export_progressed(export_id, Progress), export_finished(export_id, JobResult),
        export_failed(export_id, KaraokeError), export_cancelled(export_id),
        sound_devices_changed(list of names), devices_found(list of Device),
        spectrogram_ready(song_id, source, path of the file or None where there can be none).

    Args:
        around: the children and what else jobs need.
        library: writes the library.
        cache: folder for what can be made again at any time.
        settings: how new songs are made; see `use`.

    Thread: lives in the GUI's thread; jobs run in lanes of their own.
    """

    job_added = Signal(object)
    job_started = Signal(str)
    job_described = Signal(str, object)
    job_progressed = Signal(str, object)
    job_waves = Signal(str, object)
    job_live = Signal(str, object)
    job_finished = Signal(str, object)
    job_failed = Signal(str, object)
    job_cancelled = Signal(str)
    job_held = Signal(str, bool)
    job_changed = Signal(object)
    resumed = Signal(int, bool)
    rest_changed = Signal(str)
    jobs_arranged = Signal(object)
    paused_changed = Signal(bool)
    time_left_changed = Signal(object)
    job_exporting = Signal(str, object)
    job_exported = Signal(str, object)
    job_export_failed = Signal(str, object)
    songs_changed = Signal()
    export_progressed = Signal(str, object)
    export_finished = Signal(str, object)
    export_failed = Signal(str, object)
    export_cancelled = Signal(str)
    sound_devices_changed = Signal(object)
    sound_devices_listed = Signal(object)
    devices_found = Signal(object)
    spectrogram_ready = Signal(str, str, object)
    _arrived = Signal(object)

    def __init__(
        self,
        around: Surroundings,
        library: LibraryWriter,
        cache: Path,
        parent: QObject | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(parent)
        self._around = replace(around, library=library)
        self._library = library
        self._settings = settings or Settings()
        self._is_paused = self._settings.queue_paused
        self._rest = ""
        self._line = Line(is_paused=self._is_paused)
        self._jobs: dict[str, JobView] = {}
        self._specs: dict[str, JobSpec] = {}
        self._stops: dict[str, threading.Event] = {}
        self._songs, self._errands = (Lane(name, self) for name in ("songs", "errands"))
        self._exports = Exporting(self._around, lambda: self._settings, self)
        for told, passed_on in (
            (self._exports.progressed, self.export_progressed),
            (self._exports.finished, self.export_finished),
            (self._exports.failed, self.export_failed),
            (self._exports.cancelled, self.export_cancelled),
            (self._exports.job_exporting, self.job_exporting),
            (self._exports.job_exported, self.job_exported),
            (self._exports.job_export_failed, self.job_export_failed),
        ):
            told.connect(passed_on)
        self._spectrograms = Spectrograms(around.workers.interactive, cache / "spectrograms", self)
        self._spectrograms.ready.connect(self.spectrogram_ready)
        self._analyses = Analyses(around.workers.analysis, library, cache / "compiled", self)
        self._analyses.found.connect(self.songs_changed)
        #: Those that are on this computer, and those on their way.
        self.models = Models(around.data, self.model_folders, parent=self)
        worker = around.workers.interactive
        self._forecast = Forecast(self._planned, around.speeds, worker, self)
        self._forecast.time_left_changed.connect(self.time_left_changed)
        self._sound = SoundOutputs(worker, self)
        self._sound.changed.connect(self.sound_devices_changed)
        self._sound.listed.connect(self.sound_devices_listed)
        self._devices = Devices(around.workers.another_engine, around.data, self)
        self._devices.found.connect(self.devices_found)
        self._is_closing = threading.Event()
        self._arrivals = Arrivals(self._take_in, self)
        self._arrived.connect(self._on_arrived)
        self.job_described.connect(self._on_described)
        self.job_progressed.connect(self._on_progressed)
        self.job_started.connect(self._on_started)
        self.job_finished.connect(self._on_finished)
        self.job_failed.connect(self._on_failed)
        self.job_cancelled.connect(self._on_cancelled)

    # -- wishes ----------------------------------------------------------------------------------

    def use(self, settings: Settings) -> None:
        """Make the songs that are queued from now on as these settings say."""
        has_moved = settings.model_folder != self._settings.model_folder
        self._settings = settings
        if has_moved:
            self.models.refresh()

    def add_paths(self, paths: list[Path]) -> None:
        """Queue songs and all songs in folders; returns at once."""
        plan = self.plan()

        def walk() -> None:
            engine = _engine_of(plan)
            seen: set[Path] = set()
            for path in paths:
                found = list(itertools.takewhile(self._is_open, songs_in(path)))
                new = only_new(found or [path], seen)
                is_empty = not found and is_folder(path)
                self._arrived.emit(
                    [
                        Arrival(
                            replace(plan, job_id=uuid.uuid4().hex, input=song),
                            engine,
                            is_empty=is_empty,
                        )
                        for song in new
                    ]
                )

        self._errands.put(walk)

    def redo_song(self, song: Song, engine: str, quality: str = "best") -> None:
        """Queue a new take of a song of the library; its old one stays until it is removed."""
        spec = replace(
            self.plan(),
            job_id=uuid.uuid4().hex,
            input=song.original_path or song.folder / "original",
            engine=engine,
            quality=quality,
            song_id=song.id,
            title=song.title,
        )
        if song.original_path is None:
            self._add(spec, engine)
            self.job_failed.emit(
                spec.job_id,
                MissingFile(
                    f"The file of {song.title} was not kept.", hint="Add the song again instead."
                ),
            )
        elif engine == AUTO:  # looking for models may take a slow disk's time
            self._errands.put(lambda: self._arrived.emit([Arrival(spec, _engine_of(spec))]))
        else:
            self._take_in(Arrival(spec, engine))

    def make_at_once(self, spec: JobSpec) -> None:
        """Queue a job that somebody waits for, such as a fix, before all that wait."""
        self._take_in(Arrival(spec, spec.engine))
        self.make_next(spec.job_id)

    def resume(self) -> None:
        """Go on with what an earlier run left in the queue."""

        def load() -> None:
            try:
                specs = self._library.open_jobs().result()
                held = self._library.held_jobs().result()
                starts = self._library.job_starts().result()
            except KaraokeError as exc:  # they wait until the library can be changed again
                log.warning("the queue is not gone on with: %s", exc.message)
                return
            self._arrived.emit(
                [
                    Arrival(
                        spec,
                        _engine_of(spec),
                        is_saved=True,
                        is_held=spec.job_id in held,
                        starts=starts.get(spec.job_id, 0),
                    )
                    for spec in specs
                ]
            )
            if specs:
                self.resumed.emit(len(specs), bool(starts))

        self._errands.put(load)

    def pause(self, on: bool) -> None:
        """Begin no further song while paused; the one that is being made is finished.

        Half a song would be thrown away otherwise: what is staged does not outlive its job.
        """
        if on != self._is_paused:
            self._is_paused = on
            self._line.pause(on=on or bool(self._rest))
            self.paused_changed.emit(on)
            self._songs.put(self._work_off)
            self._forecast.begin()

    @Slot(str)
    def rest(self, reason: str) -> None:
        """Begin no further song for a reason that passes by itself; "" = go on."""
        if reason != self._rest:
            self._rest = reason
            self._line.pause(on=self._is_paused or bool(reason))
            self.rest_changed.emit(reason)
            self._songs.put(self._work_off)

    def make_with(self, job_id: str, engine: str) -> None:
        """Let a song that waits be made with another engine."""
        job = self._jobs.get(job_id)
        if job is None or job_id not in self._waiting():
            return
        spec = replace(self._specs[job_id], engine=engine)
        if not self._line.replace(spec):
            return
        self._specs[job_id] = spec
        self._library.replace_job(spec)
        self._jobs[job_id] = replace(job, engine=engine, is_makeshift=_is_makeshift(spec, engine))
        self.job_changed.emit(self._jobs[job_id])
        self._forecast.begin()

    def hold(self, job_id: str, on: bool) -> None:
        """Leave a waiting song out until it is let go."""
        if self._line.hold(job_id, on=on):
            self._set_state(job_id, JobState.PAUSED if on else JobState.QUEUED)
            self._library.hold_job(job_id, on=on)
            self.job_held.emit(job_id, on)
            self._songs.put(self._work_off)
            self._forecast.begin()

    def make_next(self, job_id: str) -> None:
        """Bring a waiting song to the head of the line; one that was held is let go."""
        self.hold(job_id, on=False)
        waiting = [other for other in self._waiting() if other != job_id]
        self.move(job_id, waiting[0] if waiting else None)

    def move(self, job_id: str, before: str | None) -> None:
        """Move a waiting song before another one, or to the end."""
        waiting = self._waiting()
        if job_id not in waiting or job_id == before:
            return
        waiting.remove(job_id)
        place = waiting.index(before) if before in waiting else len(waiting)
        waiting.insert(place, job_id)
        if waiting == self._waiting():
            return
        self._line.arrange(waiting)
        self._library.arrange_jobs(waiting)
        # what runs or is over stays in its place
        turn = iter(waiting)
        kept = set(waiting)
        order = [next(turn) if name in kept else name for name in self._jobs]
        self._jobs = {name: self._jobs[name] for name in order}
        self.jobs_arranged.emit(order)

    def move_by(self, job_id: str, steps: int) -> None:
        """Move a waiting song up (-1) or down (1)."""
        waiting = self._waiting()
        if job_id in waiting:
            place = waiting.index(job_id)
            goal = min(max(place + steps, 0), len(waiting) - 1)
            behind = goal + (1 if goal > place else 0)
            self.move(job_id, waiting[behind] if behind < len(waiting) else None)

    def cancel(self, job_id: str) -> None:
        """Stop a job, running or waiting."""
        stop = self._stops.get(job_id)
        if stop is None or job_id not in self._jobs:
            return
        stop.set()
        if self._line.withdraw(job_id):
            self.job_cancelled.emit(job_id)

    def retry(self, job_id: str, engine: str = "") -> None:
        """Queue a job that failed or was cancelled once more, under the same id.

        With `engine` it is made by that one; device and the rest are as the settings say now.
        """
        job = self._jobs.get(job_id)
        if job is None or job.state not in {JobState.FAILED, JobState.CANCELLED}:
            return
        plan, old = self.plan(), self._specs[job_id]
        spec = replace(old, engine=engine or old.engine)
        if spec.fix is None:
            spec = replace(spec, stems=plan.stems, network=plan.network)
        self._specs[job_id] = spec
        named = spec.engine if spec.engine != AUTO else job.engine
        self._jobs[job_id] = replace(
            job,
            state=JobState.QUEUED,
            error=None,
            engine=named,
            is_makeshift=_is_makeshift(spec, named),
        )
        self.job_added.emit(self._jobs[job_id])
        self._enqueue(spec, is_saved=False)
        self._library.arrange_jobs(self._waiting())
        self._line.arrange(self._waiting())

    def dismiss(self, job_id: str) -> None:
        """Forget a job that is over."""
        job = self._jobs.get(job_id)
        if job is not None and job.state in _OVER:
            del self._jobs[job_id], self._specs[job_id]
            self._forecast.forget(job_id, length=True)
            self._exports.forget(job_id)

    def export_again(self, job_id: str) -> None:
        """Try once more to write a finished song as files."""
        self._exports.export_again(job_id)

    def export_song(
        self,
        song: Song,
        output: OutputSpec,
        stems: tuple[str, ...],
        gains: dict[str, tuple[float, float]] | None = None,
        tune: dict[str, Any] | None = None,
        region: tuple[int, int] | None = None,
    ) -> str:
        """Write files from a song's take; returns the id that the export's signals carry.

        Among the stems `job.MIX` is the song with its stems at these gains. With `tune` all files
        are in that key and tempo, with `region` they hold these frames only, see `JobSpec`.
        """
        return self._exports.begin(song, output, stems, gains, tune, region)

    def cancel_export(self, export_id: str) -> None:
        """Stop an export."""
        self._exports.cancel(export_id)

    def keep_mix(self, song_id: str, mix: dict[str, Any]) -> None:
        """Keep where the faders of a song stand."""

        def errand() -> None:
            try:
                self._library.change_song(song_id, mix=mix).result()
            except KaraokeError as exc:
                log.warning("the faders of song %s are not kept: %s", song_id, exc.message)

        self._errands.put(errand)

    def watch_sound_devices(self, on: bool) -> None:
        """Start or end looking for sound outputs every two seconds."""
        self._sound.watch(on)

    def list_sound_devices(self) -> None:
        """Look for sound outputs once; `sound_devices_listed` tells them."""
        self._sound.look()

    def look_for_devices(self) -> None:
        """Find out what networks can compute on; `devices_found` tells, once."""
        if not self._is_closing.is_set():
            self._devices.look()

    def request_spectrogram(self, song: Song, source: str, *, anew: bool = False) -> None:
        """Ask for the picture of a song's stem, or of "original"; only the last wish is answered.

        With `anew` it is made once more, because the file that was answered cannot be read.
        """
        if not self._is_closing.is_set():
            chosen = self._settings
            shape = Shape(chosen.spectrogram_window, chosen.spectrogram_scale)
            self._spectrograms.use(shape)
            self._spectrograms.request(song, source, anew=anew)

    def request_analysis(self, song_id: str) -> None:
        """Find tempo, key and loudness of a song, unless they are known; returns at once."""
        if not self._is_closing.is_set():
            self._analyses.request(song_id)

    # -- state -----------------------------------------------------------------------------------

    def jobs(self) -> list[JobView]:
        """Return all jobs that have not been dismissed, in the order they are made."""
        return list(self._jobs.values())

    def is_paused(self) -> bool:
        """Whether no further song is begun."""
        return self._is_paused

    def expected_s(self, engine: str, duration_s: float) -> float | None:
        """Return how long a song would take with an engine as the settings are now, in seconds.

        None while the engine has not been measured on this machine.
        """
        return expected_s(self.plan(), engine, duration_s, self._around.speeds)

    def model_folders(self) -> tuple[Path, ...]:
        """Return where models are looked for as the settings are now."""
        return self.plan().network.model_folders

    def is_working(self) -> bool:
        """Whether something is being made, or will be without anybody's doing."""
        rests = self._is_paused or bool(self._rest)
        states = {JobState.RUNNING} if rests else {JobState.RUNNING, JobState.QUEUED}
        return any(job.state in states for job in self._jobs.values()) or self._exports.are_wanted()

    def _planned(self) -> list[tuple[JobState, JobSpec, str]]:
        return [(job.state, self._specs[name], job.engine) for name, job in self._jobs.items()]

    def _waiting(self) -> list[str]:
        states = {JobState.QUEUED, JobState.PAUSED}
        return [name for name, job in self._jobs.items() if job.state in states]

    def plan(self) -> JobSpec:
        """Return what a new job would be, still without a file."""
        chosen = self._settings
        own = Path(chosen.model_folder) if chosen.model_folder else None
        folders = model_folders(DataFolder(self._around.data), own)
        return JobSpec(
            "",
            Path(),
            chosen.engine,
            chosen_stems(chosen),
            network=network_choice(chosen, folders),
            quality=chosen.quality,
            keep_original=chosen.copy_originals,
            draft=chosen.draft_first,
        )

    def is_busy(self) -> bool:
        """Whether a job runs or waits, or an export runs."""
        is_working = any(job.state not in _OVER for job in self._jobs.values())
        is_working = is_working or bool(self._stops) or self._exports.is_busy()
        return is_working or self._arrivals.are_waiting()

    def stop(self, keep: bool) -> None:
        """End everything; with `keep`, unfinished songs are made at the next start.

        Waits for the running job to let go (at most about half a second).
        """
        if self._is_closing.is_set():
            return
        self._is_closing.set()
        self._line.close()
        self._sound.close()
        over = {job_id for job_id, job in self._jobs.items() if job.state in _OVER}
        stops = dict(self._stops)
        unwanted = {job_id for job_id, stop in stops.items() if stop.is_set()}
        for stop in stops.values():
            stop.set()
        self._exports.cancel_all()
        for part in (
            self._devices,
            self._forecast,
            self._spectrograms,
            self._analyses,
            self.models,
            self._songs,
            self._exports,
            self._errands,
        ):
            part.close()
        # what the lanes told last: a song that is finished after all, files that were just found
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)
        self._arrivals.finish()
        for job_id, job in self._jobs.items():
            is_unfinished = job.state not in {JobState.COMPLETED, JobState.FAILED}
            if job_id not in over and not (keep and is_unfinished and job_id not in unwanted):
                self._library.drop_job(job_id)
        self._library.put_jobs_down()

    # -- in the lanes ----------------------------------------------------------------------------

    def _work_off(self) -> None:
        """Make what may be made now, one song after the other."""
        while turn := self._line.take():
            self._run(turn.spec, turn.stop)

    def _run(self, spec: JobSpec, stop: threading.Event) -> None:
        self._library.begin_job(spec.job_id)
        self.job_started.emit(spec.job_id)
        around = replace(
            self._around,
            describe=lambda facts: self._describe(spec.job_id, facts),
            show_waves=lambda facts: self.job_waves.emit(spec.job_id, facts),
            show_live=lambda live: self.job_live.emit(spec.job_id, live),
        )

        def work() -> JobResult:
            return run_job(
                spec,
                self._library.staging / spec.job_id,
                lambda progress: self.job_progressed.emit(spec.job_id, progress),
                stop,
                around,
            )

        result = settle(spec, work, self.job_cancelled, self.job_failed, spec.job_id)
        if result is not None:
            self.songs_changed.emit()
            self.job_finished.emit(spec.job_id, result)
            if spec.fix is None:
                self._exports.wish(spec.job_id, result)

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

    def _is_open(self, _path: Path) -> bool:
        return not self._is_closing.is_set()

    # -- facts come back -------------------------------------------------------------------------

    @Slot(object)
    def _on_arrived(self, arrivals: list[Arrival]) -> None:
        self._arrivals.put(arrivals)

    def _take_in(self, arrival: Arrival) -> None:
        spec = arrival.spec
        self._add(spec, arrival.engine)
        if arrival.is_empty:
            self.job_failed.emit(
                spec.job_id,
                MissingFile(
                    f"There are no songs in the folder {spec.input.name}.",
                    hint="Drop files, or a folder with songs in it.",
                ),
            )
        elif arrival.starts >= MOST_STARTS:
            self.job_failed.emit(
                spec.job_id,
                EngineCrashed(
                    f"The program ended {arrival.starts} times while {spec.input.name} was made.",
                    hint="It is left out. Try another engine, or try again.",
                ),
            )
        else:
            self._enqueue(spec, is_saved=arrival.is_saved, is_held=arrival.is_held)

    def _add(self, spec: JobSpec, engine: str) -> None:
        self._specs[spec.job_id] = spec
        self._jobs[spec.job_id] = JobView(
            spec.job_id,
            spec.input,
            spec.title or spec.input.stem or spec.input.name,
            JobState.QUEUED,
            engine=engine,
            is_makeshift=_is_makeshift(spec, engine),
        )
        self.job_added.emit(self._jobs[spec.job_id])

    def _enqueue(self, spec: JobSpec, *, is_saved: bool, is_held: bool = False) -> None:
        stop = self._stops[spec.job_id] = threading.Event()
        if not is_saved:
            self._library.save_job(spec)
        self._line.put(Turn(spec, stop))
        if is_held:
            self.hold(spec.job_id, on=True)
        self._songs.put(self._work_off)
        # the first one is opened at once anyway
        if len(self._jobs) > 1:
            self._forecast.ask_length(spec.job_id, spec.input)
        self._forecast.begin()

    @Slot(str, object)
    def _on_described(self, job_id: str, description: JobDescription) -> None:
        self._forecast.learn_length(job_id, description.duration_s)

    @Slot(str, object)
    def _on_progressed(self, job_id: str, progress: Progress) -> None:
        self._forecast.learn_progress(job_id, progress)

    @Slot(str)
    def _on_started(self, job_id: str) -> None:
        self._set_state(job_id, JobState.RUNNING)

    @Slot(str, object)
    def _on_finished(self, job_id: str, result: JobResult) -> None:
        if self._specs[job_id].fix is None:
            self._library.note_made(
                statistics.COMPLETED,
                result.engine,
                song_s=result.duration_s,
                taken_s=result.processing_time_s,
            )
        self._end(job_id, JobState.COMPLETED)
        if result.song_id:
            self.request_analysis(result.song_id)

    @Slot(str, object)
    def _on_failed(self, job_id: str, error: KaraokeError) -> None:
        if job := self._jobs.get(job_id):
            self._library.note_made(statistics.FAILED, job.engine, code=error.code)
        self._end(job_id, JobState.FAILED, error)

    @Slot(str)
    def _on_cancelled(self, job_id: str) -> None:
        self._end(job_id, JobState.CANCELLED)

    def _end(self, job_id: str, state: JobState, error: KaraokeError | None = None) -> None:
        self._stops.pop(job_id, None)
        self._set_state(job_id, state, error)
        if self._is_closing.is_set():
            return
        self._library.drop_job(job_id)
        self._forecast.forget(job_id, length=False)
        if self._is_paused and not self._waiting():  # or the next drop would seem to do nothing
            self.pause(on=False)

    def _set_state(self, job_id: str, state: JobState, error: KaraokeError | None = None) -> None:
        if job_id in self._jobs:
            self._jobs[job_id] = replace(self._jobs[job_id], state=state, error=error)


def _engine_of(spec: JobSpec) -> str:
    return choose_engine(spec.engine, spec.network.model_folders, spec.quality)


def _is_makeshift(spec: JobSpec, engine: str) -> bool:
    return spec.engine == AUTO and spec.quality != DRAFT and not is_network(engine)
