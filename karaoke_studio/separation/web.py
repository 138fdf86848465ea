"""One file over HTTPS, in blocks: cancelled at once, and never waited for without end.

The waiting is done by a thread of its own, so that a stop-event is obeyed whatever the network
does: also while a name is looked up, which nothing can interrupt.
"""

from __future__ import annotations

import http.client
import logging
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import Any, Self
from urllib.parse import urlsplit

from karaoke_studio import __version__
from karaoke_studio.errors import DownloadFailed, KaraokeError, NetworkUnavailable
from karaoke_studio.progress import Cancelled, StopEvent

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 16
_BLOCKS_AHEAD = 16
_POLL_S = 0.05
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Patience:
    """How long the network is waited for.

    Attributes:
        answer_s: for the first word of an answer.
        stall_s: for the rest: so long may next to nothing arrive.
        stall_bytes: less than this in `stall_s` is next to nothing.
        tries: how often a broken line is taken up again.
        pause_s: before that.
    """

    answer_s: float = 8.0
    stall_s: float = 30.0
    stall_bytes: int = 30_000
    tries: int = 3
    pause_s: float = 1.0


class LineBroken(Exception):
    """The connection ended before the file did."""


def check_url(url: str) -> None:
    """Let only encrypted addresses pass, and those of this machine itself.

    Raises:
        DownloadFailed: anybody could read or change what comes from there.
    """
    parts = urlsplit(url)
    is_own = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_own):
        raise DownloadFailed(
            f"{parts.hostname or 'The address'} offers no safe connection.",
            hint="Models are only taken from addresses that begin with https.",
        )


