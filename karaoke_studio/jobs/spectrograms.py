"""Spectrograms on wish: made in the interactive child, kept in a cache that stays small."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.audio.spectrogram import USUAL, Shape
from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

#: Some 60 songs of four minutes; they are made again in a second.
CACHE_LIMIT_BYTES = 300_000_000
_STALL_S = 30.0


class Spectrograms(QObject):
    """Answers the last wish; one that was overtaken is dropped, even in the middle.

    Args:
        worker: makes them.
        folder: the cache.

    Signals:
        ready: id of the song, source, path of the file or None where there can be none.

    Thread: GUI; the waiting happens in a lane.
    """

    ready = Signal(str, str, object)

    def __init__(self, worker: Worker, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._folder = worker, folder
        self._lane = Lane("spectrograms", self)
        self._shape = USUAL
        self._stop = threading.Event()

    def request(self, song: Song, source: str, *, anew: bool = False) -> None:
        """Make the spectrogram of a song's stem, or of "original"; returns at once.

        Args:
            song: with its current take.
            source: "original", "vocals" or "instrumental".
            anew: the file in the cache cannot be used.
        """
        self._stop.set()
        stop, shape = threading.Event(), self._shape
        self._stop = stop
        self._lane.put(lambda: self._answer(song, source, shape, stop, anew=anew))

    def use(self, shape: Shape) -> None:
        """Make those of the next wishes like this."""
        self._shape = shape

    def close(self) -> None:
        """Drop the wish under way and end the lane."""
        self._stop.set()
        self._lane.close()

    def path_of(self, song: Song, source: str, shape: Shape = USUAL) -> Path:
        """Return where the cache keeps it. A take never changes; another one has another id."""
        name = source if shape == USUAL else f"{source}-{shape.window}-{shape.scale}"
        return self._folder / f"{song.id}-{song.take_id}" / name

    def _answer(
        self, song: Song, source: str, shape: Shape, stop: threading.Event, *, anew: bool
    ) -> None:
        if stop.is_set():
            return
        path = self.path_of(song, source, shape)
        found: Path | None = path
        try:
            if anew or not _touch(path):
                self._make(song, source, shape, path, stop)
                prune(self._folder, CACHE_LIMIT_BYTES)
        except Cancelled:
            return
        except (KaraokeError, WorkerDied, OSError) as exc:
            log.warning("song %s has no spectrogram: %s", song.id, exc)
            found = None
        if not stop.is_set():
            self.ready.emit(song.id, source, found)

    def _make(
        self, song: Song, source: str, shape: Shape, path: Path, stop: threading.Event
    ) -> None:
        wish = {
            "stems": [str(song.stem_path(stem)) for stem in stems_of(song, source)],
            "channels": song.channels,
            "sample_rate": song.sample_rate,
            "frames": song.frames,
            "target": str(path),
            "window": shape.window,
            "scale": shape.scale,
        }
        self._worker.run("spectrogram", wish, stop=stop, stall_s=_STALL_S)


def stems_of(song: Song, source: str) -> tuple[str, ...]:
    """Return the stems that add up to "original", "vocals" or "instrumental"."""
    if source == "original":
        return song.stems
    return tuple(stem for stem in song.stems if (stem == "vocals") == (source == "vocals"))


def _touch(path: Path) -> bool:
    """Mark a file as used now; return whether there is one."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def prune(folder: Path, limit_bytes: int) -> None:
    """Delete what was used longest ago until the rest fits.

    Raises:
        OSError: a file cannot be looked at or deleted.
    """
    files = [(path.stat(), path) for path in folder.glob("*/*")]
    files.sort(key=lambda pair: pair[0].st_mtime_ns, reverse=True)
    kept = 0
    for facts, path in files:
        kept += facts.st_size
        if kept > limit_bytes:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
