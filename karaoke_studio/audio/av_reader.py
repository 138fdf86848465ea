"""Reads sound through PyAV: every format that libsndfile lacks, and the first sound of videos.

FFmpeg is handed an opened file and the name of one demuxer. It never sees a path, and whatever
else a file asks it to open is refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NoReturn

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition
from numpy.typing import NDArray

from karaoke_studio.audio.limits import check_shape
from karaoke_studio.audio.sniff import Container
from karaoke_studio.errors import CorruptAudio, UnsupportedAudio

FloatBlock = NDArray[np.float32]

#: Packets in a row that may fail before the rest of the file counts as unreadable.
_MAX_BAD_PACKETS = 64
#: Holes in a video's sound up to this long are kept as silence, so that it stays with the picture.
_MIN_GAP_S, _MAX_GAP_S = 0.1, 600.0
#: FFmpeg's sample formats: type, and what full scale is divided by.
_SAMPLES: dict[str, tuple[type[np.generic], float]] = {
    "u8": (np.uint8, 2.0**7),
    "s16": (np.int16, 2.0**15),
    "s32": (np.int32, 2.0**31),
    "s64": (np.int64, 2.0**63),
    "flt": (np.float32, 1.0),
    "dbl": (np.float64, 1.0),
}
#: Formats whose header gives the exact length of the sound.
_EXACT_LENGTH = frozenset({"mov", "flac", "wav", "aiff", "wv", "ape", "tta", "tak", "w64", "au"})


class SecondFileRefused(Exception):
    """A file asked FFmpeg to open another one."""


class FileWindow(io.RawIOBase):
    """A file seen from `start` on; closing it leaves the file open.

    Attributes:
        file: the whole file.
    """

    def __init__(self, file: io.FileIO, start: int) -> None:
        self.file, self._start = file, start
        file.seek(start)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        return self.file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, and return the new position in the window, or -1 for a place that cannot be.

        Broken files send FFmpeg to such places; an exception there would look like a broken disk.
        """
        if whence == io.SEEK_SET:
            offset += self._start
        try:
            return max(-1, self.file.seek(offset, whence) - self._start)
        except (OSError, OverflowError):
            return -1

    def tell(self) -> int:
        """Return the position in the window."""
        return self.file.tell() - self._start


def open_container(file: io.FileIO, container: Container, name: str) -> InputContainer:
    """Open a foreign file with the one demuxer that its contents call for.

    Raises:
        CorruptAudio: FFmpeg refuses it.
    """
    try:
        return av.open(
            FileWindow(file, container.start),
            "r",
            format=container.demuxer,
            container_options={"protocol_whitelist": "", "format_whitelist": _names(container)},
            metadata_errors="replace",
            io_open=_refuse,
        )
    except (av.FFmpegError, ValueError, SecondFileRefused) as exc:
        raise CorruptAudio(
            f"{name} is damaged and cannot be read.", hint="Get another copy of the song."
        ) from exc


def picture_streams(opened: InputContainer) -> list[int]:
    """Return the indices of the moving pictures; covers and thumbnails are none."""
    still = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
    return [s.index for s in opened.streams.video if not Disposition(s.disposition) & still]


