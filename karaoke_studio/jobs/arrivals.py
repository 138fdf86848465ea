"""Songs on their way into the queue, taken in a few at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Slot

from karaoke_studio.job import JobSpec

#: So long one turn of the loop may take; the window paints in between.
TURN_S = 0.008


@dataclass(frozen=True)
class Arrival:
    """A song for the queue.

    Attributes:
        engine: what will make it.
        is_saved: the library knows of it from an earlier run.
        is_held: it is left out till it is let go.
        is_empty: it is a folder without songs.
        starts: so often the program ended while it was made.
    """

    spec: JobSpec
    engine: str
    is_saved: bool = False
    is_held: bool = False
    is_empty: bool = False
    starts: int = 0


class Arrivals(QObject):
    """Hands songs on in their order, for a few milliseconds in each turn of the loop.

    A folder of a thousand songs, taken in at once, would hold the window up for a second.

    Args:
        take_in: gets each song.

    Thread: the one that made it.
    """

    def __init__(self, take_in: Callable[[Arrival], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take_in = take_in
        self._waiting: deque[Arrival] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_turn)

    def are_waiting(self) -> bool:
        """Whether some are still to be handed on."""
        return bool(self._waiting)

    def put(self, arrivals: Iterable[Arrival]) -> None:
        """Hand songs on from the next turn on."""
        self._waiting.extend(arrivals)
        self._timer.start(0)

    def finish(self) -> None:
        """Hand on all that still wait."""
        self._timer.stop()
        while self._waiting:
            self._take_in(self._waiting.popleft())

    @Slot()
    def _on_turn(self) -> None:
        ends_at = time.monotonic() + TURN_S
        while self._waiting and time.monotonic() < ends_at:
            self._take_in(self._waiting.popleft())
        if self._waiting:
            self._timer.start(0)
