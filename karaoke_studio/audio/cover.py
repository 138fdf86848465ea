"""Kind and size of a picture from its header alone; the picture itself is never decoded here."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_SEGMENTS = 2000
#: JPEG's frame headers: SOF0…SOF15 without the tables DHT, JPG and DAC.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class PictureInfo:
    """What a picture's header says: MIME type, width and height in pixels."""

    mime: str
    width: int
    height: int


def inspect_picture(data: bytes) -> PictureInfo | None:
    """Return what kind of picture this is, or None when it is none that we know."""
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return _info("image/png", _big(data[16:20]), _big(data[20:24]))
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return _info("image/gif", _little(data[6:8]), _little(data[8:10]))
    if data[:2] == b"BM" and len(data) >= 26:
        return _bmp(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def _info(mime: str, width: int, height: int) -> PictureInfo | None:
    return PictureInfo(mime, width, height) if width > 0 and height > 0 else None


def _jpeg(data: bytes) -> PictureInfo | None:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while data[at + 1 : at + 2] == b"\xff":
            at += 1
        segment = data[at : at + 9]
        if len(segment) < 9 or segment[0] != 0xFF:
            return None
        if segment[1] in _SOF:
            return _info("image/jpeg", _big(segment[7:9]), _big(segment[5:7]))
        at += 2 + _big(segment[2:4])
    return None


def _bmp(data: bytes) -> PictureInfo | None:
    if _little(data[14:18]) == 12:
        return _info("image/bmp", _little(data[18:20]), _little(data[20:22]))
    width = int.from_bytes(data[18:22], "little", signed=True)
    # a negative height only means that the rows go from top to bottom
    height = abs(int.from_bytes(data[22:26], "little", signed=True))
    return _info("image/bmp", width, height)


def _webp(data: bytes) -> PictureInfo | None:
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return _info("image/webp", _little(body[4:7]) + 1, _little(body[7:10]) + 1)
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = _little(body[1:5])
        return _info("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return _info("image/webp", _little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF)
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
