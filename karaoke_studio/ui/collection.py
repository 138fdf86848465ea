"""The library in the window: wishes of the list go to the shelf, its answers come back."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.jobs.shelf import Shelf
from karaoke_studio.library.edits import clean_labels
from karaoke_studio.library.finder import Found, SongRow
from karaoke_studio.library.songs import Song
from karaoke_studio.ui import messages, text
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.edit_many import EditManyDialog
from karaoke_studio.ui.labels import NewLabel
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.lists_desk import ListsDesk
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.song_details import SongDetailsDialog
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.undoing import Undoing

log = logging.getLogger(__name__)


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
        undo_changed(str): what would be undone next, "" = nothing.
        erase_requested(ids): these songs shall leave no trace.

    Args:
        shelf: reads and changes the library.
        queue: makes songs again.
        panels: parts of the window.
        window: owner of dialogs.

    Thread: GUI.
    """

    filled = Signal()
    undo_changed = Signal(str)
    erase_requested = Signal(object)

    def __init__(
        self,
        shelf: Shelf,
        queue: JobQueue,
        panels: Panels,
        window: QObject,
    ) -> None:
        super().__init__(window)
        self._shelf, self._queue, self._panels = shelf, queue, panels
        self.undoing = Undoing(panels.banners, self)
        self.undoing.changed.connect(self.undo_changed)
        self._lists = ListsDesk(shelf, panels.songs, self.undoing, self)
        self._counted = ""
        #: Songs whose former cover comes back by an undo.
        self._recovered: set[str] = set()
        shelf.found.connect(self._on_found)
        shelf.find_failed.connect(self._on_failed)
        shelf.change_failed.connect(self._on_failed)
        shelf.changed.connect(self.reload)
        shelf.engines_found.connect(self._on_engines_found)
        queue.songs_changed.connect(self.reload)
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
        songs.labels_requested.connect(self._on_label)
        songs.new_label_requested.connect(self._on_new_label)
        songs.colour_requested.connect(self._on_colour)
        songs.edit_requested.connect(self.edit_together)
        songs.erase_requested.connect(self.erase_requested)
        shelf.cover_replaced.connect(self._on_cover_replaced)
        shelf.take_removed.connect(self._on_take_removed)

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

    def change(self, song_ids: Sequence[str], what: str, **fields: Any) -> None:
        """Change songs alike, so that it can be undone.

        Args:
            song_ids: which ones.
            what: what the undo is called in the menu.
            fields: of `Song`, with their new values.
        """
        self._change_each(what, dict.fromkeys(song_ids, fields))

    def _change_each(
        self,
        what: str,
        wanted: Mapping[str, dict[str, Any]],
        known: Mapping[str, SongRow | Song] | None = None,
    ) -> None:
        """Change songs, each as it is to be; alike ones go together."""
        known = self._known(wanted) if known is None else known
        before = {
            song_id: {name: _value(song, name) for name in wanted[song_id]}
            for song_id, song in known.items()
        }
        news = {
            song_id: wanted[song_id] for song_id in before if wanted[song_id] != before[song_id]
        }
        olds = {song_id: before[song_id] for song_id in news}
        if not news:
            return
        self.apply(news)
        many = f"{len(news):,} songs were changed." if len(news) > 1 else ""
        self.undoing.remember(what, lambda: self.apply(olds), many)

    def apply(self, wanted: Mapping[str, dict[str, Any]]) -> None:
        """Change songs, each as it is to be, with nothing to undo."""
        groups: dict[str, list[str]] = {}
        for song_id, fields in wanted.items():
            groups.setdefault(repr(fields), []).append(song_id)
        for song_ids in groups.values():
            self._shelf.change(song_ids, **wanted[song_ids[0]])

    def _known(self, song_ids: Iterable[str]) -> dict[str, SongRow | Song]:
        """Return what is known of songs: from the list's rows where they are shown."""
        shown = self._panels.songs.shown
        found: dict[str, SongRow | Song] = {}
        for song_id in song_ids:
            place = shown.place_of(song_id)
            song = shown.rows()[place] if place >= 0 else self.song(song_id)
            if song is not None:
                found[song_id] = song
        return found

    @Slot(object, bool)
    def _on_favourite(self, song_ids: list[str], on: bool) -> None:
        self.change(song_ids, "favourite", favourite=on)

    @Slot(object, int)
    def _on_rating(self, song_ids: list[str], rating: int) -> None:
        self.change(song_ids, "rating", rating=rating)

    @Slot(object, str)
    def _on_colour(self, song_ids: list[str], colour: str) -> None:
        self.change(song_ids, "colour", colour=colour)

    @Slot(object, str, bool)
    def _on_label(self, song_ids: list[str], label: str, on: bool) -> None:
        self._change_labels(song_ids, [label] if on else [], [] if on else [label], {})

    @Slot(object)
    def _on_new_label(self, song_ids: list[str]) -> None:
        songs = self._panels.songs
        dialog = NewLabel(self._panels.look, len(song_ids), songs.labels(), songs.window())
        dialog.confirmed.connect(lambda labels: self._change_labels(song_ids, labels, [], {}))
        dialog.open()

    def _change_labels(
        self, song_ids: Sequence[str], add: list[str], remove: list[str], fields: dict[str, Any]
    ) -> None:
        """Put labels on songs, take others off, and set fields of all of them."""
        gone = {label.casefold() for label in remove}
        wanted: dict[str, dict[str, Any]] = {}
        for song_id, song in self._known(song_ids).items():
            wanted[song_id] = dict(fields)
            if add or remove:
                kept = [label for label in _value(song, "labels") if label.casefold() not in gone]
                wanted[song_id]["labels"] = tuple(clean_labels([*kept, *add]))
        self._change_each("edit" if fields else "tags", wanted)

    def toggle_favourites(self) -> None:
        """Give the chosen songs a star, or take it where all have one."""
        ids = self.chosen()
        songs = self._known(ids)
        if songs:
            every = all(song.favourite for song in songs.values())
            self.change(ids, "favourite", favourite=not every)

    def chosen(self) -> list[str]:
        """Return the songs that a command is about: those chosen in the list, else the open one."""
        songs, shown = self._panels.songs, self._panels.opened.song()
        ids = songs.selected_ids()
        if len(ids) > 1 or (ids and songs.has_keyboard()) or shown is None:
            return ids
        return [shown.id]

    @Slot(str)
    def edit(self, song_id: str) -> None:
        """Show what is known about a song, to be changed."""
        if song := self.song(song_id):
            panels = self._panels
            dialog = SongDetailsDialog(
                panels.look,
                panels.disk,
                self._shelf,
                song,
                panels.songs.window(),
                panels.songs.labels(),
            )
            dialog.change_requested.connect(
                lambda fields: self._change_each("edit", {song_id: fields}, {song_id: song})
            )
            dialog.use_take_requested.connect(self._on_use_take)
            dialog.open()

    @Slot(object)
    def edit_together(self, song_ids: list[str]) -> None:
        """Show what several songs have in common, to be changed."""
        songs = self._panels.songs
        rows = [row for row in songs.songs() if row.id in set(song_ids)]
        dialog = EditManyDialog(self._panels.look, rows, songs.labels(), songs.window())
        dialog.change_requested.connect(
            lambda fields, add, remove: self._change_labels(song_ids, add, remove, fields)
        )
        dialog.open()

    def edit_chosen(self) -> None:
        """Show what is known about the chosen songs."""
        ids = self.chosen()
        if len(ids) > 1:
            self.edit_together(ids)
        elif ids:
            self.edit(ids[0])

    @Slot(str, str, str)
    def _on_use_take(self, song_id: str, take_id: str, before: str) -> None:
        self._shelf.use_take(song_id, take_id)
        self.remember_take("choice of take", song_id, before)

    def remember_take(self, what: str, song_id: str, before: str) -> None:
        """Remember which take a song had, so that another one can be undone."""
        self.undoing.remember(what, lambda: self._shelf.use_take(song_id, before))

    def choose_take(self, song_id: str, take_id: str) -> None:
        """Make another take of a song the current one, so that it can be undone."""
        if (song := self.song(song_id)) is not None:
            self._on_use_take(song_id, take_id, song.take_id)

    @Slot(str, object)
    def _on_cover_replaced(self, song_id: str, before: tuple[bytes, str] | None) -> None:
        if song_id in self._recovered:  # this is the undo of a cover
            self._recovered.discard(song_id)
            return

        def undo() -> None:
            self._recovered.add(song_id)
            self._shelf.set_cover(song_id, before)

        self.undoing.remember("cover", undo)

    @Slot(str)
    def _on_take_removed(self, name: str) -> None:
        self.undoing.remember(
            "removing a take", lambda: self._shelf.restore_take(name), "The take was removed."
        )

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

    # -- removing

    @Slot(object)
    def remove(self, song_ids: Sequence[str]) -> None:
        """Move songs to the trash; it can be undone."""
        songs = [song for song_id in song_ids if (song := self.song(song_id)) is not None]
        if not songs:
            return
        ids = [song.id for song in songs]
        self.close_songs(ids)
        self._shelf.remove(ids)
        titles = [song.title for song in songs]
        self.undoing.remember("removing", lambda: self._shelf.restore(ids), text.removed(titles))

    def close_songs(self, song_ids: Sequence[str]) -> None:
        """Close the open song if it is among these: its files are moved (Windows)."""
        shown = self._panels.opened.song()
        if shown is not None and shown.id in song_ids:
            self._panels.opened.close()

    def tell(self, sentence: str) -> None:
        """Say something in a banner."""
        self._panels.banners.notice.tell(sentence)

    def undo(self) -> None:
        """Take back what was done last."""
        self.undoing.undo()

    def can_undo(self) -> bool:
        """Whether something can be taken back."""
        return bool(self.undoing.next())


def _value(song: SongRow | Song, name: str) -> Any:
    """Return a field of a song as it is given to the library."""
    if name == "labels" and isinstance(song, SongRow):
        return song.label_list
    value = getattr(song, name)
    return bool(value) if name == "favourite" else value
