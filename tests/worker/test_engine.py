"""The engine child with small true networks: real files in, staged stems out, at any mishap."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import pickle
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from karaoke_studio.audio.encode import write_audio
from karaoke_studio.audio.importing import import_song, to_plain
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.errors import ModelDamaged, ModelMissing, ModelRefused
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.song_run import NetworkOptions
from karaoke_studio.staging import ORIGINAL
from karaoke_studio.worker.conversion import convert_models
from karaoke_studio.worker.engine import JOURNAL
from karaoke_studio.worker.host import Worker, WorkerDied
from tests.helpers.engines import facts_of
from tests.helpers.models import STEMS, make_net, write_bag, write_legacy
from tests.helpers.signals import noise

RATE = 44100


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_bag(folder, "small", [make_net()])
    write_bag(folder, "other", [make_net(seed=1)])
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One child for the tests that leave it alive: a start costs two seconds."""
    worker = Worker("engine", log_folder=tmp_path_factory.mktemp("log"), memory_mb=0)
    yield worker
    worker.close()


@pytest.fixture
def own(tmp_path, nothing_left):
    """A child of one's own, to kill."""
    worker = Worker("engine", log_folder=tmp_path, memory_mb=0)
    yield worker
    worker.close()


def request(folder, models, song, stems=("vocals",), model="small", rate=RATE, **options):
    """Stage a song and return the arguments of `separate`."""
    if not folder.exists():
        folder.mkdir(parents=True)
        with RawFile.create(folder / ORIGINAL, len(song), song.shape[1]) as staged:
            staged.write(0, np.ascontiguousarray(song.T))
    facts = dataclasses.asdict(facts_of(song))
    shape = {"channels": len(song), "frames": song.shape[1], "sample_rate": rate}
    options = {"device": "cpu", "threads": 1} | options
    return {
        "staging": str(folder),
        "song": facts | shape | {"sha256": "ab"},
        "stems": list(stems),
        "options": dataclasses.asdict(NetworkOptions(**options)),
        "model": model,
        "folders": [str(models)],
        "data": str(folder.parent / "data"),
    }


def stems_of(args):
    return [Path(args["staging"]) / f"{stem}.f32" for stem in args["stems"]]


def contents(args):
    return [path.read_bytes() for path in stems_of(args)]


def test_stems_are_staged_and_the_model_stays_warm(shared, models, tmp_path):
    song = noise(2.0, RATE)
    args = request(tmp_path / "job", models, song, STEMS, mode="reference")
    ready = shared.run("load_model", args)
    assert ready["needs_conversion"] == []
    assert ready["sources"] == STEMS
    assert ready["load_s"] > 0
    heard = []
    done = shared.run("separate", args, on_progress=heard.append)
    assert done["engine"] == "small"
    assert done["model_load_s"] == 0.0
    assert done["model_sha256"] == ready["sha256"]
    assert done["device"] == "cpu"
    assert done["fallbacks"] == []
    assert done["resumed_frames"] == 0
    fractions = [facts["fraction"] for facts in heard if "fraction" in facts]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    parts = sorted(facts["ready"] for facts in heard if "ready" in facts)
    assert parts[0][0] == 0
    assert all(one[1] == other[0] for one, other in itertools.pairwise(parts))
    assert parts[-1][1] == song.shape[1]
    stems = [np.frombuffer(data, np.float32).reshape(-1, 2) for data in contents(args)]
    assert all(stem.shape == song.T.shape and np.abs(stem).max() > 1e-4 for stem in stems)
    left = {path.name for path in (tmp_path / "job").iterdir()}
    assert left == {ORIGINAL, JOURNAL, *(f"{stem}.f32" for stem in STEMS)}


def test_the_bits_are_those_of_upstream(shared, models, tmp_path):
    import random

    from demucs.apply import apply_model
    from demucs.hf import load_safetensors_model

    song = noise(2.0, RATE)
    args = request(tmp_path / "job", models, song, mode="reference", shifts=2, seed=3)
    shared.run("separate", args)
    torch.set_num_threads(1)
    net = load_safetensors_model(next(models.glob("small0*.safetensors")))
    facts = facts_of(song)
    mean, std = np.float32(facts.mean), np.float32(facts.std) + np.float32(1e-8)
    random.seed(3)
    mix = torch.from_numpy((song - mean) / std)[None]
    out = apply_model(net, mix, shifts=2)[0, STEMS.index("vocals")].numpy() * std + mean
    assert contents(args)[0] == np.ascontiguousarray(out.T).tobytes()


