"""Reading a take: all stems of a song, side by side, at their real level.

Only our own FLAC files are read here, block by block; a foreign file never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.errors import CorruptAudio, KaraokeError, error_from_os

StemArray = NDArray[np.float32]
#: As many as the largest network makes.
MAX_STEMS = 6


@dataclass(frozen=True)
class TakeFiles:
    """Where a take lies and what it must be.

    Attributes:
        stems: stem → 24-bit FLAC, all exactly as long; they add up to the song. At most
            `MAX_STEMS`.
        sample_rate: Hz.
        channels: 1 or 2.
        frames: length of each stem.
        shift_bits: the files hold the song divided by 2**shift_bits (loud songs exceed full scale).
    """

    stems: Mapping[str, Path]
    sample_rate: int
    channels: int
    frames: int
    shift_bits: int = 0


class SongReader(Protocol):
    """All stems of a song, read together from any frame; see `TakeReader` for what each does."""

    @property
    def next_frame(self) -> int:
        """The song's frame that the next read starts with."""
        ...

    @property
    def is_at_end(self) -> bool:
        """Whether the song's last frame has been read."""
        ...

    @property
    def can_read(self) -> bool:
        """Whether the next frame is there already."""
        ...

    def seek(self, frame: int, *, goes_on: bool = False) -> None:
        """Let the next read start at a frame."""
        ...

    def is_better_from(self, frame: int) -> bool:
        """Whether what was read from a frame on would now be read better."""
        ...

    def read(self, frames: int) -> StemArray:
        """Return the next frames, float32 (stems, channels, frames)."""
        ...

    def close(self) -> None:
        """Close all files."""
        ...


class TakeReader:
    """All stems of one take, read together from any frame."""

    def __init__(self, take: TakeFiles) -> None:
        """Open all files.

        Raises:
            MissingFile: a stem is not there.
            UnreadableFile: a stem may not be read.
            CorruptAudio: a stem is not the FLAC file it should be.
        """
        self.take = take
        self._gain = np.float32(2**take.shift_bits)
        self._next_frame = 0
        self._files: list[Any] = []
        try:
            self._files.extend(_open(path, take) for path in take.stems.values())
        except KaraokeError:
            self.close()
            raise

    @property
    def next_frame(self) -> int:
        """The song's frame that the next read starts with."""
        return self._next_frame

    @property
    def is_at_end(self) -> bool:
        """Whether the song's last frame has been read."""
        return self._next_frame == self.take.frames

    @property
    def can_read(self) -> bool:
        """Whether the next frame is there; a take is whole from the first moment."""
        return not self.is_at_end

    def is_better_from(self, _frame: int) -> bool:
        """Whether it would be read better now: a take never changes."""
        return False

    def seek(self, frame: int, *, goes_on: bool = False) -> None:
        """Let the next read start at a frame of the song."""
        import soundfile

        for file in self._files:
            try:
                file.seek(frame)
            except soundfile.SoundFileError as exc:
                raise _damaged(Path(file.name)) from exc
        self._next_frame = frame

    def read(self, frames: int) -> StemArray:
        """Return the next frames, fewer only at the song's end.

        Returns:
            float32 (stems, channels, frames) in the order of the take, full scale = 1.

        Raises:
            CorruptAudio: a file breaks off or cannot be decoded.
        """
        import soundfile

        count = max(0, min(frames, self.take.frames - self._next_frame))
        stems = np.empty((len(self._files), self.take.channels, count), np.float32)
        for stem, file in zip(stems, self._files, strict=True):
            try:
                block = file.read(count, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as exc:
                raise _damaged(Path(file.name)) from exc
            if len(block) < count:
                raise _damaged(Path(file.name))
            np.multiply(block.T, self._gain, out=stem)
        self._next_frame += count
        return stems

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()
        self._files.clear()


def _open(path: Path, take: TakeFiles) -> Any:
    # soundfile is loaded with the first song: it is not needed for the window to appear.
    import soundfile

    try:
        # libsndfile says only "System error"; the system itself says why.
        path.open("rb").close()
    except OSError as exc:
        raise error_from_os(exc, path) from exc
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.SoundFileError as exc:
        raise _damaged(path) from exc
    if (file.samplerate, file.channels, file.frames) != (
        take.sample_rate,
        take.channels,
        take.frames,
    ):
        file.close()
        raise _damaged(path)
    return file


def _damaged(path: Path) -> CorruptAudio:
    return CorruptAudio(
        f"{path.name} is damaged and cannot be played.", hint="Make the karaoke of this song again."
    )
