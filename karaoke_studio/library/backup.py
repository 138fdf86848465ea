"""Backups of a library: a folder per song, as in the library, with no index; and back again.

A backup is added to: songs whose manifest is there already are not copied again, and songs that
left the library stay in it. Each file is read back from the disk and compared. A song is arranged
beside its place and takes it by one rename, so a backup that breaks off has whole songs only; the
song that was there before goes when the new one is in its place.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from karaoke_studio.errors import (
    DiskFull,
    LibraryDamaged,
    MissingFile,
    OutputNotWritable,
    error_from_os,
)
from karaoke_studio.library.checking import expected_files
from karaoke_studio.library.copying import copy_file
from karaoke_studio.library.manifest import MANIFEST, read_manifest
from karaoke_studio.library.playlists import FILE as PLAYLISTS
from karaoke_studio.staging import sync_folder, sync_tree

FOLDER_NAME = "Karaoke Studio backup"
_STAGING_PREFIX, _FORMER_PREFIX = ".arriving-", ".former-"
_RESERVE_BYTES = 100_000_000
_HINT = "Check that disk, or choose another."

Report = Callable[[float], None]
Check = Callable[[], None]


@dataclass
class Outcome:
    """What a backup, or a return from one, did.

    Attributes:
        copied: songs that were copied.
        unchanged: songs that were there already.
        damaged: songs that were left out, and why.
    """

    copied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)


def songs_in(folder: Path) -> dict[str, Path]:
    """Return the song folders of a library or a backup by their ids."""
    with contextlib.suppress(OSError):
        return {
            path.name: path
            for path in sorted(folder.iterdir())
            if path.name[0] != "." and (path / MANIFEST).is_file()
        }
    return {}


def back_up(library: Path, into: Path, report: Report, check: Check) -> Outcome:
    """Copy what is new of a library to another folder.

    Args:
        library: whose manifests know everything; its index need not be closed.
        into: the folder in which the backup's own folder is, or is made.
        report: called with 0…1.
        check: raises `Cancelled` when it is no longer wanted.

    Raises:
        OutputNotWritable: it cannot be written there.
        DiskFull: there is no room.
        CopyDiffers: that disk gives back something else than was written.
        Cancelled: from `check`.
    """
    target = into / FOLDER_NAME
    if target.resolve().is_relative_to(library.resolve()):
        raise OutputNotWritable(
            "The library cannot be backed up into itself.", hint="Choose another folder."
        )
    try:
        target.mkdir(exist_ok=True, parents=True)
        outcome = _Copier(library, target, report, check).run()
        _copy_playlists(library, target)
    except OSError as exc:
        raise error_from_os(exc, target, writing=True) from exc
    return outcome


def bring_back(
    backup: Path, staging: Path, wanted: list[str], report: Report, check: Check
) -> Iterator[Path]:
    """Copy songs of a backup into staging, compare them with their manifests, and yield them.

    Args:
        backup: as `back_up` wrote it.
        staging: where song folders are made, on the library's disk.
        wanted: ids of songs.
        report: as in `back_up`.
        check: as in `back_up`.

    Yields:
        Folders that are whole and flushed, each to be renamed into the library.

    Raises:
        MissingFile: a song is not in the backup.
        LibraryDamaged: a song of the backup is not as it was written.
        KaraokeError: it cannot be copied.
    """
    songs = songs_in(backup)
    for number, song_id in enumerate(wanted):
        if song_id not in songs:
            raise MissingFile(f"There is no song {song_id} in the backup.")
        try:
            yield _copy_song(songs[song_id], staging / song_id, check)
        except OSError as exc:
            raise error_from_os(exc, staging, writing=True) from exc
        report((number + 1) / len(wanted))


class _Copier:
    """One backup."""

    def __init__(self, library: Path, target: Path, report: Report, check: Check) -> None:
        self._library, self._target = library, target
        self._report, self._check = report, check
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Copy all songs that are not there as they are."""
        self._tidy()
        songs, there = songs_in(self._library), songs_in(self._target)
        new = [song_id for song_id, folder in songs.items() if not _is_same(folder, there)]
        self._outcome.unchanged = [song_id for song_id in songs if song_id not in new]
        sizes = {song_id: _size(songs[song_id]) for song_id in new}
        self._require_room(sum(sizes.values()))
        done, whole = 0, sum(sizes.values()) or 1
        for song_id in new:
            self._check()
            self._copy(songs[song_id])
            done += sizes[song_id]
            self._report(min(done / whole, 1.0))
        return self._outcome

    def _tidy(self) -> None:
        """Finish or undo what broke off."""
        for left in self._target.glob(f"{_STAGING_PREFIX}*"):
            if left.is_dir():
                shutil.rmtree(left)
        for former in self._target.glob(f"{_FORMER_PREFIX}*"):
            place = self._target / former.name.removeprefix(_FORMER_PREFIX)
            if place.exists():
                shutil.rmtree(former)
            else:
                former.rename(place)

    def _require_room(self, needed: int) -> None:
        free = shutil.disk_usage(self._target).free
        if free < needed + _RESERVE_BYTES:
            raise DiskFull(
                f"The backup needs {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free.",
                hint="Free some space, or choose another disk.",
            )

    def _copy(self, song: Path) -> None:
        place = self._target / song.name
        staged = self._target / f"{_STAGING_PREFIX}{uuid.uuid4().hex[:12]}"
        try:
            _copy_song(song, staged, self._check)
        except (LibraryDamaged, FileNotFoundError) as exc:
            shutil.rmtree(staged, ignore_errors=True)
            # a damaged song must not take the place of a whole one that was saved before
            self._outcome.damaged[song.name] = getattr(exc, "message", "It was removed meanwhile.")
            return
        former = self._target / f"{_FORMER_PREFIX}{song.name}"
        if place.exists():
            place.rename(former)
        staged.rename(place)
        sync_folder(self._target)
        if former.exists():
            shutil.rmtree(former)
        self._outcome.copied.append(song.name)


