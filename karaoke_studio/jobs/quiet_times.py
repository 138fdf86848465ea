"""Times at which no song is begun: at night, or on battery, where a person wants that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from karaoke_studio.jobs.lane import Lane
from karaoke_studio.power import on_battery
from karaoke_studio.settings import Settings

INTERVAL_MS = 20_000
BATTERY, NIGHT = "battery", "night"


def is_quiet_hour(hour: int, begin: int, end: int) -> bool:
    """Whether an hour of the day is within quiet ones, which may go over midnight.

    >>> is_quiet_hour(23, 22, 7), is_quiet_hour(7, 22, 7), is_quiet_hour(12, 12, 12)
    (True, False, False)
    """
    if begin <= end:
        return begin <= hour < end
    return hour >= begin or hour < end


class QuietTimes(QObject):
    """Looks at clock and battery every now and then.

    Args:
        read: returns the settings of now.
        battery: whether the computer runs on its battery; asked in a lane.
        now: the clock.

    Signals:
        changed(str): `BATTERY`, `NIGHT`, or "" = songs may be begun.

    Thread: GUI.
    """

    changed = Signal(str)
    _looked = Signal(bool)

    def __init__(
        self,
        read: Callable[[], Settings],
        parent: QObject,
        battery: Callable[[], bool] = on_battery,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        super().__init__(parent)
        self._read, self._battery, self._now = read, battery, now
        self._reason = ""
        self._is_on_battery = False
        self._lane = Lane("power", self)
        self._looked.connect(self._on_looked)
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """Begin to look."""
        self._timer.start()
        self.look()

    @Slot()
    def look(self) -> None:
        """Look now, as after a setting was changed."""
        if self._read().pause_on_battery:
            self._lane.put(lambda: self._looked.emit(self._battery()))
        else:
            self._on_looked(False)

    @Slot(bool)
    def _on_looked(self, on_battery: bool) -> None:
        settings = self._read()
        reason = ""
        if on_battery and settings.pause_on_battery:
            reason = BATTERY
        elif settings.pause_at_night and is_quiet_hour(
            self._now().hour, settings.night_begins, settings.night_ends
        ):
            reason = NIGHT
        if reason != self._reason:
            self._reason = reason
            self.changed.emit(reason)

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._lane.close()
