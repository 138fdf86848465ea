from __future__ import annotations

import io
import json
import os
import random
import struct
import threading
from typing import Any

import pytest

from karaoke_studio.worker import pipe
from karaoke_studio.worker.pipe import receive, send


def through(message: dict[str, Any]) -> Any:
    stream = io.BytesIO()
    send(stream, message)
    stream.seek(0)
    back = receive(stream)
    assert receive(stream) is None
    return back


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"id": 1, "progress": {"fraction": 0.25}},
        {"path": "/m/caf\udce9 שיר 🎤\n.mp3"},
        {"lone": "\ud800"},
        {"deep": [[[[{"a": None}]]]]},
        {"big": "x" * 5_000_000},
    ],
)
def test_messages_arrive_as_they_were(message: dict[str, Any]) -> None:
    assert through(message) == message


def test_many_messages_keep_their_order() -> None:
    stream = io.BytesIO()
    for number in range(100):
        send(stream, {"id": number})
    stream.seek(0)
    assert [(receive(stream) or {})["id"] for _ in range(100)] == list(range(100))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x04\x00\x00\x00",
        b"\x04\x00\x00\x00{}",
        struct.pack("<I", 2) + b"{]",
        struct.pack("<I", 2) + b"[]",
        struct.pack("<I", 4) + b"null",
        struct.pack("<I", 2) + b"\xff\xfe",
        struct.pack("<I", pipe.MESSAGE_LIMIT_BYTES + 1) + b"{}",
        b"\xff\xff\xff\xff",
        struct.pack("<I", 200_000) + b"[" * 200_000,
        b"Traceback (most recent call last):\n",
    ],
)
def test_what_is_no_message_ends_the_talk(data: bytes) -> None:
    assert receive(io.BytesIO(data)) is None


def test_garbage_ends_the_talk() -> None:
    rng = random.Random(4)
    for _ in range(2000):
        body = rng.randbytes(rng.randrange(40))
        head = struct.pack("<I", len(body)) if rng.random() < 0.7 else b""
        message = receive(io.BytesIO(head + body))
        assert message is None or isinstance(message, dict)


def test_a_message_in_crumbs_is_put_together() -> None:
    class Crumbs(io.RawIOBase):
        """A stream that gives one byte at a time."""

        def __init__(self, data: bytes) -> None:
            self._rest = data

        def read(self, _size: int = -1) -> bytes:
            crumb, self._rest = self._rest[:1], self._rest[1:]
            return crumb

    whole = io.BytesIO()
    send(whole, {"id": 7})
    assert receive(Crumbs(whole.getvalue())) == {"id": 7}  # type: ignore[arg-type]


def test_a_reader_that_is_gone_is_an_error_of_the_system() -> None:
    source, sink = os.pipe()
    os.close(source)
    stream = os.fdopen(sink, "wb", buffering=0)
    with stream, pytest.raises(OSError, match=r"."):
        send(stream, {"id": 1})


def test_a_message_larger_than_the_pipe_arrives() -> None:
    source, sink = os.pipe()
    message = {"text": "y" * 1_000_000}
    with os.fdopen(source, "rb") as reader, os.fdopen(sink, "wb") as writer:
        thread = threading.Thread(target=send, args=(writer, message))
        thread.start()
        assert receive(reader) == message
        thread.join()


def test_it_is_json_and_nothing_that_runs() -> None:
    stream = io.BytesIO()
    send(stream, {"a": 1})
    assert json.loads(stream.getvalue()[4:]) == {"a": 1}
