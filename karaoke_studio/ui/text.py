"""The words of the window that depend on values: times, sizes, stages, counts, drops.

Short, friendly, concrete. Labels that never change stand where their widget is made.
"""

from __future__ import annotations

import html
import math
from datetime import datetime

from karaoke_studio.catalogue import KNOWN_MODELS
from karaoke_studio.job import Stage

APP_NAME = "Karaoke Studio"

_STAGES = {
    Stage.IMPORTING: "Reading",
    Stage.LOADING_MODEL: "Warming up",
    Stage.SEPARATING: "Separating",
    Stage.ENCODING: "Writing",
    Stage.PUBLISHING: "Finishing",
}

_ENGINES = {
    "instant": "Instant",
    "centre": "Centre",
    "auto": "Auto",
    **{model.name: model.title for model in KNOWN_MODELS},
}

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_SORTS = {
    "added": "Newest first",
    "title": "Title",
    "artist": "Artist",
    "length": "Shortest first",
    "rating": "Best rated",
    "played": "Recently played",
    "plays": "Most played",
}

_FORMATS = {
    "flac": "FLAC, lossless and small",
    "wav": "WAV, lossless",
    "mp3": "MP3, plays everywhere",
    "m4a": "M4A (AAC)",
    "ogg": "OGG (Vorbis)",
    "opus": "Opus, smallest",
}

_DEPTHS = {"16": "16 bit, like a CD", "24": "24 bit, studio", "32f": "32 bit float"}


def stage(value: Stage) -> str:
    """Return what a stage is called in the queue."""
    return _STAGES[value]


def engine(name: str) -> str:
    """Return an engine's name as a badge shows it."""
    return _ENGINES.get(name, name[:1].upper() + name[1:])


_BEST_FOR = {
    "instant": "built in, ready in seconds",
    "centre": "built in, takes away what is in the middle",
    "htdemucs": "the best all-round",
    "htdemucs_ft": "the cleanest",
    "htdemucs_6s": "also guitar and piano",
    "hdemucs_mmi": "the generation before",
    "mdx_extra": "steady, but slow",
}


def engine_words(name: str) -> str:
    """Return an engine's name with what it is best for, as a menu shows it.

    >>> engine_words("htdemucs"), engine_words("my-model")
    ('Demucs: the best all-round', 'My-model: your own model')
    """
    return f"{engine(name)}: {_BEST_FOR.get(name, 'your own model')}"


def device(name: str, label: str) -> str:
    """Return a device's name for people.

    >>> device("cpu", "x86_64"), device("cuda:0", "NVIDIA H100"), device("cuda", "")
    ('Processor', 'NVIDIA H100', 'Graphics card')
    """
    return "Processor" if name == "cpu" else label or "Graphics card"


def device_in_menu(name: str, label: str, memory_mb: int | None, reason: str) -> str:
    """Return a device's line in a menu: what it is, a tab, and whether it works."""
    return f"{device_name(name, label, memory_mb)}\t{reason or 'works'}"


def device_name(name: str, label: str, memory_mb: int | None) -> str:
    """Return a device's name with its memory, where it has some of its own.

    >>> device_name("cuda:1", "NVIDIA T4", 15360), device_name("cpu", "x86_64", None)
    ('NVIDIA T4, 15 GB', 'Processor')
    """
    return device(name, label) + (f", {memory_mb / 1024:.0f} GB" if memory_mb else "")


def made_with(name: str, *, makeshift: bool) -> str:
    """Return what a song is made with; a makeshift says why.

    >>> made_with("htdemucs", makeshift=False), made_with("instant", makeshift=True)
    ('Demucs', 'Instant, as no model is installed')
    """
    return f"{engine(name)}, as no model is installed" if makeshift else name and engine(name)


def sort(name: str) -> str:
    """Return what an order of songs is called."""
    return _SORTS[name]


def colour(name: str) -> str:
    """Return a colour that songs are marked with.

    >>> colour("teal"), colour("")
    ('Teal', 'No colour')
    """
    return name.capitalize() or "No colour"


def rating(stars: int) -> str:
    """Return a rating.

    >>> rating(4), rating(1), rating(0)
    ('★★★★☆  4 stars', '★☆☆☆☆  1 star', 'Not rated')
    """
    if not stars:
        return "Not rated"
    return f"{'★' * stars}{'☆' * (5 - stars)}  {counted(stars, 'star')}"


def removed(titles: list[str]) -> str:
    """Return what was moved to the trash.

    >>> removed(["Copper Sky"]), removed(["a", "b"])
    ('“Copper Sky” was removed.', '2 songs were removed.')
    """
    if len(titles) == 1:
        return f"“{titles[0]}” was removed."
    return f"{len(titles):,} songs were removed."


