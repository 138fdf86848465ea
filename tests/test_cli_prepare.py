"""`prepare` in a terminal: new files, the old ones as they were, and what went wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from mutagen.flac import FLAC

from karaoke_studio.cli import main
from karaoke_studio.job import OutputSpec
from karaoke_studio.preparation.validation import Preparation
from karaoke_studio.preparing import NAME, run_preparation
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Worker
from tests.helpers.signals import noise, sine
from tests.helpers.street import write_song

RATE = 22_050


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    samples = sine(3, RATE, 330, level=0.2) + noise(3, RATE, level=0.01)
    path = write_song(tmp_path / "demo.flac", samples, RATE, "PCM_24")
    tagged = FLAC(path)
    tagged["TITLE"] = "Demo"
    tagged["ARTIST"] = "Ada"
    tagged.save()
    return path


def run(words: list[str], folder: Path) -> int:
    return main(["prepare", *words, "--data-dir", str(folder / "data"), "--quiet"])


def test_in_a_terminal(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All steps; a broken file fails alone; nothing is written over."""
    before = recording.read_bytes()
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound")
    steps = "--lufs -16 --rate 16000 --channels 1 --drc --denoise --dehum --declick --declip"
    steps += " --dereverb --highpass 80 --gate --trim-silence --format wav --json"
    out = tmp_path / "out"
    words = [str(recording), str(broken), *steps.split(), "--out", str(out)]
    assert run(words, tmp_path) == 1
    made, failed = map(json.loads, capsys.readouterr().out.splitlines())
    assert made["status"] == "completed"
    assert made["lufs"] == pytest.approx(-16, abs=0.5)
    assert made["steps"][0] == "declip"
    path = Path(made["path"])
    assert path.name == "demo (Clean).wav"
    samples, rate = sf.read(path, always_2d=True)
    assert (rate, samples.shape[1]) == (16_000, 1)
    assert made["duration_s"] == pytest.approx(len(samples) / rate, abs=1e-3)
    assert failed["error"]["code"] == "FORMAT_UNSUPPORTED"
    assert recording.read_bytes() == before
    assert [entry.name for entry in out.iterdir()] == [path.name]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker("transfer")
    yield made
    made.close()


def test_nothing_is_written_over(recording: Path, tmp_path: Path, worker: Worker) -> None:
    before = recording.read_bytes()
    output = OutputSpec(tmp_path, name="{base}", overwrite=True)
    wanted, stop = Preparation(channels=1), threading.Event()

    def make(output: OutputSpec) -> Path:
        made = run_preparation(recording, wanted, output, worker, lambda _: None, stop)
        return made.path

    assert make(output).name == "demo (2).flac", "never the recording itself"
    assert recording.read_bytes() == before
    assert FLAC(tmp_path / "demo (2).flac")["ARTIST"] == ["Ada"]
    assert make(replace(output, overwrite=False)).name == "demo (3).flac"


@pytest.mark.parametrize(
    "wrong", ["--lufs 3", "--lufs loud", "--rate 100", "--channels 3", "--highpass 5000"]
)
def test_wrong_usage(
    wrong: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run([str(recording), *wrong.split()], tmp_path)
    assert ended.value.code == 2
    assert wrong.split()[0] in capsys.readouterr().err


def test_a_template_that_cannot_be(recording: Path, tmp_path: Path) -> None:
    assert run([str(recording), "--denoise", "--name", "{nothing}"], tmp_path) == 2


def test_a_stop_leaves_nothing_behind(recording: Path, tmp_path: Path, worker: Worker) -> None:
    stop, out = threading.Event(), tmp_path / "out"
    out.mkdir()

    def report(share: float) -> None:
        if share > 0.2:
            stop.set()

    wanted, output = Preparation(denoise=True), OutputSpec(out, name=NAME)
    with pytest.raises(Cancelled):
        run_preparation(recording, wanted, output, worker, report, stop)
    assert list(out.iterdir()) == []


def test_steps_that_push_peaks_up_do_not_clip(tmp_path: Path, worker: Worker) -> None:
    """Without a level that is asked for, a restored peak above full scale makes all quieter."""
    loud = np.clip(2 * sine(3, RATE, 330, level=0.9), -1, 1)
    path = write_song(tmp_path / "loud.wav", loud, RATE, "PCM_24")
    output, stop = OutputSpec(tmp_path, name=NAME), threading.Event()
    made = run_preparation(path, Preparation(declip=True), output, worker, lambda _: None, stop)
    samples, _ = sf.read(made.path, always_2d=True)
    flat = np.isclose(np.abs(samples), np.abs(samples).max(), atol=1e-6).mean()
    assert flat < 0.01
    assert np.abs(samples).max() <= 1
