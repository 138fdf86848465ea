"""Reads the stems of a take anywhere, added up; for child processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from karaoke_studio.audio.encode import open_own
from karaoke_studio.errors import CorruptAudio


class StemReader:
    """The sum of some stems.

    Args:
        paths: WAV or FLAC files that we wrote, of equal shape.
        sound: their `channels`, `sample_rate` and `frames`.

    Raises:
        MissingFile, UnreadableFile, CorruptAudio: one cannot be opened.
    """

    def __init__(self, paths: Sequence[Path], sound: dict[str, int]) -> None:
        self.channels, self.sample_rate = sound["channels"], sound["sample_rate"]
        self.frames = sound["frames"]
        self._paths = list(paths)
        with ExitStack() as opened:
            self._files = [opened.enter_context(open_own(path)) for path in paths]
            self._opened = opened.pop_all()

    def __enter__(self) -> StemReader:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files."""
        self._opened.close()

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return float32 (channels, stop - start), zeros where the range leaves the song.

        Raises:
            CorruptAudio: a file is damaged there.
        """
        out = np.zeros((self.channels, stop - start), np.float32)
        low, high = max(start, 0), min(stop, self.frames)
        if low >= high:
            return out
        for path, file in zip(self._paths, self._files, strict=True):
            try:
                if file.tell() != low:
                    file.seek(low)
                block = file.read(high - low, "float32", always_2d=True)
            except sf.LibsndfileError as exc:
                raise CorruptAudio(f"{path.name} is damaged: {exc.error_string}") from exc
            if block.shape != (high - low, self.channels):
                raise CorruptAudio(f"{path.name} is cut off.", hint="Make it once more.")
            out[:, low - start : high - start] += block.T
        return out
