"""The question before closing while songs are being made."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from karaoke_studio.ui import text
from karaoke_studio.ui.controls import Button, Kind, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look


class CloseQuestion(Dialog):
    """Stop, keep for the next start, or do not close.

    Signals:
        answered: the window may close; whether unfinished songs are kept for the next start.
    """

    answered = Signal(bool)

    def __init__(self, look: Look, songs: int, *, exporting: bool, parent: QWidget) -> None:
        super().__init__("close_question", "Close Karaoke Studio?", 460, parent)
        self.question = Paragraph(text.close_question(songs, exporting))
        self.question.setObjectName("close_question_text")
        self.body.addWidget(self.question)
        if songs:
            hint = "Kept songs are made when Karaoke Studio starts again."
            self.body.addWidget(Paragraph(hint, tone="muted"))
        back = Button(look, "close_back_button", "Do not close", kind=Kind.QUIET)
        stop = Button(look, "close_stop_button", "Stop and close")
        keep = Button(look, "close_keep_button", "Keep for next start", kind=Kind.PRIMARY)
        back.clicked.connect(self.reject)
        stop.clicked.connect(self._on_stop)
        keep.clicked.connect(self._on_keep)
        self.add_left_button(back)
        self.add_button(stop)
        keep.setVisible(bool(songs))
        self.add_button(keep, is_default=bool(songs))

    @Slot()
    def _on_stop(self) -> None:
        self.accept()
        self.answered.emit(False)

    @Slot()
    def _on_keep(self) -> None:
        self.accept()
        self.answered.emit(True)
