"""The spine: one job from a foreign file to a published karaoke pair. No Qt, no numbers.

    import → separate → write the pair → publish

Every step that touches sound runs in a child process and writes into a staging folder; only this
process publishes. Retry policy lives here: a child that dies is given the same stage once more.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from karaoke_studio import notes
from karaoke_studio.engines import AUTO, choose_engine, is_network
from karaoke_studio.errors import (
    DeviceError,
    DeviceLost,
    EngineCrashed,
    KaraokeError,
    MissingFile,
    ModelError,
    ModelRefused,
    OutOfMemory,
    ProcessingFailed,
    ProcessingTimeout,
    error_from_os,
)
from karaoke_studio.fixes import Fix
from karaoke_studio.job import (
    ALL_STEMS,
    BUILTIN_ENGINES,
    MIX,
    NETWORK_STEMS,
    STEMS,
    JobResult,
    JobSpec,
    OutputSpec,
    Stage,
)
from karaoke_studio.library.manifest import NewTake
from karaoke_studio.library.songs import Song
from karaoke_studio.library.takes import with_take
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.meter import Meter, Speeds
from karaoke_studio.paths import data_folder
from karaoke_studio.playback.live_song import Layer, LiveSong
from karaoke_studio.progress import Report, StopEvent, check
from karaoke_studio.publishing import publish_files
from karaoke_studio.retries import can_pass
from karaoke_studio.stages import export_stages, stages_of
from karaoke_studio.staging import DRAFT, ORIGINAL_PEAKS, VOCALS, Staging, sweep, take_over
from karaoke_studio.worker.calibration import strike_way
from karaoke_studio.worker.conversion import convert_models, convert_network
from karaoke_studio.worker.draft import Draft
from karaoke_studio.worker.host import Worker, WorkerDied, Workers
from karaoke_studio.worker.network import (
    Measure,
    Plan,
    likely_role,
    mode_for,
    never_measure,
    plan_network,
    without_way,
)

log = logging.getLogger(__name__)

#: Staging folders of files made for a person lie beside the results, under this name.
OUTPUT_STAGING = ".karaoke-"
#: A stage that says nothing for so long has met a dead disk or a hopeless file.
STALL_S = 60.0

#: What an engine is shown of the song on either side of a stretch that it makes again.
FIX_CONTEXT_S = 5.0
#: A clip begins on a multiple of so many frames: there the built-in net's own steps fall where they
#: fell in the whole song (at 44.1 kHz), so it makes the same bits.
_CLIP_STEP = 1 << 15

#: Before a job that failed for what may pass is begun again.
PAUSES_S = (1.0, 2.0, 4.0)

Describe = Callable[[dict[str, Any]], None]


@dataclass
class Surroundings:
    """What a job works with besides its spec.

    Attributes:
        workers: the child processes.
        library: where songs without an `OutputSpec` go.
        speeds: measured seconds per second of song, for progress and ETA.
        data: the data folder; models' hashes and converted models are kept there.
        describe: told title, artist, cover and length as soon as they are known.
        show_waves: told {"original": path of its peaks, "frames": …, "sample_rate": …} after the
            import, then what `audio.live_peaks` tells of the stems; a draft's with {"draft": True}.
        show_live: given the song as soon as its first second can be heard; it then tells by itself
            what of it is ready.
        measure: finds out which way of computing is the quickest for a model, where nothing is
            known yet, or says that now is not the time for it.
    """

    workers: Workers
    library: LibraryWriter | None = None
    speeds: Speeds = field(default_factory=Speeds)
    data: Path = field(default_factory=lambda: data_folder().root)
    describe: Describe = lambda _facts: None
    show_waves: Describe = lambda _facts: None
    show_live: Callable[[LiveSong], None] = lambda _live: None
    measure: Measure = never_measure


def run_job(
    spec: JobSpec, workdir: Path, report: Report, stop: StopEvent, around: Surroundings
) -> JobResult:
    """Make karaoke of one song.

    Args:
        spec: all inputs.
        workdir: staging folder to make; on the disk of the destination; gone afterwards.
        report: told the progress.
        stop: set it to cancel.
        around: workers, library and the rest.

    Raises:
        Cancelled: `stop` was set; nothing is left behind.
        KaraokeError: what went wrong and what to do; nothing is left behind.
    """
    for pause_s in PAUSES_S:
        try:
            return _run_once(spec, workdir, report, stop, around)
        except KaraokeError as exc:
            if not can_pass(exc, spec.input):
                raise
            log.warning("job %s: %s; it is tried again", spec.job_id, exc.code)
            # not all that wait for the same thing at the same moment
            stop.wait(pause_s * random.uniform(0.75, 1.25))
    return _run_once(spec, workdir, report, stop, around)


def _run_once(
    spec: JobSpec, workdir: Path, report: Report, stop: StopEvent, around: Surroundings
) -> JobResult:
    check(stop)
    if spec.output is None and around.library is not None:
        around.library.require_changes()
    with _staging(workdir) as staging:
        run = _Run(spec, staging.folder, report, stop, around)
        if spec.fix is not None:
            run.fix(spec.fix)
            return run.publish()
        run.import_song()
        run.separate()
        run.write_pair()
        if spec.output is not None and spec.output.video:
            run.make_video()
        result = run.publish()
    around.speeds.learn(run.meter.seconds, result.duration_s)
    log.info("job %s: %s in %.1f s", spec.job_id, result.engine, result.processing_time_s)
    return result


def run_export(
    spec: JobSpec,
    song: Song,
    workdir: Path,
    report: Report,
    stop: StopEvent,
    around: Surroundings,
) -> JobResult:
    """Write files from a song of the library.

    Args:
        spec: `output` and `stems` say what to write.
        song: whose current take is written.
        workdir: as in `run_job`.
        report: as in `run_job`.
        stop: as in `run_job`.
        around: as in `run_job`.

    Raises:
        Cancelled: `stop` was set.
        KaraokeError: what went wrong and what to do.
    """
    check(stop)
    with _staging(workdir) as staging:
        run = _Run(spec, staging.folder, report, stop, around, is_export=True)
        run.restore(song)
        run.write_pair()
        if spec.output is not None and spec.output.video:
            run.make_video()
        return run.publish()


def output_workdir(spec: JobSpec) -> Path:
    """Return the staging folder for files made for a person: beside them, on the same disk."""
    output = _output(spec)
    return output.folder / f"{OUTPUT_STAGING}{spec.job_id}"


def sweep_outputs(folder: Path) -> None:
    """Remove what an interrupted run left in an output folder."""
    sweep(folder, f"{OUTPUT_STAGING}*")


def _staging(workdir: Path) -> Staging:
    try:
        return Staging(workdir)
    except OSError as exc:
        raise error_from_os(exc, workdir.parent, writing=True) from exc


def _output(spec: JobSpec) -> OutputSpec:
    if spec.output is None:
        raise ValueError("the job has no output folder")
    return spec.output


class _Run:
    """One job under way: what each stage found out, for the next ones."""

    def __init__(
        self,
        spec: JobSpec,
        staging: Path,
        report: Report,
        stop: StopEvent,
        around: Surroundings,
        *,
        is_export: bool = False,
    ) -> None:
        if spec.fix is not None:  # a clip's waves are nobody's business
            around = replace(around, show_waves=lambda _facts: None)
            is_export = not spec.fix.redo
        self.spec = spec
        self.staging = staging
        self.stop = stop
        self.around = around
        folders = spec.network.model_folders
        self.engine = choose_engine(spec.engine, folders, spec.quality, spec.stems)
        stages = export_stages(spec) if is_export else stages_of(spec, self.engine)
        self.meter = Meter(stages, around.speeds, report)
        self.live: LiveSong | None = None
        self.song: dict[str, Any] = {}
        self.stems = spec.stems if spec.stems != ALL_STEMS else STEMS
        self.parts = ["vocals"]
        self.model_load_s = 0.0
        self.device: str | None = None
        self.fallback_from: str | None = None
        self._device_in_use = ""
        self.pair: dict[str, Any] = {}
        self.files: dict[str, Path] = {}
        self.notes: list[str] = []
        self.source = spec.input
        self.edit: dict[str, Any] | None = None

    def import_song(self) -> None:
        """Decode the file into staging."""
        self._start_engine()
        self.song = self._stage(
            Stage.IMPORTING,
            self.around.workers.transfer,
            "import_song",
            {"path": str(self.spec.input), "copy": self._makes_song() and self.spec.keep_original},
        )
        self.notes += self.song["notes"]
        if self.live is not None:
            self.live.import_to(self.song["frames"], is_whole=True)
        facts = {name: self.song[name] for name in ("frames", "sample_rate")}
        self.around.show_waves({"original": self.staging / ORIGINAL_PEAKS, **facts})

    def _start_engine(self) -> None:
        """Have the child that will separate started by the time it is needed."""
        if is_network(self.engine):
            mode = mode_for(self.spec.network, self.spec.quality)
            self._worker_for(likely_role(self._model(), self.spec.network, mode)).start()
        if not is_network(self.engine) or self.spec.draft:
            self.around.workers.builtin.start()

    def _makes_song(self) -> bool:
        return self.spec.output is None and self.spec.song_id is None

    def restore(self, song: Song) -> None:
        """Put a library take back into staging."""
        self.song = song.facts()
        self.engine = song.engine
        self.source = song.original_path or song.vocals_path
        if self.spec.stems == ALL_STEMS:
            self.stems = song.stems
        video = self.spec.output is not None and self.spec.output.video
        if {*self.stems} == {MIX} and not video:
            self.parts = []
        elif {*self.stems} - {*STEMS, MIX}:
            # "other" is what all the rest leaves of the song
            self.parts = [stem for stem in song.stems if stem != "instrumental"]
            self._require_stems(song.stems, song.engine)
        tune = dict(self.spec.tune)
        if tune and video and tune["tempo"] != 1.0:
            # the picture cannot be slowed down with it
            tune["tempo"] = 1.0
            self.notes.append(notes.TEMPO_KEPT)
        restored = self._stage(
            Stage.IMPORTING,
            self.around.workers.transfer,
            "restore_take",
            {
                "song": self.song,
                "stems": {stem: str(path) for stem, path in song.stem_paths.items()},
                "parts": self.parts,
                "gains": self.spec.gains if MIX in self.stems else {},
                "tune": tune,
                "region": self.spec.region,
                "shift_bits": song.shift_bits,
                "cover": str(song.cover_path) if song.cover_path else None,
            },
        )
        start_s = self.spec.region[0] / song.sample_rate if self.spec.region else 0.0
        self.song = {**self.song, "frames": restored["frames"]}
        tempo = tune["tempo"] if tune else 1.0
        if self.spec.region or tune:
            length_s = restored["frames"] / song.sample_rate
            moved = [
                (None if seconds is None else (seconds - start_s) / tempo, line)
                for seconds, line in self.song["words"]
            ]
            self.song["words"] = [
                [at, line] for at, line in moved if at is None or 0 <= at < length_s
            ]

    def fix(self, fix: Fix) -> None:
        """Make a take of an older one in which a stretch is another."""
        song = self._song_with_take(fix.take_id)
        whole = song.facts()
        margin = round(FIX_CONTEXT_S * song.sample_rate)
        first = max(0, fix.start - margin)
        clip = first - first % _CLIP_STEP, min(song.frames, fix.stop + margin)
        if fix.redo:
            self._start_engine()
        old = {stem: str(path) for stem, path in song.stem_paths.items()}
        take: dict[str, Any] = {"song": whole, "shift_bits": song.shift_bits}
        staged = {"stems": old, "parts": ["vocals"], "region": clip}
        plain: dict[str, Any] = {"gains": {}, "tune": {}, "cover": None}
        transfer = self.around.workers.transfer
        self._stage(Stage.IMPORTING, transfer, "restore_take", take | staged | plain)
        self.edit = fix.to_json()
        if fix.redo:
            name = f"{whole['sha256']} {fix.take_id} {clip}"
            self.song = whole | {"frames": clip[1] - clip[0], "sha256": name}
            self.separate()
            chosen = self.spec.network
            self.edit |= {"engine": self.engine, "device": self.device, "mode": chosen.mode}
            self.edit |= {"overlap": chosen.overlap, "shifts": chosen.shifts}
        self.song, self.engine = whole, song.engine
        self.notes = [*song.notes, *self.notes]
        self.files = {stem: self.staging / f"{stem}.flac" for stem in old}
        wish = {"fix": fix.to_json(), "offset": clip[0], "old": old}
        wish["files"] = {stem: str(path) for stem, path in self.files.items()}
        wish["peaks"] = str(self.staging / "peaks")
        self.pair = self._stage(Stage.ENCODING, transfer, "write_fix", take | wish)

    def _song_with_take(self, take_id: str) -> Song:
        library, song_id, fix = self.around.library, self.spec.song_id, self.spec.fix
        song = library.song(song_id).result() if library is not None and song_id else None
        if song is None or fix is None or fix.stop > song.frames:
            raise MissingFile("The stretch that was to be fixed is gone with its song.")
        return with_take(song, take_id)

    def separate(self) -> None:
        """Let the engine write its stems; what was left to us goes on with the built-in one."""
        if not is_network(self.engine):
            self._separate_builtin()
            return
        draft = self._begin_draft() if self.spec.draft else None
        try:
            self._separate_network()
        except (ModelError, DeviceError, OutOfMemory, EngineCrashed, ProcessingTimeout) as exc:
            if self.spec.engine != AUTO:
                raise
            log.warning("job %s: %s is given up: %s", self.spec.job_id, self.engine, exc.code)
            self.notes.append(notes.note(notes.FALLBACK, f"{self.engine} {exc.code}"))
            self.fallback_from, self.engine = self.engine, BUILTIN_ENGINES[0]
            self.stems, self.parts = STEMS, ["vocals"]
            if draft is not None:
                draft.end()
            self._separate_builtin()
        finally:
            if draft is not None:
                draft.end()

    def _begin_draft(self) -> Draft:
        args = {"song": self.song, "engine": BUILTIN_ENGINES[0], "target": DRAFT}
        args["staging"] = str(self.staging)

        def hear(facts: dict[str, Any]) -> None:
            if "ready" in facts and self.live is not None:
                self.live.add(Layer.DRAFT, *facts["ready"])
            if "peaks" in facts:
                self.around.show_waves(facts["peaks"] | {"draft": True})

        return Draft(self.around.workers.builtin, args, hear, self.stop)

    def _separate_builtin(self) -> None:
        if self.live is not None:
            self.live.clear(Layer.FINAL)
        args = {"song": self.song, "engine": self.engine, "target": VOCALS}
        self._stage(Stage.SEPARATING, self.around.workers.builtin, "separate", args)

    def _separate_network(self) -> None:
        choice, model = self.spec.network, self._model()
        self.meter.enter(Stage.LOADING_MODEL)
        mode = mode_for(choice, self.spec.quality)
        workers, measure = self.around.workers, self.around.measure
        started_s = time.monotonic()
        plan = plan_network(model, choice, mode, workers, measure, self.stop)
        self.meter.forgive(time.monotonic() - started_s)
        if plan.role == "openvino":
            try:
                self._run_network(model, plan)
            except (ModelError, EngineCrashed, ProcessingTimeout, ProcessingFailed) as exc:
                way = plan.options["way"]
                log.warning("job %s: %s failed: %s", self.spec.job_id, way, exc.message)
                strike_way(model, choice.threads, way, exc.code)
            else:
                return
        self._run_network(model, without_way(plan) if plan.role == "openvino" else plan)

    def _model(self) -> dict[str, Any]:
        """Return the arguments that name the model to the children."""
        return {
            "model": self.engine,
            "folders": [str(folder) for folder in self.spec.network.model_folders],
            "data": str(self.around.data),
            "stems": self._asked_of_network(),
        }

    def _worker_for(self, role: str) -> Worker:
        workers = self.around.workers
        return workers.openvino if role == "openvino" else workers.engine

    def _load_network(self, worker: Worker, model: dict[str, Any]) -> dict[str, Any]:
        loaded = self._stage(Stage.LOADING_MODEL, worker, "load_model", model)
        if loaded.get("needs_conversion"):
            files = [Path(name) for name in loaded["needs_conversion"]]
            convert_models(files, self.around.data, stop=self.stop)
        elif loaded.get("is_converted") is False:
            convert_network(model, stop=self.stop)
        else:
            return loaded
        return self._stage(Stage.LOADING_MODEL, worker, "load_model", model)

    def _run_network(self, model: dict[str, Any], plan: Plan) -> None:
        worker = self._worker_for(plan.role)
        loaded = self._load_network(worker, model)
        self._choose_stems(tuple(loaded["sources"]))
        self._go_on_with(model["model"])
        args = model | {"song": self.song, "stems": self.parts, "options": plan.options}
        done = self._stage(Stage.SEPARATING, worker, "separate", args)
        self.model_load_s = loaded["load_s"] + done["model_load_s"]
        self.meter.forgive(self.model_load_s)
        self.engine, self.device = done["engine"], done["device"]
        if done["fallbacks"]:
            given_up, code = done["fallbacks"][0]
            self._note_fallback(given_up, code, done["device"])
        if any(code == DeviceLost.code for _, code in done["fallbacks"]):
            worker.end_idle()  # a driver that failed once fails in that process for ever

    def _go_on_with(self, model: str) -> None:
        """Take over what a program that was killed has left of the same song."""
        facts = {name: self.song[name] for name in ("sha256", "frames", "channels")}
        try:
            take_over(self.staging, facts | {"model": model, "stems": self.parts})
        except OSError as exc:
            raise error_from_os(exc, self.staging, writing=True) from exc

    def _asked_of_network(self) -> list[str] | None:
        """Return the stems that a network will be asked for, None where its own list decides."""
        wanted = self.spec.stems
        if wanted == ALL_STEMS or (self.spec.output is not None and "other" in wanted):
            return None
        if self.spec.output is None:
            return ["vocals"]
        return sorted({"vocals" if stem == "instrumental" else stem for stem in wanted})

    def _choose_stems(self, sources: tuple[str, ...]) -> None:
        """Decide which stems are written, and which of them the network must make.

        "other" is the original less all the rest, so it takes every stem of the model.
        """
        wanted = sources if self.spec.stems == ALL_STEMS else self.spec.stems
        if self.spec.output is None and not (
            self.spec.stems == ALL_STEMS and {"vocals"} < {*sources} <= {*NETWORK_STEMS}
        ):
            wanted = STEMS
        self.stems = wanted
        self._require_stems(sources, self.engine)
        needed = {"vocals" if stem == "instrumental" else stem for stem in wanted}
        self.parts = [stem for stem in sources if stem in needed or "other" in needed]

    def _require_stems(self, made: tuple[str, ...], engine: str) -> None:
        missing = [stem for stem in self.stems if stem not in (*made, "instrumental", MIX)]
        if missing:
            raise ModelRefused(
                f"The model {engine} does not make {', '.join(missing)}.",
                hint=f"It makes {', '.join(made)}.",
            )

    def write_pair(self) -> None:
        """Write and prove the stems in their final format."""
        output = self.spec.output or OutputSpec(self.staging)
        is_take = self.spec.output is None
        self.files = {stem: self.staging / f"{stem}.{output.format}" for stem in self.stems}
        self.pair = self._stage(
            Stage.ENCODING,
            self.around.workers.transfer,
            "write_pair",
            {
                "song": self.song,
                "parts": self.parts,
                "mixes": [MIX] if MIX in self.stems else [],
                "files": {stem: str(path) for stem, path in self.files.items()},
                "format": output.format,
                "bit_depth": output.bit_depth,
                "bitrate_kbps": output.bitrate_kbps,
                "is_take": is_take,
                "peaks": str(self.staging / "peaks") if is_take else None,
            },
        )
        self.notes += self.pair["notes"]

    def make_video(self) -> None:
        """Put the instrumental under the song's own picture, where it has one."""
        if not self.song["has_picture"]:
            self.notes.append(notes.NO_PICTURE)
            return
        target = self.staging / "video"
        done = self._stage(
            Stage.ENCODING,
            self.around.workers.transfer,
            "make_video",
            {
                "song": self.song,
                "video": str(self.source),
                "target": str(target),
                "gain": self.pair["gain"],
            },
        )
        self.files["video"] = target.rename(target.with_suffix(done["suffix"]))

    def publish(self) -> JobResult:
        """Move what is finished to where it belongs; nothing before this can be seen."""
        check(self.stop)
        self.meter.enter(Stage.PUBLISHING)
        result = self._result()
        if self.spec.output is None:
            song = self._adopt(result)
            result = replace(result, song_id=song.id, stem_paths=song.stem_paths)
        else:
            tags = self.song["tags"]
            fields = {name: tags.get(name, "") for name in ("artist", "title", "album")}
            fields |= {"engine": self.engine, "base": self.spec.input.stem}
            placed = publish_files(self.files, self.spec.output, fields, self.source)
            video = placed.pop("video", None)
            result = replace(result, stem_paths=placed, video_path=video)
        self.meter.finish()
        return replace(result, processing_time_s=self.meter.elapsed_s)

    def _result(self) -> JobResult:
        song, tags = self.song, self.song["tags"]
        rate = self.pair["sample_rate"]
        if rate != song["sample_rate"]:
            self.notes.append(notes.note(notes.RATE_CHANGED, rate))
        is_take = self.spec.output is None
        return JobResult(
            input=self.spec.input,
            title=self.spec.title or tags.get("title", ""),
            artist=tags.get("artist", ""),
            engine=self.engine,
            duration_s=song["frames"] / song["sample_rate"],
            sample_rate=rate,
            channels=song["channels"],
            processing_time_s=self.meter.elapsed_s,
            model_load_s=self.model_load_s,
            device=self.device,
            fallback_from=self.fallback_from,
            null_test_db=self.pair["null_test_db"],
            null_exact=self.pair["null_exact"],
            # a take's power-of-two shift is undone by the player and by exports
            gain_db=0.0 if is_take else 20 * math.log10(self.pair["gain"]),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _adopt(self, result: JobResult) -> Song:
        library = self.around.library
        if library is None:
            raise ValueError("a job without output folder needs a library")
        take = NewTake(
            job_id=self.spec.job_id,
            staging=self.staging,
            song=self.song,
            files=self.files,
            sha256=self.pair["sha256"],
            peaks=self.staging / "peaks",
            shift_bits=round(-math.log2(self.pair["gain"])),
            result=result,
            words=self.song["words"],
            edit=self.edit,
        )
        if self.spec.song_id is not None:
            return library.add_take(take, self.spec.song_id)
        return library.adopt(take)

    def _stage(
        self, stage: Stage, worker: Worker, task: str, args: dict[str, Any]
    ) -> dict[str, Any]:
        self.meter.enter(stage)

        args = {**args, "staging": str(self.staging)}
        for is_last in (False, True):
            self._device_in_use = ""
            try:
                result = worker.run(
                    task,
                    args,
                    on_progress=self._hear,
                    stop=self.stop,
                    stall_s=STALL_S,
                    hints=self._hints,
                )
            except (WorkerDied, ProcessingTimeout) as exc:
                elsewhere = None if is_last else self._without_card(args)
                if elsewhere is not None:
                    args = elsewhere
                    continue
                if isinstance(exc, ProcessingTimeout):
                    raise
                if is_last:
                    raise EngineCrashed(
                        f"{self.spec.input.name} could not be made: a helper process stopped "
                        f"twice while {stage.value.replace('_', ' ')}.",
                        hint="Try again; if it happens again, the file may be damaged.",
                    ) from exc
                self.notes.append(notes.CHILD_RESTARTED)
            else:
                self.meter.forgive(worker.start_wait_s)
                return result
        raise AssertionError("unreachable")

    def _hear(self, facts: dict[str, Any]) -> None:
        """Take what a child tells of the task under way."""
        self._device_in_use = facts.get("device", self._device_in_use)
        if "described" in facts:
            self._describe(facts["described"])
        if "imported" in facts:
            self._hear_import(facts["imported"])
        if "ready" in facts and self.live is not None:
            self.live.add(Layer.FINAL, *facts["ready"])
        if "fraction" in facts:
            self.meter.update(facts["fraction"])
        if "peaks" in facts:
            self.around.show_waves(facts["peaks"])

    def _without_card(self, args: dict[str, Any]) -> dict[str, Any] | None:
        """Return the same for the processor, where the choice of a card that failed was ours."""
        options, card = args.get("options", {}), self._device_in_use
        if card in {"", "cpu"} or options["device"] != "auto":
            return None
        self._note_fallback(card, DeviceLost.code, "cpu")
        return args | {"options": options | {"device": "cpu"}}

    def _note_fallback(self, given_up: str, code: str, device: str) -> None:
        self.fallback_from = given_up
        self.notes.append(notes.note(notes.FALLBACK, f"{given_up} {code} {device}"))

    def _hear_import(self, facts: dict[str, Any]) -> None:
        """Let the song be heard as far as it is imported."""
        is_first = self.live is None
        if self.live is None:
            shape = {name: facts[name] for name in ("sample_rate", "channels", "frames")}
            self.live = LiveSong(self.staging, **shape)
        self.live.import_to(facts["ready"])
        if is_first:
            self.around.show_live(self.live)

    def _hints(self) -> dict[str, Any]:
        """Return where the song is heard, to a quarter of a second."""
        listener = self.live.listener if self.live is not None else None
        if self.live is None or listener is None:
            return {}
        step = max(1, self.live.sample_rate // 4)
        return {"frame": listener.frame // step * step, "moves": listener.moves}

    def _describe(self, facts: dict[str, Any]) -> None:
        cover = facts.get("cover")
        path = str(self.staging / cover) if cover else None
        title = self.spec.title or facts["title"]
        self.around.describe({**facts, "title": title, "cover": path})
