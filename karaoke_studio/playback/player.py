"""The player: what the window calls. Plain Python; every method returns at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

import numpy as np

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.audio.mix import VOICE, Mix
from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.errors import KaraokeError
from karaoke_studio.playback.clicks import CountIn
from karaoke_studio.playback.deck import Deck, Desk, Orders
from karaoke_studio.playback.feeder import Loop, Take
from karaoke_studio.playback.handover import NextSong
from karaoke_studio.playback.levels import Heard
from karaoke_studio.playback.live_song import UNSPLIT, LiveSong, LiveTake
from karaoke_studio.playback.output import Manner, Output, SoundDeviceOutput
from karaoke_studio.playback.ring import StemRing
from karaoke_studio.playback.take_reader import TakeFiles

__all__ = [
    "Heard",
    "LiveSong",
    "LiveTake",
    "Loop",
    "Manner",
    "Mix",
    "Player",
    "PlayerState",
    "Source",
    "TakeFiles",
]

#: An open stream keeps a laptop's sound hardware awake.
IDLE_CLOSE_S = 60.0
CLOSE_WAIT_S = 2.0
#: A shorter loop is made so long.
MIN_LOOP_S = 0.1


class PlayerState(StrEnum):
    """What the player does."""

    EMPTY = "empty"
    PAUSED = "paused"
    PLAYING = "playing"
    ENDED = "ended"


class Source(StrEnum):
    """Which part of the song is heard; "instrumental" is what the faders make of it."""

    ORIGINAL = "original"
    INSTRUMENTAL = "instrumental"
    VOCALS = "vocals"


def stem_gains(
    source: Source, mix: Mix, stems: tuple[str, ...], *, fills: bool = True
) -> tuple[float, ...]:
    """Return the gain of each stem. All together are the original, exactly.

    Args:
        source: what is heard.
        mix: where the faders stand.
        stems: of the take, in its order.
        fills: whether the song itself is heard where it is not separated yet.
    """
    if UNSPLIT in stems:
        gains = stem_gains(source, mix, tuple(stem for stem in stems if stem != UNSPLIT))
        return (*gains, float(fills or source is Source.ORIGINAL))
    if source is Source.ORIGINAL:
        return (1.0,) * len(stems)
    if source is Source.VOCALS:
        return tuple(float(stem == VOICE) for stem in stems)
    return mix.gains(stems)


def stem_sides(
    source: Source, mix: Mix, stems: tuple[str, ...], channels: int, *, fills: bool = True
) -> tuple[tuple[float, float], ...]:
    """Return the gains of each stem on the left and on the right; see `stem_gains`."""
    if source is Source.INSTRUMENTAL:
        known = tuple(mix.sides(stem, channels) for stem in stems if stem != UNSPLIT)
        return (*known, (float(fills),) * 2) if UNSPLIT in stems else known
    return tuple((gain, gain) for gain in stem_gains(source, mix, stems, fills=fills))


class Player:
    """Plays one take at a time.

    Thread: methods may be called from any thread and never wait for files or devices (`close`
    alone waits for the player's thread). What follows shows in the properties, which are meant to
    be asked on a timer.
    """

    def __init__(self, output: Output | None = None, *, idle_close_s: float = IDLE_CLOSE_S) -> None:
        self._desk = Desk()
        self._deck = Deck(self._desk, output or SoundDeviceOutput(), idle_close_s=idle_close_s)
        self._thread: threading.Thread | None = None
        self._source = Source.ORIGINAL
        self._mix = Mix()
        self._matches: Mapping[Source, float] = {}
        self._volume = 1.0
        self._fills = True
        #: Ticket, the ring that was heard, its frame, frame of the song.
        self._last_heard: tuple[int, StemRing | None, float, int] = (0, None, 0.0, 0)

    # Orders

    def load(self, take: Take) -> None:
        """Make a take ready at its start, paused. The song before it fades out."""
        # A copy, because each load is told from the last by identity, even of the same take.
        self._change(lambda now: _with_take(now, replace(take)))
        self._follow_faders()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._deck.run, name="player", daemon=True)
            self._thread.start()

    def go_on_with(self, take: Take) -> None:
        """Play the same song from other files, from the very sample that is next."""
        self._change(lambda now: replace(now, take=replace(take), goes_on=True, take_problem=None))
        self._follow_faders()

    def line_up(
        self,
        take: TakeFiles | None,
        mix: Mix | None = None,
        matches: Mapping[Source, float] | None = None,
    ) -> None:
        """Let another song follow when this one ends, on the very next sample.

        Args:
            take: the song that follows; None = playing ends with this one.
            mix: where its faders stand, with its key and tempo; None = as they are made.
            matches: as `set_matches`.
        """
        song, mix = None, mix or Mix()
        if take is not None:
            sides = self._sides(take, mix, matches or {})
            song = NextSong(replace(take), sides, self._possible(mix.tune))
        self._change(lambda now: replace(now, lined_up=song))

    def unload(self) -> None:
        """Let go of the take and its files."""
        self._change(lambda now: _with_take(now, None))

    def play(self) -> None:
        """Play on; from the start when the end was reached. Tries a lost device again."""
        self._change(_playing)

    def count_in(self, beats: int, bpm: float, last_s: float | None = None) -> None:
        """Let so many clicks be heard before the sound begins, at the next `play` only.

        Args:
            beats: how many.
            bpm: how many a minute.
            last_s: from the last one to the sound; None = a beat.
        """
        beat_s = 60 / bpm
        last_s = beat_s if last_s is None else last_s
        self._desk.controls.count_in = CountIn(beats, beat_s, last_s) if beats else None

    def set_metronome(self, grid: BeatGrid | None) -> None:
        """Click on these beats while the song plays, at once; None = do not."""
        self._desk.controls.beats = grid

    def pause(self) -> None:
        """Stand still."""
        self._change(lambda now: replace(now, wants_play=False, resumes=False))

    def toggle(self) -> None:
        """Play when paused, pause when playing."""
        self._change(
            lambda now: (
                replace(now, wants_play=False, resumes=False) if now.wants_play else _playing(now)
            )
        )

    def seek(self, frame: int) -> None:
        """Go to a frame of the song; frames outside it mean its ends."""
        self._change(lambda now: _sought(now, frame))

    def set_loop(
        self,
        start_frame: int,
        stop_frame: int,
        gap_s: float = 0.0,
        clicks_s: tuple[float, ...] = (),
    ) -> None:
        """Play these frames again and again, once they are reached; no sample is lost or doubled.

        The last 10 ms melt into what lies before the start; or they fade out, and silence lies
        between two rounds, with clicks in it. Another song ends the loop.

        Args:
            start_frame: of the song.
            stop_frame: behind the last one.
            gap_s: seconds of silence, at the song's own tempo.
            clicks_s: seconds into the silence.
        """
        self._change(lambda now: _looped(now, start_frame, stop_frame, gap_s, clicks_s))

    def clear_loop(self) -> None:
        """Play on to the song's end."""
        self._change(lambda now: replace(now, loop=None))

    def set_source(self, source: Source) -> None:
        """Choose what is heard, from the same sample on, with a short cross-fade."""
        self._source = source
        self._follow_faders()

    def set_mix(self, mix: Mix) -> None:
        """Move the faders, which make what is heard as the instrumental; without a click."""
        self._mix = mix
        self._follow_faders()

    def set_tune(self, tune: Tune) -> None:
        """Change key and tempo, from what is heard in a moment on; without a click.

        Where the library for it is missing the song is played as it was recorded.
        """
        tune = self._possible(tune)
        self._change(lambda now: replace(now, tune=tune))

    def _possible(self, tune: Tune) -> Tune:
        return AS_RECORDED if rubber_band.library() is None else tune

    def set_matches(self, gains: Mapping[Source, float]) -> None:
        """Play sources at gains that make them equally loud; {} = each as it is."""
        self._matches = dict(gains)
        self._follow_faders()

    def _follow_faders(self) -> None:
        take = self._desk.orders.take
        if take is None:
            return
        self._desk.controls.stem_sides = self._sides(take, self._mix, self._matches)

    def _sides(
        self, take: Take, mix: Mix, matches: Mapping[Source, float]
    ) -> tuple[tuple[float, float], ...]:
        """Return the gains of a take's stems with what is heard now."""
        match = matches.get(self._source, 1.0)
        stems = tuple(take.stems)
        sides = stem_sides(self._source, mix, stems, take.channels, fills=self._fills)
        return tuple(
            (float(np.float32(left * match)), float(np.float32(right * match)))
            for left, right in sides
        )

    def set_filling(self, *, on: bool) -> None:
        """Choose whether the song itself is heard where it is not separated yet, or silence."""
        self._fills = on
        self._follow_faders()

    def set_volume(self, volume: float) -> None:
        """Set the volume by a slider's position, 0…1; the middle sounds half as loud."""
        self._volume = min(max(volume, 0.0), 1.0)
        self._desk.controls.volume_gain = volume_to_gain(self._volume)

    def set_device(self, name: str) -> None:
        """Play on another sound device from here on; "" = the system's own choice."""
        self._change(lambda now: replace(now, device=name))

    def set_manner(self, manner: Manner) -> None:
        """Open the sound device in another manner from here on."""
        self._change(lambda now: replace(now, manner=manner))

    def retry_output(self) -> None:
        """Look for sound devices again and go on where a lost one broke off."""
        self._change(lambda now: replace(now, refreshes=now.refreshes + 1))

    def close(self) -> None:
        """Fade out, close the device and the files, and end the thread."""
        self._change(lambda now: replace(_with_take(now, None), is_closing=True))
        if self._thread is not None:
            self._thread.join(CLOSE_WAIT_S)

    # Facts

    @property
    def state(self) -> PlayerState:
        """What the player does; PLAYING as soon as it is wished."""
        orders = self._desk.orders
        if orders.take is None:
            return PlayerState.EMPTY
        if orders.wants_play:
            return PlayerState.PLAYING
        return PlayerState.ENDED if orders.has_ended else PlayerState.PAUSED

    @property
    def position_frames(self) -> int:
        """The song's frame that is heard now, at the song's rate."""
        orders = self._desk.orders
        if orders.take is None:
            return 0
        if orders.has_ended:
            return orders.take.frames
        heard = self._deck.heard(orders.ticket)
        ticket, ring, last, frame = self._last_heard
        if ticket != orders.ticket:
            ring, last, frame = None, 0.0, orders.start_frame
        # The device's clock trembles a little; a playhead must not.
        if heard is not None and (heard[0] is not ring or heard[1] > last):
            ring, last = heard
            frame = min(round(ring.song_frame(last)), orders.take.frames)
        self._last_heard = (orders.ticket, ring, last, frame)
        return frame

    @property
    def frames(self) -> int:
        """Length of the song, 0 without one."""
        take = self._desk.orders.take
        return take.frames if take else 0

    @property
    def sample_rate(self) -> int:
        """The song's rate in Hz, 0 without one."""
        take = self._desk.orders.take
        return take.sample_rate if take else 0

    @property
    def loop(self) -> Loop | None:
        """The stretch that is played again and again."""
        return self._desk.orders.loop

    @property
    def source(self) -> Source:
        """What is heard."""
        return self._source

    @property
    def tune(self) -> Tune:
        """Key and tempo."""
        return self._desk.orders.tune

    @property
    def mix(self) -> Mix:
        """Where the faders stand."""
        return self._mix

    def heard(self) -> Heard:
        """Return how loud it was since the last call; for one meter only."""
        return self._deck.levels()

    def short_term_lufs(self) -> float | None:
        """Return the loudness of the last three seconds, None in silence; for one meter only."""
        return self._desk.controls.levels.short_term_lufs()

    @property
    def handovers(self) -> int:
        """How often a song went over into the one that was lined up."""
        return self._desk.orders.handovers

    @property
    def device(self) -> str:
        """The sound device that was chosen; "" = the system's own choice."""
        return self._desk.orders.device

    @property
    def volume(self) -> float:
        """The slider's position, 0…1."""
        return self._volume

    @property
    def problem(self) -> KaraokeError | None:
        """Why the song cannot be heard, or None."""
        orders = self._desk.orders
        return orders.take_problem or orders.output_problem

    @property
    def underruns(self) -> int:
        """How often sound was missing since the start."""
        return self._deck.underruns

    @property
    def is_ready(self) -> bool:
        """Whether enough is read ahead to play on without a gap."""
        return self._deck.is_ready(self._desk.orders.ticket)

    def _change(self, decide: Callable[[Orders], Orders]) -> None:
        self._desk.change(decide)


def volume_to_gain(volume: float) -> float:
    """Return the gain for a slider's position 0…1, exact in float32.

    Source: cubic law of PulseAudio's software volume (`pa_sw_volume_to_linear`).
    """
    return float(np.float32(volume**3))


def _with_take(now: Orders, take: Take | None) -> Orders:
    return replace(
        now,
        take=take,
        ticket=now.ticket + 1,
        start_frame=0,
        loop=None,
        wants_play=False,
        has_ended=False,
        resumes=False,
        take_problem=None,
        goes_on=False,
        lined_up=None,
    )


def _playing(now: Orders) -> Orders:
    if now.take is None or now.take_problem or now.wants_play:
        return now
    if now.has_ended:
        now = _sought(now, 0)
    if now.output_problem:
        now = replace(now, refreshes=now.refreshes + 1)
    return replace(now, wants_play=True)


def _sought(now: Orders, frame: int) -> Orders:
    if now.take is None:
        return now
    frame = min(max(frame, 0), now.take.frames)
    return replace(now, ticket=now.ticket + 1, start_frame=frame, has_ended=False)


def _looped(
    now: Orders, start: int, stop: int, gap_s: float, clicks_s: tuple[float, ...]
) -> Orders:
    if now.take is None:
        return now
    frames = now.take.frames
    shortest = min(round(MIN_LOOP_S * now.take.sample_rate), frames)
    start = min(max(start, 0), frames - shortest)
    stop = min(max(stop, start + shortest), frames)
    rate = now.take.sample_rate
    clicks = tuple(round(at * rate) for at in clicks_s)
    return replace(now, loop=Loop(start, stop, round(gap_s * rate), clicks))
