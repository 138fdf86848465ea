"""Reading a song that is being made: each moment of it by the best that is ready there.

Where the draft begins, and where the final vocals replace it, one melts into the other for 30 ms,
at the quietest spot near the seam: where the two differ least. The gains of both always add up to
one, so what is heard in both does not change at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.errors import error_from_os
from karaoke_studio.playback.live_song import Layer, LiveTake
from karaoke_studio.playback.take_reader import StemArray
from karaoke_studio.separation.ranges import Range
from karaoke_studio.staging import ORIGINAL

#: Length of a change-over.
FADE_S = 0.030
#: How far from a seam a quiet spot is looked for, and in what steps.
SEARCH_S, SEARCH_STEP_S = 0.25, 0.005
#: A better layer this much farther on is worth reading again what was read ahead.
WORTH_S = 0.1
#: What is read ahead at most, so what may have to be read again.
KEPT_S = 3.0
#: Library takes hold 24 bits: what is heard while a song is made is what its take will be.
_STEPS = np.float32(2**23)

Gains = NDArray[np.float32]
#: Reads float32 (frames, channels) of what changes at a seam.
Difference = Callable[[int, int], StemArray]


class Envelope:
    """How much of a layer is heard, frame by frame: 0 where it is not ready, slopes in between."""

    def __init__(self, fade_frames: int, search_frames: int, step_frames: int) -> None:
        self._fade = fade_frames
        self._search = search_frames
        self._step = max(1, step_frames)
        self._last: float | None = None
        self._held_until: int | None = None

    def jump(self, gain: float | None = None) -> None:
        """Begin elsewhere: at a gain, or at what the ranges there ask for."""
        self._last = gain
        self._held_until = None

    def walk(
        self, start: int, stop: int, ranges: list[Range], frames: int, difference: Difference
    ) -> Gains:
        """Return the gains of frames start…stop.

        Args:
            start: where the last walk ended, unless `jump` came between.
            stop: behind the last frame.
            ranges: that are ready and touch start…stop, each as far as it goes.
            frames: length of the song: its ends need no fade.
            difference: what changes at a seam.
        """
        wanted = np.zeros(stop - start, np.float32)
        at = np.arange(start, stop)
        for low, high in ranges:
            np.maximum(wanted, self._over(at, (low, high), frames, difference), out=wanted)
        if self._last is not None:
            rises_at = start
            if self._last == 0.0 and wanted[0] > 1 / self._fade:
                rises_at = self._rises_at(start, ranges, difference)
            else:
                self._held_until = None
            rise = np.clip((at - rises_at + 1) / self._fade, 0, 1).astype(np.float32)
            np.minimum(wanted, rise + np.float32(self._last), out=wanted)
        self._last = float(wanted[-1])
        return wanted

    def _rises_at(self, start: int, ranges: list[Range], difference: Difference) -> int:
        """Return from where on what is ready all of a sudden is heard: the next quiet spot."""
        if self._held_until is None:
            whole = next(part for part in ranges if part[0] <= start < part[1])
            reach = min(start + self._search, whole[1] - self._fade)
            self._held_until = self._quiet_spot(start, reach, difference)
        return self._held_until

    def _over(self, at: Any, ready: Range, frames: int, difference: Difference) -> Any:
        """Return the gains that one range asks for, 0 outside of it."""
        low, high = ready
        start, stop = int(at[0]), int(at[-1]) + 1
        gains = ((at >= low) & (at < high)).astype(np.float32)
        span = self._search + self._fade
        if high - low < 2 * span:  # too short for a search on either side
            span = self._fade
        if low > 0 and start < low + span:
            rises_at = self._quiet_spot(low, low + span - self._fade, difference)
            np.minimum(gains, np.clip((at - rises_at) / self._fade, 0, 1), out=gains)
        if high < frames and stop > high - span:
            falls_at = self._quiet_spot(high - span, high - self._fade, difference)
            falling = np.clip((falls_at + self._fade - at) / self._fade, 0, 1)
            np.minimum(gains, falling, out=gains)
        return gains

    def _quiet_spot(self, first: int, last: int, difference: Difference) -> int:
        """Return the frame in first…last from which on a fade changes least."""
        if last <= first:
            return first
        block = difference(first, last + self._fade)
        power = np.square(block, dtype=np.float64).sum(axis=1)
        total = np.concatenate([[0.0], np.cumsum(power)])
        starts = np.arange(0, last - first + 1, self._step)
        energy = total[np.minimum(starts + self._fade, len(power))] - total[starts]
        return first + int(starts[energy.argmin()])


class LiveReader:
    """The stems of a song that is being made, read together from any frame."""

    def __init__(self, take: LiveTake) -> None:
        """Open the song.

        Raises:
            KaraokeError: its staging folder is gone.
        """
        self.take = take
        self._song = take.song
        self._next_frame = 0
        rate = take.sample_rate
        lengths = (round(FADE_S * rate), round(SEARCH_S * rate), round(SEARCH_STEP_S * rate))
        self._envelopes = {layer: Envelope(*lengths) for layer in Layer}
        self._files: dict[str, RawFile] = {}
        #: What was read as the song itself, nothing better being ready.
        self._bare: list[Range] = []
        self._looked_at = -1
        try:
            self._files[ORIGINAL] = RawFile.open(self._song.folder / ORIGINAL, take.channels)
        except OSError as exc:
            raise error_from_os(exc, self._song.folder / ORIGINAL) from exc

    @property
    def next_frame(self) -> int:
        """The song's frame that the next read starts with."""
        return self._next_frame

    @property
    def is_at_end(self) -> bool:
        """Whether the song's last frame has been read."""
        return self._song.is_imported and self._next_frame >= self._song.frames

    @property
    def can_read(self) -> bool:
        """Whether the next frame is there already."""
        return self._next_frame < self._song.imported

    def seek(self, frame: int, *, goes_on: bool = False) -> None:
        """Let the next read start at a frame; `goes_on`: as it would go on from what was read."""
        self._next_frame = frame
        was_bare = any(low <= frame < high for low, high in self._bare)
        for envelope in self._envelopes.values():
            envelope.jump(0.0 if goes_on and was_bare else None)
        self._bare.clear()

    def is_better_from(self, frame: int) -> bool:
        """Whether what was read from a frame on could now be read separated."""
        if self._song.version == self._looked_at:
            return False
        self._looked_at = self._song.version
        worth = round(WORTH_S * self.take.sample_rate)
        return any(
            min(high, ready[1]) - max(low, frame, ready[0]) >= worth
            for low, high in self._bare
            for layer in Layer
            for ready in self._song.within(layer, max(low, frame), high)
        )

    def read(self, frames: int) -> StemArray:
        """Return the next frames, fewer where the song is not imported so far.

        Returns:
            float32 (3, channels, frames): vocals, instrumental, and the song where it is neither.

        Raises:
            KaraokeError: the disk is gone.
        """
        start = self._next_frame
        stop = max(start, min(start + frames, self._song.imported))
        stems = np.zeros((3, self.take.channels, stop - start), np.float32)
        if start == stop:
            return stems
        song = self._read(ORIGINAL, start, stop)
        voice = np.zeros_like(song)
        bare: Gains = np.ones((stop - start, 1), np.float32)
        for layer in Layer:
            gains = self._gains(layer, start, stop)[:, None]
            if gains.any():
                # the better layer covers what lies under it
                voice = voice * (1 - gains) + self._read(layer.value, start, stop) * gains
                bare = bare * (1 - gains)
        rest = bare * song
        stems[0] = voice.T
        stems[1] = (song - rest - voice).T
        stems[2] = rest.T
        self._next_frame = stop
        self._note_bare(start, stop, bare)
        return stems

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _gains(self, layer: Layer, start: int, stop: int) -> Gains:
        ranges = self._song.within(layer, start, stop)
        return self._envelopes[layer].walk(
            start, stop, ranges, self._song.frames, lambda low, high: self._change(layer, low, high)
        )

    def _change(self, layer: Layer, start: int, stop: int) -> StemArray:
        """Return what a layer changes, float32 (frames, channels)."""
        voice = self._read(layer.value, start, stop)
        if layer is Layer.FINAL:
            for low, high in self._song.within(Layer.DRAFT, start, stop):
                low, high = max(low, start), min(high, stop)
                voice[low - start : high - start] -= self._read(Layer.DRAFT.value, low, high)
        return voice

    def _note_bare(self, start: int, stop: int, bare: Gains) -> None:
        oldest = stop - round(KEPT_S * self.take.sample_rate)
        self._bare = [(max(low, oldest), high) for low, high in self._bare if high > oldest]
        if not bare.any():
            return
        if self._bare and self._bare[-1][1] == start:
            start = self._bare.pop()[0]
        self._bare.append((start, stop))

    def _read(self, name: str, start: int, stop: int) -> StemArray:
        """Read a staged file as its take will be, float32 (frames, channels)."""
        try:
            if name not in self._files:
                self._files[name] = RawFile.open(self._song.folder / name, self.take.channels)
            file = self._files[name]
            if file.frames < stop:
                file.measure()
            block = file.read(start, stop)
        except OSError as exc:
            raise error_from_os(exc, self._song.folder / name) from exc
        whole: StemArray = np.rint(block * _STEPS) / _STEPS
        return whole
