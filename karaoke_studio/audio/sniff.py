"""What a file is, told from its first bytes and never from its name.

Whoever opens a song asks here first, so that each decoder is told its format and none of them
ever guesses: a playlist named .mp3 is text, and text is refused before any decoder sees it.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from karaoke_studio.audio import mpeg_frames
from karaoke_studio.errors import (
    CorruptAudio,
    MissingFile,
    UnreadableFile,
    UnsupportedAudio,
    error_from_os,
)

HEAD_BYTES = 4096
_MAX_ID3_TAGS = 8


@dataclass(frozen=True)
class Container:
    """A recognised kind of file.

    Attributes:
        name: short name, such as "wav", "mp3", "mp4".
        reader: the library to try first.
        demuxer: FFmpeg's name for the format, or None when only soundfile reads it.
        start: bytes of ID3 tags in front of the sound.
    """

    name: str
    reader: Literal["soundfile", "av"]
    demuxer: str | None
    start: int = 0


def _by_soundfile(name: str, demuxer: str | None) -> Container:
    return Container(name, "soundfile", demuxer)


def _by_av(name: str, demuxer: str) -> Container:
    return Container(name, "av", demuxer)


#: (pieces of magic with their offsets, what it is); the first row that fits wins.
_SIGNATURES: tuple[tuple[tuple[tuple[int, bytes], ...], Container], ...] = (
    (((0, b"RIFF"), (8, b"WAVE")), _by_soundfile("wav", "wav")),
    (((0, b"RIFX"), (8, b"WAVE")), _by_soundfile("wav", "wav")),
    (((0, b"RF64"), (8, b"WAVE")), _by_soundfile("rf64", "wav")),
    (((0, b"BW64"), (8, b"WAVE")), _by_soundfile("rf64", "wav")),
    (((0, b"RIFF"), (8, b"AVI ")), _by_av("avi", "avi")),
    (((0, b"FORM"), (8, b"AIFF")), _by_soundfile("aiff", "aiff")),
    (((0, b"FORM"), (8, b"AIFC")), _by_soundfile("aiff", "aiff")),
    (((0, bytes.fromhex("726966662e91cf11a5d628db04c10000")),), _by_soundfile("w64", "w64")),
    (((0, b"fLaC"),), _by_soundfile("flac", "flac")),
    (((0, b".snd"),), _by_soundfile("au", "au")),
    (((0, b"caff"),), _by_soundfile("caf", "caf")),
    (((0, b"Creative Voice File\x1a"),), _by_soundfile("voc", "voc")),
    (((4, b"ftyp"),), _by_av("mp4", "mov")),
    (((4, b"moov"),), _by_av("mp4", "mov")),
    (((4, b"mdat"),), _by_av("mp4", "mov")),
    (((4, b"wide"),), _by_av("mp4", "mov")),
    (((4, b"free"),), _by_av("mp4", "mov")),
    (((4, b"skip"),), _by_av("mp4", "mov")),
    (((0, b"\x1a\x45\xdf\xa3"),), _by_av("matroska", "matroska")),
    (((0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")),), _by_av("asf", "asf")),
    (((0, b"wvpk"),), _by_av("wavpack", "wv")),
    (((0, b"MAC "),), _by_av("ape", "ape")),
    (((0, b"TTA1"),), _by_av("tta", "tta")),
    (((0, b"tBaK"),), _by_av("tak", "tak")),
    (((0, b"MPCK"),), _by_av("musepack", "mpc8")),
    (((0, b"MP+"),), _by_av("musepack", "mpc")),
    (((0, b"FLV\x01"),), _by_av("flv", "flv")),
    (((0, b"DSD "), (28, b"fmt ")), _by_av("dsf", "dsf")),
    (((0, b"#!AMR"),), _by_av("amr", "amr")),
    (((0, b".RMF\x00"),), _by_av("realmedia", "rm")),
    (((0, b"\x7f\xfe\x80\x01"),), _by_av("dts", "dts")),
    (((0, b"\x00\x00\x01\xba"),), _by_av("mpeg", "mpeg")),
    (((0, b"\x47"), (188, b"\x47"), (376, b"\x47")), _by_av("mpegts", "mpegts")),
    (((4, b"\x47"), (196, b"\x47"), (388, b"\x47")), _by_av("mpegts", "mpegts")),
)


def sniff(path: Path) -> Container:
    """Return what kind of sound or video file this is, from its contents.

    Raises:
        MissingFile: there is no such file.
        UnreadableFile: it is no regular file (then it is not even opened), or cannot be read.
        CorruptAudio: it is empty.
        UnsupportedAudio: it is text, a playlist, a picture or anything else that is no sound.
    """
    with open_regular(path) as file:
        return identify(file, path.name)


def open_regular(path: Path) -> io.FileIO:
    """Open somebody's file for reading, if it is a regular file.

    A FIFO or device is refused before it is opened; should one take the file's place in between,
    opening does not wait for it and it is refused then.

    Raises:
        MissingFile: there is no such file.
        UnreadableFile: it is a folder, FIFO, device or socket, or may not be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        _require_regular(os.stat(path).st_mode, path)  # noqa: PTH116 (same call as fstat below)
        file = io.FileIO(os.open(path, flags | getattr(os, "O_CLOEXEC", 0)), "r")
    except OSError as exc:
        raise error_from_os(exc, path) from exc
    except ValueError as exc:  # a name that no system can hold
        raise MissingFile(f"{path.name} is not there.", hint="Check the name.") from exc
    try:
        _require_regular(os.fstat(file.fileno()).st_mode, path)
    except BaseException:
        file.close()
        raise
    return file


