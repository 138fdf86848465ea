"""Pictures of the window in every state, both themes and two sizes.

    python benchmarks/screenshots.py FOLDER [--only PART]

The songs are made up; nothing is separated or played.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PySide6.QtCore import QEventLoop, QMimeData, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QApplication, QWidget

from benchmarks.timeline import made_up_spectrogram
from karaoke_studio.audio.live_peaks import FULL_SCALE
from karaoke_studio.audio.mix import Mix
from karaoke_studio.audio.peaks import load_peaks, write_peaks
from karaoke_studio.errors import CorruptAudio, NoOutputDevice
from karaoke_studio.job import NETWORK_STEMS, STEMS
from karaoke_studio.library.songs import Song, Word
from karaoke_studio.playback.player import Heard, LiveSong
from karaoke_studio.settings import Settings
from karaoke_studio.ui.main_window import MainWindow
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue, FakeShelf, write_waves

BPM = 92.0
SIZES = ((1280, 800), (1920, 1080), (900, 600))
SONGS = (
    ("Slow Motion Dream", "Steven M Bryant", 222, 258),
    ("Night Bus Home", "The Lanterns", 245, 200),
    ("Copper Sky", "Mara Vell", 178, 350),
    ("Ten Past Nine", "Ada & the Owls", 201, 120),
    ("Paper Boats", "Juno Hale", 310, 290),
    ("Halfway to June", "Fenwick", 213, None),
    ("Lighthouse", "Noor", 287, 20),
    (
        "A Very Long Title That Goes On and On Until Nobody Remembers How It Began",
        "Nobody",
        65,
        None,
    ),
)
LINES = (
    "Streetlights hum a quiet tune",
    "I am half awake beneath the moon",
    "Every window holds a glow",
    "Every step is taking it slow",
    "",
    "So let me drift, let me stay",
    "In a slow motion dream till the break of day",
    "Let the hours fall like rain",
    "Turn the night around again",
)


def analysis(song: Song) -> dict[str, Any]:
    """Return what would be found in a song: 92 beats a minute, D minor."""
    beats = round(song.duration_s * BPM / 60) - 2
    knots = [[0, RATE // 5], [beats, RATE // 5 + round(beats * 60 / BPM * RATE)]]
    return {
        "take_id": song.take_id,
        "bpm": BPM,
        "key": "D minor",
        "lufs": -12.0,
        "stem_lufs": {"vocals": -17.0, "instrumental": -14.0},
        "beats": {"knots": knots, "one": 0},
        "quality": {"score": 0.62, "word": "good", "step_s": 0.5, "doubts": doubts(song)},
    }


def doubts(song: Song) -> list[float]:
    """Return a curve with three weak places."""
    found = []
    for point in range(round(2 * song.duration_s)):
        around = sum(math.exp(-(((point - 2 * at) / 9) ** 2)) for at in (41, 97, 168))
        wave = 0.5 + 0.5 * math.sin(point / 5) * math.cos(point / 17)
        found.append(round(min(0.15 + 0.25 * wave + 0.6 * around, 1.0), 2))
    return found


class Scene:
    """One window with its fakes."""

    def __init__(self, folder: Path, theme: str, size: tuple[int, int]) -> None:
        self.library = FakeLibrary(folder)
        self.queue = FakeQueue(self.library)
        self.shelf = FakeShelf(self.library)
        self.player = FakePlayer()
        self._settings = Settings(theme=theme, export_folder="/home/mara/Music/Karaoke")
        self._size = size

    def fill(self) -> None:
        """Put songs into the library."""
        for title, artist, seconds, hue in reversed(SONGS):
            words = tuple(Word(66.0 + 5 * n, line) for n, line in enumerate(LINES))
            first = title == SONGS[0][0]
            song = self.library.add(
                title,
                artist,
                "ccMixter" if first else "",
                seconds=seconds,
                hue=hue,
                words=words if first else (),
                engine="centre" if title == "Copper Sky" else "instant",
                original="original.mp4" if first else None,
                has_picture=first,
                notes=("truncated:2:58",) if title == "Copper Sky" else (),
            )
            self.library.all[0] = replace(song, analysis=analysis(song))

    def show(self) -> MainWindow:
        """Open the window."""
        self.window = MainWindow(
            self.queue,  # type: ignore[arg-type]
            self.player,  # type: ignore[arg-type]
            self.shelf,  # type: ignore[arg-type]
            self.library.words,
            self._settings,
            lambda _settings: None,
            Path("demo.ogg"),
        )
        self.window.resize(*self._size)
        self.window.show()
        return self.window

    def open_song(self, number: int = 0, at: float = 82.0) -> None:
        """Open a song, playing."""
        self.window.open_song(self.library.all[number].id)
        self.window.opened.hear("instrumental")
        self.player.play()
        self.player.advance_s(at)
        self.player.levels = Heard((0.3, 0.6, 0.4, 0.5, 0.2, 0.1), 0.7, 0.62, 0.2, 0.17)
        self.player.lufs = -13.8
        for _ in range(30):
            self.window.listening.look()
        song = self.library.all[number]
        self.window.song_view.timeline.show_spectrogram(made_up_spectrogram(song.frames))


def empty(scene: Scene) -> QWidget:
    """Nothing is there yet."""
    return scene.show()


def first_song(scene: Scene) -> QWidget:
    """The first songs are on their way."""
    window = scene.show()
    window.add_paths([Path("Slow Motion Dream.mp3"), Path("Night Bus Home.flac")])
    first, _ = scene.queue.ids()
    scene.queue.start(first, "Steven M Bryant")
    scene.queue.progress(first, 0.42, 12)
    fill_in(scene, first)
    return window


def fill_in(scene: Scene, job_id: str) -> None:
    """Let a song be heard: its first part final, then a draft, then the song as it is."""
    frames = 222 * RATE
    path = scene.library.folder.parent / "in work.peaks"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_waves(path, frames, 3)
    stems = load_peaks(path).levels
    low, high = (sum(stems[stem][0][side] / 32_767 for stem in STEMS) for side in (0, 1))
    write_peaks(path, frames, {"original": (low, high)})
    live = LiveSong(path.parent, sample_rate=RATE, channels=2, frames=frames)
    live.import_to(frames, is_whole=True)
    scene.queue.job_live.emit(job_id, live)
    facts = {"original": path, "frames": frames, "sample_rate": RATE}
    scene.queue.job_waves.emit(job_id, facts)
    columns = stems["vocals"][1].shape[1]
    for first, last, extra in (
        (0, columns * 4 // 10, {}),
        (columns * 4 // 10, columns * 8 // 10, {"draft": True}),
    ):
        told = {
            stem: (stems[stem][1][:, first:last] / (32_767 / FULL_SCALE)).round().tolist()
            for stem in STEMS
        }
        scene.queue.job_waves.emit(job_id, {"first": first, **told, **extra})
    scene.window.live.toggle()
    scene.player.advance_s(61)
    scene.window.listening.look()


def queue(scene: Scene) -> QWidget:
    """A song plays while others are made and one has failed."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    names = ("Halfway to June.m4a", "old-tape.wma", "Lighthouse.mp3", "Blue Hour.flac")
    window.add_paths([Path(name) for name in names])
    first, second, *_ = scene.queue.ids()
    scene.queue.start(first, "Fenwick", scene.library.all[1].cover_path)
    scene.queue.progress(first, 0.62, 14)
    scene.queue.fail(
        second,
        CorruptAudio("old-tape.wma ends after 0.4 s.", hint="Copy the file again, or use another."),
    )
    return window


