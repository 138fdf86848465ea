"""Tasks of the *media* children: everything that touches foreign files, encoders and numpy engines.

Each task takes plain values, writes into staging only, and returns plain values.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.worker.child import Task, TaskContext
from karaoke_studio.worker.compiled import own_compiled_folder
from karaoke_studio.worker.fixing import write_fix

if TYPE_CHECKING:
    from karaoke_studio.audio.pair import Staged
    from karaoke_studio.audio.raw import RawFile

FloatArray = NDArray[np.float32]


def import_song(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Decode `path` into `staging`; see `audio.importing.import_song`."""
    from karaoke_studio.audio import importing

    song = importing.import_song(
        Path(args["path"]),
        Path(args["staging"]),
        copy=args["copy"],
        describe=lambda facts: context.tell({"described": facts}),
        imported=lambda facts: context.tell({"imported": facts}),
        report=context.report,
        check=context.check,
    )
    return importing.to_plain(song)


def separate(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Run a built-in engine over a staged song: `original.f32` → the file named in `target`.

    Tells {"ready": [start, stop]} in frames of the song for what lies there.
    """
    from karaoke_studio.audio.live_peaks import LivePeaks
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.engine import ENGINES, SongFacts, resolve_engine
    from karaoke_studio.separation.rates import run_at_rate
    from karaoke_studio.staging import ORIGINAL

    staging, song = Path(args["staging"]), args["song"]
    facts = SongFacts(**{name: song[name] for name in ("rms", "peak", "mean", "std", "side_ratio")})
    engine = ENGINES[resolve_engine(args["engine"])]()
    with (
        RawFile.open(staging / ORIGINAL, song["channels"]) as original,
        RawFile.create(staging / args["target"], song["channels"], song["frames"]) as vocals,
    ):
        live = LivePeaks(original, vocals, context.tell)

        def written(start: int, stop: int) -> None:
            context.tell({"ready": [start, stop]})
            live.add(start, stop)

        run_at_rate(
            engine,
            StagedReader(original, song["sample_rate"]),
            StagedWriter(vocals, written),
            facts,
            context.report,
            context.check,
            folder=staging,
        )
        live.flush()
    return {"engine": engine.name}


class StagedReader:
    """A staged original as engines see it: float32 (channels, n), zeros outside the song."""

    def __init__(self, file: RawFile, sample_rate: int) -> None:
        self._file = file
        self.channels: int = file.channels
        self.frames: int = file.frames
        self.sample_rate = sample_rate

    def read(self, start: int, stop: int) -> FloatArray:
        """Return frames start…stop."""
        block = np.zeros((self.channels, stop - start), np.float32)
        inside = self._file.read(start, stop)
        first = max(0, -start)
        block[:, first : first + len(inside)] = inside.T
        return block


class StagedWriter:
    """Takes an engine's vocals into the staged file; what is not finite becomes silence.

    Args:
        file: the staged stem.
        written: told start and stop of what is in the file now.
    """

    def __init__(
        self, file: RawFile, written: Callable[[int, int], None] = lambda _start, _stop: None
    ) -> None:
        self._file, self._written = file, written

    def write(self, start: int, block: FloatArray) -> None:
        """Write float32 (channels, n) from frame `start` on."""
        if not np.isfinite(block.sum()):
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        self._file.write(start, block.T)
        self._written(start, start + block.shape[1])


def write_pair(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Write, tag and prove the stems of a staged song; see `audio.pair.write_pair`."""
    from karaoke_studio.audio import pair
    from karaoke_studio.audio.encode import holdable_rate
    from karaoke_studio.audio.importing import tags_from_facts
    from karaoke_studio.staging import ORIGINAL

    staging, song = Path(args["staging"]), args["song"]
    parts = {stem: staging / f"{stem}.f32" for stem in args["parts"]}
    mixes = {name: staging / f"{name}.f32" for name in args["mixes"]}
    # a mix alone answers for nothing but itself
    whole = staging / ORIGINAL if parts else mixes[args["mixes"][0]]
    staged = pair.Staged(whole, parts, song["sample_rate"], song["channels"], mixes)
    rate = holdable_rate(args["format"], song["sample_rate"])
    if rate != song["sample_rate"] and not args["is_take"]:
        staged = _at_rate(staged, rate, staging, context)
    cover = staging / song["cover"] if song["cover"] else None
    request = pair.PairRequest(
        files={stem: Path(path) for stem, path in args["files"].items()},
        format=args["format"],
        bit_depth=args["bit_depth"],
        bitrate_kbps=args["bitrate_kbps"],
        tags=None if args["is_take"] else tags_from_facts(song, cover),
        is_take=args["is_take"],
        peaks=Path(args["peaks"]) if args["peaks"] else None,
    )
    result = pair.write_pair(staged, request, context.report, context.check)
    return vars(result) | {"sample_rate": staged.sample_rate}


def _at_rate(staged: Staged, rate: int, staging: Path, context: TaskContext) -> Staged:
    """Resample all staged files for a format that cannot hold the song's rate."""
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.rates import KEPT_S, ResampledSource

    def resampled(path: Path) -> Path:
        target = staging / f"{path.stem}.{rate}.f32"
        with (
            RawFile.open(path, staged.channels) as file,
            RawFile.create(target, staged.channels) as made,
        ):
            view = ResampledSource(StagedReader(file, staged.sample_rate), rate, context.check)
            for start in range(0, view.frames, KEPT_S * rate):
                stop = min(start + KEPT_S * rate, view.frames)
                made.write(start, view.read(start, stop).T)
        return target

    return replace(
        staged,
        original=resampled(staged.original),
        parts={stem: resampled(path) for stem, path in staged.parts.items()},
        mixes={name: resampled(path) for name, path in staged.mixes.items()},
        sample_rate=rate,
    )


def restore_take(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Turn a library take's FLACs back into staged samples, so that it can be exported.

    `stems` (stem → file) add up to the song; those named in `parts` are staged by themselves, and
    with `gains` (stem → left, right) their mix is, as the player makes it. With `tune` all of them
    are in that key and tempo, again as the player makes them. With `region` (start, stop) only
    these frames are.

    Returns:
        `frames` of what is staged.
    """
    from karaoke_studio.audio.encode import read_integers
    from karaoke_studio.audio.mix import mixed
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.audio.rubber_band import retuned
    from karaoke_studio.audio.tune import AS_RECORDED, Tune
    from karaoke_studio.job import MIX
    from karaoke_studio.staging import ORIGINAL

    staging, song, gains = Path(args["staging"]), args["song"], args["gains"]
    scale = np.float32(2.0 ** (args["shift_bits"] - 23))
    tune = Tune.from_plain(args["tune"]) if args["tune"] else AS_RECORDED
    first, last = args["region"] or (0, song["frames"])
    frames = round((last - first) / tune.tempo)
    if args["cover"]:
        shutil.copyfile(args["cover"], staging / song["cover"])
    with ExitStack() as files:
        original, *made = (
            files.enter_context(RawFile.create(path, song["channels"], frames))
            for path in (
                staging / ORIGINAL,
                *(staging / f"{name}.f32" for name in (*args["parts"], *([MIX] if gains else []))),
            )
        )
        staged = dict(zip((*args["parts"], MIX), made, strict=False))
        start = 0
        readers = [read_integers(Path(path)) for path in args["stems"].values()]
        scaled: Iterator[list[FloatArray]] = (
            [*((block * scale).astype(np.float32) for block in blocks)]
            for blocks in _between(zip(*readers, strict=True), first, last)
        )
        if not tune.is_plain:
            shape = {"sample_rate": song["sample_rate"], "frames": last - first}
            scaled = retuned(scaled, tune, **shape)
        for floats in scaled:
            context.check()
            # 24-bit numbers add up exactly in float64
            original.write(start, sum((f.astype(np.float64) for f in floats[1:]), start=floats[0]))
            stems = dict(zip(args["stems"], floats, strict=True))
            for part in args["parts"]:
                staged[part].write(start, stems[part])
            if gains:
                wanted = [gains.get(name, (0.0, 0.0)) for name in stems]
                staged[MIX].write(start, mixed(list(stems.values()), wanted))
            start += len(floats[0])
            context.report(min(1.0, start / max(1, frames)))
    return {"frames": frames}


def _between(
    blocks: Iterable[tuple[NDArray[Any], ...]], first: int, last: int
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Yield the frames first…last of blocks (frames, channels) that begin with frame 0."""
    at = 0
    for stems in blocks:
        start, stop = max(first - at, 0), min(last - at, len(stems[0]))
        at += len(stems[0])
        if start < stop:
            yield tuple(stem[start:stop] for stem in stems)
        if at >= last:
            return


def make_video(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Put the instrumental under the picture of the song's own video."""
    from karaoke_studio.audio.pair import blocks_of
    from karaoke_studio.audio.remux import remux_with_audio
    from karaoke_studio.staging import ORIGINAL, VOCALS

    staging, song = Path(args["staging"]), args["song"]
    channels = song["channels"]

    def instrumental() -> Any:
        stems = (blocks_of(staging / ORIGINAL, channels), blocks_of(staging / VOCALS, channels))
        for whole, voice in zip(*stems, strict=True):
            context.check()
            yield (whole - voice) * np.float32(args["gain"])

    suffix = remux_with_audio(
        Path(args["video"]),
        Path(args["target"]),
        instrumental(),
        sample_rate=song["sample_rate"],
        channels=channels,
        frames=song["frames"],
        start_s=song["start_s"],
    )
    return {"suffix": suffix}


def spectrogram(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Make the spectrogram of what the files in `stems` add up to."""
    from karaoke_studio.audio.spectrogram import Shape, make_spectrogram

    make_spectrogram(
        [Path(path) for path in args["stems"]],
        Path(args["target"]),
        {name: args[name] for name in ("channels", "sample_rate", "frames")},
        context.report,
        context.check,
        Shape(args["window"], args["scale"]),
    )
    return {}


def analyse(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Find tempo, key and loudness of the sum of `stems`; see `audio.analysis`."""
    own_compiled_folder(Path(args["compiled"]))  # librosa is compiled at its first use
    from karaoke_studio.audio.analysis import analyse_stems

    stems = {stem: Path(path) for stem, path in args["stems"].items()}
    sound = {name: args[name] for name in ("channels", "sample_rate", "frames")}
    return analyse_stems(stems, sound, context.report, context.check)


def judge_split(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Estimate how well a take is split; see `separation.verdict`."""
    from karaoke_studio.separation.verdict import judge_take

    stems = {stem: Path(path) for stem, path in args["stems"].items()}
    sound = {name: args[name] for name in ("channels", "sample_rate", "frames")}
    return {"quality": judge_take(stems, sound, context.report, context.check)}


def features(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Write the features of the song `path` into `target`; see `preparation.feature_extractor`."""
    own_compiled_folder(Path(args["compiled"]))
    from karaoke_studio.preparation.feature_extractor import write_features

    path, target, cache = (Path(args[name]) for name in ("path", "target", "cache"))
    return write_features(path, target, cache, context.report, context.check)


def prepare(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Prepare the staged original for `write_pair`; see `preparation.chain`."""
    from karaoke_studio.preparation.chain import prepare as prepare_staged
    from karaoke_studio.preparation.validation import Preparation
    from karaoke_studio.staging import ORIGINAL

    staging = Path(args["staging"])
    return prepare_staged(
        staging / ORIGINAL,
        staging / args["target"],
        args["song"],
        Preparation(**args["wanted"]),
        context.report,
        context.check,
    )


def sound_outputs(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Name the sound outputs there are now (PortAudio only sees new ones in a fresh process)."""
    from karaoke_studio.playback.output import list_outputs

    return {"outputs": list_outputs()}


def microphones(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Name the microphones there are now."""
    from karaoke_studio.playback.microphone import list_microphones

    return {"microphones": list_microphones()}


def listen(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Tell what is sung into `microphone` until stopped; see `playback.microphone`."""
    from karaoke_studio.playback.microphone import listen as hear

    hear(context.tell, context.check, args["microphone"])
    return {}


def song_length(args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Return the length that the header of `path` gives, in `seconds`; None where it gives none."""
    from karaoke_studio.audio.decode import open_source

    with open_source(Path(args["path"])) as source:
        frames = source.claimed_frames
        return {"seconds": None if frames is None else frames / source.sample_rate}


def versions(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Name the versions of the libraries that read and write sound, and the formats."""
    from karaoke_studio.audio.encode import codec_versions
    from karaoke_studio.job import FORMATS
    from karaoke_studio.walk import SONG_SUFFIXES

    return {
        "versions": codec_versions() | {"numpy": np.__version__},
        "formats": {
            "reads": sorted(suffix[1:] for suffix in SONG_SUFFIXES),
            "writes": list(FORMATS),
        },
    }


def warm_up(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Import what every song needs, ahead of the first task."""
    from karaoke_studio.audio import importing, pair
    from karaoke_studio.separation import instant, rates

    return {"modules": [module.__name__ for module in (importing, pair, instant, rates)]}


TASKS: dict[str, Task] = {
    "warm_up": warm_up,
    "import_song": import_song,
    "separate": separate,
    "write_pair": write_pair,
    "restore_take": restore_take,
    "write_fix": write_fix,
    "make_video": make_video,
    "spectrogram": spectrogram,
    "analyse": analyse,
    "judge_split": judge_split,
    "features": features,
    "prepare": prepare,
    "sound_outputs": sound_outputs,
    "microphones": microphones,
    "listen": listen,
    "song_length": song_length,
    "versions": versions,
}
