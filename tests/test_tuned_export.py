"""What is heard in another key and tempo is what is written, sample by sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from karaoke_studio import notes
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.audio.tune import Tune
from karaoke_studio.job import MIX, JobSpec, OutputSpec
from karaoke_studio.playback.feeder import Feeder
from karaoke_studio.staging import ORIGINAL
from karaoke_studio.worker.media import restore_take
from tests.audio.test_rubber_band import needs_library
from tests.playback.conftest import Take

RATE = 44_100


class Context:
    """As much of a task's context as this one uses."""

    def __init__(self) -> None:
        self.fractions: list[float] = []

    def check(self) -> None:
        """Nobody cancels."""

    def report(self, fraction: float) -> None:
        self.fractions.append(fraction)


def heard(take: Take, tune: Tune) -> np.ndarray[Any, Any]:
    """What the player's feeder makes of a take: float32 (stems, channels, frames)."""
    feeder = Feeder(take.files)
    ring = feeder.start(0, ticket=1, sample_rate=RATE, tune=tune)
    parts = []
    while not ring.is_drained:
        feeder.fill()
        out = np.zeros((ring.stems, 2, ring.available), np.float32)
        ring.take(out)
        parts.append(out)
    feeder.close()
    return np.concatenate(parts, axis=2)


def staged(path: Path) -> np.ndarray[Any, Any]:
    with RawFile.open(path, 2) as file:
        return file.read(0, file.frames).T


@pytest.fixture
def take(tmp_path: Path) -> Take:
    rng = np.random.default_rng(2)
    stems = rng.integers(-(2**20), 2**20, (3, 2, round(4.3 * RATE)))
    return Take(tmp_path / "take", stems, RATE)


def restored(
    take: Take, folder: Path, tune: Tune | None, region: tuple[int, int] | None = None
) -> tuple[dict[str, Any], Context]:
    folder.mkdir()
    context = Context()
    shape = {"channels": 2, "frames": take.files.frames, "sample_rate": RATE, "cover": None}
    done = restore_take(
        {
            "staging": str(folder),
            "song": shape,
            "stems": {stem: str(path) for stem, path in take.files.stems.items()},
            "parts": ["vocals"],
            "gains": {"vocals": (0.25, 0.125), "drums": (1.0, 1.0), "bass": (0.5, 0.5)},
            "shift_bits": 0,
            "cover": None,
            "tune": tune.to_plain() if tune else {},
            "region": region,
        },
        context,  # type: ignore[arg-type]
    )
    return done, context


@needs_library
@pytest.mark.parametrize("tune", [Tune(-2, 0.9), Tune(3.5), Tune(0, 1.3, keeps_formants=True)])
def test_the_files_are_what_is_heard(take: Take, tmp_path: Path, tune: Tune) -> None:
    folder = tmp_path / "staging"
    done, context = restored(take, folder, tune)
    played = heard(take, tune)
    assert done["frames"] == played.shape[2] == round(take.files.frames / tune.tempo)
    assert context.fractions[-1] == 1.0
    np.testing.assert_array_equal(staged(folder / "vocals.f32"), played[0])
    np.testing.assert_allclose(staged(folder / ORIGINAL), played.sum(axis=0), atol=2e-7)
    sides = np.array([[0.25], [0.125]], np.float32)
    mixed = sides * played[0] + played[1] + 0.5 * played[2]
    np.testing.assert_allclose(staged(folder / f"{MIX}.f32"), mixed, atol=2e-7)


def test_as_recorded_nothing_changes(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "staging"
    done, _ = restored(take, folder, None)
    assert done["frames"] == take.files.frames
    np.testing.assert_array_equal(staged(folder / ORIGINAL), take.original)
    np.testing.assert_array_equal(staged(folder / "vocals.f32"), take.vocals)


@pytest.mark.parametrize(
    "region", [(0, 1), (70_000, 140_001), (65_536, 131_072), (189_000, 189_630)]
)
def test_a_part_is_these_frames_and_no_others(
    take: Take, tmp_path: Path, region: tuple[int, int]
) -> None:
    folder = tmp_path / "staging"
    done, context = restored(take, folder, None, region)
    part = slice(*region)
    assert done["frames"] == region[1] - region[0]
    assert context.fractions[-1] == 1.0
    np.testing.assert_array_equal(staged(folder / ORIGINAL), take.original[:, part])
    np.testing.assert_array_equal(staged(folder / "vocals.f32"), take.vocals[:, part])


@needs_library
def test_a_part_in_another_tempo_is_as_long_as_it_sounds(take: Take, tmp_path: Path) -> None:
    done, _ = restored(take, tmp_path / "staging", Tune(-2, 0.8), (20_000, 100_000))
    assert done["frames"] == 100_000


def test_a_job_keeps_its_part(tmp_path: Path) -> None:
    spec = JobSpec("ab", Path("song"), output=OutputSpec(tmp_path), region=(5, 9))
    assert JobSpec.from_json(json.loads(json.dumps(spec.to_json()))).region == (5, 9)
    assert JobSpec.from_json(JobSpec("ab", Path("song")).to_json()).region is None


def test_a_job_keeps_its_tune(tmp_path: Path) -> None:
    tune = Tune(-2, 0.9).to_plain()
    spec = JobSpec("ab", Path("song"), output=OutputSpec(tmp_path), tune=tune)
    assert JobSpec.from_json(spec.to_json()).tune == tune
    assert JobSpec.from_json({**JobSpec("ab", Path("song")).to_json()}).tune == {}


def test_a_video_says_that_its_tempo_stayed() -> None:
    assert "tempo" in notes.describe(notes.TEMPO_KEPT)
