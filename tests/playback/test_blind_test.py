"""The law of blind tests, tried on simulated listeners."""

from __future__ import annotations

from random import Random

import pytest

from karaoke_studio.playback.blind_test import CONVINCING, ROUNDS, BlindTest, chance


def taken_by(hears: float, count: int, seed: int) -> list[BlindTest]:
    """Tests of a listener who hears what X is in a share of the rounds, and guesses else."""
    random, taken = Random(seed), []
    for _ in range(count):
        test = BlindTest(random)
        while not test.is_over:
            guess = random.choice("ab")
            test.answer(test.x if random.random() < hears else guess)
        taken.append(test)
    return taken


def convinced(tests: list[BlindTest]) -> float:
    return sum(test.chance < CONVINCING for test in tests) / len(tests)


def test_who_guesses_convinces_as_seldom_as_the_law_says() -> None:
    tests = taken_by(0.0, 20_000, 1)
    # 12 of 16 are convincing, 11 are not
    assert chance(12, ROUNDS) < CONVINCING < chance(11, ROUNDS)
    expected = chance(12, ROUNDS)
    # 5 standard deviations of a share of 20,000
    assert convinced(tests) == pytest.approx(expected, abs=5 * (expected / 20_000) ** 0.5)
    for right in (6, 8, 10, 13):
        seen = sum(test.right >= right for test in tests) / len(tests)
        assert seen == pytest.approx(chance(right, ROUNDS), abs=0.018)


def test_who_hears_it_convinces() -> None:
    assert convinced(taken_by(1.0, 200, 2)) == 1.0
    assert {test.chance for test in taken_by(1.0, 20, 3)} == {0.5**ROUNDS}
    # hears it in three rounds of four: right in 87.5 % of them
    assert convinced(taken_by(0.75, 2_000, 4)) > 0.9
    assert 0.05 < convinced(taken_by(0.2, 2_000, 5)) < 0.4


def test_x_is_either_equally_often_and_depends_on_nothing() -> None:
    random = Random(6)
    first, second, same = 0, 0, 0
    for _ in range(4_000):
        test = BlindTest(random)
        one = test.x
        test.answer("a")
        first += one == "a"
        second += test.x == "a"
        same += test.x == one
    for count in (first, second, same):
        assert count == pytest.approx(2_000, abs=5 * 32)


def test_chance_is_that_of_a_coin() -> None:
    assert chance(0, 8) == 1.0
    assert chance(8, 8) == 1 / 256
    assert chance(7, 8) == 9 / 256


def test_a_test_ends() -> None:
    test = BlindTest(Random(7), rounds=2)
    assert test.answer(test.x)
    assert not test.answer("a" if test.x == "b" else "b")
    assert test.is_over
    assert (test.right, test.done) == (1, 2)
    with pytest.raises(ValueError, match="over"):
        test.answer("a")
