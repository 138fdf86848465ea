"""Frame headers of MPEG audio (MP1, MP2, MP3) and ADTS AAC: just enough to recognise them."""

from __future__ import annotations

#: Padding and junk between tags and the first frame are searched this far.
SEARCH_BYTES = 65536

_HEADER_BYTES = 4
#: Bits that all frames of a stream share: sync, version, layer, sample rate.
_SAME_STREAM = 0xFFFE0C00
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBPS_V1 = {
    3: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KBPS_V2 = {
    3: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    1: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def find_first(data: bytes) -> int | None:
    """Return where the first MPEG audio frame begins, or None.

    Two frames must follow each other at the very beginning (or fill all of a tiny file), three
    after junk, where chance has more tries.
    """
    at = data.find(b"\xff")
    while at >= 0:
        if _count_chain(data, at, wanted=3 if at else 2):
            return at
        at = data.find(b"\xff", at + 1)
    return None


def has_frame_count(data: bytes, first: int) -> bool:
    """Return whether the frame at `first` is a Xing or Info header that counts the frames."""
    side = data[first : first + 40]
    return b"Xing" in side or b"Info" in side


def find_adts(data: bytes) -> int | None:
    """Return 0 when the data begin with two ADTS frames of one stream, else None."""
    length = _adts_length(data)
    if length is None or _adts_length(data[length:]) is None:
        return None
    return 0 if data[1:2] == data[length + 1 : length + 2] else None


def _count_chain(data: bytes, at: int, wanted: int) -> bool:
    first = _header(data, at)
    for _ in range(wanted):
        header = _header(data, at)
        length = _frame_length(header)
        if length is None or (header ^ first) & _SAME_STREAM:
            return False
        at += length
    return True


def _header(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _HEADER_BYTES], "big")


def _frame_length(header: int) -> int | None:
    """Return a frame's bytes, or None when the header is impossible (or of free format)."""
    version, layer = header >> 19 & 3, header >> 17 & 3
    kbps_index, rate_index = header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or layer == 0:
        return None
    if kbps_index in {0, 15} or rate_index == 3:
        return None
    bits_per_s = 1000 * (_KBPS_V1 if version == 3 else _KBPS_V2)[layer][kbps_index - 1]
    sample_rate = _SAMPLE_RATES[version][rate_index]
    padding = header >> 9 & 1
    if layer == 3:
        return (12 * bits_per_s // sample_rate + padding) * 4
    is_half_frame = layer == 1 and version != 3
    return (72 if is_half_frame else 144) * bits_per_s // sample_rate + padding


def _adts_length(data: bytes) -> int | None:
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return None
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return length if length > 7 else None
