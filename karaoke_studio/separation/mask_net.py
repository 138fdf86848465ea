"""The learned mask in numpy: a small U-Net over bands and columns, forward only.

What it sees and what it gives are *bands*: transform bins up to 5.5 kHz, above groups of four up to
16.5 kHz. Trained by `training/instant`, which folds normalisations into the weights; neither torch
nor another runtime is needed here.

It runs along the song, see `mask_layers`, so masks come later than what was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from karaoke_studio.separation.engine import FloatArray
from karaoke_studio.separation.mask_layers import Block, Conv, Delay, Flow, NarrowConv, Up

#: Bins that are bands of their own, groups above, and bins in a group.
SINGLE, GROUPED, GROUP = 512, 256, 4
BANDS = SINGLE + GROUPED

#: One past the highest bin that is looked at.
TOP_BIN = SINGLE + GROUPED * GROUP

#: Columns come in multiples of this: five levels halve them.
STRIDE = 32

#: Blocks that follow each convolution on the way down, and on the way up.
_BLOCKS = {"encoder": (0, 0, 1, 1, 2), "decoder": (1, 0, 0, 0)}

Weights = Mapping[str, FloatArray]
Step = Callable[[], None]

#: How often `MaskStream.push` says that it goes on to the next layers.
STEPS = 9


def load_weights(path: Path) -> dict[str, FloatArray]:
    """Read what `training.instant.export` wrote: an `.npz` of float16, as float32.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file.
    """
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


class MaskStream:
    """Computes the masks of one song from its features, a few columns at a time.

    Attributes:
        delay: columns by which masks come later; a multiple of those that come at a time.
    """

    def __init__(self, weights: Weights, columns: int, count: int) -> None:
        """Begin a song.

        Args:
            weights: of `load_weights`.
            columns: in the song, a multiple of `STRIDE`.
            count: that come at a time, a multiple of `STRIDE`.
        """
        place = np.linspace(0, 1, BANDS)
        places = np.stack([2 * place - 1, np.log2(1 + 63 * place) / 3 - 1])
        self._places = places.astype(np.float32)
        self._mean, self._scale = weights["mean"][:, :, 0], weights["scale"][:, :, 0]
        self._bias = weights["coarse.bias"][:, None]
        seen = Flow(6, BANDS, columns, count, 0)
        self._fine = NarrowConv(seen, weights["fine.weight"])
        self._down = _encoder(seen, weights)
        self._up, flow = _decoder([level.flow for level in self._down], weights)
        self._coarse = NarrowConv(flow, weights["coarse.weight"])
        found = 2 * self._coarse.flow.delay
        self.delay = -(-found // count) * count
        self._fine_wait = Delay(self._fine.flow, found - self._fine.flow.delay)
        self._wait = Delay(self._fine_wait.flow, self.delay - found)

    def push(self, seen: FloatArray, step: Step) -> FloatArray:
        """Take the next columns of the song and return the masks of earlier ones.

        Args:
            seen: (count, 4, BANDS): log10 powers of mid and side over the song's mean power, centre
                similarity c, and c⁸. Fewer columns, or none, where the song ends.
            step: called between layers, `STEPS` times.

        Returns:
            (count, 2, BANDS), 0…1: the share of the vocals in mid and side.
        """
        x = self._normalised(seen)
        logits = self._fine_wait.push(self._fine.push(x))
        skips = []
        for down in self._down:
            step()
            x = down.push(x)
            skips.append(x)
        parts = [skips.pop()]
        for up in self._up:
            step()
            parts = [up.push(*parts), up.wait.push(skips.pop())]
        coarse = self._coarse.push(*parts)
        coarse += self._bias
        # channels: (mid and side) × (bands) × (columns)
        shuffled = coarse.reshape(len(coarse), 2, 2, 2, -1)
        for band in range(2):
            for column in range(2):
                logits[column::2, :, band::2] += shuffled[:, :, band, column]
        return self._wait.push(_sigmoid(logits))

    def _normalised(self, seen: FloatArray) -> FloatArray:
        x = np.zeros((self._fine.flow.count, 6, BANDS), np.float32)
        inside = x[: len(seen)]
        np.subtract(seen, self._mean, out=inside[:, :4])
        inside[:, :4] *= self._scale
        inside[:, 4:] = self._places
        return x


def masks_of(weights: Weights, seen: FloatArray, count: int = STRIDE) -> FloatArray:
    """Return the masks of a whole song, `count` columns at a time.

    Args:
        weights: of `load_weights`.
        seen: as for `MaskStream.push`, (columns, 4, BANDS); columns is a multiple of `STRIDE`.
        count: a multiple of `STRIDE`.

    Returns:
        (columns, 2, BANDS).
    """
    stream = MaskStream(weights, len(seen), count)
    made = [
        stream.push(seen[first : first + count], lambda: None)
        for first in range(0, len(seen) + stream.delay, count)
    ]
    return np.concatenate(made)[stream.delay : stream.delay + len(seen)]


class _Level:
    """A layer that changes the size, and the blocks that follow it."""

    def __init__(self, first: Conv | Up, weights: Weights, name: str, blocks: int) -> None:
        self._first = first
        self._blocks: list[Block] = []
        self.flow = first.flow
        for number in range(blocks):
            block = Block(self.flow, weights, f"{name}.block{number}")
            self._blocks.append(block)
            self.flow = block.flow

    def push(self, *parts: FloatArray) -> FloatArray:
        x = self._first.push(*parts)
        for block in self._blocks:
            x = block.push(x)
        return x


class _UpLevel(_Level):
    """The same on the way up, with what makes columns of the way down wait for it."""

    def __init__(self, flow: Flow, skipped: Flow, weights: Weights, level: int) -> None:
        name = f"decoder{level}"
        up = Up(flow, weights[f"{name}.weight"], weights[f"{name}.bias"])
        super().__init__(up, weights, name, _BLOCKS["decoder"][level])
        self.wait = Delay(skipped, self.flow.delay - skipped.delay)


def _encoder(flow: Flow, weights: Weights) -> list[_Level]:
    levels = []
    for level, blocks in enumerate(_BLOCKS["encoder"]):
        name = f"encoder{level}"
        conv = Conv(flow, weights[f"{name}.weight"], weights[f"{name}.bias"], 2)
        levels.append(_Level(conv, weights, name, blocks))
        flow = levels[-1].flow
    return levels


def _decoder(skips: list[Flow], weights: Weights) -> tuple[list[_UpLevel], Flow]:
    flow = skips.pop()
    levels = []
    for level in range(len(_BLOCKS["decoder"])):
        skipped = skips.pop()
        levels.append(_UpLevel(flow, skipped, weights, level))
        flow = levels[-1].flow
        flow = replace(flow, channels=flow.channels + skipped.channels)
    return levels, flow


def _sigmoid(x: FloatArray) -> FloatArray:
    np.negative(x, out=x)
    np.exp(np.minimum(x, 80, out=x), out=x)
    x += 1
    np.reciprocal(x, out=x)
    return x
