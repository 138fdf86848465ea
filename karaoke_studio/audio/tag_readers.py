"""Tags of foreign files as plain text and bytes, whatever each format calls them.

Nothing here trusts what it finds: `tags` cleans, cuts and checks it afterwards.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import mutagen.id3._frames
import soundfile as sf
from mutagen import MutagenError
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2, APEv2File
from mutagen.asf import ASF
from mutagen.dsf import DSF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from karaoke_studio.audio.av_reader import FileWindow, open_container
from karaoke_studio.audio.sniff import Container
from karaoke_studio.audio.tag_names import ASF_KEYS, ID3_FRAMES, MP4_ATOMS, VORBIS_KEYS

_MAX_READ_BYTES = 32 << 20
_TOO_MUCH = _MAX_READ_BYTES + 1
_MAX_INFLATED_BYTES = 16 << 20
_FRONT_COVER = 3
_ID3_LYRICS = 1
_ID3_MILLISECONDS = 2


@dataclass
class FoundTags:
    """What a file says, unchecked.

    Attributes:
        texts: field of `tags.Tags` → text.
        synced: (seconds, words) from frames made for that.
        pictures: encoded pictures, the front cover first.
    """

    texts: dict[str, str] = field(default_factory=dict)
    synced: list[tuple[float, str]] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)


class _BoundedInflater:
    """Stands in for the module zlib where mutagen inflates ID3 frames.

    mutagen inflates whatever a frame holds: 400 KB of file can become 400 MB of text.
    """

    error = zlib.error

    def __init__(self) -> None:
        self.left = _MAX_INFLATED_BYTES

    def decompress(self, data: bytes) -> bytes:
        inflater = zlib.decompressobj()
        made = inflater.decompress(data, self.left + 1)
        self.left -= len(made)
        if self.left < 0:
            raise MutagenError("the tag unpacks to too much")
        return made


class _TagWindow(FileWindow):
    """A file that refuses to be read in enormous pieces."""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or all that are left.

        Raises:
            MutagenError: that would be too much.
        """
        data = b"" if size > _MAX_READ_BYTES else super().read(size if size >= 0 else _TOO_MUCH)
        if size > _MAX_READ_BYTES or len(data) == _TOO_MUCH:
            raise MutagenError("the tag is too large")
        return data


def read_found(file: io.FileIO, container: Container, name: str) -> FoundTags:
    """Return the tags of an opened file; for formats that have none, none.

    Raises:
        Anything that a parser raises on broken bytes.
    """
    mutagen.id3._frames.zlib = _BoundedInflater()
    reader = _READERS.get(container.name)
    if reader is not None:
        return reader(_TagWindow(file, 0))
    if container.reader == "soundfile":
        return _from_strings(file)
    return _from_container(file, container, name)


def _first_of(tags: Any, names: Iterable[str]) -> str:
    for name in names:
        if name in tags:
            values = tags[name]
            values = values if isinstance(values, list) else [values]
            # some taggers say everything twice
            return ", ".join(dict.fromkeys(map(str, values)))
    return ""


def _from_id3(tags: Any) -> FoundTags:
    if tags is None:
        return FoundTags()
    found = FoundTags()
    for name, frame_id in ID3_FRAMES.items():
        frames = tags.getall(frame_id)
        if frames:
            # genres may be numbers there
            words = frames[0].genres if name == "genre" else frames[0].text
            found.texts[name] = ", ".join(map(str, words))
    comments = [f for f in tags.getall("COMM") if not f.desc.startswith("iTun")]
    for frame in sorted(comments, key=lambda f: f.desc != "")[:1]:
        found.texts["comment"] = ", ".join(frame.text)
    for frame in tags.getall("USLT")[:1]:
        found.texts["lyrics"] = frame.text
    for frame in tags.getall("SYLT"):
        if frame.type == _ID3_LYRICS and frame.format == _ID3_MILLISECONDS:
            found.synced = _lines_of(frame.text)
            break
    pictures = sorted(tags.getall("APIC"), key=lambda f: f.type != _FRONT_COVER)
    found.pictures = [frame.data for frame in pictures]
    return found


def _lines_of(parts: list[tuple[str, int]]) -> list[tuple[float, str]]:
    """Join the syllables of a SYLT frame into lines where it marks line ends, else keep each."""
    if not any("\n" in text for text, _ in parts):
        return [(at / 1000, text) for text, at in parts]
    lines: list[tuple[float, str]] = []
    starts_line = True
    for text, at in parts:
        pieces = text.replace("\r", "").split("\n")
        for number, piece in enumerate(pieces):
            starts_line = starts_line or number > 0
            if piece and starts_line:
                lines.append((at / 1000, piece))
                starts_line = False
            elif piece:
                lines[-1] = (lines[-1][0], lines[-1][1] + piece)
    return lines


