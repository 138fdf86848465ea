"""Messages between parent and child: JSON objects, each behind its length (4 bytes, little-endian).

Never pickle: what comes out of a child that read a hostile file is data and nothing else.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<I")
#: A message larger than this is a fault of the sender.
MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024

Message = dict[str, Any]


def send(stream: BinaryIO, message: Message) -> None:
    """Write one message and flush it.

    Raises:
        OSError: the other side is gone.
    """
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> Message | None:
    """Read one message; None at the end of the stream or when it is no message."""
    head = _read(stream, _LENGTH.size)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    body = _read(stream, size) if size <= MESSAGE_LIMIT_BYTES else None
    if body is None:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _read(stream: BinaryIO, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
