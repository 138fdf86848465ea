"""Graphics cards as a made-up system lists them."""

from __future__ import annotations

import sys

import pytest

from karaoke_studio.separation import graphics
from karaoke_studio.separation.graphics import Card, Vendor

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux lists cards")


@pytest.fixture
def system(tmp_path, monkeypatch):
    for name in ("sys", "proc", "dev"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(graphics, f"_{name.upper()}", tmp_path / name)
    return tmp_path


def plug(system, slot, vendor, kind="0x030000", *, driver=False):
    folder = system / "sys/bus/pci/devices" / slot
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(f"{vendor}\n")
    (folder / "class").write_text(f"{kind}\n")
    if driver:
        (folder / "driver").mkdir()


def test_a_computer_without_cards_has_none(system):
    assert graphics.cards() == []
    plug(system, "0", "0x8086", kind="0x060000")  # a bridge
    plug(system, "1", "0x1af4")  # a picture for a virtual machine
    assert graphics.cards() == []


def test_cards_are_known_by_their_makers(system):
    plug(system, "0", "0x10de", kind="0x030200")
    plug(system, "1", "0x1002")
    plug(system, "2", "0x8086", driver=True)
    assert graphics.cards() == [
        Card(Vendor.NVIDIA, has_driver=False),
        Card(Vendor.AMD, has_driver=False),
        Card(Vendor.INTEL),
    ]
    (system / "proc/driver/nvidia").mkdir(parents=True)
    (system / "proc/driver/nvidia/version").write_text("NVRM version: 580")
    (system / "dev/kfd").write_text("")
    assert graphics.cards() == [Card(Vendor.NVIDIA), Card(Vendor.AMD), Card(Vendor.INTEL)]


def test_a_card_that_a_person_may_not_use_is_told(system, monkeypatch):
    plug(system, "0", "0x1002")
    plug(system, "1", "0x8086", driver=True)
    (system / "dev/dri").mkdir()
    (system / "dev/dri/renderD128").write_text("")
    (system / "dev/kfd").write_text("")
    monkeypatch.setattr(graphics.os, "access", lambda path, _mode: path.name == "renderD128")
    assert [card.is_allowed for card in graphics.cards()] == [False, True]
