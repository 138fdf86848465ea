"""The library in the window: wishes of the list go to the shelf, its answers come back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.jobs.shelf import Shelf
from karaoke_studio.library.finder import Found
from karaoke_studio.library.songs import Song
from karaoke_studio.ui import messages, text
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_details import SongDetailsDialog
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.theme import Look

log = logging.getLogger(__name__)

NEW_SET_LIST = "New set list"


@dataclass(frozen=True)
class Panels:
    """The parts of the window that the collection works with."""

    look: Look
    disk: Disk
    songs: SongsList
    banners: Banners
    opened: OpenSong
    listening: Listening


class Collection(QObject):
    """What a person does with songs that are made.

    Signals:
        filled(): the list shows what is in the library now.
        undo_changed(bool): whether something can be undone.

    Args:
        shelf: reads and changes the library.
        queue: makes songs again.
        panels: parts of the window.
        window: owner of dialogs.

    Thread: GUI.
    """

    filled = Signal()
    undo_changed = Signal(bool)

    def __init__(
        self,
        shelf: Shelf,
        queue: JobQueue,
        panels: Panels,
        window: QObject,
    ) -> None:
        super().__init__(window)
        self._shelf, self._queue, self._panels = shelf, queue, panels
        self._undo: list[Callable[[], None]] = []
        self._counted = ""
        shelf.found.connect(self._on_found)
        shelf.find_failed.connect(self._on_failed)
        shelf.change_failed.connect(self._on_failed)
        shelf.changed.connect(self.reload)
        shelf.engines_found.connect(self._on_engines_found)
        queue.songs_changed.connect(self.reload)
        panels.banners.undo_requested.connect(self.undo)
        panels.listening.playing_changed.connect(self._on_playing_changed)
        self._connect_list()

    def _connect_list(self) -> None:
        songs, shelf = self._panels.songs, self._shelf
        songs.query_changed.connect(shelf.find)
        songs.favourite_requested.connect(self._on_favourite)
        songs.rating_requested.connect(self._on_rating)
        songs.remove_requested.connect(self.remove)
        songs.details_requested.connect(self.edit)
        songs.redo_requested.connect(self._on_redo)
        songs.add_requested.connect(self._on_add)
        songs.take_out_requested.connect(self._on_take_out)
        songs.reorder_requested.connect(shelf.reorder_playlist)
        songs.shelves.new_requested.connect(self._on_new)
        songs.shelves.renamed.connect(shelf.rename_playlist)
        songs.shelves.delete_requested.connect(self._on_delete_list)

    # -- reading

    @Slot()
    def reload(self) -> None:
        """Read the library again."""
        self._shelf.find(self._panels.songs.query)
        self._shelf.find_engines(self._queue.model_folders())

    def song(self, song_id: str) -> Song | None:
        """Return a song of the library."""
        try:
            return self._shelf.song(song_id)
        except KaraokeError as exc:
            self._on_failed(exc)
            return None

    @Slot(object)
    def _on_found(self, found: Found) -> None:
        if found.query != self._panels.songs.query:  # something else was typed meanwhile
            return
        self._panels.songs.show_found(found)
        if shown := self._panels.opened.song():
            self._panels.opened.follow(self.song(shown.id))
        self.filled.emit()

    @Slot(object)
    def _on_engines_found(self, engines: list[str]) -> None:
        self._panels.songs.engines = engines

    @Slot(object)
    def _on_failed(self, error: KaraokeError) -> None:
        log.warning("the library: %s", error.message)
        self._panels.banners.notice.tell(messages.library_failure(error).sentence)

    # -- changing

    @Slot(object, bool)
    def _on_favourite(self, song_ids: list[str], on: bool) -> None:
        self._shelf.change(song_ids, favourite=on)

    @Slot(object, int)
    def _on_rating(self, song_ids: list[str], rating: int) -> None:
        self._shelf.change(song_ids, rating=rating)

    def toggle_favourites(self) -> None:
        """Give the chosen songs a star, or take it where all have one."""
        ids = self.chosen()
        songs = [song for song_id in ids if (song := self.song(song_id)) is not None]
        if songs:
            self._shelf.change(ids, favourite=not all(song.favourite for song in songs))

    def chosen(self) -> list[str]:
        """Return the songs that a command is about: those chosen in the list, else the open one."""
        songs, shown = self._panels.songs, self._panels.opened.song()
        ids = songs.selected_ids()
        if len(ids) > 1 or (ids and songs.view.hasFocus()) or shown is None:
            return ids
        return [shown.id]

    @Slot(str)
    def edit(self, song_id: str) -> None:
        """Show what is known about a song, to be changed."""
        if song := self.song(song_id):
            panels = self._panels
            parent = panels.songs.window()
            SongDetailsDialog(panels.look, panels.disk, self._shelf, song, parent).open()

    def edit_chosen(self) -> None:
        """Show what is known about the chosen song."""
        for song_id in self.chosen()[:1]:
            self.edit(song_id)

    @Slot(object, str)
    def _on_redo(self, song_ids: list[str], engine: str) -> None:
        for song_id in song_ids:
            if song := self.song(song_id):
                self._queue.redo_song(song, engine)

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        """Count a song that is played, once each time it is opened."""
        shown = self._panels.opened.song()
        if playing and shown is not None and shown.id != self._counted:
            self._counted = shown.id
            self._shelf.count_play(shown.id)

    # -- set lists

    @Slot()
    def _on_new(self) -> None:
        self._on_add("", [])

    @Slot(str, object)
    def _on_add(self, playlist_id: str, song_ids: list[str]) -> None:
        if playlist_id:
            self._shelf.add_to_playlist(playlist_id, song_ids)
        else:
            self._panels.songs.shelves.name_next()
            self._shelf.create_playlist(NEW_SET_LIST, song_ids)

    @Slot(str, object)
    def _on_take_out(self, playlist_id: str, song_ids: list[str]) -> None:
        songs = self._panels.songs
        order = [row.id for row in songs.songs()]
        name = next((row.name for row in songs.shelves.rows() if row.id == playlist_id), "")
        self._shelf.take_from_playlist(playlist_id, song_ids)

        def undo() -> None:
            self._shelf.add_to_playlist(playlist_id, song_ids)
            self._shelf.reorder_playlist(playlist_id, order)

        self._can_undo(undo, text.taken_out(len(song_ids), name))

    @Slot(str)
    def _on_delete_list(self, playlist_id: str) -> None:
        rows = self._panels.songs.shelves.rows()
        name = next((row.name for row in rows if row.id == playlist_id), "")
        self._shelf.delete_playlist(playlist_id)
        self._can_undo(
            lambda: self._shelf.restore_playlist(playlist_id), f"The set list “{name}” was deleted."
        )

    # -- removing

    @Slot(object)
    def remove(self, song_ids: Sequence[str]) -> None:
        """Move songs to the trash; it can be undone."""
        songs = [song for song_id in song_ids if (song := self.song(song_id)) is not None]
        if not songs:
            return
        ids, shown = [song.id for song in songs], self._panels.opened.song()
        if shown is not None and shown.id in ids:
            # Its files must be closed before they can be moved (Windows).
            self._panels.opened.close()
        self._shelf.remove(ids)
        titles = [song.title for song in songs]
        self._can_undo(lambda: self._shelf.restore(ids), text.removed(titles))

    def _can_undo(self, undo: Callable[[], None], sentence: str) -> None:
        self._undo.append(undo)
        self._panels.banners.undo.tell(sentence, "Undo", Banners.UNDO_MS)
        self.undo_changed.emit(True)

    @Slot()
    def undo(self) -> None:
        """Take the last removal back."""
        self._panels.banners.undo.hide()
        if self._undo:
            self._undo.pop()()
        self.undo_changed.emit(self.can_undo())

    def can_undo(self) -> bool:
        """Whether something can be taken back."""
        return bool(self._undo)
