"""Moving a library: killed, cancelled, on full and bad disks, one whole library is left."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from karaoke_studio.errors import DiskFull, KaraokeError, OutputNotWritable
from karaoke_studio.library import move as moving
from karaoke_studio.library.copying import CopyDiffers
from karaoke_studio.library.move import (
    FOLDER_NAME,
    PlannedMove,
    copy_library,
    plan_move,
    settle_move,
)
from karaoke_studio.library.songs import SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.progress import Cancelled
from tests.library.takes import make_take

SONGS = 6


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, less what only a running program needs."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".staging" not in path.parts
    }


def titles(folder: Path) -> list[str]:
    writer = LibraryWriter(folder)
    library = SongLibrary(folder)
    try:
        return sorted(song.title for song in library.songs())
    finally:
        library.close()
        writer.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "library"
    writer = LibraryWriter(folder)
    for number in range(SONGS):
        song = writer.adopt(make_take(writer.staging, title=f"Song {number}"))
        take = next((folder / song.id / "takes").iterdir())
        (take / "vocals.flac").write_bytes(random.Random(number).randbytes(300_000))
    writer.remove(song.id).result()
    writer.close()
    return folder


@pytest.fixture
def journal(old: Path) -> Path:
    return old.parent / "move.json"


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "other disk"
    folder.mkdir()
    return folder


def go(_fraction: float = 0.0) -> None:
    """Report to nobody, and never cancel."""


def test_a_library_moves_whole(old: Path, into: Path, journal: Path) -> None:
    before, reports = contents(old), []
    plan = plan_move(old, into)
    assert plan.new == into / FOLDER_NAME
    assert plan.size_bytes == sum(map(len, before.values()))
    copy_library(plan, journal, reports.append, go)
    assert contents(old) == before, "the old one stays until the new one is used"
    assert reports == sorted(reports)
    assert reports[-1] == 1.0
    settle_move(journal, plan.new)
    assert contents(plan.new) == before
    assert not old.exists()
    assert not journal.exists()
    assert sorted(path.name for path in into.iterdir()) == [FOLDER_NAME]
    assert titles(plan.new) == [f"Song {n}" for n in range(SONGS - 1)]


def test_and_back_again(old: Path, into: Path, journal: Path, tmp_path: Path) -> None:
    before = contents(old)
    there = plan_move(old, into)
    copy_library(there, journal, go, go)
    settle_move(journal, there.new)
    back = plan_move(there.new, tmp_path / "data")
    copy_library(back, journal, go, go)
    settle_move(journal, back.new)
    assert contents(back.new) == before
    assert not there.new.exists()


def test_what_was_not_copied_is_never_deleted(old: Path, into: Path, journal: Path) -> None:
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    (old / "my notes.txt").write_text("put here meanwhile")
    settle_move(journal, plan.new)
    assert contents(old) == {"my notes.txt": b"put here meanwhile"}


def test_a_copy_that_is_not_used_goes_and_the_old_one_stays(
    old: Path, into: Path, journal: Path
) -> None:
    before = contents(old)
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    settle_move(journal, old)
    assert contents(old) == before
    assert list(into.iterdir()) == []
    assert not journal.exists()


def test_a_third_library_touches_neither(
    old: Path, into: Path, journal: Path, tmp_path: Path
) -> None:
    before = contents(old)
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    settle_move(journal, tmp_path / "third")
    assert contents(old) == before
    assert set(before) < set(contents(plan.new))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_cancelling_leaves_the_old_one(share: float, old: Path, into: Path, journal: Path) -> None:
    before, done = contents(old), [0.0]

    def check() -> None:
        if done[-1] >= share:
            raise Cancelled

    with pytest.raises(Cancelled):
        copy_library(plan_move(old, into), journal, done.append, check)
    assert contents(old) == before
    assert list(into.iterdir()) == []
    assert not journal.exists()


PROGRAM = """
import sys
from pathlib import Path
from karaoke_studio.library.move import copy_library, plan_move, settle_move
old, into, journal, settings = map(Path, sys.argv[1:])
plan = plan_move(old, into)
print("go", flush=True)
copy_library(plan, journal, lambda fraction: None, lambda: None)
(settings.parent / "new").write_text(str(plan.new))
(settings.parent / "new").replace(settings)
settle_move(journal, plan.new)
"""


def test_killed_at_any_moment_one_whole_library_is_left(
    old: Path, into: Path, journal: Path, tmp_path: Path
) -> None:
    before = contents(old)
    settings = tmp_path / "settings"
    arguments = [sys.executable, "-c", PROGRAM, *map(str, (old, into, journal, settings))]
    ends = {"old": 0, "new": 0}
    usual_s = 0.0
    for moment in range(-1, 14):
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline()
        started = time.monotonic()
        if moment < 0:  # undisturbed, to know how long it takes
            child.wait()
            usual_s = time.monotonic() - started
        time.sleep(usual_s * moment / 12 if moment > 0 else 0)
        child.kill()
        child.wait()
        child.stdout.close()
        used = Path(settings.read_text()) if settings.exists() else old
        assert {n: b for n, b in contents(used).items() if n != ".moved.json"} == before
        settle_move(journal, used)
        assert contents(used) == before
        left = [path for path in (old, into / FOLDER_NAME) if path.exists()]
        assert left == [used]
        assert not [path for path in into.iterdir() if path.name != FOLDER_NAME]
        ends["new" if used != old else "old"] += 1
        if used != old:  # back, for the next moment
            settings.unlink()
            used.rename(old)
    assert min(ends.values()) >= 2, ends


def test_killed_while_the_old_files_go_the_next_start_ends_it(
    old: Path, into: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(old)
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dies_after(5, Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            settle_move(journal, plan.new)
    assert old.exists()
    settle_move(journal, plan.new)
    assert contents(plan.new) == before
    assert not old.exists()
    assert not journal.exists()


def dies_after(times: int, call: Callable[..., None]) -> Callable[..., None]:
    left = [times]

    def dying(*args: object, **more: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        call(*args, **more)

    return dying


def test_a_disk_that_fills_up_meanwhile_leaves_the_old_one(
    old: Path, small_disk: Path, journal: Path
) -> None:
    before = contents(old)
    plan = PlannedMove(old, small_disk / FOLDER_NAME, sum(map(len, before.values())))
    with pytest.raises(DiskFull):
        copy_library(plan, journal, go, go)
    assert contents(old) == before
    assert list(small_disk.iterdir()) == []
    assert not journal.exists()


def test_a_disk_without_room_is_told_before(old: Path, small_disk: Path) -> None:
    with pytest.raises(DiskFull, match=r"needs 0\.1 GB, and 0\.0 GB are free"):
        plan_move(old, small_disk)


def test_a_disk_that_changes_bits_is_noticed(
    old: Path, into: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(old)
    copystat = moving.shutil.copystat

    def flip(source: Path, target: Path) -> None:
        copystat(source, target)
        if target.name == "vocals.flac":
            data = bytearray(target.read_bytes())
            data[len(data) // 2] ^= 1
            target.write_bytes(data)

    monkeypatch.setattr(moving.shutil, "copystat", flip)
    with pytest.raises(CopyDiffers, match=r"vocals\.flac arrived damaged"):
        copy_library(plan_move(old, into), journal, go, go)
    assert contents(old) == before
    assert list(into.iterdir()) == []


def refusals(old: Path, into: Path) -> Iterator[tuple[Path, str]]:
    (into / "taken" / FOLDER_NAME / "x").mkdir(parents=True)
    yield into / "taken", "something named"
    yield old, "into itself"
    yield old / ".trash", "into itself"
    yield into / "missing", "missing"


def test_folders_that_cannot_be_are_refused(old: Path, into: Path) -> None:
    for folder, words in refusals(old, into):
        with pytest.raises(OutputNotWritable, match=words) as refused:
            plan_move(old, folder)
        assert refused.value.message.endswith(".")


def test_where_it_is_already_is_refused(old: Path, into: Path, journal: Path) -> None:
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    settle_move(journal, plan.new)
    with pytest.raises(OutputNotWritable, match="already"):
        plan_move(plan.new, into)


def test_an_empty_folder_of_the_name_is_taken(old: Path, into: Path, journal: Path) -> None:
    (into / FOLDER_NAME).mkdir()
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    settle_move(journal, plan.new)
    assert len(titles(plan.new)) == SONGS - 1


@pytest.mark.parametrize("name", ["../../precious", "/etc/precious"])
def test_a_list_that_leads_elsewhere_is_not_followed(
    name: str, old: Path, into: Path, journal: Path, tmp_path: Path
) -> None:
    plan = plan_move(old, into)
    copy_library(plan, journal, go, go)
    precious = tmp_path / "precious"
    precious.write_text("mine")
    listed = plan.new / ".moved.json"
    facts = json.loads(listed.read_text())
    name = str(precious) if name.startswith("/") else name
    listed.write_text(json.dumps({**facts, "files": [name]}))
    settle_move(journal, plan.new)
    assert precious.exists()


def test_without_a_journal_there_is_nothing_to_settle(old: Path, journal: Path) -> None:
    before = contents(old)
    settle_move(journal, old)
    assert contents(old) == before


def test_a_source_that_cannot_be_read_moves_nothing(
    old: Path, into: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_move(old, into)

    def unreadable(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(moving._Copy, "_copy", unreadable)
    with pytest.raises(KaraokeError):
        copy_library(plan, journal, go, go)
    assert list(into.iterdir()) == []
