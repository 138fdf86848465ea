from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import (
    DiskFull,
    LibraryDamaged,
    LibraryError,
    LibraryLocked,
    LibraryTooNew,
    MissingFile,
    OutputNotWritable,
)
from karaoke_studio.job import JobSpec
from karaoke_studio.library import manifest, schema, writer
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from tests.conftest import AllowedLog
from tests.helpers.disks import fill_disk
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def library(folder: Path, calm_log: AllowedLog) -> Iterator[LibraryWriter]:
    library = LibraryWriter(folder)
    yield library
    library.close()


def songs_of(folder: Path) -> list[Song]:
    view = SongLibrary(folder)
    try:
        return view.songs()
    finally:
        view.close()


def adopt(library: LibraryWriter, **options: Any) -> Song:
    take = make_take(library.staging, **options)
    song = library.adopt(take)
    shutil.rmtree(take.staging)  # as the job's staging does
    return song


def reopen(folder: Path) -> None:
    LibraryWriter(folder).close()


def run_sql(library: LibraryWriter, statement: str, values: tuple[str, ...] = ()) -> None:
    library.submit(lambda connection: connection.execute(statement, values).close()).result()


def is_whole(song: Song) -> bool:
    return (
        song.vocals_path.read_bytes() == b"vocals"
        and song.stem_path("instrumental").read_bytes() == b"instrumental"
        and song.peaks_path.exists()
    )


# -- songs -------------------------------------------------------------------------------------


def test_a_take_becomes_a_song(library: LibraryWriter, folder: Path) -> None:
    take = make_take(
        library.staging, title="שיר 🎤", artist="A", album="B", words=[[1.5, "one"], [None, "two"]]
    )
    song = library.adopt(take)
    assert (song.title, song.artist, song.album) == ("שיר 🎤", "A", "B")
    assert (song.duration_s, song.sample_rate, song.channels, song.frames) == (
        2.0,
        44_100,
        2,
        88200,
    )
    assert (song.engine, song.shift_bits, song.notes) == ("centre", 1, ("truncated:0:02",))
    assert is_whole(song)
    assert song.cover_path is not None
    assert song.cover_path.read_bytes() == b"cover.jpg"
    assert song.original_path is not None
    assert song.original_path.name == "original.mp3"
    assert song.folder == folder / song.id
    assert songs_of(folder) == [song]
    # nothing of ours is left in staging
    assert [path.name for path in take.staging.iterdir()] == []


def test_without_cover_and_copy_there_are_none(library: LibraryWriter) -> None:
    song = adopt(library, cover=None, copy=None)
    assert song.cover_path is None
    assert song.original_path == Path("/music/song.mp3")  # linked
    assert sorted(path.name for path in song.folder.iterdir()) == ["manifest.json", "takes"]


def test_names_in_other_encodings_are_taken_in(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library, name="caf\udce9.mp3", title="caf\udce9", copy="copy.\udce9")
    assert song.title == "caf?"
    assert song.original_path is not None
    assert song.original_path.exists()
    data = manifest.read_manifest(song.folder)
    assert data["source_name"] == "caf\udce9.mp3"  # the truth is kept
    assert songs_of(folder) == [song]


def test_a_song_goes_to_the_trash_and_comes_back(library: LibraryWriter, folder: Path) -> None:
    song, other = adopt(library), adopt(library)
    library.remove(song.id).result()
    assert songs_of(folder) == [other]
    assert not song.folder.exists()
    assert (folder / ".trash" / song.id / "manifest.json").exists()
    library.restore(song.id).result()
    assert {found.id for found in songs_of(folder)} == {song.id, other.id}
    assert is_whole(song)
    for _ in range(2):  # again, over what is in the trash already
        library.remove(song.id).result()
        library.restore(song.id).result()
    shutil.copytree(song.folder, folder / ".trash" / song.id)
    library.remove(song.id).result()
    assert songs_of(folder) == [other]


def test_what_is_not_in_the_trash_cannot_come_back(library: LibraryWriter) -> None:
    with pytest.raises(MissingFile):
        library.restore("f" * 32).result()


def test_a_song_whose_files_are_gone_can_be_removed(library: LibraryWriter, folder: Path) -> None:
    song = adopt(library)
    shutil.rmtree(song.folder)
    library.remove(song.id).result()
    assert songs_of(folder) == []


