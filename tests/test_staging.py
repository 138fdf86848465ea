from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from karaoke_studio import staging
from karaoke_studio.staging import (
    JOURNAL,
    ORIGINAL,
    UNFINISHED,
    Staging,
    sweep,
    sync_folder,
    sync_tree,
    take_over,
    try_lock,
    write_json_atomic,
)
from tests.helpers.disks import fill_disk

pytestmark = pytest.mark.usefixtures("nothing_left")

_HOLD = """
import sys, time
from pathlib import Path
from karaoke_studio.staging import Staging
staging = Staging(Path(sys.argv[1]))
(staging.folder / "original.f32").write_bytes(b"x" * 1000)
(staging.folder / "song").mkdir()
(staging.folder / "song" / "vocals.flac").write_bytes(b"x")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that works in `job`."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "job")], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def age(folder: Path) -> None:
    old = time.time() - 3600
    os.utime(folder, (old, old))


def test_the_folder_of_a_living_process_is_left_alone(
    owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    age(tmp_path / "job")
    assert sweep(tmp_path) == 0
    assert (tmp_path / "job" / "song" / "vocals.flac").exists()
    assert owner.poll() is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_seed_002_13_the_folder_of_a_dead_process_is_swept_at_once(
    owner: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    owner.send_signal(number)
    owner.wait()
    assert (tmp_path / "job").exists()
    assert sweep(tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_our_own_folder_is_not_swept(tmp_path: Path) -> None:
    with Staging(tmp_path / "a" / "job") as mine:
        (mine.folder / "original.f32").write_bytes(b"x")
        assert sweep(tmp_path / "a") == 0
        assert mine.folder.exists()
    assert not (tmp_path / "a" / "job").exists()


def test_a_folder_goes_whatever_is_in_it_and_however_it_ends(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "theirs.mp3").write_bytes(b"x")

    def work() -> None:
        with Staging(tmp_path / "job") as mine:
            (mine.folder / "deep" / "er").mkdir(parents=True)
            (mine.folder / "deep" / "er" / "x").write_bytes(b"x")
            (mine.folder / "link").symlink_to(outside)
            (mine.folder / "link.mp3").symlink_to(outside / "theirs.mp3")
            raise KeyError("broken")

    with pytest.raises(KeyError):
        work()
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "theirs.mp3").exists()


def test_a_folder_that_exists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "theirs").write_bytes(b"x")
    with pytest.raises(FileExistsError):
        Staging(tmp_path / "job")
    assert (tmp_path / "job" / "theirs").exists()


def test_only_folders_of_the_pattern_are_swept(tmp_path: Path) -> None:
    for name in (".karaoke-1", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".lock").write_bytes(b"owned")
    (tmp_path / ".karaoke-file").write_bytes(b"owned")
    (tmp_path / ".karaoke-link").symlink_to(tmp_path / "other")
    assert sweep(tmp_path, ".karaoke-*") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [".karaoke-file", ".karaoke-link", "other"]


def test_a_folder_that_is_not_ours_is_never_emptied(tmp_path: Path) -> None:
    """`~/Music/.karaoke-backups` is somebody's, however old it is."""
    theirs = tmp_path / ".karaoke-backups"
    theirs.mkdir()
    (theirs / "precious.mp3").write_bytes(b"x")
    age(theirs)
    assert sweep(tmp_path, ".karaoke-*") == 0
    assert (theirs / "precious.mp3").exists()


def test_a_folder_that_is_just_being_made_is_left_alone(tmp_path: Path) -> None:
    for name in ("no lock yet", "not locked yet"):
        (tmp_path / name).mkdir()
    (tmp_path / "not locked yet" / ".lock").write_bytes(b"")
    assert sweep(tmp_path) == 0
    for folder in tmp_path.iterdir():
        age(folder)
    assert sweep(tmp_path) == 2


