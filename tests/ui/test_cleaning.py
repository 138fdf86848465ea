"""Cleaning a recording in the window: tried, compared, saved, and never written over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import CorruptAudio
from karaoke_studio.job import OutputSpec
from karaoke_studio.jobs.cleaning import Cleaner
from karaoke_studio.playback.player import PlayerState
from karaoke_studio.preparation.validation import Preparation
from karaoke_studio.preparing import Prepared
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.ui.clean_dialog import CleanDialog, found_in_words
from karaoke_studio.ui.cleaning import Cleaning
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.worker.host import Worker
from tests.helpers.fakes_ui import FakeLibrary, FakePlayer
from tests.helpers.signals import sine
from tests.helpers.street import write_song
from tests.ui.conftest import OpenWindow

LEFT = Qt.MouseButton.LeftButton
RATE = 8000


class FakeRun:
    """Prepares by writing a second of tone."""

    def __init__(self) -> None:
        self.wishes: list[tuple[Path, Preparation, OutputSpec]] = []
        self.fails = self.waits = False

    def __call__(
        self,
        path: Path,
        wanted: Preparation,
        output: OutputSpec,
        _worker: Worker,
        report: Callable[[float], None],
        stop: StopEvent,
    ) -> Prepared:
        self.wishes.append((path, wanted, output))
        report(0.5)
        if self.waits:
            stop.wait(10)
            raise Cancelled
        if self.fails:
            raise CorruptAudio(f"{path.name} is damaged.", hint="Get another copy.")
        made = output.folder / f"{output.name.format(base=path.stem, stem='Clean')}.flac"
        write_song(made, sine(1, RATE, 200, 1), RATE, "PCM_24")
        found = {"hum_hz": [50.1], "noise_db": -51.7}
        return Prepared(path, made, wanted.steps, RATE, 1, 1.0, 0.0, -16.0, 2.0, 0.1, found)


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def added() -> list[list[Path]]:
    return []


@pytest.fixture
def window(open_window: OpenWindow, library: FakeLibrary, tmp_path: Path) -> MainWindow:
    song = library.add("Blue")
    song.folder.mkdir(parents=True, exist_ok=True)
    (song.folder / "original.flac").touch()
    library.all[0] = replace(song, original="original.flac")
    window = open_window()
    window.change_setting("export_folder", str(tmp_path / "exports"))
    return window


@pytest.fixture
def cleaning(
    window: MainWindow, run: FakeRun, added: list[list[Path]], tmp_path: Path
) -> Iterator[Cleaning]:
    cleaner = Cleaner(tmp_path / "scratch", None, window, run)
    cleaner.start = lambda: None  # type: ignore[method-assign]
    yield Cleaning(
        *(window.look, cleaner, window.opened, window.listening, window.faders),
        *(lambda: window.settings, added.append, lambda _path: None),
        *(window.commands["clean_action"], window.banners, window),
    )
    cleaner.close()


@pytest.fixture
def dialog(window: MainWindow, cleaning: Cleaning, library: FakeLibrary) -> CleanDialog:
    window.open_song(library.all[0].id)
    window.commands["clean_action"].trigger()
    assert cleaning.dialog is not None
    return cleaning.dialog


def press(qtbot: QtBot, dialog: CleanDialog, name: str) -> None:
    qtbot.mouseClick(dialog.findChild(QAbstractButton, name), LEFT)


def tried(qtbot: QtBot, cleaning: Cleaning, dialog: CleanDialog) -> None:
    press(qtbot, dialog, "clean_try")
    qtbot.waitUntil(lambda: dialog.play.isEnabled())
    assert cleaning.dialog is dialog


def test_before_and_after(
    qtbot: QtBot, cleaning: Cleaning, dialog: CleanDialog, run: FakeRun, player: FakePlayer
) -> None:
    """One take each, equally long, from the same sample; the same recording is read only once."""
    assert not dialog.play.isEnabled()
    assert dialog.file.text() == "Blue"
    press(qtbot, dialog, "clean_dereverb")
    tried(qtbot, cleaning, dialog)
    plain, wanted = (wish[1] for wish in run.wishes)
    assert plain.steps == ()
    assert "dereverb" in wanted.steps
    assert "Found: hum at 50 Hz, noise at −52 dB." in dialog.outcome.text()
    assert player.take is not None
    after = player.take.stems["instrumental"]
    assert player.loop is not None, "no end hands over to another song"
    press(qtbot, dialog, "clean_play")
    assert player.state is PlayerState.PLAYING
    qtbot.keyClick(dialog, Qt.Key.Key_B)
    assert player.take.stems["instrumental"] != after
    press(qtbot, dialog, "clean_heard_after")
    assert player.take.stems["instrumental"] == after
    press(qtbot, dialog, "clean_denoise")
    assert not dialog.play.isEnabled(), "what was tried is not what is chosen"
    tried(qtbot, cleaning, dialog)
    assert [wish[1].denoise for wish in run.wishes] == [False, True, False]


def test_the_open_song_is_given_back(
    qtbot: QtBot, cleaning: Cleaning, dialog: CleanDialog, player: FakePlayer, tmp_path: Path
) -> None:
    tried(qtbot, cleaning, dialog)
    press(qtbot, dialog, "clean_close")
    assert cleaning.dialog is None
    assert player.take is not None
    assert set(player.take.stems) == {"vocals", "instrumental"}
    assert player.source.value == "instrumental"
    assert player.loop is None
    qtbot.waitUntil(lambda: not (tmp_path / "scratch").exists())


def test_a_copy_is_saved(
    qtbot: QtBot,
    dialog: CleanDialog,
    run: FakeRun,
    added: list[list[Path]],
    tmp_path: Path,
) -> None:
    press(qtbot, dialog, "clean_trim_silence")
    press(qtbot, dialog, "clean_save")
    qtbot.waitUntil(lambda: dialog.save.isEnabled())
    path, wanted, output = run.wishes[-1]
    assert path.name == "original.flac"
    assert wanted.trim_silence
    assert (output.folder, output.overwrite) == (tmp_path / "exports", False)
    assert dialog.outcome.text() == "Saved as Blue (Clean).flac."
    assert added == []
    press(qtbot, dialog, "clean_add")
    qtbot.waitUntil(lambda: bool(added))
    assert added == [[tmp_path / "exports" / "Blue (Clean).flac"]]


def test_what_goes_wrong_is_told(qtbot: QtBot, dialog: CleanDialog, run: FakeRun) -> None:
    run.fails = True
    press(qtbot, dialog, "clean_try")
    qtbot.waitUntil(lambda: "damaged" in dialog.outcome.text())
    assert dialog.trial.isEnabled()
    assert not dialog.play.isEnabled()


def test_it_can_be_cancelled(qtbot: QtBot, dialog: CleanDialog, run: FakeRun) -> None:
    run.waits = True
    press(qtbot, dialog, "clean_try")
    qtbot.waitUntil(lambda: bool(run.wishes))
    assert dialog.close_button.text() == "Cancel"
    press(qtbot, dialog, "clean_close")
    assert dialog.outcome.text() == "Cancelled."
    assert dialog.trial.isEnabled()


def test_without_a_song_a_recording_is_chosen(
    qtbot: QtBot, window: MainWindow, cleaning: Cleaning, player: FakePlayer, tmp_path: Path
) -> None:
    window.commands["clean_action"].trigger()
    dialog = cleaning.dialog
    assert dialog is not None
    assert not dialog.save.isEnabled()
    spy = QSignalSpy(dialog.choose_requested)
    cleaning._on_chosen(str(tmp_path / "take.wav"))
    assert dialog.file.text() == "take.wav"
    tried(qtbot, cleaning, dialog)
    press(qtbot, dialog, "clean_close")
    assert player.state is PlayerState.EMPTY
    assert spy.count() == 0


def test_another_recording_is_heard_from_its_start(
    qtbot: QtBot, cleaning: Cleaning, dialog: CleanDialog, player: FakePlayer, tmp_path: Path
) -> None:
    tried(qtbot, cleaning, dialog)
    player.seek(RATE // 2)
    press(qtbot, dialog, "clean_denoise")
    tried(qtbot, cleaning, dialog)
    assert player.position_frames == RATE // 2, "the same recording goes on"
    cleaning._on_chosen(str(tmp_path / "other.wav"))
    assert not dialog.play.isEnabled()
    tried(qtbot, cleaning, dialog)
    assert player.position_frames == 0


def test_words() -> None:
    assert found_in_words({}) == ""
    assert found_in_words({"clip_level": None, "hum_hz": [], "noise_db": -60.2}) == (
        "Found: noise at −60 dB."
    )
