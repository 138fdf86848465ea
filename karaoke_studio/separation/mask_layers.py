"""Layers of the learned mask as they run along a song: a few columns in, as many out, some later.

A layer keeps of the columns that it was given those that later ones still look at. So a song may be
cut anywhere: nothing is computed twice, and every place gets the same products in the same order
however many columns come at a time. What lies outside the song is zero for each layer, as it is for
the net that was trained.

Columns come first in memory, then channels, then bands: the neighbours of a column follow each
other, and a convolution is one product of matrices per column in which only the neighbours in
*frequency* were gathered; those in *time* are there already.

Arrays are float32 (columns, channels, bands).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from karaoke_studio.separation.engine import FloatArray

_LEAK = np.float32(0.1)


@dataclass(frozen=True)
class Flow:
    """What runs from layer to layer.

    Attributes:
        channels: of each column.
        bands: of each channel.
        columns: in the whole song.
        count: columns that come at a time.
        delay: columns by which they come later than those of the song.
    """

    channels: int
    bands: int
    columns: int
    count: int
    delay: int


class _Edges:
    """Silences the columns that lie before or behind the song."""

    def __init__(self, flow: Flow) -> None:
        self._columns = flow.columns
        self._first = -flow.delay

    def silence(self, x: FloatArray) -> None:
        """Take the next columns."""
        first, self._first = self._first, self._first + len(x)
        if first < 0:
            x[:-first] = 0
        if first + len(x) > self._columns:
            x[max(self._columns - first, 0) :] = 0


class Memory:
    """The columns that just came, behind the last few that came before them."""

    def __init__(self, before: int, count: int, *shape: int) -> None:
        self.columns = np.zeros((before + count, *shape), np.float32)
        self.fresh = self.columns[before:]
        self._kept, self._last = self.columns[:before], self.columns[count:]

    def advance(self) -> FloatArray:
        """Make room, and return where the next columns go."""
        self._kept[:] = self._last
        return self.fresh

    def windows(self, size: int, stride: int) -> FloatArray:
        """Return what `size` columns hold together, for a window every `stride` columns.

        Returns:
            A view: (windows, size · everything but bands, bands).
        """
        whole = self.columns
        column, band = whole.strides[0], whole.strides[-1]
        count = len(self.fresh) // stride
        rows = size * (whole[0].size // whole.shape[-1])
        return np.lib.stride_tricks.as_strided(
            whole,
            (count, rows, whole.shape[-1]),
            (stride * column, whole.shape[-1] * band, band),
        )


class Delay:
    """Hands columns on later."""

    def __init__(self, flow: Flow, columns: int) -> None:
        """Wait `columns` longer."""
        self.flow = replace(flow, delay=flow.delay + columns)
        blocks, self._part = divmod(columns, flow.count)
        silent = np.zeros((flow.count, flow.channels, flow.bands), np.float32)
        self._waiting = deque([silent] * (blocks + bool(self._part)))

    def push(self, x: FloatArray) -> FloatArray:
        """Take the next columns and return earlier ones."""
        self._waiting.append(x)
        oldest = self._waiting.popleft()
        if not self._part:
            return oldest
        return np.concatenate([oldest[-self._part :], self._waiting[0][: -self._part]])


class Conv:
    """Convolves and rectifies."""

    def __init__(self, flow: Flow, weight: FloatArray, bias: FloatArray, stride: int) -> None:
        """Set the weights.

        Args:
            flow: what comes.
            weight: (outputs, inputs, bands, columns) that are looked at, an odd number of each.
            bias: (outputs,).
            stride: 1 or 2, in both directions.
        """
        outputs, inputs, size, _ = weight.shape
        margin = size // 2
        delay = -((stride - 1 - margin - flow.delay) // stride)
        bands = flow.bands // stride
        self.flow = Flow(outputs, bands, flow.columns // stride, flow.count // stride, delay)
        self._matrix = np.ascontiguousarray(weight.transpose(0, 3, 1, 2)).reshape(outputs, -1)
        self._bias = bias[:, None]
        before = stride * delay + margin - flow.delay
        self._near = Memory(before, flow.count, inputs, size, bands)
        self._windows = self._near.windows(size, stride)
        self._stride, self._margin = stride, margin
        self._edges = _Edges(self.flow)

    def push(self, x: FloatArray) -> FloatArray:
        """Take the next columns and return as many as they make."""
        out = self.convolved(x)
        self._edges.silence(out)
        return out

    def convolved(self, x: FloatArray) -> FloatArray:
        """Do the same without silence outside the song."""
        near = self._near.advance()
        stride, bands = self._stride, near.shape[-1]
        phases = [np.ascontiguousarray(x[:, :, phase::stride]) for phase in range(stride)]
        for tap in range(near.shape[2]):
            # of band i of the result the tap sees band i + shift of its phase
            shift, phase = divmod(tap - self._margin, stride)
            first, last = max(-shift, 0), min(bands - shift, bands)
            near[:, :, tap, first:last] = phases[phase][:, :, first + shift : last + shift]
        out = np.matmul(self._matrix, self._windows)
        out += self._bias
        return rectify(out)

    def centres(self) -> FloatArray:
        """Return, where the stride is 1, the columns that came for those that were made last."""
        count = len(self._near.fresh)
        return self._near.columns[self._margin : self._margin + count, :, self._margin]


class Block:
    """Looks around in time and frequency, then across all frequencies at once; both are added."""

    def __init__(self, flow: Flow, weights: Mapping[str, FloatArray], name: str) -> None:
        """Take those weights whose names begin with `name`."""
        self._near = Conv(flow, weights[f"{name}.weight"], weights[f"{name}.bias"], 1)
        self.flow = self._near.flow
        self._down = np.ascontiguousarray(weights[f"{name}.down"].T)
        self._up = np.ascontiguousarray(weights[f"{name}.up"].T)
        self._scale, self._shift, self._up_scale, self._up_shift = (
            weights[f"{name}.{part}"][:, None]
            for part in ("down_scale", "down_shift", "up_scale", "up_shift")
        )
        self._edges = _Edges(self.flow)

    def push(self, x: FloatArray) -> FloatArray:
        """Take the next columns and return as many as they make."""
        out = self._near.convolved(x)
        out += self._near.centres()
        across = np.matmul(out, self._down)
        across *= self._scale
        across += self._shift
        rectify(across)
        across *= self._up_scale
        out += np.matmul(across, self._up)
        out += self._up_shift
        self._edges.silence(out)
        return out


class Up:
    """Doubles columns and bands by a transposed convolution of size 4, and rectifies."""

    def __init__(self, flow: Flow, weight: FloatArray, bias: FloatArray) -> None:
        """Set the weights.

        Args:
            flow: what comes.
            weight: (band phase, column phase, outputs, inputs · 2 bands · 2 columns): what each
                phase of the result takes, phase 0 of the place before and its own, phase 1 of its
                own and the next.
            bias: (outputs,).
        """
        outputs, inputs = weight.shape[2], flow.channels
        self.flow = Flow(
            outputs, 2 * flow.bands, 2 * flow.columns, 2 * flow.count, 2 * flow.delay + 2
        )
        taps = weight.reshape(2, 2, outputs, inputs, 2, 2)
        # per column phase: (band phase, band tap, outputs) × (column tap, inputs)
        matrices = taps.transpose(1, 0, 4, 2, 5, 3).reshape(2, 4 * outputs, 2 * inputs)
        self._matrices = np.ascontiguousarray(matrices)
        self._bias = bias[:, None]
        self._memory = Memory(2, flow.count, inputs, flow.bands)
        windows = self._memory.windows(2, 1)
        following = np.lib.stride_tricks.as_strided(
            self._memory.columns[1:], windows.shape, windows.strides
        )
        self._windows = (windows, following)
        self._edges = _Edges(self.flow)

    def push(self, *parts: FloatArray) -> FloatArray:
        """Take the next columns, channels in parts, and return twice as many."""
        np.concatenate(parts, axis=1, out=self._memory.advance())
        flow = self.flow
        out = np.empty((flow.count, flow.channels, flow.bands), np.float32)
        for phase, (matrix, windows) in enumerate(zip(self._matrices, self._windows, strict=True)):
            made = np.matmul(matrix, windows)
            made = made.reshape(len(made), 2, 2, flow.channels, flow.bands // 2)
            even, odd = made[:, 0, 1], made[:, 1, 0]
            even[..., 1:] += made[:, 0, 0, :, :-1]
            odd[..., :-1] += made[:, 1, 1, :, 1:]
            for band_phase, half in enumerate((even, odd)):
                half += self._bias
                np.maximum(half, _LEAK * half, out=out[phase::2, :, band_phase::2])
        self._edges.silence(out)
        return out


class NarrowConv:
    """Convolves with 3 × 3 to few outputs: multiplies first, then shifts along frequency."""

    def __init__(self, flow: Flow, weight: FloatArray) -> None:
        """Set the weights: (outputs, inputs, 3 bands, 3 columns)."""
        outputs, inputs = weight.shape[:2]
        self.flow = replace(flow, channels=outputs, delay=flow.delay + 1)
        matrix = weight.transpose(2, 0, 3, 1).reshape(3 * outputs, 3 * inputs)
        self._matrix = np.ascontiguousarray(matrix)
        self._memory = Memory(2, flow.count, inputs, flow.bands)
        self._windows = self._memory.windows(3, 1)

    def push(self, *parts: FloatArray) -> FloatArray:
        """Take the next columns, channels in parts, and return as many as they make."""
        np.concatenate(parts, axis=1, out=self._memory.advance())
        made = np.matmul(self._matrix, self._windows)
        below, out, above = np.split(made, 3, axis=1)
        out[..., 1:] += below[..., :-1]
        out[..., :-1] += above[..., 1:]
        return out


def rectify(x: FloatArray) -> FloatArray:
    """Keep a tenth of what is below zero, in place."""
    np.maximum(x, _LEAK * x, out=x)
    return x
