"""Blocks of samples as sound files, and our own lossless files back as blocks.

Integers written to WAV and FLAC come back bit for bit; MP3, M4A, OGG and Opus come back with
exactly as many frames, each in its place. Nothing is fsynced or renamed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import mutagen
import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from karaoke_studio.audio.av_writer import write_by_av
from karaoke_studio.audio.chunks import missing_bytes
from karaoke_studio.audio.output_file import OutputFile
from karaoke_studio.audio.sniff import identify, open_regular
from karaoke_studio.errors import CorruptAudio

Block = NDArray[Any]

READ_FRAMES = 65_536
DEFAULT_KBPS = {"mp3": 320, "m4a": 256, "opus": 160, "ogg": 256}

#: libsndfile segfaults when it is given a long song for OGG in one call.
_PIECE_FRAMES = 65_536
#: libFLAC's level 4: 12 % faster than its default and 0.6 % larger.
_FLAC_EFFORT = 0.5
_WAV_LIMIT_BYTES = 0xFFFFFFFF
#: Kept free in a WAV for its header, tags and cover.
_WAV_SPARE_BYTES = 32 << 20
_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}
#: Vorbis quality 0…1 by the bitrate that stereo music comes to.
_VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
#: From this rate on, the lowest and highest bitrate of MP3.
_MP3_KBPS_FROM_RATE = ((32_000, (32, 320)), (16_000, (8, 160)), (0, (8, 64)))
_RATES = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "m4a": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
    "opus": (48000,),
}
_MAX_VORBIS_RATE = 192_000
#: From here on a FLAC frame can only say its rate in tens of hertz.
_FLAC_COARSE_RATE = 65_536


@dataclass(frozen=True)
class _Sound:
    """What is to be written."""

    sample_rate: int
    channels: int
    bit_depth: str
    kbps: int
    frames: int


def holdable_rate(format: str, sample_rate: int) -> int:  # noqa: A002 (the domain's word)
    """Return the rate nearest to `sample_rate` (Hz) that a format can hold."""
    if format == "flac" and sample_rate >= _FLAC_COARSE_RATE:
        return round(sample_rate / 10) * 10
    if format == "ogg":
        return min(sample_rate, _MAX_VORBIS_RATE)
    allowed = _RATES.get(format)
    if allowed is None or sample_rate in allowed:
        return sample_rate
    return min(allowed, key=lambda rate: abs(rate - sample_rate))


def holdable_depth(format: str, bit_depth: str) -> str:  # noqa: A002
    """Return the depth that a lossless format uses when asked for `bit_depth`."""
    return "24" if format == "flac" and bit_depth == "32f" else bit_depth


def write_audio(
    path: Path,
    blocks: Iterable[Block],
    *,
    sample_rate: int,
    channels: int,
    format: str,  # noqa: A002
    bit_depth: str,
    frames: int,
    bitrate_kbps: int | None = None,
) -> None:
    """Write a sound file; when anything fails no file is left.

    Args:
        path: the file, replaced if it exists.
        blocks: (frames, channels); int32 with values of 16 or 24 bits (not left-aligned) for WAV
            and FLAC of these depths, float32 for "32f" and all lossy formats.
        sample_rate: Hz, as `holdable_rate` allows.
        channels: 1 or 2.
        format: one of `job.FORMATS`.
        bit_depth: one of `job.BIT_DEPTHS`; the lossy formats do not look at it.
        frames: how many the blocks have in all.
        bitrate_kbps: for lossy formats; None = `DEFAULT_KBPS`.

    Raises:
        OSError: the file cannot be written (disk full, too large, device gone).
        ValueError: the blocks do not have as many frames as was said.
    """
    kbps = bitrate_kbps or DEFAULT_KBPS.get(format, 0)
    sound = _Sound(sample_rate, channels, bit_depth, kbps, frames)
    with OutputFile(path) as file:
        written = _WRITERS[format](file, blocks, sound)
        _require_frames(written, frames)


def read_integers(path: Path) -> Iterator[NDArray[np.int32]]:
    """Yield the samples of a WAV or FLAC that we wrote, as they were given to `write_audio`.

    int32 (frames, channels), values of 16 or 24 bits; all blocks share one buffer.

    Raises:
        MissingFile, UnreadableFile, CorruptAudio: it cannot be read in full.
    """
    with open_own(path) as file:
        shift = {"PCM_16": 16, "PCM_24": 8}[file.subtype]
        for block in _read_all(file, np.empty((READ_FRAMES, file.channels), np.int32), path):
            block >>= shift
            yield block


def read_floats(path: Path) -> Iterator[NDArray[np.float32]]:
    """Yield the samples of a WAV or FLAC that we wrote as float32 (frames, channels).

    All blocks share one buffer.

    Raises:
        MissingFile, UnreadableFile, CorruptAudio: it cannot be read in full.
    """
    with open_own(path) as file:
        yield from _read_all(file, np.empty((READ_FRAMES, file.channels), np.float32), path)


def codec_versions() -> dict[str, str]:
    """Return the versions of the libraries that read and write sound."""
    return {
        "soundfile": sf.__version__,
        "libsndfile": sf.__libsndfile_version__,
        "av": av.__version__,
        "mutagen": mutagen.version_string,
    } | {name: ".".join(map(str, numbers)) for name, numbers in av.library_versions.items()}


def _write_pcm(
    file: OutputFile, blocks: Iterable[Block], sound: _Sound, container: str, effort: float | None
) -> int:
    """Write WAV or FLAC through libsndfile, which wants integers left-aligned in 32 bits."""
    subtype = _SUBTYPES[sound.bit_depth]
    shift = {"16": 16, "24": 8}.get(sound.bit_depth)
    aligned = (block if shift is None else np.left_shift(block, shift) for block in blocks)
    return _write_by_soundfile(
        file,
        aligned,
        mode="w",
        samplerate=sound.sample_rate,
        channels=sound.channels,
        format=container,
        subtype=subtype,
        compression_level=effort,
    )


def _write_wav(file: OutputFile, blocks: Iterable[Block], sound: _Sound) -> int:
    sample_bytes = {"16": 2, "24": 3, "32f": 4}[sound.bit_depth]
    is_long = sound.frames * sound.channels * sample_bytes > _WAV_LIMIT_BYTES - _WAV_SPARE_BYTES
    return _write_pcm(file, blocks, sound, "RF64" if is_long else "WAV", None)


def _write_flac(file: OutputFile, blocks: Iterable[Block], sound: _Sound) -> int:
    return _write_pcm(file, blocks, sound, "FLAC", _FLAC_EFFORT)


def _write_ogg(file: OutputFile, blocks: Iterable[Block], sound: _Sound) -> int:
    quality = float(np.interp(sound.kbps, _VORBIS_KBPS, np.linspace(0, 1, len(_VORBIS_KBPS))))
    return _write_by_soundfile(
        file,
        blocks,
        mode="w",
        samplerate=sound.sample_rate,
        channels=sound.channels,
        format="OGG",
        subtype="VORBIS",
        compression_level=1.0 - quality,
    )


def _write_mp3(file: OutputFile, blocks: Iterable[Block], sound: _Sound) -> int:
    """Write MP3 of constant bitrate through libsndfile.

    Not through FFmpeg: when the padding at the end covers more than one frame, it notes only part
    of it, and the song reads back up to 46 frames too long.
    """
    lowest, highest = next(
        limits for rate, limits in _MP3_KBPS_FROM_RATE if sound.sample_rate >= rate
    )
    kbps = min(max(sound.kbps, lowest), highest)
    return _write_by_soundfile(
        file,
        blocks,
        mode="w",
        samplerate=sound.sample_rate,
        channels=sound.channels,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=(highest - kbps) / (highest - lowest),
        bitrate_mode="CONSTANT",
    )


def _write_by_soundfile(file: OutputFile, blocks: Iterable[Block], **how: Any) -> int:
    frames = 0
    with sf.SoundFile(file, **how) as target:
        for block in blocks:
            for at in range(0, len(block), _PIECE_FRAMES):
                piece = block[at : at + _PIECE_FRAMES]
                target.write(piece)
                file.check()
                frames += len(piece)
    file.check()
    return frames


def _by_av(muxer: str, codec: str) -> Callable[[OutputFile, Iterable[Block], _Sound], int]:
    def write(file: OutputFile, blocks: Iterable[Block], sound: _Sound) -> int:
        return write_by_av(
            file,
            blocks,
            muxer=muxer,
            codec=codec,
            sample_rate=sound.sample_rate,
            channels=sound.channels,
            kbps=sound.kbps,
        )

    return write


_WRITERS: dict[str, Callable[[OutputFile, Iterable[Block], _Sound], int]] = {
    "wav": _write_wav,
    "flac": _write_flac,
    "ogg": _write_ogg,
    "mp3": _write_mp3,
    "m4a": _by_av("ipod", "aac"),
    "opus": _by_av("ogg", "libopus"),
}


def _require_frames(written: int, frames: int) -> None:
    if written != frames:
        raise ValueError(f"{frames} frames were promised and {written} came")


def open_own(path: Path) -> sf.SoundFile:
    """Open a WAV or FLAC that we wrote.

    Raises:
        MissingFile, UnreadableFile, CorruptAudio: it cannot be read in full.
    """
    with open_regular(path) as file:
        if missing_bytes(file, identify(file, path.name)):
            raise _cut_off(path)
    try:
        return sf.SoundFile(path)
    except sf.LibsndfileError as exc:
        raise CorruptAudio(f"{path.name} is damaged: {exc.error_string}") from exc


def _read_all(file: sf.SoundFile, buffer: NDArray[Any], path: Path) -> Iterator[NDArray[Any]]:
    left: int = file.frames
    try:
        while left > 0 and len(block := file.read(out=buffer)):
            left -= len(block)
            yield block
    except sf.LibsndfileError as exc:
        raise CorruptAudio(f"{path.name} is damaged: {exc.error_string}") from exc
    if left:
        raise _cut_off(path)


def _cut_off(path: Path) -> CorruptAudio:
    return CorruptAudio(f"{path.name} is cut off.", hint="Make it once more.")
