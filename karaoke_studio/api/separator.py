"""Songs and arrays in, stems out: `Separator` for one at a time, `separate_files` for many."""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from karaoke_studio.audio.encode import read_floats, write_audio
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.audio.sniff import sniff
from karaoke_studio.audio.tags import read_tags, write_tags
from karaoke_studio.engines import AUTO, check_engine, choose_engine, is_network, model_folders
from karaoke_studio.errors import KaraokeError, LimitExceeded, UnsupportedAudio
from karaoke_studio.job import STEMS, JobResult, JobSpec, NetworkChoice, OutputSpec
from karaoke_studio.meter import Speeds
from karaoke_studio.paths import data_folder
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job
from karaoke_studio.playback.live_song import Layer, LiveSong
from karaoke_studio.progress import Progress, StopEvent, check
from karaoke_studio.separation.ranges import Range, Ranges
from karaoke_studio.staging import ORIGINAL, VOCALS
from karaoke_studio.worker.host import Workers

FloatArray = NDArray[np.float32]
PathLike = str | os.PathLike[str]
#: None = a bar on a terminal and nothing elsewhere, False = nothing, else called with each report.
Show = Callable[[Progress], None] | bool | None

#: Files of a profile by stem, and their format.
PROFILES: dict[str, dict[str, str]] = {
    "seed-000": {"instrumental": "vocals_removed.mp3"},
    "spleeter": {"vocals": "vocals.wav", "instrumental": "accompaniment.wav"},
}
_SEED_RATE = 44_100

#: Bytes that the children of one job need at most, without and with a network.
_BUILTIN_BYTES, _NETWORK_BYTES = 600_000_000, 4_000_000_000
_LOOK_EVERY_S = 0.05
#: Longest part that is handed out at once: memory does not grow with the song.
_PIECE_S = 10


@dataclass(frozen=True)
class Stems:
    """A separated song.

    Attributes:
        stems: stem → float32 (channels, frames), full scale ±1; as long as the song.
        sample_rate: Hz, the song's own.
        engine: that made them.
        device: that a network ran on, or None.
        notes: codes of `karaoke_studio.notes`.
    """

    stems: dict[str, FloatArray]
    sample_rate: int
    engine: str
    device: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def vocals(self) -> FloatArray:
        """The voice."""
        return self.stems["vocals"]

    @property
    def instrumental(self) -> FloatArray:
        """The music: the song minus the voice."""
        return self.stems["instrumental"]


@dataclass(frozen=True)
class Piece:
    """A part of a song that is ready.

    Attributes:
        start: its first frame.
        stems: "vocals" and "instrumental" → float32 (channels, n).
        sample_rate: Hz.
    """

    start: int
    stems: dict[str, FloatArray]
    sample_rate: int


