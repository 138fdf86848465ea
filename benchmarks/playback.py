"""How soon a song that was just dropped is heard, and how soon it is split: a 4-minute MP3.

    python benchmarks/playback.py [--quick] [--engine instant] [--mode exact] [--play-on S]
        [--check] [--json FILE]

The real queue, children and player without the window; the sound goes to a server of its own
(PulseAudio with a null sink; without one the benchmark says so and ends well). The program is warm:
one song was made and played before. Goals: the song can be played 0.3 s after the drop, its first
split second lies there 0.5 s after the import, nothing drops out; `--check` exits with 1 where one
is missed. With `--engine htdemucs` (true size, random weights) or `small` it is told instead how
soon the network's split lies under a playhead that was sent far ahead, and how long a chunk takes;
it plays on for `--play-on` seconds beside the network, and the song is then given up. The engine
turns when its chunk is done, so at worst two chunks pass (`--quick --engine small`: 0.23 s, a chunk
takes 0.16 s, on two crowded cores). The modes
fast and turbo are measured first, which takes up to two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
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
#: Demucs of random weights, of true size and small.
NETWORKS = ("htdemucs", "small")
PRESSES, STILL_S = 9, 0.03


def main() -> int:
    """Run the player in a process whose sound goes to a server of its own."""
    parser = argparse.ArgumentParser(description="How soon a dropped song is heard and split.")
    parser.add_argument("--quick", action="store_true", help="a song of one minute")
    parser.add_argument("--engine", default="instant")
    parser.add_argument("--mode", default="exact", help="way of the network")
    parser.add_argument(
        "--play-on", type=float, default=0.0, help="seconds to play beside the network"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    seconds = 60.0 if chosen.quick else 240.0
    if chosen.inside:
        print(json.dumps(play(chosen.inside, seconds, chosen)))
        return 0
    if not IS_THERE:
        print("skipped: there is no PulseAudio to play to")
        return 0
    server = SoundServer()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--inside", folder, "--engine", chosen.engine]
        command += ["--mode", chosen.mode, "--play-on", str(chosen.play_on)]
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


class Room:
    """The real queue, children, library and player, with somebody who presses play at once."""

    def __init__(self, folder: Path, mode: str) -> None:
        from PySide6.QtCore import QCoreApplication

        from karaoke_studio.jobs.queue import JobQueue
        from karaoke_studio.library.writer import LibraryWriter
        from karaoke_studio.pipeline import Surroundings
        from karaoke_studio.playback.player import LiveSong, Player, Source
        from karaoke_studio.worker.host import Workers

        sys.setswitchinterval(0.001)  # as the program does
        self._application = QCoreApplication([])
        self._folder, self._mode = folder, mode
        self.library = LibraryWriter(folder / "library")
        self.workers = Workers.create(folder)
        self.queue = JobQueue(
            Surroundings(self.workers, data=folder),
            self.library,
            folder / "cache",
            settings=self.settings("instant"),
        )
        self.player = Player()
        self.player.set_source(Source.INSTRUMENTAL)
        self.lives: list[LiveSong] = []
        self.imported_at = 0.0
        self._ear = _ear(self)

    def settings(self, engine: str) -> Any:
        """Return the settings for an engine."""
        from karaoke_studio.settings import Settings

        models = str(self._folder / "models")
        return Settings(engine=engine, model_folder=models, network_mode=self._mode)

    def until(self, is_so: Callable[[], bool]) -> float:
        """Let the program work until something is so; return when that was."""
        give_up_at = time.perf_counter() + WAIT_S
        while not is_so():
            self._application.processEvents()
            if time.perf_counter() > give_up_at:
                raise TimeoutError
            time.sleep(0.001)
        return time.perf_counter()

    def warm_up(self, song: Path) -> None:
        """Make and play one song, as somebody has who drops a second one."""
        self.queue.add_paths([song])
        self.until(lambda: bool(self.lives) and not self.queue.is_busy())
        self.player.seek(0)
        self.player.play()
        self.until(lambda: self.player.position_frames > RATE // 2 or bool(self.player.problem))
        self.player.pause()
        self.lives.clear()
        self.imported_at = 0.0

    def close(self) -> None:
        """End everything."""
        self.player.close()
        self.queue.stop(keep=False)
        self.workers.close()
        self.library.close()


def _ear(room: Room) -> Any:
    """Do what the window does with the queue's news, as far as it is heard."""
    from PySide6.QtCore import QObject

    from karaoke_studio.job import JobResult
    from karaoke_studio.playback.player import LiveSong, LiveTake
    from karaoke_studio.ui.listening import take_files

    class Ear(QObject):
        def live(self, _job_id: str, live: LiveSong) -> None:
            room.lives.append(live)
            room.player.load(LiveTake(live))
            room.player.play()

        def waves(self, _job_id: str, facts: dict[str, Any]) -> None:
            if "original" in facts:
                room.imported_at = time.perf_counter()

        def finished(self, _job_id: str, result: JobResult) -> None:
            song = room.library.song(result.song_id or "").result()
            if song is not None:
                room.player.go_on_with(take_files(song))

    ear = Ear()
    room.queue.job_live.connect(ear.live)
    room.queue.job_finished.connect(ear.finished)
    room.queue.job_waves.connect(ear.waves)
    return ear


