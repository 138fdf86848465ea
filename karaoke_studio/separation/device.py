"""Which computing devices there are, and which of them work (asked in the *engine* child only)."""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from karaoke_studio.errors import DeviceLost
from karaoke_studio.job import DEVICE_NAME
from karaoke_studio.staging import write_json_atomic

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

CPU = "cpu"
#: More threads only wait for each other: a chunk is too small to share among them.
MAX_THREADS = 16
#: How far a device's result may be from the processor's, over the largest value: the short
#: floating-point forms that graphics cards use by themselves stay below a hundredth.
TOLERANCE = 0.05


def usable_processors() -> int:
    """Return how many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def usual_threads() -> int:
    """Return how many threads networks use where nobody chose."""
    return min(usable_processors(), MAX_THREADS)


def list_devices() -> dict[str, Any]:
    """Return the devices and the version of torch.

    Returns:
        {"torch": version or None, "gpu_available": bool, "devices": [{"name", "label"}, …]}; the
        processor is always the last entry.
    """
    processor = {"name": CPU, "label": platform.processor() or platform.machine()}
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


def devices_to_try(wanted: str, record: Path | None = None) -> list[str]:
    """Return the devices for a song, best first.

    Args:
        wanted: "auto" = every graphics card that works, then the processor; else that one alone.
        record: file that remembers which devices work.

    Raises:
        DeviceLost: the name is unknown, or the device is not there or does not work.
    """
    if not DEVICE_NAME.fullmatch(wanted):
        raise DeviceLost(
            f"{wanted[:20]!r} is no device.", hint="Choose auto, cpu, cuda, cuda:N, mps or xpu."
        )
    if wanted == CPU:
        return [CPU]
    present = [device["name"] for device in list_devices()["devices"]]
    if wanted == "auto":
        return [name for name in present if probe_device(name, record)["works"]]
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in present:
        raise DeviceLost(
            f"The device {wanted} is not there.", hint="Choose auto, or check its driver."
        )
    if not probe_device(name, record)["works"]:
        raise DeviceLost(
            f"The device {wanted} does not compute correctly.",
            hint="Choose auto or cpu, or update its driver.",
        )
    return [name]


def probe_device(name: str, record: Path | None = None) -> dict[str, Any]:
    """Run a small network on a device and compare with the processor.

    Args:
        name: one of `list_devices`.
        record: file that remembers the result until torch, the driver or the device changes. A
            probe that took the process with it counts as failed from then on.

    Returns:
        {"name", "works": bool, "seconds": of the forward, "reason": "" or why not}.
    """
    if name == CPU:
        return {"name": CPU, "works": True, "seconds": 0.0, "reason": ""}
    key = _identity(name)
    known = _read(record)
    if key in known:
        return dict(known[key])
    started = {"name": name, "works": False, "seconds": 0.0, "reason": "it crashed the program"}
    _write(record, known | {key: started})
    result = _probe(name)
    _write(record, known | {key: result})
    log.info("%s works: %s %s", name, result["works"], result["reason"])
    return result


def _is_too_old(name: str) -> bool:
    """Whether torch was built without code for a graphics card of this age."""
    import torch

    built_for = [arch[3:] for arch in torch.cuda.get_arch_list() if arch.startswith("sm_")]
    if not name.startswith("cuda") or not built_for:
        return False
    major, minor = torch.cuda.get_device_capability(name)
    return 10 * major + minor < min(int(arch.rstrip("af")) for arch in built_for)


def _probe(name: str) -> dict[str, Any]:
    import torch

    if _is_too_old(name):
        reason = "too old for this version of torch"
        return {"name": name, "works": False, "seconds": 0.0, "reason": reason}
    network = _small_network()
    mix = torch.sin(torch.arange(2 * 8000, dtype=torch.float32).reshape(1, 2, -1) * 0.05)
    with torch.inference_mode():
        expected = network(mix)
    try:
        started_s = time.perf_counter()
        with torch.inference_mode():
            found = network.to(name)(mix.to(name)).cpu()
        seconds = time.perf_counter() - started_s
    # whatever a driver does: it is not used
    except (RuntimeError, AssertionError, NotImplementedError) as exc:
        log.warning("the device %s failed: %s", name, exc)
        return {"name": name, "works": False, "seconds": 0.0, "reason": type(exc).__name__}
    error = float((found - expected).abs().max() / expected.abs().max())
    works = error <= TOLERANCE  # false for what is not a number
    reason = "" if works else "it computes wrongly"
    return {"name": name, "works": works, "seconds": round(seconds, 3), "reason": reason}


def _small_network() -> torch.nn.Module:
    """A network with every kind of layer that the large ones have, in a tenth of a second."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: torch.nn.Module = HTDemucs(
            ["other", "vocals"],
            channels=8,
            nfft=1024,
            t_layers=2,
            t_heads=2,
            bottom_channels=16,
            dconv_mode=3,
            use_train_segment=False,
        )
    return network.eval()


def _identity(name: str) -> str:
    import torch

    labels = {device["name"]: device["label"] for device in list_devices()["devices"]}
    versions = (torch.__version__, torch.version.cuda, platform.release())
    return " | ".join(str(part) for part in (name, labels.get(name, ""), *versions))


def _read(record: Path | None) -> dict[str, Any]:
    if record is None:
        return {}
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        return {
            key: value
            for key, value in known.items()
            if isinstance(value, dict) and value.keys() == {"name", "works", "seconds", "reason"}
        }
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def _write(record: Path | None, known: dict[str, Any]) -> None:
    if record is None:
        return
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(record, known)
    except OSError as exc:  # then the device is probed again next time
        log.warning("which devices work could not be noted: %s", exc)
