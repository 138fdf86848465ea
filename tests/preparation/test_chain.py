"""Recordings with known defects, prepared; the bounds are what the benchmark shows, less a margin.

`benchmarks/preparation.py` prints the figures.
"""

from __future__ import annotations

import math
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from karaoke_studio.audio.loudness import LoudnessMeter
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.preparation import chain
from karaoke_studio.preparation.blocks import framed, joined, root_hann, with_context
from karaoke_studio.preparation.metrics import Listener
from karaoke_studio.preparation.normalizer import PEAK_DB, limited
from karaoke_studio.preparation.validation import STEPS, Preparation, WrongPreparation
from karaoke_studio.progress import Cancelled
from tests.helpers.defects import DEFECTS
from tests.helpers.signals import FloatArray, noise, rms, sdr_db, sine, sung_mix

RATE = 44_100
VOICE = sung_mix(6, RATE)[0]


def prepare(samples: FloatArray, folder: Path, **wanted: Any) -> tuple[FloatArray, dict[str, Any]]:
    original, target = folder / "original.f32", folder / "prepared.f32"
    with RawFile.create(original, len(samples)) as file:
        file.write(0, samples.T)
    song = {"sample_rate": RATE, "channels": len(samples)}
    shares: list[float] = []
    made = chain.prepare(original, target, song, Preparation(**wanted), shares.append, lambda: None)
    assert shares == sorted(shares)
    with RawFile.open(target, made["channels"]) as file:
        assert file.frames == made["frames"]
        return file.read(0, file.frames).T, made


@pytest.mark.parametrize(
    ("defect", "gain_db", "clean_db"),
    [
        ("hum", 7, 150),
        ("clicks", 10, 45),
        ("hiss", 6, 30),
        ("noise of a room", 5, 30),
        ("clipping", 4, 150),
        ("echo", 0.5, 12),
    ],
)
def test_seed_001_05_steps_against_known_defects(
    defect: str, gain_db: float, clean_db: float, tmp_path: Path
) -> None:
    """Each makes its defect smaller, by some dB, and a clean voice hardly worse."""
    step, spoil = DEFECTS[defect]
    spoilt = spoil(VOICE, RATE)
    made, _ = prepare(spoilt, tmp_path, **{step: True})
    assert made.shape == VOICE.shape
    assert sdr_db(made, VOICE) > sdr_db(spoilt, VOICE) + gain_db
    untouched, _ = prepare(VOICE, tmp_path, **{step: True})
    assert sdr_db(untouched, VOICE) > clean_db


def test_wind(tmp_path: Path) -> None:
    """What is left of it, told from the voice through the same filter."""
    spoilt = DEFECTS["wind"][1](VOICE, RATE)
    made, _ = prepare(spoilt, tmp_path, highpass=80.0)
    voice, _ = prepare(VOICE, tmp_path, highpass=80.0)
    assert sdr_db(spoilt, VOICE) < 1
    assert sdr_db(made, voice) > 15
    assert rms(voice) > 0.95 * rms(VOICE)


def test_hum_is_found_where_it_is(tmp_path: Path) -> None:
    _, made = prepare(DEFECTS["hum"][1](VOICE, RATE), tmp_path, dehum=True)
    found = made["found"]["hum_hz"]
    assert found[:2] == pytest.approx([50.1, 100.2], abs=0.1)
    assert prepare(VOICE, tmp_path, dehum=True)[1]["found"]["hum_hz"] == []


def test_a_gate_makes_pauses_quieter(tmp_path: Path) -> None:
    hiss = noise(6, RATE, level=0.002)
    spoken = sine(6, RATE, 300, level=0.3)
    spoken[:, 2 * RATE : 4 * RATE] = 0
    made, _ = prepare(spoken + hiss, tmp_path, gate=True)
    pause, sound = slice(int(2.8 * RATE), int(3.8 * RATE)), slice(RATE, int(1.9 * RATE))
    assert rms(made[:, pause]) < 0.15 * rms(hiss[:, pause])
    assert rms(made[:, sound]) == pytest.approx(rms(spoken[:, sound]), rel=0.02)


