"""Sound files with known answers, made here by soundfile, PyAV and numpy alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from karaoke_studio.audio.decode import open_source

Samples = NDArray[np.float32]

LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 6: "5.1", 8: "7.1"}
_TYPES = {"flt": np.float32, "dbl": np.float64, "s16": np.int16, "s32": np.int32, "u8": np.uint8}


def clicks(frames: int, at: tuple[int, ...], channels: int = 2, level: float = 0.8) -> Samples:
    """Silence with single loud samples, (frames, channels)."""
    samples = np.zeros((frames, channels), np.float32)
    samples[list(at)] = level
    return samples


def decode(path: Path, block_frames: int = 50_000) -> tuple[Samples, list[str]]:
    """All frames that `open_source` gives, and its notes."""
    with open_source(path) as source:
        blocks = [block.copy() for block in source.blocks(block_frames)]
    empty = np.empty((0, source.channels), np.float32)
    return np.concatenate([empty, *blocks]), source.notes


def blocks_of(samples: NDArray[Any], size: int = 30_011) -> Iterator[NDArray[Any]]:
    """Cut into blocks whose size divides nothing."""
    return (samples[at : at + size] for at in range(0, len(samples), size))


def write_av(
    path: Path,
    codec: str,
    muxer: str,
    samples: Samples,
    rate: int,
    *,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    picture: bool = False,
    layout: str | None = None,
    sound_start_s: float = 0.0,
    mux_options: dict[str, str] | None = None,
) -> Path:
    """Encode float32 (frames, channels) with any of FFmpeg's encoders."""
    with av.open(str(path), "w", format=muxer, options=mux_options or {}) as container:
        container.metadata.update(metadata or {})
        shown = _add_picture(container) if picture else None
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, AudioStream)
        stream.layout = layout or LAYOUTS[samples.shape[1]]
        kinds = [f.name for f in av.Codec(codec, "w").audio_formats or ()]
        kind = next(
            k for k in ("fltp", "flt", "dbl", "s32", "s32p", "s16", "s16p", *kinds) if k in kinds
        )
        stream.format = kind
        stream.bit_rate = 192_000
        stream.time_base = Fraction(1, rate)
        if shown is not None:
            _encode_picture(container, shown, len(samples) / rate + sound_start_s)
        start = round(sound_start_s * rate)
        for at in range(0, len(samples), 4096):
            frame = _frame(samples[at : at + 4096], kind, stream.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = rate, start + at, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frame(piece: Samples, kind: str, layout: str) -> AudioFrame:
    base = kind.removesuffix("p")
    dtype = _TYPES[base]
    values = piece.astype(np.float64)
    if np.issubdtype(dtype, np.integer):
        full = 2.0 ** (8 * np.dtype(dtype).itemsize - 1)
        values = np.clip(np.round(values * full), -full, full - 1) + (full if base == "u8" else 0)
    cast = values.astype(dtype)
    plane = cast.T if kind.endswith("p") else cast.reshape(1, -1)
    return AudioFrame.from_ndarray(np.ascontiguousarray(plane), format=kind, layout=layout)


def _add_picture(container: OutputContainer) -> VideoStream:
    stream = container.add_stream("mpeg4", rate=25)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _encode_picture(container: OutputContainer, stream: VideoStream, seconds: float) -> None:
    """Add 25 frames per second, each of another brightness."""
    for number in range(max(1, round(seconds * 25))):
        image = np.full((48, 64, 3), number * 5 % 256, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def open_files() -> int:
    """How many descriptors this process holds."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def make_wav(
    samples: bytes, *, rate: int, channels: int, bits: int, tag: int = 1, claimed: int | None = None
) -> bytes:
    """A WAV written by hand, so that its header can lie."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, (rate * block) % 2**32, block % 65536, bits)
    size = len(samples) if claimed is None else claimed
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", size) + samples
    return b"RIFF" + struct.pack("<I", min(2**32 - 1, len(body) + size - len(samples))) + body


def make_id3(frames: bytes) -> bytes:
    """An ID3 2.3 tag around raw frames."""
    size = len(frames)
    coded = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + coded + frames


def tiny_png(width: int, height: int) -> bytes:
    """A PNG header of that size (its picture is not meant to be decoded)."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + data


def tiny_jpeg(width: int, height: int) -> bytes:
    """A JPEG's beginning: an APP0 segment, then the frame header."""
    app0 = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03" + bytes(9)
    return b"\xff\xd8" + app0 + frame
