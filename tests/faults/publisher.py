"""Publishes songs as fast as it can and prints their ids: `python -m … FOLDER [MUTANT]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from karaoke_studio.library.checking import file_sha256
from karaoke_studio.library.manifest import NewTake
from karaoke_studio.library.writer import LibraryWriter
from tests.faults.mutants import MUTANTS
from tests.library.takes import make_take

_BYTES = 60_000


def filled_take(staging: Path) -> NewTake:
    """Return a take whose files have contents, and the digests that its manifest will say."""
    take = make_take(staging)
    copy = take.staging / str(take.song["copy"])
    for path in (copy, *take.files.values()):
        path.write_bytes(os.urandom(_BYTES))
    take.song["sha256"] = file_sha256(copy)
    take.sha256.update({stem: file_sha256(path) for stem, path in take.files.items()})
    return take


def main() -> None:
    """Publish until killed, or until the disk is full."""
    for name in sys.argv[2:]:
        MUTANTS[name]()
    library = LibraryWriter(Path(sys.argv[1]))
    while True:
        print(library.adopt(filled_take(library.staging)).id, flush=True)


if __name__ == "__main__":
    main()
