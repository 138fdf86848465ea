"""The learned mask in numpy: a small U-Net over bands and columns, forward only.

What it sees and what it gives are *bands*: transform bins up to 5.5 kHz, above groups of four up to
16.5 kHz. Trained by `training/instant`, which folds normalisations into the weights; neither torch
nor another runtime is needed here. Everything is a product of matrices: a convolution gathers the
neighbours of each place into a column, in slabs that stay in the second-level cache.

Arrays are float32 (channels, bands, columns).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from karaoke_studio.separation.engine import Check, FloatArray

#: Bins that are bands of their own, groups above, and bins in a group.
SINGLE, GROUPED, GROUP = 512, 256, 4
BANDS = SINGLE + GROUPED

#: One past the highest bin that is looked at.
TOP_BIN = SINGLE + GROUPED * GROUP

#: Columns come in multiples of this: five levels halve them.
STRIDE = 32

#: A mask depends on columns no further away than this by more than −60 dB.
CONTEXT = 128

#: Blocks that follow each convolution on the way down, and on the way up.
_BLOCKS = {"encoder": (0, 0, 1, 1, 2), "decoder": (1, 0, 0, 0)}

_LEAK = np.float32(0.1)
_SLAB_BYTES = 2 << 20

Weights = Mapping[str, FloatArray]


def load_weights(path: Path) -> dict[str, FloatArray]:
    """Read what `training.instant.export` wrote: an `.npz` of float16, as float32.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file.
    """
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


class MaskNet:
    """Computes masks from features; holds nothing but its weights."""

    def __init__(self, weights: Weights) -> None:
        """Take the weights of `load_weights`."""
        self._weights = weights
        place = np.linspace(0, 1, BANDS)
        places = np.stack([2 * place - 1, np.log2(1 + 63 * place) / 3 - 1])
        self._places = places.astype(np.float32)[:, :, None]

    def masks(self, seen: FloatArray, check: Check) -> FloatArray:
        """Return the share of the vocals in mid and side.

        Args:
            seen: (4, BANDS, columns): log10 powers of mid and side over the song's mean power,
                centre similarity c, and c⁸; columns is a multiple of `STRIDE`.
            check: called between layers.

        Returns:
            (2, BANDS, columns), 0…1.
        """
        w = self._weights
        columns = seen.shape[2]
        x = np.empty((6, BANDS, columns), np.float32)
        np.subtract(seen, w["mean"], out=x[:4])
        x[:4] *= w["scale"]
        x[4:] = self._places
        logits = _narrow_conv(x, w["fine.weight"])
        skips = []
        for level, blocks in enumerate(_BLOCKS["encoder"]):
            check()
            name = f"encoder{level}"
            x = _conv(x, w[f"{name}.weight"], w[f"{name}.bias"], 2)
            for block in range(blocks):
                x = self._block(x, f"{name}.block{block}")
            skips.append(x)
        skips.pop()
        for level, blocks in enumerate(_BLOCKS["decoder"]):
            check()
            name = f"decoder{level}"
            x = _up(x, w[f"{name}.weight"], w[f"{name}.bias"])
            for block in range(blocks):
                x = self._block(x, f"{name}.block{block}")
            x = np.concatenate([x, skips.pop()])
        coarse = _narrow_conv(x, w["coarse.weight"])
        coarse += w["coarse.bias"][:, None, None]
        for row in range(2):
            for column in range(2):
                logits[:, row::2, column::2] += coarse[2 * row + column :: 4]
        return _sigmoid(logits)

    def _block(self, x: FloatArray, name: str) -> FloatArray:
        """Look around in time and frequency, then across all frequencies at once."""
        w = self._weights
        x = x + _conv(x, w[f"{name}.weight"], w[f"{name}.bias"], 1)
        across = np.matmul(w[f"{name}.down"], x)
        across *= w[f"{name}.down_scale"][:, None, None]
        across += w[f"{name}.down_shift"][:, None, None]
        across = np.matmul(w[f"{name}.up"], _rectify(across))
        across *= w[f"{name}.up_scale"][:, None, None]
        across += w[f"{name}.up_shift"][:, None, None]
        x += across
        return x


def _rectify(x: FloatArray) -> FloatArray:
    np.maximum(x, _LEAK * x, out=x)
    return x


def _sigmoid(x: FloatArray) -> FloatArray:
    np.negative(x, out=x)
    np.exp(np.minimum(x, 80, out=x), out=x)
    x += 1
    np.reciprocal(x, out=x)
    return x


def _in_slabs(rows: int, row_bytes: int, make: Callable[[int, int], None]) -> None:
    """Call `make` for spans of rows whose gathered neighbours fit into the cache."""
    step = max(_SLAB_BYTES // row_bytes, 1)
    for first in range(0, rows, step):
        make(first, min(first + step, rows))


def _conv(x: FloatArray, weight: FloatArray, bias: FloatArray, stride: int) -> FloatArray:
    """Convolve and rectify.

    Args:
        x: (inputs, bands, columns).
        weight: (outputs, inputs, size, size).
        bias: (outputs,).
        stride: 1 or 2, in both directions.

    Returns:
        (outputs, bands / stride, columns / stride).
    """
    outputs, inputs, size, _ = weight.shape
    rows, columns = x.shape[1] // stride, x.shape[2] // stride
    margin = size // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    # Every second column, made contiguous once, is copied many times.
    phases = [np.ascontiguousarray(padded[:, :, phase::stride]) for phase in range(stride)]
    out = np.empty((outputs, rows, columns), np.float32)
    matrix = weight.reshape(outputs, -1)

    def make(first: int, last: int) -> None:
        near = np.empty((inputs, size, size, last - first, columns), np.float32)
        for row in range(size):
            lines = slice(row + stride * first, row + stride * (last - 1) + 1, stride)
            for column in range(size):
                shift, phase = divmod(column, stride)
                near[:, row, column] = phases[phase][:, lines, shift : shift + columns]
        made = matrix @ near.reshape(matrix.shape[1], -1)
        made += bias[:, None]
        out[:, first:last] = _rectify(made).reshape(outputs, last - first, columns)

    _in_slabs(rows, 4 * matrix.shape[1] * columns, make)
    return out


def _up(x: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    """Double bands and columns by a transposed convolution of size 4, and rectify.

    Each of the four phases of the result looks at 2 × 2 places of `x`.

    Args:
        x: (inputs, bands, columns).
        weight: (row phase, column phase, outputs, inputs · 4): for each phase of the result.
        bias: (outputs,).

    Returns:
        (outputs, 2 · bands, 2 · columns).
    """
    inputs, rows, columns = x.shape
    outputs = weight.shape[2]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    out = np.empty((outputs, rows, 2, columns, 2), np.float32)

    def make(first: int, last: int) -> None:
        near = np.empty((inputs, 2, 2, last - first, columns), np.float32)
        for row_phase in range(2):
            for column_phase in range(2):
                for row in range(2):
                    lines = slice(first + row + row_phase, last + row + row_phase)
                    for column in range(2):
                        shift = column + column_phase
                        near[:, row, column] = padded[:, lines, shift : shift + columns]
                made = weight[row_phase, column_phase] @ near.reshape(inputs * 4, -1)
                made += bias[:, None]
                made = _rectify(made).reshape(outputs, last - first, columns)
                out[:, first:last, row_phase, :, column_phase] = made

    _in_slabs(rows, 4 * inputs * 4 * columns, make)
    return out.reshape(outputs, 2 * rows, 2 * columns)


def _narrow_conv(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Convolve with 3 × 3 to few outputs: multiply first, then shift, which copies less.

    Args:
        x: (inputs, bands, columns).
        weight: (outputs, inputs, 3, 3).

    Returns:
        (outputs, bands, columns).
    """
    outputs, inputs = weight.shape[:2]
    rows, columns = x.shape[1:]
    out: FloatArray = np.zeros((outputs, rows + 2, columns + 2), np.float32)
    flat = x.reshape(inputs, -1)
    for row in range(3):
        matrix = np.ascontiguousarray(weight[:, :, row].transpose(2, 0, 1)).reshape(-1, inputs)
        made = (matrix @ flat).reshape(3, outputs, rows, columns)
        for column in range(3):
            out[:, 2 - row : 2 - row + rows, 2 - column : 2 - column + columns] += made[column]
    return out[:, 1:-1, 1:-1]
