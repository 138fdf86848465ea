"""Model files: what is read, what is refused, and that nothing in them ever runs."""

from __future__ import annotations

import functools
import json
import os
import pickle
import struct
import sys
import tempfile
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from demucs.apply import BagOfModels
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from karaoke_studio.errors import ModelDamaged, ModelError, ModelMissing, ModelRefused
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.demucs_engine import DemucsEngine
from karaoke_studio.separation.legacy_models import convert_model
from karaoke_studio.separation.model_files import find_model
from karaoke_studio.separation.model_networks import is_empty, load_model
from karaoke_studio.separation.model_store import HashRecords, ModelStore, unconverted
from tests.helpers.models import (
    STEMS,
    make_net,
    metadata_of,
    write_bag,
    write_legacy,
    write_safetensors,
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "data")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def loaded(name, folder, store):
    return load_model(find_model(name, [folder]), store)


def same_state(one, other):
    state, expected = one.state_dict(), other.state_dict()
    assert state.keys() == expected.keys()
    return all(torch.equal(state[name], expected[name]) for name in state)


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_a_network_is_the_one_that_upstream_makes_of_the_file(kind, folder, store):
    from demucs.hf import load_safetensors_model

    paths = write_bag(folder, "mine", [make_net(kind)])
    model = loaded("mine", folder, store)
    expected = load_safetensors_model(paths[0]).eval()
    (network,) = model.networks
    assert type(network) is kind
    assert same_state(network, expected)
    assert not network.training
    assert not any(value.is_meta or value.requires_grad for value in network.parameters())
    mix = torch.randn(1, 2, 20_000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(network(mix), expected(mix))
    assert model.sources == tuple(STEMS)
    assert model.weights == ((1.0,) * 4,)


def test_weights_of_32_bits_are_read_as_they_are(folder, store):
    net = make_net()
    write_safetensors(net, folder / "abc123.safetensors", half=False)
    assert same_state(loaded("abc123", folder, store).networks[0], net)


def test_a_bag_has_its_weights_and_its_segment(folder, store):
    nets = [make_net(HDemucs, 0), make_net(HTDemucs, 1)]
    weights = [[1, 0, 0.5, 0], [0, 1, 1, 1]]
    write_bag(folder, "mine", nets, weights, segment=0.9)
    model = loaded("mine", folder, store)
    expected = BagOfModels(nets, weights, segment=0.9)
    assert [list(row) for row in model.weights] == weights
    # a transformer cannot be given more than it was trained on
    assert [net.segment for net in model.networks] == [net.segment for net in expected.models]
    assert [net.segment for net in model.networks] == [0.9, Fraction(3, 5)]


def test_networks_that_add_nothing_to_the_stems_stay_empty(folder, store):
    nets = [make_net(HTDemucs, seed) for seed in range(4)]
    write_bag(folder, "special", nets, [[float(a == b) for a in range(4)] for b in range(4)])
    files = find_model("special", [folder])
    whole = load_model(files, store)
    some = load_model(files, store, stems=["vocals", "bass"])
    assert [is_empty(net) for net in whole.networks] == [False] * 4
    assert [is_empty(net) for net in some.networks] == [True, False, True, False]
    assert some.sha256 == whole.sha256
    assert DemucsEngine(some).can_make(["vocals"])
    assert not DemucsEngine(some).can_make(["vocals", "drums"])
    # what is not needed is checked all the same
    (folder / "special0sig.safetensors").write_bytes(b"no model")
    with pytest.raises(ModelDamaged):
        load_model(files, store, stems=["vocals"])


def test_names_differ_where_bytes_or_weights_do(folder, tmp_path, store):
    nets = [make_net(HTDemucs, 0), make_net(HTDemucs, 1)]
    write_bag(folder, "mine", nets)
    write_bag(folder, "other", nets, [[1, 1, 1, 1], [1, 1, 1, 2]])
    write_bag(folder, "third", [nets[0], make_net(HTDemucs, 2)])
    names = {loaded(name, folder, store).sha256 for name in ("mine", "other", "third")}
    assert len(names) == 3
    assert loaded("mine", folder, store).sha256 in names


def test_early_tensor_names_of_demucs_are_understood(folder, store):
    net = make_net(Demucs, dconv_mode=0)
    path = folder / "old1.safetensors"
    write_safetensors(net, path)
    from safetensors.torch import load_file, save_file

    state = load_file(path)
    old = {name.replace(".0.3.", ".0.2."): value for name, value in state.items()}
    assert old.keys() != state.keys()
    save_file(old, path, metadata=metadata_of(net))
    network = loaded("old1", folder, store).networks[0]
    assert all(torch.equal(network.state_dict()[n], v.float()) for n, v in state.items())


def test_a_model_may_lie_in_a_folder_of_its_own_name(folder, store):
    write_bag(folder / "mine", "mine", [make_net()])
    assert loaded("mine", folder, store).name == "mine"


def test_published_networks_are_known_without_their_yaml(folder, store):
    write_safetensors(make_net(), folder / "955717e8.safetensors")
    assert loaded("htdemucs", folder, store).name == "htdemucs"
    write_safetensors(make_net(), folder / "04573f0d.safetensors")
    with pytest.raises(ModelMissing, match="htdemucs_ft only some parts") as caught:
        loaded("htdemucs_ft", folder, store)
    assert "models download htdemucs_ft --stems all" in caught.value.hint


def test_what_is_missing_is_named_with_a_way_to_get_it(folder, store):
    with pytest.raises(ModelMissing, match="htdemucs is not in") as caught:
        loaded("htdemucs", folder, store)
    assert "Download" in caught.value.hint
    with pytest.raises(ModelMissing):
        loaded("htdemucs", folder / "nowhere", store)
    paths = write_bag(folder, "mine", [make_net(), make_net()])
    files = find_model("mine", [folder])
    paths[1].unlink()
    with pytest.raises(ModelMissing, match=r"mine1sig\.safetensors"):
        load_model(files, store)
    with pytest.raises(ModelMissing, match="incomplete"):
        find_model("mine", [folder])


def test_cancel_is_heard_between_networks(folder, store):
    write_bag(folder, "mine", [make_net(), make_net()])
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        load_model(find_model("mine", [folder]), store, check)


# ------------------------------------------------------------------ hashes


def test_a_file_that_changed_after_its_first_use_is_damaged(folder, store):
    (path,) = write_bag(folder, "mine", [make_net()])
    loaded("mine", folder, store)
    loaded("mine", folder, store)
    write_safetensors(make_net(seed=1), path)
    with pytest.raises(ModelDamaged, match="not the file it was"):
        loaded("mine", folder, store)
    store.records.forget(path)
    loaded("mine", folder, store)


@pytest.mark.parametrize("place", [3, 100, -1])
def test_one_flipped_bit_is_found(place, folder, store):
    (path,) = write_bag(folder, "mine", [make_net()])
    loaded("mine", folder, store)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelDamaged):
        loaded("mine", folder, store)


