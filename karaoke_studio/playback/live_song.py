"""A song that is being made: how much of it lies in staging, told by its job, asked by the player.

Three files grow there: the song itself while it is imported, a draft of its vocals, and the vocals
that will be kept. Each is heard where it is ready.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from karaoke_studio.separation.ranges import Range, Ranges
from karaoke_studio.staging import DRAFT, VOCALS

#: What is heard where nothing is separated yet: a stem of its own, the song as it is.
UNSPLIT = "unsplit"
LIVE_STEMS = ("vocals", "instrumental", UNSPLIT)


class Layer(Enum):
    """Vocals of a song, by the name of their file in staging."""

    DRAFT = DRAFT
    FINAL = VOCALS


@dataclass(frozen=True)
class Listener:
    """Where the song is heard.

    Attributes:
        frame: of the song.
        moves: whether it plays on from there.
    """

    frame: int
    moves: bool


class LiveSong:
    """What of one song is ready.

    Attributes:
        folder: of its files.
        sample_rate: Hz.
        channels: 1 or 2.
        listener: where the player is, None before anybody listened.
        version: raised by each change of what is ready.

    Thread: any; what is asked is copied.
    """

    def __init__(self, folder: Path, *, sample_rate: int, channels: int, frames: int) -> None:
        """Begin with nothing but the length that the file claims, in frames."""
        self.folder = folder
        self.sample_rate = sample_rate
        self.channels = channels
        self.listener: Listener | None = None
        self.version = 0
        self._frames = frames
        self._imported = 0
        self._is_imported = False
        self._ready = {layer: Ranges() for layer in Layer}
        self._lock = threading.Lock()

    @property
    def frames(self) -> int:
        """Length of the song: what its file claims, and the truth once it is imported."""
        return max(self._frames, self._imported)

    @property
    def imported(self) -> int:
        """How many frames of the song can be read."""
        return self._imported

    @property
    def is_imported(self) -> bool:
        """Whether the whole song can be read."""
        return self._is_imported

    def import_to(self, frames: int, *, is_whole: bool = False) -> None:
        """Note that the song can be read up to a frame; `is_whole`: and that it ends there."""
        with self._lock:
            self._imported = frames
            if is_whole:
                self._frames, self._is_imported = frames, True
            self.version += 1

    def add(self, layer: Layer, start: int, stop: int) -> None:
        """Note that a layer has frames start…stop."""
        with self._lock:
            self._ready[layer].add(start, stop)
            self.version += 1

    def clear(self, layer: Layer) -> None:
        """Note that a layer is being made anew."""
        with self._lock:
            self._ready[layer] = Ranges()
            self.version += 1

    def within(self, layer: Layer, start: int, stop: int) -> list[Range]:
        """Return the ranges of a layer that touch start…stop, each as far as it goes."""
        with self._lock:
            return [(low, high) for low, high in self._ready[layer] if low < stop and start < high]


@dataclass(frozen=True)
class LiveTake:
    """A song that is being made, as the player takes it.

    Attributes:
        song: tells what is ready.
        stems: what is played; together they are the song at every moment.
    """

    song: LiveSong
    stems: tuple[str, ...] = field(default=LIVE_STEMS)

    @property
    def sample_rate(self) -> int:
        """Rate of the song in Hz."""
        return self.song.sample_rate

    @property
    def channels(self) -> int:
        """Return 1 or 2."""
        return self.song.channels

    @property
    def frames(self) -> int:
        """Length of the song."""
        return self.song.frames
