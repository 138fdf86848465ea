"""Disks that are full, for tests."""

from __future__ import annotations

import contextlib
from pathlib import Path


def fill_disk(folder: Path) -> Path:
    """Write until nothing more fits; return the file that fills the disk."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return filler
