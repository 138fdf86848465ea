"""The whole window with its real queue, children, library and files, driven as a person would."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from karaoke_studio.app import Studio
from karaoke_studio.job import JobState, OutputSpec
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder, resource
from tests.audio.sounds import write_av
from tests.helpers.signals import noise, sung_mix
from tests.helpers.street import write_song
from tests.helpers.watchdog import Watchdog
from tests.library.takes import make_take

PROGRAM = [sys.executable, "-m", "karaoke_studio"]


@pytest.fixture
def studio(qtbot: QtBot, tmp_path: Path) -> Iterator[Studio]:
    data = DataFolder(tmp_path / "data").create()
    studio = Studio(data)
    studio.window.show()
    qtbot.waitExposed(studio.window)
    yield studio
    studio.window.close_now(keep=False)
    studio.close()


def songs_on(tmp_path: Path, *names: str, seconds: float = 2.0) -> list[Path]:
    vocals, band = sung_mix(seconds, 44_100)
    return [write_song(tmp_path / name, vocals + band, 44_100, "PCM_16") for name in names]


def drop(window: QWidget, paths: list[Path]) -> None:
    """Drop files as a file manager does: first over the window, then let go."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton)
    no_key = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(QPoint(300, 300), *how, no_key))
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), *how, no_key))


def all_over(studio: Studio) -> bool:
    jobs = studio.queue.jobs()
    return bool(jobs) and not any(j.state in {JobState.QUEUED, JobState.RUNNING} for j in jobs)


def test_a_removed_song_comes_back(qtbot: QtBot, studio: Studio, tmp_path: Path) -> None:
    (blue,) = songs_on(tmp_path, "Nina - Blue.wav")
    drop(studio.window, [blue])
    qtbot.waitUntil(lambda: all_over(studio), timeout=30_000)
    (song,) = studio.library.songs()
    assert (song.title, song.artist) == ("Blue", "Nina")
    assert song.original_path is not None
    assert song.original_path.read_bytes() == blue.read_bytes()
    with qtbot.waitSignal(studio.shelf.changed, timeout=5000):
        studio.window.collection.remove([song.id])
    assert studio.library.songs() == []
    with qtbot.waitSignal(studio.shelf.changed, timeout=5000):
        studio.window.collection.undo()
    assert [again.id for again in studio.library.songs()] == [song.id]
    assert not list((studio.data.library / ".staging").iterdir())


