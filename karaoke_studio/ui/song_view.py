"""The open song: who it is, its timeline, its words, and the controls."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from karaoke_studio import notes
from karaoke_studio.audio.peaks import Peaks
from karaoke_studio.audio.spectrogram import Spectrogram
from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.library.songs import Song, Word
from karaoke_studio.playback.player import Mix, Source, stem_gains
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Label, Pill
from karaoke_studio.ui.cover import Cover
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.lyrics_pane import LyricsPane
from karaoke_studio.ui.mixer_strip import MixerStrip
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.minimap import Minimap
from karaoke_studio.ui.timeline.timeline import Timeline
from karaoke_studio.ui.transport import Transport
from karaoke_studio.ui.tune_controls import moved_key

_COVER = 64


class SongView(QWidget):
    """The middle of the window while a song is open.

    Signals:
        seek_requested: frame of the song.
        spectrogram_requested: song, source, whether to make it anew.
    """

    seek_requested = Signal(int)
    spectrogram_requested = Signal(object, str, bool)

    def __init__(self, look: Look, disk: Disk, volume: float) -> None:
        super().__init__()
        self._look, self._disk = look, disk
        self._song: Song | None = None
        self._asked = self._asked_spectrogram = 0
        self._source = "original"
        #: The one that the spectrogram shows whatever is heard; "" = what is heard.
        self._pinned = ""
        self._has_words = self._needs_room = False
        self._mix = Mix()
        self._tune = AS_RECORDED
        #: Of the open song, by source; what was heard once is there at once.
        self._spectrograms: dict[str, Spectrogram] = {}
        self._made_anew: set[str] = set()
        self.setObjectName("song_view")
        self.cover = Cover(look, disk, _COVER)
        self.title = Label(size=theme.TITLE, strong=True)
        self.title.setObjectName("song_title")
        self.artist = Label(tone="muted")
        self.artist.setObjectName("song_artist")
        self._pills = QHBoxLayout()
        self._pills.setSpacing(theme.S)
        self.timeline = Timeline(look)
        self.minimap = Minimap(look, self.timeline)
        self.words = LyricsPane(look)
        self.transport = Transport(look, volume)
        self.mixer = MixerStrip(look)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self._lay_out()
        self.timeline.seek_requested.connect(self.seek_requested)
        self.words.seek_requested.connect(self._on_line_chosen)
        disk.peaks_read.connect(self._on_peaks_read)
        disk.spectrogram_read.connect(self._on_spectrogram_read)

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addSpacing(2)
        names.addWidget(self.artist)
        names.addSpacing(theme.S)
        names.addLayout(self._pills)
        self.head = QHBoxLayout()
        self.head.setSpacing(theme.L)
        self.head.addWidget(self.cover, 0, Qt.AlignmentFlag.AlignVCenter)
        self.head.addLayout(names, 1)
        self.splitter.setObjectName("song_splitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(theme.M)
        song = QWidget()
        self.below_waves = QVBoxLayout(song)
        self.below_waves.setContentsMargins(0, 0, 0, 0)
        self.below_waves.setSpacing(theme.XS)
        self.below_waves.addWidget(self.timeline, 1)
        self.below_waves.addWidget(self.minimap)
        self.splitter.addWidget(song)
        self.splitter.addWidget(self.words)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.XL, theme.L, theme.XL, theme.M)
        column.setSpacing(0)
        column.addLayout(self.head)
        column.addSpacing(theme.M)
        self._beside = QHBoxLayout()
        self._beside.setSpacing(theme.M)
        self._beside.addWidget(self.splitter, 1)
        column.addLayout(self._beside, 1)
        column.addSpacing(theme.S)
        column.addWidget(self.transport)
        column.addWidget(self.mixer)

    def make_room(self, *, wanted: bool) -> None:
        """Leave the words out while the timeline needs their room."""
        self._needs_room = wanted
        self._show_pane()

    def _show_pane(self) -> None:
        self.words.setVisible(self._has_words and not self._needs_room)

    def add_side(self, panel: QWidget) -> None:
        """Put a panel beside timeline and words."""
        self._beside.addWidget(panel)

    def song(self) -> Song | None:
        """Return the song that is open."""
        return self._song

    def show_song(self, song: Song, words: tuple[Word, ...]) -> None:
        """Open a song; its waveform and spectrogram follow when they are there."""
        self.refresh(song)
        self.timeline.show_song(song.frames, song.sample_rate, song.stems)
        self._show_heard()
        self.show_loop(None, is_on=False)
        self.words.show_words(words)
        self._has_words = bool(words)
        self._show_pane()
        self.set_position(0)
        self._asked = self._disk.ask_peaks(song.peaks_path)
        self._spectrograms.clear()
        self._made_anew.clear()
        self._want_spectrogram()

    def show_take(self, song: Song) -> None:
        """Show another take of the song that is open, of the same stems, where it stands."""
        self.refresh(song)
        self._asked = self._disk.ask_peaks(song.peaks_path)
        self.make_spectrograms_anew()

    def refresh(self, song: Song) -> None:
        """Show the facts of the song that is open; what is played stays as it is."""
        self._song = song
        self.title.setText(song.title)
        self.artist.setText(text.joined(song.artist or "Unknown artist", song.album))
        self.cover.show_cover(song.cover_path, song.title)
        self._fill_pills(song)

    def close_song(self) -> None:
        """Show nothing."""
        self._song = None
        self._asked = self._asked_spectrogram = 0
        self._spectrograms.clear()
        self.timeline.show_song(0, 44_100)
        self.words.show_words(())

    def set_position(self, frame: int) -> None:
        """Move playhead, time and words."""
        if self._song is None:
            return
        seconds = frame / self._song.sample_rate
        self.timeline.set_position(frame)
        self.minimap.set_position(frame)
        self.transport.set_time(seconds, self._song.duration_s)
        self.words.set_time(seconds)

    def set_source(self, stem: str) -> None:
        """Show what is heard."""
        self.transport.switch.set_source(stem)
        if stem != self._source:
            self._source = stem
            if not self._pinned:
                self._want_spectrogram()
        self._show_heard()

    def set_mix(self, mix: Mix) -> None:
        """Show what the faders let through."""
        self._mix = mix
        self._show_heard()

    def set_tune(self, tune: Tune) -> None:
        """Show the key and the tempo that are heard."""
        if tune != self._tune:
            self._tune = tune
            if self._song is not None:
                self._fill_pills(self._song)

    def _show_heard(self) -> None:
        if self._song is not None:
            stems = self._song.stems
            gains = stem_gains(Source(self._source), self._mix, stems)
            self.timeline.set_heard({s for s, gain in zip(stems, gains, strict=True) if gain})

    def show_loop(self, stretch: tuple[int, int] | None, *, is_on: bool) -> None:
        """Show which stretch is repeated, and whether."""
        self.timeline.show_loop(stretch, is_on=is_on)
        self.transport.set_looping(is_on)

    def pin_spectrogram(self, source: str) -> None:
        """Let the spectrogram show one source whatever is heard; "" = what is heard."""
        if source != self._pinned:
            self._pinned = source
            self._want_spectrogram()

    def make_spectrograms_anew(self) -> None:
        """Forget those that were read: they are wanted otherwise now."""
        self._spectrograms.clear()
        self._made_anew.clear()
        self._want_spectrogram()

    @property
    def _shown_source(self) -> str:
        return self._pinned or self._source

    def _want_spectrogram(self) -> None:
        """Show the spectrogram that is wanted, or ask for it."""
        self._asked_spectrogram = 0
        if self._song is None:
            return
        found = self._spectrograms.get(self._shown_source)
        if found is not None:
            self.timeline.show_spectrogram(found)
        else:
            self.timeline.await_spectrogram()
            self.spectrogram_requested.emit(self._song, self._shown_source, False)

    @Slot(str, str, object)
    def read_spectrogram(self, song_id: str, source: str, path: Path | None) -> None:
        """Read a spectrogram that was asked for; None = there can be none."""
        if self._song is None or (song_id, source) != (self._song.id, self._shown_source):
            return
        if path is None:
            self.timeline.show_spectrogram(None)
        else:
            self._asked_spectrogram = self._disk.ask_spectrogram(path)

    @Slot(int, object)
    def _on_spectrogram_read(self, number: int, found: Spectrogram | None) -> None:
        if number != self._asked_spectrogram or self._song is None:
            return
        if found is not None and found.frames == self._song.frames:
            self._spectrograms[self._shown_source] = found
            self.timeline.show_spectrogram(found)
        elif self._shown_source not in self._made_anew:
            self._made_anew.add(self._shown_source)
            self.spectrogram_requested.emit(self._song, self._shown_source, True)
        else:
            self.timeline.show_spectrogram(None)

    def _fill_pills(self, song: Song) -> None:
        while (item := self._pills.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        known = [text.clock(song.duration_s), *self._key_and_tempo(song)]
        for words in (
            *(fact for fact in known if fact),
            text.sample_rate(song.sample_rate),
            text.channels(song.channels),
            text.engine(song.engine),
        ):
            self._pills.addWidget(Pill(self._look, words))
        for note in song.notes:
            self._pills.addWidget(Pill(self._look, notes.describe(note), icon="info", tone="warn"))
        self._pills.addStretch(1)

    def _key_and_tempo(self, song: Song) -> tuple[str, str]:
        """Return both in words, with an arrow to what is heard."""
        key, bpm, tune = song.key or "", song.bpm or 0.0, self._tune
        if key and (heard := moved_key(key, tune.semitones)) != key:
            key = f"{key} → {heard}"
        tempo = text.tempo(bpm) if bpm else ""
        if bpm and tune.tempo != 1.0:
            tempo = f"{tempo} → {text.tempo(bpm * tune.tempo)}"
        return key, tempo

    @Slot(int, object)
    def _on_peaks_read(self, number: int, peaks: Peaks | None) -> None:
        if number == self._asked:
            self.timeline.show_peaks(peaks)

    @Slot(float)
    def _on_line_chosen(self, seconds: float) -> None:
        if self._song is not None:
            self.seek_requested.emit(round(seconds * self._song.sample_rate))
