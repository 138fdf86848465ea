"""Finished separations, as a job hands them to the library, without any sound in them."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

from karaoke_studio.job import JobResult
from karaoke_studio.library.manifest import NewTake

FACTS: dict[str, Any] = {
    "sample_rate": 44_100,
    "channels": 2,
    "source_channels": 2,
    "frames": 88_200,
    "bits": 16,
    "is_lossy": False,
    "has_picture": False,
    "start_s": 0.0,
    "mean": 0.0,
    "std": 0.1,
    "peak": 0.9,
    "rms": 0.1,
    "side_ratio": 0.2,
    "sha256": "ab" * 32,
    "size_bytes": 1234,
}
STEMS = ("vocals", "instrumental")


def make_take(
    staging: Path,
    job_id: str | None = None,
    *,
    name: str = "song.mp3",
    words: list[list[Any]] | None = None,
    cover: str | None = "cover.jpg",
    copy: str | None = "copy.mp3",
    **tags: str,
) -> NewTake:
    """Write the files of a take into a job's folder below `staging`."""
    job_id = job_id or uuid.uuid4().hex
    folder = staging / job_id
    folder.mkdir(parents=True, exist_ok=True)
    for stem in STEMS:
        (folder / f"{stem}.flac").write_bytes(stem.encode())
    (folder / "peaks").write_bytes(b"peaks")
    for extra in (cover, copy):
        if extra:
            (folder / extra).write_bytes(os.fsencode(extra))
    result = JobResult(
        input=Path("/music") / name,
        title=tags.get("title", "Song"),
        artist=tags.get("artist", ""),
        engine="centre",
        duration_s=2.0,
        sample_rate=44_100,
        channels=2,
        processing_time_s=0.5,
        model_load_s=0.0,
        null_test_db=-200.0,
        null_exact=True,
        gain_db=0.0,
        notes=("truncated:0:02",),
    )
    return NewTake(
        job_id=job_id,
        staging=folder,
        song={**FACTS, "tags": {"title": "Song", **tags}, "cover": cover, "copy": copy},
        files={stem: folder / f"{stem}.flac" for stem in STEMS},
        sha256=dict.fromkeys(STEMS, "cd" * 32),
        peaks=folder / "peaks",
        shift_bits=1,
        result=result,
        words=words or [],
    )