def taken_out(songs: int, shelf: str) -> str:
    """Return what was taken out of a set list.

    >>> taken_out(1, "Party")
    '1 song was taken out of “Party”.'
    """
    verb = "was" if songs == 1 else "were"
    return f"{counted(songs, 'song')} {verb} taken out of “{shelf}”."


def date(iso: str) -> str:
    """Return the day of an ISO time in UTC, as it is here; "" where it is none.

    >>> date("2026-11-05T12:00:00Z"), date("soon")
    ('5 November 2026', '')
    """
    try:
        here = datetime.fromisoformat(iso).astimezone()
    except ValueError:
        return ""
    return f"{here.day} {_MONTHS[here.month - 1]} {here.year}"


def short_date(iso: str) -> str:
    """Return the day of an ISO time in UTC in few letters, as it is here; "" where it is none.

    >>> short_date("2026-11-05T12:00:00Z"), short_date("")
    ('5 Nov 2026', '')
    """
    day, _, rest = date(iso).partition(" ")
    month, _, year = rest.partition(" ")
    return f"{day} {month[:3]} {year}".strip()


def played(times: int, last: str | None) -> str:
    """Return how often a song was played and when last.

    >>> played(0, None), played(2, "2026-11-05T12:00:00Z")
    ('not yet', 'twice, last on 5 November 2026')
    """
    if not times:
        return "not yet"
    often = {1: "once", 2: "twice"}.get(times, f"{times:,} times")
    day = date(last or "")
    return f"{often}, last on {day}" if day else often


def null_test(level_db: float | None, *, exact: bool) -> str:
    """Return what vocals and instrumental together are worth against the original.

    >>> null_test(-200.0, exact=True), null_test(-143.2, exact=False), null_test(None, exact=False)
    ('sums up exactly', 'sums up to −143 dB', '')
    """
    if exact:
        return "sums up exactly"
    return "" if level_db is None else f"sums up to −{-level_db:.0f} dB"


def file_format(name: str) -> str:
    """Return a format's name with what it is good for."""
    return _FORMATS[name]


def bit_depth(name: str) -> str:
    """Return a bit depth with what it is good for."""
    return _DEPTHS[name]


def clock(seconds: float) -> str:
    """Return a position or length.

    >>> clock(222.9), clock(3729)
    ('3:42', '1:02:09')
    """
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def clock_tenths(seconds: float) -> str:
    """Return a position to a tenth of a second.

    >>> clock_tenths(70.26), clock_tenths(59.99)
    ('1:10.3', '1:00.0')
    """
    tenths = round(max(0.0, seconds) * 10)
    return f"{clock(tenths // 10)}.{tenths % 10}"


def decibels(gain: float) -> str:
    """Return a gain as audio people say it.

    >>> decibels(1.0), decibels(0.5), decibels(0.0)
    ('0 dB', '−6 dB', 'silent')
    """
    if gain <= 0:
        return "silent"
    level = round(20 * math.log10(gain))
    return f"{level} dB".replace("-", "−")


def frequency(hz: float) -> str:
    """Return a frequency to three figures.

    >>> frequency(439.6), frequency(1234)
    ('440 Hz', '1.23 kHz')
    """
    return f"{hz:.0f} Hz" if hz < 1000 else f"{hz / 1000:.3g} kHz"


def long_time(seconds: float) -> str:
    """Return how long much music is.

    >>> long_time(5400), long_time(900), long_time(400_000)
    ('1.5 hours', '15 minutes', '111 hours')
    """
    if seconds < 3600:
        return counted(round(seconds / 60), "minute")
    hours = seconds / 3600
    return f"{hours:.1f} hours" if hours < 10 else f"{hours:,.0f} hours"


def spoken_length(seconds: float) -> str:
    """Return a length as a screen reader should say it.

    >>> spoken_length(222)
    '3 minutes 42 seconds'
    """
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (second, "second")]
    said = [counted(number, word) for number, word in parts if number]
    return " ".join(said) or "0 seconds"


def expected(seconds: float | None) -> str:
    """Return how long something is expected to take; None = nobody has measured it yet.

    >>> expected(38.2), expected(0.4), expected(None)
    ('about 40 s', 'a moment', 'not measured yet')
    """
    return time_left(seconds).removesuffix(" left") or "not measured yet"


