"""The chunk loop: overlapping chunks of a song through networks, blended into stems.

The arithmetic is that of Demucs' `apply_model` (split, overlap, shifts, bags with weights), bit for
bit, but chunks may come in any order and memory does not grow with the song: a frame is blended
from the *raw* outputs of its chunks, always in the same order, once all of them are there. Raw
outputs that wait for a neighbour lie on a shelf, on disk where a folder is given.

Nothing here knows torch: a network is a function on arrays. Frames outside the song are zero.

Source: https://github.com/adefossez/demucs/blob/v4.1.0/demucs/apply.py
"""

from __future__ import annotations

import random
import shutil
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.separation.engine import Check, FloatArray, ReportFraction
from karaoke_studio.separation.ranges import Range, Ranges

#: float32 (channels, n) → float32 (stems of the network, channels, ≥ the chunk's length); a network
#: that takes several chunks at once also has float32 (b, channels, n) → (b, stems, channels, …).
Forward = Callable[[FloatArray], FloatArray]
#: Reads frames start…stop as float32 (channels, stop - start), zeros outside the song.
Read = Callable[[int, int], FloatArray]
#: Takes float32 (stems, channels, n) from a frame on.
Emit = Callable[[int, FloatArray], None]

#: Shifts are at most half a second.
MAX_SHIFT_S = 0.5


def _as_long_as_the_chunk(length: int) -> int:
    return length


def _nothing(_samples: FloatArray) -> None:
    """Nothing is known before the network has run."""


@dataclass(frozen=True)
class Network:
    """One network of a bag, as the loop sees it.

    Attributes:
        forward: what it does to one chunk.
        segment: frames of a chunk.
        stems: which of the job's stems it adds to, by number; none = it need not run.
        weights: its weight for each of `stems`.
        valid_length: frames to feed for a chunk of so many; more than the chunk has are taken from
            the song on both sides, and the output is cut back to its middle.
        draws: whether upstream's forward takes one number from Python's `random`, which moves the
            shifts that are drawn after it.
        instead: asked for the chunk that was just read; what it returns is taken for the network's
            output, which then need not run. None = the network must.
        batch: most chunks that `forward` takes at once; 1 = it is given each by itself.
    """

    forward: Forward
    segment: int
    stems: tuple[int, ...]
    weights: tuple[float, ...]
    valid_length: Callable[[int], int] = _as_long_as_the_chunk
    draws: bool = False
    instead: Callable[[FloatArray], FloatArray | None] = _nothing
    batch: int = 1


@dataclass(frozen=True)
class Blend:
    """How chunks are laid over a song.

    Attributes:
        overlap: of neighbouring chunks, as a share of a chunk, 0…0.5.
        shifts: passes over the song at random offsets that are averaged; 0 = one pass, unshifted.
        seed: of the offsets; the same as `random.seed(seed)` before upstream's `apply_model`.
        sample_rate: Hz.
    """

    overlap: float = 0.25
    shifts: int = 0
    seed: int = 0
    sample_rate: int = 44100


@dataclass(frozen=True, order=True)
class Chunk:
    """One forward of one network: frames start…stop, which may begin before the song does."""

    start: int
    pass_number: int
    number: int
    stop: int


