"""The player on the desktop's bus (Linux): media keys, the panel's player, headphone buttons.

Speaks MPRIS 2.2, https://specifications.freedesktop.org/mpris-spec/latest/. A jump is told as a
change of Position: its own signal, Seeked, wants a bare 64-bit number, which PySide cannot send.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtDBus import QDBusConnection, QDBusObjectPath

from karaoke_studio.library.songs import Song
from karaoke_studio.ui import text
from karaoke_studio.ui.bus_object import BusObject, Interface, Method, Value
from karaoke_studio.ui.main_window import MainWindow

log = logging.getLogger(__name__)

NAME = "org.mpris.MediaPlayer2.karaoke_studio"
PATH = "/org/mpris/MediaPlayer2"
ROOT, PLAYER = "org.mpris.MediaPlayer2", "org.mpris.MediaPlayer2.Player"
_SONG_PATH = "/org/karaoke_studio/song"
_NO_SONG = "/org/mpris/MediaPlayer2/TrackList/NoTrack"
_MICRO = 1_000_000
#: A position so far from where playing would have brought it was jumped to.
_JUMP_S = 0.5
_OF_A_SONG = ("CanGoNext", "CanGoPrevious", "CanPlay", "CanPause", "CanSeek")


def session_bus() -> QDBusConnection | None:
    """Return the desktop's bus; None where there is none (Qt would start one)."""
    if sys.platform != "linux":
        return None
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS") and not (
        runtime and Path(runtime, "bus").exists()
    ):
        return None
    bus = QDBusConnection.sessionBus()
    return bus if bus.isConnected() else None


