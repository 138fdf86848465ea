"""The ring of stems between the feeder and the sound callback: one writer, one reader, no lock."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from karaoke_studio.playback.take_reader import StemArray


class Join(NamedTuple):
    """Where a ring takes over from another one, so that no sample is lost or heard twice.

    Attributes:
        ring: the ring that is played until then.
        at: its frame that sounds at the same moment as the new ring's first one.
        pace: frames of the new ring that hold as much of the song as one of the old ring.
        is_other_song: the old ring ends there, and nothing of the new one's song came before.
    """

    ring: StemRing
    at: int
    pace: float = 1.0
    is_other_song: bool = False


class _Piece(NamedTuple):
    """From a frame of the ring on: a frame of the song, and how fast it goes on from there."""

    at: float
    song_frame: float
    pace: float


class StemRing:
    """All stems from one place of a song onwards, as far as they are read.

    A seek makes a new ring, so a ring's sound is continuous from its first frame to its last.
    Frames are counted from the ring's start and at the device's rate. `written` belongs to the
    feeder and `read` to the callback; each is raised after the samples have been moved, so the
    other side never sees a count that is ahead of the samples.

    Attributes:
        ticket: number of the order (load, seek) that this ring answers.
        stems: how many there are.
        sample_rate: the device's rate in Hz.
        pace: frames of the song in the time of one of the ring: at another tempo or rate.
        start_frame: the song's frame at which the ring starts, at the song's rate.
        written: frames put in since the start.
        read: frames taken out since the start.
        is_complete: whether the song's last frame has been written.
        joins: the ring that this one goes on from, until the callback has changed over.
        clicks: frames of the ring on which a click is heard, and whether it is accented.
        sides: gains of its stems, of a song that the person's faders do not belong to yet.
    """

    def __init__(
        self,
        *,
        ticket: int,
        stems: int,
        channels: int,
        sample_rate: int,
        song_rate: int,
        start_frame: int,
        joins: Join | None = None,
        tempo: float = 1.0,
    ) -> None:
        self.ticket = ticket
        self.stems = stems
        self.sample_rate = sample_rate
        self.start_frame = start_frame
        self.written = 0
        self.read = 0
        self.is_complete = False
        self.joins = joins
        self.clicks: tuple[tuple[int, bool], ...] = ()
        self.sides: tuple[tuple[float, float], ...] | None = None
        self.pace = song_rate / sample_rate * tempo
        self._capacity = sample_rate
        #: Where the ring's sound goes on at another place of the song, or at another pace.
        self._pieces: tuple[_Piece, ...] = (_Piece(0.0, start_frame, self.pace),)
        if joins is not None and not joins.is_other_song:
            # what is heard just before belongs to the other ring
            before = -2 * self._capacity
            pace = joins.ring.pace
            self._pieces = (_Piece(before, start_frame + before * pace, pace), *self._pieces)
        self._samples: StemArray = np.zeros((stems, channels, self._capacity), np.float32)

    @property
    def available(self) -> int:
        """Frames that wait to be read."""
        return self.written - self.read

    @property
    def room(self) -> int:
        """Frames that can be written now."""
        return self._capacity - self.available

    @property
    def is_drained(self) -> bool:
        """Whether the song's last frame has been taken out."""
        return self.is_complete and self.available == 0

    def write(self, block: StemArray) -> None:
        """Append float32 (stems, channels, n); n must not exceed `room`."""
        count = block.shape[2]
        at = self.written % self._capacity
        head = min(count, self._capacity - at)
        self._samples[:, :, at : at + head] = block[:, :, :head]
        self._samples[:, :, : count - head] = block[:, :, head:]
        self.written += count

    def take(self, out: StemArray) -> None:
        """Move frames into float32 (stems, 2, n), mono onto both channels; n ≤ `available`."""
        count = out.shape[2]
        at = self.read % self._capacity
        head = min(count, self._capacity - at)
        # Row by row: with so few numbers at a time numpy keeps the interpreter.
        for target, source in zip(out, self._samples, strict=True):
            for side in (0, 1):
                row = source[side % len(source)]
                target[side, :head] = row[at : at + head]
                if head < count:
                    target[side, head:] = row[: count - head]
        self.read += count

    def skip(self, frames: int) -> None:
        """Let go of frames unheard, as many as are there. Called by the callback only."""
        self.read += min(frames, self.available)

    def song_frame(self, frame: float) -> float:
        """Return the song's frame for a frame of the ring."""
        at, start, pace = next(
            (piece for piece in reversed(self._pieces) if piece.at <= frame), self._pieces[0]
        )
        return start + (frame - at) * pace

    def add_seam(self, song_frames: int, goes_on_at: int, *, is_still: bool = False) -> None:
        """Note that the sound jumps.

        Args:
            song_frames: how many frames of the song were put in before the jump.
            goes_on_at: the song's frame after it.
            is_still: the song stands there until the next seam.
        """
        # A device is never two seconds behind: what lies before is asked for no more.
        over = self.read - 2 * self._capacity
        kept = [piece for piece, after in pairwise(self._pieces) if after.at > over]
        at = song_frames / self.pace
        self._pieces = (
            *kept,
            self._pieces[-1],
            _Piece(at, goes_on_at, 0.0 if is_still else self.pace),
        )

    def add_click(self, song_frames: int, *, is_first: bool) -> None:
        """Let a click be heard after so many frames of the song were put in."""
        kept = (click for click in self.clicks if click[0] >= self.read)
        self.clicks = (*kept, (round(song_frames / self.pace), is_first))

    def stretches(self, start: int, stop: int) -> list[tuple[int, int, float, float]]:
        """Return what lies between two frames of the ring.

        Returns:
            (first frame, frame after the last, the song's frame at the first, pace) for each
            stretch between two seams.
        """
        found, pieces = [], self._pieces
        for number, (at, song_frame, pace) in enumerate(pieces):
            ends = pieces[number + 1].at if number + 1 < len(pieces) else math.inf
            first, last = max(start, math.ceil(at)), int(min(stop, math.ceil(min(ends, stop))))
            if first < last:
                found.append((first, last, song_frame + (first - at) * pace, pace))
        return found

    @property
    def has_seam_ahead(self) -> bool:
        """Whether what is put in jumps somewhere behind what was taken out."""
        return self._pieces[-1].at > self.read
