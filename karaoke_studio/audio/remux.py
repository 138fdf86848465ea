"""A video's own picture with new sound: packets of the picture are copied, never re-encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.audio.stream import AudioStream
from av.container import Flags, InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from karaoke_studio.audio.av_reader import open_container, picture_streams
from karaoke_studio.audio.av_writer import add_sound, encode, muxer_options
from karaoke_studio.audio.encode import DEFAULT_KBPS, holdable_rate
from karaoke_studio.audio.output_file import OutputFile
from karaoke_studio.audio.sniff import identify, open_regular
from karaoke_studio.errors import ProcessingFailed, UnsupportedAudio

FloatBlock = NDArray[np.float32]

#: Codings of pictures that players expect in MP4; all others go into Matroska.
_MP4_PICTURES = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
_SILENCE_FRAMES = 65_536
_GENERATE_PTS: int = Flags.gen_pts.value  # type: ignore[assignment]  # the stub says Flags


def remux_with_audio(
    video: Path,
    target: Path,
    blocks: Iterable[FloatBlock],
    *,
    sample_rate: int,
    channels: int,
    frames: int,
    start_s: float,
) -> str:
    """Write the picture of `video` with `blocks` as its sound; when anything fails no file is left.

    The sound becomes AAC, at the nearest rate that AAC has, and starts where the song's own did.

    Args:
        video: a foreign video.
        target: the file to write, whatever its suffix.
        blocks: float32 (frames, channels).
        sample_rate: Hz.
        channels: 1 or 2.
        frames: length of all blocks.
        start_s: where the sound starts against the container's zero (`Source.start_s`).

    Returns:
        the suffix that fits what was written: ".mp4" or ".mkv".

    Raises:
        InputError: the video cannot be read, or has no moving picture.
        ProcessingFailed: its picture cannot be copied.
        OSError: the file cannot be written.
        ValueError: there are not as many frames as was said.
    """
    with open_regular(video) as file, OutputFile(target) as output:
        container = identify(file, video.name)
        with open_container(file, container, video.name) as source:
            picture = _picture(source, video.name)
            is_mp4 = picture.codec_context.codec.canonical_name in _MP4_PICTURES
            muxer = "mp4" if is_mp4 else "matroska"
            rate = holdable_rate("m4a", sample_rate)
            counted = _Counted(blocks)
            sound = counted if rate == sample_rate else _resampled(counted, sample_rate, rate)
            try:
                with av.open(output, "w", format=muxer, options=muxer_options(muxer, rate)) as made:
                    copy = made.add_stream_from_template(picture)
                    stream = add_sound(made, "aac", rate, channels, DEFAULT_KBPS["m4a"])
                    coded = _packets(stream, _shifted(sound, round(start_s * rate), channels))
                    _interleave(_copied(source, picture, copy), coded, made, output)
            except av.FFmpegError as exc:
                raise ProcessingFailed(
                    f"The picture of {video.name} cannot be put into a new file.",
                    hint="Export the sound alone.",
                ) from exc
        output.check()
        counted.require(frames)
    return f".{'mp4' if is_mp4 else 'mkv'}"


class _Counted:
    """Blocks that are counted while they pass."""

    def __init__(self, blocks: Iterable[FloatBlock]) -> None:
        self._blocks = blocks
        self._frames = 0

    def __iter__(self) -> Iterator[FloatBlock]:
        for block in self._blocks:
            self._frames += len(block)
            yield block

    def require(self, frames: int) -> None:
        if self._frames != frames:
            raise ValueError(f"{frames} frames were promised and {self._frames} came")


def _picture(source: InputContainer, name: str) -> VideoStream:
    indices = picture_streams(source)
    if not indices:
        raise UnsupportedAudio(f"{name} has no moving picture.", hint="Export the sound alone.")
    picture = source.streams[indices[0]]
    if not isinstance(picture, VideoStream) or picture.codec_context is None:
        raise UnsupportedAudio(
            f"The picture of {name} is in an unknown format.", hint="Export the sound alone."
        )
    # old formats do not say when a frame is shown, only when it is decoded
    source.flags |= _GENERATE_PTS
    return picture


def _copied(
    source: InputContainer, picture: VideoStream, copy: VideoStream
) -> Iterator[Packet[Any]]:
    """Yield the packets of the picture, on a clock that starts with the container."""
    zero_s = (source.start_time or 0) / av.time_base
    for packet in source.demux(picture):
        if packet.dts is None or packet.time_base is None:
            continue
        zero = round(zero_s / packet.time_base)
        packet.dts -= zero
        packet.pts = packet.dts if packet.pts is None else packet.pts - zero
        packet.stream = copy
        yield packet


def _packets(stream: AudioStream, blocks: Iterable[FloatBlock]) -> Iterator[Packet[Any]]:
    for packets, _ in encode(stream, blocks):
        yield from packets


def _shifted(blocks: Iterable[FloatBlock], by: int, channels: int) -> Iterator[FloatBlock]:
    """Put silence in front (`by` > 0) or leave out the first frames (`by` < 0).

    Sound that starts with the picture is what all players agree on.
    """
    for at in range(0, by, _SILENCE_FRAMES):
        yield np.zeros((min(_SILENCE_FRAMES, by - at), channels), np.float32)
    skip = max(0, -by)
    for block in blocks:
        yield block[skip:]
        skip = max(0, skip - len(block))


def _interleave(
    pictures: Iterator[Packet[Any]],
    sounds: Iterator[Packet[Any]],
    made: OutputContainer,
    output: OutputFile,
) -> None:
    """Write both in order of time, so that the muxer has nothing to hold back."""
    picture, sound = next(pictures, None), next(sounds, None)
    while picture is not None or sound is not None:
        if sound is None or (picture is not None and _time(picture) <= _time(sound)):
            assert picture is not None
            made.mux(picture)
            picture = next(pictures, None)
        else:
            made.mux(sound)
            sound = next(sounds, None)
        output.check()


def _time(packet: Packet[Any]) -> float:
    return float((packet.dts or 0) * (packet.time_base or 0))


def _resampled(blocks: Iterable[FloatBlock], rate: int, new_rate: int) -> Iterator[FloatBlock]:
    resampler: soxr.ResampleStream | None = None
    for block in blocks:
        if resampler is None:
            resampler = soxr.ResampleStream(rate, new_rate, block.shape[1], "float32", "VHQ")
            empty = block[:0]
        yield resampler.resample_chunk(np.ascontiguousarray(block))
    if resampler is not None:
        yield resampler.resample_chunk(empty, last=True)
