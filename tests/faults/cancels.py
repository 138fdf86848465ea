"""Cancelled at any moment: quickly over, nothing left behind, the next song starts at once."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from karaoke_studio.progress import Cancelled
from karaoke_studio.worker import host
from tests.faults.report import Report, Scale
from tests.helpers.engines import SLOW_SECONDS_VARIABLE
from tests.helpers.signals import noise
from tests.helpers.street import Street, write_song

_RATE, _SECONDS = 44_100, 30
_USUAL_S, _LONGEST_S = 1.0, 3.0
_STAGES = ("importing", "separating", "encoding", "publishing")


def run(scale: Scale) -> Report:
    """Cancel jobs at seeded moments, and at the beginning of each stage."""
    os.environ[SLOW_SECONDS_VARIABLE] = "6"
    street = Street(scale.folder)
    song = write_song(scale.folder / "song.flac", noise(_SECONDS, _RATE, 2), _RATE, "PCM_16")
    try:
        report = _cancel_at_moments(scale, street, song, scale.pick(20, 50))
        if scale.with_mutant:
            report.mutant = _mutant(scale, street, song)
    finally:
        street.close()
    return report


def _cancel_at_moments(scale: Scale, street: Street, song: Path, points: int) -> Report:
    report = Report()
    usual_s = min(_make(street, song, scale.folder / f"whole{n}", None)[0] for n in (1, 2))
    waits: list[float] = []
    for point in range(points):
        dice = scale.rng(point)
        # every fourth at the beginning of a stage, the others at any moment
        stage = dice.choice(_STAGES) if point % 4 == 0 else None
        out = scale.folder / f"cancelled-{point}"
        moment_s = 0.0 if stage else dice.uniform(0, usual_s)
        spent_s, waited_s = _make(street, song, out, moment_s, stage)
        report.points += 1
        if waited_s is None:
            # the machine is quicker now than when it was measured: the next moments come sooner
            usual_s = min(usual_s, spent_s) if stage is None else usual_s
        else:
            report.hits += 1
            waits.append(waited_s)
        left = [path.name for path in out.iterdir()]
        if left and (waited_s is not None or any(name.startswith(".") for name in left)):
            report.failures.append(f"point {point}: {left} is left")
    waits.sort()
    usual, most = waits[int(0.95 * (len(waits) - 1))], waits[-1]
    report.notes = {"p95_s": round(usual, 2), "max_s": round(most, 2)}
    if usual > _USUAL_S or most > _LONGEST_S:
        report.failures.append(f"cancelling took {most:.1f} s, of 95 in 100 {usual:.1f} s")
    started = time.monotonic()
    _make(street, song, scale.folder / "next", None)
    report.notes["next_song_s"] = round(time.monotonic() - started, 2)
    return report


def _make(
    street: Street,
    song: Path,
    out: Path,
    moment_s: float | None,
    stage: str | None = None,
    engine: str = "centre",
    fraction: float = 0.0,
) -> tuple[float, float | None]:
    """Make a song; return how long that took, and how long a cancel was waited for."""
    stop = threading.Event()
    asked_s: list[float] = []

    def ask() -> None:
        asked_s.append(time.monotonic())
        stop.set()

    def hear(progress: Any) -> None:
        is_there = progress.stage == stage and progress.stage_fraction >= fraction
        if is_there and not stop.is_set():
            ask()

    timer = None if moment_s is None or stage else threading.Timer(moment_s, ask)
    started = time.monotonic()
    try:
        if timer is not None:
            timer.start()
        street.make(song, engine=engine, stop=stop, out=out, report=hear)
    except Cancelled:
        return time.monotonic() - started, time.monotonic() - asked_s[0]
    finally:
        if timer is not None:
            timer.cancel()
            timer.join()
    return time.monotonic() - started, None


def _mutant(scale: Scale, street: Street, song: Path) -> str:
    """Wait for the engine instead of telling and killing it; say how that was noticed."""
    true_send, true_wait_s = host._Process.send, host.KILL_AFTER_S

    def send(self: host._Process, message: dict[str, Any]) -> None:
        if "cancel" not in message:
            true_send(self, message)

    host._Process.send, host.KILL_AFTER_S = send, 60.0  # type: ignore[method-assign]
    try:
        out = scale.folder / "deaf"
        _, waited_s = _make(street, song, out, None, "separating", "slow", 0.05)
    finally:
        host._Process.send, host.KILL_AFTER_S = true_send, true_wait_s  # type: ignore[method-assign]
    return f"cancelling took {waited_s:.1f} s" if (waited_s or 0) > _LONGEST_S else ""
