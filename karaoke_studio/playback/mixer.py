"""What happens inside the sound callback: fades, stem gains, volume. No lock, log, file or wait.

Every array is made beforehand, and numpy is called on plain rows only: with more dimensions or a
broadcast it makes buffers of its own (6 to 16 KB a call, numpy 2.4).

The stems add up to the song exactly, so at unity gain their sum is the original, bit for bit (with
more than two stems: unless a partial sum is above twice full scale, where float32 ends at 2^-22).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.playback.clicks import ROOM, Counter, CountIn, Metronome
from karaoke_studio.playback.levels import Levels
from karaoke_studio.playback.ring import StemRing
from karaoke_studio.playback.take_reader import MAX_STEMS, StemArray

#: Start, stop, seek and source switch: long enough not to click, too short to be heard as a fade.
FADE_S = 0.010
#: Slower, so that the steps of a dragged slider melt into one another.
VOLUME_FADE_S = 0.050
#: A ring that ran low is played again when this much waits in it.
REFILLED_S = 0.1
#: Longer blocks are made in pieces of this length: it bounds the scratch arrays. With more than 500
#: numbers at a time numpy gives the interpreter away, and each of eighty calls a block waited for
#: it again beside a window that paints: 20 to 100 ms where the work takes 1.
PIECE_FRAMES = 480

#: float32 (n,) each: left and right of the first stem, left and right of the next, and so on.
Rows = list[StemArray]


class Controls:
    """What is wanted of the callback: plain attributes, each set by one assignment.

    Attributes:
        ring: the sound to play, or None for silence.
        is_running: play or stand still.
        stem_sides: gains on the left and on the right of the stems of the take, in its order,
            exact in float32.
        volume_gain: of the sum, 0…1, exact in float32.
        count_in: heard before the sound begins the next time; None = it begins at once.
        beats: on which a metronome clicks; None = it is off.
        levels: what the callback made, for meters.
    """

    def __init__(self) -> None:
        self.ring: StemRing | None = None
        self.is_running = False
        self.stem_sides: tuple[tuple[float, float], ...] = ((1.0, 1.0),) * MAX_STEMS
        self.volume_gain = 1.0
        self.count_in: CountIn | None = None
        self.beats: BeatGrid | None = None
        self.levels = Levels()


class Mark(NamedTuple):
    """When a stretch of a ring is heard; the ring's frames from the stretch's start to its stop.

    `run_start` is where the sound last began, `heard_at` the second on the output's clock at which
    frame `start` leaves the loudspeaker.
    """

    ring: StemRing
    run_start: int
    start: int
    stop: int
    heard_at: float

    def ring_frame(self, now: float) -> float:
        """Return the ring's frame that is heard at a moment of the output's clock."""
        frame = self.start + (now - self.heard_at) * self.ring.sample_rate
        return min(max(frame, self.run_start), self.stop)


class Ramp:
    """A gain that walks to its target in a straight line at a fixed pace."""

    def __init__(self, value: float, full_scale_frames: int) -> None:
        self.value = value
        self._frames = max(1, full_scale_frames)
        self._line = np.arange(1, PIECE_FRAMES + 1, dtype=np.float32) / np.float32(self._frames)
        self._gains = np.empty(PIECE_FRAMES, np.float32)

    def frames_to_zero(self) -> int:
        """Return how many frames a walk to zero takes from here."""
        return math.ceil(self.value * self._frames)

    def walk(self, target: float, count: int) -> StemArray:
        """Return the next gains, float32 (count,); valid until the next call."""
        gains = self._gains[:count]
        if self.value == target:
            gains.fill(target)
        elif self.value < target:
            np.add(self._line[:count], self.value, out=gains)
            np.minimum(gains, target, out=gains)
        else:
            np.subtract(self.value, self._line[:count], out=gains)
            np.maximum(gains, target, out=gains)
        if count:
            self.value = float(gains[-1])
        return gains


class Voice:
    """One ring with its own fade; two of them make a cross-fade."""

    def __init__(self, fade_frames: int) -> None:
        self.ring: StemRing | None = None
        self.level = Ramp(0.0, fade_frames)
        self._stems = np.zeros((MAX_STEMS, 2, PIECE_FRAMES), np.float32)
        self._rows = list(self._stems.reshape(2 * MAX_STEMS, PIECE_FRAMES))

    @property
    def stems(self) -> int:
        """How many stems can be heard of it."""
        return self.ring.stems if self.ring is not None else 0

    def add_to(self, mix: Rows, target: float) -> int:
        """Add the next frames to the rows; return how many were used up.

        A silent voice stands still, so a pause goes on where the fade ended.
        """
        ring = self.ring
        if ring is None or (target == 0.0 and self.level.value == 0.0):
            self.level.value = 0.0
            return 0
        count = len(mix[0])
        if target == 0.0:
            count = min(count, self.level.frames_to_zero())
        elif ring.start_frame == 0 and ring.read == 0:
            # A song's own beginning is not faded: it is as it was recorded.
            self.level.value = 1.0
        taken = min(count, ring.available)
        ring.take(self._stems[: ring.stems, :, :taken])
        gains = self.level.walk(target, taken)
        for number in range(2 * ring.stems):
            faded, summed = self._rows[number][:taken], mix[number][:taken]
            np.multiply(faded, gains, out=faded)
            np.add(summed, faded, out=summed)
        if taken < count:
            self.level.value = 0.0
        return taken


class Mixer:
    """Renders blocks for one open stream.

    Attributes:
        sample_rate: the device's rate in Hz.
        mark: the stretch rendered last, or None before the first.
        underruns: how often the ring ran low while playing.
    """

    def __init__(self, sample_rate: int, controls: Controls) -> None:
        self.sample_rate = sample_rate
        self.mark: Mark | None = None
        self.underruns = 0
        self._controls = controls
        controls.levels.sample_rate = sample_rate
        self._fade_frames = round(FADE_S * sample_rate)
        self._voice = Voice(self._fade_frames)
        self._leaving = Voice(self._fade_frames)
        unheard = ((0.0, 0.0),) * (MAX_STEMS - len(controls.stem_sides))
        self._stem_ramps = [
            (Ramp(left, self._fade_frames), Ramp(right, self._fade_frames))
            for left, right in (*controls.stem_sides, *unheard)
        ]
        self._volume_ramp = Ramp(controls.volume_gain, round(VOLUME_FADE_S * sample_rate))
        self._whole: Rows = list(np.zeros((2 * MAX_STEMS, PIECE_FRAMES), np.float32))
        self._rest = self._whole
        self._is_low = False
        self._counter = Counter(sample_rate)
        self._metronome = Metronome(sample_rate)
        self._room = Ramp(1.0, round(VOLUME_FADE_S * sample_rate))
        #: The ring and the frame of it that the piece under way begins with.
        self._played: tuple[StemRing, int] | None = None
        self._run_start = 0
        #: Frames that were heard of the ring before, seen from the new ring's first one.
        self._carried = 0

    @property
    def is_silent(self) -> bool:
        """Whether nothing is heard and nothing is fading."""
        return self._voice.level.value == 0.0 and self._leaving.level.value == 0.0

    def render(self, block: StemArray, heard_at: float) -> None:
        """Fill a block.

        Args:
            block: float32 (1 or 2 channels, frames), any strides; every sample is written.
            heard_at: second on the output's clock at which its first frame is heard.
        """
        frames, start = block.shape[1], 0
        while start < frames:
            stop = min(start + PIECE_FRAMES, frames)
            counting = self._frames_to_count()
            stop = start + self._frames_to_next_song(stop - start)
            if counting:
                # the song begins on the very frame of the beat
                stop = min(stop, start + counting)
                self._render_clicks(block[:, start:stop], heard_at + start / self.sample_rate)
            else:
                self._render_piece(block[:, start:stop], heard_at + start / self.sample_rate)
            start = stop

    def _frames_to_count(self) -> int:
        """Return how many frames of a count-in are still to come; 0 = none."""
        controls = self._controls
        if not controls.is_running or controls.ring is None:
            return 0
        if self._voice.level.value > 0.0 or self._leaving.level.value > 0.0:
            return 0
        return self._counter.left(controls.count_in)

    def _frames_to_next_song(self, count: int) -> int:
        """Return how much of a piece is left to the song that ends: the next begins behind it."""
        ring, playing = self._controls.ring, self._voice.ring
        joins = ring.joins if ring is not None else None
        if joins is None or not joins.is_other_song or joins.ring is not playing:
            return count
        left = joins.at - playing.read
        return left if 0 < left < count else count

    def _render_clicks(self, block: StemArray, heard_at: float) -> None:
        count = block.shape[1]
        left = self._rows_of(count)[0]
        self._counter.fill(left)
        volume_gains = self._volume_ramp.walk(self._controls.volume_gain, count)
        np.multiply(left, volume_gains, out=left)
        self._controls.levels.finish(left, left, heard_at)
        for side in range(block.shape[0]):
            block[side] = left

    def _render_piece(self, block: StemArray, heard_at: float) -> None:
        count = block.shape[1]
        mix = self._rows_of(count)
        self._adopt(self._controls.ring)
        stems = max(self._voice.stems, self._leaving.stems, 1)
        for number in range(2 * stems):
            mix[number].fill(0.0)
        self._leaving.add_to(mix, 0.0)
        self._play_voice(mix, heard_at)
        self._apply_gains(mix, stems)
        left, right = mix[:2]
        levels = self._controls.levels
        for number in range(1, stems):
            np.add(left, mix[2 * number], out=left)
            np.add(right, mix[2 * number + 1], out=right)
        self._add_clicks(left, right)
        volume_gains = self._volume_ramp.walk(self._controls.volume_gain, count)
        np.multiply(left, volume_gains, out=left)
        np.multiply(right, volume_gains, out=right)
        levels.finish(left, right, heard_at)
        if block.shape[0] == 1:
            np.add(left, right, out=left)
            np.multiply(left, 0.5, out=left)
        else:
            block[1] = right
        block[0] = left

    def _add_clicks(self, left: StemArray, right: StemArray) -> None:
        """Make room for a metronome where one is wanted, and let it click."""
        beats = self._controls.beats
        room = 1.0 if beats is None else ROOM
        if room != 1.0 or self._room.value != 1.0:
            gains = self._room.walk(room, len(left))
            np.multiply(left, gains, out=left)
            np.multiply(right, gains, out=right)
        if self._played is None:
            self._metronome.go_on((left, right))
        else:
            ring, start = self._played
            self._metronome.add_to((left, right), ring, start, beats)

    def _rows_of(self, count: int) -> Rows:
        """Return rows of this length; devices ask for the same again and again: no new views."""
        if count == PIECE_FRAMES:
            return self._whole
        if count != len(self._rest[0]):
            self._rest = [row[:count] for row in self._whole]
        return self._rest

    def _apply_gains(self, mix: Rows, stems: int) -> None:
        """Bring each stem to its gain, and note how loud it then is."""
        ring, levels, count = self._voice.ring, self._controls.levels, len(mix[0])
        own = ring.sides if ring is not None else None
        wanted = self._controls.stem_sides if own is None else own
        for number, (on_left, on_right) in enumerate(self._stem_ramps):
            to_left, to_right = wanted[number] if number < len(wanted) else (0.0, 0.0)
            if number >= stems:
                on_left.value, on_right.value = to_left, to_right  # silent: nothing can click
                continue
            left, right = mix[2 * number], mix[2 * number + 1]
            in_the_middle = on_left.value == on_right.value and to_left == to_right
            gains = on_left.walk(to_left, count)
            np.multiply(left, gains, out=left)
            if in_the_middle:
                on_right.value = on_left.value
            else:
                gains = on_right.walk(to_right, count)
            np.multiply(right, gains, out=right)
            levels.note_stem(number, left, right)

    def _adopt(self, ring: StemRing | None) -> None:
        # While one cross-fade runs the next has to wait: there are two voices only.
        if ring is not None and ring.sample_rate != self.sample_rate:
            ring = None  # made before the device said which rate it takes; another one follows
        if ring is self._voice.ring or self._leaving.level.value > 0.0:
            return
        playing, idle = self._voice, self._leaving
        self._carried = 0
        if ring is not None and ring.joins is not None:
            old, at, pace, is_other_song = ring.joins
            if old is playing.ring:
                # one that ran low is filled no more: it would never come so far
                has_stopped = self._is_low and playing.level.value == 0.0
                if old.read < at and not has_stopped:
                    return  # the same moment of the song is still to come
                ring.skip(max(0, round((old.read - at) * pace)))
                self._carried = 0 if is_other_song else old.read - self._run_start
            ring.joins = None
        if ring is not None and ring.sides is not None:
            self._set_gains(ring.sides)
        # In this order: `is_silent`, asked in between, must not take the swap for silence.
        self._leaving = playing
        self._voice = idle
        self._voice.ring = ring
        self._voice.level.value = 0.0
        self._is_low = False

    def _set_gains(self, sides: tuple[tuple[float, float], ...]) -> None:
        """Let another song begin at its own gains: nothing of the one before is left to fade."""
        for number, (on_left, on_right) in enumerate(self._stem_ramps):
            on_left.value, on_right.value = sides[number] if number < len(sides) else (0.0, 0.0)

    def _play_voice(self, mix: Rows, heard_at: float) -> None:
        voice, ring = self._voice, self._voice.ring
        self._played = None
        if ring is None:
            return
        begins = voice.level.value == 0.0
        start = ring.read
        is_playing = self._controls.is_running and self._has_enough(ring, len(mix[0]))
        taken = voice.add_to(mix, 1.0 if is_playing else 0.0)
        if not taken:
            return
        if begins:
            self._run_start = start - self._carried
            self._carried = 0
        self.mark = Mark(ring, self._run_start, start, start + taken, heard_at)
        if is_playing and ring.sides is None:  # else the beats are another song's
            self._played = (ring, start)

    def _has_enough(self, ring: StemRing, count: int) -> bool:
        """Whether the ring lasts for this piece and a fade-out after it."""
        # Completeness is asked first: the last frames may be written in between.
        if ring.is_complete:
            self._is_low = False
            return True
        available = ring.available
        if self._is_low:
            self._is_low = available < REFILLED_S * self.sample_rate
        elif available < count + self._fade_frames:
            self._is_low = True
            self.underruns += self._voice.level.value > 0.0
        return not self._is_low
