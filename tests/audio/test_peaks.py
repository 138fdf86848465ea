from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.audio.peaks import LEVELS, Peaks, PeaksBuilder, load_peaks, write_peaks

Floats = np.ndarray
STEP = 1 / 32767


def make_song(frames: int, channels: int, seed: int = 0) -> Floats:
    """Quiet noise with a few loud single samples."""
    rng = np.random.default_rng(seed)
    song = rng.uniform(-0.1, 0.1, (frames, channels)).astype(np.float32)
    for _ in range(max(1, frames // 5000)):
        song[rng.integers(frames), rng.integers(channels)] = rng.uniform(-1, 1)
    return song


def build(song: Floats, sizes: list[int] | None = None) -> tuple[Floats, Floats]:
    builder = PeaksBuilder()
    start = 0
    for size in sizes or [len(song)]:
        builder.add(song[start : start + size])
        start += size
    assert start >= len(song)
    return builder.finish()


def load(song: Floats, path: Path) -> Peaks:
    write_peaks(path, len(song), {"vocals": build(song), "instrumental": build(-song / 2)})
    return load_peaks(path)


# -- building ----------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 255, 256, 257, 4096, 10_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_256_frames_have_their_extremes(frames: int, channels: int) -> None:
    song = make_song(frames, channels)
    low, high = build(song)
    parts = [song[start : start + 256] for start in range(0, frames, 256)]
    assert low.dtype == high.dtype == np.float32
    assert low.tolist() == [part.min() for part in parts]
    assert high.tolist() == [part.max() for part in parts]


def test_how_the_song_is_cut_into_blocks_does_not_matter() -> None:
    song = make_song(20_000, 2)
    whole = build(song)
    rng = np.random.default_rng(4)
    for sizes in ([1] * 300 + [20_000], [255, 257, 256, 20_000], list(rng.integers(0, 900, 80))):
        got = build(song, [*sizes, 20_000])
        assert np.array_equal(whole[0], got[0])
        assert np.array_equal(whole[1], got[1])


def test_blocks_are_not_held_nor_changed() -> None:
    """The decoder uses one buffer again and again."""
    song = make_song(3000, 2)
    builder, buffer = PeaksBuilder(), np.empty((100, 2), np.float32)
    for start in range(0, 3000, 100):
        buffer[:] = song[start : start + 100]
        builder.add(buffer)
        assert np.array_equal(buffer, song[start : start + 100])
        buffer[:] = 9.0
    low, high = builder.finish()
    assert np.array_equal(high, build(song)[1])
    assert np.array_equal(low, build(song)[0])


def test_nothing_has_no_peaks(tmp_path: Path) -> None:
    low, high = PeaksBuilder().finish()
    assert low.size == high.size == 0
    write_peaks(tmp_path / "p", 0, {"vocals": (low, high)})
    peaks = load_peaks(tmp_path / "p")
    assert peaks.frames == 0
    assert peaks.columns("vocals", 0, 100, 5)[0].tolist() == [0.0] * 5


# -- the file ----------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 256, 4096, 4097, 65_536, 65_537, 300_000])
def test_each_level_holds_the_extremes_of_its_samples(frames: int, tmp_path: Path) -> None:
    song = make_song(frames, 2)
    peaks = load(song, tmp_path / "p")
    assert peaks.frames == frames
    assert peaks.stems == ("vocals", "instrumental")
    for pairs, size in zip(peaks.levels["vocals"], LEVELS, strict=True):
        parts = [song[start : start + size] for start in range(0, frames, size)]
        assert pairs.shape == (2, len(parts))
        assert np.allclose(pairs[0] * STEP, [part.min() for part in parts], atol=STEP / 2 + 1e-7)
        assert np.allclose(pairs[1] * STEP, [part.max() for part in parts], atol=STEP / 2 + 1e-7)


def test_what_is_over_full_scale_is_drawn_at_full_scale(tmp_path: Path) -> None:
    song = np.array([[1.7], [-3.0]], np.float32)
    low, high = load(song, tmp_path / "p").columns("vocals", 0, 2, 1)
    assert (low[0], high[0]) == (-1.0, 1.0)


def headed(header: bytes, rest: bytes = b"") -> bytes:
    return b"KSPEAKS1" + struct.pack("<I", len(header)) + header + rest


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"KSPEAKS",
        b"KSPEAKS1",
        b"KSPEAKS1\x01",
        b"KSPEAKS2\x02\x00\x00\x00{}",
        b"something else entirely",
        headed(b"{}"),
        headed(b"[]"),
        headed(b"{"),
        headed(b"\xff"),
        headed(b'{"frames": 10}'),
        headed(b'{"frames": "x", "stems": ["vocals"]}'),
        headed(b'{"frames": 10, "stems": 5}'),
        headed(b'{"frames": 1e400, "stems": ["vocals"]}'),
        headed(b'{"frames": 100000, "stems": ["vocals"]}', b"\0" * 50),
        headed(json.dumps({"frames": 10**18, "stems": ["vocals"]}).encode(), b"\0" * 50),
        headed(b'{"frames": -100000, "stems": ["vocals"]}', b"\0" * 50),
    ],
)
def test_a_damaged_file_is_a_value_error_and_nothing_else(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(ValueError, match="p is"):
        load_peaks(tmp_path / "p")


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    load(make_song(5000, 1), tmp_path / "p")
    data = (tmp_path / "p").read_bytes()
    for size in range(len(data)):
        (tmp_path / "p").write_bytes(data[:size])
        with pytest.raises(ValueError, match="p is"):
            load_peaks(tmp_path / "p")


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_peaks(tmp_path / "p")


# -- columns -----------------------------------------------------------------------------------


def slow_columns(
    song: Floats, start: float, stop: float, count: int
) -> tuple[list[float], list[float]]:
    """Every block that a column touches, at the level that fits, straight from the samples."""
    width = (stop - start) / count
    size = max((s for s in LEVELS if s <= width), default=LEVELS[0])
    low, high = [], []
    for column in range(count):
        left, right = start + column * width, start + (column + 1) * width
        first = max(0, math.floor(left / size)) * size
        part = song[first : max(first + size, math.ceil(right / size) * size)]
        outside = right < 1e-6 or left >= len(song)
        low.append(0.0 if outside else float(part.min()))
        high.append(0.0 if outside else float(part.max()))
    return low, high


RANGES = [
    (0, 300_000, 1000),
    (0, 300_000, 7),
    (0, 300_000, 1),
    (0, 300_000, 5000),
    (12_345, 98_765, 333),
    (299_000, 300_000, 50),
    (1000, 1010, 400),
    (0, 1, 3),
    (255, 257, 2),
    (-50_000, 50_000, 200),
    (250_000, 400_000, 300),
    (-600_000, 900_000, 20),
]


@pytest.mark.parametrize(("start", "stop", "count"), RANGES)
@pytest.mark.parametrize("channels", [1, 2])
def test_columns_hold_what_the_slow_way_finds(
    start: int, stop: int, count: int, channels: int, tmp_path: Path
) -> None:
    song = make_song(300_000, channels)
    low, high = load(song, tmp_path / "p").columns("vocals", start, stop, count)
    slow_low, slow_high = slow_columns(song, start, stop, count)
    assert low.dtype == high.dtype == np.float32
    assert np.allclose(low, slow_low, atol=STEP)
    assert np.allclose(high, slow_high, atol=STEP)


def test_one_loud_sample_anywhere_is_seen_at_every_zoom(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    for at in (0, 255, 256, 131_071, *rng.integers(0, 200_000, 10), 199_999):
        song = np.zeros((200_000, 1), np.float32)
        song[at] = 0.9
        peaks = load(song, tmp_path / "p")
        for count in (1, 13, 400, 781, 3000):
            _, high = peaks.columns("vocals", 0, 200_000, count)
            column = int(at * count / 200_000)
            near = high[max(0, column - 1) : column + 2]
            assert near.max() == pytest.approx(0.9, abs=STEP)


@pytest.mark.parametrize(
    ("start", "stop"), [(300_000, 400_000), (10**9, 10**9 + 5), (-100, 0), (-9000, -1000)]
)
def test_beyond_the_song_there_is_nothing(start: int, stop: int, tmp_path: Path) -> None:
    low, high = load(make_song(300_000, 2), tmp_path / "p").columns("vocals", start, stop, 40)
    assert not low.any()
    assert not high.any()


@pytest.mark.parametrize(
    ("start", "stop", "count"), [(0, 1000, 0), (0, 0, 0), (5, 5, 3), (0, 0, 2), (900, 100, 4)]
)
def test_empty_views_are_no_trouble(start: int, stop: int, count: int, tmp_path: Path) -> None:
    """A widget may be 0 pixels wide, a range may be empty."""
    low, high = load(make_song(2000, 1), tmp_path / "p").columns("vocals", start, stop, count)
    assert len(low) == len(high) == count


def test_random_views_never_fail(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    peaks = load(make_song(123_457, 2), tmp_path / "p")
    for _ in range(2000):
        start, stop = sorted(rng.integers(-200_000, 400_000, 2))
        low, high = peaks.columns("instrumental", int(start), int(stop), int(rng.integers(0, 700)))
        assert np.all(low <= high)
        assert np.all(np.abs(low) <= 1)


def test_an_unknown_stem_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        load(make_song(1000, 1), tmp_path / "p").columns("drums", 0, 100, 5)
