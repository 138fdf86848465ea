"""How new songs are made, chosen by clicks in the toolbar."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QComboBox, QMenu
from pytestqt.qtbot import QtBot

from karaoke_studio.jobs.devices import Device
from karaoke_studio.settings import Settings
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.menu_button import MenuButton
from tests.helpers.fakes_ui import FakeLibrary, FakeQueue
from tests.ui.conftest import Desk


def install(queue: FakeQueue, folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text("models: []")
    queue.folders = (folder,)


def opened(desk: Desk, qtbot: QtBot, **fields: str) -> MainWindow:
    window = desk.open(Settings(theme="dark", **fields))
    window.show()
    qtbot.wait(50)  # models are looked for in a thread of their own
    return window


def open_menu(qtbot: QtBot, button: MenuButton) -> QMenu:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(button.menu_list.isVisible)
    return button.menu_list


def action(menu: QMenu, name: str) -> QAction:
    found = menu.findChild(QAction, name)
    assert found is not None, [one.text() for one in menu.actions()]
    return found


def test_three_words_choose_the_engine(
    desk: Desk, qtbot: QtBot, queue: FakeQueue, tmp_path: Path
) -> None:
    install(queue, tmp_path / "m", "htdemucs", "htdemucs_ft")
    window = opened(desk, qtbot)
    bar = window.toolbar
    qtbot.waitUntil(lambda: bar.engine.text() == "Demucs")
    assert bar.quality.choice() == "normal"
    for name, engine in (("best", "Demucs, fine-tuned"), ("draft", "Instant")):
        qtbot.mouseClick(bar.quality.parts[name], Qt.MouseButton.LeftButton)
        assert queue.settings.quality == name
        assert (bar.quality.choice(), bar.engine.text()) == (name, engine)


@pytest.mark.parametrize(
    ("quality", "models", "said"),
    [
        ("draft", ("htdemucs",), "Instant now: Draft is in a hurry"),
        ("normal", (), "Instant now: no model is here yet"),
        ("normal", ("htdemucs", "htdemucs_ft"), "Demucs now: the quickest good model"),
        ("best", ("htdemucs", "htdemucs_ft"), "Demucs, fine-tuned now: the finest model"),
    ],
)
def test_automatic_says_what_it_takes_and_why(
    desk: Desk,
    qtbot: QtBot,
    queue: FakeQueue,
    tmp_path: Path,
    quality: str,
    models: tuple[str, ...],
    said: str,
) -> None:
    install(queue, tmp_path / "m", *models)
    window = opened(desk, qtbot, quality=quality)
    qtbot.waitUntil(lambda: window.toolbar.engine.text() == said.partition(" now")[0])
    menu = open_menu(qtbot, window.toolbar.engine)
    why = action(menu, "why_automatic_action")
    assert said in why.text()
    assert not why.isEnabled()
    menu.close()


def test_best_without_a_model_is_off_and_says_why(
    desk: Desk, qtbot: QtBot, queue: FakeQueue
) -> None:
    window = opened(desk, qtbot, quality="best")
    best = window.toolbar.quality.parts["best"]
    assert not best.isEnabled()
    assert "needs a model" in best.toolTip()
    assert window.toolbar.quality.choice() == "normal"
    assert window.settings.quality == "best"  # as soon as there is a model it counts again
    qtbot.mouseClick(best, Qt.MouseButton.LeftButton)
    assert window.toolbar.quality.choice() == "normal"


def test_arrows_choose_among_the_words(
    desk: Desk, qtbot: QtBot, queue: FakeQueue, tmp_path: Path
) -> None:
    install(queue, tmp_path / "m", "htdemucs")
    window = opened(desk, qtbot)
    window.activateWindow()
    parts = window.toolbar.quality.parts
    qtbot.waitUntil(parts["best"].isEnabled)
    parts["normal"].setFocus()
    qtbot.keyClick(parts["normal"], Qt.Key.Key_Right)
    assert parts["best"].hasFocus()
    assert queue.settings.quality == "best"


def test_the_engine_menu_tells_times_and_names_an_engine(
    desk: Desk, qtbot: QtBot, queue: FakeQueue, library: FakeLibrary, tmp_path: Path
) -> None:
    install(queue, tmp_path / "m", "htdemucs", "mine")
    queue.seconds = {"instant": 0.02, "htdemucs": 0.5}
    library.add("Song", seconds=120.0)
    window = opened(desk, qtbot)
    bar = window.toolbar
    qtbot.waitUntil(lambda: bar.engine.text() == "Demucs")
    lines = [one.text() for one in open_menu(qtbot, bar.engine).actions()]
    assert lines[0] == "Time for a song of 4:00 on this computer"
    assert "Demucs: the best all-round\tabout 2 min" in lines
    assert "Mine: your own model\tnot measured yet" in lines
    bar.engine.menu_list.close()
    window.open_song(library.all[0].id)
    menu = open_menu(qtbot, bar.engine)
    lines = [one.text() for one in menu.actions()]
    assert lines[0] == "Time for the open song of 2:00 on this computer"
    assert "Demucs: the best all-round\tabout 1 min" in lines
    action(menu, "engine_centre_action").trigger()
    menu.close()
    assert queue.settings.engine == "centre"
    assert (bar.quality.choice(), bar.engine.text()) == ("", "Centre")
    qtbot.mouseClick(bar.quality.parts["normal"], Qt.MouseButton.LeftButton)
    assert queue.settings.engine == "auto"
    assert bar.quality.choice() == "normal"


def test_the_engine_menu_leads_further(desk: Desk, qtbot: QtBot, queue: FakeQueue) -> None:
    window = opened(desk, qtbot)
    menu = open_menu(qtbot, window.toolbar.engine)
    with qtbot.waitSignal(window.making.models_requested):
        action(menu, "get_models_action").trigger()
    action(menu, "stems_all_action").trigger()
    assert queue.settings.stems == "all"
    action(menu, "more_choices_action").trigger()
    dialog = window.preferences.open()
    assert dialog.isVisible()
    dialog.close()


def test_devices_are_looked_for_when_the_menu_opens(
    desk: Desk, qtbot: QtBot, queue: FakeQueue
) -> None:
    window = opened(desk, qtbot)
    button = window.toolbar.device
    assert button.text() == "Automatic"
    assert queue.device_looks == 0
    menu = open_menu(qtbot, button)
    assert queue.device_looks == 1
    assert "Looking for graphics cards…" in [one.text() for one in menu.actions()]
    queue.devices_found.emit(
        [
            Device("cuda:0", "NVIDIA H100", memory_mb=80 << 10),
            Device("cuda:1", "Old Card", works=False, reason="too old", advice="Type: this"),
            Device("cpu", "x86_64"),
            Device("", "AMD graphics", works=False, reason="its driver is missing"),
        ]
    )
    lines = {one.text(): one.isEnabled() for one in menu.actions()}
    assert lines["NVIDIA H100, 80 GB\tworks"]
    assert lines["Processor\tworks"]
    assert not lines["Old Card\ttoo old"]
    assert not lines["AMD graphics\tits driver is missing"]
    assert "Automatic takes NVIDIA H100: a graphics card that works." in lines
    assert "Old Card: copy the line to type" in lines
    action(menu, "device_advice_action").trigger()
    assert QApplication.clipboard().text() == "this"
    dialog = window.preferences.open()
    offered = dialog.findChild(QComboBox, "device_choice")
    words = [offered.itemText(place) for place in range(offered.count())]
    assert words[1:] == ["NVIDIA H100, 80 GB", "Processor"]
    dialog.close()
    action(menu, "device_cuda:0_action").trigger()
    assert queue.settings.device == "cuda:0"
    assert button.text() == "NVIDIA H100"
    menu.close()


def test_what_the_settings_dialog_changes_is_seen_in_the_toolbar(
    desk: Desk, qtbot: QtBot, queue: FakeQueue, tmp_path: Path
) -> None:
    window = opened(desk, qtbot)
    window.change_setting("device", "cpu")
    assert window.toolbar.device.text() == "Processor"
    window.change_setting("quality", "draft")
    assert window.toolbar.quality.choice() == "draft"
    install(queue, tmp_path / "m", "htdemucs")
    window.change_setting("model_folder", str(tmp_path / "m"))
    qtbot.waitUntil(window.toolbar.quality.parts["best"].isEnabled)


@pytest.mark.parametrize(("width", "shown"), [(1280, True), (900, False)])
def test_captions_give_way_in_a_narrow_window(
    desk: Desk, qtbot: QtBot, width: int, shown: bool
) -> None:
    window = desk.open()
    window.resize(width, 700)
    window.show()
    bar = window.toolbar
    narrow = bar.engine.sizeHint().width()
    bar.engine.show_caption(not shown)
    assert (bar.engine.sizeHint().width() < narrow) == shown
    parts = [bar.quality, bar.engine, bar.device, bar.menu_button]
    edges = [(part.geometry().left(), part.geometry().right()) for part in parts]
    assert all(left > right for (_, right), (left, _) in itertools.pairwise(edges))
