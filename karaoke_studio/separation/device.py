"""Which computing devices there are, and which of them work (asked in the *engine* child only)."""

from __future__ import annotations

import json
import logging
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from karaoke_studio.errors import DeviceLost
from karaoke_studio.job import DEVICE_NAME
from karaoke_studio.separation import graphics
from karaoke_studio.separation.device_words import DeviceState, advice, words
from karaoke_studio.separation.graphics import Vendor
from karaoke_studio.staging import write_json_atomic

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

CPU = "cpu"
#: How far a device's result may be from the processor's, over the largest value: the short
#: floating-point forms that graphics cards use by themselves stay below a hundredth.
TOLERANCE = 0.05
#: States that another moment may change: they are not remembered.
_PASSING = {DeviceState.FULL}


def list_devices() -> dict[str, Any]:
    """Return the devices, the version of torch, and the graphics cards that it does not know.

    Returns:
        {"torch": version or None, "gpu_available": bool, "devices": [{"name", "label",
        "memory_mb"}, …], "unused": [{"label", "state", "reason", "advice"}, …]}. The largest
        graphics card is the first entry, the processor the last; memory is None where nobody says.
    """
    label = platform.processor() or platform.machine()
    processor = {"name": CPU, "label": label, "memory_mb": None}
    try:
        import torch
    except ImportError:
        return {"torch": None, "gpu_available": False, "devices": [processor], "unused": []}
    found = [*_numbered("cuda", torch.cuda), *_numbered("xpu", torch.xpu)]
    found.sort(key=lambda one: -one["memory_mb"])
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "label": "Apple GPU", "memory_mb": None})
    return {
        "torch": str(torch.__version__),
        "gpu_available": bool(found),
        "devices": [*found, processor],
        "unused": [] if found else _unused(),
    }


def _numbered(kind: str, backend: Any) -> list[dict[str, Any]]:
    """Return the devices of one kind, with their memory."""
    found = []
    for number in range(backend.device_count() if backend.is_available() else 0):
        name, facts = f"{kind}:{number}", backend.get_device_properties(number)
        memory_mb = int(facts.total_memory) >> 20
        found.append({"name": name, "label": str(facts.name), "memory_mb": memory_mb})
    return found


def _unused() -> list[dict[str, Any]]:
    """Return what keeps torch from the graphics cards of this computer."""
    found = []
    for vendor, card in {card.vendor: card for card in graphics.cards()}.items():
        state = _missing(card)
        told = {"reason": words(state), "advice": advice(state, vendor)}
        found.append({"label": f"{vendor} graphics", "state": state.value} | told)
    return found


def _missing(card: graphics.Card) -> DeviceState:
    """Return why torch does not see a card that is there."""
    import torch

    if not card.has_driver:
        return DeviceState.DRIVER_MISSING
    if not card.is_allowed:
        return DeviceState.NOT_ALLOWED
    built_for = {
        Vendor.NVIDIA: torch.version.cuda,
        Vendor.AMD: torch.version.hip,
        Vendor.INTEL: getattr(torch.version, "xpu", None),
    }
    if not built_for.get(card.vendor):
        return DeviceState.NOT_BUILT
    try:
        if card.vendor is not Vendor.INTEL:
            torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as exc:
        log.warning("%s: %s", card.vendor, exc)
        return DeviceState.DRIVER_TOO_OLD if "too old" in str(exc) else DeviceState.FAILS
    return DeviceState.FAILS


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
    name = next((one for one in present if one.partition(":")[0] == wanted), wanted)
    if name not in present:
        raise DeviceLost(
            f"The device {wanted} is not there.", hint="Choose auto, or check its driver."
        )
    told = probe_device(name, record)
    if not told["works"]:
        raise DeviceLost(
            f"The device {wanted} cannot be used: {told['reason']}.",
            hint=f"Choose auto or cpu. {told['advice']}".strip(),
        )
    return [name]


def probe_device(name: str, record: Path | None = None) -> dict[str, Any]:
    """Run a small network on a device and compare with the processor.

    Args:
        name: one of `list_devices`.
        record: file that remembers the result until torch, the driver or the device changes. A
            probe that took the process with it counts as failed from then on.

    Returns:
        {"name", "works": bool, "seconds": of the forward, "state": a `DeviceState`, "reason": ""
        or why not, "advice": "" or what to do}.
    """
    if name == CPU:
        return _told(name, DeviceState.WORKS, 0.0)
    key = _identity(name)
    known = _read(record)
    if key in known:
        return _told(name, *known[key])
    _write(record, known | {key: (DeviceState.CRASHES, 0.0)})
    state, seconds = _probe(name)
    if state in _PASSING:
        _write(record, known)
    else:
        _write(record, known | {key: (state, seconds)})
    log.info("%s: %s", name, state.value)
    return _told(name, state, seconds)


def _told(name: str, state: DeviceState, seconds: float) -> dict[str, Any]:
    works = state is DeviceState.WORKS
    return {
        "name": name,
        "works": works,
        "seconds": seconds,
        "state": state.value,
        "reason": "" if works else words(state),
        "advice": advice(state, vendor_of(name)),
    }


def vendor_of(name: str) -> Vendor | None:
    """Return who makes a device, None for the processor."""
    kind = name.partition(":")[0]
    if kind == "cuda":
        import torch

        return Vendor.AMD if torch.version.hip else Vendor.NVIDIA
    return {"mps": Vendor.APPLE, "xpu": Vendor.INTEL}.get(kind)


def _is_too_old(name: str) -> bool:
    """Whether torch was built without code for a graphics card of this age."""
    import torch

    built_for = [arch[3:] for arch in torch.cuda.get_arch_list() if arch.startswith("sm_")]
    if not name.startswith("cuda") or not built_for:
        return False
    major, minor = torch.cuda.get_device_capability(name)
    return 10 * major + minor < min(int(arch.rstrip("af")) for arch in built_for)


def _probe(name: str) -> tuple[DeviceState, float]:
    import torch

    if _is_too_old(name):
        return DeviceState.TOO_OLD, 0.0
    network = _small_network()
    mix = torch.sin(torch.arange(2 * 8000, dtype=torch.float32).reshape(1, 2, -1) * 0.05)
    with torch.inference_mode():
        expected = network(mix)
    try:
        started_s = time.perf_counter()
        with torch.inference_mode():
            found = network.to(name)(mix.to(name)).cpu()
        seconds = time.perf_counter() - started_s
    except torch.OutOfMemoryError:
        return DeviceState.FULL, 0.0
    # whatever a driver does: it is not used
    except (RuntimeError, AssertionError, NotImplementedError) as exc:
        log.warning("the device %s failed: %s", name, exc)
        return DeviceState.FAILS, 0.0
    error = float((found - expected).abs().max() / expected.abs().max())
    # what is not a number is not within the tolerance either
    state = DeviceState.WORKS if error <= TOLERANCE else DeviceState.WRONG
    return state, round(seconds, 3)


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


def _read(record: Path | None) -> dict[str, tuple[DeviceState, float]]:
    if record is None:
        return {}
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        return {
            str(key): (DeviceState(value["state"]), float(value["seconds"]))
            for key, value in known.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        log.info("which devices work is found out anew: %s", exc)
        return {}


def _write(record: Path | None, known: dict[str, tuple[DeviceState, float]]) -> None:
    if record is None:
        return
    plain = {
        key: {"state": state.value, "seconds": seconds} for key, (state, seconds) in known.items()
    }
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(record, plain)
    except OSError as exc:  # then the device is probed again next time
        log.warning("which devices work could not be noted: %s", exc)
