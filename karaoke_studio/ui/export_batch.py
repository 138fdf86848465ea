"""Songs that are exported together, and how they fare."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult, in_order
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Progress
from karaoke_studio.ui import messages, text

#: Before so much is done, nobody can say how long the rest takes.
_TELLING_SHARE = 0.02


def written_files(result: JobResult) -> list[Path]:
    """Return the files of an export."""
    stems = sorted(in_order(result.stem_paths), key=lambda stem: stem != "instrumental")
    paths = [result.stem_paths[stem] for stem in stems]
    return paths if result.video_path is None else [*paths, result.video_path]


@dataclass
class ExportBatch:
    """What one press of the button has set going.

    Attributes:
        songs: export id → song, in the order in which they are written.
        waiting: ids of those that are not over.
        files: what was written.
        failed: songs that could not be exported, and why.
        is_cancelled: the person has stopped it.
    """

    songs: dict[str, Song]
    waiting: set[str] = field(default_factory=set)
    files: list[Path] = field(default_factory=list)
    failed: list[tuple[Song, KaraokeError]] = field(default_factory=list)
    is_cancelled: bool = False
    _shares: dict[str, float] = field(default_factory=dict)
    _eta_s: float | None = None
    _began_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.waiting = set(self.songs)

    def advance(self, export_id: str, progress: Progress) -> None:
        """Take in how far one song is."""
        self._shares[export_id] = progress.overall_fraction
        self._eta_s = progress.eta_s

    def settle(self, export_id: str) -> None:
        """Take in that one song is over, however it ended."""
        self.waiting.discard(export_id)
        self._shares[export_id] = 1.0

    def fraction(self) -> float:
        """Return how much of all songs is done, 0…1."""
        return sum(self._shares.values()) / len(self.songs)

    def state(self) -> str:
        """Return how far it is, in words."""
        done = self.fraction()
        if len(self.songs) == 1:
            return text.joined(text.percent(done), text.time_left(self._eta_s))
        spent_s = time.monotonic() - self._began_s
        left_s = spent_s * (1 - done) / done if done >= _TELLING_SHARE else None
        place = min(len(self.songs) - len(self.waiting) + 1, len(self.songs))
        return text.joined(
            f"Song {place} of {len(self.songs)}", text.percent(done), text.time_left(left_s)
        )

    def outcome(self) -> str:
        """Return what came of it, in words."""
        written = ""
        if self.files:
            folder = self.files[0].parent
            written = text.exported(len(self.files), folder.name or str(folder))
        if self.is_cancelled:
            return f"Cancelled. {written or 'Nothing was written.'}"
        if not self.failed:
            return written
        song, error = self.failed[0]
        reason = messages.export_failure(error).sentence
        if len(self.songs) == 1:
            return reason
        others = len(self.failed) - 1
        more = f" So it went with {text.counted(others, 'other song')}." if others else ""
        title = text.one_line(song.title)
        return f"{written} “{title}” could not be exported: {reason}{more}".strip()
