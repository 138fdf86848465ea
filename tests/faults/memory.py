"""Little memory, many songs in a row, and a very long song."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import Street, write_song

_RATE = 44_100
_SECONDS = 20
_WARM_UP = 4
_MOST_GROWTH = 0.05
#: What allocators keep back for a while is no growth.
_SLACK_MB = 4.0
_LONG_HOURS, _LONG_MOST_MB = 10, 2500
#: Two staged files, a copy and two stems.
_LONG_FILES = 4.5


def run(scale: Scale) -> Report:
    """Make songs under a ceiling, many in a row, and one of ten hours at night."""
    report = Report()
    if not Path("/proc/self/status").exists():
        return Report(skipped="only Linux tells how much memory a process takes")
    song = write_song(scale.folder / "song.flac", noise(_SECONDS, _RATE, 2), _RATE, "PCM_16")
    _under_ceilings(scale, report, song)
    report.failures += _in_a_row(scale, report, song, scale.pick(10, 100), "instant")
    if scale.is_full:
        _for_hours(scale, report)
    if scale.with_mutant:
        broken = Report()
        faults = _in_a_row(scale, broken, song, 10, "leaky")
        report.mutant = faults[0] if faults else ""
    return report


def _under_ceilings(scale: Scale, report: Report, song: Path) -> None:
    """Below a ceiling of address space, a song is made or it is said why not."""
    made = 0
    for ceiling_mb in (3000,) if not scale.is_full else (400, 800, 1500, 3000):
        data = scale.folder / f"ceiling-{ceiling_mb}"
        report.points += 1
        words = ("library", "add", song, "--engine", "instant")
        program = Program(*words, data=data, shell=f"ulimit -v {ceiling_mb * 1024}")
        status = program.wait(120)
        report.hits += 1
        made += not status
        codes = [told.get("error", {}).get("code") for told in program.told]
        if status and codes not in (["OUT_OF_MEMORY"], ["ENGINE_CRASHED"]):
            report.failures.append(f"{ceiling_mb} MB: {codes} {program.text[-300:]}")
        if status and ceiling_mb == 3000:
            report.failures.append(f"{ceiling_mb} MB is not enough: {codes}")
        if "Traceback" in program.text:
            report.failures.append(f"{ceiling_mb} MB: a traceback is shown")
    report.notes["made under a ceiling"] = made


def _in_a_row(scale: Scale, report: Report, song: Path, count: int, engine: str) -> list[str]:
    """Return which process has grown over `count` songs."""
    folder = scale.folder / f"row-{engine}"
    folder.mkdir()
    street = Street(folder)
    early: dict[str, float] = {}
    late: dict[str, float] = {}
    try:
        for number in range(count):
            report.points += 1
            out = folder / "out"
            stems = ("vocals",) if engine == "leaky" else ("vocals", "instrumental")
            street.make(song, engine=engine, stems=stems, out=out)
            shutil.rmtree(out)
            report.hits += 1
            late = _sizes_mb(street)
            if number == _WARM_UP - 1:
                early = late
    finally:
        street.close()
    report.notes["MB after the first songs"] = {name: round(mb) for name, mb in early.items()}
    report.notes["MB after all songs"] = {name: round(mb) for name, mb in late.items()}
    return [
        f"{name} grew from {early[name]:.0f} to {late[name]:.0f} MB"
        for name in early
        if late[name] > early[name] * (1 + _MOST_GROWTH) + _SLACK_MB
    ]


def _sizes_mb(street: Street) -> dict[str, float]:
    pids: dict[str, Any] = {"transfer": street.workers.transfer.pid}
    pids |= {"builtin": street.workers.builtin.pid, "program": "self"}
    return {name: _status_mb(pid, "VmRSS") for name, pid in pids.items()}


def _status_mb(pid: Any, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise AssertionError("the system does not say")


def _for_hours(scale: Scale, report: Report) -> None:
    """Make a song of ten hours, at the highest rate that the disk has room for."""
    free = shutil.disk_usage(scale.folder).free
    frames = _LONG_HOURS * 3600
    rates = [r for r in (44_100, 22_050, 8000) if frames * r * 2 * 4 * _LONG_FILES < free * 0.8]
    if not rates:
        report.notes["ten hours skipped"] = f"{free / 1e9:.0f} GB are too little room"
        return
    rate = rates[0]
    song = scale.folder / "long.flac"
    block = noise(10, rate, 2).T * np.float32(0.5)
    with sf.SoundFile(song, "w", rate, 2, "PCM_16") as file:
        for _ in range(_LONG_HOURS * 360):
            file.write(block)
    folder = scale.folder / "long"
    folder.mkdir()
    street = Street(folder)
    report.points += 1
    try:
        result = street.make(song, engine="centre", format="flac", bit_depth="16")
        peaks = {
            name: _status_mb(worker.pid, "VmHWM")
            for name, worker in (
                ("transfer", street.workers.transfer),
                ("builtin", street.workers.builtin),
            )
        }
    finally:
        street.close()
    report.hits += 1
    report.notes[f"ten hours at {rate} Hz, s"] = round(result.processing_time_s)
    report.notes["ten hours, most MB"] = {name: round(mb) for name, mb in peaks.items()}
    if max(peaks.values()) > _LONG_MOST_MB:
        report.failures.append(f"ten hours took {peaks} MB")
    if sys.maxsize > 2**32 and abs(result.duration_s - _LONG_HOURS * 3600) > 1:
        report.failures.append(f"ten hours became {result.duration_s:.0f} s")
