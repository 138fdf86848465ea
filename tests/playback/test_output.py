"""The output on PortAudio, with a stand-in for PortAudio itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from karaoke_studio.errors import NoOutputDevice
from karaoke_studio.playback import output
from karaoke_studio.playback.output import HeardClock, Manner, SoundDeviceOutput, list_outputs
from tests.helpers.fakes import FakePortAudio

MakePortAudio = Callable[..., FakePortAudio]


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> MakePortAudio:
    def make(**options: object) -> FakePortAudio:
        fake = FakePortAudio(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        return fake

    return make


def test_the_songs_rate_is_taken_where_the_device_can(portaudio: MakePortAudio) -> None:
    fake = portaudio()
    out = SoundDeviceOutput()
    assert out.open(44_100) == 44_100
    assert fake.streams[0].options["channels"] == 2
    assert fake.streams[0].options["latency"] == output.LATENCY_S
    out.start(lambda block, heard_at: None)
    out.close()
    assert fake.streams[0].calls == ["stop", "close"]


def test_a_refused_rate_becomes_the_devices_own(portaudio: MakePortAudio) -> None:
    portaudio(refused_rates={44_100})
    assert SoundDeviceOutput().open(44_100) == 48_000


def test_a_device_that_refuses_everything_is_said(portaudio: MakePortAudio) -> None:
    portaudio(refused_rates={44_100, 48_000})
    with pytest.raises(NoOutputDevice, match="Speaker"):
        SoundDeviceOutput().open(44_100)


def test_a_device_that_does_not_start_is_closed(portaudio: MakePortAudio) -> None:
    fake = portaudio(starts=False)
    out = SoundDeviceOutput()
    out.open(44_100)
    with pytest.raises(NoOutputDevice):
        out.start(lambda block, heard_at: None)
    assert fake.streams[0].calls[-1] == "close"


def test_no_device_at_all(portaudio: MakePortAudio) -> None:
    portaudio(names=[])
    with pytest.raises(NoOutputDevice):
        SoundDeviceOutput().open(44_100)
    with pytest.raises(NoOutputDevice):
        SoundDeviceOutput().refresh()
    assert list_outputs() == []


def test_no_portaudio_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(NoOutputDevice, match="PortAudio library is missing"):
        SoundDeviceOutput().open(44_100)
    assert list_outputs() == []


def test_a_sound_system_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = "class PortAudioError(Exception):\n    pass\nraise PortAudioError(-9999)\n"
    (tmp_path / "sounddevice.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(NoOutputDevice, match="does not answer"):
        SoundDeviceOutput().open(44_100)


def test_devices_are_read_anew_before_a_late_open(
    portaudio: MakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = portaudio()
    clock = SimpleNamespace(now=50.0)
    monkeypatch.setattr(output.time, "perf_counter", lambda: clock.now)
    out = SoundDeviceOutput()
    out.open(44_100)
    out.close()
    starts = fake.starts
    out.open(48_000)
    out.close()
    assert fake.starts == starts
    clock.now += 60
    out.open(44_100)
    assert fake.starts == starts + 1
    assert fake._initialized == 1


def test_blocks_come_with_the_moment_they_are_heard(
    portaudio: MakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = portaudio()
    monkeypatch.setattr(output.time, "perf_counter", lambda: 10.0)
    out = SoundDeviceOutput()
    out.open(44_100)
    seen = []

    def render(block: np.ndarray, heard_at: float) -> None:
        seen.append((block.shape, heard_at))
        block[:] = [[1.0], [2.0]]

    out.start(render)
    # What a device swallows at its start is silence.
    assert not fake.streams[0].ask(4_410, delay_s=0.0).any()
    assert not seen
    monkeypatch.setattr(output.time, "perf_counter", lambda: 10.1)
    first = fake.streams[0].ask(441, delay_s=0.1)
    assert (first == [1.0, 2.0]).all()
    # A system that does not fill in its clocks: the stream's latency stands in.
    fake.streams[0].ask(441, delay_s=-3.0, underflow=True)
    assert seen[0] == ((2, 441), pytest.approx(10.2))
    assert seen[1][1] == pytest.approx(10.21, abs=0.002)
    assert out.underruns == 1
    assert not out.is_lost


def test_a_stream_that_ends_or_stalls_is_lost(
    portaudio: MakePortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = portaudio()
    clock = SimpleNamespace(now=10.0)
    monkeypatch.setattr(output.time, "perf_counter", lambda: clock.now)
    out = SoundDeviceOutput()
    out.open(44_100)
    out.start(lambda block, heard_at: None)
    assert not out.is_lost
    clock.now += output.STALL_S + 0.1
    assert out.is_lost
    fake.streams[0].ask(441, delay_s=0.08)
    assert not out.is_lost
    fake.streams[0].options["finished_callback"]()
    assert out.is_lost
    out.close()
    # Stopping would wait for a device that takes nothing any more.
    assert "stop" not in fake.streams[0].calls


def test_outputs_are_listed_once_and_without_microphones(portaudio: MakePortAudio) -> None:
    fake = portaudio(names=["Speaker", "Headset", "Speaker"], microphones=["Mic"])
    assert list_outputs() == ["Speaker", "Headset"]
    fake.names.append("Late")
    assert list_outputs() == ["Speaker", "Headset", "Late"]


def test_the_clock_glides_over_jitter_and_follows_jumps() -> None:
    clock = HeardClock(1_000)
    rng = np.random.default_rng(2)
    truth = 5.0 + 0.01 * np.arange(500)
    jitter = rng.uniform(-0.01, 0.01, 500)
    jitter[0] = 0.0
    placed = [clock.place(t, 10) for t in truth + jitter]
    assert np.abs(placed - truth)[100:].max() < 0.003
    assert np.diff(placed).min() > 0.009
    assert clock.place(30.0, 10) == 30.0


def test_loading_the_player_starts_no_sound_system() -> None:
    code = (
        "import sys; import karaoke_studio.playback.player as p; p.Player().close();"
        "print([m for m in ('sounddevice', 'soundfile', 'soxr', 'PySide6') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_real_portaudio_lists_without_a_server(tmp_path: Path) -> None:
    code = "from karaoke_studio.playback.output import list_outputs as l; print(l() == l())"
    nowhere = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | nowhere,
    )
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize(
    ("wanted", "seconds"), [("normal", 0.1), ("low", 0.01), ("high", output.LONG_LATENCY_S)]
)
def test_a_device_answers_as_soon_as_is_wanted(
    portaudio: MakePortAudio, wanted: str, seconds: float
) -> None:
    fake = portaudio()
    out = SoundDeviceOutput()
    out.choose("", Manner(latency=wanted))
    out.open(44_100)
    assert fake.streams[0].options["latency"] == seconds


SYSTEMS = ("MME", "Windows WASAPI")


def test_a_device_of_several_systems_is_named_for_each(portaudio: MakePortAudio) -> None:
    fake = portaudio(names=["Speaker", "Headset"], systems=SYSTEMS, microphones=["Mike"])
    assert list_outputs() == [
        *("Speaker", "Headset", "Speaker, Windows WASAPI", "Headset, Windows WASAPI")
    ]
    out = SoundDeviceOutput()
    for name, index in (("Headset", 1), ("Headset, Windows WASAPI", 4), ("Headset, MME", 1)):
        out.choose(name, Manner())
        out.open(44_100)
        assert fake.streams[-1].options["device"] == index
        assert fake.streams[-1].options["extra_settings"] is None


@pytest.mark.parametrize("chosen", ["", "Speaker", "Speaker, Windows WASAPI"])
def test_a_device_is_had_alone_where_the_system_can(portaudio: MakePortAudio, chosen: str) -> None:
    fake = portaudio(systems=SYSTEMS)
    out = SoundDeviceOutput()
    out.choose(chosen, Manner(is_exclusive=True))
    assert out.open(44_100) == 44_100
    assert fake.streams[0].options["extra_settings"].exclusive
    assert fake.streams[0].options["device"] == 1


def test_a_device_that_is_not_given_away_is_shared(portaudio: MakePortAudio) -> None:
    fake = portaudio(systems=SYSTEMS, shares_only=True)
    out = SoundDeviceOutput()
    out.choose("", Manner(is_exclusive=True))
    assert out.open(44_100) == 44_100
    assert fake.streams[0].options["extra_settings"] is None
    # one that takes another rate only is had alone at that rate rather than shared
    fake = portaudio(systems=SYSTEMS, refused_rates={44_100})
    assert out.open(44_100) == 48_000
    assert fake.streams[0].options["extra_settings"].exclusive


def test_where_no_system_can_the_device_is_shared(portaudio: MakePortAudio) -> None:
    fake = portaudio()
    out = SoundDeviceOutput()
    out.choose("", Manner(is_exclusive=True))
    out.open(44_100)
    assert fake.streams[0].options["extra_settings"] is None
