from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import MissingFile
from karaoke_studio.log import log_uncaught
from karaoke_studio.ui.crash import CrashDialog, Crashes, describe_crash
from karaoke_studio.ui.theme import Look

SONG = "Secret Love Song"


class Careless(QObject):
    """Raises in its slot."""

    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(self.fail)

    @Slot()
    def fail(self) -> None:
        raise ValueError(f"cannot sing '{SONG}'")

    @Slot()
    def fail_elsewhere(self) -> None:
        raise IndexError(SONG.index)


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def crashes(look: Look, window: QWidget, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crashes]:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    crashes = Crashes(look, window)
    log_uncaught(crashes.report)
    yield crashes
    gc.collect()


def the_dialog(qtbot: QtBot, window: QWidget) -> CrashDialog:
    qtbot.waitUntil(lambda: bool(window.findChildren(CrashDialog)))
    (dialog,) = window.findChildren(CrashDialog)
    return dialog


def gone(qtbot: QtBot, window: QWidget) -> None:
    qtbot.waitUntil(lambda: not window.findChildren(CrashDialog))


def press(qtbot: QtBot, dialog: CrashDialog, name: str) -> None:
    button = dialog.findChild(QWidget, name)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_fault_in_a_slot_is_shown_calmly(
    qtbot: QtBot, window: QWidget, crashes: Crashes, caplog: pytest.LogCaptureFixture
) -> None:
    careless = Careless()
    careless.asked.emit()
    dialog = the_dialog(qtbot, window)
    words = " ".join(label.text() for label in dialog.findChildren(QLabel))
    assert "you can go on" in words
    assert "Traceback" not in words
    assert "ValueError" not in words
    assert "uncaught error" in caplog.text
    press(qtbot, dialog, "crash_copy_button")
    copied = QGuiApplication.clipboard().text()
    assert "ValueError: cannot sing …" in copied
    assert "test_crash.py" in copied
    assert SONG not in copied
    press(qtbot, dialog, "crash_go_on_button")
    gone(qtbot, window)


def test_a_fault_in_a_thread_is_shown_too(qtbot: QtBot, window: QWidget, crashes: Crashes) -> None:
    thread = threading.Thread(target=lambda: {}["x"], name="careless")
    thread.start()
    thread.join()
    assert not window.findChildren(CrashDialog), "shown by another thread than the window's"
    dialog = the_dialog(qtbot, window)
    press(qtbot, dialog, "crash_copy_button")
    assert "Thread careless" in QGuiApplication.clipboard().text()
    dialog.close()


def test_one_at_a_time_and_each_place_once(qtbot: QtBot, window: QWidget, crashes: Crashes) -> None:
    careless = Careless()
    careless.asked.emit()
    dialog = the_dialog(qtbot, window)
    careless.asked.connect(careless.fail_elsewhere)
    careless.asked.emit()
    qtbot.wait(1)
    assert window.findChildren(CrashDialog) == [dialog]
    press(qtbot, dialog, "crash_go_on_button")
    gone(qtbot, window)
    careless.asked.disconnect(careless.fail_elsewhere)
    careless.asked.emit()
    qtbot.wait(1)
    assert not window.findChildren(CrashDialog), "the same fault again"
    careless.asked.connect(careless.fail_elsewhere)
    careless.asked.emit()
    press(qtbot, the_dialog(qtbot, window), "crash_go_on_button")
    gone(qtbot, window)


def test_quitting_and_the_log_folder_are_one_click_away(
    qtbot: QtBot, window: QWidget, crashes: Crashes
) -> None:
    careless = Careless()
    careless.asked.emit()
    dialog = the_dialog(qtbot, window)
    with qtbot.waitSignal(crashes.folder_requested):
        press(qtbot, dialog, "crash_folder_button")
    with qtbot.waitSignal(crashes.quit_requested):
        press(qtbot, dialog, "crash_quit_button")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_end_that_was_wanted_is_no_fault(
    kind: type[BaseException], qtbot: QtBot, window: QWidget, crashes: Crashes
) -> None:
    sys.excepthook(kind, kind(), None)
    threading.excepthook(threading.ExceptHookArgs((kind, kind(), None, None)))
    qtbot.wait(1)
    assert not window.findChildren(CrashDialog)


def test_details_name_no_file_and_no_song() -> None:
    def crash(path: Path) -> str:
        try:
            try:
                path.read_bytes()
            except OSError as exc:
                raise MissingFile(f"{SONG} is gone.") from exc
        except MissingFile as exc:
            return describe_crash(exc)
        raise AssertionError

    details = crash(Path("/home/mara") / f"{SONG}.mp3")
    assert "FileNotFoundError: No such file or directory" in details
    assert "MissingFile: FILE_NOT_FOUND" in details
    assert "mara" not in details
    assert SONG not in details
    assert str(Path(__file__).parent) not in details


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (RuntimeError(f'cannot open "{SONG}"'), "RuntimeError: cannot open …"),
        (RuntimeError("no file C:\\mara\\song.mp3 there"), "RuntimeError: no file … there"),
        (KeyError(SONG), "KeyError: …"),
        (AttributeError("'Song' has no 'tilte'"), "AttributeError: 'Song' has no 'tilte'"),
        (UnicodeDecodeError("utf-8", SONG.encode(), 0, 1, "bad"), "UnicodeDecodeError"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_words_that_may_be_of_the_person_are_left_out(exc: Exception, words: str) -> None:
    assert describe_crash(exc).splitlines()[-1] == words


def test_faults_that_follow_from_each_other_come_in_their_order() -> None:
    try:
        try:
            raise KeyError(1)
        except KeyError as exc:
            raise TypeError("b") from exc
    except TypeError as exc:
        lines = describe_crash(exc).splitlines()
    assert lines.index("KeyError: 1") < lines.index("TypeError: b")
