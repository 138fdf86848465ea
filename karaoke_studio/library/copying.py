"""Copies a file to another disk so that it is there: written, flushed, and read back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

from karaoke_studio.errors import KaraokeError

_BLOCK_BYTES = 1 << 20

#: Told the size of each block, which is passed on twice: when it is written and when it is read.
OnBlock = Callable[[int], None]


class CopyDiffers(KaraokeError):
    """What was read back is not what was written."""

    code = "OUTPUT_NOT_WRITABLE"


def copy_file(source: Path, target: Path, on_block: OnBlock, hint: str) -> str:
    """Copy a file, flush it, and compare what the disk has with what was read.

    Args:
        source: what to copy.
        target: a file that is not there yet.
        on_block: may raise to end it.
        hint: what a person can do where the copy differs.

    Returns:
        The sha256 of its content.

    Raises:
        CopyDiffers: the disk gives back something else.
        OSError: it cannot be read or written.
    """
    with source.open("rb") as given, target.open("xb") as taken:
        wanted = _pass_on(given, taken, on_block)
        taken.flush()
        os.fsync(taken.fileno())
        _forget(taken)
    shutil.copystat(source, target)
    with target.open("rb") as copy:
        if _pass_on(copy, None, on_block) != wanted:
            raise CopyDiffers(f"{source.name} arrived damaged on the other disk.", hint=hint)
    return wanted


def _pass_on(given: IO[bytes], taken: IO[bytes] | None, on_block: OnBlock) -> str:
    """Read a file to its end, write it where asked, and return its sha256."""
    digest = hashlib.sha256()
    while block := given.read(_BLOCK_BYTES):
        on_block(len(block))
        digest.update(block)
        if taken is not None:
            taken.write(block)
    return digest.hexdigest()


def _forget(file: IO[bytes]) -> None:
    """Let the system drop its copy in memory, so that reading back asks the disk (Linux)."""
    advise = getattr(os, "posix_fadvise", None)
    if advise is not None:
        with contextlib.suppress(OSError):
            advise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
