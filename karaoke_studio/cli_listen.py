"""`listen` in a terminal: what is sung into a microphone, while it is sung."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from typing import Any

from karaoke_studio.cli_common import complain, print_json, stop_on_signals
from karaoke_studio.errors import EXIT_FAILED, EXIT_OK, EngineCrashed, KaraokeError
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

COMMAND = "listen"
_STALL_S = 15.0
_METER_DB, _METER_WIDTH = 60, 30


def add_command(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `listen` to the parser."""
    listen = commands.add_parser(
        COMMAND,
        parents=[common],
        help="say what is sung into a microphone: loudness, note, and whether it is a voice",
        description="With --json an object is printed 25 times a second: level_db, f0_hz, note, "
        "cents, is_voice, and delay_s since the sound was there. Ctrl+C ends it.",
    )
    listen.add_argument("--microphone", default="", metavar="NAME", help="not the usual one")
    listen.add_argument("--seconds", type=float, default=None, metavar="S", help="end by itself")
    listen.add_argument("--list", action="store_true", help="only name the microphones")


def run_command(arguments: argparse.Namespace, data: DataFolder) -> int:
    """Run `listen` and return the exit status."""
    worker = Worker("interactive", log_folder=data.create().logs)
    try:
        with stop_on_signals() as stop:
            if arguments.list:
                for name in worker.run("microphones", {}, stop=stop)["microphones"]:
                    print_json({"microphone": name}) if arguments.json else print(name)
                return EXIT_OK
            timer = threading.Timer(arguments.seconds or 0, stop.set)
            if arguments.seconds is not None:
                timer.start()
            try:
                worker.run(
                    COMMAND,
                    {"microphone": arguments.microphone},
                    on_progress=_shown_as_json if arguments.json else _shown,
                    stop=stop,
                    stall_s=_STALL_S,
                )
            finally:
                timer.cancel()
    except Cancelled:
        return EXIT_OK
    except KaraokeError as exc:
        complain(exc)
        return EXIT_FAILED
    except WorkerDied:
        complain(EngineCrashed("The microphone's helper process stopped.", hint="Try again."))
        return EXIT_FAILED
    finally:
        worker.close()
    return EXIT_OK


def _facts(told: dict[str, Any]) -> dict[str, Any]:
    from karaoke_studio.preparation.live import note_of

    note, cents = note_of(told["f0_hz"]) if told["f0_hz"] else (None, None)
    delay_s = max(0.0, time.perf_counter() - told["heard_at"])
    return {
        "level_db": round(told["level_db"], 1),
        "f0_hz": told["f0_hz"] and round(told["f0_hz"], 1),
        "note": note,
        "cents": cents,
        "is_voice": told["is_voice"],
        "delay_s": round(delay_s, 3),
    }


def _shown_as_json(told: dict[str, Any]) -> None:
    if told:
        print_json(_facts(told))


def _shown(told: dict[str, Any]) -> None:
    if told:
        facts = _facts(told)
        bar = "█" * max(0, round((1 + facts["level_db"] / _METER_DB) * _METER_WIDTH))
        note = f"{facts['note']} {facts['cents']:+d}" if facts["note"] else ""
        voice = "voice" if facts["is_voice"] else ""
        end = "\r" if sys.stdout.isatty() else "\n"
        print(
            f"{facts['level_db']:6.1f} dB  {bar:<{_METER_WIDTH}}  {note:8} {voice:5}",
            end=end,
            flush=True,
        )
