"""Where sound leaves the program: the output's protocol, and the one on PortAudio.

PortAudio is loaded by the first `open`, never when the program starts, and always in the player's
thread. It learns of new devices only by being ended and started again, which `refresh` does while
no stream is open. Blocks are (channels, frames) up to here; the device wants them turned round.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from karaoke_studio.errors import NoOutputDevice
from karaoke_studio.playback.take_reader import StemArray

log = logging.getLogger(__name__)

#: Fills float32 (channels, frames); the second argument is the moment (`Output.now`) at which the
#: block's first frame is heard.
Render = Callable[[StemArray, float], None]

#: Long enough to ride out a GUI that holds the interpreter for 50 ms (0 underruns in 2.5 s beside
#: a thread that held it for 49 ms at a time; 35 ms of latency had some), short enough for a switch.
LATENCY_S = 0.1
#: Silence ahead of the sound: a stream's first 20 ms are swallowed (measured with PulseAudio: 760
#: to 860 frames whatever the latency, none after 50 ms of silence).
LEAD_IN_S = 0.1
#: A device that asks for nothing for so long is gone (a sound server may stall for 2 s at start).
STALL_S = 4.0
#: What PortAudio knows of the devices is believed for so long; a headset may be plugged in anytime.
KNOWN_S = 2.0
#: Larger jumps of the device's clock are real; smaller ones are jitter.
CLOCK_JUMP_S = 0.05
CLOCK_SMOOTHING = 0.05


#: Where a machine or its wireless headset stutters all the same.
LONG_LATENCY_S = 0.3
#: The one sound system whose devices PortAudio can have for the program alone.
_EXCLUSIVE_SYSTEM = "Windows WASAPI"


@dataclass(frozen=True)
class Manner:
    """How a device is opened.

    Attributes:
        latency: "normal"; "low" = as little as the device promises; "high" = it never stutters.
        is_exclusive: no other program is heard meanwhile, and nothing mixes or resamples; only
            where the sound system can do that (Windows WASAPI).
    """

    latency: str = "normal"
    is_exclusive: bool = False


AS_USUAL = Manner()


class Output(Protocol):
    """A place to play on. All methods but `now` are called from the player's thread.

    Attributes:
        underruns: how often the device ran dry.
    """

    underruns: int

    def choose(self, device: str, manner: Manner) -> None:
        """Name the device for the next `open`, "" = the system's own choice, and how to open it."""
        ...

    def open(self, sample_rate: int) -> int:
        """Open the device at a rate, or at its own where it refuses that one.

        Where the chosen device is not there the system's own choice is opened.

        Returns:
            The rate in Hz.

        Raises:
            NoOutputDevice: there is no device, or it cannot be opened.
        """
        ...

    def start(self, render: Render) -> None:
        """Let the sound run: `render` is called for each block until `close`.

        Raises:
            NoOutputDevice: the device went away in between.
        """
        ...

    def close(self) -> None:
        """Stop and close; nothing happens when nothing is open."""
        ...

    def refresh(self) -> None:
        """Look for devices again. Only while nothing is open.

        Raises:
            NoOutputDevice: there is none.
        """
        ...

    def now(self) -> float:
        """Return the second on the clock that `render` is given moments of; from any thread."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the open device went away."""
        ...


