"""The beats of the open song: on the timeline, in the ear, and put right where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QPoint, Slot
from PySide6.QtWidgets import QMenu

from karaoke_studio.audio.beats import AS_FOUND, BARS, BeatGrid, Beating
from karaoke_studio.library.songs import Song
from karaoke_studio.settings import Settings
from karaoke_studio.ui import theme
from karaoke_studio.ui.actions import Actions
from karaoke_studio.ui.faders import Faders
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_view import SongView

_NONE = "No beat was found in this song"
_NOT_YET = "The beats are found in a moment"


class Beats(QObject):
    """Keeps timeline, player and menu on the beats of the song that is open.

    Args:
        opened: the song.
        listening: its metronome clicks.
        view: its timeline shows the beats, its transport has their button.
        faders: keep what belongs to a song.
        commands: the actions.
        settings: at the start.
        change: keeps a setting.
    """

    def __init__(
        self,
        opened: OpenSong,
        listening: Listening,
        view: SongView,
        faders: Faders,
        commands: Actions,
        settings: Settings,
        change: Callable[[str, Any], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._opened, self._listening, self._view, self._faders = opened, listening, view, faders
        self._change_setting = change
        self._is_shown, self._snaps = settings.beats_shown, settings.loops_snap
        self.clicks = False
        self.button = view.transport.beats_button
        self.menu = QMenu(view)
        self.menu.setObjectName("beats_menu")
        self._metronome = commands["metronome_action"]
        self._metronome.setCheckable(True)
        self._metronome.triggered.connect(self.turn_metronome)
        self.button.clicked.connect(self.show_menu)
        opened.changed.connect(self.follow)
        opened.refreshed.connect(self.follow)
        self.follow()

    def grid(self) -> BeatGrid | None:
        """Return the beats of the open song, None where there are none."""
        song = self._opened.song()
        if song is None:
            return None
        found = song.analysis or {}
        if found.get("take_id") != song.take_id:
            return None
        return BeatGrid.from_plain(found.get("beats"), self._beating(song))

    def _beating(self, song: Song) -> Beating:
        return self._faders.mix_of(song).beating

    @Slot()
    def follow(self) -> None:
        """Show and click the beats of the song that is open."""
        grid, song = self.grid(), self._opened.song()
        self._view.timeline.show_beats(grid if self._is_shown else None)
        self._view.timeline.set_snapping(grid if self._snaps else None)
        self._listening.set_metronome(grid if self.clicks else None)
        is_known = song is not None and "beats" in (song.analysis or {})
        self.button.set_available(grid is not None, _NONE if is_known else _NOT_YET)
        self.button.setChecked(self.clicks and grid is not None)
        self._metronome.setEnabled(grid is not None)
        self._metronome.setChecked(self.clicks)

    @Slot(bool)
    def turn_metronome(self, on: bool) -> None:
        """Click on the beats, or do not."""
        self.clicks = on
        self.follow()

    @Slot()
    def show_menu(self) -> None:
        """Open the menu of beats."""
        self.follow()  # a button that opens a menu stays as it was
        self.fill_menu()
        up = QPoint(0, -self.menu.sizeHint().height() - theme.XS)
        self.menu.popup(self.button.mapToGlobal(up))

    def fill_menu(self) -> None:
        """Offer what can be done now."""
        self.menu.clear()
        song = self._opened.song()
        if song is None:
            return
        beating = self._beating(song)
        self.menu.addAction(self._metronome)
        self._offer("Lines on the timeline", "beats_shown_action", self._show, on=self._is_shown)
        self._offer("Loops keep to beats", "loops_snap_action", self._snap, on=self._snaps)
        self.menu.addSeparator()
        self._offer("A bar begins here", "bar_here_action", self._begin_bar)
        self._offer("Twice as many beats", "more_beats_action", self._more).setEnabled(
            beating.times < 2.0
        )
        self._offer("Half as many beats", "fewer_beats_action", self._fewer).setEnabled(
            beating.times > 0.5
        )
        bars = self.menu.addMenu("Beats of a bar")
        bars.setObjectName("bars_menu")
        for count in BARS:
            action = bars.addAction(str(count))
            action.setCheckable(True)
            action.setChecked(beating.bar == count)
            action.triggered.connect(lambda _on=False, count=count: self._put_right(bar=count))
        self._offer("As they were found", "beats_as_found_action", self._forget).setEnabled(
            beating != AS_FOUND
        )

    def _offer(
        self, words: str, name: str, answer: Callable[[], None], *, on: bool | None = None
    ) -> Any:
        action = self.menu.addAction(words)
        action.setObjectName(name)
        if on is not None:
            action.setCheckable(True)
            action.setChecked(on)
        action.triggered.connect(lambda _on=False: answer())
        return action

    def _show(self) -> None:
        self._is_shown = not self._is_shown
        self._change_setting("beats_shown", self._is_shown)
        self.follow()

    def _snap(self) -> None:
        self._snaps = not self._snaps
        self._change_setting("loops_snap", self._snaps)
        self.follow()

    def _begin_bar(self) -> None:
        grid = self.grid()
        here = grid.nearest(self._listening.position_frames) if grid is not None else None
        if here is not None:
            self._put_right(one=here)

    def _more(self) -> None:
        self._scale(2.0)

    def _fewer(self) -> None:
        self._scale(0.5)

    def _scale(self, by: float) -> None:
        song = self._opened.song()
        if song is not None:
            self._put_right(times=self._beating(song).times * by)

    def _forget(self) -> None:
        self._keep(AS_FOUND)

    def _put_right(self, **fields: Any) -> None:
        song = self._opened.song()
        if song is not None:
            self._keep(replace(self._beating(song), **fields))

    def _keep(self, beating: Beating) -> None:
        song = self._opened.song()
        if song is not None:
            self._faders.change(song, replace(self._faders.mix_of(song), beating=beating))
            self.follow()

    # -- for clicks before and between

    def count_in(self, usual_bpm: float, beats: int) -> tuple[int, float, float]:
        """Return how many clicks lead into the song from here, how many a minute, and the last.

        The last is told in seconds before the sound: the song's own beat goes on from it.
        """
        song, grid = self._opened.song(), self.grid()
        tempo = self._faders.mix_of(song).tune.tempo if song is not None else 1.0
        if song is None or grid is None:
            bpm = ((song.bpm if song is not None else None) or usual_bpm) * tempo
            return beats, bpm, 60 / bpm
        here = self._listening.position_frames
        period = grid.period_at(here)
        ahead = grid.next_from(here) - here
        bpm = 60 * song.sample_rate / period * tempo
        return _counted(grid, beats), bpm, (period - ahead) / song.sample_rate / tempo

    def counted_rest(self, start: int, stop: int, beats: int) -> tuple[float, tuple[float, ...]]:
        """Return the silence between two rounds of a loop, and its clicks, all in seconds.

        The beat goes on from the end of the loop, and leads into its start.
        """
        song, grid = self._opened.song(), self.grid()
        if song is None or grid is None:
            return 0.0, ()
        count = _counted(grid, beats)
        period = grid.period_at(start)
        to_first = grid.next_from(stop) - stop
        from_last = period - (grid.next_from(start) - start)
        clicks = [to_first + number * period for number in range(count)]
        rate = song.sample_rate
        return (clicks[-1] + from_last) / rate, tuple(at / rate for at in clicks)


def _counted(grid: BeatGrid, beats: int) -> int:
    """Return how many clicks count in: a bar, or about as many."""
    return grid.bar if grid.bar >= 3 else beats
