"""Writes tags into the formats that we make, as players expect to find them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, SYLT, USLT, Encoding, Frames, PictureType
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from karaoke_studio.audio.cover import inspect_picture
from karaoke_studio.audio.lyrics import format_lrc
from karaoke_studio.audio.tag_names import ID3_FRAMES, MP4_ATOMS, VORBIS_KEYS

if TYPE_CHECKING:
    from karaoke_studio.audio.tags import Tags

#: Fields that Vorbis comments split in two: number and total.
_NUMBERED = {"track": ("TRACKNUMBER", "TRACKTOTAL"), "disc": ("DISCNUMBER", "DISCTOTAL")}
#: ID3 2.3 is what the most players read; all our fields fit into it.
_ID3_VERSION = 3
_MP4_COVERS = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}
_SYLT_MILLISECONDS, _SYLT_LYRICS = 2, 1
_MAX_MP4_NUMBER = 0xFFFF


def write_into(path: Path, format: str, tags: Tags) -> None:  # noqa: A002 (the domain's word)
    """Write tags into a file of ours.

    Raises:
        MutagenError, OSError: it cannot be written.
    """
    _WRITERS[format](path, tags)


def _fill_id3(id3: ID3, tags: Tags) -> None:
    for name, frame_id in ID3_FRAMES.items():
        if text := getattr(tags, name):
            id3.add(Frames[frame_id](encoding=Encoding.UTF16, text=[text]))
    if tags.comment:
        id3.add(COMM(encoding=Encoding.UTF16, lang="XXX", desc="", text=[tags.comment]))
    if tags.lyrics:
        id3.add(USLT(encoding=Encoding.UTF16, lang="XXX", desc="", text=tags.lyrics))
    if tags.synced:
        timed = [(words, round(seconds * 1000)) for seconds, words in tags.synced]
        id3.add(
            SYLT(
                encoding=Encoding.UTF16,
                lang="XXX",
                format=_SYLT_MILLISECONDS,
                type=_SYLT_LYRICS,
                desc="",
                text=timed,
            )
        )
    if tags.cover:
        id3.add(
            APIC(
                encoding=Encoding.LATIN1,
                mime=tags.cover_mime,
                type=PictureType.COVER_FRONT,
                desc="",
                data=tags.cover,
            )
        )


def _write_mp3(path: Path, tags: Tags) -> None:
    id3 = ID3()
    _fill_id3(id3, tags)
    id3.save(path, v1=0, v2_version=_ID3_VERSION)


def _write_wav(path: Path, tags: Tags) -> None:
    with path.open("rb") as file:
        # a WAV of more than 4 GiB has no place for tags
        if file.read(4) != b"RIFF":
            return
    wave = WAVE(path)
    if wave.tags is None:
        wave.add_tags()
    _fill_id3(wave.tags, tags)
    wave.save(v2_version=_ID3_VERSION)


def _fill_vorbis(comment: Any, tags: Tags) -> None:
    for name, keys in VORBIS_KEYS.items():
        text = _lyrics(tags) if name == "lyrics" else getattr(tags, name)
        if name in _NUMBERED:
            number_and_total = text.split("/", 1)
            comment.update(
                (key, part)
                for key, part in zip(_NUMBERED[name], number_and_total, strict=False)
                if part
            )
        elif text:
            comment[keys[0].upper()] = text


def _write_flac(path: Path, tags: Tags) -> None:
    flac = FLAC(path)
    if flac.tags is None:
        flac.add_tags()
    _fill_vorbis(flac.tags, tags)
    if tags.cover:
        flac.add_picture(_picture(tags.cover, tags.cover_mime))
    flac.save()


def _ogg_writer(kind: Callable[[Path], Any]) -> Callable[[Path, Tags], None]:
    def write(path: Path, tags: Tags) -> None:
        ogg = kind(path)
        _fill_vorbis(ogg.tags, tags)
        if tags.cover:
            block = _picture(tags.cover, tags.cover_mime).write()
            ogg.tags["METADATA_BLOCK_PICTURE"] = base64.b64encode(block).decode("ascii")
        ogg.save()

    return write


def _write_m4a(path: Path, tags: Tags) -> None:
    mp4 = MP4(path)
    if mp4.tags is None:
        mp4.add_tags()
    for name, atom in MP4_ATOMS.items():
        if text := (_lyrics(tags) if name == "lyrics" else getattr(tags, name)):
            mp4.tags[atom] = [text]
    for name, atom in (("track", "trkn"), ("disc", "disk")):
        if numbers := _numbers(getattr(tags, name)):
            mp4.tags[atom] = [numbers]
    # the format knows no other pictures
    if tags.cover and tags.cover_mime in _MP4_COVERS:
        mp4.tags["covr"] = [MP4Cover(tags.cover, _MP4_COVERS[tags.cover_mime])]
    mp4.save()


def _numbers(text: str) -> tuple[int, int] | None:
    number, _, total = text.partition("/")
    try:
        pair = int(number), int(total or 0)
    except ValueError:
        return None
    return pair if all(0 <= value <= _MAX_MP4_NUMBER for value in pair) else None


def _lyrics(tags: Tags) -> str:
    """Return the one text that these formats have for words: with times where they are known."""
    return format_lrc(tags.synced) if tags.synced else tags.lyrics


def _picture(cover: bytes, mime: str) -> Picture:
    picture = Picture()
    picture.type = PictureType.COVER_FRONT
    picture.mime = mime
    picture.data = cover
    if info := inspect_picture(cover):
        picture.width, picture.height, picture.depth = info.width, info.height, 24
    return picture


_WRITERS: dict[str, Callable[[Path, Tags], None]] = {
    "mp3": _write_mp3,
    "wav": _write_wav,
    "flac": _write_flac,
    "m4a": _write_m4a,
    "ogg": _ogg_writer(OggVorbis),
    "opus": _ogg_writer(OggOpus),
}
