"""Tells calmly that nothing can be heard, and looks for a sound device until there is one."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from karaoke_studio.errors import DeviceError, KaraokeError
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.ui import messages
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.listening import Listening


class SoundWatch(QObject):
    """Connects the player's problem, the banner, and the search for devices."""

    def __init__(
        self, listening: Listening, queue: JobQueue, banners: Banners, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._listening, self._queue, self._banners = listening, queue, banners
        self._devices: list[str] = []
        listening.problem_changed.connect(self._on_problem_changed)
        queue.sound_devices_changed.connect(self._on_devices_changed)
        banners.retry_sound_requested.connect(listening.retry_output)

    @Slot(object)
    def _on_problem_changed(self, problem: KaraokeError | None) -> None:
        self._devices = []
        self._queue.watch_sound_devices(isinstance(problem, DeviceError))
        if problem is None:
            self._banners.sound.hide()
        else:
            words = messages.playback_problem(problem)
            self._banners.sound.tell(words.sentence, words.action)

    @Slot(object)
    def _on_devices_changed(self, devices: list[str]) -> None:
        """Try again with devices that were not there the last time; they are told every time."""
        if devices and devices != self._devices:
            self._listening.retry_output()
        self._devices = devices
