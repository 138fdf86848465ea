"""Tables of colours from dark to bright, as 32-bit pixels."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from karaoke_studio.ui import theme

Pixels = NDArray[np.uint32]
FloatArray = NDArray[np.float64]
_Rgb = tuple[int, int, int]


def ramp(ground: str | QColor, colour: str | QColor) -> Pixels:
    """Return 256 pixels from one colour to another: what partly covered pixels look like."""
    return _ramp(_rgb(ground), _rgb(colour))


@cache
def _ramp(ground: _Rgb, colour: _Rgb) -> Pixels:
    # kept: eight of them are wanted each time that another stem is heard
    share = np.linspace(0, 1, 256)[:, None]
    pixels = _pixels(np.array(ground) * (1 - share) + np.array(colour) * share)
    pixels.flags.writeable = False
    return pixels


@cache
def level_map(name: str) -> Pixels:
    """Return the 256 pixels of a spectrogram map; equal steps look equally bright."""
    anchors = np.array([_rgb(colour) for colour in theme.SPECTROGRAM_MAPS[name]])
    places = np.linspace(0, 1, 4096)
    given = np.linspace(0, 1, len(anchors))
    dense = np.stack([np.interp(places, given, channel) for channel in anchors.T], axis=1)
    bright = lightness(dense)
    even = np.linspace(bright[0], bright[-1], 256)
    return _pixels(np.stack([np.interp(even, bright, channel) for channel in dense.T], axis=1))


def lightness(rgb: FloatArray) -> FloatArray:
    """Return the lightness (0…100) of colours, rows of 0…255.

    Source: CIE 1976 L*, with the luminance of sRGB (IEC 61966-2-1).
    """
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance: FloatArray = linear @ np.array([0.2126, 0.7152, 0.0722])
    small = luminance <= (6 / 29) ** 3
    return np.where(small, luminance * (29 / 3) ** 3, 116 * np.cbrt(luminance) - 16)


def _rgb(colour: str | QColor) -> _Rgb:
    made = QColor(colour)
    return made.red(), made.green(), made.blue()


def _pixels(rgb: FloatArray) -> Pixels:
    red, green, blue = np.rint(rgb).astype(np.uint32).T
    pixels: Pixels = (0xFF << 24) | (red << 16) | (green << 8) | blue
    return pixels.astype(np.uint32)
