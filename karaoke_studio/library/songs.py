"""Songs as the rest of the program sees them, and the read-only view of the library."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from karaoke_studio.errors import LibraryDamaged
from karaoke_studio.job import STEMS, in_order
from karaoke_studio.library import playlists
from karaoke_studio.library.manifest import Manifest, decided_of, read_manifest
from karaoke_studio.library.schema import open_for_reading, translate

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The tags that a song's row holds and a person can edit.
TAGS = ("title", "artist", "album")


@dataclass(frozen=True)
class Word:
    """One line of the words.

    Attributes:
        seconds: when it is sung, or None where that is not known.
    """

    seconds: float | None
    text: str


@dataclass(frozen=True)
class Song:
    """One song of the library, with its current take.

    Attributes:
        folder: the song's own folder.
        frames: length of the song.
        engine: which engine made the current take.
        added_at: ISO time in UTC.
        shift_bits: the take's samples × 2^shift_bits are the real level.
        cover: file name in `folder`, or None.
        original: file name in `folder`, or None.
        has_picture: whether the original is a video.
        notes: codes of `karaoke_studio.notes`.
        favourite: whether the person marked it with a star.
        rating: 1…5; 0 = not rated.
        remark: what the person wrote down about it.
        played_at: ISO time in UTC when it was last played, or None.
        play_count: how often it was played.
        mix: how it is listened to; only the mixer knows what is in it.
        analysis: {"bpm": …, "key": …, "lufs": …} where they were found, or None.
        labels: words that the person put on it.
        colour: one of `COLOURS`; "" = none.
        linked: path of the person's own file, where no copy is kept.
        stems: of the current take, as they are shown; together they are the song. A take without
            "instrumental" has one all the same: the sum of all but the vocals.
    """

    id: str
    title: str
    artist: str
    album: str
    duration_s: float
    sample_rate: int
    channels: int
    frames: int
    engine: str
    take_id: str
    shift_bits: int
    added_at: str
    folder: Path
    cover: str | None = None
    original: str | None = None
    has_picture: bool = False
    notes: tuple[str, ...] = ()
    favourite: bool = False
    rating: int = 0
    remark: str = ""
    played_at: str | None = None
    play_count: int = 0
    mix: dict[str, Any] = field(default_factory=dict, hash=False)
    analysis: dict[str, Any] | None = field(default=None, hash=False)
    stems: tuple[str, ...] = STEMS
    labels: tuple[str, ...] = ()
    colour: str = ""
    linked: str | None = None

    @property
    def bpm(self) -> float | None:
        """Tempo in beats per minute, where it is known."""
        return self._number("bpm")

    @property
    def key(self) -> str | None:
        """The key, such as "D minor", where it is known."""
        value = (self.analysis or {}).get("key")
        return value if isinstance(value, str) else None

    @property
    def lufs(self) -> float | None:
        """Loudness of the whole song in LUFS, where it is known."""
        return self._number("lufs")

    def _number(self, name: str) -> float | None:
        value = (self.analysis or {}).get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and value is not None else None

    @property
    def take_folder(self) -> Path:
        """Where the current take's files are."""
        return self.folder / "takes" / self.take_id

    def stem_path(self, stem: str) -> Path:
        """Return a stem of the current take, 24-bit FLAC."""
        return self.take_folder / f"{stem}.flac"

    @property
    def vocals_path(self) -> Path:
        """The vocals, 24-bit FLAC."""
        return self.stem_path("vocals")

    @property
    def stem_paths(self) -> dict[str, Path]:
        """The stems of the current take."""
        return {stem: self.stem_path(stem) for stem in self.stems}

    @property
    def peaks_path(self) -> Path:
        """Waveforms of the stems."""
        return self.take_folder / "peaks"

    @property
    def cover_path(self) -> Path | None:
        """The cover picture, where there is one."""
        return self.folder / self.cover if self.cover else None

    @property
    def original_path(self) -> Path | None:
        """The copy of the song's own file, else that file itself where it was linked."""
        if self.original:
            return self.folder / self.original
        return Path(self.linked) if self.linked else None

    def facts(self) -> dict[str, Any]:
        """Return the plain facts of the import pass, as jobs want them, with the tags of now.

        Raises:
            LibraryDamaged: the manifest cannot be read.
        """
        manifest = read_manifest(self.folder)
        tags = dict(manifest["tags"])
        for name in TAGS:  # edited a moment ago, the manifest does not know yet
            value = getattr(self, name)
            if value != _utf8(tags.get(name, "")):
                tags[name] = value
        return {
            **manifest["facts"],
            "tags": tags,
            "words": manifest["words"],
            "cover": self.cover,
            "notes": [],
        }


def song_from_row(row: sqlite3.Row, library: Path) -> Song:
    """Build a song from its row."""
    values = {key: row[key] for key in row.keys() if key in Song.__dataclass_fields__}  # noqa: SIM118 - a Row iterates over values
    values["notes"] = tuple(str(note) for note in _parsed(row["notes"], list))
    values["stems"] = in_order(str(stem) for stem in _parsed(row["stems"], list)) or STEMS
    values["mix"] = _parsed(row["mix"], dict)
    values["labels"] = tuple(str(label) for label in _parsed(row["labels"], list))
    values["analysis"] = _parsed(row["analysis"] or "", dict) or None
    values["favourite"] = bool(row["favourite"])
    values["has_picture"] = bool(row["has_picture"])
    return Song(**values, folder=library / row["id"])


