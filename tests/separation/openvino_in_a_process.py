"""Converted networks: true small ones, through the conversion, the cache and the runtime."""

from __future__ import annotations

import os
import shutil
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from demucs.apply import BagOfModels
from demucs.hdemucs import HDemucs

from karaoke_studio.errors import ModelDamaged, ModelRefused
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation import converted
from karaoke_studio.separation.converted import (
    FACTS,
    conversion_name,
    conversion_versions,
    read_converted,
)
from karaoke_studio.separation.openvino_conversion import convert_model
from karaoke_studio.separation.openvino_engine import OpenVinoEngine
from karaoke_studio.separation.openvino_runtime import load_openvino
from karaoke_studio.separation.song_run import NetworkOptions, Song
from tests.helpers.engines import ArraySink, ArraySource, facts_of
from tests.helpers.models import STEMS, make_net
from tests.helpers.signals import noise
from tests.separation.test_demucs_engine import RATE, Memory, model_of, snr_db, upstream

FAST = {"mode": "fast", "way": "openvino-f32", "threads": 1}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def vocals_of(tmp_path_factory):
    """A small network and where its vocals were converted to."""
    net = make_net()
    folder = tmp_path_factory.mktemp("converted") / "vocals"
    convert_model(model_of(net), ["vocals"], folder, lambda: None, noise(0.6, RATE))
    return net, folder


def engine_at(folder):
    return OpenVinoEngine("small", "00", folder, read_converted(folder))


def separated(engine, song, folder, stems=("vocals",), ledger=None, check=lambda: None, **options):
    sinks = {stem: ArraySink(*song.shape) for stem in stems}
    fractions = []
    job = Song(ArraySource(song, RATE), sinks, facts_of(song), folder)
    done = engine.separate(
        job, NetworkOptions(**FAST | options), ledger or Memory(), fractions.append, check
    )
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    return np.stack([sinks[stem].samples for stem in stems]), done


def test_a_converted_network_says_what_the_network_says(vocals_of, tmp_path):
    net, folder = vocals_of
    song = noise(1.7, RATE)
    expected = upstream(net, song)[[3]]
    found, done = separated(engine_at(folder), song, tmp_path)
    assert snr_db(found, expected) >= 60
    assert done.device == "cpu"
    assert done.recipe["backend"] == "openvino"
    assert list(tmp_path.iterdir()) == []
    overlapped, _ = separated(engine_at(folder), song, tmp_path, overlap=0.1, shifts=1)
    assert snr_db(overlapped, upstream(net, song, overlap=0.1, shifts=1)[[3]]) >= 60


def test_linear_layers_count_in_eight_bits_and_nothing_else_does(vocals_of, tmp_path):
    net, folder = vocals_of
    (known,) = read_converted(folder).networks.values()
    # three layers with two linear ones in each of both branches, and what attention projects
    assert len(known.ranges) >= 12
    assert all(low <= 0 < high for low, high in known.ranges.values())
    song = noise(1.7, RATE)
    expected = upstream(net, song)[[3]]
    found, done = separated(engine_at(folder), song, tmp_path, mode="turbo", way="openvino-int8")
    assert done.recipe["way"] == "openvino-int8"
    again, _ = separated(engine_at(folder), song, tmp_path)
    assert 25 <= snr_db(found, expected) <= snr_db(again, expected) - 6
    # without music nothing is known, and the network stays as it is
    bare = convert_model(model_of(net), ["vocals"], tmp_path / "bare", lambda: None)
    assert bare.networks[0].ranges == {}


def test_six_stems_are_converted_too(tmp_path):
    names = [*STEMS, "guitar", "piano"]
    net, song = make_net(sources=names), noise(0.9, RATE)
    convert_model(model_of(net), ["piano", "vocals"], tmp_path / "six", lambda: None)
    folder = tmp_path / "song"
    folder.mkdir()
    found, _ = separated(engine_at(tmp_path / "six"), song, folder, ["vocals", "piano"])
    assert snr_db(found, upstream(net, song)[[3, 5]]) >= 60


