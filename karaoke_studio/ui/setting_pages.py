"""The pages of the settings: one table, a line or two for each field."""

from __future__ import annotations

import os

from karaoke_studio.engines import AUTO
from karaoke_studio.job import BIT_DEPTHS, BUILTIN_ENGINES, FORMATS
from karaoke_studio.jobs.devices import Device
from karaoke_studio.ui import text
from karaoke_studio.ui.setting_rows import Pick, Place, Switch, Template
from karaoke_studio.ui.settings_dialog import Page

_THEMES = (("system", "Like the system"), ("dark", "Dark"), ("light", "Light"))
_FOLLOWS = (
    ("page", "Follows page by page"),
    ("smooth", "Follows smoothly"),
    ("off", "Stays where it is"),
)
_WHEELS = (
    ("zoom", "Zooms; with Shift moves along"),
    ("pan", "Moves along; with Ctrl zooms"),
    ("seek", "Goes through the song; with Ctrl zooms"),
)
_LATENCIES = (
    ("normal", "Normal: in a tenth of a second"),
    ("low", "At once: may stutter on a busy computer"),
    ("high", "Later: where the sound stutters"),
)
_HOURS = tuple((hour, f"{hour}:00") for hour in range(24))
_COLOURS = (("magma", "Magma"), ("viridis", "Viridis"), ("grey", "Grey"))
LOSSLESS = ("wav", "flac")
_BITRATES = (320, 256, 192, 128)
_NEXT_SONG = "From the next song on."
_FOR_MODELS = "These four are for downloaded models, from the next song on."


_QUALITIES = (
    ("draft", "Draft: quick, to try a song"),
    ("normal", "Normal"),
    ("best", "Best: takes its time"),
)
_STEMS = (("pair", "Voice and music"), ("all", "Every part that the engine can tell apart"))
_DEVICES = (
    ("auto", "Automatic: the fastest that works"),
    ("cpu", "Processor"),
    *(
        ("cuda", "NVIDIA or AMD graphics card"),
        ("mps", "Apple graphics"),
        ("xpu", "Intel graphics"),
    ),
)
_MODES = (
    ("auto", "Automatic: what the quality asks for"),
    ("turbo", "Turbo: the quickest, with small errors"),
    ("fast", "Fast: with errors that nobody hears"),
    ("exact", "Exact: what Demucs makes"),
    ("reference", "Reference: Demucs, bit by bit, slow"),
)
_METHOD_TIP = "How a network counts. What is quickest here is measured once, when nothing is done"
_OVERLAPS = ((0.1, "10 %"), (0.25, "25 %, the usual"), (0.5, "50 %, slower"))
_PASSES = ((0, "One"), *((n, f"{n}, {n} times as long") for n in (2, 3, 5, 10)))


def device_options(devices: list[Device]) -> tuple[tuple[str, str], ...]:
    """Return the devices that can be chosen, of those that were found."""
    able = [one for one in devices if one.works]
    return (
        _DEVICES[0],
        *((one.name, text.device_name(one.name, one.label, one.memory_mb)) for one in able),
    )


def _threads() -> tuple[tuple[int, str], ...]:
    there = os.cpu_count() or 1
    return ((0, "One for each core"), *((n, str(n)) for n in range(1, there + 1)))


