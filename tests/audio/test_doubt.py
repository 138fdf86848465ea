"""A curve of doubt as values: scores, words, the weakest places."""

from __future__ import annotations

import itertools
import math

import pytest

from karaoke_studio.audio.doubt import (
    GRADES,
    LEAST_DOUBT,
    DoubtCurve,
    grade_of,
    score_of,
    weakest_places,
)


def curve(points: int, *places: tuple[int, int, float]) -> DoubtCurve:
    doubts = [0.1] * points
    for first, last, doubt in places:
        doubts[first:last] = [doubt] * (last - first)
    return DoubtCurve(tuple(doubts))


def test_the_weakest_place_comes_first_and_lies_where_the_doubt_is() -> None:
    found = weakest_places(curve(200, (20, 30, 0.6), (100, 112, 0.9)))
    assert len(found) == 2
    (start_s, end_s, doubt), (other_start_s, other_end_s, other) = found
    assert 49 <= start_s <= 50.5
    assert 55.5 <= end_s <= 57
    assert 9 <= other_start_s <= 10.5
    assert 14.5 <= other_end_s <= 16
    assert doubt > other > LEAST_DOUBT


def test_places_do_not_overlap_and_are_neither_short_nor_long() -> None:
    waves = tuple(0.5 + 0.45 * math.sin(point / 7) for point in range(2000))
    found = weakest_places(DoubtCurve(waves), most=12)
    assert len(found) == 12
    ordered = sorted(found)
    for (_, end_s, _), (start_s, _, _) in itertools.pairwise(ordered):
        assert end_s < start_s
    assert all(2 <= end_s - start_s <= 10 for start_s, end_s, _ in found)


@pytest.mark.parametrize("points", [0, 1, 3])
def test_a_short_song_is_one_place_at_most(points: int) -> None:
    found = weakest_places(DoubtCurve((0.8,) * points))
    assert [(start_s, end_s) for start_s, end_s, _ in found] == [(0, points / 2)] * bool(points)


def test_a_clean_song_has_no_weak_place() -> None:
    assert weakest_places(curve(300)) == []


def test_a_long_doubt_is_cut_into_places_that_can_be_listened_to() -> None:
    found = weakest_places(curve(400, (0, 400, 0.7)), most=5)
    assert len(found) == 5
    assert all(end_s - start_s <= 10 for start_s, end_s, _ in found)


def test_words_change_at_their_decibels() -> None:
    for word, least_db in GRADES[:-1]:
        assert grade_of(score_of(least_db)) == word
        assert grade_of(score_of(least_db - 0.01)) != word
    assert grade_of(score_of(-200)) == "rough"
    assert grade_of(score_of(math.inf)) == "excellent"


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"doubts": [], "step_s": 0.5},
        {"doubts": [0.5, 2.0], "step_s": 0.5},
        {"doubts": [0.5], "step_s": 0},
        {"doubts": ["?"], "step_s": 0.5},
    ],
)
def test_what_is_no_curve_is_none(found: object) -> None:
    assert DoubtCurve.from_plain(found) is None


def test_a_curve_that_was_kept_is_read_again() -> None:
    found = DoubtCurve.from_plain({"doubts": [0.2, 0.7], "step_s": 0.5})
    assert found == DoubtCurve((0.2, 0.7))
    assert found.at(0.4) == 0.2
    assert found.at(99) == found.at(0.5) == 0.7
