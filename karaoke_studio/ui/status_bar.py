"""The quiet line at the bottom: where sound goes, how fast songs are made, room on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.jobs.folder_facts import FolderFacts
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Label, separator
from karaoke_studio.ui.theme import Look

_HEIGHT = 26
#: With less room the line gives way to the song.
_MIN_WIDTH, _MIN_HEIGHT = 1000, 660
_LOOK_MS = 20_000
#: With less than this a few songs fill the disk.
_LITTLE_BYTES = 2_000_000_000


class StatusBar(QWidget):
    """Three facts."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("status_bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.sound, self.speed, self.disk = (
            Label(size=theme.CAPTION, tone="muted", tabular=True) for _ in range(3)
        )
        for name in ("sound", "speed", "disk"):
            getattr(self, name).setObjectName(f"status_{name}")
        row = QHBoxLayout()
        row.setContentsMargins(theme.L, 0, theme.L, 0)
        row.setSpacing(theme.XL)
        row.addWidget(self.sound)
        row.addWidget(self.speed)
        row.addStretch(1)
        row.addWidget(self.disk)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(separator(look))
        column.addLayout(row, 1)
        self.setFixedHeight(_HEIGHT)

    def fit(self, width: int, height: int) -> None:
        """Hide where the window has better uses for the room."""
        self.setVisible(width >= _MIN_WIDTH and height >= _MIN_HEIGHT)

    def show_disk(self, free_bytes: int) -> None:
        """Show the room on the library's disk; negative = that cannot be told."""
        little = 0 <= free_bytes < _LITTLE_BYTES
        self.disk.setText(text.disk_free(free_bytes, little=little))
        self.disk.set_tone("warn" if little else "muted")


class Status(QObject):
    """Keeps the line true.

    Args:
        bar: shows it.
        library: the folder whose disk counts.
        sound: returns the chosen sound device, "" = the system's own choice.
        speed: returns what new songs are made with, and seconds per second of song or None.
    """

    def __init__(
        self,
        bar: StatusBar,
        library: Path,
        sound: Callable[[], str],
        speed: Callable[[], tuple[str, float | None]],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bar, self._library, self._sound, self._speed = bar, library, sound, speed
        self._facts = FolderFacts(self)
        self._facts.free_told.connect(bar.show_disk)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        self.look()

    @Slot()
    def look(self) -> None:
        """Look at everything again."""
        self._facts.ask_free(self._library)
        self.tell()

    @Slot()
    def tell(self) -> None:
        """Show what is chosen now."""
        self._bar.sound.setText(f"Sound: {self._sound() or 'system default'}")
        engine, seconds = self._speed()
        self._bar.speed.setText(text.speed(engine, seconds))

    def close(self) -> None:
        """Stop looking."""
        self._timer.stop()
        self._facts.close()
