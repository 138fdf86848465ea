"""When the songs fill the middle of the window, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction

from karaoke_studio.settings import Settings
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.wide_list import WideList


class WideDesk(QObject):
    """Opens and closes the wide list.

    Args:
        wide: the list in the middle.
        songs: the list at the side, which gives way to it.
        action: opens and closes it.
        settings: what was chosen.
        change_setting: keeps a setting.

    Signals:
        turned(): the middle has to be arranged anew.

    Thread: GUI.
    """

    turned = Signal()

    def __init__(
        self,
        wide: WideList,
        songs: SongsList,
        action: QAction,
        settings: Settings,
        change_setting: Callable[[str, Any], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._wide, self._songs, self._action = wide, songs, action
        self._change_setting, self._is_on = change_setting, False
        wide.headings.set_columns(settings.table_columns)
        wide.set_kind(settings.wide_kind)
        wide.headings.columns_changed.connect(self._on_columns)
        wide.kind_chosen.connect(self._on_kind)
        wide.closed.connect(self.close)
        songs.wide_requested.connect(self.toggle)
        songs.open_requested.connect(self.close)
        songs.play_requested.connect(self.close)
        action.setCheckable(True)
        action.triggered.connect(self.toggle)

    def is_on(self) -> bool:
        """Whether songs fill the middle."""
        return self._is_on and bool(self._songs.total())

    @Slot()
    def toggle(self) -> None:
        """Open it, or close it."""
        self._turn(on=not self._is_on)

    @Slot()
    def close(self) -> None:
        """Show again what was there before."""
        self._turn(on=False)

    def _turn(self, *, on: bool) -> None:
        if on == self._is_on:
            return
        self._is_on = on
        self._action.setChecked(on)
        self._songs.set_wide(on=on)
        self.turned.emit()
        if on:
            self._wide.focus_songs()
        else:
            self._songs.view.setFocus()

    @Slot(str)
    def _on_columns(self, columns: str) -> None:
        self._change_setting("table_columns", columns)

    @Slot(str)
    def _on_kind(self, kind: str) -> None:
        self._change_setting("wide_kind", kind)
