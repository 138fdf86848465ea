"""Fast and turbo down the whole street: measured once, in the children, with promises kept."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demucs.hdemucs import HDemucs

from karaoke_studio.job import JobSpec, NetworkChoice, OutputSpec
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.calibration import CalibrationRecord, Trial
from karaoke_studio.worker import calibration
from karaoke_studio.worker.calibration import known_trials
from karaoke_studio.worker.host import Workers
from karaoke_studio.worker.network import likely_role, measure_now, mode_for
from tests.helpers.models import make_net, write_bag
from tests.helpers.signals import noise
from tests.helpers.street import read_floats, write_song
from tests.separation.test_demucs_engine import snr_db

RATE = 44_100


class Studio:
    """Warm workers, a model of each kind, and a song."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_bag(folder / "models", "htdemucs", [make_net()])
        write_bag(folder / "models", "hdemucs_mmi", [make_net(HDemucs)])
        self.song = write_song(folder / "song.wav", noise(1.4, RATE, level=0.05), RATE, "PCM_16")
        self.workers = Workers.create(folder)
        self.said: list[str] = []
        self.measure: Any = measure_now(self.said.append, folder)
        self.made = 0

    def choice(self, mode: str = "fast", **how: Any) -> NetworkChoice:
        return NetworkChoice((self.folder / "models",), mode=mode, device="cpu", threads=1, **how)

    def make(self, mode: str, engine: str = "htdemucs", stop: Any = None, **how: Any) -> Any:
        self.made += 1
        out = self.folder / f"out{self.made}"
        out.mkdir()
        spec = JobSpec(
            f"{self.made:02x}",
            self.song,
            engine,
            ("vocals",),
            OutputSpec(out, "wav", "32f"),
            self.choice(mode, **how),
        )
        around = Surroundings(self.workers, data=self.folder / "data", measure=self.measure)
        stop = stop or threading.Event()
        result = run_job(spec, output_workdir(spec), lambda _progress: None, stop, around)
        return read_floats(result.vocals_path)[0]

    def question(self, model: str = "htdemucs") -> dict[str, Any]:
        """What the children are asked for a model."""
        folders = [str(self.folder / "models")]
        return {"model": model, "folders": folders, "data": str(self.folder / "data")}

    def pretend(self, *trials: Trial, model: str = "htdemucs") -> None:
        """Have something else been measured."""
        key = calibration._key(self.question(model), 1)
        assert key is not None, "the model was never used"
        CalibrationRecord(self.folder / "data").put(key, trials)


def runtimes_of(pid: int | None) -> set[str]:
    """Return which network runtimes a process has loaded."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {name for name in ("libtorch_cpu", "libopenvino") if f"/{name}." in maps}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("modes"))
    yield studio
    studio.workers.close()


def test_what_is_quickest_is_measured_once_and_told(studio: Studio) -> None:
    (studio.folder / "data" / "calibration.json").unlink(missing_ok=True)
    studio.said.clear()
    exact = studio.make("exact")
    assert studio.said == []
    fast = studio.make("fast")
    assert len(studio.said) == 1
    assert "htdemucs" in studio.said[0]
    trials = known_trials(studio.question(), 1)
    assert trials is not None
    ways = {trial.way: trial for trial in trials}
    assert {"torch-f32", "openvino-f32"} <= ways.keys()
    assert all(trial.seconds > 0 and not trial.problem for trial in trials)
    assert ways["torch-f32"].snr_db >= 110
    assert ways["openvino-f32"].snr_db >= 60
    assert snr_db(fast, exact) >= 60
    studio.make("turbo")
    assert len(studio.said) == 1, "it is measured once"


def test_a_converted_network_runs_in_a_child_of_its_own(studio: Studio) -> None:
    exact = studio.make("exact")
    studio.pretend(Trial("openvino-f32", 0.1, 90.0), Trial("torch-f32", 0.2, 120.0))
    studio.workers.openvino.close()
    studio.workers.engine.close()
    studio.workers = Workers.create(studio.folder)
    fast = studio.make("fast")
    assert studio.workers.openvino.pid is not None
    assert studio.workers.engine.pid is None, "torch was loaded beside it"
    assert 60 <= snr_db(fast, exact) < 150
    if sys.platform.startswith("linux"):
        assert runtimes_of(studio.workers.openvino.pid) == {"libopenvino"}
        studio.make("exact")
        assert runtimes_of(studio.workers.engine.pid) == {"libtorch_cpu"}
    folders = list((studio.folder / "data" / "cache" / "openvino" / "htdemucs").iterdir())
    assert len(folders) == 1
    # damaged behind the program's back: made again
    (weights,) = folders[0].glob("*.bin")
    weights.write_bytes(weights.read_bytes()[:-4])
    studio.workers.close()
    studio.workers = Workers.create(studio.folder)
    np.testing.assert_array_equal(studio.make("fast"), fast)


def test_a_way_that_fails_is_left_for_the_exact_one(studio: Studio) -> None:
    exact = studio.make("exact", "hdemucs_mmi")
    studio.pretend(Trial("openvino-f32", 0.1, 90.0), model="hdemucs_mmi")
    # networks of that kind cannot be converted
    np.testing.assert_array_equal(studio.make("fast", "hdemucs_mmi"), exact)
    (struck,) = known_trials(studio.question("hdemucs_mmi"), 1) or ()
    assert struck.problem == "MODEL_REFUSED"


def test_where_nothing_may_be_measured_a_song_is_exact(studio: Studio) -> None:
    studio.make("exact")
    (studio.folder / "data" / "calibration.json").unlink(missing_ok=True)
    measure, studio.measure = studio.measure, lambda *_args: None
    try:
        exact = studio.make("exact")
        np.testing.assert_array_equal(studio.make("fast"), exact)
    finally:
        studio.measure = measure


def test_a_song_cancelled_while_it_is_measured_keeps_nothing(studio: Studio) -> None:
    studio.make("exact")
    (studio.folder / "data" / "calibration.json").unlink(missing_ok=True)
    stop = threading.Event()
    measure = measure_now(lambda _text: stop.set(), studio.folder)
    before, studio.measure = studio.measure, measure
    try:
        with pytest.raises(Cancelled):
            studio.make("fast", stop=stop)
    finally:
        studio.measure = before
    assert known_trials(studio.question(), 1) is None


def test_the_quality_decides_where_no_mode_was_chosen(studio: Studio) -> None:
    choice = studio.choice("auto")
    modes = [mode_for(choice, quality) for quality in ("draft", "normal", "best")]
    assert modes == ["turbo", "fast", "exact"]
    assert mode_for(studio.choice("reference"), "draft") == "reference"


def test_the_right_child_is_started_ahead(studio: Studio) -> None:
    studio.make("exact")
    studio.pretend(Trial("openvino-f32", 0.1, 90.0))
    assert likely_role(studio.question(), studio.choice(), "fast") == "openvino"
    assert likely_role(studio.question(), studio.choice(), "exact") == "engine"
    assert likely_role(studio.question("nobody"), studio.choice(), "fast") == "engine"
    on_card = NetworkChoice((), mode="fast", device="cuda:0")
    assert likely_role(studio.question(), on_card, "fast") == "engine"
