"""Where the packaged program begins."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

from karaoke_studio.__main__ import main

#: Where the package's start puts folders of its own.
_SEARCHED = (
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PATH",
    "QT_PLUGIN_PATH",
    "QML2_IMPORT_PATH",
)


def forget_packaging(environment: MutableMapping[str, str], parts: str) -> None:
    """Take out of the environment what the package's own start put there.

    This process has read it already. Programs of the system that we start (the file manager, the
    one that holds off sleep) would load our libraries instead of theirs. A child of our own sets
    all of it up by itself.

    Args:
        environment: changed in place.
        parts: the folder that the program's parts are in.
    """
    for name in [name for name in environment if name.startswith("_PYI_")]:
        del environment[name]
    environment.pop("LD_LIBRARY_PATH_ORIG", None)
    for name in _SEARCHED:
        folders = environment.pop(name, "").split(os.pathsep)
        if kept := [folder for folder in folders if folder and not folder.startswith(parts)]:
            environment[name] = os.pathsep.join(kept)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    forget_packaging(os.environ, str(Path(__file__).parent))
    try:
        status = main()
    except ImportError as exc:
        # drivers, which only the system itself can have
        sys.exit(
            f"karaoke-studio: Something of the system is missing ({exc}). "
            "On Debian and Ubuntu, type: sudo apt-get install -y libgl1 libegl1 libfontconfig1"
        )
    sys.exit(status)
