"""Features of sounds whose pitch, level, rhythm and spectrum are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.audio.analysis import RATE
from karaoke_studio.cli import main
from karaoke_studio.errors import LimitExceeded, MissingFile
from karaoke_studio.preparation import feature_extractor as extractor
from karaoke_studio.preparation.feature_extractor import extract_features, write_features
from tests.helpers.signals import noise, sine, tune
from tests.helpers.street import write_song

COLUMNS = 1 + 3 * RATE // extractor.HOP


def test_a_tone() -> None:
    found = extract_features(sine(3, RATE, 440, 1, level=0.5)[0])
    inside = slice(5, -5)
    assert found["voiced"][inside].all()
    assert np.allclose(found["f0_hz"][inside], 440, rtol=0.01)
    assert np.allclose(found["rms"][inside], 0.5 / math.sqrt(2), rtol=0.02)
    assert np.allclose(found["spectral_centroid_hz"][inside], 440, rtol=0.02)
    assert np.allclose(found["zero_crossing_rate"][inside], 2 * 440 / RATE, rtol=0.03)
    assert found["spectral_flatness"][inside].max() < 0.01
    assert (found["chroma"][:, inside].argmax(axis=0) == 9).all(), "A"
    peak = found["spectrogram"][:, COLUMNS // 2].argmax()
    assert peak * RATE / extractor.N_FFT == pytest.approx(440, abs=RATE / extractor.N_FFT)
    shapes = {name: found[name].shape for name in ("spectrogram", "mel", "mfcc", "chroma")}
    assert shapes == {
        "spectrogram": (1025, COLUMNS),
        "mel": (128, COLUMNS),
        "mfcc": (20, COLUMNS),
        "chroma": (12, COLUMNS),
    }
    assert found["times_s"][-1] == pytest.approx(3, abs=0.03)
    for name in ("f0_hz", "voiced_probability", "rms", "onset_strength", "spectral_rolloff_hz"):
        assert found[name].shape == (COLUMNS,)


def test_noise_has_no_pitch() -> None:
    found = extract_features(noise(3, RATE, 1)[0])
    assert found["voiced"].mean() < 0.2
    assert np.isnan(found["f0_hz"][~found["voiced"]]).all()
    assert np.median(found["spectral_flatness"]) > 0.3


def test_silence_is_no_error() -> None:
    found = extract_features(np.zeros(RATE, np.float32))
    assert found["rms"].max() == 0
    assert found["tempo_bpm"] is None
    assert not found["voiced"].any()


def test_seed_001_08_steps_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    order = ("spectrogram", "mfcc", "pitch", "energy", "temporal", "spectral")
    assert tuple(name for name, _ in extractor.STEPS) == order
    ran: list[str] = []

    def told(name: str) -> tuple[str, object]:
        def step(_mono: object, _found: object) -> dict[str, object]:
            ran.append(name)
            return {"spectrogram": np.zeros((1025, 3))}

        return name, step

    monkeypatch.setattr(extractor, "STEPS", tuple(map(told, order)))
    shares: list[float] = []
    extract_features(np.zeros(RATE, np.float32), shares.append)
    assert tuple(ran) == order
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = sine(3, 48_000, 220, 2)
    return write_song(tmp_path_factory.mktemp("songs") / "tone.flac", samples, 48_000, "PCM_24")


def test_seed_001_03_files_and_the_cache(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(name: str) -> dict[str, object]:
        cache = tmp_path / "cache"
        return write_features(song, tmp_path / name, cache, lambda _: None, lambda: None)

    first = write("tone.npz")
    assert first["is_cached"] is False

    def broken(*_args: object) -> None:
        raise AssertionError("it is in the cache")

    monkeypatch.setattr(extractor, "extract_features", broken)
    assert write("tone.json")["is_cached"] is True
    with np.load(tmp_path / "tone.npz") as arrays:
        binary = {name: arrays[name] for name in arrays.files}
    plain = json.loads((tmp_path / "tone.json").read_text())
    assert set(binary) - set(plain) == {"spectrogram"}
    assert np.allclose(plain["mel"], binary["mel"], rtol=1e-4, atol=1e-12)
    assert [value is None for value in plain["f0_hz"]] == list(np.isnan(binary["f0_hz"]))
    assert plain["tempo_bpm"] is None
    again = write_song(tmp_path / "copy.flac", sine(3, 48_000, 220, 2), 48_000, "PCM_24")
    assert again.read_bytes() == song.read_bytes(), "the content counts, not the name"


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> None:
        write_features(path, tmp_path / "x.npz", tmp_path, lambda _: None, lambda: None)

    with pytest.raises(MissingFile):
        write(tmp_path / "none.mp3")
    monkeypatch.setattr(extractor, "LONGEST_S", 1)
    with pytest.raises(LimitExceeded, match="too long"):
        write(write_song(tmp_path / "a.wav", noise(2, 8000, 1), 8000, "PCM_16"))
    assert not (tmp_path / "x.npz").exists()


def test_seed_001_07_in_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A melody at a tempo and in a key, as a file; one that is broken fails alone."""
    melody = tune(9, minor=True, bpm=120, seconds=12, sample_rate=44_100, seed=1)
    song = write_song(tmp_path / "song.wav", melody, 44_100, "PCM_16")
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound")
    words = ["features", str(song), str(broken), "--json", "--npz", "--out", str(tmp_path / "out")]
    assert main([*words, "--data-dir", str(tmp_path / "data"), "--quiet"]) == 1
    printed = capsys.readouterr()
    made, failed = map(json.loads, printed.out.splitlines())
    assert made["status"] == "completed"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "song.features.json",
        "song.features.npz",
    ]
    found = json.loads((tmp_path / "out" / "song.features.json").read_text())
    assert found["key"] == "A minor"
    assert found["tempo_bpm"] == pytest.approx(120, abs=2)
    assert np.median(np.diff(found["beats_s"])) == pytest.approx(0.5, abs=0.03)
    assert failed["error"]["code"] == "FORMAT_UNSUPPORTED"
    assert "broken.mp3" in printed.err
