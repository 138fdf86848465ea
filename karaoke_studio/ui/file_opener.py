"""Files that the system hands to the program: dropped on its dock icon, opened with it (macOS)."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtGui import QFileOpenEvent

#: Several files come as an event each; they are added together.
_TOGETHER_MS = 50


class FileOpener(QObject):
    """Collects what the system wants opened; to be installed on the application.

    What comes before anybody listens, as at a start by a drop, waits for `listen`.

    Signals:
        files_opened: list of paths.

    Thread: GUI.
    """

    files_opened = Signal(object)

    def __init__(self, application: QObject) -> None:
        super().__init__(application)
        self._files: list[Path] = []
        self._is_heard = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TOGETHER_MS)
        self._timer.timeout.connect(self._tell)
        application.installEventFilter(self)

    def listen(self) -> None:
        """Begin to tell; what came before is told soon."""
        self._is_heard = True
        if self._files:
            self._timer.start()

    def pause(self) -> None:
        """Let files wait, as while no window is there."""
        self._is_heard = False
        self._timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the files out of the system's events."""
        if isinstance(event, QFileOpenEvent):
            url = event.url()
            # a host would make it a path into the network
            if url.isLocalFile() and not url.host():
                self._files.append(Path(url.toLocalFile()))
                if self._is_heard:
                    self._timer.start()
            return True
        return super().eventFilter(watched, event)

    @Slot()
    def _tell(self) -> None:
        files, self._files = self._files, []
        self.files_opened.emit(files)