def _parsed(text: str, kind: type[T]) -> T:
    """Parse JSON of the index; a flipped bit in it is no reason to lose the song."""
    try:
        value = json.loads(text) if text else None
    except (ValueError, TypeError, RecursionError):
        return kind()
    return value if isinstance(value, kind) else kind()


def row_of_manifest(manifest: Manifest) -> dict[str, Any]:
    """Return the database row that a manifest stands for.

    Raises:
        LibraryDamaged: something is missing in it.
    """
    try:
        tags, facts = manifest["tags"], manifest["facts"]
        take = manifest["takes"][manifest["current_take"]]
        return {
            "id": manifest["id"],
            **{name: _utf8(tags.get(name, "")) for name in TAGS},
            "duration_s": facts["frames"] / facts["sample_rate"],
            "sample_rate": facts["sample_rate"],
            "channels": facts["channels"],
            "frames": facts["frames"],
            "engine": take["engine"],
            "take_id": manifest["current_take"],
            "shift_bits": take["shift_bits"],
            "original": manifest["original"],
            "cover": manifest["cover"],
            "has_picture": bool(facts["has_picture"]),
            "notes": json.dumps(take["notes"]),
            "sha256": facts["sha256"],
            "added_at": manifest["added_at"],
            "revision": manifest["revision"],
            "stems": json.dumps(list(take["stems"])),
            "linked": _utf8(manifest["linked"]) if manifest.get("linked") else None,
            "lyrics": _lyrics(manifest),
            **_decided_columns(manifest),
        }
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as exc:
        raise LibraryDamaged("A song of the library cannot be read.") from exc


def _decided_columns(manifest: Manifest) -> dict[str, Any]:
    decided = decided_of(manifest)
    analysis = decided["analysis"]
    return {
        "favourite": decided["favourite"],
        "rating": decided["rating"],
        "remark": _utf8(decided["remark"]),
        "labels": json.dumps([_utf8(str(label)) for label in decided["labels"]]),
        "colour": decided["colour"],
        "mix": json.dumps(decided["mix"]),
        "analysis": json.dumps(analysis) if analysis else None,
        "played_at": decided["played_at"],
        "play_count": decided["play_count"],
    }


def _lyrics(manifest: Manifest) -> str:
    """Return the words of a song as they are searched in; "" where there are none."""
    try:
        return _utf8("\n".join(str(line) for _, line in manifest.get("words") or ()))
    except (TypeError, ValueError):
        return ""


def _utf8(text: str) -> str:
    """Replace what a database cannot hold: lone surrogates of names in other encodings."""
    return text.encode("utf-8", "replace").decode("utf-8")


class SongLibrary:
    """The library, read-only; every thread opens its own.

    Raises:
        LibraryError: it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection = open_for_reading(folder)

    def songs(self) -> list[Song]:
        """Return all songs, the newest first.

        Raises:
            LibraryError: the index cannot be read.
        """
        return self._select("SELECT * FROM songs ORDER BY added_at DESC, rowid DESC")

    def song(self, song_id: str) -> Song | None:
        """Return one song, or None.

        Raises:
            LibraryError: the index cannot be read.
        """
        found = self._select("SELECT * FROM songs WHERE id = ?", song_id)
        return found[0] if found else None

    def song_of_content(self, sha256: str) -> Song | None:
        """Return the newest song made from a file of this content, or None.

        Raises:
            LibraryError: the index cannot be read.
        """
        found = self._select(
            "SELECT * FROM songs WHERE sha256 = ? ORDER BY added_at DESC, rowid DESC", sha256
        )
        return found[0] if found else None

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the ids of a set list's songs in order, also of those in the trash.

        Raises:
            LibraryError: the index cannot be read.
        """
        try:
            return playlists.songs_of(self._connection, playlist_id)
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc

    def waiting(self) -> set[Path]:
        """Return the files that wait in the queue or are being made.

        Raises:
            LibraryError: the index cannot be read.
        """
        try:
            rows = self._connection.execute("SELECT spec FROM jobs").fetchall()
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc
        return {Path(str(_parsed(row["spec"], dict).get("input", ""))) for row in rows}

    def words(self, song: Song) -> tuple[Word, ...]:
        """Return the words of a song, line by line; () where there are none."""
        try:
            lines = read_manifest(song.folder)["words"]
            return tuple(
                Word(None if seconds is None else float(seconds), str(text))
                for seconds, text in lines
            )
        except (LibraryDamaged, KeyError, ValueError, TypeError) as exc:
            log.warning("the words of song %s cannot be read: %s", song.id, exc)
            return ()

    def _select(self, statement: str, *values: str) -> list[Song]:
        try:
            rows = self._connection.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as exc:
            raise translate(exc) from exc
        return [song_from_row(row, self.folder) for row in rows]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
