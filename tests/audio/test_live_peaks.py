from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from karaoke_studio.audio import live_peaks
from karaoke_studio.audio.live_peaks import FULL_SCALE, STEP, LivePeaks
from karaoke_studio.audio.raw import RawFile
from tests.helpers.signals import noise


class Song:
    """A staged song whose vocals are written bit by bit."""

    def __init__(self, folder: Path, frames: int) -> None:
        self.original = noise(frames / 44_100, 44_100, level=0.2)[:, :frames].T
        self.voice = self.original * np.float32(0.25)
        self.told: list[dict[str, Any]] = []
        with RawFile.create(folder / "original", 2, frames) as file:
            file.write(0, self.original)
        self._files = RawFile.open(folder / "original", 2), RawFile.create(folder / "v", 2, frames)
        self.live = LivePeaks(*self._files, lambda facts: self.told.append(facts["peaks"]))

    def write(self, start: int, stop: int) -> None:
        self._files[1].write(start, self.voice[start:stop])
        self.live.add(start, stop)

    def columns(self) -> dict[int, tuple[list[int], list[int]]]:
        """Return what was told of the vocals, by column."""
        found = {}
        for facts in self.told:
            for number, extremes in enumerate(zip(*facts["vocals"], strict=True)):
                found[facts["first"] + number] = extremes
        return found

    def close(self) -> None:
        for file in self._files:
            file.close()


@pytest.fixture
def song(tmp_path: Path) -> Any:
    made = Song(tmp_path, 10 * STEP + 100)
    yield made
    made.close()


@pytest.mark.parametrize(
    "cuts",
    [
        [(0, 10 * STEP + 100)],
        [(0, 5000), (5000, 9000), (9000, 10 * STEP + 100)],
        [(7 * STEP - 3, 10 * STEP + 100), (0, STEP // 2), (STEP // 2, 7 * STEP - 3)],
    ],
    ids=["at once", "in order", "in any order"],
)
def test_every_column_is_told_with_its_extremes(song: Song, cuts: list[tuple[int, int]]) -> None:
    for start, stop in cuts:
        song.write(start, stop)
    song.live.flush()
    told = song.columns()
    assert sorted(told) == list(range(11))
    for column, (low, high) in told.items():
        part = song.voice[column * STEP : (column + 1) * STEP] * FULL_SCALE
        assert (low, high) == (round(float(part.min())), round(float(part.max())))
    music = song.told[0]["instrumental"][1][0]
    first = (song.original - song.voice)[: STEP if song.told[0]["first"] == 0 else None]
    assert music <= round(float(first.max()) * FULL_SCALE) + 1


def test_a_column_waits_until_it_is_whole(song: Song) -> None:
    song.write(0, STEP - 1)
    song.live.flush()
    assert song.told == []
    song.write(STEP - 1, STEP)
    song.live.flush()
    assert list(song.columns()) == [0]


def test_it_tells_now_and_then(song: Song, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(live_peaks.time, "perf_counter", lambda: now[0])
    for column in range(10):
        song.write(column * STEP, (column + 1) * STEP)
    assert len(song.told) == 1
    now[0] += 0.2
    song.write(10 * STEP, 10 * STEP + 100)
    assert sorted(song.columns()) == list(range(11))
