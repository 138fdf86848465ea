from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from karaoke_studio.audio import spectrogram
from karaoke_studio.audio.spectrogram import (
    HOP_FRAMES,
    ROWS,
    SCALES,
    Grid,
    Shape,
    Spectrogram,
    SpectrogramBuilder,
    coarser,
    level_db,
    load_spectrogram,
    make_spectrogram,
    row_hz,
    to_bytes,
    write_spectrogram,
)
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.progress import Cancelled

RATE = 44_100


def nothing(_fraction: float = 0.0) -> None:
    """Report to nobody."""


def build(song: np.ndarray, rate: int = RATE, sizes: tuple[int, ...] = ()) -> np.ndarray:
    builder = SpectrogramBuilder(len(song), rate, song.shape[1])
    start = 0
    for size in sizes:
        builder.add(song[start : start + size])
        start += size
    builder.add(song[start:])
    return builder.finish()


def sine(hz: float, seconds: float = 2.0, rate: int = RATE, channels: int = 2) -> np.ndarray:
    wave = np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)
    return np.repeat(wave[:, None], channels, axis=1)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("hz", [110.0, 440.0, 3_000.0])
def test_a_sine_lies_in_its_row(hz: float, rate: int) -> None:
    levels = build(sine(hz, rate=rate), rate)
    middle = levels[:, levels.shape[1] // 2]
    loudest = int(middle.argmax())
    # two transform bins lie 11 Hz apart, which is more than a row at the lowest notes
    assert abs(row_hz(loudest) - hz) <= max(0.025 * hz, rate / Grid.of(1, rate).window)
    # between two bins a row gets half the power
    assert level_db(middle[loudest]) == pytest.approx(0, abs=3.2)
    far = np.abs(np.arange(ROWS) - loudest) > 48
    assert level_db(middle[far].max()) < -55


@pytest.mark.parametrize("scale", ["mel", "linear"])
@pytest.mark.parametrize("window", [1024, 8192])
@pytest.mark.parametrize("hz", [440.0, 3_000.0, 9_000.0])
def test_every_scale_and_window_has_a_sine_in_its_row(hz: float, window: int, scale: str) -> None:
    song = sine(hz)
    builder = SpectrogramBuilder(len(song), RATE, 2, Shape(window, scale))
    builder.add(song)
    levels = builder.finish()
    middle = levels[:, levels.shape[1] // 2]
    loudest = int(middle.argmax())
    next_row = row_hz(loudest + 1, scale) - row_hz(loudest, scale)
    assert abs(row_hz(loudest, scale) - hz) <= max(next_row, RATE / window)
    assert level_db(middle[loudest]) == pytest.approx(0, abs=4.0)
    assert builder.grid.hop == window // 4


def test_scales_end_where_they_say() -> None:
    for scale, (low, high) in SCALES.items():
        assert row_hz(0, scale) == pytest.approx(low)
        assert row_hz(ROWS - 1, scale) == pytest.approx(high)


def test_a_file_knows_its_scale_and_its_levels(tmp_path: Path) -> None:
    song = sine(440.0, 1.0)
    builder = SpectrogramBuilder(len(song), RATE, 2, Shape(2048, "mel"))
    builder.add(song)
    write_spectrogram(tmp_path / "one", builder, sound_of(song))
    found = load_spectrogram(tmp_path / "one")
    assert (found.scale, found.hop) == ("mel", 512)
    row = min(range(ROWS), key=lambda row: abs(row_hz(row, "mel") - 440))
    assert found.db_at(22_050, row) > -6
    assert found.db_at(22_050, row + 60) < -55
    assert found.db_at(10**9, row) == level_db(float(found.levels[0][row, -1]))


def test_what_lies_above_half_the_rate_is_silent() -> None:
    levels = build(sine(1_000, rate=8_000), 8_000)
    above = np.array([row_hz(row) > 4_100 for row in range(ROWS)])
    assert not levels[above].any()


def test_an_impulse_lies_in_its_column() -> None:
    for column in (0, 7, 40):
        song = np.zeros((50 * HOP_FRAMES, 1), np.float32)
        song[column * HOP_FRAMES + HOP_FRAMES // 2] = 1.0
        levels = build(song).astype(np.int32)
        assert int(levels.sum(axis=0).argmax()) == column
        assert not levels[:, column + 4 :].any()


def test_opposite_channels_do_not_cancel() -> None:
    song = sine(440)
    song[:, 1] *= -1
    np.testing.assert_array_equal(build(song), build(sine(440)))


def test_blocks_of_any_size_give_the_same_bytes() -> None:
    rng = np.random.default_rng(3)
    song = rng.uniform(-1, 1, (400_000, 2)).astype(np.float32)
    whole = build(song)
    assert whole.shape == (ROWS, -(-len(song) // HOP_FRAMES))
    for sizes in ((1, 4095, 4096, 133_000), (7,) * 500, (262_144,)):
        np.testing.assert_array_equal(build(song, sizes=sizes), whole)


@pytest.mark.parametrize("frames", [1, 1023, 1025, 131_072, 140_001])
def test_every_frame_has_a_column(frames: int) -> None:
    levels = build(np.ones((frames, 1), np.float32))
    assert levels.shape == (ROWS, -(-frames // HOP_FRAMES))


def test_a_long_song_has_longer_columns() -> None:
    for hours in (0.05, 1, 12):
        grid = Grid.of(round(hours * 3600 * RATE), RATE)
        assert grid.columns <= spectrogram.COLUMN_LIMIT
        assert grid.step <= grid.window
        assert grid.hop % grid.step == 0


def test_columns_that_hold_several_transforms_miss_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spectrogram, "COLUMN_LIMIT", 20)
    song = np.zeros((400 * HOP_FRAMES, 1), np.float32)
    song[300 * HOP_FRAMES] = 1.0
    grid = Grid.of(len(song), RATE)
    assert grid.hop == 32 * HOP_FRAMES
    levels = build(song)
    assert levels.shape[1] == grid.columns
    assert int(levels.astype(np.int32).sum(axis=0).argmax()) == 300 * HOP_FRAMES // grid.hop


def test_coarser_levels_keep_the_power() -> None:
    fine = np.zeros((ROWS, 5), np.uint8)
    fine[10] = to_bytes(np.array([0.1, 0.3, 0.01, 0.01, 0.5], np.float32))
    half = coarser(fine)
    assert half.shape == (ROWS, 3)
    wanted = to_bytes(np.array([0.2, 0.01, 0.5], np.float32)).astype(int)
    # each rounding is half a byte, 0.2 dB
    assert np.abs(half[10].astype(int) - wanted).max() <= 1
    assert not half[11].any()


def write(folder: Path, **stems: np.ndarray) -> list[Path]:
    paths = []
    for name, song in stems.items():
        paths.append(folder / f"{name}.flac")
        soundfile.write(paths[-1], song, RATE, subtype="PCM_24")
    return paths


def sound_of(song: np.ndarray) -> dict[str, int]:
    return {"channels": song.shape[1], "sample_rate": RATE, "frames": len(song)}


@pytest.fixture
def loaded(tmp_path: Path) -> Spectrogram:
    song = 0.4 * sine(440, 30)
    stems = write(tmp_path, vocals=song, instrumental=0.4 * sine(1_760, 30))
    target = tmp_path / "cache" / "take" / "original"
    make_spectrogram(stems, target, sound_of(song), nothing, nothing)
    assert [path.name for path in target.parent.iterdir()] == ["original"]
    return load_spectrogram(target)


def test_a_file_holds_the_sum_of_its_stems_at_every_level(loaded: Spectrogram) -> None:
    assert loaded.frames == 30 * RATE
    assert [level.shape[1] for level in loaded.levels] == [1292, 646]
    for level in loaded.levels:
        middle = level[:, level.shape[1] // 2].astype(int)
        for hz in (440, 1_760):
            row = min(range(ROWS), key=lambda row: abs(row_hz(row) - hz))
            assert level_db(middle[row - 1 : row + 2].max()) == pytest.approx(-8, abs=3)


def test_the_level_fits_the_columns_wanted(loaded: Spectrogram) -> None:
    assert loaded.level_for(10)[1] == HOP_FRAMES
    assert loaded.level_for(2 * HOP_FRAMES - 1)[1] == HOP_FRAMES
    level, hop = loaded.level_for(2 * HOP_FRAMES)
    assert (level.shape[1], hop) == (646, 2 * HOP_FRAMES)
    assert loaded.level_for(1e9)[1] == 2 * HOP_FRAMES
    assert -12 < level_db(loaded.loudest(0.9999)) < -4


def test_a_cancelled_or_failed_one_leaves_nothing(tmp_path: Path) -> None:
    song = sine(440, 20)
    stems = write(tmp_path, vocals=song)
    target = tmp_path / "cache" / "vocals"

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        make_spectrogram(stems, target, sound_of(song), nothing, stop)
    stems[0].write_bytes(stems[0].read_bytes()[:5_000])
    with pytest.raises(CorruptAudio):
        make_spectrogram(stems, target, sound_of(song), nothing, nothing)
    assert not target.parent.exists()


@pytest.mark.parametrize("damage", [b"", b"KSSPECT1", b"KSSPECT1\x02\0\0\0{}", b"other" * 9])
def test_what_is_no_spectrogram_is_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(damage)
    with pytest.raises(ValueError, match="file"):
        load_spectrogram(path)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    song = sine(440, 5)
    target = tmp_path / "vocals.spectrogram"
    make_spectrogram(write(tmp_path, vocals=song), target, sound_of(song), nothing, nothing)
    target.write_bytes(target.read_bytes()[:-1])
    with pytest.raises(ValueError, match="damaged"):
        load_spectrogram(target)


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes")
def test_seed_001_10_memory_does_not_grow_with_the_song() -> None:
    block = np.random.default_rng(1).uniform(-1, 1, (262_144, 2)).astype(np.float32)
    builder = SpectrogramBuilder(200 * len(block), RATE, 2)
    builder.add(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        builder.add(block)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000
