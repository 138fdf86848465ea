"""Places of a song: kept as plain values, in order, with names of their own."""

from __future__ import annotations

import doctest

import pytest

from karaoke_studio.audio import places
from karaoke_studio.audio.mix import Mix
from karaoke_studio.audio.places import LONGEST_NAME, Place, free_name, with_place


def test_examples() -> None:
    assert doctest.testmod(places).failed == 0


def test_they_survive_with_the_faders() -> None:
    mix = Mix(voice=0.5, places=(Place("Verse", 100), Place("Chorus & more", 900, 1_800)))
    assert Mix.from_plain(mix.to_plain()) == mix
    assert "places" not in Mix(voice=0.5).to_plain()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x", "start": -1, "stop": None},
        {"name": "x", "start": 9, "stop": 9},
        {"name": "x", "start": 1.5, "stop": None},
        {"name": "x", "start": 1, "stop": "2"},
        {"start": 1, "stop": 2},
        "place",
    ],
)
def test_what_is_no_place_is_refused(wrong: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Place.from_plain(wrong)
    assert Mix.from_plain({**Mix(voice=0.5).to_plain(), "places": [wrong]}) == Mix()


def test_they_lie_in_the_order_of_the_song_and_names_are_short() -> None:
    first, second = Place("b", 5), Place("a", 9, 12)
    assert with_place((second,), first) == (first, second)
    assert len(Place.from_plain({"name": "x" * 999, "start": 0, "stop": None}).name) == LONGEST_NAME
    assert free_name((), "Mark") == "Mark 1"
