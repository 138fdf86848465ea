"""The manifest of a song: the truth about it, beside its files; the database is only an index.

<library>/<song id>/manifest.json
                    original.<ext>   the song as it was dropped (a copy)
                    cover.<ext>
                    takes/<take id>/vocals.flac, instrumental.flac, peaks
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.errors import LibraryDamaged
from karaoke_studio.job import JobResult
from karaoke_studio.staging import write_json_atomic

MANIFEST = "manifest.json"
FORMAT = 1
#: What the import pass found out and later jobs need again.
_FACTS = (
    "sample_rate",
    "channels",
    "source_channels",
    "frames",
    "bits",
    "is_lossy",
    "has_picture",
    "start_s",
    "mean",
    "std",
    "peak",
    "rms",
    "side_ratio",
    "sha256",
    "size_bytes",
)

Manifest = dict[str, Any]


@dataclass(frozen=True)
class NewTake:
    """A finished separation in staging, ready to become a song of the library.

    Attributes:
        job_id: of the job that made it; becomes the song's id.
        staging: the job's folder; what is adopted moves out of it.
        song: plain facts of the import pass.
        files: stem → FLAC in staging.
        sha256: stem → digest.
        peaks: waveforms of the stems, in staging.
        shift_bits: samples × 2^shift_bits are the real level.
        words: [[seconds or None, line], …].
        edit: what was changed of which older take (`fixes.Fix` and who made it); None = all is new.
    """

    job_id: str
    staging: Path
    song: dict[str, Any]
    files: dict[str, Path]
    sha256: dict[str, str]
    peaks: Path
    shift_bits: int
    result: JobResult
    words: list[list[Any]]
    edit: dict[str, Any] | None = None


def build_song_folder(take: NewTake, song_id: str) -> Path:
    """Arrange a staged take as a song folder, still inside staging, and return the folder.

    Raises:
        OSError: staging cannot be written.
    """
    take_id = uuid.uuid4().hex
    folder = take.staging / "song"
    build_take_folder(take, folder / "takes" / take_id)
    original, cover = take.song.get("copy"), take.song.get("cover")
    manifest: Manifest = {
        "format": FORMAT,
        "id": song_id,
        "revision": 1,
        "added_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "tags": take.song["tags"],
        "facts": {name: take.song[name] for name in _FACTS},
        "source_name": take.result.input.name,
        "original": None,
        # the person's own file, where no copy of it is kept
        "linked": None if original else str(take.result.input.absolute()),
        "cover": None,
        "current_take": take_id,
        "takes": {take_id: take_entry(take)},
        "words": take.words,
    }
    if original:
        suffix = Path(original).suffix
        name = "original" + (suffix if suffix.isascii() else "")
        (take.staging / original).rename(folder / name)
        manifest["original"] = name
    if cover:
        (take.staging / cover).rename(folder / cover)
        manifest["cover"] = cover
    write_json_atomic(folder / MANIFEST, manifest)
    return folder


def build_take_folder(take: NewTake, folder: Path) -> None:
    """Move a take's files into a folder to make.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True)
    for stem, path in take.files.items():
        path.rename(folder / f"{stem}{path.suffix}")
    take.peaks.rename(folder / "peaks")


def take_entry(take: NewTake) -> dict[str, Any]:
    """Return what a manifest says about a take."""
    result = take.result
    return {
        "engine": result.engine,
        "device": result.device,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "shift_bits": take.shift_bits,
        "stems": {
            stem: {"file": f"{stem}{path.suffix}", "sha256": take.sha256[stem]}
            for stem, path in take.files.items()
        },
        "null_test_db": result.null_test_db,
        "null_exact": result.null_exact,
        "processing_time_s": round(result.processing_time_s, 3),
        "notes": list(result.notes),
    }


def read_manifest(folder: Path) -> Manifest:
    """Read a song's manifest.

    Raises:
        LibraryDamaged: it is missing, cut off, or not the manifest of this folder.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if data["format"] <= FORMAT:
            _require_own_names(data, folder)
            return dict(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise LibraryDamaged(
            f"The song in {folder.name} cannot be read.", hint="Add the song once more."
        ) from exc
    raise LibraryDamaged(f"The song in {folder.name} was made by a newer version.")


#: What a person decided about a song, and what its value is where nothing was decided.
_DECIDED: dict[str, Any] = {
    "favourite": False,
    "rating": 0,
    "remark": "",
    "labels": [],
    "colour": "",
    "mix": {},
    "analysis": None,
    "played_at": None,
    "play_count": 0,
}
_KINDS: dict[str, tuple[type, ...]] = {
    "favourite": (bool,),
    "rating": (int,),
    "remark": (str,),
    "labels": (list,),
    "colour": (str,),
    "mix": (dict,),
    "analysis": (dict,),
    "played_at": (str,),
    "play_count": (int,),
}
RATINGS = range(6)
#: What a person can mark songs with.
COLOURS = ("red", "amber", "green", "teal", "blue", "violet", "pink")


def decided_of(manifest: Manifest) -> dict[str, Any]:
    """Return what a person decided about a song; values of a wrong kind count as undecided."""
    decided = manifest.get("decided")
    known = decided if isinstance(decided, dict) else {}
    found = {
        name: known[name] if isinstance(known.get(name), _KINDS[name]) else default
        for name, default in _DECIDED.items()
    }
    if found["rating"] not in RATINGS:
        found["rating"] = 0
    if found["colour"] not in COLOURS:
        found["colour"] = ""
    return found


def _require_own_names(data: Manifest, folder: Path) -> None:
    """Refuse a manifest that names files outside its folder, or is a copy of another song's."""
    names = [data["current_take"], data["original"], data["cover"]]
    if data["id"] != folder.name or not data["takes"][data["current_take"]]:
        raise ValueError("the manifest belongs to another folder")
    for name in names:
        if name is not None and (name in {"", ".", ".."} or set(name) & set("/\\:\0")):
            raise ValueError("the manifest names a file outside its folder")
