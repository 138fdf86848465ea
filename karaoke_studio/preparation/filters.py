"""FFmpeg's own filters on blocks: clicks, hum, rumble, the gate and the compressor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
import numpy as np

from karaoke_studio.preparation.blocks import FloatArray

#: Name and options of a filter.
Filter = tuple[str, str]

_LAYOUTS = {1: "mono", 2: "stereo"}
_PIECE_FRAMES = 16_384
#: Silence before and after, because `adeclick` gives its first and last window away.
_MARGIN_S = 0.2

#: With a longer model it takes four times as long for 1 dB; a lower threshold hurts consonants.
DECLICK: Filter = ("adeclick", "window=55:overlap=50:arorder=2:threshold=6:burst=2")
_HUM_WIDTH_HZ = 1.0
_GATE = "ratio=3:range=0.06:attack=5:release=200:knee=4:detection=rms"
_COMPRESSOR = "ratio=3:attack=10:release=200:knee=4:detection=rms"


def highpass(corner_hz: float) -> list[Filter]:
    """Return 24 dB an octave below a corner: Butterworth's fourth order."""
    return [
        ("highpass", f"f={corner_hz:g}:width_type=q:w={quality}:r=f64")
        for quality in (0.5412, 1.3066)
    ]


def dehum(partials_hz: Iterable[float]) -> list[Filter]:
    """Return a notch for each partial of the hum."""
    return [
        ("bandreject", f"f={hz:.3f}:width_type=h:w={_HUM_WIDTH_HZ}:r=f64") for hz in partials_hz
    ]


def gate(threshold_db: float) -> Filter:
    """Return a gate that makes what is below a level up to 24 dB quieter."""
    return ("agate", f"threshold={_gain(threshold_db)}:{_GATE}")


def compressor(threshold_db: float) -> Filter:
    """Return a compressor 3 : 1 above a level."""
    return ("acompressor", f"threshold={_gain(threshold_db)}:{_COMPRESSOR}")


def _gain(db: float) -> str:
    return f"{min(max(10 ** (db / 20), 0.000977), 1.0):.6f}"


def filtered(
    blocks: Iterable[FloatArray], sample_rate: int, channels: int, filters: list[Filter]
) -> Iterator[FloatArray]:
    """Yield blocks through filters, as long as they came and each sample in its place.

    Args:
        blocks: float32 (frames, channels).
        sample_rate: Hz.
        channels: 1 or 2.
        filters: at least one; none that comes late by its nature.
    """
    graph = _Graph(sample_rate, channels, filters)
    margin = round(_MARGIN_S * sample_rate)
    silence = np.zeros((margin, channels), np.float32)
    skipped, taken, given = margin, 0, 0

    def pieces() -> Iterator[FloatArray]:
        nonlocal taken
        yield silence
        for block in blocks:
            taken += len(block)
            for at in range(0, len(block), _PIECE_FRAMES):
                yield block[at : at + _PIECE_FRAMES]
        yield silence

    for made in graph.run(pieces()):
        kept = made[skipped:]
        skipped = max(0, skipped - len(made))
        # what goes beyond is the silence after the end
        kept = kept[: taken - given]
        given += len(kept)
        if len(kept):
            yield kept


class _Graph:
    def __init__(self, sample_rate: int, channels: int, filters: list[Filter]) -> None:
        self._rate, self._channels, self._layout = sample_rate, channels, _LAYOUTS[channels]
        self._graph = av.filter.Graph()
        self._source = last = self._graph.add(
            "abuffer",
            f"sample_rate={sample_rate}:sample_fmt=flt:channel_layout={self._layout}"
            f":time_base=1/{sample_rate}",
        )
        self._sink = self._graph.add("abuffersink")
        for name, options in (*filters, ("aformat", "sample_fmts=flt")):
            step = self._graph.add(name, options)
            last.link_to(step)
            last = step
        last.link_to(self._sink)
        self._graph.configure()

    def run(self, pieces: Iterable[FloatArray]) -> Iterator[FloatArray]:
        frames = 0
        for piece in pieces:
            samples = np.ascontiguousarray(piece, np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=self._layout)
            frame.sample_rate, frame.pts = self._rate, frames
            frame.time_base = Fraction(1, self._rate)
            frames += len(piece)
            self._source.push(frame)
            yield from self._made()
        self._source.push(None)
        yield from self._made()

    def _made(self) -> Iterator[FloatArray]:
        while True:
            try:
                frame = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            if isinstance(frame, av.AudioFrame):
                samples = np.asarray(frame.to_ndarray(), np.float32)
                yield samples.reshape(-1, self._channels)
