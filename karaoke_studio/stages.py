"""The stages of a job, and how long they take on this machine."""

from __future__ import annotations

from karaoke_studio.engines import is_network
from karaoke_studio.job import JobSpec, Stage
from karaoke_studio.meter import Speeds
from karaoke_studio.worker.network import mode_for


def expected_s(spec: JobSpec, engine: str, duration_s: float, speeds: Speeds) -> float | None:
    """Return how long a job will take on this machine, in seconds.

    Args:
        spec: the job.
        engine: what it is made with (`spec.engine` may be "auto").
        duration_s: length of the song.
        speeds: what was measured.

    Returns:
        None while the engine has not been measured.
    """
    stages = stages_of(spec, engine)
    if not all(speeds.is_measured(name) for stage, name in stages if stage is Stage.SEPARATING):
        return None
    return duration_s * sum(speeds.get(name) for _, name in stages)


def stages_of(spec: JobSpec, engine: str) -> list[tuple[Stage, str]]:
    """Return the stages of a job with the names their speeds are kept under."""
    separating = [(Stage.SEPARATING, f"separating {engine}")]
    if is_network(engine):
        choice, mode = spec.network, mode_for(spec.network, spec.quality)
        name = f"separating network {engine} {mode} {choice.device} {choice.shifts}"
        separating = [(Stage.LOADING_MODEL, "loading_model"), (Stage.SEPARATING, name)]
    importing, *rest = export_stages(spec)
    return [importing, *separating, *rest]


def export_stages(spec: JobSpec) -> list[tuple[Stage, str]]:
    """Return the stages of a job that separates nothing."""
    written = spec.output.format if spec.output is not None else "flac"
    return [
        (Stage.IMPORTING, "importing"),
        (Stage.ENCODING, f"encoding {written}"),
        (Stage.PUBLISHING, "publishing"),
    ]
