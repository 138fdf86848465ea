"""The question before closing while songs are being made."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.ui import text
from karaoke_studio.ui.controls import Button, Kind, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look

STOP, KEEP, WAIT = "stop", "keep", "wait"


class CloseQuestion(Dialog):
    """Stop, wait, keep for the next start, or do not close.

    Signals:
        answered: `STOP`, `KEEP` (unfinished songs are made at the next start) or `WAIT` (the
            window closes by itself when they are done).
    """

    answered = Signal(str)

    def __init__(self, look: Look, songs: int, *, exporting: bool, parent: QWidget) -> None:
        super().__init__("close_question", "Close Karaoke Studio?", 540, parent)
        self.question = Paragraph(text.close_question(songs, exporting))
        self.question.setObjectName("close_question_text")
        self.body.addWidget(self.question)
        if songs:
            hint = "Kept songs are made when Karaoke Studio starts again."
            self.body.addWidget(Paragraph(hint, tone="muted"))
        back = Button(look, "close_back_button", "Do not close", kind=Kind.QUIET)
        stop = Button(look, "close_stop_button", "Stop and close")
        wait = Button(
            look,
            "close_wait_button",
            "Close when done",
            tip="Goes on in the background and closes after the last song",
        )
        keep = Button(look, "close_keep_button", "Keep for next start", kind=Kind.PRIMARY)
        back.clicked.connect(self.reject)
        stop.clicked.connect(self._on_stop)
        wait.clicked.connect(self._on_wait)
        keep.clicked.connect(self._on_keep)
        self.add_left_button(back)
        self.add_button(stop)
        self.add_button(wait)
        keep.setVisible(bool(songs))
        self.add_button(keep, is_default=bool(songs))

    @Slot()
    def _on_stop(self) -> None:
        self.accept()
        self.answered.emit(STOP)

    @Slot()
    def _on_keep(self) -> None:
        self.accept()
        self.answered.emit(KEEP)

    @Slot()
    def _on_wait(self) -> None:
        self.accept()
        self.answered.emit(WAIT)
