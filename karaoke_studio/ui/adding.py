"""How songs come in: chosen in a dialog, dropped on the window, or opened once more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Qt, Slot
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.ui.drop_area import DragOverlay, drop_sentence, dropped_paths
from karaoke_studio.walk import SONG_SUFFIXES


class Adding(QObject):
    """Takes songs from a person's hands into the queue.

    Args:
        queue: makes them.
        overlay: lights up while something is held over the window.
        demo_song: the file behind "Try the demo song".
        remember: is told what a person added.
        window: owner of the dialog.

    Thread: GUI.
    """

    def __init__(
        self,
        queue: JobQueue,
        overlay: DragOverlay,
        demo_song: Path,
        remember: Callable[[list[Path]], None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._queue, self._overlay, self._window = queue, overlay, window
        self._demo_song, self._remember = demo_song, remember
        music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
        self._folder = Path(music) if Path(music).is_dir() else Path.home()

    def add_paths(self, paths: list[Path]) -> None:
        """Make karaoke of files and folders."""
        if paths:
            self._remember(paths)
            self._queue.add_paths(paths)

    @Slot()
    def choose_files(self) -> None:
        """Ask for songs."""
        dialog = QFileDialog(self._window, "Add songs", str(self._folder))
        dialog.setObjectName("add_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setOption(QFileDialog.Option.HideNameFilterDetails)
        endings = " ".join(f"*{suffix}" for suffix in sorted(SONG_SUFFIXES))
        dialog.setNameFilters([f"Songs and videos ({endings})", "All files (*)"])
        dialog.filesSelected.connect(self._on_files_chosen)
        dialog.open()

    @Slot("QStringList")
    def _on_files_chosen(self, names: list[str]) -> None:
        self._folder = Path(names[0]).parent
        self.add_paths([Path(name) for name in names])

    @Slot()
    def add_demo(self) -> None:
        """Make karaoke of the demo song."""
        self._queue.add_paths([self._demo_song])

    # -- dropping

    def enter(self, event: QDragEnterEvent) -> None:
        """Say what dropping would do."""
        if not event.mimeData().hasUrls() or event.source() is not None:
            return  # what is dragged out of this window is not a new song
        paths = dropped_paths(event.mimeData())
        self._overlay.show_sentence(drop_sentence(paths), welcome=bool(paths))
        # Accepted even when nothing can be taken, so that the reason stays on the screen.
        self.follow(event)

    def follow(self, event: QDragMoveEvent) -> None:
        """Follow the hand."""
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def leave(self) -> None:
        """Turn the light off."""
        self._overlay.hide()

    def drop(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        self._overlay.hide()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.add_paths(dropped_paths(event.mimeData()))
