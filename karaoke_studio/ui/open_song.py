"""The song that is open: brought to the view and the player together, and steered by keys."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.library.songs import Song, Word
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.song_view import SongView
from karaoke_studio.ui.songs_list import SongsList

_JUMP_S = 5.0
#: ⏮ goes to the song before only this close to the start.
_RESTART_S = 3.0


class OpenSong(QObject):
    """Keeps view, player and list on the same song.

    Args:
        listening: the player.
        view: shows the song.
        songs: the list that the song is from; says which comes before and after.
        words: reads the words of a song.
        read_song: reads a song of the library by its id.

    Signals:
        changed: another song is open, or none.
        refreshed: facts of the open song have changed.
        stretch_chosen: whether a stretch to repeat is chosen.
        source_changed: what is heard, "original", "instrumental" or "vocals".
    """

    changed = Signal()
    refreshed = Signal()
    stretch_chosen = Signal(bool)
    source_changed = Signal(str)

    def __init__(
        self,
        listening: Listening,
        view: SongView,
        songs: SongsList,
        words: Callable[[Song], tuple[Word, ...]],
        read_song: Callable[[str], Song | None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._read_song = read_song
        self._listening, self._view, self._songs, self._words = listening, view, songs, words
        transport = view.transport
        view.seek_requested.connect(listening.seek)
        transport.play_requested.connect(listening.toggle)
        transport.previous_requested.connect(self.go_back)
        transport.next_requested.connect(self.go_on)
        transport.source_requested.connect(self.hear)
        transport.loop_requested.connect(self.toggle_loop)
        view.timeline.loop_requested.connect(self.repeat)
        listening.moved.connect(self._on_moved)
        listening.playing_changed.connect(self._on_playing_changed)
        self.hear("instrumental")  # who drops a song wants to sing it

    def answers(self) -> dict[str, Callable[[], None]]:
        """Return what the window's actions do here, by their names."""
        return {
            "original_action": self.hear_original,
            "instrumental_action": self.hear_instrumental,
            "vocals_action": self.hear_vocals,
            "back_action": self.jump_back,
            "forward_action": self.jump_forward,
            "start_action": self.to_start,
            "end_action": self.to_end,
            "previous_action": self.go_back,
            "next_action": self.go_on,
        }

    def song(self) -> Song | None:
        """Return the song that is open."""
        return self._view.song()

    def open(self, song: Song, *, goes_on: bool = False) -> None:
        """Show a song, paused at its start; the one that is open stays where it is, plays on too.

        With `goes_on` it is the one that was heard while it was made, and stays where it is.
        """
        shown = self.song()
        if shown and (shown.id, shown.take_id) == (song.id, song.take_id):
            if shown != song:
                self._view.refresh(song)
                self.refreshed.emit()
            return
        is_another_take = (
            shown is not None
            and (shown.id, shown.stems) == (song.id, song.stems)
            and self._listening.live is None
        )
        if is_another_take:
            self._view.show_take(song)
        else:
            self._view.show_song(song, self._words(song))
        self._listening.open(song, goes_on=goes_on or is_another_take)
        self._show_as_opened(song)

    def show_next(self, song: Song) -> None:
        """Show the song that the player went on with by itself."""
        self._view.show_song(song, self._words(song))
        self._show_as_opened(song)

    def following(self) -> Song | None:
        """Return the song that is listed behind the one that is open."""
        shown = self.song()
        other = self._songs.neighbour(shown.id, 1) if shown else ""
        return self._read_song(other) if other else None

    def _show_as_opened(self, song: Song) -> None:
        self._songs.set_open(song.id)
        loop = self._listening.loop
        if loop is not None:
            self._view.show_loop(loop, is_on=True)
        self._view.transport.play_button.set_playing(self._listening.is_playing)
        self.stretch_chosen.emit(self._view.timeline.loop() is not None)
        self.changed.emit()

    def play(self, song: Song) -> None:
        """Show a song and play it."""
        self.open(song)
        self._listening.play()

    def close(self) -> None:
        """Show nothing and let go of the song's files."""
        self._listening.unload()
        self._view.close_song()
        self._songs.set_open("")
        self.stretch_chosen.emit(False)
        self.changed.emit()

    def follow(self, now: Song | None) -> None:
        """Close the song where the library lost it; open its new take where it has one."""
        if now is None:
            self.close()
        else:
            self.open(now)

    @Slot()
    def go_back(self) -> None:
        """Go to the start of the song, or from there to the song before."""
        if self._listening.position_s > _RESTART_S or not self._step(-1):
            self._listening.seek(0)

    @Slot()
    def go_on(self) -> None:
        """Go to the next song."""
        self._step(1)

    def _step(self, by: int) -> bool:
        """Open a song before or after, playing on if one plays; return whether there is one."""
        shown = self.song()
        other = self._songs.neighbour(shown.id, by) if shown else ""
        song = self._read_song(other) if other else None
        if song is None:
            return False
        playing = self._listening.is_playing
        self.open(song)
        if playing:
            self._listening.play()
        return True

    @Slot(str)
    def hear(self, stem: str) -> None:
        """Choose what is heard."""
        self._listening.set_source(stem)
        self._view.set_source(stem)
        self.source_changed.emit(stem)

    @Slot(int)
    def _on_moved(self, frame: int) -> None:
        if self._listening.live is None:
            self._view.set_position(frame)

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        is_mine = self._listening.live is None
        self._view.transport.play_button.set_playing(playing and is_mine)

    @Slot()
    def hear_original(self) -> None:
        """Hear both stems."""
        self.hear("original")

    @Slot()
    def hear_instrumental(self) -> None:
        """Hear the music alone."""
        self.hear("instrumental")

    @Slot()
    def hear_vocals(self) -> None:
        """Hear the voice alone."""
        self.hear("vocals")

    @Slot(int, int)
    def repeat(self, start_frame: int, stop_frame: int) -> None:
        """Repeat a stretch; from its start, if the song is elsewhere."""
        start, stop = self._listening.set_loop(start_frame, stop_frame)
        self._view.show_loop((start, stop), is_on=True)
        self.stretch_chosen.emit(True)
        if not start <= self._listening.position_frames < stop:
            self._listening.seek(start)

    @Slot()
    def toggle_loop(self) -> None:
        """Repeat the chosen stretch, or the whole song where none is chosen; or play on."""
        song, stretch = self.song(), self._view.timeline.loop()
        if song is None or self._listening.live is not None:
            return
        if self._listening.is_looping:
            self._listening.clear_loop()
        else:
            self._listening.set_loop(*(stretch or (0, song.frames)))
        self._view.show_loop(stretch, is_on=self._listening.is_looping)

    @Slot()
    def clear_loop(self) -> None:
        """Forget the chosen stretch and play on."""
        if self._listening.live is None:
            self._listening.clear_loop()
        self._view.show_loop(None, is_on=False)
        self.stretch_chosen.emit(False)

    @Slot()
    def jump_back(self) -> None:
        """Go five seconds back."""
        self._listening.jump(-_JUMP_S)

    @Slot()
    def jump_forward(self) -> None:
        """Go five seconds forward."""
        self._listening.jump(_JUMP_S)

    @Slot()
    def to_start(self) -> None:
        """Go to the start."""
        self._listening.seek(0)

    @Slot()
    def to_end(self) -> None:
        """Go to the end."""
        if frames := self._listening.frames:
            self._listening.seek(frames)
