from __future__ import annotations

import numpy as np
import pytest

from karaoke_studio.separation.cues import Cues, median
from karaoke_studio.separation.stft import Grid
from tests.helpers.engines import ArraySource
from tests.helpers.signals import impulses, noise, sine

RATE = 44100
GRID = Grid.for_rate(RATE)
TOP = 1500


def bin_of(hz):
    return round(hz * GRID.n_fft / RATE)


def shares(song, first, last, *, weight):
    cues = Cues(ArraySource(song, RATE), GRID, TOP, weight)
    cues.hold(first, last, lambda: None)
    return cues.share(first, last)


@pytest.mark.parametrize("count", range(1, 23, 2))
def test_median_is_numpys(count):
    values = np.random.default_rng(count).standard_normal((count, 5, 31)).astype(np.float32)
    values[: count // 2, 1] = 0.5  # ties
    found = median(list(values))
    np.testing.assert_array_equal(found, np.median(values, axis=0))


def test_median_leaves_its_input_alone():
    values = noise(0.01, RATE, 5)
    before = values.copy()
    median(list(values))
    np.testing.assert_array_equal(values, before)


def test_a_held_tone_is_tonal_and_a_click_is_not():
    tone = shares(sine(2, RATE, 1000), 30, 50, weight=0)
    assert tone[:, bin_of(1000)].min() > 0.99
    click = shares(impulses(2 * RATE, [RATE]) + noise(2, RATE, level=1e-4), 42, 46, weight=0)
    assert np.median(click) < 0.01


def voice(seconds, f0):
    return sum(sine(seconds, RATE, f0 * h, 1, level=0.3 / h) for h in range(1, 15))


def test_what_repeats_is_told_from_what_happens_once():
    background = 0.3 * voice(30, 233.1)
    song = background.copy()
    once = slice(14 * RATE, 15 * RATE)
    song[:, once] += voice(1, 329.6)
    column = round(14.5 * RATE / GRID.hop)
    share = shares(song, column, column + 8, weight=1)
    assert share[:, bin_of(329.6)].min() > 0.7
    assert share[:, bin_of(233.1)].max() < 0.1


def test_the_strongest_series_is_kept_and_what_lies_between_its_harmonics_is_lowered():
    song = voice(1.2, 300) + sine(1.2, RATE, 750, 1, level=0.02)
    share = shares(song, 20, 24, weight=1)
    for harmonic in (1, 2, 3, 5, 8):
        assert share[:, bin_of(300 * harmonic)].min() > 0.9
    assert share[:, bin_of(750)].max() < 0.4


@pytest.mark.parametrize("seconds", [0.00003, 1, 3, 5, 20, 40])
def test_shares_lie_between_0_and_1_wherever_the_song_ends(seconds):
    song = noise(seconds, RATE, 1)
    last = GRID.segments(song.shape[1]) + 3
    for first in (0, max(last - 20, 0)):
        share = shares(song, first, first + 20, weight=0.5)
        assert share.shape == (20, TOP)
        assert share.min() >= 0
        assert share.max() <= 1
