"""What is written comes back: bit for bit where it can, frame for frame everywhere."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from karaoke_studio.audio.decode import open_source
from karaoke_studio.audio.encode import (
    codec_versions,
    holdable_depth,
    holdable_rate,
    read_floats,
    read_integers,
    write_audio,
)
from karaoke_studio.audio.sniff import sniff
from karaoke_studio.errors import CorruptAudio, MissingFile
from karaoke_studio.job import FORMATS
from tests.audio.sounds import blocks_of, clicks, decode, open_files
from tests.helpers.signals import noise, sine

LOSSLESS = [("wav", "16"), ("wav", "24"), ("flac", "16"), ("flac", "24")]
LOSSY = ["mp3", "m4a", "ogg", "opus"]
RATES = [8_000, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000]


def write(path: Path, samples: np.ndarray, rate: int, format_: str, **more: object) -> None:
    values = {"bit_depth": "32f", "frames": len(samples), "channels": samples.shape[1]} | more
    write_audio(path, blocks_of(samples), sample_rate=rate, format=format_, **values)


def extremes(bits: int, frames: int, channels: int) -> np.ndarray:
    """Random integers with full scale, zero and both signs among them."""
    top = 2 ** (bits - 1)
    values = np.random.default_rng(bits).integers(-top, top, (frames, channels))
    values[:5] = np.array([-top, top - 1, 0, 1, -1])[:, None]
    return values.astype(np.int32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 44_100, 44_101, 192_000])
@pytest.mark.parametrize(("format_", "depth"), LOSSLESS)
def test_integers_come_back_bit_for_bit(
    tmp_path: Path, format_: str, depth: str, rate: int, channels: int
) -> None:
    path = tmp_path / "a"
    given = extremes(int(depth), 70_001, channels)
    before = given.copy()
    write(path, given, rate, format_, bit_depth=depth)
    np.testing.assert_array_equal(given, before)
    read = np.concatenate([block.copy() for block in read_integers(path)])
    np.testing.assert_array_equal(read, given)
    samples, said = decode(path)
    np.testing.assert_array_equal(samples, (given / 2.0 ** (int(depth) - 1)).astype(np.float32))
    assert said == []
    with open_source(path) as source:
        assert (source.sample_rate, source.bits, source.container) == (rate, int(depth), format_)


@pytest.mark.parametrize("channels", [1, 2])
def test_floats_come_back_bit_for_bit(tmp_path: Path, channels: int) -> None:
    given = noise(2, 44_100, channels, level=1.0).T
    assert np.abs(given).max() > 1
    write(tmp_path / "a.wav", given, 44_100, "wav")
    read = np.concatenate([block.copy() for block in read_floats(tmp_path / "a.wav")])
    np.testing.assert_array_equal(read, given)


def assert_frame_exact(path: Path, format_: str, rate: int, frames: int, channels: int) -> None:
    """Clicks at both ends and in the middle come back on their frames, and no frame more."""
    at = (rate // 10, frames // 2, frames - rate // 10)
    write(path, clicks(frames, at, channels), rate, format_)
    samples, said = decode(path)
    assert samples.shape == (frames, channels)
    assert said == []
    near = rate // 20
    for frame in at:
        around = np.abs(samples[frame - near : frame + near, -1])
        assert int(np.argmax(around)) == near


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [44_100, 100_001, 343_979])
@pytest.mark.parametrize("format_", LOSSY)
def test_lossy_files_keep_every_frame_in_place(
    tmp_path: Path, format_: str, frames: int, channels: int
) -> None:
    rate = holdable_rate(format_, 44_100)
    assert_frame_exact(tmp_path / "a", format_, rate, frames, channels)


@pytest.mark.parametrize(
    ("format_", "rate"), sorted({(f, holdable_rate(f, r)) for f in LOSSY for r in RATES})
)
def test_lossy_files_at_every_rate(tmp_path: Path, format_: str, rate: int) -> None:
    assert_frame_exact(tmp_path / "a", format_, rate, rate + 777, 2)


@pytest.mark.parametrize("frames", [374_401, 374_440])
def test_padding_of_more_than_one_mp3_frame(tmp_path: Path, frames: int) -> None:
    assert_frame_exact(tmp_path / "a", "mp3", 48_000, frames, 1)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [1.0, 7.8, 61.0])
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("format_", LOSSY)
def test_lossy_files_in_full(
    tmp_path: Path, format_: str, rate: int, off: int, seconds: float, channels: int
) -> None:
    rate = holdable_rate(format_, rate)
    assert_frame_exact(tmp_path / "a", format_, rate, round(seconds * rate) + off, channels)


@pytest.mark.parametrize("format_", LOSSY)
def test_lossy_sound_is_good(tmp_path: Path, format_: str) -> None:
    rate = holdable_rate(format_, 44_100)
    given = np.stack([sine(2, rate, 440, 1, level=0.4)[0], sine(2, rate, 997, 1)[0]], axis=1)
    write(tmp_path / "a", given, rate, format_)
    error = (decode(tmp_path / "a")[0] - given)[rate // 2 : -rate // 2]
    assert 20 * np.log10(np.sqrt(np.mean(error**2)) / 0.3) < -30


@pytest.mark.parametrize(
    ("format_", "low", "high"),
    [("mp3", 96, 320), ("m4a", 96, 256), ("opus", 64, 192), ("ogg", 96, 320)],
)
def test_the_bitrate_is_kept(tmp_path: Path, format_: str, low: int, high: int) -> None:
    rate = holdable_rate(format_, 44_100)
    given = noise(5, rate).T
    sizes = []
    for kbps in (low, high):
        write(tmp_path / "a", given, rate, format_, bitrate_kbps=kbps)
        sizes.append((tmp_path / "a").stat().st_size * 8 / 5000)
    # quality-based OGG of noise, the hardest of all signals, may be far off
    assert sizes == pytest.approx([low, high], rel=0.45 if format_ == "ogg" else 0.15)


@pytest.mark.parametrize("format_", LOSSY)
def test_overloaded_sound_survives(tmp_path: Path, format_: str) -> None:
    rate = holdable_rate(format_, 44_100)
    write(tmp_path / "a", sine(1, rate, 440, level=3.0).T, rate, format_)
    samples, _ = decode(tmp_path / "a")
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() > 0.9


@pytest.mark.parametrize(
    ("format_", "rate", "expected"),
    [
        ("wav", 44_101, 44_101),
        ("wav", 384_000, 384_000),
        ("flac", 44_101, 44_101),
        ("flac", 65_535, 65_535),
        ("flac", 65_537, 65_540),
        ("flac", 88_200, 88_200),
        ("flac", 384_000, 384_000),
        ("mp3", 44_101, 44_100),
        ("mp3", 4_000, 8_000),
        ("mp3", 88_200, 48_000),
        ("m4a", 192_000, 96_000),
        ("m4a", 44_100, 44_100),
        ("opus", 44_100, 48_000),
        ("opus", 8_000, 48_000),
        ("ogg", 44_101, 44_101),
        ("ogg", 384_000, 192_000),
    ],
)
def test_holdable_rates(tmp_path: Path, format_: str, rate: int, expected: int) -> None:
    assert holdable_rate(format_, rate) == expected
    integers = format_ == "flac"
    block = np.zeros((expected, 1), np.int32 if integers else np.float32)
    write(tmp_path / "a", block, expected, format_, bit_depth="24" if integers else "32f")
    with open_source(tmp_path / "a") as source:
        assert source.sample_rate == expected


def test_the_rule_for_flac_is_true(tmp_path: Path) -> None:
    """The rate that `holdable_rate` moves away from really cannot be held."""
    with pytest.raises(sf.LibsndfileError):
        write(tmp_path / "a", np.zeros((9, 1), np.int32), 65_537, "flac", bit_depth="16")


def test_holdable_depths() -> None:
    assert holdable_depth("flac", "32f") == "24"
    assert [holdable_depth("flac", depth) for depth in ("16", "24")] == ["16", "24"]
    assert [holdable_depth("wav", depth) for depth in ("16", "24", "32f")] == ["16", "24", "32f"]


def test_a_long_wav_becomes_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("karaoke_studio.audio.encode._WAV_LIMIT_BYTES", (32 << 20) + 100_000)
    given = extremes(16, 50_001, 1)
    write(tmp_path / "a.wav", given, 44_100, "wav", bit_depth="16")
    assert sniff(tmp_path / "a.wav").name == "rf64"
    read = np.concatenate([block.copy() for block in read_integers(tmp_path / "a.wav")])
    np.testing.assert_array_equal(read, given)
    write(tmp_path / "b.wav", given[:50_000], 44_100, "wav", bit_depth="16")
    assert sniff(tmp_path / "b.wav").name == "wav"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_wrong_number_of_frames_is_noticed_and_nothing_left(tmp_path: Path, format_: str) -> None:
    kind = np.int32 if format_ in {"wav", "flac"} else np.float32
    samples = np.zeros((48_000, 2), kind)
    with pytest.raises(ValueError, match="48001 frames were promised and 48000 came"):
        write(tmp_path / "a", samples, 48_000, format_, bit_depth="16", frames=48_001)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", FORMATS)
def test_an_error_of_the_blocks_passes_and_nothing_is_left(tmp_path: Path, format_: str) -> None:
    class Stopped(Exception):
        pass

    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros((48_000, 2), np.int32 if format_ in {"wav", "flac"} else np.float32)
        raise Stopped

    before = open_files()
    with pytest.raises(Stopped):
        write_audio(
            tmp_path / "a",
            blocks(),
            sample_rate=48_000,
            channels=2,
            format=format_,
            bit_depth="16",
            frames=96_000,
        )
    assert list(tmp_path.iterdir()) == []
    assert open_files() == before


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path_factory.mktemp("small")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free_kb", [0, 4, 100, 700])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_full_disk_is_named_as_such(small_disk: Path, format_: str, free_kb: int) -> None:
    integers = format_ in {"wav", "flac"}
    samples = noise(60, 48_000).T
    filler = small_disk / "filler"
    filler.write_bytes(bytes((1024 - free_kb) * 1024 - 8192 if free_kb else (1 << 20) - 4096))
    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 (told by number)
            write(
                small_disk / "a",
                (samples * 32_767).astype(np.int32) if integers else samples,
                48_000,
                format_,
                bit_depth="16",
            )
        assert caught.value.errno == errno.ENOSPC
        assert not (small_disk / "a").exists()
    finally:
        filler.unlink()


@pytest.mark.parametrize("format_", FORMATS)
def test_every_byte_that_does_not_fit_is_noticed(tmp_path: Path, format_: str) -> None:
    """The limit of a file's size is moved through the last bytes, where libraries flush."""
    integers = format_ in {"wav", "flac"}
    samples = noise(1, 48_000).T
    values = (samples * 32_767).astype(np.int32) if integers else samples
    write(tmp_path / "whole", values, 48_000, format_, bit_depth="16")
    size = (tmp_path / "whole").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        for missing in (1, 2, 100, 5000, size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - missing, hard))
            with pytest.raises(OSError) as caught:  # noqa: PT011 (told by number)
                write(tmp_path / "cut", values, 48_000, format_, bit_depth="16")
            assert caught.value.errno == errno.EFBIG
            assert not (tmp_path / "cut").exists()
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        write(tmp_path / "fits", values, 48_000, format_, bit_depth="16")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "no" / "a.wav", clicks(9, (1,)), 44_100, "wav")


def test_reading_back_a_cut_file_is_an_error(tmp_path: Path) -> None:
    given = extremes(24, 200_000, 2)
    for format_ in ("wav", "flac"):
        path = tmp_path / f"a.{format_}"
        write(path, given, 44_100, format_, bit_depth="24")
        path.write_bytes(path.read_bytes()[:500_000])
        with pytest.raises(CorruptAudio, match=path.name):
            list(read_integers(path))
    with pytest.raises(MissingFile):
        next(read_integers(tmp_path / "none.wav"))


def test_versions_are_told() -> None:
    assert {"soundfile", "libsndfile", "av", "mutagen", "libavcodec"} <= set(codec_versions())
