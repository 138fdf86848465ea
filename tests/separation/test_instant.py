from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.centre import CentreEngine
from karaoke_studio.separation.engine import ENGINES, SongFacts
from karaoke_studio.separation.instant import InstantEngine, cue_weight
from tests.helpers.engines import (
    ArraySink,
    ArraySource,
    EndlessSource,
    NullSink,
    facts_of,
    separated,
)
from tests.helpers.signals import noise, rms, sdr_db, sung_mix

RATE = 44100
FACTS = {
    "wide": SongFacts(0.1, 0.5, 0.0, 0.1, 0.4),
    "narrow": SongFacts(0.1, 0.5, 0.0, 0.1, 0.05),
}


def narrowed(stereo, factor):
    mid = stereo.mean(axis=0)
    return mid + factor * (stereo - mid)


def test_a_wide_song_gains_over_the_plain_centre():
    vocals, band = sung_mix(12, RATE)
    song = vocals + band
    plain = sdr_db(separated(CentreEngine(), song, RATE), vocals)
    # Measured 1.0 dB: drums in the centre no longer count as voice.
    assert sdr_db(separated(InstantEngine(), song, RATE), vocals) > plain + 0.6


@pytest.mark.parametrize("factor", [0.4, 0.2, 0.05], ids=["0.13", "0.07", "0.02"])
def test_a_narrow_song_gains_more(factor):
    vocals, band = sung_mix(20, RATE)
    song = vocals + narrowed(band, factor)
    plain = sdr_db(separated(CentreEngine(), song, RATE), vocals)
    # Measured 2.2 dB at a side ratio of 0.13, and 3 to 4 dB below.
    assert sdr_db(separated(InstantEngine(), song, RATE), vocals) > plain + 1.5


@pytest.mark.parametrize("seed", [0, 1])
def test_a_mono_song_gains_over_doing_nothing_and_over_the_voice_range_alone(seed):
    vocals, band = sung_mix(20, RATE, stereo=False, seed=seed)
    song = vocals + band
    found = separated(InstantEngine(), song, RATE)
    assert found.shape == song.shape
    # Measured 5.5 dB where the song itself scores -2.4, half of it 1.7, and its voice range 1.8.
    assert sdr_db(found, vocals) > 4.5
    assert sdr_db(song - found, band) > sdr_db(song, band) + 4.5


def test_a_mono_song_in_two_channels_gives_the_same_vocals_in_both():
    vocals, band = sung_mix(5, RATE, stereo=False)
    song = vocals + band
    found = separated(InstantEngine(), np.tile(song, (2, 1)), RATE)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[:1], separated(InstantEngine(), song, RATE))


def test_weights_rise_smoothly_from_wide_to_mono():
    ratios = np.linspace(0, 1, 1001)
    weights = np.array([cue_weight(ratio) for ratio in ratios])
    assert weights[0] == 0.75
    assert not weights[ratios > 0.2].any()
    assert (np.diff(weights) <= 0).all()
    assert np.abs(np.diff(weights)).max() < 0.05


def test_songs_just_beside_a_limit_sound_alike():
    vocals, band = sung_mix(8, RATE)
    song = vocals + narrowed(band, 0.6)
    source = ArraySource(song, RATE)

    def made(ratio):
        sink = ArraySink(*song.shape)
        facts = SongFacts(0.1, 0.5, 0.0, 0.1, ratio)
        InstantEngine().separate(source, sink, facts, lambda _: None, lambda: None)
        return sink.samples

    assert sdr_db(made(0.1999), made(0.2001)) > 50
    assert sdr_db(made(0.1), made(0.101)) > 45


@pytest.mark.parametrize("count", [16, 40, 300])
@pytest.mark.parametrize("stereo", [True, False])
def test_the_size_of_blocks_changes_nothing_that_can_be_heard(count, stereo):
    song = sum(sung_mix(14, RATE, stereo=stereo))
    other = separated(InstantEngine(count=count), song, RATE)
    # Products of matrices of other shapes round differently; all else is the same to the bit.
    assert sdr_db(other, separated(InstantEngine(), song, RATE)) > 90


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.0, 1e-20, 0.5])
def test_silence_and_a_constant_give_silence(channels, level):
    song = np.full((channels, 2 * RATE), level, np.float32)
    found = separated(InstantEngine(), song, RATE)
    assert np.isfinite(found).all()
    assert np.abs(found[:, 4096:-4096]).max() <= 1e-6 * level
    if level == 0:
        assert not found.any()


def test_sound_after_silence_is_heard_and_silence_stays_silent():
    vocals, band = sung_mix(4, RATE, stereo=False)
    song = np.concatenate([np.zeros((1, 4 * RATE), np.float32), vocals + band], axis=1)
    found = separated(InstantEngine(), song, RATE)
    assert not found[:, : 4 * RATE - 4096].any()
    assert rms(found[:, 4 * RATE :]) > 0.01


@pytest.mark.parametrize("sample_rate", [4000, 8000, 22050, 48000, 96000, 192000, 384000])
def test_every_rate_runs_and_ends_on_the_last_frame(sample_rate):
    song = noise(1.01, sample_rate, 1)
    found = separated(InstantEngine(), song, sample_rate)
    assert np.isfinite(found).all()
    assert rms(found) > 0


@pytest.mark.parametrize("frames", [1, 1000, 1024, 131072, 131073])
def test_songs_of_awkward_length(frames):
    for channels in (1, 2):
        separated(InstantEngine(), noise(3, RATE, channels)[:, :frames], RATE)


def test_a_cancelled_job_stops_at_once():
    song = noise(20, RATE, 1)
    calls = 0

    def check():
        nonlocal calls
        calls += 1
        if calls == 20:
            raise Cancelled

    sink = ArraySink(*song.shape)
    source = ArraySource(song, RATE)
    with pytest.raises(Cancelled):
        InstantEngine().separate(source, sink, facts_of(song), lambda _: None, check)
    assert not sink.written.all()


def run_endless(name, width, seconds):
    source = EndlessSource(seconds, RATE, 1 if width == "mono" else 2)
    sink = NullSink()
    facts = FACTS.get(width, FACTS["narrow"])
    ENGINES[name]().separate(source, sink, facts, lambda _: None, lambda: None)
    assert sink.frames == source.frames


CASES = [("centre", "wide"), ("instant", "wide"), ("instant", "narrow"), ("instant", "mono")]


@pytest.mark.parametrize(("name", "width"), CASES)
def test_memory_does_not_grow_with_the_song(name, width):
    def peak_bytes(seconds):
        tracemalloc.start()
        run_endless(name, width, seconds)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)  # what is imported late is not the song's
    # 40 s is the first length at which all that is ever held is held.
    short, long = peak_bytes(40), peak_bytes(70)
    assert long - short < 2e6
    assert long < 60e6


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), [("centre", "wide"), ("instant", "mono")])
def test_an_hour_takes_no_more_memory_than_a_minute(name, width):
    def resident_mb(seconds):
        code = (
            f"from {__name__} import *; run_endless({name!r}, {width!r}, {seconds}); print_peak()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )
        return float(done.stdout)

    assert resident_mb(3600) - resident_mb(60) < 60


def print_peak():
    import resource  # Unix only, and needed in the subprocess alone

    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}")