def playing(scene: Scene) -> QWidget:
    """A song with words plays."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    window.song_view.mixer.tune.key_down()
    window.song_view.mixer.tune.key_down()
    window.places.keep()
    window.opened.repeat(95 * RATE, 118 * RATE)
    window.places.keep()
    window.places.call(window.places.places()[1], "Chorus")
    return window


def mixing(scene: Scene) -> QWidget:
    """A song of six stems, mixed."""
    scene.fill()
    song = scene.library.add("Six of Them", "Nobody", seconds=200, hue=80, stems=NETWORK_STEMS)
    scene.library.all[0] = replace(song, analysis=analysis(song))
    window = scene.show()
    scene.open_song(at=61)
    pans = {"guitar": -0.6, "piano": 0.45}
    mix = Mix(voice=0.2, levels={"drums": 0.8}, muted=frozenset({"other"}), pans=pans)
    window.song_view.mixer._change(mix)
    window.beats.turn_metronome(True)
    scene.player.levels = Heard((0.3, 0.6, 0.4, 0.5, 0.2, 0.0), 1.02, 0.62, 0.2, 0.17)
    for _ in range(4):
        window.listening.look()
    return window


def zoomed(scene: Scene) -> QWidget:
    """The timeline looks closer; the whole song is below it."""
    window = playing(scene)
    for _ in range(4):
        window.song_view.timeline.zoom_in()  # type: ignore[attr-defined]
    return window


def no_words(scene: Scene) -> QWidget:
    """A song without words, paused, with a note."""
    scene.fill()
    window = scene.show()
    scene.open_song(2, 31)
    scene.player.pause()
    window.opened.hear("original")
    window.listening.look()
    return window


def songs_only(scene: Scene) -> QWidget:
    """The library after a start, nothing open."""
    scene.fill()
    return scene.show()


def no_sound(scene: Scene) -> QWidget:
    """There is no sound device."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    scene.player.pause()
    scene.player.problem = NoOutputDevice("There is no sound device.")
    window.listening.look()
    return window


