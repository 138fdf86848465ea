"""Looks for sound outputs: again and again while there is none, or once on wish."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

WATCH_INTERVAL_S = 2.0


class SoundOutputs(QObject):
    """Asks a child every two seconds: PortAudio sees new devices only in a new process.

    Signals:
        changed: names of the outputs that were found by watching.
        listed: names of the outputs that were found by `look`.

    Thread: GUI; the looking happens in a thread of its own.
    """

    changed = Signal(object)
    listed = Signal(object)

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._end: threading.Event | None = None
        self._watchers: list[threading.Thread] = []
        self._is_closed = False
        self._closing = threading.Event()

    def watch(self, on: bool) -> None:
        """Start or end looking."""
        if not on and self._end is not None:
            self._end.set()
            self._end = None
        if on and self._end is None and not self._is_closed:
            self._end = threading.Event()
            thread = threading.Thread(
                target=self._watch, args=(self._end,), name="sound-watch", daemon=True
            )
            self._watchers = [*(old for old in self._watchers if old.is_alive()), thread]
            thread.start()

    def look(self) -> None:
        """Look once, now."""
        if not self._is_closed:
            thread = threading.Thread(target=self._look, name="sound-look", daemon=True)
            self._watchers = [*(old for old in self._watchers if old.is_alive()), thread]
            thread.start()

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        self._closing.set()
        self.watch(on=False)
        for watcher in self._watchers:
            watcher.join()

    def _watch(self, end: threading.Event) -> None:
        while not end.wait(WATCH_INTERVAL_S):
            found = self._ask(end)
            if found is not None and not end.is_set():
                self.changed.emit(found)

    def _look(self) -> None:
        found = self._ask(self._closing)
        if not self._closing.is_set():
            self.listed.emit(found or [])

    def _ask(self, end: threading.Event) -> list[str] | None:
        try:
            found = self._worker.run("sound_outputs", {}, stop=end, stall_s=10)
        except Cancelled:
            return None
        except (KaraokeError, WorkerDied) as exc:  # may work in two seconds
            log.info("sound outputs could not be listed: %s", exc)
            return None
        return [str(name) for name in found["outputs"]]
