"""The law of a blind test (ABX): X is A or B by chance, and a guess is right half of the time.

How many rounds there are is settled beforehand, and the chance is told at the end only: who may
stop when it looks good finds differences where there are none.
"""

from __future__ import annotations

import math
from random import Random

ROUNDS = 16
#: Guessing does as well as somebody who hears it in fewer than this share of tests.
CONVINCING = 0.05


def chance(right: int, rounds: int) -> float:
    """Return how often somebody who only guesses is right at least so many times (p-value).

    >>> chance(0, 16), round(chance(12, 16), 4), chance(16, 16) == 0.5**16
    (1.0, 0.0384, True)
    """
    ways = sum(math.comb(rounds, k) for k in range(right, rounds + 1))
    return math.ldexp(ways, -rounds)


class BlindTest:
    """One test of a settled number of rounds.

    Args:
        random: decides what X is.
        rounds: how many there are.

    Attributes:
        done: rounds that were answered.
        right: answers that were right.
    """

    def __init__(self, random: Random, rounds: int = ROUNDS) -> None:
        self.rounds, self.done, self.right = rounds, 0, 0
        self._x = [random.choice("ab") for _ in range(rounds)]

    @property
    def is_over(self) -> bool:
        """Whether every round was answered."""
        return self.done == self.rounds

    @property
    def x(self) -> str:
        """What X is in this round: "a" or "b"; after the last one what it was then."""
        return self._x[min(self.done, self.rounds - 1)]

    def answer(self, says: str) -> bool:
        """Take an answer, "a" or "b", and go on to the next round; return whether it was right.

        Raises:
            ValueError: the test is over.
        """
        if self.is_over:
            raise ValueError("the test is over")
        is_right = says == self.x
        self.right += is_right
        self.done += 1
        return is_right

    @property
    def chance(self) -> float:
        """How often a guess does as well, of the rounds that were answered."""
        return chance(self.right, self.done)
