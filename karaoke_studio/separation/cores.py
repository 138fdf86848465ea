"""How many threads a network is given: one for each core that this process may use."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

#: More threads only wait for each other: a chunk is too small to share among them.
MAX_THREADS = 16
_TOPOLOGY = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usual_threads() -> int:
    """Return how many threads networks use where nobody chose."""
    return max(1, min(physical_cores(), _quota(), MAX_THREADS))


def physical_cores() -> int:
    """Return how many cores this process may use; two threads of one core count once.

    The second thread of a core has no arithmetic of its own: with both, a network is no faster and
    the rest of the computer is slower. Where the system does not say, every processor is a core.
    """
    if sys.platform == "darwin":
        return _mac_cores() or os.cpu_count() or 1
    if sys.platform == "win32":
        return _windows_cores() or os.cpu_count() or 1
    allowed = _allowed()
    try:
        # the processors of one core all tell the same list
        lists = [_TOPOLOGY / f"cpu{one}" / "topology" / "thread_siblings_list" for one in allowed]
        return len({path.read_text(encoding="ascii").strip() for path in lists})
    except (OSError, ValueError):
        return len(allowed)


def usable_processors() -> int:
    """Return how many processors this process may use, both threads of a core counted."""
    return len(_allowed())


def _allowed() -> set[int]:
    ask = getattr(os, "sched_getaffinity", None)
    return ask(0) if ask else set(range(os.cpu_count() or 1))


def _quota() -> int:
    """Return how many processors' time a container may use, rounded up."""
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return MAX_THREADS if quota == "max" else -(-int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return MAX_THREADS


def _mac_cores() -> int:
    """Return the fast cores of a Mac, 0 where it does not say."""
    libc = ctypes.CDLL(None)
    for name in (b"hw.perflevel0.physicalcpu", b"hw.physicalcpu"):
        value, size = ctypes.c_int(0), ctypes.c_size_t(4)
        if not libc.sysctlbyname(name, ctypes.byref(value), ctypes.byref(size), None, 0):
            return value.value
    return 0


if sys.platform == "win32":

    class _Information(ctypes.Structure):
        """SYSTEM_LOGICAL_PROCESSOR_INFORMATION; relationship 0 is a core."""

        _fields_ = (
            ("mask", ctypes.c_size_t),
            ("relationship", ctypes.c_int),
            ("reserved", ctypes.c_ulonglong * 2),
        )

    def _windows_cores() -> int:
        """Return the cores of a Windows computer, 0 where it does not say."""
        ask = ctypes.windll.kernel32.GetLogicalProcessorInformation
        size = ctypes.c_ulong(0)
        ask(None, ctypes.byref(size))
        found = (_Information * (size.value // ctypes.sizeof(_Information)))()
        if not ask(found, ctypes.byref(size)):
            return 0
        return sum(one.relationship == 0 for one in found)
