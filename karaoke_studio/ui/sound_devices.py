"""Where the sound goes: a menu of the outputs that are there now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QPoint, Slot
from PySide6.QtWidgets import QMenu, QWidget

from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.mixer_strip import MixerStrip

DEFAULT = "System default"
LOOKING = "Looking for devices…"


class SoundDevices(QObject):
    """Keeps player, menu and settings on the same sound device.

    Args:
        settings: the device, and how it is opened, at the start.
        change_setting: keeps another one.
    """

    def __init__(
        self,
        settings: Settings,
        listening: Listening,
        queue: JobQueue,
        strip: MixerStrip,
        change_setting: Callable[[str, Any], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._chosen, self._listening, self._queue = settings.sound_device, listening, queue
        self._change_setting = change_setting
        self._names: list[str] | None = None
        self._corner = QPoint()
        self._strip = strip
        self.menu = QMenu(window)
        self.menu.setObjectName("sound_device_menu")
        strip.devices_requested.connect(self._on_requested)
        queue.sound_devices_listed.connect(self._on_listed)
        listening.set_device(self._chosen)
        self.open_as(settings)
        self._tell()

    @Slot(QPoint)
    def _on_requested(self, corner: QPoint) -> None:
        self._corner = corner
        self._queue.list_sound_devices()
        self._fill()
        self._place()

    @Slot(object)
    def _on_listed(self, names: list[str]) -> None:
        self._names = names
        if self.menu.isVisible():
            self._fill()
            self._place()

    def _place(self) -> None:
        self.menu.popup(self._corner - QPoint(0, self.menu.sizeHint().height() + theme.XS))

    def _fill(self) -> None:
        self.menu.clear()
        self._add(DEFAULT, "")
        self.menu.addSeparator()
        names = self._names or []
        for name in names:
            self._add(text.one_line(name), name)
        if self._names is None:
            self.menu.addAction(LOOKING).setEnabled(False)
        elif self._chosen and self._chosen not in names:
            self._add(f"{text.one_line(self._chosen)} (not connected)", self._chosen)

    def _add(self, words: str, name: str) -> None:
        action = self.menu.addAction(words.replace("&", "&&"))
        action.setCheckable(True)
        action.setChecked(name == self._chosen)
        action.triggered.connect(lambda _on=False: self.choose(name))

    def choose(self, name: str) -> None:
        """Play on another device from now on, and keep it."""
        self.follow(name)
        self._change_setting("sound_device", name)

    def follow(self, name: str) -> None:
        """Play on the device that was chosen elsewhere."""
        if name != self._chosen:
            self._chosen = name
            self._listening.set_device(name)
            self._tell()

    def open_as(self, settings: Settings) -> None:
        """Open the device as the settings say."""
        self._listening.set_manner(settings.sound_latency, exclusive=settings.sound_exclusive)

    def _tell(self) -> None:
        where = text.one_line(self._chosen) or DEFAULT.lower()
        self._strip.device_button.setToolTip(text.tooltip(f"Sound goes to: {where}"))
