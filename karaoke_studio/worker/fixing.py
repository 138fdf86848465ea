"""The task of a *media* child that makes a new take of an older one and a fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from karaoke_studio.worker.child import TaskContext


def write_fix(args: dict[str, Any], context: TaskContext) -> dict[str, Any]:
    """Write the take that a fix makes.

    Args:
        args: `staging` with `original.f32` and `vocals.f32` of the clip that begins at frame
            `offset`; `song` (facts), `fix`, `shift_bits`, `old` and `files` (stem → FLAC of the
            take as it is, and to write), `peaks` (to write).
        context: of this task.

    Returns:
        What `media.write_pair` returns.
    """
    from karaoke_studio.audio.pair import digest
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.audio.splice import Splice, prove_spliced, write_spliced
    from karaoke_studio.fixes import Fix
    from karaoke_studio.staging import VOCALS

    staging, song, fix = Path(args["staging"]), args["song"], Fix.from_json(args["fix"])
    old, files = ({s: Path(p) for s, p in args[name].items()} for name in ("old", "files"))
    voice = _reshaped(staging, song, fix, args["offset"], context) if fix.reshapes else VOCALS
    shape = {name: song[name] for name in ("frames", "sample_rate")}
    splice = Splice(fix.start, fix.stop, args["offset"], shift_bits=args["shift_bits"], **shape)
    with RawFile.open(staging / voice, song["channels"]) as new:
        write_spliced(splice, old, new, files, context.report, context.check)
    peaks = Path(args["peaks"])
    test = prove_spliced(splice, old, files, peaks, context.report, context.check)
    return {
        "gain": 2.0**-splice.shift_bits,
        "null_test_db": test.level_db,
        "null_exact": test.is_exact,
        "sha256": {stem: digest(path) for stem, path in files.items()},
        "notes": [],
        "sample_rate": song["sample_rate"],
    }


def _reshaped(
    staging: Path, song: dict[str, Any], fix: Any, offset: int, context: TaskContext
) -> str:
    """Reshape the staged voice; return the name of the file."""
    from karaoke_studio.audio.raw import RawFile
    from karaoke_studio.separation.reshaping import Reshaper
    from karaoke_studio.staging import ORIGINAL, VOCALS
    from karaoke_studio.worker.media import StagedReader

    name, rate, channels = "reshaped.f32", song["sample_rate"], song["channels"]
    with (
        RawFile.open(staging / VOCALS, channels) as voice,
        RawFile.open(staging / ORIGINAL, channels) as whole,
        RawFile.create(staging / name, channels, voice.frames) as made,
    ):
        reshaper = Reshaper(fix, offset, rate)
        own, song_reader = StagedReader(voice, rate), StagedReader(whole, rate)
        for start, block in reshaper.blocks(own, song_reader, context.check):
            made.write(start, block.T)
    return name
