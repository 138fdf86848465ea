"""A foreign file as blocks of clean float32: one stream, one or two channels, finite numbers.

This is the only door for foreign sound. libsndfile is asked first where it knows the format and
PyAV otherwise; both are told what the file is (`sniff`), and neither sees its name.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from karaoke_studio import notes
from karaoke_studio.audio.av_reader import AvReader
from karaoke_studio.audio.chunks import missing_bytes
from karaoke_studio.audio.downmix import downmix_matrix
from karaoke_studio.audio.limits import check_duration
from karaoke_studio.audio.sniff import Container, identify, open_regular
from karaoke_studio.audio.soundfile_reader import SoundFileReader
from karaoke_studio.errors import (
    CorruptAudio,
    SourceChanged,
    UnsupportedAudio,
    error_from_os,
)

FloatBlock = NDArray[np.float32]

BLOCK_FRAMES = 262_144
#: Samples beyond this (200 dB over full scale) are no sound but damage, like NaN and Inf.
_MAX_SAMPLE = 1e10
#: A file that ends this much before its own header says so is cut off.
_TOLERATED_SHORTAGE_S = 0.1


class Reader(Protocol):
    """What both decoders offer.

    Attributes:
        channels: as in the file.
        speakers: name of each channel's loudspeaker, or empty where it does not matter.
        claimed_frames: length that the header gives, or None.
        is_length_exact: whether that length is meant to the frame.
        bits: of a lossless source.
        start_s: where the sound starts against the container's zero.
    """

    sample_rate: int
    channels: int
    speakers: tuple[str, ...]
    claimed_frames: int | None
    is_length_exact: bool
    codec: str
    bits: int | None
    is_lossy: bool
    has_picture: bool
    start_s: float

    def blocks(self, block_frames: int) -> Iterator[FloatBlock]:
        """Yield float32 (frames, channels)."""
        ...

    def close(self) -> None:
        """Let go of the decoder."""
        ...


def open_source(path: Path) -> Source:
    """Open a song for decoding.

    Raises:
        MissingFile, UnreadableFile: the system does not give it to us.
        UnsupportedAudio: it is no sound file, or has no sound in it.
        CorruptAudio: it is damaged so that nothing can be read.
        LimitExceeded: its rate or its number of channels is unreasonable.
    """
    file = open_regular(path)
    try:
        container = identify(file, path.name)
        return Source(path, file, container, _open_reader(file, container, path.name))
    except OSError as exc:
        file.close()
        raise error_from_os(exc, path) from exc
    except BaseException:
        file.close()
        raise


def _open_reader(file: io.FileIO, container: Container, name: str) -> Reader:
    """Return the first decoder that takes the file; its last refusal carries all of them."""
    refusals: list[Exception] = []
    if container.reader == "soundfile":
        try:
            return SoundFileReader(file, container, name)
        except (CorruptAudio, UnsupportedAudio) as exc:
            refusals.append(exc)
    if container.demuxer is not None:
        try:
            return AvReader(file, container, name)
        except (CorruptAudio, UnsupportedAudio) as exc:
            refusals.append(exc)
    last = refusals[-1]
    kind = type(last) if isinstance(last, UnsupportedAudio) else CorruptAudio
    raise kind(
        str(last), hint=getattr(last, "hint", "") or "Get another copy of the song."
    ) from ExceptionGroup("no decoder took the file", refusals)


class Source:
    """An opened song: what it is, and its samples in blocks.

    Attributes:
        container: short name of the file format.
        codec: short name of the coding of the sound.
        sample_rate: Hz; the song keeps it.
        source_channels: channels of the file.
        channels: channels of the blocks, 1 or 2.
        claimed_frames: length that the header gives, or None; it may lie.
        bits: bits per sample of a lossless source, else None.
        is_lossy: whether the coding threw something away.
        has_picture: whether there is a moving picture (covers do not count).
        start_s: where the sound starts against the container's zero, in seconds.
        notes: what was found, complete once `blocks` has ended.
    """

    def __init__(self, path: Path, file: io.FileIO, container: Container, reader: Reader) -> None:
        self._path, self._file, self._reader, self._kind = path, file, reader, container
        self._size = os.fstat(file.fileno()).st_size
        self.container = container.name
        self.codec = reader.codec
        self.sample_rate = reader.sample_rate
        self.source_channels = reader.channels
        self.channels = min(2, reader.channels)
        self.claimed_frames = reader.claimed_frames
        self.bits = reader.bits
        self.is_lossy = reader.is_lossy
        self.has_picture = reader.has_picture
        self.start_s = reader.start_s
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the decoder and the file."""
        self._reader.close()
        self._file.close()

    def check_length(self) -> None:
        """Refuse a song that is too long by its own account, before hours of it are decoded.

        Raises:
            LimitExceeded: it goes on for more than twelve hours.
        """
        if self._reader.is_length_exact and self.claimed_frames is not None:
            check_duration(self._path.name, self.claimed_frames, self.sample_rate)

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[FloatBlock]:
        """Yield the song from its beginning to its end, once.

        Blocks are float32 (frames, channels), C-contiguous, finite, and share one buffer: a block
        must be used up before the next one is asked for.

        Args:
            block_frames: length of all blocks but the last.

        Raises:
            LimitExceeded: the song goes on for more than twelve hours.
            CorruptAudio: the file breaks off before any sound.
            SourceChanged: the file became shorter while it was read.
            UnreadableFile: the disk went away.
        """
        matrix = None
        if self.source_channels > 2:
            matrix = downmix_matrix(self._reader.speakers)
            self.notes.append(notes.note(notes.DOWNMIXED, self.source_channels))
        frames = 0
        try:
            for block in self._reader.blocks(block_frames):
                self._clean(block)
                frames += len(block)
                check_duration(self._path.name, frames, self.sample_rate)
                yield block if matrix is None else block @ matrix
            is_cut = self._is_cut(frames)
        except OSError as exc:
            raise error_from_os(exc, self._path) from exc
        if is_cut:
            self._tell_cut(frames)

    def _clean(self, block: FloatBlock) -> None:
        """Zero, in place, whatever is no number, endless or absurd."""
        flat = block.reshape(-1)
        # one quick sum is enough to clear nearly every block; NaN and Inf never pass it
        with np.errstate(over="ignore", invalid="ignore"):
            if float(np.dot(flat, flat)) < _MAX_SAMPLE:
                return
        bad = ~(np.abs(block) <= _MAX_SAMPLE)
        if bad.any():
            block[bad] = 0.0
            if notes.NAN_REPLACED not in self.notes:
                self.notes.append(notes.NAN_REPLACED)

    def _is_cut(self, frames: int) -> bool:
        if self._reader.is_length_exact and self.claimed_frames is not None:
            shortage = self.claimed_frames - frames
            if shortage > _TOLERATED_SHORTAGE_S * self.sample_rate:
                return True
        return missing_bytes(self._file, self._kind) > 0

    def _tell_cut(self, frames: int) -> None:
        if os.fstat(self._file.fileno()).st_size < self._size:
            raise SourceChanged(
                f"{self._path.name} became shorter while it was being read.",
                hint="Wait until it is complete, or reconnect the disk, then try again.",
            )
        if not frames:
            raise CorruptAudio(
                f"{self._path.name} breaks off before any sound.",
                hint="Get another copy of the song.",
            )
        minutes, seconds = divmod(frames // self.sample_rate, 60)
        self.notes.append(notes.note(notes.TRUNCATED, f"{minutes}:{seconds:02d}"))