def time_left(eta_s: float | None) -> str:
    """Return how long something will take, as exactly as one can know it.

    >>> time_left(12.4), time_left(47), time_left(150), time_left(4000)
    ('about 12 s left', 'about 45 s left', 'about 3 min left', 'about 1 h 7 min left')
    """
    if eta_s is None:
        return ""
    seconds = round(eta_s)
    if seconds <= 3:
        return "a moment left"
    if seconds <= 20:
        return f"about {seconds} s left"
    if seconds < 58:
        return f"about {5 * round(seconds / 5)} s left"
    minutes = (seconds + 30) // 60
    if minutes < 60:
        return f"about {minutes} min left"
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest} min left" if rest else f"about {hours} h left"


def percent(fraction: float) -> str:
    """Return a fraction of 0…1; 100 % only when it is done.

    >>> percent(0.428), percent(0.9999)
    ('42 %', '99 %')
    """
    return f"{100 if fraction >= 1 else int(min(max(fraction, 0), 0.99) * 100)} %"


def file_size(size_bytes: float) -> str:
    """Return a size in decimal units, as file managers show it.

    >>> file_size(950), file_size(9_400_000), file_size(1_230_000_000)
    ('950 bytes', '9.4 MB', '1.2 GB')
    """
    if size_bytes < 1000:
        return f"{int(size_bytes)} bytes"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def about_size(size_bytes: float) -> str:
    """Return a size that is not known exactly.

    >>> about_size(84_141_911), about_size(0)
    ('about 84 MB', '')
    """
    return f"about {file_size(size_bytes)}" if size_bytes else ""


def song_takes(seconds: float | None) -> str:
    """Return how long a song of four minutes takes with a model.

    >>> song_takes(98.4), song_takes(42)
    ('A 4-minute song takes about 1:38 here', 'A 4-minute song takes about 42 s here')
    """
    if seconds is None:
        return "Speed not measured yet"
    taken = f"{max(1, round(seconds))} s" if seconds < 60 else clock(seconds)
    return f"A 4-minute song takes about {taken} here"


def made_in(seconds: float | None) -> str:
    """Return how long a song took to be made; None or 0 = nobody looked.

    >>> made_in(0.31), made_in(7.4), made_in(98.4), made_in(None)
    ('made in 0.3 s', 'made in 7 s', 'made in 1:38', '')
    """
    if not seconds:
        return ""
    if seconds < 2:
        return f"made in {max(seconds, 0.1):.1f} s"
    return f"made in {round(seconds)} s" if seconds < 59.5 else f"made in {clock(seconds)}"


def folder_size(size_bytes: int, free_bytes: int) -> str:
    """Return how large a folder is and how much room its disk has; negative = cannot be told.

    >>> folder_size(1_230_000_000, 9_400_000)
    '1.2 GB · 9.4 MB free on this disk'
    """
    if free_bytes < 0:
        return "This folder cannot be looked into"
    return f"{file_size(size_bytes)} · {file_size(free_bytes)} free on this disk"


def sample_rate(rate_hz: int) -> str:
    """Return a sample rate.

    >>> sample_rate(44_100), sample_rate(48_000)
    ('44.1 kHz', '48 kHz')
    """
    return f"{rate_hz / 1000:g} kHz"


def tempo(bpm: float) -> str:
    """Return a tempo.

    >>> tempo(92.3)
    '92 BPM'
    """
    return f"{bpm:.0f} BPM"


def channels(count: int) -> str:
    """Return a number of channels as people call it."""
    return {1: "Mono", 2: "Stereo"}.get(count, f"{count} channels")


def counted(number: int, noun: str, many: str = "") -> str:
    """Return a number with its noun, whose plural may have to be told.

    >>> counted(1, "song"), counted(3, "song"), counted(2, "fix", "fixes")
    ('1 song', '3 songs', '2 fixes')
    """
    return f"{number} {noun}" if number == 1 else f"{number:,} {many or f'{noun}s'}"


def dropped(files: int, folders: int) -> str:
    """Return what will happen when the hand lets go.

    >>> dropped(3, 0), dropped(1, 1)
    ('Make karaoke of 3 songs', 'Make karaoke of 1 song and all songs in 1 folder')
    """
    if files and folders:
        return (
            f"Make karaoke of {counted(files, 'song')} and all songs in"
            f" {counted(folders, 'folder')}"
        )
    if folders:
        return f"Make karaoke of all songs in {counted(folders, 'folder')}"
    return f"Make karaoke of {counted(files, 'song')}"


DROP_REFUSED = "Only songs and folders on this computer can be dropped here"


_RESTS = {"battery": "Waiting for mains power", "night": "Waiting for the morning"}


