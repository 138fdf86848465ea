"""Filling rings from a take, resampled when the device wants another rate than the song has."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from karaoke_studio.audio.rubber_band import Stretcher
from karaoke_studio.audio.tune import Tune
from karaoke_studio.playback.live_reader import LiveReader
from karaoke_studio.playback.live_song import LiveTake
from karaoke_studio.playback.ring import Join, StemRing
from karaoke_studio.playback.take_reader import SongReader, StemArray, TakeFiles, TakeReader

#: What can be played: a song of the library, or one that is being made.
Take = TakeFiles | LiveTake

#: One read: short, so that a seek never waits long for the feeder.
BLOCK_FRAMES = 4096
#: The end of a loop melts into what lies before its start: long enough not to click.
SEAM_S = 0.010


class Loop(NamedTuple):
    """A stretch of the song that is played again and again: frames start…stop.

    `gap` frames of silence lie between two rounds, with a click at each of `clicks` in it; the
    first one is accented.
    """

    start: int
    stop: int
    gap: int = 0
    clicks: tuple[int, ...] = ()


class Feeder:
    """Reads one take into the ring of the moment. Lives in the player's thread.

    Attributes:
        ring: the ring being filled, or None before the first start.
        loop: followed when its end is reached from before it.
        tune: key and tempo of the ring of the moment.
    """

    def __init__(self, take: Take) -> None:
        """Open the take.

        Raises:
            InputError: a stem is missing, unreadable or damaged.
            KaraokeError: the files of a song that is being made cannot be read.
        """
        self.take = take
        self.ring: StemRing | None = None
        self.loop: Loop | None = None
        self.tune = Tune()
        self._stretcher: Stretcher | None = None
        self._seam_frames = max(1, round(SEAM_S * take.sample_rate))
        self._fed = 0
        self._reader = _reader_of(take)
        self._resampler: Any = None
        self._waiting = _nothing(take)

    @property
    def is_stale(self) -> bool:
        """Whether the ring holds, farther on, what would now be read better."""
        ring = self.ring
        if ring is None:
            return False
        return self._reader.is_better_from(round(ring.song_frame(ring.read)))

    def start(
        self,
        frame: int,
        *,
        ticket: int,
        sample_rate: int,
        joins: Join | None = None,
        tune: Tune | None = None,
    ) -> StemRing:
        """Begin a new ring at a frame of the song, for a device's rate.

        Args:
            frame: of the song.
            ticket: that the ring answers.
            sample_rate: of the device, Hz.
            joins: the place of another ring at which the new one takes over.
            tune: key and tempo; None = as before.

        Raises:
            CorruptAudio: the file does not let itself be read there.
            ProcessingFailed: key or tempo cannot be changed here.
        """
        take = self.take
        self.tune = self.tune if tune is None else tune
        self._begin_at(frame, goes_on=joins is not None)
        self._resampler = None
        self._waiting = _nothing(take)
        self._fed = 0
        if sample_rate != take.sample_rate:
            # Loaded only for devices that refuse the song's rate.
            import soxr

            self._resampler = soxr.ResampleStream(
                take.sample_rate,
                sample_rate,
                len(take.stems) * take.channels,
                dtype="float32",
                quality="VHQ",
            )
        self.ring = StemRing(
            ticket=ticket,
            stems=len(take.stems),
            channels=take.channels,
            sample_rate=sample_rate,
            song_rate=take.sample_rate,
            start_frame=frame,
            joins=joins,
            tempo=self.tune.tempo,
        )
        return self.ring

    def follow_loop(self, loop: Loop | None) -> bool:
        """Follow another loop, or none; return whether what is read ahead fits it."""
        self.loop = loop
        ring = self.ring
        if ring is None:
            return True
        if ring.has_seam_ahead:
            return False
        if loop is None or ring.song_frame(ring.read) >= loop.stop:
            return True
        return self._reader.next_frame <= loop.stop - self._seam_frames

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
                if not (self._reader.can_read or self._reader.is_at_end):
                    return  # a song that is still being imported: more is on its way
                self._waiting = self._next_block()
            fitting = self._waiting[:, :, : ring.room]
            ring.write(fitting)
            self._waiting = self._waiting[:, :, fitting.shape[2] :]
            ring.is_complete = self._reader.is_at_end and not self._waiting.shape[2]

    def close(self) -> None:
        """Close the take's files."""
        self._reader.close()
        self._stretcher = None
        self.ring = None

    def _begin_at(self, frame: int, *, goes_on: bool) -> None:
        """Let the next block begin at a frame, at the key and tempo of the moment."""
        self._stretcher = None
        if self.tune.is_plain:
            self._reader.seek(frame, goes_on=goes_on)
            return
        take = self.take
        channels = len(take.stems) * take.channels
        stretcher = Stretcher(self.tune, sample_rate=take.sample_rate, channels=channels)
        before = np.zeros((channels, stretcher.pad_frames), np.float32)
        lead = min(frame, stretcher.pad_frames)
        self._reader.seek(frame - lead, goes_on=goes_on)
        if lead:
            block = self._reader.read(lead).reshape(channels, -1)
            before[:, -lead:][:, : block.shape[1]] = block
            if block.shape[1] < lead:  # a song that is not imported up to there
                self._reader.seek(frame)
        stretcher.prime(before)
        self._stretcher = stretcher

    def _stretched(self, stretcher: Stretcher, block: StemArray) -> StemArray:
        """Return what one instance for all stems makes of a block: they stay in step."""
        stems, channels, frames = block.shape
        made = stretcher.feed(
            block.reshape(stems * channels, frames), is_last=self._reader.is_at_end
        )
        return made.reshape(stems, channels, -1)

    def _next_block(self) -> StemArray:
        """Read a block at the device's rate; it may be empty while a resampler fills up."""
        block = self._read_on()
        self._fed += block.shape[2]
        if self._stretcher is not None:
            block = self._stretched(self._stretcher, block)
        if self._resampler is None:
            return block
        stems, channels, frames = block.shape
        # One resampler for all stems and channels: they stay on the same sample.
        interleaved = np.ascontiguousarray(block.reshape(stems * channels, frames).T)
        moved: StemArray = self._resampler.resample_chunk(interleaved, last=self._reader.is_at_end)
        return moved.T.reshape(stems, channels, -1)

    def _read_on(self) -> StemArray:
        loop, at = self.loop, self._reader.next_frame
        if loop is None or at >= loop.stop:
            return self._reader.read(BLOCK_FRAMES)
        until_seam = loop.stop - self._seam_frames - at
        if until_seam > 0:
            return self._reader.read(min(BLOCK_FRAMES, until_seam))
        return self._turn_back(loop, loop.stop - at)

    def _turn_back(self, loop: Loop, count: int) -> StemArray:
        """Return the last frames of the loop, melting into those before its start; go there."""
        leaving = self._reader.read(count)
        if leaving.shape[2] < count:
            return leaving  # of a song that is not imported up to here
        if loop.gap:
            return self._rest(loop, leaving)
        lead = min(count, loop.start)
        self._reader.seek(loop.start - lead)
        entering = np.zeros_like(leaving)
        entering[:, :, count - lead :] = self._reader.read(lead)
        if self.ring is not None:
            self.ring.add_seam(self._fed + count, loop.start)
        gains = np.arange(1, count + 1, dtype=np.float32) / np.float32(count)
        turned: StemArray = leaving * (1 - gains) + entering * gains
        return turned

    def _rest(self, loop: Loop, leaving: StemArray) -> StemArray:
        """Return the end of a round, silence, and the first frames of the next; go there."""
        count = leaving.shape[2]
        self._reader.seek(loop.start)
        entering = self._reader.read(count)
        if self.ring is not None:
            self.ring.add_seam(self._fed + count, loop.start, is_still=True)
            self.ring.add_seam(self._fed + count + loop.gap, loop.start)
            for at in loop.clicks:
                self.ring.add_click(self._fed + count + at, is_first=at == loop.clicks[0])
        rising = np.arange(1, count + 1, dtype=np.float32) / np.float32(count)
        silence = np.zeros((*leaving.shape[:2], loop.gap), np.float32)
        return np.concatenate(
            [leaving * (1 - rising), silence, entering * rising[: entering.shape[2]]], axis=2
        )


def _reader_of(take: Take) -> SongReader:
    return LiveReader(take) if isinstance(take, LiveTake) else TakeReader(take)


def _nothing(take: Take) -> StemArray:
    return np.empty((len(take.stems), take.channels, 0), np.float32)
