"""What a person wants of a stretch of a song, as a job of the queue."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from karaoke_studio.fixes import Fix
from karaoke_studio.job import STEMS, JobSpec
from karaoke_studio.library.songs import Song

#: A careful redo shares half of each chunk with its neighbour and takes the mean of two passes.
CAREFUL_OVERLAP, CAREFUL_SHIFTS = 0.5, 2


@dataclass(frozen=True)
class FixWish:
    """A fix, and who makes the voice anew.

    Attributes:
        engine: a named one; only looked at where the fix redoes.
        careful: more overlap and passes; only networks look at it.
    """

    fix: Fix
    engine: str
    careful: bool = False


def fix_job(plan: JobSpec, song: Song, wish: FixWish, title: str) -> JobSpec:
    """Return the job of a fix.

    Args:
        plan: what a new job would be.
        song: of the library.
        wish: what is to be done.
        title: what the job is called.
    """
    network = plan.network
    if wish.careful:
        network = replace(network, overlap=CAREFUL_OVERLAP, shifts=CAREFUL_SHIFTS)
    return replace(
        plan,
        job_id=uuid.uuid4().hex,
        input=song.original_path or song.vocals_path,
        engine=wish.engine if wish.fix.redo else song.engine,
        stems=STEMS,
        network=network,
        quality="best",
        song_id=song.id,
        title=title,
        draft=False,
        fix=wish.fix,
    )
