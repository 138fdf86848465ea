"""What was added last, to be added again from the menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QFontMetrics
from PySide6.QtWidgets import QMenu

from karaoke_studio.ui import text, theme

KEPT = 10
_WIDTH = 320


class Recent(QObject):
    """Keeps the list and fills its menu.

    Args:
        menu: shows it; filled when it opens.
        read: the list of now, newest first.
        keep: takes the list after a change.
        add: makes karaoke of files once more.

    Thread: GUI. No file is looked at: one that is gone says so in the queue.
    """

    def __init__(
        self,
        menu: QMenu,
        read: Callable[[], tuple[str, ...]],
        keep: Callable[[tuple[str, ...]], None],
        add: Callable[[list[Path]], None],
    ) -> None:
        super().__init__(menu)
        self._menu, self._read, self._keep, self._add = menu, read, keep, add
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)
        self._show_whether()

    def remember(self, paths: list[Path]) -> None:
        """Put files and folders at the top of the list."""
        # of many files that were dropped at once the first ones
        new = [str(path.absolute()) for path in paths[:KEPT]]
        old = [name for name in self._read() if name not in new]
        self._keep((*dict.fromkeys(new), *old)[:KEPT])
        self._show_whether()

    def _show_whether(self) -> None:
        self._menu.menuAction().setEnabled(bool(self._read()))

    @Slot()
    def _fill(self) -> None:
        self._menu.clear()
        metrics = QFontMetrics(theme.font())
        for name in self._read():
            words = text.one_line(Path(name).name or name)
            short = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, _WIDTH)
            action = QAction(short.replace("&", "&&"), self._menu)
            action.setToolTip(text.tooltip(text.one_line(name)))
            action.setData(name)
            action.triggered.connect(self._on_chosen)
            self._menu.addAction(action)
        self._menu.addSeparator()
        clear = QAction("Clear this list", self._menu)
        clear.setObjectName("clear_recent_action")
        clear.triggered.connect(self._on_clear)
        self._menu.addAction(clear)

    @Slot()
    def _on_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._add([Path(action.data())])

    @Slot()
    def _on_clear(self) -> None:
        self._keep(())
        self._show_whether()
