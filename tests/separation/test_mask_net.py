"""The net in numpy gives what the net that was trained gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.mask_net import BANDS, STRIDE, MaskNet, load_weights
from training.instant import export
from training.instant.net import MaskNet as TrainedNet


def random_net(seed: int = 0) -> TrainedNet:
    """Weights and normalisations that are all different, as after training."""
    torch.manual_seed(seed)
    net = TrainedNet()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
    net.mean.normal_(0, 1)
    net.spread.uniform_(0.5, 2)
    return net.eval()


def seen(columns: int = 3 * STRIDE) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((4, BANDS, columns)).astype(np.float32)


def test_numpy_agrees_with_torch() -> None:
    net = random_net()
    with torch.no_grad():
        wanted = net(torch.from_numpy(seen()[None]))[0].numpy()
    assert wanted.std() > 0.05
    found = MaskNet(export.fold(net)).masks(seen(), lambda: None)
    # Measured 3e-7: only the order of addition differs.
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_weights_survive_the_file_and_the_card_tells_of_it(tmp_path: Path) -> None:
    net = random_net()
    export.write(export.fold(net), tmp_path / "net", {"figures": {"vocals_db": 1.0}})
    stored = load_weights(tmp_path / "net.npz")
    assert {array.dtype for array in stored.values()} == {np.dtype(np.float32)}
    exact = MaskNet(export.fold(net)).masks(seen(STRIDE), lambda: None)
    rounded = MaskNet(stored).masks(seen(STRIDE), lambda: None)
    # Half precision keeps eleven bits.
    np.testing.assert_allclose(rounded, exact, atol=0.01)
    assert not np.array_equal(rounded, exact)


def test_masks_stay_shares_however_loud() -> None:
    masks = MaskNet(export.fold(random_net())).masks(1e4 * seen(STRIDE), lambda: None)
    assert np.isfinite(masks).all()
    assert 0 <= masks.min() <= masks.max() <= 1


def test_a_cancelled_net_stops_within_its_layers() -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        MaskNet(export.fold(random_net())).masks(seen(STRIDE), check)
    assert calls == 3


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match="pickled"):
        load_weights(path)
