from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from karaoke_studio.app import Studio
from karaoke_studio.jobs.folder_facts import library_in
from karaoke_studio.library.move import FOLDER_NAME
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import load_settings
from karaoke_studio.ui.controls import Paragraph
from karaoke_studio.ui.library_choice import LibraryChoice
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.tool_page import Question
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton


def test_a_library_is_seen_in_its_folder_and_in_the_one_around_it(tmp_path: Path) -> None:
    inner = tmp_path / FOLDER_NAME
    assert library_in(tmp_path) == (inner, False)
    LibraryWriter(inner).close()
    assert library_in(tmp_path) == (inner, True)
    assert library_in(inner) == (inner, True)


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window()


def ask(window: MainWindow, qtbot: QtBot, folder: Path) -> tuple[Question, list[str]]:
    dialog = window.preferences.open("library")
    choice = dialog.findChild(LibraryChoice)
    assert choice is not None
    told: list[str] = []
    window.preferences.library_chosen.connect(told.append)
    choice.choose(str(folder))
    qtbot.waitUntil(lambda: dialog.findChild(Question, "library_question") is not None)
    question = dialog.findChild(Question, "library_question")
    assert question is not None
    return question, told


def test_a_new_library_is_begun_after_a_question(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    question, told = ask(window, qtbot, tmp_path)
    assert question.heading.text() == "Begin a new library?"
    qtbot.mouseClick(question.findChild(QPushButton, "library_question_back"), LEFT)
    assert told == []


def test_a_library_that_is_there_is_opened_after_a_question(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    LibraryWriter(tmp_path / "other").close()
    question, told = ask(window, qtbot, tmp_path / "other")
    assert question.heading.text() == "Open this library?"
    qtbot.mouseClick(question.findChild(QPushButton, "library_question_go"), LEFT)
    qtbot.waitUntil(lambda: told == [str(tmp_path / "other")])


def test_a_new_library_is_begun_in_the_background(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    question, told = ask(window, qtbot, tmp_path)
    qtbot.mouseClick(question.findChild(QPushButton, "library_question_go"), LEFT)
    assert told == []
    qtbot.waitUntil(lambda: told == [str(tmp_path / FOLDER_NAME)])
    # not empty, or it would pass for a disk that is not there
    assert list((tmp_path / FOLDER_NAME).iterdir())


def test_a_folder_that_cannot_be_a_library_is_said_on_the_page(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    question, told = ask(window, qtbot, tmp_path)
    (tmp_path / FOLDER_NAME).write_text("a file is in the way")
    qtbot.mouseClick(question.findChild(QPushButton, "library_question_go"), LEFT)
    dialog = window.preferences.open("library")
    words = dialog.findChild(Paragraph, "library_choice_told")
    qtbot.waitUntil(lambda: "cannot be written to" in words.text())
    assert told == []


def test_the_window_opens_again_with_the_other_library(qtbot: QtBot, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    studio = Studio(data)
    studio.window.preferences.library_chosen.emit(str(tmp_path / "other"))
    assert studio.opens_again
    studio.close()
    assert load_settings(data.settings_file).library_folder == str(tmp_path / "other")
