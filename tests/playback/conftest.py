"""Takes on disk and a player on a device with a clock of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from karaoke_studio.playback.player import Player, PlayerState, TakeFiles
from tests.helpers.fakes import ClockedOutput
from tests.helpers.sound_server import until

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
PAIR = ("vocals", "instrumental")
NETWORK = ("vocals", "drums", "bass", "guitar", "piano", "other")


class Take:
    """A take with known samples: 24-bit integers (stems, channels, frames), vocals first."""

    def __init__(self, folder: Path, stems: IntArray, rate: int, shift_bits: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = PAIR if len(stems) == len(PAIR) else NETWORK[: len(stems)]
        paths = {name: folder / f"{name}.flac" for name in names}
        for path, stem in zip(paths.values(), stems, strict=True):
            with soundfile.SoundFile(
                path, "w", samplerate=rate, channels=len(stem), subtype="PCM_24"
            ) as file:
                file.write(np.ascontiguousarray((stem << 8).astype(np.int32).T))
        self.files = TakeFiles(paths, rate, stems.shape[1], stems.shape[2], shift_bits)
        scale = 2.0**shift_bits / 2**23
        self.stems = (scale * stems).astype(np.float32)
        self.vocals = self.stems[0]
        self.instrumental = (scale * stems[1:].sum(axis=0)).astype(np.float32)
        self.original = (scale * stems.sum(axis=0)).astype(np.float32)


@pytest.fixture
def noise_take(tmp_path: Path) -> Callable[..., Take]:
    """Make a take of loud noise: every sample differs, so a shift by one frame shows."""

    def make(
        seconds: float = 1.0,
        rate: int = 44_100,
        channels: int = 2,
        shift_bits: int = 0,
        name: str = "noise",
        count: int = 2,
    ) -> Take:
        rng = np.random.default_rng(7)
        limit = 2**23 // count
        stems = rng.integers(-limit, limit, (count, channels, round(seconds * rate)))
        return Take(tmp_path / name, stems, rate, shift_bits)

    return make


@pytest.fixture
def tone_take(tmp_path: Path) -> Callable[..., Take]:
    """Make a take of low tones: its own steps are small, so a click shows."""

    def make(seconds: float = 2.0, rate: int = 44_100, name: str = "tones", count: int = 2) -> Take:
        t = np.arange(round(seconds * rate)) / rate
        pitches = (110, 165, 60, 220, 90, 130)[:count]
        tones = [0.8 / count * np.sin(2 * np.pi * hz * t) for hz in pitches]
        stems = np.round(np.array([[tone, tone] for tone in tones]) * 2**23).astype(np.int64)
        return Take(tmp_path / name, stems, rate)

    return make


class Stage:
    """A player, its device, and somebody who listens."""

    def __init__(self, output: ClockedOutput | None = None, **options: float) -> None:
        self.output = output or ClockedOutput()
        self.player = Player(self.output, **options)

    def listen(self, frames: int) -> FloatArray:
        """Play so many frames, never faster than the player can read; return them."""
        self.output.heard()
        while frames > 0:
            if self.player.state is PlayerState.PLAYING:
                until(lambda: self.output.is_open and self.player.is_ready)
            count = min(frames, 441)
            self.output.advance(count)
            frames -= count
        return self.output.heard()

    def load(self, take: Take) -> None:
        self.player.load(take.files)

    def play(self) -> None:
        self.player.play()
        until(lambda: self.output.is_open and self.player.is_ready)


@pytest.fixture
def stages() -> Iterator[Callable[..., Stage]]:
    """Make stages; at the end every player is closed and no thread is left."""
    before = set(threading.enumerate())
    made: list[Stage] = []

    def make(output: ClockedOutput | None = None, **options: float) -> Stage:
        made.append(Stage(output, **options))
        return made[-1]

    yield make
    for stage in made:
        # Lets the fade-out pass, which closing waits for.
        stage.player.pause()
        stage.listen(1_000)
        stage.player.close()
        assert not stage.output.is_open
    assert set(threading.enumerate()) <= before


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    return stages()
