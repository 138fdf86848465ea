"""What the window is told about a job of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobState


@dataclass(frozen=True)
class JobView:
    """A job as the window shows it.

    Attributes:
        engine: what it will be made with, "" where that is not known.
        is_makeshift: the built-in engine stands in for a model that is not installed.
    """

    job_id: str
    path: Path
    title: str
    state: JobState
    error: KaraokeError | None = None
    engine: str = ""
    is_makeshift: bool = False


@dataclass(frozen=True)
class JobDescription:
    """What is known about a song as soon as its file was opened."""

    title: str
    artist: str
    cover_path: Path | None
    duration_s: float
