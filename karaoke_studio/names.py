"""File names that are safe on Windows, macOS and Linux, made from tags and templates."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from karaoke_studio.errors import KaraokeError

#: Bytes of UTF-8 that a name may have with suffix and number; file systems allow 255.
NAME_LIMIT_BYTES = 240
TEMPLATE_FIELDS = ("artist", "title", "album", "stem", "engine", "base")

_SEPARATORS = re.compile(r"[/\\|:]")
_FORBIDDEN = re.compile(r'[<>"?*]')
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?$", re.IGNORECASE
)


class WrongTemplate(KaraokeError):
    """The name template has a field that does not exist, or no name comes out of it."""

    code = "OUTPUT_NOT_WRITABLE"


def check_template(template: str, stems: int) -> None:
    """Refuse a template that cannot work.

    Args:
        template: text with {fields}.
        stems: how many files one song makes.

    Raises:
        WrongTemplate: with what is wrong.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as exc:
        raise WrongTemplate(f"The name template {template!r} has a stray brace.") from exc
    known = ", ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in TEMPLATE_FIELDS:
            raise WrongTemplate(
                f"The name template has an unknown field {{{field}}}.", hint=f"There are {known}."
            )
        if spec or conversion:
            raise WrongTemplate(
                f"The field {{{field}}} of the name template has more in it than its name.",
                hint=f"There are {known}.",
            )
    # a text of its own that fills the whole name leaves no room for the fields
    shortest = dict.fromkeys(TEMPLATE_FIELDS, "x")
    names = {file_name(template, {**shortest, "stem": stem}, "") for stem in ("a", "b")}
    if stems > 1 and len(names) == 1:
        raise WrongTemplate(
            "The name template gives both files the same name.", hint="Put {stem} into it."
        )


def file_name(template: str, fields: Mapping[str, str], suffix: str) -> str:
    """Return the file name that a template gives, safe everywhere and short enough.

    Args:
        template: text with {fields}; path separators in it become dashes.
        fields: values of `TEMPLATE_FIELDS`; empty ones fall back to {base}.
        suffix: ".flac" and the like.
    """
    values = {name: fields.get(name, "") or fields["base"] for name in TEMPLATE_FIELDS}
    budget = NAME_LIMIT_BYTES - len(suffix.encode())
    longest = budget
    while True:
        cut = {name: _cut(value, longest) for name, value in values.items()}
        name = safe_name(template.format_map(cut))
        if len(name.encode()) <= budget or longest <= 1:
            return _cut(name, budget) + suffix
        longest -= max(1, (len(name.encode()) - budget) // max(1, template.count("{")))


def safe_name(text: str) -> str:
    """Return `text` as a file name without suffix: nothing hidden, reserved, or meaning a path."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = _SEPARATORS.sub("-", text)
    text = _FORBIDDEN.sub("", text)
    # control and formatting characters (newlines; marks that turn the reading direction)
    text = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    text = "".join(c for c in text if c == "\u200d" or unicodedata.category(c) != "Cf")
    text = re.sub(r"\s+", " ", text).strip(" .\u200d").lstrip(" .-\u200d")
    if _RESERVED.match(text):
        text = f"_{text}"
    return text or "Song"


def _cut(text: str, limit_bytes: int) -> str:
    data = text.encode("utf-8", "replace")
    return data[: max(limit_bytes, 1)].decode("utf-8", "ignore").rstrip() if data else ""


def numbered(name: str, number: int) -> str:
    """Return `name` itself for 1, else with " (number)" before the suffix.

    >>> numbered("Song (Vocals).flac", 2)
    'Song (Vocals) (2).flac'
    """
    if number == 1:
        return name
    path = Path(name)
    return f"{path.stem} ({number}){path.suffix}"