def test_a_compressor_brings_loud_and_quiet_together(tmp_path: Path) -> None:
    steps = np.repeat([0.5, 0.05, 0.5, 0.05], RATE).astype(np.float32)
    made, _ = prepare(sine(4, RATE, 300, level=1.0) * steps, tmp_path, drc=True)
    loud, quiet = (rms(made[:, at + RATE // 2 : at + RATE]) for at in (0, RATE))
    assert 20 * math.log10(loud / quiet) < 17, "20 dB before"
    assert quiet == pytest.approx(0.05 / math.sqrt(2), rel=0.05)


def true_peak_db(samples: FloatArray) -> float:
    fine = np.fft.irfft(np.pad(np.fft.rfft(samples), ((0, 0), (0, 7 * samples.shape[1] // 2))))
    return 20 * math.log10(float(np.abs(fine).max()) * fine.shape[1] / samples.shape[1])


@pytest.mark.parametrize("lufs", [-12.0, -30.0])
def test_seed_001_04_level(lufs: float, tmp_path: Path) -> None:
    """The loudness that was asked for, and peaks between the samples are kept below −1 dB, too."""
    song = sung_mix(6, RATE)[0] + noise(6, RATE, level=0.001)
    song[:, ::RATE] = 0.9
    made, told = prepare(song, tmp_path, lufs=lufs)
    meter = LoudnessMeter(RATE, 2)
    meter.add(made.T)
    # the limiter takes a little away where it has to
    assert meter.finish() == pytest.approx(lufs, abs=0.5)
    assert told["lufs"] == pytest.approx(lufs, abs=0.5)
    assert true_peak_db(made) <= PEAK_DB
    if lufs == -30:
        scale = np.float32(10 ** (told["gain_db"] / 20))
        assert np.allclose(made, song * scale, atol=1e-6), "nothing but a gain"


def test_a_limiter_looks_between_samples() -> None:
    """A tone whose samples miss its peaks by 3 dB."""
    t = np.arange(RATE)
    tone = np.sin(np.pi / 2 * t + np.pi / 4).astype(np.float32)[:, np.newaxis]
    assert np.abs(tone).max() < 0.71
    (made,) = limited([tone], RATE, 0.0)
    middle = made[1000:-1000, 0] / tone[1000:-1000, 0]
    assert np.allclose(middle, 10 ** ((PEAK_DB - 0.1) / 20), atol=0.01)


def test_silence_at_both_ends_is_cut_off(tmp_path: Path) -> None:
    quiet = noise(3, RATE, level=1e-4)
    song = np.concatenate([quiet, VOICE, quiet], axis=1)
    made, told = prepare(song, tmp_path, trim_silence=True)
    # the voice begins 0.2 s after its own beginning
    assert told["start_s"] == pytest.approx(3.1, abs=0.1)
    start = round(told["start_s"] * RATE)
    assert np.array_equal(made, song[:, start : start + made.shape[1]])
    assert made.shape[1] < 6.3 * RATE


def test_seed_001_04_rate_and_channels(tmp_path: Path) -> None:
    both = np.concatenate([sine(3, RATE, 440, 1), np.zeros((1, 3 * RATE), np.float32)])
    made, told = prepare(both, tmp_path, channels=1, rate=16_000)
    assert (told["sample_rate"], told["channels"]) == (16_000, 1)
    assert made.shape == (1, 3 * 16_000)
    inside = slice(1000, -1000)
    assert sdr_db(made[:, inside], sine(3, 16_000, 440, 1, level=0.25)[:, inside]) > 80
    stereo, _ = prepare(both[:1], tmp_path, channels=2)
    assert np.array_equal(stereo, np.repeat(both[:1], 2, axis=0))


def test_silence_is_no_error(tmp_path: Path) -> None:
    every = {name: True for name in STEPS if name not in {"highpass", "channels", "rate", "lufs"}}
    nothing = np.zeros((2, RATE), np.float32)
    made, told = prepare(nothing, tmp_path, **every, highpass=80.0, lufs=-16.0)
    assert not made.any()
    assert told["lufs"] is None
    assert made.shape == nothing.shape


def test_seed_001_08_steps_come_in_their_order() -> None:
    assert tuple(field.name for field in fields(Preparation)) == STEPS
    assert Preparation(lufs=-16, declip=True, gate=True).steps == ("declip", "gate", "lufs")


def test_seed_001_21_modules_have_their_names() -> None:
    for name, has in (
        ("normalizer", "limited"),
        ("noise_reducer", "NoiseReducer"),
        ("segmenter", "find_segments"),
        ("feature_extractor", "extract_features"),
        ("validation", "Preparation"),
        ("metrics", "Listener"),
    ):
        assert hasattr(import_module(f"karaoke_studio.preparation.{name}"), has)


def test_wrong_wishes_are_refused() -> None:
    Preparation(lufs=-16, rate=16_000, channels=1, highpass=80).check()
    for wrong in ({"lufs": 3.0}, {"rate": 100}, {"channels": 3}, {"highpass": 5000.0}):
        with pytest.raises(WrongPreparation, match=next(iter(wrong))):
            Preparation(**wrong).check()  # type: ignore[arg-type]


def test_sizes_of_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sample keeps its place where one block ends and the next begins."""
    spoilt = DEFECTS["clipping"][1](DEFECTS["hiss"][1](VOICE, RATE), RATE)
    wanted = {"declip": True, "declick": True, "denoise": True, "dereverb": True, "lufs": -14.0}
    at_once, _ = prepare(spoilt, tmp_path, **wanted)
    monkeypatch.setattr(chain, "BLOCK_FRAMES", 1 << 16)
    pieces, _ = prepare(spoilt, tmp_path, **wanted)
    # what is found about noise and the gain's last digits depend on where columns begin
    assert sdr_db(pieces, at_once) > 25


def test_a_stop_is_heard(tmp_path: Path) -> None:
    with RawFile.create(tmp_path / "in.f32", 1) as file:
        file.write(0, noise(2, RATE, 1).T)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        chain.prepare(
            tmp_path / "in.f32",
            tmp_path / "out.f32",
            {"sample_rate": RATE, "channels": 1},
            Preparation(denoise=True),
            lambda _: None,
            stop,
        )


@pytest.mark.parametrize("frames", [1, 999, 1000, 5000, 12_345])
def test_context(frames: int) -> None:
    """Work that adds both neighbours: no seam, no sample lost, silence around."""
    samples = noise(1, frames, 2, seed=frames).T
    padded = np.pad(samples, ((1, 1), (0, 0)))
    expected = padded[:-2] + padded[1:-1] + padded[2:]

    def work(block: FloatArray) -> FloatArray:
        around = np.pad(block, ((1, 1), (0, 0)))
        return around[:-2] + around[1:-1] + around[2:]

    pieces = np.array_split(samples, 7)
    made = np.concatenate(list(with_context(pieces, work, 50, 1000)))
    assert np.allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("share", [2, 4])
@pytest.mark.parametrize("frames", [1, 500, 512, 3001])
def test_columns_add_up_again(share: int, frames: int) -> None:
    samples = noise(1, frames, 1)[0]
    window = root_hann(512)
    columns = framed(samples, 512, 512 // share) * window
    assert np.allclose(joined(columns * window, 512 // share, frames), samples, atol=1e-6)


def test_the_level_of_noise_is_known() -> None:
    listener = Listener(RATE, 2, noise=True)
    listener.add(noise(8, RATE, level=0.01).T)
    found = listener.finish()
    assert found.noise_db == pytest.approx(-40, abs=1)