def test_a_refused_file_leaves_no_record(folder, store):
    (folder / "bad.safetensors").write_bytes(b"no model")
    with pytest.raises(ModelRefused):
        loaded("bad", folder, store)
    assert store.records.expected(folder / "bad.safetensors") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', '{"files": {"a": ', "\0"])
def test_broken_records_begin_anew(text, tmp_path, caplog):
    records = HashRecords(tmp_path / "models.json")
    (tmp_path / "models.json").write_text(text)
    assert records.expected(tmp_path / "a") is None
    assert "begins anew" in caplog.text
    records.record(tmp_path / "a", "00")
    assert records.expected(tmp_path / "a") == "00"


# ------------------------------------------------------------------ old files


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_an_old_file_is_converted_once_and_is_the_network_it_was(kind, folder, store):
    from demucs.states import load_model as upstream_load

    path = write_legacy(make_net(kind), folder, "955717e8")
    files = find_model("htdemucs", [folder])
    assert unconverted(files, store) == [path]
    with pytest.raises(ModelMissing):
        load_model(files, store)
    assert convert_model(path, store).parent == store.converted
    assert unconverted(files, store) == []
    model = load_model(files, store)
    expected = upstream_load(path)
    assert same_state(model.networks[0], expected)
    assert model.networks[0].segment == expected.segment
    assert sorted(p.suffix for p in store.converted.iterdir()) == [".safetensors"]


def test_a_safetensors_file_is_preferred_to_an_old_one(folder, store):
    write_legacy(make_net(seed=1), folder, "955717e8")
    write_safetensors(make_net(seed=2), folder / "955717e8.safetensors")
    files = find_model("htdemucs", [folder])
    assert [file.path.suffix for file in files.files] == [".safetensors"]
    assert unconverted(files, store) == []


def test_an_old_file_must_have_the_hash_that_its_name_tells(folder, store):
    path = write_legacy(make_net(), folder, "955717e8")
    wrong = path.rename(folder / "955717e8-00000000.th")
    with pytest.raises(ModelDamaged):
        unconverted(find_model("htdemucs", [folder]), store)
    with pytest.raises(ModelDamaged):
        convert_model(wrong, store)


def test_what_was_converted_is_checked_at_each_load(folder, store):
    path = write_legacy(make_net(), folder, "955717e8", prefix=False)
    target = convert_model(path, store)
    files = find_model("htdemucs", [folder])
    load_model(files, store)
    target.write_bytes(target.read_bytes()[:-2] + b"\0\0")
    with pytest.raises(ModelDamaged):
        load_model(files, store)
    target.unlink()
    assert unconverted(files, store) == [path]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelDamaged):
        unconverted(files, store)


# ------------------------------------------------------------------ the hostile set


class Runs:
    """Unpickles into a call."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def calls(marker):
    """Calls that leave a marker, each in its own way."""
    import logging
    import operator
    import runpy
    import shutil
    import sqlite3
    import subprocess

    script = marker.parent / "script.py"
    script.write_text(f"open({str(marker)!r}, 'w')")
    nested = marker.parent / "nested.pkl"
    nested.write_bytes(pickle.dumps(Runs(open, str(marker), "w")))
    touch = f"touch {marker}"
    return {
        "os.system": Runs(os.system, touch),
        "subprocess.call": Runs(subprocess.call, touch.split()),
        "subprocess.Popen": Runs(subprocess.Popen, touch.split()),
        "subprocess.check_output": Runs(subprocess.check_output, touch.split()),
        "eval": Runs(eval, f"open({str(marker)!r}, 'w')"),
        "exec": Runs(exec, f"open({str(marker)!r}, 'w')"),
        "open": Runs(open, str(marker), "w"),
        "os.mkdir": Runs(os.mkdir, str(marker)),
        "os.symlink": Runs(os.symlink, "/", str(marker)),
        "Path.touch": Runs(Path.touch, marker),
        "shutil.copy": Runs(shutil.copyfile, str(script), str(marker)),
        "runpy": Runs(runpy.run_path, str(script)),
        "import": Runs(__import__, "marker_module"),
        "getattr": Runs(getattr, Runs(__import__, "marker_module"), "x"),
        "attrgetter": Runs(operator.attrgetter("x"), Runs(__import__, "marker_module")),
        "torch.load": Runs(torch.load, str(nested), None, None),
        "torch.save": Runs(torch.save, 1, str(marker)),
        "pickle.loads": Runs(pickle.loads, nested.read_bytes()),
        "FileHandler": Runs(logging.FileHandler, str(marker)),
        "ZipFile": Runs(zipfile.ZipFile, str(marker), "w"),
        "sqlite3": Runs(sqlite3.connect, str(marker)),
    }


def package(**changes):
    net = make_net()
    args, kwargs = net._init_args_kwargs
    state = {name: value.half() for name, value in net.state_dict().items()}
    return {"klass": HTDemucs, "args": args, "kwargs": kwargs, "state": state} | changes


def hostile_packages(marker):
    """Old files with something to run, or something that is not there to be run but is wrong."""
    found = {f"whole {name}": call for name, call in calls(marker).items()}
    places = ("klass", "args", "kwargs", "state", "training_args")
    for number, (name, call) in enumerate(calls(marker).items()):
        place = places[number % len(places)]
        found[f"{place} {name}"] = package(**{place: call})
    net = make_net()
    big = torch.zeros(1, dtype=torch.half).expand(1 << 20, 1 << 20)
    found |= {
        "a ready-made network": net,
        "a ready-made network as class": package(klass=net),
        "a class that is a function": package(klass=torch.load),
        "another class": package(klass=torch.nn.Linear),
        "a class by name": package(klass="demucs.htdemucs.HTDemucs"),
        "a call of the class": package(args=[Runs(HTDemucs, STEMS)]),
        "a fraction of an object": package(kwargs={"segment": Runs(Fraction, "9" * 5000)}),
        "weights that are too large": package(state={"encoder.0.conv.weight": big}),
        "weights that are no tensors": package(state={"encoder.0.conv.weight": [1.0]}),
        "weights that are parameters": package(state=dict(net.named_parameters())),
        "quantised weights": package(state={"__quantized": True, "quantized": {}}),
        "no weights": package(state={}),
        "no package": [1, 2, 3],
        "arguments without end": package(kwargs={"depth": 10**9, "sources": STEMS}),
        "stems as paths": package(args=[["../../x", "vocals"]]),
        "an unknown value": package(kwargs={"segment": torch.zeros(3)}),
    }
    return found


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """What exists when anything ran; also left by importing `marker_module`."""
    marker = tmp_path / "marker"
    place = tmp_path / "importable"
    place.mkdir()
    (place / "marker_module.py").write_text(
        f"open({str(marker)!r}, 'w').close()\nx = 1\nclass Net:\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(place))
    yield marker
    sys.modules.pop("marker_module", None)


def test_the_hostile_set_would_run_elsewhere(marker, folder):
    from demucs.hf import load_safetensors_model

    torch.save(package(klass=calls(marker)["os.mkdir"]), folder / "a.th")
    torch.load(folder / "a.th", weights_only=False)
    assert marker.exists()
    marker.rmdir()
    path = folder / "a.safetensors"
    write_tensors(path, klass="marker_module.Net", args="[]", kwargs="{}")
    with pytest.raises(AttributeError):
        load_safetensors_model(path)
    assert marker.exists()


def test_no_old_file_runs_anything(marker, folder, store):
    packages = hostile_packages(marker)
    assert len(packages) > 50
    refused = 0
    for number, (name, content) in enumerate(packages.items()):
        for zipped in (True, False):
            path = folder / f"bad{number}{zipped:d}.th"
            torch.save(content, path, _use_new_zipfile_serialization=zipped)
            refused += is_refused(path.stem, folder, store, convert=path)
            assert not marker.exists(), name
            assert "marker_module" not in sys.modules, name
    for number, call in enumerate(calls(marker).values()):
        path = folder / f"raw{number}.th"
        path.write_bytes(pickle.dumps(call, protocol=2 + number % 3))
        refused += is_refused(path.stem, folder, store, convert=path)
        assert not marker.exists()
    assert refused == 2 * len(packages) + len(calls(marker))
    assert not list(store.converted.glob("*"))


def is_refused(name, folder, store, convert=None):
    def use():
        if convert is not None:
            convert_model(convert, store)
        loaded(name, folder, store)

    with pytest.raises(ModelRefused) as caught:
        use()
    assert caught.value.hint
    return True


@functools.cache
def true_file():
    """The bytes of a true file: the header's fields and the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        write_safetensors(make_net(), path)
        data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return data[8 : 8 + length], data[8 + length :]


def write_tensors(path, drop=(), header=None, **metadata):
    """A true file with some of its metadata or of its header's entries changed."""
    text, numbers = true_file()
    fields = json.loads(text)
    fields["__metadata__"] |= metadata
    for name in drop:
        del fields["__metadata__"][name]
    body = ((header(fields) if header else None) or json.dumps(fields)).encode()
    body += b" " * (-len(body) % 8)
    path.write_bytes(struct.pack("<Q", len(body)) + body + numbers)


KWARGS = {"sources": STEMS, "channels": 8, "nfft": 1024, "t_layers": 3, "t_heads": 2}

METADATA = {
    "class os.system": {"klass": "os.system", "args": '["touch /tmp/x"]'},
    "class Popen": {"klass": "subprocess.Popen", "args": '[["touch", "/tmp/x"]]'},
    "class eval": {"klass": "builtins.eval", "args": '["1"]'},
    "class of a module that writes": {"klass": "marker_module.Net"},
    "class without module": {"klass": "HTDemucs"},
    "no class": {"klass": ""},
    "class with a space": {"klass": " demucs.htdemucs.HTDemucs"},
    "another class of demucs": {"klass": "demucs.transformer.CrossTransformerEncoder"},
    "a function of demucs": {"klass": "demucs.states.load_model", "args": '["/etc/passwd"]'},
    "a module beside the class": {"klass": "demucs.htdemucs.torch"},
    "a path": {"klass": "../../marker_module.Net"},
    "the wrong class": {"klass": "demucs.hdemucs.HDemucs"},
    "quantised": {"structure": '{"_class": "marker_module.Net"}'},
    "args that are no list": {"args": '{"a": 1}'},
    "args that are no json": {"args": "__import__('marker_module')"},
    "too many args": {"args": '[["a"], 2]'},
    "stems twice": {"kwargs": json.dumps({"sources": STEMS})},
    "kwargs that are a list": {"kwargs": "[]"},
    "kwargs that are no json": {"kwargs": "{"},
    "kwargs too long": {"kwargs": json.dumps(KWARGS | {"x": "y" * 200_000})},
    "kwargs too deep": {"kwargs": "[" * 20_000 + "]" * 20_000},
    "kwargs of a type": {"kwargs": '{"segment": {"_type": "marker_module.Net"}}'},
}
VALUES = {
    "sources": ["vocals", ["../../x", "vocals"], ["vocals", "vocals"], [1, 2], [], ["vocals"]],
    "audio_channels": [1, 64, "2", True],
    "channels": [0, -8, 10**9, 8.5, "8", None, float("nan")],
    "growth": [0, 1e9, float("inf"), float("nan")],
    "depth": [0, 9, 10**9],
    "nfft": [0, 1000, 2**40, "4096"],
    "kernel_size": [0, 10**6],
    "dconv_comp": [0, 64, float("nan")],
    "t_layers": [33, 10**9],
    "t_heads": [0, 7, 10**9],
    "t_emb": ["import os", None, 3],
    "t_sin_random_shift": [1],
    "t_sparse_self_attn": [True],
    "t_sparse_cross_attn": [True],
    "t_cape_glob_loc_scale": [[1] * 1000, "abc"],
    "multi_freqs": [[0.5] * 1000, [7], "x"],
    "samplerate": [8000, 10**9],
    "segment": [
        0,
        1e9,
        float("inf"),
        "7.8",
        {"_type": "fraction", "numerator": 1, "denominator": 0},
        {"_type": "fraction", "numerator": 10**30, "denominator": 1},
        {"_type": "fraction", "numerator": "1", "denominator": 1},
        {"_type": "fraction", "numerator": 1},
    ],
}


@pytest.mark.parametrize("name", METADATA)
def test_no_metadata_runs_anything(name, marker, folder, store):
    write_tensors(folder / "bad.safetensors", **METADATA[name])
    assert is_refused("bad", folder, store)
    assert not marker.exists()
    assert "marker_module" not in sys.modules


@pytest.mark.parametrize("dropped", ["klass", "args", "kwargs"])
def test_metadata_must_be_whole(dropped, folder, store):
    write_tensors(folder / "bad.safetensors", [dropped])
    assert is_refused("bad", folder, store)


def test_arguments_out_of_range_are_refused_before_memory_is_taken(folder, store):
    own = json.loads(json.loads(true_file()[0])["__metadata__"]["kwargs"])
    for name, values in VALUES.items():
        for value in values:
            args = "[]" if name == "sources" else json.dumps([STEMS])
            kwargs = json.dumps(own | {name: value})
            write_tensors(folder / "bad.safetensors", args=args, kwargs=kwargs)
            assert is_refused("bad", folder, store), (name, value)


def test_unknown_arguments_are_left_out_as_upstream_does(folder, store, caplog):
    own = json.loads(json.loads(true_file()[0])["__metadata__"]["kwargs"])
    write_tensors(folder / "mine.safetensors", kwargs=json.dumps(own | {"gone_since": 1}))
    loaded("mine", folder, store)
    assert "gone_since" in caplog.text


FIRST = "encoder.0.conv.weight"


def changed(name, **fields):
    def change(header):
        header[name] |= fields

    return change


def moved(header):
    header[FIRST]["data_offsets"] = [place + 2 for place in header[FIRST]["data_offsets"]]


def overlapping(header):
    names = [name for name in header if name != "__metadata__"]
    same = [n for n in names if header[n]["shape"] == header[names[0]]["shape"]]
    header[same[0]]["data_offsets"] = header[same[-1]]["data_offsets"]


HEADERS = {
    "integers": changed(FIRST, dtype="I16"),
    "an unknown kind": changed(FIRST, dtype="marker_module.Net"),
    "a kind that is no text": changed(FIRST, dtype=[1]),
    "another shape": changed(FIRST, shape=[1, 1, 1, 1]),
    "a shape of the same size": lambda h: h[FIRST]["shape"].reverse(),
    "a negative shape": changed(FIRST, shape=[-1, -8, 4, 8]),
    "a shape beyond all memory": changed(FIRST, shape=[1 << 39, 1 << 39, 1 << 39]),
    "a shape of floats": changed(FIRST, shape=[8.0, 4.0, 8.0, 1.0]),
    "a shape of flags": changed(FIRST, shape=[True]),
    "too many dimensions": changed(FIRST, shape=[1] * 3000),
    "offsets beyond the end": changed(FIRST, data_offsets=[1 << 38, (1 << 38) + 512]),
    "negative offsets": changed(FIRST, data_offsets=[-512, 0]),
    "three offsets": changed(FIRST, data_offsets=[0, 1, 2]),
    "no offsets": changed(FIRST, data_offsets=None),
    "a further field": changed(FIRST, path="/etc/passwd"),
    "moved": moved,
    "overlapping": overlapping,
    "one tensor less": lambda h: h.pop(FIRST) and None,
    "one tensor more": lambda h: h.update({"extra": h[FIRST]}),
    "another name": lambda h: h.update({"../x": h.pop(FIRST)}),
    "no tensors": lambda h: [h.pop(n) for n in list(h) if n != "__metadata__"] and None,
    "metadata that is a list": lambda h: h.update(__metadata__=[]),
    "metadata of numbers": lambda h: h["__metadata__"].update(klass=3),
    "an entry that is no object": lambda h: h.update({FIRST: 7}),
    "a name twice": lambda h: json.dumps(h)[:-1] + f', "{FIRST}": {json.dumps(h[FIRST])}}}',
    "not an object": lambda _h: "[1, 2]",
    "no json": lambda _h: "marker",
    "too deep": lambda _h: "[" * 50_000,
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_is_refused(name, folder, store):
    write_tensors(folder / "bad.safetensors", header=HEADERS[name])
    assert is_refused("bad", folder, store)


def test_bytes_that_are_no_model_are_refused(marker, folder, store):
    write_tensors(folder / "good.safetensors")
    good = (folder / "good.safetensors").read_bytes()
    cases = [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\0" * 5000,
        b"\xff" * 5000,
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 9 << 20) + b"{}" + b" " * (10 << 20),
        good[:-1],
        good[:100],
        good + b"\0\0",
        pickle.dumps(calls(marker)["open"]),
        b"<html>404</html>",
    ]
    for data in cases:
        (folder / "bad.safetensors").write_bytes(data)
        assert is_refused("bad", folder, store)
    assert not marker.exists()


def test_weights_that_are_not_finite_are_refused(folder, store):
    net = make_net()
    net.state_dict()[FIRST].view(-1)[3] = float("nan")
    write_safetensors(net, folder / "bad.safetensors")
    assert is_refused("bad", folder, store)


YAMLS = [
    "!!python/object/apply:os.system ['touch x']",
    "models: !!python/object/apply:builtins.open [x, w]",
    "models: !!python/name:os.system",
    "models: ['../../../../etc/passwd']",
    "models: ['/etc/passwd']",
    "models: ['..\\..\\x']",
    "models: ['sub/good']",
    "models: ['good.safetensors']",
    "models: ['good\\0']",
    'models: ["good\\0"]',
    "models: ['~/good']",
    "models: ['file:good']",
    "models: ['hf://someone/good']",
    "models: ['']",
    "models: good",
    "models: [1]",
    "models: []",
    "models: [[good]]",
    "models: {good: good}",
    "models: [" + "good, " * 17 + "]",
    "models: [good]\nother: 1",
    "models: [good]\nweights: 3",
    "models: [good]\nweights: [[1, 1, 1, 1], [1, 1, 1, 1]]",
    "models: [good]\nweights: [[1, 1, 1]]",
    "models: [good]\nweights: [[1, 1, 1, x]]",
    "models: [good]\nweights: [[1, 1, 1, .nan]]",
    "models: [good]\nweights: [[1, 1, 1, -1]]",
    "models: [good]\nweights: [[1, 1, 1, 0]]",
    "models: [good]\nweights: [1, 1, 1, 1]",
    "models: [good]\nsegment: .inf",
    "models: [good]\nsegment: 0",
    "models: [good]\nsegment: '7'",
    "models: [good]\nsegment: true",
    "- good",
    "good",
    "",
    "models: [good",
    "\0",
    "a: &a [x]\n" + "".join(f"k{i}: &k{i} [*a, *a, *a]\n" for i in range(50)),
    "x" * 70_000,
    "[" * 5_000,
]


@pytest.mark.parametrize("number", range(len(YAMLS)))
def test_no_yaml_reaches_further_than_its_folder(number, folder, store, monkeypatch):
    monkeypatch.chdir(folder)
    write_tensors(folder / "good.safetensors")
    before = set(folder.rglob("*"))
    (folder / "bad.yaml").write_text(YAMLS[number])
    assert is_refused("bad", folder, store)
    assert set(folder.rglob("*")) - before == {folder / "bad.yaml"}


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "a\\b", "", ".", "..", "a\0", "a" * 65, "-x", "hf://a/b"]
)
def test_no_name_of_a_model_is_a_path(name, folder, store):
    assert is_refused(name, folder, store)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_at_once(folder, store):
    os.mkfifo(folder / "bad.safetensors")
    assert is_refused("bad", folder, store)


def test_a_folder_is_no_model(folder, store):
    (folder / "bad.safetensors").mkdir()
    with pytest.raises(Exception, match=r"bad\.safetensors") as caught:
        loaded("bad", folder, store)
    assert not isinstance(caught.value, (OSError, ModelError))