class Mpris(QObject):
    """Lets the desktop see and steer the player.

    Args:
        bus: the desktop's bus.
        window: what is steered; it owns this.

    Thread: GUI.
    """

    def __init__(self, bus: QDBusConnection, window: MainWindow) -> None:
        super().__init__(window)
        self._bus, self._window = bus, window
        self._listening, self._opened = window.listening, window.opened
        self._at_s = 0.0
        self._object = BusObject(bus, PATH, (self._root(), self._player()), self)
        # a second window, of another data folder, has the first one's name and a number
        self.name = NAME
        if not bus.registerService(NAME):
            self.name = f"{NAME}.instance{os.getpid()}"
            bus.registerService(self.name)
        self._opened.changed.connect(self._on_opened)
        self._listening.playing_changed.connect(self._on_playing)
        self._listening.moved.connect(self._on_moved)
        window.song_view.transport.volume_changed.connect(self._on_volume)

    def close(self) -> None:
        """Leave the bus."""
        self._bus.unregisterService(self.name)
        self._object.close()

    # -- what can be asked

    def _root(self) -> Interface:
        return Interface(
            ROOT,
            methods={
                "Raise": Method(self._window.come_forward),
                "Quit": Method(lambda: self._window.close_now(keep=True)),
            },
            values={
                "CanQuit": Value("b", lambda: True),
                "CanRaise": Value("b", lambda: True),
                "HasTrackList": Value("b", lambda: False),
                "Identity": Value("s", lambda: text.APP_NAME),
                "DesktopEntry": Value("s", lambda: "karaoke-studio"),
                "SupportedUriSchemes": Value("as", lambda: ["file"]),
                "SupportedMimeTypes": Value("as", lambda: ["audio/mpeg", "audio/flac"]),
            },
        )

    def _player(self) -> Interface:
        return Interface(
            PLAYER,
            methods={
                "Next": Method(self._opened.go_on),
                "Previous": Method(self._opened.go_back),
                "Play": Method(lambda: self._set_playing(on=True)),
                "Pause": Method(lambda: self._set_playing(on=False)),
                "PlayPause": Method(self._listening.toggle),
                "Stop": Method(self._stop),
                "Seek": Method(self._seek_by, "x"),
                "SetPosition": Method(self._set_position, "ox"),
                "OpenUri": Method(self._open, "s"),
            },
            values={
                "PlaybackStatus": Value("s", self._status),
                "Rate": Value("d", lambda: 1.0, lambda _rate: None),
                "MinimumRate": Value("d", lambda: 1.0),
                "MaximumRate": Value("d", lambda: 1.0),
                "Metadata": Value("a{sv}", self._metadata),
                "Volume": Value("d", lambda: self._window.settings.volume, self._set_volume),
                "Position": Value("x", lambda: round(self._listening.position_s * _MICRO)),
                "CanControl": Value("b", lambda: True),
                **{name: Value("b", lambda: self._song() is not None) for name in _OF_A_SONG},
            },
        )

    def _song(self) -> Song | None:
        return self._opened.song()

    def _status(self) -> str:
        if self._song() is None:
            return "Stopped"
        return "Playing" if self._listening.is_playing else "Paused"

    def _metadata(self) -> dict[str, Any]:
        song = self._song()
        if song is None:
            return {"mpris:trackid": QDBusObjectPath(_NO_SONG)}
        facts: dict[str, Any] = {
            "mpris:trackid": QDBusObjectPath(f"{_SONG_PATH}/{song.id}"),
            "mpris:length": round(song.duration_s * _MICRO),
            "xesam:title": _sendable(song.title),
        }
        if song.artist:
            facts["xesam:artist"] = [_sendable(song.artist)]
        if song.album:
            facts["xesam:album"] = _sendable(song.album)
        if song.cover_path is not None:
            cover = QUrl.fromLocalFile(str(song.cover_path))
            facts["mpris:artUrl"] = bytes(cover.toEncoded().data()).decode("ascii")
        return facts

    # -- what can be done

    def _set_playing(self, *, on: bool) -> None:
        if on != self._listening.is_playing:
            self._listening.toggle()

    def _stop(self) -> None:
        self._set_playing(on=False)
        self._listening.seek(0)

    def _seek_by(self, offset: int) -> None:
        song = self._song()
        if song is None:
            return
        goal = self._listening.position_s + offset / _MICRO
        if goal > song.duration_s:
            self._opened.go_on()
        else:
            self._listening.seek(max(0, round(goal * song.sample_rate)))

    def _set_position(self, track: str, position: int) -> None:
        song = self._song()
        if song is None or track != f"{_SONG_PATH}/{song.id}":
            return  # a wish for the song before, which came late
        if 0 <= position <= song.duration_s * _MICRO:
            self._listening.seek(round(position / _MICRO * song.sample_rate))

    def _open(self, uri: str) -> None:
        url = QUrl(uri)
        # a host would make it a path into the network
        if url.isLocalFile() and not url.host():
            self._window.add_paths([Path(url.toLocalFile())])

    def _set_volume(self, volume: Any) -> None:
        self._window.song_view.transport.set_volume(min(max(float(volume), 0.0), 1.0))

    # -- what is told

    @Slot()
    def _on_opened(self) -> None:
        self._at_s = self._listening.position_s
        self._object.tell_changed(PLAYER, "Metadata", "PlaybackStatus", *_OF_A_SONG)

    @Slot(bool)
    def _on_playing(self, _playing: bool) -> None:
        self._object.tell_changed(PLAYER, "PlaybackStatus")

    @Slot(int)
    def _on_moved(self, _frame: int) -> None:
        now = self._listening.position_s
        # while it plays, this is called many times a second
        if abs(now - self._at_s) > _JUMP_S:
            self._object.tell_changed(PLAYER, "Position")
        self._at_s = now

    @Slot(float)
    def _on_volume(self, _volume: float) -> None:
        self._object.tell_changed(PLAYER, "Volume")


def _sendable(words: str) -> str:
    """Return words as the bus takes them: names in other encodings bring lone surrogates."""
    return text.one_line(words).encode("utf-8", "replace").decode("utf-8")
