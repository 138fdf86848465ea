"""Memory does not grow with the length of a song."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile as sf

from tests.helpers.signals import noise
from tests.helpers.street import Street

RATE = 44_100
BOUND_MB = 60


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    street = Street(tmp_path)
    yield street
    street.close()


def song_of(path: Path, seconds: int, channels: int) -> Path:
    block = noise(10, RATE, channels).T
    with sf.SoundFile(path, "w", RATE, channels, "PCM_16") as file:
        for _ in range(seconds // 10):
            file.write(block)
    return path


def peak_mb(pid: int | None) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the system does not say")


def peaks_after(street: Street, song: Path, engine: str) -> dict[str, float]:
    result = street.make(song, engine=engine)
    for path in (result.vocals_path, result.instrumental_path):
        path.unlink()
    workers = {"transfer": street.workers.transfer, "builtin": street.workers.builtin}
    return {name: peak_mb(worker.pid) for name, worker in workers.items()}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says the peak")
@pytest.mark.parametrize(("engine", "channels"), [("centre", 2), ("instant", 1)])
@pytest.mark.parametrize(
    "minutes", [pytest.param(6, id="6 min"), pytest.param(60, id="60 min", marks=pytest.mark.slow)]
)
def test_children_stay_small(
    street: Street, tmp_path: Path, minutes: int, engine: str, channels: int
) -> None:
    short = peaks_after(street, song_of(tmp_path / "one.flac", 60, channels), engine)
    long = peaks_after(street, song_of(tmp_path / "long.flac", minutes * 60, channels), engine)
    growth = {name: long[name] - short[name] for name in short}
    print({name: round(value) for name, value in short.items()}, growth)
    assert max(growth.values()) <= BOUND_MB, growth
