"""A stretch of another voice goes into a take, so that voice and music stay the song to the bit.

All in the take's integers: outside the stretch nothing is touched; inside, the seams are faded, and
what the voice loses the music gains, step by step.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.encode import read_integers, write_audio
from karaoke_studio.audio.peaks import PeaksBuilder, write_peaks
from karaoke_studio.audio.quantise import IntBlock, NullTest
from karaoke_studio.audio.raw import FloatBlock, RawFile

Report = Callable[[float], None]
Check = Callable[[], None]

#: Cross-fade at either end, with gains that add up to one: both sides hold nearly the same sound.
FADE_S = 0.030
_LIMIT = 1 << 23
_WRITTEN = 0.7


@dataclass(frozen=True)
class Splice:
    """Where the new voice goes, and how it is rounded.

    Attributes:
        start: first frame of the stretch.
        stop: frame after its last.
        offset: frame of the song at which the new voice's file begins.
        frames: length of the song.
        sample_rate: in Hz.
        shift_bits: of the take: its integers are 2^(23 − shift_bits) times the samples.
    """

    start: int
    stop: int
    offset: int
    frames: int
    sample_rate: int
    shift_bits: int

    @property
    def scale(self) -> float:
        """Steps per full scale."""
        return float(2.0 ** (23 - self.shift_bits))

    def voice(self, at: int, voice: IntBlock, music: IntBlock, new: RawFile) -> IntBlock:
        """Return a block of the voice with the new one in it.

        Args:
            at: frame of the song at which the block begins.
            voice: (frames, channels) as the take has it.
            music: the same of what takes up the difference.
            new: float32, full scale 1, from frame `offset` of the song on.
        """
        first, last = max(self.start, at), min(self.stop, at + len(voice))
        if first >= last:
            return voice
        inside = slice(first - at, last - at)
        floats = new.read(first - self.offset, last - self.offset).astype(np.float64)
        old, rest = voice[inside], music[inside]
        # what is not finite becomes silence, as in every staged voice
        wanted = np.nan_to_num(floats * self.scale, nan=0.0, posinf=0.0, neginf=0.0)
        mixed = np.rint(old + self._gains(first, last)[:, None] * (wanted - old))
        # both must fit into 24 bits: where one would not, the voice gives way
        low = np.maximum(-_LIMIT, old + rest - (_LIMIT - 1))
        high = np.minimum(_LIMIT - 1, old + rest + _LIMIT)
        made = voice.copy()
        made[inside] = np.clip(mixed, low, high).astype(np.int32)
        return made

    def _gains(self, first: int, last: int) -> NDArray[np.float64]:
        """Return how much of frames first…last is the new voice; the song's ends have no seam."""
        fade = max(1, round(FADE_S * self.sample_rate))
        middles = np.arange(first, last) + 0.5
        gains = np.ones(last - first)
        if self.start > 0:
            gains = np.minimum(gains, (middles - self.start) / fade)
        if self.stop < self.frames:
            gains = np.minimum(gains, (self.stop - middles) / fade)
        return gains


def music_of(stems: Mapping[str, object]) -> str:
    """Return the stem that takes up what the voice loses."""
    others = [stem for stem in stems if stem != "vocals"]
    return next((stem for stem in ("instrumental", "other") if stem in others), others[-1])


def write_spliced(
    splice: Splice,
    old: Mapping[str, Path],
    new_voice: RawFile,
    files: Mapping[str, Path],
    report: Report,
    check: Check,
) -> None:
    """Write the stems of a take with the new voice in it; memory does not grow with the song.

    Args:
        splice: where it goes.
        old: stem → FLAC of the take.
        new_voice: float32 samples, full scale 1.
        files: stem → FLAC to write.
        report: told the fraction that is done.
        check: called for each block; may raise to stop.

    Raises:
        OSError: staging cannot be written.
        CorruptAudio, MissingFile: the take cannot be read.
    """
    music = music_of(old)
    done = dict.fromkeys(("vocals", music), 0)

    def blocks(stem: str, new: RawFile) -> Iterator[IntBlock]:
        at = 0
        pair = (read_integers(old[name]) for name in ("vocals", music))
        for voice, rest in zip(*pair, strict=True):
            check()
            made = splice.voice(at, voice, rest, new)
            yield made if stem == "vocals" else rest + voice - made
            at += len(voice)
            done[stem] = at
            report(_WRITTEN * min(1.0, sum(done.values()) / (2 * splice.frames)))

    def write(stem: str) -> None:
        with RawFile.open(new_voice.path, new_voice.channels) as new:
            write_audio(
                files[stem],
                blocks(stem, new),
                sample_rate=splice.sample_rate,
                channels=new.channels,
                format="flac",
                bit_depth="24",
                frames=splice.frames,
            )

    for stem in old.keys() - done.keys():
        shutil.copyfile(old[stem], files[stem])
    # encoders run outside the interpreter's lock: both at once
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="encode") as pool:
        for future in [pool.submit(write, stem) for stem in done]:
            future.result()


def prove_spliced(
    splice: Splice,
    old: Mapping[str, Path],
    files: Mapping[str, Path],
    peaks: Path,
    report: Report,
    check: Check,
) -> NullTest:
    """Read the new take back: compare its sum with the old one's, and write its waveforms.

    Raises:
        OSError: staging cannot be written.
        CorruptAudio, MissingFile: a take cannot be read.
    """
    test, builders = NullTest(), {stem: PeaksBuilder() for stem in files}
    scale, at = np.float32(splice.scale), 0
    takes = (
        zip(*(read_integers(take[stem]) for stem in files), strict=True) for take in (old, files)
    )
    for before, after in zip(*takes, strict=True):
        check()
        was, now = (sum(stems[1:], start=stems[0].astype(np.int64)) for stems in (before, after))
        if np.array_equal(was, now):
            test.add_exact(was)
        else:
            test.add((now - was).ravel().astype(np.float64), was.ravel().astype(np.float64))
        for stem, block in zip(files, after, strict=True):
            floats: FloatBlock = block.astype(np.float32) / scale
            builders[stem].add(floats)
        at += len(after[0])
        report(_WRITTEN + (1 - _WRITTEN) * min(1.0, at / splice.frames))
    write_peaks(peaks, splice.frames, {stem: made.finish() for stem, made in builders.items()})
    return test
