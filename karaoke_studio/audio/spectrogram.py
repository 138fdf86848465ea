"""Spectrograms: levels over time and frequency, as a view draws them.

A file holds one song as bytes of level, rows from low to high notes, columns over time, and the
same again at half the columns until few are left. Made in a *media* child, where numpy may be
heavy; the window only looks columns up.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

#: The rows lie evenly between two frequencies: by octaves (32 rows each), by the ear's mels, or by
#: hertz.
SCALES = {"log": (55.0, 14_000.0), "mel": (40.0, 16_000.0), "linear": (0.0, 20_000.0)}
ROWS = 256
#: Level of byte 0 and of byte 255; 0 dB is a sine of full scale.
FLOOR_DB, TOP_DB = -96.0, 0.0
#: At 44.1 and 48 kHz, and scaled to the nearest power of two elsewhere.
WINDOWS = (1024, 2048, 4096, 8192)
WINDOW_FRAMES, HOP_FRAMES = 4096, 1024
#: A longer song gets longer columns, so that neither file nor memory grows with it.
COLUMN_LIMIT = 40_000
#: The coarsest level has at least this many columns.
_FEWEST_COLUMNS = 512
_BATCH = 128
_MAGIC = b"KSSPECT1"
#: A Hann window spreads a sine over bins whose powers add up to 1.5 times the highest.
_HANN_NOISE_BINS = 1.5

Report = Callable[[float], None]
Check = Callable[[], None]


@dataclass(frozen=True)
class Shape:
    """What a spectrogram is made like.

    Attributes:
        window: frames of one transform, one of `WINDOWS`: long ones tell notes apart, short ones
            moments.
        scale: of frequency, one of `SCALES`.
    """

    window: int = WINDOW_FRAMES
    scale: str = "log"


USUAL = Shape()


def row_hz(row: float, scale: str = "log") -> float:
    """Return the frequency at the middle of a row."""
    low, high = SCALES[scale]
    share = row / (ROWS - 1)
    if scale == "log":
        return float(low * (high / low) ** share)
    if scale == "mel":
        return _hz_of(_mel_of(low) + share * (_mel_of(high) - _mel_of(low)))
    return low + share * (high - low)


def _mel_of(hz: float) -> float:
    """Return mels; O'Shaughnessy, Speech Communication (1987)."""
    return 2595 * math.log10(1 + hz / 700)


def _hz_of(mel: float) -> float:
    return float(700 * (10 ** (mel / 2595) - 1))


def level_db(value: float) -> float:
    """Return the level that a byte stands for."""
    return FLOOR_DB + (TOP_DB - FLOOR_DB) * value / 255


