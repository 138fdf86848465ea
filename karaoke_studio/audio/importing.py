"""The import pass: a foreign file becomes staged samples and plain facts, in one decode.

Runs in a *media* child. Writes into the staging folder only: `original.f32`, `original.peaks`,
`cover.<ext>` and, where asked, a copy of the file; the song itself is opened read-only.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from karaoke_studio import notes
from karaoke_studio.audio.decode import Source, open_source
from karaoke_studio.audio.lyrics import find_lrc
from karaoke_studio.audio.peaks import PeaksBuilder, write_peaks
from karaoke_studio.audio.raw import FloatBlock, RawFile
from karaoke_studio.audio.sniff import sniff
from karaoke_studio.audio.tags import Tags, parse_file_name, read_tags
from karaoke_studio.errors import (
    AudioTooShort,
    CorruptAudio,
    DiskFull,
    SourceChanged,
    error_from_os,
)
from karaoke_studio.staging import ORIGINAL, ORIGINAL_PEAKS

MODEL_RATE = 44_100
#: Below this peak (−90 dBFS) a song counts as silent.
SILENT_PEAK = 10 ** (-90 / 20)
#: Staged original and vocals (4 bytes each), the written pair (≤ 3 bytes each), per sample.
DISK_BYTES_PER_SAMPLE = 14
_COPY_BYTES = 1 << 20
_COVER_SUFFIXES = {"image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}

Report = Callable[[float], None]
Check = Callable[[], None]


@dataclass(frozen=True)
class ImportedSong:
    """What the import pass found out.

    Attributes:
        frames: length of `original.f32`.
        source_channels: channels of the file, before a downmix.
        mean: mean of the mono sum at 44.1 kHz.
        std: standard deviation of the same.
        rms: of the mono sum at 44.1 kHz.
        side_ratio: rms(L − R) / rms(L + R); 0 for mono.
        start_s: where the sound starts against the container's zero.
        tags: fields of `Tags` that are text.
        words: [[seconds or None, line], …].
        cover: name of the cover's file in staging, or None.
        copy: name of the copy of the song in staging, or None.
    """

    sample_rate: int
    channels: int
    source_channels: int
    frames: int
    bits: int | None
    is_lossy: bool
    has_picture: bool
    start_s: float
    mean: float
    std: float
    peak: float
    rms: float
    side_ratio: float
    sha256: str
    size_bytes: int
    tags: dict[str, str]
    words: list[list[Any]] = field(default_factory=list)
    cover: str | None = None
    copy: str | None = None
    notes: list[str] = field(default_factory=list)


def import_song(
    path: Path,
    staging: Path,
    *,
    copy: bool,
    describe: Callable[[dict[str, Any]], None],
    imported: Callable[[dict[str, Any]], None],
    report: Report,
    check: Check,
) -> ImportedSong:
    """Decode a song into staging.

    Args:
        path: the foreign file.
        staging: an existing folder of ours.
        copy: keep a copy of the file in staging, and decode that.
        describe: told title, artist, cover and length before the decode begins.
        imported: told again and again how many frames lie in `original.f32` ("ready"), with
            "sample_rate", "channels" and "frames", the length that the file claims or 0.
        report: told the fraction done.
        check: raises to stop.

    Raises:
        InputError: the file cannot be used.
        DiskFull: there is no room; asked before anything large is written.
        OSError: staging cannot be written.
    """
    container = sniff(path)
    before = _stamp(path)
    tags, found = read_tags(path, container)
    tags = _with_title(tags, path)
    cover = _save_cover(tags, staging)
    digest, copied = _hash(path, staging if copy else None, check)
    with open_source(path if copied is None else staging / copied) as source:
        source.check_length()
        length_s = (source.claimed_frames or 0) / source.sample_rate
        _require_disk(source, before[0], staging)
        describe(
            {"title": tags.title, "artist": tags.artist, "cover": cover, "duration_s": length_s}
        )
        meter = _Meter(source)
        frames = _decode(source, staging, meter, imported, report, check)
        _require_sound(frames, source.sample_rate, path)
        if _stamp(path) != before:
            raise SourceChanged(
                f"{path.name} changed while it was being read.",
                hint="Wait until it is complete, then try again.",
            )
        if meter.peak < SILENT_PEAK:
            found.append(notes.AUDIO_SILENT)
        return ImportedSong(
            sample_rate=source.sample_rate,
            channels=source.channels,
            source_channels=source.source_channels,
            frames=frames,
            bits=source.bits,
            is_lossy=source.is_lossy,
            has_picture=source.has_picture,
            start_s=source.start_s,
            **meter.facts(),
            sha256=digest,
            size_bytes=before[0],
            tags=_text_fields(tags),
            words=[[seconds, line] for seconds, line in _words(tags, path)],
            cover=cover,
            copy=copied,
            notes=list(dict.fromkeys(found + source.notes)),
        )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as exc:
        raise error_from_os(exc, path) from exc
    return status.st_size, status.st_mtime_ns


def _with_title(tags: Tags, path: Path) -> Tags:
    if tags.title:
        return tags
    artist, title = parse_file_name(path.stem)
    return replace(tags, title=title, artist=tags.artist or artist)


def _text_fields(tags: Tags) -> dict[str, str]:
    return {name: value for name, value in vars(tags).items() if isinstance(value, str)}


def tags_from_facts(song: dict[str, Any], cover: Path | None) -> Tags:
    """Rebuild tags from the plain facts of an `ImportedSong`.

    Args:
        song: its facts.
        cover: the cover's file, or None.
    """
    timed = [(seconds, line) for seconds, line in song["words"] if seconds is not None]
    tags = replace(Tags(), **song["tags"], synced=tuple(timed))
    return tags if cover is None else replace(tags, cover=cover.read_bytes())


def _save_cover(tags: Tags, staging: Path) -> str | None:
    if not tags.cover:
        return None
    name = "cover" + _COVER_SUFFIXES.get(tags.cover_mime or "", ".jpg")
    (staging / name).write_bytes(tags.cover)
    return name


def _words(tags: Tags, path: Path) -> tuple[tuple[float | None, str], ...]:
    if tags.synced:
        return tuple(tags.synced)
    beside = find_lrc(path)
    if beside:
        return beside
    return tuple((None, line) for line in tags.lyrics.splitlines())


def _hash(path: Path, copy_to: Path | None, check: Check) -> tuple[str, str | None]:
    """Return the sha256 of a file and the name of its copy (the bytes are read once)."""
    digest = hashlib.sha256()
    name = None if copy_to is None else f"copy{path.suffix.lower()[:12]}"
    target = None if copy_to is None or name is None else (copy_to / name).open("wb")
    try:
        with path.open("rb") as file:
            while chunk := _read(file.read, path):
                check()
                digest.update(chunk)
                if target is not None:
                    target.write(chunk)
    finally:
        if target is not None:
            target.close()
    return digest.hexdigest(), name


def _read(read: Callable[[int], bytes], path: Path) -> bytes:
    try:
        return read(_COPY_BYTES)
    except OSError as exc:
        raise error_from_os(exc, path) from exc


def _require_disk(source: Source, size_bytes: int, staging: Path) -> None:
    # a file that does not say how long it is: compressed sound expands about twelvefold
    samples = (source.claimed_frames or size_bytes * 3) * source.channels
    needed, free = samples * DISK_BYTES_PER_SAMPLE, shutil.disk_usage(staging).free
    if needed > free:
        raise DiskFull(
            f"The song needs {_megabytes(needed)} of disk, {_megabytes(free)} are free.",
            hint="Free some space, or choose a folder on another disk.",
        )


def _megabytes(count: int) -> str:
    return f"{math.ceil(count / 1e6)} MB" if count < 10e9 else f"{count / 1e9:.0f} GB"


def _require_sound(frames: int, sample_rate: int, path: Path) -> None:
    if frames == 0:
        raise CorruptAudio(
            f"There is no sound in {path.name}.", hint="The file is damaged; get it once more."
        )
    if frames < sample_rate:
        raise AudioTooShort(
            f"{path.name} is too short: {frames / sample_rate:.2f} s of sound.",
            hint="A song needs at least one second.",
        )


def _decode(
    source: Source,
    staging: Path,
    meter: _Meter,
    imported: Callable[[dict[str, Any]], None],
    report: Report,
    check: Check,
) -> int:
    frames = 0
    facts = {
        "sample_rate": source.sample_rate,
        "channels": source.channels,
        "frames": source.claimed_frames or 0,
    }
    builder = PeaksBuilder()
    with RawFile.create(staging / ORIGINAL, source.channels) as original:
        for block in source.blocks():
            check()
            original.write(frames, block)
            frames += len(block)
            imported({"ready": frames, **facts})
            meter.add(block)
            builder.add(block)
            if source.claimed_frames:
                report(min(1.0, frames / source.claimed_frames))
    meter.finish()
    write_peaks(staging / ORIGINAL_PEAKS, frames, {"original": builder.finish()})
    report(1.0)
    return frames


class _Meter:
    """Sums over the decoded blocks."""

    def __init__(self, source: Source) -> None:
        self._channels = source.channels
        self._resampler = (
            None
            if source.sample_rate == MODEL_RATE
            else soxr.ResampleStream(
                source.sample_rate, MODEL_RATE, 1, dtype="float32", quality="VHQ"
            )
        )
        self.peak = 0.0
        self._side_square = self._mid_square = 0.0
        self._mono_samples = 0
        self._mono_sum = self._mono_square = 0.0

    def add(self, block: FloatBlock) -> None:
        """Add float32 (frames, channels)."""
        flat = block.reshape(-1)
        self.peak = max(self.peak, float(flat.max()), -float(flat.min()))
        if self._channels == 2:
            mono = (block[:, 0] + block[:, 1]) * np.float32(0.5)
            mid_square = 4 * float(np.dot(mono, mono))
            self._mid_square += mid_square
            # (L−R)² + (L+R)² = 2 (L² + R²)
            self._side_square += max(0.0, 2 * float(np.dot(flat, flat)) - mid_square)
        else:
            mono = np.ascontiguousarray(block[:, 0])
        self._add_mono(mono if self._resampler is None else self._resampler.resample_chunk(mono))

    def _add_mono(self, mono: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        exact = mono.astype(np.float64)
        self._mono_sum += float(exact.sum())
        self._mono_square += float(np.dot(exact, exact))
        self._mono_samples += mono.size

    def finish(self) -> None:
        """Take what the resampler still holds."""
        if self._resampler is not None:
            empty = np.empty((0,), np.float32)
            self._add_mono(self._resampler.resample_chunk(empty, last=True))

    def facts(self) -> dict[str, float]:
        """Return mean, std, peak, rms and side ratio."""
        count = max(1, self._mono_samples)
        mean = self._mono_sum / count
        variance = max(0.0, self._mono_square - count * mean * mean) / max(1, count - 1)
        mid_square = max(self._mid_square, self._side_square * 1e-12) or 1.0
        return {
            "mean": mean,
            "std": math.sqrt(variance),
            "peak": self.peak,
            "rms": math.sqrt(self._mono_square / count),
            "side_ratio": math.sqrt(self._side_square / mid_square),
        }


def to_plain(song: ImportedSong) -> dict[str, Any]:
    """Return the facts as values that a pipe carries."""
    return asdict(song)
