"""Which chunk comes next: the one that is heard next, then the gaps."""

from __future__ import annotations

import itertools

from karaoke_studio.separation.order import Following, Playhead, nobody
from karaoke_studio.separation.overlap_add import Chunk

RATE = 100
#: Ten chunks of 8 s at a stride of 6 s.
CHUNKS = [Chunk(600 * n, 0, n, 600 * n + 800) for n in range(10)]


def numbers(following: Following, chunks: list[Chunk] = CHUNKS) -> list[int]:
    return [chunk.number for chunk in following(chunks)]


def test_without_a_listener_chunks_come_along_the_song() -> None:
    assert numbers(Following(nobody, RATE, RATE)) == list(range(10))


def test_from_the_playhead_on_and_then_the_gap_before_it() -> None:
    following = Following(lambda: Playhead(20 * RATE), RATE, RATE)
    # 20 s lies in chunks 2 (12…20 s, its end is open) and 3 (18…26 s)
    assert numbers(following) == [3, 4, 5, 6, 7, 8, 9, 0, 1, 2]


def test_where_two_chunks_overlap_both_are_made() -> None:
    following = Following(lambda: Playhead(19 * RATE), RATE, RATE)
    assert numbers(following)[:2] == [2, 3]


def test_the_playhead_is_asked_for_each_chunk() -> None:
    places = iter([None, Playhead(50 * RATE), Playhead(50 * RATE), *[Playhead(0)] * 7])
    assert numbers(Following(lambda: next(places), RATE, RATE)) == [0, 8, 9, 1, 2, 3, 4, 5, 6, 7]


def test_past_the_end_the_rest_is_made() -> None:
    assert numbers(Following(lambda: Playhead(10_000 * RATE), RATE, RATE)) == list(range(10))


def test_while_it_plays_on_the_time_of_a_chunk_is_thought_of() -> None:
    clock = itertools.count(0.0, 7.0)  # a chunk takes 7 s
    following = Following(lambda: Playhead(10 * RATE, moves=True), RATE, RATE, lambda: next(clock))
    assert numbers(following)[:3] == [1, 2, 3]


def test_at_another_rate_the_block_around_the_playhead_is_made_whole() -> None:
    # 20 s of a song at twice the rate: its block of four seconds begins at 20, its context at 19
    following = Following(lambda: Playhead(20 * 2 * RATE), 2 * RATE, RATE)
    assert numbers(following)[:2] == [2, 3]


def test_every_pass_over_the_song_is_followed() -> None:
    both = sorted([*CHUNKS, *(Chunk(c.start - 50, 1, c.number, c.stop - 50) for c in CHUNKS)])
    found = list(Following(lambda: Playhead(30 * RATE), RATE, RATE)(both))
    assert [(chunk.pass_number, chunk.number) for chunk in found[:2]] == [(1, 4), (0, 4)]
    assert sorted(found) == both
