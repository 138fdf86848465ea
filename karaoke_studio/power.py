"""Whether the computer runs on its battery."""

from __future__ import annotations

import ctypes
import logging
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)

_SUPPLIES = Path("/sys/class/power_supply")
_ASK_S = 2.0


def on_battery(supplies: Path = _SUPPLIES) -> bool:
    """Return whether there is a battery and nothing else to run on; False where nobody knows.

    Takes some milliseconds, on macOS more: not for the window's thread.
    """
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    return _linux(supplies)


def _linux(supplies: Path) -> bool:
    """Read what the kernel tells: a line that is plugged in wins over any battery."""
    discharging = False
    try:
        found = sorted(supplies.iterdir())
    except OSError:
        return False
    for supply in found:
        kind = _read(supply / "type")
        if kind in {"Mains", "USB"} and _read(supply / "online") == "1":
            return False
        # the battery of a mouse is no reason to wait
        if kind == "Battery" and _read(supply / "scope") != "Device":
            discharging = discharging or _read(supply / "status") == "Discharging"
    return discharging


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _windows() -> bool:
    class Status(ctypes.Structure):
        _fields_ = (
            ("line", ctypes.c_ubyte),
            ("flags", ctypes.c_ubyte),
            ("percent", ctypes.c_ubyte),
            ("saver", ctypes.c_ubyte),
            ("left_s", ctypes.c_ulong),
            ("full_s", ctypes.c_ulong),
        )

    status = Status()
    asked = ctypes.windll.kernel32.GetSystemPowerStatus(  # type: ignore[attr-defined,unused-ignore]
        ctypes.byref(status)
    )
    return bool(asked) and status.line == 0


def _macos() -> bool:
    try:
        done = subprocess.run(
            ["/usr/bin/pmset", "-g", "batt"], capture_output=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        log.info("the power supply is not known: %s", exc)
        return False
    return b"'Battery Power'" in done.stdout
