"""What a job is: plain values, the lowest floor. No code here reaches anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from karaoke_studio.fixes import Fix

STEMS = ("vocals", "instrumental")
FORMATS = ("wav", "flac", "mp3", "m4a", "ogg", "opus")
BIT_DEPTHS = ("16", "24", "32f")
#: Engines that need no download.
BUILTIN_ENGINES = ("instant", "centre")
#: Networks that are known by name, the best for a pair of stems first.
NETWORK_ENGINES = ("htdemucs_ft", "htdemucs", "htdemucs_6s", "mdx_extra", "hdemucs_mmi")
ENGINES = ("auto", *BUILTIN_ENGINES, *NETWORK_ENGINES)
#: Stems that networks make; `ALL_STEMS` asks for every one that the model has.
NETWORK_STEMS = ("drums", "bass", "other", "vocals", "guitar", "piano")
ALL_STEMS = ("all",)
#: What the faders of a song make of its stems; only exports know it.
MIX = "mix"
#: What becomes of a recording that is prepared.
PREPARED = "prepared"
#: Stems from top to bottom, wherever they are shown, and the order in which they are added up.
STEM_ORDER = ("vocals", "instrumental", "drums", "bass", "guitar", "piano", "other")
#: How a network counts: `AUTO_MODE` = what the quality asks for.
AUTO_MODE = "auto"
MODES = (AUTO_MODE, "reference", "exact", "fast", "turbo")
#: How much care engine "auto" takes; what a person chooses in the window.
QUALITIES = ("draft", "normal", "best")
#: What a computing device may be called.
DEVICE_NAME = re.compile(r"auto|cpu|mps|xpu|cuda(:\d{1,3})?")
#: What a model may be called.
MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
#: What a stem is called in file names and titles.
STEM_LABELS = {
    "vocals": "Vocals",
    "instrumental": "Instrumental",
    "video": "Karaoke",
    MIX: "Mix",
    PREPARED: "Clean",
    **{stem: stem.capitalize() for stem in ("drums", "bass", "other", "guitar", "piano")},
}


def in_order(stems: Iterable[str]) -> tuple[str, ...]:
    """Return stems as they are shown; names that nobody knows come last."""
    known = dict.fromkeys(stems)
    return tuple(sorted(known, key=[*STEM_ORDER, *known].index))


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """What a running job is doing."""

    IMPORTING = "importing"
    LOADING_MODEL = "loading_model"
    SEPARATING = "separating"
    ENCODING = "encoding"
    PUBLISHING = "publishing"


@dataclass(frozen=True)
class OutputSpec:
    """How results are written as files a person asked for (terminal and Export).

    Attributes:
        folder: where the files go; nothing outside it is ever written.
        format: one of `FORMATS`.
        bit_depth: one of `BIT_DEPTHS`; only WAV and FLAC look at it.
        bitrate_kbps: for the lossy formats; None = the format's good default.
        name: template with {artist} {title} {album} {stem} {engine} {base}.
        overwrite: replace files of the same name instead of adding " (2)".
        video: also write the source's picture with the instrumental as its sound.
    """

    folder: Path
    format: str = "flac"
    bit_depth: str = "24"
    bitrate_kbps: int | None = None
    name: str = "{base} ({stem})"
    overwrite: bool = False
    video: bool = False


@dataclass(frozen=True)
class NetworkChoice:
    """How a network is run; the built-in engines do not look at it.

    Attributes:
        model_folders: where models are looked for, in order.
        mode: one of `MODES`: upstream's own forward, the same within rounding (at least 110 dB),
            or quicker and at least 60 or 38 dB from it.
        overlap: of neighbouring chunks, as a share of a chunk, 0…0.5.
        shifts: passes at random offsets that are averaged; 0 = one pass as it is.
        segment_s: length of chunks; None = what the model asks for.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        threads: of the processor; 0 = one for each core.
    """

    model_folders: tuple[Path, ...] = ()
    mode: str = AUTO_MODE
    overlap: float = 0.25
    shifts: int = 0
    segment_s: float | None = None
    device: str = "auto"
    threads: int = 0


@dataclass(frozen=True)
class JobSpec:
    """Everything a job needs to know, as values.

    Attributes:
        job_id: names the staging folder; hex.
        input: the song's file.
        engine: one of `ENGINES`, or the name of a model in one of the model folders.
        stems: which stems are written. A library take holds voice and music, or, for `ALL_STEMS`,
            every stem of the network; then the music is the sum of all but the vocals.
        output: files to write, or None to put the song into the library.
        network: how a network is run.
        quality: one of `QUALITIES`; only engine "auto" looks at it.
        song_id: the song of the library that gets a new take, or None to make a new song.
        title: what the song is called; "" = its file says so.
        gains: stem → gains on the left and on the right of an export's `MIX`.
        tune: key and tempo of an export, as `audio.tune.Tune` has them; {} = as recorded.
        region: frames start…stop of an export of a part of the song; None = all of it.
        fix: the new take is an older one with this changed; None = the song is made anew.
        keep_original: keep a copy of the file beside a new song of the library.
        draft: while a network makes the song, let the built-in engine make vocals that can be heard
            until the network's are there.
    """

    job_id: str
    input: Path
    engine: str = "auto"
    stems: tuple[str, ...] = STEMS
    output: OutputSpec | None = None
    network: NetworkChoice = NetworkChoice()
    quality: str = "best"
    song_id: str | None = None
    title: str = ""
    gains: dict[str, tuple[float, float]] = field(default_factory=dict, hash=False)
    tune: dict[str, Any] = field(default_factory=dict, hash=False)
    keep_original: bool = True
    draft: bool = False
    region: tuple[int, int] | None = None
    fix: Fix | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the plain object that the job store keeps."""
        data = asdict(self)
        data["input"] = str(self.input)
        if self.output is not None:
            data["output"]["folder"] = str(self.output.folder)
        data["fix"] = self.fix.to_json() if self.fix is not None else None
        data["network"]["model_folders"] = [str(folder) for folder in self.network.model_folders]
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> JobSpec:
        """Rebuild a spec from `to_json`'s object."""
        output = data.get("output")
        if output is not None:
            output = OutputSpec(**{**output, "folder": Path(output["folder"])})
        network = dict(data.get("network") or {})
        network["model_folders"] = tuple(Path(f) for f in network.get("model_folders", ()))
        return JobSpec(
            data["job_id"],
            Path(data["input"]),
            data["engine"],
            tuple(data["stems"]),
            output,
            NetworkChoice(**network),
            str(data.get("quality", "best")),
            data.get("song_id"),
            str(data.get("title", "")),
            {stem: (left, right) for stem, (left, right) in data.get("gains", {}).items()},
            dict(data.get("tune", {})),
            bool(data.get("keep_original", True)),
            bool(data.get("draft", False)),
            _region(data.get("region")),
            Fix.from_json(data["fix"]) if data.get("fix") else None,
        )


