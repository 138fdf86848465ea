"""Which computing devices there are and which work, told by a child of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.device_words import crashed, explain_auto
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Device:
    """A device as the window shows it.

    Attributes:
        name: as settings and jobs call it; "" = PyTorch does not see it.
        label: as its maker calls it.
        works: whether a small network ran on it and gave what the processor gives.
        reason: why it does not work, or "".
        advice: what can be done about that, or "".
        memory_mb: of its own, or None.
    """

    name: str
    label: str
    works: bool = True
    reason: str = ""
    advice: str = ""
    memory_mb: int | None = None


def explain(devices: list[Device]) -> str:
    """Return in one line what "auto" takes of what was found, and why."""
    seen = [vars(one) for one in devices if one.name]
    unseen = [vars(one) for one in devices if not one.name]
    return explain_auto(seen, unseen)


class Devices(QObject):
    """Looks for devices once; the child that computes songs may be busy for long.

    Signals:
        found: list of `Device`, the best first, then the processor, then what PyTorch does not see.

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
            listed = worker.run("devices", {}, stop=self._end, stall_s=_PATIENCE_S)
            devices = [self._probe(worker, one) for one in listed["devices"]]
            devices += [
                Device("", one["label"], works=False, reason=one["reason"], advice=one["advice"])
                for one in listed["unused"]
            ]
        except Cancelled:
            return
        except (KaraokeError, WorkerDied) as exc:
            log.warning("devices could not be listed: %s", exc)
            devices = [Device("cpu", "")]
        finally:
            worker.close()
        self.found.emit(devices)

    def _probe(self, worker: Worker, device: dict[str, Any]) -> Device:
        args = {"name": device["name"], "data": str(self._data)}
        try:
            told = worker.run("probe_device", args, stop=self._end, stall_s=_PATIENCE_S)
        except (KaraokeError, WorkerDied) as exc:
            log.warning("%s took its child with it: %s", device["name"], exc)
            told = crashed()
        facts = {name: told[name] for name in ("works", "reason", "advice")}
        return Device(device["name"], device["label"], **facts, memory_mb=device["memory_mb"])
