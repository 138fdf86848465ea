"""Waveforms as pixels: each column a bar from its smallest to its largest sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.peaks import LEVELS, Peaks
from karaoke_studio.ui.timeline.colour_map import Pixels

FloatArray = NDArray[np.float32]
#: The loudest sample of the song leaves this share of its lane free on both sides.
_HEADROOM = 0.94
#: Half the height of silence, in logical pixels.
_HAIRLINE = 0.6


class Lanes:
    """Paints the waveforms of one song; both stems share one scale."""

    def __init__(self, peaks: Peaks) -> None:
        self._peaks = peaks
        coarsest = [levels[-1] for levels in peaks.levels.values()]
        loudest = max((float(abs(c.astype("f4")).max(initial=0)) for c in coarsest), default=0.0)
        loudest /= 32767
        self._scale = np.float32(_HEADROOM / loudest if loudest > 1e-4 else _HEADROOM)

    def paint(
        self,
        stem: str,
        pixels: Pixels,
        start: float,
        step: float,
        table: Pixels,
        bare: Pixels | None = None,
    ) -> None:
        """Fill uint32 (height, columns) with the waveform from frame `start` on.

        Args:
            stem: which one.
            pixels: filled whole.
            start: frame at the left edge of the first column.
            step: frames per column.
            table: 256 pixels from ground to colour.
            bare: the same for what is still the song itself.
        """
        height, count = pixels.shape
        low, high = self.columns(stem, start, step, count)
        middle = np.float32(height / 2)
        top = middle - np.maximum(high * middle, np.float32(_HAIRLINE))
        bottom = middle - np.minimum(low * middle, np.float32(-_HAIRLINE))
        rows = np.arange(height, dtype=np.float32)[:, None]
        # how much of each pixel lies inside the bar: edges are smooth without a painter
        covered = np.minimum(bottom, rows + 1)
        covered -= np.maximum(top, rows)
        np.clip(covered, 0, 1, out=covered)
        covered *= 255
        np.take(table, covered.astype(np.uint8), out=pixels, mode="clip")

    def columns(
        self, stem: str, start: float, step: float, count: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return minima and maxima of columns, −1…1 of the lane's height."""
        finest = LEVELS[0]
        if step >= finest:
            low, high = self._peaks.columns(stem, start, start + step * count, count)
            return low * self._scale, high * self._scale
        # closer than the file knows: straight lines between what it knows
        first = int(start // finest) - 1
        last = int((start + step * count) // finest) + 2
        known = self._peaks.columns(stem, first * finest, last * finest, last - first)
        at = (start + (np.arange(count) + 0.5) * step) / finest - first - 0.5
        low, high = (
            np.interp(at, np.arange(last - first), values).astype(np.float32) for values in known
        )
        return low * self._scale, high * self._scale
