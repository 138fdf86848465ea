"""Which devices there are and which work: drivers and cards with behaviour, none of them real."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from karaoke_studio.errors import DeviceLost
from karaoke_studio.separation import device, graphics
from karaoke_studio.separation.device_words import DeviceState
from karaoke_studio.separation.graphics import Card, Vendor


def test_the_processor_is_always_there_and_works():
    assert device.devices_to_try("cpu") == ["cpu"]
    assert device.devices_to_try("auto")[-1] == "cpu"
    assert device.probe_device("cpu")["works"]


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda:0; rm", "CPU", "cuda:9999"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(DeviceLost) as caught:
        device.devices_to_try(name)
    assert caught.value.hint


def test_a_device_that_is_not_there_is_named():
    if not torch.backends.mps.is_available():
        with pytest.raises(DeviceLost, match="mps is not there"):
            device.devices_to_try("mps")


def with_cards(monkeypatch, *cards, kind="cuda"):
    """Let torch see cards: (name, gigabytes)."""
    backend = getattr(torch, kind)
    monkeypatch.setattr(backend, "is_available", lambda: True)
    monkeypatch.setattr(backend, "device_count", lambda: len(cards))
    facts = [SimpleNamespace(name=name, total_memory=size << 30) for name, size in cards]
    monkeypatch.setattr(backend, "get_device_properties", facts.__getitem__)


def test_several_cards_are_told_with_names_and_memory_the_largest_first(monkeypatch):
    with_cards(monkeypatch, ("Small", 8), ("Large", 24), ("Middle", 12))
    told = device.list_devices()
    assert told["gpu_available"]
    assert told["unused"] == []
    assert [(one["name"], one["label"], one["memory_mb"]) for one in told["devices"][:-1]] == [
        ("cuda:1", "Large", 24 << 10),
        ("cuda:2", "Middle", 12 << 10),
        ("cuda:0", "Small", 8 << 10),
    ]
    assert told["devices"][-1]["name"] == "cpu"


def test_seed_002_04_auto_takes_what_works_in_that_order(monkeypatch):
    with_cards(monkeypatch, ("Small", 8), ("Large", 24), ("Middle", 12))
    states = {"cuda:1": DeviceState.WRONG}
    monkeypatch.setattr(device, "_probe", lambda name: (states.get(name, DeviceState.WORKS), 0.1))
    assert device.devices_to_try("auto") == ["cuda:2", "cuda:0", "cpu"]
    # a kind is its largest card, whatever that one's number is
    with pytest.raises(DeviceLost, match="it computes wrongly") as caught:
        device.devices_to_try("cuda")
    assert "Update its driver" in caught.value.hint
    states.clear()
    assert device.devices_to_try("cuda") == ["cuda:1"]
    assert device.devices_to_try("cuda:0") == ["cuda:0"]


def test_a_probe_is_remembered_and_a_crash_in_it_too(tmp_path, monkeypatch):
    record = tmp_path / "data" / "devices.json"
    probes = []

    def probe(name):
        # what is on disk while the driver may take the process with it
        (known,) = json.loads(record.read_text()).values()
        assert known["state"] == "crashes"
        probes.append(name)
        return DeviceState.WORKS, 0.1

    monkeypatch.setattr(device, "_probe", probe)
    assert device.probe_device("cuda:0", record)["works"]
    again = device.probe_device("cuda:0", record)
    assert (again["works"], again["seconds"], again["reason"], again["advice"]) == (
        True,
        0.1,
        "",
        "",
    )
    assert probes == ["cuda:0"]
    monkeypatch.setattr(device.platform, "release", lambda: "another system")

    def crash(_name):
        raise KeyboardInterrupt

    monkeypatch.setattr(device, "_probe", crash)
    with pytest.raises(KeyboardInterrupt):
        device.probe_device("cuda:0", record)
    told = device.probe_device("cuda:0", record)
    assert (told["works"], told["reason"]) == (False, "it crashes the program")
    assert told["advice"]
    record.write_text("[1")
    monkeypatch.setattr(device, "_probe", probe)
    assert device.probe_device("cuda:0", record)["works"]


def test_memory_that_others_have_now_is_not_held_against_a_card(tmp_path, monkeypatch):
    def to(_module, *_args):
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(torch.nn.Module, "to", to)
    record = tmp_path / "devices.json"
    told = device.probe_device("mps", record)
    assert (told["state"], told["works"]) == ("full", False)
    assert "Close other programs" in told["advice"]
    monkeypatch.undo()
    monkeypatch.setattr(device, "_probe", lambda _name: (DeviceState.WORKS, 0.1))
    assert device.probe_device("mps", record)["works"]


def test_a_device_that_computes_wrongly_is_found(monkeypatch):
    assert device._probe("cpu")[0] is DeviceState.WORKS
    true_to = torch.nn.Module.to

    def broken(module, *args, **kwargs):
        for weight in module.parameters():
            weight.data.mul_(1.5)
        return true_to(module, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "to", broken)
    assert device._probe("cpu")[0] is DeviceState.WRONG


def test_a_device_that_is_not_built_in_does_not_work(caplog):
    if not torch.backends.mps.is_available():
        assert device._probe("mps")[0] is DeviceState.FAILS
        assert "failed" in caplog.text


def test_a_card_that_is_too_old_is_not_tried(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90a", "compute_90"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _name: (6, 1))
    assert device._probe("cuda:0")[0] is DeviceState.TOO_OLD
    told = device.probe_device("cuda:0")
    assert told["reason"] == "too old for this PyTorch"
    assert "TORCH_INDEX=" in told["advice"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _name: (7, 5))
    assert not device._is_too_old("cuda:0")
    assert not device._is_too_old("cpu")


NVIDIA = Card(Vendor.NVIDIA)


@pytest.mark.parametrize(
    ("card", "built", "trouble", "state"),
    [
        (NVIDIA, {}, None, "not_built"),
        (Card(Vendor.NVIDIA, has_driver=False), {"cuda": "13.0"}, None, "driver_missing"),
        (NVIDIA, {"cuda": "13.0"}, "The NVIDIA driver on your system is too old", "driver_too_old"),
        (NVIDIA, {"cuda": "13.0"}, "CUDA unknown error", "fails"),
        (Card(Vendor.AMD), {}, None, "not_built"),
        (Card(Vendor.AMD, is_allowed=False), {"hip": "7.2"}, None, "not_allowed"),
        (Card(Vendor.AMD, has_driver=False), {"hip": "7.2"}, None, "driver_missing"),
        (Card(Vendor.INTEL), {}, None, "not_built"),
        (Card(Vendor.INTEL), {"xpu": "20260000"}, None, "fails"),
    ],
)
def test_why_torch_does_not_see_a_card_is_told(monkeypatch, card, built, trouble, state):
    def init():
        raise RuntimeError(trouble)

    for name in ("cuda", "hip", "xpu"):
        monkeypatch.setattr(torch.version, name, built.get(name), raising=False)
    for backend in (torch.cuda, torch.xpu):
        monkeypatch.setattr(backend, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(graphics, "cards", lambda: [card, card])
    (told,) = device.list_devices()["unused"]
    assert told["state"] == state
    assert told["label"] == f"{card.vendor} graphics"
    assert told["reason"]
    assert told["advice"]
