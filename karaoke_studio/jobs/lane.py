"""A lane: one QThread that does one thing after another."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable

from PySide6.QtCore import QObject, QThread

log = logging.getLogger(__name__)

Errand = Callable[[], None]


class Lane(QThread):
    """Runs errands in the order they come, in a thread of its own.

    An errand reports through signals of its owner; what it raises is logged, and the lane goes on,
    whatever it was (a library that calls `sys.exit` must not end the queue).

    Thread: `put` and `close` belong to the thread that made the lane.
    """

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._is_closed = False

    def put(self, errand: Errand) -> None:
        """Add an errand; the thread starts with the first one. A closed lane takes none."""
        if self._is_closed:
            log.info("an errand of %s came too late", self.objectName())
            return
        self._errands.put(errand)
        if not self.isRunning():
            self.start()

    def run(self) -> None:
        """Work until closed."""
        while (errand := self._errands.get()) is not None:
            try:
                errand()
            except BaseException:  # the worker loop is one of the two marked borders
                log.exception("an errand of %s failed", self.objectName())

    def close(self) -> None:
        """Finish what was put before, then end the thread and wait for it."""
        self._is_closed = True
        if self.isRunning():
            self._errands.put(None)
            self.wait()
