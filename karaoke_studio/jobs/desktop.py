"""What the desktop around the window is told: progress on the taskbar, and notifications."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from PySide6.QtCore import QObject, Signal

from karaoke_studio.jobs.lane import Lane

log = logging.getLogger(__name__)

_APP_URI = "application://karaoke-studio.desktop"
_CALL_MS = 2000


class Desktop(QObject):
    """Speaks D-Bus where there is one (Linux); elsewhere, and where nobody answers, it says so.

    Taskbars that know `com.canonical.Unity.LauncherEntry` (Ubuntu's dock, KDE's task manager) show
    the progress; notifications go through the desktop's portal.

    Args:
        address: of the bus, see `session_address`; "" = there is none.

    Signals:
        unheard: title and body of a notification that nobody took.

    Thread: GUI; the bus is spoken to in a lane, because nobody knows how fast it answers.
    """

    unheard = Signal(str, str)

    def __init__(self, address: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address
        self._lane = Lane("desktop", self)
        self._bus: Any = None
        self._told: float | None = None
        self._is_closed = False

    def show_progress(self, fraction: float | None) -> None:
        """Show how far all songs are (0…1); None = there is nothing to show."""
        rounded = None if fraction is None else round(fraction, 2)
        if self._address and rounded != self._told and not self._is_closed:
            self._told = rounded
            self._lane.put(lambda: self._send_progress(rounded))

    def notify(self, title: str, body: str) -> None:
        """Show a notification; `unheard` tells where that cannot be done here."""
        if self._is_closed:
            return
        if self._address:
            self._lane.put(lambda: self._send_notification(title, body))
        else:
            self.unheard.emit(title, body)

    def close(self) -> None:
        """Take the progress off the taskbar and let go of the bus."""
        self.show_progress(None)
        self._is_closed = True
        self._lane.put(self._disconnect)
        self._lane.close()

    # -- in the lane

    def _connected(self) -> Any:
        from PySide6.QtDBus import QDBusConnection

        if self._bus is None:
            self._bus = QDBusConnection.connectToBus(self._address, self._name())
            if not self._bus.isConnected():
                log.info("there is no session bus at %s", self._address)
        return self._bus

    def _name(self) -> str:
        return f"karaoke-studio-{id(self)}"

    def _send_progress(self, fraction: float | None) -> None:
        from PySide6.QtDBus import QDBusMessage

        message = QDBusMessage.createSignal(
            "/karaoke_studio", "com.canonical.Unity.LauncherEntry", "Update"
        )
        shown = {"progress": float(fraction or 0.0), "progress-visible": fraction is not None}
        message.setArguments([_APP_URI, shown])
        self._connected().send(message)

    def _send_notification(self, title: str, body: str) -> None:
        from PySide6.QtDBus import QDBus, QDBusMessage

        message = QDBusMessage.createMethodCall(
            "org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Notification",
            "AddNotification",
        )
        message.setArguments(["songs", {"title": title, "body": body}])
        answer = self._connected().call(message, QDBus.CallMode.Block, _CALL_MS)
        if answer.type() != QDBusMessage.MessageType.ReplyMessage:
            log.info("nobody shows notifications: %s", answer.errorName())
            self.unheard.emit(title, body)

    def _disconnect(self) -> None:
        if self._bus is not None:
            from PySide6.QtDBus import QDBusConnection

            self._bus = None
            QDBusConnection.disconnectFromBus(self._name())


def session_address() -> str:
    """Return where the session's bus is; "" where there is none, so that none is started."""
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS", "") if sys.platform == "linux" else ""