def test_the_second_song_of_a_job_gets_a_name_of_its_own(library: LibraryWriter) -> None:
    first = adopt(library, job_id="a" * 32)
    second = adopt(library, job_id="a" * 32)
    assert first.id == "a" * 32
    assert second.id != first.id
    assert is_whole(first)
    assert is_whole(second)


def test_a_song_is_flushed_before_it_has_its_name_and_its_row_comes_last(
    library: LibraryWriter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAULTS 0-2: without the flush a power cut loses songs that were told to be safe."""
    events: list[str] = []
    take = make_take(library.staging)

    def recorded(name: str, function: Any) -> Any:
        def call(*args: Any) -> Any:
            events.append(f"{name} {args[0].name}" if isinstance(args[0], Path) else name)
            return function(*args)

        return call

    rename = Path.rename

    def renamed(self: Path, target: Path) -> Path:
        if target.parent == folder:
            events.append("rename")
        return rename(self, target)

    for name in ("sync_tree", "sync_folder", "insert"):
        monkeypatch.setattr(writer, name, recorded(name, getattr(writer, name)))
    monkeypatch.setattr(Path, "rename", renamed)
    library.adopt(take)
    assert events == ["sync_tree song", "rename", "sync_folder library", "insert"]
    durable = library.submit(lambda c: c.execute("PRAGMA synchronous").fetchone()[0]).result()
    assert durable == 2  # FULL


# -- failing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["build", "sync", "rename", "row"])
def test_a_publish_that_fails_leaves_no_song(
    library: LibraryWriter, folder: Path, at: str, monkeypatch: pytest.MonkeyPatch, calm_log: Any
) -> None:
    calm_log.allow("could not be written")
    broken = OSError(errno.EIO, "Input/output error")

    def fail(*_: Any, **__: Any) -> None:
        raise broken

    take = make_take(library.staging)
    rename = Path.rename

    def fail_rename(self: Path, target: Path) -> Path:
        if target == folder / take.job_id:
            raise broken
        return rename(self, target)

    with monkeypatch.context() as patch:
        match at:
            case "build":
                patch.setattr(writer, "build_song_folder", fail)
            case "sync":
                patch.setattr(writer, "sync_tree", fail)
            case "rename":
                patch.setattr(Path, "rename", fail_rename)
            case "row":
                patch.setattr(writer, "insert", fail)
        with pytest.raises(OutputNotWritable):
            library.adopt(take)
    shutil.rmtree(take.staging)
    assert songs_of(folder) == []
    assert [path.name for path in folder.iterdir() if len(path.name) == 32] == []
    # and the library goes on
    assert adopt(library, job_id=take.job_id).id == take.job_id


def test_a_full_disk_is_told_as_such_and_leaves_the_library_whole(
    small_disk: Path, calm_log: AllowedLog
) -> None:
    calm_log.allow("could not be written")
    folder = small_disk / "library"
    library = LibraryWriter(folder)
    try:
        song = adopt(library)
        filler = fill_disk(small_disk)
        endless = (JobSpec(f"{number:032}", Path("/m/" + "x" * 3000)) for number in range(999))
        with pytest.raises(DiskFull):
            all(library.save_job(spec).result() is None for spec in endless)
        with pytest.raises(DiskFull):
            library.adopt(make_take_elsewhere(library))
        filler.unlink()
        second = adopt(library)
        assert {found.id for found in songs_of(folder)} == {song.id, second.id}
    finally:
        library.close()
    reopen(folder)
    assert len(songs_of(folder)) == 2


def make_take_elsewhere(library: LibraryWriter) -> Any:
    """A take whose files are empty, so that a full disk takes them."""
    try:
        return make_take(library.staging)
    except OSError as exc:
        raise DiskFull("not even that") from exc


def test_a_change_that_breaks_is_told_and_the_next_ones_work(
    library: LibraryWriter, calm_log: AllowedLog
) -> None:
    calm_log.allow("a change of the library failed")

    def breaks(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM jobs")
        raise ZeroDivisionError

    def exits(_connection: sqlite3.Connection) -> None:
        sys.exit(3)

    library.save_job(JobSpec("a" * 32, Path("x"))).result()
    with pytest.raises(ZeroDivisionError):
        library.submit(breaks).result(timeout=5)
    with pytest.raises(SystemExit):
        library.submit(exits).result(timeout=5)
    assert len(library.open_jobs().result(timeout=5)) == 1  # rolled back


def test_a_change_that_nobody_waits_for_any_more_is_left_out(library: LibraryWriter) -> None:
    begun, go_on = threading.Event(), threading.Event()
    library.submit(lambda _: (begun.set(), go_on.wait(5)))
    assert begun.wait(5)
    dropped = library.save_job(JobSpec("a" * 32, Path("x")))
    assert dropped.cancel()
    go_on.set()
    assert library.open_jobs().result(timeout=5) == []


def test_after_closing_nothing_hangs(folder: Path) -> None:
    library = LibraryWriter(folder)
    waiting = [library.save_job(JobSpec(f"{n:032}", Path("x"))) for n in range(50)]
    library.close()
    assert all(future.done() and future.exception() is None for future in waiting)
    with pytest.raises(LibraryError, match="closed"):
        library.open_jobs().result(timeout=1)
    library.close()
    again = LibraryWriter(folder)
    assert len(again.open_jobs().result()) == 50
    again.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputNotWritable):
        LibraryWriter(tmp_path / "file" / "library")


def test_anything_at_all_while_opening_is_told_and_never_a_hang(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for problem in (RecursionError(), SystemExit(1), KeyError("x")):
        with monkeypatch.context() as patch:
            patch.setattr(writer, "sweep", lambda _f, p=problem: (_ for _ in ()).throw(p))
            with pytest.raises(type(problem)):
                LibraryWriter(folder)


# -- folders and index brought together --------------------------------------------------------


def test_a_folder_without_a_row_is_taken_in(folder: Path, calm_log: AllowedLog) -> None:
    library = LibraryWriter(folder)
    song = adopt(library)
    run_sql(library, "DELETE FROM songs")
    library.close()
    reopen(folder)
    assert songs_of(folder) == [song]


def test_a_row_without_a_folder_is_dropped(folder: Path, calm_log: AllowedLog) -> None:
    calm_log.allow("is gone from disk")
    library = LibraryWriter(folder)
    gone, stays = adopt(library), adopt(library)
    library.close()
    shutil.rmtree(gone.folder)
    reopen(folder)
    assert songs_of(folder) == [stays]


BAD_MANIFESTS: list[Any] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"[" * 100_000,
    b"\xff\xfe",
    {"format": 99},
    {"format": "1"},
    {"id": "f" * 32},
    {"id": "../../etc"},
    {"takes": {}},
    {"takes": None},
    {"current_take": "../../.."},
    {"current_take": "other"},
    {"cover": "../../../etc/passwd"},
    {"cover": "/etc/passwd"},
    {"original": "..\\..\\x"},
    {"original": 7},
    {"tags": None},
    {"tags": {"title": ["a"]}},
    {"tags": {"title": None}},
    {"facts": {}},
    {"facts": {"frames": 10**30, "sample_rate": 1, "channels": 2, "sha256": "x"}},
    {"facts": {"frames": "many", "sample_rate": 1, "channels": 2, "sha256": "x"}},
    {"facts": {"frames": 1, "sample_rate": 0, "channels": 2, "sha256": "x"}},
    {"facts": {"frames": 1, "sample_rate": 1, "channels": [2], "sha256": "x"}},
    {"facts": {"frames": 1, "sample_rate": 1, "channels": 2, "sha256": None}},
    {"added_at": None},
    {"added_at": "\ud800"},
    {"revision": {}},
]


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: str(bad)[:40])
def test_one_damaged_song_does_not_close_the_library(
    bad: Any, folder: Path, calm_log: AllowedLog
) -> None:
    calm_log.allow("cannot be read|newer version|is gone")
    library = LibraryWriter(folder)
    broken, good = adopt(library), adopt(library)
    run_sql(library, "DELETE FROM songs")
    library.close()
    path = broken.folder / "manifest.json"
    if isinstance(bad, dict):
        bad = json.dumps({**json.loads(path.read_text(encoding="utf-8")), **bad}).encode()
    path.write_bytes(bad)
    reopen(folder)
    assert songs_of(folder) == [good]
    assert is_whole(broken)  # not lost either: its files are left alone
    reopen(folder)


def test_a_copied_song_folder_is_not_taken_for_the_song(folder: Path, calm_log: AllowedLog) -> None:
    calm_log.allow("cannot be read")
    library = LibraryWriter(folder)
    song = adopt(library)
    library.close()
    shutil.copytree(song.folder, folder / "Copy of song")
    for _ in range(2):
        reopen(folder)
        assert songs_of(folder) == [song]


def test_left_over_staging_is_swept_at_the_start(folder: Path) -> None:
    library = LibraryWriter(folder)
    library.close()
    left = folder / ".staging" / ("b" * 32)
    left.mkdir()
    (left / ".lock").write_bytes(b"owned")
    (left / "original.f32").write_bytes(b"x")
    reopen(folder)
    assert not left.exists()


# -- the index itself --------------------------------------------------------------------------


def corrupt(path: Path, how: str, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    match how:
        case "garbage":
            data = bytearray(rng.randbytes(len(data)))
        case "text":
            data = bytearray(b"this is no database " * 300)
        case "cut":
            data = data[: len(data) // 2]
        case "pages":
            for start in range(4096, len(data), 4096):
                data[start : start + 64] = rng.randbytes(64)
        case "header":
            data[20:100] = rng.randbytes(80)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["garbage", "text", "cut", "pages"])
def test_a_damaged_index_is_built_anew_and_kept(
    how: str, folder: Path, calm_log: AllowedLog
) -> None:
    calm_log.allow("damaged and is built anew")
    library = LibraryWriter(folder)
    songs = [adopt(library, title=f"Song {number}") for number in range(12)]
    library.close()
    path = folder / schema.DATABASE
    corrupt(path, how, random.Random(10))
    damaged = path.read_bytes()
    reopen(folder)
    assert {song.id for song in songs_of(folder)} == {song.id for song in songs}
    (kept,) = folder.glob("library.sqlite3.damaged-*")
    assert kept.read_bytes()[:4096] == damaged[:4096]
    reopen(folder)
    assert len(list(folder.glob("library.sqlite3.damaged-*"))) == 1


def test_bits_flipped_anywhere_lose_no_song(folder: Path) -> None:
    """FAULTS C10: the songs with whole manifests all return, whatever the bytes."""
    library = LibraryWriter(folder)
    songs = {adopt(library, title=f"Song {number}").id for number in range(5)}
    library.close()
    path = folder / schema.DATABASE
    whole = path.read_bytes()
    rng = random.Random(11)
    for _ in range(60):
        data = bytearray(whole)
        for _flip in range(rng.choice((1, 8, 64))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(data))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        try:
            reopen(folder)
        except LibraryTooNew:  # the flipped bit was in the version: nothing was touched
            assert path.read_bytes() == bytes(data)
            continue
        found = {song.id: song for song in songs_of(folder)}
        assert set(found) == songs
        assert all(is_whole(song) for song in found.values())


def test_damage_that_only_shows_while_tidying_is_repaired_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, calm_log: AllowedLog
) -> None:
    calm_log.allow("damaged after all")
    library = LibraryWriter(folder)
    song = adopt(library)
    library.close()
    calls: list[int] = []
    differences = LibraryWriter._differences

    def meets_damage(self: LibraryWriter, connection: sqlite3.Connection) -> Any:
        calls.append(1)
        if len(calls) == 1:
            exc = sqlite3.DatabaseError("database disk image is malformed")
            exc.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_INDEX
            raise exc
        return differences(self, connection)

    monkeypatch.setattr(LibraryWriter, "_differences", meets_damage)
    reopen(folder)
    assert songs_of(folder) == [song]
    assert len(list(folder.glob("*damaged*"))) == 1


def test_a_large_index_is_checked_quickly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reopen(folder)
    monkeypatch.setattr(schema, "FULL_CHECK_BYTES", 0)
    reopen(folder)


def test_an_empty_file_is_a_new_index(folder: Path, calm_log: AllowedLog) -> None:
    library = LibraryWriter(folder)
    song = adopt(library)
    library.close()
    (folder / schema.DATABASE).write_bytes(b"")
    reopen(folder)
    assert songs_of(folder) == [song]


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_newer_library_is_refused_and_not_touched(folder: Path, mode: str) -> None:
    folder.mkdir()
    path = folder / schema.DATABASE
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE holograms (x)")
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LibraryTooNew) as caught:
        LibraryWriter(folder)
    assert caught.value.hint
    assert path.read_bytes() == before
    assert not list(folder.glob("*damaged*"))


def test_a_database_of_somebody_else_is_not_mixed_with_ours(
    folder: Path, calm_log: AllowedLog
) -> None:
    calm_log.allow("built anew")
    folder.mkdir()
    connection = sqlite3.connect(folder / schema.DATABASE)
    connection.execute("CREATE TABLE songs (theirs)")
    connection.execute("INSERT INTO songs VALUES ('precious')")
    connection.commit()
    connection.close()
    reopen(folder)
    assert songs_of(folder) == []
    (kept,) = folder.glob("*damaged*")
    connection = sqlite3.connect(kept)
    assert connection.execute("SELECT theirs FROM songs").fetchall() == [("precious",)]
    connection.close()


def test_an_index_that_is_busy_too_long_is_locked_and_not_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopen(folder)
    monkeypatch.setattr(schema, "BUSY_S", 0.1)
    holder = sqlite3.connect(folder / schema.DATABASE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(LibraryLocked):
            LibraryWriter(folder)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert not list(folder.glob("*damaged*"))
    reopen(folder)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, LibraryLocked),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LibraryLocked),
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_CORRUPT, LibraryDamaged),
        (sqlite3.SQLITE_NOTADB, LibraryDamaged),
        (None, LibraryDamaged),
    ],
)
def test_errors_of_sqlite_are_translated_by_number(code: int | None, kind: type) -> None:
    exc = sqlite3.DatabaseError("text that nobody reads")
    if code is not None:
        exc.sqlite_errorcode = code
    assert type(schema.translate(exc)) is kind


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_NOMEM, 21, 19])
def test_an_index_is_not_put_aside_for_the_faults_of_others(code: int) -> None:
    exc = sqlite3.DatabaseError("disk I/O error")
    exc.sqlite_errorcode = code
    assert not isinstance(schema.translate(exc), LibraryDamaged)


# -- the queue on disk -------------------------------------------------------------------------


def test_jobs_keep_their_order_over_restarts(folder: Path) -> None:
    rng = random.Random(12)
    wanted: list[JobSpec] = []
    for _ in range(4):
        library = LibraryWriter(folder)
        assert library.open_jobs().result() == wanted
        for _ in range(15):
            spec = JobSpec(f"{rng.getrandbits(128):032x}", Path(f"/m/{rng.random()} \udcff.mp3"))
            library.save_job(spec)
            wanted.append(spec)
        for spec in rng.sample(wanted, 6):
            library.drop_job(spec.job_id)
            wanted.remove(spec)
        library.close()
    library = LibraryWriter(folder)
    assert library.open_jobs().result() == wanted
    library.close()


def test_jobs_that_cannot_be_understood_do_not_stop_the_others(
    library: LibraryWriter, calm_log: AllowedLog
) -> None:
    calm_log.allow("cannot be understood")
    specs = [JobSpec(f"{number:032}", Path(f"{number}.mp3")) for number in range(6)]
    for spec in specs:
        library.save_job(spec).result()
    for number, text in enumerate(("{", "[]", "{}", '{"output": {"folder": "x", "wings": 2}}')):
        values = (text, specs[number].job_id)
        run_sql(library, "UPDATE jobs SET spec = ? WHERE id = ?", values)
    assert library.open_jobs().result() == specs[4:]


def test_a_job_whose_song_is_there_is_over(library: LibraryWriter) -> None:
    spec, other = (JobSpec(letter * 32, Path("x.mp3")) for letter in "ab")
    for waiting in (spec, other):
        library.save_job(waiting).result()
    adopt(library, job_id=spec.job_id)
    assert library.open_jobs().result() == [other]


# -- two programs ------------------------------------------------------------------------------

_MANY = """
import sys
from pathlib import Path
from karaoke_studio.job import JobSpec
from karaoke_studio.library.writer import LibraryWriter
sys.stdin.readline()
library = LibraryWriter(Path(sys.argv[1]))
waiting = []
for number in range(int(sys.argv[3])):
    waiting.append(library.save_job(JobSpec(f"{sys.argv[2]}{number:031}", Path("x.mp3"))))
    if number % 5 == 0:
        waiting[-1].result()
for future in waiting:
    future.result()
library.close()
print("done")
"""


def start_writers(folder: Path, letters: str, count: int) -> list[subprocess.Popen[str]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _MANY, str(folder), letter, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for letter in letters
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return started


def test_two_programs_lose_nothing_of_each_other(folder: Path) -> None:
    answers = [process.communicate(timeout=60) for process in start_writers(folder, "ab", 100)]
    assert answers == [("done\n", "")] * 2
    library = LibraryWriter(folder)
    ids = [spec.job_id for spec in library.open_jobs().result()]
    library.close()
    assert len(ids) == len(set(ids)) == 200
    for letter in "ab":
        own = [job_id for job_id in ids if job_id[0] == letter]
        assert own == sorted(own)


def test_many_first_starts_at_once_make_one_library(tmp_path: Path) -> None:
    for attempt in range(4):
        folder = tmp_path / f"library {attempt}"
        answers = [process.communicate(timeout=60) for process in start_writers(folder, "abcd", 2)]
        assert answers == [("done\n", "")] * 4
        library = LibraryWriter(folder)
        assert len(library.open_jobs().result()) == 8
        library.close()
        assert not list(folder.glob("*damaged*"))


# -- kill -9 -----------------------------------------------------------------------------------

_ADOPT = """
import sys, os, shutil, signal
from pathlib import Path
from karaoke_studio.library import writer
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.job import JobSpec
from karaoke_studio.staging import Staging
from tests.library.takes import make_take
folder, moment = Path(sys.argv[1]), sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(function):
    def wrapped(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return wrapped

library = LibraryWriter(folder)
first = JobSpec("1" * 32, Path("first.mp3"))
second = JobSpec("2" * 32, Path("second.mp3"))
for spec in (first, second):
    library.save_job(spec).result()
with Staging(library.staging / first.job_id):
    library.adopt(make_take(library.staging, first.job_id))
rename = Path.rename
if moment == "building":
    writer.build_song_folder = die_after(writer.build_song_folder)
elif moment == "before rename":
    writer.sync_tree = die_after(writer.sync_tree)
elif moment == "after rename":
    writer.sync_folder = die
elif moment == "after row":
    writer.job_store.drop_job = die
elif moment == "before commit":
    writer.LibraryWriter._song = die
staging = Staging(library.staging / second.job_id)
library.adopt(make_take(library.staging, second.job_id))
if moment == "after commit":
    die()
staging.close()
print("survived")
"""
MOMENTS = {
    "building": False,
    "before rename": False,
    "after rename": True,
    "after row": True,
    "before commit": True,
    "after commit": True,
}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_while_publishing_leaves_the_song_or_the_job_and_never_both(
    moment: str, folder: Path, calm_log: AllowedLog
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ADOPT, str(folder), moment], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    library = LibraryWriter(folder)
    waiting = [spec.job_id for spec in library.open_jobs().result()]
    library.close()
    songs = {song.id: song for song in songs_of(folder)}
    assert is_whole(songs["1" * 32])
    if MOMENTS[moment]:
        assert is_whole(songs["2" * 32])
        assert waiting == []
    else:
        assert set(songs) == {"1" * 32}
        assert waiting == ["2" * 32]
    assert not list((folder / ".staging").iterdir())


_BUSY = """
import sys, random
from pathlib import Path
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.staging import Staging
from tests.library.takes import make_take
library = LibraryWriter(Path(sys.argv[1]))
print("open", flush=True)
while True:
    take_id = f"{random.getrandbits(128):032x}"
    with Staging(library.staging / take_id):
        song = library.adopt(make_take(library.staging, take_id))
    print(song.id, flush=True)
    if random.random() < 0.3:
        library.remove(song.id).result()
        print("-" + song.id, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_kills_at_random_moments_lose_no_song_and_leave_no_half(folder: Path) -> None:
    """FAULTS C3, in small: what was confirmed is there; what is there is whole."""
    rng = random.Random(13)
    confirmed: set[str] = set()
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", _BUSY, str(folder)], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            first = process.stdout.readline()
            time.sleep(rng.random() * 0.1)
            process.kill()
            told = first + process.stdout.read()
            lines = re.findall(r"^(-?[0-9a-f]{32})\n", told, re.MULTILINE)
        for line in lines:
            if line[0] == "-":
                confirmed.discard(line[1:])
            else:
                confirmed.add(line)
        maybe_removed = lines[-1] if lines and lines[-1][0] != "-" else None
        reopen(folder)
        songs = {song.id: song for song in songs_of(folder)}
        assert confirmed - set(songs) <= {maybe_removed}
        confirmed &= set(songs)
        assert all(is_whole(song) for song in songs.values())
        # killed between making a folder and owning its lock: swept once it is a minute old
        left = [path for path in (folder / ".staging").rglob("*") if path.is_file()]
        assert [(path.name, path.stat().st_size) for path in left] in ([], [(".lock", 0)])
        for path in (folder / ".staging").iterdir():
            shutil.rmtree(path)
    assert confirmed
