"""Clicks of the sound callback: a count-in before the sound, a metronome while it plays.

As in the mixer there is no lock, log, file or wait here, and numpy works on plain rows only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.playback.ring import StemRing
from karaoke_studio.playback.take_reader import StemArray

#: Tones that begin and end softly, the first one of a bar higher.
CLICK_S, CLICK_HZ, ACCENT_HZ, CLICK_LEVEL = 0.04, 1_000.0, 1_500.0, 0.4
#: The song makes so much room while a metronome clicks in it: together they clip no more than it.
ROOM = 1.0 - CLICK_LEVEL


class CountIn(NamedTuple):
    """Clicks before the sound begins; each is a new object, told from the last by identity.

    Attributes:
        beats: how many; the first is accented.
        beat_s: from one to the next.
        last_s: from the last to the sound.
    """

    beats: int
    beat_s: float
    last_s: float


def tones(sample_rate: int) -> tuple[StemArray, StemArray]:
    """Return the accented click and the plain one, float32 (n,)."""
    at = np.arange(round(CLICK_S * sample_rate)) / sample_rate
    fade = CLICK_LEVEL * np.sin(np.pi * at / CLICK_S) ** 2
    accent, plain = (
        (fade * np.sin(2 * np.pi * hz * at)).astype(np.float32) for hz in (ACCENT_HZ, CLICK_HZ)
    )
    return accent, plain


class Counter:
    """A count-in, frame by frame: short tones with silence in between."""

    def __init__(self, sample_rate: int) -> None:
        self._tones = tones(sample_rate)
        self._sample_rate = sample_rate
        self._wanted: CountIn | None = None
        self._at = 0

    def left(self, wanted: CountIn | None) -> int:
        """Return how many frames of what is wanted have not been heard."""
        if wanted is not self._wanted:
            self._wanted, self._at = wanted, 0
        if wanted is None or not wanted.beats:
            return 0
        last = max(1, round(wanted.last_s * self._sample_rate))
        return max(0, (wanted.beats - 1) * self._beat_frames(wanted) + last - self._at)

    def fill(self, row: StemArray) -> None:
        """Fill the next frames, float32 (n,)."""
        row.fill(0.0)
        wanted = self._wanted
        if wanted is None:
            return
        beat = self._beat_frames(wanted)
        start, stop = self._at, self._at + len(row)
        for number in range(start // beat, min(wanted.beats, -(-stop // beat))):
            tone = self._tones[min(number, 1)]
            first, last = max(start, number * beat), min(stop, number * beat + len(tone))
            if first < last:
                into = first - number * beat
                row[first - start : last - start] = tone[into : into + last - first]
        self._at = stop

    def _beat_frames(self, wanted: CountIn) -> int:
        return max(len(self._tones[0]), round(wanted.beat_s * self._sample_rate))


class Metronome:
    """Clicks on the beats of what is played, and where a ring itself asks for some."""

    def __init__(self, sample_rate: int) -> None:
        self._tones = tones(sample_rate)
        self._tone = self._tones[0]
        #: How much of the tone has been heard.
        self._at = len(self._tone)

    def add_to(
        self, rows: tuple[StemArray, StemArray], ring: StemRing, start: int, grid: BeatGrid | None
    ) -> None:
        """Add the clicks of a piece.

        Args:
            rows: left and right, float32 (n,) each.
            ring: that is played.
            start: the ring's frame at the piece's first.
            grid: beats of the song, at its own rate; None = only what the ring asks for.
        """
        count = len(rows[0])
        done = 0
        for at, is_first in self._begins(ring, start, start + count, grid):
            self._sound(rows, done, at - start)
            done = at - start
            self._tone, self._at = self._tones[not is_first], 0
        self._sound(rows, done, count)

    def go_on(self, rows: tuple[StemArray, StemArray]) -> None:
        """Let the last click end in a piece in which nothing is played."""
        self._sound(rows, 0, len(rows[0]))

    def _begins(
        self, ring: StemRing, start: int, stop: int, grid: BeatGrid | None
    ) -> list[tuple[int, bool]]:
        """Return the frames of the ring on which clicks begin, and whether each is accented."""
        found = [click for click in ring.clicks if start <= click[0] < stop]
        if grid is None:
            return found
        for first, last, song_frame, pace in ring.stretches(start, stop):
            if pace <= 0.0:
                continue
            for beat in grid.within(song_frame, song_frame + (last - first) * pace):
                at = int(first + (beat.frame - song_frame) / pace)
                found.append((min(max(at, start), stop - 1), beat.is_first))
        found.sort()
        return found

    def _sound(self, rows: tuple[StemArray, StemArray], first: int, last: int) -> None:
        count = min(last - first, len(self._tone) - self._at)
        if count <= 0:
            return
        part = self._tone[self._at : self._at + count]
        for row in rows:
            np.add(row[first : first + count], part, out=row[first : first + count])
        self._at += count
