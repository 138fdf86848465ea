"""Demucs networks through the whole engine, against upstream's own way through the song."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.demucs import Demucs, LocalState
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from karaoke_studio.errors import DeviceLost, ModelRefused, OutOfMemory
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation import demucs_engine, torch_layers, torch_networks
from karaoke_studio.separation.demucs_engine import DemucsEngine
from karaoke_studio.separation.model_networks import Model
from karaoke_studio.separation.ranges import Ranges
from karaoke_studio.separation.rates import ResampledSource
from karaoke_studio.separation.song_run import NetworkOptions, Song
from karaoke_studio.separation.torch_networks import only_heads, quick_forward, reference_forward
from tests.helpers.engines import ArraySink, ArraySource, EndlessSource, facts_of
from tests.helpers.models import STEMS, make_net
from tests.helpers.signals import noise

RATE = 44100
CPU = {"device": "cpu", "threads": 1}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


class Memory:
    """A ledger that only remembers."""

    def __init__(self, ready=()):
        self.ready = Ranges(ready)
        self.recipes = []
        self.made = Ranges()

    def begin(self, recipe):
        self.recipes.append(json.loads(json.dumps(recipe)))
        return Ranges(self.ready)

    def add(self, start, stop):
        self.ready.add(start, stop)
        self.made.add(start, stop)


def model_of(*nets, weights=None):
    sources = tuple(nets[0].sources)
    weights = weights or [(1.0,) * len(sources)] * len(nets)
    return Model("small", sources, nets, tuple(map(tuple, weights)), "00", 0.0)


def separated(model, song, folder, stems=STEMS, rate=RATE, ledger=None, **options):
    ledger = ledger or Memory()
    sinks = {stem: ArraySink(*song.shape) for stem in stems}
    fractions = []
    job = Song(ArraySource(song, rate), sinks, facts_of(song), folder)
    engine = model if isinstance(model, DemucsEngine) else DemucsEngine(model)
    done = engine.separate(
        job, NetworkOptions(**CPU | options), ledger, fractions.append, lambda: None
    )
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(folder.iterdir()) == []
    return np.stack([sinks[stem].samples for stem in stems]), done, fractions


def upstream(model, song, **options):
    """The stems as `demucs.api.Separator` makes them."""
    facts = facts_of(song)
    mean = torch.tensor(facts.mean, dtype=torch.float32)
    std = torch.tensor(facts.std, dtype=torch.float32) + 1e-8
    random.seed(options.pop("seed", 0))
    mix = torch.from_numpy(song).expand(2, -1)
    out = apply_model(model, ((mix - mean) / std)[None], **{"shifts": 0} | options)
    return (out * std + mean)[0].numpy()


def snr_db(found, expected):
    error = np.sqrt(np.mean((found.astype(np.float64) - expected) ** 2))
    return 20 * np.log10(np.sqrt(np.mean(expected.astype(np.float64) ** 2)) / max(error, 1e-30))


# ------------------------------------------------------------------ parity


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_reference_gives_the_bits_of_upstream(kind, tmp_path):
    net, song = make_net(kind), noise(1.7, RATE)
    found, done, _ = separated(model_of(net), song, tmp_path, mode="reference")
    np.testing.assert_array_equal(found, upstream(net, song))
    assert done.device == "cpu"
    assert done.fallbacks == ()


def test_overlap_shifts_and_bags_reach_the_loop(tmp_path):
    nets = [make_net(HTDemucs, 1), make_net(HDemucs, 2)]
    weights = [[1.0, 0.0, 1.0, 0.5], [1.0, 1.0, 0.0, 1.0]]
    song = noise(1.3, RATE)
    options = {"overlap": 0.1, "shifts": 2, "seed": 5}
    expected = upstream(BagOfModels(nets, weights), song, **options)
    found, _, _ = separated(
        model_of(*nets, weights=weights), song, tmp_path, mode="reference", **options
    )
    np.testing.assert_array_equal(found, expected)
    # one stem, from the networks that have a say in it
    found, _, _ = separated(
        model_of(*nets, weights=weights), song, tmp_path, ["bass"], mode="reference", **options
    )
    np.testing.assert_array_equal(found[0], expected[1])


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs])
def test_a_segment_of_ones_own_gives_the_bits_of_upstream(kind, tmp_path):
    net, song = make_net(kind), noise(1.3, RATE)
    found, _, _ = separated(model_of(net), song, tmp_path, mode="reference", segment_s=0.5)
    np.testing.assert_array_equal(found, upstream(net, song, segment=0.5))


@pytest.mark.parametrize("stems", [["vocals"], ["vocals", "drums"], STEMS])
@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_exact_is_exact_whatever_is_asked_for(kind, stems, tmp_path):
    net, song = make_net(kind), noise(1.2, RATE)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found, _, _ = separated(model_of(net), song, tmp_path, stems, mode="exact")
    expected = upstream(net, song)[[STEMS.index(stem) for stem in stems]]
    assert snr_db(found, expected) >= 110
    # and the warm model is what it was
    assert list(net.sources) == STEMS
    after = net.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_networks_that_mix_their_sources_last_are_left_whole(tmp_path):
    net = make_net(HDemucs, cac=False)
    song = noise(1.2, RATE)
    found, _, _ = separated(model_of(net), song, tmp_path, ["vocals", "bass"], mode="exact")
    assert snr_db(found, upstream(net, song)[[3, 1]]) >= 110
    with only_heads(make_net(HTDemucs, norm_starts=0), [3]) as rows:
        assert rows == [3]


def test_heads_of_split_frequencies_are_taken_apart_too():
    net = make_net(HDemucs, multi_freqs=[0.25, 0.5])
    samples = noise(1.0, RATE)
    whole = reference_forward(net, [0, 1, 2, 3], "cpu")(samples)
    with only_heads(net, [3, 1]) as rows:
        some = quick_forward(net, rows, "cpu")(samples)
    assert snr_db(some, whole[[3, 1]]) >= 110


@pytest.mark.slow
def test_the_true_size_is_exact():
    from tests.helpers.models import make_true_htdemucs

    torch.set_num_threads(2)
    net = make_true_htdemucs()
    samples = noise(7.8, RATE)
    whole = reference_forward(net, [3], "cpu")(samples)
    with only_heads(net, [3]) as rows:
        assert snr_db(quick_forward(net, rows, "cpu")(samples), whole) >= 110


@pytest.mark.parametrize(
    ("way", "promise_db"), [("torch-bf16-transformer", 50), ("torch-bf16", 25)]
)
def test_short_numbers_stay_near_and_leave_the_model_as_it_was(way, promise_db, tmp_path):
    # what a mode promises is measured on the person's model; this one has other errors than a
    # trained one, but a wrong layer is further away still
    net, song = make_net(), noise(1.2, RATE)
    found, done, _ = separated(model_of(net), song, tmp_path, ["vocals"], mode="turbo", way=way)
    error_db = snr_db(found, upstream(net, song)[[3]])
    assert promise_db <= error_db < 110
    assert done.recipe["way"] == way
    again, _, _ = separated(model_of(net), song, tmp_path, mode="reference")
    np.testing.assert_array_equal(again, upstream(net, song))


def test_what_nobody_hears_needs_no_network(tmp_path):
    net, song = make_net(), noise(4.0, RATE)
    song[:, : 2 * RATE] = noise(2.0, RATE, level=1e-5)
    calls = []
    plain = net.forward
    net.forward = lambda mix: (calls.append(1), plain(mix))[1]
    exact, _, _ = separated(model_of(net), song, tmp_path, ["vocals"], mode="exact")
    every, calls[:] = len(calls), []
    fast, _, _ = separated(model_of(net), song, tmp_path, ["vocals"], mode="fast")
    assert 0 < len(calls) <= every - 3
    # silent where nothing is heard, and the same where something is
    assert np.abs(fast[0, :, :RATE]).max() <= 1e-7
    np.testing.assert_array_equal(fast[0, :, 3 * RATE :], exact[0, :, 3 * RATE :])


# ------------------------------------------------------------------ channels and rates


def test_a_mono_song_is_two_equal_channels_and_their_mean(tmp_path):
    net, song = make_net(), noise(1.2, RATE, 1)
    found, _, _ = separated(model_of(net), song, tmp_path, mode="reference")
    expected = upstream(net, song).mean(axis=1, keepdims=True, dtype=np.float32)
    assert found.shape == (4, *song.shape)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rate", [48000, 22050])
def test_other_rates_go_there_and_back(rate, tmp_path):
    net = make_net()
    song = noise(9.3, rate, level=0.05)
    found, _, _ = separated(
        model_of(net), song, tmp_path, ["vocals", "bass"], rate=rate, mode="reference"
    )
    view = ResampledSource(ArraySource(song, rate), RATE, lambda: None)
    mix = view.read(0, view.frames)
    inside, _, _ = separated_at(net, mix, facts_of(song), tmp_path)
    for stem, expected in enumerate(inside[[3, 1]]):
        back = ResampledSource(ArraySource(expected, RATE), rate, lambda: None)
        np.testing.assert_array_equal(found[stem], back.read(0, song.shape[1]))


def separated_at(net, mix, facts, folder):
    sinks = {stem: ArraySink(*mix.shape) for stem in STEMS}
    job = Song(ArraySource(mix, RATE), sinks, facts, folder)
    options = NetworkOptions(**CPU, mode="reference")
    engine = DemucsEngine(model_of(net))
    done = engine.separate(job, options, Memory(), lambda _f: None, lambda: None)
    return np.stack([sinks[stem].samples for stem in STEMS]), done, None


@pytest.mark.parametrize("frames", [1, 100, 44100])
def test_silence_and_short_songs_come_out_finite(frames, tmp_path):
    song = np.zeros((2, frames), np.float32)
    found, _, _ = separated(model_of(make_net()), song, tmp_path)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1e-6


# ------------------------------------------------------------------ progress, cancel, resume


def test_progress_rises_within_a_chunk(tmp_path):
    _, _, fractions = separated(model_of(make_net()), noise(0.5, RATE), tmp_path)
    assert len(set(fractions)) > 10


@pytest.mark.parametrize("when", [0, 1, 7, 25, 60])
def test_cancel_is_heard_after_any_layer(when, tmp_path):
    net = make_net()
    calls = []

    def check():
        calls.append(1)
        if len(calls) > when:
            raise Cancelled

    song = noise(2.0, RATE)
    job = Song(
        ArraySource(song, RATE), {"vocals": ArraySink(*song.shape)}, facts_of(song), tmp_path
    )
    engine = DemucsEngine(model_of(net))
    with pytest.raises(Cancelled):
        engine.separate(job, NetworkOptions(**CPU), Memory(), lambda _f: None, check)
    assert list(tmp_path.iterdir()) == []
    assert not any(layer._forward_hooks for layer in net.modules())
    assert list(net.sources) == STEMS
    # the warm model then makes the next song as if nothing had been
    found, _, _ = separated(engine, song, tmp_path, mode="reference")
    np.testing.assert_array_equal(found, upstream(net, song))


@pytest.mark.parametrize("rate", [RATE, 48000])
def test_what_is_ready_is_not_made_again_and_the_rest_has_the_same_bits(rate, tmp_path):
    model, song = model_of(make_net()), noise(13.0, rate)
    whole, _, _ = separated(model, song, tmp_path, ["vocals"], rate)
    ready = [(0, 4 * rate), (8 * rate, 12 * rate)]
    ledger = Memory(ready)
    part, _, fractions = separated(model, song, tmp_path, ["vocals"], rate, ledger)
    assert list(ledger.made) == [(4 * rate, 8 * rate), (12 * rate, 13 * rate)]
    assert ledger.ready.covers(0, 13 * rate)
    for start, stop in ledger.made:
        np.testing.assert_array_equal(part[..., start:stop], whole[..., start:stop])
    assert fractions[0] > 0.1


def test_the_recipe_names_all_that_decides_the_bits(tmp_path):
    song, model = noise(0.5, RATE), model_of(make_net())
    ledger = Memory()
    changes = [{}, {"mode": "reference"}, {"overlap": 0.1}, {"shifts": 1}, {"seed": 3}]
    changes += [{"segment_s": 0.5}, {"threads": 2}]
    for change in changes:
        ledger.ready = Ranges()
        separated(model, song, tmp_path, ["vocals"], ledger=ledger, **change)
    ledger.ready = Ranges()
    separated(model, song, tmp_path, ["bass"], ledger=ledger)
    ledger.ready = Ranges()
    separated(model, song * np.float32(0.5), tmp_path, ["vocals"], ledger=ledger)
    texts = [json.dumps(recipe, sort_keys=True) for recipe in ledger.recipes]
    assert len(set(texts)) == len(texts) == len(changes) + 2


# ------------------------------------------------------------------ refusals


def test_a_stem_that_the_model_does_not_make_is_refused(tmp_path):
    with pytest.raises(ModelRefused, match="does not make piano") as caught:
        separated(model_of(make_net()), noise(0.5, RATE), tmp_path, ["piano"])
    assert "vocals" in caught.value.hint


def test_a_transformer_takes_no_longer_segment_than_it_was_trained_on(tmp_path):
    with pytest.raises(ModelRefused, match=r"at most 0\.6 seconds"):
        separated(model_of(make_net()), noise(0.5, RATE), tmp_path, segment_s=5)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "best"},
        {"mode": "exact", "way": "torch-bf16"},
        {"mode": "fast", "way": "abacus"},
        {"overlap": 0.6},
        {"overlap": -0.1},
        {"shifts": -1},
        {"shifts": 10**9},
        {"segment_s": 0},
        {"segment_s": 1e9},
        {"overlap": float("nan")},
        {"threads": -1},
    ],
)
def test_options_out_of_range_are_a_fault_of_the_caller(options):
    with pytest.raises(ValueError, match="out of range"):
        NetworkOptions(**options)


# ------------------------------------------------------------------ devices that fail


class Breaks(torch.nn.Module):
    """A network of no weights that fails at its nth forward, on devices that are so named."""

    def __init__(self, failures, segment=Fraction(1, 2)):
        super().__init__()
        self.sources = list(STEMS)
        self.segment = segment
        self.failures = failures
        self.cac = False
        self.calls = 0
        self.batches = []

    def forward(self, mix):
        self.calls += 1
        self.batches.append(len(mix))
        failure = self.failures.get(self.calls)
        if failure is not None:
            raise failure
        ramp = torch.linspace(0.5, 1.5, mix.shape[-1])
        return torch.stack([mix * ramp * (1 + number) for number in range(4)], dim=1)


@pytest.fixture
def two_devices(monkeypatch):
    """Two devices that are really the processor."""

    def found(wanted, _record=None):
        return ["cuda:0", "cpu"] if wanted == "auto" else [wanted]

    monkeypatch.setattr(demucs_engine, "devices_to_try", found)
    monkeypatch.setattr(demucs_engine, "on_device", lambda network, _device: network)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_args, **_kwargs: tensor)


SONG = noise(3.0, RATE)


def calm(folder):
    net = Breaks({})
    return separated(model_of(net), SONG, folder)[0]


@pytest.fixture
def room(two_devices, monkeypatch):
    """A card that says that it takes five chunks at once."""
    monkeypatch.setattr(
        demucs_engine, "chunks_at_once", lambda device, _frames: 1 if device == "cpu" else 5
    )


def no_memory():
    return torch.OutOfMemoryError("no memory")


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(("when", "batches"), [(1, [5, 1, *[1] * 9]), (2, [5, 2, 1, *[1] * 5])])
def test_seed_002_12_out_of_memory_on_a_card_goes_on_with_fewer_chunks_then_with_the_processor(
    when, batches, tmp_path
):
    expected = calm(tmp_path)
    net = Breaks({when: no_memory(), when + 1: no_memory()})
    ledger = Memory()
    found, done, _ = separated(model_of(net), SONG, tmp_path, ledger=ledger, device="auto")
    assert done.device == "cpu"
    assert [(one.device, one.code) for one in done.fallbacks] == [("cuda:0", "OUT_OF_MEMORY")] * 2
    tried = [(recipe["device"], recipe["chunks"]) for recipe in ledger.recipes]
    assert tried == [("cuda:0", 5), ("cuda:0", 1), ("cpu", 1)]
    assert net.batches == batches  # what was made before is not made again
    np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("room")
def test_fewer_chunks_at_once_may_be_all_that_it_takes(tmp_path):
    expected = calm(tmp_path)
    net = Breaks({2: no_memory()})
    found, done, _ = separated(model_of(net), SONG, tmp_path, device="auto")
    assert done.device == "cuda:0"
    assert len(done.fallbacks) == 1
    np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(("kind", "most"), [(HTDemucs, 5), (HDemucs, 3)])
def test_attention_in_pieces_is_tried_before_the_processor_and_gives_the_same(
    kind, most, tmp_path, monkeypatch
):
    net, song = make_net(kind), noise(2.7, RATE)
    expected = upstream(net, song)
    monkeypatch.setattr(torch_layers, "_PIECE", 7)
    for whole in (torch.nn.MultiheadAttention, LocalState):
        monkeypatch.setattr(whole, "forward", None)
    true_forward, tried = net.forward, []

    def forward(mix):
        layers = {type(layer).__name__ for layer in net.modules()}
        tried.append((len(mix), bool(layers & {"_PiecedAttention", "_PiecedLocalState"})))
        if tried[-1] != (1, True):
            raise no_memory()
        return true_forward(mix)

    monkeypatch.setattr(net, "forward", forward)
    found, done, _ = separated(model_of(net), song, tmp_path, mode="exact", device="auto")
    assert tried[:3] == [(most, False), (1, False), (1, True)]
    assert done.device == "cuda:0"
    assert len(done.fallbacks) == 2
    assert snr_db(found, expected) >= 110
    # and the warm model is what it was
    monkeypatch.undo()
    again, _, _ = separated(model_of(net), song, tmp_path, mode="reference")
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_several_chunks_at_once_give_the_same(kind, tmp_path, monkeypatch):
    net, song = make_net(kind), noise(2.7, RATE)
    alone, _, _ = separated(model_of(net), song, tmp_path, ["vocals", "bass"], mode="exact")
    monkeypatch.setattr(demucs_engine, "chunks_at_once", lambda *_: 3)
    ledger = Memory()
    found, _, _ = separated(
        model_of(net), song, tmp_path, ["vocals", "bass"], ledger=ledger, mode="exact"
    )
    assert ledger.recipes[0]["chunks"] == 3
    assert snr_db(found, alone) >= 110


def test_a_batch_skips_what_nobody_hears(tmp_path, monkeypatch):
    monkeypatch.setattr(demucs_engine, "chunks_at_once", lambda *_: 4)
    song = noise(4.0, RATE)
    song[:, : 2 * RATE] = noise(2.0, RATE, level=1e-5)
    exact, fast = Breaks({}), Breaks({})
    separated(model_of(exact), song, tmp_path, ["vocals"], mode="exact")
    found, _, _ = separated(model_of(fast), song, tmp_path, ["vocals"], mode="fast")
    assert 0 < sum(fast.batches) <= sum(exact.batches) - 3
    assert np.abs(found[0, :, :RATE]).max() <= 1e-7


@pytest.mark.parametrize(("free_gb", "chunks"), [(0, 1), (1, 1), (4, 2), (6, 3), (12, 6), (80, 8)])
def test_a_card_gets_as_many_chunks_as_fit(monkeypatch, free_gb, chunks):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _name: (free_gb << 30, 80 << 30))
    assert torch_networks.chunks_at_once("cuda:0", 343_980) == chunks
    assert torch_networks.chunks_at_once("cpu", 343_980) == 1


def test_a_card_that_does_not_say_what_is_free_gets_one_chunk(monkeypatch):
    def gone(_name):
        raise RuntimeError("CUDA error")

    monkeypatch.setattr(torch.cuda, "mem_get_info", gone)
    assert torch_networks.chunks_at_once("cuda:0", 343_980) == 1


@pytest.mark.usefixtures("two_devices")
def test_a_lost_card_is_left_at_once(tmp_path):
    expected = calm(tmp_path)
    net = Breaks({4: RuntimeError("CUDA error: unspecified launch failure")})
    found, done, _ = separated(model_of(net), SONG, tmp_path, device="auto")
    assert done.device == "cpu"
    assert [one.code for one in done.fallbacks] == ["DEVICE_LOST"]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.usefixtures("two_devices")
@pytest.mark.parametrize(
    ("failure", "error"),
    [(torch.OutOfMemoryError("x"), OutOfMemory), (RuntimeError("x"), DeviceLost)],
)
def test_a_device_that_was_named_is_not_replaced(failure, error, tmp_path):
    net = Breaks(dict.fromkeys(range(2, 9), failure))
    with pytest.raises(error) as caught:
        separated(model_of(net), SONG, tmp_path, device="cuda:0")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_memory_that_the_system_refuses_is_told_from_other_faults(tmp_path):
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8)
    with pytest.raises(OutOfMemory):
        separated(model_of(Breaks({1: caught.value})), SONG, tmp_path)


@pytest.mark.usefixtures("room")
def test_when_nothing_is_small_enough_it_is_said(tmp_path):
    with pytest.raises(OutOfMemory, match="not enough memory"):
        separated(model_of(Breaks({1: no_memory()})), SONG, tmp_path)
    net = Breaks(dict.fromkeys(range(1, 9), MemoryError()))
    with pytest.raises(OutOfMemory):
        separated(model_of(net), SONG, tmp_path, device="auto")
    assert net.calls == 3


def test_a_fault_of_ours_is_not_taken_for_the_devices(tmp_path):
    with pytest.raises(RuntimeError, match="our own fault"):
        separated(model_of(Breaks({1: RuntimeError("our own fault")})), SONG, tmp_path)


# ------------------------------------------------------------------ memory

_MEASURE = """
import sys
from pathlib import Path
from tests.separation.test_demucs_engine import growth_mb
print(growth_mb(float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
"""


class Files:
    """Writes a stem to disk."""

    def __init__(self, file):
        self.file = file

    def write(self, start, block):
        self.file.write(start, np.ascontiguousarray(block.T))


def resident_mb(name="VmRSS"):
    from pathlib import Path

    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise AssertionError(name)


#: Four stems of longer songs would take more disk than there is: they are made and let go.
LONGEST_ON_DISK_S = 3600


def growth_mb(seconds, rate, folder):
    """How far memory rises above the loaded model while a song is separated into four stems."""
    from contextlib import ExitStack
    from pathlib import Path

    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.engine import SongFacts
    from tests.helpers.engines import NullSink

    torch.set_num_threads(1)
    net = Breaks({}, segment=Fraction(39, 5))
    net.batches = _Nothing()
    song = EndlessSource(seconds, rate)
    engine = DemucsEngine(model_of(net))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = resident_mb()
    with ExitStack() as stack:
        paths = [folder / f"{stem}.f32" for stem in STEMS if seconds <= LONGEST_ON_DISK_S]
        files = [stack.enter_context(RawFile.create(path, 2, song.frames)) for path in paths]
        sinks = dict(zip(STEMS, map(Files, files), strict=True)) if files else {}
        sinks = sinks or {stem: NullSink() for stem in STEMS}
        job = Song(song, sinks, SongFacts(0.7, 1.0, 0.0, 0.7, 0.0), folder)
        options = NetworkOptions(**CPU, mode="reference")
        engine.separate(job, options, Memory(), lambda _f: None, lambda: None)
    for path in paths:
        path.unlink()
    return resident_mb("VmHWM") - before


class _Nothing(list):
    def append(self, _item):
        pass


def measured(seconds, rate, folder):
    command = [sys.executable, "-c", _MEASURE, str(seconds), str(rate), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_song(tmp_path):
    short, long = measured(60, RATE, tmp_path), measured(600, RATE, tmp_path)
    assert long <= 250
    assert long - short <= 90  # upstream: 4.6 MB more for each second


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("rate", "hours"), [(44100, 1), (48000, 1), (44100, 10)])
def test_hours_take_the_memory_of_a_minute(rate, hours, tmp_path):
    short, long = measured(60, rate, tmp_path), measured(3600 * hours, rate, tmp_path)
    print(f"{rate} Hz: {short:.0f} MB for a minute, {long:.0f} MB for {hours} h")
    assert long <= 250
    assert long - short <= 90  # upstream: 4.6 MB more for each second