@dataclass(frozen=True)
class Grid:
    """How a song is cut into columns.

    Attributes:
        window: frames of one transform.
        step: frames between two transforms.
        hop: frames of one column; its transforms' powers are averaged.
        columns: of the finest level.
    """

    window: int
    step: int
    hop: int
    columns: int

    @staticmethod
    def of(frames: int, sample_rate: int, window: int = WINDOW_FRAMES) -> Grid:
        """Return the grid of a song."""
        scale = 2.0 ** round(np.log2(sample_rate / 44_100))
        hop = window * HOP_FRAMES // WINDOW_FRAMES
        window, hop = max(64, round(window * scale)), max(16, round(hop * scale))
        while frames > COLUMN_LIMIT * hop:
            hop *= 2
        # at half a window apart the tapers of two transforms add up: no frame is left out
        return Grid(window, min(hop, window // 2), hop, -(-frames // hop))


def row_weights(sample_rate: int, window: int, scale: str = "log") -> FloatArray:
    """Return how much of each bin's power belongs to each row, float32 (bins, rows).

    Triangles from row to row, never narrower than the distance of two bins. A sine of full scale
    gives about 1 in its row, whatever its frequency.
    """
    bins_hz = np.fft.rfftfreq(window, 1 / sample_rate)
    bin_hz = sample_rate / window
    rows = np.array([row_hz(row, scale) for row in range(-1, ROWS + 1)])
    middles = rows[1:-1]
    below = np.maximum(middles - rows[:-2], bin_hz)
    above = np.maximum(rows[2:] - middles, bin_hz)
    away = bins_hz[:, None] - middles[None, :]
    weights = np.clip(1 - np.where(away < 0, -away / below, away / above), 0, 1)
    # a hann window of n frames turns a sine of amplitude 1 into a line of height n / 4
    weights /= _HANN_NOISE_BINS * (window / 4) ** 2
    result: FloatArray = weights.astype(np.float32)
    return result


class SpectrogramBuilder:
    """Collects the finest level from blocks that come in order; their sizes change nothing."""

    def __init__(self, frames: int, sample_rate: int, channels: int, shape: Shape = USUAL) -> None:
        self.shape = shape
        self.grid = Grid.of(frames, sample_rate, shape.window)
        grid = self.grid
        self._span = (_BATCH - 1) * grid.step + grid.window
        self._taper = np.hanning(grid.window + 1)[:-1].astype(np.float32)
        self._weights = row_weights(sample_rate, grid.window, shape.scale)
        self._levels = np.zeros((ROWS, grid.columns), np.uint8)
        self._done = 0
        self._held = np.zeros((channels, self._span), np.float32)
        # the first column's windows lie around its middle, and so begin before the song
        self._filled = (grid.window - grid.step) // 2

    def add(self, block: FloatArray) -> None:
        """Add float32 (frames, channels), full scale = 1."""
        at = 0
        while at < len(block):
            count = min(len(block) - at, self._span - self._filled)
            self._held[:, self._filled : self._filled + count] = block[at : at + count].T
            self._filled += count
            at += count
            if self._filled == self._span:
                self._analyse()

    def finish(self) -> ByteArray:
        """Return uint8 (rows, columns), every frame of the song included."""
        while self._done < self.grid.columns:
            self._held[:, self._filled :] = 0
            self._analyse()
        return self._levels

    def _analyse(self) -> None:
        grid = self.grid
        windows = np.lib.stride_tricks.sliding_window_view(self._held, grid.window, axis=1)
        lines = np.fft.rfft(windows[:, :: grid.step] * self._taper)
        # the channels' powers, not their sum: what is out of phase is heard, too
        power = np.square(lines.real).sum(axis=0) + np.square(lines.imag).sum(axis=0)
        rows = (power / np.float32(len(self._held))) @ self._weights
        rows = rows.reshape(-1, grid.hop // grid.step, ROWS).mean(axis=1)
        stop = min(self._done + len(rows), grid.columns)
        self._levels[:, self._done : stop] = to_bytes(rows[: stop - self._done]).T
        self._done = stop
        kept = grid.window - grid.step
        self._held[:, :kept] = self._held[:, self._span - kept :].copy()
        self._filled = kept


def to_bytes(power: FloatArray) -> ByteArray:
    """Return levels as bytes."""
    decibels = 10 * np.log10(np.maximum(power, np.float32(1e-12)))
    scaled = (decibels - np.float32(FLOOR_DB)) * np.float32(255 / (TOP_DB - FLOOR_DB))
    result: ByteArray = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return result


def coarser(levels: ByteArray) -> ByteArray:
    """Return half the columns: the mean power of two and two, the last one alone if odd."""
    powers = (10 ** ((FLOOR_DB + (TOP_DB - FLOOR_DB) * np.arange(256) / 255) / 10)).astype("f4")
    half = levels.shape[1] // 2
    pairs = powers[levels[:, : 2 * half]].reshape(ROWS, half, 2).mean(axis=2)
    return np.concatenate([to_bytes(pairs), levels[:, 2 * half :]], axis=1)


def pyramid(levels: ByteArray) -> Iterator[ByteArray]:
    """Yield a level and all that are coarser."""
    yield levels
    while levels.shape[1] >= 2 * _FEWEST_COLUMNS:
        levels = coarser(levels)
        yield levels


def make_spectrogram(
    stems: list[Path],
    target: Path,
    sound: dict[str, int],
    report: Report,
    check: Check,
    shape: Shape = USUAL,
) -> None:
    """Write the spectrogram of the sum of stems.

    Args:
        stems: lossless files of one length.
        target: file to write; its folder is made. It appears whole or not at all.
        sound: `channels`, `sample_rate` and `frames` of the stems.
        report: gets a rising fraction.
        check: called between blocks.
        shape: what it is like.

    Raises:
        CorruptAudio: a stem is damaged.
        OSError: the target cannot be written.
    """
    builder = SpectrogramBuilder(sound["frames"], sound["sample_rate"], sound["channels"], shape)
    read = 0
    for block in _sums(stems):
        check()
        builder.add(block)
        read += len(block)
        report(0.95 * read / max(1, sound["frames"]))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        write_spectrogram(beside, builder, sound)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    report(1.0)


def _sums(stems: list[Path]) -> Iterator[FloatArray]:
    """Yield blocks of the sum; the stems are our own, and so are cut into the same blocks."""
    # here, because the window reads these files and must not load what makes them
    from karaoke_studio.audio.encode import read_floats

    readers: list[Iterable[Any]] = [read_floats(path) for path in stems]
    for blocks in zip(*readers, strict=True):
        yield sum(blocks[1:], start=blocks[0])


def write_spectrogram(path: Path, builder: SpectrogramBuilder, sound: dict[str, int]) -> None:
    """Write a file from what a builder collected.

    Raises:
        OSError: the disk is full.
    """
    levels = list(pyramid(builder.finish()))
    header = json.dumps(
        {
            "frames": sound["frames"],
            "hop": builder.grid.hop,
            "scale": builder.shape.scale,
            "columns": [level.shape[1] for level in levels],
        }
    ).encode()
    with path.open("wb") as file:
        file.write(_MAGIC + struct.pack("<I", len(header)) + header)
        for level in levels:
            file.write(np.ascontiguousarray(level).data)


@dataclass(frozen=True)
class Spectrogram:
    """A loaded file.

    Attributes:
        frames: length of the song.
        hop: frames of one column of the finest level; each further level doubles it.
        levels: uint8 (rows, columns) each, low frequencies first.
        scale: of frequency, one of `SCALES`.
    """

    frames: int
    hop: int
    levels: list[ByteArray]
    scale: str = "log"

    def db_at(self, frame: float, row: float) -> float:
        """Return the level at a frame of the song and a row."""
        finest = self.levels[0]
        column = min(max(int(frame // self.hop), 0), finest.shape[1] - 1)
        return level_db(float(finest[min(max(round(row), 0), ROWS - 1), column]))

    def level_for(self, frames_per_column: float) -> tuple[ByteArray, int]:
        """Return the coarsest level whose columns are no longer than this, and their frames."""
        number, hop = 0, self.hop
        while number + 1 < len(self.levels) and 2 * hop <= frames_per_column:
            number, hop = number + 1, 2 * hop
        return self.levels[number], hop

    def loudest(self, share: float = 0.999) -> int:
        """Return the byte below which this share of the song's columns and rows lies."""
        counts = np.bincount(self.levels[-1].ravel(), minlength=256).cumsum()
        return int(np.searchsorted(counts, share * counts[-1]))


def load_spectrogram(path: Path) -> Spectrogram:
    """Read a file.

    Raises:
        OSError: it is not there.
        ValueError: it is no spectrogram or is cut off.
    """
    data = path.read_bytes()
    if data[:8] != _MAGIC:
        raise ValueError(f"{path.name} is no spectrogram")
    try:
        return _parse(data)
    except (struct.error, LookupError, TypeError, ValueError, OverflowError) as exc:
        raise ValueError(f"{path.name} is damaged") from exc


def _parse(data: bytes) -> Spectrogram:
    (size,) = struct.unpack_from("<I", data, 8)
    header = json.loads(data[12 : 12 + size])
    frames, hop, offset = int(header["frames"]), int(header["hop"]), 12 + size
    scale = header.get("scale", "log")
    if frames < 0 or hop < 1 or not header["columns"] or scale not in SCALES:
        raise ValueError("the header makes no sense")
    levels: list[ByteArray] = []
    for columns in header["columns"]:
        count = ROWS * int(columns)
        levels.append(np.frombuffer(data, np.uint8, count, offset).reshape(ROWS, int(columns)))
        offset += count
    return Spectrogram(frames, hop, levels, scale)
