"""The open song: who it is, its timeline, its words, and the controls."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from karaoke_studio import notes
from karaoke_studio.audio.peaks import Peaks
from karaoke_studio.library.songs import Song, Word
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Label, Pill
from karaoke_studio.ui.cover import Cover
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.lyrics_pane import LyricsPane
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.transport import Transport
from karaoke_studio.ui.waveform import LANES, Waveform

_COVER = 64


class SongView(QWidget):
    """The middle of the window while a song is open.

    Signals:
        seek_requested: frame of the song.
    """

    seek_requested = Signal(int)

    def __init__(self, look: Look, disk: Disk, volume: float) -> None:
        super().__init__()
        self._look, self._disk = look, disk
        self._song: Song | None = None
        self._asked = 0
        self.setObjectName("song_view")
        self.cover = Cover(look, disk, _COVER)
        self.title = Label(size=theme.TITLE, strong=True)
        self.title.setObjectName("song_title")
        self.artist = Label(tone="muted")
        self.artist.setObjectName("song_artist")
        self._pills = QHBoxLayout()
        self._pills.setSpacing(theme.S)
        self.waveform = Waveform(look)
        self.words = LyricsPane(look)
        self.transport = Transport(look, volume)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self._lay_out()
        self.waveform.seek_requested.connect(self.seek_requested)
        self.words.seek_requested.connect(self._on_line_chosen)
        disk.peaks_read.connect(self._on_peaks_read)

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addSpacing(2)
        names.addWidget(self.artist)
        names.addSpacing(theme.S)
        names.addLayout(self._pills)
        head = QHBoxLayout()
        head.setSpacing(theme.L)
        head.addWidget(self.cover, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addLayout(names, 1)
        self.splitter.setObjectName("song_splitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(theme.M)
        self.splitter.addWidget(self.waveform)
        self.splitter.addWidget(self.words)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.XL, theme.L, theme.XL, theme.M)
        column.setSpacing(0)
        column.addLayout(head)
        column.addSpacing(theme.M)
        column.addWidget(self.splitter, 1)
        column.addSpacing(theme.S)
        column.addWidget(self.transport)

    def song(self) -> Song | None:
        """Return the song that is open."""
        return self._song

    def show_song(self, song: Song, words: tuple[Word, ...]) -> None:
        """Open a song; its waveform follows when it is read."""
        self._song = song
        self.title.setText(song.title)
        self.artist.setText(text.joined(song.artist or "Unknown artist", song.album))
        self.cover.show_cover(song.cover_path, song.title)
        self._fill_pills(song)
        self.waveform.show_song(song.frames, song.sample_rate)
        self.words.show_words(words)
        self.words.setVisible(bool(words))
        self.set_position(0)
        self._asked = self._disk.ask_peaks(song.peaks_path)

    def refresh(self, song: Song) -> None:
        """Show changed facts of the song that is open."""
        self._song = song
        self._fill_pills(song)

    def close_song(self) -> None:
        """Show nothing."""
        self._song = None
        self._asked = 0
        self.waveform.show_song(0, 44_100)
        self.words.show_words(())

    def set_position(self, frame: int) -> None:
        """Move playhead, time and words."""
        if self._song is None:
            return
        seconds = frame / self._song.sample_rate
        self.waveform.set_position(frame)
        self.transport.set_time(seconds, self._song.duration_s)
        self.words.set_time(seconds)

    def set_source(self, stem: str) -> None:
        """Show what is heard."""
        self.transport.switch.set_source(stem)
        self.waveform.set_heard(set(LANES) if stem == "original" else {stem})

    def _fill_pills(self, song: Song) -> None:
        while (item := self._pills.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for words in (
            text.clock(song.duration_s),
            text.sample_rate(song.sample_rate),
            text.channels(song.channels),
            text.engine(song.engine),
        ):
            self._pills.addWidget(Pill(self._look, words))
        for note in song.notes:
            self._pills.addWidget(Pill(self._look, notes.describe(note), icon="info", tone="warn"))
        self._pills.addStretch(1)

    @Slot(int, object)
    def _on_peaks_read(self, number: int, peaks: Peaks | None) -> None:
        if number == self._asked:
            self.waveform.show_peaks(peaks)

    @Slot(float)
    def _on_line_chosen(self, seconds: float) -> None:
        if self._song is not None:
            self.seek_requested.emit(round(seconds * self._song.sample_rate))
