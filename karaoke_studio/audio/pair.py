"""Staged samples become the written stems, and their sum is proved by reading them back.

Runs in a *media* child. Files are written under their final names' suffixes inside a staging
folder; publishing them is the parent's work.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio import notes
from karaoke_studio.audio.encode import holdable_depth, read_floats, read_integers, write_audio
from karaoke_studio.audio.peaks import PeaksBuilder, write_peaks
from karaoke_studio.audio.quantise import (
    BLOCK_FRAMES,
    NullTest,
    Quantiser,
    StagedSong,
    block_count,
    choose_gain,
    float_block,
    float_peak,
    stem_block,
)
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.audio.tags import Tags, write_tags

Block = NDArray[Any]
Report = Callable[[float], None]
Check = Callable[[], None]

LOSSLESS = ("wav", "flac")
#: Share of the work up to the end of measuring, of writing, and of reading back.
_MEASURED, _WRITTEN = 0.15, 0.75


@dataclass(frozen=True)
class Staged:
    """Where the staged samples of a song are, and their shape.

    Attributes:
        parts: stem → file, as an engine wrote them.
        mixes: name → file that was mixed of them.
    """

    original: Path
    parts: dict[str, Path]
    sample_rate: int
    channels: int
    mixes: dict[str, Path] = field(default_factory=dict)

    @contextmanager
    def open(self) -> Iterator[StagedSong]:
        """Open all files for reading."""
        with ExitStack() as files:
            original = files.enter_context(RawFile.open(self.original, self.channels))
            parts, mixes = (
                {
                    stem: files.enter_context(RawFile.open(path, self.channels))
                    for stem, path in paths.items()
                }
                for paths in (self.parts, self.mixes)
            )
            yield StagedSong(original, parts, mixes)


@dataclass(frozen=True)
class PairRequest:
    """What to write.

    Attributes:
        files: stem → file to write in staging.
        format: one of `job.FORMATS`.
        bit_depth: one of `job.BIT_DEPTHS`.
        bitrate_kbps: for lossy formats; None = the format's default.
        tags: of the song; each stem adds its name to the title. None = write none.
        is_take: a library take: only power-of-two gains, and peaks are written.
        peaks: file for the waveforms of the stems, or None.
    """

    files: dict[str, Path]
    format: str
    bit_depth: str
    bitrate_kbps: int | None = None
    tags: Tags | None = None
    is_take: bool = False
    peaks: Path | None = None


@dataclass
class PairResult:
    """What was written.

    Attributes:
        gain: the common gain of all files.
        null_test_db: see `NullTest`; None where no claim is made.
        sha256: stem → digest of its file.
    """

    gain: float = 1.0
    null_test_db: float | None = None
    null_exact: bool | None = None
    sha256: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_pair(staged: Staged, request: PairRequest, report: Report, check: Check) -> PairResult:
    """Write the stems, tag them, read them back and measure the null test.

    Raises:
        DiskFull: there is no room.
        OSError: staging cannot be written.
    """
    result = PairResult()
    depth = request.bit_depth
    if request.format in LOSSLESS:
        depth = holdable_depth(request.format, request.bit_depth)
        if depth != request.bit_depth:
            result.notes.append(notes.note(notes.DEPTH_CHANGED, f"{depth} bit"))
    law = _law(staged, request, depth, check)
    result.gain = law.gain
    if law.gain != 1.0 and not request.is_take:
        result.notes.append(notes.note(notes.GAIN_APPLIED, f"{-20 * math.log10(law.gain):.2f}"))
    report(_MEASURED)
    _write_all(staged, request, law, _Steps(report, _MEASURED, _WRITTEN), check)
    for stem, path in request.files.items():
        if request.tags is not None:
            write_tags(path, request.format, request.tags.for_stem(stem))
        result.sha256[stem] = digest(path)
    if request.format in LOSSLESS and _is_whole(staged, request):
        null = _read_back(staged, request, law, _Steps(report, _WRITTEN, 1.0), check)
        result.null_test_db, result.null_exact = null.level_db, null.is_exact
    report(1.0)
    return result


@dataclass(frozen=True)
class _Law:
    """How samples become what is written: integers by a quantiser, or floats by a gain."""

    quantiser: Quantiser | None
    gain: float
    depth: str

    def block(self, stem: str, song: StagedSong, number: int) -> Block:
        if self.quantiser is not None:
            return stem_block(stem, self.quantiser, song, number)
        block = float_block(stem, song, number)
        return block if self.gain == 1.0 else block * np.float32(self.gain)


def _is_whole(staged: Staged, request: PairRequest) -> bool:
    with staged.open() as song:
        return song.is_whole(request.files)


def _law(staged: Staged, request: PairRequest, depth: str, check: Check) -> _Law:
    if request.format in LOSSLESS and depth == "32f":
        return _Law(None, 1.0, depth)
    with staged.open() as song:
        if request.format not in LOSSLESS:
            # lossy coders overshoot by themselves; what we hand them stays below full scale
            peak = float_peak(song, check)
            return _Law(None, 1.0 if peak <= 1.0 else 0.999 / peak, depth)
        quantiser = choose_gain(
            int(depth),
            song,
            is_dithered=depth == "16",
            powers_of_two=request.is_take,
            check=check,
        )
        return _Law(quantiser, quantiser.gain, depth)


class _Steps:
    """Turns finished blocks of several threads into one rising fraction."""

    def __init__(self, report: Report, start: float, stop: float) -> None:
        self._report, self._start, self._span = report, start, stop - start
        self._lock = threading.Lock()
        self._done = 0
        self.total = 1

    def add(self) -> None:
        with self._lock:
            self._done += 1
            self._report(self._start + self._span * min(1.0, self._done / self.total))


def _write_all(
    staged: Staged, request: PairRequest, law: _Law, steps: _Steps, check: Check
) -> None:
    peaks: dict[str, PeaksBuilder] = {}
    frames = 0

    def write(stem: str, path: Path) -> None:
        nonlocal frames
        with staged.open() as song:
            frames = song.original.frames
            steps.total = block_count(frames) * len(request.files)
            blocks = _stem_blocks(stem, law, song, peaks.get(stem), steps, check)
            write_audio(
                path,
                blocks,
                sample_rate=staged.sample_rate,
                channels=staged.channels,
                format=request.format,
                bit_depth=law.depth,
                bitrate_kbps=request.bitrate_kbps,
                frames=frames,
            )

    if request.peaks is not None:
        peaks = {stem: PeaksBuilder() for stem in request.files}
    # encoders run outside the interpreter's lock: both stems at once
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="encode") as pool:
        for future in [pool.submit(write, *item) for item in request.files.items()]:
            future.result()
    if request.peaks is not None:
        write_peaks(request.peaks, frames, {s: b.finish() for s, b in peaks.items()})


def _stem_blocks(
    stem: str,
    law: _Law,
    song: StagedSong,
    builder: PeaksBuilder | None,
    steps: _Steps,
    check: Check,
) -> Iterator[Block]:
    for number in range(block_count(song.original.frames)):
        check()
        block = law.block(stem, song, number)
        if builder is not None and law.quantiser is not None:
            builder.add(block.astype(np.float32) / law.quantiser.scale)
        yield block
        steps.add()


def _read_back(
    staged: Staged, request: PairRequest, law: _Law, steps: _Steps, check: Check
) -> NullTest:
    test = NullTest()
    reader = read_floats if law.quantiser is None else read_integers
    with staged.open() as song:
        steps.total = block_count(song.original.frames)
        added = [path for stem, path in request.files.items() if stem not in staged.mixes]
        written = zip(*(_ahead(_even(reader(path))) for path in added), strict=True)
        for number, stems in enumerate(written):
            check()
            start = number * BLOCK_FRAMES
            block = song.original.read(start, start + BLOCK_FRAMES)
            if law.quantiser is None:
                whole = block.astype(np.float64)
                together = sum(stem.astype(np.float64) for stem in stems)
                test.add((together - whole).ravel(), whole.ravel())
            else:
                _compare(test, law.quantiser.original(block), sum(stems[1:], start=stems[0]))
            steps.add()
    return test


def _ahead(blocks: Iterator[Block]) -> Iterator[Block]:
    """Have the next block made in a thread while this one is looked at."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode") as pool:
        coming = pool.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            yield block


def _compare(test: NullTest, wanted: Block, got: Block) -> None:
    if np.array_equal(wanted, got):
        test.add_exact(wanted)
    else:
        difference = got.astype(np.float64) - wanted
        test.add(difference.ravel(), wanted.astype(np.float64).ravel())


def _even(blocks: Iterator[Block]) -> Iterator[Block]:
    """Cut blocks of any length into blocks of `BLOCK_FRAMES`."""
    held: list[Block] = []
    count = 0
    for block in blocks:
        held.append(block.copy())
        count += len(block)
        while count >= BLOCK_FRAMES:
            whole = np.concatenate(held)
            yield whole[:BLOCK_FRAMES]
            held, count = [whole[BLOCK_FRAMES:]], count - BLOCK_FRAMES
    if count:
        yield np.concatenate(held)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blocks_of(path: Path, channels: int) -> Iterator[Block]:
    """Yield a staged file block by block."""
    with RawFile.open(path, channels) as file:
        for number in itertools.count():
            block = file.read(number * BLOCK_FRAMES, (number + 1) * BLOCK_FRAMES)
            if not len(block):
                return
            yield block
