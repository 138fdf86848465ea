"""Tasks of the *engine* child: the only process that loads a network runtime.

It reads staged samples and model files, never a foreign song. The model of the last song stays
warm for the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from karaoke_studio.separation.device import list_devices
from karaoke_studio.staging import JOURNAL
from karaoke_studio.worker.child import Task, TaskContext

if TYPE_CHECKING:
    from karaoke_studio.audio.live_peaks import LivePeaks
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.demucs_engine import DemucsEngine
    from karaoke_studio.separation.engine import Check, FloatArray, ReportFraction, SongFacts
    from karaoke_studio.separation.journal import Journal
    from karaoke_studio.separation.model_files import ModelFiles
    from karaoke_studio.separation.order import Playhead
    from karaoke_studio.separation.ranges import Ranges
    from karaoke_studio.separation.song_run import Ledger, NetworkOptions, Separation, Song

log = logging.getLogger(__name__)


def devices(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """List the devices a network could run on."""
    return list_devices()


def probe_device(args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Try the device `name` with a small network; see `separation.device.probe_device`."""
    from karaoke_studio.separation import device

    return device.probe_device(args["name"], _device_record(args))


def warm_up(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Load the network runtime ahead of the first task."""
    from karaoke_studio.separation import torch_networks

    return torch_networks.load_runtime()


def load_model(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Make a model ready, unless old files must be converted first.

    Args:
        args: `model` (its name), `folders` (where its files may be, best first), `data`, and
            `stems`: what will be asked for, so that no more is loaded; None = all.
        context: of this task.

    Returns:
        {"needs_conversion": paths} where `worker.conversion` has work to do, else also `sources`,
        `sha256` and `load_s` (0 for a model that is warm).
    """
    waiting = _warm.unconverted(args)
    if waiting:
        return {"needs_conversion": [str(path) for path in waiting]}
    engine, load_s = _warm.engine(args, context)
    return {
        "needs_conversion": [],
        "sources": list(engine.model.sources),
        "sha256": engine.model.sha256,
        "load_s": load_s,
    }


def separate(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Run a model over a staged song: `original.f32` → `<stem>.f32` for each of `stems`.

    A staging folder in which this was interrupted is gone on with, where nothing that decides the
    bits has changed.

    Args:
        args: `staging`, `song` (what the import told), `stems`, `options` (fields of
            `NetworkOptions`), and those of `load_model`.
        context: of this task; its hints say where the song is heard, `frame` and whether it `moves`
            (that part is made first); told {"stage": "loading_model" or "separating"},
            {"device": name} before it is used, {"fraction": …} and {"ready": [start, stop]} in
            frames of the song, when all stems have those.

    Returns:
        `engine` (the model's name), `stems`, `model_sha256`, `model_load_s`, `device`, `fallbacks`
        ([device, error code] in order), `resumed_frames`, `recipe`.
    """
    engine, load_s = _warm.engine(args, context)
    facts = {"engine": engine.model.name, "model_sha256": engine.model.sha256}
    return facts | {"model_load_s": load_s} | separate_staged(engine, args, context)


class SongEngine(Protocol):
    """A warm model, whatever runs it."""

    def separate(
        self,
        song: Song,
        options: NetworkOptions,
        ledger: Ledger,
        report: ReportFraction,
        check: Check,
    ) -> Separation:
        """Make the stems that the song asks for."""
        ...


def separate_staged(
    engine: SongEngine, args: dict[str, Any], context: TaskContext
) -> dict[str, Any]:
    """Run a warm model over a staged song; see `separate` for what is told and returned."""
    from karaoke_studio.audio.live_peaks import LivePeaks
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.song_run import NetworkOptions, Song
    from karaoke_studio.staging import ORIGINAL
    from karaoke_studio.worker.media import StagedReader, StagedWriter

    staging, song, stems = Path(args["staging"]), args["song"], list(args["stems"])
    options = NetworkOptions(**args["options"])
    context.tell({"stage": "separating"})
    paths = {stem: staging / f"{stem}.f32" for stem in stems}
    with ExitStack() as stack:
        original = stack.enter_context(RawFile.open(staging / ORIGINAL, song["channels"]))
        files = _open_stems(paths, song["channels"], song["frames"], staging, stack)
        ledger = stack.enter_context(_Ledger(staging / JOURNAL, list(files.values()), context.tell))
        if "vocals" in files:
            ledger.live = LivePeaks(original, files["vocals"], context.tell)
        done = engine.separate(
            Song(
                StagedReader(original, song["sample_rate"]),
                {stem: StagedWriter(file) for stem, file in files.items()},
                song_facts(song),
                staging,
                song["sha256"],
                lambda: _playhead(context.hints),
            ),
            options,
            ledger,
            context.report,
            context.check,
        )
        ledger.checkpoint()
    return {
        "stems": stems,
        "device": done.device,
        "fallbacks": [[one.device, one.code] for one in done.fallbacks],
        "resumed_frames": ledger.resumed,
        "recipe": done.recipe,
    }


def song_facts(song: dict[str, Any]) -> SongFacts:
    """Return what engines look at of what the import told."""
    from karaoke_studio.separation.engine import SongFacts

    return SongFacts(**{name: song[name] for name in ("rms", "peak", "mean", "std", "side_ratio")})


def staged_chunks(args: dict[str, Any], frames: int, context: TaskContext) -> FloatArray:
    """Return chunks of a staged song, as `separation.trials` tries them."""
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.trials import cut_chunks
    from karaoke_studio.staging import ORIGINAL
    from karaoke_studio.worker.media import StagedReader

    song = args["song"]
    with RawFile.open(Path(args["staging"]) / ORIGINAL, song["channels"]) as original:
        source = StagedReader(original, song["sample_rate"])
        return cut_chunks(source, song_facts(song), frames, context.check)


def usable_devices(args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Say on which devices a song would be made, best first, where `device` was chosen."""
    from karaoke_studio.separation import device

    return {"devices": device.devices_to_try(args["device"], _device_record(args))}


def try_torch(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Try all ways of torch on the processor, with the first network that makes vocals.

    Args:
        args: those of `load_model`, `staging` and `song` (an import of any song), `threads`.
        context: of this task.

    Returns:
        `trials`, `network` (its number), `is_convertible`.
    """
    from karaoke_studio.separation import torch_trials

    engine, _ = _warm.engine(args, context)
    number = torch_trials.first_network(engine.model, "vocals")
    chunks = staged_chunks(args, torch_trials.chunk_frames(engine.model, number), context)
    return torch_trials.try_all(
        engine.model, number, chunks, Path(args["staging"]), args["threads"], context.check
    )


def convert_network(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Convert a model for OpenVINO; only ever in a child that ends after it.

    Args:
        args: those of `load_model`.
        context: of this task.
    """
    from karaoke_studio.separation import openvino_conversion
    from karaoke_studio.worker.openvino import conversion_folder

    engine, _ = _warm.engine(args, context)
    stems = args.get("stems") or list(engine.model.sources)
    folder, _ = conversion_folder(args)
    openvino_conversion.convert_model(engine.model, stems, folder, context.check, _music())
    return {"folder": str(folder)}


def _music() -> FloatArray:
    """Return a piece of the demo song at the rate and the level that networks know."""
    import numpy as np
    import soundfile
    import soxr

    from karaoke_studio.paths import resource
    from karaoke_studio.separation.network_arguments import MAX_SEGMENT_S, SAMPLE_RATE

    path = resource("demo/demo.opus")
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        file.seek(file.frames // 3)  # past the beginning, where not all instruments play yet
        samples = file.read(int(MAX_SEGMENT_S * rate), "float32", always_2d=True)
    music = soxr.resample(samples[:, [0, -1]], rate, SAMPLE_RATE).T
    level: FloatArray = np.ascontiguousarray((music - music.mean()) / music.mean(axis=0).std())
    return level


def _playhead(hints: dict[str, Any]) -> Playhead | None:
    from karaoke_studio.separation.order import Playhead

    return Playhead(hints["frame"], hints["moves"]) if hints else None


def convert_model(args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Convert the old model file `path`; only ever in a child that ends after it."""
    from karaoke_studio.separation import legacy_models
    from karaoke_studio.separation.model_store import ModelStore

    target = legacy_models.convert_model(Path(args["path"]), ModelStore(Path(args["data"])))
    return {"target": str(target)}


def _open_stems(
    paths: dict[str, Path], channels: int, frames: int, staging: Path, stack: ExitStack
) -> dict[str, RawFile]:
    """Open the stems' files; where one is not whole, all begin anew."""
    from karaoke_studio.audio.raw import SAMPLE_BYTES, RawFile

    size = frames * channels * SAMPLE_BYTES
    if all(path.is_file() and path.stat().st_size == size for path in paths.values()):
        return {
            stem: stack.enter_context(RawFile.open(path, channels, writable=True))
            for stem, path in paths.items()
        }
    (staging / JOURNAL).unlink(missing_ok=True)
    return {
        stem: stack.enter_context(RawFile.create(path, channels, frames))
        for stem, path in paths.items()
    }


class _Ledger:
    """Keeps the journal of a song, and tells the parent what can be played."""

    def __init__(
        self, path: Path, files: list[RawFile], tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._path = path
        self._files = files
        self._tell = tell
        self._journal: Journal | None = None
        self.live: LivePeaks | None = None
        self.resumed = 0

    def begin(self, recipe: dict[str, Any]) -> Ranges:
        from karaoke_studio.separation.journal import Journal, recipe_hash

        name = recipe_hash(recipe)
        self._tell({"device": recipe["device"]})
        if self._journal is None:
            self._journal = Journal(self._path, name, self._sync)
            self.resumed = self._journal.resumed
            for start, stop in self._journal.ready:
                self._show(start, stop)
        else:
            self._journal.use(name)
        return self._journal.ready

    def add(self, start: int, stop: int) -> None:
        if self._journal is not None:
            self._journal.add(start, stop)
            self._show(start, stop)

    def _show(self, start: int, stop: int) -> None:
        self._tell({"ready": [start, stop]})
        if self.live is not None:
            self.live.add(start, stop)
            self.live.flush()

    def checkpoint(self) -> None:
        if self._journal is not None:
            self._journal.checkpoint()

    def _sync(self) -> None:
        for file in self._files:
            file.sync()

    def __enter__(self) -> _Ledger:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._journal is not None:
            self._journal.close()


@dataclass
class _Warm:
    """The model that is loaded, and the files it was loaded from."""

    _engine: DemucsEngine | None = None
    _stamp: object = None

    def unconverted(self, args: dict[str, Any]) -> list[Path]:
        from karaoke_studio.separation import model_store

        store = model_store.ModelStore(Path(args["data"]))
        return model_store.unconverted(find_model(args), store)

    def engine(self, args: dict[str, Any], context: TaskContext) -> tuple[DemucsEngine, float]:
        """Return the model that is asked for and the seconds that it took to load it now."""
        from karaoke_studio.separation.demucs_engine import DemucsEngine
        from karaoke_studio.separation.model_networks import load_model
        from karaoke_studio.separation.model_store import ModelStore

        def check() -> None:
            context.check()
            context.tell({"stage": "loading_model"})

        files = find_model(args)
        stamp = (files, [stamp_of(file.path) for file in files.files], args["data"])
        stems = args.get("stems")
        warm = self._engine if stamp == self._stamp else None
        if warm is not None and warm.can_make(warm.model.sources if stems is None else stems):
            return warm, 0.0
        warm = self._engine = None  # two models may not fit side by side
        store = ModelStore(Path(args["data"]))
        model = load_model(files, store, check, stems)
        log.info("model %s loaded in %.2f s", model.name, model.load_s)
        self._engine, self._stamp = DemucsEngine(model, _device_record(args)), stamp
        return self._engine, model.load_s


def find_model(args: dict[str, Any]) -> ModelFiles:
    """Return the files of the model that a task names."""
    from karaoke_studio.separation import model_files

    return model_files.find_model(args["model"], [Path(folder) for folder in args["folders"]])


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file does, None where it cannot be looked at."""
    try:
        status = path.stat()
    except OSError:  # loading will say what is the matter
        return None
    return status.st_size, status.st_mtime_ns


def _device_record(args: dict[str, Any]) -> Path:
    return Path(args["data"]) / "devices.json"


_warm = _Warm()

TASKS: dict[str, Task] = {
    "devices": devices,
    "probe_device": probe_device,
    "warm_up": warm_up,
    "load_model": load_model,
    "separate": separate,
    "convert_model": convert_model,
    "convert_network": convert_network,
    "usable_devices": usable_devices,
    "try_torch": try_torch,
}
