"""How loud it was: written by the sound callback, read by a meter. One writer, no lock.

Each piece of sound leaves its peaks in a slot of a ring, with the moment at which it is heard; a
reader takes the largest of what was heard since it last looked, so no peak is ever missed. What
leaves the program is kept for a second as well, for the meter of loudness.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from karaoke_studio.playback.short_term import ShortTerm
from karaoke_studio.playback.take_reader import MAX_STEMS, StemArray

#: Pieces that are kept: 0.7 s of the shortest that devices ask for (128 frames at 48 kHz).
SLOTS = 256
#: Frames that are kept: a second at 96 kHz and more; one that looks less often begins anew.
_TAPE = 2**17
#: A piece has no more frames.
_LONGEST = 512


class Heard(NamedTuple):
    """Peaks of a stretch of sound, full scale = 1.

    Attributes:
        stems: of each stem after its fader, before the volume; `MAX_STEMS` of them.
        left: of what goes to the left loudspeaker.
        right: of what goes to the right one.
        left_rms, right_rms: root mean square of the same.
    """

    stems: tuple[float, ...]
    left: float
    right: float
    left_rms: float = 0.0
    right_rms: float = 0.0


SILENCE = Heard((0.0,) * MAX_STEMS, 0.0, 0.0)


class Levels:
    """The ring of slots."""

    def __init__(self) -> None:
        self._peaks = np.zeros((SLOTS, MAX_STEMS + 2), np.float32)
        #: Sum of squares of both sides, and how many frames they are of.
        self._powers = np.zeros((SLOTS, 3), np.float64)
        self._squares = np.zeros(_LONGEST, np.float32)
        self._tape = np.zeros((2, _TAPE), np.float32)
        self._taped = self._played = 0
        self._short_term = ShortTerm(1)
        #: Of the device, in Hz; 0 before one was opened.
        self.sample_rate = 0
        self._heard_at = np.full(SLOTS, -np.inf)
        self._slot = 0
        self._looked_at = -np.inf

    def note_stem(self, number: int, left: StemArray, right: StemArray) -> None:
        """Note one stem of the piece under way. Called by the callback only."""
        self._peaks[self._slot, number] = max(_peak(left), _peak(right))

    def finish(self, left: StemArray, right: StemArray, heard_at: float) -> None:
        """Note what is played, and go on to the next slot. Called by the callback only."""
        slot = self._slot
        self._peaks[slot, MAX_STEMS] = _peak(left)
        self._peaks[slot, MAX_STEMS + 1] = _peak(right)
        powers = self._powers[slot]
        powers[0], powers[1], powers[2] = self._power(left), self._power(right), len(left)
        self._record(left, right)
        self._heard_at[slot] = heard_at
        after = (slot + 1) % SLOTS
        self._heard_at[after] = -np.inf
        self._peaks[after].fill(0.0)
        self._slot = after

    def heard(self, now: float) -> Heard:
        """Return the peaks of what was heard since the last call; now is on the output's clock."""
        new = (self._heard_at > self._looked_at) & (self._heard_at <= now)
        self._looked_at = now
        if not new.any():
            return SILENCE
        *stems, left, right = self._peaks[new].max(axis=0).tolist()
        left_power, right_power, frames = self._powers[new].sum(axis=0).tolist()
        left_rms, right_rms = (math.sqrt(p / max(frames, 1.0)) for p in (left_power, right_power))
        return Heard(tuple(stems), left, right, left_rms, right_rms)

    def short_term_lufs(self) -> float | None:
        """Return the loudness of the last three seconds; for one reader, ten times a second."""
        if self.sample_rate != self._short_term.sample_rate:
            self._short_term = ShortTerm(max(self.sample_rate, 1))
        taped = self._taped
        if taped - self._played > _TAPE // 2:  # nobody looked for a while
            self._short_term = ShortTerm(max(self.sample_rate, 1))
            self._played = taped
        while self._played < taped:
            at = self._played % _TAPE
            count = min(taped - self._played, _TAPE - at)
            self._short_term.add(self._tape[:, at : at + count])
            self._played += count
        return self._short_term.lufs

    def _power(self, row: StemArray) -> float:
        # no dot product: it gives the interpreter away
        squares = self._squares[: len(row)]
        np.multiply(row, row, out=squares)
        return float(np.add.reduce(squares))

    def _record(self, left: StemArray, right: StemArray) -> None:
        count, at = len(left), self._taped % _TAPE
        head = min(count, _TAPE - at)
        for side, row in zip(self._tape, (left, right), strict=True):
            side[at : at + head] = row[:head]
            if head < count:
                side[: count - head] = row[head:]
        self._taped += count


def _peak(row: StemArray) -> float:
    return max(float(np.maximum.reduce(row)), -float(np.minimum.reduce(row)))
