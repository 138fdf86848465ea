"""Which computing devices there are and which work, told by a child of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Device:
    """A device as the window shows it.

    Attributes:
        name: as settings and jobs call it.
        label: as its maker calls it.
        works: whether a small network ran on it and gave what the processor gives.
        reason: why it does not work, or "".
    """

    name: str
    label: str
    works: bool = True
    reason: str = ""


class Devices(QObject):
    """Looks for devices once; the child that computes songs may be busy for long.

    Signals:
        found: list of `Device`, the best first, the processor last.

    Thread: GUI; the looking happens in a lane.
    """

    found = Signal(object)

    def __init__(
        self, new_worker: Callable[[], Worker], data: Path, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._new_worker, self._data = new_worker, data
        self._lane = Lane("devices", self)
        self._end = threading.Event()
        self._was_asked = False

    def look(self) -> None:
        """Begin to look, where that has not been done."""
        if not self._was_asked:
            self._was_asked = True
            self._lane.put(self._look)

    def close(self) -> None:
        """End the looking."""
        self._end.set()
        self._lane.close()

    def _look(self) -> None:
        worker = self._new_worker()
        try:
            listed = worker.run("devices", {}, stop=self._end, stall_s=_PATIENCE_S)["devices"]
            devices = [self._probe(worker, one["name"], one["label"]) for one in listed]
        except Cancelled:
            return
        except (KaraokeError, WorkerDied) as exc:
            log.warning("devices could not be listed: %s", exc)
            devices = [Device("cpu", "")]
        finally:
            worker.close()
        self.found.emit(devices)

    def _probe(self, worker: Worker, name: str, label: str) -> Device:
        args = {"name": name, "data": str(self._data)}
        try:
            told = worker.run("probe_device", args, stop=self._end, stall_s=_PATIENCE_S)
        except (KaraokeError, WorkerDied) as exc:
            log.warning("%s took its child with it: %s", name, exc)
            return Device(name, label, works=False, reason="it crashes")
        return Device(name, label, told["works"], told["reason"])
