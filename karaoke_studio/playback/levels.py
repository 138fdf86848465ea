"""How loud it was: written by the sound callback, read by a meter. One writer, no lock.

Each piece of sound leaves its peaks in a slot of a ring, with the moment at which it is heard; a
reader takes the largest of what was heard since it last looked, so no peak is ever missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from karaoke_studio.playback.take_reader import MAX_STEMS, StemArray

#: Pieces that are kept: 0.7 s of the shortest that devices ask for (128 frames at 48 kHz).
SLOTS = 256


class Heard(NamedTuple):
    """Peaks of a stretch of sound, full scale = 1.

    Attributes:
        stems: of each stem after its fader, before the volume; `MAX_STEMS` of them.
        left: of what goes to the left loudspeaker.
        right: of what goes to the right one.
    """

    stems: tuple[float, ...]
    left: float
    right: float


SILENCE = Heard((0.0,) * MAX_STEMS, 0.0, 0.0)


class Levels:
    """The ring of slots."""

    def __init__(self) -> None:
        self._peaks = np.zeros((SLOTS, MAX_STEMS + 2), np.float32)
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
        return Heard(tuple(stems), left, right)


def _peak(row: StemArray) -> float:
    return max(float(np.maximum.reduce(row)), -float(np.minimum.reduce(row)))
