"""Graphics cards as the system knows them, whatever torch makes of them; nothing is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SYS, _PROC, _DEV = Path("/sys"), Path("/proc"), Path("/dev")
#: Of the PCI classes: anything that draws or computes pictures.
_DISPLAY = "0x03"


class Vendor(StrEnum):
    """Who makes graphics cards that torch can use."""

    NVIDIA = "NVIDIA"
    AMD = "AMD"
    INTEL = "Intel"
    APPLE = "Apple"


_BY_NUMBER = {"0x10de": Vendor.NVIDIA, "0x1002": Vendor.AMD, "0x8086": Vendor.INTEL}


@dataclass(frozen=True)
class Card:
    """One graphics card in the computer.

    Attributes:
        vendor: who made it.
        has_driver: whether a driver that computes is loaded for it.
        is_allowed: whether this person may use it.
    """

    vendor: Vendor
    has_driver: bool = True
    is_allowed: bool = True


def cards() -> list[Card]:
    """Return the graphics cards of this computer, as far as the system lists them.

    Linux alone does; elsewhere only what torch sees is known.
    """
    if not sys.platform.startswith("linux"):
        return []
    return list(_linux_cards())


def _linux_cards() -> Iterator[Card]:
    for device in sorted((_SYS / "bus/pci/devices").glob("*")):
        if _line(device / "class").startswith(_DISPLAY):
            vendor = _BY_NUMBER.get(_line(device / "vendor"))
            if vendor is not None:
                yield Card(vendor, _has_driver(vendor, device), _is_allowed(vendor))


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _has_driver(vendor: Vendor, device: Path) -> bool:
    if vendor is Vendor.NVIDIA:  # the free driver draws, but does not compute
        return (_PROC / "driver/nvidia/version").exists()
    if vendor is Vendor.AMD:
        return (_DEV / "kfd").exists()
    return (device / "driver").exists()


def _is_allowed(vendor: Vendor) -> bool:
    nodes = list((_DEV / "dri").glob("renderD*")) if vendor is not Vendor.NVIDIA else []
    if vendor is Vendor.AMD and (_DEV / "kfd").exists():
        nodes.append(_DEV / "kfd")
    return all(os.access(node, os.R_OK | os.W_OK) for node in nodes)
