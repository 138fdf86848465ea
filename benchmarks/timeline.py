"""How quickly the timeline follows hand and song: a made-up song of ten minutes at 1920×1080.

    python benchmarks/timeline.py [--check] [--quick] [--processor] [--json FILE]

Every step is measured from the wish to the painted window (offscreen); with `--processor` in
seconds of the window's own thread, which a crowded machine does not change. Goal: pan and zoom stay
within one frame of a 60 Hz screen, p95 ≤ 16 ms; `--check` exits with 1 where they do not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from karaoke_studio.audio.peaks import load_peaks
from karaoke_studio.audio.spectrogram import ROWS, Spectrogram, pyramid
from karaoke_studio.settings import Settings
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.timeline.timeline import Timeline
from tests.helpers.fakes_ui import RATE, FakeLibrary, FakePlayer, FakeQueue, FakeShelf

SECONDS = 600
GOAL_MS = 16.0
HOP = 1024


def made_up_spectrogram(frames: int) -> Spectrogram:
    """Return notes that come and go over hiss."""
    rng = np.random.default_rng(5)
    columns = -(-frames // HOP)
    levels = rng.integers(20, 90, (ROWS, columns), dtype=np.uint8)
    for row in range(10, ROWS, 16):
        held = np.repeat(rng.integers(0, 160, columns // 40 + 1, dtype=np.uint8), 40)[:columns]
        levels[row : row + 3] = np.maximum(levels[row : row + 3], held)
    return Spectrogram(frames, HOP, list(pyramid(levels)))


def memory_mb() -> float:
    """Return the process's resident memory (Linux; elsewhere 0)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Bench:
    """One window with one long song."""

    def __init__(self, application: QApplication, folder: Path, clock: Callable[[], float]) -> None:
        self._application, self._clock = application, clock
        library = FakeLibrary(folder)
        song = library.add("Ten Minutes", "Nobody", seconds=SECONDS)
        beats = {"knots": [[0, 0], [2 * SECONDS, SECONDS * RATE]], "one": 0}
        song = replace(song, analysis={"take_id": song.take_id, "bpm": 120.0, "beats": beats})
        library.all[0] = song
        self.window = MainWindow(
            FakeQueue(library),
            FakePlayer(),
            FakeShelf(library),
            library.words,
            Settings(theme="dark"),
            lambda _settings: None,
            Path("demo"),
        )
        self.window.resize(1920, 1080)
        self.window.show()
        self.window.open_song(song.id)
        self.timeline: Timeline = self.window.song_view.timeline
        self._peaks, self._frames = load_peaks(song.peaks_path), song.frames
        self._paint()

    def _paint(self) -> None:
        self._application.processEvents()

    def timed_ms(self, act: Callable[[], None]) -> float:
        """Return how long an act and the painting after it take."""
        start = self._clock()
        act()
        self.timeline.repaint()
        self._paint()
        return (self._clock() - start) * 1000

    def first_paint_ms(self) -> float:
        """Return how long it takes until a song whose files are read is seen."""
        spectrogram = made_up_spectrogram(self._frames)

        def show() -> None:
            self.timeline.show_peaks(self._peaks)
            self.timeline.show_spectrogram(spectrogram)

        return self.timed_ms(show)

    def wheel(self, x: int, turn: int, keys: Qt.KeyboardModifier) -> None:
        """Turn the wheel over the timeline."""
        place = QPointF(x, 200)
        event = QWheelEvent(
            place,
            self.timeline.mapToGlobal(place),
            QPoint(),
            QPoint(0, turn),
            Qt.MouseButton.NoButton,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.timeline, event)

    def zooms(self, count: int) -> list[float]:
        """Zoom in and out at several places."""
        turns = [120] * 12 + [-120] * 12
        return [
            self.timed_ms(
                lambda n=n: self.wheel(
                    (300 + 97 * n) % self.timeline.width(),
                    turns[n % len(turns)],
                    Qt.KeyboardModifier.NoModifier,
                )
            )
            for n in range(count)
        ]

    def pans(self, count: int) -> list[float]:
        """Pan to and fro by notches of the wheel, some way in."""
        self.timeline.show_whole()
        for _ in range(6):
            self.wheel(400, 120, Qt.KeyboardModifier.NoModifier)
        turns = [-120] * 40 + [120] * 40
        shift = Qt.KeyboardModifier.ShiftModifier
        return [
            self.timed_ms(lambda n=n: self.wheel(400, turns[n % len(turns)], shift))
            for n in range(count)
        ]

    def playheads(self, count: int) -> list[float]:
        """Move the playhead as 60 pictures a second do."""
        self.timeline.show_whole()
        self.timed_ms(lambda: None)
        times = []
        for n in range(count):
            start = self._clock()
            self.timeline.set_position(n * 8 * RATE // 60)
            self._paint()
            times.append((self._clock() - start) * 1000)
        return times

    def settles(self, count: int) -> list[float]:
        """Paint the whole with care, as after each movement."""
        return [self.timed_ms(self.timeline._repaint_all) for _ in range(count)]


def summary(times: list[float]) -> tuple[float, float, float]:
    """Return p50, p95 and the longest."""
    cuts = statistics.quantiles(times, n=20)
    return statistics.median(times), cuts[18], max(times)


def main() -> int:
    """Measure, print a table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument(
        "--processor", action="store_true", help="seconds of the thread, not of the wall"
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    count = 60 if arguments.quick else 400
    application = QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        clock = time.thread_time if arguments.processor else time.perf_counter
        bench = Bench(application, Path(folder), clock)
        before = memory_mb()
        first = bench.first_paint_ms()
        figures = {
            "zoom": summary(bench.zooms(count)),
            "pan": summary(bench.pans(count)),
            "settle": summary(bench.settles(max(count // 10, 20))),
            "playhead": summary(bench.playheads(count)),
        }
        grown = memory_mb() - before
        size = bench.timeline.size()
        bench.window.close()
    print(f"{SECONDS // 60}-minute song, timeline {size.width()}×{size.height()}")
    print(f"{'':10}{'p50 ms':>8}{'p95 ms':>8}{'max ms':>8}")
    for name, values in figures.items():
        print(f"{name:10}" + "".join(f"{value:8.1f}" for value in values))
    print(f"first paint {first:.1f} ms · memory +{grown:.0f} MB (with the spectrogram)")
    if arguments.json:
        made = {
            name: dict(zip(("p50", "p95", "max"), v, strict=True)) for name, v in figures.items()
        }
        made["first_paint"] = {"max": first}
        arguments.json.write_text(json.dumps(made, indent=1), encoding="utf-8")
    missed = [name for name in ("zoom", "pan") if figures[name][1] > GOAL_MS]
    for name in missed:
        print(f"missed: {name} p95 {figures[name][1]:.1f} ms > {GOAL_MS:.0f} ms")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
