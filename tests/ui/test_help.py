from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from pytestqt.qtbot import QtBot

from karaoke_studio import __version__
from karaoke_studio.jobs import help_desk
from karaoke_studio.ui.about import AboutDialog
from karaoke_studio.ui.controls import Button, Label
from karaoke_studio.ui.keys import GROUPS, KeySheet
from karaoke_studio.ui.main_window import MainWindow
from tests.ui.conftest import Desk, OpenWindow


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window()


@pytest.fixture
def about(window: MainWindow, qtbot: QtBot) -> Iterator[AboutDialog]:
    window.commands["about_action"].trigger()
    dialog = window.findChild(AboutDialog)
    assert dialog is not None
    yield dialog
    dialog.close()


def test_about_tells_version_and_terms_of_every_part(about: AboutDialog, qtbot: QtBot) -> None:
    version = about.findChild(Label, "about_version")
    assert version is not None
    assert __version__ in version.text()
    qtbot.waitUntil(lambda: "GNU GENERAL PUBLIC" in about.papers.toPlainText(), timeout=15_000)
    assert about.list.hasFocus()
    qtbot.keyClick(about.list, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: "research" in about.papers.toPlainText())
    (torch,) = about.list.findItems("torch", Qt.MatchFlag.MatchStartsWith)
    about.list.setCurrentItem(torch)
    qtbot.waitUntil(lambda: "BSD" in about.papers.toPlainText())


def test_terms_that_come_late_do_not_replace_others(about: AboutDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: about.list.count() > 3, timeout=15_000)
    names = [about.list.item(row).text() for row in range(about.list.count())]
    about.list.setCurrentRow(next(row for row, name in enumerate(names) if "(font)" in name))
    qtbot.waitUntil(lambda: "Font" in about.papers.toPlainText())
    about.show_papers(about._parts[0], "too late")
    assert "too late" not in about.papers.toPlainText()


def test_a_report_of_this_computer_is_copied(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = {
        "version": "1",
        "status": "healthy",
        "versions": {"python": "3"},
        "devices": [],
        "unused_cards": [],
        "sound_outputs": ["Speakers"],
        "free_disk_bytes": 2e9,
        "folders": {},
        "codecs": {},
        "key_and_tempo": True,
        "problems": [],
    }
    monkeypatch.setattr(help_desk, "report_health", lambda *_: health)
    window.commands["diagnosis_action"].trigger()
    assert window.banners.notice.label.text() == "Looking at this computer…"
    qtbot.waitUntil(lambda: "clipboard" in window.banners.notice.label.text())
    assert "Speakers" in QGuiApplication.clipboard().text()


def test_a_computer_that_cannot_be_looked_at_is_told(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(help_desk, "report_health", broken)
    window.commands["diagnosis_action"].trigger()
    qtbot.waitUntil(lambda: "could not" in window.banners.notice.label.text())


def test_the_log_folder_is_shown(window: MainWindow, desk: Desk) -> None:
    window.commands["logs_action"].trigger()
    assert desk.folders == [desk.data.logs]


def test_the_settings_have_all_of_it_too(window: MainWindow, desk: Desk, qtbot: QtBot) -> None:
    dialog = window.preferences.open("help")
    for name in ("help_logs_button", "help_keys_button", "help_about_button"):
        button = dialog.findChild(Button, name)
        assert button is not None
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert desk.folders == [desk.data.logs]
    for kind in (KeySheet, AboutDialog):
        shown = window.findChild(kind)
        assert shown is not None
        shown.close()
    dialog.close()


def test_every_key_of_an_action_is_on_the_sheet(window: MainWindow) -> None:
    listed = {
        key.action: {QKeySequence(keys).toString() for keys in (*key.keys, *key.media)}
        for group in GROUPS.values()
        for key in group
    }
    for action in window.actions():
        keys = {keys.toString() for keys in action.shortcuts()}
        if keys:
            assert keys == listed.get(action.objectName()), action.objectName()


def test_no_key_does_two_things(window: MainWindow) -> None:
    keys = [key for group in GROUPS.values() for entry in group for key in entry.keys]
    assert len(keys) == len(set(keys))
