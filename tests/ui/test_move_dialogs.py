from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.moving import Mover
from karaoke_studio.library.move import FOLDER_NAME, PlannedMove, plan_move
from karaoke_studio.ui.controls import Button
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.move_dialogs import LibraryGone, MoveQuestion, MoveWindow
from karaoke_studio.ui.settings_dialog import SettingsDialog
from karaoke_studio.ui.theme import Look
from tests.ui.conftest import Desk, OpenWindow


def fill(library: Path, files: int = 40) -> Path:
    for number in range(files):
        folder = library / f"song{number}"
        folder.mkdir(parents=True)
        (folder / "vocals.flac").write_bytes(bytes([number]) * 200_000)
    return library


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


# -- the page of the settings


@pytest.fixture
def window(open_window: OpenWindow, desk: Desk) -> MainWindow:
    fill(desk.data.library, 2)
    return open_window()


@pytest.fixture
def page(window: MainWindow, qtbot: QtBot) -> Iterator[SettingsDialog]:
    dialog = window.preferences.open("library")
    qtbot.waitUntil(dialog.isVisible)
    yield dialog
    dialog.close()


def press(qtbot: QtBot, dialog: SettingsDialog | MoveQuestion | LibraryGone, name: str) -> None:
    button = dialog.findChild(Button, name)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def told(page: SettingsDialog) -> str:
    label = page.findChild(QLabel, "library_told")
    assert label is not None
    return label.text()


def choose(qtbot: QtBot, page: SettingsDialog, folder: Path) -> None:
    press(qtbot, page, "library_move_button")
    chooser = page.findChild(QFileDialog, "library_dialog")
    assert chooser is not None
    chooser.fileSelected.emit(str(folder))
    chooser.close()


def test_the_question_names_size_and_place_and_the_answer_is_told(
    window: MainWindow, page: SettingsDialog, qtbot: QtBot, into: Path
) -> None:
    choose(qtbot, page, into)
    qtbot.waitUntil(lambda: page.findChild(MoveQuestion) is not None)
    question = page.findChild(MoveQuestion)
    assert question is not None
    words = " ".join(label.text() for label in question.findChildren(QLabel))
    assert "400 kB are copied" in words
    assert str(into / FOLDER_NAME) in words
    with qtbot.waitSignal(window.preferences.move_confirmed) as confirmed:
        press(qtbot, question, "move_go_button")
    assert confirmed.args is not None
    assert confirmed.args[0].new == into / FOLDER_NAME
    assert list(into.iterdir()) == [], "nothing is copied before the window has closed"


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(
    page: SettingsDialog, qtbot: QtBot, desk: Desk
) -> None:
    choose(qtbot, page, desk.data.library)
    qtbot.waitUntil(lambda: "into itself" in told(page))
    button = page.findChild(Button, "library_move_button")
    assert button is not None
    assert button.isEnabled()


def test_while_songs_are_made_the_library_stays(
    window: MainWindow, page: SettingsDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    window.add_paths([tmp_path / "song.mp3"])
    press(qtbot, page, "library_move_button")
    assert told(page).startswith("Songs are being made")
    assert page.findChild(QFileDialog) is None


def test_the_library_is_shown_in_the_file_manager(
    page: SettingsDialog, qtbot: QtBot, desk: Desk
) -> None:
    press(qtbot, page, "library_show_button")
    assert desk.folders == [desk.data.library]


# -- the window while it moves


class Moving:
    """A library on its way."""

    def __init__(self, folder: Path, look: Look, into: Path) -> None:
        self.old = fill(folder / "library")
        self.mover = Mover(folder / "move.json")
        self.plan = plan_move(self.old, into)
        self.switched: list[PlannedMove] = []
        self.window = MoveWindow(look, self.mover, self.plan, self.switched.append)
        self.window.open()


@pytest.fixture
def moving(tmp_path: Path, look: Look, into: Path, qtbot: QtBot) -> Iterator[Moving]:
    moving = Moving(tmp_path, look, into)
    qtbot.addWidget(moving.window)
    yield moving
    moving.mover.close()


def test_it_fills_its_bar_switches_and_goes(moving: Moving, qtbot: QtBot) -> None:
    moving.mover.start(moving.plan)
    qtbot.waitUntil(lambda: not moving.window.isVisible())
    assert moving.window.moved
    assert moving.window.bar.goal == 1.0
    assert moving.switched == [moving.plan]
    assert (moving.plan.new / "song39" / "vocals.flac").stat().st_size == 200_000


@pytest.mark.parametrize("way", ["button", "escape", "close", "signal"])
def test_every_way_out_cancels(way: str, moving: Moving, qtbot: QtBot) -> None:
    moving.mover.start(moving.plan)
    moving.mover.progressed.connect(lambda _: None)
    with qtbot.waitSignal(moving.mover.progressed):
        pass
    if way == "button":
        qtbot.mouseClick(moving.window.button, Qt.MouseButton.LeftButton)
    elif way == "escape":
        qtbot.keyClick(moving.window, Qt.Key.Key_Escape)
    elif way == "close":
        moving.window.close()
    else:
        moving.window.quit()
    assert moving.window.isVisible(), "gone before the copying has stopped"
    qtbot.waitUntil(lambda: not moving.window.isVisible())
    assert not moving.window.moved
    assert moving.window.quits == (way == "signal")
    assert not moving.switched
    assert not moving.plan.new.exists()
    assert len(list(moving.old.iterdir())) == 40


def test_a_failure_is_told_and_one_goes_on(moving: Moving, qtbot: QtBot) -> None:
    (moving.plan.new).mkdir()
    (moving.plan.new / "in the way").touch()
    moving.mover.start(moving.plan)
    qtbot.waitUntil(lambda: moving.window.button.text() == "Go on")
    assert moving.window.outcome.text().endswith("Nothing was moved.")
    qtbot.mouseClick(moving.window.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not moving.window.isVisible())
    assert not moving.window.moved


def test_settings_that_cannot_be_written_leave_the_old_library(
    tmp_path: Path, look: Look, into: Path, qtbot: QtBot
) -> None:
    def switch(_move: PlannedMove) -> None:
        raise OSError(28, "No space left on device")

    old = fill(tmp_path / "library", 2)
    mover = Mover(tmp_path / "move.json")
    window = MoveWindow(look, mover, plan_move(old, into), switch)
    qtbot.addWidget(window)
    window.open()
    mover.start(plan_move(old, into))
    qtbot.waitUntil(lambda: window.button.text() == "Go on")
    assert "disk is full" in window.outcome.text()
    assert not window.moved
    mover.settle(old)
    mover.close()
    assert old.exists()
    assert not (into / FOLDER_NAME).exists()
    window.reject()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("gone_quit_button", "quit"),
        ("gone_default_button", "default"),
        ("gone_again_button", "again"),
    ],
)
def test_a_library_that_is_gone_can_be_looked_for(
    name: str, answer: str, look: Look, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = LibraryGone(look, tmp_path / "gone")
    qtbot.addWidget(dialog)
    dialog.open()
    press(qtbot, dialog, name)
    assert dialog.answer == answer
    assert not dialog.isVisible()
