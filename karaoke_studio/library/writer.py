"""The one writer of the library: a thread through which every change goes.

A song is published by one rename of a folder that was built and flushed in staging; its row comes
last. So a crash leaves either no song, or a whole folder without a row, which the next start takes
in.
"""

from __future__ import annotations

import logging
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from karaoke_studio.errors import KaraokeError, LibraryDamaged, MissingFile, error_from_os
from karaoke_studio.job import JobSpec
from karaoke_studio.library import job_store
from karaoke_studio.library.manifest import (
    MANIFEST,
    Manifest,
    NewTake,
    build_song_folder,
    read_manifest,
)
from karaoke_studio.library.schema import open_for_writing, translate
from karaoke_studio.library.songs import Song, row_of_manifest, song_from_row
from karaoke_studio.staging import sweep, sync_folder, sync_tree

log = logging.getLogger(__name__)

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]


class LibraryWriter:
    """Owns the library's folder and its only writing connection.

    Thread: every method may be called from any thread; the work is done in the writer's own.

    Attributes:
        folder: the library.
        staging: where jobs work.
    """

    def __init__(self, folder: Path) -> None:
        """Open the library, making it where there is none.

        Raises:
            LibraryError: it cannot be opened.
            ResourceError: the folder cannot be made.
        """
        self.folder = folder
        self.staging = folder / ".staging"
        self.trash = folder / ".trash"
        try:
            for needed in (folder, self.staging, self.trash):
                needed.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise error_from_os(exc, folder, writing=True) from exc
        self._todo: queue.SimpleQueue[tuple[Change[object], Future[object]] | None]
        self._todo = queue.SimpleQueue()
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._serve, args=(opened,), name="library-writer", daemon=True
        )
        self._thread.start()
        opened.result()

    # -- songs -----------------------------------------------------------------------------------

    def adopt(self, take: NewTake) -> Song:
        """Publish a staged take as a new song and wait for it.

        Raises:
            ResourceError: the disk is full or cannot be written.
            LibraryError: the index cannot be written.
        """

        def change(connection: sqlite3.Connection) -> Song:
            song_id, folder = build_song_folder(take)
            sync_tree(folder)
            published = self.folder / song_id
            folder.rename(published)
            sync_folder(self.folder)
            _insert(connection, read_manifest(published))
            return self._song(connection, song_id)

        return self.submit(change).result()

    def remove(self, song_id: str) -> Future[None]:
        """Move a song to the trash."""

        def change(connection: sqlite3.Connection) -> None:
            target = self.trash / song_id
            if target.exists():
                shutil.rmtree(target)
            if (self.folder / song_id).exists():
                (self.folder / song_id).rename(target)
            sync_folder(self.folder)
            connection.execute("DELETE FROM songs WHERE id = ?", (song_id,))

        return self.submit(change)

    def restore(self, song_id: str) -> Future[None]:
        """Take a song back out of the trash; fails with `MissingFile` when it is not there."""

        def change(connection: sqlite3.Connection) -> None:
            source = self.trash / song_id
            if not source.exists():
                raise MissingFile("The song is no longer in the trash.")
            source.rename(self.folder / song_id)
            sync_folder(self.folder)
            _insert(connection, read_manifest(self.folder / song_id))

        return self.submit(change)

    def find_content(self, sha256: str) -> Song | None:
        """Return the newest song made from a file of this content, or None."""

        def change(connection: sqlite3.Connection) -> Song | None:
            row = connection.execute(
                "SELECT * FROM songs WHERE sha256 = ? ORDER BY added_at DESC", (sha256,)
            ).fetchone()
            return None if row is None else song_from_row(row, self.folder)

        return self.submit(change).result()

    # -- jobs ------------------------------------------------------------------------------------

    def save_job(self, spec: JobSpec) -> Future[None]:
        """Remember a queued job for the next start."""
        return self.submit(lambda connection: job_store.save_job(connection, spec))

    def drop_job(self, job_id: str) -> Future[None]:
        """Forget a job that is over."""
        return self.submit(lambda connection: job_store.drop_job(connection, job_id))

    def open_jobs(self) -> Future[list[JobSpec]]:
        """Return the jobs an earlier run left."""
        return self.submit(job_store.open_jobs)

    # -- the thread ------------------------------------------------------------------------------

    def submit(self, change: Change[T]) -> Future[T]:
        """Run a change in one transaction in the writer's thread."""
        future: Future[T] = Future()
        self._todo.put((change, future))  # type: ignore[arg-type]  # one queue for all kinds
        return future

    def close(self) -> None:
        """Finish what was asked for, then close."""
        self._todo.put(None)
        self._thread.join()

    def _serve(self, opened: Future[None]) -> None:
        try:
            connection = open_for_writing(self.folder)
            self._tidy(connection)
        except KaraokeError as exc:
            opened.set_exception(exc)
            return
        except sqlite3.Error as exc:
            opened.set_exception(translate(exc))
            return
        except OSError as exc:
            opened.set_exception(error_from_os(exc, self.folder, writing=True))
            return
        opened.set_result(None)
        while (item := self._todo.get()) is not None:
            self._apply(connection, *item)
        connection.close()

    def _apply(
        self, connection: sqlite3.Connection, change: Change[object], future: Future[object]
    ) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(connection)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as exc:
            log.warning("the library could not be written: %s", exc)
            future.set_exception(translate(exc))
        except OSError as exc:
            future.set_exception(error_from_os(exc, self.folder, writing=True))
        except Exception as exc:  # this thread must outlive any change that fails
            log.exception("a change of the library failed")
            future.set_exception(exc)
        else:
            future.set_result(result)

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Bring folders and index together: the folders are right."""
        sweep(self.staging)
        known = {row["id"] for row in connection.execute("SELECT id FROM songs")}
        there = {path.parent.name for path in self.folder.glob(f"[!.]*/{MANIFEST}")}
        if known == there:
            return
        connection.execute("BEGIN IMMEDIATE")
        for song_id in known - there:
            log.warning("song %s is gone from disk", song_id)
            connection.execute("DELETE FROM songs WHERE id = ?", (song_id,))
        for song_id in there - known:
            try:
                _insert(connection, read_manifest(self.folder / song_id))
            except LibraryDamaged as exc:
                log.warning("%s", exc.message)
            else:
                log.info("song %s was taken in", song_id)
        connection.execute("COMMIT")

    def _song(self, connection: sqlite3.Connection, song_id: str) -> Song:
        row = connection.execute("SELECT * FROM songs WHERE id = ?", (song_id,)).fetchone()
        return song_from_row(row, self.folder)


def _insert(connection: sqlite3.Connection, manifest: Manifest) -> None:
    row = row_of_manifest(manifest)
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT OR REPLACE INTO songs ({columns}) VALUES ({marks})", row)
