"""What is said of computing devices: their state in a few words, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from karaoke_studio.paths import is_frozen
from karaoke_studio.separation.graphics import Vendor

#: PyTorch's own package indexes, by vendor; the second is for cards that the first left behind.
#: Source: https://pytorch.org/get-started/locally/
_INDEX = "https://download.pytorch.org/whl/"
_BUILDS = {Vendor.NVIDIA: "cu130", Vendor.AMD: "rocm7.2", Vendor.INTEL: "xpu"}
_OLD_NVIDIA = "cu126"
#: Which cards of a vendor torch can use at all.
_NEEDED = {
    Vendor.AMD: " (for Radeon RX 7000 and newer)",
    Vendor.INTEL: " (for Arc and Core Ultra graphics)",
}


class DeviceState(StrEnum):
    """What trying a device came to; the values are kept in files."""

    WORKS = "works"
    TOO_OLD = "too_old"
    NOT_BUILT = "not_built"
    DRIVER_MISSING = "driver_missing"
    DRIVER_TOO_OLD = "driver_too_old"
    NOT_ALLOWED = "not_allowed"
    FULL = "full"
    WRONG = "wrong"
    CRASHES = "crashes"
    FAILS = "fails"


_WORDS = {
    DeviceState.WORKS: "works",
    DeviceState.TOO_OLD: "too old for this PyTorch",
    DeviceState.NOT_BUILT: "not known to this PyTorch",
    DeviceState.DRIVER_MISSING: "its driver is missing",
    DeviceState.DRIVER_TOO_OLD: "its driver is too old",
    DeviceState.NOT_ALLOWED: "you may not use it",
    DeviceState.FULL: "other programs have its memory",
    DeviceState.WRONG: "it computes wrongly",
    DeviceState.CRASHES: "it crashes the program",
    DeviceState.FAILS: "it does not answer",
}
_UPDATE = "Update its driver."
_ADVICE = {
    DeviceState.DRIVER_TOO_OLD: _UPDATE,
    DeviceState.NOT_ALLOWED: "Type: sudo usermod -aG render,video $USER — then log in anew.",
    DeviceState.FULL: "Close other programs that use it.",
    DeviceState.WRONG: _UPDATE,
    DeviceState.CRASHES: f"{_UPDATE} Until then songs are made on another device.",
    DeviceState.FAILS: f"{_UPDATE} A restart of the computer may help.",
}
_DRIVERS = {
    Vendor.NVIDIA: "Install NVIDIA's own driver, then restart the computer.",
    Vendor.AMD: "Install AMD's driver with ROCm, then restart the computer.",
    Vendor.INTEL: "Install Intel's driver for graphics, then restart the computer.",
}


def words(state: DeviceState) -> str:
    """Return a state as a menu shows it.

    >>> words(DeviceState.TOO_OLD)
    'too old for this PyTorch'
    """
    return _WORDS[state]


def advice(state: DeviceState, vendor: Vendor | None) -> str:
    """Return what a person can do about a state, "" where there is nothing to do.

    >>> advice(DeviceState.FULL, Vendor.NVIDIA)
    'Close other programs that use it.'
    """
    if state is DeviceState.NOT_BUILT and vendor in _BUILDS:
        return _install(_BUILDS[vendor]) + _NEEDED.get(vendor, "")
    if state is DeviceState.TOO_OLD and vendor is Vendor.NVIDIA:
        return _install(_OLD_NVIDIA)
    if state is DeviceState.DRIVER_MISSING and vendor in _DRIVERS:
        return _DRIVERS[vendor]
    return _ADVICE.get(state, "")


def crashed() -> dict[str, Any]:
    """Return what is told of a device that took the process with it while it was tried."""
    state = DeviceState.CRASHES
    told = {"state": state.value, "reason": words(state), "advice": advice(state, None)}
    return {"works": False, "seconds": 0.0} | told


def _install(build: str) -> str:
    if is_frozen():
        return "This package computes on the processor; the program from its source does more."
    return f"Type: TORCH_INDEX={_INDEX}{build} make setup"


def explain_auto(devices: Sequence[Mapping[str, Any]], unused: Sequence[Mapping[str, Any]]) -> str:
    """Return in one line what "auto" takes, and why.

    Args:
        devices: best first, the processor last: `name`, `label`, `works`, `reason`.
        unused: graphics cards that torch does not know: `label`, `reason`.

    >>> explain_auto([{"name": "cpu", "label": "x86_64", "works": True, "reason": ""}], [])
    'Automatic takes the processor, as no graphics card was found.'
    """
    taken = next(one for one in devices if one["works"])
    if taken["name"] != "cpu":
        cards = [one for one in devices if one["name"] != "cpu" and one["works"]]
        others = [one for one in cards if one is not taken]
        why = "the largest graphics card that works" if others else "a graphics card that works"
        return f"Automatic takes {taken['label']}: {why}."
    refused = [one for one in (*devices, *unused) if one["reason"]]
    if not refused:
        return "Automatic takes the processor, as no graphics card was found."
    first = refused[0]
    return f"Automatic takes the processor, not {first['label']}: {first['reason']}."
