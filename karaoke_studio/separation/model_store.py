"""What is kept of model files: their hashes, and the bytes that are read of them.

A file's sha256 is recorded when it is first used; later bytes that differ are refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.catalogue import SAFE
from karaoke_studio.errors import ModelDamaged, ModelMissing, error_from_os
from karaoke_studio.separation.model_files import ModelFile, ModelFiles, refused
from karaoke_studio.staging import try_lock, write_json_atomic

log = logging.getLogger(__name__)

#: The largest published network has 0.34 GB.
MAX_MODEL_BYTES = 2 << 30
#: Writers of the hash records wait for each other, but not for ever: some disks have no locks.
_LOCK_TRIES, _LOCK_PAUSE_S = 100, 0.01
_BINARY = getattr(os, "O_BINARY", 0)


class HashRecords:
    """The sha256 of every model file that was ever used, in one small JSON file."""

    def __init__(self, path: Path) -> None:
        """Use `path`, usually `<data>/models.json`; it need not exist."""
        self._path = path

    def expected(self, file: Path) -> str | None:
        """Return what was recorded for a file, or None at its first use."""
        return self._load().get(_key(file))

    def check(self, file: ModelFile, sha256: str) -> None:
        """Compare a file's hash with its name and with its record.

        Raises:
            ModelDamaged: it is another one.
        """
        wanted = self.expected(file.path) or file.prefix
        if not sha256.startswith(wanted):
            raise ModelDamaged(
                f"{file.path.name} is not the file it was.",
                hint="Download it again. If you changed it yourself: models verify --accept.",
            )

    def record(self, file: Path, sha256: str) -> None:
        """Remember a file's hash from now on.

        Raises:
            OSError: the record cannot be written.
        """
        if self.expected(file) != sha256:
            self.change({file: sha256})

    def forget(self, file: Path) -> None:
        """Take a file as new at its next use.

        Raises:
            OSError: the record cannot be written.
        """
        self.change({file: None})

    def change(self, hashes: Mapping[Path, str | None]) -> None:
        """Remember hashes, and forget those that are None, all at once.

        Raises:
            OSError: the record cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # the window and its children write too; a reader needs no lock
        with self._path.with_suffix(".lock").open("wb") as lock:
            for _ in range(_LOCK_TRIES):
                if try_lock(lock):
                    break
                time.sleep(_LOCK_PAUSE_S)
            known: dict[str, str | None] = {**self._load()}
            changed = known | {_key(file): sha256 for file, sha256 in hashes.items()}
            kept = {name: sha256 for name, sha256 in changed.items() if sha256 is not None}
            if kept != known:
                write_json_atomic(self._path, {"version": 1, "files": kept})

    def _load(self) -> dict[str, str]:
        try:
            files = json.loads(self._path.read_text(encoding="utf-8"))["files"]
            return {str(name): str(digest) for name, digest in files.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            log.warning("the record of model files cannot be read, it begins anew: %s", exc)
            return {}


def _key(file: Path) -> str:
    return str(file.absolute())


@dataclass(frozen=True)
class ModelStore:
    """What the program itself keeps about models.

    Attributes:
        data: the data folder.
    """

    data: Path

    @property
    def folder(self) -> Path:
        """Models that the program downloaded or imported."""
        return self.data / "models"

    @property
    def converted(self) -> Path:
        """Old files in the form that can be used, named after their sha256."""
        return self.folder / "converted"

    @property
    def records(self) -> HashRecords:
        """Hashes of the files that were used."""
        return HashRecords(self.data / "models.json")


def read_whole(path: Path) -> tuple[bytearray, str]:
    """Return a model file's bytes and their sha256.

    Raises:
        ModelMissing: it is not there.
        ModelRefused: it is too large, or no regular file.
        UnreadableFile: it cannot be read.
    """

    def take(file: Any, size: int) -> tuple[bytearray, str]:
        data = bytearray(size)
        del data[file.readinto(data) :]
        return data, hashlib.sha256(data).hexdigest()

    found: tuple[bytearray, str] = with_model_file(path, take)
    return found


def with_model_file(path: Path, use: Callable[[Any, int], Any]) -> Any:
    """Open a regular file of a bearable size and return what `use` makes of it and its size.

    Raises:
        ModelMissing: it is not there.
        ModelRefused: it is too large, or no regular file.
        UnreadableFile: it cannot be read.
    """
    try:
        # a pipe or a device must not make us wait
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise refused(path.name, "no data of its own")
            if status.st_size > MAX_MODEL_BYTES:
                raise refused(path.name, "more data than any network has")
            return use(file, status.st_size)
    except FileNotFoundError as exc:
        raise ModelMissing(
            f"{path.name} is no longer there.", hint="Download the model again."
        ) from exc
    except OSError as exc:
        raise error_from_os(exc, path) from exc


def hash_file(path: Path) -> str:
    """Return a model file's sha256, in little memory.

    Raises:
        ModelMissing: it is not there.
        ModelRefused: it is too large, or no regular file.
        UnreadableFile: it cannot be read.
    """

    def digest(file: Any, _size: int) -> str:
        return hashlib.file_digest(file, "sha256").hexdigest()

    found: str = with_model_file(path, digest)
    return found


def checked_hash(file: ModelFile, store: ModelStore) -> str:
    """Return the sha256 of a model's file, which is the one that it was.

    Raises:
        ModelMissing: it is not there.
        ModelDamaged: it is not the file it was.
        ModelRefused: it cannot be any network's.
    """
    sha256 = hash_file(file.path)
    store.records.check(file, sha256)
    return sha256


def checked_hashes(files: ModelFiles, store: ModelStore) -> list[str]:
    """Return the sha256 of each network's file, "" where it is not there; none is loaded.

    Raises:
        ModelMissing: one is not there.
        ModelDamaged: one is not the file it was.
        ModelRefused: one cannot be any network's.
    """
    return ["" if file is None else checked_hash(file, store) for file in files.networks]


def model_sha256(
    files: Sequence[str], weights: Sequence[Sequence[float]] | None, segment_s: float | None
) -> str:
    """Return what names a model: the hashes of its files, and how they are put together."""
    identity = json.dumps([files, weights, segment_s])
    return hashlib.sha256(identity.encode()).hexdigest()


def converted_path(sha256: str, store: ModelStore) -> Path:
    """Return where the converted form of an old file lies."""
    return store.converted / f"{sha256}{SAFE}"


def unconverted(files: ModelFiles, store: ModelStore) -> list[Path]:
    """Return the old files of a model that a throw-away child must convert first.

    Raises:
        ModelMissing: one is not there.
        ModelDamaged: one is not the file it was.
        ModelRefused: one cannot be any network's.
    """
    waiting = []
    for file in files.files:
        if file.is_legacy:
            target = converted_path(checked_hash(file, store), store)
            if not target.exists() or store.records.expected(target) is None:
                waiting.append(file.path)
    return waiting
