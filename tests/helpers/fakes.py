"""Stand-ins with behaviour for the outside world."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.errors import NoOutputDevice
from karaoke_studio.playback.output import Manner, Render

FloatArray = NDArray[np.float32]


class ClockedOutput:
    """A sound device whose time passes only when `advance` is called; it keeps what is heard.

    Attributes:
        is_present: whether there is a device; set it to plug one in or out.
        is_lost: set by `lose` while open, as when a headset is pulled out.
        rates: the rate of each stream that was opened.
        refreshes: how often devices were looked for again.
        devices: which device was chosen when each stream was opened.
        manners: and how it was to be opened.
        is_open: whether a stream runs.
        gate: streams open, close and refresh only while this is set (a slow sound system).
    """

    def __init__(
        self,
        *,
        block_frames: int = 441,
        latency_s: float = 0.05,
        refused_rates: frozenset[int] = frozenset(),
        default_rate: int = 48_000,
        channels: int = 2,
        jitter_s: float = 0.0,
        is_present: bool = True,
    ) -> None:
        self.underruns = 0
        self.is_present = is_present
        self.is_lost = False
        self.is_open = False
        self.rates: list[int] = []
        self.refreshes = 0
        self.devices: list[str] = []
        self.manners: list[Manner] = []
        self._device, self._manner = "", Manner()
        self.gate = threading.Event()
        self.gate.set()
        self._block_frames = block_frames
        self._latency_s = latency_s
        self._jitter_s = jitter_s
        self._refused_rates = refused_rates
        self._default_rate = default_rate
        self._channels = channels
        self._render: Render | None = None
        self._rate = default_rate
        self._now = 100.0
        self._blocks: list[FloatArray] = []
        # A real device's close waits for the callback that is running.
        self._lock = threading.Lock()

    def choose(self, device: str, manner: Manner) -> None:
        self._device, self._manner = device, manner

    def open(self, sample_rate: int) -> int:
        self.gate.wait(10)
        if not self.is_present:
            raise NoOutputDevice("There is no sound device.")
        assert not self.is_open, "opened twice"
        self._rate = self._default_rate if sample_rate in self._refused_rates else sample_rate
        self.rates.append(self._rate)
        self.devices.append(self._device)
        self.manners.append(self._manner)
        self.is_lost = False
        return self._rate

    def start(self, render: Render) -> None:
        with self._lock:
            self._render = render
            self.is_open = True

    def close(self) -> None:
        self.gate.wait(10)
        with self._lock:
            self._render = None
            self.is_open = False

    def refresh(self) -> None:
        self.gate.wait(10)
        assert not self.is_open, "devices looked for while a stream was open"
        self.refreshes += 1
        if not self.is_present:
            raise NoOutputDevice("There is no sound device.")

    def now(self) -> float:
        return self._now

    def lose(self) -> None:
        """Pull the device out: nothing is asked for any more."""
        self.is_present = False
        with self._lock:
            self._render = None
            self.is_lost = True

    def plug_in(self) -> None:
        self.is_present = True

    def advance(self, frames: int | None = None) -> None:
        """Let one block (or as many frames) go by."""
        with self._lock:
            count = frames or self._block_frames
            if self._render is not None:
                # Strided like the device's interleaved buffer; NaN shows what nobody wrote.
                block = np.full((count, self._channels), np.nan, np.float32)
                self._jitter_s = -self._jitter_s
                self._render(block.T, self._now + self._latency_s + self._jitter_s)
                self._blocks.append(block.T)
            self._now += count / self._rate

    def heard(self) -> FloatArray:
        """Everything played since the last call, float32 (channels, frames)."""
        blocks, self._blocks = self._blocks, []
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((2, 0), np.float32)


class FakePortAudio:
    """As much of the sounddevice module as the program uses.

    Attributes:
        names: outputs; the first is the default.
        systems: the sound systems; each knows every output.
        streams: every stream that was opened.
        starts: how often PortAudio was started.
    """

    class PortAudioError(Exception):
        """What the real module raises."""

    def __init__(
        self,
        *,
        names: Sequence[str] = ("Speaker",),
        microphones: Sequence[str] = (),
        refused_rates: set[int] | None = None,
        starts: bool = True,
        systems: Sequence[str] = ("ALSA",),
        shares_only: bool = False,
    ) -> None:
        self.names, self.systems = list(names), list(systems)
        self._shares_only = shares_only
        self.streams: list[FakeStream] = []
        self.starts = 1
        self._initialized = 1
        self._microphones = microphones
        self._refused_rates = refused_rates or set()
        self._streams_start = starts
        self._known = self._read()

    def query_devices(self, kind: str | None = None) -> Any:
        if kind is None:
            return self._known
        if not self._known:
            raise self.PortAudioError("Error querying device -1")
        return self._known[0]

    def query_hostapis(self, index: int) -> dict[str, Any]:
        return {"name": self.systems[index]}

    def WasapiSettings(self, *, exclusive: bool) -> SimpleNamespace:
        return SimpleNamespace(exclusive=exclusive)

    def OutputStream(self, **options: Any) -> FakeStream:
        if options["samplerate"] in self._refused_rates:
            raise self.PortAudioError("Invalid sample rate", -9997)
        if options["extra_settings"] is not None:
            assert self.systems[self._known[options["device"]]["hostapi"]] == "Windows WASAPI"
            if self._shares_only:
                raise self.PortAudioError("Invalid device", -9996)
        self.streams.append(FakeStream(options, starts=self._streams_start))
        return self.streams[-1]

    def _initialize(self) -> None:
        self.starts += 1
        self._initialized += 1
        self._known = self._read()

    def _terminate(self) -> None:
        self._initialized -= 1

    def _read(self) -> list[dict[str, Any]]:
        counted = [
            (name, channels, system)
            for system in range(len(self.systems))
            for names, channels in ((self.names, 2), (self._microphones, 0))
            for name in names
        ]
        return [
            {
                "index": index,
                "name": name,
                "hostapi": system,
                "max_output_channels": channels,
                "default_samplerate": 48_000.0,
                "default_low_output_latency": 0.01,
            }
            for index, (name, channels, system) in enumerate(counted)
        ]


class FakeStream:
    """One of its streams; `ask` is the device wanting sound."""

    def __init__(self, options: dict[str, Any], *, starts: bool) -> None:
        self.options = options
        self.latency = options["latency"]
        self.calls: list[str] = []
        self._starts = starts

    def start(self) -> None:
        if not self._starts:
            raise FakePortAudio.PortAudioError("Unanticipated host error", -9999)

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")

    def ask(self, frames: int, *, delay_s: float, underflow: bool = False) -> FloatArray:
        block = np.full((frames, self.options["channels"]), np.nan, np.float32)
        times = SimpleNamespace(currentTime=7.0, outputBufferDacTime=7.0 + delay_s)
        self.options["callback"](block, frames, times, underflow)
        return block
