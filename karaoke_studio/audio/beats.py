"""The beat grid of a song: where beats and bars lie. Plain values; `beat_tracking` finds them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

#: A bar has this many beats where nobody says otherwise.
BAR = 4
BARS = (2, 3, 4, 6)
#: How many times as many beats as were found a person may want.
TIMES = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Beating:
    """What a person put right about the beats of a song.

    Attributes:
        times: how many times as many beats there are as were found, one of `TIMES`.
        bar: beats of a bar, one of `BARS`.
        one: frame of a beat that begins a bar; None = as it was found.
    """

    times: float = 1.0
    bar: int = BAR
    one: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the object that a song keeps."""
        return {"times": self.times, "bar": self.bar, "one": self.one}

    @staticmethod
    def from_plain(data: dict[str, Any]) -> Beating:
        """Rebuild from `to_plain`'s object.

        Raises:
            ValueError: it makes no sense.
            KeyError, TypeError: it is no such object.
        """
        times, bar, one = data["times"], data["bar"], data["one"]
        if times not in TIMES or bar not in BARS or type(one) not in {int, type(None)}:
            raise ValueError(f"no beats: {data!r}")
        return Beating(float(times), int(bar), one)


#: As they were found.
AS_FOUND = Beating()


class Beat(NamedTuple):
    """One beat: its frame, and whether a bar begins with it."""

    frame: int
    is_first: bool


class BeatGrid:
    """Beats of one song. Between two knots they are evenly spaced.

    Attributes:
        bar: beats of a bar.
    """

    def __init__(
        self, knots: list[tuple[float, float]], *, one: float = 0.0, bar: int = BAR
    ) -> None:
        """Take knots (number of a beat, its frame), both rising; `one` = number that begins a bar.

        Raises:
            ValueError: fewer than two, or not rising.
        """
        rises = all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(knots))
        if len(knots) < 2 or not rises:
            raise ValueError("these are no beats")
        self._numbers = [float(number) for number, _ in knots]
        self._frames = [float(frame) for _, frame in knots]
        self._one, self.bar = one, bar

    @staticmethod
    def from_plain(data: Any, beating: Beating = AS_FOUND) -> BeatGrid | None:
        """Rebuild from what the analysis found, corrected; None where there is no beat.

        Args:
            data: {"knots": [[number, frame], …], "one": number}, or anything else.
            beating: what a person put right.
        """
        try:
            knots = [(float(number), float(frame)) for number, frame in data["knots"]]
            one = float(data["one"])
            found = BeatGrid(knots, one=one)
            if beating.one is not None:
                one = round(found.number_at(beating.one) * beating.times) / beating.times
            moved = [((number - one) * beating.times, frame) for number, frame in knots]
            return BeatGrid(moved, bar=beating.bar)
        except (ValueError, KeyError, TypeError, OverflowError):
            return None

    @property
    def first(self) -> int:
        """Frame of the first beat."""
        return self.frame_of(math.ceil(self._numbers[0]))

    @property
    def last(self) -> int:
        """Frame of the last beat."""
        return self.frame_of(math.floor(self._numbers[-1]))

    def frame_of(self, number: float) -> int:
        """Return the frame of a beat; outside of the grid it goes on at the pace of its end."""
        return round(_between(number, self._numbers, self._frames))

    def number_at(self, frame: float) -> float:
        """Return how many beats lie before a frame, parts of a beat included."""
        return _between(frame, self._frames, self._numbers)

    def period_at(self, frame: float) -> float:
        """Return the frames from one beat to the next around a frame."""
        number = self.number_at(frame)
        ends = (_between(number + by, self._numbers, self._frames) for by in (0.5, -0.5))
        return next(ends) - next(ends)

    def within(self, start: float, stop: float) -> Iterator[Beat]:
        """Yield the beats of start ≤ frame < stop, as far as there are any."""
        number = max(math.ceil(self.number_at(start) - 1e-6), math.ceil(self._numbers[0]))
        last = math.floor(self._numbers[-1])
        while number <= last:
            frame = self.frame_of(number)
            if frame >= stop:
                return
            if frame >= start:
                yield Beat(frame, self.begins_bar(number))
            number += 1

    def begins_bar(self, number: int) -> bool:
        """Whether a bar begins with a beat."""
        return (number - round(self._one)) % self.bar == 0

    def nearest(self, frame: float) -> int | None:
        """Return the frame of the nearest beat; None farther than a beat outside of the grid."""
        number = round(self.number_at(frame))
        low, high = math.ceil(self._numbers[0]), math.floor(self._numbers[-1])
        if not low - 1 <= number <= high + 1:
            return None
        return self.frame_of(min(max(number, low), high))

    def next_from(self, frame: float) -> int:
        """Return the frame of the first beat at or behind a frame; the grid goes on at its ends."""
        return self.frame_of(math.ceil(self.number_at(frame) - 1e-3))


def _between(at: float, xs: list[float], ys: list[float]) -> float:
    """Return the line through the points at `at`; straight on outside of them."""
    right = min(max(bisect_right(xs, at), 1), len(xs) - 1)
    x0, x1, y0, y1 = xs[right - 1], xs[right], ys[right - 1], ys[right]
    return y0 + (at - x0) * (y1 - y0) / (x1 - x0)


def knots_of(frames: list[float], tolerance: float) -> list[tuple[int, int]]:
    """Return as few knots as describe beats at these frames, each to within a tolerance."""
    if len(frames) < 2:
        return []
    kept, open_parts = {0, len(frames) - 1}, [(0, len(frames) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if last - first < 2:
            continue
        slope = (frames[last] - frames[first]) / (last - first)
        away = [abs(frames[n] - frames[first] - (n - first) * slope) for n in range(first, last)]
        worst = max(range(len(away)), key=away.__getitem__)
        if away[worst] > tolerance:
            kept.add(first + worst)
            open_parts += [(first, first + worst), (first + worst, last)]
    return [(number, round(frames[number])) for number in sorted(kept)]
