"""In which order the chunks of a song are made: what is heard next first, then the gaps.

The order changes no bit of the result (`overlap_add`), only what is ready when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from karaoke_studio.separation.overlap_add import Chunk
from karaoke_studio.separation.rates import CONTEXT_S, KEPT_S

#: How strongly the time of the last chunk counts against those before it.
_NEWEST = 0.5


@dataclass(frozen=True)
class Playhead:
    """Where a song is heard.

    Attributes:
        frame: at the song's rate.
        moves: whether it plays on from there.
    """

    frame: int
    moves: bool = False


#: Tells where the song is heard; None = nobody listens.
Ask = Callable[[], Playhead | None]


def nobody() -> None:
    """Nobody listens."""


class Following:
    """Picks chunk after chunk by where the song is heard at that moment.

    Args:
        ask: where that is.
        song_rate: the song's frames per second.
        engine_rate: the chunks' frames per second.
        now_s: the clock.
    """

    def __init__(
        self,
        ask: Ask,
        song_rate: int,
        engine_rate: int,
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._ask = ask
        self._song_rate = song_rate
        self._engine_rate = engine_rate
        self._now_s = now_s
        self._chunk_s = 0.0

    def __call__(self, chunks: list[Chunk]) -> Iterator[Chunk]:
        """Yield all chunks, which come sorted along the song; each is picked when it is due."""
        left = list(chunks)
        while left:
            chunk = self._pick(left)
            left.remove(chunk)
            started_s = self._now_s()
            yield chunk
            taken_s = self._now_s() - started_s
            self._chunk_s += (taken_s - self._chunk_s) * (_NEWEST if self._chunk_s else 1.0)

    def _pick(self, left: list[Chunk]) -> Chunk:
        playhead = self._ask()
        if playhead is None:
            return left[0]
        needed = self._needed(playhead)
        return next((chunk for chunk in left if chunk.stop > needed), left[0])

    def _needed(self, playhead: Playhead) -> float:
        """Return the engine's frame from which on chunks are wanted."""
        seconds = playhead.frame / self._song_rate
        if playhead.moves:
            # what is begun now is heard when it is done
            seconds += self._chunk_s
        if self._song_rate != self._engine_rate:
            # resampling back takes whole blocks, and a second more before them
            seconds = seconds // KEPT_S * KEPT_S - CONTEXT_S
        return seconds * self._engine_rate