def engine_options(names: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the engines that can be chosen: the built-in ones, and models that are there."""
    offered = (*BUILTIN_ENGINES, *sorted(set(names) - {*BUILTIN_ENGINES, AUTO}))
    return (
        (AUTO, "Automatic: what the quality asks for"),
        *((name, text.engine(name)) for name in offered),
    )


def sound_options(names: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the sound outputs that can be chosen; "" is the system's own choice."""
    return (("", "Like the system"), *((name, text.one_line(name)) for name in names))


PAGES = (
    Page(
        "general",
        "General",
        (
            Pick("theme", "Theme", _THEMES, "Colours of the window"),
            Pick(
                "follow_playhead",
                "Timeline",
                _FOLLOWS,
                "How the timeline goes along with the song while it looks closer",
            ),
            Pick(
                "wheel",
                "Wheel",
                _WHEELS,
                "What the mouse's wheel does over the timeline; turned sideways it moves along",
            ),
            Pick("spectrogram_colours", "Spectrogram", _COLOURS, "Colours of the spectrogram"),
        ),
    ),
    Page(
        "making",
        "Making",
        (
            Pick("quality", "Quality", _QUALITIES, "How much care new songs get", _NEXT_SONG),
            Switch(
                "draft_first",
                "Draft",
                "Sing to a draft until the better split is there",
                "The built-in engine makes it in seconds; only the better split is kept",
                "From the next song on. The quality Draft makes nothing else.",
            ),
            Pick("stems", "Parts", _STEMS, "Which parts of a new song are kept", _NEXT_SONG),
            Switch(
                "copy_originals",
                "Originals",
                "Keep a copy of each song's file",
                "Takes room in the library",
                "Without it a song cannot be made again, nor exported as a video.",
            ),
            Place(
                "model_folder",
                "Models",
                "the program's own folder",
                "A folder in which models are looked for first",
                _NEXT_SONG,
            ),
        ),
    ),
    Page(
        "advanced",
        "Advanced",
        (
            Pick("engine", "Engine", engine_options([]), "What tells voice from music", _NEXT_SONG),
            Pick("device", "Device", _DEVICES, "What networks compute on", _NEXT_SONG),
            Pick("threads", "Threads", _threads, "How many threads of the processor are used"),
            Pick("network_mode", "Method", _MODES, _METHOD_TIP),
            Pick("overlap", "Overlap", _OVERLAPS, "How far pieces of a song reach into the next"),
            Pick("shifts", "Passes", _PASSES, "Several passes are averaged", _FOR_MODELS),
        ),
    ),
    Page(
        "export",
        "Export",
        (
            Pick(
                "export_format",
                "Format",
                tuple((name, text.file_format(name)) for name in FORMATS),
                "Format of exported files",
            ),
            Pick(
                "export_bit_depth",
                "Depth",
                tuple((depth, text.bit_depth(depth)) for depth in BIT_DEPTHS),
                "Bits of WAV and FLAC; FLAC has at most 24",
            ),
            Pick(
                "export_bitrate_kbps",
                "Quality",
                ((0, "Standard"), *((kbps, f"{kbps} kbit/s") for kbps in _BITRATES)),
                "Size and quality of MP3, M4A, OGG and Opus",
            ),
            Template(
                "export_name",
                "Name",
                "{title}, {artist}, {album}, {stem} and {engine} are filled in for each file",
            ),
            Place(
                "export_folder",
                "Folder",
                "the music folder",
                "Where exported files go until another folder is chosen",
            ),
            Switch(
                "auto_export",
                "Each song",
                "Also write every new song as files",
                "Drop fifty songs, find fifty files",
                "As soon as it is ready, in this format and with this name.",
            ),
            Place(
                "auto_export_folder",
                "Its files",
                "the folder above",
                "Where the files of new songs are written",
            ),
        ),
    ),
    Page(
        "sound",
        "Sound",
        (
            Pick("sound_device", "Device", sound_options([]), "Where the sound goes"),
            Pick(
                "sound_latency",
                "Answers",
                _LATENCIES,
                "How soon keys and faders are heard; what is shown keeps in step with any of them",
            ),
            Switch(
                "sound_exclusive",
                "Alone",
                "Have the device for this program alone",
                "Nothing mixes or resamples the sound on its way; other programs are silent",
                "On Windows, by WASAPI. Where the device refuses it is shared as usual.",
            ),
            Switch(
                "fill_unsplit",
                "Not split yet",
                "Play the song as it is where it is not split yet",
                "Without it such parts of a song that is being made are silent",
            ),
            Switch(
                "plays_on",
                "Next song",
                "Play on with the next song of the list",
                "It begins on the very sample after the last one; a loop goes on all the same",
            ),
            Switch(
                "match_loudness",
                "Loudness",
                "Original, instrumental and vocals equally loud",
                "Compare them and not their volume; exported files stay as they are",
            ),
        ),
    ),
    Page(
        "queue",
        "Queue",
        (
            Switch(
                "pause_on_battery",
                "Battery",
                "Wait while the computer runs on its battery",
                "The song in work is finished; the next one waits for mains power",
            ),
            Switch(
                "pause_at_night",
                "Night",
                "Wait at night, so that the fan is quiet",
                "The song in work is finished; the next one waits for the morning",
            ),
            Pick("night_begins", "From", _HOURS, "When the night begins"),
            Pick("night_ends", "Until", _HOURS, "When the night ends"),
            Place(
                "watch_folder",
                "Watch",
                "no folder",
                "New songs in this folder are made by themselves",
                "What is in it already is left alone.",
            ),
        ),
    ),
    Page("library", "Library"),
    Page(
        "help",
        "Help",
        (
            Switch(
                "log_names",
                "Log",
                "Write the names of songs into it",
                "Only for finding a fault: else it tells songs by numbers",
                "From the next start on.",
            ),
        ),
    ),
)
