"""Stand-ins with behaviour for queue and player, and a little library on disk.

`FakeQueue` makes songs when it is told to (`step`), `FakePlayer` plays when its clock is moved
(`advance_s`): so tests of the window need no waiting.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter

from karaoke_studio.audio.peaks import LEVELS, write_peaks
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import STEMS, JobResult, JobState, OutputSpec, Stage
from karaoke_studio.jobs.queue import JobDescription, JobView
from karaoke_studio.library.songs import Song, Word
from karaoke_studio.playback.levels import SILENCE, Heard
from karaoke_studio.playback.player import Loop, Mix, PlayerState, Source, TakeFiles
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings

RATE = 44_100


class FakeQueue(QObject):
    """Behaves as `JobQueue` does, one step at a time."""

    job_added = Signal(object)
    job_started = Signal(str)
    job_described = Signal(str, object)
    job_progressed = Signal(str, object)
    job_finished = Signal(str, object)
    job_failed = Signal(str, object)
    job_cancelled = Signal(str)
    job_held = Signal(str, bool)
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
    devices_found = Signal(object)
    spectrogram_ready = Signal(str, str, object)

    def __init__(self, library: FakeLibrary) -> None:
        super().__init__()
        self.library = library
        self.views: dict[str, JobView] = {}
        self.exports: dict[str, tuple[Song, OutputSpec, tuple[str, ...]]] = {}
        self.trash: dict[str, Song] = {}
        self.is_watching = False
        self.stopped: bool | None = None
        self.settings = Settings()
        self.wishes: list[tuple[str, str, bool]] = []
        self.analysed: list[str] = []
        self.gains: dict[str, float] | None = None
        self.retried: list[tuple[str, str]] = []
        self.exported_again: list[str] = []
        self.paused = False
        self.device_looks = 0
        self.seconds: dict[str, float] = {}
        self.folders: tuple[Path, ...] = ()
        self.mixes: list[tuple[str, dict[str, Any]]] = []
        self._numbers = itertools.count(1)

    # wishes

    def use(self, settings: Settings) -> None:
        self.settings = settings

    def add_paths(self, paths: list[Path]) -> None:
        for path in paths:
            view = JobView(f"job{next(self._numbers)}", path, path.stem, JobState.QUEUED)
            self.views[view.job_id] = view
            self.job_added.emit(view)

    def cancel(self, job_id: str) -> None:
        if job_id in self.views:
            self._set(job_id, JobState.CANCELLED)
            self.job_cancelled.emit(job_id)

    def retry(self, job_id: str, engine: str = "") -> None:
        self.retried.append((job_id, engine))
        self._set(job_id, JobState.QUEUED)
        self.job_added.emit(self.views[job_id])

    def pause(self, on: bool) -> None:
        self.paused = on
        self.paused_changed.emit(on)

    def is_paused(self) -> bool:
        return self.paused

    def hold(self, job_id: str, on: bool) -> None:
        self._set(job_id, JobState.PAUSED if on else JobState.QUEUED)
        self.job_held.emit(job_id, on)

    def move(self, job_id: str, before: str | None) -> None:
        order = [name for name in self.views if name != job_id]
        order.insert(order.index(before) if before else len(order), job_id)
        self.views = {name: self.views[name] for name in order}
        self.jobs_arranged.emit(order)

    def move_by(self, job_id: str, steps: int) -> None:
        order = list(self.views)
        place = order.index(job_id)
        order.insert(place + steps, order.pop(place))
        self.views = {name: self.views[name] for name in order}
        self.jobs_arranged.emit(order)

    def make_next(self, job_id: str) -> None:
        waiting = [name for name, view in self.views.items() if view.state is JobState.QUEUED]
        self.move(job_id, waiting[0])

    def export_again(self, job_id: str) -> None:
        self.exported_again.append(job_id)

    def expected_s(self, engine: str, duration_s: float) -> float | None:
        return self.seconds[engine] * duration_s if engine in self.seconds else None

    def model_folders(self) -> tuple[Path, ...]:
        return self.folders

    def dismiss(self, job_id: str) -> None:
        self.views.pop(job_id, None)

    def export_song(
        self,
        song: Song,
        output: OutputSpec,
        stems: tuple[str, ...],
        gains: dict[str, float] | None = None,
    ) -> str:
        self.gains = gains
        export_id = f"export{next(self._numbers)}"
        self.exports[export_id] = (song, output, stems)
        return export_id

    def cancel_export(self, export_id: str) -> None:
        del self.exports[export_id]
        self.export_cancelled.emit(export_id)

    def keep_mix(self, song_id: str, mix: dict[str, Any]) -> None:
        self.mixes.append((song_id, mix))
        self.library.all = [
            replace(song, mix=mix) if song.id == song_id else song for song in self.library.all
        ]

    def remove_song(self, song_id: str) -> None:
        song = next(song for song in self.library.all if song.id == song_id)
        self.library.all.remove(song)
        self.trash[song_id] = song
        self.songs_changed.emit()

    def restore_song(self, song_id: str) -> None:
        self.library.all.insert(0, self.trash.pop(song_id))
        self.songs_changed.emit()

    def watch_sound_devices(self, on: bool) -> None:
        self.is_watching = on

    def look_for_devices(self) -> None:
        self.device_looks += 1

    def request_spectrogram(self, song: Song, source: str, *, anew: bool = False) -> None:
        self.wishes.append((song.id, source, anew))

    def request_analysis(self, song_id: str) -> None:
        self.analysed.append(song_id)

    def jobs(self) -> list[JobView]:
        return list(self.views.values())

    def is_busy(self) -> bool:
        open_states = {JobState.QUEUED, JobState.RUNNING}
        return any(view.state in open_states for view in self.views.values()) or bool(self.exports)

    def stop(self, keep: bool) -> None:
        self.stopped = keep

    # what a test or a picture makes happen

    def ids(self) -> list[str]:
        return list(self.views)

    def start(self, job_id: str, artist: str = "", cover: Path | None = None) -> None:
        self._set(job_id, JobState.RUNNING)
        self.job_started.emit(job_id)
        title = self.views[job_id].title
        self.job_described.emit(job_id, JobDescription(title, artist, cover, 30.0))

    def progress(
        self, job_id: str, overall: float, eta_s: float | None = None, stage: str = "separating"
    ) -> None:
        self.job_progressed.emit(job_id, Progress(Stage(stage), overall, overall, eta_s))

    def finish(self, job_id: str) -> Song:
        song = self.library.add(self.views[job_id].title)
        self.songs_changed.emit()
        self._set(job_id, JobState.COMPLETED)
        self.job_finished.emit(job_id, replace(result_of(song), song_id=song.id))
        return song

    def fail(self, job_id: str, error: KaraokeError) -> None:
        self._set(job_id, JobState.FAILED, error)
        self.job_failed.emit(job_id, error)

    def finish_export(self, export_id: str) -> JobResult:
        song, output, stems = self.exports.pop(export_id)
        files = {}
        for stem in stems:
            path = output.folder / f"{song.title} ({stem}).{output.format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"sound")
            files[stem] = path
        result = replace(result_of(song), stem_paths=files)
        self.export_finished.emit(export_id, result)
        return result

    def _set(self, job_id: str, state: JobState, error: KaraokeError | None = None) -> None:
        self.views[job_id] = replace(self.views[job_id], state=state, error=error)


def result_of(song: Song) -> JobResult:
    """Return the result that a queue tells of a song."""
    return JobResult(
        input=song.folder / "original.flac",
        title=song.title,
        artist=song.artist,
        engine=song.engine,
        duration_s=song.duration_s,
        sample_rate=song.sample_rate,
        channels=song.channels,
        processing_time_s=1.0,
        model_load_s=0.0,
        null_test_db=-200.0,
        null_exact=True,
        gain_db=0.0,
    )


class FakePlayer:
    """Behaves as `Player` does; its clock is moved by hand."""

    def __init__(self) -> None:
        self.take: TakeFiles | None = None
        self.state = PlayerState.EMPTY
        self.position_frames = 0
        self.source = Source.ORIGINAL
        self.volume = 1.0
        self.problem: KaraokeError | None = None
        self.retries = 0
        self.loop: Loop | None = None
        self.underruns = 0
        self.mix = Mix()
        self.matches: dict[Source, float] = {}
        self.device = ""
        self.levels = SILENCE

    @property
    def frames(self) -> int:
        return self.take.frames if self.take else 0

    @property
    def sample_rate(self) -> int:
        return self.take.sample_rate if self.take else 0

    def load(self, take: TakeFiles) -> None:
        self.loop = None
        self.take, self.state, self.position_frames = take, PlayerState.PAUSED, 0

    def unload(self) -> None:
        self.take, self.state, self.position_frames = None, PlayerState.EMPTY, 0

    def play(self) -> None:
        if self.state is PlayerState.ENDED:
            self.position_frames = 0
        self.state = PlayerState.PLAYING

    def pause(self) -> None:
        self.state = PlayerState.PAUSED

    def toggle(self) -> None:
        if self.state is PlayerState.PLAYING:
            self.pause()
        else:
            self.play()

    def seek(self, frame: int) -> None:
        self.position_frames = min(max(frame, 0), self.frames)
        if self.state is PlayerState.ENDED:
            self.state = PlayerState.PAUSED

    def set_loop(self, start_frame: int, stop_frame: int) -> None:
        self.loop = Loop(start_frame, stop_frame)

    def clear_loop(self) -> None:
        self.loop = None

    def set_source(self, source: Source) -> None:
        self.source = source

    def set_mix(self, mix: Mix) -> None:
        self.mix = mix

    def set_matches(self, gains: dict[Source, float]) -> None:
        self.matches = dict(gains)

    def set_device(self, name: str) -> None:
        self.device = name

    def heard(self) -> Heard:
        return self.levels

    def set_volume(self, volume: float) -> None:
        self.volume = volume

    def retry_output(self) -> None:
        self.retries += 1

    def close(self) -> None:
        self.unload()

    def advance_s(self, seconds: float) -> None:
        if self.state is PlayerState.PLAYING:
            self.position_frames += round(seconds * self.sample_rate)
            if self.loop and self.position_frames >= self.loop.stop:
                self.position_frames -= self.loop.stop - self.loop.start
            if self.position_frames >= self.frames:
                self.position_frames, self.state = self.frames, PlayerState.ENDED


class FakeLibrary:
    """Songs in a folder, with real peaks and covers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Song] = []
        self.word_lines: dict[str, tuple[Word, ...]] = {}
        self._numbers = itertools.count(1)

    def songs(self) -> list[Song]:
        return list(self.all)

    def words(self, song: Song) -> tuple[Word, ...]:
        return self.word_lines.get(song.id, ())

    def add(
        self,
        title: str,
        artist: str = "",
        album: str = "",
        *,
        seconds: float = 30.0,
        engine: str = "instant",
        hue: int | None = None,
        words: tuple[Word, ...] = (),
        notes: tuple[str, ...] = (),
        original: str | None = None,
        has_picture: bool = False,
        stems: tuple[str, ...] = STEMS,
    ) -> Song:
        """Add a song as the newest."""
        number = next(self._numbers)
        frames = round(seconds * RATE)
        song = Song(
            id=f"{number:032x}",
            title=title,
            artist=artist,
            album=album,
            duration_s=seconds,
            sample_rate=RATE,
            channels=2,
            frames=frames,
            engine=engine,
            take_id="take1",
            shift_bits=0,
            added_at="2026-01-01T00:00:00Z",
            folder=self.folder / f"{number:032x}",
            cover=None if hue is None else "cover.png",
            original=original,
            has_picture=has_picture,
            notes=notes,
            stems=stems,
        )
        song.take_folder.mkdir(parents=True)
        write_waves(song.peaks_path, frames, number, stems)
        if song.cover_path is not None and hue is not None:
            paint_picture(song.cover_path, hue)
        self.all.insert(0, song)
        self.word_lines[song.id] = words
        return song


