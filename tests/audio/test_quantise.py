from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.audio import quantise
from karaoke_studio.audio.quantise import (
    BLOCK_FRAMES,
    NullTest,
    Quantiser,
    StagedSong,
    block_count,
    choose_gain,
    float_peak,
    stem_block,
)
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.progress import Cancelled

pytestmark = pytest.mark.usefixtures("nothing_left")

Floats = np.ndarray


def pair(original: RawFile, vocals: RawFile) -> StagedSong:
    return StagedSong(original, {"vocals": vocals})


class Pair:
    """A staged song with its vocals."""

    def __init__(self, folder: Path, whole: Floats, voice: Floats) -> None:
        self.files = []
        for name, samples in (("original", whole), ("vocals", voice)):
            file = RawFile.create(folder / f"{name}.f32", samples.shape[1])
            file.write(0, samples.astype(np.float32))
            self.files.append(file)

    def __enter__(self) -> tuple[RawFile, RawFile]:
        return self.files[0], self.files[1]

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.close()


def random_pair(seed: int, frames: int, channels: int, level: float) -> tuple[Floats, Floats]:
    """A song and vocals that are not simply a part of it."""
    rng = np.random.default_rng(seed)
    whole = rng.uniform(-level, level, (frames, channels)).astype(np.float32)
    voice = (whole * rng.uniform(0, 1.2) + rng.normal(0, 0.1 * level, whole.shape)).astype("f4")
    return whole, voice


def exact(samples: Floats, bits: int, gain: float) -> Floats:
    """The slow obvious rounding: float64, half to even."""
    return np.array(
        [[round(float(x) * gain * 2 ** (bits - 1)) for x in frame] for frame in samples]
    )


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("gain", [1.0, 0.5, 0.125])
def test_rounding_is_what_arithmetic_says(bits: int, gain: float) -> None:
    whole, _ = random_pair(1, 3000, 2, 1.5)
    whole[:5, 0] = [0.5 / 2 ** (bits - 1), 1.5 / 2 ** (bits - 1), -0.5 / 2**15, 1.0, -1.0]
    law = Quantiser(bits, gain)
    assert law.original(whole).dtype == np.int32
    assert np.array_equal(law.original(whole), exact(whole, bits, gain))
    assert np.array_equal(law.stem(whole, "vocals", 7), law.original(whole))


@pytest.mark.parametrize(
    ("bits", "dither", "power"),
    [(24, False, True), (24, False, False), (16, True, False), (16, False, False)],
)
@pytest.mark.parametrize("level", [0.01, 0.99, 1.0, 1.045, 3.9, 200.0, 300.0, 1e6, 1e30])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_pair_sums_to_the_song_exactly_and_nothing_clips(
    bits: int, dither: bool, power: bool, level: float, channels: int, tmp_path: Path
) -> None:
    whole, voice = random_pair(int(level * 10) % 97, 4000, channels, level)
    whole[0], voice[1] = level, -level
    with Pair(tmp_path, whole, voice) as (original, vocals):
        law = choose_gain(bits, pair(original, vocals), is_dithered=dither, powers_of_two=power)
        v = stem_block("vocals", law, pair(original, vocals), 0)
        i = stem_block("instrumental", law, pair(original, vocals), 0)
        o = law.original(whole)
    assert np.array_equal(v + i, o)
    limit = 2 ** (bits - 1)
    for part in (v, i, o):
        assert -limit <= part.min() <= part.max() < limit
    # no more is taken away than must be: what was louder by two steps would not fit
    loudest = max(-min(p.min() for p in (v, i, o)), max(p.max() for p in (v, i, o)))
    if law.gain != 1.0:
        assert loudest >= limit / (2 if power else 1) - 10
    assert law.gain <= 1.0


def test_quiet_songs_are_not_touched(tmp_path: Path) -> None:
    whole, voice = random_pair(3, 2000, 2, 0.4)
    with Pair(tmp_path, whole, voice) as files:
        for bits, power in itertools.product((16, 24), (True, False)):
            assert choose_gain(bits, pair(*files), powers_of_two=power).gain == 1.0


