"""The next song of the list follows by itself where that is wished, without a gap."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from karaoke_studio.library.songs import Song
from karaoke_studio.playback.player import Mix
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.loudness import LoudnessMatch
from karaoke_studio.ui.open_song import OpenSong

#: The next song is chosen so long before the end; it is opened when the last second is read.
AHEAD_S = 10.0
#: Somebody may reorder the list or move a fader meanwhile.
_LOOK_S = 0.5


class PlayOn(QObject):
    """Lines up the song that comes next in the list, and shows it when it is heard.

    Args:
        is_on: as the settings say.
        following: returns the song behind the one that is open, None at the end of the list.
        mix_of: where the faders of a song stand.
    """

    def __init__(
        self,
        is_on: bool,
        opened: OpenSong,
        listening: Listening,
        loudness: LoudnessMatch,
        following: Callable[[], Song | None],
        mix_of: Callable[[Song], Mix],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._is_on, self._opened, self._listening = is_on, opened, listening
        self._loudness, self._following, self._mix_of = loudness, following, mix_of
        self._song: Song | None = None
        self._wanted: tuple[object, ...] = ()
        self._looked_at_s = 0.0
        listening.moved.connect(self._on_moved)
        listening.went_over.connect(self._on_went_over)
        opened.changed.connect(self._on_opened)

    def turn(self, *, on: bool) -> None:
        """Let the next song follow, or stop at the end of each."""
        self._is_on = on
        if not on:
            self._line_up(None)

    @Slot(int)
    def _on_moved(self, _frame: int) -> None:
        listening = self._listening
        if not self._is_on or listening.live is not None or not listening.is_playing:
            return
        at, left = listening.position_s, listening.left_s
        if left > AHEAD_S or (self._wanted and abs(at - self._looked_at_s) < _LOOK_S):
            return
        self._looked_at_s = at
        self._line_up(self._following())

    def _line_up(self, song: Song | None) -> None:
        wanted: tuple[object, ...] = ()
        if song is not None:
            mix, matches = self._mix_of(song), self._loudness.gains_of(song)
            wanted = (song.id, song.take_id, mix, matches, self._listening.source)
        if wanted == self._wanted:
            return
        self._song, self._wanted = song, wanted
        if song is None:
            self._listening.line_up(None)
        else:
            self._listening.line_up(song, mix, matches)

    @Slot()
    def _on_opened(self) -> None:
        self._song, self._wanted = None, ()

    @Slot()
    def _on_went_over(self) -> None:
        if self._song is not None:
            self._opened.show_next(self._song)
