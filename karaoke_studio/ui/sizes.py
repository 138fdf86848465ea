"""Remembers where the window stood and how its panels were divided."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject, QSettings
from PySide6.QtWidgets import QMainWindow, QSplitter


class Sizes:
    """Sizes of the last run, by object name; what is missing or damaged changes nothing.

    Args:
        kept: where they are written; None = nowhere.
    """

    def __init__(self, kept: QSettings | None) -> None:
        self._kept = kept

    def _value(self, owner: QObject) -> QByteArray:
        value = self._kept.value(owner.objectName()) if self._kept is not None else None
        return value if isinstance(value, QByteArray) else QByteArray()

    def restore_window(self, window: QMainWindow) -> None:
        """Put the window where it was."""
        window.restoreGeometry(self._value(window))

    def restore_splitters(self, splitters: list[QSplitter]) -> None:
        """Divide the panels as they were; wants the splitters at their real widths (shown)."""
        for splitter in splitters:
            splitter.restoreState(self._value(splitter))

    def keep(self, window: QMainWindow, splitters: list[QSplitter]) -> None:
        """Write all sizes down for the next run."""
        if self._kept is None:
            return
        self._kept.setValue(window.objectName(), window.saveGeometry())
        for splitter in splitters:
            self._kept.setValue(splitter.objectName(), splitter.saveState())
        self._kept.sync()
