"""Min/max pyramids: what a waveform view draws instead of millions of samples.

A peaks file holds, for each stem, the smallest and largest sample of every 256, 4,096 and 65,536
frames (over all channels), as 16-bit integers of full scale.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
LEVELS = (256, 4096, 65536)
_MAGIC = b"KSPEAKS1"
_FULL_SCALE = 32767.0


class PeaksBuilder:
    """Collects the finest level of one stem from blocks that come in order."""

    def __init__(self) -> None:
        self._rest: FloatArray = np.empty((0, 1), np.float32)
        self._low: list[FloatArray] = []
        self._high: list[FloatArray] = []

    def add(self, block: FloatArray) -> None:
        """Add float32 (frames, channels), full scale = 1."""
        if len(self._rest):
            block = np.concatenate([self._rest, block])
        whole = len(block) // LEVELS[0] * LEVELS[0]
        if whole:
            # one row per 256 frames of all channels: reducing along memory is what numpy does fast
            rows = np.ascontiguousarray(block[:whole]).reshape(whole // LEVELS[0], -1)
            self._low.append(rows.min(axis=1))
            self._high.append(rows.max(axis=1))
        self._rest = block[whole:].copy()

    def finish(self) -> tuple[FloatArray, FloatArray]:
        """Return (minima, maxima) of every 256 frames, the last ones included."""
        if len(self._rest):
            self._low.append(self._rest.min(keepdims=True)[0])
            self._high.append(self._rest.max(keepdims=True)[0])
            self._rest = self._rest[:0]
        if not self._low:
            return np.empty((0,), np.float32), np.empty((0,), np.float32)
        return np.concatenate(self._low), np.concatenate(self._high)


def write_peaks(path: Path, frames: int, stems: dict[str, tuple[FloatArray, FloatArray]]) -> None:
    """Write a peaks file from each stem's finest level.

    Raises:
        OSError: the disk is full.
    """
    header = json.dumps({"frames": frames, "stems": list(stems)}).encode()
    with path.open("wb") as file:
        file.write(_MAGIC + struct.pack("<I", len(header)) + header)
        for low, high in stems.values():
            for _ in LEVELS:
                pair = np.stack([low, high])
                file.write(np.rint(np.clip(pair, -1, 1) * _FULL_SCALE).astype("<i2").tobytes())
                low, high = _coarser(low, np.minimum), _coarser(high, np.maximum)


def _coarser(values: FloatArray, reduce: np.ufunc) -> FloatArray:
    step = LEVELS[1] // LEVELS[0]
    if not len(values):
        return values
    coarse: FloatArray = reduce.reduceat(values, np.arange(0, len(values), step))
    return coarse


@dataclass(frozen=True)
class Peaks:
    """A loaded peaks file.

    Attributes:
        frames: length of the song.
        levels: stem → one int16 array (2, n) per level: minima and maxima.
    """

    frames: int
    levels: dict[str, list[NDArray[np.int16]]]

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems in the file, in order."""
        return tuple(self.levels)

    def columns(
        self, stem: str, start_frame: float, stop_frame: float, count: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return minima and maxima of `count` equal columns of a range.

        Args:
            stem: which stem.
            start_frame: first frame of the range.
            stop_frame: one past its last frame.
            count: number of columns.

        Returns:
            Two float32 arrays of length `count`, −1…1, over every block that a column touches;
            zeros beyond the song.
        """
        edges = np.linspace(start_frame, stop_frame, max(0, count) + 1)
        per_column = (stop_frame - start_frame) / max(count, 1)
        level = max((i for i, size in enumerate(LEVELS) if size <= per_column), default=0)
        pairs = self.levels[stem][level]
        if not pairs.shape[1] or count <= 0 or stop_frame < start_frame:
            count = max(0, count)
            return np.zeros(count, np.float32), np.zeros(count, np.float32)
        size, blocks = LEVELS[level], pairs.shape[1]
        first = np.clip(edges[:-1] // size, 0, blocks - 1).astype(np.intp)
        last = np.clip(np.ceil(edges[1:] / size), first + 1, blocks).astype(np.intp)
        # every second reduction is a column (all blocks it touches), the others lie between two;
        # one block more at the end, because a reduction must start inside
        part = np.append(pairs[:, first[0] : last[-1]], pairs[:, -1:], axis=1)
        marks = np.stack([first, last], axis=1).ravel() - first[0]
        low = np.minimum.reduceat(part[0], marks)[::2].astype(np.float32) / np.float32(_FULL_SCALE)
        high = np.maximum.reduceat(part[1], marks)[::2].astype(np.float32) / np.float32(_FULL_SCALE)
        # by a hair, since the edges are rounded
        outside = (edges[:-1] >= self.frames) | (edges[1:] <= 1e-6)
        low[outside] = high[outside] = 0
        return low, high


def load_peaks(path: Path) -> Peaks:
    """Read a peaks file.

    Raises:
        OSError: it is not there.
        ValueError: it is not a peaks file or is cut off.
    """
    data = path.read_bytes()
    if data[:8] != _MAGIC:
        raise ValueError(f"{path.name} is no peaks file")
    try:
        return _parse(data)
    except (struct.error, LookupError, TypeError, ValueError, OverflowError) as exc:
        raise ValueError(f"{path.name} is damaged") from exc


def _parse(data: bytes) -> Peaks:
    (size,) = struct.unpack_from("<I", data, 8)
    header = json.loads(data[12 : 12 + size])
    frames, offset = int(header["frames"]), 12 + size
    levels: dict[str, list[NDArray[np.int16]]] = {}
    for stem in header["stems"]:
        count = -(-frames // LEVELS[0])
        levels[stem] = []
        for _ in LEVELS:
            pairs = np.frombuffer(data, "<i2", 2 * count, offset).reshape(2, count)
            levels[stem].append(pairs)
            offset += 4 * count
            count = -(-count // (LEVELS[1] // LEVELS[0]))
    return Peaks(frames, levels)
