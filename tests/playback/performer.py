"""A process with a real player, led by lines on stdin; it answers each with a line of JSON.

PortAudio sees the devices that are there when it starts, so each sound server needs a new process.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from karaoke_studio.playback.output import list_outputs
from karaoke_studio.playback.player import Player, Source, TakeFiles


def facts(player: Player) -> dict[str, object]:
    return {
        "state": player.state,
        "position": player.position_frames,
        "time": time.perf_counter(),
        "underruns": player.underruns,
        "problem": player.problem.code if player.problem else None,
    }


def perform(vocals: str, instrumental: str, frames: str) -> None:
    player = Player()
    stems = {"vocals": Path(vocals), "instrumental": Path(instrumental)}
    player.load(TakeFiles(stems, 44_100, 2, int(frames), 0))
    for line in sys.stdin:
        match line.split():
            case ["play"]:
                player.play()
            case ["pause"]:
                player.pause()
            case ["retry"]:
                player.retry_output()
            case ["source", name]:
                player.set_source(Source(name))
            case ["seek", frame]:
                player.seek(int(frame))
            case ["outputs"]:
                sys.stdout.write(json.dumps(list_outputs()) + "\n")
                sys.stdout.flush()
                continue
        sys.stdout.write(json.dumps(facts(player)) + "\n")
        sys.stdout.flush()
    player.close()


if __name__ == "__main__":
    perform(*sys.argv[1:])