def identify(file: io.FileIO, name: str) -> Container:
    """Return what kind of file an opened file is; `name` is for the message only.

    Raises:
        UnreadableFile: it cannot be read.
        CorruptAudio: it is empty.
        UnsupportedAudio: it is no sound file.
    """
    try:
        start = _skip_id3(file)
        head = read_at(file, start, HEAD_BYTES)
        found = _by_signature(head) or _ogg(head) or _raw_stream(head)
        found = found or _mpeg(read_at(file, start, mpeg_frames.SEARCH_BYTES))
    except OSError as exc:
        raise error_from_os(exc, name) from exc
    if found is not None:
        return replace(found, start=start)
    if not head and not start:
        raise CorruptAudio(f"{name} is empty.", hint="Choose another copy of the song.")
    raise UnsupportedAudio(f"{name} is not a sound file.", hint="Choose a song or a music video.")


def read_at(file: io.FileIO, position: int, size: int) -> bytes:
    """Return up to `size` bytes from a position, which may be a lie of the file's."""
    if position >= os.fstat(file.fileno()).st_size:
        return b""
    file.seek(position)
    return file.read(size)


def _require_regular(mode: int, path: Path) -> None:
    if stat.S_ISREG(mode):
        return
    kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    raise UnreadableFile(f"{path.name} is {kind}.", hint="Choose a song.")


def _skip_id3(file: io.FileIO) -> int:
    """Return where the ID3v2 tags in front of the sound end."""
    start = 0
    for _ in range(_MAX_ID3_TAGS):
        head = read_at(file, start, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        has_footer = head[5] & 0x10
        start += 10 + size + (10 if has_footer else 0)
    return start


def _by_signature(head: bytes) -> Container | None:
    for pieces, container in _SIGNATURES:
        if all(head[at : at + len(magic)] == magic for at, magic in pieces):
            return container
    return None


def _ogg(head: bytes) -> Container | None:
    """Tell the kinds of Ogg apart by their first pages, of which each stream has one."""
    if head[:4] != b"OggS":
        return None
    if b"OpusHead" in head[:256]:
        return _by_av("opus", "ogg")
    is_only_sound = head.count(b"OggS\x00\x02") == 1
    if is_only_sound and b"\x01vorbis" in head[:64]:
        return _by_soundfile("ogg", "ogg")
    if is_only_sound and b"\x7fFLAC" in head[:64]:
        return _by_soundfile("oggflac", "ogg")
    return _by_av("oggmix", "ogg")


def _raw_stream(head: bytes) -> Container | None:
    """Recognise AC-3 and E-AC-3, which have frames but no file format around them."""
    if head[:2] != b"\x0b\x77" or head.find(b"\x0b\x77", 6) < 0:
        return None
    stream_id = head[5] >> 3
    return _by_av("eac3", "eac3") if stream_id > 10 else _by_av("ac3", "ac3")


def _mpeg(window: bytes) -> Container | None:
    if mpeg_frames.find_adts(window) == 0:
        return _by_av("aac", "aac")
    first = mpeg_frames.find_first(window)
    if first is None:
        return None
    # Without a frame count soundfile guesses the length from the first bitrate and stops there.
    if mpeg_frames.has_frame_count(window, first):
        return _by_soundfile("mp3", "mp3")
    return _by_av("mp3", "mp3")