def test_a_real_mp3_comes_out_as_from_upstreams_own_program(shared, models, tmp_path):
    from demucs.api import Separator
    from demucs.hf import load_safetensors_model

    class Small(Separator):
        def _load_model(self):
            self._model = load_safetensors_model(next(models.glob("small0*.safetensors"))).eval()
            self._audio_channels, self._samplerate = 2, RATE

    mp3 = tmp_path / "song.mp3"
    song = noise(2.0, RATE)
    write_audio(
        mp3, [song.T], sample_rate=RATE, channels=2, format="mp3", bit_depth="16", frames=2 * RATE
    )
    args = request(tmp_path / "job", models, song, mode="reference")
    imported = import_song(
        mp3,
        tmp_path / "job",
        copy=False,
        describe=lambda _facts: None,
        imported=lambda _facts: None,
        report=lambda _fraction: None,
        check=lambda: None,
    )
    args["song"] = to_plain(imported)
    shared.run("separate", args)
    torch.set_num_threads(1)
    decoded, _ = soundfile.read(mp3, dtype="float32", always_2d=True)
    _, expected = Small(shifts=0).separate_tensor(torch.from_numpy(decoded.T.copy()), RATE)
    (vocals,) = contents(args)
    found = np.frombuffer(vocals, np.float32).reshape(-1, 2).T
    assert np.abs(expected["vocals"].numpy()).max() > 1e-3
    assert np.abs(found - expected["vocals"].numpy()).max() <= 1e-6


def test_another_model_takes_the_place_of_the_warm_one(shared, models, tmp_path):
    song = noise(0.7, RATE)
    results = {}
    for model in ("small", "other", "small"):
        args = request(tmp_path / f"{model}{len(results)}", models, song, model=model)
        done = shared.run("separate", args)
        assert done["model_load_s"] > 0
        results.setdefault(model, contents(args))
        assert contents(args) == results[model]
    assert results["small"] != results["other"]


def test_a_bag_of_specialists_is_loaded_as_far_as_it_is_needed(shared, tmp_path):
    models = tmp_path / "models"
    nets = [make_net(seed=seed) for seed in range(4)]
    write_bag(models, "special", nets, [[float(a == b) for a in range(4)] for b in range(4)])
    song = noise(0.7, RATE)
    vocals = request(tmp_path / "one", models, song, ["vocals"], "special", shifts=1)
    assert shared.run("separate", vocals)["model_load_s"] > 0
    every = request(tmp_path / "two", models, song, STEMS, "special", shifts=1)
    assert shared.run("separate", every)["model_load_s"] > 0
    again = request(tmp_path / "three", models, song, ["vocals"], "special", shifts=1)
    assert shared.run("separate", again)["model_load_s"] == 0
    assert contents(again) == contents(vocals) == contents(every)[3:]


def test_a_model_that_is_replaced_while_warm_is_noticed(shared, tmp_path):
    models = tmp_path / "models"
    write_bag(models, "small", [make_net()])
    song = noise(0.7, RATE)
    shared.run("separate", request(tmp_path / "one", models, song))
    write_bag(models, "small", [make_net(seed=4)])
    with pytest.raises(ModelDamaged):
        shared.run("separate", request(tmp_path / "two", models, song))


def test_a_model_that_is_not_there_is_said_with_a_hint(shared, models, tmp_path):
    args = request(tmp_path / "job", models, noise(0.7, RATE), model="htdemucs")
    with pytest.raises(ModelMissing, match="htdemucs") as caught:
        shared.run("load_model", args)
    assert "Download" in caught.value.hint


def test_cancel_is_quick_and_keeps_the_child(own, models, tmp_path):
    song = noise(60.0, RATE)
    args = request(tmp_path / "job", models, song)
    own.run("load_model", args)
    pid = own.pid
    stop, asked = threading.Event(), []

    def hear(facts):
        if facts.get("fraction", 0) > 0.02 and not asked:
            asked.append(time.monotonic())
            stop.set()

    with pytest.raises(Cancelled):
        own.run("separate", args, on_progress=hear, stop=stop)
    assert time.monotonic() - asked[0] < 1.0
    assert own.pid == pid
    again = request(tmp_path / "next", models, song[:, :RATE])
    assert own.run("separate", again)["model_load_s"] == 0.0


