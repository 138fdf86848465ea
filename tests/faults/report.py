"""What a fault run found."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Report:
    """The outcome of one kind of fault.

    Attributes:
        points: how often the fault was tried.
        hits: how often it truly struck; a run that never hits proves nothing.
        failures: what went wrong, each with what it takes to repeat it.
        notes: figures worth printing, by name.
        mutant: what a broken variant of the program was caught at; None where none was run, ""
            where it got away, which is a defect of the fault run.
        skipped: why it could not be tried here.
    """

    points: int = 0
    hits: int = 0
    failures: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    mutant: str | None = None
    skipped: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the fault struck, harmed nothing, and its mutant was caught."""
        if self.skipped:
            return True
        return self.hits > 0 and not self.failures and self.mutant != ""


@dataclass(frozen=True)
class Scale:
    """How much is tried: the quick run, or the one at night.

    Attributes:
        is_full: at night.
        seed: of all that is random.
        folder: to work in.
        with_mutant: also let a broken variant run, which must be caught.
    """

    is_full: bool
    seed: int
    folder: Path
    with_mutant: bool

    def pick(self, quick: int, full: int) -> int:
        """Return how many points are tried."""
        return full if self.is_full else quick

    def rng(self, *numbers: int) -> random.Random:
        """Return the dice of one point."""
        return random.Random(repr((self.seed, numbers)))


Fault = Callable[[Scale], Report]
