"""Rounding stems once, as integers, so that their sum is the original exactly.

q(original) and q(vocals) are rounded; the instrumental is their difference, never rounded by
itself (rounding both stems apart is off by one step in 6–26 % of the samples). Of four or six stems
"other" is the original less all the rest. If anything would leave full scale, one common gain is
applied before the one rounding, to all files alike.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.raw import FloatBlock, RawFile

IntBlock = NDArray[np.int32]
#: Frames in one block; the dither of a block depends on its number, so this is part of the law.
BLOCK_FRAMES = 1 << 17
_DITHER_SEED = 20_240_901
#: Steps kept free under full scale when a gain is needed: rounding and dither move by up to two.
_MARGIN_STEPS = 3
_THREADS = 2

Check = Callable[[], None]


@dataclass(frozen=True)
class StagedSong:
    """The opened samples of a song: what was decoded, and what an engine made of it.

    Attributes:
        original: the song.
        parts: stem → its samples, as long as the song: the vocals alone, or all stems of a network.
        mixes: name → samples that were mixed of them: written beside the stems, part of no sum.
    """

    original: RawFile
    parts: Mapping[str, RawFile]
    mixes: Mapping[str, RawFile] = field(default_factory=dict)

    def own(self, stem: str) -> RawFile:
        """Return the samples of a stem that has its own."""
        return self.mixes[stem] if stem in self.mixes else self.parts[stem]

    def taken_from(self, stem: str) -> tuple[str, ...] | None:
        """Return the stems that the original loses to leave `stem`; None for an engine's own."""
        if stem == "instrumental":
            return ("vocals",)
        if stem == "other" and len(self.parts) > 1:
            return tuple(name for name in self.parts if name != "other")
        return None

    def stems(self) -> Iterator[str]:
        """Yield every stem that can be had."""
        yield from self.parts
        if "vocals" in self.parts:
            yield "instrumental"
        yield from self.mixes

    def is_whole(self, stems: Mapping[str, object]) -> bool:
        """Whether these stems add up to the song."""
        added = set(stems) - set(self.mixes)
        return added in ({"vocals", "instrumental"}, set(self.parts)) and len(added) > 1


@dataclass(frozen=True)
class Quantiser:
    """The law that turns float samples into integers.

    Attributes:
        bits: 16 or 24.
        gain: applied to everything before rounding.
        is_dithered: add triangular dither (±1 step) to what is not taken from the original.
    """

    bits: int
    gain: float = 1.0
    is_dithered: bool = False

    @property
    def scale(self) -> np.float32:
        """Steps per full scale, gain included."""
        return np.float32(2.0 ** (self.bits - 1) * self.gain)

    def original(self, block: FloatBlock) -> IntBlock:
        """Return q(gain · original) as int32 (frames, channels)."""
        return _rounded(block, self.scale)

    def stem(self, block: FloatBlock, stem: str, number: int) -> IntBlock:
        """Return q(gain · stem) as int32 (frames, channels).

        Args:
            block: float32 samples.
            stem: its name and
            number: the block's index in the song seed its dither.
        """
        if not self.is_dithered:
            return _rounded(block, self.scale)
        seed = [_DITHER_SEED, zlib.crc32(stem.encode()), number]
        random = np.random.Generator(np.random.PCG64(seed))
        dither = random.random(block.shape, np.float32) - random.random(block.shape, np.float32)
        return _rounded(block, self.scale, dither)

    def fits(self, low: int, high: int) -> bool:
        """Whether integers of this range can be written with these bits."""
        limit: int = 1 << (self.bits - 1)
        return -limit <= low and high < limit


def _rounded(block: FloatBlock, scale: np.float32, dither: FloatBlock | None = None) -> IntBlock:
    # samples far over full scale leave int32 while a gain is looked for; they end at one of its
    # ends, which does not fit, so nothing of that is ever written
    with np.errstate(invalid="ignore", over="ignore"):
        steps = block * scale
        if dither is not None:
            steps += dither
        rounded: IntBlock = np.rint(steps, out=steps).astype(np.int32)
    return rounded


def stem_block(stem: str, quantiser: Quantiser, song: StagedSong, number: int) -> IntBlock:
    """Return one block of a stem as integers, read from the staged files."""
    start, stop = number * BLOCK_FRAMES, (number + 1) * BLOCK_FRAMES
    lost = song.taken_from(stem)
    if lost is None:
        return quantiser.stem(song.own(stem).read(start, stop), stem, number)
    left = quantiser.original(song.original.read(start, stop))
    for name in lost:
        left -= quantiser.stem(song.parts[name].read(start, stop), name, number)
    return left


def float_block(stem: str, song: StagedSong, number: int) -> FloatBlock:
    """Return one block of a stem as float32, read from the staged files."""
    start, stop = number * BLOCK_FRAMES, (number + 1) * BLOCK_FRAMES
    lost = song.taken_from(stem)
    if lost is None:
        return song.own(stem).read(start, stop)
    left = song.original.read(start, stop)
    for name in lost:
        left -= song.parts[name].read(start, stop)
    return left


