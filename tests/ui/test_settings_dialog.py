from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.playback.player import Manner
from karaoke_studio.settings import Settings
from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Choice, Label
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.setting_pages import PAGES
from karaoke_studio.ui.setting_rows import PickRow, Place, PlaceRow, SwitchRow, TemplateRow
from karaoke_studio.ui.settings_dialog import SettingsDialog
from karaoke_studio.ui.theme import Look
from tests.helpers.fakes_ui import FakePlayer, FakeQueue
from tests.ui.conftest import Desk, OpenWindow


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window()


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> Iterator[SettingsDialog]:
    dialog = window.preferences.open()
    qtbot.waitUntil(dialog.isVisible)
    yield dialog
    dialog.close()


def pick(qtbot: QtBot, dialog: SettingsDialog, field: str, words: str) -> None:
    """Choose by keyboard, as a person without a mouse does."""
    row = dialog.row(field)
    assert isinstance(row, PickRow)
    place = row.choice.findText(words)
    assert place >= 0, [row.choice.itemText(n) for n in range(row.choice.count())]
    row.choice.setFocus()
    while row.choice.currentIndex() != place:
        down = row.choice.currentIndex() < place
        qtbot.keyClick(row.choice, Qt.Key.Key_Down if down else Qt.Key.Key_Up)


def test_ctrl_comma_opens_them_and_escape_closes(
    window: MainWindow, qtbot: QtBot, desk: Desk
) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(SettingsDialog, "settings_dialog")
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible)
    assert window.preferences.open() is dialog
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(SettingsDialog) is None)


def test_a_field_is_on_one_page_only() -> None:
    shown = [row.field for page in PAGES for row in page.rows]
    assert len(shown) == len(set(shown))
    assert set(shown) <= {field.name for field in fields(Settings)}


def test_every_choice_of_a_page_can_be_loaded_again(
    window: MainWindow, dialog: SettingsDialog, tmp_path: Path
) -> None:
    from karaoke_studio.settings import load_settings, save_settings

    for page in dialog.pages.values():
        for row in page.rows.values():
            if not isinstance(row, PickRow):
                continue
            for place in range(row.choice.count()):
                row.choice.setCurrentIndex(place)
                save_settings(window.settings, tmp_path / "s.json")
                assert load_settings(tmp_path / "s.json") == window.settings


def test_pages_are_turned_with_the_arrows(dialog: SettingsDialog, qtbot: QtBot) -> None:
    assert dialog.list.hasFocus()
    assert dialog.pages["general"].isVisible()
    qtbot.keyClick(dialog.list, Qt.Key.Key_Down)
    assert dialog.pages["making"].isVisible()
    assert not dialog.pages["general"].isVisible()


