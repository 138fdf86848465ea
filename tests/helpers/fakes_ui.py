"""Stand-ins with behaviour for queue and player, and a little library on disk.

`FakeQueue` makes songs when it is told to (`step`), `FakePlayer` plays when its clock is moved
(`advance_s`): so tests of the window need no waiting.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.audio.peaks import LEVELS, write_peaks
from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import STEMS, JobResult, JobSpec, JobState, OutputSpec, Stage
from karaoke_studio.jobs.job_view import JobDescription, JobView
from karaoke_studio.jobs.shelf import SongDetails
from karaoke_studio.library.finder import Found, Query, SongRow
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.library.search_words import searchable
from karaoke_studio.library.smart_lists import SmartList
from karaoke_studio.library.songs import Song, Word
from karaoke_studio.library.takes import TakeFacts
from karaoke_studio.playback.levels import SILENCE, Heard
from karaoke_studio.playback.player import Loop, Manner, Mix, PlayerState, Source, TakeFiles
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings
from tests.helpers.fake_models import FakeModels

RATE = 44_100


class FakeQueue(QObject):
    """Behaves as `JobQueue` does, one step at a time."""

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

    def __init__(self, library: FakeLibrary) -> None:
        super().__init__()
        self.library = library
        self.models = FakeModels()
        self.views: dict[str, JobView] = {}
        self.specs: dict[str, JobSpec] = {}
        self.exports: dict[str, tuple[Song, OutputSpec, tuple[str, ...]]] = {}
        self.redone: list[tuple[str, str]] = []
        self.is_watching = False
        self.stopped: bool | None = None
        self.settings = Settings()
        self.wishes: list[tuple[str, str, bool]] = []
        self.analysed: list[str] = []
        self.gains: dict[str, tuple[float, float]] | None = None
        self.region: tuple[int, int] | None = None
        self.tune: dict[str, Any] | None = None
        self.retried: list[tuple[str, str]] = []
        self.exported_again: list[str] = []
        self.paused = False
        self.device_looks = 0
        self.seconds: dict[str, float] = {}
        self.folders: tuple[Path, ...] = ()
        self.mixes: list[tuple[str, dict[str, Any]]] = []
        self.lookings = 0
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

    def rest(self, reason: str) -> None:
        self.rest_changed.emit(reason)

    def make_with(self, job_id: str, engine: str) -> None:
        self.views[job_id] = replace(self.views[job_id], engine=engine)
        self.job_changed.emit(self.views[job_id])

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

    def plan(self) -> JobSpec:
        return JobSpec("", Path(), "auto")

    def make_at_once(self, spec: JobSpec) -> None:
        self.specs[spec.job_id] = spec
        view = JobView(spec.job_id, spec.input, spec.title, JobState.QUEUED)
        self.views[spec.job_id] = view
        self.job_added.emit(view)

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
        gains: dict[str, tuple[float, float]] | None = None,
        tune: dict[str, Any] | None = None,
        region: tuple[int, int] | None = None,
    ) -> str:
        self.gains = gains
        self.tune = tune
        self.region = region
        export_id = f"export{next(self._numbers)}"
        self.exports[export_id] = (song, output, stems)
        return export_id

    def cancel_export(self, export_id: str) -> None:
        del self.exports[export_id]
        self.export_cancelled.emit(export_id)

    def list_sound_devices(self) -> None:
        self.lookings += 1

    def keep_mix(self, song_id: str, mix: dict[str, Any]) -> None:
        self.mixes.append((song_id, mix))
        self.library.all = [
            replace(song, mix=mix) if song.id == song_id else song for song in self.library.all
        ]

    def redo_song(self, song: Song, engine: str, quality: str = "best") -> None:
        self.redone.append((song.id, engine))

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

    def finish_fix(self, job_id: str) -> Song:
        """Give the song the take that a fix makes."""
        spec = self.specs[job_id]
        old = next(song for song in self.library.all if song.id == spec.song_id)
        song = replace(old, take_id=job_id)
        song.take_folder.mkdir(parents=True)
        write_waves(song.peaks_path, song.frames, len(self.specs), song.stems)
        self.library.all = [song if one.id == song.id else one for one in self.library.all]
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


class FakeShelf(QObject):
    """Behaves as `Shelf` does, and answers at once."""

    found = Signal(object)
    find_failed = Signal(object)
    details_read = Signal(object)
    engines_found = Signal(object)
    changed = Signal()
    change_failed = Signal(object)
    cover_replaced = Signal(str, object)
    take_removed = Signal(str)

    def __init__(self, library: FakeLibrary) -> None:
        super().__init__()
        self.library = library
        self.folder = library.folder
        self.trash: dict[str, Song] = {}
        self.lists: dict[str, tuple[str, list[str]]] = {}
        self.deleted: dict[str, tuple[str, list[str]]] = {}
        self.smart: dict[str, SmartList] = {}
        self.engines = ["instant", "centre"]
        self.details: dict[str, tuple[TakeFacts, ...]] = {}
        self.wishes: list[tuple[str, str, str]] = []
        self.problem: KaraokeError | None = None
        self._numbers = itertools.count(1)

    def find(self, query: Query) -> None:
        if self.problem is not None:
            self.find_failed.emit(self.problem)
            return
        songs = self.library.songs()
        counts = Counter(song.engine for song in songs)
        ids = {song.id for song in songs}
        lists = [
            Playlist(key, name, len(ids.intersection(members)))
            for key, (name, members) in self.lists.items()
        ]
        stars = sum(song.favourite for song in songs)
        shown = [row_of(song) for song in self._ordered(query) if _is_wanted(song, query)]
        labels = Counter(label for song in songs for label in song.labels)
        self.found.emit(
            Found(
                query,
                shown,
                len(songs),
                stars,
                dict(counts),
                lists,
                list(self.smart.values()),
                dict(labels),
            )
        )

    def _ordered(self, query: Query) -> list[Song]:
        songs = self.library.songs()
        if query.playlist_id:
            members = self.lists.get(query.playlist_id, ("", []))[1]
            by_id = {song.id: song for song in songs}
            return [by_id[song_id] for song_id in members if song_id in by_id]
        keys = {
            "title": lambda song: song.title.casefold(),
            "artist": lambda song: song.artist.casefold() or "\uffff",
            "length": lambda song: song.duration_s,
            "rating": lambda song: -song.rating,
            "played": lambda song: [-ord(c) for c in song.played_at or " "],
        }
        ordered = sorted(songs, key=keys[query.sort]) if query.sort in keys else songs
        return ordered[::-1] if query.backwards else ordered

    def find_engines(self, _folders: tuple[Path, ...]) -> None:
        self.engines_found.emit(self.engines)

    def song(self, song_id: str) -> Song | None:
        return next((song for song in self.library.all if song.id == song_id), None)

    def read_details(self, song: Song) -> None:
        self.details_read.emit(SongDetails(song, self.details.get(song.id, ()), 4_200_000))

    def change(self, song_ids: list[str], **fields: Any) -> None:
        for place, song in enumerate(self.library.all):
            if song.id in song_ids:
                self.library.all[place] = replace(song, **fields)
        self.changed.emit()

    def count_play(self, song_id: str) -> None:
        song = self.song(song_id)
        if song is not None:
            self.change([song_id], play_count=song.play_count + 1, played_at="2026-02-02T02:02:02Z")

    def remove(self, song_ids: list[str]) -> None:
        for song in self.library.songs():
            if song.id in song_ids:
                self.library.all.remove(song)
                self.trash[song.id] = song
        self.changed.emit()

    def restore(self, song_ids: list[str]) -> None:
        for song_id in song_ids:
            self.library.all.insert(0, self.trash.pop(song_id))
        self.changed.emit()

    def set_cover(self, song_id: str, picture: tuple[bytes, str] | None) -> None:
        song = self.song(song_id)
        assert song is not None
        before = song.cover_path
        had = (before.read_bytes(), before.suffix) if before is not None else None
        self.cover_replaced.emit(song_id, had)
        name = f"cover-{next(self._numbers)}{picture[1]}" if picture else None
        if picture:
            (song.folder / str(name)).write_bytes(picture[0])
        self.change([song_id], cover=name)

    def use_take(self, song_id: str, take_id: str) -> None:
        self.wishes.append(("use", song_id, take_id))

    def remove_take(self, song_id: str, take_id: str) -> None:
        self.wishes.append(("remove", song_id, take_id))
        self.take_removed.emit(f"take-{take_id}")

    def restore_take(self, name: str) -> None:
        self.wishes.append(("restore", name, ""))

    def playlist_songs(self, playlist_id: str) -> list[str]:
        return list(self.lists[playlist_id][1])

    def create_playlist(
        self, name: str, song_ids: tuple[str, ...] = (), playlist_id: str = ""
    ) -> None:
        self.lists[playlist_id or f"list{next(self._numbers)}"] = (name, list(song_ids))
        self.changed.emit()

    def rename_playlist(self, playlist_id: str, name: str) -> None:
        self.lists[playlist_id] = (name, self.lists[playlist_id][1])
        self.changed.emit()

    def delete_playlist(self, playlist_id: str) -> None:
        self.deleted[playlist_id] = self.lists.pop(playlist_id)
        self.changed.emit()

    def restore_playlist(self, playlist_id: str) -> None:
        self.lists[playlist_id] = self.deleted.pop(playlist_id)
        self.changed.emit()

    def add_to_playlist(self, playlist_id: str, song_ids: list[str]) -> None:
        members = self.lists[playlist_id][1]
        members += [song_id for song_id in song_ids if song_id not in members]
        self.changed.emit()

    def take_from_playlist(self, playlist_id: str, song_ids: list[str]) -> None:
        name, members = self.lists[playlist_id]
        self.lists[playlist_id] = (name, [key for key in members if key not in song_ids])
        self.changed.emit()

    def reorder_playlist(self, playlist_id: str, song_ids: list[str]) -> None:
        self.lists[playlist_id] = (self.lists[playlist_id][0], list(song_ids))
        self.changed.emit()

    def put_smart_list(self, found: SmartList) -> None:
        self.smart[found.id] = found
        self.changed.emit()

    def rename_smart_list(self, list_id: str, name: str) -> None:
        self.smart[list_id] = replace(self.smart[list_id], name=name)
        self.changed.emit()

    def delete_smart_list(self, list_id: str) -> None:
        del self.smart[list_id]
        self.changed.emit()


def _is_wanted(song: Song, query: Query) -> bool:
    words = searchable(f"{song.title} {song.artist} {song.album}").casefold().split()
    typed = searchable(f"{query.within} {query.text}").casefold().split()
    return (
        all(any(word.startswith(part) for word in words) for part in typed)
        and (song.favourite or not query.favourites)
        and query.engine in {"", song.engine}
        and song.rating >= query.least_rating
        and (not query.label or query.label in song.labels)
        and query.colour in {"", song.colour}
        and (not query.unplayed or not song.play_count)
    )


def row_of(song: Song) -> SongRow:
    """Return what a list shows of a song."""
    values = {name: getattr(song, name) for name in SongRow._fields}
    values["labels"] = json.dumps(song.labels)
    values["analysis"] = json.dumps(song.analysis) if song.analysis else None
    return SongRow(**values)


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
        self.lufs: float | None = None
        self.fills = True
        self.counted = (0, 0.0)
        self.last_click_s: float | None = None
        self.beats: BeatGrid | None = None
        self.tune = AS_RECORDED
        self.lined_up: tuple[TakeFiles, Mix | None, dict[Source, float]] | None = None
        self.handovers = 0
        self.manner = Manner()

    @property
    def frames(self) -> int:
        return self.take.frames if self.take else 0

    @property
    def sample_rate(self) -> int:
        return self.take.sample_rate if self.take else 0

    def load(self, take: TakeFiles) -> None:
        self.loop = self.lined_up = None
        self.take, self.state, self.position_frames = take, PlayerState.PAUSED, 0

    def go_on_with(self, take: TakeFiles) -> None:
        self.take = take

    def line_up(
        self,
        take: TakeFiles | None,
        mix: Mix | None = None,
        matches: dict[Source, float] | None = None,
    ) -> None:
        self.lined_up = None if take is None else (take, mix, matches or {})

    def hand_over(self) -> None:
        """Let the song end; what was lined up is heard."""
        assert self.lined_up is not None
        self.take, self.mix, _ = self.lined_up[0], self.lined_up[1] or Mix(), self.lined_up[2]
        self.lined_up, self.loop, self.position_frames = None, None, 100
        self.handovers += 1

    def set_filling(self, *, on: bool) -> None:
        self.fills = on

    def set_manner(self, manner: Manner) -> None:
        self.manner = manner

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

    def set_loop(
        self,
        start_frame: int,
        stop_frame: int,
        gap_s: float = 0.0,
        clicks_s: tuple[float, ...] = (),
    ) -> None:
        clicks = tuple(round(at * self.sample_rate) for at in clicks_s)
        self.loop = Loop(start_frame, stop_frame, round(gap_s * self.sample_rate), clicks)

    def clear_loop(self) -> None:
        self.loop = None

    def set_source(self, source: Source) -> None:
        self.source = source

    def set_mix(self, mix: Mix) -> None:
        self.mix = mix

    def count_in(self, beats: int, bpm: float, last_s: float | None = None) -> None:
        self.counted, self.last_click_s = (beats, round(bpm, 3)), last_s

    def set_metronome(self, grid: BeatGrid | None) -> None:
        self.beats = grid

    def set_tune(self, tune: Tune) -> None:
        self.tune = tune

    def set_matches(self, gains: dict[Source, float]) -> None:
        self.matches = dict(gains)

    def set_device(self, name: str) -> None:
        self.device = name

    def heard(self) -> Heard:
        return self.levels

    def short_term_lufs(self) -> float | None:
        return self.lufs

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