@pytest.mark.parametrize("step", range(-4, 5))
@pytest.mark.parametrize("octave", [0, 1, 2, 5])
def test_a_take_is_shifted_by_as_few_bits_as_possible(
    step: int, octave: int, tmp_path: Path
) -> None:
    """Peaks at the very edge of each shift, against trying one shift after the other."""
    peak = (2.0**octave * (2**23 - 1) + step) / 2**23
    whole = np.array([[peak], [-peak], [0.25]], np.float32)
    with Pair(tmp_path, whole, whole * np.float32(0.5)) as (original, vocals):
        law = choose_gain(24, pair(original, vocals), powers_of_two=True)

        def fits(gain: float) -> bool:
            trial = Quantiser(24, gain)
            v = stem_block("vocals", trial, pair(original, vocals), 0)
            i = stem_block("instrumental", trial, pair(original, vocals), 0)
            parts = np.concatenate([v, i, v + i])
            return trial.fits(int(parts.min()), int(parts.max()))

        fewest = next(shift for shift in range(20) if fits(2.0**-shift))
    assert -math.log2(law.gain) == fewest


@pytest.mark.parametrize("value", [300.0, -300.0, 1e30, -1e30, 3e38])
def test_samples_far_over_full_scale_find_their_gain(value: float, tmp_path: Path) -> None:
    whole = np.array([[value, 0.0], [0.1, -0.1]], np.float32)
    with Pair(tmp_path, whole, -whole) as (original, vocals):
        for power in (True, False):
            law = choose_gain(24, pair(original, vocals), powers_of_two=power)
            i = stem_block("instrumental", law, pair(original, vocals), 0)
            v = stem_block("vocals", law, pair(original, vocals), 0)
            assert np.array_equal(v + i, law.original(whole))
            assert abs(int(i[0, 0])) > 2**21  # the instrumental is the loudest here


def test_the_edges_of_full_scale() -> None:
    law = Quantiser(16)
    assert law.fits(-32768, 32767)
    assert not law.fits(-32769, 0)
    assert not law.fits(0, 32768)


# -- dither ------------------------------------------------------------------------------------


def test_dither_is_the_same_every_time_and_another_in_each_block() -> None:
    law = Quantiser(16, is_dithered=True)
    silence = np.zeros((5000, 2), np.float32)
    first = law.stem(silence, "vocals", 0)
    assert np.array_equal(law.stem(silence, "vocals", 0), first)
    assert not np.array_equal(law.stem(silence, "vocals", 1), first)
    assert not np.array_equal(first[:, 0], first[:, 1])
    assert not law.original(silence).any()  # the song itself is never dithered


def test_dither_has_the_triangular_law() -> None:
    """Mean and variance of the error do not depend on the signal: ¼ step² for ±1 LSB."""
    law = Quantiser(16, is_dithered=True)
    for offset in (0.0, 0.25, 0.5, 0.8):
        level = np.full((200_000, 1), offset / 32768, np.float32)
        error = law.stem(level, "vocals", 3)[:, 0] - offset
        assert abs(error.mean()) < 0.01
        assert error.var() == pytest.approx(0.25, abs=0.01)
        assert np.abs(error).max() <= 1.5


def test_a_block_does_not_depend_on_the_others(tmp_path: Path) -> None:
    """Any order, any subset: stems are read block by block, in threads and again for the proof."""
    frames = 2 * BLOCK_FRAMES + 777
    whole, voice = random_pair(5, frames, 1, 0.5)
    with Pair(tmp_path, whole, voice) as (original, vocals):
        law = Quantiser(16, is_dithered=True)
        assert block_count(frames) == 3
        blocks = [stem_block("vocals", law, pair(original, vocals), n) for n in range(3)]
        assert [len(block) for block in blocks] == [BLOCK_FRAMES, BLOCK_FRAMES, 777]
        for number in (2, 0, 1):
            again = stem_block("vocals", law, pair(original, vocals), number)
            assert np.array_equal(again, blocks[number])
            music = stem_block("instrumental", law, pair(original, vocals), number)
            start = number * BLOCK_FRAMES
            want = law.original(whole[start : start + BLOCK_FRAMES])
            assert np.array_equal(again + music, want)


@pytest.mark.parametrize(
    ("frames", "count"), [(0, 0), (1, 1), (BLOCK_FRAMES, 1), (BLOCK_FRAMES + 1, 2)]
)
def test_blocks_are_counted(frames: int, count: int) -> None:
    assert block_count(frames) == count


# -- measuring ---------------------------------------------------------------------------------


def test_a_peak_in_any_block_counts(tmp_path: Path) -> None:
    frames = 3 * BLOCK_FRAMES
    for at in (0, BLOCK_FRAMES - 1, BLOCK_FRAMES, frames - 1):
        whole = np.zeros((frames, 1), np.float32)
        whole[at] = -1.5
        with Pair(tmp_path, whole, np.zeros_like(whole)) as files:
            assert choose_gain(24, pair(*files), powers_of_two=True).gain == 0.5
            assert float_peak(pair(*files)) == 1.5


