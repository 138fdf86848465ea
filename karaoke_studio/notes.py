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
    FALLBACK: "{detail} could not be used, so the song was made another way.",
    CHILD_RESTARTED: "A helper process stopped and was started again.",
}


def note(code: str, detail: str | int | None = None) -> str:
    """Return the note of a code, with a detail where it has one."""
    return code if detail is None else f"{code}:{detail}"


def describe(text: str) -> str:
    """Return a note's sentence.

    >>> describe("rate_changed:48000")
    "The format cannot hold the song's sample rate; 48000 Hz was used."
    """
    code, _, detail = text.partition(":")
    sentence = _SENTENCES.get(code, code)
    if code == TRUNCATED and detail:
        detail = f" at {detail}"
    return sentence.replace("{detail}", detail)
