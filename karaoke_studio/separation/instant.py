"""The built-in engine that needs no download: a learned mask on mid and side, in numpy.

The song runs through transform and net a second and a half at a time, see `mask_layers`; how it is
cut changes not a bit. Several pieces are on their way at once, each in a thread of its own, one
layer behind the other: products of matrices let go of the interpreter.

Levels are those of the whole song, which the import pass measured: a net that was shown each piece
at the same loudness would take the noise of a quiet passage for music.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from karaoke_studio.paths import resource
from karaoke_studio.separation import mask_net
from karaoke_studio.separation.cores import usable_processors
from karaoke_studio.separation.engine import (
    Check,
    FloatArray,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)
from karaoke_studio.separation.mask_layers import Memory
from karaoke_studio.separation.mask_net import (
    BANDS,
    GROUP,
    SINGLE,
    STEPS,
    STRIDE,
    TOP_BIN,
    MaskStream,
    Step,
    Weights,
)
from karaoke_studio.separation.stft import OVERLAP, ComplexArray, Grid

WEIGHTS = "engines/instant.npz"

#: Hz that the net was trained at.
SAMPLE_RATE = 44_100

#: Columns of a piece.
_COUNT = 64
#: More would wait for each other: the longest stage takes a fifth of the time.
_MOST_THREADS = 4
#: Transform, the stages of the net, and back.
_DOORS = 1 + STEPS + 1

#: Mean power of a bin where that of the samples is 1: the mean square of `Grid.window`.
_NOISE_POWER = np.float32(0.25)
#: Least power that the net tells from none, relative to the song; below `_SILENCE` nothing is
#: said about where it comes from.
_FLOOR, _SILENCE = np.float32(1e-6), np.float32(1e-7)

#: From where to where vocals count as centred: (mid - side) / (mid + side), in powers.
_CENTRED = 0.97, 0.99

#: Mean square below which a song is silent: 40 dB under the last bit of 24.
_SILENT_SONG = 1e-17


class InstantEngine:
    """A learned mask; takes any song, mono too."""

    name = "instant"
    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        *,
        weights: Weights | None = None,
        count: int = _COUNT,
        narrows_to_centre: bool = False,
    ) -> None:
        """Set the weights, those that ship with the program by default.

        Args:
            weights: of `mask_net`.
            count: columns of a piece, a multiple of `mask_net.STRIDE`.
            narrows_to_centre: see `Centre`; `benchmarks/quality.py` judges whether it pays.
        """
        self._weights = weights or mask_net.load_weights(resource(WEIGHTS))
        self._count = count
        self._narrows_to_centre = narrows_to_centre

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        """Write the vocals of `source`; see `Engine.separate`."""
        level = facts.rms**2 * (1 + facts.side_ratio**2)
        if level >= _SILENT_SONG:  # NaN is not
            centre = Centre() if self._narrows_to_centre and source.channels == 2 else None
            song = _Song(self._weights, source, level, self._count, centre)
            pieces = _in_threads(song, check)
        else:
            pieces = _silence(source, check)
        for start, block in pieces:
            if block.size:  # the net needs some pieces before it gives the first
                sink.write(start, block)
                report((start + block.shape[1]) / source.frames)


def _silence(source: SampleReader, check: Check) -> Iterator[tuple[int, FloatArray]]:
    for start in range(0, source.frames, SAMPLE_RATE):
        check()
        yield (
            start,
            np.zeros((source.channels, min(SAMPLE_RATE, source.frames - start)), np.float32),
        )


def _in_threads(song: _Song, check: Check) -> Iterator[tuple[int, FloatArray]]:
    """Yield the vocals of all pieces in order, and where in the song they begin."""
    threads = min(usable_processors(), _MOST_THREADS)
    doors = [threading.Lock() for _ in range(_DOORS)]
    waiting: deque[Future[tuple[int, FloatArray]]] = deque()
    with ThreadPoolExecutor(threads, "mask") as pool:
        try:
            for piece in range(song.pieces):
                check()
                samples = song.read(piece)
                way = _Way(doors)
                waiting.append(pool.submit(_walk, song, piece, samples, way, check))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _walk(
    song: _Song, piece: int, samples: FloatArray, way: _Way, check: Check
) -> tuple[int, FloatArray]:
    def step() -> None:
        check()
        way.go_on()

    try:
        return song.vocals(piece, samples, step)
    finally:
        way.leave()


class _Way:
    """A piece's way through doors that are one behind the other, each with room for one piece.

    It takes hold of the next door before it lets go of its own, so that none overtakes another.
    """

    def __init__(self, doors: list[threading.Lock]) -> None:
        """Wait until there is room behind the first door; another thread may walk on."""
        self._doors = iter(doors)
        self._held = next(self._doors)
        self._held.acquire()

    def go_on(self) -> None:
        """Wait until there is room behind the next door."""
        following = next(self._doors)
        following.acquire()
        self._held.release()
        self._held = following

    def leave(self) -> None:
        """Make room."""
        self._held.release()


class _Song:
    """A song on its way through transform, net and back.

    Attributes:
        pieces: how many it takes until all vocals are out.
    """

    def __init__(
        self,
        weights: Weights,
        source: SampleReader,
        level: float,
        count: int,
        centre: Centre | None,
    ) -> None:
        self._source, self._count, self._centre = source, count, centre
        self._grid = Grid.for_rate(SAMPLE_RATE)
        needed = self._grid.segments(source.frames) + OVERLAP - 1
        self._columns = -(-needed // STRIDE) * STRIDE
        self._stream = MaskStream(weights, self._columns, count)
        self._late = self._stream.delay // count
        self.pieces = -(-needed // count) + self._late
        self._scale = np.float32(1 / (_NOISE_POWER * level))
        self._waiting: deque[tuple[list[ComplexArray], FloatArray]] = deque()
        self._inverses = [
            Memory(OVERLAP - 1, count, self._grid.n_fft) for _ in range(source.channels)
        ]

    def read(self, piece: int) -> FloatArray:
        """Return the samples of a piece, with one column to either side."""
        first = piece * self._count
        start, stop = self._grid.span(first - 1, first + self._count + 1)
        if start >= self._source.frames:
            return np.zeros((self._source.channels, stop - start), np.float32)
        samples = self._source.read(start, stop)
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        return samples

    def vocals(self, piece: int, samples: FloatArray, step: Step) -> tuple[int, FloatArray]:
        """Take the next piece and return the vocals that are ready now.

        Args:
            piece: its number.
            samples: from `read`.
            step: called where another piece may follow, `_DOORS` - 1 times.

        Returns:
            Where in the song they begin, and float32 (channels, frames).
        """
        spectra = self._analyse(samples)
        inside = max(self._columns - piece * self._count, 0)
        seen = features(spectra, self._scale)[:inside]
        self._waiting.append(([spectrum[1:-1] for spectrum in spectra], seen))
        masks = self._stream.push(seen, step)
        step()
        if piece < self._late:
            return 0, np.empty((len(samples), 0), np.float32)
        spectra, seen = self._waiting.popleft()
        if self._centre is not None:
            self._centre.narrow(masks[: len(seen)], seen)
        found = []
        for number, spectrum in enumerate(spectra):
            apply(spectrum, masks[:, number])
            inverse = self._inverses[number]
            self._grid.invert(spectrum, inverse.advance())
            found.append(self._grid.add_up(inverse.columns))
        vocals = np.stack(found)
        if len(found) == 2:
            middle, side = found
            np.add(middle, side, out=vocals[0])
            np.subtract(middle, side, out=vocals[1])
        # The first column of the song is the last of its first segment.
        start = ((piece - self._late) * self._count - OVERLAP + 1) * self._grid.hop
        return max(start, 0), vocals[:, max(-start, 0) : self._source.frames - start]

    def _analyse(self, samples: FloatArray) -> list[ComplexArray]:
        """Return the columns of mid and, where there are two channels, side."""
        parts = [samples[0]]
        if len(samples) == 2:
            half = np.float32(0.5)
            parts = [(samples[0] + samples[1]) * half, (samples[0] - samples[1]) * half]
        columns = self._count + 2
        scratch = np.empty((columns, self._grid.n_fft), np.float32)
        return [
            self._grid.analyse(part, scratch, np.empty((columns, self._grid.bins), np.complex64))
            for part in parts
        ]


class Centre:
    """Takes no more than the centre of a song whose vocals stand there.

    Whether they do, those that were found so far say: their mid over their side.
    """

    def __init__(self) -> None:
        # As if one column of the song had been found on its sides: at first nothing is narrowed.
        self._powers = np.array([[0.0, 1.0 * TOP_BIN]])

    def narrow(self, masks: FloatArray, seen: FloatArray) -> None:
        """Multiply the masks of the next columns by the centre similarity that the net saw."""
        powers = 10 ** seen[:, :2] * np.square(masks)
        powers[:, :, SINGLE:] *= GROUP
        columns = powers.sum(axis=2, dtype=np.float64)
        sums = np.cumsum(np.concatenate([self._powers, columns]), axis=0)
        self._powers = sums[-1:]
        middle, side = sums[1:].T
        low, high = _CENTRED
        share = np.clip(((middle - side) / (middle + side) - low) / (high - low), 0, 1)
        masks *= 1 + share[:, None, None].astype(np.float32) * (seen[:, 2:3] - 1)


def features(spectra: list[ComplexArray], scale: np.float32) -> FloatArray:
    """Return what the net sees of the spectra of mid and side; without a side it is silent.

    Args:
        spectra: (columns + 2, bins) each.
        scale: makes the song's mean power per bin 1.

    Returns:
        float32 (columns, 4, BANDS): log10 powers of mid and side, centre similarity c, c⁸.
    """
    seen = np.empty((len(spectra[0]) - 2, 4, BANDS), np.float32)
    around = []
    seen[:, 1] = 0
    for number, spectrum in enumerate(spectra):
        power = _power(spectrum[:, : TOP_BIN + 2], scale)
        _to_bands(power[1:-1, :TOP_BIN], seen[:, number])
        around.append(_smooth(power))
    seen[:, :2] += _FLOOR
    np.log10(seen[:, :2], out=seen[:, :2])
    middle = around[0]
    side = around[1] if len(around) == 2 else np.zeros_like(middle)
    centre = middle - side
    middle += side
    middle += _SILENCE
    centre /= middle
    np.clip(centre, 0, 1, out=centre)
    _to_bands(centre, seen[:, 2])
    eighth = np.square(seen[:, 2], out=seen[:, 3])
    for _ in range(2):
        np.square(eighth, out=eighth)
    return seen


def apply(spectrum: ComplexArray, mask: FloatArray) -> None:
    """Multiply (columns, bins) by a mask (columns, BANDS); what is above is as the last band."""
    spectrum[:, :SINGLE] *= mask[:, :SINGLE]
    spectrum[:, SINGLE:TOP_BIN] *= np.repeat(mask[:, SINGLE:], GROUP, axis=1)
    spectrum[:, TOP_BIN:] *= mask[:, -1:]


def _power(spectrum: ComplexArray, scale: np.float32) -> FloatArray:
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    power *= scale
    return power


def _smooth(power: FloatArray) -> FloatArray:
    """Sum 3 columns × 5 bins: (columns + 2, TOP_BIN + 2) → (columns, TOP_BIN)."""
    columns: FloatArray = power[:-2] + power[1:-1]
    columns += power[2:]
    padded = np.pad(columns, ((0, 0), (2, 0)))
    pairs = padded[:, :-1] + padded[:, 1:]
    total: FloatArray = pairs[:, :-3] + pairs[:, 2:-1]
    total += padded[:, 4:]
    return total


def _to_bands(values: FloatArray, bands: FloatArray) -> None:
    """Average (columns, TOP_BIN) into (columns, BANDS)."""
    bands[:, :SINGLE] = values[:, :SINGLE]
    grouped = values[:, SINGLE::GROUP] + values[:, SINGLE + 1 :: GROUP]
    for place in range(2, GROUP):
        grouped += values[:, SINGLE + place :: GROUP]
    np.multiply(grouped, np.float32(1 / GROUP), out=bands[:, SINGLE:])
