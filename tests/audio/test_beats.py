"""The law of the beat grid."""

from __future__ import annotations

import pytest

from karaoke_studio.audio.beats import AS_FOUND, BeatGrid, Beating, knots_of

FOUND = {"knots": [[0, 1000], [8, 9000], [12, 11000]], "one": 1}


def grid(beating: Beating = AS_FOUND) -> BeatGrid:
    made = BeatGrid.from_plain(FOUND, beating)
    assert made is not None
    return made


def test_beats_between_knots_are_evenly_spaced() -> None:
    frames = [beat.frame for beat in grid().within(0, 20_000)]
    assert frames == [*range(1000, 9001, 1000), 9500, 10000, 10500, 11000]
    assert (grid().first, grid().last) == (1000, 11000)
    assert [beat.frame for beat in grid().within(2000, 4000)] == [2000, 3000]
    assert list(grid().within(11_001, 20_000)) == []


def test_bars_begin_where_they_were_found() -> None:
    firsts = [beat.frame for beat in grid().within(0, 20_000) if beat.is_first]
    assert firsts == [2000, 6000, 9500]


def test_the_nearest_beat_is_found_inside_only() -> None:
    assert grid().nearest(3499) == 3000
    assert grid().nearest(3501) == 4000
    assert grid().nearest(200) == 1000
    assert grid().nearest(-900) is None
    assert grid().nearest(13_000) is None


def test_the_next_beat_goes_on_at_the_ends() -> None:
    assert grid().next_from(3000) == 3000
    assert grid().next_from(3100) == 4000
    assert grid().next_from(0) == 0
    assert grid().next_from(11_200) == 11_500
    assert grid().period_at(4000) == 1000
    assert grid().period_at(10_200) == 500


def test_a_person_puts_beats_right() -> None:
    twice = grid(Beating(times=2.0))
    assert [beat.frame for beat in twice.within(2000, 4001)] == [2000, 2500, 3000, 3500, 4000]
    assert [beat.frame for beat in twice.within(2000, 4001) if beat.is_first] == [2000, 4000]
    half = grid(Beating(times=0.5, bar=3, one=3100))
    assert [beat.frame for beat in half.within(0, 9500)] == [1000, 3000, 5000, 7000, 9000]
    assert [beat.frame for beat in half.within(0, 20_000) if beat.is_first] == [3000, 9000]


@pytest.mark.parametrize(
    "data",
    [None, {}, {"knots": [], "one": 0}, {"knots": [[0, 5], [1, 5]], "one": 0}, {"knots": "x"}, 7],
)
def test_what_is_no_grid_is_none(data: object) -> None:
    assert BeatGrid.from_plain(data) is None


def test_knots_are_few_and_exact() -> None:
    frames = [1000.0 + 441 * n for n in range(100)]
    assert knots_of(frames, 10) == [(0, 1000), (99, 1000 + 441 * 99)]
    bent = [float(f + (5 * (n - 50) if n > 50 else 0)) for n, f in enumerate(frames)]
    knots = knots_of(bent, 10)
    assert len(knots) == 3
    made = BeatGrid([(float(n), float(f)) for n, f in knots])
    assert max(abs(made.frame_of(n) - frame) for n, frame in enumerate(bent)) <= 11
    assert knots_of([5.0], 10) == []


def test_corrections_are_kept() -> None:
    for beating in (AS_FOUND, Beating(2.0, 3, 4711)):
        assert Beating.from_plain(beating.to_plain()) == beating
    for wrong in ({"times": 3, "bar": 4, "one": None}, {"times": 1, "bar": 5, "one": None}):
        with pytest.raises(ValueError, match="no beats"):
            Beating.from_plain(wrong)
