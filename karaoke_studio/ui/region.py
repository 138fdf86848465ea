"""What can be done with the stretch that is chosen on the timeline."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPoint, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from karaoke_studio.library.songs import Song
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.places import Places
from karaoke_studio.ui.song_view import SongView

#: A playhead that goes farther in one look was sent there.
_SENT_S = 0.5


class Region(QObject):
    """The menu of the stretch: play it, repeat it, keep it, export it.

    Args:
        opened: the song.
        listening: plays it.
        view: its timeline shows the stretch.
        places: keep it.
        export: opens the export of frames start…stop of a song.
    """

    def __init__(
        self,
        opened: OpenSong,
        listening: Listening,
        view: SongView,
        places: Places,
        export: Callable[[Song, tuple[int, int]], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._opened, self._listening, self._view = opened, listening, view
        self._export = export
        #: Frame at which what is played once ends.
        self._ends_at: int | None = None
        self._last = 0
        self.menu = QMenu(view)
        self.menu.setObjectName("region_menu")
        for words, name, answer in (
            ("Play it once", "play_region_action", self.play_once),
            ("Repeat it", "repeat_region_action", self.repeat),
            ("Keep it\tK", "keep_region_action", places.keep),
            ("Export it…", "export_region_action", self.export),
            ("Forget it\tEsc", "forget_region_action", opened.clear_loop),
        ):
            action = self.menu.addAction(words)
            action.setObjectName(name)
            action.triggered.connect(answer)
        self._last_entry = self.menu.actions()[-1]
        view.timeline.region_menu_requested.connect(self.show_menu)
        listening.moved.connect(self._on_moved)
        listening.playing_changed.connect(self._on_playing_changed)

    def add(self, words: str, name: str, answer: Callable[[], object]) -> None:
        """Offer something else to do with it, before the last entry."""
        action = QAction(words, self.menu)
        action.setObjectName(name)
        action.triggered.connect(answer)
        self.menu.insertAction(self._last_entry, action)

    @Slot(QPoint)
    def show_menu(self, corner: QPoint) -> None:
        """Open the menu."""
        self.menu.popup(corner)

    @Slot()
    def play_once(self) -> None:
        """Play the stretch from its start, and stop at its end."""
        stretch = self._view.timeline.loop()
        if stretch is None:
            return
        self._listening.clear_loop()
        self._view.show_loop(stretch, is_on=False)
        self._listening.seek(stretch[0])
        self._listening.play()
        self._last, self._ends_at = stretch[0], stretch[1]

    @Slot()
    def repeat(self) -> None:
        """Play the stretch again and again, from its start."""
        stretch = self._view.timeline.loop()
        if stretch is not None:
            self._ends_at = None
            self._opened.repeat(*stretch)
            self._listening.seek(stretch[0])
            self._listening.play()

    @Slot()
    def export(self) -> None:
        """Write the stretch as files."""
        song, stretch = self._opened.song(), self._view.timeline.loop()
        if song is not None and stretch is not None:
            self._export(song, stretch)

    @Slot(int)
    def _on_moved(self, frame: int) -> None:
        (last, self._last), ends_at = (self._last, frame), self._ends_at
        song = self._opened.song()
        if ends_at is None or song is None:
            return
        is_sent = not 0 <= frame - last <= _SENT_S * song.sample_rate
        if is_sent or frame >= ends_at:
            self._ends_at = None
        if frame >= ends_at and not is_sent:
            self._listening.pause()

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        if not playing:
            self._ends_at = None
