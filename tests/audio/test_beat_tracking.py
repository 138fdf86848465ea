"""Beats of songs whose beats are known."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from karaoke_studio.audio.analysis import RATE
from karaoke_studio.audio.beat_tracking import find_beats
from karaoke_studio.audio.beats import BeatGrid
from tests.helpers.signals import noise, tune

SONG_RATE = 44_100


def found_in(song: np.ndarray, bpm: float) -> BeatGrid | None:
    mono = soxr.resample(song.mean(axis=0), SONG_RATE, RATE)
    return BeatGrid.from_plain(find_beats(mono, RATE, bpm, SONG_RATE))


@pytest.mark.parametrize(("bpm", "tonic"), [(92.0, 9), (128.0, 4), (111.3, 6)])
def test_beats_lie_where_the_notes_begin(bpm: float, tonic: int) -> None:
    song = tune(tonic, minor=True, bpm=bpm, seconds=36, sample_rate=SONG_RATE, seed=tonic)
    grid = found_in(song, bpm)
    assert grid is not None
    beats = list(grid.within(0, song.shape[1]))
    assert len(beats) >= 0.9 * 36 * bpm / 60
    beat_s = 60 / bpm
    away_s = [(b.frame / SONG_RATE + beat_s / 2) % beat_s - beat_s / 2 for b in beats]
    assert np.abs(np.median(away_s)) < 0.003
    assert np.abs(away_s).max() < 0.012
    # one chord a bar, from the very beginning on
    firsts = [round(beat.frame / SONG_RATE / beat_s) for beat in beats if beat.is_first]
    assert all(number % 4 == 0 for number in firsts)


def test_a_song_that_gets_faster_is_followed() -> None:
    slow, fast = (
        tune(9, minor=True, bpm=bpm, seconds=20, sample_rate=SONG_RATE, seed=1)[:, : 24 * beat]
        for bpm, beat in ((100.0, round(0.6 * SONG_RATE)), (106.0, round(60 / 106 * SONG_RATE)))
    )
    grid = found_in(np.concatenate([slow, fast], axis=1), 103.0)
    assert grid is not None
    assert grid.period_at(7 * SONG_RATE) / SONG_RATE == pytest.approx(60 / 100, rel=0.01)
    assert grid.period_at(21 * SONG_RATE) / SONG_RATE == pytest.approx(60 / 106, rel=0.01)


def test_too_little_has_no_beats() -> None:
    assert found_in(noise(0.5, SONG_RATE), 120.0) is None
