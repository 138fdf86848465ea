from __future__ import annotations

import numpy as np
import pytest

from karaoke_studio.separation.stft import OVERLAP, Grid
from tests.helpers.engines import ArraySource
from tests.helpers.signals import noise


def resynthesised(grid: Grid, signal: np.ndarray, count: int) -> np.ndarray:
    source = ArraySource(signal, 44100)
    out = []
    for first in range(0, grid.segments(source.frames), count):
        columns = count + OVERLAP - 1
        scratch = np.empty((columns, grid.n_fft), np.float32)
        spectrum = np.empty((columns, grid.bins), np.complex64)
        samples = source.read(*grid.span(first, first + columns))[0]
        out.append(grid.synthesise(grid.analyse(samples, scratch, spectrum), scratch))
    return np.concatenate(out)[: source.frames]


@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 4096, 30000])
def test_unchanged_columns_give_the_samples_back_from_the_first_to_the_last(frames):
    signal = noise(frames / 44100, 44100, 1)
    back = resynthesised(Grid(4096), signal, 8)
    # A transform there and back in float32 rounds at 2^-24 of rms 0.1, a few bits of growth.
    assert np.abs(back - signal[0]).max() < 3e-7


def test_the_number_of_columns_at_a_time_changes_no_bit():
    signal = noise(1.0, 44100, 1)
    reference = resynthesised(Grid(2048), signal, 1)
    for count in (2, 7, 64):
        np.testing.assert_array_equal(resynthesised(Grid(2048), signal, count), reference)


def test_columns_agree_with_a_plain_transform_in_double_precision():
    grid = Grid(1024)
    signal = noise(0.2, 44100, 1)[0]
    columns = 5
    spectrum = np.empty((columns, grid.bins), np.complex64)
    samples = signal[: (columns + OVERLAP - 1) * grid.hop]
    grid.analyse(samples, np.empty((columns, 1024), np.float32), spectrum)
    window = np.hanning(1025)[:-1] / np.sqrt(1.5)
    for column in range(columns):
        piece = samples[column * grid.hop :][:1024].astype(np.float64) * window
        reference = np.fft.rfft(piece) / np.sqrt(1024)
        assert np.abs(spectrum[column] - reference).max() < 1e-6


LENGTHS = {
    4000: 512,
    8000: 1024,
    22050: 2048,
    44100: 4096,
    44101: 4096,
    48000: 4096,
    96000: 8192,
    192000: 16384,
    384000: 32768,
}


@pytest.mark.parametrize(("sample_rate", "n_fft"), LENGTHS.items())
def test_columns_last_about_as_long_at_every_rate(sample_rate, n_fft):
    assert Grid.for_rate(sample_rate).n_fft == n_fft
