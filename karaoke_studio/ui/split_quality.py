"""How well the open song is split: the word beside its name, the strip, the weakest places."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from karaoke_studio.audio.doubt import DoubtCurve, grade_of, weakest_places
from karaoke_studio.library.songs import Song
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.doubt_strip import DoubtStrip
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_view import SongView
from karaoke_studio.ui.theme import Look

_WIDTH = 540
_ROWS, _ROW_HEIGHT = 8, 28
_INTRO = (
    "Where voice and music are most likely mixed up, the weakest first. It is an estimate: listen."
)
_NONE = "No weak place was found in this song."


def split_words(song: Song) -> str:
    """Return the verdict on a song's split; "" where it has not been judged.

    The score is of the vocals' estimated SDR; see `audio.doubt`.
    """
    found = _found(song)
    if found is None:
        return ""
    return f"{grade_of(found).capitalize()}, {found:.2f}"


def _found(song: Song) -> float | None:
    facts = song.analysis or {}
    quality = facts.get("quality")
    if facts.get("take_id") != song.take_id or not isinstance(quality, dict):
        return None
    score = quality.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    return float(score) if 0 <= score <= 1 else None


def curve_of(song: Song) -> DoubtCurve | None:
    """Return the doubt curve of a song's take; None where it has not been judged."""
    if _found(song) is None:
        return None
    return DoubtCurve.from_plain((song.analysis or {})["quality"])


class WeakPlaces(Dialog):
    """The list of the weakest places, and what can be done with one.

    Signals:
        go_requested: start in seconds.
        compare_requested: start and end in seconds; original and split in turn.
        repeat_requested: start and end in seconds.
        fix_requested: start and end in seconds.
    """

    fix_requested = Signal(float, float)
    go_requested = Signal(float)
    compare_requested = Signal(float, float)
    repeat_requested = Signal(float, float)

    def __init__(
        self, look: Look, places: Sequence[tuple[float, float, float]], parent: QWidget
    ) -> None:
        super().__init__("weak_places", "Weakest places", _WIDTH, parent)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self._places = list(places)
        self.body.addWidget(Paragraph(_INTRO if places else _NONE, tone="muted"))
        self.list = QListWidget()
        self.list.setObjectName("weak_places_list")
        self.list.setAccessibleName("Weakest places")
        self.list.setToolTip("Return or a double click plays original and split in turn")
        for start_s, stop_s, doubt in self._places:
            when = f"{text.clock(start_s)} – {text.clock(stop_s)}"
            grade = grade_of(1 - doubt)
            row = QListWidgetItem(f"{when}    {grade}, doubt {doubt * 100:.0f} %", self.list)
            row.setSizeHint(QSize(0, _ROW_HEIGHT))
        self.list.setFont(theme.font(tabular=True))
        self.list.setVisible(bool(self._places))
        self.list.setFixedHeight(min(len(self._places), _ROWS) * _ROW_HEIGHT + 2)
        self.body.addWidget(self.list)
        self.go = Button(look, "weak_go", "Go there", tip="Move the playhead there")
        self.repeat = Button(look, "weak_repeat", "Repeat it", tip="Play it again and again")
        self.fix = Button(look, "weak_fix", "Fix it…", tip="Split it again, or mend it by hand")
        self.compare = Button(
            look,
            "weak_compare",
            "Play A/B",
            icon="play-fill",
            kind=Kind.PRIMARY,
            tip="Repeat it: the original one round, the split the next",
        )
        close = Button(look, "weak_close", "Close", kind=Kind.QUIET)
        close.clicked.connect(self.accept)
        self.add_left_button(close)
        for button in (self.go, self.repeat, self.fix, self.compare):
            button.setVisible(bool(self._places))
            self.add_button(button, is_default=button is self.compare)
        self.go.clicked.connect(lambda: self.go_requested.emit(self._chosen()[0]))
        self.repeat.clicked.connect(lambda: self.repeat_requested.emit(*self._chosen()))
        self.fix.clicked.connect(lambda: self.fix_requested.emit(*self._chosen()))
        self.fix.clicked.connect(self.accept)
        self.compare.clicked.connect(lambda: self.compare_requested.emit(*self._chosen()))
        self.list.itemDoubleClicked.connect(self.compare.click)
        if self._places:
            self.list.setCurrentRow(0)

    def _chosen(self) -> tuple[float, float]:
        start_s, stop_s, _ = self._places[max(self.list.currentRow(), 0)]
        return start_s, stop_s


