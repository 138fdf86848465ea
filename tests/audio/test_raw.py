from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.audio.raw import RawFile
from tests.helpers.disks import fill_disk

pytestmark = pytest.mark.usefixtures("nothing_left")


def ramp(frames: int, channels: int, first: int = 0) -> np.ndarray:
    """Samples that say where they belong; exact in float32."""
    count = frames * channels
    return np.arange(first, first + count, dtype=np.float32).reshape(frames, channels)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read(channels: int, tmp_path: Path) -> None:
    wanted = ramp(1000, channels)
    with RawFile.create(tmp_path / "x.f32", channels, 1000) as file:
        file.write(0, wanted)
        file.sync()
        assert np.array_equal(file.read(0, 1000), wanted)
    with RawFile.open(tmp_path / "x.f32", channels) as file:
        assert file.frames == 1000
        block = file.read(250, 750)
    assert block.dtype == np.float32
    assert block.shape == (500, channels)
    assert np.array_equal(block, wanted[250:750])
    # the layout that other programs may rely on: little-endian, interleaved
    assert (tmp_path / "x.f32").read_bytes() == wanted.astype("<f4").tobytes()


def test_a_new_file_is_silence_of_its_full_length_and_takes_no_room(tmp_path: Path) -> None:
    frames = 10_000_000
    with RawFile.create(tmp_path / "x.f32", 2, frames) as file:
        assert file.frames == frames
        assert not file.read(frames - 10, frames).any()
    status = (tmp_path / "x.f32").stat()
    assert status.st_size == frames * 8
    if os.name == "posix":
        assert status.st_blocks * 512 < 1_000_000


def test_ranges_are_written_in_any_order(tmp_path: Path) -> None:
    wanted = ramp(1000, 2)
    rng = np.random.default_rng(1)
    with RawFile.create(tmp_path / "x.f32", 2, 1000) as file:
        for start in rng.permutation(np.arange(0, 1000, 37)):
            file.write(int(start), wanted[start : start + 37])
        assert np.array_equal(file.read(0, 1000), wanted)
        assert file.frames == 1000


def test_a_file_grows_when_written_past_its_end(tmp_path: Path) -> None:
    with RawFile.create(tmp_path / "x.f32", 2) as file:
        assert file.frames == 0
        assert file.read(0, 10).shape == (0, 2)
        file.write(0, ramp(10, 2))
        file.write(20, ramp(5, 2))
        assert file.frames == 25
        assert not file.read(10, 20).any()


@pytest.mark.parametrize(
    ("start", "stop", "first", "last"),
    [
        (-5, 3, 0, 3),
        (95, 105, 95, 100),
        (100, 110, 0, 0),
        (500, 600, 0, 0),
        (7, 7, 0, 0),
        (8, 3, 0, 0),
        (-9, -3, 0, 0),
        (-10, 1000, 0, 100),
    ],
)
def test_reading_is_clipped_to_the_file(
    start: int, stop: int, first: int, last: int, tmp_path: Path
) -> None:
    wanted = ramp(100, 2)
    with RawFile.create(tmp_path / "x.f32", 2) as file:
        file.write(0, wanted)
        assert np.array_equal(file.read(start, stop), wanted[first:last])


@pytest.mark.parametrize(
    "make",
    [
        lambda whole: whole.T.copy().T,  # Fortran order
        lambda whole: np.repeat(whole, 2, axis=0)[::2],  # strides
        lambda whole: whole.astype(">f4"),
        lambda whole: whole.astype(np.float64),
    ],
)
def test_blocks_of_any_layout_are_written_right(make: object, tmp_path: Path) -> None:
    wanted = ramp(100, 2)
    with RawFile.create(tmp_path / "x.f32", 2) as file:
        file.write(0, make(wanted))  # type: ignore[operator]
        assert np.array_equal(file.read(0, 100), wanted)


def test_values_are_kept_to_the_bit(tmp_path: Path) -> None:
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3e38, -1.0], np.float32)
    with RawFile.create(tmp_path / "x.f32", 1) as file:
        file.write(0, odd.reshape(-1, 1))
        assert file.read(0, 8).tobytes() == odd.tobytes()


def test_an_empty_block_changes_nothing(tmp_path: Path) -> None:
    with RawFile.create(tmp_path / "x.f32", 2, 5) as file:
        file.write(100, np.empty((0, 2), np.float32))
        assert file.frames == 5


def test_a_file_that_shrank_is_an_error_with_its_name(tmp_path: Path) -> None:
    with RawFile.create(tmp_path / "x.f32", 2, 100) as file:
        os.truncate(tmp_path / "x.f32", 50)
        with pytest.raises(OSError, match=r"x\.f32 ends early"):
            file.read(0, 100)


def test_half_a_frame_at_the_end_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "x.f32").write_bytes(bytes(8 * 10 + 5))
    with RawFile.open(tmp_path / "x.f32", 2) as file:
        assert file.frames == 10


def test_opening_to_read_cannot_write(tmp_path: Path) -> None:
    RawFile.create(tmp_path / "x.f32", 2, 10).close()
    with RawFile.open(tmp_path / "x.f32", 2) as file, pytest.raises(OSError, match=r"."):
        file.write(0, ramp(1, 2))
    with RawFile.open(tmp_path / "x.f32", 2, writable=True) as file:
        file.write(3, ramp(1, 2, first=7))
    with RawFile.open(tmp_path / "x.f32", 2) as file:
        assert file.read(3, 4).tolist() == [[7, 8]]


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RawFile.open(tmp_path / "x.f32", 2)
    with pytest.raises(FileNotFoundError):
        RawFile.create(tmp_path / "gone" / "x.f32", 2)


def test_a_full_disk_is_told_and_nothing_stays_open(small_disk: Path) -> None:
    def write() -> None:
        with RawFile.create(small_disk / "x.f32", 2, 1_000_000) as file:  # sparse: fits
            for start in range(0, 1_000_000, 10_000):
                file.write(start, ramp(10_000, 2))

    with pytest.raises(OSError, match=r".") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC
    fill_disk(small_disk)


def test_a_length_that_no_disk_holds_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises((OSError, OverflowError)):
        RawFile.create(tmp_path / "x.f32", 2, 1 << 59)
