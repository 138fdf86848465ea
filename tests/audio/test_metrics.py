"""How far a processed song is from the original, on mixes whose figures are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from karaoke_studio.audio.metrics import (
    QualityMeter,
    calculate_quality_metrics,
    calculate_quality_score,
)
from tests.helpers.signals import noise, sine


def test_a_song_is_itself() -> None:
    song = noise(1, 44_100, 2)
    found = calculate_quality_metrics(song, song)
    assert found.snr_db == math.inf
    assert found.rms_change_db == 0
    assert found.spectral_similarity == pytest.approx(1)
    assert found.score == pytest.approx(1)


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 12.0, 30.0, 45.0])
def test_seed_000_10_snr_counts_up_to_thirty_decibels(snr_db: float) -> None:
    song = sine(2, 44_100, 440)
    other = sine(2, 44_100, 9000)
    processed = song + other * np.float32(10 ** (-snr_db / 20))
    found = calculate_quality_metrics(song, processed)
    assert found.snr_db == pytest.approx(snr_db, abs=0.05)
    expected = 0.7 * min(max(snr_db, 0), 30) / 30 + 0.3 * found.spectral_similarity
    assert calculate_quality_score(song, processed) == pytest.approx(expected, abs=2e-3)
    assert float(found) == found.score


def test_the_spectrum_counts_by_its_shape() -> None:
    low, high = sine(2, 44_100, 300), sine(2, 44_100, 8000)
    assert calculate_quality_metrics(low, low * np.float32(0.5)).spectral_similarity > 0.999
    assert calculate_quality_metrics(low, high).spectral_similarity < 0.01
    both = calculate_quality_metrics(low + high, low)
    assert both.spectral_similarity == pytest.approx(math.sqrt(0.5), abs=0.01)


def test_seed_000_09_the_level_of_a_quieter_song() -> None:
    song = noise(1, 44_100, 1)
    found = calculate_quality_metrics(song, song * np.float32(0.1))
    assert found.rms_change_db == pytest.approx(-20, abs=1e-3)
    assert found.snr_db == pytest.approx(-20 * math.log10(0.9), abs=1e-3)


def test_silence_and_songs_shorter_than_a_column() -> None:
    silent, short = np.zeros((2, 5000), np.float32), noise(0.01, 44_100, 2)
    assert calculate_quality_score(silent, silent) == pytest.approx(0.3)
    assert calculate_quality_metrics(short, np.zeros_like(short)).spectral_similarity == 0
    assert calculate_quality_metrics(short, short).score == pytest.approx(1)
    assert calculate_quality_metrics(np.zeros((2, 0)), np.zeros((2, 0))).rms_change_db == 0


@pytest.mark.parametrize("size", [100, 1024, 4097])
def test_blocks_do_not_matter(size: int) -> None:
    song, other = noise(0.5, 44_100, 2), noise(0.5, 44_100, 2, seed=9)
    meter = QualityMeter()
    for start in range(0, song.shape[1], size):
        meter.add(song[:, start : start + size], other[:, start : start + size])
    whole = calculate_quality_metrics(song, other)
    for result in (meter.result(), meter.result()):  # asking changes nothing
        assert result.snr_db == pytest.approx(whole.snr_db)
        assert result.spectral_similarity == pytest.approx(whole.spectral_similarity)


def test_songs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        calculate_quality_score(np.zeros((2, 10)), np.zeros((1, 10)))
