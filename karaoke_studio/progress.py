"""How far a job is, how long it will take, and how it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from karaoke_studio.job import Stage


class Cancelled(Exception):
    """The person asked for the job to stop, and it has stopped."""

    code = "CANCELLED"


@dataclass(frozen=True)
class Progress:
    """One report from a running job.

    Attributes:
        stage: what is being done.
        stage_fraction: 0…1 within the stage.
        overall_fraction: 0…1 over the whole job; never goes back.
        eta_s: seconds left, or None while that cannot be said yet.
    """

    stage: Stage
    stage_fraction: float
    overall_fraction: float
    eta_s: float | None = None


Report = Callable[[Progress], None]
StopEvent = threading.Event


def check(stop: StopEvent) -> None:
    """Raise `Cancelled` when the stop-event is set."""
    if stop.is_set():
        raise Cancelled
