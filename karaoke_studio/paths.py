"""Where things live: the data folder and what is in it, and the program's own resources."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

log = logging.getLogger(__name__)

APP_ID = "karaoke_studio"
DATA_DIR_VARIABLE = "KARAOKE_STUDIO_DATA_DIR"


@dataclass(frozen=True)
class DataFolder:
    """The one folder that holds everything the program keeps.

    Attributes:
        own_library: the library's place where it is not in this folder.
    """

    root: Path
    own_library: Path | None = None

    @property
    def library(self) -> Path:
        """Songs, their index, staging and trash."""
        return self.own_library or self.root / "library"

    @property
    def move_journal(self) -> Path:
        """There while the library moves to another folder."""
        return self.root / "move.json"

    @property
    def watch_journal(self) -> Path:
        """What was seen in the watched folder."""
        return self.root / "watched.json"

    @property
    def models(self) -> Path:
        """Models that were downloaded or imported."""
        return self.root / "models"

    @property
    def logs(self) -> Path:
        """Rotating logs of the program and its child processes."""
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        """What can be made again at any time."""
        return self.root / "cache"

    @property
    def settings_file(self) -> Path:
        """What the person chose."""
        return self.root / "settings.json"

    @property
    def speeds_file(self) -> Path:
        """Seconds per second of song that each stage took on this machine."""
        return self.root / "speeds.json"

    def create(self) -> DataFolder:
        """Make the folder, private to its owner, and return it.

        A folder that is there already keeps its permissions: it may be anybody's.

        Raises:
            OSError: the folder cannot be made.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
        return self


def data_folder(chosen: Path | None = None) -> DataFolder:
    """Return the data folder: the chosen one, else the environment's, else the system's place."""
    if chosen is None and os.environ.get(DATA_DIR_VARIABLE):
        chosen = Path(os.environ[DATA_DIR_VARIABLE])
    root = chosen or Path(platformdirs.user_data_dir(APP_ID, appauthor=False))
    try:
        root = root.expanduser()
    except RuntimeError:  # "~nobody/x": there is no such home, so it is a name like any other
        log.info("%s is taken literally", root)
    return DataFolder(root.absolute())


def resource(name: str) -> Path:
    """Return a file that ships with the program (source tree or frozen build)."""
    base = getattr(sys, "_MEIPASS", None)
    root = Path(base) if base else Path(__file__).resolve().parent.parent
    return root / "resources" / name


def is_frozen() -> bool:
    """Whether this is a packaged program rather than a Python interpreter."""
    return bool(getattr(sys, "frozen", False))


#: As Linux names what lies on another computer; what programs mount is named after them.
_NETWORK_KINDS = {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "ncpfs", "davfs"}
_NETWORK_PROGRAMS = ("fuse.sshfs", "fuse.davfs", "fuse.rclone", "fuse.gvfsd", "fuse.s3fs")
_WINDOWS_REMOTE = 4


def is_on_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether a file lies on another computer; False where the system does not tell.

    Args:
        path: absolute; it need not be there.
        mounts: the system's list of what is mounted where.
    """
    if sys.platform == "win32":
        import ctypes

        drive = f"{path.drive}\\"
        return int(ctypes.windll.kernel32.GetDriveTypeW(drive)) == _WINDOWS_REMOTE
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    found, kind = -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        place = Path(left.split()[4].replace("\\040", " "))
        # the last of those mounted at the same place hides the others
        if (place == path or place in path.parents) and len(place.parts) >= found:
            found, kind = len(place.parts), right.split()[0]
    return kind in _NETWORK_KINDS or kind.startswith(_NETWORK_PROGRAMS)
