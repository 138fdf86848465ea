"""A fault in the program itself: one calm dialog, and details that tell nothing of the person."""

from __future__ import annotations

import logging
import platform
import re
import threading
import traceback
from pathlib import Path

import PySide6
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from karaoke_studio import __version__
from karaoke_studio.errors import KaraokeError
from karaoke_studio.ui.controls import Button, Kind, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.theme import Look

log = logging.getLogger(__name__)

#: Their messages quote names of the program's own, others may quote names of songs.
_OWN_WORDS = (TypeError, AttributeError, NameError, ImportError, NotImplementedError)
_QUOTED = re.compile(r"""(['"“‘`]).*["'”’`]|\S*[/\\]\S*""", re.DOTALL)


def describe_crash(exc: BaseException) -> str:
    """Return versions and traceback as text, without names of files and songs."""
    lines = [
        f"Karaoke Studio {__version__}",
        f"Python {platform.python_version()}, PySide6 {PySide6.__version__}",
        platform.platform(),
        f"Thread {threading.current_thread().name}",
    ]
    for link in _chain(exc):
        lines.append("")
        frames = traceback.extract_tb(link.__traceback__)
        lines += [f"  {_place(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
        lines.append(f"{type(link).__name__}: {_harmless(link)}".rstrip(": "))
    return "\n".join(lines) + "\n"


def _chain(exc: BaseException) -> list[BaseException]:
    """Return an exception after those that it came from."""
    links: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and link not in links:
        links.insert(0, link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _place(file: str) -> str:
    """Return a source file without the folders above its package."""
    parts = Path(file).parts
    for root in ("karaoke_studio", "site-packages"):
        if root in parts:
            at = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[at:])
    return parts[-1] if parts else ""


def _harmless(exc: BaseException) -> str:
    """Return what an exception says, less what may be the name of a file or a song."""
    if isinstance(exc, KaraokeError):
        return exc.code
    if isinstance(exc, OSError):
        return exc.strerror or ""
    if isinstance(exc, UnicodeError):
        return ""
    words = str(exc)
    return words if isinstance(exc, _OWN_WORDS) else _QUOTED.sub("…", words)


class CrashDialog(Dialog):
    """Says that something went wrong, and lets the person go on or quit.

    Signals:
        folder_requested: show the log folder.
        quit_requested: end the program.
    """

    folder_requested = Signal()
    quit_requested = Signal()

    def __init__(self, look: Look, details: str, parent: QWidget | None) -> None:
        super().__init__("crash_dialog", "Something went wrong", 560, parent)
        self.setWindowModality(Qt.WindowModality.ApplicationModal)
        self._details = details
        sentence = Paragraph(
            "Karaoke Studio made a mistake of its own. Your songs are safe, and you can go on."
        )
        sentence.setObjectName("crash_sentence")
        self.body.addWidget(sentence)
        hint = "The details name no songs. They help whoever mends the program."
        self.body.addWidget(Paragraph(hint, tone="muted"))
        self.copy_button = Button(
            look,
            "crash_copy_button",
            "Copy details",
            icon="copy",
            tip="Put versions and the place of the fault on the clipboard",
        )
        folder = Button(
            look,
            "crash_folder_button",
            "Open log folder",
            icon="folder-open",
            kind=Kind.QUIET,
            tip="What the program wrote down about its work",
        )
        leave = Button(
            look, "crash_quit_button", "Quit", tip="Unfinished songs are made at the next start"
        )
        stay = Button(look, "crash_go_on_button", "Go on", kind=Kind.PRIMARY)
        self.copy_button.clicked.connect(self._on_copy)
        folder.clicked.connect(self.folder_requested)
        leave.clicked.connect(self._on_quit)
        stay.clicked.connect(self.accept)
        self.add_left_button(folder)
        self.add_left_button(self.copy_button)
        self.add_button(leave)
        self.add_button(stay, is_default=True)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
        self.copy_button.set_words("Copied")

    @Slot()
    def _on_quit(self) -> None:
        self.accept()
        self.quit_requested.emit()


class Crashes(QObject):
    """Shows faults, one at a time, and each place only once.

    Signals:
        folder_requested: show the log folder.
        quit_requested: end the program.

    Thread: GUI; only `report` may be called from any.
    """

    folder_requested = Signal()
    quit_requested = Signal()
    _happened = Signal(str, str)

    def __init__(self, look: Look, window: QWidget) -> None:
        super().__init__(window)
        self._look, self._window = look, window
        self._dialog: CrashDialog | None = None
        self._shown: set[str] = set()
        # never in the middle of the painting or typing that failed
        self._happened.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def report(self, exc: BaseException) -> None:
        """Show a fault; any thread may call it."""
        frames = traceback.extract_tb(exc.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else type(exc).__name__
        self._happened.emit(place, describe_crash(exc))

    @Slot(str, str)
    def _show(self, place: str, details: str) -> None:
        if self._dialog is not None or place in self._shown or not self._window.isVisible():
            return
        self._shown.add(place)
        parent = QApplication.activeModalWidget() or self._window
        dialog = CrashDialog(self._look, details, parent)
        dialog.folder_requested.connect(self.folder_requested)
        dialog.quit_requested.connect(self.quit_requested)
        dialog.destroyed.connect(self._on_gone)
        self._dialog = dialog
        dialog.open()

    @Slot()
    def _on_gone(self) -> None:
        self._dialog = None