def test_every_control_can_be_reached_and_says_what_it_is(
    dialog: SettingsDialog, qtbot: QtBot
) -> None:
    for name in dialog.pages:
        dialog.show_page(name)
        seen: set[QWidget] = set()
        dialog.list.setFocus()
        while (at := dialog.focusWidget()) not in seen:
            seen.add(at)
            qtbot.keyClick(at, Qt.Key.Key_Tab)
        for widget in dialog.pages[name].findChildren(QWidget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
                assert widget in seen or not widget.isEnabled(), widget.objectName()
                assert widget.accessibleName(), widget.objectName()
                assert widget.toolTip(), widget.objectName()


def test_the_theme_acts_at_once_and_is_kept(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot, desk: Desk
) -> None:
    pick(qtbot, dialog, "theme", "Light")
    assert window.look.tokens is theme.LIGHT
    assert window.commands["theme_light_action"].isChecked()
    qtbot.waitUntil(lambda: bool(desk.saved))
    assert desk.saved[-1].theme == "light"


def test_reset_sets_one_page_back(window: MainWindow, dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.show_page("export")
    pick(qtbot, dialog, "export_format", "WAV, lossless")
    dialog.show_page("general")
    pick(qtbot, dialog, "spectrogram_colours", "Viridis")
    reset = dialog.reset_button
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert window.settings.spectrogram_colours == "magma"
    assert window.settings.theme == "system"
    assert window.settings.export_format == "wav"
    row = dialog.row("spectrogram_colours")
    assert isinstance(row, PickRow)
    assert row.choice.currentText() == "Magma"


def test_a_page_without_fields_has_nothing_to_reset(dialog: SettingsDialog) -> None:
    dialog.show_page("library")
    assert not dialog.reset_button.isVisible()
    dialog.show_page("making")
    assert dialog.reset_button.isVisible()


def test_the_name_is_previewed_and_a_wrong_one_is_not_taken(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    dialog.show_page("export")
    row = dialog.row("export_name")
    assert isinstance(row, TemplateRow)
    assert row.preview.text() == "Night Bus (Instrumental).flac"
    row.line.clear()
    qtbot.keyClicks(row.line, "{artist} {stem}")
    assert row.preview.text() == "Mara Vell Instrumental.flac"
    assert window.settings.export_name == "{artist} {stem}"
    qtbot.keyClicks(row.line, " {nonsense}")
    assert "unknown field {nonsense}" in row.preview.text()
    assert row.preview.property("tone") == "error"
    assert "nonsense" not in window.settings.export_name


def test_the_format_decides_what_else_can_be_chosen(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.show_page("export")
    depth, bitrate = dialog.row("export_bit_depth"), dialog.row("export_bitrate_kbps")
    assert (depth.isEnabled(), bitrate.isEnabled()) == (True, False)
    pick(qtbot, dialog, "export_format", "MP3, plays everywhere")
    assert (depth.isEnabled(), bitrate.isEnabled()) == (False, True)
    row = dialog.row("export_name")
    assert isinstance(row, TemplateRow)
    assert row.preview.text().endswith(".mp3")


def test_a_model_folder_is_chosen_looked_into_and_cleared(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "htdemucs.yaml").write_text("models: ['a']")
    dialog.show_page("making")
    row = dialog.row("model_folder")
    assert isinstance(row, PlaceRow)
    assert row.path.text() == "The program's own folder"
    assert not row.clear_button.isVisible()
    qtbot.mouseClick(row.button, Qt.MouseButton.LeftButton)
    chooser = row.findChild(QFileDialog)
    assert chooser is not None
    chooser.fileSelected.emit(str(tmp_path))
    chooser.close()
    assert window.settings.model_folder == str(tmp_path)
    dialog.show_page("advanced")
    engine = dialog.row("engine")
    assert isinstance(engine, PickRow)
    qtbot.waitUntil(lambda: engine.choice.findData("htdemucs") >= 0)
    dialog.show_page("making")
    qtbot.mouseClick(row.clear_button, Qt.MouseButton.LeftButton)
    assert window.settings.model_folder == ""
    qtbot.waitUntil(lambda: engine.choice.findData("htdemucs") < 0)


def test_the_library_page_tells_its_size(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.show_page("library")
    size = dialog.findChild(Label, "library_size_label")
    assert size is not None
    qtbot.waitUntil(lambda: "free on this disk" in size.text() or "cannot" in size.text())


def test_a_tooltip_shows_what_was_typed(look: Look, qtbot: QtBot) -> None:
    row = Place("model_folder", "Models", "none", "<b>x").build(look)
    qtbot.addWidget(row)
    row.show_value("<i>folder")
    assert isinstance(row, PlaceRow)
    assert row.path.text() == "<i>folder"
    assert "&lt;b&gt;" in row.button.toolTip()
    assert isinstance(row.findChild(Choice), type(None))


def test_the_sound_goes_where_the_page_says(
    window: MainWindow, dialog: SettingsDialog, queue: FakeQueue, qtbot: QtBot
) -> None:
    dialog.show_page("sound")
    queue.sound_devices_listed.emit(["Headphones", "Speakers"])
    pick(qtbot, dialog, "sound_device", "Speakers")
    assert window.settings.sound_device == "Speakers"
    assert "Speakers" in window.song_view.mixer.device_button.toolTip()
    queue.sound_devices_listed.emit(["Headphones"])
    row = dialog.row("sound_device")
    assert isinstance(row, PickRow)
    assert row.choice.currentText() == "Speakers", "unplugged, but still what was chosen"


def test_loudness_is_matched_from_the_page_and_from_the_mixer_alike(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    dialog.show_page("sound")
    row = dialog.row("match_loudness")
    assert isinstance(row, SwitchRow)
    qtbot.mouseClick(row.tick, Qt.MouseButton.LeftButton)
    assert window.settings.match_loudness
    assert window.song_view.mixer.match_button.isChecked()


def test_every_new_song_is_written_too_where_that_is_wanted(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    dialog.show_page("export")
    row = dialog.row("auto_export")
    assert isinstance(row, SwitchRow)
    qtbot.mouseClick(row.tick, Qt.MouseButton.LeftButton)
    assert window.settings.auto_export


def test_how_the_sound_device_is_opened_acts_at_once(
    dialog: SettingsDialog, player: FakePlayer, qtbot: QtBot
) -> None:
    dialog.show_page("sound")
    assert player.manner == Manner()
    pick(qtbot, dialog, "sound_latency", "At once: may stutter on a busy computer")
    dialog.row("sound_exclusive").tick.click()
    assert player.manner == Manner("low", is_exclusive=True)
