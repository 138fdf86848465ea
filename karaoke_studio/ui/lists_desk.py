"""Set lists and smart lists in the window: what a person does with them, and how it is undone."""

from __future__ import annotations

import uuid
from dataclasses import replace

from PySide6.QtCore import QObject, Slot

from karaoke_studio.jobs.shelf import Shelf
from karaoke_studio.library.smart_lists import SmartList
from karaoke_studio.ui import text
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.undoing import Undoing

NEW_SET_LIST = "New set list"


class ListsDesk(QObject):
    """Wishes of the list's shelves go to the library.

    Thread: GUI.
    """

    def __init__(self, shelf: Shelf, songs: SongsList, undoing: Undoing, parent: QObject) -> None:
        super().__init__(parent)
        self._shelf, self._songs, self._undoing = shelf, songs, undoing
        songs.add_requested.connect(self._on_add)
        songs.take_out_requested.connect(self._on_take_out)
        songs.reorder_requested.connect(self._on_reorder)
        songs.smart_list_requested.connect(self._on_smart_list)
        songs.shelves.new_requested.connect(self._on_new)
        songs.shelves.renamed.connect(self._on_renamed)
        songs.shelves.delete_requested.connect(self._on_delete)

    def _name(self, shelf_id: str) -> str:
        rows = self._songs.shelves.rows()
        return next((row.name for row in rows if row.id == shelf_id), "")

    def _smart(self, shelf_id: str) -> SmartList | None:
        found = self._songs.smart_lists()
        return next((smart for smart in found if smart.id == shelf_id), None)

    @Slot()
    def _on_new(self) -> None:
        self._on_add("", [])

    @Slot(str, object)
    def _on_add(self, playlist_id: str, song_ids: list[str]) -> None:
        if not playlist_id:
            playlist_id = uuid.uuid4().hex
            self._songs.shelves.name_next()
            self._shelf.create_playlist(NEW_SET_LIST, song_ids, playlist_id)
            self._undoing.remember("new set list", lambda: self._shelf.delete_playlist(playlist_id))
            return
        before = self._shelf.playlist_songs(playlist_id)
        self._shelf.add_to_playlist(playlist_id, song_ids)
        new = [song_id for song_id in song_ids if song_id not in set(before)]
        if new:
            self._undoing.remember(
                "adding to the set list",
                lambda: self._shelf.take_from_playlist(playlist_id, new),
            )

    @Slot(str, object)
    def _on_take_out(self, playlist_id: str, song_ids: list[str]) -> None:
        order = [row.id for row in self._songs.songs()]
        self._shelf.take_from_playlist(playlist_id, song_ids)

        def undo() -> None:
            self._shelf.add_to_playlist(playlist_id, song_ids)
            self._shelf.reorder_playlist(playlist_id, order)

        name = self._name(playlist_id)
        self._undoing.remember("taking out", undo, text.taken_out(len(song_ids), name))

    @Slot(str, object)
    def _on_reorder(self, playlist_id: str, song_ids: list[str]) -> None:
        order = [row.id for row in self._songs.songs()]
        self._shelf.reorder_playlist(playlist_id, song_ids)
        self._undoing.remember(
            "new order", lambda: self._shelf.reorder_playlist(playlist_id, order)
        )

    @Slot(str, str)
    def _on_renamed(self, shelf_id: str, name: str) -> None:
        is_smart = self._smart(shelf_id) is not None
        rename = self._shelf.rename_smart_list if is_smart else self._shelf.rename_playlist
        before = self._name(shelf_id)
        rename(shelf_id, name)
        self._undoing.remember("renaming", lambda: rename(shelf_id, before))

    @Slot(str)
    def _on_delete(self, shelf_id: str) -> None:
        name, smart = self._name(shelf_id), self._smart(shelf_id)
        if smart is not None:
            self._shelf.delete_smart_list(shelf_id)
            self._undoing.remember(
                "deleting the smart list",
                lambda: self._shelf.put_smart_list(smart),
                f"The smart list “{name}” was deleted.",
            )
            return
        self._shelf.delete_playlist(shelf_id)
        self._undoing.remember(
            "deleting the set list",
            lambda: self._shelf.restore_playlist(shelf_id),
            f"The set list “{name}” was deleted.",
        )

    @Slot(object)
    def _on_smart_list(self, wanted: SmartList) -> None:
        before = self._smart(wanted.id)
        self._shelf.put_smart_list(wanted)
        if before is None:
            self._undoing.remember(
                "new smart list", lambda: self._shelf.delete_smart_list(wanted.id)
            )
        else:
            was = replace(before)
            self._undoing.remember("smart list", lambda: self._shelf.put_smart_list(was))
