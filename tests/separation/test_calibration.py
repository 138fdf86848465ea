"""Ways of computing: which is taken, and how what was measured is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from karaoke_studio.separation import calibration, torch_trials
from karaoke_studio.separation.calibration import (
    CalibrationRecord,
    Trial,
    calibration_key,
    choose_way,
    processor,
)
from karaoke_studio.separation.model_files import find_model
from karaoke_studio.separation.model_networks import load_model
from karaoke_studio.separation.model_store import ModelStore
from karaoke_studio.separation.torch_trials import chunk_frames, first_network, try_all
from karaoke_studio.separation.trials import cut_chunks, kept_chunks, run_upstream, snr_db, try_way
from tests.helpers.engines import ArraySource, facts_of
from tests.helpers.models import make_net, write_bag
from tests.helpers.signals import noise
from tests.separation.test_demucs_engine import model_of

TRIALS = [
    Trial("torch-f32", 2.0, 126.0),
    Trial("torch-bf16-transformer", 1.6, 68.0),
    Trial("torch-bf16", 1.4, 40.0),
    Trial("openvino-f32", 1.5, 80.0),
    Trial("openvino-bf16", 0.9, 37.9),
]


def test_the_quickest_way_that_keeps_the_promise_is_taken():
    assert choose_way(TRIALS, "exact") == "torch-f32"
    assert choose_way(TRIALS, "fast") == "openvino-f32"
    assert choose_way(TRIALS, "turbo") == "torch-bf16", "the quickest one misses by a tenth"
    assert choose_way(TRIALS[:1], "turbo") == "torch-f32"
    assert choose_way([], "turbo") == "torch-f32"


def test_a_way_that_did_not_run_is_not_taken():
    failed = [Trial("openvino-f32", 0.0, 0.0, "ENGINE_CRASHED"), TRIALS[0]]
    assert choose_way(failed, "fast") == "torch-f32"
    assert choose_way([Trial("torch-bf16", 0.1, float("nan"))], "turbo") == "torch-f32"


def test_trials_are_kept_and_struck(tmp_path):
    record = CalibrationRecord(tmp_path / "data")
    assert record.get("a") is None
    record.put("a", TRIALS)
    record.put("b", TRIALS[:1])
    again = CalibrationRecord(tmp_path / "data")
    assert again.get("a") == TRIALS
    again.strike("a", "openvino-f32", "ENGINE_CRASHED")
    assert choose_way(record.get("a"), "fast") == "torch-bf16-transformer"
    assert record.get("b") == TRIALS[:1]


@pytest.mark.parametrize("text", ["", "[]", '{"entries": {"a": [{"way": 1}]}}', '{"entries": 3}'])
def test_a_record_that_cannot_be_read_is_measured_again(text, tmp_path, caplog):
    (tmp_path / "calibration.json").write_text(text)
    record = CalibrationRecord(tmp_path)
    assert record.get("a") is None
    record.put("a", TRIALS)
    assert record.get("a") == TRIALS
    caplog.clear()


def test_another_model_machine_or_version_is_another_entry(tmp_path, monkeypatch):
    store = ModelStore(tmp_path / "data")
    keys = set()
    for name, seed in (("one", 1), ("two", 2)):
        write_bag(tmp_path / "models", name, [make_net(seed=seed)])
        files = find_model(name, [tmp_path / "models"])
        assert calibration_key(files, store, 2) is None, "its files were never used"
        load_model(files, store)
        keys |= {calibration_key(files, store, threads) for threads in (1, 2)}
    assert len(keys) == 4
    assert None not in keys
    assert calibration_key(files, store, 2) in keys
    monkeypatch.setattr(calibration, "conversion_versions", lambda: {"openvino": "1"})
    keys.add(calibration_key(files, store, 2))
    monkeypatch.setattr(calibration, "processor", lambda: {"name": "another", "flags": []})
    keys.add(calibration_key(files, store, 2))
    assert len(keys) == 6


def test_the_processor_is_told_in_plain_values():
    assert processor()["name"]
    json.dumps(processor())


def test_chunks_and_what_upstream_makes_of_them_reach_the_next_child(tmp_path):
    song = noise(3.0, 44100)
    chunks = cut_chunks(ArraySource(song, 44100), facts_of(song), 20_000, lambda: None)
    assert chunks.shape == (2, 2, 20_000)
    tried, wanted = run_upstream(lambda chunk: chunk[None] * 0.5, chunks, tmp_path)
    again, expected = kept_chunks(tmp_path)
    np.testing.assert_array_equal(again, tried)
    np.testing.assert_array_equal(expected, wanted)
    assert expected.shape == (2, 1, 2, 20_000)
    trial = try_way("torch-bf16", lambda chunk: chunk[None] * np.float32(0.5005), again, expected)
    assert trial.seconds > 0
    assert trial.snr_db == pytest.approx(60.0, abs=0.1)


@pytest.mark.parametrize("kind", [HTDemucs, HDemucs, Demucs])
def test_all_ways_of_torch_are_tried_on_every_kind_of_network(kind, tmp_path):
    model = model_of(make_net(kind))
    frames = chunk_frames(model, first_network(model, "vocals"))
    chunks = noise(2 * frames / 44100, 44100)[:, : 2 * frames].reshape(2, 2, frames)
    found = try_all(model, 0, chunks, tmp_path, 1, lambda: None)
    trials = {one["way"]: Trial(**one) for one in found["trials"]}
    assert trials["torch-f32"].keeps("exact")
    assert found["is_convertible"] is (kind is HTDemucs)
    assert not [one for one in trials.values() if one.problem]


def test_a_way_that_does_not_run_is_told_and_the_others_are_tried(tmp_path, monkeypatch, caplog):
    plain = torch_trials.quick_forward

    def forward(network, rows, device, way):
        if way != "torch-bf16":
            return plain(network, rows, device, way)

        def refuse(_samples):
            raise RuntimeError("not implemented for 'BFloat16'")

        return refuse

    monkeypatch.setattr(torch_trials, "quick_forward", forward)
    monkeypatch.setattr(torch_trials, "_ways", lambda _network: ["torch-bf16", "torch-f32"])
    model = model_of(make_net())
    chunks = noise(1.0, 44100)[None, :, :26_460]
    first, second = try_all(model, 0, chunks, tmp_path, 1, lambda: None)["trials"]
    assert (first["problem"], second["problem"]) == ("RuntimeError", "")
    caplog.clear()


def test_numbers_that_are_none_keep_no_promise():
    expected = np.ones((1, 2, 10), np.float32)
    assert snr_db(expected * np.nan, expected) == -200
    assert snr_db(expected, expected) == 200
