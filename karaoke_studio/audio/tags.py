"""Title, artist, cover, words and the rest: read from any song, carried into every format.

What comes from a file is plain text here: cleaned of control characters, cut to the limits, and
never trusted to be small. ReplayGain is not carried, since the stems are no longer that loud.
"""

from __future__ import annotations

import errno
import re
import struct
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import av
import soundfile as sf
from mutagen import MutagenError

from karaoke_studio import notes
from karaoke_studio.audio.cover import inspect_picture
from karaoke_studio.audio.limits import (
    MAX_COVER_BYTES,
    MAX_COVER_PIXELS,
    MAX_LYRICS_BYTES,
    MAX_TEXT_BYTES,
)
from karaoke_studio.audio.lyrics import clean_line, parse_lrc
from karaoke_studio.audio.sniff import Container, open_regular
from karaoke_studio.audio.tag_readers import FoundTags, read_found
from karaoke_studio.audio.tag_writers import write_into
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.job import STEM_LABELS

_MANY_LINES = frozenset({"lyrics", "comment"})
_MAX_SYNCED_LINES = 5000
_TRACK_NUMBER = re.compile(r"^(?:\d{1,2}-)?\d{1,3}(?:\s*[.)]\s+|\s*[-–—]\s+|\.(?=[^\s\d]))")
_LEADING_ZERO = re.compile(r"^0\d\s+(?=\S)")
_DASH = re.compile(r"\s+[-–—]\s+")
#: What parsers raise on bytes that are not what they say they are.
_BROKEN_TAGS = (
    MutagenError,
    av.FFmpegError,
    sf.LibsndfileError,
    struct.error,
    CorruptAudio,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    EOFError,
    OSError,
    MemoryError,
    RecursionError,
)


@dataclass(frozen=True)
class Tags:
    """What a file says about its song; "" where it says nothing.

    Attributes:
        track: "3" or "3/12"; `disc` likewise.
        date: a year or an ISO date.
        lyrics: words without times, line by line.
        synced: (seconds, words) in order of time, or ().
        cover: an encoded picture, or None; `cover_mime` says of which kind.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    track: str = ""
    disc: str = ""
    date: str = ""
    genre: str = ""
    comment: str = ""
    composer: str = ""
    lyrics: str = ""
    synced: tuple[tuple[float, str], ...] = ()
    cover: bytes | None = None
    cover_mime: str = ""

    def for_stem(self, stem: str) -> Tags:
        """Return the tags of one stem's file: the title says which stem it is."""
        return replace(self, title=f"{self.title} ({STEM_LABELS[stem]})".strip())


_TEXTS = tuple(f.name for f in fields(Tags) if f.type == "str" and f.name != "cover_mime")


def read_tags(path: Path, container: Container) -> tuple[Tags, list[str]]:
    """Return a song's tags and the notes about them; broken tags are no error but a note.

    Raises:
        MissingFile, UnreadableFile: the file is not there, or is no regular file.
    """
    with open_regular(path) as file:
        try:
            found = read_found(file, container, path.name)
        except _BROKEN_TAGS:
            return Tags(), [notes.TAGS_UNREADABLE]
    said: list[str] = []
    tags = _with_cover(_clean(found), found.pictures, said)
    return tags, said


def write_tags(path: Path, format: str, tags: Tags) -> None:  # noqa: A002 (the domain's word)
    """Write tags into a file made by `encode`.

    Raises:
        OSError: it cannot be written.
    """
    try:
        write_into(path, format, tags)
    except MutagenError as exc:
        cause = next((e for e in (*exc.args, exc.__context__) if isinstance(e, OSError)), None)
        raise cause or OSError(errno.EIO, "the tags could not be written", str(path)) from exc


def parse_file_name(stem: str) -> tuple[str, str]:
    """Return (artist, title) as a file name tells them; the artist may be "".

    >>> parse_file_name("03 - Ella_Fitzgerald - Summertime")
    ('Ella Fitzgerald', 'Summertime')
    """
    plain = " ".join(_clean_text(stem, MAX_TEXT_BYTES).replace("_", " ").split())
    name = _LEADING_ZERO.sub("", _TRACK_NUMBER.sub("", plain)) or plain
    artist, *title = _DASH.split(name, maxsplit=1)
    return (artist, title[0]) if title and artist and title[0] else ("", name)


def _clean(found: FoundTags) -> Tags:
    texts: dict[str, Any] = {}
    for name in _TEXTS:
        limit = MAX_LYRICS_BYTES if name == "lyrics" else MAX_TEXT_BYTES
        texts[name] = _clean_text(found.texts.get(name, ""), limit, has_lines=name in _MANY_LINES)
    synced = [(seconds, clean_line(words)) for seconds, words in found.synced]
    if texts["lyrics"]:
        lines = parse_lrc(texts["lyrics"])
        timed = [(seconds, words) for seconds, words in lines if seconds is not None]
        if timed:
            synced = synced or timed
            texts["lyrics"] = "\n".join(words for _, words in lines)
    synced.sort(key=lambda line: line[0])
    return Tags(**texts, synced=tuple(synced[:_MAX_SYNCED_LINES]))


def _clean_text(text: str, limit: int, *, has_lines: bool = False) -> str:
    """Return text without control characters, cut to `limit` bytes of UTF-8."""
    text = text[:limit]
    if has_lines:
        text = "\n".join(clean_line(line) for line in text.splitlines()).strip("\n")
    else:
        text = clean_line(text)
    return text.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")


def _with_cover(tags: Tags, pictures: list[bytes], said: list[str]) -> Tags:
    """Take the first picture, unless it is too large or of no known kind."""
    if not pictures or not pictures[0]:
        return tags
    cover = pictures[0]
    info = inspect_picture(cover)
    if info is None or len(cover) > MAX_COVER_BYTES or info.width * info.height > MAX_COVER_PIXELS:
        said.append(notes.COVER_DROPPED)
        return tags
    return replace(tags, cover=cover, cover_mime=info.mime)
