"""One law for what the faders do."""

from __future__ import annotations

import numpy as np
import pytest

from karaoke_studio.audio.mix import Mix, mixed

STEMS = ("vocals", "drums", "bass", "other")


def test_untouched_faders_are_the_music_alone() -> None:
    assert Mix().gains(("vocals", "instrumental")) == (0.0, 1.0)
    assert Mix().gains(STEMS) == (0.0, 1.0, 1.0, 1.0)


def test_a_stem_stands_under_the_music() -> None:
    mix = Mix(voice=0.2, music=0.5, levels={"drums": 0.5})
    assert mix.gains(STEMS) == (float(np.float32(0.2)), 0.25, 0.5, 0.5)
    assert mix.gains(("vocals", "instrumental")) == (float(np.float32(0.2)), 0.5)


def test_mute_and_solo() -> None:
    assert Mix(voice=1, muted=frozenset({"vocals", "bass"})).gains(STEMS) == (0, 1, 0, 1)
    solo = frozenset({"drums", "vocals"})
    assert Mix(voice=0.5, solo=solo).gains(STEMS) == (0.5, 1, 0, 0)
    both = Mix(voice=0.5, solo=solo, muted=frozenset({"drums"}))
    assert both.gains(STEMS) == (0.5, 0, 0, 0), "a muted stem stays silent though it is alone"


def test_faders_survive_a_round_trip() -> None:
    mix = Mix(0.2, 0.9, {"drums": 0.5}, frozenset({"bass"}), frozenset({"drums", "other"}))
    assert Mix.from_plain(mix.to_plain()) == mix
    assert Mix().to_plain() == {}
    assert Mix.from_plain({}) == Mix()


GOOD = {"voice": 0.5, "music": 1, "levels": {}, "muted": [], "solo": []}


@pytest.mark.parametrize(
    "data",
    [
        [1],
        "loud",
        {"voice": 1},
        *(
            GOOD | wrong
            for wrong in (
                {"voice": 7},
                {"voice": True},
                {"voice": float("nan")},
                {"music": "loud"},
                {"levels": {"drums": -1}},
                {"levels": [1]},
                {"muted": 3},
                {"pans": {"drums": 2}},
            )
        ),
    ],
)
def test_what_cannot_be_understood_is_the_default(data: object) -> None:
    assert Mix.from_plain(GOOD) == Mix(voice=0.5)
    assert Mix.from_plain(data) == Mix()


def test_blocks_are_added_in_their_order() -> None:
    blocks = list(np.random.default_rng(3).standard_normal((3, 50, 2)).astype(np.float32))
    gains = ((0.25, 0.5), (0.0, 0.0), (1.0, 1.0))
    slow = np.array([0.25, 0.5], np.float32) * blocks[0] + blocks[2]
    assert mixed(blocks, gains).dtype == np.float32
    np.testing.assert_array_equal(mixed(blocks, gains), slow)
    mono = [block[:, :1] for block in blocks]
    np.testing.assert_array_equal(mixed(mono, gains), slow[:, :1])


def test_a_pan_makes_one_side_quieter_and_none_louder() -> None:
    mix = Mix(voice=0.5, pans={"vocals": -0.5, "drums": 1.0})
    assert mix.sides("vocals") == (0.5, 0.25)
    assert mix.sides("drums") == (0.0, 1.0)
    assert mix.sides("bass") == (1.0, 1.0)
    assert mix.sides("vocals", 1) == (0.5, 0.5)
    assert Mix.from_plain(mix.to_plain()) == mix
