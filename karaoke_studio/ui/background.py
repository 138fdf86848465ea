"""What is told of the songs being made while the person is elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobState
from karaoke_studio.jobs.desktop import Desktop
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.progress import Progress
from karaoke_studio.ui import messages, text

#: A tray icon that had to be shown for its message goes again after so long.
_TRAY_MS = 15_000


def is_in_front() -> bool:
    """Whether one of our windows has the keyboard."""
    return QApplication.activeWindow() is not None


class Background(QObject):
    """Per cent in the title and on the taskbar; a notification at the end and of failures.

    Args:
        queue: makes the songs.
        window: whose title it is.
        desktop: takes progress and notifications.
        in_front: whether the person looks at the program; then nothing is told twice.
    """

    def __init__(
        self,
        queue: JobQueue,
        window: QWidget,
        desktop: Desktop,
        in_front: Callable[[], bool] = is_in_front,
    ) -> None:
        super().__init__(window)
        self._queue, self._window, self._desktop = queue, window, desktop
        self._in_front = in_front
        self._song = ""
        #: Fraction of each song that was begun since the queue was last empty.
        self._fractions: dict[str, float] = {}
        self._made = self._failed = 0
        self._tray: QSystemTrayIcon | None = None
        queue.job_started.connect(self._on_started)
        queue.job_progressed.connect(self._on_progressed)
        queue.job_finished.connect(self._on_finished)
        queue.job_failed.connect(self._on_failed)
        queue.job_cancelled.connect(self._on_cancelled)
        desktop.unheard.connect(self._show_in_tray)
        QGuiApplication.instance().focusWindowChanged.connect(self._on_focus_changed)  # type: ignore[union-attr]

    def close(self) -> None:
        """Leave the taskbar as it was."""
        self._hide_tray()
        self._desktop.close()

    def show_song(self, title: str) -> None:
        """Name the open song in the title."""
        self._song = title
        self._tell()

    def fraction(self) -> float | None:
        """Return how far all songs of the queue are (0…1); None while none is being made."""
        left = [job.job_id for job in self._queue.jobs() if job.state in _OPEN]
        if not left or not self._fractions:
            return None
        known = {**dict.fromkeys(left, 0.0), **self._fractions}
        return sum(known.values()) / len(known)

    @Slot(str)
    def _on_started(self, job_id: str) -> None:
        self._fractions.setdefault(job_id, 0.0)
        self._tell()

    @Slot(str, object)
    def _on_progressed(self, job_id: str, progress: Progress) -> None:
        self._fractions[job_id] = max(progress.overall_fraction, self._fractions.get(job_id, 0.0))
        self._tell()

    @Slot(str)
    def _on_finished(self, job_id: str) -> None:
        self._made += 1
        self._fractions[job_id] = 1.0
        self._end_song()

    @Slot(str, object)
    def _on_failed(self, job_id: str, error: KaraokeError) -> None:
        self._failed += 1
        self._fractions[job_id] = 1.0
        if not self._in_front():
            self._desktop.notify("A song could not be made", messages.job_failure(error).sentence)
        self._end_song()

    @Slot(str)
    def _on_cancelled(self, job_id: str) -> None:
        self._fractions.pop(job_id, None)
        self._end_song()

    def _end_song(self) -> None:
        is_over = not any(job.state in _OPEN for job in self._queue.jobs())
        if is_over:
            if self._made and not self._in_front():
                self._desktop.notify(*text.queue_done(self._made, self._failed))
            self._fractions.clear()
            self._made = self._failed = 0
        self._tell()

    def _tell(self) -> None:
        fraction = self.fraction()
        title = text.window_title(self._song)
        if fraction is not None and not self._in_front():
            title = text.joined(text.percent(fraction), title)
        if title != self._window.windowTitle():
            self._window.setWindowTitle(title)
        self._desktop.show_progress(fraction)
        if sys.platform != "linux":  # there the desktop is told how far, not how many
            QGuiApplication.setBadgeNumber(self._unfinished())

    def _unfinished(self) -> int:
        return sum(job.state in _OPEN for job in self._queue.jobs())

    @Slot()
    def _on_focus_changed(self) -> None:
        self._tell()
        if self._in_front():
            self._hide_tray()

    @Slot(str, str)
    def _show_in_tray(self, title: str, body: str) -> None:
        """Show a message where the system has a tray; it needs an icon there for as long."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.activated.connect(self._on_tray)
            self._tray.messageClicked.connect(self._on_tray)
        self._tray.show()
        self._tray.showMessage(title, body)
        QTimer.singleShot(_TRAY_MS, self, self._hide_tray)

    def _hide_tray(self) -> None:
        if self._tray is not None:
            self._tray.hide()

    @Slot()
    def _on_tray(self) -> None:
        self._hide_tray()
        self._window.raise_()
        self._window.activateWindow()


_OPEN = {JobState.QUEUED, JobState.RUNNING}
