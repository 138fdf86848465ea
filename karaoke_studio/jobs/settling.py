"""How a job's end is told: by one of its signals, whatever happened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import SignalInstance

from karaoke_studio.errors import KaraokeError, ProcessingFailed
from karaoke_studio.job import JobResult, JobSpec
from karaoke_studio.progress import Cancelled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """The signals that an export tells its story by."""

    progressed: SignalInstance
    finished: SignalInstance
    failed: SignalInstance
    cancelled: SignalInstance


def settle(
    spec: JobSpec,
    work: Callable[[], JobResult],
    cancelled: SignalInstance,
    failed: SignalInstance,
    told_id: str,
) -> JobResult | None:
    """Run a job; tell by signal how it ended unless it is done. A lane outlives every job."""
    try:
        return work()
    except Cancelled:
        cancelled.emit(told_id)
    except KaraokeError as exc:
        failed.emit(told_id, exc)
    except BaseException:  # the worker loop is one of the two marked borders
        log.exception("job %s broke", spec.job_id)
        failed.emit(
            told_id,
            ProcessingFailed(
                f"{spec.input.name} could not be made because of a fault in the program.",
                hint="Try again; the log in the data folder says more.",
            ),
        )
    return None
