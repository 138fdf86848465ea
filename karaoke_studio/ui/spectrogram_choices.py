"""What the spectrogram shows and how: menu, settings and timeline are kept on the same choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QPoint, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from karaoke_studio.audio.spectrogram import SCALES
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text
from karaoke_studio.ui.actions import Actions
from karaoke_studio.ui.song_view import SongView

_SCALES = {"log": "log", "mel": "mel", "linear": "linear"}
_MAKES = ("spectrogram_window", "spectrogram_scale")


def label(source: str, scale: str) -> str:
    """Return what the spectrogram shows.

    >>> label("heard", "log"), label("vocals", "linear")
    ('Spectrogram · log · 55 Hz – 14 kHz', 'Spectrogram · vocals · linear · 0 Hz – 20 kHz')
    """
    low, high = SCALES[scale]
    what = "" if source == "heard" else source
    reach = f"{text.frequency(low)} – {text.frequency(high)}"
    return text.joined("Spectrogram", what, _SCALES[scale], reach)


class SpectrogramChoices(QObject):
    """Lets choices of the spectrogram's menu act.

    Args:
        commands: the actions.
        view: holds the timeline.
        settings: at the start.
        change: keeps a setting; `follow` is told of it.
    """

    def __init__(
        self,
        commands: Actions,
        view: SongView,
        settings: Settings,
        change: Callable[[str, Any], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._commands, self._view, self._change = commands, view, change
        self._source, self._scale = settings.spectrogram_source, settings.spectrogram_scale
        self.menu = QMenu(view)
        self.menu.setObjectName("spectrogram_menu")
        commands.fill_spectrogram(self.menu)
        for name, group in commands.spectrogram.items():
            self._check(name, getattr(settings, name))
            group.triggered.connect(lambda action, name=name: self._on_chosen(name, action))
        self._view.timeline.set_spectrogram_range(settings.spectrogram_range_db)
        self._show()
        view.timeline.spectrogram_menu_requested.connect(self.show_menu)

    def follow(self, field: str, value: Any) -> None:
        """Let a setting act that was changed here or elsewhere."""
        self._check(field, value)
        if field == "spectrogram_range_db":
            self._view.timeline.set_spectrogram_range(value)
        elif field == "spectrogram_source":
            self._source = value
            self._show()
        elif field == "spectrogram_scale":
            self._scale = value
            self._show()
        if field in _MAKES:
            self._view.make_spectrograms_anew()

    @Slot(QPoint)
    def show_menu(self, corner: QPoint) -> None:
        """Open the menu."""
        self.menu.popup(corner)

    def _show(self) -> None:
        self._view.timeline.set_strip_label(label(self._source, self._scale))
        self._view.pin_spectrogram("" if self._source == "heard" else self._source)

    def _check(self, name: str, value: Any) -> None:
        self._commands[f"{name}_{value}_action"].setChecked(True)

    def _on_chosen(self, name: str, action: QAction) -> None:
        chosen = str(action.data())
        self._change(name, int(chosen) if chosen.isdigit() else chosen)
