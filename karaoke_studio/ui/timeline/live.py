"""Waveforms that fill in: solid where a stem is final, hatched where it is a draft.

Where there is neither, the song itself is hatched in its own colour: it is what is heard there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.live_peaks import FULL_SCALE, STEP
from karaoke_studio.audio.peaks import LEVELS, Peaks
from karaoke_studio.job import STEMS
from karaoke_studio.ui.timeline.colour_map import Pixels
from karaoke_studio.ui.timeline.lanes import Lanes

_HATCH_PIXELS = 5
_FINE = STEP // LEVELS[0]
_COARSE = LEVELS[2] // STEP
_INT16 = 32767


class LiveLanes(Lanes):
    """Begins as the whole song in each lane; `add` puts in what was separated.

    Args:
        original: peaks of the song, with the one stem "original".
    """

    def __init__(self, original: Peaks) -> None:
        song = original.levels["original"]
        self._levels = {stem: [level.copy() for level in song] for stem in STEMS}
        super().__init__(Peaks(original.frames, self._levels))
        self._frames = original.frames
        columns = -(-original.frames // STEP)
        self._ready: NDArray[np.bool_] = np.zeros(columns, bool)
        self._drafted: NDArray[np.bool_] = np.zeros(columns, bool)

    @property
    def share_ready(self) -> float:
        """How much of the song is there, 0…1."""
        return float(self._ready.mean()) if len(self._ready) else 1.0

    @property
    def has_draft(self) -> bool:
        """Whether some of it is a draft."""
        return bool(self._drafted.any())

    def add(self, facts: dict[str, Any]) -> None:
        """Take columns as `audio.live_peaks` tells them; {"draft": True}: of a draft."""
        first = int(facts["first"])
        if facts.get("draft"):
            self._add_draft(facts, first)
            return
        self._put(facts, first)
        self._ready[first : first + len(facts["vocals"][0])] = True

    def _add_draft(self, facts: dict[str, Any], first: int) -> None:
        """Take what nothing better has come for."""
        count = len(facts["vocals"][0])
        self._drafted[first : first + count] = True
        wanted = ~self._ready[first : first + count]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]])))
        for low, high in edges.reshape(-1, 2).tolist():
            part = {stem: [side[low:high] for side in facts[stem]] for stem in STEMS}
            self._put(part, first + low)

    def _put(self, facts: dict[str, Any], first: int) -> None:
        for stem in STEMS:
            told = np.asarray(facts[stem], np.float32) * np.float32(_INT16 / FULL_SCALE)
            fine, middle, coarse = self._levels[stem]
            last = min(first + told.shape[1], middle.shape[1])
            middle[:, first:last] = told[:, : last - first]
            part = fine[:, first * _FINE : last * _FINE]
            part[:] = np.repeat(middle[:, first:last], _FINE, axis=1)[:, : part.shape[1]]
            for column in range(first // _COARSE, -(-last // _COARSE)):
                under = middle[:, column * _COARSE : (column + 1) * _COARSE]
                coarse[:, column] = under[0].min(), under[1].max()

    def paint(
        self,
        stem: str,
        pixels: Pixels,
        start: float,
        step: float,
        table: Pixels,
        bare: Pixels | None = None,
    ) -> None:
        """Fill uint32 (height, columns) as `Lanes.paint` does, hatched where it is not final."""
        super().paint(stem, pixels, start, step, table)
        if not len(self._ready):
            return
        height, count = pixels.shape
        frames = start + (np.arange(count) + 0.5) * step
        column = np.clip(frames // STEP, 0, len(self._ready) - 1).astype(np.intp)
        is_inside = (frames >= 0) & (frames < self._frames)
        waiting = np.flatnonzero(~self._ready[column] & is_inside)
        if bare is not None:
            unsplit = waiting[~self._drafted[column[waiting]]]
            if len(unsplit):
                # from the first of them on: what lies before is not painted twice
                first = int(unsplit[0])
                again = np.empty((height, count - first), pixels.dtype)
                super().paint(stem, again, start + first * step, step, bare)
                pixels[:, unsplit] = again[:, unsplit - first]
        # anchored to the song, so that the stripes go along when the view pans
        across = round(start / step) + waiting
        stripe = (across[None, :] + np.arange(height)[:, None]) // _HATCH_PIXELS % 2 == 0
        part = pixels[:, waiting]
        part[stripe] = table[0]
        pixels[:, waiting] = part
