"""Killed and cancelled at many moments: never a half song, never a child left, quick to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from karaoke_studio import notes
from karaoke_studio.errors import DiskFull, EngineCrashed
from karaoke_studio.progress import Cancelled
from tests.helpers.signals import noise
from tests.helpers.street import Street, read_ints, write_song

MOMENTS = 20


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(tmp_path_factory.mktemp("faults"))
    yield street
    street.close()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.flac"
    return write_song(path, noise(45, 44_100, 2), 44_100, "PCM_16")


@pytest.fixture(scope="module")
def usual_s(street: Street, song: Path) -> float:
    """How long the song takes undisturbed."""
    street.make(song, engine="centre")
    started = time.monotonic()
    street.make(song, engine="centre")
    return time.monotonic() - started


def check_nothing_half(folder: Path) -> None:
    """Either nothing is there, or whole files that sum to the song."""
    names = sorted(path.name for path in folder.iterdir())
    assert not [name for name in names if name.startswith(".")], "staging was left behind"
    assert names in ([], ["song (Instrumental).flac", "song (Vocals).flac"])


def test_next_job_starts_at_once_after_a_cancel(street: Street, song: Path) -> None:
    stop = threading.Event()

    def cancel_while_separating(progress: object) -> None:
        if getattr(progress, "stage", None) == "separating":
            stop.set()

    with pytest.raises(Cancelled):
        street.make(song, engine="slow", stop=stop, report=cancel_while_separating)
    started = time.monotonic()
    street.make(song, engine="echo_any", stems=("vocals",))
    assert time.monotonic() - started < 10


def test_killed_children_are_given_the_stage_once_more(
    street: Street, song: Path, usual_s: float, tmp_path: Path
) -> None:
    hits = 0
    for number in range(MOMENTS):
        out = tmp_path / str(number)
        worker = street.workers.builtin if number % 2 else street.workers.transfer

        def kill(worker=worker) -> None:
            if worker.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)

        timer = threading.Timer(usual_s * (number + 0.5) / MOMENTS, kill)
        timer.start()
        try:
            result = street.make(song, engine="centre", out=out)
        finally:
            timer.cancel()
            timer.join()
        check_nothing_half(out)
        hits += notes.CHILD_RESTARTED in result.notes
        assert result.null_exact is True
    assert hits >= 3, "the kills missed the job"


def test_a_song_that_kills_twice_fails(street: Street, song: Path, tmp_path: Path) -> None:
    kills = 0

    def kill(progress: object) -> None:
        nonlocal kills
        if getattr(progress, "stage", None) == "separating" and street.workers.builtin.pid:
            kills += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(street.workers.builtin.pid, signal.SIGKILL)

    started = time.monotonic()
    with pytest.raises(EngineCrashed) as caught:
        street.make(song, engine="slow", out=tmp_path / "out", report=kill)
    assert time.monotonic() - started < 10
    assert kills >= 2
    assert caught.value.hint
    check_nothing_half(tmp_path / "out")


def test_a_child_outlives_nobody(street: Street, song: Path) -> None:
    street.make(song, engine="echo_any", stems=("vocals",))
    pid = street.workers.builtin.pid
    assert pid is not None
    street.workers.builtin._process._popen.stdin.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and street.workers.builtin.pid is not None:
        time.sleep(0.02)
    assert street.workers.builtin.pid is None


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk takes root"
)
@pytest.mark.parametrize("size_mb", [1, 8, 14, 18, 21, 23])
def test_small_disks(street: Street, song: Path, tmp_path: Path, size_mb: int) -> None:
    # 45 s of stereo: 2 × 15.9 MB staged, about 2 × 5 MB written
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size={size_mb}m tmpfs {disk}"):
        pytest.skip("a small disk cannot be mounted here")
    try:
        with pytest.raises(DiskFull) as caught:
            street.make(song, engine="centre", out=disk / "out")
        assert "MB" in caught.value.message
        assert caught.value.hint
        assert not list((disk / "out").iterdir())
    finally:
        assert os.system(f"umount {disk}") == 0


def test_whole_files_after_every_fault(street: Street, song: Path, tmp_path: Path) -> None:
    result = street.make(song, engine="centre", out=tmp_path)
    whole, _ = read_ints(song)
    vocals, _ = read_ints(result.vocals_path)
    music, _ = read_ints(result.instrumental_path)
    assert (vocals + music == whole).all()
