"""One song on its way through networks, whatever runs them: levels, rates, progress, resuming.

Nothing here knows a runtime. An engine hands over its networks as functions on arrays.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.separation.engine import (
    Check,
    FloatArray,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)
from karaoke_studio.separation.network_arguments import CHANNELS, MAX_SEGMENT_S, SAMPLE_RATE
from karaoke_studio.separation.order import Ask, Following, nobody
from karaoke_studio.separation.overlap_add import Blend, Forward, Network, OverlapAdd
from karaoke_studio.separation.ranges import Ranges
from karaoke_studio.separation.rates import ResampledSink, ResampledSource, still_needed
from karaoke_studio.separation.ways import EXACT, FAST, MODES, TORCH_F32, TURBO, WAYS

#: Modes that make a promise which silence in place of what cannot be heard (-80 dBFS) keeps.
_SKIPPING = (FAST, TURBO)
_INAUDIBLE = 1e-4
MAX_OVERLAP, MAX_SHIFTS = 0.5, 20
MIN_SEGMENT_S = 0.5
#: Added to the standard deviation, as upstream does, so that silence can be divided by it.
_NEARLY_ZERO = np.float32(1e-8)


@dataclass(frozen=True)
class NetworkOptions:
    """How a model is run.

    Attributes:
        mode: one of `MODES`.
        way: one of `WAYS`; `reference` and `exact` have one only.
        overlap: of neighbouring chunks, as a share of a chunk, 0…0.5.
        shifts: passes at random offsets that are averaged, 0…20; 0 = one pass as it is.
        seed: of the offsets.
        segment_s: length of chunks; None = what the model asks for.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        threads: of the processor; 0 = one for each core.
    """

    mode: str = EXACT
    way: str = TORCH_F32
    overlap: float = 0.25
    shifts: int = 0
    seed: int = 0
    segment_s: float | None = None
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        is_good = (
            self.mode in MODES
            and self.way in (WAYS if self.mode in _SKIPPING else (TORCH_F32,))
            and 0 <= self.overlap <= MAX_OVERLAP
            and 0 <= self.shifts <= MAX_SHIFTS
            and (self.segment_s is None or MIN_SEGMENT_S <= self.segment_s <= MAX_SEGMENT_S)
            and self.threads >= 0
        )
        if not is_good:
            raise ValueError(f"out of range: {self}")


@dataclass(frozen=True)
class Song:
    """One song to separate.

    Attributes:
        source: at its own rate, 1 or 2 channels.
        sinks: stem → where it goes, at the song's rate and with its channels.
        facts: `mean` and `std` are used.
        folder: where chunk edges and what is yet to be resampled wait; emptied in the end.
        sha256: of its file; names it in the recipe.
        listener: tells where the song is heard; that part is made first.
    """

    source: SampleReader
    sinks: Mapping[str, VocalsWriter]
    facts: SongFacts
    folder: Path
    sha256: str = ""
    listener: Ask = nobody


class Ledger(Protocol):
    """Knows which frames of the song are ready, and is told of more."""

    def begin(self, recipe: dict[str, Any]) -> Ranges:
        """Return the frames that are ready, as the song begins (or goes on) under a recipe.

        The recipe is everything that decides the bits, as plain values.
        """
        ...

    def add(self, start: int, stop: int) -> None:
        """Note that all sinks have the frames start…stop."""
        ...


@dataclass(frozen=True)
class Fallback:
    """A way of making the song that was tried and given up.

    Attributes:
        device: its device.
        code: of the error that ended it.
    """

    device: str
    code: str


@dataclass(frozen=True)
class Separation:
    """How a song was made.

    Attributes:
        device: that it was finished on.
        recipe: what decided the bits of what was made last.
        fallbacks: what was tried before, in order.
    """

    device: str
    recipe: dict[str, Any]
    fallbacks: tuple[Fallback, ...] = ()


def shares_of(
    sources: Sequence[str], weights: Sequence[float], stems: Iterable[str]
) -> list[tuple[int, str, float]]:
    """Return what a network adds to: (number among the stems asked for, name, weight)."""
    by_name = dict(zip(sources, weights, strict=True))
    return [(number, stem, by_name[stem]) for number, stem in enumerate(stems) if by_name.get(stem)]


def never(_samples: FloatArray) -> FloatArray:
    """Stand in for the forward of a network that adds to nothing that is asked for."""
    raise AssertionError("a network that adds nothing was run")


def song_recipe(song: Song, options: NetworkOptions) -> dict[str, Any]:
    """Return the part of a recipe that no runtime decides."""
    return {
        "song": song.sha256,
        "mean": song.facts.mean,
        "std": song.facts.std,
        "sample_rate": song.source.sample_rate,
        "stems": list(song.sinks),
        "mode": options.mode,
        "way": options.way,
        "overlap": options.overlap,
        "shifts": options.shifts,
        "seed": options.seed,
        "machine": platform.machine(),
    }


def run_song(
    song: Song,
    options: NetworkOptions,
    ready: Ranges,
    ledger: Ledger,
    pulse: Pulse,
    networks: Sequence[Network],
) -> None:
    """Run the chunk loop over a song, at the networks' rate, for all frames that are not ready.

    Args:
        song: what to separate, and where to.
        options: overlap, shifts and seed are used.
        ready: frames that need not be made.
        ledger: told of each range that all sinks have.
        pulse: of this run.
        networks: that make the stems of `song.sinks`, in their order.

    Raises:
        Cancelled: from the pulse's `check`.
        OSError: the disk is full.
    """
    source = song.source
    stems = _Stems(song.sinks, source.channels, ledger)
    if source.sample_rate == SAMPLE_RATE:
        _loop(song, options, source, stems, ready, pulse, networks)
        return
    with ExitStack() as stack:
        view = ResampledSource(source, SAMPLE_RATE, pulse.check)
        path = song.folder / "stems-at-engine-rate.f32"
        stack.callback(path.unlink, missing_ok=True)
        channels = len(song.sinks) * source.channels
        staged = stack.enter_context(RawFile.create(path, channels, view.frames))
        back = ResampledSink(staged, SAMPLE_RATE, stems, source, pulse.check, ready)
        _loop(song, options, view, back, ready, pulse, networks)
        back.finish()


def _loop(
    song: Song,
    options: NetworkOptions,
    source: SampleReader,
    sink: VocalsWriter,
    ready: Ranges,
    pulse: Pulse,
    networks: Sequence[Network],
) -> None:
    """Run the chunk loop on a song that has been brought to the networks' rate."""
    scale = Scale(source, song.facts)
    if options.mode in _SKIPPING:
        networks = [replace(one, instead=scale.silence_for(one)) for one in networks]
    loop = OverlapAdd(
        networks,
        source.frames,
        Blend(options.overlap, options.shifts, options.seed, SAMPLE_RATE),
        lambda start, block: sink.write(start, scale.undo(block)),
        wanted=still_needed(song.source, SAMPLE_RATE, ready),
        edges=song.folder / "edges",
    )
    pulse.follow(loop)
    order = Following(song.listener, song.source.sample_rate, SAMPLE_RATE)
    loop.run(scale.read, pulse.report, pulse.check, order)


