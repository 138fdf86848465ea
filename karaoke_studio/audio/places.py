"""Places of a song that a person named: moments, and stretches to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: A name that is longer is cut.
LONGEST_NAME = 80


@dataclass(frozen=True)
class Place:
    """One of them.

    Attributes:
        name: as the person wrote it.
        start: frame of the song.
        stop: frame after the last of a stretch; None = a moment.
    """

    name: str
    start: int
    stop: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the object that a song keeps."""
        return {"name": self.name, "start": self.start, "stop": self.stop}

    @staticmethod
    def from_plain(data: Any) -> Place:
        """Rebuild from `to_plain`'s object.

        Raises:
            ValueError: it lies outside of any song.
            KeyError, TypeError: it is no such object.
        """
        start, stop = data["start"], data["stop"]
        if type(start) is not int or type(stop) not in {int, type(None)}:
            raise TypeError(f"no frames: {data!r}")
        if start < 0 or (stop is not None and stop <= start):
            raise ValueError(f"no place: {data!r}")
        return Place(str(data["name"])[:LONGEST_NAME], start, stop)


def with_place(places: tuple[Place, ...], new: Place) -> tuple[Place, ...]:
    """Return places with one more, in the order of the song."""
    return tuple(sorted((*places, new), key=lambda place: (place.start, place.stop or 0)))


def free_name(places: tuple[Place, ...], word: str) -> str:
    """Return a name of this word and a number that no place has yet.

    >>> free_name((Place("Loop 1", 0, 9),), "Loop")
    'Loop 2'
    """
    taken = {place.name for place in places}
    return next(name for n in range(1, len(taken) + 2) if (name := f"{word} {n}") not in taken)
