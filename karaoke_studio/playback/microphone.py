"""Listens to a microphone and tells what is sung, a moment later.

For a child process that does nothing else: PortAudio in the program's own process is ended and
started again whenever devices come and go, which a running microphone would not survive.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from karaoke_studio.errors import NoMicrophone, NoOutputDevice
from karaoke_studio.playback.output import load_portaudio
from karaoke_studio.preparation.live import HOP_S, LiveFeatures

#: Facts are told no more often; a person reads no faster.
TELL_EVERY_S = 0.04
_LOOK_EVERY_S = 0.05
#: A microphone that says nothing for so long is gone.
_SILENT_S = 3.0
_NEAREST = "Connect one, allow the program to use it, then try again."


def listen(tell: Callable[[dict[str, Any]], None], check: Callable[[], None], name: str) -> None:
    """Tell what is heard until `check` raises.

    Args:
        tell: is given `level_db`, `f0_hz` (None = no pitch), `is_voice`, and `heard_at`: the
            second on `time.perf_counter` at which the newest sample reached the microphone.
        check: asked many times a second.
        name: of the microphone; "" = the system's own choice, also where it is not there.

    Raises:
        NoMicrophone: there is none, it cannot be opened, or it went away.
        NoOutputDevice: the PortAudio library is missing.
    """
    sd = load_portaudio(anew=True)
    device = _chosen(sd, name)
    rate = round(device["default_samplerate"])
    blocks: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()

    def on_block(block: Any, _frames: int, times: Any, _status: Any) -> None:
        delay_s = times.currentTime - times.inputBufferAdcTime - len(block) / rate
        # some systems do not fill in their clocks
        late_s = delay_s if 0 <= delay_s < 2 else 0.0
        blocks.put((time.perf_counter() - late_s, block.T.copy()))

    try:
        stream = sd.InputStream(
            device=device["index"],
            samplerate=rate,
            channels=min(2, device["max_input_channels"]),
            dtype="float32",
            latency="low",
            callback=on_block,
        )
        stream.start()
    except sd.PortAudioError as exc:
        raise NoMicrophone(f"{device['name']} cannot be opened.", hint=_NEAREST) from exc
    try:
        _tell_all(blocks, LiveFeatures(rate), tell, check)
    finally:
        stream.close()


def _tell_all(
    blocks: queue.SimpleQueue[tuple[float, Any]],
    live: LiveFeatures,
    tell: Callable[[dict[str, Any]], None],
    check: Callable[[], None],
) -> None:
    told_at, heard_last = 0.0, time.perf_counter()
    while True:
        check()
        try:
            heard_at, block = blocks.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            if time.perf_counter() - heard_last > _SILENT_S:
                raise NoMicrophone("The microphone went away.", hint=_NEAREST) from None
            continue
        heard_last = time.perf_counter()
        readings = live.push(np.ascontiguousarray(block))
        if readings and heard_last - told_at >= TELL_EVERY_S - HOP_S / 2:
            told_at = heard_last
            tell({**readings[-1]._asdict(), "heard_at": heard_at})


def list_microphones() -> list[str]:
    """Return the names of all microphones, freshly read. For a child process without a stream."""
    try:
        sd = load_portaudio(anew=True)
    except NoOutputDevice:
        return []
    return list(dict.fromkeys(str(device["name"]) for device in _inputs(sd)))


def _inputs(sd: Any) -> list[dict[str, Any]]:
    return [device for device in sd.query_devices() if device["max_input_channels"] > 0]


def _chosen(sd: Any, name: str) -> dict[str, Any]:
    found = [device for device in _inputs(sd) if name and device["name"] == name]
    if found:
        return found[0]
    try:
        device: dict[str, Any] = sd.query_devices(kind="input")
    except (sd.PortAudioError, ValueError) as exc:
        raise NoMicrophone("There is no microphone.", hint=_NEAREST) from exc
    return device