class Transfer:
    """One request under way.

    Attributes:
        status: of HTTP.
        headers: of the answer.

    Args:
        url: what to fetch.
        stop: set it to cancel.
        patience: how long to wait.
        offset: first byte that is wanted; the answer may begin at 0 all the same.

    Raises:
        Cancelled: `stop` was set.
        NetworkUnavailable: there is no way to the server, or it does not answer.
        DownloadFailed: the address is not safe.
    """

    def __init__(self, url: str, stop: StopEvent, patience: Patience, *, offset: int = 0) -> None:
        check_url(url)
        self._host = urlsplit(url).hostname or ""
        self._stop, self._patience = stop, patience
        self._inbox: queue.Queue[_Head | bytes | Exception] = queue.Queue(_BLOCKS_AHEAD)
        self._is_over = threading.Event()
        self._sockets: list[socket.socket] = []
        headers = {"User-Agent": f"karaoke-studio/{__version__}", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        self._thread = threading.Thread(
            target=self._fetch,
            args=(urllib.request.Request(url, headers=headers),),
            name="download",
            daemon=True,
        )
        self._thread.start()
        try:
            head = self._take(patience.answer_s)
            if isinstance(head, Exception):
                raise _unreachable(head, self._host) from head
        except queue.Empty as exc:
            self.close()
            raise NetworkUnavailable(f"{self._host} does not answer.", hint=_TRY_LATER) from exc
        except BaseException:
            self.close()
            raise
        if not isinstance(head, _Head):
            raise TypeError("an answer without a head")
        self.status, self.headers = head.status, head.headers

    def blocks(self) -> Iterator[bytes]:
        """Yield what arrives.

        Raises:
            Cancelled: the stop-event was set.
            DownloadFailed: next to nothing arrived for a while.
            LineBroken: the line broke.
        """
        since_s, got = time.monotonic(), 0
        while True:
            left_s = since_s + self._patience.stall_s - time.monotonic()
            if left_s <= 0:
                if got < self._patience.stall_bytes:
                    raise self._stalled()
                since_s, got = time.monotonic(), 0
                continue
            try:
                block = self._take(left_s)
            except queue.Empty:
                continue
            if isinstance(block, TimeoutError):
                raise self._stalled() from block
            if isinstance(block, Exception):
                raise LineBroken from block
            if not isinstance(block, bytes) or not block:
                return
            got += len(block)
            yield block

    def close(self) -> None:
        """End the request, wherever it stands."""
        self._is_over.set()
        for line in self._sockets:
            # below any encryption: its thread then wakes up by the end of the line
            with suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)
        # not for ever: a name that is being looked up cannot be woken
        self._thread.join(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _stalled(self) -> DownloadFailed:
        return DownloadFailed(
            f"The download stands still: {self._host} sent next to nothing for"
            f" {self._patience.stall_s:.0f} seconds.",
            hint="Resume it later; what is there already is kept.",
        )

    def _take(self, wait_s: float) -> _Head | bytes | Exception:
        deadline_s = time.monotonic() + wait_s
        while True:
            if self._stop.is_set():
                raise Cancelled
            try:
                return self._inbox.get(timeout=_POLL_S)
            except queue.Empty:
                if time.monotonic() > deadline_s:
                    raise

    # -- in the thread that waits ----------------------------------------------------------------

    def _fetch(self, request: urllib.request.Request) -> None:
        try:
            with self._opener().open(request, timeout=self._patience.answer_s) as answer:
                self._give(_Head(answer.status, answer.headers))
                while block := answer.read1(_BLOCK_BYTES):
                    if not self._give(block):
                        return
            self._give(b"")
        except urllib.error.HTTPError as exc:
            with exc:
                self._give(_Head(exc.code, exc.headers))
            self._give(b"")
        # ValueError: what a socket that was shut meanwhile can say
        except (OSError, http.client.HTTPException, ValueError, KaraokeError) as exc:
            self._give(exc)

    def _give(self, item: _Head | bytes | Exception) -> bool:
        while not self._is_over.is_set():
            with suppress(queue.Full):
                self._inbox.put(item, timeout=_POLL_S)
                return True
        return False

    def _opener(self) -> urllib.request.OpenerDirector:
        opener = urllib.request.OpenerDirector()  # knows nothing of files and FTP
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _SafeRedirects(),
            _PlainHandler(self._keep),
            _SecureHandler(self._keep),
        ):
            opener.add_handler(handler)
        return opener

    def _keep(self, line: socket.socket) -> None:
        # from now on every single word is waited for, which is longer than for the first
        line.settimeout(self._patience.stall_s)
        self._sockets.append(line)
        if self._is_over.is_set():
            raise ConnectionAbortedError("nobody waits for the answer any more")


@dataclass(frozen=True)
class _Head:
    status: int
    headers: Message


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            check_url(newurl)
        except DownloadFailed:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_Keep = Callable[[socket.socket], None]


class _PlainHandler(urllib.request.HTTPHandler):
    def __init__(self, keep: _Keep) -> None:
        super().__init__()
        self._keep = keep

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        keep = self._keep

        class Line(http.client.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        return self.do_open(Line, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, keep: _Keep) -> None:
        super().__init__(context=_trust())
        self._keep = keep

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        keep = self._keep

        class Line(http.client.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        return self.do_open(Line, req, context=_trust())


def _trust() -> ssl.SSLContext:
    """Return whom to believe: the system's certificates, or ours where it has none for Python."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not (places.cafile or places.capath or context.get_ca_certs()):
        import certifi

        context.load_verify_locations(certifi.where())
    return context


_TRY_LATER = "Try again later; a model that you have as a file can be imported."


def _unreachable(exc: Exception, host: str) -> KaraokeError:
    """Say why there was no answer."""
    if isinstance(exc, KaraokeError):
        return exc
    reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NetworkUnavailable(
            f"The connection to {host} is not safe: its certificate is not trusted.",
            hint="Check the clock of this computer, and any proxy or virus scanner.",
        )
    if isinstance(reason, TimeoutError | http.client.HTTPException):
        return NetworkUnavailable(f"{host} does not answer.", hint=_TRY_LATER)
    return NetworkUnavailable(
        f"You seem to be offline: {host} could not be reached.",
        hint="Check the connection; a model that you have as a file can be imported.",
    )
