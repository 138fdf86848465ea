"""Sets of half-open ranges of frames: what is ready, what is still missing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]


class Ranges:
    """Disjoint ranges [start, stop), kept sorted and merged where they touch."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        """Start with the union of `ranges`."""
        self._starts: list[int] = []
        self._stops: list[int] = []
        for start, stop in ranges:
            self.add(start, stop)

    def add(self, start: int, stop: int) -> None:
        """Add a range; empty ones change nothing."""
        if start >= stop:
            return
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def covers(self, start: int, stop: int) -> bool:
        """Return whether every frame of [start, stop) is in the set."""
        if start >= stop:
            return True
        at = bisect_right(self._starts, start) - 1
        return at >= 0 and self._stops[at] >= stop

    def within(self, start: int, stop: int) -> list[Range]:
        """Return the parts of [start, stop) that are in the set."""
        found = []
        for at in range(bisect_right(self._stops, start), len(self._starts)):
            if self._starts[at] >= stop:
                break
            found.append((max(start, self._starts[at]), min(stop, self._stops[at])))
        return found

    def missing(self, start: int, stop: int) -> list[Range]:
        """Return the parts of [start, stop) that are not in the set."""
        edges = [start, *(edge for part in self.within(start, stop) for edge in part), stop]
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [(low, high) for low, high in pairs if low < high]

    @property
    def total(self) -> int:
        """How many frames the set holds."""
        return sum(self._stops) - sum(self._starts)

    def __iter__(self) -> Iterator[Range]:
        return zip(list(self._starts), list(self._stops), strict=True)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def __repr__(self) -> str:
        return f"Ranges({list(self)})"
