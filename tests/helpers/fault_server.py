"""A hub of models on this machine that can go wrong in every way that networks do."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HTML = b"<html><body>Welcome to the hotel. Please sign in.</body></html>"


class FaultServer(ThreadingHTTPServer):
    """Answers as the hub does.

    Attributes:
        repositories: repository → file name → bytes.
        faults: file name ("main" = the question for the commit) → what goes wrong with its next
            answers, one by one: "cut", "flip", "short", "long", "404", "503", "html", "drip"
            (a byte at a time), "silence" (no answer), "hush" (a head, half, then nothing),
            "whole" (ranges are ignored), "elsewhere" (sent to an address that is not safe),
            "hang up".
        asked: (file name, Range header or "") of each request, in order.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.faults: dict[str, list[str]] = {}
        self.asked: list[tuple[str, str]] = []
        self.commit = COMMIT
        self.closing = threading.Event()
        #: Set when an answer hangs, so that a test knows when to act.
        self.hanging = threading.Event()

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def listing(self, repository: str) -> dict[str, Any]:
        """What the hub states of a repository."""
        siblings = []
        for name, body in self.repositories[repository].items():
            blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
            stated: dict[str, Any] = {"rfilename": name, "size": len(body), "blobId": blob}
            if not name.endswith(".yaml"):
                digest = hashlib.sha256(body).hexdigest()
                stated["lfs"] = {"sha256": digest, "size": len(body), "pointerSize": 134}
            siblings.append(stated)
        return {
            "id": repository,
            "sha": self.commit,
            "siblings": siblings,
            "cardData": {"license": "other"},
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultServer

    def do_GET(self) -> None:
        with suppress(OSError):
            self._answer()
        self.close_connection = True

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        name = path.rsplit("/", 1)[-1]
        self.server.asked.append((name, self.headers.get("Range") or ""))
        waiting = self.server.faults.get(name, [])
        fault = waiting.pop(0) if waiting else ""
        if fault == "silence":
            self._hang()
        elif fault == "hang up":
            return
        elif fault.isdecimal():
            self._send(int(fault), b"no", "text/plain")
        elif fault == "html":
            self._send(200, HTML, "text/html; charset=utf-8")
        elif fault == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/file")
            self.end_headers()
        elif path.startswith("/api/models/"):
            repository = path.removeprefix("/api/models/").removesuffix("/revision/main")
            if repository not in self.server.repositories:
                self._send(404, b"{}", "application/json")
                return
            body = json.dumps(self.server.listing(repository)).encode()
            self._send(200, body, "application/json")
        else:
            self._send_file(path, fault)

    def _send_file(self, path: str, fault: str) -> None:
        owner, repository, _, commit, name = path.strip("/").split("/")
        files = self.server.repositories.get(f"{owner}/{repository}", {})
        if commit != self.server.commit or name not in files:
            self._send(404, b"", "text/plain")
            return
        body, start = files[name], 0
        asked = self.headers.get("Range")
        if asked and fault != "whole":
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        rest = body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        stated = len(rest) + {"short": -10, "long": 10}.get(fault, 0)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(stated))
        self.end_headers()
        self._send_body(rest, fault)

    def _send_body(self, rest: bytes, fault: str) -> None:
        middle = len(rest) // 2
        if fault == "flip":
            rest = rest[:middle] + bytes([rest[middle] ^ 1]) + rest[middle + 1 :]
        if fault in {"cut", "hush"}:
            self.wfile.write(rest[:middle])
            self.wfile.flush()
            if fault == "hush":
                self._hang()
        elif fault == "drip":
            for byte in rest:
                self.wfile.write(bytes([byte]))
                if self.server.closing.wait(0.02):
                    return
        else:
            self.wfile.write(rest)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang(self) -> None:
        self.server.hanging.set()
        self.server.closing.wait()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@contextmanager
def fault_server() -> Iterator[FaultServer]:
    """A server that runs in a thread until the block ends."""
    server = FaultServer()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="fault-server"
    )
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
