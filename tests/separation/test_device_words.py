"""What is said of devices."""

from __future__ import annotations

import pytest

from karaoke_studio.separation import device_words
from karaoke_studio.separation.device_words import DeviceState, advice, explain_auto, words
from karaoke_studio.separation.graphics import Vendor

CPU = {"name": "cpu", "label": "x86_64", "works": True, "reason": ""}


def card(number, *, reason=""):
    return {
        "name": f"cuda:{number}",
        "label": f"Card {number}",
        "works": not reason,
        "reason": reason,
    }


def test_every_state_has_words_and_every_bad_one_advice():
    assert all(words(state) for state in DeviceState)
    assert advice(DeviceState.WORKS, Vendor.NVIDIA) == ""
    for state in set(DeviceState) - {DeviceState.WORKS}:
        assert advice(state, Vendor.NVIDIA)[-1:]


@pytest.mark.parametrize(
    ("vendor", "build"), [(Vendor.NVIDIA, "cu130"), (Vendor.AMD, "rocm7.2"), (Vendor.INTEL, "xpu")]
)
def test_one_line_per_vendor_installs_what_is_missing(monkeypatch, vendor, build):
    line = f"TORCH_INDEX=https://download.pytorch.org/whl/{build} make setup"
    assert line in advice(DeviceState.NOT_BUILT, vendor)
    monkeypatch.setattr(device_words, "is_frozen", lambda: True)
    assert "make setup" not in advice(DeviceState.NOT_BUILT, vendor)


@pytest.mark.parametrize(
    ("devices", "unused", "said"),
    [
        ([card(1), CPU], [], "Automatic takes Card 1: a graphics card that works."),
        ([card(1), card(0), CPU], [], "Card 1: the largest graphics card that works."),
        ([card(1, reason="it crashes"), card(0), CPU], [], "takes Card 0: a graphics card"),
        ([card(0, reason="it crashes"), CPU], [], "the processor, not Card 0: it crashes."),
        ([CPU], [{"label": "AMD graphics", "reason": "x"}], "not AMD graphics: x."),
        ([CPU], [], "the processor, as no graphics card was found."),
    ],
)
def test_auto_explains_itself_in_one_line(devices, unused, said):
    line = explain_auto(devices, unused)
    assert said in line
    assert "\n" not in line
