"""A recording is prepared: import → steps → write → publish, each in a child process. No Qt.

The file itself is only read; what is made is a new file beside others, whole or not at all.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from karaoke_studio.errors import EngineCrashed, error_from_os
from karaoke_studio.job import PREPARED, JobState, OutputSpec
from karaoke_studio.pipeline import OUTPUT_STAGING, STALL_S, sweep_outputs
from karaoke_studio.preparation.validation import Preparation
from karaoke_studio.progress import StopEvent, check
from karaoke_studio.publishing import publish_files
from karaoke_studio.staging import Staging
from karaoke_studio.worker.host import Worker, WorkerDied

NAME = "{base} ({stem})"

Report = Callable[[float], None]
#: Task → where its progress begins and ends.
_SHARES = {"import_song": (0.0, 0.15), "prepare": (0.15, 0.85), "write_pair": (0.85, 1.0)}


@dataclass(frozen=True)
class Prepared:
    """What was made.

    Attributes:
        path: the new file.
        steps: what was done, in order.
        lufs: integrated loudness before the writing's own gain; None for silence.
        gain_db: that the level was changed by, all in all.
        start_s: where the new file begins in the old one.
        found: what was found in the original, see `preparation.metrics.Findings`.
        notes: codes of `karaoke_studio.notes`.
    """

    input: Path
    path: Path
    steps: tuple[str, ...]
    sample_rate: int
    channels: int
    duration_s: float
    start_s: float
    lufs: float | None
    gain_db: float
    processing_time_s: float
    found: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        plain = {**vars(self), "input": str(self.input), "path": str(self.path)}
        rounded = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in plain.items()
        }
        return {
            **rounded,
            "steps": list(self.steps),
            "notes": list(self.notes),
            "status": JobState.COMPLETED.value,
        }


def run_preparation(
    path: Path,
    wanted: Preparation,
    output: OutputSpec,
    worker: Worker,
    report: Report,
    stop: StopEvent,
) -> Prepared:
    """Prepare one recording.

    Args:
        path: the file; only read.
        wanted: what to do.
        output: folder, format and name of the new file.
        worker: a *media* child.
        report: told 0…1.
        stop: set it to cancel.

    Raises:
        Cancelled: `stop` was set; nothing is left behind.
        KaraokeError: what went wrong and what to do; nothing is left behind.
    """
    wanted.check()
    check(stop)
    started = time.monotonic()
    sweep_outputs(output.folder)
    workdir = output.folder / f"{OUTPUT_STAGING}{uuid.uuid4().hex}"
    try:
        staging = Staging(workdir)
    except OSError as exc:
        raise error_from_os(exc, output.folder, writing=True) from exc
    with staging:
        run = _Run(path, staging.folder, worker, report, stop)
        song = run.task("import_song", {"path": str(path), "copy": False})
        target = f"{PREPARED}.f32"
        plain = wanted.to_plain()
        made = run.task("prepare", {"song": song, "target": target, "wanted": plain})
        shape = {name: made[name] for name in ("sample_rate", "channels", "frames")}
        file = staging.folder / f"{PREPARED}.{output.format}"
        written = run.task("write_pair", _writing({**song, **shape}, file, output))
        check(stop)
        tags = song["tags"]
        fields = {name: tags.get(name, "") for name in ("artist", "title", "album")}
        fields |= {"engine": "", "base": path.stem}
        placed = publish_files({PREPARED: file}, output, fields, path)
    return Prepared(
        input=path,
        path=placed[PREPARED],
        steps=wanted.steps,
        sample_rate=written["sample_rate"],
        channels=made["channels"],
        duration_s=made["frames"] / made["sample_rate"],
        start_s=made["start_s"],
        lufs=made["lufs"],
        gain_db=made["gain_db"],
        processing_time_s=time.monotonic() - started,
        found=made["found"],
        notes=tuple(dict.fromkeys([*song["notes"], *written["notes"]])),
    )


def _writing(song: dict[str, Any], file: Path, output: OutputSpec) -> dict[str, Any]:
    return {
        "song": song,
        "parts": [],
        "mixes": [PREPARED],
        "files": {PREPARED: str(file)},
        "format": output.format,
        "bit_depth": output.bit_depth,
        "bitrate_kbps": output.bitrate_kbps,
        "is_take": False,
        "peaks": None,
    }


class _Run:
    """The child's tasks one after the other."""

    def __init__(
        self, path: Path, staging: Path, worker: Worker, report: Report, stop: StopEvent
    ) -> None:
        self._path, self._staging, self._worker = path, staging, worker
        self._report, self._stop = report, stop

    def task(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        first, last = _SHARES[name]

        def hear(facts: dict[str, Any]) -> None:
            if "fraction" in facts:
                self._report(first + (last - first) * facts["fraction"])

        try:
            return self._worker.run(
                name,
                {**args, "staging": str(self._staging)},
                on_progress=hear,
                stop=self._stop,
                stall_s=STALL_S,
            )
        except WorkerDied as exc:
            raise EngineCrashed(
                f"{self._path.name} could not be prepared: a helper process stopped.",
                hint="Try again; if it happens again, the file may be damaged.",
            ) from exc
