"""How long the songs of the queue are, before their turn comes."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

#: A header that cannot be read in this time is not waited for.
_PATIENCE_S = 10.0


class Lengths(QObject):
    """Asks a child for the lengths that the files' own headers give, one after the other.

    Signals:
        known: job id, seconds.

    Thread: GUI; the asking happens in a lane of its own.
    """

    known = Signal(str, float)

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._lane = Lane("lengths", self)
        self._end = threading.Event()

    def ask(self, job_id: str, path: Path) -> None:
        """Ask for a file's length; where it has none to tell, nothing comes."""
        self._lane.put(lambda: self._ask(job_id, path))

    def _ask(self, job_id: str, path: Path) -> None:
        if self._end.is_set():
            return
        try:
            found = self._worker.run(
                "song_length", {"path": str(path)}, stop=self._end, stall_s=_PATIENCE_S
            )
        except Cancelled:
            return
        except (KaraokeError, WorkerDied) as exc:  # the job itself will say what is the matter
            log.info("the length of the song of job %s is not known", job_id)
            log.debug("the length of %s is not known: %s", path.name, exc)
            return
        if found["seconds"] is not None:
            self.known.emit(job_id, float(found["seconds"]))

    def close(self) -> None:
        """End the asking."""
        self._end.set()
        self._lane.close()
