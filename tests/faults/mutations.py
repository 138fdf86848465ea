"""Files of every format with bytes changed, through the real child that decodes."""

from __future__ import annotations

import random
import shutil
import sys
import threading
import time
from pathlib import Path

from karaoke_studio.errors import KaraokeError
from karaoke_studio.worker.host import Worker, WorkerDied, Workers
from tests.audio.sounds import write_av
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_RATE = 44_100
_LONGEST_S = 20.0
_CODECS = {
    "mp3": ("mp3", "mp3"),
    "m4a": ("aac", "ipod"),
    "opus": ("libopus", "ogg"),
    "wma": ("wmav2", "asf"),
    "webm": ("libopus", "webm"),
    "alac.m4a": ("alac", "ipod"),
}


def run(scale: Scale) -> Report:
    """Import changed files; each either becomes a song or fails with a sentence."""
    report = Report(points=scale.pick(300, 10_000))
    seeds = _seeds(scale.folder)
    workers = Workers.create(scale.folder)
    try:
        _import_changed(scale, report, workers.transfer, seeds, _LONGEST_S)
    finally:
        workers.close()
    report.notes["formats"] = len(seeds)
    if scale.with_mutant:
        report.mutant = _mutant(scale, seeds)
    return report


def _import_changed(
    scale: Scale, report: Report, worker: Worker, seeds: list[Path], longest_s: float
) -> None:
    slowest_s, refused, deaths = 0.0, 0, 0
    for point in range(report.points):
        seed = seeds[point % len(seeds)]
        path = scale.folder / f"changed{''.join(seed.suffixes)}"
        path.write_bytes(_changed(seed.read_bytes(), scale.rng(point)))
        staging = scale.folder / "staging"
        staging.mkdir()
        started = time.monotonic()
        fault = ""
        try:
            args = {"path": str(path), "staging": str(staging), "copy": False}
            worker.run("import_song", args, stop=threading.Event(), stall_s=longest_s)
        except KaraokeError as exc:
            refused += 1
            if not exc.message or exc.code == "PROCESSING_TIMEOUT":
                fault = repr(exc)
        except WorkerDied:
            deaths += 1  # the window lives, the song fails
        except Exception as exc:  # noqa: BLE001 - what a fault run is there to find
            fault = repr(exc)
        spent_s = time.monotonic() - started
        slowest_s = max(slowest_s, spent_s)
        if not fault and spent_s > longest_s:
            fault = f"{spent_s:.0f} s"
        report.failures += [f"point {point}, {seed.name}: {fault}"] if fault else []
        report.hits += 1
        shutil.rmtree(staging)
    report.notes |= {"refused": refused, "children_that_died": deaths}
    report.notes["slowest_s"] = round(slowest_s, 2)


def _mutant(scale: Scale, seeds: list[Path]) -> str:
    """Let a child try for ever; say how that was noticed."""
    command = [sys.executable, "-P", "-m", "tests.faults.hanging_child", "transfer"]
    worker = Worker("transfer", command=command)
    broken = Report(points=24)
    try:
        _import_changed(scale, broken, worker, seeds, 3.0)
    finally:
        worker.close()
    return broken.failures[0] if broken.failures else ""


def _seeds(folder: Path) -> list[Path]:
    samples = noise(2, _RATE, 2)
    seeds = [
        write_song(folder / f"seed.{suffix}", samples, _RATE)
        for suffix in ("wav", "flac", "ogg", "aiff", "w64", "caf")
    ]
    for suffix, (codec, muxer) in _CODECS.items():
        path = folder / f"seed.{suffix}"
        tags = {"title": "Blue", "artist": "Nina"}
        write_av(path, codec, muxer, samples.T, 48_000 if "opus" in codec else _RATE, metadata=tags)
        seeds.append(path)
    return seeds


def _changed(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 3, 10])):
        end = len(changed) if dice.random() < 0.4 else min(len(changed), 512)
        at = dice.randrange(max(end, 1))
        match dice.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                changed[at : at + 4] = dice.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
            case 2:
                del changed[at : at + dice.choice([1, 4, 100])]
            case 3:
                changed[at:at] = dice.randbytes(dice.choice([1, 4, 100]))
            case 4:
                start = dice.randrange(len(changed) or 1)
                changed[at:at] = changed[start : start + 64]
            case _:
                if dice.random() < 0.3:
                    del changed[dice.randrange(len(changed) or 1) :]
    return bytes(changed)
