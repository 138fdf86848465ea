"""Runs an engine at its own sample rate on a song of another one.

Resampling here is *stateless*: each block of four whole seconds is made from those seconds and one
more on either side, in one call, so neither order nor seeking nor resuming can change a bit. Whole
seconds fall on frames at every pair of rates, and one second is far longer than the resampler's
memory. Against one call for the whole song (with the silence that precedes it: without, soxr gets
its first handful of frames wrong, by a tenth for a click on frame 0) the blocks are bit-identical
for 48, 32, 96 and 192 kHz, within 3e-8 for 88.2 and 11.025 kHz and within 2e-5 for rates without a
small ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.separation.engine import (
    Check,
    Engine,
    FloatArray,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)
from karaoke_studio.separation.ranges import Ranges

#: Whole seconds that a block keeps, and that it looks at on either side.
KEPT_S, CONTEXT_S = 4, 1

_QUALITY = "VHQ"
_CACHED_BLOCKS = 2


def run_at_rate(
    engine: Engine,
    source: SampleReader,
    sink: VocalsWriter,
    facts: SongFacts,
    report: ReportFraction,
    check: Check,
    *,
    folder: Path,
) -> None:
    """Separate `source` with `engine`, resampling there and back where their rates differ.

    Args:
        engine: any engine.
        source: the song at its own rate.
        sink: gets vocals of exactly the song's frames at the song's rate, each block as soon as
            what the engine wrote covers it, in whatever order the engine writes.
        facts: passed on.
        report: passed on.
        check: passed on, and called between blocks.
        folder: where the vocals at the engine's rate are staged; the file is removed at the end.

    Raises:
        Cancelled: from `check`.
        OSError: the folder is full or cannot be written.
    """
    rate = engine.sample_rate
    if rate is None or rate == source.sample_rate:
        engine.separate(source, sink, facts, report, check)
        return
    view = ResampledSource(source, rate, check)
    path = folder / "vocals-at-engine-rate.f32"
    try:
        with RawFile.create(path, source.channels, view.frames) as staged:
            back = ResampledSink(staged, rate, sink, source, check)
            engine.separate(view, back, facts, report, check)
            back.finish()
    finally:
        path.unlink(missing_ok=True)


class BlockSource:
    """A song that is made in blocks of `KEPT_S` seconds, of which the last few are kept."""

    def __init__(
        self,
        channels: int,
        sample_rate: int,
        frames: int,
        make: Callable[[int], FloatArray],
        most: int,
    ) -> None:
        """Read blocks, by their number, from `make`; keep `most` of them."""
        self.channels, self.sample_rate, self.frames = channels, sample_rate, frames
        self._make, self._most = make, most
        self._blocks: dict[int, FloatArray] = {}

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 (channels, stop - start), zeros where the range leaves the song."""
        out = np.zeros((self.channels, stop - start), np.float32)
        length = KEPT_S * self.sample_rate
        low, high = max(start, 0), min(stop, self.frames)
        for index in range(low // length, -(-high // length)):
            at = index * length
            first, last = max(low, at), min(high, at + length)
            out[:, first - start : last - start] = self._block(index)[:, first - at : last - at]
        return out

    def _block(self, index: int) -> FloatArray:
        if index not in self._blocks:
            while len(self._blocks) >= self._most:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[index] = self._make(index)
        return self._blocks[index]


class ResampledSource(BlockSource):
    """A song as if it had another rate; memory for a few blocks only."""

    def __init__(self, source: SampleReader, sample_rate: int, check: Check) -> None:
        """Look at `source` as if it were at `sample_rate`."""

        def make(index: int) -> FloatArray:
            check()
            return resampled_block(source, sample_rate, index)

        frames = math.ceil(source.frames * sample_rate / source.sample_rate)
        super().__init__(source.channels, sample_rate, frames, make, _CACHED_BLOCKS)


class ResampledSink:
    """Takes vocals at the engine's rate and passes them on at the song's."""

    def __init__(
        self,
        staged: RawFile,
        sample_rate: int,
        sink: VocalsWriter,
        song: SampleReader,
        check: Check,
        ready: Ranges | None = None,
    ) -> None:
        """Stage what comes at `sample_rate` in `staged`; pass it on to `sink` at `song`'s rate.

        Args:
            staged: as long as the song at `sample_rate`; its channels may be those of many stems.
            sample_rate: of the engine.
            sink: gets whole blocks of four seconds.
            song: says the rate and the length.
            check: called before each block.
            ready: frames of the song that the sink has from an earlier run; see `still_needed`.
        """
        self._staged = staged
        self._reader = _StagedSource(staged, sample_rate)
        self._sink = sink
        self._song = song
        self._check = check
        whole, rest = divmod(staged.frames, sample_rate)
        # Frames that each second still waits for. Every frame comes exactly once, so counting them
        # says when a second is complete, whatever the order.
        self._missing = np.full(whole + bool(rest), sample_rate, np.int64)
        if rest:
            self._missing[-1] = rest
        self._blocks_left = set(_blocks_left(song, ready))

    def write(self, start: int, block: FloatArray) -> None:
        """Take float32 (channels, n) for the frames from `start` on."""
        self._staged.write(start, np.ascontiguousarray(block.T))
        rate = self._reader.sample_rate
        stop = start + block.shape[1]
        first, last = start // rate, -(-stop // rate)
        for second in range(first, last):
            begin, end = max(start, second * rate), min(stop, (second + 1) * rate)
            self._missing[second] -= end - begin
        for index in range((first - CONTEXT_S) // KEPT_S, (last + CONTEXT_S) // KEPT_S + 1):
            if index in self._blocks_left and self._is_covered(index):
                self._check()
                self._pass_on(index)

    def finish(self) -> None:
        """Make sure that everything was passed on."""
        if self._blocks_left:
            raise RuntimeError(f"the engine left {int(self._missing.sum())} frames unwritten")

    def _is_covered(self, index: int) -> bool:
        first = max(index * KEPT_S - CONTEXT_S, 0)
        return not self._missing[first : (index + 1) * KEPT_S + CONTEXT_S].any()

    def _pass_on(self, index: int) -> None:
        rate = self._song.sample_rate
        start = index * KEPT_S * rate
        block = resampled_block(self._reader, rate, index)
        self._sink.write(start, block[:, : self._song.frames - start])
        self._blocks_left.remove(index)


def still_needed(song: SampleReader, sample_rate: int, ready: Ranges) -> Ranges:
    """Return the frames at `sample_rate` that it takes to make what of a song is not ready."""
    if sample_rate == song.sample_rate:
        return Ranges(ready.missing(0, song.frames))
    frames = math.ceil(song.frames * sample_rate / song.sample_rate)
    return Ranges(
        (
            max(0, (index * KEPT_S - CONTEXT_S) * sample_rate),
            min(frames, ((index + 1) * KEPT_S + CONTEXT_S) * sample_rate),
        )
        for index in _blocks_left(song, ready)
    )


def _blocks_left(song: SampleReader, ready: Ranges | None) -> list[int]:
    length = KEPT_S * song.sample_rate
    return [
        index
        for index in range(-(-song.frames // length))
        if ready is None or not ready.covers(index * length, min((index + 1) * length, song.frames))
    ]


class _StagedSource:
    """A raw file seen as a song."""

    def __init__(self, staged: RawFile, sample_rate: int) -> None:
        self._staged = staged
        self.channels = staged.channels
        self.frames = staged.frames
        self.sample_rate = sample_rate

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.zeros((self.channels, stop - start), np.float32)
        inside = self._staged.read(start, stop).T
        begin = max(-start, 0)
        out[:, begin : begin + inside.shape[1]] = inside
        return out


def resampled_block(source: SampleReader, sample_rate: int, index: int) -> FloatArray:
    """Resample the seconds [4 · index, 4 · index + 4) of a song.

    Returns:
        float32 (channels, 4 · sample_rate).
    """
    # loaded where it is needed: the window knows this module too
    import soxr

    old_rate = source.sample_rate
    start = (index * KEPT_S - CONTEXT_S) * old_rate
    stop = start + (KEPT_S + 2 * CONTEXT_S) * old_rate
    samples = np.ascontiguousarray(source.read(start, stop).T)
    resampled = soxr.resample(samples, old_rate, sample_rate, quality=_QUALITY)
    kept = resampled[CONTEXT_S * sample_rate : (CONTEXT_S + KEPT_S) * sample_rate]
    return np.ascontiguousarray(kept.T)
