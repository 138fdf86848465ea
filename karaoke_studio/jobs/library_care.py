"""Looking after the library beside everything else: what is there twice, what can go, what is lost.

Everything slow happens in one lane, one thing after the other; what is begun anew overtakes what
waits. At the start the index is backed up once a day, and drafts that are too old go.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError, error_from_os
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.library import (
    data_export,
    dated,
    duplicates,
    edits,
    erasing,
    relocate,
    statistics,
    storage,
    trash,
)
from karaoke_studio.library.relocate import Linked
from karaoke_studio.library.schema import open_for_reading
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.storage import SpareTake
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled

log = logging.getLogger(__name__)

T = TypeVar("T")
_REPORT_EVERY_S = 0.06


class LibraryCare(QObject):
    """Answers by signals.

    Signals:
        duplicates_found(list of Duplicates), trash_listed(list of Trashed),
        storage_measured(Storage), linked_found(list of Linked),
        places_found(song id → path where its file is now), statistics_read(Statistics),
        data_exported(folder), progressed(0…1),
        changed(): the library was changed,
        relinked(song id → where its file was, for an undo),
        erased(names under which the songs may be written down elsewhere),
        merged(song that was kept, songs that left, what set lists held before),
        failed(KaraokeError), cancelled().

    Thread: GUI; the work is done in a lane.
    """

    duplicates_found = Signal(object)
    trash_listed = Signal(object)
    storage_measured = Signal(object)
    linked_found = Signal(object)
    places_found = Signal(object)
    statistics_read = Signal(object)
    data_exported = Signal(object)
    progressed = Signal(float)
    changed = Signal()
    relinked = Signal(object)
    erased = Signal(object)
    merged = Signal(str, object, object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, writer: LibraryWriter, data: DataFolder, parent: QObject) -> None:
        super().__init__(parent)
        self._writer, self._data = writer, data
        self._lane = Lane("library-care", self)
        self._end, self._stop = threading.Event(), threading.Event()
        self._reported_s = 0.0

    @property
    def library(self) -> Path:
        """The library's folder."""
        return self._writer.folder

    def close(self) -> None:
        """Stop what is under way and end the lane."""
        self._end.set()
        self._lane.close()

    def cancel(self) -> None:
        """Stop what is under way."""
        self._stop.set()

    # -- at the start

    def begin(self, keep_drafts_days: int) -> None:
        """Back the index up where that is due, read old lyrics, drop drafts that are too old.

        Args:
            keep_drafts_days: 0 = for ever.
        """

        def care() -> None:
            try:
                self._writer.require_changes()
            except KaraokeError as exc:
                log.info("the library is only read: %s", exc.message)
                return
            while self._writer.submit(lambda c: edits.fill_lyrics(c, self.library)).result():
                self._check()
            if dated.is_due(self.library):
                with closing(open_for_reading(self.library)) as connection:
                    dated.back_up_index(connection, self.library)
            if keep_drafts_days:
                now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                old = storage.drafts_older_than(self.library, keep_drafts_days, now)
                if old:
                    log.info("%d drafts are older than %d days", len(old), keep_drafts_days)
                    self._drop(old)

        self._put(care)

    # -- asking

    def find_duplicates(self) -> None:
        """Look for songs that are there twice."""

        def find() -> None:
            with closing(open_for_reading(self.library)) as connection:
                self.duplicates_found.emit(duplicates.find_duplicates(connection))

        self._put(find)

    def list_trash(self) -> None:
        """Look into the trash."""
        self._put(lambda: self.trash_listed.emit(trash.list_trash(self.library, self._check)))

    def measure(self) -> None:
        """Add up what takes space."""
        data = self._data
        folders = {"models": data.models, "cache": data.cache, "logs": data.logs}
        self._put(
            lambda: self.storage_measured.emit(storage.measure(self.library, folders, self._check))
        )

    def find_linked(self) -> None:
        """Look which songs are linked, and whether their files are there."""
        self._put(lambda: self.linked_found.emit(relocate.linked_songs(self.library, self._check)))

    def look_for(self, missing: Sequence[Linked], folder: Path) -> None:
        """Look for files of linked songs in a folder and all folders in it."""
        wanted = list(missing)
        self._put(
            lambda: self.places_found.emit(
                relocate.look_for(wanted, folder, self._report, self._check)
            )
        )

    def read_statistics(self) -> None:
        """Read how making songs went."""

        def read() -> None:
            with closing(open_for_reading(self.library)) as connection:
                self.statistics_read.emit(statistics.statistics(connection))

        self._put(read)

    def export_data(self, into: Path, *, with_sound: bool) -> None:
        """Write a person's data into a new folder in another one."""

        def export() -> None:
            with closing(SongLibrary(self.library)) as view:
                songs = view.songs()
            folder = data_export.export_data(
                songs,
                self.library,
                into,
                with_sound=with_sound,
                report=self._report,
                check=self._check,
            )
            self.data_exported.emit(folder)

        self._put(export)

    # -- changing

    def merge(self, keep: str, others: Sequence[str]) -> None:
        """Put a song into the set lists of others, and those into the trash."""
        gone = list(others)

        def merge() -> None:
            before = self._writer.merge_in_lists(keep, gone).result()
            for song_id in gone:
                self._writer.remove(song_id).result()
            self.merged.emit(keep, gone, before)
            self.changed.emit()

        self._put(merge)

    def set_playlists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Give set lists these songs again."""
        self._writer.set_playlists(lists)

    def restore(self, songs: Sequence[str], takes: Sequence[str] = ()) -> None:
        """Take songs and takes back out of the trash, by their names there."""

        def restore() -> None:
            for song_id in songs:
                self._writer.restore(song_id).result()
            for name in takes:
                self._writer.restore_take(name).result()

        self._change(restore)

    def empty_trash(self, names: Sequence[str] | None = None) -> None:
        """Delete entries of the trash for good; None = all."""
        chosen = None if names is None else list(names)
        self._change(lambda: trash.empty(self.library, chosen, self._check))

    def erase(self, song_ids: Sequence[str]) -> None:
        """Delete songs so that nothing of them is left in the data folder."""
        gone = list(song_ids)

        def erase() -> None:
            names = erasing.names_of(self.library, gone)
            digests = erasing.digests_of(self.library, gone)
            self._writer.erase(gone).result()
            for name in (*gone, *digests):
                for path in self._data.cache.glob(f"*/{name}*"):
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink()
            if self._data.logs.is_dir():
                files = [path for path in self._data.logs.iterdir() if path.is_file()]
                erasing.clean_files(files, names)
            erasing.back_up_again(self.library)
            self.erased.emit(names)

        self._change(erase)

    def relink(self, found: Mapping[str, Path]) -> None:
        """Write down where files of linked songs are now."""
        places = dict(found)
        self._change(lambda: self.relinked.emit(self._writer.relink(places).result()))

    def drop_takes(self, takes: Sequence[SpareTake]) -> None:
        """Move takes that nobody uses to the trash."""
        gone = list(takes)
        self._change(lambda: self._drop(gone))

    def _drop(self, takes: Sequence[SpareTake]) -> None:
        for number, take in enumerate(takes):
            self._check()
            self._writer.remove_take(take.song_id, take.take_id).result()
            self._report((number + 1) / len(takes))

    # -- in the lane

    def _change(self, work: Callable[[], object]) -> None:
        def change() -> None:
            try:
                work()
            finally:
                self.changed.emit()

        self._put(change)

    def _put(self, work: Callable[[], object]) -> None:
        def errand() -> None:
            if self._end.is_set():
                return
            self._stop.clear()
            try:
                work()
            except Cancelled:
                self.cancelled.emit()
            except KaraokeError as exc:
                log.warning("the library: %s", exc.message)
                self.failed.emit(exc)
            except OSError as exc:
                log.warning("the library: %s", exc)
                self.failed.emit(error_from_os(exc, self.library, writing=True))

        self._lane.put(errand)

    def _check(self) -> None:
        if self._end.is_set() or self._stop.is_set():
            raise Cancelled

    def _report(self, share: float) -> None:
        now = time.monotonic()
        if share >= 1 or now - self._reported_s >= _REPORT_EVERY_S:
            self._reported_s = now
            self.progressed.emit(share)
