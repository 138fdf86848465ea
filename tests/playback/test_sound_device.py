"""The real way out: PortAudio, ALSA, and a PulseAudio server of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from tests.playback.conftest import FloatArray, Take, until

RATE = 44_100
FORMAT = "format=float32le channels=2"
BRIDGES = [*Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")]

pytestmark = [
    pytest.mark.sound_device,
    pytest.mark.skipif(
        not (shutil.which("pulseaudio") and shutil.which("parec") and BRIDGES),
        reason="needs pulseaudio, pulseaudio-utils and libasound2-plugins",
    ),
]


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


class Performer:
    """The process that plays."""

    def __init__(self, server: SoundServer, take: Take) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.playback.performer", *self._arguments(take)],
            env=server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @staticmethod
    def _arguments(take: Take) -> list[str]:
        return [*map(str, take.files.stems.values()), str(take.files.frames)]

    def wait(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask until the facts are so, and return them."""
        until(lambda: is_so(self.ask()))
        return self.ask()

    def ask(self, line: str = "") -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> int:
        self._process.communicate(timeout=20)
        return self._process.returncode


@pytest.fixture
def server() -> Iterator[SoundServer]:
    made = SoundServer()
    try:
        yield made
    finally:
        made.kill()
        shutil.rmtree(made.folder, ignore_errors=True)


def place_of(sound: FloatArray, heard: FloatArray) -> int:
    """Return where in `heard` the sound begins, by its first two frames."""
    starts = np.flatnonzero((sound[:, :1] == heard[:, :-1]).all(axis=0))
    return next((int(at) for at in starts if (heard[:, at + 1] == sound[:, 1]).all()), -1)


def test_what_leaves_the_computer_is_the_song_bit_for_bit(
    server: SoundServer, noise_take: Callable[..., Take]
) -> None:
    take = noise_take(3.0)
    server.start()
    server.record()
    # The server's clock is the machine's spare time: on a crowded one it drops sound now and then,
    # so the best of three goes is judged.
    for _ in range(3):
        performer = Performer(server, take)
        performer.ask("play")
        before = performer.wait(lambda facts: facts["position"] > RATE // 2)
        time.sleep(1.0)
        after = performer.ask()
        underruns = performer.wait(lambda facts: facts["state"] == "ended")["underruns"]
        assert performer.end() == 0
        heard = server.heard()
        at = place_of(take.original, heard)
        wrong = -1
        if at >= 0:
            played = heard[:, at : at + take.files.frames]
            wrong = np.count_nonzero((played != take.original).any(axis=0))
        lag_s = (after["time"] - before["time"]) - (after["position"] - before["position"]) / RATE
        if wrong == 0 and underruns == 0 and abs(lag_s) < 0.03:
            return
    pytest.fail(f"{wrong} frames differ from {at} on, {underruns} underruns, clock off {lag_s} s")


def test_a_sound_server_that_goes_and_returns(
    server: SoundServer, tone_take: Callable[..., Take]
) -> None:
    take = tone_take(30.0)
    performer = Performer(server, take)
    # No server yet: PortAudio starts without a device.
    performer.ask("play")
    performer.wait(lambda facts: facts["problem"] == "NO_OUTPUT_DEVICE")
    assert performer.ask()["state"] == "paused"

    server.start()
    performer.ask("retry")
    performer.wait(lambda facts: facts["problem"] is None)
    performer.ask("play")
    performer.wait(lambda facts: facts["position"] > RATE)

    server.kill()
    performer.wait(lambda facts: facts["problem"] == "OUTPUT_LOST")
    lost_at = performer.ask()["position"]
    assert performer.ask()["state"] == "paused"
    assert lost_at > RATE

    server.start()
    performer.ask("retry")
    performer.wait(lambda facts: facts["problem"] is None)
    assert performer.ask()["state"] == "playing"
    performer.wait(lambda facts: facts["position"] > lost_at + RATE // 2)
    assert performer.end() == 0