def test_a_bag_is_put_together_and_each_network_makes_no_more_than_it_adds(tmp_path):
    nets = [make_net(seed=seed) for seed in (1, 2)]
    weights = [[1.0, 0.0, 1.0, 0.5], [0.0, 1.0, 0.0, 1.0]]
    model = model_of(*nets, weights=weights)
    made = convert_model(model, STEMS, tmp_path / "all", lambda: None)
    assert made.networks[0].stems == ("drums", "other", "vocals")
    assert made.networks[1].stems == ("bass", "vocals")
    assert read_converted(tmp_path / "all") == made
    song = noise(0.9, RATE)
    folder = tmp_path / "song"
    folder.mkdir()
    found, _ = separated(engine_at(tmp_path / "all"), song, folder, ["vocals", "drums"])
    expected = upstream(BagOfModels(nets, weights), song)[[3, 0]]
    assert snr_db(found, expected) >= 60


def test_what_was_not_converted_is_refused(vocals_of, tmp_path):
    with pytest.raises(ModelRefused, match="does not make drums"):
        separated(engine_at(vocals_of[1]), noise(0.5, RATE), tmp_path, ["drums"])


def test_other_kinds_of_networks_are_refused(tmp_path):
    with pytest.raises(ModelRefused, match="cannot be converted"):
        convert_model(model_of(make_net(HDemucs)), ["vocals"], tmp_path / "x", lambda: None)
    assert list(tmp_path.iterdir()) == []


def test_cancel_is_heard_within_a_forward(vocals_of, tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) > 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        separated(engine_at(vocals_of[1]), noise(2.0, RATE), tmp_path, check=check)
    assert list(tmp_path.iterdir()) == []


def test_what_is_ready_is_not_made_again(vocals_of, tmp_path):
    engine, song = engine_at(vocals_of[1]), noise(3.0, RATE)
    whole, _ = separated(engine, song, tmp_path)
    ledger = Memory([(0, RATE)])
    part, _ = separated(engine, song, tmp_path, ledger=ledger)
    assert list(ledger.made) == [(RATE, 3 * RATE)]
    np.testing.assert_array_equal(part[..., RATE:], whole[..., RATE:])


def test_a_conversion_cancelled_on_its_way_leaves_nothing(tmp_path):
    def check():
        raise Cancelled

    with pytest.raises(Cancelled):
        convert_model(model_of(make_net()), ["vocals"], tmp_path / "x", check)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["weights", "facts", "gone"])
def test_a_damaged_conversion_is_as_good_as_none(harm, vocals_of, tmp_path):
    folder = tmp_path / "x"
    shutil.copytree(vocals_of[1], folder)
    assert read_converted(folder) is not None
    weights = folder / "network-0.bin"
    if harm == "weights":
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 1
        weights.write_bytes(content)
    elif harm == "facts":
        (folder / FACTS).write_text('{"sha256": {}, "networks": []}')
    else:
        weights.unlink()
    assert read_converted(folder) is None
    # and another takes its place
    with converted.writing(folder) as part:
        shutil.copytree(vocals_of[1], part, dirs_exist_ok=True)
    assert read_converted(folder) == read_converted(vocals_of[1])


def test_a_file_that_the_runtime_refuses_is_a_damaged_model(vocals_of, tmp_path):
    engine = engine_at(vocals_of[1])
    engine.folder = tmp_path
    (tmp_path / "network-0.xml").write_text("<net/>")
    with pytest.raises(ModelDamaged):
        engine.compiled(0, "f32", 1)


def test_the_name_of_a_conversion_tells_all_that_it_depends_on(monkeypatch):
    names = {
        conversion_name("a", None),
        conversion_name("b", None),
        conversion_name("a", ["vocals"]),
        conversion_name("a", ["vocals", "bass"]),
    }
    assert len(names) == 4
    assert conversion_name("a", ["bass", "vocals"]) in names
    monkeypatch.setattr(converted, "conversion_versions", lambda: {"openvino": "1"})
    assert conversion_name("a", None) not in names
    assert all(conversion_versions().values())


def test_old_conversions_make_room(tmp_path, monkeypatch):
    for number in range(9):
        with converted.writing(tmp_path / f"c{number}") as part:
            (part / FACTS).write_text(str(number))
        stamp = 1_000_000 + number
        os.utime(tmp_path / f"c{number}" / FACTS, (stamp, stamp))
    (tmp_path / ".part-1-x").mkdir()
    with converted.writing(tmp_path / "new") as part:
        (part / FACTS).write_text("new")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"new", "c8", "c7"}


def test_openvino_is_loaded_without_its_telemetry():
    load_openvino()
    assert sys.modules["openvino_telemetry"] is None
    assert not any(name.startswith("openvino_telemetry.") for name in sys.modules)


def test_a_segment_is_as_exact_as_the_model_says(vocals_of):
    assert read_converted(vocals_of[1]).segments_s == (Fraction(3, 5),)
