"""The chunk loop against upstream's `apply_model`: the same bits, in any order, at any length."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.overlap_add import Blend, Network, OverlapAdd, Shelf
from karaoke_studio.separation.ranges import Ranges
from tests.helpers.models import STEMS, make_net
from tests.helpers.signals import noise

RATE = 44100
MAX_SHIFT = RATE // 2


@pytest.fixture(autouse=True)
def _one_thread():
    # more of them wait for each other longer than these nets take
    torch.set_num_threads(1)


def network_of(net, stems=(0, 1, 2, 3), weights=(1.0, 1.0, 1.0, 1.0), segment=None):
    """A torch net as the loop sees it, asked for the stems that its weights are for."""

    def forward(samples):
        with torch.no_grad():
            return net(torch.from_numpy(samples)[None])[0, list(stems)].numpy()

    own = segment is None or not isinstance(net, HTDemucs)
    valid = getattr(net, "valid_length", None) if own else None
    if segment is not None and valid is None and isinstance(net, HTDemucs):

        def valid(length):
            return int(segment * RATE)

    return Network(
        forward,
        int(RATE * (net.segment if segment is None else segment)),
        stems,
        weights,
        **({"valid_length": valid} if valid else {}),
        draws=isinstance(net, HTDemucs),
    )


def reader(song):
    def read(start, stop):
        out = np.zeros((len(song), stop - start), np.float32)
        low, high = max(start, 0), min(stop, song.shape[1])
        if low < high:
            out[:, low - start : high - start] = song[:, low:high]
        return out

    return read


class Collector:
    """Takes each frame once, and remembers the order."""

    def __init__(self, stems, song):
        self.stems = np.full((stems, *song.shape), np.nan, np.float32)
        self.ranges = []

    def __call__(self, start, block):
        stop = start + block.shape[-1]
        assert np.isnan(self.stems[..., start:stop]).all(), "a frame came twice"
        self.stems[..., start:stop] = block
        self.ranges.append((start, stop))


def looped(networks, song, blend, order=list, edges=None, wanted=None, stems=4):
    out = Collector(stems, song)
    fractions = []
    loop = OverlapAdd(networks, song.shape[1], blend, out, edges=edges, wanted=wanted)
    loop.run(reader(song), fractions.append, lambda: None, order)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    return out


def upstream(model, song, overlap=0.25, shifts=0, seed=0, segment=None):
    random.seed(seed)
    mix = torch.from_numpy(song)[None]
    out = apply_model(model, mix, shifts=shifts, overlap=overlap, segment=segment)
    return out[0].numpy()


def shuffled(chunks):
    chunks = list(chunks)
    random.Random(5).shuffle(chunks)
    return chunks


@pytest.mark.parametrize(("overlap", "shifts"), [(0.25, 0), (0.1, 0), (0.25, 1), (0.1, 2)])
@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_one_net_gives_the_bits_of_apply_model(kind, overlap, shifts, tmp_path):
    net = make_net(kind)
    # a length whose last chunk is short, and lies in the overlap of the one before for .25
    song = noise(2.1, RATE, seed=7)
    expected = upstream(net, song, overlap, shifts, seed=11)
    blend = Blend(overlap, shifts, seed=11)
    result = looped([network_of(net)], song, blend, edges=tmp_path / "edges")
    np.testing.assert_array_equal(result.stems, expected)
    assert np.abs(expected).max() > 1e-3
    assert not (tmp_path / "edges").exists()


@pytest.mark.parametrize("shifts", [0, 2])
def test_a_bag_with_weights_gives_the_bits_of_apply_model(shifts, tmp_path):
    # as in mdx: an HDemucs beside HTDemucs, uneven weights, a stem that one net does not touch
    nets = [make_net(HTDemucs, 1), make_net(HDemucs, 2), make_net(HTDemucs, 3)]
    weights = [[1.0, 1.0, 0.0, 0.5], [0.0, 1.0, 0.3, 1.0], [1.0, 0.0, 1.0, 1.0]]
    song = noise(1.6, RATE, seed=8)
    expected = upstream(BagOfModels(nets, weights), song, 0.25, shifts, seed=4)
    networks = []
    for net, row in zip(nets, weights, strict=True):
        stems = tuple(stem for stem in range(4) if row[stem])
        networks.append(network_of(net, stems, tuple(row[stem] for stem in stems)))
    for order in (list, shuffled):
        edges = tmp_path / "edges" if order is list else None
        result = looped(networks, song, Blend(0.25, shifts, 4), order, edges)
        np.testing.assert_array_equal(result.stems, expected)


def test_a_specialist_bag_runs_only_the_net_of_the_stem():
    nets = [make_net(HTDemucs, seed) for seed in range(4)]
    song = noise(1.1, RATE, seed=8)
    bag = BagOfModels(nets, np.eye(4).tolist())
    expected = upstream(bag, song, shifts=2, seed=9)[STEMS.index("vocals")]

    def never(_samples):
        raise AssertionError("this net adds nothing to the vocals")

    idle = [
        Network(never, network_of(net).segment, (), (), draws=True)
        for net in nets
        if net is not nets[3]
    ]
    last = network_of(nets[3], (3,), (1.0,))
    last = Network(last.forward, last.segment, (0,), (1.0,), last.valid_length, draws=True)
    result = looped([*idle, last], song, Blend(shifts=2, seed=9), stems=1)
    np.testing.assert_array_equal(result.stems[0], expected)


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs])
def test_another_segment_gives_the_bits_of_apply_model(kind):
    net = make_net(kind)
    song = noise(1.7, RATE, seed=8)
    expected = upstream(net, song, segment=0.5)
    result = looped([network_of(net, segment=0.5)], song, Blend())
    np.testing.assert_array_equal(result.stems, expected)


@pytest.mark.slow
def test_the_true_size_gives_the_bits_of_apply_model(tmp_path):
    from tests.helpers.models import make_true_htdemucs

    net = make_true_htdemucs()
    torch.set_num_threads(2)
    song = noise(17.3, RATE, seed=1)
    for overlap, shifts in ((0.25, 0), (0.1, 2)):
        expected = upstream(net, song, overlap, shifts, seed=3)
        result = looped([network_of(net)], song, Blend(overlap, shifts, 3), edges=tmp_path / "e")
        np.testing.assert_array_equal(result.stems, expected)


# --- with a net of nothing but arithmetic, which makes many chunks cheap


def stub(segment, stems=2, gain=0.7):
    """A net whose output depends on where a frame lies in its chunk, so every blend shows."""

    def forward(samples):
        ramp = np.linspace(0.5, 1.5, samples.shape[-1], dtype=np.float32)
        return np.stack([samples * ramp * gain * (stem + 1) for stem in range(stems)])

    return Network(forward, segment, tuple(range(stems)), (1.0, 0.4)[:stems])


@pytest.mark.parametrize("segment", [1000, 1001])
@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("shifts", [0, 3])
def test_no_order_of_chunks_changes_a_bit(segment, overlap, shifts, tmp_path):
    song = noise(0.2, RATE)
    networks = [stub(segment), stub(segment + 333, gain=0.3)]
    blend = Blend(overlap, shifts, sample_rate=2000)
    edges = tmp_path / "edges" if segment % 2 else None
    straight = looped(networks, song, blend, edges=edges, stems=2).stems
    assert np.isfinite(straight).all()
    for order in (shuffled, reversed, lambda chunks: [*chunks[5::2], *chunks[:5], *chunks[6::2]]):
        result = looped(networks, song, blend, order, edges, stems=2).stems
        assert result.tobytes() == straight.tobytes()


@pytest.mark.parametrize("frames", [1, 2, 749, 750, 751, 999, 1000, 1001, 1750, 5001])
def test_any_length_is_covered_frame_by_frame(frames):
    song = noise(1, RATE)[:, :frames]
    out = looped([stub(1000)], song, Blend(), stems=2)
    assert np.isfinite(out.stems).all()


def test_in_song_order_ranges_become_ready_front_to_back():
    song = noise(0.5, RATE)
    out = looped([stub(1000), stub(1300)], song, Blend(shifts=2, sample_rate=2000), stems=2)
    assert out.ranges == sorted(out.ranges)
    assert out.ranges[0][0] == 0


@pytest.mark.parametrize("shifts", [0, 2])
def test_what_is_wanted_is_made_and_nothing_else(shifts):
    song = noise(0.5, RATE)
    networks = [stub(1000), stub(1300)]
    blend = Blend(shifts=shifts, sample_rate=2000)
    whole = looped(networks, song, blend, stems=2).stems
    wanted = Ranges([(0, 10), (4000, 4001), (7777, 12345), (song.shape[1] - 1, song.shape[1])])
    part = looped(networks, song, blend, shuffled, wanted=wanted, stems=2)
    got = Ranges(part.ranges)
    assert list(got) == list(wanted)
    for start, stop in wanted:
        np.testing.assert_array_equal(part.stems[..., start:stop], whole[..., start:stop])


def test_only_the_chunks_that_are_needed_run():
    calls = []
    net = stub(1000)

    def forward(samples):
        calls.append(samples.shape)
        return net.forward(samples)

    song = noise(0.5, RATE)
    counted = Network(forward, 1000, net.stems, net.weights)
    wanted = Ranges([(3000, 3001)])  # where one chunk begins and the one before goes on
    loop = OverlapAdd([counted], song.shape[1], Blend(), lambda _start, _block: None, wanted=wanted)
    assert loop.total == 30
    assert loop.done == 28
    loop.run(reader(song), lambda _fraction: None, lambda: None)
    assert len(calls) == 2


def test_cancel_is_heard_before_each_chunk_and_leaves_no_edges(tmp_path):
    song = noise(0.5, RATE)
    left = [4]

    def check():
        left[0] -= 1
        if not left[0]:
            raise Cancelled

    edges = tmp_path / "edges"
    loop = OverlapAdd([stub(1000)], song.shape[1], Blend(), lambda *_: None, edges=edges)
    with pytest.raises(Cancelled):
        loop.run(reader(song), lambda _fraction: None, check)
    assert loop.done == 3
    assert not edges.exists()


def test_edges_left_by_a_killed_run_are_cleared(tmp_path):
    edges = tmp_path / "edges"
    edges.mkdir()
    (edges / "raw-0-1-750").write_bytes(b"x")
    shelf = Shelf(edges)
    assert list(edges.iterdir()) == []
    shelf.put("a", np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(shelf.get("a"), np.ones((2, 3), np.float32))
    shelf.drop("a")
    assert list(edges.iterdir()) == []


def test_what_waits_on_disk_stays_small_in_song_order(tmp_path):
    song = noise(3.0, RATE)
    edges = tmp_path / "edges"
    sizes = []

    def emit(_start, _block):
        sizes.append(sum(path.stat().st_size for path in Path(edges).iterdir()))

    networks = [stub(1000), stub(1000)]
    loop = OverlapAdd(networks, song.shape[1], Blend(shifts=2), emit, edges=edges)
    loop.run(reader(song), lambda _fraction: None, lambda: None)
    frames_at_most = 4 * (MAX_SHIFT + 2 * 1000)
    assert max(sizes) <= frames_at_most * 2 * 2 * 4
