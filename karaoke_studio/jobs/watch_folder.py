"""A folder whose new songs are made by themselves, where a person wants that."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from karaoke_studio.jobs.lane import Lane
from karaoke_studio.settings import Settings
from karaoke_studio.staging import write_json_atomic
from karaoke_studio.walk import songs_in

log = logging.getLogger(__name__)

INTERVAL_MS = 15_000

#: Path → size and time of its last change.
Seen = dict[str, list[int]]


class WatchFolder(QObject):
    """Looks into the folder every now and then; a song counts when it no longer grows.

    What was there when the folder was chosen is left alone; what comes while the program is closed
    is found at its next start.

    Args:
        read: returns the settings of now.
        journal: a file that remembers what was seen.

    Signals:
        arrived(list of Path): new songs.

    Thread: GUI; the looking happens in a lane.
    """

    arrived = Signal(object)

    def __init__(self, read: Callable[[], Settings], journal: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._read, self._journal = read, journal
        self._lane = Lane("watch-folder", self)
        self._is_looking = False
        self._growing: Seen = {}
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """Begin to look."""
        self._timer.start()
        self.look()

    @Slot()
    def look(self) -> None:
        """Look now."""
        folder = self._read().watch_folder
        if folder and not self._is_looking:
            self._is_looking = True
            self._lane.put(lambda: self._look(Path(folder)))

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._lane.close()

    # -- in the lane

    def _look(self, folder: Path) -> None:
        try:
            now = _songs(folder)
            known = self._known(folder)
            if known is None:
                self._remember(folder, now)
                return
            new = {path: facts for path, facts in now.items() if known.get(path) != facts}
            ready = [path for path, facts in new.items() if self._growing.get(path) == facts]
            self._growing = new
            if ready:
                # remembered first: a song that ends the program must not come again and again
                self._remember(folder, {**known, **{path: now[path] for path in ready}})
                self.arrived.emit([Path(path) for path in ready])
        except OSError as exc:
            log.info("the watched folder cannot be looked into: %s", exc)
        finally:
            self._is_looking = False

    def _known(self, folder: Path) -> Seen | None:
        """Return what was seen in the folder; None where it was never looked into."""
        try:
            data = json.loads(self._journal.read_text(encoding="utf-8"))
            if data["folder"] != str(folder):
                return None
            return {str(path): [int(n) for n in facts] for path, facts in data["seen"].items()}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            log.warning("what was seen in the watched folder cannot be read: %s", exc)
            return None

    def _remember(self, folder: Path, seen: Seen) -> None:
        write_json_atomic(self._journal, {"folder": str(folder), "seen": seen})


def _songs(folder: Path) -> Seen:
    found: Seen = {}
    for path in songs_in(folder):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found[str(path)] = [stat.st_size, stat.st_mtime_ns]
    return found
