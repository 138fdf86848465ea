"""Dragging a stem out of the window: a file is made on demand, and goes where the hand lets go.

The file stays in a cache, because some programs play it from where it lies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import STEM_LABELS, JobResult, OutputSpec
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.jobs.spectrograms import prune
from karaoke_studio.library.songs import Song
from karaoke_studio.settings import Settings
from karaoke_studio.ui import icons, messages
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.timeline import Timeline

log = logging.getLogger(__name__)

#: What was dragged longest ago makes room.
CACHE_LIMIT_BYTES = 2_000_000_000


@dataclass(frozen=True)
class _Wish:
    song_id: str
    title: str
    stem: str
    output: OutputSpec


class StemDrag(QObject):
    """Answers the timeline's wish to drag a stem.

    Args:
        timeline: knows whether the hand still holds the stem.
        song: the one that is open.
        settings: how files are written, as of now.
        folder: the cache.
        drag: begins the drag itself and returns when it is over; tests have their own.
    """

    def __init__(
        self,
        look: Look,
        timeline: Timeline,
        queue: JobQueue,
        banners: Banners,
        song: Callable[[], Song | None],
        settings: Callable[[], Settings],
        folder: Path,
        window: QWidget,
        drag: Callable[[Path, str], None] | None = None,
    ) -> None:
        super().__init__(window)
        self._look, self._timeline, self._queue, self._banners = look, timeline, queue, banners
        self._song, self._settings, self._folder, self._window = song, settings, folder, window
        self._drag = drag or self._drag_file
        self._ready: dict[_Wish, Path] = {}
        self._making: dict[str, _Wish] = {}
        self._lane = Lane("dragged", self)
        timeline.drag_requested.connect(self._on_requested)
        queue.export_finished.connect(self._on_finished)
        queue.export_failed.connect(self._on_failed)
        queue.export_cancelled.connect(self._on_cancelled)

    def close(self) -> None:
        """End the thread that keeps the cache small."""
        self._lane.close()

    def _wish(self, song: Song, stem: str) -> _Wish:
        chosen = self._settings()
        output = OutputSpec(
            self._folder / f"{song.id}-{song.take_id}",
            format=chosen.export_format,
            bit_depth=chosen.export_bit_depth,
            bitrate_kbps=chosen.export_bitrate_kbps or None,
            name=chosen.export_name,
            overwrite=True,
        )
        return _Wish(song.id, f"{song.artist} {song.title}", stem, output)

    @Slot(str)
    def _on_requested(self, stem: str) -> None:
        song = self._song()
        if song is None:
            return
        wish = self._wish(song, stem)
        path = self._ready.get(wish)
        if path is not None and path.is_file():
            self._hand_over(path, stem)
        elif wish not in self._making.values():
            self._timeline.show_waiting(on=True)
            self._making[self._queue.export_song(song, wish.output, (stem,))] = wish

    @Slot(str, object)
    def _on_finished(self, export_id: str, result: JobResult) -> None:
        wish = self._making.pop(export_id, None)
        if wish is None:
            return
        self._timeline.show_waiting(on=False)
        path = self._ready[wish] = result.stem_paths[wish.stem]
        self._lane.put(lambda: prune(self._folder, CACHE_LIMIT_BYTES))
        song = self._song()
        is_open = song is not None and song.id == wish.song_id
        if is_open and self._timeline.held_stem() == wish.stem:
            self._hand_over(path, wish.stem)
        else:
            words = f"{STEM_LABELS[wish.stem]} of this song can be dragged now."
            self._banners.notice.tell(words)

    @Slot(str, object)
    def _on_failed(self, export_id: str, error: KaraokeError) -> None:
        if self._making.pop(export_id, None) is not None:
            self._timeline.show_waiting(on=False)
            self._banners.notice.tell(messages.export_failure(error).sentence)

    @Slot(str)
    def _on_cancelled(self, export_id: str) -> None:
        if self._making.pop(export_id, None) is not None:
            self._timeline.show_waiting(on=False)

    def _hand_over(self, path: Path, stem: str) -> None:
        try:
            self._drag(path, stem)
        finally:
            # The release went to whoever took the file.
            self._timeline.let_go()

    def _drag_file(self, path: Path, stem: str) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        drag = QDrag(self._window)
        drag.setMimeData(data)
        colour = self._look.tokens.stem(stem)
        ratio = self._window.devicePixelRatioF()
        drag.setPixmap(icons.pixmap("file-audio", 2 * icons.LARGE, colour, ratio))
        done = drag.exec(Qt.DropAction.CopyAction)
        log.info("a stem was dragged out: %s", done.name)
        log.debug("it was %s", path.name)
