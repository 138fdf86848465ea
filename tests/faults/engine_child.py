"""The engine child with checkpoints at another pace: `python -m … VARIANT SECONDS ROLE …`.

The variant "early" believes frames a second before they are made, which a run must catch.
"""

from __future__ import annotations

import sys

from karaoke_studio.separation.journal import Journal
from karaoke_studio.worker.child import main

_EARLY_FRAMES = 44_100


def believe_too_early() -> None:
    """Note more than was written."""

    def add(self: Journal, start: int, stop: int) -> None:
        true_add(self, start, stop + _EARLY_FRAMES)

    true_add = Journal.add
    Journal.add = add  # type: ignore[method-assign]


if __name__ == "__main__":
    variant, interval_s = sys.argv.pop(1), float(sys.argv.pop(1))
    Journal.__init__.__kwdefaults__["interval_s"] = interval_s
    if variant == "early":
        believe_too_early()
    main()
