"""Spectra outside of torch, against those that upstream's networks make themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from karaoke_studio.separation.spectra import Spectra
from tests.helpers.models import make_net
from tests.helpers.signals import noise


@pytest.mark.parametrize("frames", [26_460, 26_624, 26_465])
def test_spectra_are_those_of_the_network(frames):
    net, samples = make_net(), noise(1.0, 44_100)[:, :frames]
    spectra = Spectra(1024, frames)
    expected = net._magnitude(net._spec(torch.from_numpy(samples)[None]))[0].numpy()
    found = spectra.analyse(samples)
    assert found.shape == expected.shape == (4, spectra.bins, spectra.columns)
    # float32 against float32: a few units in the last place of the largest value
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("frames", [26_460, 26_624, 26_465])
def test_samples_are_those_of_the_network(frames):
    net, spectra = make_net(), Spectra(1024, frames)
    rng = np.random.default_rng(1)
    spectrum = rng.standard_normal((4, spectra.bins, spectra.columns)).astype(np.float32)
    z = net._mask(None, torch.from_numpy(spectrum)[None, None])
    expected = net._ispec(z, frames)[0, 0].numpy()
    found = spectra.synthesise(spectrum)
    assert found.shape == expected.shape == (2, frames)
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


def test_there_and_back_is_the_song_but_for_its_topmost_frequency():
    samples = noise(0.6, 44_100)
    spectra = Spectra(1024, samples.shape[1])
    error = spectra.synthesise(spectra.analyse(samples)) - samples
    assert np.sqrt(np.mean(error**2)) < 0.05 * np.sqrt(np.mean(samples**2))