class HeardClock:
    """Smooths the moments at which blocks are heard, so that a playhead glides."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._expected_at: float | None = None

    def place(self, measured_at: float, frames: int) -> float:
        """Return the moment for a block of so many frames that the device puts at `measured_at`."""
        heard_at = measured_at
        if self._expected_at is not None:
            error = measured_at - self._expected_at
            if abs(error) < CLOCK_JUMP_S:
                heard_at = self._expected_at + CLOCK_SMOOTHING * error
        self._expected_at = heard_at + frames / self._sample_rate
        return heard_at


class SoundDeviceOutput:
    """The chosen sound device, or the system's default."""

    def __init__(self) -> None:
        self.underruns = 0
        self._stream: Any = None
        self._render: Render | None = None
        self._clock = HeardClock(1)
        self._lead_in_frames = 0
        self._latency_s = LATENCY_S
        self._last_block_at = 0.0
        self._has_finished = False
        self._known_at = -math.inf
        self._wanted = ""
        self._manner = AS_USUAL

    def choose(self, device: str, manner: Manner) -> None:
        """Name the device for the next `open`; see `Output.choose`."""
        self._wanted, self._manner = device, manner

    def open(self, sample_rate: int) -> int:
        """Open the device; see `Output.open`."""
        sd = load_portaudio(anew=time.perf_counter() - self._known_at > KNOWN_S)
        device = _chosen_device(sd, self._wanted) or _default_device(sd)
        refusal: Exception | None = None
        alone = _exclusive_twin(sd, device) if self._manner.is_exclusive else None
        ways: list[tuple[dict[str, Any], Any]] = (
            [(alone, sd.WasapiSettings(exclusive=True))] if alone is not None else []
        )
        default_rate: int = round(device["default_samplerate"])
        rates = dict.fromkeys((sample_rate, default_rate))
        rate: int
        ways.append((device, None))
        for (place, settings), rate in product(ways, rates):
            try:
                self._stream = sd.OutputStream(
                    device=place.get("index"),
                    samplerate=rate,
                    channels=min(2, place["max_output_channels"]),
                    dtype="float32",
                    latency=_latency_s(place, self._manner.latency),
                    extra_settings=settings,
                    callback=self._on_block,
                    finished_callback=self._on_finished,
                )
            except sd.PortAudioError as exc:
                how = " alone" if settings is not None else ""
                log.info("%s refuses %d Hz%s: %s", place["name"], rate, how, exc)
                refusal = exc
                continue
            self._latency_s = self._stream.latency
            self._clock = HeardClock(rate)
            self._lead_in_frames = round(LEAD_IN_S * rate)
            self._last_block_at = time.perf_counter()
            log.info("sound goes to %s, %d Hz, %.3f s", place["name"], rate, self._latency_s)
            return rate
        raise _cannot_open(str(device["name"])) from refusal

    def start(self, render: Render) -> None:
        """Let the sound run; see `Output.start`."""
        self._render = render
        self._has_finished = False
        self._last_block_at = time.perf_counter()
        sd = load_portaudio()
        try:
            self._stream.start()
        except sd.PortAudioError as exc:
            self.close()
            raise _cannot_open("The sound device") from exc

    def close(self) -> None:
        """Stop and close the stream; what is still in the device's buffer is played first."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if not self.is_lost:
            stream.stop()
        # Waits for PortAudio's thread: no callback runs after this.
        stream.close()
        self._known_at = time.perf_counter()

    def refresh(self) -> None:
        """Look for devices again; see `Output.refresh`."""
        _default_device(load_portaudio(anew=True))
        self._known_at = time.perf_counter()

    def now(self) -> float:
        """Return the performance counter: a stream's own clock dies with the stream."""
        return time.perf_counter()

    @property
    def is_lost(self) -> bool:
        """Whether the stream ended by itself or stands still."""
        return self._has_finished or time.perf_counter() - self._last_block_at > STALL_S

    def _on_block(self, block: StemArray, frames: int, times: Any, status: Any) -> None:
        """Fill float32 (frames, channels). Runs in PortAudio's thread."""
        now = time.perf_counter()
        self._last_block_at = now
        if status:
            self.underruns += 1
        delay_s = times.outputBufferDacTime - times.currentTime
        # Some systems do not fill in their clocks, all leave the first block's at zero.
        if not 0.0 < delay_s < 2.0:
            delay_s = self._latency_s
        heard_at = self._clock.place(now + delay_s, frames)
        if self._lead_in_frames > 0 or self._render is None:
            self._lead_in_frames -= frames
            block.fill(0.0)
        else:
            self._render(block.T, heard_at)

    def _on_finished(self) -> None:
        self._has_finished = True


