"""Staged sound: raw interleaved float32 files, written and read by position.

Little-endian, C order, shape (frames, channels), no header. A file is created at its full length
(sparse), so ranges can be written in any order. Positioned reads and writes only; no memory maps
(a vanished disk then is an error, not a crash).
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatBlock = NDArray[np.float32]
SAMPLE_BYTES = 4


class RawFile:
    """One staged stem or original.

    Attributes:
        channels: 1 or 2.
        frames: length of the file in frames.
    """

    def __init__(self, path: Path, channels: int, *, mode: str) -> None:
        self.path = path
        self.channels = channels
        self._file = io.FileIO(path, mode)
        self._frame_bytes = SAMPLE_BYTES * channels
        self.frames = os.fstat(self._file.fileno()).st_size // self._frame_bytes

    @classmethod
    def create(cls, path: Path, channels: int, frames: int = 0) -> Self:
        """Make a new file of `frames` frames of silence (it grows when written past its end).

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        made = cls(path, channels, mode="w+")
        try:
            made._file.truncate(frames * made._frame_bytes)
        except OSError:
            made.close()
            raise
        made.frames = frames
        return made

    @classmethod
    def open(cls, path: Path, channels: int, *, writable: bool = False) -> Self:
        """Open a file that exists.

        Raises:
            OSError: it is not there or cannot be read.
        """
        return cls(path, channels, mode="r+" if writable else "r")

    def measure(self) -> None:
        """Learn how long the file is by now: another process may be writing it."""
        self.frames = os.fstat(self._file.fileno()).st_size // self._frame_bytes

    def read(self, start: int, stop: int) -> FloatBlock:
        """Return frames start…stop, clipped to the file, as float32 (frames, channels)."""
        start, stop = max(0, start), min(stop, self.frames)
        block = np.empty((max(0, stop - start), self.channels), np.float32)
        view = block.data.cast("B") if block.size else memoryview(b"")
        self._file.seek(start * self._frame_bytes)
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                raise OSError(f"{self.path.name} ends early")
            done += count
        return block

    def write(self, start: int, block: FloatBlock) -> None:
        """Write float32 (frames, channels) at frame `start`.

        Raises:
            OSError: the disk is full.
        """
        data = np.ascontiguousarray(block, dtype="<f4")
        if not data.size:
            return
        view = data.data.cast("B")
        self._file.seek(start * self._frame_bytes)
        done = 0
        while done < len(view):
            done += self._file.write(view[done:])
        self.frames = max(self.frames, start + len(data))

    def sync(self) -> None:
        """Flush to disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