def test_killed_in_the_middle_the_song_can_be_gone_on_with(own, models, tmp_path):
    song = noise(6.0, RATE)
    args = request(tmp_path / "job", models, song)
    whole = request(tmp_path / "whole", models, song)
    own.run("separate", whole)

    def hear(facts):
        if facts.get("fraction", 0) > 0.4 and own.pid is not None:
            os.kill(own.pid, 9)

    with pytest.raises(WorkerDied):
        own.run("separate", args, on_progress=hear)
    own.run("separate", args)
    assert contents(args) == contents(whole)


def resident_mb(worker):
    for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the system does not say")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says")
@pytest.mark.parametrize("songs", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_seed_000_29_songs_in_a_row_take_no_more_memory(own, models, tmp_path, songs):
    song = noise(2.0, RATE)
    after = []
    for number in range(songs):
        # another length each time, as songs are
        args = request(tmp_path / str(number), models, song[:, : RATE + number % 7 * 5000])
        own.run("separate", args)
        shutil.rmtree(args["staging"])
        after.append(resident_mb(own))
    warm = after[songs // 4]
    print(f"{warm:.0f} MB after {songs // 4} songs, {after[-1]:.0f} MB after {songs}")
    assert after[-1] <= 1.05 * warm


def test_what_the_journal_names_is_not_made_again(shared, models, tmp_path):
    song = noise(6.0, RATE)
    args = request(tmp_path / "job", models, song, ["vocals", "bass"], shifts=1)
    shared.run("separate", args)
    expected = contents(args)
    # a power cut: the journal names the first three seconds, the rest never reached the disk
    journal = tmp_path / "job" / JOURNAL
    line = journal.read_text().splitlines()[0]
    known = 3 * RATE
    journal.write_text(json.dumps(json.loads(line) | {"ranges": [[0, known]]}) + "\n")
    for path, data in zip(stems_of(args), expected, strict=True):
        path.write_bytes(data[: known * 8] + b"\1" * (len(data) - known * 8))
    done = shared.run("separate", args)
    assert done["resumed_frames"] == known
    assert contents(args) == expected
    # now all of it is there
    assert shared.run("separate", args)["resumed_frames"] == song.shape[1]
    # another recipe begins again, and so does a song with a stem that was cut off
    args["options"]["overlap"] = 0.1
    assert shared.run("separate", args)["resumed_frames"] == 0
    os.truncate(stems_of(args)[1], 100)
    assert shared.run("separate", args)["resumed_frames"] == 0


def test_old_files_are_converted_in_a_child_of_their_own(shared, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    path = write_legacy(make_net(), models, "955717e8")
    args = request(tmp_path / "job", models, noise(0.7, RATE), model="htdemucs")
    ready = shared.run("load_model", args)
    assert ready == {"needs_conversion": [str(path)]}
    pid = shared.pid
    convert_models([path], tmp_path / "data", log_folder=tmp_path)
    assert shared.pid == pid
    assert shared.run("load_model", args)["needs_conversion"] == []
    assert shared.run("separate", args)["engine"] == "htdemucs"


@pytest.mark.usefixtures("nothing_left")
def test_a_hostile_old_file_runs_nothing_and_is_refused(tmp_path):
    marker = tmp_path / "marker"

    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    path = tmp_path / "955717e8.th"
    path.write_bytes(pickle.dumps(Runs(), protocol=2))
    with pytest.raises(ModelRefused, match=r"955717e8\.th"):
        convert_models([path], tmp_path / "data", log_folder=tmp_path)
    assert not marker.exists()


def test_the_processor_can_be_probed_in_the_child(shared, tmp_path):
    found = shared.run("probe_device", {"name": "cpu", "data": str(tmp_path)})
    assert found["works"]
    assert not found["reason"]
    assert shared.run("devices", {})["devices"][-1]["name"] == "cpu"


def test_what_is_listened_to_is_made_first_and_no_bit_changes(shared, models, tmp_path):
    song = noise(5.0, RATE)
    calm = request(tmp_path / "calm", models, song, mode="reference")
    shared.run("separate", calm)
    followed = request(tmp_path / "followed", models, song, mode="reference")
    heard = []

    def hear(facts):
        if "ready" in facts:
            heard.append(facts["ready"])

    def hints():  # far into the song from the first moment on, then back near its start
        return {"frame": (4 if len(heard) < 3 else 2) * RATE, "moves": False}

    shared.run("separate", followed, on_progress=hear, hints=hints)
    assert heard[0][0] > 3 * RATE
    assert any(start <= 4 * RATE < stop for start, stop in heard[:3])
    back = next(number for number, (start, stop) in enumerate(heard) if start <= 2 * RATE < stop)
    assert back < len(heard) - 2
    assert contents(followed) == contents(calm)
