"""A blind test of what two things sound like: sources of the open song, or its takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random, SystemRandom

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from karaoke_studio.jobs.shelf import Shelf, SongDetails
from karaoke_studio.library.songs import Song
from karaoke_studio.playback.blind_test import CONVINCING, ROUNDS, BlindTest
from karaoke_studio.playback.player import TakeFiles
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.actions import Actions
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.listening import Listening, take_files
from karaoke_studio.ui.loudness import LoudnessMatch
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.segments import Segments
from karaoke_studio.ui.theme import Look

_WIDTH = 540
_INTRO = (
    "X is A or B, by chance in each round. Listen as often as you like, then say which. "
    f"After {ROUNDS} rounds you see how you did."
)
_SOURCES = {
    "original": "Original",
    "instrumental": "Instrumental, as the faders stand",
    "vocals": "Vocals",
}


@dataclass(frozen=True)
class Thing:
    """Something to compare.

    Attributes:
        words: its name.
        files: of the take.
        source: what of it is heard.
    """

    words: str
    files: TakeFiles
    source: str


def things_of(song: Song, details: SongDetails | None = None) -> list[Thing]:
    """Return what of a song can be compared; of its other takes once they are known."""
    own = take_files(song)
    things = [Thing(words, own, source) for source, words in _SOURCES.items()]
    for take in details.takes if details is not None else ():
        if take.is_current:
            continue
        folder = song.folder / "takes" / take.id
        files = replace(
            own,
            stems={stem: folder / f"{stem}.flac" for stem in take.stems},
            shift_bits=take.shift_bits,
        )
        made = f"{text.engine(take.engine)}, {text.date(take.made_at)}"
        things += [
            Thing(f"{_SOURCES[source].partition(',')[0]} of {made}", files, source)
            for source in ("instrumental", "vocals")
        ]
    return things


def result_in_words(test: BlindTest) -> str:
    """Return what a finished test says."""
    share = test.chance
    often = "less than 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"
    said = f"{test.right} of {test.rounds} right. Who only guesses does as well in {often} of tests"
    meaning = "you hear a difference." if share < CONVINCING else "no difference was shown."
    return f"{said}: {meaning}"


class BlindTestDialog(Dialog):
    """Two things, X, and a verdict at the end.

    Signals:
        hear_requested: Thing to play from the same sample on.
        play_requested: play or pause.
    """

    hear_requested = Signal(object)
    play_requested = Signal()

    def __init__(self, look: Look, things: list[Thing], random: Random, parent: QWidget) -> None:
        super().__init__("blind_test", "Blind test", _WIDTH, parent)
        self._look, self._random = look, random
        self._things: list[Thing] = []
        self.test = BlindTest(random)
        self.body.addWidget(Paragraph(_INTRO, tone="muted"))
        self.choices = {
            name: Choice(look, f"blind_{name}", f"What {name.upper()} is") for name in "ab"
        }
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.M)
        grid.setVerticalSpacing(theme.S)
        grid.setColumnStretch(1, 1)
        for row, (name, choice) in enumerate(self.choices.items()):
            grid.addWidget(Label(name.upper(), strong=True), row, 0)
            grid.addWidget(choice, row, 1)
        self.body.addLayout(grid)
        self.heard = Segments(
            look,
            "blind_heard",
            "What is heard",
            tuple((n, n.upper(), f"Hear {n.upper()} ({n.upper()})") for n in "abx"),
        )
        self.play = Button(look, "blind_play", icon="play-fill", says="Play", tip="Play (Space)")
        self.round = Label(tone="muted", tabular=True)
        self.round.setObjectName("blind_round")
        line = QHBoxLayout()
        line.setSpacing(theme.M)
        line.addWidget(self.play)
        line.addWidget(self.heard)
        line.addStretch(1)
        line.addWidget(self.round)
        self.body.addLayout(line)
        self.verdict = Paragraph("")
        self.verdict.setObjectName("blind_result")
        self.body.addWidget(self.verdict)
        self._build_buttons()
        self._connect()
        self.offer(things)
        self.begin()

    def _build_buttons(self) -> None:
        look = self._look
        self.again = Button(look, "blind_again", "Start again", kind=Kind.QUIET)
        self.says_a = Button(look, "blind_says_a", "X is A")
        self.says_b = Button(look, "blind_says_b", "X is B")
        close = Button(look, "blind_close", "Close", kind=Kind.QUIET)
        close.clicked.connect(self.accept)
        self.add_left_button(close)
        self.add_button(self.again)
        self.add_button(self.says_a)
        self.add_button(self.says_b)

    def _connect(self) -> None:
        self.heard.chosen.connect(self.hear)
        self.play.clicked.connect(self.play_requested)
        self.again.clicked.connect(self.begin)
        self.says_a.clicked.connect(lambda: self.answer("a"))
        self.says_b.clicked.connect(lambda: self.answer("b"))
        for name, choice in self.choices.items():
            choice.activated.connect(lambda _number, name=name: self._on_chosen(name))
        for key in "abx":
            shortcut = QShortcut(QKeySequence(key.upper()), self)
            shortcut.activated.connect(lambda key=key: self.hear(key))
        space = QShortcut(QKeySequence(Qt.Key.Key_Space), self)
        space.activated.connect(self.play_requested)

    def offer(self, things: list[Thing]) -> None:
        """Offer things to compare; what is chosen stays."""
        self._things = things
        chosen = [choice.currentText() for choice in self.choices.values()]
        for choice, was, usual in zip(self.choices.values(), chosen, (0, 1), strict=True):
            choice.clear()
            choice.addItems([thing.words for thing in things])
            choice.setCurrentIndex(max(choice.findText(was), 0) if was else usual)

    @Slot()
    def begin(self) -> None:
        """Begin a new test."""
        self.test = BlindTest(self._random)
        self.verdict.setText("")
        self._show()
        self.hear("x")

    @Slot(str)
    def hear(self, name: str) -> None:
        """Play A, B or X."""
        self.heard.show_choice(name)
        which = self.test.x if name == "x" else name
        self.hear_requested.emit(self._things[self.choices[which].currentIndex()])

    def answer(self, says: str) -> None:
        """Take an answer and go on."""
        if self.test.is_over:
            return
        self.test.answer(says)
        self._show()
        self._go_on()

    def _go_on(self) -> None:
        if self.test.is_over:
            self.verdict.setText(result_in_words(self.test))
        else:
            self.hear("x")

    def show_playing(self, *, playing: bool) -> None:
        """Show what the play button would do."""
        self.play.set_icon("pause-fill" if playing else "play-fill")
        self.play.setAccessibleName("Pause" if playing else "Play")

    def _on_chosen(self, name: str) -> None:
        """Begin again where something else is compared."""
        if self.test.done:
            self.begin()
        self.hear(name)

    def _show(self) -> None:
        test = self.test
        number = min(test.done + 1, test.rounds)
        self.round.setText("Done" if test.is_over else f"Round {number} of {test.rounds}")
        for button in (self.says_a, self.says_b):
            button.set_available(not test.is_over, "The test is over: start again")
        self.again.setVisible(bool(test.done))


class BlindTests(QObject):
    """Opens the dialog for the song that is open, and plays what it asks for.

    While it is open nothing else on the screen tells what is heard.

    Args:
        random: decides what X is.
    """

    def __init__(
        self,
        look: Look,
        opened: OpenSong,
        listening: Listening,
        loudness: LoudnessMatch,
        shelf: Shelf,
        commands: Actions,
        window: QWidget,
        random: Callable[[], Random] = SystemRandom,
    ) -> None:
        super().__init__(window)
        self._look, self._opened, self._listening = look, opened, listening
        self._loudness, self._shelf, self._window, self._random = loudness, shelf, window, random
        self.dialog: BlindTestDialog | None = None
        self._song: Song | None = None
        self._files: TakeFiles | None = None
        self._source = ""
        self._action = commands["blind_test_action"]
        self._action.triggered.connect(self.open)
        opened.changed.connect(self._on_opened)
        shelf.details_read.connect(self._on_details)
        listening.playing_changed.connect(self._on_playing_changed)
        self._on_opened()

    @Slot()
    def open(self) -> None:
        """Begin a test of the open song."""
        song = self._opened.song()
        if song is None or self._listening.live is not None or self.dialog is not None:
            return
        self._song, self._source = song, self._listening.source
        self._files = take_files(song)
        self._listening.tells_levels = False
        self._loudness.match_for_test(on=True)
        dialog = BlindTestDialog(self._look, things_of(song), self._random(), self._window)
        self.dialog = dialog
        dialog.hear_requested.connect(self._on_hear)
        dialog.play_requested.connect(self._listening.toggle)
        dialog.finished.connect(self._on_closed)
        dialog.show_playing(playing=self._listening.is_playing)
        dialog.hear("x")
        dialog.open()
        self._shelf.read_details(song)

    @Slot()
    def _on_opened(self) -> None:
        self._action.setEnabled(self._opened.song() is not None)

    @Slot(object)
    def _on_details(self, details: SongDetails) -> None:
        if self.dialog is not None and self._song is not None and details.song.id == self._song.id:
            self.dialog.offer(things_of(self._song, details))

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        if self.dialog is not None:
            self.dialog.show_playing(playing=playing)

    @Slot(object)
    def _on_hear(self, thing: Thing) -> None:
        self._play(thing.files, thing.source)

    def _play(self, files: TakeFiles, source: str) -> None:
        if files != self._files:
            self._files = files
            self._listening.go_on_with(files)
        self._listening.set_source(source)

    @Slot()
    def _on_closed(self) -> None:
        self.dialog = None
        self._listening.tells_levels = True
        self._loudness.match_for_test(on=False)
        if self._song is not None:
            self._play(take_files(self._song), self._source)
        self._song = None
