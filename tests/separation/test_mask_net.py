"""The net in numpy gives what the net that was trained gives."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.mask_net import (
    BANDS,
    STEPS,
    STRIDE,
    MaskStream,
    load_weights,
    masks_of,
)
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


def seen(columns: int = 8 * STRIDE) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((columns, 4, BANDS)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_numpy_agrees_with_torch(count: int) -> None:
    net = random_net()
    with torch.no_grad():
        wanted = net(torch.from_numpy(seen().transpose(1, 2, 0)[None].copy()))[0].numpy()
    assert wanted.std() > 0.05
    found = masks_of(export.fold(net), seen(), count * STRIDE)
    # Measured 5e-7: only the order of addition differs.
    np.testing.assert_allclose(found, wanted.transpose(2, 0, 1), atol=1e-5)


@pytest.mark.parametrize("columns", [STRIDE, 5 * STRIDE, 8 * STRIDE])
def test_how_a_song_is_cut_changes_not_a_bit(columns: int) -> None:
    weights = export.fold(random_net())
    found = [masks_of(weights, seen(columns), count * STRIDE) for count in (1, 2, 3, 8)]
    for masks in found[1:]:
        np.testing.assert_array_equal(masks, found[0])


def test_masks_come_as_late_as_is_said() -> None:
    weights = export.fold(random_net())
    for count in (1, 2, 8):
        stream = MaskStream(weights, 1000 * STRIDE, count * STRIDE)
        # Each layer looks a little ahead: 206 columns in all.
        assert 206 <= stream.delay < 206 + count * STRIDE
        assert stream.delay % (count * STRIDE) == 0


def test_weights_survive_the_file_and_the_card_tells_of_it(tmp_path: Path) -> None:
    net = random_net()
    row = {"vocals_db": 1.004, "share": 0.5}
    told = {"songs": {"a": {}, "b": {}}, "medians": {"instant, stereo": row, "instant, mono": row}}
    export.write(export.fold(net), tmp_path / "net", {"figures": export.figures_of(told)})
    card = json.loads((tmp_path / "net.json").read_text())
    assert card["figures"]["synthesised_songs"] == 2
    assert card["figures"]["mono"] == {"vocals_db": 1.0, "share": 0.5}
    assert card["sha256"] == hashlib.sha256((tmp_path / "net.npz").read_bytes()).hexdigest()
    stored = load_weights(tmp_path / "net.npz")
    assert {array.dtype for array in stored.values()} == {np.dtype(np.float32)}
    exact = masks_of(export.fold(net), seen(STRIDE))
    rounded = masks_of(stored, seen(STRIDE))
    # Half precision keeps eleven bits.
    np.testing.assert_allclose(rounded, exact, atol=0.01)
    assert not np.array_equal(rounded, exact)


def test_masks_stay_shares_however_loud() -> None:
    masks = masks_of(export.fold(random_net()), 1e4 * seen(STRIDE))
    assert np.isfinite(masks).all()
    assert 0 <= masks.min() <= masks.max() <= 1


def test_the_net_says_when_it_goes_on() -> None:
    stream = MaskStream(export.fold(random_net()), STRIDE, STRIDE)
    calls = []
    stream.push(seen(STRIDE), lambda: calls.append(1))
    assert len(calls) == STEPS


def test_a_cancelled_net_stops_within_its_layers() -> None:
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        MaskStream(export.fold(random_net()), STRIDE, STRIDE).push(seen(STRIDE), step)
    assert calls == 3


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match="pickled"):
        load_weights(path)