def test_songs_survive_a_restart(qtbot: QtBot, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    for round_number in range(2):
        studio = Studio(data)
        if round_number == 0:
            drop(studio.window, songs_on(tmp_path, "Nina - Blue.wav"))
            qtbot.waitUntil(lambda s=studio: all_over(s), timeout=30_000)
        else:
            assert [song.title for song in studio.library.songs()] == ["Blue"]
            qtbot.waitUntil(lambda s=studio: s.window.songs_list.total() == 1, timeout=5000)
        studio.window.close()
        studio.close()


def test_kept_jobs_are_made_at_the_next_start(qtbot: QtBot, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    names = [f"{n}.wav" for n in range(3)]
    studio = Studio(data)
    studio.window.add_paths(songs_on(tmp_path, *names, seconds=20))
    qtbot.waitSignal(studio.queue.job_started, timeout=10_000).wait()
    qtbot.waitUntil(lambda: len(studio.queue.jobs()) == 3)
    studio.window.close_now(keep=True)
    studio.close()
    made_before = _titles(data)
    assert len(made_before) < 3
    again = Studio(data)
    again.begin([])
    qtbot.waitUntil(lambda: len(_titles(data)) == 3, timeout=30_000)
    assert _titles(data) == ["0", "1", "2"]
    qtbot.waitUntil(lambda: not again.queue.is_busy(), timeout=10_000)
    again.window.close()
    again.close()


def _titles(data: DataFolder) -> list[str]:
    library = SongLibrary(data.library)
    try:
        return sorted(song.title for song in library.songs())
    finally:
        library.close()


def test_cancel_by_click_leaves_nothing(qtbot: QtBot, studio: Studio, tmp_path: Path) -> None:
    (song,) = songs_on(tmp_path, "long.wav", seconds=60)
    drop(studio.window, [song])
    qtbot.waitSignal(studio.queue.job_started, timeout=10_000).wait()
    job_id = studio.queue.jobs()[0].job_id
    started = time.monotonic()
    with qtbot.waitSignal(studio.queue.job_cancelled, timeout=5000):
        studio.window.queue_panel.cancel_requested.emit(job_id)
    assert time.monotonic() - started < 1.0
    qtbot.waitUntil(lambda: not studio.queue.is_busy())
    assert studio.library.songs() == []
    assert not list((studio.data.library / ".staging").iterdir())


def test_the_window_never_stalls(qtbot: QtBot, studio: Studio, tmp_path: Path) -> None:
    songs = songs_on(tmp_path, *(f"{n}.flac" for n in range(5)), seconds=12)
    # what earlier tests left behind is not the window's to look through
    gc.collect()
    gc.freeze()
    with Watchdog() as watchdog:
        drop(studio.window, songs)
        qtbot.waitUntil(lambda: bool(studio.library.songs()), timeout=30_000)
        for _ in range(20):
            QTest.keyClick(studio.window, Qt.Key.Key_Right)
            QTest.keyClick(studio.window, Qt.Key.Key_1)
            qtbot.wait(20)
            QTest.keyClick(studio.window, Qt.Key.Key_2)
            studio.window.resize(1000 + 10 * (_ % 3), 700)
        qtbot.waitUntil(lambda: all_over(studio), timeout=60_000)
    gc.unfreeze()
    assert max(watchdog.stalls_s, default=0.0) <= 0.1, watchdog.stalls_s


def test_a_blocked_window_is_noticed(qtbot: QtBot) -> None:
    with Watchdog() as watchdog:
        qtbot.wait(50)
        QTimer.singleShot(0, lambda: time.sleep(0.25))
        qtbot.wait(400)
    assert max(watchdog.stalls_s, default=0.0) > 0.1


SCRIPT = """
import sys
opened = []
sys.addaudithook(lambda e, a: opened.append(str(a[0])) if e == "open" else None)
from pathlib import Path
from karaoke_studio.app import Studio
from karaoke_studio.paths import DataFolder
from PySide6.QtWidgets import QApplication, QWidget
from PySide6.QtCore import QTimer
application = QApplication([])
studio = Studio(DataFolder(Path(sys.argv[1])).create())
studio.window.show()
studio.queue.job_finished.connect(lambda *_: QTimer.singleShot(200, studio.window.close))
studio.window.add_paths([Path(sys.argv[2])])
QTimer.singleShot(20000, application.quit)
application.exec()
made = [song.title for song in studio.library.songs()]
studio.close()
heavy = {"torch", "demucs", "librosa", "av", "mutagen", "scipy"}
print([o for o in opened if o == sys.argv[2]], sorted(heavy & set(sys.modules)), made)
"""


def test_the_window_never_opens_the_song_and_loads_nothing_heavy(tmp_path: Path) -> None:
    (song,) = songs_on(tmp_path, "Blue.wav")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "data"), str(song)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] [] ['Blue']"


