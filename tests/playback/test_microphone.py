"""A microphone, from the sound in the room to the words in the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from karaoke_studio.errors import NoMicrophone
from karaoke_studio.playback import microphone
from karaoke_studio.preparation.live import LiveFeatures
from tests.helpers.sound_server import FORMAT, IS_THERE, RATE, SoundServer

#: Of the founding documents, row 001-09.
LIVE_S = 0.5


class Room:
    """Plays into the sound server, whose loudspeaker is also its microphone."""

    def __init__(self, server: SoundServer) -> None:
        command = f"pacat --rate={RATE} --raw --latency-msec=20".split()
        command += [f"--{each}" for each in FORMAT.split()]
        self._player = subprocess.Popen(command, env=server.env, stdin=subprocess.PIPE)
        self.sung_at: float | None = None
        self._end = threading.Event()
        self._is_sung = False
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def sing(self) -> None:
        self._is_sung = True

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._player.kill()
        self._player.communicate()

    def _play(self) -> None:
        assert self._player.stdin is not None
        frames, at, began = RATE // 50, 0, time.perf_counter()
        while not self._end.is_set():
            turn = 2 * np.pi * 440 * np.arange(at, at + frames) / RATE
            tone = 0.3 * np.sin(turn) if self._is_sung else np.zeros(frames)
            if self._is_sung and self.sung_at is None:
                self.sung_at = time.perf_counter()
            self._player.stdin.write(np.repeat(tone, 2).astype("<f4").tobytes())
            self._player.stdin.flush()
            at += frames
            time.sleep(max(0.0, began + at / RATE - time.perf_counter()))


@pytest.mark.sound_device
@pytest.mark.skipif(not IS_THERE, reason="no PulseAudio")
def test_seed_001_09_what_is_sung_is_told_within_half_a_second(tmp_path: Path) -> None:
    server = SoundServer()
    server.start()
    server.record()
    room = Room(server)
    command = [sys.executable, "-m", "karaoke_studio", "listen", "--json", "--data-dir"]
    listener = subprocess.Popen(
        [*command, str(tmp_path), "--seconds", "30"], env=server.env, stdout=subprocess.PIPE
    )
    try:
        assert listener.stdout is not None
        for number, line in enumerate(listener.stdout):
            told = json.loads(line)
            if number == 10:
                assert not told["is_voice"]
                assert told["f0_hz"] is None
                room.sing()
            if number > 10 and told["is_voice"] and told["f0_hz"]:
                delay_s = time.perf_counter() - (room.sung_at or 0.0)
                break
        assert abs(told["f0_hz"] - 440) < 5
        assert told["note"] == "A4"
        assert 0 <= told["delay_s"] < LIVE_S
        assert delay_s < LIVE_S
    finally:
        listener.kill()
        listener.communicate()
        room.close()
        server.kill()


class FakePortAudio:
    """PortAudio as far as a microphone needs it."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self, *names: str, opens: bool = True, blocks: int = 0) -> None:
        self.devices: list[dict[str, Any]] = [
            {
                "name": name,
                "index": number,
                "max_input_channels": 1,
                "default_samplerate": 44_100.0,
            }
            for number, name in enumerate(names)
        ]
        self._opens, self._blocks = opens, blocks
        self.opened: list[int] = []

    def query_devices(self, kind: str | None = None) -> Any:
        if kind is None:
            return self.devices
        if not self.devices:
            raise self.PortAudioError
        return self.devices[0]

    def InputStream(self, **how: Any) -> Any:
        if not self._opens:
            raise self.PortAudioError
        self.opened.append(how["device"])

        def start() -> None:
            for _ in range(self._blocks):
                times = SimpleNamespace(currentTime=0.0, inputBufferAdcTime=0.0)
                how["callback"](np.zeros((882, 1), np.float32), 882, times, None)

        return SimpleNamespace(start=start, close=lambda: self.opened.append(-1))


@pytest.mark.parametrize(
    ("portaudio", "words"),
    [
        (FakePortAudio(), "There is no microphone."),
        (FakePortAudio("Desk", opens=False), "Desk cannot be opened."),
        (FakePortAudio("Desk", blocks=3), "The microphone went away."),
    ],
)
def test_what_is_wrong_is_told(
    portaudio: FakePortAudio, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microphone, "load_portaudio", lambda **_how: portaudio)
    monkeypatch.setattr(microphone, "_SILENT_S", 0.1)
    with pytest.raises(NoMicrophone, match=words):
        microphone.listen(lambda _facts: None, lambda: None, "")


def test_the_chosen_microphone_is_opened_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio = FakePortAudio("Desk", "Headset", blocks=9)
    monkeypatch.setattr(microphone, "load_portaudio", lambda **_how: portaudio)
    monkeypatch.setattr(microphone, "_SILENT_S", 0.1)
    told: list[dict[str, Any]] = []
    with pytest.raises(NoMicrophone):
        microphone.listen(told.append, lambda: None, "Headset")
    assert portaudio.opened == [1, -1]
    assert set(told[0]) == {"level_db", "f0_hz", "is_voice", "heard_at"}
    assert LiveFeatures(44_100).delay_s < 0.05
    assert microphone.list_microphones() == ["Desk", "Headset"]
