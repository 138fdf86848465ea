"""How soon a song that was just dropped is heard, and how soon it is split: a 4-minute MP3.

    python benchmarks/playback.py [--quick] [--engine instant] [--check] [--json FILE]

The real queue, children and player without the window; the sound goes to a server of its own
(PulseAudio with a null sink; without one the benchmark says so and ends well). The program is warm:
one song was made and played before. Goals: the song can be played 0.3 s after the drop, its first
split second lies there 0.5 s after the import, nothing drops out; `--check` exits with 1 where one
is missed. With `--engine htdemucs` (true size, random weights) it is told as well how soon the
network's split lies under a playhead that was sent far ahead, and how long a chunk takes; the song
is then given up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.helpers.sound_server import IS_THERE, SoundServer

ROOT = Path(__file__).resolve().parent.parent
RATE = 44_100
GOALS = {"playable_s": 0.3, "first_split_after_import_s": 0.5, "underruns": 0}
WAIT_S = 300.0


def main() -> int:
    """Run the player in a process whose sound goes to a server of its own."""
    parser = argparse.ArgumentParser(description="How soon a dropped song is heard and split.")
    parser.add_argument("--quick", action="store_true", help="a song of one minute")
    parser.add_argument("--engine", default="instant")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    seconds = 60.0 if chosen.quick else 240.0
    if chosen.inside:
        print(json.dumps(play(chosen.inside, seconds, chosen.engine)))
        return 0
    if not IS_THERE:
        print("skipped: there is no PulseAudio to play to")
        return 0
    server = SoundServer()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--inside", folder, "--engine", chosen.engine]
        try:
            server.start()
            server.record()
            done = subprocess.run(
                [*command, *(["--quick"] if chosen.quick else [])],
                env={**server.env, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        finally:
            server.kill()
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for name, value in facts.items():
        goal = f"   goal {GOALS[name]}" if name in GOALS else ""
        print(f"{name:<28} {value}{goal}")
    if chosen.json:
        chosen.json.write_text(json.dumps(facts, indent=1))
    is_good = all(facts[name] <= goal for name, goal in GOALS.items())
    return 1 if chosen.check and not is_good else 0


def play(folder: Path, seconds: float, engine: str) -> dict[str, Any]:
    """Drop a song, play it at once, and return when what was there."""
    from PySide6.QtCore import QCoreApplication, QObject

    from karaoke_studio.audio.encode import write_audio
    from karaoke_studio.jobs.queue import JobQueue
    from karaoke_studio.library.writer import LibraryWriter
    from karaoke_studio.pipeline import Surroundings
    from karaoke_studio.playback.live_song import Layer
    from karaoke_studio.playback.player import LiveSong, LiveTake, Player, Source
    from karaoke_studio.settings import Settings
    from karaoke_studio.worker.host import Workers
    from tests.helpers.models import make_true_htdemucs, write_bag
    from tests.helpers.signals import sung_mix

    sys.setswitchinterval(0.001)  # as the program does
    application = QCoreApplication([])
    if engine == "htdemucs":
        write_bag(folder / "models", "htdemucs", [make_true_htdemucs()])
    part = sum(sung_mix(20.0, RATE)).T

    def write(name: str, length_s: float) -> Path:
        path, blocks = folder / f"{name}.mp3", round(length_s / 20)
        write_audio(
            path,
            [part] * blocks,
            sample_rate=RATE,
            channels=2,
            format="mp3",
            bit_depth="24",
            bitrate_kbps=320,
            frames=len(part) * blocks,
        )
        return path

    warm, song = write("warm", 20.0), write("song", seconds)
    library = LibraryWriter(folder / "library")
    workers = Workers.create(folder)
    queue = JobQueue(
        Surroundings(workers, data=folder),
        library,
        folder / "cache",
        settings=Settings(engine="instant", model_folder=str(folder / "models")),
    )
    player = Player()
    player.set_source(Source.INSTRUMENTAL)
    times: dict[str, float] = {}
    lives: list[LiveSong] = []

    class Ear(QObject):
        """What the window does with the queue's news, as far as it is heard."""

        def live(self, _job_id: str, live: LiveSong) -> None:
            lives.append(live)
            player.load(LiveTake(live))
            player.play()
            times["told"] = time.perf_counter()

        def waves(self, _job_id: str, facts: dict[str, Any]) -> None:
            if "original" in facts:
                times["imported"] = time.perf_counter()

    ear = Ear()
    queue.job_live.connect(ear.live)
    queue.job_waves.connect(ear.waves)

    def until(is_so: Callable[[], bool]) -> float:
        give_up_at = time.perf_counter() + WAIT_S
        while not is_so():
            application.processEvents()
            if time.perf_counter() > give_up_at:
                raise TimeoutError
            time.sleep(0.001)
        return time.perf_counter()

    def split(live: LiveSong, stop: int) -> bool:
        ready = [part for layer in Layer for part in live.within(layer, 0, stop)]
        return any(low <= 0 and high >= stop for low, high in ready)

    queue.add_paths([warm])
    until(lambda: bool(lives) and not queue.is_busy())
    player.seek(0)
    player.play()
    until(lambda: player.position_frames > RATE // 2 or player.problem is not None)
    player.pause()
    lives.clear()
    times.clear()
    underruns = player.underruns
    queue.use(Settings(engine=engine, model_folder=str(folder / "models")))

    dropped = time.perf_counter()
    queue.add_paths([song])
    until(lambda: bool(lives))
    playable = until(lambda: player.is_ready)
    heard = until(lambda: player.position_frames > 0)
    live = lives[0]
    until(lambda: "imported" in times)
    first = until(lambda: split(live, RATE))
    whole = until(lambda: split(live, live.frames))
    sought: dict[str, Any] = {}
    if engine == "htdemucs":
        sought = seek_ahead(live, player, until)
        queue.cancel(queue.jobs()[-1].job_id)
    else:
        until(lambda: live.within(Layer.FINAL, 0, 1) == [(0, live.frames)])
    until(lambda: not queue.is_busy())
    facts = {
        "song_s": seconds,
        "engine": engine,
        "playable_s": round(playable - dropped, 3),
        "heard_s": round(heard - dropped, 3),
        "imported_s": round(times["imported"] - dropped, 3),
        "first_split_after_import_s": round(first - times["imported"], 3),
        "all_split_after_import_s": round(whole - times["imported"], 3),
        **sought,
        "underruns": player.underruns - underruns,
        "problem": player.problem.message if player.problem else "",
    }
    player.close()
    queue.stop(keep=False)
    workers.close()
    library.close()
    return facts


def seek_ahead(live: Any, player: Any, until: Callable[[Callable[[], bool]], float]) -> Any:
    """Send the playhead ahead once the network has begun; return how soon it is there too."""
    from karaoke_studio.playback.live_song import Layer

    def made() -> int:
        return sum(high - low for low, high in live.within(Layer.FINAL, 0, live.frames))

    begun = until(lambda: made() > 0)
    first = made()
    second = until(lambda: made() > first)
    place = live.frames * 3 // 4
    player.seek(place)
    there = until(lambda: bool(live.within(Layer.FINAL, place, place + RATE)))
    return {"chunk_s": round(second - begun, 2), "final_after_seek_s": round(there - second, 2)}


if __name__ == "__main__":
    sys.exit(main())
