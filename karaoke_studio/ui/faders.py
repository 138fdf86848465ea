"""Faders of the open song: what is moved is heard at once, and kept with the song."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot

from karaoke_studio.audio.mix import Mix
from karaoke_studio.audio.tune import Tune
from karaoke_studio.library.songs import Song
from karaoke_studio.playback.player import Heard
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_view import SongView

_KEEP_MS = 500


class Faders(QObject):
    """Keeps the mixer, the player and the library on the same mix.

    Args:
        keep: writes a song's mix into the library; returns at once.
    """

    def __init__(
        self,
        opened: OpenSong,
        listening: Listening,
        view: SongView,
        keep: Callable[[str, dict[str, Any]], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._opened, self._listening, self._view, self._keep = opened, listening, view, keep
        self._strip = view.mixer
        #: Newer than what the songs that were read last say.
        self._moved: dict[str, Mix] = {}
        self._waiting = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_KEEP_MS)
        self._timer.timeout.connect(self.flush)
        opened.changed.connect(self._on_opened)
        self._strip.mix_changed.connect(self._on_mix_changed)
        self._strip.tune_changed.connect(self._on_tune_changed)
        listening.heard.connect(self._on_heard)
        listening.loudness_measured.connect(self._strip.output.show_loudness)
        listening.playing_changed.connect(self._on_playing_changed)

    def mix_of(self, song: Song) -> Mix:
        """Return where the faders of a song stand."""
        return self._moved.get(song.id) or Mix.from_plain(song.mix)

    def change(self, song: Song, mix: Mix) -> None:
        """Keep what belongs to a song besides its faders; nothing is heard of it."""
        self._moved[song.id] = mix
        self._strip.show_mix(mix)
        self._waiting = song.id
        self._timer.start()

    def take_tune(self, song: Song, tune: Tune) -> None:
        """Keep the key and the tempo in which a song was heard while it was made."""
        if tune != self.mix_of(song).tune:
            self._moved[song.id] = replace(self.mix_of(song), tune=tune)
            self._waiting = song.id

    @Slot()
    def flush(self) -> None:
        """Keep what was moved and is not kept yet."""
        self._timer.stop()
        if self._waiting:
            self._keep(self._waiting, self._moved[self._waiting].to_plain())
            self._waiting = ""

    @Slot()
    def _on_opened(self) -> None:
        self.flush()
        song = self._opened.song()
        if song is None:
            return
        mix = self.mix_of(song)
        self._listening.set_mix(mix)
        self._listening.set_tune(mix.tune)
        self._view.set_mix(mix)
        self._view.set_tune(mix.tune)
        self._strip.show_song(song.stems, mix, channels=song.channels)

    @Slot(object)
    def _on_mix_changed(self, mix: Mix) -> None:
        song = self._opened.song()
        if song is None:
            return
        self._moved[song.id] = mix
        self._listening.set_mix(mix)
        self._view.set_mix(mix)
        # A fader that is moved wants to be heard: the other sources do not listen to it.
        self._opened.hear_instrumental()
        self._waiting = song.id
        self._timer.start()

    @Slot(object)
    def _on_tune_changed(self, mix: Mix) -> None:
        """Play in another key or tempo, whatever is heard."""
        song = self._opened.song()
        if song is None:
            return
        self._moved[song.id] = mix
        self._listening.set_tune(mix.tune)
        self._view.set_tune(mix.tune)
        self._waiting = song.id
        self._timer.start()

    @Slot(object)
    def _on_heard(self, heard: Heard) -> None:
        self._strip.show_heard(heard)

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        if not playing:
            self._strip.rest()
