from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from karaoke_studio.job import JobResult, JobSpec, OutputSpec

RESULT = JobResult(
    input=Path("/m/a.mp3"),
    title="A",
    artist="B",
    engine="centre",
    duration_s=61.0,
    sample_rate=44_100,
    channels=2,
    processing_time_s=2.0,
    model_load_s=0.0,
    null_test_db=-200.0,
    null_exact=True,
    gain_db=0.0,
)
#: The keys that `make --json` promises for a completed song.
KEYS = {
    "input",
    "status",
    "vocals_path",
    "instrumental_path",
    "title",
    "artist",
    "engine",
    "duration_s",
    "sample_rate",
    "channels",
    "processing_time_s",
    "model_load_s",
    "realtime_factor",
    "null_test_db",
    "null_exact",
    "gain_db",
    "notes",
}


@pytest.mark.parametrize(
    "spec",
    [
        JobSpec("a1", Path("song.mp3")),
        JobSpec("a2", Path("/m/שיר 🎤.flac"), "centre", ("vocals",)),
        JobSpec("a3", Path("/m/\udcff.mp3"), output=OutputSpec(Path("/out\udcfe"))),
        JobSpec("a5", Path("song.mp3"), quality="draft", keep_original=False),
        JobSpec(
            "a4",
            Path("-x.wav"),
            output=OutputSpec(Path("o"), "mp3", "16", 320, "{title} {stem}", True, True),
        ),
    ],
)
def test_specs_survive_json(spec: JobSpec) -> None:
    assert JobSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_result_has_the_promised_keys() -> None:
    data = RESULT.to_json()
    assert set(data) >= KEYS
    assert data["status"] == "completed"
    assert data["realtime_factor"] == 30.5
    assert data["vocals_path"] is None
    assert "song_id" not in data
    json.dumps(data, allow_nan=False)


def test_a_job_without_duration_has_no_speed() -> None:
    assert replace(RESULT, processing_time_s=0.0).to_json()["realtime_factor"] is None


def test_a_song_of_the_library_is_named() -> None:
    assert replace(RESULT, song_id="f" * 32).to_json()["song_id"] == "f" * 32
