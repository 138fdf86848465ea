"""How well a song is split, as values: a curve of doubt, one score, its word, the weakest places.

What estimates them listens in `separation.verdict`; here nothing is heard, only told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Seconds that each point of a curve stands for.
STEP_S = 0.5

#: Estimated SDR in dB that counts as score 0.5, and how much more lifts the odds to e : 1.
MIDDLE_DB, SLOPE_DB = 5.0, 4.0

#: Words and the estimated SDR in dB from which on they hold: the masks that are the best any engine
#: on such a grid can do lie above the first, half of the song for the voice lies below the second.
GRADES = (("excellent", 9.0), ("good", 4.5), ("rough", -math.inf))

#: A weak place is no shorter and no longer than this, and this many points stand beside a peak.
_SHORTEST_S, _LONGEST_S = 2.0, 10.0
#: A place reaches as far as the doubt stays within this of its peak.
_DROP = 0.15
#: Places with less doubt than this are not worth a visit.
LEAST_DOUBT = 0.45


@dataclass(frozen=True)
class DoubtCurve:
    """How doubtful each part of a split song is.

    Attributes:
        doubts: 0 (surely clean) to 1 (mixed up), a point per `step_s`; 0 where the song is silent.
        step_s: seconds per point.
    """

    doubts: tuple[float, ...]
    step_s: float = STEP_S

    @staticmethod
    def from_plain(found: Any) -> DoubtCurve | None:
        """Return the curve of a stored analysis' "quality"; None where it holds none."""
        try:
            doubts = tuple(float(point) for point in found["doubts"])
            step_s = float(found["step_s"])
        except (TypeError, KeyError, ValueError):
            return None
        if not doubts or not 0 < step_s < math.inf or not all(0 <= one <= 1 for one in doubts):
            return None
        return DoubtCurve(doubts, step_s)

    def at(self, seconds: float) -> float:
        """Return the doubt of a moment of the song."""
        point = min(max(int(seconds / self.step_s), 0), len(self.doubts) - 1)
        return self.doubts[point]


def score_of(sdr_db: float) -> float:
    """Return 0…1 for an estimated SDR.

    It is strictly rising, so that also very good and very bad songs can be put in order.

    >>> [round(score_of(db), 2) for db in (-5, 0, 5, 10, 15, math.inf)]
    [0.08, 0.22, 0.5, 0.78, 0.92, 1.0]
    """
    return 1 / (1 + math.exp(min((MIDDLE_DB - sdr_db) / SLOPE_DB, 50.0)))


def sdr_of(score: float) -> float:
    """Return the estimated SDR that a score or 1 - doubt stands for, -20…30 dB.

    >>> round(sdr_of(score_of(7.0)), 6), sdr_of(0.0), sdr_of(1.0)
    (7.0, -20.0, 30.0)
    """
    if not 0 < score < 1:
        return 30.0 if score >= 1 else -20.0
    return min(max(MIDDLE_DB + SLOPE_DB * math.log(score / (1 - score)), -20.0), 30.0)


def grade_of(score: float) -> str:
    """Return the word for a score.

    >>> grade_of(score_of(10)), grade_of(score_of(6)), grade_of(0)
    ('excellent', 'good', 'rough')
    """
    return next(word for word, least_db in GRADES if score >= score_of(least_db))


def weakest_places(curve: DoubtCurve, most: int = 8) -> list[tuple[float, float, float]]:
    """Return where a split is most doubtful, the weakest first.

    Args:
        curve: of the song.
        most: no more places than this.

    Returns:
        Start and end in seconds, which do not overlap, and the mean doubt between them.
    """
    doubts, step_s = curve.doubts, curve.step_s
    smooth = _smooth(doubts)
    shortest, longest = (max(1, round(s / step_s)) for s in (_SHORTEST_S, _LONGEST_S))
    is_taken = [False] * len(doubts)
    found: list[tuple[float, float, float]] = []
    for peak in sorted(range(len(doubts)), key=lambda point: -smooth[point]):
        if len(found) >= most or smooth[peak] < LEAST_DOUBT:
            break
        # the shoulder of a worse place is no place of its own
        beside = smooth[max(0, peak - 1) : peak + 2]
        if is_taken[peak] or max(beside) > smooth[peak]:
            continue
        first, last = _grown(smooth, is_taken, peak, (shortest, longest))
        # what lies right beside a place is no place of its own
        for point in range(max(0, first - 2), min(len(doubts), last + 2)):
            is_taken[point] = True
        if last - first >= min(shortest, len(doubts)):
            mean = sum(doubts[first:last]) / (last - first)
            found.append((first * step_s, last * step_s, mean))
    return sorted(found, key=lambda place: -place[2])


def _smooth(doubts: Sequence[float]) -> list[float]:
    """Return the mean of each point and its neighbours: a single point is no place."""
    padded = [doubts[0], *doubts, doubts[-1]] if doubts else []
    return [sum(padded[point : point + 3]) / 3 for point in range(len(doubts))]


def _grown(
    smooth: list[float], is_taken: list[bool], peak: int, lengths: tuple[int, int]
) -> tuple[int, int]:
    """Return from which point to which the place around a peak reaches."""
    shortest, longest = lengths
    first, last = peak, peak + 1
    while last - first < longest:
        before = smooth[first - 1] if first and not is_taken[first - 1] else -1.0
        after = smooth[last] if last < len(smooth) and not is_taken[last] else -1.0
        if max(before, after) < 0:
            break
        if max(before, after) < smooth[peak] - _DROP and last - first >= shortest:
            break
        if before > after:
            first -= 1
        else:
            last += 1
    return first, last