class SplitQuality(QObject):
    """Shows the verdict on the open song, and plays its weakest places.

    Signals:
        fix_requested: start and end of a place in seconds.

    Args:
        opened: the song.
        listening: plays it.
        view: gets the button beside the name and the strip below the waveform.
    """

    fix_requested = Signal(float, float)

    def __init__(
        self, look: Look, opened: OpenSong, listening: Listening, view: SongView, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._look, self._opened, self._listening = look, opened, listening
        self._window, self._view = parent, view
        self.dialog: WeakPlaces | None = None
        #: What is heard in the rounds that are not the original's, while two are compared.
        self._other = ""
        self._last = 0
        self.strip = DoubtStrip(look, view.timeline)
        self.button = Button(
            look,
            "split_quality_button",
            tip="How well voice and music are told apart, estimated; shows the weakest places",
        )
        self.button.hide()
        view.below_waves.insertWidget(1, self.strip)
        view.head.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.button.clicked.connect(self.open)
        self.strip.seek_requested.connect(listening.seek)
        opened.changed.connect(self._on_opened)
        opened.refreshed.connect(self._show)
        opened.source_changed.connect(self._on_source_changed)
        opened.stretch_chosen.connect(self._on_stretch_chosen)
        listening.moved.connect(self._on_moved)
        self._show()

    @Slot()
    def open(self) -> None:
        """Show the weakest places."""
        song = self._opened.song()
        curve = curve_of(song) if song is not None else None
        if curve is None or self.dialog is not None:
            return
        dialog = self.dialog = WeakPlaces(self._look, weakest_places(curve), self._window)
        dialog.go_requested.connect(self.go)
        dialog.repeat_requested.connect(self.repeat)
        dialog.compare_requested.connect(self.compare)
        dialog.fix_requested.connect(self.fix_requested)
        dialog.finished.connect(self._on_closed)
        dialog.show()

    @Slot(float)
    def go(self, start_s: float) -> None:
        """Go to a place."""
        self._listening.seek(self._frame(start_s))

    @Slot(float, float)
    def repeat(self, start_s: float, stop_s: float) -> None:
        """Play a place again and again, as it is heard now."""
        start, stop = self._frame(start_s), self._frame(stop_s)
        self._opened.repeat(start, stop)
        self._listening.seek(start)
        self._listening.play()

    @Slot(float, float)
    def compare(self, start_s: float, stop_s: float) -> None:
        """Repeat a place: the original in one round, the split in the next."""
        heard = self._other or self._listening.source
        self.repeat(start_s, stop_s)
        self._last = self._frame(start_s)
        other = heard if heard != "original" else "instrumental"
        self._other = ""
        self._opened.hear_original()
        self._other = other

    def _frame(self, seconds: float) -> int:
        song = self._opened.song()
        return min(round(seconds * song.sample_rate), song.frames) if song is not None else 0

    @Slot()
    def _on_opened(self) -> None:
        self._other = ""
        if self.dialog is not None:
            self.dialog.accept()
        self._show()

    @Slot()
    def _show(self) -> None:
        song = self._opened.song()
        words = split_words(song) if song is not None else ""
        curve = curve_of(song) if song is not None else None
        self.button.setVisible(bool(words))
        self.button.set_words(f"Split: {words[:1].lower()}{words[1:]}")
        rate = song.sample_rate if song is not None else 44_100
        self.strip.show_curve(curve, rate, f"Split: {words}")

    @Slot(int)
    def _on_moved(self, frame: int) -> None:
        """Change what is heard where a round ends."""
        last, self._last = self._last, frame
        stretch = self._listening.loop
        if not self._other or stretch is None:
            return
        start, stop = stretch
        if start <= frame < last <= stop and last - frame > (stop - start) // 2:
            other = self._other
            self._other = ""
            self._opened.hear(other if self._listening.source == "original" else "original")
            self._other = other

    @Slot(str)
    def _on_source_changed(self, _source: str) -> None:
        self._other = ""  # the person chose what to hear

    @Slot(bool)
    def _on_stretch_chosen(self, is_chosen: bool) -> None:
        if not is_chosen:
            self._other = ""

    @Slot()
    def _on_closed(self) -> None:
        self.dialog, self._other = None, ""
