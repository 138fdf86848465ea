from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.separation.journal import Journal, recipe_hash
from karaoke_studio.separation.overlap_add import Blend, Network, OverlapAdd
from karaoke_studio.separation.ranges import Ranges

FRAMES = 40_000


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def opened(path, recipe="a", sync=lambda: None, clock=None):
    return Journal(path, recipe, sync, now_s=clock or Clock())


def test_only_checkpointed_ranges_are_believed(tmp_path):
    path, clock, synced = tmp_path / "journal", Clock(), []
    with opened(path, sync=lambda: synced.append(clock()), clock=clock) as journal:
        journal.add(0, 10)
        clock.now_s = 4.9
        journal.add(10, 20)
        assert path.read_bytes() == b""
        clock.now_s = 5.0
        journal.add(30, 40)
        assert synced == [5.0]
        journal.add(40, 50)
        assert list(journal.ready) == [(0, 20), (30, 50)]
    with opened(path) as journal:
        assert list(journal.ready) == [(0, 20), (30, 40)]
        assert journal.resumed == 30


def test_the_data_is_flushed_before_the_line_is_written(tmp_path):
    path = tmp_path / "journal"
    sizes = []
    with opened(path, sync=lambda: sizes.append(path.stat().st_size)) as journal:
        journal.add(0, 10)
        journal.checkpoint()
        journal.checkpoint()
    assert sizes == [0]
    assert path.stat().st_size > 0


def test_another_recipe_starts_again_and_strikes_the_old_lines(tmp_path):
    path = tmp_path / "journal"
    with opened(path, "a") as journal:
        journal.add(0, 10)
        journal.checkpoint()
    with opened(path, "b") as journal:
        assert not journal.ready
    # "b" may have overwritten what "a" had made
    with opened(path, "a") as journal:
        assert not journal.ready


def test_a_device_lost_in_the_middle_keeps_the_ranges_apart(tmp_path):
    path = tmp_path / "journal"
    with opened(path, "gpu") as journal:
        journal.add(0, 10)
        journal.use("cpu")
        journal.add(10, 20)
        journal.checkpoint()
        assert journal.ready.covers(0, 20)
    with opened(path, "gpu") as journal:
        assert list(journal.ready) == [(0, 10)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:-9],
        lambda data: data + b'{"recipe": "a", "ranges": [[20, 30]]}',
        lambda data: data + b"\0\0\0\n",
        lambda data: data + b'{"recipe": "a"}\n{"recipe": "a", "ranges": [[1]]}\n[]\n7\n',
    ],
)
def test_a_torn_or_foreign_line_is_not_believed(damage, tmp_path):
    path = tmp_path / "journal"
    with opened(path) as journal:
        journal.add(0, 10)
        journal.checkpoint()
        journal.add(10, 20)
        journal.checkpoint()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with opened(path) as journal:
        expected = [(0, 20)] if path.read_bytes() == whole else [(0, 10)]
        assert list(journal.ready) == expected
        journal.add(50, 60)
        journal.checkpoint()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[-1]["ranges"] == [[50, 60]]


def test_any_change_of_the_recipe_changes_its_name():
    recipe = {"song": "ab", "device": "cpu", "threads": 2, "overlap": 0.25}
    assert recipe_hash(recipe) == recipe_hash(dict(reversed(recipe.items())))
    for name in recipe:
        assert recipe_hash(recipe | {name: "other"}) != recipe_hash(recipe)


_RUN = """
import sys
from pathlib import Path
from tests.separation.test_journal import separate
separate(Path(sys.argv[1]), pause_s=0.004, interval_s=0.01)
"""


def separate(folder, pause_s=0.0, interval_s=0.0):
    """Separate a song by arithmetic into a staged file, resuming what is there."""

    def read(start, stop):
        frames = np.arange(start, stop)
        inside = (frames >= 0) & (frames < FRAMES)
        return np.where(inside, np.sin(frames * 0.01), 0).astype(np.float32)[None]

    def forward(samples):
        time.sleep(pause_s)
        ramp = np.linspace(0.5, 1.5, samples.shape[-1], dtype=np.float32)
        return (samples * ramp)[None]

    path = folder / "vocals.f32"
    made = []
    file = RawFile.open(path, 1, writable=True) if path.exists() else None
    with (
        file or RawFile.create(path, 1, FRAMES) as staged,
        Journal(folder / "journal", "a", staged.sync, interval_s=interval_s) as journal,
    ):

        def emit(start, block):
            staged.write(start, block[0].T)
            made.append(block.shape[-1])
            journal.add(start, start + block.shape[-1])

        loop = OverlapAdd(
            [Network(forward, 1000, (0,), (1.0,))],
            FRAMES,
            Blend(),
            emit,
            wanted=Ranges(journal.ready.missing(0, FRAMES)),
            edges=folder / "edges",
        )
        loop.run(read, lambda _fraction: None, lambda: None)
        journal.checkpoint()
    return sum(made)


def test_killed_at_any_moment_the_song_goes_on_and_has_the_same_bits(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    assert separate(whole) == FRAMES
    expected = (whole / "vocals.f32").read_bytes()
    resumed = 0
    for number in range(4):
        folder = tmp_path / f"killed{number}"
        folder.mkdir()
        command = [sys.executable, "-c", _RUN, str(folder)]
        with subprocess.Popen(command) as child:
            journal = folder / "journal"
            while not (journal.exists() and journal.stat().st_size > 200 * number):
                assert child.poll() is None
            if os.name == "posix":
                child.send_signal(signal.SIGKILL)
            else:
                child.kill()
        made = separate(folder)
        resumed += made < FRAMES
        assert (folder / "vocals.f32").read_bytes() == expected
        assert separate(folder) == 0
    assert resumed >= 3
