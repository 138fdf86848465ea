"""A sound server of the test's own: PulseAudio with a device that nobody hears."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
RATE = 44_100
FORMAT = "format=float32le channels=2"
_BRIDGES = [*Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")]
IS_THERE = bool(shutil.which("pulseaudio") and shutil.which("parec") and _BRIDGES)
_WAIT_S = 20.0


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another thread or process."""
    give_up_at = time.monotonic() + _WAIT_S
    while not is_so():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.001)


class SoundServer:
    """PulseAudio with a null sink, and a recorder on what is played there."""

    def __init__(self) -> None:
        # Short: the path of a socket has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="ks-"))
        self.env = os.environ | {
            "XDG_RUNTIME_DIR": str(self.folder),
            "HOME": str(self.folder),
            "PULSE_RUNTIME_PATH": str(self.folder / "pulse"),
        }
        self.env.pop("PULSE_SERVER", None)
        self.recording = self.folder / "heard.raw"
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the server; return when it takes connections."""
        socket = self.folder / "pulse" / "native"
        # A killed server leaves its socket behind.
        socket.unlink(missing_ok=True)
        command = "pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no"
        # With shared memory PulseAudio 16 aborts on clients that come and go (its issue 824).
        command += " --disable-shm=yes -L module-native-protocol-unix -L"
        self._run([*command.split(), f"module-null-sink sink_name=test rate={RATE} {FORMAT}"])
        until(socket.exists)

    def record(self) -> None:
        """Record what is played from now on."""
        command = f"parec --device=test.monitor --rate={RATE} --raw --latency-msec=20"
        with self.recording.open("wb") as heard:
            self._run([*command.split(), *(f"--{f}" for f in FORMAT.split())], heard)
        # A null sink keeps a steady clock only once a recorder has run on it for a while.
        until(lambda: self.recording.stat().st_size > 2 * 8 * RATE)

    def heard(self) -> FloatArray:
        data = self.recording.read_bytes()
        return np.frombuffer(data[: len(data) // 8 * 8], "<f4").reshape(-1, 2).T

    def kill(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()
        self._running.clear()

    def _run(self, command: list[str], target: BinaryIO | int = subprocess.DEVNULL) -> None:
        process = subprocess.Popen(
            command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.DEVNULL,
        )
        self._running.append(process)
