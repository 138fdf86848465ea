"""What a job is: plain values, the lowest floor. No code here reaches anywhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

STEMS = ("vocals", "instrumental")
FORMATS = ("wav", "flac", "mp3", "m4a", "ogg", "opus")
BIT_DEPTHS = ("16", "24", "32f")
ENGINES = ("auto", "instant", "centre")


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
class JobSpec:
    """Everything a job needs to know, as values.

    Attributes:
        job_id: names the staging folder; hex.
        input: the song's file.
        engine: one of `ENGINES`.
        stems: which stems are written; a library take always holds both.
        output: files to write, or None to put the song into the library.
    """

    job_id: str
    input: Path
    engine: str = "auto"
    stems: tuple[str, ...] = STEMS
    output: OutputSpec | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the plain object that the job store keeps."""
        data = asdict(self)
        data["input"] = str(self.input)
        if self.output is not None:
            data["output"]["folder"] = str(self.output.folder)
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> JobSpec:
        """Rebuild a spec from `to_json`'s object."""
        output = data.get("output")
        if output is not None:
            output = OutputSpec(**{**output, "folder": Path(output["folder"])})
        return JobSpec(
            data["job_id"], Path(data["input"]), data["engine"], tuple(data["stems"]), output
        )


@dataclass(frozen=True)
class JobResult:
    """What a completed job made; `to_json` is the object of `make --json`.

    Attributes:
        null_test_db: level of vocals + instrumental − original over the original, from the written
            files read back; −200 = exact; None where the format makes no such claim.
        gain_db: the one gain that all files share; 0 unless something would have clipped.
        notes: codes of `karaoke_studio.notes`.
        song_id: the library's name for the song; None for plain files.
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
    vocals_path: Path | None = None
    instrumental_path: Path | None = None
    video_path: Path | None = None
    song_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints for a completed song."""

        def text(path: Path | None) -> str | None:
            return None if path is None else str(path)

        spent = self.processing_time_s
        return (
            {
                "input": str(self.input),
                "status": JobState.COMPLETED.value,
                "vocals_path": text(self.vocals_path),
                "instrumental_path": text(self.instrumental_path),
                "video_path": text(self.video_path),
                "title": self.title,
                "artist": self.artist,
                "engine": self.engine,
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
            | ({"song_id": self.song_id} if self.song_id else {})
            | self.extra
        )