def write_waves(path: Path, frames: int, seed: int, names: tuple[str, ...] = STEMS) -> None:
    """Write peaks that look like a singer with pauses over a band."""
    rng = np.random.default_rng(seed)
    count = -(-frames // LEVELS[0])
    time = np.linspace(0, 1, count)
    edges = np.clip(time * 30, 0, 1) * np.clip((1 - time) * 20, 0, 1)
    phrases = np.clip(np.sin(time * 70 + seed) + np.sin(time * 31) + 0.3, 0, 1)
    syllables = np.interp(time, np.linspace(0, 1, 340), rng.uniform(0.15, 1.0, 340))
    singing = np.clip((time - 0.08) * 40, 0, 1) * np.clip((0.94 - time) * 40, 0, 1)
    verse = np.interp(
        time, [0, 0.3, 0.32, 0.5, 0.52, 0.75, 0.77, 1], [0.5, 0.6, 1, 1, 0.65, 0.7, 1, 1]
    )
    hits = np.interp(time, np.linspace(0, 1, 700), rng.uniform(0.45, 1.0, 700) ** 1.5)
    levels = {
        "vocals": 0.7 * phrases * syllables * singing,
        "instrumental": 0.9 * verse * hits * edges,
    }
    for name in names:
        if name not in levels:
            beats = np.interp(time, np.linspace(0, 1, 300), rng.uniform(0.1, 1.0, 300) ** 2)
            levels[name] = rng.uniform(0.4, 0.8) * verse * beats * edges
    stems = {}
    for name, level in ((name, levels[name]) for name in names):
        high = (level * rng.uniform(0.75, 1.0, count)).astype(np.float32)
        low = (-level * rng.uniform(0.75, 1.0, count)).astype(np.float32)
        stems[name] = (low, high)
    write_peaks(path, frames, stems)


def paint_picture(path: Path, hue: int) -> None:
    """Write a cover."""
    image = QImage(300, 300, QImage.Format.Format_RGB32)
    colours = QLinearGradient(QPointF(0, 0), QPointF(300, 300))
    colours.setColorAt(0, QColor.fromHsv(hue % 360, 150, 150))
    colours.setColorAt(1, QColor.fromHsv((hue + 70) % 360, 170, 240))
    painter = QPainter(image)
    painter.fillRect(QRectF(0, 0, 300, 300), colours)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromHsv((hue + 30) % 360, 60, 255, 90))
    painter.drawEllipse(QPointF(210, 110), 70, 70)
    painter.end()
    image.save(str(path))
