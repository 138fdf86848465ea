"""The microphone's window, with a child that sings what the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import NoMicrophone
from karaoke_studio.jobs.microphone import Microphone, Sung
from karaoke_studio.progress import Cancelled
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.microphone import MicrophoneDialog
from tests.ui.conftest import OpenWindow


class Child:
    """A worker whose microphone hears one note until it is stopped."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.is_listening = threading.Event()
        self.is_closed = False
        self.error: NoMicrophone | None = None

    def run(
        self,
        task: str,
        args: dict[str, Any],
        *,
        stop: threading.Event,
        stall_s: float,
        on_progress: Callable[[dict[str, Any]], None] = lambda _told: None,
    ) -> dict[str, Any]:
        assert stall_s > 0
        if task == "microphones":
            return {"microphones": ["Desk", "Headset"]}
        self.heard.append(args["microphone"])
        if self.error is not None:
            raise self.error
        on_progress({})
        told = {"level_db": -20.0, "f0_hz": 445.0, "is_voice": True}
        on_progress(told | {"heard_at": time.perf_counter()})
        self.is_listening.set()
        stop.wait(10)
        self.is_listening.clear()
        raise Cancelled

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def child() -> Child:
    return Child()


@pytest.fixture
def window(open_window: OpenWindow, child: Child) -> MainWindow:
    window = open_window()
    window.microphones._make = lambda: Microphone(lambda: child)  # type: ignore[assignment,return-value]
    return window


def opened(window: MainWindow) -> MicrophoneDialog:
    window.commands["microphone_action"].trigger()
    dialog = window.findChild(MicrophoneDialog)
    assert dialog is not None
    return dialog


def test_a_note_is_shown_and_the_microphone_let_go(
    qtbot: QtBot, window: MainWindow, child: Child
) -> None:
    dialog = opened(window)
    qtbot.waitUntil(lambda: dialog.note.text() == "A4")
    assert dialog.scale.cents == 20
    assert dialog.facts.text() == "+20 cents · 445 Hz · -20 dB"
    assert dialog.state.text() == "Somebody sings."
    assert dialog.meter.share > 0.3
    assert not dialog.grab().isNull()
    dialog.show_sung(Sung(-80.0, None, False, 0.01))
    assert (dialog.note.text(), dialog.scale.cents) == ("–", None)
    dialog.accept()
    qtbot.waitUntil(lambda: not child.is_listening.is_set())
    again = opened(window)
    qtbot.waitUntil(lambda: again.note.text() == "A4")
    assert child.heard == ["", ""]
    window.close_now(keep=False)
    assert child.is_closed


def test_another_microphone_is_chosen(qtbot: QtBot, window: MainWindow, child: Child) -> None:
    dialog = opened(window)
    qtbot.waitUntil(lambda: dialog.devices.count() == 3)
    qtbot.waitUntil(child.is_listening.is_set)
    dialog.devices.setCurrentIndex(2)
    dialog.devices.activated.emit(2)
    qtbot.waitUntil(lambda: child.heard == ["", "Headset"])
    qtbot.waitUntil(child.is_listening.is_set)
    assert dialog.devices.currentText() == "Headset", "it stays chosen when they are listed anew"


def test_a_missing_microphone_is_told(qtbot: QtBot, window: MainWindow, child: Child) -> None:
    child.error = NoMicrophone("There is no microphone.", hint="Connect one.")
    dialog = opened(window)
    qtbot.waitUntil(lambda: dialog.state.text() == "There is no microphone. Connect one.")
    assert dialog.note.text() == "–"
    assert opened(window) is dialog