class Separator:
    """Separates one song after the other; the network of the last one stays loaded.

    Use it in a `with`, or call `close`. Not for several threads at once: see `separate_files`.
    """

    def __init__(
        self,
        engine: str = AUTO,
        *,
        model_folder: PathLike | None = None,
        device: str = "auto",
        mode: str = "auto",
        segment_s: float | None = None,
        data_dir: PathLike | None = None,
    ) -> None:
        """Choose how songs are separated.

        Args:
            engine: one of `job.ENGINES`, or the name of a model that is installed.
            model_folder: where models are looked for first.
            device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
            mode: one of `job.MODES`: how exactly a network counts.
            segment_s: length of the pieces that a network gets; None = what it asks for.
            data_dir: the program's data folder, where it is not the usual one.

        Raises:
            ModelError: there is no such engine.
        """
        self._data = data_folder(None if data_dir is None else Path(data_dir))
        own = None if model_folder is None else Path(model_folder)
        folders = model_folders(self._data, own)
        check_engine(engine, STEMS, folders)
        self.engine = engine
        self._network = NetworkChoice(folders, mode=mode, device=device, segment_s=segment_s)
        self._speeds = Speeds(self._data.speeds_file)
        self._workers: Workers | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child processes; the next song starts them again."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    @property
    def chosen_engine(self) -> str:
        """The engine that runs: what "auto" comes to here."""
        return choose_engine(self.engine, self._network.model_folders)

    def separate(
        self,
        song: PathLike | NDArray[Any],
        sample_rate: int | None = None,
        *,
        stems: tuple[str, ...] = STEMS,
        progress: Show = None,
        stop: StopEvent | None = None,
    ) -> Stems:
        """Return the stems of a song.

        Args:
            song: a file, or float samples (channels, frames) or (frames,), one or two channels.
            sample_rate: Hz, of samples.
            stems: which; ("all",) = every one that the network makes.
            progress: see `Show`.
            stop: set it to cancel, from another thread.

        Raises:
            Cancelled: `stop` was set.
            KaraokeError: what went wrong and what to do.
            ValueError: samples without a rate.
        """
        with tempfile.TemporaryDirectory(prefix="karaoke-") as folder:
            path = _as_file(song, sample_rate, Path(folder))
            output = OutputSpec(Path(folder), "wav", "32f", name="{stem}")
            result = self._run(path, output, stems, progress, stop)
            made = {stem: _read(file) for stem, file in result.stem_paths.items()}
        return Stems(made, result.sample_rate, result.engine, result.device, result.notes)

    def stream(
        self,
        song: PathLike | NDArray[Any],
        sample_rate: int | None = None,
        *,
        progress: Show = None,
        stop: StopEvent | None = None,
    ) -> Iterator[Piece]:
        """Yield parts of a song as they get ready; together they are the whole song, each once.

        No part is longer than ten seconds, and memory does not grow with the song.

        Args:
            song: as for `separate`.
            sample_rate: as for `separate`.
            progress: as for `separate`.
            stop: as for `separate`; leaving the loop cancels too.

        Raises:
            Cancelled: `stop` was set.
            KaraokeError: what went wrong and what to do.
            ValueError: samples without a rate.
        """
        ended = threading.Event()
        with (
            tempfile.TemporaryDirectory(prefix="karaoke-") as folder,
            ThreadPoolExecutor(1, thread_name_prefix="song") as pool,
        ):
            path = _as_file(song, sample_rate, Path(folder))
            output = OutputSpec(Path(folder), "wav", "32f", name="{stem}")
            lives: list[LiveSong] = []
            job = pool.submit(self._run, path, output, STEMS, progress, ended, lives.append)
            told = Ranges()
            try:
                while not job.done():
                    time.sleep(_LOOK_EVERY_S)
                    if stop is not None and stop.is_set():
                        ended.set()
                    if lives:
                        yield from _ready_pieces(lives[-1], told)
                result = job.result()
            finally:
                ended.set()
            yield from _missing_pieces(result, told)

    def write(
        self,
        song: PathLike,
        folder: PathLike,
        *,
        profile: str | None = None,
        stems: tuple[str, ...] = STEMS,
        format: str = "flac",  # noqa: A002
        bit_depth: str = "24",
        bitrate_kbps: int | None = None,
        name: str = OutputSpec.name,
        overwrite: bool = False,
        progress: Show = None,
        stop: StopEvent | None = None,
    ) -> JobResult:
        """Write the stems of a song as files, with tags and cover, proved by reading them back.

        Args:
            song: the file.
            folder: where the files go.
            profile: "seed-000" (`vocals_removed.mp3`, 44.1 kHz, stereo) or "spleeter" (`vocals.wav`
                and `accompaniment.wav`): files of that name are replaced, and nothing of `stems`,
                `format`, `bit_depth`, `name` and `overwrite` is looked at.
            stems: which.
            format: one of `job.FORMATS`.
            bit_depth: one of `job.BIT_DEPTHS`, for WAV and FLAC.
            bitrate_kbps: for the lossy formats.
            name: template with the fields of `job.OutputSpec`.
            overwrite: replace files of the same name.
            progress: as for `separate`.
            stop: as for `separate`.

        Raises:
            Cancelled: `stop` was set; nothing is left behind.
            KaraokeError: what went wrong and what to do; nothing is left behind.
        """
        target = Path(folder).absolute()
        if profile is None:
            output = OutputSpec(target, format, bit_depth, bitrate_kbps, name, overwrite)
            return self._run(Path(song).absolute(), output, stems, progress, stop)
        if profile not in PROFILES:
            raise UnsupportedAudio(
                f"There is no profile {profile}.", hint=f"There are {', '.join(PROFILES)}."
            )
        names = {stem: target / file for stem, file in PROFILES[profile].items()}
        if profile == "seed-000":
            return self._write_seed(Path(song).absolute(), names, bitrate_kbps, progress, stop)
        return self.write_named(Path(song).absolute(), names, progress=progress, stop=stop)

    def write_named(
        self,
        song: Path,
        names: dict[str, Path],
        *,
        progress: Show = None,
        stop: StopEvent | None = None,
    ) -> JobResult:
        """Write stems under names of their own, in the format of their suffix (WAV: 16 bits).

        Args:
            song: the file.
            names: stem → file, all in one folder and of one suffix; replaced where they exist.
            progress: as for `separate`.
            stop: as for `separate`.

        Raises:
            Cancelled: `stop` was set.
            KaraokeError: what went wrong and what to do.
        """
        first = next(iter(names.values()))
        with beside(first.parent) as folder:
            output = OutputSpec(folder, first.suffix[1:].lower(), "16", name="{stem}")
            result = self._run(song, output, tuple(names), progress, stop)
            for stem, made in result.stem_paths.items():
                made.replace(names[stem])
        return replace(result, stem_paths=names)

    def _write_seed(
        self,
        song: Path,
        names: dict[str, Path],
        bitrate_kbps: int | None,
        progress: Show,
        stop: StopEvent | None,
    ) -> JobResult:
        """Write MP3s of 44.1 kHz in stereo, whatever the song is."""
        with beside(next(iter(names.values())).parent) as folder:
            output = OutputSpec(folder, "flac", "24", name="{stem}")
            result = self._run(song, output, tuple(names), progress, stop)
            for stem, made in result.stem_paths.items():
                samples = soxr.resample(_read(made).T, result.sample_rate, _SEED_RATE)
                stereo = np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples
                target = folder / names[stem].name
                write_audio(
                    target,
                    [np.clip(stereo, -1, 1)],
                    sample_rate=_SEED_RATE,
                    channels=2,
                    format="mp3",
                    bit_depth="",
                    bitrate_kbps=bitrate_kbps,
                    frames=len(stereo),
                )
                _copy_tags(made, target)
                target.replace(names[stem])
        return replace(result, stem_paths=names, sample_rate=_SEED_RATE, channels=2)

    def _run(
        self,
        song: Path,
        output: OutputSpec,
        stems: tuple[str, ...],
        progress: Show,
        stop: StopEvent | None,
        show_live: Callable[[LiveSong], None] = lambda _live: None,
    ) -> JobResult:
        if stems != STEMS:
            check_engine(self.engine, stems, self._network.model_folders)
        if self._workers is None:
            self._workers = Workers.create(self._data.create().logs)
        spec = JobSpec(uuid.uuid4().hex, song, self.engine, stems, output, self._network)
        around = Surroundings(
            self._workers, speeds=self._speeds, data=self._data.root, show_live=show_live
        )
        with _shown(progress, song.name) as report:
            return run_job(spec, output_workdir(spec), report, stop or threading.Event(), around)


