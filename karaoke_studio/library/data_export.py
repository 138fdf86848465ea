"""A person's data in plain files: every song's facts as JSON and CSV, set lists, and the songs."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from karaoke_studio.errors import LibraryDamaged, error_from_os
from karaoke_studio.library.copying import copy_file
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.playlists import FILE as PLAYLISTS
from karaoke_studio.library.songs import Song
from karaoke_studio.names import safe_name

_HINT = "Check that disk, or choose another."
COLUMNS = (
    *("title", "artist", "album", "length_s", "engine", "rating", "favourite", "tags", "colour"),
    *("plays", "last_played", "added", "key", "bpm", "lufs", "notes", "file", "id"),
)


def export_data(
    songs: Sequence[Song],
    library: Path,
    into: Path,
    *,
    with_sound: bool,
    report: Callable[[float], None] = lambda _share: None,
    check: Callable[[], None] = lambda: None,
) -> Path:
    """Write a folder with everything that is known, and the songs' files where they are wanted.

    Args:
        songs: what is written.
        library: where their set lists are.
        into: the new folder is made in it.
        with_sound: also copy originals and stems, in a folder for each song.
        report: told 0…1.
        check: called often; may raise to end it; what was written stays.

    Returns:
        The new folder.

    Raises:
        KaraokeError: it cannot be written.
    """
    folder = _free(into / f"Karaoke Studio data {time.strftime('%Y-%m-%d')}")
    try:
        folder.mkdir(parents=True)
        facts = [_facts(song) for song in songs]
        _write_json(folder / "songs.json", facts)
        _write_csv(folder / "songs.csv", facts)
        if (library / PLAYLISTS).is_file():
            copy_file(library / PLAYLISTS, folder / "set lists.json", lambda _size: check(), _HINT)
        for number, song in enumerate(songs if with_sound else ()):
            check()
            _copy_song(song, folder / "songs", check)
            report((number + 1) / len(songs))
    except OSError as exc:
        raise error_from_os(exc, into, writing=True) from exc
    report(1.0)
    return folder


def _free(wanted: Path) -> Path:
    """Return the path, or the first one with a number behind it that is not there yet."""
    number, path = 1, wanted
    while path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.name} ({number})")
    return path


def _facts(song: Song) -> dict[str, Any]:
    try:
        words = read_manifest(song.folder).get("words") or []
    except LibraryDamaged:
        words = []
    return {
        "title": song.title,
        "artist": song.artist,
        "album": song.album,
        "length_s": round(song.duration_s, 3),
        "engine": song.engine,
        "rating": song.rating,
        "favourite": song.favourite,
        "tags": list(song.labels),
        "colour": song.colour,
        "plays": song.play_count,
        "last_played": song.played_at,
        "added": song.added_at,
        "key": song.key,
        "bpm": song.bpm,
        "lufs": song.lufs,
        "notes": song.remark,
        "file": song.linked or song.original or "",
        "id": song.id,
        "stems": list(song.stems),
        "mix": song.mix,
        "words": words,
    }


def _write_json(path: Path, facts: list[dict[str, Any]]) -> None:
    data = {"made_by": "Karaoke Studio", "songs": facts}
    text = json.dumps(data, indent=1, ensure_ascii=False)
    path.write_text(text, encoding="utf-8", errors="replace")


def _write_csv(path: Path, facts: list[dict[str, Any]]) -> None:
    # with a mark at its beginning: spreadsheets take it for something else than UTF-8 otherwise
    with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for fact in facts:
            table.writerow([_cell(fact[name]) for name in COLUMNS])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = ", ".join(value) if isinstance(value, list) else str(value)
    # a spreadsheet would run it as a formula
    return f"'{words}" if words[:1] in {"=", "+", "-", "@", "\t", "\r"} else words


def _copy_song(song: Song, songs: Path, check: Callable[[], None]) -> None:
    name = safe_name(f"{song.artist} - {song.title}" if song.artist else song.title)
    folder = _free(songs / name)
    folder.mkdir(parents=True)
    files = {stem: path for stem, path in song.stem_paths.items() if path.is_file()}
    if song.original is not None and song.original_path is not None:
        files["original"] = song.original_path
    if song.cover_path is not None and song.cover_path.is_file():
        files["cover"] = song.cover_path
    for name, path in files.items():
        copy_file(path, folder / f"{name}{path.suffix}", lambda _size: check(), _HINT)
