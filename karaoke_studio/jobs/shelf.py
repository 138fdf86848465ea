"""The library as the window uses it: asked and changed without waiting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.engines import installed_models
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import BUILTIN_ENGINES
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.library.finder import Finder, Query
from karaoke_studio.library.smart_lists import SmartList
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.takes import TakeFacts, file_size, takes_of
from karaoke_studio.library.writer import LibraryWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SongDetails:
    """What is on the disk of a song.

    Attributes:
        takes: the newest first.
        original_bytes: size of the song's own file; 0 where none is kept.
    """

    song: Song
    takes: tuple[TakeFacts, ...]
    original_bytes: int


class Shelf(QObject):
    """Finds songs in a thread of its own; changes go to the writer's.

    Signals:
        found(Found): the answer to the last `find`.
        find_failed(KaraokeError): the index cannot be read.
        details_read(SongDetails): the answer to `read_details`.
        engines_found(list of names): the answer to `find_engines`.
        changed(): the library was changed through this shelf.
        change_failed(KaraokeError): a change was not made.
        cover_replaced(song_id, (bytes, suffix) or None): the cover that a song had until now.
        take_removed(name): what a take that was removed is called in the trash.

    Args:
        writer: changes the library.

    Thread: GUI.
    """

    found = Signal(object)
    find_failed = Signal(object)
    details_read = Signal(object)
    engines_found = Signal(object)
    changed = Signal()
    change_failed = Signal(object)
    cover_replaced = Signal(str, object)
    take_removed = Signal(str)
    _settled = Signal(object)

    def __init__(self, writer: LibraryWriter, parent: QObject | None = None) -> None:
        """Open the library for reading.

        Raises:
            LibraryError: it cannot be opened.
        """
        super().__init__(parent)
        self._writer = writer
        self._library = SongLibrary(writer.folder)
        self._lane = Lane("shelf", self)
        self._finder: Finder | None = None
        self._wish = threading.Lock()
        self._query: Query | None = None
        self._settled.connect(self._on_settled)

    @property
    def folder(self) -> Path:
        """The library's folder; songs lie in folders below it, named by their ids."""
        return self._writer.folder

    def close(self) -> None:
        """Finish the search under way and end the thread."""
        self._lane.close()
        if self._finder is not None:
            self._finder.close()
        self._library.close()

    # -- asking

    def find(self, query: Query) -> None:
        """Ask for songs; of several wishes that wait only the last is answered."""
        with self._wish:
            is_waiting = self._query is not None
            self._query = query
        if not is_waiting:
            self._lane.put(self._find)

    def _find(self) -> None:
        with self._wish:
            query, self._query = self._query, None
        if query is None:
            return
        try:
            if self._finder is None:
                self._finder = Finder(self.folder)
            self.found.emit(self._finder.find(query))
        except KaraokeError as exc:
            self.find_failed.emit(exc)

    def song(self, song_id: str) -> Song | None:
        """Return one song: one row by its key, from the page cache.

        Raises:
            LibraryError: the index cannot be read.
        """
        return self._library.song(song_id)

    def read_details(self, song: Song) -> None:
        """Ask for sizes and takes of a song."""

        def read() -> None:
            original = file_size(song.original_path) if song.original_path else 0
            self.details_read.emit(SongDetails(song, tuple(takes_of(song)), original))

        self._lane.put(read)

    def find_engines(self, folders: Sequence[Path]) -> None:
        """Ask which engines can be used: the built-in ones and the models in folders."""

        def look() -> None:
            self.engines_found.emit([*BUILTIN_ENGINES, *installed_models(folders)])

        self._lane.put(look)

    # -- changing

    def change(self, song_ids: Sequence[str], **fields: Any) -> None:
        """Change what a person can change about songs; see `LibraryWriter.change_song`.

        Raises:
            ValueError: a field cannot be changed, or not to this value.
        """
        self._follow([self._writer.change_songs(list(song_ids), **fields)])

    def count_play(self, song_id: str) -> None:
        """Note that a song is played now."""
        self._follow([self._writer.count_play(song_id)])

    def remove(self, song_ids: Sequence[str]) -> None:
        """Move songs to the trash."""
        self._follow([self._writer.remove(song_id) for song_id in song_ids])

    def restore(self, song_ids: Sequence[str]) -> None:
        """Take songs back out of the trash."""
        self._follow([self._writer.restore(song_id) for song_id in song_ids])

    def set_cover(self, song_id: str, picture: tuple[bytes, str] | None) -> None:
        """Give a song another cover (a file's bytes and its suffix), or none."""

        def replace() -> None:
            try:
                song = self._library.song(song_id)
                path = song.cover_path if song is not None else None
                before = (path.read_bytes(), path.suffix) if path is not None else None
            except (KaraokeError, OSError) as exc:
                log.warning("the cover of song %s is not kept for an undo: %s", song_id, exc)
            else:
                self.cover_replaced.emit(song_id, before)
            self._follow([self._writer.set_cover(song_id, picture)])

        self._lane.put(replace)

    def use_take(self, song_id: str, take_id: str) -> None:
        """Make another take of a song the current one."""
        self._follow([self._writer.use_take(song_id, take_id)])

    def remove_take(self, song_id: str, take_id: str) -> None:
        """Move a take that is not in use to the trash."""
        removed = self._writer.remove_take(song_id, take_id)
        removed.add_done_callback(self._on_take_removed)
        self._follow([removed])

    def _on_take_removed(self, removed: Future[str]) -> None:
        """Tell its name in the trash; called in the writer's thread."""
        if removed.exception() is None:
            self.take_removed.emit(removed.result())

    def restore_take(self, name: str) -> None:
        """Take a take back out of the trash."""
        self._follow([self._writer.restore_take(name)])

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the songs of a set list: a few rows by their key.

        Raises:
            LibraryError: the index cannot be read.
        """
        return self._library.playlist_songs(playlist_id)

    def create_playlist(
        self, name: str, song_ids: Sequence[str] = (), playlist_id: str = ""
    ) -> None:
        """Make a set list of songs, under an id that is given or a new one."""
        self._follow([self._writer.create_playlist(name, song_ids, playlist_id)])

    def rename_playlist(self, playlist_id: str, name: str) -> None:
        """Give a set list another name."""
        self._follow([self._writer.rename_playlist(playlist_id, name)])

    def delete_playlist(self, playlist_id: str) -> None:
        """Remove a set list; its songs stay."""
        self._follow([self._writer.delete_playlist(playlist_id)])

    def restore_playlist(self, playlist_id: str) -> None:
        """Bring back a set list that was deleted."""
        self._follow([self._writer.restore_playlist(playlist_id)])

    def add_to_playlist(self, playlist_id: str, song_ids: Sequence[str]) -> None:
        """Put songs at the end of a set list."""
        self._follow([self._writer.add_to_playlist(playlist_id, song_ids)])

    def take_from_playlist(self, playlist_id: str, song_ids: Sequence[str]) -> None:
        """Take songs out of a set list."""
        self._follow([self._writer.take_from_playlist(playlist_id, song_ids)])

    def reorder_playlist(self, playlist_id: str, song_ids: Sequence[str]) -> None:
        """Put the songs of a set list into this order."""
        self._follow([self._writer.reorder_playlist(playlist_id, song_ids)])

    def put_smart_list(self, found: SmartList) -> None:
        """Save a search under a name, or change one that is saved."""
        self._follow([self._writer.put_smart_list(found)])

    def rename_smart_list(self, list_id: str, name: str) -> None:
        """Give a saved search another name."""
        self._follow([self._writer.rename_smart_list(list_id, name)])

    def delete_smart_list(self, list_id: str) -> None:
        """Remove a saved search; no song is touched."""
        self._follow([self._writer.delete_smart_list(list_id)])

    def _follow(self, changes: Sequence[Future[Any]]) -> None:
        """Tell when the last of some changes is done; a failure is told once."""
        if not changes:
            return
        left = set(changes)
        counting = threading.Lock()  # one that is done already answers in this thread

        def done(future: Future[Any]) -> None:
            with counting:
                left.discard(future)
                is_last = not left
            if is_last:
                problems = (_problem_of(change) for change in changes)
                self._settled.emit([problem for problem in problems if problem is not None])

        for change in changes:
            change.add_done_callback(done)

    @Slot(object)
    def _on_settled(self, problems: list[BaseException]) -> None:
        for problem in problems[:1]:
            if isinstance(problem, KaraokeError):
                log.warning("the library was not changed: %s", problem.code)
                self.change_failed.emit(problem)
        self.changed.emit()


def _problem_of(change: Future[Any]) -> BaseException | None:
    """Return why a change was not made, or what of it was not."""
    if (problem := change.exception()) is not None:
        return problem
    result = change.result()
    return result if isinstance(result, KaraokeError) else None
