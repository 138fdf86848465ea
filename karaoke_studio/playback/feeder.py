"""Filling rings from a take, resampled when the device wants another rate than the song has."""

from __future__ import annotations

from typing import Any

import numpy as np

from karaoke_studio.playback.ring import StemRing
from karaoke_studio.playback.take_reader import StemArray, TakeFiles, TakeReader

#: One read: short, so that a seek never waits long for the feeder.
BLOCK_FRAMES = 4096


class Feeder:
    """Reads one take into the ring of the moment. Lives in the player's thread.

    Attributes:
        ring: the ring being filled, or None before the first start.
    """

    def __init__(self, take: TakeFiles) -> None:
        """Open the take.

        Raises:
            InputError: a stem is missing, unreadable or damaged.
        """
        self.take = take
        self.ring: StemRing | None = None
        self._reader = TakeReader(take)
        self._resampler: Any = None
        self._waiting = _nothing(take)

    def start(self, frame: int, *, ticket: int, sample_rate: int) -> StemRing:
        """Begin a new ring at a frame of the song, for a device's rate.

        Raises:
            CorruptAudio: the file does not let itself be read there.
        """
        take = self.take
        self._reader.seek(frame)
        self._resampler = None
        self._waiting = _nothing(take)
        if sample_rate != take.sample_rate:
            # Loaded only for devices that refuse the song's rate.
            import soxr

            self._resampler = soxr.ResampleStream(
                take.sample_rate, sample_rate, 2 * take.channels, dtype="float32", quality="VHQ"
            )
        self.ring = StemRing(
            ticket=ticket,
            channels=take.channels,
            sample_rate=sample_rate,
            song_rate=take.sample_rate,
            start_frame=frame,
        )
        return self.ring

    def fill(self, *, until: int | None = None) -> None:
        """Read on until the ring is full, holds `until` frames, or has the song's end.

        Raises:
            CorruptAudio: the file breaks off or cannot be decoded.
        """
        ring = self.ring
        if ring is None:
            return
        while not ring.is_complete and ring.room and (until is None or ring.available < until):
            if not self._waiting.shape[2]:
                self._waiting = self._next_block()
            fitting = self._waiting[:, :, : ring.room]
            ring.write(fitting)
            self._waiting = self._waiting[:, :, fitting.shape[2] :]
            ring.is_complete = self._reader.is_at_end and not self._waiting.shape[2]

    def close(self) -> None:
        """Close the take's files."""
        self._reader.close()
        self.ring = None

    def _next_block(self) -> StemArray:
        """Read a block at the device's rate; it may be empty while a resampler fills up."""
        block = self._reader.read(BLOCK_FRAMES)
        if self._resampler is None:
            return block
        stems, channels, frames = block.shape
        # One resampler for all stems and channels: they stay on the same sample.
        interleaved = np.ascontiguousarray(block.reshape(stems * channels, frames).T)
        moved: StemArray = self._resampler.resample_chunk(interleaved, last=self._reader.is_at_end)
        return moved.T.reshape(stems, channels, -1)


def _nothing(take: TakeFiles) -> StemArray:
    return np.empty((2, take.channels, 0), np.float32)