def _is_same(song: Path, there: dict[str, Path]) -> bool:
    saved = there.get(song.name)
    if saved is None:
        return False
    try:
        return (saved / MANIFEST).read_bytes() == (song / MANIFEST).read_bytes()
    except FileNotFoundError:
        return False


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return 0


def _copy_song(song: Path, target: Path, check: Check) -> Path:
    """Copy the files that a song's manifest names, and the manifest; flushed and compared.

    Raises:
        LibraryDamaged: a file is not as the manifest says.
    """
    content = (song / MANIFEST).read_bytes()
    target.mkdir(parents=True)
    (target / MANIFEST).write_bytes(content)
    manifest = read_manifest(song)
    try:
        names = list(expected_files(manifest))
    except (KeyError, TypeError, AttributeError) as exc:
        raise LibraryDamaged(f"The manifest of the song in {song.name} is incomplete.") from exc
    for name, sha256 in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            copied = copy_file(
                song / name, target / name, lambda _size: check(), "Check that disk."
            )
        except FileNotFoundError as exc:
            raise LibraryDamaged(f"{name} is gone.") from exc
        if sha256 not in (None, copied):
            raise LibraryDamaged(f"{name} is not as it was written.")
    sync_tree(target)
    return target


def bring_back_playlists(backup: Path, library: Path) -> None:
    """Copy the set lists of a backup into a library that has none; its index must be closed.

    Raises:
        KaraokeError: they cannot be copied.
    """
    if (library / PLAYLISTS).exists():
        return
    try:
        library.mkdir(parents=True, exist_ok=True)
        _copy_playlists(backup, library)
    except OSError as exc:
        raise error_from_os(exc, library, writing=True) from exc


def _copy_playlists(library: Path, target: Path) -> None:
    if (library / PLAYLISTS).is_file():
        part = target / f"{_STAGING_PREFIX}{PLAYLISTS}"
        part.unlink(missing_ok=True)
        copy_file(library / PLAYLISTS, part, lambda _size: None, _HINT)
        part.replace(target / PLAYLISTS)
        sync_folder(target)
