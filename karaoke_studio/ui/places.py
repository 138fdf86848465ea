"""Loops and marks of the open song, and practising a loop: slow at first, faster each round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QInputDialog, QMenu

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.places import LONGEST_NAME, Place, free_name, with_place
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.beats import Beats
from karaoke_studio.ui.faders import Faders
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_view import SongView

#: Practice begins at this tempo, and each round is so much faster, in per cent.
FIRST_TEMPO, FASTER = 70, 5
#: Clicks of a count-in, and their pace where that of the song is not known.
BEATS, USUAL_BPM = 4, 100.0
#: Seconds of silence between two rounds that can be chosen.
GAPS_S = (0, 1, 2, 4)


class Places(QObject):
    """Keeps the places of the open song, and goes there.

    Args:
        opened: the song.
        listening: the player.
        view: its timeline shows the places, its transport has their button.
        faders: keep what belongs to a song.
        beats: on which clicks lie.
        counts_in: whether clicks are heard before a song begins, at the start.
        change: keeps a setting.
    """

    def __init__(
        self,
        opened: OpenSong,
        listening: Listening,
        view: SongView,
        faders: Faders,
        beats: Beats,
        parent: QObject,
        *,
        counts_in: bool,
        change: Callable[[str, bool], None],
    ) -> None:
        super().__init__(parent)
        self._opened, self._listening, self._view, self._faders = opened, listening, view, faders
        self._counts_in, self._change_setting = counts_in, change
        self._beats = beats
        self._rest_s, self._counts_rests = 0, False
        listening.count_in = self.count_in
        listening.rest = self._rest_of
        self._last = 0
        self.is_practising = False
        self.menu = QMenu(view)
        self.menu.setObjectName("places_menu")
        view.transport.places_button.clicked.connect(self.show_menu)
        view.timeline.place_requested.connect(self._on_place_requested)
        opened.changed.connect(self._on_opened)
        listening.moved.connect(self._on_moved)

    def places(self) -> tuple[Place, ...]:
        """Return the places of the open song."""
        song = self._opened.song()
        return self._faders.mix_of(song).places if song is not None else ()

    @Slot()
    def keep(self) -> None:
        """Keep the stretch that is chosen, or mark the moment that is heard."""
        if self._opened.song() is None or self._listening.live is not None:
            return
        places, stretch = self.places(), self._view.timeline.loop()
        if stretch is not None and any((p.start, p.stop) == stretch for p in places):
            stretch = None  # it is kept already: this is a moment in it
        if stretch is None:
            new = Place(free_name(places, "Mark"), self._listening.position_frames)
        else:
            new = Place(free_name(places, "Loop"), *stretch)
        self._change(with_place(places, new))

    @Slot()
    def show_menu(self) -> None:
        """Open the menu of places."""
        self.fill_menu()
        button = self._view.transport.places_button
        up = QPoint(0, -self.menu.sizeHint().height() - theme.XS)
        self.menu.popup(button.mapToGlobal(up))

    def fill_menu(self) -> None:
        """Offer what can be done now."""
        self.menu.clear()
        chosen = self._view.timeline.loop() is not None
        keep = self.menu.addAction("Keep this loop\tK" if chosen else "Mark this moment\tK")
        keep.setObjectName("keep_place_action")
        keep.triggered.connect(self.keep)
        practise = self.menu.addAction(
            f"Practise: from {FIRST_TEMPO} %, {FASTER} % faster each round"
        )
        practise.setObjectName("practise_action")
        practise.setCheckable(True)
        practise.setChecked(self.is_practising)
        practise.setEnabled(chosen and rubber_band.library() is not None)
        practise.triggered.connect(self.practise)
        count = self.menu.addAction(f"Count in: {BEATS} clicks before it plays")
        count.setObjectName("count_in_action")
        count.setCheckable(True)
        count.setChecked(self._counts_in)
        count.triggered.connect(self._on_count_in)
        rests = self.menu.addMenu("Rest between rounds")
        rests.setObjectName("rests_menu")
        for seconds in GAPS_S:
            rest = rests.addAction(f"{seconds} s" if seconds else "None")
            rest.setCheckable(True)
            rest.setChecked(self._rest_s == seconds and not self._counts_rests)
            rest.triggered.connect(lambda _on=False, seconds=seconds: self.rest(seconds))
        counted = rests.addAction("A bar, counted in")
        counted.setObjectName("counted_rest_action")
        counted.setCheckable(True)
        counted.setChecked(self._counts_rests)
        counted.setEnabled(self._beats.grid() is not None)
        counted.triggered.connect(self.count_rests)
        if places := self.places():
            self.menu.addSeparator()
        for place in places:
            self._add_place(place)

    def _add_place(self, place: Place) -> None:
        song = self._opened.song()
        rate = song.sample_rate if song is not None else 1
        when = text.clock(place.start / rate)
        if place.stop is not None:
            when = f"{when} – {text.clock(place.stop / rate)}"
        # an ampersand would make a key of the letter behind it
        menu = self.menu.addMenu(f"{text.one_line(place.name).replace('&', '&&')}   {when}")
        for words, answer in (
            ("Go there" if place.stop is None else "Repeat it", self.go),
            ("Rename…", self.rename),
            ("Remove", self.remove),
        ):
            menu.addAction(words).triggered.connect(
                lambda _on=False, answer=answer, place=place: answer(place)
            )

    def count_in(self) -> tuple[int, float, float]:
        """Return the clicks before it plays; see `Beats.count_in`."""
        is_live = self._listening.live is not None
        if not self._counts_in or self._opened.song() is None or is_live:
            return 0, USUAL_BPM, 1.0
        return self._beats.count_in(USUAL_BPM, BEATS)

    @Slot(bool)
    def _on_count_in(self, on: bool) -> None:
        self._counts_in = on
        self._change_setting("count_in", on)

    def rest(self, seconds: int) -> None:
        """Let silence lie between two rounds of a loop, from the next one on."""
        self._rest_s, self._counts_rests = seconds, False
        self._follow_rest()

    @Slot()
    def count_rests(self) -> None:
        """Let a bar of clicks lie between two rounds of a loop."""
        self._counts_rests = True
        self._follow_rest()

    def _rest_of(self, start: int, stop: int) -> tuple[float, tuple[float, ...]]:
        if self._counts_rests and self._listening.live is None:
            return self._beats.counted_rest(start, stop, BEATS)
        return float(self._rest_s), ()

    def _follow_rest(self) -> None:
        if (stretch := self._listening.loop) is not None:
            self._listening.set_loop(*stretch)

    def go(self, place: Place) -> None:
        """Go to a moment, or repeat a stretch."""
        if place.stop is None:
            self._listening.seek(place.start)
        else:
            self._opened.repeat(place.start, place.stop)

    def remove(self, place: Place) -> None:
        """Forget a place."""
        self._change(tuple(other for other in self.places() if other != place))

    def rename(self, place: Place) -> None:
        """Ask for another name."""
        dialog = QInputDialog(self._view)
        dialog.setObjectName("place_name_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Name of this place")
        dialog.setLabelText("Name")
        dialog.setTextValue(place.name)
        dialog.textValueSelected.connect(lambda name: self.call(place, name))
        dialog.open()

    def call(self, place: Place, name: str) -> None:
        """Give a place another name; none at all leaves the old one."""
        if name := name.strip()[:LONGEST_NAME]:
            rest = tuple(other for other in self.places() if other != place)
            self._change(with_place(rest, replace(place, name=name)))

    @Slot(bool)
    def practise(self, on: bool) -> None:
        """Repeat the chosen stretch slowly, a little faster each round, up to its own tempo."""
        stretch = self._view.timeline.loop()
        self.is_practising = on and stretch is not None
        if self.is_practising and stretch is not None:
            self._view.mixer.tune.set_tempo(FIRST_TEMPO)
            self._opened.repeat(*stretch)

    def _change(self, places: tuple[Place, ...]) -> None:
        song = self._opened.song()
        if song is not None:
            self._faders.change(song, replace(self._faders.mix_of(song), places=places))
            self._view.timeline.show_places(places)

    @Slot()
    def _on_opened(self) -> None:
        self.is_practising = False
        self._view.timeline.show_places(self.places())

    @Slot(int)
    def _on_place_requested(self, number: int) -> None:
        self.go(self.places()[number])

    @Slot(int)
    def _on_moved(self, frame: int) -> None:
        """Notice the end of a round."""
        last, self._last = self._last, frame
        stretch = self._listening.loop
        if not self.is_practising:
            return
        if stretch is None:
            self.is_practising = False
            return
        start, stop = stretch
        if start <= frame < last <= stop and last - frame > (stop - start) // 2:
            tempo = self._view.mixer.tune.tempo_percent() + FASTER
            self._view.mixer.tune.set_tempo(min(tempo, 100))
            self.is_practising = tempo < 100


class HoldToCompare(QObject):
    """Plays the original while the key A is held, then what was heard before.

    Args:
        opened: chooses what is heard.
        listening: says what is heard.
        window: gets the keys that nothing else takes.
    """

    def __init__(self, opened: OpenSong, listening: Listening, window: QObject) -> None:
        super().__init__(window)
        self._opened, self._listening = opened, listening
        self._before = ""
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the key, and let go of it when the window is left."""
        if isinstance(event, QKeyEvent) and self._is_ours(event):
            if event.type() == QEvent.Type.KeyPress and not self._before:
                self._before = self._listening.source
                self._opened.hear_original()
            elif event.type() == QEvent.Type.KeyRelease:
                self._let_go()
            return True
        if event.type() == QEvent.Type.WindowDeactivate:
            self._let_go()
        return super().eventFilter(watched, event)

    def _is_ours(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_A or event.modifiers():
            return False
        return event.type() in {QEvent.Type.KeyPress, QEvent.Type.KeyRelease} and (
            not event.isAutoRepeat()
        )

    def _let_go(self) -> None:
        before, self._before = self._before, ""
        if before:
            self._opened.hear(before)
