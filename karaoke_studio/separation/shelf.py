"""The program's own models on disk: put there whole or not at all, verified, taken away.

`<data>/models/{name}/` holds a model with a record of where it came from. What is still arriving
lies in `<data>/models/.incoming/`, where nobody looks for models.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from karaoke_studio.catalogue import SAFE, KnownModel
from karaoke_studio.errors import (
    DiskFull,
    DownloadFailed,
    KaraokeError,
    ModelDamaged,
    OutputNotWritable,
    error_from_os,
)
from karaoke_studio.progress import StopEvent
from karaoke_studio.separation.converted import conversions_folder
from karaoke_studio.separation.hub import Hub, HubFile, Offer, OnBytes, ask_hub, fetch_file
from karaoke_studio.separation.model_files import ModelFile, ModelFiles, find_model
from karaoke_studio.separation.model_store import ModelStore, converted_path, hash_file
from karaoke_studio.staging import sync_folder, sync_tree, try_lock, write_json_atomic

log = logging.getLogger(__name__)

RECORD = "record.json"
_INCOMING = ".incoming"
_UUID = "[0-9a-f]" * 32
#: What a disk should have left when a model is there.
_SPARE_BYTES = 50 << 20


class Verdict(StrEnum):
    """What verifying a file came to."""

    GOOD = "good"
    NEW = "new"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class Placed:
    """A model that is there.

    Attributes:
        name: of the model.
        folder: where its networks lie.
        is_own: whether the program put it there; else it is in a folder of the person's.
        size: bytes of its files.
        origin: "download", "import" or "" where nothing is known.
        commit: of the hub, or "".
        added_at: ISO date and time in UTC, or "".
        is_whole: whether all of its networks are there, not only those for a pair.
    """

    name: str
    folder: Path
    is_own: bool
    size: int
    origin: str = ""
    commit: str = ""
    added_at: str = ""
    is_whole: bool = True


@dataclass(frozen=True)
class Arrival:
    """How far a model is.

    Attributes:
        done: bytes that are there.
        total: bytes of the whole.
    """

    done: int
    total: int


OnArrival = Callable[[Arrival], None]


class Shelf:
    """The models of one data folder.

    Thread: any; writers of the same model exclude each other, across programs too.
    """

    def __init__(self, data: Path, own: Path | None = None) -> None:
        """Use a data folder.

        Args:
            data: the folder.
            own: a folder that the person named; models are looked for there first.
        """
        self.store = ModelStore(data)
        self.folders = (self.store.folder,) if own is None else (own, self.store.folder)

    # -- looking

    def placed(self, name: str) -> Placed:
        """Return what there is of a model.

        Raises:
            ModelMissing: it is not there, or not whole.
            ModelRefused: its yaml is not of the form that Demucs writes.
        """
        files = find_model(name, self.folders)
        folder = files.files[0].path.parent
        is_own = folder.is_relative_to(self.store.folder)
        record = _read_record(folder) if is_own else {}
        return Placed(
            name,
            folder,
            is_own,
            _size_of(files),
            str(record.get("origin", "")),
            str(record.get("commit", "")),
            str(record.get("added_at", "")),
            files.is_whole,
        )

    def arrived_bytes(self, name: str) -> int:
        """Return how much of a download is there already."""
        folder = self.store.folder / _INCOMING / name
        parts = (*folder.glob("*.part"), *folder.glob(f"*{SAFE}"))
        return sum(path.stat().st_size for path in parts if path.is_file())

    # -- arriving

    def download(
        self,
        model: KnownModel,
        hub: Hub,
        stop: StopEvent,
        report: OnArrival = lambda _: None,
        *,
        pair_only: bool = False,
    ) -> Placed:
        """Bring a model from the hub; what an earlier try left is gone on with.

        Args:
            model: which one.
            hub: where it comes from.
            stop: set it to cancel.
            report: told how far it is.
            pair_only: bring only the networks that a pair needs, as the model's own weights say;
                what is there besides stays.

        Raises:
            Cancelled: `stop` was set; what is there is kept.
            NetworkUnavailable: there is no way to the hub.
            DownloadFailed: the line broke, or what came is not what the hub states.
            DiskFull: it does not fit.
            OutputNotWritable: the folder of models cannot be written.
        """
        with self._incoming(model.name) as folder:
            offer = ask_hub(model, hub, stop)
            if pair_only:
                offer = offer.only(self._pair_files(model, offer))
            if self._has(offer, model.name):
                log.info("%s is there already", model.name)
                return self.placed(model.name)
            self._reuse(offer, model.name, folder)
            self.check_room(offer.size - self.arrived_bytes(model.name))
            done = 0
            files: dict[str, dict[str, Any]] = {}
            for file in offer.files:
                told = _counting(report, done, offer.size)
                files[file.name] = {
                    "size": file.size,
                    "sha256": self._bring(offer, file, folder, hub, stop, told),
                }
                done += file.size
            # read as it will be when it is used
            came = find_model(model.name, [folder])
            if pair_only and not _makes_pair(model, came):
                raise DownloadFailed(
                    f"The hub's {model.name} is put together in another way than we know.",
                    hint=f"Get all of it: models download {model.name} --stems all.",
                )
            facts = {
                "origin": "download",
                "repository": offer.repository,
                "commit": offer.commit,
                "licence": offer.licence,
            }
            self.place(model.name, folder, facts, files)
        return self.placed(model.name)

    @staticmethod
    def _bring(
        offer: Offer, file: HubFile, folder: Path, hub: Hub, stop: StopEvent, told: OnBytes
    ) -> str:
        """Return the sha256 of a file that is there, now or since an earlier try."""
        whole = folder / file.name
        if whole.is_file() and file.sha256 and hash_file(whole) == file.sha256:
            told(file.size)
            return file.sha256
        return fetch_file(offer, file, folder, hub, stop, told)

    def _has(self, offer: Offer, name: str) -> bool:
        folder = self.store.folder / name
        recorded = _read_record(folder)
        if recorded.get("commit") != offer.commit:
            return False
        if not {file.name for file in offer.files} <= recorded["files"].keys():
            return False
        return all(verdict is Verdict.GOOD for verdict in self._verdicts(folder, recorded))

    def _pair_files(self, model: KnownModel, offer: Offer) -> set[str]:
        """Return the files that a pair needs, and those that are there of the same version."""
        recorded = _read_record(self.store.folder / model.name)
        there = recorded["files"] if recorded.get("commit") == offer.commit else {}
        needed = (f"{signature}{SAFE}" for signature in model.pair_signatures)
        return {f"{model.name}.yaml", *needed, *there}

    def _reuse(self, offer: Offer, name: str, folder: Path) -> None:
        """Lay files that are there already among those that arrive."""
        for file in offer.files:
            there, waiting = self.store.folder / name / file.name, folder / file.name
            if file.sha256 and there.is_file() and not waiting.exists():
                try:
                    os.link(there, waiting)
                except OSError:  # a disk without links: then it is brought once more
                    return

    def check_room(self, size: int) -> None:
        """Refuse to begin what will not fit.

        Raises:
            DiskFull: fewer than `size` bytes and some to spare are free.
            OSError: the folder of models cannot be looked at.
        """
        free = shutil.disk_usage(self.store.folder).free
        if free < size + _SPARE_BYTES:
            missing = (size + _SPARE_BYTES - free) / 1e6
            raise DiskFull(
                f"The disk has too little room: {missing:.0f} MB more are needed.",
                hint="Free some space and try again.",
            )

    @contextlib.contextmanager
    def _incoming(self, name: str) -> Iterator[Path]:
        """Lend the folder in which a model arrives to one writer at a time."""
        folder = self.store.folder / _INCOMING / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with folder.with_name(f"{name}.lock").open("wb") as lock:
                if not try_lock(lock):
                    raise DownloadFailed(
                        f"{name} is arriving already.", hint="Wait until it is there."
                    )
                self._tidy(name)
                yield folder
        except OSError as exc:
            raise error_from_os(exc, self.store.folder, writing=True) from exc

    def _tidy(self, name: str) -> None:
        """Mend what a crash left half done; nobody else works on this model now."""
        incoming, target = self.store.folder / _INCOMING, self.store.folder / name
        for attic in incoming.glob(f".old-{name}-{_UUID}"):
            if (attic / name).exists() and not target.exists():
                (attic / name).rename(target)
            shutil.rmtree(attic, ignore_errors=True)
        for visitor in incoming.glob(f".new-{name}-{_UUID}"):
            shutil.rmtree(visitor, ignore_errors=True)

    @contextlib.contextmanager
    def visitor(self, name: str) -> Iterator[Path]:
        """Lend an empty folder for a model from elsewhere; gone afterwards unless it was placed.

        Raises:
            DownloadFailed: the model is arriving already.
            DiskFull: it does not fit.
            OutputNotWritable: the folder of models cannot be written.
        """
        with self._incoming(name) as waiting:
            folder = waiting.with_name(f".new-{name}-{uuid.uuid4().hex}")
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def place(
        self, name: str, folder: Path, facts: dict[str, str], files: dict[str, dict[str, Any]]
    ) -> None:
        """Put a folder with a whole model where it is found; an older one makes room.

        Args:
            name: of the model.
            folder: inside the same folder of models; it is moved.
            facts: where it came from.
            files: name → `size` and `sha256` of each file.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        record = {"version": 1, "name": name, **facts, "added_at": now.isoformat(), "files": files}
        write_json_atomic(folder / RECORD, record)
        for left in (path for path in folder.iterdir() if path.name not in {RECORD, *files}):
            left.unlink()  # of another version
        sync_tree(folder)
        target = self.store.folder / name
        with self._out_of_the_way(name) as gone:
            folder.rename(target)
            sync_folder(self.store.folder)
        hashes: dict[Path, str | None] = dict.fromkeys(gone)
        hashes |= {target / file: str(one["sha256"]) for file, one in files.items()}
        self.store.records.change(hashes)
        log.info("%s is there", name)

    @contextlib.contextmanager
    def _out_of_the_way(self, name: str) -> Iterator[list[Path]]:
        """Take away what there is of a model; it comes back where something goes wrong.

        Yields the files that are gone.
        """
        attic = self.store.folder / _INCOMING / f".old-{name}-{uuid.uuid4().hex}"
        attic.mkdir(parents=True)
        files = self._own_files(name)
        moved: list[tuple[Path, Path]] = []
        folder = self.store.folder / name
        try:
            for path in [folder] if folder.exists() else []:
                moved.append((path, path.rename(attic / name)))
            for path in (one for one in files if one.parent != folder and one.exists()):
                moved.append((path, path.rename(attic / f"loose-{path.name}")))
            yield files
        except BaseException:
            for home, place in reversed(moved):
                place.rename(home)
            raise
        finally:
            shutil.rmtree(attic, ignore_errors=True)

    def _own_files(self, name: str) -> list[Path]:
        """Return the files of a model in the program's own folder, loose ones too."""
        folder, files = self.store.folder / name, []
        with contextlib.suppress(OSError):
            files += list(folder.iterdir())
        loose = self.store.folder / f"{name}.yaml"
        with contextlib.suppress(KaraokeError):
            for file in find_model(name, [self.store.folder]).files:
                if file.path.parent == self.store.folder:
                    files.append(file.path)
        if loose.is_file():
            files.append(loose)
        return files

    # -- verifying and removing

    def verify(self, name: str, *, accept: bool = False) -> dict[str, Verdict]:
        """Read every file of a model and compare it with what was recorded.

        A file that was never used is recorded now, unless its name tells another hash.

        Args:
            name: of the model.
            accept: take the files as they are from now on (only those of a person's own folder).

        Returns:
            File name → what it came to.

        Raises:
            ModelMissing: the model is not there.
            ModelDamaged: `accept` was asked for a model that the program brought itself.
        """
        found, files = self.placed(name), find_model(name, self.folders)
        if accept and found.is_own:
            raise ModelDamaged(
                f"{name} was brought by the program and must stay as it came.",
                hint="Download it again instead.",
            )
        if accept:
            self.store.records.change(dict.fromkeys(file.path for file in files.files))
        verdicts = {file.path.name: self._verdict_of(file) for file in files.files}
        record = _read_record(found.folder) if found.is_own else {}
        if record:
            for file, verdict in zip(
                record["files"], self._verdicts(found.folder, record), strict=True
            ):
                if verdict is Verdict.DAMAGED or file not in verdicts:
                    verdicts[file] = verdict
        return verdicts

    def _verdict_of(self, file: ModelFile) -> Verdict:
        records = self.store.records
        sha256 = hash_file(file.path)
        is_known = records.expected(file.path) is not None
        try:
            records.check(file, sha256)
        except ModelDamaged:
            return Verdict.DAMAGED
        records.record(file.path, sha256)
        return Verdict.GOOD if is_known or file.prefix else Verdict.NEW

    @staticmethod
    def _verdicts(folder: Path, record: dict[str, Any]) -> Iterator[Verdict]:
        for name, stated in record["files"].items():
            try:
                is_good = hash_file(folder / name) == stated["sha256"]
            except KaraokeError:
                is_good = False
            yield Verdict.GOOD if is_good else Verdict.DAMAGED

    def remove(self, name: str) -> None:
        """Take a model away, and what has arrived of it.

        Raises:
            ModelMissing: there is nothing of it.
            OutputNotWritable: it lies in a folder of the person's, or cannot be removed.
        """
        with self._incoming(name) as waiting:
            had_parts = self.arrived_bytes(name) > 0
            converted = [converted_path(sha256, self.store) for sha256 in self._legacy(name)]
            files = self._own_files(name)
            if not files and not had_parts:
                self._refuse_foreign(name)
            with self._out_of_the_way(name):
                pass
            for path in converted:
                path.unlink(missing_ok=True)
            shutil.rmtree(waiting, ignore_errors=True)
            shutil.rmtree(conversions_folder(self.store.data, name), ignore_errors=True)
            self.store.records.change(dict.fromkeys((*files, *converted)))
        log.info("%s is removed", name)

    def _refuse_foreign(self, name: str) -> None:
        found = self.placed(name)  # raises where it is nowhere
        raise OutputNotWritable(
            f"{name} lies in your own folder {found.folder.name}.",
            hint="Karaoke Studio leaves it alone; remove the files there yourself.",
        )

    def _legacy(self, name: str) -> list[str]:
        """Return the hashes of the old files among a model's own."""
        known = [
            self.store.records.expected(path)
            for path in self._own_files(name)
            if ModelFile.at(path).is_legacy
        ]
        return [sha256 for sha256 in known if sha256]


def _makes_pair(model: KnownModel, files: ModelFiles) -> bool:
    """Whether no network that adds to the vocals is missing, by the weights that came with it."""
    place = model.stems.index("vocals")
    rows = zip(files.networks, files.weights or (), strict=files.weights is not None)
    return not any(file is None and row[place] for file, row in rows)


def _counting(report: OnArrival, before: int, total: int) -> OnBytes:
    return lambda done: report(Arrival(before + done, total))


def _size_of(files: ModelFiles) -> int:
    sizes = 0
    for file in files.files:
        with contextlib.suppress(OSError):
            sizes += file.path.stat().st_size
    return sizes


def _read_record(folder: Path) -> dict[str, Any]:
    """Return where a model came from; {} where nothing usable is known."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if all(isinstance(one["sha256"], str) for one in record["files"].values()):
            return dict(record)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        log.info("no record of %s: %s", folder.name, exc)
    return {}
