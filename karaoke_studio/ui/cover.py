"""A song's picture as a widget of fixed size."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from karaoke_studio.ui.disk import Disk, paint_cover
from karaoke_studio.ui.theme import Look


class Cover(QWidget):
    """Shows a cover once it is read; until then, and without one, a tinted square."""

    def __init__(self, look: Look, disk: Disk, size: int) -> None:
        super().__init__()
        self._look, self._disk = look, disk
        self._path: Path | None = None
        self._title = ""
        self.setFixedSize(size, size)
        look.changed.connect(self.update)
        disk.cover_changed.connect(self._on_cover_changed)

    def show_cover(self, path: Path | None, title: str) -> None:
        """Show another song's cover."""
        self._path, self._title = path, title
        self.update()

    @Slot(str)
    def _on_cover_changed(self, path: str) -> None:
        if self._path is not None and str(self._path) == path:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the cover."""
        picture = self._disk.cover(self._path, self.width(), self.devicePixelRatioF())
        paint_cover(QPainter(self), self.rect(), picture, self._title, self._look.tokens)
