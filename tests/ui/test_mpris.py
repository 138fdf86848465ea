"""The player on a private message bus, asked as the desktop does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtDBus import QDBusConnection
from pytestqt.qtbot import QtBot

from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.mpris import NAME, PATH, PLAYER, ROOT, Mpris, session_bus
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer, FakeQueue
from tests.ui.conftest import OpenWindow

pytestmark = pytest.mark.skipif(
    shutil.which("dbus-daemon") is None or shutil.which("dbus-send") is None,
    reason="needs dbus-daemon and dbus-send (Debian: dbus)",
)
PROPERTIES = "org.freedesktop.DBus.Properties"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A message bus of its own."""
    daemon = subprocess.Popen(
        [
            "dbus-daemon",
            "--session",
            "--nofork",
            "--print-address",
            f"--address=unix:dir={tmp_path}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert daemon.stdout is not None
    yield daemon.stdout.readline().strip()
    daemon.terminate()
    daemon.wait()
    daemon.stdout.close()


class Desktop:
    """Calls the player from another process, as panels and media keys do."""

    def __init__(self, address: str, qtbot: QtBot) -> None:
        self._qtbot = qtbot
        self._environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": address}

    def send(self, interface: str, member: str, *arguments: str) -> str:
        """Call a method and return the answer on one line."""
        answers: list[subprocess.CompletedProcess[str]] = []
        command = [
            *("dbus-send", "--session", "--print-reply=literal", f"--dest={NAME}"),
            *(PATH, f"{interface}.{member}", *arguments),
        ]

        def ask() -> None:
            answers.append(
                subprocess.run(
                    command,
                    env=self._environment,
                    capture_output=True,
                    text=True,
                    timeout=10,
                    check=False,
                )
            )

        thread = threading.Thread(target=ask)
        thread.start()
        self._qtbot.waitUntil(lambda: bool(answers), timeout=12_000)
        thread.join()
        return " ".join((answers[0].stdout + answers[0].stderr).split())

    def call(self, member: str, *arguments: str) -> str:
        return self.send(PLAYER, member, *arguments)

    def get(self, name: str, interface: str = PLAYER) -> str:
        return self.send(PROPERTIES, "Get", f"string:{interface}", f"string:{name}")

    def set(self, name: str, value: str) -> str:
        return self.send(
            PROPERTIES, "Set", f"string:{PLAYER}", f"string:{name}", f"variant:{value}"
        )


@pytest.fixture
def desktop(address: str, qtbot: QtBot) -> Desktop:
    return Desktop(address, qtbot)


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, address: str) -> Iterator[MainWindow]:
    for title in ("First", "Second"):
        library.add(title, "Mara Vell", "Copper Sky", seconds=30, hue=120)
    window = open_window()
    bus = QDBusConnection.connectToBus(address, "test-mpris")
    assert bus.isConnected()
    mpris = Mpris(bus, window)
    yield window
    mpris.close()
    QDBusConnection.disconnectFromBus("test-mpris")


@pytest.fixture
def song(window: MainWindow, library: FakeLibrary) -> str:
    """The id of the song that is open."""
    window.open_song(library.all[0].id)
    return library.all[0].id


def test_it_says_who_it_is(window: MainWindow, desktop: Desktop) -> None:
    assert desktop.get("Identity", ROOT) == "variant Karaoke Studio"
    assert desktop.get("DesktopEntry", ROOT) == "variant karaoke-studio"
    assert desktop.get("CanRaise", ROOT) == "variant boolean true"
    everything = desktop.send(PROPERTIES, "GetAll", f"string:{ROOT}")
    assert "SupportedUriSchemes" in everything
    described = desktop.send("org.freedesktop.DBus.Introspectable", "Introspect")
    assert '<property name="Position" type="x" access="read"/>' in described
    assert '<method name="SetPosition">' in described


def test_without_a_song_it_is_stopped(window: MainWindow, desktop: Desktop) -> None:
    assert desktop.get("PlaybackStatus") == "variant Stopped"
    assert desktop.get("CanPlay") == "variant boolean false"
    assert "NoTrack" in desktop.get("Metadata")
    for member in ("PlayPause", "Play", "Pause", "Stop", "Next", "Previous"):
        assert "Error" not in desktop.call(member)
    assert "Error" not in desktop.call("Seek", "int64:1000000")


def test_the_song_is_told_with_its_cover(
    window: MainWindow, desktop: Desktop, song: str, library: FakeLibrary
) -> None:
    told = desktop.get("Metadata")
    assert f"mpris:trackid variant /org/karaoke_studio/song/{song}" in told
    assert "mpris:length variant int64 30000000" in told
    assert re.search(r"xesam:artist variant array \[ Mara Vell \]", told)
    assert "xesam:title variant Second" in told
    assert library.all[0].cover_path is not None
    assert library.all[0].cover_path.as_uri() in told


def test_media_keys_play_pause_and_go_on(
    window: MainWindow, desktop: Desktop, song: str, library: FakeLibrary
) -> None:
    desktop.call("PlayPause")
    assert window.listening.is_playing
    assert desktop.get("PlaybackStatus") == "variant Playing"
    desktop.call("Play")
    assert window.listening.is_playing, "Play is no toggle"
    desktop.call("Next")
    opened = window.opened.song()
    assert opened is not None
    assert opened.id == library.all[1].id
    desktop.call("Pause")
    assert not window.listening.is_playing
    desktop.call("Pause")
    assert not window.listening.is_playing
    desktop.call("Previous")
    opened = window.opened.song()
    assert opened is not None
    assert opened.id == song


def test_places_are_64_bit_microseconds(
    window: MainWindow, desktop: Desktop, song: str, player: FakePlayer
) -> None:
    track = f"objpath:/org/karaoke_studio/song/{song}"
    desktop.call("SetPosition", track, "int64:12500000")
    assert player.position_frames == round(12.5 * 44_100)
    assert desktop.get("Position") == "variant int64 12500000"
    desktop.call("Seek", "int64:-2500000")
    assert desktop.get("Position") == "variant int64 10000000"
    desktop.call("Seek", "int64:-99000000")
    assert desktop.get("Position") == "variant int64 0"


@pytest.mark.parametrize(
    ("track", "place"), [("/another/song", "1000000"), ("", "31000000"), ("", "-1")]
)
def test_wishes_that_came_late_or_lead_outside_change_nothing(
    track: str, place: str, window: MainWindow, desktop: Desktop, song: str, player: FakePlayer
) -> None:
    window.listening.seek(441)
    track = track or f"/org/karaoke_studio/song/{song}"
    desktop.call("SetPosition", f"objpath:{track}", f"int64:{place}")
    assert player.position_frames == 441


def test_the_volume_goes_both_ways(window: MainWindow, desktop: Desktop, song: str) -> None:
    assert desktop.set("Volume", "double:0.25") == ""
    assert window.settings.volume == 0.25
    assert desktop.get("Volume") == "variant double 0.25"
    desktop.set("Volume", "double:7")
    assert window.settings.volume == 1.0


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (("Get", f"string:{PLAYER}", "string:Nonsense"), "UnknownProperty"),
        (("Get", "string:no.such", "string:Volume"), "UnknownInterface"),
        (("GetAll", "string:no.such"), "UnknownInterface"),
        (("Get",), "UnknownInterface"),
        (("Set", f"string:{PLAYER}", "string:Position", "variant:int64:1"), "PropertyReadOnly"),
        (("Set", f"string:{PLAYER}", "string:Volume", "variant:string:loud"), "InvalidArgs"),
    ],
)
def test_wrong_questions_get_an_error(
    call: tuple[str, ...], answer: str, window: MainWindow, desktop: Desktop
) -> None:
    assert answer in desktop.send(PROPERTIES, *call)


