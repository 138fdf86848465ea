"""One running window per data folder: a second start hands its files to the first."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger(__name__)

_LOCK = "window.lock"
_WAIT_MS = 1500
#: More than any system's command line holds.
_LIMIT_BYTES = 16_000_000


class Instance(QObject):
    """The first window of a data folder, or the messenger to it.

    Signals:
        files_received(list of paths): a second start handed over files (or none: come to front).

    Thread: GUI.
    """

    files_received = Signal(object)

    def __init__(self, data: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # a socket's path is short on every system, a data folder's is not
        digest = hashlib.sha256(str(data).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._name = f"karaoke-studio-{digest}"
        self._lock = QLockFile(str(data / _LOCK))
        self._lock.setStaleLockTime(0)
        self._server: QLocalServer | None = None

    def claim(self) -> bool:
        """Become the window of this data folder; False when there is one already.

        A folder that cannot be written to (full, read-only) has no lock; whether a window can work
        there is for the library to say.
        """
        if not self.lock():
            return False
        QLocalServer.removeServer(self._name)  # left over from a crash: the lock is ours
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        if not self._server.listen(self._name):
            log.warning("second starts cannot hand over files: %s", self._server.errorString())
        return True

    def lock(self) -> bool:
        """Keep a window from starting until `release`; False when there is one."""
        if self._lock.tryLock(0):
            return True
        if self._lock.error() is QLockFile.LockError.LockFailedError:
            return False
        log.warning("the data folder cannot be locked: %s", self._lock.error())
        return True

    def hand_over(self, files: list[Path]) -> bool:
        """Give files to the running window; False when it does not answer."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        socket.write(json.dumps([str(path.absolute()) for path in files]).encode() + b"\n")
        # a socket that is dropped takes what it has not sent along with it
        while socket.bytesToWrite():
            if not socket.waitForBytesWritten(_WAIT_MS):
                return False
        socket.disconnectFromServer()
        return True

    def release(self) -> None:
        """Give the data folder up."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()

    @Slot()
    def _on_connection(self) -> None:
        if self._server is None:
            return
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.setParent(self)
            socket.readyRead.connect(self._on_ready)
            socket.disconnected.connect(socket.deleteLater)
            if socket.canReadLine():
                self._read(socket)

    @Slot()
    def _on_ready(self) -> None:
        socket = self.sender()
        if isinstance(socket, QLocalSocket):
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if socket.bytesAvailable() > _LIMIT_BYTES:
            socket.abort()
            return
        if not socket.canReadLine():
            return
        try:
            names = json.loads(bytes(socket.readLine().data()))
        except (ValueError, RecursionError):
            return
        if isinstance(names, list):
            self.files_received.emit([Path(name) for name in names if isinstance(name, str)])
