from __future__ import annotations

import errno
import os
import re

import pytest

from karaoke_studio import errors
from karaoke_studio.errors import (
    ERRORS,
    DiskFull,
    KaraokeError,
    MissingFile,
    OutOfMemory,
    OutputNotWritable,
    ProcessingFailed,
    UnreadableFile,
    error_from_json,
    error_from_os,
)

#: DESIGN 28; two of its codes are no errors: a note and a wish fulfilled.
CODES = {
    "FILE_NOT_FOUND",
    "FILE_CORRUPT",
    "FORMAT_UNSUPPORTED",
    "AUDIO_TOO_SHORT",
    "SOURCE_CHANGED",
    "OUT_OF_MEMORY",
    "DISK_FULL",
    "MODEL_MISSING",
    "MODEL_DAMAGED",
    "DOWNLOAD_FAILED",
    "NETWORK_UNAVAILABLE",
    "ENGINE_CRASHED",
    "PROCESSING_TIMEOUT",
    "AUDIO_PROCESSING_FAILED",
    "LIBRARY_LOCKED",
    "LIBRARY_TOO_NEW",
    "LIBRARY_DAMAGED",
    "LIBRARY_READ_ONLY",
    "FILE_UNREADABLE",
    "OUTPUT_NOT_WRITABLE",
    "LIMIT_EXCEEDED",
    "MODEL_REFUSED",
    "DEVICE_LOST",
    "NO_OUTPUT_DEVICE",
    "NO_MICROPHONE",
    "OUTPUT_LOST",
}


def test_seed_000_21_the_table_holds_exactly_the_promised_codes() -> None:
    assert set(ERRORS) == CODES
    assert all(kind.code == code for code, kind in ERRORS.items())


def test_codes_stand_for_the_most_special_class() -> None:
    groups = {"InputError", "ModelError", "ResourceError", "LibraryError", "DeviceError"}
    assert not {kind.__name__ for kind in ERRORS.values()} & (groups | {"KaraokeError"})


@pytest.mark.parametrize("code", sorted(CODES))
def test_errors_cross_the_pipe(code: str) -> None:
    error = ERRORS[code]("It went wrong.", hint="Do that.")
    back = error_from_json(error.to_json())
    assert (type(back), back.message, back.hint) == (type(error), "It went wrong.", "Do that.")
    assert str(back) == "It went wrong."


def test_an_unknown_code_is_still_an_error() -> None:
    assert type(error_from_json({"code": "FROM_THE_FUTURE", "message": "m"})) is ProcessingFailed
    assert error_from_json({}).message


@pytest.mark.parametrize(
    ("number", "writing", "kind"),
    [
        (errno.ENOENT, False, MissingFile),
        (errno.ENOTDIR, False, MissingFile),
        (errno.EACCES, False, UnreadableFile),
        (errno.EIO, False, UnreadableFile),
        (errno.ENAMETOOLONG, False, UnreadableFile),
        (errno.ENOMEM, False, OutOfMemory),
        (errno.ENOSPC, False, DiskFull),
        (errno.ENOSPC, True, DiskFull),
        (errno.EDQUOT, True, DiskFull),
        (errno.EROFS, True, OutputNotWritable),
        (errno.EACCES, True, OutputNotWritable),
        (errno.ENOENT, True, OutputNotWritable),
    ],
)
def test_seed_001_13_system_errors_are_translated_by_number(
    number: int, writing: bool, kind: type[KaraokeError]
) -> None:
    error = error_from_os(
        OSError(number, os.strerror(number)), "/music/A song.mp3", writing=writing
    )
    assert type(error) is kind
    assert error.hint.endswith(".")
    if kind is not OutOfMemory:
        assert "A song.mp3" in error.message
    assert "/music" not in error.message


def test_an_error_without_a_number_says_what_it_knows() -> None:
    error = error_from_os(OSError("original.f32 ends early"), "original.f32")
    assert "None" not in error.message
    assert "ends early" in error.message
    assert "None" not in error_from_os(OSError(), "x", writing=True).message


def test_the_root_folder_has_a_name() -> None:
    assert "/" in error_from_os(OSError(errno.EACCES, "denied"), "/", writing=True).message


def test_no_class_forgets_its_docstring_or_code() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, KaraokeError):
            assert re.fullmatch("[A-Z_]+", kind.code), name
            assert kind.__doc__, name
