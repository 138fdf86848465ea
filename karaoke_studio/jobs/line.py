"""The line of songs that wait: the window arranges it, the lane takes from its head."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from karaoke_studio.job import JobSpec


@dataclass(frozen=True)
class Turn:
    """A song's turn, as the lane gets it.

    Attributes:
        spec: what to make.
        stop: set to cancel it.
    """

    spec: JobSpec
    stop: threading.Event


class Line:
    """Songs in the order in which they will be made.

    A song is either in the line or taken, never both, so whoever withdraws it knows for sure
    whether it has been begun.

    Thread: any.
    """

    def __init__(self, *, is_paused: bool = False) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}
        self._held: set[str] = set()
        self._is_paused = is_paused
        self._is_closed = False

    def put(self, turn: Turn) -> None:
        """Add a song at the end."""
        with self._lock:
            self._turns[turn.spec.job_id] = turn

    def take(self) -> Turn | None:
        """Take the first song that may be made now; None where there is none."""
        with self._lock:
            if self._is_paused or self._is_closed:
                return None
            ready = next((job_id for job_id in self._turns if job_id not in self._held), None)
            return None if ready is None else self._turns.pop(ready)

    def withdraw(self, job_id: str) -> bool:
        """Take a song out; return whether it was still in the line."""
        with self._lock:
            self._held.discard(job_id)
            return self._turns.pop(job_id, None) is not None

    def arrange(self, job_ids: Sequence[str]) -> None:
        """Bring the songs into this order; those that are not named keep their order behind."""
        with self._lock:
            first = {name: self._turns[name] for name in job_ids if name in self._turns}
            self._turns = {**first, **self._turns}

    def replace(self, spec: JobSpec) -> bool:
        """Let a song that waits be made in another way; return whether it still waits."""
        with self._lock:
            if spec.job_id not in self._turns:
                return False
            self._turns[spec.job_id] = Turn(spec, self._turns[spec.job_id].stop)
            return True

    def hold(self, job_id: str, *, on: bool) -> bool:
        """Leave a song out until it is let go; return whether it is in the line."""
        with self._lock:
            if job_id not in self._turns:
                return False
            if on:
                self._held.add(job_id)
            else:
                self._held.discard(job_id)
            return True

    def pause(self, *, on: bool) -> None:
        """Give out no song while paused."""
        with self._lock:
            self._is_paused = on

    def close(self) -> None:
        """Give out no song any more."""
        with self._lock:
            self._is_closed = True