def separate_files(
    songs: Iterable[PathLike],
    folder: PathLike,
    *,
    jobs: int | None = None,
    stop: StopEvent | None = None,
    engine: str = AUTO,
    data_dir: PathLike | None = None,
    **options: Any,
) -> Iterator[tuple[Path, JobResult | KaraokeError]]:
    """Make many songs, several at a time, each by processes of its own; yield them as they come.

    Args:
        songs: files.
        folder: where results go.
        jobs: at most so many at a time; None = what processors and free memory allow.
        stop: set it to cancel what is left.
        engine: as for `Separator`.
        data_dir: as for `Separator`.
        options: of `Separator.write`.

    Yields:
        In the order of `songs`: the song, and what was made of it or why it was not.

    Raises:
        Cancelled: `stop` was set.
        ModelError: there is no such engine.
    """
    paths = [Path(song) for song in songs]
    stop = stop or threading.Event()
    with Separator(engine, data_dir=data_dir) as first:
        count = max(1, min(jobs or len(paths), _jobs_at_once(first.chosen_engine), len(paths)))
    mine = threading.local()
    separators: list[Separator] = []

    def hire() -> None:
        mine.separator = Separator(engine, data_dir=data_dir)
        separators.append(mine.separator)

    def make(path: Path) -> JobResult | KaraokeError:
        check(stop)
        try:
            made: JobResult = mine.separator.write(
                path, folder, stop=stop, **({"progress": False} | options)
            )
        except KaraokeError as exc:
            return exc
        return made

    pool = ThreadPoolExecutor(count, "song", initializer=hire)
    try:
        yield from zip(paths, pool.map(make, paths), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)
        for separator in separators:
            separator.close()


