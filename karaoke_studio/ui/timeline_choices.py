"""What the View menu chooses about the timeline: colours, how it follows, and its picture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from karaoke_studio.names import safe_name
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text
from karaoke_studio.ui.actions import Actions
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.song_view import SongView
from karaoke_studio.ui.spectrogram_choices import SpectrogramChoices
from karaoke_studio.ui.timeline.drawing import Drawing

_PICTURE_RATIO = 2.0
_TOLD_MS = 6_000


class TimelineChoices(QObject):
    """Keeps menu, settings and timeline on the same choices.

    Args:
        commands: the actions.
        view: holds the timeline.
        settings: at the start.
        change: keeps a setting; `follow` is told of it.
        banners: say when a picture cannot be written.
        window: above which the dialog appears.
    """

    _written = Signal(str, bool)

    def __init__(
        self,
        commands: Actions,
        view: SongView,
        settings: Settings,
        change: Callable[[str, Any], None],
        banners: Banners,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._written.connect(self._on_written)
        self._commands, self._view, self._change = commands, view, change
        self._banners, self._window = banners, window
        self.follow("spectrogram_colours", settings.spectrogram_colours)
        self.follow("follow_playhead", settings.follow_playhead)
        self.follow("wheel", settings.wheel)
        self.spectrogram = SpectrogramChoices(commands, view, settings, change, self)
        commands.colours.triggered.connect(self._on_colours)
        commands.follows.triggered.connect(self._on_follow)
        commands["picture_action"].triggered.connect(self.ask_for_picture)

    def follow(self, field: str, value: Any) -> None:
        """Let a setting act that was changed here or elsewhere."""
        if field == "spectrogram_colours":
            self._view.timeline.set_spectrogram_colours(value)
            self._commands[f"colours_{value}_action"].setChecked(True)
        elif field == "follow_playhead":
            self._view.timeline.set_following(value)
            self._commands[f"follow_{value}_action"].setChecked(True)
        elif field == "wheel":
            self._view.timeline.set_wheel(value)
        elif field.startswith("spectrogram_"):
            self.spectrogram.follow(field, value)

    @Slot()
    def ask_for_picture(self) -> None:
        """Ask where the picture of the timeline goes."""
        song = self._view.song()
        if song is None:
            return
        pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        place = Path(pictures or Path.home()) / f"{safe_name(song.title)}.png"
        dialog = QFileDialog(self._window, "Save the picture of the timeline", str(place.parent))
        dialog.setObjectName("picture_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Pictures (*.png)", "Drawings (*.svg)"])
        dialog.filterSelected.connect(
            lambda chosen: dialog.setDefaultSuffix("svg" if "svg" in chosen else "png")
        )
        dialog.setDefaultSuffix("png")
        dialog.selectFile(place.name)
        dialog.fileSelected.connect(self.save_picture)
        dialog.open()

    @Slot(str)
    def save_picture(self, name: str) -> None:
        """Write what the timeline shows now: as SVG, or as PNG at twice its size on the screen."""
        wanted = Path(name)
        # the ending says the format
        file = str(wanted if wanted.suffix == ".svg" else wanted.with_suffix(".png"))
        drawing = self._view.timeline.drawing() if wanted.suffix == ".svg" else None
        image = None if drawing else self._view.timeline.picture(_PICTURE_RATIO)

        def write() -> None:
            if drawing is not None:
                self._written.emit(file, _write_text(Path(file), drawing))
            elif image is not None:
                self._written.emit(file, image.save(file))

        # packing it takes longer than a window may stand still
        threading.Thread(target=write, name="picture", daemon=True).start()

    @Slot(str, bool)
    def _on_written(self, name: str, is_written: bool) -> None:
        file = text.one_line(Path(name).name)
        words = f"{file} is saved." if is_written else f"{file} cannot be written there."
        self._banners.notice.tell(words, for_ms=_TOLD_MS)

    @Slot()
    def _on_colours(self) -> None:
        chosen = str(self._commands.colours.checkedAction().data())
        self._change("spectrogram_colours", chosen)

    @Slot()
    def _on_follow(self) -> None:
        self._change("follow_playhead", str(self._commands.follows.checkedAction().data()))


def _write_text(file: Path, drawing: Drawing) -> bool:
    try:
        file.write_text(drawing.svg(), encoding="utf-8")
    except OSError:
        return False
    return True
