"""Tempo, beats, key and loudness of songs, and how well they are split.

All of it is found beside everything else, and kept in the library.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.library.songs import Song
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker, WorkerDied

log = logging.getLogger(__name__)

#: librosa compiles at its first use: half a minute, and many beside songs that are being made.
_STALL_S = 900.0
#: Tasks of the child, and what says that one was done. The judge takes longer, and comes last.
_TASKS = (("analyse", "beats"), ("judge_split", "quality"))


class Analyses(QObject):
    """Analyses songs one after the other, each take once.

    Args:
        worker: does it.
        library: keeps what was found.
        compiled: folder for compiled code.

    Signals:
        found: id of the song, whose row has changed.

    Thread: GUI; the waiting happens in a lane.
    """

    found = Signal(str)

    def __init__(
        self, worker: Worker, library: LibraryWriter, compiled: Path, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._worker, self._library, self._compiled = worker, library, compiled
        self._lane = Lane("analyses", self)
        self._stop = threading.Event()
        #: Also those that failed: a song that cannot be read is not tried again and again.
        self._tried: set[str] = set()

    def request(self, song_id: str) -> None:
        """Analyse a song's current take unless that has been done; returns at once."""
        self._lane.put(lambda: self._answer(song_id))

    def close(self) -> None:
        """Drop what waits and what is under way, and end the lane."""
        self._stop.set()
        self._lane.close()

    def _answer(self, song_id: str) -> None:
        if self._stop.is_set():
            return
        try:
            song = self._library.find_song(song_id)
            if song is None or self._is_known(song):
                return
            self._tried.add(song.take_id)
            known = {} if (song.analysis or {}).get("take_id") != song.take_id else song.analysis
            # what was found before there were beats is found once more
            for task, told_by in _TASKS:
                if told_by not in (known or {}):
                    known = self._find(song, task, known or {})
        except Cancelled:
            return
        except (KaraokeError, WorkerDied) as exc:
            log.warning("song %s is not analysed: %s", song_id, exc)

    def _find(self, song: Song, task: str, known: dict[str, Any]) -> dict[str, Any]:
        facts = self._worker.run(task, self._wish(song), stop=self._stop, stall_s=_STALL_S)
        analysis = {**known, **facts, "take_id": song.take_id}
        self._library.change_song(song.id, analysis=analysis).result()
        self.found.emit(song.id)
        return analysis

    def _is_known(self, song: Song) -> bool:
        found = song.analysis or {}
        is_whole = all(told_by in found for _, told_by in _TASKS)
        return (is_whole and found["take_id"] == song.take_id) or song.take_id in self._tried

    def _wish(self, song: Song) -> dict[str, Any]:
        return {
            "stems": {stem: str(song.stem_path(stem)) for stem in song.stems},
            "channels": song.channels,
            "sample_rate": song.sample_rate,
            "frames": song.frames,
            "compiled": str(self._compiled),
        }