def _jobs_at_once(engine: str) -> int:
    """Return how many jobs processors and free memory allow."""
    needed = _NETWORK_BYTES if is_network(engine) else _BUILTIN_BYTES
    # a network uses all processors by itself, the built-in engine two
    by_processors = 1 if is_network(engine) else max(1, (os.cpu_count() or 1) // 2)
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not told by this system
        return by_processors
    return max(1, min(by_processors, free // needed))


@contextmanager
def _shown(progress: Show, name: str) -> Iterator[Callable[[Progress], None]]:
    if callable(progress):
        yield progress
        return
    # None: only where somebody looks at a terminal
    with tqdm(
        total=100, desc=name, unit="%", disable={None: None, False: True, True: False}[progress]
    ) as bar:

        def report(told: Progress) -> None:
            bar.update(math.floor(100 * told.overall_fraction) - bar.n)

        yield report


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Make a folder for files that are then renamed into `folder`, on the same disk."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".karaoke-", dir=folder) as made:
        yield Path(made)


def _as_file(song: PathLike | NDArray[Any], sample_rate: int | None, folder: Path) -> Path:
    if not isinstance(song, np.ndarray):
        return Path(song).absolute()
    if sample_rate is None:
        raise ValueError("samples need a sample_rate")
    samples = np.atleast_2d(song).astype(np.float32, copy=False)
    if samples.ndim != 2 or samples.shape[0] not in {1, 2}:
        raise LimitExceeded(
            f"Samples of the shape {song.shape} are no song.",
            hint="Give (channels, frames) with one or two channels.",
        )
    path = folder / "song.wav"
    shape = {"sample_rate": sample_rate, "channels": len(samples), "frames": samples.shape[1]}
    write_audio(path, [samples.T], format="wav", bit_depth="32f", **shape)
    return path


def _read(path: Path) -> FloatArray:
    """Return a file that we wrote as (channels, frames)."""
    blocks = [block.T.copy() for block in read_floats(path)]
    return np.concatenate(blocks, axis=1)


def _ready_pieces(live: LiveSong, told: Ranges) -> Iterator[Piece]:
    """Yield what is new in staging; the files may go away at any moment."""
    for start, stop in live.within(Layer.FINAL, 0, live.frames):
        for first, last in _cut(told.missing(start, stop), _PIECE_S * live.sample_rate):
            try:
                with (
                    RawFile.open(live.folder / ORIGINAL, live.channels) as original,
                    RawFile.open(live.folder / VOCALS, live.channels) as vocals,
                ):
                    whole, voice = (file.read(first, last) for file in (original, vocals))
            except OSError:  # published meanwhile: what is left comes from there
                return
            if len(whole) != last - first or len(voice) != last - first:
                return
            told.add(first, last)
            stems = {"vocals": voice.T.copy(), "instrumental": (whole - voice).T.copy()}
            yield Piece(first, stems, live.sample_rate)


def _missing_pieces(result: JobResult, told: Ranges) -> Iterator[Piece]:
    """Yield from the written files what nobody was told while they were made."""
    start = 0
    for blocks in zip(*map(read_floats, result.stem_paths.values()), strict=True):
        stop = start + len(blocks[0])
        for first, last in told.missing(start, stop):
            parts = (block[first - start : last - start].T.copy() for block in blocks)
            stems = dict(zip(result.stem_paths, parts, strict=True))
            yield Piece(first, stems, result.sample_rate)
        start = stop


def _cut(ranges: Iterable[Range], longest: int) -> Iterator[Range]:
    for start, stop in ranges:
        for first in range(start, stop, longest):
            yield first, min(first + longest, stop)


def _copy_tags(source: Path, target: Path) -> None:
    tags, _notes = read_tags(source, sniff(source))
    write_tags(target, target.suffix[1:], tags)
