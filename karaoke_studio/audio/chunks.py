"""How many bytes a container says it has, against how many there are.

Cut-off files are told by this, because decoders hide it: they just stop, or correct the length.
Only the outermost level of each format is walked, a bounded number of steps.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator

from karaoke_studio.audio.sniff import Container, read_at

_MAX_CHUNKS = 4096
_OGG_TAIL_BYTES = 1 << 17
_W64_DATA = b"data"
_UNKNOWN_32 = 0xFFFFFFFF

Walker = Callable[[io.FileIO, int], int]


def missing_bytes(file: io.FileIO, container: Container) -> int:
    """Return how many bytes are missing at the end of a file, 0 when it is whole or unclear.

    Raises:
        OSError: the file cannot be read.
    """
    walker = _WALKERS.get(container.name)
    if walker is None:
        return 0
    size = os.fstat(file.fileno()).st_size
    return max(0, walker(file, container.start) - size)


def _riff_end(file: io.FileIO, start: int) -> int:
    """Return where the samples of a WAV, RF64 or AIFF end."""
    head = read_at(file, start, 12)
    order = "big" if head[:4] in {b"RIFX", b"FORM"} else "little"
    long_size: int | None = None
    for at, kind, size in _chunks(file, start + 12, order):
        if kind == b"ds64":
            long_size = int.from_bytes(read_at(file, at + 16, 8), "little")
        if kind in {b"data", b"SSND"}:
            if size != _UNKNOWN_32:
                return at + 8 + size
            # a file written to a pipe never learnt its length
            return at + 8 + long_size if long_size is not None else 0
    return 0


def _chunks(file: io.FileIO, at: int, order: str) -> Iterator[tuple[int, bytes, int]]:
    """Yield (position, kind, size) of the chunks of an IFF family file."""
    for _ in range(_MAX_CHUNKS):
        head = read_at(file, at, 8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "big" if order == "big" else "little")
        yield at, head[:4], size
        at += 8 + size + size % 2


def _avi_end(file: io.FileIO, start: int) -> int:
    return start + 8 + int.from_bytes(read_at(file, start + 4, 4), "little")


def _w64_end(file: io.FileIO, start: int) -> int:
    at = start + 40
    for _ in range(_MAX_CHUNKS):
        head = read_at(file, at, 24)
        size = int.from_bytes(head[16:], "little")
        if len(head) < 24 or size < 24:
            return 0
        if head[:4] == _W64_DATA:
            return at + size
        at += (size + 7) // 8 * 8
    return 0


def _asf_end(file: io.FileIO, start: int) -> int:
    at, end = start, 0
    for _ in range(_MAX_CHUNKS):
        head = read_at(file, at, 24)
        size = int.from_bytes(head[16:], "little")
        if len(head) < 24 or size < 24:
            break
        at += size
        end = at
    return end


def _mp4_end(file: io.FileIO, start: int) -> int:
    at, end = start, 0
    for _ in range(_MAX_CHUNKS):
        head = read_at(file, at, 16)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:], "big")
        if len(head) < 8 or size < 8:
            break
        at += size
        end = at
    return end


def _matroska_end(file: io.FileIO, start: int) -> int:
    """Return where the segment ends: the second element, after the EBML header."""
    at = start
    for kind_bytes in (4, 4):
        head = read_at(file, at, 12)
        if len(head) < 12:
            return 0
        length = 9 - head[kind_bytes].bit_length()
        if length > 8:
            return 0
        coded = int.from_bytes(head[kind_bytes : kind_bytes + length], "big")
        size = coded & ((1 << 7 * length) - 1)
        if size == (1 << 7 * length) - 1:
            return 0
        at += kind_bytes + length + size
    return at


def _ogg_end(file: io.FileIO, _start: int) -> int:
    """Return one byte more than there are when no stream's last page is in the file's tail."""
    size = os.fstat(file.fileno()).st_size
    tail = read_at(file, max(0, size - _OGG_TAIL_BYTES), _OGG_TAIL_BYTES)
    at = tail.find(b"OggS\x00")
    while at >= 0:
        if tail[at + 5 : at + 6] and tail[at + 5] & 4:
            return size
        at = tail.find(b"OggS\x00", at + 4)
    return size + 1


_WALKERS: dict[str, Walker] = {
    "wav": _riff_end,
    "rf64": _riff_end,
    "aiff": _riff_end,
    "avi": _avi_end,
    "w64": _w64_end,
    "asf": _asf_end,
    "mp4": _mp4_end,
    "matroska": _matroska_end,
    "ogg": _ogg_end,
    "opus": _ogg_end,
    "oggflac": _ogg_end,
    "oggmix": _ogg_end,
}