def test_a_removal_that_was_cut_short_is_finished_by_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Staging(tmp_path / "job")
    for name in ("a", "b", "c"):
        (mine.folder / name).mkdir()
        (mine.folder / name / "x").write_bytes(b"x")
    removed: list[Path] = []

    class PowerCut(BaseException):
        pass

    rmtree = staging.shutil.rmtree

    def cut(path: Path, **options: bool) -> None:
        if len(removed) == 2:
            raise PowerCut
        removed.append(path)
        rmtree(path, **options)

    monkeypatch.setattr(staging.shutil, "rmtree", cut)
    with pytest.raises(PowerCut):
        mine.close()
    monkeypatch.undo()
    assert (tmp_path / "job" / ".lock").exists()
    assert sweep(tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_sweepers_never_take_a_folder_that_is_being_born(tmp_path: Path) -> None:
    done = threading.Event()

    def sweep_all() -> None:
        while not done.is_set():
            sweep(tmp_path)

    sweepers = [threading.Thread(target=sweep_all) for _ in range(2)]
    for thread in sweepers:
        thread.start()
    try:
        end = time.monotonic() + 1.0
        number = 0
        while time.monotonic() < end:
            number += 1
            with Staging(tmp_path / str(number)) as mine:
                (mine.folder / "x").write_bytes(b"x")
                time.sleep(0.002)
                assert (mine.folder / "x").exists(), number
    finally:
        done.set()
        for thread in sweepers:
            thread.join()
    assert number > 20
    assert not list(tmp_path.iterdir())


def test_a_lock_file_that_cannot_be_made_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def full(self: Path, *args: object, **more: object) -> object:
        if self.name == ".lock":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space"):
        Staging(tmp_path / "job")
    assert not (tmp_path / "job").exists()


def test_seed_000_19_staging_on_a_full_disk_is_refused_and_leaves_nothing(small_disk: Path) -> None:
    fill_disk(small_disk)
    with pytest.raises(OSError, match="No space"):
        Staging(small_disk / "job")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("wb") as first:
        assert try_lock(first)
        with path.open("r+b") as second:
            assert not try_lock(second)
    with path.open("r+b") as third:
        assert try_lock(third)


# -- JSON files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {"title": "שיר 🎤", "n": [1, 2.5, None, True]},
        {"name": "caf\udce9.mp3"},
        {"\ud800": "lone high \ud83c and \udc00"},
        [],
        "text",
    ],
)
def test_json_survives_and_is_always_utf_8(data: object, tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "x.json", data)
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == data
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_text_stays_readable_for_people(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "x.json", {"title": "שיר"})
    assert "שיר" in (tmp_path / "x.json").read_text(encoding="utf-8")


def test_what_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "x.json", 1)
    with pytest.raises(TypeError):
        write_json_atomic(tmp_path / "x.json", {"a": object()})
    assert (tmp_path / "x.json").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_step_leaves_the_old_file_and_no_other(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json_atomic(tmp_path / "x.json", "old")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises(OSError, match="Input/output"):
        write_json_atomic(tmp_path / "x.json", "new")
    assert json.loads((tmp_path / "x.json").read_text()) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_contents_are_flushed_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        events.append("flush folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "flush file")  # noqa: PTH112
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        events.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write_json_atomic(tmp_path / "x.json", 1)
    assert events == ["flush file", "rename", "flush folder"]


_WRITE = """
import sys
from pathlib import Path
from karaoke_studio.staging import write_json_atomic
path = Path(sys.argv[1])
number = 0
while True:
    number += 1
    write_json_atomic(path, {"number": number, "fill": [number] * 2000})
    if number == 1:
        print("begun", flush=True)
"""


def test_a_killed_writer_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    rng = random.Random(9)
    path = tmp_path / "x.json"
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", _WRITE, str(path)], stdout=-1)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.random() * 0.03)
            process.kill()
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["fill"] == [data["number"]] * 2000


def test_disks_where_folders_cannot_be_flushed_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _handle: (_ for _ in ()).throw(OSError(errno.EIO, "")))
    with pytest.raises(OSError, match=r"."):
        sync_folder(tmp_path)


def test_the_whole_tree_is_flushed_deepest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "song" / "takes" / "1").mkdir(parents=True)
    (tmp_path / "song" / "takes" / "1" / "vocals.flac").write_bytes(b"x")
    (tmp_path / "song" / "manifest.json").write_bytes(b"x")
    flushed: list[str] = []
    monkeypatch.setattr(staging, "sync_file", lambda path: flushed.append(path.name))
    monkeypatch.setattr(staging, "sync_folder", lambda path: flushed.append(path.name))
    sync_tree(tmp_path / "song")
    assert sorted(flushed) == ["1", "manifest.json", "song", "takes", "vocals.flac"]
    order = [flushed.index(name) for name in ("vocals.flac", "1", "takes", "song")]
    assert order == sorted(order)


