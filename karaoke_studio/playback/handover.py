"""The next song, read ahead and joined to the end of the one that plays: no sample lies between.

Lives in the player's thread. The callback changes over by itself, on the very frame; the orders
follow when the first frame of the next song leaves the loudspeaker.
"""

from __future__ import annotations

from dataclasses import dataclass

from karaoke_studio.audio.tune import AS_RECORDED, Tune
from karaoke_studio.playback.feeder import Feeder
from karaoke_studio.playback.mixer import Mark
from karaoke_studio.playback.ring import Join, StemRing
from karaoke_studio.playback.take_reader import TakeFiles

#: Of a ring that answers no order yet.
NO_TICKET = -1


@dataclass(frozen=True)
class NextSong:
    """What is played when the song ends.

    Attributes:
        take: its files.
        tune: its key and tempo.
        sides: gains of its stems on the left and on the right.
    """

    take: TakeFiles
    sides: tuple[tuple[float, float], ...]
    tune: Tune = AS_RECORDED


class Handover:
    """The next song as far as it is read, and the ring that it goes on from.

    Attributes:
        song: what was lined up.
        feeder: fills its ring.
        ring: begins at the song's first frame.
        after: the ring that ends with the last frame of the song before.
    """

    def __init__(self, song: NextSong, after: StemRing) -> None:
        """Open the next song.

        Raises:
            KaraokeError: its files cannot be read, or it cannot be played in its key and tempo.
        """
        self.song, self.after = song, after
        self.feeder = Feeder(song.take)
        self.ring = self.feeder.start(
            0,
            ticket=NO_TICKET,
            sample_rate=after.sample_rate,
            joins=Join(after, after.written, is_other_song=True),
            tune=song.tune,
        )
        self.ring.sides = song.sides

    def has_begun(self, mark: Mark | None) -> bool:
        """Whether the callback has come to the next song, which nobody was told of yet."""
        return mark is not None and mark.ring is self.ring and self.ring.ticket == NO_TICKET

    def is_heard(self, mark: Mark | None, now: float) -> bool:
        """Whether the next song's first frame has left the loudspeaker."""
        return self.has_begun(mark) and mark is not None and _first_at(mark) <= now

    def frame_before(self, mark: Mark, now: float) -> tuple[StemRing, float]:
        """Return the ring of the song before, and its frame that is heard now."""
        left = max(0.0, _first_at(mark) - now) * self.after.sample_rate
        return self.after, self.after.written - left


def _first_at(mark: Mark) -> float:
    return mark.heard_at - mark.start / mark.ring.sample_rate
