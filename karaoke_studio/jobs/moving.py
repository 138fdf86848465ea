"""Moves the library in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError, ProcessingFailed
from karaoke_studio.jobs.lane import Errand, Lane
from karaoke_studio.library.move import PlannedMove, copy_library, plan_move, settle_move
from karaoke_studio.progress import Cancelled, check

log = logging.getLogger(__name__)

_REPORT_INTERVAL_S = 1 / 15


class Mover(QObject):
    """Plans, makes and settles moves of the library.

    Signals:
        planned(PlannedMove): it can be done.
        progressed(0…1), copied(PlannedMove), cancelled().
        failed(KaraokeError): it cannot be done, or broke off; the old library is as it was.

    Args:
        journal: see `library.move`.

    Thread: GUI; the work is done in a lane that `close` ends.
    """

    planned = Signal(object)
    progressed = Signal(float)
    copied = Signal(object)
    cancelled = Signal()
    failed = Signal(object)

    def __init__(self, journal: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._journal = journal
        self._lane = Lane("mover", self)
        self._stop = threading.Event()
        self._reported_s = 0.0

    def plan(self, old: Path, into: Path) -> None:
        """Begin to look whether the library can move into a folder."""

        def work() -> None:
            self.planned.emit(plan_move(old, into))

        self._put(work)

    def start(self, move: PlannedMove) -> None:
        """Begin to copy; the library must be closed."""

        def work() -> None:
            copy_library(move, self._journal, self._report, lambda: check(self._stop))
            self.copied.emit(move)

        self._put(work)

    def settle(self, library: Path) -> None:
        """Begin to remove what a move left that is not the library in use."""

        def work() -> None:
            try:
                settle_move(self._journal, library)
            except OSError as exc:
                log.warning("what a move left could not be removed: %s", exc)

        self._lane.put(work)

    def cancel(self) -> None:
        """Stop copying."""
        self._stop.set()

    def close(self) -> None:
        """Stop copying, and wait for the end."""
        self._stop.set()
        self._lane.close()

    def _put(self, work: Errand) -> None:
        def errand() -> None:
            try:
                work()
            except Cancelled:
                self.cancelled.emit()
            except KaraokeError as exc:
                self.failed.emit(exc)
            except Exception:  # somebody waits for an answer, whatever it is
                log.exception("the library could not be moved")
                self.failed.emit(ProcessingFailed("The library could not be moved."))

        self._lane.put(errand)

    def _report(self, fraction: float) -> None:
        now = time.monotonic()
        if fraction >= 1 or now - self._reported_s >= _REPORT_INTERVAL_S:
            self._reported_s = now
            self.progressed.emit(fraction)
