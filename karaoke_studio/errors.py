"""The error tree: every failure a person can meet, its code and its next step.

One table ties codes to classes (`ERRORS`); anything raised outside this tree is a fault of the
program itself. `Cancelled` lives in `karaoke_studio.progress`: a wish fulfilled is not an error.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, ClassVar


class KaraokeError(Exception):
    """An expected failure, safe to show: what happened, to which file, and what to do next.

    Attributes:
        code: stable name for machines.
        message: one sentence that says what happened.
        hint: one sentence that says what to do, or "".
        errno: number of the system's refusal behind it, 0 where there is none.
    """

    code: ClassVar[str] = "AUDIO_PROCESSING_FAILED"

    def __init__(self, message: str, *, hint: str = "", errno: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.errno = errno

    def to_json(self) -> dict[str, str]:
        """Return the error as the plain object that `--json` carries."""
        return {"code": self.code, "message": self.message, "hint": self.hint}

    def to_pipe(self) -> dict[str, Any]:
        """Return the plain object that `error_from_json` rebuilds the error from."""
        return self.to_json() | {"errno": self.errno}


class InputError(KaraokeError):
    """The song itself cannot be used."""

    code = "FILE_CORRUPT"


class MissingFile(InputError):
    """There is no such file or folder."""

    code = "FILE_NOT_FOUND"


class UnreadableFile(InputError):
    """The file exists but may not or cannot be read."""

    code = "FILE_UNREADABLE"


class CorruptAudio(InputError):
    """The format is known, the contents are broken."""

    code = "FILE_CORRUPT"


class UnsupportedAudio(InputError):
    """The contents are not sound in any format that we read."""

    code = "FORMAT_UNSUPPORTED"


class AudioTooShort(InputError):
    """Less than one second of sound."""

    code = "AUDIO_TOO_SHORT"


class SourceChanged(InputError):
    """The file changed or went away while it was being read."""

    code = "SOURCE_CHANGED"


class LimitExceeded(InputError):
    """The song is outside the limits (rate, channels, length)."""

    code = "LIMIT_EXCEEDED"


class ModelError(KaraokeError):
    """A model cannot be used."""

    code = "MODEL_MISSING"


class ModelMissing(ModelError):
    """The model has not been downloaded."""

    code = "MODEL_MISSING"


class ModelDamaged(ModelError):
    """The model's bytes are not the ones they were."""

    code = "MODEL_DAMAGED"


class ModelRefused(ModelError):
    """The model file is of a kind that we do not load."""

    code = "MODEL_REFUSED"


class DownloadFailed(ModelError):
    """A download broke off."""

    code = "DOWNLOAD_FAILED"


class NetworkUnavailable(ModelError):
    """There is no way to the network."""

    code = "NETWORK_UNAVAILABLE"


class ResourceError(KaraokeError):
    """The machine lacks something."""

    code = "OUT_OF_MEMORY"


class OutOfMemory(ResourceError):
    """Not enough memory."""

    code = "OUT_OF_MEMORY"


class DiskFull(ResourceError):
    """Not enough free disk."""

    code = "DISK_FULL"


class OutputNotWritable(ResourceError):
    """The place for the results cannot be written to."""

    code = "OUTPUT_NOT_WRITABLE"


class EngineCrashed(KaraokeError):
    """A child process ended unexpectedly, twice on the same stage."""

    code = "ENGINE_CRASHED"


class ProcessingTimeout(KaraokeError):
    """A stage stopped making progress."""

    code = "PROCESSING_TIMEOUT"


class ProcessingFailed(KaraokeError):
    """A stage failed for a reason that has no code of its own."""

    code = "AUDIO_PROCESSING_FAILED"


class LibraryError(KaraokeError):
    """The library of songs cannot be used."""

    code = "LIBRARY_DAMAGED"


class LibraryLocked(LibraryError):
    """Another program holds the library."""

    code = "LIBRARY_LOCKED"


class LibraryTooNew(LibraryError):
    """The library was made by a newer version."""

    code = "LIBRARY_TOO_NEW"


class LibraryDamaged(LibraryError):
    """The index of the library is broken."""

    code = "LIBRARY_DAMAGED"


class LibraryReadOnly(LibraryError):
    """The library's folder cannot be written to."""

    code = "LIBRARY_READ_ONLY"


class DeviceError(KaraokeError):
    """A device for computing or for sound is the matter."""

    code = "DEVICE_LOST"


class DeviceLost(DeviceError):
    """A computing device went away."""

    code = "DEVICE_LOST"


class NoOutputDevice(DeviceError):
    """There is nothing to play sound on."""

    code = "NO_OUTPUT_DEVICE"


class NoMicrophone(DeviceError):
    """There is nothing to listen to."""

    code = "NO_MICROPHONE"


class OutputLost(DeviceError):
    """The sound device went away while playing."""

    code = "OUTPUT_LOST"


def _tree(root: type[KaraokeError]) -> list[type[KaraokeError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child))]


#: code → the most special class that carries it (later ones win, leaves come after their parents).
ERRORS: dict[str, type[KaraokeError]] = {kind.code: kind for kind in _tree(KaraokeError)}

#: Exit statuses of the terminal program.
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 0, 1, 2, 130


def error_from_json(data: dict[str, Any]) -> KaraokeError:
    """Rebuild an error that crossed a pipe."""
    kind = ERRORS.get(data.get("code", ""), ProcessingFailed)
    return kind(
        data.get("message", "Something went wrong."),
        hint=data.get("hint", ""),
        errno=data.get("errno", 0),
    )


def error_from_os(exc: OSError, path: Path | str, *, writing: bool = False) -> KaraokeError:
    """Translate an operating-system error by its number, never by its text.

    Args:
        exc: what the system said.
        path: the file or folder concerned.
        writing: whether we were writing our own results (else: reading somebody's song).
    """
    name = Path(path).name or str(path)
    reason = exc.strerror or str(exc) or type(exc).__name__
    number = exc.errno or 0
    if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFull(
            f"The disk is full: {name} could not be written.",
            hint="Free some space and try again.",
            errno=number,
        )
    if writing:
        return OutputNotWritable(
            f"{name} cannot be written to ({reason}).", hint="Choose another folder.", errno=number
        )
    if exc.errno in {errno.ENOENT, errno.ENOTDIR}:
        hint = "Check the name, or reconnect the disk."
        return MissingFile(f"{name} is not there.", hint=hint, errno=number)
    if exc.errno == errno.ENOMEM:
        hint = "Close other programs, try again."
        return OutOfMemory("There is not enough memory.", hint=hint, errno=number)
    return UnreadableFile(
        f"{name} cannot be read ({reason}).",
        hint="Check the permissions, or reconnect the disk.",
        errno=number,
    )
