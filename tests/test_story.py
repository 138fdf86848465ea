"""One evening with the program: every step by the hand of a person, every part a real one.

Only the loudspeaker is replaced, by one whose time passes when the test wants and which keeps what
it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio import app
from karaoke_studio.app import Studio
from karaoke_studio.paths import DataFolder
from karaoke_studio.playback.player import Player
from karaoke_studio.ui.export_dialog import ExportDialog
from karaoke_studio.ui.job_row import JobRow, RowState
from tests.helpers.fakes import ClockedOutput
from tests.helpers.signals import sung_mix
from tests.helpers.street import write_song

RATE = 44_100
BLOCK = 441
STEMS = ("Vocals", "Instrumental")
LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Evening:
    """A window, and the hands before it."""

    def __init__(self, qtbot: QtBot, data: DataFolder, speaker: ClockedOutput) -> None:
        self.qtbot, self.speaker = qtbot, speaker
        self.studio = Studio(data)
        self.window = self.studio.window
        self.window.show()
        qtbot.waitExposed(self.window)
        self.studio.begin([])

    def wait(self, wanted: Callable[[], bool], timeout_ms: int = 30_000) -> None:
        self.qtbot.waitUntil(wanted, timeout=timeout_ms)

    def drop(self, paths: list[Path]) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        how = (Qt.DropAction.CopyAction, data, LEFT, NO_KEY)
        QApplication.sendEvent(self.window, QDragEnterEvent(QPoint(300, 300), *how))
        QApplication.sendEvent(self.window, QDropEvent(QPointF(300, 300), *how))

    def click(self, widget: QWidget) -> None:
        assert widget.isVisible()
        assert widget.isEnabled()
        QTest.mouseClick(widget, LEFT)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NO_KEY) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifier)

    def row(self, title: str) -> JobRow | None:
        rows = self.window.queue_panel.findChildren(JobRow)
        return next((row for row in rows if title in row.title.text()), None)

    def titles(self) -> list[str]:
        return sorted(row.title for row in self.window.songs_list.shown.rows())

    def click_song(self, title: str) -> None:
        songs = self.window.songs_list
        (place,) = [n for n, row in enumerate(songs.shown.rows()) if row.title == title]
        middle = songs.view.visualRect(songs.shown.index(place)).center()
        QTest.mouseClick(songs.view.viewport(), LEFT, pos=middle)
        self.wait(lambda: self.window.song_view.title.text() == title)

    def told(self, name: str) -> str:
        label = self.window.findChild(QLabel, name)
        assert label is not None
        return label.text()

    def hear(self, seconds: float) -> np.ndarray:
        """Let time pass and return what came from the speaker."""
        self.wait(lambda: self.speaker.is_open)
        self.speaker.heard()
        for _ in range(round(seconds * RATE / BLOCK)):
            self.speaker.advance(BLOCK)
            self.qtbot.wait(5)
        return self.speaker.heard()


@pytest.fixture
def evening(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[Evening]]:
    data = DataFolder(tmp_path / "data").create()

    @contextmanager
    def begin() -> Iterator[Evening]:
        speaker = ClockedOutput()
        monkeypatch.setattr(app, "Player", lambda: Player(speaker))
        evening = Evening(qtbot, data, speaker)
        try:
            yield evening
        finally:
            evening.window.close_now(keep=False)
            evening.studio.close()

    return begin


def songs_on(folder: Path, *names: str, seconds: float) -> list[Path]:
    vocals, band = sung_mix(seconds, RATE)
    return [write_song(folder / name, vocals + band, RATE, "PCM_16") for name in names]


def likeness_db(heard: np.ndarray, path: Path) -> float:
    """Return how much louder a file is in what was heard than all that is not in the file."""
    file = sf.read(path, dtype="float64", always_2d=True)[0].T.mean(0)
    part = heard.mean(0).astype(np.float64)[-RATE // 4 :]
    size = 1 << (len(file) + len(part)).bit_length()
    match = np.fft.irfft(np.fft.rfft(file, size) * np.conj(np.fft.rfft(part, size)), size)
    power = np.cumsum(np.concatenate([[0.0], file**2]))
    loudness = np.sqrt(power[len(part) :] - power[: -len(part)]) + 1e-9
    start = int(np.argmax(match[: len(file) - len(part) + 1] / loudness))
    there = file[start : start + len(part)]
    share = (there @ part) / (there @ there) * there
    return float(10 * np.log10((share @ share) / ((part - share) @ (part - share) + 1e-20)))


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_one_evening(
    evening: Callable[[], AbstractContextManager[Evening]], tmp_path: Path
) -> None:
    blue, red = songs_on(tmp_path, "Nina - Blue.wav", "Ada - Red.flac", seconds=3)
    (long,) = songs_on(tmp_path, "Long.wav", seconds=60)
    bad = tmp_path / "bad.mp3"
    bad.write_text("not a song")
    out = tmp_path / "out"
    out.mkdir()
    with evening() as night:
        window = night.window
        assert night.told("drop_heading") == "Drop songs here"

        # drops songs, one of them bad, and cancels another
        night.drop([blue, bad, long, red])
        night.wait(lambda: (row := night.row("Long")) is not None and row.state is RowState.RUNNING)
        night.click(night.row("Long").close_button)
        night.wait(lambda: night.row("Long") is None, 3000)
        night.wait(lambda: night.titles() == ["Blue", "Red"])
        failed = night.row("bad.mp3")
        assert failed.state is RowState.FAILED
        assert failed.note.text().startswith("bad.mp3 ")
        night.click(failed.close_button)
        night.wait(lambda: not window.queue_panel.isVisible())

        # the first song has opened by itself: plays it and switches
        assert window.song_view.title.text() == "Blue"
        paths = {song.title: song.stem_paths for song in night.studio.library.songs()}
        night.press(Qt.Key.Key_Space)
        assert likeness_db(night.hear(0.6), paths["Blue"]["instrumental"]) > 40
        night.click(window.findChild(QWidget, "source_vocals"))
        assert likeness_db(night.hear(0.6), paths["Blue"]["vocals"]) > 40
        night.press(Qt.Key.Key_1)
        assert likeness_db(night.hear(0.6), blue) > 40
        night.wait(lambda: night.told("position_label") == "0:01")
        night.press(Qt.Key.Key_Space)

        # searches and opens another one
        night.press(Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClicks(window.songs_list.filter_box, "ada")
        night.wait(lambda: night.titles() == ["Red"])
        night.click_song("Red")

        # exports it
        night.click(window.toolbar.export_button)
        dialog = window.findChild(ExportDialog)
        assert dialog.heading.text() == "Export “Red”"
        night.click(dialog.folder_button)
        chooser = dialog.findChild(QFileDialog)
        chooser.fileSelected.emit(str(out))
        chooser.close()
        night.click(dialog.start_button)
        night.wait(lambda: dialog.outcome.text() == "2 files are in out.")
        night.click(dialog.close_button)
        night.wait(lambda: window.findChild(ExportDialog) is None)
        window.activateWindow()  # as a desktop does when a dialog closes
        night.wait(window.isActiveWindow)
        whole = sf.read(red, dtype="int32")[0]
        parts = [sf.read(out / f"Red ({stem}).flac", dtype="int32")[0] for stem in STEMS]
        assert np.array_equal(parts[0].astype(np.int64) + parts[1], whole)

        # quits
        night.press(Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
        night.wait(lambda: not window.isVisible(), 3000)

    # comes back the next evening: everything is there, and nothing that was not wanted
    with evening() as night:
        night.wait(lambda: night.titles() == ["Blue", "Red"])
        assert not night.window.queue_panel.isVisible()
        night.click_song("Blue")
        night.press(Qt.Key.Key_Space)
        assert likeness_db(night.hear(0.6), paths["Blue"]["instrumental"]) > 40
        assert not list((night.studio.data.library / ".staging").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {
        *("Nina - Blue.wav", "Ada - Red.flac", "Long.wav", "bad.mp3", "out", "data")
    }
