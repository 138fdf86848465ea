"""Models from the hub: what it offers, and its files, each checked byte by byte.

The hub's `main` is resolved once, to a commit; all files are then taken from that commit and
compared with the size and the hash that the hub states for them.
Source: https://huggingface.co/docs/hub/api
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from karaoke_studio.catalogue import SAFE, KnownModel
from karaoke_studio.errors import DownloadFailed, ModelMissing, error_from_os
from karaoke_studio.progress import StopEvent
from karaoke_studio.separation.model_store import MAX_MODEL_BYTES
from karaoke_studio.separation.web import LineBroken, Patience, Transfer

log = logging.getLogger(__name__)

#: A mirror: an address that answers as the hub does.
HUB_VARIABLE = "KARAOKE_STUDIO_HUB"
_HUB = "https://huggingface.co"
_MAX_LISTING_BYTES = 4 << 20
_REPORT_S = 0.1

OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Hub:
    """Where models come from.

    Attributes:
        address: beginning of all addresses, without the slash.
        patience: how long it is waited for.
    """

    address: str = _HUB
    patience: Patience = field(default_factory=Patience)

    @staticmethod
    def chosen() -> Hub:
        """Return the hub, or the mirror that the environment names."""
        return Hub((os.environ.get(HUB_VARIABLE) or _HUB).rstrip("/"))


@dataclass(frozen=True)
class HubFile:
    """A file as the hub states it.

    Attributes:
        name: in the repository.
        size: bytes.
        sha256: of its bytes; "" where the hub keeps it in git.
        blob: its name in git, which is a hash too.
    """

    name: str
    size: int
    sha256: str
    blob: str

    @property
    def stamp(self) -> str:
        """Tells two versions of the file apart."""
        return (self.sha256 or self.blob)[:16]


@dataclass(frozen=True)
class Offer:
    """What the hub has of a model now.

    Attributes:
        repository: owner and name.
        commit: what `main` was.
        licence: as its page states it, or "".
        files: what makes up the model, the yaml first.
    """

    repository: str
    commit: str
    licence: str
    files: tuple[HubFile, ...]

    def only(self, names: Collection[str]) -> Offer:
        """Return the offer of some of the files."""
        return replace(self, files=tuple(file for file in self.files if file.name in names))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def ask_hub(model: KnownModel, hub: Hub, stop: StopEvent) -> Offer:
    """Resolve the hub's `main` of a model.

    Raises:
        Cancelled: `stop` was set.
        NetworkUnavailable: there is no way to the hub.
        DownloadFailed: what answers is not the hub, or it has no such model.
    """
    url = f"{hub.address}/api/models/{model.repository}/revision/main?blobs=true"
    with Transfer(url, stop, hub.patience) as answer:
        _check_status(answer.status, model.name)
        body = bytearray()
        try:
            for block in answer.blocks():
                body += block
                if len(body) > _MAX_LISTING_BYTES:
                    raise _not_the_hub()
        except LineBroken as exc:
            raise _broken(model.name) from exc
    try:
        facts = json.loads(body)
        stated = {one["rfilename"]: one for one in facts["siblings"]}
        commit = _hex(facts["sha"], 40)
        licence = (facts.get("cardData") or {}).get("license", "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        raise _not_the_hub() from exc
    files = tuple(_stated(model, name, stated.get(name)) for name in model.files)
    log.info("%s is %s at %s", model.name, model.repository, commit)
    return Offer(model.repository, commit, licence if isinstance(licence, str) else "", files)


def _stated(model: KnownModel, name: str, facts: Any) -> HubFile:
    if facts is None:
        raise ModelMissing(
            f"The hub no longer offers {model.name} in the form we know.",
            hint="Import it from a file, or look for a newer version of Karaoke Studio.",
        )
    try:
        size, lfs = facts["size"], facts.get("lfs")
        sha256 = _hex(lfs["sha256"], 64) if lfs else ""
        blob = "" if lfs else _hex(facts["blobId"], 40)
    except (LookupError, TypeError, AttributeError, ValueError) as exc:
        raise _not_the_hub() from exc
    # what is large must come with the stronger hash
    is_good = type(size) is int and 0 < size <= MAX_MODEL_BYTES
    if not is_good or (name.endswith(SAFE) and not sha256):
        raise _not_the_hub()
    return HubFile(name, size, sha256, blob)


def _hex(value: Any, digits: int) -> str:
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
        raise ValueError("no hash")
    return value


def fetch_file(
    offer: Offer,
    file: HubFile,
    folder: Path,
    hub: Hub,
    stop: StopEvent,
    report: OnBytes = lambda _done: None,
) -> str:
    """Download a file into a folder; what was there of it is gone on with.

    Until it is whole and checked it is called `{name}.{stamp}.part`.

    Args:
        offer: what the hub has.
        file: one of its files.
        folder: where it goes.
        hub: where it comes from.
        stop: set it to cancel; what is there is kept.
        report: told how many bytes are there, about ten times a second.

    Returns:
        Its sha256.

    Raises:
        Cancelled: `stop` was set.
        NetworkUnavailable: there is no way to the hub.
        DownloadFailed: the line broke too often, or what came is not what the hub states.
        DiskFull: it does not fit.
        OutputNotWritable: the folder cannot be written.
    """
    target = folder / file.name
    part = folder / f"{file.name}.{file.stamp}.part"
    for old in folder.glob(f"{file.name}.*.part"):
        if old != part:  # of another version
            old.unlink()
    url = f"{hub.address}/{offer.repository}/resolve/{offer.commit}/{quote(file.name)}"
    try:
        with part.open("a+b") as body:
            hashes = _Hashes(file.size)
            _take_up(body, hashes, file, stop)
            report(hashes.count)
            broken = 0
            while hashes.count < file.size:
                try:
                    _append(url, body, hashes, file, hub, stop, report)
                except LineBroken as exc:
                    broken += 1
                    if broken > hub.patience.tries:
                        raise _broken(file.name) from exc
                    log.info("%s broke off after %d bytes", file.name, hashes.count)
                    stop.wait(hub.patience.pause_s)
            body.flush()
            os.fsync(body.fileno())
        if not hashes.fit(file):
            part.unlink()
            raise DownloadFailed(
                f"{file.name} did not arrive as the hub has it, and was thrown away.",
                hint="Download it again; if this happens twice, try another network.",
            )
        part.replace(target)
    except OSError as exc:
        raise error_from_os(exc, target, writing=True) from exc
    report(file.size)
    return hashes.sha256


def _take_up(body: IO[bytes], hashes: _Hashes, file: HubFile, stop: StopEvent) -> None:
    """Read what an earlier try left; it counts only up to the size of the file."""
    body.seek(0)
    while hashes.count < file.size and not stop.is_set():
        block = body.read(min(1 << 20, file.size - hashes.count))
        if not block:
            break
        hashes.add(block)
    body.truncate(hashes.count)
    body.seek(0, os.SEEK_END)


def _append(
    url: str,
    body: IO[bytes],
    hashes: _Hashes,
    file: HubFile,
    hub: Hub,
    stop: StopEvent,
    report: OnBytes,
) -> None:
    """Fetch the rest of a file.

    Raises:
        LineBroken: less arrived than is missing.
    """
    with Transfer(url, stop, hub.patience, offset=hashes.count) as answer:
        _check_status(answer.status, file.name)
        if answer.headers.get_content_type() == "text/html":
            raise _not_the_hub()
        if hashes.count and not _goes_on(answer, hashes.count):
            body.seek(0)
            body.truncate()
            hashes.reset()
        length = answer.headers.get("Content-Length")
        if length is not None and length != str(file.size - hashes.count):
            raise _wrong_size(file)
        told_s = 0.0
        for block in answer.blocks():
            if hashes.count + len(block) > file.size:
                raise _wrong_size(file)
            body.write(block)
            hashes.add(block)
            if time.monotonic() - told_s > _REPORT_S:
                told_s = time.monotonic()
                report(hashes.count)
    if hashes.count < file.size:
        raise LineBroken


def _goes_on(answer: Transfer, offset: int) -> bool:
    """Whether an answer begins where it should; a server may send the whole file instead."""
    stated = str(answer.headers.get("Content-Range", ""))
    return answer.status == 206 and stated.startswith(f"bytes {offset}-")


class _Hashes:
    """What a file comes to, as the hub counts: sha256, and the name that git gives to bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.reset()

    def reset(self) -> None:
        self.count = 0
        self._sha256 = hashlib.sha256()
        self._blob = hashlib.sha1(b"blob %d\0" % self._size, usedforsecurity=False)

    def add(self, block: bytes) -> None:
        self.count += len(block)
        self._sha256.update(block)
        if self._size < 1 << 20:
            self._blob.update(block)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def fit(self, file: HubFile) -> bool:
        if file.sha256:
            return self.sha256 == file.sha256
        return self._blob.hexdigest() == file.blob


def _check_status(status: int, what: str) -> None:
    if status in {200, 206}:
        return
    if status in {401, 403, 404, 410}:
        raise DownloadFailed(
            f"The hub does not give out {what} (answer {status}).",
            hint="Import it from a file, or look for a newer version of Karaoke Studio.",
        )
    raise DownloadFailed(
        f"The hub cannot give out {what} now (answer {status}).", hint="Try again in some minutes."
    )


def _not_the_hub() -> DownloadFailed:
    return DownloadFailed(
        "Something other than the hub answered, such as the sign-in page of a network.",
        hint="Open any web page to sign in to the network, then try again.",
    )


def _wrong_size(file: HubFile) -> DownloadFailed:
    return DownloadFailed(
        f"{file.name} comes in another size than the hub states.", hint="Try again later."
    )


def _broken(what: str) -> DownloadFailed:
    return DownloadFailed(
        f"The download of {what} broke off.", hint="Resume it; what is there already is kept."
    )
