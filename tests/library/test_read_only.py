"""Libraries that can be looked at and not changed: on a read-only disk, or of a newer version."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from karaoke_studio.app import Studio
from karaoke_studio.errors import KaraokeError, LibraryReadOnly, LibraryTooNew
from karaoke_studio.job import JobSpec
from karaoke_studio.library import schema
from karaoke_studio.library.finder import Finder, Query
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.paths import DataFolder
from karaoke_studio.pipeline import Surroundings, run_job
from tests.conftest import AllowedLog
from tests.jobs.fake_workers import FakeWorkers
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


def make_library(folder: Path) -> Song:
    library = LibraryWriter(folder)
    song = library.adopt(make_take(library.staging, title="Blue"))
    library.save_job(JobSpec("a" * 32, Path("/music/next.mp3"))).result()
    library.close()
    return song


def make_newer(folder: Path) -> None:
    with closing(sqlite3.connect(folder / schema.DATABASE, isolation_level=None)) as newer:
        newer.execute("ALTER TABLE songs ADD COLUMN mood TEXT")
        newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def jobs_of(folder: Path) -> list[str]:
    with closing(schema.open_for_reading(folder)) as connection:
        return [row["id"] for row in connection.execute("SELECT id FROM jobs")]


def check_looked_at(folder: Path, song: Song, kind: type[KaraokeError]) -> None:
    """Songs are shown and found; every change is refused with the same words."""
    library = LibraryWriter(folder)
    try:
        assert isinstance(library.refusal, kind)
        assert library.refusal.hint
        assert library.song(song.id).result() == song
        changes = (
            library.change_song(song.id, title="New"),
            library.remove(song.id),
            library.open_jobs(),
            library.drop_job("a" * 32),
            library.create_playlist("List"),
        )
        for change in changes:
            with pytest.raises(kind, match=library.refusal.message):
                change.result()
        around = Surroundings(FakeWorkers(), library)  # type: ignore[arg-type]
        spec = JobSpec("b" * 32, folder / "song.mp3")
        with pytest.raises(kind):
            run_job(spec, library.staging / "b", lambda _: None, threading.Event(), around)
        assert around.workers.tasks == []  # type: ignore[attr-defined]  # before anything is made
    finally:
        library.close()
    assert jobs_of(folder) == ["a" * 32]
    view = SongLibrary(folder)
    assert view.songs() == [song]
    view.close()
    with closing(Finder(folder)) as finder:
        assert [row.id for row in finder.find(Query(text="blue")).rows] == [song.id]


def test_a_newer_library_is_shown_and_not_changed(tmp_path: Path, calm_log: AllowedLog) -> None:
    calm_log.allow("cannot be changed")
    folder = tmp_path / "library"
    song = make_library(folder)
    make_newer(folder)
    before = (folder / schema.DATABASE).read_bytes()
    check_looked_at(folder, song, LibraryTooNew)
    assert (folder / schema.DATABASE).read_bytes() == before


def test_a_newer_library_without_what_songs_need_is_refused(
    tmp_path: Path, calm_log: AllowedLog
) -> None:
    folder = tmp_path / "library"
    make_library(folder)
    make_newer(folder)
    with closing(sqlite3.connect(folder / schema.DATABASE, isolation_level=None)) as newer:
        newer.execute("ALTER TABLE songs RENAME COLUMN artist TO artists")
    with pytest.raises(LibraryTooNew):
        LibraryWriter(folder)


@pytest.mark.parametrize("has_staging", [True, False])
def test_a_library_on_a_read_only_disk_is_shown(
    small_disk: Path, calm_log: AllowedLog, has_staging: bool
) -> None:
    calm_log.allow("cannot be changed")
    folder = small_disk / "library"
    song = make_library(folder)
    if not has_staging:
        (folder / ".staging" / song.id).rmdir()
        (folder / ".staging").rmdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    check_looked_at(folder, song, LibraryReadOnly)


def test_the_window_says_what_cannot_be_done(
    qtbot: QtBot, tmp_path: Path, calm_log: AllowedLog
) -> None:
    for pattern in ("cannot be changed", "the queue is not gone on with", "the library: "):
        calm_log.allow(pattern)
    data = DataFolder(tmp_path / "data").create()
    make_library(data.library)
    make_newer(data.library)
    studio = Studio(data)
    try:
        studio.window.show()
        studio.begin([])
        notice = studio.window.banners.notice
        assert notice.isVisible()
        assert "newer version" in notice.label.text()
        assert "You can browse, play and export." in notice.label.text()
        qtbot.waitUntil(lambda: studio.window.songs_list.total() == 1)
    finally:
        studio.window.close_now(keep=True)
        studio.close()
    assert jobs_of(data.library) == ["a" * 32]