class Rising:
    """Passes fractions on, but never a smaller one than before."""

    def __init__(self, report: ReportFraction) -> None:
        self._report = report
        self._highest = 0.0

    def __call__(self, fraction: float) -> None:
        """Report a fraction, or the highest so far."""
        self._highest = max(self._highest, fraction)
        self._report(self._highest)


class Pulse:
    """Turns finished layers into progress, and into moments at which a song can be cancelled."""

    def __init__(self, report: ReportFraction, check: Check) -> None:
        self.report = report
        self.check = check
        self._loop: OverlapAdd | None = None
        self._layers = 1
        self._finished = 0

    def follow(self, loop: OverlapAdd) -> None:
        """Count within this loop from now on."""
        self._loop = loop

    def around(self, forward: Forward, layers: int) -> Forward:
        """Return a forward during which so many layers will finish."""

        def run(samples: FloatArray) -> FloatArray:
            self._layers, self._finished = layers, 0
            return forward(samples)

        return run

    def tick(self) -> None:
        """Note that a layer is done."""
        self.check()
        self._finished += 1
        self.show(self._finished / self._layers)

    def show(self, share: float) -> None:
        """Note that about so much of the chunk under way is done, 0…1."""
        if self._loop is not None:
            self.report((self._loop.done + min(1.0, share)) / self._loop.total)


class Scale:
    """Brings a song to the level that networks know, two channels, and back."""

    def __init__(self, source: SampleReader, facts: SongFacts) -> None:
        self._source = source
        self._mean = np.float32(facts.mean)
        self._std = np.float32(facts.std) + _NEARLY_ZERO
        self._peak = 0.0

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 (2, stop - start), zeros outside the song."""
        scaled = np.zeros((CHANNELS, stop - start), np.float32)
        low, high = max(start, 0), min(stop, self._source.frames)
        self._peak = 0.0
        if low < high:
            samples = self._source.read(low, high)
            self._peak = float(np.abs(samples).max())
            scaled[:, low - start : high - start] = (samples - self._mean) / self._std
        return scaled

    def silence_for(self, network: Network) -> Callable[[FloatArray], FloatArray | None]:
        """Return what knows a network's output for what cannot be heard: its stems are silent.

        It is asked for the chunk that was read last.
        """

        def known(samples: FloatArray) -> FloatArray | None:
            if self._peak >= _INAUDIBLE:
                return None
            silence = -self._mean / self._std
            return np.full((len(network.stems), *samples.shape), silence, np.float32)

        return known

    def undo(self, block: FloatArray) -> FloatArray:
        """Return float32 (stems · channels of the song, n) of (stems, 2, n)."""
        samples = block * self._std
        samples += self._mean
        if self._source.channels == 1:
            samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
        return samples.reshape(-1, block.shape[-1])


class _Stems:
    """Takes all stems side by side, and gives each to its own sink."""

    def __init__(self, sinks: Mapping[str, VocalsWriter], channels: int, ledger: Ledger) -> None:
        self._sinks = list(sinks.values())
        self._channels = channels
        self._ledger = ledger

    def write(self, start: int, block: FloatArray) -> None:
        """Take float32 (stems · channels, n) for the frames from `start` on."""
        for number, sink in enumerate(self._sinks):
            first = number * self._channels
            sink.write(start, block[first : first + self._channels])
        self._ledger.add(start, start + block.shape[1])
