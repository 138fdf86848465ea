"""What works on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
from typing import Any

from karaoke_studio import __version__
from karaoke_studio.errors import KaraokeError
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import StopEvent
from karaoke_studio.separation.converted import installed_version
from karaoke_studio.worker.host import Worker, WorkerDied, Workers

#: Below this a four-minute song may not fit.
LOW_DISK_BYTES = 1_000_000_000
_TIMEOUT_S = 60.0


def report_health(
    data: DataFolder, workers: Workers, stop: StopEvent | None = None
) -> dict[str, Any]:
    """Return the report that `doctor --json` prints.

    Args:
        data: the data folder.
        workers: children to ask.
        stop: set it to end early.

    Returns:
        Keys status ("healthy" | "degraded"), version, gpu_available, devices, sound_outputs,
        codecs, versions, free_disk_bytes, folders, problems and unused_cards [{what, advice}]:
        graphics cards that PyTorch does not see, which is no problem but makes songs slow.

    Raises:
        Cancelled: `stop` was set.
    """
    problems: list[dict[str, str]] = []

    def ask(worker: Worker, task: str, what: str, advice: str) -> dict[str, Any]:
        try:
            return worker.run(task, {}, stop=stop, stall_s=_TIMEOUT_S)
        except (KaraokeError, WorkerDied) as exc:
            problems.append({"what": f"{what} ({exc}).", "advice": advice})
            return {}

    from karaoke_studio.audio import rubber_band  # it loads numpy, which no other command needs

    reinstall = "Install the program once more."
    devices = ask(workers.engine, "devices", "Devices could not be listed", reinstall)
    codecs = ask(workers.transfer, "versions", "The codecs could not be loaded", reinstall)
    sound = ask(
        workers.interactive, "sound_outputs", "Sound outputs could not be listed", _sound_advice()
    )
    outputs = sound.get("outputs", [])
    if sound and not outputs:
        problems.append({"what": "There is no sound output.", "advice": _sound_advice()})
    cards = [
        {"what": f"{one['label']}: {one['reason']}.", "advice": one["advice"]}
        for one in devices.get("unused", [])
    ]
    free = shutil.disk_usage(data.root).free
    if free < LOW_DISK_BYTES:
        problems.append({"what": "The disk is nearly full.", "advice": "Free some space."})
    return {
        "status": "degraded" if problems else "healthy",
        "version": __version__,
        "gpu_available": bool(devices.get("gpu_available")),
        "devices": devices.get("devices", []),
        "unused_cards": cards,
        "engines": ["instant", "centre"],
        "sound_outputs": outputs,
        "key_and_tempo": rubber_band.library() is not None,
        "codecs": codecs.get("formats", {}),
        "versions": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "torch": devices.get("torch"),
            "openvino": installed_version("openvino") or None,
            **codecs.get("versions", {}),
        },
        "processors": os.cpu_count(),
        "free_disk_bytes": free,
        "folders": {
            "data": str(data.root),
            "library": str(data.library),
            "logs": str(data.logs),
        },
        "problems": problems,
    }


_NO_RUBBER_BAND = "cannot be changed: install Rubber Band (Debian, Ubuntu: librubberband2)"


def _sound_advice() -> str:
    if platform.system() == "Linux":
        return "Install libportaudio2 and a sound server, or plug in a device; separation works."
    return "Plug in a device; separation works without."


def _device(device: dict[str, Any]) -> str:
    """Return a device with its maker's name, and its memory where it has some of its own."""
    if device["memory_mb"] is None:
        return str(device["name"])
    return f"{device['name']} ({device['label']}, {device['memory_mb'] / 1024:.0f} GB)"


def sentences(health: dict[str, Any]) -> list[str]:
    """Return the report as lines for people."""
    versions = ", ".join(f"{k} {v}" for k, v in health["versions"].items() if v)
    lines = [
        f"Karaoke Studio {health['version']}: {health['status']}",
        f"  versions   {versions}",
        f"  devices    {', '.join(_device(one) for one in health['devices']) or 'none'}",
        f"  sound      {', '.join(health['sound_outputs']) or 'no output'}",
        f"  key, tempo {'work' if health['key_and_tempo'] else _NO_RUBBER_BAND}",
        f"  disk       {health['free_disk_bytes'] / 1e9:.1f} GB free",
        *(f"  {name:<10} {path}" for name, path in health["folders"].items()),
    ]
    for direction, names in health["codecs"].items():
        lines.append(f"  {direction:<10} {', '.join(names)}")
    for problem in (*health["unused_cards"], *health["problems"]):
        lines.append(f"! {problem['what']} {problem['advice']}")
    return lines
