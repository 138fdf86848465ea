"""Measures in the background which way of computing is the quickest, when nothing else is done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from karaoke_studio.engines import choose_engine, is_network
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobSpec
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.worker.calibration import calibrate, known_trials
from karaoke_studio.worker.network import MEASURED, mode_for

log = logging.getLogger(__name__)

#: After the last song, and after the start of the program, before it begins.
IDLE_MS = 20_000

Calibrate = Callable[[dict[str, Any], int, StopEvent], object]


class Tuning(QObject):
    """Measures the model of the next songs, once, while the queue rests.

    Args:
        plan: returns what a new job would be.
        is_resting: whether nothing is played or made.
        data: the data folder.
        measure: does it; by default `worker.calibration.calibrate`.

    Signals:
        measured: name of the model, when its next songs will be quicker.

    Thread: GUI; the waiting happens in a lane.
    """

    measured = Signal(str)

    def __init__(
        self,
        plan: Callable[[], JobSpec],
        is_resting: Callable[[], bool],
        data: Path,
        parent: QObject | None = None,
        measure: Calibrate = calibrate,
    ) -> None:
        super().__init__(parent)
        self._plan, self._is_resting, self._data, self._measure = plan, is_resting, data, measure
        self._lane = Lane("tuning", self)
        self._stop = threading.Event()
        #: What failed is not tried again before the next start.
        self._tried: set[str] = set()
        self._timer = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._timer.timeout.connect(self._on_idle)

    @Slot()
    def look(self) -> None:
        """Begin soon where nothing is done; let go at once where something is."""
        if self._is_resting():
            self._timer.start()
        else:
            self._timer.stop()
            self._stop.set()

    def close(self) -> None:
        """Let go of what is under way, and end the lane."""
        self._timer.stop()
        self._stop.set()
        self._lane.close()

    @Slot()
    def _on_idle(self) -> None:
        if not self._is_resting():
            return
        if self._stop.is_set():
            self._stop = threading.Event()
        spec, stop = self._plan(), self._stop
        self._lane.put(lambda: self._tune(spec, stop))

    def _tune(self, spec: JobSpec, stop: StopEvent) -> None:
        choice = spec.network
        engine = choose_engine(spec.engine, choice.model_folders, spec.quality)
        is_wanted = is_network(engine) and mode_for(choice, spec.quality) in MEASURED
        if not is_wanted or engine in self._tried or choice.device not in {"auto", "cpu"}:
            return
        folders = [str(folder) for folder in choice.model_folders]
        model = {"model": engine, "folders": folders, "data": str(self._data)}
        try:
            if known_trials(model, choice.threads) is not None:
                return
            log.info("measuring what is quickest for %s", engine)
            self._measure(model, choice.threads, stop)
        except Cancelled:
            return
        except (KaraokeError, OSError) as exc:
            log.warning("%s is not measured: %s", engine, exc)
            self._tried.add(engine)
            return
        self.measured.emit(engine)
