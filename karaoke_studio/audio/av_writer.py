"""Encodes float32 blocks with FFmpeg's encoders: AAC and Opus, alone or beside a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from karaoke_studio.audio.output_file import OutputFile

FloatBlock = NDArray[np.float32]

_PIECE_FRAMES = 16_384
_SAMPLE_FORMAT = {"aac": "fltp", "libopus": "flt"}
#: AAC's default coder searches four times longer for a difference that its bitrate hides.
_OPTIONS = {"aac": {"aac_coder": "fast"}}
#: No AAC frame (1024 samples) may be longer than 6144 bits per channel.
_AAC_BITS_PER_SAMPLE = 6


def write_by_av(
    file: OutputFile,
    blocks: Iterable[FloatBlock],
    *,
    muxer: str,
    codec: str,
    sample_rate: int,
    channels: int,
    kbps: int,
) -> int:
    """Encode blocks of float32 (frames, channels) into a file and return how many frames it took.

    Encoder delay and padding are written down in the file, so that it reads back with the same
    number of frames and each of them in its place.

    Raises:
        OSError: the file cannot be written.
    """
    options = muxer_options(muxer, sample_rate)
    frames = 0
    with av.open(file, "w", format=muxer, options=options) as container:
        stream = add_sound(container, codec, sample_rate, channels, kbps)
        for packets, count in encode(stream, blocks):
            container.mux(packets)
            file.check()
            frames += count
    file.check()
    return frames


def add_sound(
    container: OutputContainer, codec: str, sample_rate: int, channels: int, kbps: int
) -> AudioStream:
    """Add an empty stream of sound to a container that is being written."""
    stream = container.add_stream(codec, rate=sample_rate, options=dict(_OPTIONS.get(codec, {})))
    if not isinstance(stream, AudioStream):
        raise TypeError(f"{codec} is no codec for sound")
    bits_per_s = kbps * 1000
    if codec == "aac":
        bits_per_s = min(bits_per_s, _AAC_BITS_PER_SAMPLE * sample_rate * channels)
    stream.bit_rate = bits_per_s
    stream.layout = "stereo" if channels == 2 else "mono"
    stream.format = _SAMPLE_FORMAT[codec]
    stream.time_base = Fraction(1, sample_rate)
    return stream


def encode(
    stream: AudioStream, blocks: Iterable[FloatBlock]
) -> Iterator[tuple[list[Packet[AudioStream]], int]]:
    """Yield (packets, frames taken in) until all blocks and the encoder's rest are out.

    Args:
        stream: made by `add_sound`.
        blocks: float32 (frames, channels).
    """
    start = 0
    for block in blocks:
        for at in range(0, len(block), _PIECE_FRAMES):
            piece = block[at : at + _PIECE_FRAMES]
            frame = _frame(stream, piece)
            frame.pts = start
            start += len(piece)
            yield stream.encode(frame), len(piece)
    yield stream.encode(None), 0


def _frame(stream: AudioStream, piece: FloatBlock) -> AudioFrame:
    kind = stream.format.name
    values = piece.T if stream.format.is_planar else piece.reshape(1, -1)
    frame = AudioFrame.from_ndarray(
        np.ascontiguousarray(values, np.float32), format=kind, layout=stream.layout.name
    )
    frame.sample_rate = stream.rate
    frame.time_base = Fraction(1, stream.rate)
    return frame


def muxer_options(muxer: str, sample_rate: int) -> dict[str, str]:
    """Return what a muxer must be told about a file with sound of that rate (Hz)."""
    if muxer in {"mp4", "ipod"}:
        # the edit list counts in this unit: milliseconds would round the length
        return {"movie_timescale": str(sample_rate)}
    return {}
