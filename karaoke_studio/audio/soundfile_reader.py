"""Reads sound through libsndfile: WAV, FLAC, AIFF, W64, RF64, OGG, MP3 and their kin."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from karaoke_studio.audio.limits import check_shape
from karaoke_studio.audio.sniff import Container
from karaoke_studio.errors import CorruptAudio, UnsupportedAudio

FloatBlock = NDArray[np.float32]

#: What libsndfile says when a file does not tell its length.
_UNKNOWN_FRAMES = 1 << 62
_LOSSY = ("VORBIS", "OPUS", "MPEG", "ADPCM", "ULAW", "ALAW", "GSM", "G721", "G723", "VOX", "NMS")


class SoundFileReader:
    """An opened file; see `decode.Reader` for the attributes."""

    has_picture = False
    start_s = 0.0
    is_length_exact = True
    speakers: tuple[str, ...] = ()

    def __init__(self, file: io.FileIO, container: Container, name: str) -> None:
        """Open by file descriptor, so that no name can mean anything.

        Raises:
            LimitExceeded: rate or channels are unreasonable.
            CorruptAudio: libsndfile refuses it.
            UnsupportedAudio: it has more than two channels; libsndfile does not say which is where.
        """
        self._raw = file
        try:
            self._file = _open(file)
        except sf.LibsndfileError as exc:
            raise CorruptAudio(f"{name} is damaged: {exc.error_string}") from exc
        try:
            check_shape(name, self._file.samplerate, self._file.channels)
            _require_known_places(name, self._file.channels)
        except BaseException:
            self._file.close()
            raise
        subtype: str = self._file.subtype
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        frames: int = self._file.frames
        self.claimed_frames = frames if 0 < frames < _UNKNOWN_FRAMES else None
        self.bits = _bits(subtype)
        self.is_lossy = any(word in subtype for word in _LOSSY)
        self.codec = "flac" if self._file.format == "FLAC" else subtype.lower()
        if "MPEG" in subtype:
            self.codec = container.name

    def blocks(self, block_frames: int) -> Iterator[FloatBlock]:
        """Yield float32 (frames, channels); stops where the file cannot be read any further.

        The same buffer is used for all blocks.
        """
        buffer = np.empty((block_frames, self.channels), np.float32)
        position = 0
        while True:
            try:
                block: FloatBlock = self._file.read(out=buffer)
            except sf.LibsndfileError:
                block = self._read_before_damage(position, buffer)
                if len(block):
                    yield block
                return
            if not len(block):
                return
            position += len(block)
            yield block

    def _read_before_damage(self, position: int, buffer: FloatBlock) -> FloatBlock:
        """Return the frames from `position` up to the damage.

        A failed call does not tell how far it came. So it is made once more, into a buffer whose
        untouched part can be recognised.
        """
        self._file.close()
        buffer.fill(np.nan)
        try:
            self._file = _open(self._raw)
            self._file.seek(position)
            self._file.read(out=buffer)
        except sf.LibsndfileError:
            untouched = np.isnan(buffer[:, 0])
            return buffer[: int(untouched.argmax()) if untouched.any() else len(buffer)]
        return buffer[:0]

    def close(self) -> None:
        """Let go of libsndfile's handle; the file itself belongs to the caller."""
        self._file.close()


def _open(file: io.FileIO) -> sf.SoundFile:
    file.seek(0)
    return sf.SoundFile(file.fileno(), closefd=False)


def _require_known_places(name: str, channels: int) -> None:
    if channels > 2:
        raise UnsupportedAudio(f"{name} has loudspeakers of unknown places.")


def _bits(subtype: str) -> int | None:
    if subtype in {"PCM_S8", "PCM_U8"}:
        return 8
    known = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
    return known.get(subtype)
