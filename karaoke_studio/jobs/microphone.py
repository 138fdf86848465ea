"""Listens to a microphone in a child process, for the window."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import EngineCrashed, KaraokeError
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

_STALL_S = 15.0


class Sung(NamedTuple):
    """What was heard just now.

    Attributes:
        level_db: RMS, dB below full scale.
        f0_hz: pitch, None where there is none.
        is_voice: whether somebody sings or speaks.
        delay_s: since the sound reached the microphone.
    """

    level_db: float
    f0_hz: float | None
    is_voice: bool
    delay_s: float


class Microphone(QObject):
    """One microphone at a time, in a child of its own.

    Args:
        hire: makes the child's worker; it is closed with the microphone.

    Signals:
        listed: names of all microphones.
        heard: Sung, 25 times a second.
        failed: KaraokeError; nothing more is heard.

    Thread: GUI; the waiting happens in a lane.
    """

    listed = Signal(object)
    heard = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        hire: Callable[[], Worker] = lambda: Worker("interactive"),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._worker = hire()
        self._lane = Lane("microphone", self)
        self._stop = threading.Event()

    def listen(self, name: str) -> None:
        """Listen to a microphone instead of the last one; "" = the system's own choice."""
        self._stop.set()
        stop = self._stop = threading.Event()
        self._lane.put(lambda: self._listen(name, stop))

    def rest(self) -> None:
        """Hear no more until `listen`."""
        self._stop.set()

    def close(self) -> None:
        """Hear no more, and end the child."""
        self._stop.set()
        self._worker.close()
        self._lane.close()

    def _listen(self, name: str, stop: threading.Event) -> None:
        if stop.is_set():
            return
        try:
            found = self._worker.run("microphones", {}, stop=stop, stall_s=_STALL_S)
            self.listed.emit([str(each) for each in found["microphones"]])
            self._worker.run(
                "listen",
                {"microphone": name},
                on_progress=self._tell,
                stop=stop,
                stall_s=_STALL_S,
            )
        except Cancelled:
            return
        except WorkerDied:
            self._fail(EngineCrashed("The microphone stopped working.", hint="Try again."), stop)
        except KaraokeError as exc:
            self._fail(exc, stop)

    def _fail(self, error: KaraokeError, stop: threading.Event) -> None:
        log.info("nothing is heard: %s", error.code)
        if not stop.is_set():
            self.failed.emit(error)

    def _tell(self, told: dict[str, Any]) -> None:
        if told:
            delay_s = max(0.0, time.perf_counter() - told["heard_at"])
            self.heard.emit(Sung(told["level_db"], told["f0_hz"], told["is_voice"], delay_s))
