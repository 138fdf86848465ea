"""Putting finished files where a person wants them: whole or not at all, nothing overwritten."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from karaoke_studio.errors import error_from_os
from karaoke_studio.job import STEM_LABELS, OutputSpec
from karaoke_studio.names import WrongTemplate, file_name, numbered
from karaoke_studio.staging import sync_file, sync_folder

#: How disks without hard links (FAT, some network shares) refuse them.
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def publish_files(
    staged: Mapping[str, Path], output: OutputSpec, fields: Mapping[str, str], song: Path
) -> dict[str, Path]:
    """Move staged files to their names in the output folder.

    All files of one song get the same number where a name is taken: "… (2)". The song itself is
    never replaced, even where others of its name are.

    Args:
        staged: stem → finished file on the same disk as the output folder.
        output: folder, name template, overwrite.
        fields: values of the template except {stem}.
        song: the file they were made from.

    Returns:
        stem → where the file is now.

    Raises:
        OutputNotWritable: the folder cannot be written.
        DiskFull: there is no room.
        WrongTemplate: two files would have the same name.
    """
    names = {
        stem: file_name(output.name, {**fields, "stem": STEM_LABELS[stem]}, path.suffix)
        for stem, path in staged.items()
    }
    if len(set(names.values())) < len(names):
        raise WrongTemplate("The name template gives two files the same name.")
    try:
        for path in staged.values():
            sync_file(path)
        for number in itertools.count(1):
            targets = {stem: output.folder / numbered(n, number) for stem, n in names.items()}
            if any(_is_same(target, song) for target in targets.values()):
                continue
            if _move_all([(staged[s], targets[s]) for s in staged], overwrite=output.overwrite):
                sync_folder(output.folder)
                return targets
    except OSError as exc:
        raise error_from_os(exc, output.folder, writing=True) from exc
    raise AssertionError("numbers do not end")


def _is_same(target: Path, song: Path) -> bool:
    try:
        return not target.is_symlink() and target.samefile(song)
    except OSError:
        return False


def _move_all(moves: Sequence[tuple[Path, Path]], *, overwrite: bool) -> bool:
    """Move all files; none, and False, when one of the names is taken; none when one fails."""
    if overwrite:
        for _, target in moves:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        for source, target in moves:
            source.replace(target)
        return True
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            _move_new(source, target)
            done.append((source, target))
    except OSError as exc:
        for source, target in done:
            target.replace(source)
        if isinstance(exc, FileExistsError):
            return False
        raise
    return True


def _move_new(source: Path, target: Path) -> None:
    """Rename without ever replacing a file.

    Raises:
        FileExistsError: the name is taken.
    """
    if os.name == "nt":
        source.rename(target)  # never replaces there
        return
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        # a disk without hard links (FAT): look, then rename
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists", str(target)) from exc
        source.rename(target)
    else:
        source.unlink()
