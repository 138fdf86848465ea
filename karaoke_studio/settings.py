"""What the person chose, as one frozen value; loading is tolerant, saving is atomic."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from karaoke_studio.job import (
    ALL_STEMS,
    AUTO_MODE,
    BIT_DEPTHS,
    DEVICE_NAME,
    FORMATS,
    MODEL_NAME,
    MODES,
    QUALITIES,
    STEMS,
    NetworkChoice,
)
from karaoke_studio.staging import write_json_atomic

log = logging.getLogger(__name__)


#: Page by page; the playhead stands still and the song moves; not at all.
FOLLOWS = ("page", "smooth", "off")

#: What the wheel does over the timeline: zoom at the pointer, move along, or go through the song.
WHEELS = ("zoom", "pan", "seek")

#: A tenth of a second; as little as the device promises; enough for a machine that stutters.
SOUND_LATENCIES = ("normal", "low", "high")

#: What the spectrogram can be made and shown like.
SPECTROGRAM_WINDOWS = (1024, 2048, 4096, 8192)
SPECTROGRAM_RANGES_DB = (36, 54, 72, 90)


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults.

    Attributes:
        theme: "system", "dark" or "light".
        spectrogram_colours: "magma" or "viridis".
        spectrogram_window: frames of one transform, one of `SPECTROGRAM_WINDOWS`.
        spectrogram_scale: of frequency, "log", "mel" or "linear".
        spectrogram_range_db: from the darkest to the brightest.
        spectrogram_source: "heard", or the one that is always shown.
        follow_playhead: how the timeline goes along while it looks closer, one of `FOLLOWS`.
        wheel: what the mouse's wheel does over the timeline, one of `WHEELS`.
        quality: how much care new songs get, one of `job.QUALITIES`.
        engine: "auto" = what the quality asks for; else the engine of new songs.
        device: what networks compute on, see `job.NetworkChoice`.
        network_mode: one of `job.MODES`.
        overlap: of neighbouring pieces of a song, 0…0.5.
        shifts: passes at random offsets, 0…10.
        segment_s: length of pieces in whole seconds, 0 = what the model asks for.
        threads: of the processor, 0 = one for each core.
        stems: "pair" (voice and music) or "all" that the engine makes.
        queue_paused: no further song of the queue is begun.
        pause_on_battery: no song is begun while the computer runs on its battery.
        pause_at_night: no song is begun between two hours.
        night_begins: hour of the day, 0…23.
        night_ends: hour of the day, 0…23.
        volume: 0…1, position of the volume slider.
        sound_device: name of the output, "" = the system's own choice.
        sound_latency: how soon the output answers, see `SOUND_LATENCIES`.
        sound_exclusive: nothing else is heard on the output, where the system can do that.
        plays_on: when a song ends the next one of the list follows, without a gap.
        match_loudness: original, instrumental and vocals are played equally loud.
        beats_shown: the timeline shows the beats.
        loops_snap: ends of a loop keep to the beats.
        count_in: clicks are heard before a song begins to play.
        mixer_open: the faders of the single stems are shown.
        export_folder: last folder of an export, "" = the system's music folder.
        export_format: one of `job.FORMATS`.
        export_bit_depth: one of `job.BIT_DEPTHS`.
        export_bitrate_kbps: of the lossy formats; 0 = the format's default.
        export_stems: names of stems or `job.MIX`, separated by commas.
        export_name: template of file names.
        auto_export: also write every finished song as files, as the export fields say.
        auto_export_folder: where to, "" = `export_folder`.
        draft_first: a network's song can be heard as a draft until the network is there.
        fill_unsplit: a song in work is heard as it is where it is not separated yet.
        copy_originals: keep a copy of each song's file in the library.
        model_folder: where models are looked for first, "" = only in the data folder.
        library_folder: where the songs live, "" = in the data folder.
        watch_folder: new songs in it are made by themselves, "" = none is watched.
        keep_drafts_days: drafts that a better take replaced go to the trash then; 0 = never.
        table_columns: of the table of songs: names with widths, see `ui.wide_list.Headings`.
        wide_kind: "table" or "covers", where songs fill the window.
        log_names: names of songs and files are kept in the log.
        recent_files: files and folders that were added last, newest first.
    """

    theme: str = "system"
    spectrogram_colours: str = "magma"
    spectrogram_window: int = 4096
    spectrogram_scale: str = "log"
    spectrogram_range_db: int = 54
    spectrogram_source: str = "heard"
    follow_playhead: str = "page"
    wheel: str = "zoom"
    quality: str = "normal"
    engine: str = "auto"
    device: str = "auto"
    network_mode: str = AUTO_MODE
    overlap: float = 0.25
    shifts: int = 0
    segment_s: int = 0
    threads: int = 0
    stems: str = "pair"
    queue_paused: bool = False
    pause_on_battery: bool = False
    pause_at_night: bool = False
    night_begins: int = 22
    night_ends: int = 7
    volume: float = 0.8
    sound_device: str = ""
    sound_latency: str = "normal"
    sound_exclusive: bool = False
    plays_on: bool = False
    match_loudness: bool = False
    beats_shown: bool = True
    loops_snap: bool = True
    count_in: bool = False
    mixer_open: bool = True
    export_folder: str = ""
    export_format: str = "flac"
    export_bit_depth: str = "24"
    export_bitrate_kbps: int = 0
    export_stems: str = "vocals,instrumental"
    export_name: str = "{title} ({stem})"
    auto_export: bool = False
    auto_export_folder: str = ""
    draft_first: bool = True
    fill_unsplit: bool = True
    copy_originals: bool = True
    model_folder: str = ""
    library_folder: str = ""
    watch_folder: str = ""
    keep_drafts_days: int = 0
    table_columns: str = ""
    wide_kind: str = "table"
    log_names: bool = False
    recent_files: tuple[str, ...] = ()


_CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("system", "dark", "light"),
    "spectrogram_colours": ("magma", "viridis", "grey"),
    "spectrogram_scale": ("log", "mel", "linear"),
    "spectrogram_source": ("heard", "original", "instrumental", "vocals"),
    "follow_playhead": FOLLOWS,
    "wheel": WHEELS,
    "sound_latency": SOUND_LATENCIES,
    "quality": QUALITIES,
    "network_mode": MODES,
    "stems": ("pair", "all"),
    "wide_kind": ("table", "covers"),
    "export_format": FORMATS,
    "export_bit_depth": BIT_DEPTHS,
}
_NUMBERS = {
    "spectrogram_window": SPECTROGRAM_WINDOWS,
    "spectrogram_range_db": SPECTROGRAM_RANGES_DB,
}
_FORMS = {"engine": MODEL_NAME, "device": DEVICE_NAME}
_LIMITS = {
    "overlap": 0.5,
    "shifts": 10,
    "segment_s": 60,
    "threads": 256,
    "keep_drafts_days": 3650,
    "night_begins": 23,
    "night_ends": 23,
}


def network_choice(settings: Settings, folders: tuple[Path, ...]) -> NetworkChoice:
    """Return how networks are run for new songs, with models from these folders."""
    return NetworkChoice(
        folders,
        mode=settings.network_mode,
        overlap=settings.overlap,
        shifts=settings.shifts,
        segment_s=settings.segment_s or None,
        device=settings.device,
        threads=settings.threads,
    )


def chosen_stems(settings: Settings) -> tuple[str, ...]:
    """Return the stems of new songs."""
    return ALL_STEMS if settings.stems == "all" else STEMS


def load_settings(path: Path) -> Settings:
    """Read settings; what is missing, unknown or wrong is left at its default and logged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError) as exc:
        log.warning("settings could not be read, defaults are used: %s", exc)
        return Settings()
    if not isinstance(data, dict):
        log.warning("settings are not an object, defaults are used")
        return Settings()
    return Settings(**_accepted(data))


def _accepted(data: dict[str, Any]) -> dict[str, Any]:
    known = {field.name: field for field in fields(Settings)}
    good: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, list):  # JSON knows no tuples
            value = tuple(value)
        if name not in known:
            log.info("unknown setting %s is ignored", name)
        elif not _is_good(name, value, known[name].default):
            log.warning("setting %s has a wrong value, the default is used", name)
        else:
            good[name] = value
    return good


def _is_good(name: str, value: Any, default: Any) -> bool:
    # a bool is an int to Python, but neither a number nor a position of a slider
    if type(default) is float:
        return type(value) in {int, float} and 0 <= value <= _LIMITS.get(name, 1)
    if name in _NUMBERS:
        return type(value) is int and value in _NUMBERS[name]
    if type(default) is int:
        return type(value) is int and 0 <= value <= _LIMITS.get(name, value)
    if name in _FORMS:
        return type(value) is str and _FORMS[name].fullmatch(value) is not None
    if type(default) is tuple:
        return type(value) is tuple and all(type(item) is str for item in value)
    return type(value) is type(default) and value in _CHOICES.get(name, (value,))


def save_settings(settings: Settings, path: Path) -> None:
    """Write settings so that a crash leaves the old or the new file, never half of one.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    write_json_atomic(path, asdict(settings))