def undo(scene: Scene) -> QWidget:
    """A song was removed."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    window.collection.remove([scene.library.all[3].id])
    return window


def drag(scene: Scene) -> QWidget:
    """Songs are held over the window."""
    window = playing(scene)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(song.peaks_path)) for song in scene.library.all[:3]])
    event = QDragEnterEvent(
        QPoint(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(window, event)
    return window


def export(scene: Scene) -> QWidget:
    """The export dialog."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    return window.exports.open([scene.library.all[0]], window.settings)


def export_done(scene: Scene) -> QWidget:
    """The export is done."""
    dialog = export(scene)
    dialog.start_button.click()  # type: ignore[attr-defined]
    (export_id,) = scene.queue.exports
    song, output, stems = scene.queue.exports[export_id]
    folder = scene.library.folder / "Karaoke"
    scene.queue.exports[export_id] = (song, type(output)(folder), stems)
    scene.queue.finish_export(export_id)
    return dialog


def key_sheet(scene: Scene) -> QWidget:
    """All keys."""
    window = playing(scene)
    window.commands["keys_action"].trigger()  # type: ignore[attr-defined]
    return window.findChild(QWidget, "key_sheet")


def weak_places(scene: Scene) -> QWidget:
    """The weakest places of the split."""
    window = scene.show()
    scene.fill()
    window.collection.reload()
    scene.open_song()
    window.split_quality.open()
    dialog = window.split_quality.dialog
    assert dialog is not None
    return dialog


def blind_test(scene: Scene) -> QWidget:
    """Comparing blindly, in the middle."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    window.commands["blind_test_action"].trigger()
    dialog = window.findChild(QWidget, "blind_test")
    for says in "abbab":
        dialog.answer(says)  # type: ignore[attr-defined]
    return dialog


def close_question(scene: Scene) -> QWidget:
    """Closing while songs are made."""
    window = queue(scene)
    window.close()
    return window.findChild(QWidget, "close_question")


def spectrogram_menu(scene: Scene) -> QWidget:
    """The choices of the spectrogram."""
    scene.fill()
    window = scene.show()
    scene.open_song()
    menu = window.timeline_choices.spectrogram.menu
    menu.popup(QPoint(0, 0))
    return menu


def menu(scene: Scene) -> QWidget:
    """The menu."""
    window = playing(scene)
    return window.menu  # type: ignore[attr-defined]


def settings(scene: Scene) -> QWidget:
    """What can be chosen about exports."""
    return playing(scene).preferences.open("export")  # type: ignore[attr-defined]


def about(scene: Scene) -> QWidget:
    """Who made this, and on what terms."""
    window = playing(scene)
    window.commands["about_action"].trigger()  # type: ignore[attr-defined]
    wait(1500)
    return window.findChild(QWidget, "about_dialog")


STATES: dict[str, Callable[[Scene], QWidget]] = {
    state.__name__: state
    for state in (
        *(
            empty,
            first_song,
            queue,
            playing,
            zoomed,
            mixing,
            no_words,
            songs_only,
            no_sound,
            undo,
            drag,
        ),
        *(
            export,
            export_done,
            key_sheet,
            blind_test,
            weak_places,
            close_question,
            spectrogram_menu,
            menu,
            settings,
            about,
        ),
    )
}
#: These look the same at every size of the window.
DIALOGS = {
    *("export", "export_done", "key_sheet", "blind_test", "weak_places", "close_question"),
    *("spectrogram_menu", "menu", "settings", "about"),
}


def wait(ms: int) -> None:
    """Let timers, threads and paints run."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def pictures(wanted: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield state, theme and size of each picture."""
    for state in STATES:
        for theme in ("dark", "light"):
            for size in SIZES[:1] if state in DIALOGS else SIZES:
                if wanted in f"{state}-{theme}-{size[0]}":
                    yield state, theme, size


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="part of a picture's name")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    for state, theme, size in pictures(arguments.only):
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(Path(folder), theme, size)
            widget = STATES[state](scene)
            wait(500)
            name = state if state in DIALOGS else f"{state}-{size[0]}x{size[1]}"
            path = arguments.folder / f"{name}-{theme}.png"
            widget.grab().save(str(path))
            print(path)
            scene.queue.views.clear()
            scene.queue.exports.clear()
            scene.window.close()
            scene.window.deleteLater()
            wait(10)


if __name__ == "__main__":
    main()
