"""Whether the window answers and the sound goes on while songs are made: the real program at work.

    python benchmarks/fluid.py [--seconds 60] [--mode turbo] [--calm] [--check] [--json FILE]

The real window (offscreen), library, children and player; a Demucs in true size, with random
weights, separates in the engine child while songs are imported, made, exported, scrolled and
zoomed, and one is played in a loop to a sound server of its own (PulseAudio; without it, silence).
`--calm` leaves the window alone and only listens: for long runs. Goals: no gap above 100 ms between
two turns of the window's loop, no underrun; `--check` exits with 1 where they are missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.helpers.sound_server import IS_THERE, SoundServer

ROOT = Path(__file__).resolve().parent.parent
GOAL_S = 0.1
#: Long enough for the network to be at work till the end, and for a loop.
SONG_S = 60


def main() -> int:
    """Run the program in a process whose sound goes to a server of its own."""
    parser = argparse.ArgumentParser(description="Whether window and sound stay fluid.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--mode", default="auto", help="way of the network")
    parser.add_argument("--calm", action="store_true", help="only play; nobody uses the window")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        print(json.dumps(use_window(chosen)))
        return 0
    facts = in_a_process(chosen)
    for name, value in facts.items():
        print(f"{name:<22} {value}")
    if chosen.json:
        chosen.json.write_text(json.dumps(facts, indent=1))
    is_fluid = facts["longest_gap_s"] <= GOAL_S and not facts["underruns"]
    return 1 if chosen.check and not is_fluid else 0


def in_a_process(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return what the program saw of itself."""
    server = SoundServer()
    environment = dict(os.environ)
    if IS_THERE:
        server.start()
        server.record()
        environment = server.env
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--inside", folder]
        command += ["--seconds", str(chosen.seconds), "--mode", chosen.mode]
        try:
            done = subprocess.run(
                [*command, *(["--calm"] if chosen.calm else [])],
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        finally:
            server.kill()
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def use_window(chosen: argparse.Namespace) -> dict[str, Any]:
    """Open the window, keep it busy, and return how it bore that."""
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from karaoke_studio.app import Studio
    from karaoke_studio.paths import DataFolder
    from tests.helpers.models import make_true_htdemucs, write_bag
    from tests.helpers.signals import sung_mix
    from tests.helpers.street import write_song
    from tests.helpers.watchdog import Watchdog

    sys.setswitchinterval(0.001)  # as the program does
    QApplication([])
    folder, seconds, calm = chosen.inside, chosen.seconds, chosen.calm
    data = DataFolder(folder / "data").create()
    write_bag(data.models, "htdemucs", [make_true_htdemucs()])
    vocals, band = sung_mix(SONG_S, 44_100)
    songs = [write_song(folder / f"{n}.flac", vocals + band, 44_100, "PCM_16") for n in range(9)]
    data.settings_file.write_text(json.dumps({"engine": "instant", "network_mode": chosen.mode}))
    studio = Studio(data)
    window, queue, player = studio.window, studio.queue, studio.player
    window.show()
    window.add_paths(songs[:1])
    wait_until(lambda: window.opened.song() is not None and not queue.is_busy())
    song = window.opened.song()
    window.listening.play()
    wait_until(lambda: player.position_frames > 44_100 or player.problem is not None)
    underruns = player.underruns
    if not calm:
        window.add_paths(songs[1:])
        wait_until(lambda: len(queue.jobs()) >= len(songs))
    queue.redo_song(song, "htdemucs")
    hand = Hand(window, random.Random(0))
    loops, ends_at = 0, time.monotonic() + seconds
    with Watchdog() as watchdog:
        while time.monotonic() < ends_at:
            QTest.qWait(50)
            if not calm:
                hand.move()
            if not any(job.state in {"queued", "running"} for job in queue.jobs()):
                queue.redo_song(song, "htdemucs")
                loops += 1
            if player.problem is None and player.state != "playing":
                player.seek(0)
                player.play()
    facts = {
        "seconds": seconds,
        "mode": chosen.mode,
        "turns_of_the_loop": watchdog.ticks,
        "gaps_above_50_ms": len(watchdog.stalls_s),
        "longest_gap_s": round(max(watchdog.stalls_s, default=0.0), 3),
        "songs": len(studio.library.songs()),
        "networks_finished": loops,
        "played_to": "a sound server" if player.problem is None else player.problem.message,
        "underruns": player.underruns - underruns,
    }
    window.close_now(keep=False)
    studio.close()
    return facts


class Hand:
    """Somebody who cannot leave the window alone."""

    def __init__(self, window: Any, dice: random.Random) -> None:
        self._window, self._dice = window, dice
        self._exports = 0

    def move(self) -> None:
        """Do one thing."""
        from PySide6.QtWidgets import QAbstractItemView

        from karaoke_studio.job import OutputSpec

        window, dice = self._window, self._dice
        timeline, transport = window.song_view.timeline, window.song_view.transport
        match dice.randrange(8):
            case 0:
                timeline.zoom_in()
            case 1:
                timeline.zoom_out()
            case 2:
                timeline.page_on()
            case 3:
                timeline.show_whole()
            case 4:
                bar = window.songs_list.findChild(QAbstractItemView).verticalScrollBar()
                bar.setValue(dice.randint(0, max(1, bar.maximum())))
            case 5:
                window.resize(1100 + dice.randrange(300), 700 + dice.randrange(150))
            case 6:
                window.commands[
                    dice.choice(["original_action", "instrumental_action", "vocals_action"])
                ].trigger()
            case _ if not window.exports.is_running() and self._exports < 20:
                self._exports += 1
                song = window.opened.song()
                folder = song.folder.parent.parent / "exported"
                window._queue.export_song(song, OutputSpec(folder, "mp3"), ("instrumental",))
            case _:
                transport.update()


def wait_until(is_so: Any, timeout_s: float = 120.0) -> None:
    """Let the window work until it is so."""
    from PySide6.QtTest import QTest

    ends_at = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > ends_at:
            raise TimeoutError("the window did not get there")
        QTest.qWait(20)


if __name__ == "__main__":
    sys.exit(main())
