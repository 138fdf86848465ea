"""Tells when the window does not answer."""

from __future__ import annotations

import threading
import time

from PySide6.QtCore import Qt, QTimer


class Watchdog:
    """Measures how late the GUI's timer is, against a thread that sleeps in step.

    A late tick counts as a stall only when the control thread, which shares the machine but not
    the GUI's work, was on time.

    Attributes:
        stalls_s: gaps of more than 50 ms.
        ticks: how often the GUI's timer came.
    """

    STEP_S = 0.01

    def __init__(self) -> None:
        self.stalls_s: list[float] = []
        self.ticks = 0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._last = time.perf_counter()
        self._late: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._control, daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        self._last = time.perf_counter()
        self._timer.start(int(self.STEP_S * 1000))
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._stop.set()
        self._thread.join()

    def _control(self) -> None:
        last = time.perf_counter()
        while not self._stop.wait(self.STEP_S):
            now = time.perf_counter()
            if now - last > 0.05:
                self._late.append((last, now))
            last = now

    def _tick(self) -> None:
        now = time.perf_counter()
        gap = now - self._last
        self.ticks += 1
        if gap > 0.05 and not any(a < now and b > self._last for a, b in self._late):
            self.stalls_s.append(gap)
        self._last = now
