"""The spectrogram as pixels, and what its rows mean."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.spectrogram import FLOOR_DB, ROWS, TOP_DB, Spectrogram, row_hz
from karaoke_studio.ui.timeline.colour_map import Pixels, level_map

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
#: The brightest colour is for the loudest ten-thousandth; what lies so far below is black.
_LOUDEST = 0.9999
RANGE_DB = 54.0
#: Below C0 nobody speaks of notes.
_LOWEST_NOTE_HZ = 16.0
_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


class Strip:
    """Paints the spectrogram of one song."""

    def __init__(self, spectrogram: Spectrogram, colours: str, range_db: float = RANGE_DB) -> None:
        self._spectrogram = spectrogram
        top = max(float(spectrogram.loudest(_LOUDEST)), 40.0)
        reach = range_db * 255 / (TOP_DB - FLOOR_DB)
        share = np.clip((np.arange(256) - top + reach) / reach, 0, 1)
        self._table: Pixels = level_map(colours)[np.rint(share * 255).astype(np.intp)]

    def read(self, frame: float, share: float) -> tuple[float, float]:
        """Return hertz and decibels (0 = a sine of full scale) at a height, 0 … 1."""
        row = _row_at(share)
        return row_hz(row, self._spectrogram.scale), self._spectrogram.db_at(frame, row)

    def paint(self, pixels: Pixels, start: float, step: float, *, smooth: bool) -> None:
        """Fill uint32 (height, columns) from frame `start` on, low notes at the bottom.

        Args:
            pixels: filled whole.
            start: frame at the left edge of the first column.
            step: frames per column.
            smooth: blend rows and columns; else the nearest are taken, which is quicker.
        """
        height, count = pixels.shape
        level, hop = self._spectrogram.level_for(step)
        at = (start + (np.arange(count) + 0.5) * step) / hop
        blends = smooth and step < hop
        chosen = _blend(level, at - 0.5) if blends else _nearest(level, at)
        if smooth:
            values = _fit_rows(chosen.astype(np.float32), height)
        else:
            rows = (np.arange(height - 1, -1, -1) * 2 + 1) * ROWS // (2 * height)
            values = chosen[rows]
        np.take(self._table, values, out=pixels, mode="clip")


def _nearest(level: ByteArray, at: NDArray[np.float64]) -> ByteArray:
    """Return the columns at places; what lies beyond the song is silent."""
    found = np.clip(at, 0, level.shape[1] - 1).astype(np.intp)
    return np.take(level, found, axis=1)


def _blend(level: ByteArray, at: NDArray[np.float64]) -> FloatArray:
    before = np.floor(at)
    share = (at - before).astype(np.float32)
    left = _nearest(level, before).astype(np.float32)
    right = _nearest(level, before + 1).astype(np.float32)
    right -= left
    right *= share
    left += right
    return left


def _fit_rows(values: FloatArray, height: int) -> ByteArray:
    """Return (ROWS, n) as (height, n), turned upside down: means of rows, or lines between."""
    if height < ROWS:
        edges = np.arange(height + 1) * ROWS // height
        fitted = np.add.reduceat(values, edges[:-1], axis=0)
        fitted /= np.diff(edges).astype(np.float32)[:, None]
    else:
        at = np.clip((np.arange(height) + 0.5) * ROWS / height - 0.5, 0, ROWS - 1)
        before = np.minimum(at.astype(np.intp), ROWS - 2)
        share = (at - before).astype(np.float32)[:, None]
        fitted = values[before + 1]
        fitted -= values[before]
        fitted *= share
        fitted += values[before]
    fitted += np.float32(0.5)
    return fitted[::-1].astype(np.uint8)


def _row_at(share: float) -> float:
    return min(max(share * ROWS - 0.5, 0.0), ROWS - 1.0)


def hz_at(share: float, scale: str = "log") -> float:
    """Return the frequency at a height of the strip, 0 (bottom) to 1 (top)."""
    return row_hz(_row_at(share), scale)


def note_name(hz: float) -> str:
    """Return the nearest note of the equal temperament with A4 = 440 Hz; "" below all notes.

    >>> note_name(440.0), note_name(261.6), note_name(58.0)
    ('A4', 'C4', 'A♯1')
    """
    if hz < _LOWEST_NOTE_HZ:
        return ""
    number = round(69 + 12 * math.log2(hz / 440))
    return f"{_NOTES[number % 12]}{number // 12 - 1}"