def list_outputs() -> list[str]:
    """Return the names of all sound outputs, freshly read.

    One that several sound systems know is named for each: "Speaker", "Speaker, Windows WASAPI".

    For a child process without a stream: it starts PortAudio anew.
    """
    try:
        sd = load_portaudio(anew=True)
    except NoOutputDevice:
        return []
    systems: dict[str, list[str]] = {}
    for device in _outputs(sd):
        systems.setdefault(str(device["name"]), []).append(_system(sd, device))
    others = (
        f"{name}, {system}"
        for name, known in systems.items()
        for system in dict.fromkeys(known)
        if system != known[0]
    )
    return [*systems, *others]


def _outputs(sd: Any) -> list[dict[str, Any]]:
    return [device for device in sd.query_devices() if device["max_output_channels"] > 0]


def _system(sd: Any, device: dict[str, Any]) -> str:
    """Return the name of the sound system that knows a device."""
    return str(sd.query_hostapis(device["hostapi"])["name"])


def _latency_s(device: dict[str, Any], wanted: str) -> float:
    least: float = device["default_low_output_latency"]
    if wanted == "low":
        return least
    return max(LONG_LATENCY_S if wanted == "high" else LATENCY_S, least)


def _exclusive_twin(sd: Any, device: dict[str, Any]) -> dict[str, Any] | None:
    """Return the device as the system knows it that can have it alone; None where none can.

    Other systems of the same computer may cut its name short.
    """
    name = str(device["name"])
    return next(
        (
            each
            for each in _outputs(sd)
            if _system(sd, each) == _EXCLUSIVE_SYSTEM and str(each["name"]).startswith(name)
        ),
        None,
    )


def load_portaudio(*, anew: bool = False) -> Any:
    """Return the sounddevice module with PortAudio running.

    Raises:
        NoOutputDevice: the PortAudio library is missing or does not start.
    """
    was_loaded = "sounddevice" in sys.modules
    try:
        import sounddevice as sd

        if anew and was_loaded:
            if sd._initialized:
                sd._terminate()
            sd._initialize()
    except OSError as exc:
        raise NoOutputDevice(
            "Sound cannot be played: the PortAudio library is missing.",
            hint="Install it (Debian, Ubuntu: libportaudio2) and start the program again.",
        ) from exc
    # sounddevice starts PortAudio while it is being imported: its own error class, which only
    # says Exception of itself, has no name yet.
    except Exception as exc:
        raise NoOutputDevice(
            "The sound system does not answer.", hint="Check the sound settings, then try again."
        ) from exc
    return sd


def _chosen_device(sd: Any, name: str) -> dict[str, Any] | None:
    """Return PortAudio's description of an output by its name; None where it is not there.

    The same device may be listed by several sound systems; the first is PortAudio's favourite
    where none is named.
    """
    found = [
        device
        for device in (_outputs(sd) if name else ())
        if name in {device["name"], f"{device['name']}, {_system(sd, device)}"}
    ]
    if name and not found:
        log.info("%s is not connected; the system's own choice is used", name)
    return found[0] if found else None


def _default_device(sd: Any) -> dict[str, Any]:
    """Return PortAudio's description of the default output.

    Raises:
        NoOutputDevice: there is none.
    """
    try:
        device: dict[str, Any] = sd.query_devices(kind="output")
    except (sd.PortAudioError, ValueError) as exc:
        raise NoOutputDevice(
            "There is no sound device to play on.", hint="Connect one, then press play again."
        ) from exc
    return device


def _cannot_open(name: str) -> NoOutputDevice:
    return NoOutputDevice(
        f"{name} cannot be opened.", hint="Close other programs that play sound, then try again."
    )
