"""The player's thread: keeps the ring full and the output open, as the orders of the moment say.

The person's wishes are one frozen value on the `Desk`. The player writes there and returns at
once; the deck looks at it step by step. Nothing here is ever called by the sound callback.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.errors import KaraokeError, OutputLost
from karaoke_studio.playback.feeder import Feeder, Loop, Take
from karaoke_studio.playback.handover import Handover, NextSong
from karaoke_studio.playback.levels import Heard
from karaoke_studio.playback.live_song import Listener, LiveTake
from karaoke_studio.playback.mixer import REFILLED_S, Controls, Mixer
from karaoke_studio.playback.output import AS_USUAL, Manner, Output
from karaoke_studio.playback.ring import Join, StemRing

log = logging.getLogger(__name__)

#: A ring is played when so much of it is there: more than any device asks for at once.
PREFILL_S = 0.5
#: While sound runs the deck looks up this often; the ring is 1 s long.
STEP_S = 0.04
#: While the stream is open but silent.
SILENT_STEP_S = 0.25
#: What a fade-out may take before a stream is closed.
FADE_OUT_WAIT_S = 0.1
#: A ring that goes on from another one takes over so far ahead: it is full by then.
JOIN_AHEAD_S = 0.12
#: What is being made grows many times a second; what is read ahead is read again this often.
REREAD_S = 0.3
#: A key that is dragged is followed this often: each time the sound is made anew from here on.
RETUNE_S = 0.1
#: A ring that takes over is played when so much of it is there; the rest follows.
JOINED_S = 0.2
#: With less than this a ring counts as low (a piece of the callback and a fade, and some more).
LOW_S = 0.03


@dataclass(frozen=True)
class Orders:
    """What is wanted, and what stands in its way.

    Attributes:
        take: the song to play, or None.
        ticket: number of the present (take, start_frame); each new pair has a higher one.
        start_frame: the song's frame from which this ticket plays.
        loop: the stretch that is played again and again.
        wants_play: play or stand still.
        has_ended: the song was played to its end.
        resumes: the output was lost while playing; go on when it returns.
        refreshes: how often looking for devices again was asked for.
        take_problem: why the take cannot be played.
        output_problem: why nothing can be heard.
        device: name of the output that is wanted; "" = the system's own choice.
        manner: how it is opened.
        is_closing: the thread is to end.
        tune: key and tempo.
        goes_on: the take is the song that was played before in other files; it plays on.
        lined_up: what is played when the song ends, without a gap.
        handovers: how often a song went over into the next one.
    """

    take: Take | None = None
    ticket: int = 0
    start_frame: int = 0
    loop: Loop | None = None
    wants_play: bool = False
    has_ended: bool = False
    resumes: bool = False
    refreshes: int = 0
    take_problem: KaraokeError | None = None
    output_problem: KaraokeError | None = None
    device: str = ""
    manner: Manner = AS_USUAL
    is_closing: bool = False
    goes_on: bool = False
    tune: Tune = AS_RECORDED
    lined_up: NextSong | None = None
    handovers: int = 0


class Desk:
    """Where orders lie: written by any thread, read without a lock.

    Attributes:
        orders: the orders of the moment, replaced as a whole.
        controls: what the sound callback follows.
    """

    def __init__(self) -> None:
        self.orders = Orders()
        self.controls = Controls()
        self.woken = threading.Event()
        self._lock = threading.Lock()

    def change(self, decide: Callable[[Orders], Orders]) -> None:
        """Replace the orders by what `decide` makes of them, and wake the deck."""
        with self._lock:
            before, self.orders = self.orders, decide(self.orders)
            now = self.orders
            is_other_song = now.take is not before.take and not now.goes_on
            if is_other_song or (now.ticket != before.ticket and not now.wants_play):
                # Else a play pressed right after would begin with a breath of the old place.
                self.controls.ring = None
            self.controls.is_running = now.wants_play
        self.woken.set()

    def publish(self, ring: StemRing) -> None:
        """Hand a ring to the callback, unless its ticket is out of date."""
        with self._lock:
            if ring.ticket == self.orders.ticket:
                self.controls.ring = ring

    def line_up(self, next_song: Handover, ticket: int) -> None:
        """Let the callback find the next song behind this one, unless the ticket is out of date."""
        with self._lock:
            if ticket == self.orders.ticket and self.controls.ring is next_song.after:
                self.controls.ring = next_song.ring

    def withdraw(self, next_song: Handover) -> None:
        """Take the next song away again."""
        with self._lock:
            if self.controls.ring is next_song.ring:
                self.controls.ring = next_song.after

    def hand_over(self, next_song: Handover, ticket: int) -> bool:
        """Make the next song the one that is played; False where something else is wanted."""
        song, ring = next_song.song, next_song.ring
        with self._lock:
            now = self.orders
            if now.ticket != ticket or self.controls.ring is not ring:
                return False
            # before the orders: whoever asks in between is told the place heard last
            ring.ticket = now.ticket + 1
            self.orders = replace(
                now,
                take=song.take,
                ticket=ring.ticket,
                start_frame=0,
                tune=song.tune,
                goes_on=False,
                lined_up=None,
                handovers=now.handovers + 1,
            )
            # in this order: the callback takes the one or the other, and they are the same
            self.controls.stem_sides = song.sides
            ring.sides = None
            return True


class Deck:
    """Does in its thread what the desk's orders say."""

    def __init__(self, desk: Desk, output: Output, *, idle_close_s: float) -> None:
        self._desk = desk
        self._output = output
        self._idle_close_s = idle_close_s
        self._feeder: Feeder | None = None
        self._take: Take | None = None
        self._next: Handover | None = None
        self._unreadable: NextSong | None = None
        self._mixer: Mixer | None = None
        self._asked_rate = 0
        self._refreshes = 0
        self._device = ("", AS_USUAL)
        self._active_at = time.monotonic()
        self._past_underruns = 0
        self._reread_at = self._retuned_at = 0.0
        # The callback may let go of a ring at any moment; freeing it is not the callback's work.
        self._kept: deque[StemRing] = deque(maxlen=4)

    @property
    def underruns(self) -> int:
        """How often sound was missing: in the ring or in the device."""
        mixer = self._mixer
        return self._past_underruns + (mixer.underruns if mixer else 0) + self._output.underruns

    def heard(self, ticket: int) -> tuple[StemRing, float] | None:
        """Return the ring and its frame heard now; None before this ticket is rendered."""
        mixer, following = self._mixer, self._next
        mark = mixer.mark if mixer else None
        if mark is not None and following is not None and following.has_begun(mark):
            return following.frame_before(mark, self._output.now())
        if mark is None or mark.ring.ticket != ticket:
            return None
        return mark.ring, mark.ring_frame(self._output.now())

    def heard_frame(self, ticket: int) -> float | None:
        """Return the song's frame heard now; None before anything of this ticket is rendered."""
        heard = self.heard(ticket)
        return None if heard is None else heard[0].song_frame(heard[1])

    def levels(self) -> Heard:
        """Return how loud it was since the last call."""
        return self._desk.controls.levels.heard(self._output.now())

    def is_ready(self, ticket: int) -> bool:
        """Whether enough of this ticket is read ahead to play on without a gap."""
        mixer, ring, following = self._mixer, self._desk.controls.ring, self._next
        if ring is not None and following is not None and ring is following.ring:
            low = REFILLED_S * ring.sample_rate
            return following.after.ticket == ticket and ring.available >= low
        if (
            ring is None
            or ring.ticket != ticket
            or (mixer and mixer.sample_rate != ring.sample_rate)
        ):
            return False
        if ring.is_complete:
            return self._song_to_follow() is None or not self._is_played(ring)
        return ring.available >= REFILLED_S * ring.sample_rate

    def run(self) -> None:
        """Work until the orders say to close."""
        try:
            while not self._desk.orders.is_closing:
                self._step()
                self._desk.woken.wait(self._pause_s())
                self._desk.woken.clear()
        finally:
            self._close_output()
            self._close_take()

    def _pause_s(self) -> float | None:
        feeder = self._feeder
        if feeder is not None and feeder.tune != self._desk.orders.tune:
            return STEP_S
        if self._mixer is None:
            # what is read ahead of a song that is being made is to be fresh when it is played
            return SILENT_STEP_S if isinstance(self._take, LiveTake) else None
        return STEP_S if self._desk.orders.wants_play else SILENT_STEP_S

    def _step(self) -> None:
        self._follow_refresh()
        self._follow_device()
        self._follow_output()
        try:
            self._follow_take()
            self._follow_next_song()
            self._follow_loop()
            self._open_output()
            self._follow_ticket()
            self._follow_tune()
            self._follow_making()
            self._line_up()
        except KaraokeError as exc:
            self._give_up_take(exc)
        self._follow_end()
        self._close_idle_output()

    # The take

    def _follow_take(self) -> None:
        take = self._desk.orders.take
        if take is self._take:
            return
        self._close_take()
        self._take = take
        if take is None:
            return
        if self._mixer and take.sample_rate not in {self._asked_rate, self._mixer.sample_rate}:
            self._close_output()
        self._feeder = Feeder(take)

    def _follow_loop(self) -> None:
        feeder, orders = self._feeder, self._desk.orders
        if feeder is None or orders.take is not feeder.take or orders.loop == feeder.loop:
            return
        if self._has_next_begun():
            return
        ring = feeder.ring
        if feeder.follow_loop(orders.loop) or ring is None or ring.ticket != orders.ticket:
            return
        # What is read ahead goes another way: read anew from where the callback is.
        frame = ring.song_frame(ring.read)
        self._desk.change(lambda now: _moved(now, frame) if now.ticket == ring.ticket else now)

    def _follow_ticket(self) -> None:
        feeder, orders = self._feeder, self._desk.orders
        if feeder is None or orders.take is not feeder.take:
            return
        rate = self._mixer.sample_rate if self._mixer else feeder.take.sample_rate
        ring = feeder.ring
        if ring is None or ring.ticket != orders.ticket or ring.sample_rate != rate:
            if ring is None and self._go_on(feeder, rate):
                return
            heard = self.heard_frame(orders.ticket) if ring is None else None
            frame = orders.start_frame if heard is None else round(heard)
            ring = feeder.start(frame, ticket=orders.ticket, sample_rate=rate, tune=orders.tune)
            self._fill_new(feeder, ring)
        elif self._desk.orders.wants_play:
            feeder.fill()

    def _fill_new(self, feeder: Feeder, ring: StemRing) -> None:
        seconds = PREFILL_S if ring.joins is None else JOINED_S
        feeder.fill(until=round(seconds * ring.sample_rate))
        self._kept.append(ring)
        self._desk.publish(ring)

    def _go_on(self, feeder: Feeder, rate: int) -> bool:
        """Begin a ring that takes over from the one that is heard; return whether one is."""
        mixer, orders = self._mixer, self._desk.orders
        mark = mixer.mark if mixer else None
        if mixer is None or mark is None or self._desk.controls.ring is None:
            return False
        old = mark.ring
        if old.ticket != orders.ticket or old.sample_rate != rate:
            return False
        # the old ring must not run low before
        last = old.written - round(LOW_S * rate)
        at = max(old.read, min(old.read + round(JOIN_AHEAD_S * rate), last))
        # asked once: it may fall silent in between
        is_silent = mixer.is_silent
        if is_silent:
            at = old.read
        pace = old.pace / (feeder.take.sample_rate / rate * orders.tune.tempo)
        ring = feeder.start(
            round(old.song_frame(at)),
            ticket=old.ticket,
            sample_rate=rate,
            joins=None if is_silent else Join(old, at, pace),
            tune=orders.tune,
        )
        self._fill_new(feeder, ring)
        return True

    def _follow_tune(self) -> None:
        """Make what is read ahead anew at another key or tempo, from shortly ahead of now on."""
        feeder, orders, now = self._feeder, self._desk.orders, time.monotonic()
        if feeder is None or feeder.ring is None or orders.take is not feeder.take:
            return
        if orders.tune == feeder.tune or now - self._retuned_at < RETUNE_S:
            return
        if self._has_next_begun():
            return  # nothing of this song is left to be made anew
        self._retuned_at, ring = now, feeder.ring
        if not self._go_on(feeder, ring.sample_rate):
            frame = orders.start_frame
            ring = feeder.start(
                frame, ticket=orders.ticket, sample_rate=ring.sample_rate, tune=orders.tune
            )
            self._fill_new(feeder, ring)

    def _follow_making(self) -> None:
        """Tell a song that is being made where it is heard; read what became better again."""
        feeder, orders = self._feeder, self._desk.orders
        take = orders.take
        if feeder is None or take is not feeder.take or not isinstance(take, LiveTake):
            return
        heard = self.heard_frame(orders.ticket)
        frame = orders.start_frame if heard is None else round(heard)
        take.song.listener = Listener(frame, orders.wants_play)
        ring, now = feeder.ring, time.monotonic()
        if ring is None or ring.is_complete or now - self._reread_at < REREAD_S:
            return
        if not feeder.is_stale:
            return
        self._reread_at, rate = now, ring.sample_rate
        if not self._go_on(feeder, rate) and ring.read == 0:
            self._fill_new(
                feeder, feeder.start(ring.start_frame, ticket=ring.ticket, sample_rate=rate)
            )

    def _give_up_take(self, problem: KaraokeError) -> None:
        log.warning("%s", problem.message)
        take, ticket = self._take, self._desk.orders.ticket
        heard = self.heard_frame(ticket)

        def stop(now: Orders) -> Orders:
            if now.take is not take:
                return now
            if heard is not None and now.ticket == ticket:
                now = _moved(now, heard)
            return replace(now, wants_play=False, take_problem=problem)

        self._close_take()
        self._desk.change(stop)

    def _follow_end(self) -> None:
        orders, mixer = self._desk.orders, self._mixer
        ring = self._desk.controls.ring
        if not orders.wants_play or ring is None or mixer is None or not ring.is_drained:
            return
        mark = mixer.mark
        if mark and mark.ring is ring and mark.ring_frame(self._output.now()) < ring.written:
            return

        def end(now: Orders) -> Orders:
            if now.ticket != ring.ticket:
                return now
            return replace(now, wants_play=False, has_ended=True)

        self._desk.change(end)

    # The next song

    def _line_up(self) -> None:
        """Read the next song once the last frame of this one is read; keep it read ahead."""
        orders, feeder, ring = self._desk.orders, self._feeder, self._desk.controls.ring
        if self._next is not None:
            self._next.feeder.fill()
            return
        song = self._song_to_follow()
        if song is None or feeder is None or ring is None or not self._is_played(ring):
            return  # the callback must know the ring that the next song goes on from
        if ring is not feeder.ring or ring.ticket != orders.ticket or ring.joins is not None:
            return
        if not ring.is_complete:
            return
        try:
            following = Handover(song, ring)
            following.feeder.fill(until=round(JOINED_S * ring.sample_rate))
        except KaraokeError as exc:
            # this song ends as any other does; opened by hand the next one says what is wrong
            log.warning("the next song does not follow: %s", exc.message)
            self._unreadable = song
            return
        self._next = following
        self._kept.append(following.ring)
        self._desk.line_up(following, orders.ticket)

    def _song_to_follow(self) -> NextSong | None:
        orders = self._desk.orders
        song = orders.lined_up
        if orders.loop is not None or not orders.wants_play or song is self._unreadable:
            return None
        return song

    def _is_played(self, ring: StemRing) -> bool:
        mark = self._mixer.mark if self._mixer else None
        return mark is not None and mark.ring is ring

    def _has_next_begun(self) -> bool:
        return bool(self._next and self._mixer and self._next.has_begun(self._mixer.mark))

    def _follow_next_song(self) -> None:
        """Go over to the next song where it is heard; let go of it where it is wanted no more."""
        following, orders, mixer = self._next, self._desk.orders, self._mixer
        if following is None:
            return
        feeder = self._feeder
        if feeder is None or following.after is not feeder.ring or mixer is None:
            self._drop_next()
            return
        if following.has_begun(mixer.mark):
            if not following.is_heard(mixer.mark, self._output.now()):
                return
            if self._desk.hand_over(following, orders.ticket):
                feeder.close()
                self._feeder, self._take = following.feeder, following.song.take
                self._next = None
                return
        is_wanted = orders.lined_up is following.song and orders.loop is None
        if orders.ticket != following.after.ticket or not is_wanted:
            self._drop_next()

    def _drop_next(self) -> None:
        following, self._next = self._next, None
        if following is not None:
            self._desk.withdraw(following)
            following.feeder.close()

    def _close_take(self) -> None:
        self._drop_next()
        if self._feeder:
            self._feeder.close()
            self._feeder = None

    # The output

    def _follow_refresh(self) -> None:
        orders = self._desk.orders
        if orders.refreshes == self._refreshes:
            return
        self._refreshes = orders.refreshes
        if self._mixer and orders.wants_play and not self._output.is_lost:
            return
        self._close_output()
        try:
            self._output.refresh()
        except KaraokeError as exc:
            self._give_up_output(exc)
            return
        self._desk.change(
            lambda now: replace(
                now,
                output_problem=None,
                wants_play=now.wants_play or now.resumes,
                resumes=False,
            )
        )

    def _follow_device(self) -> None:
        """Let go of the stream where another device is wanted; the next step opens that one."""
        orders = self._desk.orders
        device = (orders.device, orders.manner)
        if device == self._device:
            return
        self._device = device
        # The position is kept by closing; until then the sound fades out.
        self._desk.controls.is_running = False
        self._close_output()
        self._output.choose(*device)
        self._desk.change(lambda now: replace(now, output_problem=None))

    def _open_output(self) -> None:
        orders, feeder = self._desk.orders, self._feeder
        if self._mixer or not feeder or not orders.wants_play or orders.output_problem:
            return
        if (orders.device, orders.manner) != self._device:
            return  # chosen this moment: the next step follows it
        self._asked_rate = feeder.take.sample_rate
        # Reading first: the device then finds a full ring.
        self._follow_ticket()
        try:
            rate = self._output.open(self._asked_rate)
            self._mixer = Mixer(rate, self._desk.controls)
            self._output.start(self._mixer.render)
        except KaraokeError as exc:
            self._give_up_output(exc)

    def _follow_output(self) -> None:
        if not self._mixer or not self._output.is_lost:
            return
        if not self._desk.orders.wants_play:
            # Nobody is listening, nobody is told: the next play looks for devices anyway.
            self._close_output()
            return
        problem = OutputLost(
            "The sound device is gone.", hint="Connect it again, or choose another one."
        )
        self._give_up_output(problem)

    def _give_up_output(self, problem: KaraokeError) -> None:
        log.warning("%s", problem.message)
        is_lost = isinstance(problem, OutputLost)
        self._desk.change(
            lambda now: replace(
                now,
                output_problem=problem,
                resumes=now.resumes or (is_lost and now.wants_play),
                wants_play=False,
            )
        )
        # Last: closing hangs as long as a sound server does (seen with a stopped PulseAudio).
        self._close_output()

    def _close_idle_output(self) -> None:
        if self._desk.orders.wants_play:
            self._active_at = time.monotonic()
        elif self._mixer and time.monotonic() - self._active_at > self._idle_close_s:
            log.info("sound device closed: nothing was played for a while")
            self._close_output()

    def _close_output(self) -> None:
        """Close the stream; the position stays where it was heard last.

        The sound is fading already: whoever has the stream closed has stopped, unloaded or lost it.
        """
        mixer = self._mixer
        if mixer is None:
            return
        give_up_at = time.monotonic() + FADE_OUT_WAIT_S
        while not (mixer.is_silent or self._output.is_lost or time.monotonic() > give_up_at):
            time.sleep(0.005)
        self._output.close()
        ticket = self._desk.orders.ticket
        heard = self.heard_frame(ticket)
        if heard is not None:
            self._desk.change(lambda now: _moved(now, heard) if now.ticket == ticket else now)
        self._past_underruns += mixer.underruns
        self._mixer = None
        self._drop_next()


def _moved(orders: Orders, frame: float) -> Orders:
    return replace(orders, ticket=orders.ticket + 1, start_frame=round(frame))
