"""Moving the library: the question before, the bar while it is copied, and a library that is gone.

While it moves no library is open, so its bar is a window of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QIcon
from PySide6.QtWidgets import QWidget

from karaoke_studio.errors import KaraokeError, error_from_os
from karaoke_studio.jobs.moving import Mover
from karaoke_studio.library.move import PlannedMove
from karaoke_studio.paths import resource
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Kind, Label, Paragraph, SmoothBar
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look

_WIDTH = 520


class MoveQuestion(Dialog):
    """Says what moving does.

    Signals:
        confirmed: PlannedMove.
    """

    confirmed = Signal(object)

    def __init__(self, look: Look, move: PlannedMove, parent: QWidget) -> None:
        super().__init__("move_question", "Move the library?", _WIDTH, parent)
        self._move = move
        self.body.addWidget(
            Paragraph(
                f"{text.file_size(move.size_bytes)} are copied to another folder. The window"
                " closes meanwhile and opens again by itself."
            )
        )
        self.body.addWidget(_path_label("move_new_label", move.new))
        self.body.addWidget(
            Paragraph(
                "Each file is compared with its copy. The old folder goes only when all are there.",
                tone="muted",
            )
        )
        back = Button(look, "move_back_button", "Cancel", kind=Kind.QUIET)
        go = Button(look, "move_go_button", "Move", kind=Kind.PRIMARY)
        back.clicked.connect(self.reject)
        go.clicked.connect(self._on_go)
        self.add_button(back)
        self.add_button(go, is_default=True)

    @Slot()
    def _on_go(self) -> None:
        self.accept()
        self.confirmed.emit(self._move)


class MoveWindow(Dialog):
    """Shows how far the copying is; ends by itself when all went well.

    Args:
        look: the theme.
        mover: does it.
        move: what is done.
        switch: makes the new library the one that is used, by one atomic write.

    Attributes:
        moved: whether the new library is used from now on.
        quits: whether the person wants to end the program.
    """

    def __init__(
        self, look: Look, mover: Mover, move: PlannedMove, switch: Callable[[PlannedMove], None]
    ) -> None:
        super().__init__("move_window", "Moving the library", _WIDTH, None)
        self.setWindowTitle(f"Moving the library – {text.APP_NAME}")
        self.setWindowIcon(QIcon(str(resource("icons/karaoke-studio.svg"))))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
        self.moved = self.quits = False
        self._switch = switch
        self._mover, self._is_over = mover, False
        self.path = _path_label("move_new_label", move.new)
        self.bar = SmoothBar(look, "move_bar", "Progress of the move")
        self.outcome = Paragraph(
            "It can be cancelled at any time: the library then stays where it is.", tone="muted"
        )
        self.outcome.setObjectName("move_outcome")
        for part in (self.path, self.bar, self.outcome):
            self.body.addWidget(part)
        self.button = Button(
            look, "move_cancel_button", "Cancel", tip="Leave the library where it is"
        )
        self.button.clicked.connect(self._on_button)
        self.add_button(self.button)
        mover.progressed.connect(self.bar.advance)
        mover.copied.connect(self._on_copied)
        mover.cancelled.connect(self._on_cancelled)
        mover.failed.connect(self._on_failed)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing means cancelling; the window goes when the copying has stopped."""
        if self._is_over:
            super().closeEvent(event)
        else:
            event.ignore()
            self.cancel()

    def reject(self) -> None:
        """Escape means cancelling too."""
        if self._is_over:
            super().reject()
        else:
            self.cancel()

    @Slot()
    def cancel(self) -> None:
        """Stop copying."""
        self.button.setEnabled(False)
        self._say("Stopping…", "muted")
        self._mover.cancel()

    @Slot()
    def _on_button(self) -> None:
        self.reject()

    @Slot()
    def quit(self) -> None:
        """End the program as soon as the copying has stopped."""
        self.quits = True
        self.reject()

    @Slot(object)
    def _on_copied(self, move: PlannedMove) -> None:
        try:
            self._switch(move)
        except OSError as exc:
            self._on_failed(error_from_os(exc, "The settings", writing=True))
            return
        self._is_over = self.moved = True
        self.accept()

    @Slot()
    def _on_cancelled(self) -> None:
        self._is_over = True
        self.reject()

    @Slot(object)
    def _on_failed(self, error: KaraokeError) -> None:
        self._is_over = True
        self.bar.hide()
        self._say(f"{messages.library_failure(error).sentence} Nothing was moved.", "error")
        self.button.set_words("Go on")
        self.button.setEnabled(True)
        self.button.setFocus()

    def _say(self, words: str, tone: str) -> None:
        self.outcome.setText(words)
        self.outcome.set_tone(tone)


class LibraryGone(Dialog):
    """The library's own folder is not there: its disk may not be connected.

    Attributes:
        answer: "again", "default" or "quit".
    """

    def __init__(self, look: Look, folder: Path) -> None:
        super().__init__("library_gone", "The library is not there", _WIDTH, None)
        self.setWindowTitle(text.APP_NAME)
        self.setWindowIcon(QIcon(str(resource("icons/karaoke-studio.svg"))))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
        self.answer = "quit"
        self.body.addWidget(Paragraph("Connect the disk that it is on, then look again."))
        self.body.addWidget(_path_label("library_gone_label", folder))
        leave = Button(look, "gone_quit_button", "Quit", kind=Kind.QUIET)
        other = Button(
            look,
            "gone_default_button",
            "Use another library",
            tip="Begin with the library in the program's own folder; this one is kept as it is",
        )
        again = Button(look, "gone_again_button", "Look again", kind=Kind.PRIMARY)
        leave.clicked.connect(self.reject)
        other.clicked.connect(self._on_other)
        again.clicked.connect(self._on_again)
        self.add_left_button(leave)
        self.add_button(other)
        self.add_button(again, is_default=True)

    @Slot()
    def _on_other(self) -> None:
        self.answer = "default"
        self.accept()

    @Slot()
    def _on_again(self) -> None:
        self.answer = "again"
        self.accept()


def _path_label(name: str, path: Path) -> Label:
    label = Label(str(path), elide=Qt.TextElideMode.ElideMiddle, size=theme.BODY, strong=True)
    label.setObjectName(name)
    return label
