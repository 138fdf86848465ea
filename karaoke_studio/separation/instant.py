"""The built-in engine that needs no download: takes every song, however narrow."""

from __future__ import annotations

from karaoke_studio.separation.centre import CentreEngine
from karaoke_studio.separation.engine import (
    Check,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)


class InstantEngine:
    """The centre of the song."""

    name = "instant"
    sample_rate = None

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        """Write the vocals of `source`; see `Engine.separate`."""
        CentreEngine().separate(source, sink, facts, report, check)