def write_song(folder: Path, name: str, length_s: float) -> Path:
    """Write an MP3 of a singer and a band."""
    from karaoke_studio.audio.encode import write_audio
    from tests.helpers.signals import sung_mix

    part = sum(sung_mix(20.0, RATE)).T
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


def is_split(live: Any, stop: int) -> bool:
    """Return whether the first frames can be heard split."""
    from karaoke_studio.playback.live_song import Layer

    ready = [part for layer in Layer for part in live.within(layer, 0, stop)]
    return any(low <= 0 and high >= stop for low, high in ready)


def play(folder: Path, seconds: float, chosen: argparse.Namespace) -> dict[str, Any]:
    """Drop a song, play it at once, and return when what was there."""
    from karaoke_studio.playback.live_song import Layer
    from tests.helpers.models import make_net, make_true_htdemucs, write_bag

    engine = chosen.engine
    if engine in NETWORKS:
        net = make_true_htdemucs() if engine == "htdemucs" else make_net()
        write_bag(folder / "models", engine, [net])
    room = Room(folder, chosen.mode)
    player, until = room.player, room.until
    room.warm_up(write_song(folder, "warm", 20.0))
    song = write_song(folder, "song", seconds)
    underruns = player.underruns
    room.queue.use(room.settings(engine))

    dropped = time.perf_counter()
    room.queue.add_paths([song])
    until(lambda: bool(room.lives))
    playable = until(lambda: player.is_ready)
    heard = until(lambda: player.position_frames > 0)
    live = room.lives[0]
    until(lambda: room.imported_at > 0)
    first = until(lambda: is_split(live, RATE))
    if engine in NETWORKS:
        # before the draft is whole: the first chunk turns to the playhead, too
        more = seek_ahead(live, player, until)
        end_at = time.perf_counter() + chosen.play_on
        until(lambda: time.perf_counter() >= end_at)
        room.queue.cancel(room.queue.jobs()[-1].job_id)
        more["played_on_s"] = chosen.play_on
    else:
        whole = until(lambda: is_split(live, live.frames))
        more = {"all_split_after_import_s": round(whole - room.imported_at, 3), **latencies(room)}
        until(lambda: live.within(Layer.FINAL, 0, 1) == [(0, live.frames)])
    until(lambda: not room.queue.is_busy())
    facts = {
        "song_s": seconds,
        "engine": engine,
        "playable_s": round(playable - dropped, 3),
        "heard_s": round(heard - dropped, 3),
        "imported_s": round(room.imported_at - dropped, 3),
        "first_split_after_import_s": round(first - room.imported_at, 3),
        **more,
        "underruns": player.underruns - underruns,
        "problem": player.problem.message if player.problem else "",
    }
    room.close()
    return facts


def latencies(room: Room) -> dict[str, Any]:
    """Press pause, play and seek some times; return how soon the player's clock follows.

    The clock is that of what is heard, so the device's own latency (0.1 s) is in it; it is told
    by itself, too.
    """
    player, until = room.player, room.until
    pauses, plays, seeks = [], [], []
    for number in range(PRESSES):
        until(lambda: player.position_frames > 0)
        pressed = time.perf_counter()
        player.pause()
        pauses.append(until(lambda: stands_still(player)) - pressed - STILL_S)
        at, pressed = player.position_frames, time.perf_counter()
        player.play()
        plays.append(until(lambda at=at: player.position_frames > at) - pressed)
        place, pressed = (5 + number) * RATE, time.perf_counter()
        player.seek(place)
        seeks.append(until(lambda place=place: player.position_frames > place) - pressed)
    return {
        "device_latency_s": 0.1,
        **{
            f"{name}_heard_after_s": round(statistics.median(times), 3)
            for name, times in (("pause", pauses), ("play", plays), ("seek", seeks))
        },
    }


def stands_still(player: Any) -> bool:
    """Return whether the playhead does not move for a moment."""
    at = player.position_frames
    time.sleep(STILL_S)
    return bool(player.position_frames == at)


def seek_ahead(live: Any, player: Any, until: Callable[[Callable[[], bool]], float]) -> Any:
    """Send the playhead ahead once the network has begun; return how soon it is there too.

    It plays on from there, and a chunk is begun where the playhead will be when it is done: so it
    is asked whether the split lies under the playhead, not whether it lies where it was sent.
    """
    from karaoke_studio.playback.live_song import Layer

    def made() -> int:
        return sum(high - low for low, high in live.within(Layer.FINAL, 0, live.frames))

    # a slow machine's playhead is not to be there before
    player.pause()
    player.seek(0)
    begun = until(lambda: made() > 0)
    first = made()
    second = until(lambda: made() > first)
    place = live.frames * 3 // 4
    player.seek(place)
    player.play()
    there = until(lambda: bool(live.within(Layer.FINAL, *under(player))))
    return {"chunk_s": round(second - begun, 2), "final_after_seek_s": round(there - second, 2)}


def under(player: Any) -> tuple[int, int]:
    """Return the tenth of a second that is heard next."""
    at = player.position_frames
    return at, at + RATE // 10


if __name__ == "__main__":
    sys.exit(main())
