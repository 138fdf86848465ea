from __future__ import annotations

import itertools
import random

from karaoke_studio.separation.ranges import Ranges


def test_touching_and_overlapping_ranges_become_one():
    ranges = Ranges([(10, 20), (30, 40), (20, 25), (24, 31)])
    assert list(ranges) == [(10, 40)]
    assert ranges.total == 30


def test_empty_ranges_change_nothing():
    ranges = Ranges([(5, 5), (9, 3)])
    assert list(ranges) == []
    assert not ranges
    assert ranges.covers(7, 7)
    assert not ranges.covers(5, 6)
    assert ranges.missing(2, 4) == [(2, 4)]


def test_missing_and_within_share_a_range_between_them():
    ranges = Ranges([(0, 10), (20, 30)])
    assert ranges.missing(5, 35) == [(10, 20), (30, 35)]
    assert ranges.within(5, 35) == [(5, 10), (20, 30)]
    assert ranges.missing(20, 30) == []
    assert ranges.within(10, 20) == []


def test_agrees_with_a_set_of_frames():
    rng = random.Random(3)
    for _ in range(200):
        ranges, frames = Ranges(), set()
        for _ in range(rng.randrange(12)):
            start = rng.randrange(60)
            stop = start + rng.randrange(12)
            ranges.add(start, stop)
            frames |= set(range(start, stop))
        start = rng.randrange(60)
        stop = start + rng.randrange(20)
        asked = set(range(start, stop))
        assert ranges.total == len(frames)
        assert ranges.covers(start, stop) == (asked <= frames)
        assert {i for part in ranges.within(start, stop) for i in range(*part)} == asked & frames
        assert {i for part in ranges.missing(start, stop) for i in range(*part)} == asked - frames
        parts = list(ranges)
        assert all(a[1] < b[0] for a, b in itertools.pairwise(parts))
