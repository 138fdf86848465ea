"""Quicker layers say what the layers in whose place they stand say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from demucs.hdemucs import HDemucs

from karaoke_studio.separation.torch_layers import quick_layers
from tests.helpers.models import make_net

PLAIN = (torch.nn.Linear, torch.nn.MultiheadAttention)


def plain_layers(net):
    sides = (net.crosstransformer.layers, net.crosstransformer.layers_t)
    return [one for side in sides for one in side.modules() if type(one) in PLAIN]


def snr_db(found, expected):
    error = (found - expected).square().mean().sqrt()
    return float(20 * torch.log10(expected.square().mean().sqrt() / error.clamp_min(1e-30)))


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_transformer_says_the_same_with_other_layers(norm_first):
    net = make_net(t_norm_first=norm_first, t_norm_out=norm_first)
    torch.manual_seed(1)
    spectrum, wave = torch.randn(1, 16, 8, 40), torch.randn(1, 16, 90)
    before = plain_layers(net)
    with torch.inference_mode():
        expected = net.crosstransformer(spectrum, wave)
        with quick_layers(net):
            assert plain_layers(net) == []
            found = net.crosstransformer(spectrum, wave)
    assert all(snr_db(one, other) >= 115 for one, other in zip(found, expected, strict=True))
    after = plain_layers(net)
    assert len(before) == 2 * 3 * 3  # an attention and two linears, three layers, two sides
    assert all(one is other for one, other in zip(after, before, strict=True))


def test_an_error_within_puts_the_layers_back():
    net = make_net()
    before = plain_layers(net)
    with pytest.raises(KeyError), quick_layers(net):
        raise KeyError
    assert all(one is other for one, other in zip(plain_layers(net), before, strict=True))


def test_networks_without_transformer_are_left_alone():
    net = make_net(HDemucs)
    before = {name: type(layer) for name, layer in net.named_modules()}
    with quick_layers(net):
        assert {name: type(layer) for name, layer in net.named_modules()} == before
    assert np.isfinite(net(torch.zeros(1, 2, 4410)).detach().numpy()).all()
