"""Which computing devices there are (asked in the *engine* child, where torch may be loaded)."""

from __future__ import annotations

import platform
from typing import Any


def list_devices() -> dict[str, Any]:
    """Return the devices and the version of torch.

    Returns:
        {"torch": version or None, "gpu_available": bool, "devices": [{"name", "label"}, …]}; the
        processor is always the last entry.
    """
    processor = {"name": "cpu", "label": platform.processor() or platform.machine()}
    try:
        import torch
    except ImportError:
        return {"torch": None, "gpu_available": False, "devices": [processor]}
    found = [
        {"name": f"cuda:{number}", "label": torch.cuda.get_device_name(number)}
        for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "label": "Apple GPU"})
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found.append({"name": "xpu", "label": "Intel GPU"})
    return {
        "torch": str(torch.__version__),
        "gpu_available": bool(found),
        "devices": [*found, processor],
    }
