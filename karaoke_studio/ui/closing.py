"""Closing the window while songs are being made: not yet, when they are done, or at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.close_question import KEEP, WAIT, CloseQuestion
from karaoke_studio.ui.theme import Look

#: The last song's own signals come first.
_LOOK_MS = 300


class Closing(QObject):
    """Asks, and closes the window when the last song is done where that was the answer.

    Args:
        queue: whether songs are being made.
        banners: says that the window will close.
        close_now: closes; whether unfinished songs are kept for the next start.
        window: whose closing it is.

    Thread: GUI.
    """

    def __init__(
        self,
        look: Look,
        queue: JobQueue,
        banners: Banners,
        close_now: Callable[[bool], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._queue, self._banners = look, queue, banners
        self._close_now, self._window = close_now, window
        self._waits = False
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._on_look)
        banners.closing.acted.connect(self.stay)
        banners.closing.closed.connect(self.stay)

    def ask(self, songs: int, *, exporting: bool) -> None:
        """Ask what shall become of unfinished songs, once."""
        if self._window.findChild(CloseQuestion) is None:
            question = CloseQuestion(self._look, songs, exporting=exporting, parent=self._window)
            question.answered.connect(self._on_answered)
            question.open()

    def is_waiting(self) -> bool:
        """Whether the window closes by itself when all is done."""
        return self._waits

    @Slot(str)
    def _on_answered(self, answer: str) -> None:
        if answer != WAIT:
            self._close_now(answer == KEEP)
            return
        self._waits = True
        if self._queue.is_paused():
            self._queue.pause(on=False)
        self._banners.closing.tell("Karaoke Studio closes when everything is done.", "Stay open")
        self._window.showMinimized()
        self._timer.start()

    @Slot()
    def stay(self) -> None:
        """Do not close after all."""
        self._waits = False
        self._timer.stop()
        self._banners.closing.hide()

    @Slot()
    def _on_look(self) -> None:
        if self._waits and not self._queue.is_busy():
            self.stay()
            self._close_now(False)
