"""Tasks of the *engine* child: the only process that loads a network runtime."""

from __future__ import annotations

from typing import Any

from karaoke_studio.separation.device import list_devices
from karaoke_studio.worker.child import Task, TaskContext


def devices(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """List the devices a network could run on."""
    return list_devices()


def warm_up(_args: dict[str, Any], _context: TaskContext) -> dict[str, Any]:
    """Load the network runtime ahead of the first task."""
    list_devices()
    return {}


TASKS: dict[str, Task] = {"devices": devices, "warm_up": warm_up}
