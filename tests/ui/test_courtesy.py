"""What holds for every widget: plain text, names for screen readers, order of Tab, tooltips."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import CorruptAudio
from karaoke_studio.library.songs import Word
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import FakeLibrary, FakeQueue
from tests.ui.conftest import OpenWindow

EVIL = "<b>bold</b> <img src='file:///x.png'> &amp; [*] %1"
UI = Path(__file__).parents[2] / "karaoke_studio" / "ui"


@pytest.fixture
def full_window(
    qtbot: QtBot, open_window: OpenWindow, library: FakeLibrary, queue: FakeQueue
) -> Iterator[MainWindow]:
    """A window in which everything is to be seen, with markup in every name."""
    library.add("Other", "B", hue=30)
    library.add(EVIL, EVIL, EVIL, words=(Word(1.0, EVIL),), original="original.mp4")
    window = open_window()
    window.open_song(library.all[0].id)
    window.add_paths([Path(f"/music/{name}.mp3") for name in (EVIL.replace("/", ""), "b", "c")])
    first, second, third = queue.ids()
    queue.start(first, EVIL)
    queue.fail(second, CorruptAudio(EVIL, hint=EVIL))
    queue.start(third)
    window.collection.remove([library.all[1].id])
    window.exports.open([library.all[0]], window.settings)
    window.commands["keys_action"].trigger()
    window.commands["about_action"].trigger()
    window.close()
    qtbot.waitUntil(window.queue_panel.isVisible)
    return window


def test_every_label_shows_plain_text(full_window: MainWindow) -> None:
    labels = full_window.findChildren(QLabel)
    assert len(labels) > 60
    rich = [
        label
        for label in labels
        if label.textFormat() != Qt.TextFormat.PlainText and label.pixmap().isNull()
    ]
    assert rich == []
    assert not full_window.findChildren(QMessageBox), "its words may be read as mark-up"


def test_markup_in_names_is_shown_as_it_is(full_window: MainWindow) -> None:
    shown = [label.text() for label in full_window.findChildren(QLabel)]
    assert sum(EVIL in words for words in shown) == 5
    assert full_window.song_view.title.text() == EVIL
    assert full_window.song_view.words.item(0).text() == EVIL
    assert full_window.songs_list.songs()[0].title == EVIL
    assert EVIL.replace("[*]", "[*][*]") in full_window.windowTitle()


def test_no_tooltip_reads_a_name_as_markup(full_window: MainWindow) -> None:
    tips = [widget.toolTip() for widget in full_window.findChildren(QWidget)]
    tips.append(full_window.songs_list.shown.index(0, 0).data(Qt.ItemDataRole.ToolTipRole))
    with_names = [tip for tip in tips if "bold" in tip]
    assert with_names
    assert not [tip for tip in with_names if "<b>" in tip or "<img" in tip]


def test_what_a_person_uses_has_a_name_and_a_spoken_name(full_window: MainWindow) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QAbstractItemView, QComboBox, QLineEdit)
    used = [
        widget
        for kind in kinds
        for widget in full_window.findChildren(kind)
        if not isinstance(widget, QScrollBar)
        and not (widget.objectName() or "").startswith("qt_")
        and not isinstance(widget.parentWidget(), (QLineEdit, QComboBox))
        and not isinstance(widget.window(), QMessageBox)
        and "QComboBox" not in type(widget.window()).__name__
        and type(widget).__name__ != "QListView"
    ]
    assert len(used) > 35
    unnamed = [w for w in used if not re.fullmatch(r"[a-z][a-z0-9_]*", w.objectName())]
    silent = [w for w in used if not w.isHidden() and not w.accessibleName().strip()]
    assert (unnamed, silent) == ([], [])


def test_a_button_without_words_has_a_tooltip(full_window: MainWindow) -> None:
    buttons = [
        button
        for button in full_window.findChildren(QAbstractButton)
        if button.objectName() and not button.text() and not button.objectName().startswith("qt_")
    ]
    assert len(buttons) > 8
    assert [button.objectName() for button in buttons if not button.toolTip()] == []


def test_tab_goes_from_top_left_to_bottom_right(
    qtbot: QtBot, open_window: OpenWindow, library: FakeLibrary
) -> None:
    library.add("A", words=(Word(1.0, "One"),))
    window = open_window()
    window.open_song(library.all[0].id)
    seen: list[str] = []
    while len(seen) < 40:
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        name = QApplication.focusWidget().objectName()
        if name in seen:
            break
        seen.append(name)
    assert seen == [
        *("add_button", "quality_normal", "engine_button", "device_button"),
        *("export_button", "menu_button"),
        *("filter_box", "shelves", "sort_button", "narrow_button", "wide_button", "songs_list"),
        *("timeline", "lyrics_pane"),
        *("previous_button", "play_button", "next_button"),
        *("source_instrumental", "loop_button", "places_button"),
        *("mute_button", "volume_slider"),
        *("voice_slider", "vocals_pan", "music_slider", "instrumental_pan"),
        *("key_slider", "tempo_slider"),
        *("presets_button", "match_button", "sound_device_button"),
    ]


@pytest.mark.parametrize("path", sorted(UI.rglob("*.py")), ids=lambda path: path.stem)
def test_no_file_makes_labels_or_names_colours_on_its_own(path: Path) -> None:
    """Labels come from `controls`, where PlainText is set; colours and sizes from `theme`."""
    source = path.read_text(encoding="utf-8")
    if path.stem != "theme":
        assert not re.findall(r"#[0-9A-Fa-f]{6}\b", source)
    if path.stem in {"controls", "toolbar", "about"}:  # theirs hold a picture
        return
    made = {
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not made & {"QLabel", "QPushButton", "QToolButton", "QTextEdit", "QTextBrowser"}
