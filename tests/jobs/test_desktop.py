"""A true bus of our own, with somebody who listens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.desktop import Desktop

pytestmark = [
    # not "nothing_left": Qt keeps the thread of its buses till the end
    pytest.mark.usefixtures("qapp"),
    pytest.mark.skipif(
        sys.platform != "linux" or not shutil.which("dbus-daemon"), reason="needs a D-Bus daemon"
    ),
]

#: A desktop's portal that writes down what it is asked to show, in a process of its own.
PORTAL = """
import sys
from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, Slot
from PySide6.QtDBus import QDBusConnection

@ClassInfo({"D-Bus Interface": "org.freedesktop.portal.Notification"})
class Portal(QObject):
    @Slot(str, "QVariantMap")
    def AddNotification(self, key, shown):
        print(key, shown["title"], "|", shown["body"], flush=True)

app = QCoreApplication([])
portal = Portal()
bus = QDBusConnection.connectToBus(sys.argv[1], "portal")
exported = QDBusConnection.RegisterOption.ExportAllSlots
assert bus.registerObject("/org/freedesktop/portal/desktop", portal, exported)
assert bus.registerService("org.freedesktop.portal.Desktop")
print("ready", flush=True)
app.exec()
"""


@pytest.fixture
def bus() -> Iterator[str]:
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert daemon.stdout is not None
    yield daemon.stdout.readline().strip()
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()


@pytest.fixture
def desktop(bus: str) -> Iterator[Desktop]:
    desktop = Desktop(bus)
    yield desktop
    desktop.close()


def test_a_notification_reaches_the_portal(qtbot: QtBot, bus: str, desktop: Desktop) -> None:
    portal = subprocess.Popen(
        [sys.executable, "-c", PORTAL, bus], stdout=subprocess.PIPE, text=True
    )
    assert portal.stdout is not None
    try:
        assert portal.stdout.readline() == "ready\n"
        with qtbot.assertNotEmitted(desktop.unheard, wait=100):
            desktop.notify("Your songs are ready", "7 songs were made.")
            assert portal.stdout.readline() == "songs Your songs are ready | 7 songs were made.\n"
    finally:
        portal.kill()
        portal.wait()
        portal.stdout.close()


def test_what_nobody_shows_is_told(qtbot: QtBot, desktop: Desktop) -> None:
    with qtbot.waitSignal(desktop.unheard) as blocker:
        desktop.notify("Ready", "One song.")
    assert blocker.args == ["Ready", "One song."]


@pytest.mark.skipif(not shutil.which("dbus-monitor"), reason="needs dbus-monitor")
def test_progress_is_told_to_the_taskbar_and_taken_off(bus: str) -> None:
    ears = subprocess.Popen(
        ["dbus-monitor", "--address", bus, "interface=com.canonical.Unity.LauncherEntry"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ears.stdout is not None
    try:
        while "NameLost" not in ears.stdout.readline():
            pass  # from here on it hears everything
        desktop = Desktop(bus)
        for fraction in (0.25, 0.2501, 0.5):
            desktop.show_progress(fraction)
        desktop.close()
        heard = []
        while len(heard) < 6:
            line = ears.stdout.readline().strip()
            if "double" in line or "boolean" in line:
                heard.append(line.split()[-1])
    finally:
        ears.kill()
        ears.wait()
        ears.stdout.close()
    assert heard[0::2] == ["0.25", "0.5", "0"]
    assert heard[1::2] == ["true", "true", "false"]


def test_without_a_bus_nothing_is_sent(qtbot: QtBot) -> None:
    desktop = Desktop("")
    desktop.show_progress(0.5)
    with qtbot.waitSignal(desktop.unheard):
        desktop.notify("Ready", "")
    desktop.close()


def test_a_bus_that_is_gone_is_no_trouble(qtbot: QtBot) -> None:
    desktop = Desktop("unix:path=/nonexistent/bus")
    desktop.show_progress(0.5)
    with qtbot.waitSignal(desktop.unheard):
        desktop.notify("Ready", "")
    desktop.close()