def test_wrong_arguments_get_an_error(window: MainWindow, desktop: Desktop, song: str) -> None:
    assert "InvalidArgs" in desktop.call("Seek", "string:far")
    assert "InvalidArgs" in desktop.call("Seek")
    assert "UnknownMethod" in desktop.call("Dance")


def test_files_are_opened_but_nothing_from_elsewhere(
    window: MainWindow, desktop: Desktop, queue: FakeQueue
) -> None:
    for uri in ("file://server/share/a.mp3", "http://x/a.mp3", "a.mp3", ""):
        desktop.call("OpenUri", f"string:{uri}")
    assert not queue.views
    desktop.call("OpenUri", "string:file:///m/a%20b.mp3")
    assert [view.path for view in queue.views.values()] == [Path("/m/a b.mp3")]


def test_changes_are_told_without_being_asked(
    window: MainWindow, desktop: Desktop, address: str, library: FakeLibrary, qtbot: QtBot
) -> None:
    rule = f"type='signal',path='{PATH}',member='PropertiesChanged'"
    watcher = subprocess.Popen(
        ["dbus-monitor", "--address", address, rule], stdout=subprocess.PIPE, text=True
    )
    assert watcher.stdout is not None
    lines: list[str] = []
    thread = threading.Thread(target=lambda: lines.extend(iter(watcher.stdout.readline, "")))
    thread.start()
    try:
        qtbot.waitUntil(lambda: any("NameLost" in line for line in lines))
        window.open_song(library.all[0].id)
        qtbot.waitUntil(lambda: any("xesam:title" in line for line in lines))
        window.listening.play()
        qtbot.waitUntil(lambda: any("Playing" in line for line in lines))
        del lines[:]
        window.listening.seek(10 * 44_100)
        qtbot.waitUntil(lambda: any("int64 10000000" in line for line in lines))
    finally:
        watcher.terminate()
        watcher.wait()
        thread.join()
        watcher.stdout.close()


def test_the_window_comes_forward_and_quits(window: MainWindow, desktop: Desktop) -> None:
    window.showMinimized()
    desktop.send(ROOT, "Raise")
    assert not window.isMinimized()
    desktop.send(ROOT, "Quit")
    assert not window.isVisible()


def test_where_there_is_no_bus_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert session_bus() is None