# -- songs that can be gone on with -------------------------------------------------------------

SONG = {"sha256": "ab", "model": "htdemucs", "stems": ["vocals"]}


def interrupted(folder: Path, *, song: dict[str, object] = SONG, stems: bool = True) -> Path:
    """What a program leaves that is killed in the middle of a song."""
    staging = Staging(folder)
    take_over(folder, song)
    (folder / ORIGINAL).write_bytes(b"original")
    (folder / "edges").mkdir()
    (folder / JOURNAL).write_text("ranges")
    if stems:
        (folder / "vocals.f32").write_bytes(b"vocals")
    staging._lock.close()
    return folder


def test_what_was_made_of_a_song_is_taken_over(tmp_path: Path) -> None:
    left = interrupted(tmp_path / "left")
    assert sweep(tmp_path) == 0
    assert {path.name for path in left.iterdir()} == {".lock", JOURNAL, UNFINISHED, "vocals.f32"}
    with Staging(tmp_path / "new") as staging:
        assert take_over(staging.folder, SONG)
        assert not left.exists()
        assert (staging.folder / "vocals.f32").read_bytes() == b"vocals"
        assert (staging.folder / JOURNAL).read_text() == "ranges"
        # and once more after the next kill
        assert json.loads((staging.folder / UNFINISHED).read_text()) == SONG
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [{"sha256": "cd"}, {"model": "mine"}, {"stems": ["bass"]}])
def test_another_song_is_left_alone(tmp_path: Path, other: dict[str, object]) -> None:
    left = interrupted(tmp_path / "left", song=SONG | other)
    with Staging(tmp_path / "new") as staging:
        assert not take_over(staging.folder, SONG)
        assert not (staging.folder / JOURNAL).exists()
    assert (left / JOURNAL).exists()


def test_a_song_in_work_is_not_taken_away(tmp_path: Path) -> None:
    with Staging(tmp_path / "one") as one, Staging(tmp_path / "two") as two:
        take_over(one.folder, SONG)
        (one.folder / JOURNAL).write_text("ranges")
        (one.folder / "vocals.f32").write_bytes(b"vocals")
        assert not take_over(two.folder, SONG)
        assert (one.folder / "vocals.f32").exists()


def test_what_is_not_whole_begins_anew(tmp_path: Path) -> None:
    interrupted(tmp_path / "left", stems=False)
    with Staging(tmp_path / "new") as staging:
        assert not take_over(staging.folder, SONG)
        assert not (staging.folder / JOURNAL).exists()


def test_after_a_day_nothing_is_kept(tmp_path: Path) -> None:
    left = interrupted(tmp_path / "left")
    yesterday = time.time() - 25 * 3600
    os.utime(left / JOURNAL, (yesterday, yesterday))
    assert sweep(tmp_path) == 1
    assert not left.exists()


@pytest.mark.parametrize("text", ["[1", "[]", ""])
def test_a_folder_that_does_not_say_what_it_is_goes(tmp_path: Path, text: str) -> None:
    left = interrupted(tmp_path / "left")
    (left / UNFINISHED).write_text(text)
    assert sweep(tmp_path) == 1
    assert not left.exists()