def resumed(songs: int, *, crashed: bool) -> str:
    """Return what is told of songs that an earlier run left; "" = nothing needs to be said.

    >>> resumed(3, crashed=True), resumed(3, crashed=False)
    ('Karaoke Studio ended unexpectedly. 3 songs go on where they were in the queue.', '')
    """
    if not crashed:
        return ""
    verb = "goes on where it was" if songs == 1 else "go on where they were"
    return f"Karaoke Studio ended unexpectedly. {counted(songs, 'song')} {verb} in the queue."


def queue_summary(
    to_go: int,
    failed: int,
    left_s: float | None,
    *,
    paused: bool,
    running: int,
    rest: str = "",
) -> str:
    """Return the queue's heading.

    >>> queue_summary(7, 1, 240.0, paused=False, running=1)
    '7 songs to go · about 4 min left · 1 failed'
    >>> queue_summary(7, 0, 240.0, paused=True, running=1)
    'Pausing after this song · 7 songs to go'
    >>> queue_summary(7, 0, 240.0, paused=False, running=0, rest="battery")
    'Waiting for mains power · 7 songs to go'
    """
    parts = []
    if paused:
        parts.append("Pausing after this song" if running else "Paused")
    elif rest and to_go:
        parts.append(_RESTS[rest])
    if to_go:
        parts.append(f"{counted(to_go, 'song')} to go")
        if to_go > 1 and not paused and not rest and left_s:
            parts.append(time_left(left_s))
    if failed:
        parts.append(f"{failed} failed")
    return " · ".join(parts) or "All done"


def queue_done(made: int, failed: int) -> tuple[str, str]:
    """Return title and body of the notification when the queue is done.

    >>> queue_done(1, 0), queue_done(7, 1)
    (('Your song is ready', ''), ('Your songs are ready', '7 songs were made, 1 failed.'))
    """
    if made == 1 and not failed:
        return "Your song is ready", ""
    body = f"{counted(made, 'song')} {'was' if made == 1 else 'were'} made"
    return "Your songs are ready", f"{body}, {failed} failed." if failed else f"{body}."


def disk_free(free_bytes: int, *, little: bool) -> str:
    """Return how much room the disk has; negative = that cannot be told.

    >>> disk_free(212_000_000_000, little=False), disk_free(900_000_000, little=True)
    ('212 GB free', 'Disk nearly full: 900 MB free')
    """
    if free_bytes < 0:
        return ""
    words = f"{file_size(free_bytes)} free"
    return f"Disk nearly full: {words}" if little else words


def speed(name: str, seconds: float | None) -> str:
    """Return how fast an engine is, from its seconds per second of song.

    >>> speed("instant", 0.02), speed("htdemucs", 1.6), speed("centre", None)
    ('Instant: 50× realtime', 'Demucs: 0.6× realtime', '')
    """
    if not seconds:
        return ""
    factor = 1 / seconds
    return (
        f"{engine(name)}: {factor:.0f}× realtime"
        if factor >= 9.95
        else (f"{engine(name)}: {factor:.1f}× realtime")
    )


def close_question(unfinished: int, exporting: bool) -> str:
    """Return the question before closing while something runs."""
    if unfinished and exporting:
        return f"{counted(unfinished, 'song')} and an export are not finished yet."
    if unfinished == 1:
        return "One song is not finished yet."
    if unfinished:
        return f"{counted(unfinished, 'song')} are not finished yet."
    return "An export is still being written."


def lufs(value: float | None) -> str:
    """Return a loudness; nothing is heard where it is None.

    >>> lufs(-14.26), lufs(None)
    ('−14.3 LUFS', '– LUFS')
    """
    return "– LUFS" if value is None else f"{value:.1f} LUFS".replace("-", "−")


def exported(files: int, folder: str) -> str:
    """Return what an export has done.

    >>> exported(2, "Music")
    '2 files are in Music.'
    """
    return f"1 file is in {folder}." if files == 1 else f"{files} files are in {folder}."


def joined(*parts: str) -> str:
    """Join what there is of the parts with the separator that the window uses.

    >>> joined("Mara Vell", "", "Night Bus")
    'Mara Vell · Night Bus'
    """
    return " · ".join(part for part in parts if part)


def one_line(text: str) -> str:
    """Return text from outside on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def tooltip(text: str) -> str:
    """Return a tooltip that shows `text` literally; Qt would read a "<b>" in it as mark-up."""
    return f"<span>{html.escape(text)}</span>" if text else ""


def window_title(song: str) -> str:
    """Return the window's title; "[*]" in a song's name is Qt's mark for unsaved documents."""
    name = one_line(song).replace("[*]", "[*][*]")
    return f"{name} – {APP_NAME}" if name else APP_NAME
