"""Notes: things worth saying about a song that are no failure, by stable code.

A note is `code` or `code:detail`; `describe` turns it into a sentence for people.
"""

from __future__ import annotations

AUDIO_SILENT = "AUDIO_SILENT"
TRUNCATED = "truncated"
NAN_REPLACED = "nan_replaced"
TAGS_UNREADABLE = "tags_unreadable"
DOWNMIXED = "downmixed"
GAIN_APPLIED = "gain_applied"
RATE_CHANGED = "rate_changed"
DEPTH_CHANGED = "depth_changed"
COVER_DROPPED = "cover_dropped"
NO_PICTURE = "no_picture"
ALREADY_IN_LIBRARY = "already_in_library"
CHILD_RESTARTED = "child_restarted"
FALLBACK = "fallback"
TEMPO_KEPT = "tempo_kept"

_SENTENCES = {
    AUDIO_SILENT: "The song is silent.",
    TRUNCATED: "The file is cut off{detail}; the readable part was used.",
    NAN_REPLACED: "Broken samples were replaced by silence.",
    TAGS_UNREADABLE: "Title and cover could not be read; the file name was used.",
    DOWNMIXED: "{detail} channels were mixed down to stereo.",
    GAIN_APPLIED: "All files were made {detail} dB quieter together so that nothing clips.",
    RATE_CHANGED: "The format cannot hold the song's sample rate; {detail} Hz was used.",
    DEPTH_CHANGED: "The format cannot hold the wanted depth; {detail} was used.",
    COVER_DROPPED: "The cover picture was too large and was left out.",
    NO_PICTURE: "There is no moving picture in the file, so no video was made.",
    ALREADY_IN_LIBRARY: "The song is already in the library.",
    TEMPO_KEPT: "The tempo stayed as recorded, because a video goes with it.",
    CHILD_RESTARTED: "A helper process stopped and was started again.",
}


#: Why a device or an engine was given up, by error code; the rest "could not be used".
_REASONS = {
    "OUT_OF_MEMORY": "ran out of memory",
    "DEVICE_LOST": "stopped answering",
    "MODEL_DAMAGED": "is damaged",
    "MODEL_REFUSED": "cannot be read",
    "MODEL_MISSING": "is not installed any more",
    "ENGINE_CRASHED": "stopped working",
    "PROCESSING_TIMEOUT": "did not answer",
}
_GRAPHICS = ("cuda", "mps", "xpu")
_DEVICES = {"cpu": "the CPU"}


def note(code: str, detail: str | int | None = None) -> str:
    """Return the note of a code, with a detail where it has one."""
    return code if detail is None else f"{code}:{detail}"


def describe(text: str) -> str:
    """Return a note's sentence.

    >>> describe("rate_changed:48000")
    "The format cannot hold the song's sample rate; 48000 Hz was used."
    """
    code, _, detail = text.partition(":")
    if code == FALLBACK:
        return _fallback(detail)
    sentence = _SENTENCES.get(code, code)
    if code == TRUNCATED and detail:
        detail = f" at {detail}"
    return sentence.replace("{detail}", detail)


def _fallback(detail: str) -> str:
    """Say how a song was made after all.

    The detail is what was given up (engine or device), the error's code, and the device that made
    the song then, where one did.
    """
    given_up, code, device = (*detail.split(" "), "", "")[:3]
    reason = _REASONS.get(code, "could not be used")
    if not device:
        return f"Made by the built-in engine because {given_up} {reason}."
    culprit = "the graphics card" if given_up.startswith(_GRAPHICS) else "the computer"
    way = "in smaller pieces" if device == given_up else f"on {_DEVICES.get(device, device)}"
    return f"Made {way} because {culprit} {reason}."
