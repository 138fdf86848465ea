"""Hearing the song that is being made: on its page, and on without a gap in its finished take."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.playback.player import LiveSong, Mix
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_in_work import SongInWork
from karaoke_studio.ui.tune_controls import TuneControls


class LiveListening(QObject):
    """Brings the song in work to the player when it is wanted there, and back what played before.

    While no other song is open it is at hand at once; else it waits for its play button.
    """

    def __init__(
        self, work: SongInWork, opened: OpenSong, listening: Listening, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._work, self._opened, self._listening = work, opened, listening
        self._live: LiveSong | None = None
        work.tune.tune_changed.connect(self._on_tune_changed)
        #: Where the song that is open was left for this one.
        self._left_at = 0
        transport = work.transport
        work.live_changed.connect(self._on_live_changed)
        work.timeline.seek_requested.connect(self._on_seek)
        work.timeline.loop_requested.connect(self._on_loop)
        transport.play_requested.connect(self.toggle)
        transport.previous_requested.connect(self._on_start)
        transport.loop_requested.connect(self._on_loop_button)
        transport.source_requested.connect(opened.hear)
        opened.source_changed.connect(transport.switch.set_source)
        transport.switch.set_source(listening.source)
        listening.moved.connect(self._on_moved)
        listening.playing_changed.connect(self._on_playing_changed)

    @property
    def is_heard(self) -> bool:
        """Whether the player has the song in work."""
        return self._live is not None and self._listening.live is self._live

    def tune_answers(self, usual: TuneControls) -> dict[str, Callable[[], None]]:
        """Return what the keys for key and tempo do: on this page, else to the song that is open.

        Args:
            usual: the controls of the song that is open.
        """

        def answer(name: str) -> Callable[[], None]:
            return lambda: (self._work.tune if self._work.isVisible() else usual).answers()[name]()

        return {name: answer(name) for name in usual.answers()}

    @Slot(object)
    def _on_tune_changed(self, tune: Tune) -> None:
        if self.is_heard:
            self._listening.set_tune(tune)

    @Slot()
    def toggle(self) -> None:
        """Play or pause what is on the screen."""
        if self._work.isVisible() and self._live is not None:
            self._take_over()
        self._listening.toggle()

    def leave(self) -> None:
        """Give the player back to the song that is open, where one is."""
        if self.is_heard and self._opened.song() is not None:
            self._give_back()

    @Slot()
    def _on_live_changed(self) -> None:
        """Have the song at hand that can be heard now; let go of one that is not made after all."""
        was_heard, before, self._live = self.is_heard, self._live, self._work.live()
        if self._live is not before:
            self._work.tune.show_tune(AS_RECORDED)
        if was_heard and not self.is_heard:
            self._give_back()
        if self._live is not None and self._opened.song() is None:
            self._take_over()

    def _give_back(self) -> None:
        song = self._opened.song()
        if song is None:
            self._listening.unload()
            return
        self._listening.open(song)
        self._listening.seek(self._left_at)
        self._opened.changed.emit()

    def _take_over(self) -> None:
        if self._live is None or self.is_heard:
            return
        self._left_at = self._listening.position_frames
        self._listening.open_live(self._live)
        self._listening.set_mix(Mix())
        self._listening.set_tune(self._work.tune.tune)

    @Slot(int)
    def _on_seek(self, frame: int) -> None:
        self._take_over()
        self._listening.seek(frame)

    @Slot()
    def _on_start(self) -> None:
        self._on_seek(0)

    @Slot(int, int)
    def _on_loop(self, start_frame: int, stop_frame: int) -> None:
        self._take_over()
        if not self.is_heard:
            return
        start, stop = self._listening.set_loop(start_frame, stop_frame)
        self._work.show_loop((start, stop), is_on=True)
        if not start <= self._listening.position_frames < stop:
            self._listening.seek(start)

    @Slot()
    def _on_loop_button(self) -> None:
        self._take_over()
        if not self.is_heard:
            return
        stretch = self._work.timeline.loop()
        if self._listening.is_looping:
            self._listening.clear_loop()
        else:
            self._listening.set_loop(*(stretch or (0, self._work.timeline.axis().frames)))
        self._work.show_loop(stretch, is_on=self._listening.is_looping)

    @Slot(int)
    def _on_moved(self, frame: int) -> None:
        if self.is_heard:
            self._work.set_position(frame)

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        self._work.transport.play_button.set_playing(playing and self.is_heard)