def _read_id3(file: FileWindow) -> FoundTags:
    try:
        return _from_id3(ID3(file))
    except mutagen.id3.ID3NoHeaderError:
        return FoundTags()


def _read_wav(file: FileWindow) -> FoundTags:
    """Read the ID3 chunk of a WAV, and what it lacks from the INFO chunk."""
    try:
        found = _from_id3(WAVE(file).tags)
    except MutagenError:
        found = FoundTags()
    found.texts = _from_strings(file.file).texts | found.texts
    return found


def _from_strings(file: io.FileIO) -> FoundTags:
    file.seek(0)
    with sf.SoundFile(file.fileno(), closefd=False) as opened:
        texts: dict[str, str] = opened.copy_metadata()
    names = {"tracknumber": "track"}
    return FoundTags({names.get(name, name): text for name, text in texts.items()})


def _from_vorbis(tags: Any, pictures: Iterable[Picture] = ()) -> FoundTags:
    found = FoundTags()
    tags = {} if tags is None else tags
    for name, keys in VORBIS_KEYS.items():
        found.texts[name] = _first_of(tags, keys)
    found.texts["lyrics"] = _first_of(tags, ("syncedlyrics",)) or found.texts["lyrics"]
    for name, keys in (("track", ("tracktotal", "totaltracks")), ("disc", ("disctotal",))):
        total = _first_of(tags, keys)
        if total and found.texts[name] and "/" not in found.texts[name]:
            found.texts[name] += f"/{total}"
    blocks = list(pictures)
    for coded in tags.get("metadata_block_picture", ()):
        blocks.append(Picture(base64.b64decode(coded)))
    found.pictures = [p.data for p in sorted(blocks, key=lambda p: p.type != _FRONT_COVER)]
    return found


def _read_flac(file: FileWindow) -> FoundTags:
    opened = FLAC(file)
    return _from_vorbis(opened.tags, opened.pictures)


def _read_mp4(file: FileWindow) -> FoundTags:
    tags = MP4(file).tags
    found = FoundTags()
    if tags is None:
        return found
    found.texts = {name: _first_of(tags, (atom,)) for name, atom in MP4_ATOMS.items()}
    for name, atom in (("track", "trkn"), ("disc", "disk")):
        for number, total in tags.get(atom, [])[:1]:
            found.texts[name] = f"{number}/{total}" if total else str(number)
    found.pictures = [bytes(cover) for cover in tags.get("covr", [])]
    return found


def _read_asf(file: FileWindow) -> FoundTags:
    tags = ASF(file).tags
    found = FoundTags({name: _first_of(tags, keys) for name, keys in ASF_KEYS.items()})
    for attribute in tags.get("WM/Picture", []):
        # type (1 byte), size (4), MIME and description (UTF-16, each ending in two zero bytes)
        size = int.from_bytes(attribute.value[1:5], "little")
        found.pictures.append(attribute.value[-size:] if size else b"")
    return found


def _read_ape(file: FileWindow) -> FoundTags:
    tags: APEv2 | None = APEv2File(file).tags
    found = FoundTags()
    if tags is None:
        return found
    renamed = {"album_artist": ("album artist", "albumartist"), "date": ("year",)}
    for name in ("title", "artist", "album", "track", "disc", "genre", "comment", "composer"):
        found.texts[name] = _first_of(tags, (name,))
    found.texts |= {name: _first_of(tags, keys) for name, keys in renamed.items()}
    found.texts["lyrics"] = _first_of(tags, ("lyrics", "unsyncedlyrics"))
    if "cover art (front)" in tags:
        found.pictures = [tags["cover art (front)"].value.partition(b"\x00")[2]]
    return found


def _from_container(file: io.FileIO, container: Container, name: str) -> FoundTags:
    """Read what FFmpeg knows of a video or a rare format: texts only."""
    with open_container(file, container, name) as opened:
        texts = dict(opened.metadata)
        for stream in opened.streams.audio[:1]:
            texts = dict(stream.metadata) | texts
    return FoundTags({key.lower(): text for key, text in texts.items()})


_READERS: dict[str, Callable[[FileWindow], FoundTags]] = {
    "mp3": _read_id3,
    "aac": _read_id3,
    "tta": _read_id3,
    "wav": _read_wav,
    "aiff": lambda file: _from_id3(AIFF(file).tags),
    "dsf": lambda file: _from_id3(DSF(file).tags),
    "flac": _read_flac,
    "ogg": lambda file: _from_vorbis(OggVorbis(file).tags),
    "opus": lambda file: _from_vorbis(OggOpus(file).tags),
    "oggflac": lambda file: _from_vorbis(OggFLAC(file).tags),
    "mp4": _read_mp4,
    "asf": _read_asf,
    "ape": _read_ape,
    "wavpack": _read_ape,
    "musepack": _read_ape,
    "tak": _read_ape,
}
