"""Loudness by ITU-R BS.1770 and EBU R 128, measured by FFmpeg's own meter block by block."""

from __future__ import annotations

import av
import av.error
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

#: What the meter says of silence: nothing passed its gate.
_GATE_LUFS = -70.0
_LAYOUTS = {1: "mono", 2: "stereo"}


class LoudnessMeter:
    """Integrated loudness of sound that comes in blocks; their sizes change nothing.

    Args:
        sample_rate: of the sound.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sample_rate, self._layout = sample_rate, _LAYOUTS[channels]
        self._frames = 0
        self._said = _GATE_LUFS
        graph = av.filter.Graph()
        self._source = graph.add(
            "abuffer",
            f"sample_rate={sample_rate}:sample_fmt=flt:channel_layout={self._layout}"
            f":time_base=1/{sample_rate}",
        )
        meter = graph.add("ebur128", "metadata=1")
        self._sink = graph.add("abuffersink")
        self._source.link_to(meter)
        meter.link_to(self._sink)
        graph.configure()
        self._graph = graph

    def add(self, block: FloatArray) -> None:
        """Add float32 (frames, channels), full scale = 1."""
        if not len(block):
            return
        samples = np.ascontiguousarray(block, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=self._layout)
        frame.sample_rate, frame.pts = self._sample_rate, self._frames
        self._frames += len(block)
        self._source.push(frame)
        self._listen()

    def finish(self) -> float | None:
        """Return the loudness in LUFS; None for silence and for less than 0.4 s of sound."""
        # the meter speaks every 100 ms: up to there the last words of a song are silence
        self.add(np.zeros((self._sample_rate // 10, 1 + (self._layout == "stereo")), np.float32))
        return None if self._said <= _GATE_LUFS else self._said

    def _listen(self) -> None:
        while True:
            try:
                frame = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            said = frame.metadata.get("lavfi.r128.I")
            if said is not None:
                self._said = float(said)