def test_the_float_peak_looks_at_all_three(tmp_path: Path) -> None:
    whole = np.array([[0.5], [0.25]], np.float32)
    voice = np.array([[-0.75], [0.25]], np.float32)
    with Pair(tmp_path, whole, voice) as files:
        assert float_peak(pair(*files)) == 1.25


def test_measuring_can_be_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled

    whole, voice = random_pair(6, 100, 1, 0.5)
    with Pair(tmp_path, whole, voice) as files:
        with pytest.raises(Cancelled):
            choose_gain(24, pair(*files), check=stop)
        with pytest.raises(Cancelled):
            float_peak(pair(*files), check=stop)


# -- the null test -----------------------------------------------------------------------------


def test_an_exact_pair_is_minus_200() -> None:
    test = NullTest()
    test.add_exact(np.array([[1, -2], [3, 4]], np.int32))
    test.add(np.zeros(4), np.ones(4))
    assert test.is_exact
    assert test.level_db == -200.0


def test_one_wrong_step_is_seen() -> None:
    test = NullTest()
    rng = np.random.default_rng(1)
    whole = rng.integers(-(2**23), 2**23, 1_000_000).astype(np.float64)
    error = np.zeros_like(whole)
    error[123_456] = 1.0
    test.add(error, whole)
    assert not test.is_exact
    assert test.level_db == pytest.approx(20 * math.log10(1 / np.linalg.norm(whole)), abs=0.01)


def test_levels_do_not_depend_on_how_the_blocks_are_cut() -> None:
    rng = np.random.default_rng(2)
    error, whole = rng.normal(0, 1e-3, 10_000), rng.normal(0, 1, 10_000)
    together, apart = NullTest(), NullTest()
    together.add(error, whole)
    for part in np.array_split(np.arange(10_000), 7):
        apart.add(error[part], whole[part])
    assert together.level_db == pytest.approx(-60, abs=0.5)
    assert apart.level_db == pytest.approx(together.level_db, abs=0.01)


def test_silence_and_nothing_are_exact_and_noise_over_silence_is_not() -> None:
    assert NullTest().level_db == -200.0
    loud = NullTest()
    loud.add(np.ones(3), np.zeros(3))
    assert (loud.is_exact, loud.level_db) == (False, 0.0)


def test_a_mutant_that_rounds_both_stems_is_caught(tmp_path: Path) -> None:
    """DESIGN 13: rounding the stems apart is off by one step in 6–26 % of the samples."""
    whole, voice = random_pair(8, 50_000, 2, 0.9)
    law = Quantiser(24)
    apart = law.stem(voice, "vocals", 0) + law.original(whole - voice)
    wrong = np.mean(apart != law.original(whole))
    assert 0.01 < wrong < 0.5
    assert quantise.BLOCK_FRAMES > 50_000 // 2


def test_other_is_what_the_rest_leaves(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frames = BLOCK_FRAMES + 77
    names = ("drums", "bass", "other", "vocals")
    parts = {name: rng.uniform(-0.4, 0.4, (frames, 2)).astype(np.float32) for name in names}
    whole = sum(parts.values()) * np.float32(0.9)
    files = {}
    for name, samples in {**parts, "original": whole}.items():
        files[name] = RawFile.create(tmp_path / f"{name}.f32", 2)
        files[name].write(0, samples)
    song = StagedSong(files["original"], {name: files[name] for name in names})
    for bits, dither in ((24, False), (16, True)):
        law = choose_gain(bits, song, is_dithered=dither)
        for number in range(2):
            stems = {name: stem_block(name, law, song, number) for name in names}
            start = number * BLOCK_FRAMES
            block = whole[start : start + BLOCK_FRAMES]
            assert np.array_equal(sum(stems.values()), law.original(block))
            music = stem_block("instrumental", law, song, number)
            assert np.array_equal(music + stems["vocals"], law.original(block))
            assert all(law.fits(int(s.min()), int(s.max())) for s in (*stems.values(), music))
            got = stem_block("drums", law, song, number) / law.scale
            assert (
                np.abs(got - parts["drums"][start : start + BLOCK_FRAMES]).max() < 1.6 / law.scale
            )
    assert song.is_whole(dict.fromkeys(names))
    assert song.is_whole({"vocals": 0, "instrumental": 0})
    assert not song.is_whole({"vocals": 0, "drums": 0})
    for file in files.values():
        file.close()
