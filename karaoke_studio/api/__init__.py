"""Karaoke from Python: songs and arrays in, stems out.

    from karaoke_studio.api import Separator

    with Separator() as separator:
        stems = separator.separate("song.mp3")
        stems.vocals, stems.instrumental     # float32 (channels, frames), stems.sample_rate Hz

`resources/docs/api.md` has more examples. Everything that touches sound runs in child processes, as
in the window; importing this module loads neither Qt nor torch. What is named here stays.
"""

from karaoke_studio.api.files import FileService
from karaoke_studio.api.seeds import (
    AudioProcessingError,
    StopProcessingError,
    job_progress,
    remove_vocals,
    separate_audio,
)
from karaoke_studio.api.separator import PROFILES, Piece, Separator, Stems, separate_files
from karaoke_studio.audio.metrics import (
    QualityMetrics,
    calculate_quality_metrics,
    calculate_quality_score,
)
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult
from karaoke_studio.progress import Cancelled, Progress

__all__ = [
    "PROFILES",
    "AudioProcessingError",
    "Cancelled",
    "FileService",
    "JobResult",
    "KaraokeError",
    "Piece",
    "Progress",
    "QualityMetrics",
    "Separator",
    "Stems",
    "StopProcessingError",
    "calculate_quality_metrics",
    "calculate_quality_score",
    "job_progress",
    "remove_vocals",
    "separate_audio",
    "separate_files",
]