def test_smoke_paints_and_quits_with_zero(tmp_path: Path) -> None:
    environment = {**os.environ, "KARAOKE_STUDIO_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [*PROGRAM, "--smoke"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "Traceback" not in done.stderr


def test_window_appears_in_time(tmp_path: Path) -> None:
    environment = {**os.environ, "KARAOKE_STUDIO_DATA_DIR": str(tmp_path / "data")}
    best = min(_timed([*PROGRAM, "--smoke"], environment) for _ in range(3))
    assert best <= 1.5


def _timed(command: list[str], environment: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    return time.monotonic() - started


def _start_window(data: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "KARAOKE_STUDIO_DATA_DIR": str(data)}
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _wait_for(ready: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.mark.skipif(os.name != "posix", reason="ended by a signal")
def test_a_second_start_hands_its_files_over(tmp_path: Path) -> None:
    (song,) = songs_on(tmp_path, "Blue.wav")
    data = DataFolder(tmp_path / "data")
    first = _start_window(data.root)
    try:
        _wait_for(lambda: (data.library / "library.sqlite3").exists())
        time.sleep(0.5)
        second = _start_window(data.root, str(song))
        stdout, stderr = second.communicate(timeout=20)
        assert (second.returncode, stdout, stderr) == (0, "", "")
        _wait_for(lambda: _titles(data) == ["Blue"])
    finally:
        first.send_signal(signal.SIGTERM)
        _, stderr = first.communicate(timeout=20)
    assert first.returncode == 0, stderr
    assert "Traceback" not in stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_before_the_loop_runs_is_heeded(tmp_path: Path) -> None:
    """Sent while the last thing before the loop is done, the collection of what is there."""
    code = (
        "import gc, os, signal, sys; from karaoke_studio.app import run_window;"
        "gc.collect = lambda: os.kill(os.getpid(), signal.SIGTERM); sys.exit(run_window([]))"
    )
    environment = {**os.environ, "KARAOKE_STUDIO_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_window_goes_on_at_the_next_start(tmp_path: Path) -> None:
    song = write_song(tmp_path / "Long.wav", noise(120, 44_100, 1), 44_100, "PCM_16")
    data = DataFolder(tmp_path / "data")
    first = _start_window(data.root, str(song))
    _wait_for(lambda: any((data.library / ".staging").glob("*/vocals.f32")))
    first.kill()
    first.communicate()
    assert _titles(data) == []
    second = _start_window(data.root)
    try:
        _wait_for(lambda: _titles(data) == ["Long"])
        staging = data.library / ".staging"
        _wait_for(lambda: not list(staging.iterdir()))
    finally:
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=20)
    (manifest,) = data.library.glob("[!.]*/manifest.json")
    assert json.loads(manifest.read_text())["tags"]["title"] == "Long"


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs Xvfb")
def test_once_on_a_real_display(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "xcb",
        "KARAOKE_STUDIO_DATA_DIR": str(tmp_path / "data"),
    }
    demo = str(resource("demo/demo.opus"))
    command = ["xvfb-run", "-a", sys.executable, "-c", SCRIPT, str(tmp_path / "data"), demo]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("[] [] ['")


def test_a_music_video_is_exported_with_its_picture(
    qtbot: QtBot, studio: Studio, tmp_path: Path
) -> None:
    vocals, band = sung_mix(2, 48_000)
    samples = np.ascontiguousarray((vocals + band).T)
    video = write_av(tmp_path / "film.mp4", "aac", "mp4", samples, 48_000, picture=True)
    studio.window.add_paths([video])
    qtbot.waitUntil(lambda: bool(studio.library.songs()), timeout=30_000)
    (song,) = studio.library.songs()
    assert song.has_picture
    with qtbot.waitSignal(studio.queue.export_finished, timeout=20_000) as exported:
        studio.queue.export_song(song, OutputSpec(tmp_path / "out", "wav", video=True), ())
    assert exported.args is not None
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["film (Karaoke).mp4"]
    assert exported.args[1].video_path.stat().st_size > 1000


MOVE = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from karaoke_studio import app
from karaoke_studio.library.move import plan_move

begun = []

def begin(studio, files):
    begun.append(studio)
    real_begin(studio, files)
    print([song.title for song in studio.library.songs()], studio.data.library.name, flush=True)
    if len(begun) == 1:
        plan = plan_move(studio.data.library, Path(sys.argv[1]))
        QTimer.singleShot(50, lambda: studio.window.preferences.move_confirmed.emit(plan))
    else:
        QTimer.singleShot(50, studio.window.close)

real_begin, app.Studio.begin = app.Studio.begin, begin
sys.exit(app.run_window([]))
"""


def test_the_library_moves_and_the_window_comes_back_with_it(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    writer = LibraryWriter(data.library)
    writer.adopt(make_take(writer.staging, title="Blue"))
    writer.close()
    into = tmp_path / "disk"
    into.mkdir()
    environment = {**os.environ, "KARAOKE_STUDIO_DATA_DIR": str(data.root)}
    command = [sys.executable, "-c", MOVE, str(into)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines() == [
        "['Blue'] library",
        "['Blue'] Karaoke Studio library",
    ]
    assert not data.library.exists()
    assert not data.move_journal.exists()
    settings = json.loads(data.settings_file.read_text())
    assert settings["library_folder"] == str(into / "Karaoke Studio library")


def test_a_library_on_a_disk_that_is_not_there_is_told(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    gone = tmp_path / "disk" / "library"
    data.settings_file.write_text(json.dumps({"library_folder": str(gone)}))
    environment = {**os.environ, "KARAOKE_STUDIO_DATA_DIR": str(data.root)}
    done = subprocess.run(
        [*PROGRAM, "--smoke"], env=environment, capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1
    assert "is not there. Connect the disk" in done.stderr
    assert not gone.exists(), "a new library was made in the place of the old one"
    assert not data.library.exists()


class Sleep:
    """Counts who holds the computer awake."""

    def __init__(self) -> None:
        self.is_held = False

    def hold(self) -> None:
        self.is_held = True

    def release(self) -> None:
        self.is_held = False


def test_the_computer_stays_awake_while_a_song_plays(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = Sleep()
    monkeypatch.setattr(studio, "awake", sleep)
    listening = studio.window.listening
    for playing in (True, False):
        monkeypatch.setattr(listening, "_is_playing", playing)
        listening.playing_changed.emit(playing)
        assert sleep.is_held is playing
