from __future__ import annotations

import numpy as np
import pytest

from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.centre import CentreEngine, band_gain
from karaoke_studio.separation.stft import Grid
from tests.helpers.engines import ArraySink, ArraySource, facts_of, separated
from tests.helpers.signals import noise, rms, sdr_db, sine, sung_mix

RATE = 44100


def test_a_singer_in_the_centre_comes_out_of_a_band_around_it():
    vocals, band = sung_mix(12, RATE)
    song = vocals + band
    found = separated(CentreEngine(), song, RATE)
    # Measured 6.9 and 9.9 dB where doing nothing scores -3.0 and 3.0; 1 dB of room for retuning.
    assert sdr_db(found, vocals) > 6
    assert sdr_db(song - found, band) > 9


def test_vocals_are_mono_and_both_sides_get_the_same():
    vocals, band = sung_mix(3, RATE)
    found = separated(CentreEngine(), vocals + band, RATE)
    np.testing.assert_array_equal(found[0], found[1])


def test_the_centre_within_the_voice_range_passes_whole():
    tone = sine(2, RATE, 1000)
    found = separated(CentreEngine(), tone, RATE)
    # The rising and falling ends of the tone are broad in frequency; the middle is not.
    middle = slice(RATE // 2, 3 * RATE // 2)
    assert sdr_db(found[:, middle], tone[:, middle]) > 100


@pytest.mark.parametrize("sides", [(1, 0), (0, 1), (1, -1)], ids=["left", "right", "anti-phase"])
def test_sound_off_the_centre_stays_with_the_music(sides):
    tone = sine(2, RATE, 1000) * np.array(sides, np.float32)[:, None]
    found = separated(CentreEngine(), tone, RATE)
    assert 20 * np.log10(rms(found) / rms(tone) + 1e-12) < -100


@pytest.mark.parametrize("hz", [60, 100, 17000, 20000])
def test_sound_outside_the_voice_range_stays_with_the_music(hz):
    tone = sine(2, RATE, hz)
    found = separated(CentreEngine(), tone, RATE)
    middle = slice(RATE // 2, 3 * RATE // 2)
    # What is left is the Hann window's leakage into the band.
    assert 20 * np.log10(rms(found[:, middle]) / rms(tone) + 1e-12) < -60


def test_a_lower_voice_range_lets_a_deeper_voice_through():
    tone = sine(2, RATE, 140)
    deep = separated(CentreEngine(voice_floor_hz=110), tone, RATE)
    high = separated(CentreEngine(voice_floor_hz=220), tone, RATE)
    assert rms(deep) > 0.9 * rms(tone)
    assert rms(high) < 0.01 * rms(tone)


@pytest.mark.parametrize("sample_rate", [4000, 8000, 11025, 44101, 192000])
def test_band_edges_are_soft_and_in_place_at_every_rate(sample_rate):
    grid = Grid.for_rate(sample_rate)
    gain = band_gain(grid, sample_rate)
    hz = np.arange(grid.bins) * sample_rate / grid.n_fft
    assert gain.min() == 0
    assert gain.max() == 1
    assert np.abs(np.diff(gain)).max() < 0.6
    assert not gain[hz < 120].any()
    assert not gain[hz > 16500].any()
    assert (gain[(hz > 180) & (hz < 15500)] == 1).all()


@pytest.mark.parametrize("block_samples", [1024, 5 * 1024, 200 * 1024])
def test_the_size_of_blocks_changes_no_bit(block_samples):
    song = sum(sung_mix(4, RATE))
    found = separated(CentreEngine(block_samples=block_samples), song, RATE)
    np.testing.assert_array_equal(found, separated(CentreEngine(), song, RATE))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.0, 1e-20, 0.5])
def test_silence_and_a_constant_give_silence(channels, level):
    song = np.full((channels, RATE), level, np.float32)
    found = separated(CentreEngine(), song, RATE)
    assert np.isfinite(found).all()
    middle = found[:, 4096:-4096]
    assert np.abs(middle).max() <= 1e-6 * level
    if level == 0:
        assert not found.any()


@pytest.mark.parametrize("sample_rate", [4000, 8000, 22050, 48000, 96000, 192000, 384000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_runs_and_ends_on_the_last_frame(sample_rate, channels):
    song = noise(1.01, sample_rate, channels)
    found = separated(CentreEngine(), song, sample_rate)
    assert np.isfinite(found).all()
    assert rms(found) > 0


@pytest.mark.parametrize("frames", [1, 1000, 1024, 65536, 65537])
def test_songs_of_awkward_length(frames):
    separated(CentreEngine(), noise(1, RATE)[:, :frames], RATE)
    separated(CentreEngine(), noise(2, RATE)[:, :frames], RATE)


def test_a_cancelled_job_stops_at_once():
    song = noise(20, RATE)
    calls = 0

    def check():
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    sink = ArraySink(*song.shape)
    with pytest.raises(Cancelled):
        CentreEngine().separate(
            ArraySource(song, RATE), sink, facts_of(song), lambda _: None, check
        )
    assert 0 < sink.written.sum() < 4 * RATE
