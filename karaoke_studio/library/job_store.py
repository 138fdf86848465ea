"""The queue on disk: which songs still wait, so that the next start can go on with them."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Sequence

from karaoke_studio.job import JobSpec, JobState

log = logging.getLogger(__name__)

_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value, JobState.PAUSED.value)


def save_job(connection: sqlite3.Connection, spec: JobSpec) -> None:
    """Add a job at the end of the queue."""
    connection.execute(
        "INSERT INTO jobs (id, position, spec, state, created_at)"
        " SELECT ?, COALESCE(MAX(position), 0) + 1, ?, ?, ? FROM jobs",
        (
            spec.job_id,
            json.dumps(spec.to_json()),
            JobState.QUEUED.value,
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        ),
    )


def drop_job(connection: sqlite3.Connection, job_id: str) -> None:
    """Forget a job that is over."""
    connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))


def arrange_jobs(connection: sqlite3.Connection, job_ids: Sequence[str]) -> None:
    """Bring jobs into this order, behind all that are not named."""
    (last,) = connection.execute("SELECT COALESCE(MAX(position), 0) FROM jobs").fetchone()
    connection.executemany(
        "UPDATE jobs SET position = ? WHERE id = ?",
        [(last + place, job_id) for place, job_id in enumerate(job_ids, start=1)],
    )


def hold_job(connection: sqlite3.Connection, job_id: str, *, on: bool) -> None:
    """Remember that a job is left out until it is let go."""
    state = JobState.PAUSED if on else JobState.QUEUED
    connection.execute("UPDATE jobs SET state = ? WHERE id = ?", (state.value, job_id))


def held_jobs(connection: sqlite3.Connection) -> set[str]:
    """Return the ids of the jobs that are held."""
    rows = connection.execute("SELECT id FROM jobs WHERE state = ?", (JobState.PAUSED.value,))
    return {row["id"] for row in rows}


def begin_job(connection: sqlite3.Connection, job_id: str) -> None:
    """Note that a job is begun; one that ends is forgotten, so this tells of a crash."""
    connection.execute("UPDATE jobs SET starts = starts + 1 WHERE id = ?", (job_id,))


def put_down(connection: sqlite3.Connection) -> None:
    """Note that the program ends in order: no job is to blame."""
    connection.execute("UPDATE jobs SET starts = 0")


def job_starts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how often each job was begun without an end."""
    rows = connection.execute("SELECT id, starts FROM jobs WHERE starts").fetchall()
    return {row["id"]: row["starts"] for row in rows}


def replace_job(connection: sqlite3.Connection, spec: JobSpec) -> None:
    """Let a job that waits be made in another way."""
    connection.execute(
        "UPDATE jobs SET spec = ? WHERE id = ?", (json.dumps(spec.to_json()), spec.job_id)
    )


def open_jobs(connection: sqlite3.Connection) -> list[JobSpec]:
    """Return the jobs that are not over, in order.

    A job whose song or take is in the library was over when a crash came; what cannot be
    understood (another version wrote it) is left out.
    """
    connection.execute(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM songs UNION SELECT take_id FROM songs)"
    )
    marks = ", ".join("?" * len(_OPEN))
    rows = connection.execute(
        f"SELECT id, spec FROM jobs WHERE state IN ({marks}) ORDER BY position", _OPEN
    ).fetchall()
    specs = []
    for row in rows:
        try:
            specs.append(JobSpec.from_json(json.loads(row["spec"])))
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            log.warning("job %s cannot be understood: %s", row["id"], exc)
    return specs