def _region(data: Any) -> tuple[int, int] | None:
    return None if data is None else (int(data[0]), int(data[1]))


@dataclass(frozen=True)
class JobResult:
    """What a completed job made; `to_json` is the object of `make --json`.

    Attributes:
        null_test_db: level of vocals + instrumental − original over the original, from the written
            files read back; −200 = exact; None where the format makes no such claim.
        gain_db: the one gain that all files share; 0 unless something would have clipped.
        notes: codes of `karaoke_studio.notes`.
        song_id: the library's name for the song; None for plain files.
        device: that the network ran on; None for the built-in engines.
        fallback_from: engine or device that was tried before; None when nothing failed.
        stem_paths: every stem's file.
    """

    input: Path
    title: str
    artist: str
    engine: str
    duration_s: float
    sample_rate: int
    channels: int
    processing_time_s: float
    model_load_s: float
    null_test_db: float | None
    null_exact: bool | None
    gain_db: float
    notes: tuple[str, ...] = ()
    stem_paths: dict[str, Path] = field(default_factory=dict)
    video_path: Path | None = None
    song_id: str | None = None
    device: str | None = None
    fallback_from: str | None = None

    @property
    def vocals_path(self) -> Path | None:
        """The vocals, where they were written."""
        return self.stem_paths.get("vocals")

    @property
    def instrumental_path(self) -> Path | None:
        """The instrumental, where it was written."""
        return self.stem_paths.get("instrumental")

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints for a completed song."""

        def text(path: Path | None) -> str | None:
            return None if path is None else str(path)

        spent = self.processing_time_s
        data: dict[str, Any] = {
            "input": str(self.input),
            "status": JobState.COMPLETED.value,
            "vocals_path": text(self.vocals_path),
            "instrumental_path": text(self.instrumental_path),
            "stem_paths": {stem: str(path) for stem, path in self.stem_paths.items()},
            "video_path": text(self.video_path),
            "title": self.title,
            "artist": self.artist,
            "engine": self.engine,
            "device": self.device,
            "fallback_from": self.fallback_from,
            "duration_s": round(self.duration_s, 6),
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "processing_time_s": round(spent, 3),
            "model_load_s": round(self.model_load_s, 3),
            "realtime_factor": round(self.duration_s / spent, 2) if spent > 0 else None,
            "null_test_db": self.null_test_db,
            "null_exact": self.null_exact,
            "gain_db": round(self.gain_db, 4),
            "notes": list(self.notes),
        }
        if self.song_id is not None:
            data["song_id"] = self.song_id
        return data