def block_count(frames: int) -> int:
    """Return how many blocks a song has."""
    return -(-frames // BLOCK_FRAMES)


def choose_gain(
    bits: int,
    song: StagedSong,
    *,
    is_dithered: bool = False,
    powers_of_two: bool = False,
    check: Check = lambda: None,
) -> Quantiser:
    """Return a quantiser at which the original and every stem fit.

    Args:
        bits: 16 or 24.
        song: its staged samples.
        is_dithered: see `Quantiser`.
        powers_of_two: only gains 1, ½, ¼ … (library takes: the player undoes them exactly).
        check: called for each block; may raise to stop.

    The gain is 1 unless something would leave full scale.
    """
    quantiser = Quantiser(bits, 1.0, is_dithered)
    while True:
        low, high = _extent(quantiser, song, check)
        if quantiser.fits(low, high):
            return quantiser
        room = (2 ** (bits - 1) - _MARGIN_STEPS) / max(high, -low)
        if powers_of_two:
            # rounding may let a gain fit that seems a step too large: the smallest one is wanted
            hopeful = (2 ** (bits - 1) + _MARGIN_STEPS) / max(high, -low)
            room = 2.0 ** min(-1, math.floor(math.log2(hopeful)))
        quantiser = Quantiser(bits, quantiser.gain * room, is_dithered)


def _extent(quantiser: Quantiser, song: StagedSong, check: Check) -> tuple[int, int]:
    low = high = 0
    waiting: deque[Future[tuple[int, int]]] = deque()
    # numpy works outside the interpreter's lock: two blocks at once, which are read one by one
    with ThreadPoolExecutor(_THREADS, "measure") as pool:
        for number in range(block_count(song.original.frames)):
            check()
            start, stop = number * BLOCK_FRAMES, (number + 1) * BLOCK_FRAMES
            own = (*song.parts.items(), *song.mixes.items())
            blocks = {name: file.read(start, stop) for name, file in own}
            whole = song.original.read(start, stop)
            waiting.append(pool.submit(_block_extent, quantiser, song, number, whole, blocks))
            if len(waiting) > _THREADS:
                least, most = waiting.popleft().result()
                low, high = min(low, least), max(high, most)
    for measured in waiting:
        least, most = measured.result()
        low, high = min(low, least), max(high, most)
    return low, high


def _block_extent(
    quantiser: Quantiser,
    song: StagedSong,
    number: int,
    original: FloatBlock,
    blocks: dict[str, FloatBlock],
) -> tuple[int, int]:
    """Return the least and the greatest integer of one block of all that may be written."""
    whole = quantiser.original(original)
    made = {name: quantiser.stem(block, name, number) for name, block in blocks.items()}
    low, high = int(whole.min()), int(whole.max())
    for stem in song.stems():
        lost = song.taken_from(stem)
        values = made[stem] if lost is None else _less(whole, [made[name] for name in lost])
        low, high = min(low, int(values.min())), max(high, int(values.max()))
    return low, high


def _less(whole: IntBlock, parts: list[IntBlock]) -> IntBlock:
    left = whole - parts[0]
    for part in parts[1:]:
        left -= part
    return left


def float_peak(song: StagedSong, check: Check = lambda: None) -> float:
    """Return the largest magnitude in the original and every stem (for lossy formats)."""
    peak = 0.0
    for number in range(block_count(song.original.frames)):
        check()
        start, stop = number * BLOCK_FRAMES, (number + 1) * BLOCK_FRAMES
        blocks = (float_block(stem, song, number) for stem in song.stems())
        for block in (song.original.read(start, stop), *blocks):
            peak = max(peak, float(block.max()), -float(block.min()))
    return peak


class NullTest:
    """Level of (vocals + instrumental − original) over the original, from files read back."""

    def __init__(self) -> None:
        self._difference = 0.0
        self._original = 0.0

    def add(self, difference: NDArray[np.float64], original: NDArray[np.float64]) -> None:
        """Add one block; both in the same unit."""
        self._difference += float(np.vdot(difference, difference))
        self._original += float(np.vdot(original, original))

    def add_exact(self, original: FloatBlock | IntBlock) -> None:
        """Add one block whose difference is zero."""
        values = original.astype(np.float64)
        self._original += float(np.vdot(values, values))

    @property
    def is_exact(self) -> bool:
        """Whether every sample was zero."""
        return self._difference == 0.0

    @property
    def level_db(self) -> float:
        """20·log10(rms difference / rms original); exactly −200 for an exact pair."""
        if self.is_exact:
            return -200.0
        if self._original == 0.0:
            return 0.0
        return round(10 * math.log10(self._difference / self._original), 2)
