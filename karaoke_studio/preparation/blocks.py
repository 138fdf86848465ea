"""Sound in blocks: working on them with what lies before and after, and their spectra."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
#: (frames, channels) to the same shape.
Work = Callable[[FloatArray], FloatArray]

BLOCK_FRAMES = 1 << 18


def with_context(
    blocks: Iterable[FloatArray], work: Work, context: int, size: int = BLOCK_FRAMES
) -> Iterator[FloatArray]:
    """Yield the blocks as `work` makes them, which is given `context` frames on either side too.

    Args:
        blocks: float32 (frames, channels) of any sizes.
        work: called with blocks of `size` + 2 · `context` frames, the last one shorter; there is
            silence around the song.
        context: in frames.
        size: of what is yielded; where work counts in steps a multiple of them, as `context`.
    """
    held: FloatArray | None = None
    for block in blocks:
        silence = np.zeros((context, block.shape[1]), np.float32)
        held = np.concatenate([silence if held is None else held, block])
        while len(held) >= size + 2 * context:
            yield work(held[: size + 2 * context])[context : context + size]
            held = held[size:]
    if held is not None and len(held) > context:
        rest = len(held) - context
        padded = np.concatenate([held, np.zeros((context, held.shape[1]), np.float32)])
        while rest:
            count = min(rest, size)
            yield work(padded[: count + 2 * context])[context : context + count]
            padded, rest = padded[count:], rest - count


def window_length(sample_rate: int) -> int:
    """Return the power of two nearest to 46 ms."""
    return int(2 ** round(np.log2(0.0464 * sample_rate)))


def root_hann(length: int) -> FloatArray:
    """Return the window whose square adds up to a constant at hops of length / 2 and less."""
    return np.sqrt(np.hanning(length + 1)[:-1]).astype(np.float32)


def framed(samples: FloatArray, length: int, hop: int) -> FloatArray:
    """Return (columns, length) of (frames,), with a window's length of silence on both ends."""
    missing = -(len(samples) + length) % hop
    padded = np.pad(samples, (length, length + missing))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]


def joined(columns: FloatArray, hop: int, frames: int) -> FloatArray:
    """Add up windowed twice (columns, length) of `framed` to (frames,) again."""
    count, length = columns.shape
    out = np.zeros((count - 1) * hop + length, np.float32)
    for part in range(length // hop):
        at = part * hop
        out[at : at + count * hop] += columns[:, at : at + hop].reshape(-1)
    return out[length : length + frames] * np.float32(2 * hop / length)