class Pass:
    """One network's way over the song: chunks of one length at one stride."""

    def __init__(self, number: int, network: int, origin: int, span: Range, stop: int) -> None:
        """Lay chunks of `span` = (segment, stride) frames from `origin` (≤ 0) to `stop`."""
        self.number = number
        self.network = network
        self._segment, self._stride = span
        self._origin = origin
        self._stop = stop
        self.chunks = [self._chunk(at) for at in range(chunk_count(stop - origin, self._stride))]
        rising = np.arange(1, self._segment // 2 + 1, dtype=np.float32)
        falling = np.arange(self._segment - self._segment // 2, 0, -1, dtype=np.float32)
        weight = np.concatenate([rising, falling])
        self._weight = weight / weight.max()

    def _chunk(self, number: int) -> Chunk:
        start = self._origin + number * self._stride
        return Chunk(start, self.number, number, min(start + self._segment, self._stop))

    def covering(self, frame: int) -> list[Chunk]:
        """Return the chunks that hold a frame, in order."""
        last = min((frame - self._origin) // self._stride, len(self.chunks) - 1)
        first = max(0, (frame - self._origin - self._segment) // self._stride + 1)
        return [chunk for chunk in self.chunks[first : last + 1] if chunk.stop > frame]

    def pieces(self, chunk: Chunk, wanted: Ranges) -> list[Range]:
        """Return the wanted parts of a chunk, cut wherever another chunk begins or ends."""
        reach = -(-self._segment // self._stride)
        near = self.chunks[max(0, chunk.number - reach) : chunk.number + reach + 1]
        begin = max(0, chunk.start)
        cuts = {edge for other in near for edge in (other.start, other.stop)}
        inside = sorted({begin, chunk.stop} | {cut for cut in cuts if begin < cut < chunk.stop})
        return [part for low, high in pairwise(inside) for part in wanted.within(low, high)]

    def blend(self, piece: Range, raw: Sequence[tuple[Chunk, FloatArray]]) -> FloatArray:
        """Return the weighted mean of what the chunks that cover a piece say of it."""
        start, stop = piece
        total = np.zeros_like(raw[0][1])
        weights = np.zeros(stop - start, np.float32)
        for chunk, samples in raw:
            weight = self._weight[start - chunk.start : stop - chunk.start]
            total += weight * samples
            weights += weight
        total /= weights
        return total


def chunk_count(frames: int, stride: int) -> int:
    """Return how many chunks it takes to cover so many frames."""
    return -(-frames // stride)


def lay_passes(networks: Sequence[Network], frames: int, blend: Blend) -> list[Pass]:
    """Return the passes that are needed, at the offsets that upstream would draw.

    Networks without stems are left out, but what they would have drawn is drawn.
    """
    drawn = random.Random(blend.seed)
    max_shift = int(MAX_SHIFT_S * blend.sample_rate)
    passes: list[Pass] = []
    for number, network in enumerate(networks):
        stride = int((1 - blend.overlap) * network.segment)
        for _ in range(blend.shifts or 1):
            origin = drawn.randint(0, max_shift) - max_shift if blend.shifts else 0
            if network.draws:
                for _ in range(chunk_count(frames - origin, stride)):
                    drawn.randrange(1)
            if network.stems:
                span = (network.segment, stride)
                passes.append(Pass(len(passes), number, origin, span, frames))
    return passes


class Shelf:
    """Keeps arrays for later: in files where a folder is given, else in memory."""

    def __init__(self, folder: Path | None) -> None:
        """Use `folder` (made anew; what is left of an earlier run goes)."""
        self._folder = folder
        self._kept: dict[str, FloatArray | tuple[int, ...]] = {}
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def put(self, key: str, samples: FloatArray) -> None:
        """Keep a copy of an array.

        Raises:
            OSError: the disk is full.
        """
        if self._folder is None:
            self._kept[key] = samples.copy()
            return
        self._kept[key] = samples.shape
        (self._folder / key).write_bytes(np.ascontiguousarray(samples).data)

    def get(self, key: str) -> FloatArray:
        """Return a kept array.

        Raises:
            OSError: the disk is gone.
        """
        kept = self._kept[key]
        if isinstance(kept, tuple):
            assert self._folder is not None
            samples: FloatArray = np.fromfile(self._folder / key, np.float32).reshape(kept)
            return samples
        return kept

    def drop(self, key: str) -> None:
        """Forget an array."""
        if isinstance(self._kept.pop(key), tuple) and self._folder is not None:
            (self._folder / key).unlink()

    def close(self) -> None:
        """Forget everything."""
        self._kept.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class OverlapAdd:
    """Separates one song, chunk by chunk.

    Attributes:
        total: chunks that the whole song takes.
        done: chunks that are done, or not needed for what is wanted.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        frames: int,
        blend: Blend,
        emit: Emit,
        *,
        wanted: Ranges | None = None,
        edges: Path | None = None,
    ) -> None:
        """Prepare a song of so many frames.

        Args:
            networks: the bag, in its order; each stem has a weight in at least one of them.
            frames: length of the song, at least 1.
            blend: how chunks are laid.
            emit: gets each wanted frame exactly once.
            wanted: frames to make, by default all.
            edges: folder for what waits; None keeps it in memory.
        """
        self._networks = networks
        self._passes = lay_passes(networks, frames, blend)
        self._wanted = Ranges([(0, frames)]) if wanted is None else wanted
        self._shelf = Shelf(edges)
        self._finished: set[Chunk] = set()
        self._sum = _Sum(networks, self._passes, blend.shifts, self._shelf, emit)
        self.total = sum(len(one.chunks) for one in self._passes)
        self._todo = sorted(
            chunk for one in self._passes for chunk in one.chunks if one.pieces(chunk, self._wanted)
        )
        self.done = self.total - len(self._todo)

    def run(
        self,
        read: Read,
        report: ReportFraction,
        check: Check,
        order: Callable[[list[Chunk]], Iterable[Chunk]] = list,
    ) -> None:
        """Run the chunks that are needed, once.

        Args:
            read: the song.
            report: called with the fraction of chunks done, 1.0 at the end.
            check: called before each chunk, or batch of chunks.
            order: picks the order of the chunks (they come sorted along the song); it changes no
                bit of the result.

        Raises:
            OSError: the disk for `edges` is full.
        """
        try:
            for chunks in self._batches(order(self._todo)):
                check()
                report(self.done / self.total)
                self._run_chunks(chunks, read)
                self.done += len(chunks)
        finally:
            self._shelf.close()
        report(1.0)

    def _batches(self, chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
        """Yield chunks of one pass and one size together, as many as its network takes at once."""
        waiting: dict[tuple[int, int], list[Chunk]] = {}
        for chunk in chunks:
            network = self._networks[self._passes[chunk.pass_number].network]
            key = chunk.pass_number, network.valid_length(chunk.stop - chunk.start)
            batch = waiting.setdefault(key, [])
            batch.append(chunk)
            if len(batch) >= network.batch:
                yield waiting.pop(key)
        yield from waiting.values()

    def _run_chunks(self, chunks: list[Chunk], read: Read) -> None:
        network = self._networks[self._passes[chunks[0].pass_number].network]
        made: dict[Chunk, FloatArray] = {}
        inputs: dict[Chunk, FloatArray] = {}
        for chunk in chunks:
            samples = _input(network, chunk, read)
            known = network.instead(samples)
            if known is None:
                inputs[chunk] = samples
            else:
                made[chunk] = known
        if len(inputs) == 1:
            ((chunk, samples),) = inputs.items()
            made[chunk] = network.forward(samples)
        elif inputs:
            made |= zip(inputs, network.forward(np.stack(list(inputs.values()))), strict=True)
        for chunk in chunks:
            self._finish(chunk, _middle(made[chunk], chunk.stop - chunk.start))

    def _finish(self, chunk: Chunk, raw: FloatArray) -> None:
        one = self._passes[chunk.pass_number]
        self._finished.add(chunk)
        for start, stop in one.pieces(chunk, self._wanted):
            mine = raw[..., start - chunk.start : stop - chunk.start]
            sharing = one.covering(start)
            others = [other for other in sharing if other != chunk]
            if self._finished.issuperset(others):
                kept = {other: self._shelf.get(_key(other, start)) for other in others}
                kept[chunk] = mine
                value = one.blend((start, stop), [(each, kept[each]) for each in sharing])
                for other in others:
                    self._shelf.drop(_key(other, start))
                self._sum.add(one.number, start, value)
            else:
                self._shelf.put(_key(chunk, start), mine)


def _key(chunk: Chunk, start: int) -> str:
    return f"raw-{chunk.pass_number}-{chunk.number}-{start}"


def _input(network: Network, chunk: Chunk, read: Read) -> FloatArray:
    """Return a chunk with as much of the song around it as the network wants."""
    length = chunk.stop - chunk.start
    valid = network.valid_length(length)
    begin = chunk.start - (valid - length) // 2
    return read(begin, begin + valid)


def _middle(raw: FloatArray, length: int) -> FloatArray:
    spare = raw.shape[-1] - length
    return raw[..., spare // 2 : raw.shape[-1] - (spare - spare // 2)]


class _Sum:
    """Adds up passes and networks, range by range, always in their order."""

    def __init__(
        self,
        networks: Sequence[Network],
        passes: Sequence[Pass],
        shifts: int,
        shelf: Shelf,
        emit: Emit,
    ) -> None:
        self._networks = networks
        self._passes = passes
        self._shifts = shifts
        self._shelf = shelf
        self._emit = emit
        self._waiting: list[list[_Waiting]] = [[] for _ in passes]
        self._stems = 1 + max(stem for network in networks for stem in network.stems)
        totals = np.zeros(self._stems)
        for network in networks:
            for stem, weight in zip(network.stems, network.weights, strict=True):
                totals[stem] += weight
        self._totals: NDArray[np.float32] = totals.astype(np.float32)[:, None, None]

    def add(self, number: int, start: int, value: FloatArray) -> None:
        """Take what a pass says of some frames; emit what is complete with it."""
        if len(self._passes) == 1:
            self._emit(start, self._combined([value]))
            return
        stop = start + value.shape[-1]
        mine = _Waiting(start, stop, f"sum-{number}-{start}", stop - start)
        self._shelf.put(mine.key, value)
        self._waiting[number].append(mine)
        self._waiting[number].sort(key=lambda one: one.start)
        for low, high in self._complete(start, stop):
            held = [_find(waiting, low) for waiting in self._waiting]
            values = [
                self._shelf.get(one.key)[..., low - one.start : high - one.start] for one in held
            ]
            self._emit(low, self._combined(values))
            for waiting, one in zip(self._waiting, held, strict=True):
                one.left -= high - low
                if not one.left:
                    self._shelf.drop(one.key)
                    waiting.remove(one)

    def _complete(self, start: int, stop: int) -> list[Range]:
        """Return the parts of a range that every pass has, cut wherever a piece begins or ends."""
        parts = [(start, stop)]
        for waiting in self._waiting:
            parts = [
                (max(low, one.start), min(high, one.stop))
                for low, high in parts
                for one in waiting
                if one.start < high and low < one.stop
            ]
        return parts

    def _combined(self, values: list[FloatArray]) -> FloatArray:
        """Average the shifts of each network, then weigh and add up the networks."""
        total = np.zeros((self._stems, *values[0].shape[1:]), np.float32)
        at = 0
        while at < len(values):
            network = self._networks[self._passes[at].network]
            stop = at + (self._shifts or 1)
            own = np.zeros_like(values[at])
            for value in values[at:stop]:
                own += value
            if self._shifts:
                own /= np.float32(self._shifts)
            own *= np.asarray(network.weights, np.float32)[:, None, None]
            total[list(network.stems)] += own
            at = stop
        total /= self._totals
        return total


@dataclass
class _Waiting:
    """Frames of one pass that wait for the other passes; `left` counts those not yet used."""

    start: int
    stop: int
    key: str
    left: int


def _find(waiting: list[_Waiting], frame: int) -> _Waiting:
    return waiting[bisect_right(waiting, frame, key=lambda one: one.start) - 1]
