"""The one writer of the library: a thread through which every change goes.

A song is published by one rename of a folder that was built and flushed in staging; its row comes
last. So a crash leaves either no song, or a whole folder without a row, which the next start takes
in.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from karaoke_studio.errors import (
    KaraokeError,
    LibraryDamaged,
    LibraryError,
    LibraryReadOnly,
    LibraryTooNew,
    MissingFile,
    OutputNotWritable,
    error_from_os,
)
from karaoke_studio.job import JobSpec
from karaoke_studio.library import (
    duplicates,
    edits,
    erasing,
    job_store,
    playlists,
    relocate,
    smart_lists,
    statistics,
    takes,
)
from karaoke_studio.library.edits import insert
from karaoke_studio.library.manifest import (
    MANIFEST,
    NewTake,
    build_song_folder,
    read_manifest,
)
from karaoke_studio.library.schema import (
    DATABASE,
    open_anew,
    open_for_writing,
    open_unchangeable,
    roll_back,
    translate,
)
from karaoke_studio.library.smart_lists import SmartList
from karaoke_studio.library.songs import Song, song_from_row
from karaoke_studio.staging import sweep, sync_folder, sync_tree

log = logging.getLogger(__name__)

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]

#: What the system says of disks and folders that cannot be written to.
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
#: A song's manifest is written when nothing was changed for so long.
SETTLE_S = 2.0


class LibraryWriter:
    """Owns the library's folder and its only writing connection.

    Thread: every method may be called from any thread; the work is done in the writer's own.

    Attributes:
        folder: the library.
        staging: where jobs work.
        refusal: why nothing can be changed (a disk that cannot be written to, an index of a newer
            version); every change then fails with it. None where all is well.
    """

    def __init__(self, folder: Path) -> None:
        """Open the library, making it where there is none.

        Raises:
            LibraryError: it cannot be opened, not even to look at.
            ResourceError: the folder cannot be made.
        """
        self.folder = folder
        self.staging = folder / ".staging"
        self.trash = folder / ".trash"
        self.refusal: KaraokeError | None = None
        try:
            for needed in (folder, self.staging, self.trash):
                needed.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            if not (exc.errno in _READ_ONLY and (folder / DATABASE).exists()):
                raise error_from_os(exc, folder, writing=True) from exc
        self._todo: queue.SimpleQueue[tuple[Change[object], Future[object]] | None]
        self._todo = queue.SimpleQueue()
        self._settles_at: float | None = None
        self._deleted_lists: dict[str, tuple[str, int, list[str]]] = {}
        self._closing = threading.Lock()
        self._is_closed = False
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._serve, args=(opened,), name="library-writer", daemon=True
        )
        self._thread.start()
        opened.result()

    # -- songs -----------------------------------------------------------------------------------

    def adopt(self, take: NewTake) -> Song:
        """Publish a staged take as a new song, end its job, and wait for it.

        Raises:
            ResourceError: the disk is full or cannot be written.
            LibraryError: the index cannot be written.
        """
        # the song bears the job's name, so a job that a crash left open is known to be done
        song_id = take.job_id
        if (self.folder / song_id).exists():
            song_id = uuid.uuid4().hex
        try:
            # flushing takes seconds on slow disks: outside the transaction, which others wait for
            folder = build_song_folder(take, song_id)
            sync_tree(folder)
        except OSError as exc:
            raise error_from_os(exc, self.folder, writing=True) from exc
        published = self.folder / song_id

        def change(connection: sqlite3.Connection) -> Song:
            folder.rename(published)
            try:
                sync_folder(self.folder)
                insert(connection, read_manifest(published))
                job_store.drop_job(connection, take.job_id)
                return self._song(connection, song_id)
            except BaseException:
                published.rename(folder)
                raise

        return self.submit(change).result()

    def remove(self, song_id: str) -> Future[None]:
        """Move a song to the trash."""

        def change(connection: sqlite3.Connection) -> None:
            edits.flush_before_leaving(connection, self.folder, song_id)
            target = self.trash / song_id
            if target.exists():
                shutil.rmtree(target)
            if (self.folder / song_id).exists():
                (self.folder / song_id).rename(target)
                os.utime(target)  # when it was thrown away
            sync_folder(self.folder)
            edits.delete(connection, song_id)

        return self.submit(change)

    def restore(self, song_id: str) -> Future[None]:
        """Take a song back out of the trash; fails with `MissingFile` when it is not there."""

        def change(connection: sqlite3.Connection) -> None:
            source = self.trash / song_id
            if not source.exists():
                raise MissingFile("The song is no longer in the trash.")
            source.rename(self.folder / song_id)
            sync_folder(self.folder)
            insert(connection, read_manifest(self.folder / song_id))

        return self.submit(change)

    def take_in(self, folder: Path) -> Future[None]:
        """Make a whole, flushed song folder in staging, named as its song, part of the library."""

        def change(connection: sqlite3.Connection) -> None:
            target = self.folder / folder.name
            folder.rename(target)
            sync_folder(self.folder)
            insert(connection, read_manifest(target))

        return self.submit(change)

    def song(self, song_id: str) -> Future[Song | None]:
        """Return a song as it is now, or None."""

        def change(connection: sqlite3.Connection) -> Song | None:
            row = connection.execute("SELECT * FROM songs WHERE id = ?", (song_id,)).fetchone()
            return None if row is None else song_from_row(row, self.folder)

        return self.submit(change, is_looking=True)

    def find_song(self, song_id: str) -> Song | None:
        """Return a song as it is now, or None."""

        def change(connection: sqlite3.Connection) -> Song | None:
            row = connection.execute("SELECT * FROM songs WHERE id = ?", (song_id,)).fetchone()
            return None if row is None else song_from_row(row, self.folder)

        return self.submit(change, is_looking=True).result()

    def change_song(self, song_id: str, **fields: Any) -> Future[None]:
        """Change what a person can change about a song; it is safe when the future is done.

        Args:
            song_id: which one; the future fails with `MissingFile` where it is gone.
            fields: title, artist, album, favourite, rating, remark, labels, colour, mix, analysis,
                played_at or play_count of `Song`, with their new values.

        Raises:
            ValueError: a field cannot be changed, or not to this value.
        """
        columns = edits.columns_of(fields)

        def change(connection: sqlite3.Connection) -> None:
            edits.change(connection, song_id, columns)
            self._settles_at = time.monotonic() + SETTLE_S

        return self.submit(change)

    def write_statistics(self) -> Future[None]:
        """Write how often songs were played into their manifests, where those do not know."""
        return self.submit(
            lambda c: edits.flush(c, self.folder, edits.played_songs(c, self.folder))
        )

    def change_songs(self, song_ids: Sequence[str], **fields: Any) -> Future[MissingFile | None]:
        """Change many songs alike in one go, see `change_song`; returns what one of them lacks."""
        columns = edits.columns_of(fields)

        def change(connection: sqlite3.Connection) -> MissingFile | None:
            problem = None
            for song_id in song_ids:
                try:
                    edits.change(connection, song_id, columns)
                except MissingFile as exc:
                    problem = exc
            self._settles_at = time.monotonic() + SETTLE_S
            return problem

        return self.submit(change)

    def count_play(self, song_id: str) -> Future[None]:
        """Note that a song is played now."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return self.submit(lambda connection: edits.count_play(connection, song_id, now))

    # -- takes and cover -------------------------------------------------------------------------

    def add_take(self, take: NewTake, song_id: str) -> Song:
        """Publish a staged take as the current one of a song, end its job, and wait for it.

        Raises:
            MissingFile: the song is not in the library any more.
            SourceChanged: the take was made of other sound.
            ResourceError: the disk is full or cannot be written.
            LibraryError: the library cannot be read or written.
        """
        try:
            staged = takes.stage_take(take)
        except OSError as exc:
            raise error_from_os(exc, self.folder, writing=True) from exc

        def change(connection: sqlite3.Connection) -> Song:
            song = takes.add_take(connection, self.folder, song_id, take, staged)
            job_store.drop_job(connection, take.job_id)
            return song

        return self.submit(change).result()

    def use_take(self, song_id: str, take_id: str) -> Future[Song]:
        """Make another take of a song the current one."""
        return self.submit(lambda c: takes.use_take(c, self.folder, song_id, take_id))

    def remove_take(self, song_id: str, take_id: str) -> Future[str]:
        """Move a take that is not the current one to the trash; returns its name there."""
        return self.submit(
            lambda c: takes.remove_take(c, self.folder, self.trash, song_id, take_id)
        )

    def restore_take(self, name: str) -> Future[Song]:
        """Take a take back out of the trash, by the name of its folder there."""
        return self.submit(lambda c: takes.restore_take(c, self.folder, self.trash, name))

    def set_cover(self, song_id: str, picture: tuple[bytes, str] | None) -> Future[Song]:
        """Give a song another cover (a file's bytes and its suffix with the dot), or none."""
        return self.submit(lambda c: takes.set_cover(c, self.folder, song_id, picture))

    # -- set lists -------------------------------------------------------------------------------

    def create_playlist(
        self, name: str, song_ids: Sequence[str] = (), playlist_id: str = ""
    ) -> Future[str]:
        """Make a set list of songs; returns its id."""
        playlist_id = playlist_id or uuid.uuid4().hex

        def change(connection: sqlite3.Connection) -> str:
            playlists.create(connection, playlist_id, name)
            playlists.set_songs(connection, playlist_id, list(dict.fromkeys(song_ids)))
            playlists.save(connection, self.folder)
            return playlist_id

        return self.submit(change)

    def rename_playlist(self, playlist_id: str, name: str) -> Future[None]:
        """Give a set list another name."""
        return self._change_playlists(lambda c: playlists.rename(c, playlist_id, name))

    def delete_playlist(self, playlist_id: str) -> Future[None]:
        """Remove a set list; its songs stay in the library."""

        def change(connection: sqlite3.Connection) -> None:
            self._deleted_lists[playlist_id] = playlists.whole(connection, playlist_id)
            playlists.delete(connection, playlist_id)

        return self._change_playlists(change)

    def restore_playlist(self, playlist_id: str) -> Future[None]:
        """Bring back a set list that was deleted since the program started."""

        def change(connection: sqlite3.Connection) -> None:
            if (was := self._deleted_lists.pop(playlist_id, None)) is not None:
                playlists.restore(connection, playlist_id, was)

        return self._change_playlists(change)

    def add_to_playlist(self, playlist_id: str, song_ids: Sequence[str]) -> Future[None]:
        """Put songs at the end of a set list; those in it already stay where they are."""
        return self._change_playlists(lambda c: playlists.add(c, playlist_id, song_ids))

    def take_from_playlist(self, playlist_id: str, song_ids: Sequence[str]) -> Future[None]:
        """Take songs out of a set list; they stay in the library."""
        return self._change_playlists(lambda c: playlists.take_out(c, playlist_id, song_ids))

    def reorder_playlist(self, playlist_id: str, song_ids: Sequence[str]) -> Future[None]:
        """Put the songs of a set list into this order."""
        return self._change_playlists(lambda c: playlists.reorder(c, playlist_id, song_ids))

    def put_smart_list(self, found: SmartList) -> Future[None]:
        """Save a search under a name, or change one that is saved."""
        named = replace(found, name=playlists.clean_name(found.name))
        return self._change_playlists(lambda c: smart_lists.put(c, named))

    def rename_smart_list(self, list_id: str, name: str) -> Future[None]:
        """Give a saved search another name."""
        clean = playlists.clean_name(name)
        return self._change_playlists(lambda c: smart_lists.rename(c, list_id, clean))

    def delete_smart_list(self, list_id: str) -> Future[None]:
        """Remove a saved search; no song is touched."""
        return self._change_playlists(lambda c: smart_lists.delete(c, list_id))

    def _change_playlists(self, change: Change[None]) -> Future[None]:
        def changed(connection: sqlite3.Connection) -> None:
            change(connection)
            playlists.save(connection, self.folder)

        return self.submit(changed)

    # -- caring ----------------------------------------------------------------------------------

    def merge_in_lists(self, keep: str, others: Sequence[str]) -> Future[dict[str, list[str]]]:
        """Put a song into the set lists of others; returns what those held before."""

        def change(connection: sqlite3.Connection) -> dict[str, list[str]]:
            before = duplicates.merge_in_lists(connection, keep, others)
            playlists.save(connection, self.folder)
            return before

        return self.submit(change)

    def set_playlists(self, lists: Mapping[str, Sequence[str]]) -> Future[None]:
        """Give set lists these songs; one that is gone stays gone."""

        def change(connection: sqlite3.Connection) -> None:
            for playlist_id, songs in lists.items():
                with contextlib.suppress(MissingFile):
                    playlists.set_songs(connection, playlist_id, songs)

        return self._change_playlists(change)

    def erase(self, song_ids: Sequence[str]) -> Future[None]:
        """Delete songs so that nothing of them is left in the library's folder."""
        return self.submit(lambda c: erasing.erase(c, self.folder, song_ids))

    def relink(self, found: Mapping[str, Path]) -> Future[dict[str, str]]:
        """Write down where linked files are now; returns where they were."""
        return self.submit(lambda c: relocate.relink(c, self.folder, found))

    def note_made(self, outcome: str, engine: str, **facts: Any) -> Future[None]:
        """Note for the statistics that a song is over, see `statistics.note`."""
        return self.submit(lambda c: statistics.note(c, outcome, engine, **facts))

    # -- jobs ------------------------------------------------------------------------------------

    def save_job(self, spec: JobSpec) -> Future[None]:
        """Remember a queued job for the next start."""
        return self.submit(lambda connection: job_store.save_job(connection, spec))

    def drop_job(self, job_id: str) -> Future[None]:
        """Forget a job that is over."""
        return self.submit(lambda connection: job_store.drop_job(connection, job_id))

    def arrange_jobs(self, job_ids: Sequence[str]) -> Future[None]:
        """Remember another order of the queue."""
        return self.submit(lambda connection: job_store.arrange_jobs(connection, job_ids))

    def hold_job(self, job_id: str, *, on: bool) -> Future[None]:
        """Remember that a job is left out until it is let go."""
        return self.submit(lambda connection: job_store.hold_job(connection, job_id, on=on))

    def held_jobs(self) -> Future[set[str]]:
        """Return which of the jobs an earlier run left are held."""
        return self.submit(job_store.held_jobs)

    def begin_job(self, job_id: str) -> Future[None]:
        """Note that a job is begun."""
        return self.submit(lambda connection: job_store.begin_job(connection, job_id))

    def put_jobs_down(self) -> Future[None]:
        """Note that no job is to blame for the end of the program."""
        return self.submit(job_store.put_down)

    def job_starts(self) -> Future[dict[str, int]]:
        """Return how often each job was begun without an end."""
        return self.submit(job_store.job_starts)

    def replace_job(self, spec: JobSpec) -> Future[None]:
        """Let a job that waits be made in another way."""
        return self.submit(lambda connection: job_store.replace_job(connection, spec))

    def open_jobs(self) -> Future[list[JobSpec]]:
        """Return the jobs an earlier run left."""
        return self.submit(job_store.open_jobs)

    # -- the thread ------------------------------------------------------------------------------

    def require_changes(self) -> None:
        """Refuse work that could not be kept.

        Raises:
            LibraryError: nothing can be changed, and why.
        """
        if self.refusal is not None:
            raise type(self.refusal)(self.refusal.message, hint=self.refusal.hint)

    def submit(self, change: Change[T], *, is_looking: bool = False) -> Future[T]:
        """Run a change in one transaction in the writer's thread.

        Args:
            change: is given the connection.
            is_looking: it only looks, which can be done also where nothing can be changed.
        """
        future: Future[T] = Future()
        with self._closing:
            if self._is_closed:
                future.set_exception(LibraryError("The library has been closed."))
            elif self.refusal is not None and not is_looking:
                future.set_exception(self.refusal)
            else:
                self._todo.put((change, future))  # type: ignore[arg-type]  # one queue for all
        return future

    def close(self) -> None:
        """Finish what was asked for, then close."""
        with self._closing:
            self._is_closed = True
            self._todo.put(None)
        self._thread.join()

    def _serve(self, opened: Future[None]) -> None:
        try:
            connection = self._open()
        except (KaraokeError, sqlite3.Error, OSError) as exc:
            problem = _translated(exc, self.folder)
            looked_at = self._open_to_look(problem)
            if looked_at is None:
                opened.set_exception(problem)
                return
            connection = looked_at
        except BaseException as exc:  # the one who opens waits for an answer, whatever it is
            log.exception("the library could not be opened")
            opened.set_exception(exc)
            return
        opened.set_result(None)
        while (item := self._next(connection)) is not None:
            self._apply(connection, *item)
        self._settle(connection)
        connection.close()

    def _next(self, connection: sqlite3.Connection) -> tuple[Change[object], Future[object]] | None:
        """Wait for the next change; write manifests where none comes for a while."""
        while self._settles_at is not None:
            try:
                return self._todo.get(timeout=max(0.0, self._settles_at - time.monotonic()))
            except queue.Empty:
                self._settle(connection)
        return self._todo.get()

    def _settle(self, connection: sqlite3.Connection) -> None:
        if self._settles_at is None:
            return
        self._settles_at = None

        def write(connection: sqlite3.Connection) -> None:
            edits.flush(connection, self.folder, edits.dirty_songs(connection))

        self._apply(connection, write, Future())

    def _open(self) -> sqlite3.Connection:
        sweep(self.staging)
        try:
            return self._tidied(open_for_writing(self.folder))
        except sqlite3.DatabaseError as exc:
            if not isinstance(translate(exc), LibraryDamaged):
                raise
            log.warning("the library's index is damaged after all and is built anew: %s", exc)
        return self._tidied(open_anew(self.folder))

    def _open_to_look(self, problem: BaseException) -> sqlite3.Connection | None:
        """Open a library that cannot be changed, so that its songs are there all the same."""
        if not isinstance(problem, LibraryTooNew | LibraryReadOnly | OutputNotWritable):
            return None
        try:
            connection = open_unchangeable(self.folder)
        except KaraokeError as exc:
            log.warning("the library cannot be looked at either: %s", exc.message)
            return None
        if connection is not None:
            log.warning("the library cannot be changed: %s", problem.message)
            self.refusal = problem
        return connection

    def _tidied(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            self._tidy(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _apply(
        self, connection: sqlite3.Connection, change: Change[object], future: Future[object]
    ) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            connection.execute("BEGIN" if self.refusal is not None else "BEGIN IMMEDIATE")
            try:
                result = change(connection)
                connection.execute("COMMIT")
            except BaseException:
                roll_back(connection)
                raise
        except BaseException as exc:  # this thread must outlive any change that fails
            problem = _translated(exc, self.folder)
            if problem is exc and not isinstance(exc, KaraokeError):
                log.exception("a change of the library failed")
            elif problem is not exc:
                log.warning("the library could not be written: %s", exc)
            future.set_exception(problem)
        else:
            future.set_result(result)

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Bring what is on disk and the index together."""
        self._tidy_folders(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            edits.flush(connection, self.folder, edits.dirty_songs(connection))
            playlists.bring_together(connection, self.folder)
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise

    def _tidy_folders(self, connection: sqlite3.Connection) -> None:
        """Bring folders and index together: the folders are right."""
        if not any(self._differences(connection)):
            return
        connection.execute("BEGIN IMMEDIATE")  # from here on nobody else publishes
        try:
            gone, new = self._differences(connection)
            for song_id in gone:
                log.warning("song %s is gone from disk", song_id)
                edits.delete(connection, song_id)
            for song_id in new:
                try:
                    insert(connection, read_manifest(self.folder / song_id))
                except LibraryDamaged as exc:
                    log.warning("%s", exc.message)
                else:
                    log.info("song %s was taken in", song_id)
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise

    def _differences(self, connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
        """Return rows without a folder, and folders without a row that leads to their take."""
        # plain strings: with 10,000 songs path objects cost a third of a second at every start
        root = str(self.folder)
        names = (name for name in os.listdir(root) if name[0] != ".")  # noqa: PTH208
        there = {name for name in names if _exists(f"{root}/{name}/{MANIFEST}")}
        rows = connection.execute("SELECT id, take_id FROM songs").fetchall()
        known = {
            row["id"] for row in rows if _exists(f"{root}/{row['id']}/takes/{row['take_id']}/.")
        }
        return sorted({row["id"] for row in rows} - there), sorted(there - known)

    def _song(self, connection: sqlite3.Connection, song_id: str) -> Song:
        row = connection.execute("SELECT * FROM songs WHERE id = ?", (song_id,)).fetchone()
        return song_from_row(row, self.folder)


def _exists(path: str) -> bool:
    try:
        os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # a name of the index with a NUL in it is no file
        return False
    return True


def _translated(exc: BaseException, folder: Path) -> BaseException:
    problem: BaseException = exc
    if isinstance(exc, sqlite3.Error):
        problem = translate(exc)
    elif isinstance(exc, OSError):
        problem = error_from_os(exc, folder, writing=True)
    if problem is not exc:
        problem.__cause__ = exc
    return problem
