"""The only place where an error becomes words on screen."""

from __future__ import annotations

from dataclasses import dataclass

from karaoke_studio.errors import (
    KaraokeError,
    LibraryReadOnly,
    LibraryTooNew,
    NoOutputDevice,
    OutputLost,
)
from karaoke_studio.ui.text import one_line


@dataclass(frozen=True)
class Message:
    """What a person reads about a failure.

    Attributes:
        sentence: what happened, and what to do where that is known.
        action: the word on the button that helps, or "".
    """

    sentence: str
    action: str


def job_failure(error: KaraokeError) -> Message:
    """Return the words of a song that could not be made; it can always be tried again."""
    return Message(_sentence(error), "Try again")


def export_failure(error: KaraokeError) -> Message:
    """Return the words of an export that broke off."""
    return Message(_sentence(error), "Try again")


def model_failure(error: KaraokeError) -> Message:
    """Return the words of a model that could not be brought, taken in or verified."""
    return Message(_sentence(error), "Try again")


def library_failure(error: KaraokeError) -> Message:
    """Return the words of a library that cannot be read or changed."""
    if isinstance(error, LibraryTooNew | LibraryReadOnly):
        return Message(one_line(f"{error.message} You can browse, play and export."), "")
    return Message(_sentence(error), "")


def playback_problem(error: KaraokeError) -> Message:
    """Return the words of a playback that cannot be heard."""
    if isinstance(error, NoOutputDevice):
        return Message(
            "There is no sound device. Everything else works; plug in speakers or headphones and"
            " playback starts working.",
            "Look again",
        )
    if isinstance(error, OutputLost):
        return Message(
            "The sound device went away. Plug it in again, or choose another one in the system.",
            "Look again",
        )
    return Message(_sentence(error), "")


_CODES = {
    "FILE_NOT_FOUND": "The file was gone",
    "FILE_UNREADABLE": "The file could not be read",
    "FILE_CORRUPT": "The file is damaged",
    "FORMAT_UNSUPPORTED": "The file is no sound",
    "AUDIO_TOO_SHORT": "The song is too short",
    "SOURCE_CHANGED": "The file changed meanwhile",
    "LIMIT_EXCEEDED": "The song is beyond the limits",
    "MODEL_MISSING": "A model was missing",
    "MODEL_DAMAGED": "A model is damaged",
    "MODEL_REFUSED": "A model could not do it",
    "OUT_OF_MEMORY": "Too little memory",
    "DISK_FULL": "The disk was full",
    "ENGINE_CRASHED": "The engine stopped",
    "PROCESSING_TIMEOUT": "It took too long",
    "DEVICE_LOST": "A device went away",
}


def code_words(code: str) -> str:
    """Return why songs failed, in few words; of an error's code.

    >>> code_words("DISK_FULL"), code_words("NEW_CODE")
    ('The disk was full', 'Something else')
    """
    return _CODES.get(code, "Something else")


def _sentence(error: KaraokeError) -> str:
    return one_line(f"{error.message} {error.hint}")