class AvReader:
    """An opened file; see `decode.Reader` for the attributes."""

    def __init__(self, file: io.FileIO, container: Container, name: str) -> None:
        """Open the file and decode its first frame, which alone tells rate and channels for sure.

        Raises:
            LimitExceeded: rate or channels are unreasonable.
            CorruptAudio: it cannot be read, or no sound comes out.
            UnsupportedAudio: it has no sound, or sound in a format that FFmpeg cannot decode.
        """
        self._container = open_container(file, container, name)
        try:
            self._open_stream(container, name)
        except BaseException:
            self._container.close()
            raise

    def _open_stream(self, container: Container, name: str) -> None:
        if not self._container.streams.audio:
            raise UnsupportedAudio(f"{name} has no sound in it.", hint="Choose another file.")
        stream = self._container.streams.audio[0]
        codec = stream.codec_context
        if codec is None:
            raise UnsupportedAudio(
                f"The sound of {name} is in a format that cannot be read (or is copy-protected).",
                hint="Convert it to FLAC, WAV or MP3 first.",
            )
        codec.thread_count = 1
        for other in self._container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        self._stream = stream
        self.has_picture = bool(picture_streams(self._container))
        self._frames = self._decoded()
        first = next(self._frames, None)
        if first is None:
            raise CorruptAudio(
                f"{name} is damaged: no sound can be read from it.",
                hint="Get another copy of the song.",
            )
        self._first = first
        self.sample_rate = first.sample_rate
        self.channels = first.layout.nb_channels
        check_shape(name, self.sample_rate, self.channels)
        self.speakers = tuple(channel.name for channel in first.layout.channels)
        self.codec = codec.codec.canonical_name
        self.is_lossy = not (codec.codec.lossless or self.codec.startswith("pcm_"))
        self.bits = None if self.is_lossy else first.format.bytes * 8
        self.start_s = self._start_s() if self.has_picture else 0.0
        self.is_length_exact = container.demuxer in _EXACT_LENGTH and stream.duration is not None
        self.claimed_frames = self._claimed_frames(stream)

    def blocks(self, block_frames: int) -> Iterator[FloatBlock]:
        """Yield float32 (frames, channels); stops where the file cannot be read any further.

        The same buffer is used for all blocks.
        """
        buffer = np.empty((block_frames, self.channels), np.float32)
        filled = 0
        for samples in self._trimmed():
            taken = 0
            while taken < len(samples):
                count = min(len(samples) - taken, block_frames - filled)
                buffer[filled : filled + count] = samples[taken : taken + count]
                filled, taken = filled + count, taken + count
                if filled == block_frames:
                    yield buffer
                    filled = 0
        if filled:
            yield buffer[:filled]

    def close(self) -> None:
        """Let go of FFmpeg's handle; the file itself belongs to the caller."""
        self._container.close()

    def _trimmed(self) -> Iterator[FloatBlock]:
        """Yield the samples without the padding that the last coded frame brings along."""
        left = self.claimed_frames if self.is_length_exact else None
        for samples in self._samples():
            if left is None:
                yield samples
                continue
            yield samples[:left]
            left -= len(samples)
            if left <= 0:
                return

    def _samples(self) -> Iterator[FloatBlock]:
        position = 0
        frame: AudioFrame | None = self._first
        while frame is not None:
            if self.has_picture:
                gap = self._gap_frames(frame, position)
                position += gap
                for start in range(0, gap, self.sample_rate):
                    yield np.zeros((min(self.sample_rate, gap - start), self.channels), np.float32)
            yield _to_float(frame)
            position += frame.samples
            frame = next(self._frames, None)
            if frame is not None and not self._is_alike(frame):
                return

    def _gap_frames(self, frame: AudioFrame, position: int) -> int:
        if frame.time is None or self._first.time is None:
            return 0
        gap_s = frame.time - self._first.time - position / self.sample_rate
        return round(gap_s * self.sample_rate) if _MIN_GAP_S < gap_s < _MAX_GAP_S else 0

    def _is_alike(self, frame: AudioFrame) -> bool:
        return frame.sample_rate == self.sample_rate and frame.layout.nb_channels == self.channels

    def _decoded(self) -> Iterator[AudioFrame]:
        """Yield decoded frames, stepping over a few broken packets."""
        packets = self._container.demux(self._stream)
        bad = 0
        while bad < _MAX_BAD_PACKETS:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError, SecondFileRefused):
                return
            except IndexError:
                # PyAV does not know streams that begin later; the ones it knows go on
                bad += 1
                packets = self._container.demux(self._stream)
                continue
            try:
                frames = packet.decode()
            except av.FFmpegError:
                bad += 1
                continue
            for frame in frames:
                bad = 0
                if isinstance(frame, AudioFrame) and frame.samples:
                    yield frame

    def _start_s(self) -> float:
        """Return when the sound starts after the container's zero, in seconds."""
        zero_s = (self._container.start_time or 0) / av.time_base
        return (self._first.time or 0.0) - zero_s

    def _claimed_frames(self, stream: AudioStream) -> int | None:
        if stream.duration is not None and stream.time_base is not None:
            return round(stream.duration * stream.time_base * self.sample_rate) or None
        if self._container.duration is not None:
            return round(self._container.duration / av.time_base * self.sample_rate) or None
        return None


def _to_float(frame: AudioFrame) -> FloatBlock:
    """Return a frame's samples as float32 (frames, channels), full scale = 1."""
    kind = frame.format.name
    dtype, full_scale = _SAMPLES[kind.removesuffix("p") if frame.format.is_planar else kind]
    channels = frame.layout.nb_channels
    if frame.format.is_planar:
        planes = [np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in frame.planes]
        values = np.stack(planes, axis=1)
    else:
        flat = np.frombuffer(memoryview(frame.planes[0]), dtype, frame.samples * channels)
        values = flat.reshape(frame.samples, channels)
    if full_scale == 1.0:
        return values.astype(np.float32, copy=False)
    floats = values.astype(np.float32)
    if dtype is np.uint8:
        floats -= 128.0
    floats *= np.float32(1 / full_scale)
    return floats


def _names(container: Container) -> str:
    # FFmpeg compares with the full list of names that a demuxer goes by
    return av.ContainerFormat(container.demuxer or "", "r").name


def _refuse(_url: str, _flags: int, _options: object) -> NoReturn:
    raise SecondFileRefused("no second file is ever opened")
