"""The draft: a built-in engine's vocals of a song whose better ones a network is still making.

It runs in the *built-in* child beside the network, is heard where the network has not been yet, and
is never kept. Whatever happens to it, the song is made all the same.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from karaoke_studio.errors import KaraokeError
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.worker.host import OnProgress, Worker, WorkerDied

log = logging.getLogger(__name__)


class _Either(threading.Event):
    """Set when it is set itself, or the other one is."""

    def __init__(self, other: StopEvent) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()


class Draft:
    """One draft under way, in a thread of its own.

    Args:
        worker: of the built-in engines.
        args: of its task `separate`.
        hear: told what the task tells, in the draft's thread.
        stop: of the job; ends the draft too.
    """

    def __init__(
        self, worker: Worker, args: dict[str, Any], hear: OnProgress, stop: StopEvent
    ) -> None:
        self._worker, self._args, self._hear = worker, args, hear
        self._stop = _Either(stop)
        self._thread = threading.Thread(target=self._make, name="draft", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let go of the draft, finished or not; afterwards nothing of it runs."""
        self._stop.set()
        self._thread.join()

    def _make(self) -> None:
        try:
            self._worker.run("separate", self._args, on_progress=self._hear, stop=self._stop)
        except Cancelled:
            log.debug("the draft is not needed any more")
        except (KaraokeError, WorkerDied) as exc:
            log.warning("there is no draft: %s", exc)
