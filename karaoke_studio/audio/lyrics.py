"""Words with times as `.lrc` text has them, and the `.lrc` file beside a song."""

from __future__ import annotations

import os
import re
from pathlib import Path

from karaoke_studio.audio.sniff import open_regular
from karaoke_studio.errors import KaraokeError

Line = tuple[float | None, str]

_MAX_LRC_BYTES = 256 * 1024
_TIME = re.compile(r"\[(\d{1,3}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_WORD_TIME = re.compile(r"<\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?>[ \t]?")
_OFFSET = re.compile(r"^\s*\[offset:\s*([+-]?\d{1,7})\s*\]", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(r"^\[[a-z#][a-z0-9_ -]*:.*\]$", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def parse_lrc(text: str) -> tuple[Line, ...]:
    """Return lines of words with the seconds at which they are sung, or None where untold.

    Lines are in order of time; a line without a time stays behind the one it follows. A positive
    offset tag makes everything earlier. Times of single words are dropped. Text without any time
    comes back line by line.
    """
    offset_s = _offset_s(text)
    dated: list[tuple[float, Line]] = []
    latest = 0.0
    for raw in text.lstrip("\ufeff").splitlines():
        times, words = _split(raw.strip())
        if not times:
            if not _HEADER.match(words):
                dated.append((latest, (None, words)))
            continue
        for stamp in times:
            latest = max(0.0, round(stamp - offset_s, 3))
            dated.append((latest, (latest, words)))
    if not any(seconds is not None for _, (seconds, _) in dated):
        return _without_blank_ends([line for _, line in dated])
    # blank lines without a time are only layout there
    kept = [pair for pair in dated if pair[1][0] is not None or pair[1][1]]
    return tuple(line for _, line in sorted(kept, key=lambda pair: pair[0]))


def format_lrc(lines: tuple[tuple[float, str], ...]) -> str:
    """Return timed lines as LRC text (hundredths of a second)."""
    stamped = []
    for seconds, words in lines:
        hundredths = round(seconds * 100)
        minutes, rest = divmod(hundredths, 6000)
        stamped.append(f"[{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}]{words}")
    return "\n".join(stamped)


def find_lrc(song: Path) -> tuple[Line, ...]:
    """Return the words of the `.lrc` file beside a song, or () when there is none to read.

    It has the song's name up to the suffix; small and capital letters do not matter.
    """
    wanted = f"{song.stem}.lrc".casefold()
    try:
        names = [name for name in os.listdir(song.parent) if name.casefold() == wanted]  # noqa: PTH208
    except OSError:
        return ()
    for name in sorted(names, key=lambda name: name != f"{song.stem}.lrc"):
        text = _read_text(song.parent / name)
        if text is not None:
            return parse_lrc(text)
    return ()


def clean_line(text: str) -> str:
    """Return a line without control characters (tabs and newlines become spaces)."""
    return _CONTROLS.sub("", re.sub(r"[\t\r\n]+", " ", text)).strip()


def _read_text(path: Path) -> str | None:
    try:
        with open_regular(path) as file:
            data = file.read(_MAX_LRC_BYTES + 1)
    except (KaraokeError, OSError):
        return None
    return None if len(data) > _MAX_LRC_BYTES else _decode(data)


def _decode(data: bytes) -> str:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _offset_s(text: str) -> float:
    found = _OFFSET.search(text)
    return int(found[1]) / 1000 if found else 0.0


def _split(line: str) -> tuple[list[float], str]:
    """Return the times in front of a line, and its words."""
    times = []
    while found := _TIME.match(line):
        minutes, seconds, fraction = found.groups()
        times.append(int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}"))
        line = line[found.end() :].lstrip()
    return times, clean_line(_WORD_TIME.sub("", line))


def _without_blank_ends(lines: list[Line]) -> tuple[Line, ...]:
    while lines and not lines[-1][1]:
        lines.pop()
    while lines and not lines[0][1]:
        lines.pop(0)
    return tuple(lines)
