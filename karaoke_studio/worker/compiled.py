"""Where librosa keeps its compiled code: a folder for each process that runs at the same time.

numba writes the two halves of a compiled function one after the other. Two processes that compile
into one folder can leave halves of different origin there, and whoever calls them crashes, again
and again (numba issue 10128).
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import IO

from karaoke_studio.staging import try_lock

#: Keeps compiled code elsewhere than in the data folder.
COMPILED_DIR_VARIABLE = "KARAOKE_STUDIO_COMPILED_DIR"
#: Open for as long as this process lives, so that no other takes the same folder.
_locks: list[IO[bytes]] = []


def own_compiled_folder(folder: Path) -> Path:
    """Let this process compile into the first folder in `folder` that no other has, and return it.

    To be called before numba is imported; a second call changes nothing.

    Raises:
        OSError: nothing can be written there.
    """
    if not _locks:
        base = Path(os.environ.get(COMPILED_DIR_VARIABLE, folder))
        for number in itertools.count():
            own = base / str(number)
            own.mkdir(parents=True, exist_ok=True)
            lock = (own / "lock").open("ab")
            if try_lock(lock):
                break
            lock.close()
        _locks.append(lock)
        os.environ["NUMBA_CACHE_DIR"] = str(own)
    return Path(os.environ["NUMBA_CACHE_DIR"])
