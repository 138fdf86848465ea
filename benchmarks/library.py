"""How quickly a library of 10,000 songs opens, is searched, changed and scrolled.

    python benchmarks/library.py [--songs N] [--check] [--quick] [--json FILE]

A search is measured from the letter that is typed to the painted list (offscreen), with covers
that are not there. Goals up to 10,000 songs: open ≤ 300 ms (index checked, folders and rows
compared, first rows painted), search p95 ≤ 30 ms, a frame of scrolling p95 ≤ 16.7 ms in list, table
and covers, adding a song ≤ 50 ms; with more songs: search p95 ≤ 100 ms. `--check` exits with 1
where they are missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from karaoke_studio.jobs.shelf import Shelf
from karaoke_studio.library.edits import insert
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.songs_view import SongsView
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.wide_list import WideList
from tests.library.takes import FACTS, make_take

GOALS_MS = {
    "open": 300.0,
    "search p95": 30.0,
    "add one p50": 50.0,
    **{f"{view}, a frame p95": 16.7 for view in ("list", "table", "covers")},
}
GOALS_OF_MANY_MS = {"search p95": 100.0}
WORDS = (
    *("night", "bus", "home", "copper", "sky", "paper", "boats", "ten", "past", "nine", "river"),
    *("halfway", "to", "june", "lighthouse", "slow", "motion", "dream", "café", "señorita"),
    *("über", "alles", "naïve", "love", "heart", "blue", "red", "moon", "sun", "rain", "fire"),
    *("夜曲", "歌手", "ocean", "street", "train", "window", "garden", "winter", "summer", "dance"),
    *("alone", "together", "forever", "yesterday"),
)
TYPED = (
    "n",
    "ni",
    "nig",
    "night",
    "night b",
    "love",
    "cafe",
    "夜",
    "senor",
    "zzz",
    "m s",
    "blue moon",
)


def build(folder: Path, songs: int) -> None:
    """Write songs without sound: folders, manifests, rows."""
    rng = random.Random(7)
    writer = LibraryWriter(folder)

    def fill(connection: sqlite3.Connection) -> None:
        for number in range(songs):
            song_id = f"{number:032x}"
            take = folder / song_id / "takes" / "t"
            take.mkdir(parents=True)
            tags = {
                "title": " ".join(rng.sample(WORDS, 3)).title(),
                "artist": " ".join(rng.sample(WORDS, 2)).title(),
                "album": " ".join(rng.sample(WORDS, 2)).title(),
            }
            manifest = {
                "format": 1,
                "id": song_id,
                "revision": 1,
                "added_at": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T10:00:00Z",
                "tags": tags,
                "facts": {**FACTS, "frames": rng.randrange(44_100 * 120, 44_100 * 400)},
                "original": None,
                "cover": None,
                "current_take": "t",
                "takes": {
                    "t": {
                        "engine": rng.choice(("instant", "htdemucs", "centre")),
                        "shift_bits": 0,
                        "stems": {"vocals": {}, "instrumental": {}},
                        "notes": [],
                    }
                },
                "words": [[None, " ".join(rng.choices(WORDS, k=120))]],
                "decided": {
                    "favourite": number % 9 == 0,
                    "rating": number % 6,
                    "labels": [rng.choice(("duet", "party", "slow"))] if number % 3 else [],
                    "colour": "teal" if number % 5 == 0 else "",
                    "analysis": {"bpm": rng.uniform(60, 180), "key": "D minor", "lufs": -12.0},
                },
            }
            (folder / song_id / "manifest.json").write_text(json.dumps(manifest))
            insert(connection, manifest)

    writer.submit(fill).result()
    writer.close()


class Bench:
    """The side panel over a true library."""

    def __init__(self, application: QApplication, folder: Path) -> None:
        self._application = application
        self.writer = LibraryWriter(folder)
        self.shelf = Shelf(self.writer)
        look = Look("dark")
        self.disk = Disk()
        self.panel = SongsList(look, self.disk, folder)
        self._answers = 0
        self.shelf.found.connect(self._on_found)
        self.panel.query_changed.connect(self.shelf.find)
        self.panel.resize(280, 800)
        self.panel.show()
        self.wide = WideList(look, self.disk, folder, self.panel)
        self.wide.headings.set_columns("")
        self.wide.resize(1100, 800)

    def _on_found(self, found: object) -> None:
        self._answers += 1
        self.panel.show_found(found)  # type: ignore[arg-type]

    def ask_again(self) -> None:
        """Ask once more for what is shown."""
        self.shelf.find(self.panel.query)

    def until_painted(self, wish: Callable[[], None]) -> float:
        """Return the milliseconds from a wish to the painted answer."""
        before, began = self._answers, time.perf_counter()
        wish()
        while self._answers == before:
            self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        self.panel.view.viewport().repaint()
        return (time.perf_counter() - began) * 1000

    def close(self) -> None:
        """End all threads."""
        self.shelf.close()
        self.disk.close()
        self.writer.close()
        self.wide.deleteLater()
        self.panel.deleteLater()


def measure(application: QApplication, folder: Path, rounds: int) -> dict[str, float]:
    """Return all figures in milliseconds."""
    opened = []
    for _ in range(max(2, rounds // 2)):
        began = time.perf_counter()
        bench = Bench(application, folder)
        ready = (time.perf_counter() - began) * 1000
        opened.append((ready + bench.until_painted(bench.ask_again), ready))
        bench.close()
    bench = Bench(application, folder)
    bench.until_painted(bench.ask_again)
    box, view = bench.panel.filter_box, bench.panel.view
    searches, wholes = [], []
    for words, _ in itertools.product(TYPED, range(rounds)):
        searches.append(bench.until_painted(lambda words=words: box.setText(words)))
        wholes.append(bench.until_painted(box.clear))
    sorts = [
        bench.until_painted(lambda sort=sort: bench.panel.choose_sort(sort))
        for sort in ("title", "artist", "length", "played", "added")
    ]
    changes = []
    for number in range(rounds):
        song_id = f"{number:032x}"
        began = time.perf_counter()
        bench.writer.change_song(song_id, rating=number % 6).result()
        changes.append((time.perf_counter() - began) * 1000)
    refreshed = bench.until_painted(bench.ask_again)
    scrolls = {"list": scrolled(view, 40 * rounds)}
    bench.wide.show()
    for kind, wide in zip(("table", "covers"), bench.wide.views(), strict=True):
        bench.wide.set_kind(kind)
        application.processEvents()
        scrolls[kind] = scrolled(wide, 40 * rounds)
    adds = []
    for _ in range(rounds):
        take = make_take(bench.writer.staging, title="New song", artist="Somebody")
        began = time.perf_counter()
        bench.writer.adopt(take)
        adds.append((time.perf_counter() - began) * 1000)
        shutil.rmtree(take.staging)
    bench.close()
    return {
        "open": statistics.median(total for total, _ in opened),
        "open: index alone": statistics.median(ready for _, ready in opened),
        "search p50": statistics.median(searches),
        "search p95": percentile(searches, 95),
        "all songs again p95": percentile(wholes, 95),
        "sort, worst": max(sorts),
        "change p50": statistics.median(changes),
        "read again after a change": refreshed,
        "add one p50": statistics.median(adds),
        "add one, worst": max(adds),
        **{f"{kind}, a frame p95": percentile(times, 95) for kind, times in scrolls.items()},
    }


def scrolled(view: SongsView, steps: int) -> list[float]:
    """Return the milliseconds of each step of scrolling through all songs, till it is painted."""
    bar, taken = view.verticalScrollBar(), []
    for step in range(steps):
        began = time.perf_counter()
        bar.setValue((step * 997) % max(1, bar.maximum()))
        view.viewport().repaint()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def percentile(values: list[float], share: int) -> float:
    """Return the value that `share` percent do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def main() -> int:
    """Build, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    application = QApplication([])
    sys.setswitchinterval(0.001)  # as the program does
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "library"
        build(folder, chosen.songs)
        figures = measure(application, folder, 3 if chosen.quick else 10)
    print(f"{chosen.songs:,} songs, milliseconds:")
    for what, value in figures.items():
        print(f"  {what:<28}{value:>9.2f}")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1))
    goals = GOALS_MS if chosen.songs <= 10_000 else GOALS_OF_MANY_MS
    missed = [name for name, goal in goals.items() if figures[name] > goal]
    for name in missed:
        print(f"missed: {name}, goal {goals[name]:g}")
    return 1 if missed and chosen.check else 0


if __name__ == "__main__":
    sys.exit(main())
