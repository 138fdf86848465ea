"""Demucs networks on the chunk loop: a song in, the stems that are asked for out.

Two modes: `reference` runs the forward of upstream as it is; `exact` makes the same stems within
rounding (≥ 110 dB) and skips what the job does not need. Where the person left the device to us, a
graphics card that fails is left for something smaller, and the song goes on from where it was.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.errors import DeviceError, DeviceLost, ModelRefused, OutOfMemory
from karaoke_studio.separation.device import devices_to_try
from karaoke_studio.separation.engine import (
    Check,
    FloatArray,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)
from karaoke_studio.separation.model_files import Model, is_empty, is_transformer, segment_of
from karaoke_studio.separation.network_arguments import CHANNELS, MAX_SEGMENT_S, SAMPLE_RATE
from karaoke_studio.separation.overlap_add import Blend, Forward, Network, OverlapAdd
from karaoke_studio.separation.ranges import Ranges
from karaoke_studio.separation.rates import ResampledSink, ResampledSource, still_needed
from karaoke_studio.separation.torch_networks import (
    exact_forward,
    free_device,
    on_device,
    only_heads,
    reference_forward,
    ticking,
    use_threads,
    versions,
)

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

REFERENCE, EXACT = MODES = ("reference", "exact")
MAX_OVERLAP, MAX_SHIFTS = 0.5, 20
MIN_SEGMENT_S = 0.5
#: Added to the standard deviation, as upstream does, so that silence can be divided by it.
_NEARLY_ZERO = np.float32(1e-8)
#: A song that does not fit is tried again with chunks of this share.
_SMALLER = 0.25


@dataclass(frozen=True)
class NetworkOptions:
    """How a model is run.

    Attributes:
        mode: one of `MODES`.
        overlap: of neighbouring chunks, as a share of a chunk, 0…0.5.
        shifts: passes at random offsets that are averaged, 0…20; 0 = one pass as it is.
        seed: of the offsets.
        segment_s: length of chunks; None = what the model asks for.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        threads: of the processor; 0 = all that it has.
    """

    mode: str = EXACT
    overlap: float = 0.25
    shifts: int = 0
    seed: int = 0
    segment_s: float | None = None
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        is_good = (
            self.mode in MODES
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
    """

    source: SampleReader
    sinks: Mapping[str, VocalsWriter]
    facts: SongFacts
    folder: Path
    sha256: str = ""


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


@dataclass(frozen=True)
class _Attempt:
    """A device, and the share of the usual chunk length."""

    device: str
    share: float = 1.0


@dataclass
class DemucsEngine:
    """A model that is kept warm, on the devices that it has been used on.

    Attributes:
        model: the networks, on the processor.
        record: file that remembers which devices work, or None.
    """

    model: Model
    record: Path | None = None
    _placed: dict[tuple[str, int], torch.nn.Module] = field(default_factory=dict)

    def separate(
        self,
        song: Song,
        options: NetworkOptions,
        ledger: Ledger,
        report: ReportFraction,
        check: Check,
    ) -> Separation:
        """Make the stems that `song.sinks` asks for, with memory that does not grow with the song.

        Args:
            song: what to separate, and where to.
            options: how.
            ledger: which frames are ready; only others are made.
            report: told the fraction done, never falling, 1.0 at the end.
            check: called after every layer of the network.

        Raises:
            Cancelled: from `check`.
            ModelRefused: the model makes no such stem, or takes no such segment.
            OutOfMemory: it does not fit on the device that was named, or on any.
            DeviceLost: the device that was named is not there, or failed.
            OSError: the disk is full.
        """
        self._require(song, options)
        rising = _Rising(report)
        fallbacks: list[Fallback] = []
        attempts = self._attempts(options)
        while attempts:
            attempt = attempts.pop(0)
            run = _Run(self, song, options, attempt, ledger)
            failure = run.go(rising, check, is_last=not attempts)
            if failure is None:
                rising(1.0)
                return Separation(attempt.device, run.recipe, tuple(fallbacks))
            fallbacks.append(Fallback(attempt.device, failure))
            self._leave(attempt.device)
            if failure == DeviceLost.code:  # smaller chunks will not bring it back
                attempts = [one for one in attempts if one.device != attempt.device]
            log.warning("%s met %s, %d ways are left", attempt, failure, len(attempts))
        raise AssertionError("unreachable")

    def can_make(self, stems: Collection[str]) -> bool:
        """Whether no network that adds to these stems was left empty when the model was loaded."""
        return not any(
            is_empty(network)
            for network, row in zip(self.model.networks, self.model.weights, strict=True)
            if any(row[self.model.sources.index(stem)] for stem in self._made(stems))
        )

    def placed(self, number: int, device: str) -> torch.nn.Module:
        """Return a network of the model on a device, where it then stays.

        Raises:
            OutOfMemory: it does not fit.
            DeviceLost: the device failed.
        """
        if (device, number) not in self._placed:
            self._placed[device, number] = on_device(self.model.networks[number], device)
        return self._placed[device, number]

    def _leave(self, device: str) -> None:
        self._placed = {key: one for key, one in self._placed.items() if key[0] != device}
        free_device(device)

    def _made(self, stems: Collection[str]) -> list[str]:
        return [stem for stem in stems if stem in self.model.sources]

    def _require(self, song: Song, options: NetworkOptions) -> None:
        for stem in song.sinks:
            if stem not in self.model.sources:
                raise ModelRefused(
                    f"The model {self.model.name} does not make {stem}.",
                    hint=f"It makes {', '.join(self.model.sources)}.",
                )
        bound = [
            float(segment_of(network)) for network in self.model.networks if is_transformer(network)
        ]
        if options.segment_s is not None and bound and options.segment_s > min(bound):
            raise ModelRefused(
                f"The model {self.model.name} takes at most {min(bound):g} seconds at once.",
                hint="Choose a shorter segment, or leave it to the model.",
            )

    def _attempts(self, options: NetworkOptions) -> list[_Attempt]:
        devices = devices_to_try(options.device, self.record)
        if options.device != "auto":
            return [_Attempt(device) for device in devices]
        # a transformer pads shorter chunks to the length it was trained on
        can_shrink = not any(is_transformer(network) for network in self.model.networks)
        shares = (1.0, _SMALLER) if can_shrink else (1.0,)
        return [_Attempt(device, share) for device in devices for share in shares]


class _Run:
    """One attempt at a song."""

    def __init__(
        self,
        engine: DemucsEngine,
        song: Song,
        options: NetworkOptions,
        attempt: _Attempt,
        ledger: Ledger,
    ) -> None:
        self._engine = engine
        self._song = song
        self._options = options
        self._attempt = attempt
        self._ledger = ledger
        threads = use_threads(options.threads)
        self.recipe = {
            "song": song.sha256,
            "mean": song.facts.mean,
            "std": song.facts.std,
            "sample_rate": song.source.sample_rate,
            "stems": list(song.sinks),
            "model": engine.model.sha256,
            "backend": "torch",
            "dtype": "float32",
            "mode": options.mode,
            "overlap": options.overlap,
            "shifts": options.shifts,
            "seed": options.seed,
            "segments_s": [str(self._segment_s(network)) for network in engine.model.networks],
            "device": attempt.device,
            "threads": threads,
            "machine": platform.machine(),
            "versions": versions(),
        }

    def go(self, report: ReportFraction, check: Check, *, is_last: bool) -> str | None:
        """Make what is not ready; return the code of an error after which another way may do."""
        try:
            self._make(report, check)
        except (OutOfMemory, DeviceError) as exc:
            if is_last:
                raise
            return exc.code
        return None

    def _make(self, report: ReportFraction, check: Check) -> None:
        source, ready = self._song.source, self._ledger.begin(self.recipe)
        check()
        stems = _Stems(self._song.sinks, source.channels, self._ledger)
        with ExitStack() as stack:
            pulse = _Pulse(report, check)
            networks = [
                self._network(number, pulse, stack)
                for number in range(len(self._engine.model.networks))
            ]
            if source.sample_rate == SAMPLE_RATE:
                self._loop(source, stems, ready, networks, pulse)
                return
            view = ResampledSource(source, SAMPLE_RATE, check)
            path = self._song.folder / "stems-at-engine-rate.f32"
            stack.callback(path.unlink, missing_ok=True)
            channels = len(self._song.sinks) * source.channels
            staged = stack.enter_context(RawFile.create(path, channels, view.frames))
            back = ResampledSink(staged, SAMPLE_RATE, stems, source, check, ready)
            self._loop(view, back, ready, networks, pulse)
            back.finish()

    def _loop(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        ready: Ranges,
        networks: Sequence[Network],
        pulse: _Pulse,
    ) -> None:
        """Run the chunk loop on a song at the networks' rate."""
        options, facts = self._options, self._song.facts
        scale = _Scale(source, facts)
        loop = OverlapAdd(
            networks,
            source.frames,
            Blend(options.overlap, options.shifts, options.seed, SAMPLE_RATE),
            lambda start, block: sink.write(start, scale.undo(block)),
            wanted=still_needed(self._song.source, SAMPLE_RATE, ready),
            edges=self._song.folder / "edges",
        )
        pulse.follow(loop)
        loop.run(scale.read, pulse.report, pulse.check)

    def _network(self, number: int, pulse: _Pulse, stack: ExitStack) -> Network:
        """Return a network as the loop sees it, set up until `stack` is closed."""
        model = self._engine.model
        weights = model.weights[number]
        made = [
            (stem, model.sources.index(name), weights[model.sources.index(name)])
            for stem, name in enumerate(self._song.sinks)
            if weights[model.sources.index(name)]
        ]
        network = model.networks[number]
        return Network(
            self._forward(number, [source for _, source, _ in made], pulse, stack),
            int(SAMPLE_RATE * self._segment_s(network)),
            tuple(stem for stem, _, _ in made),
            tuple(weight for _, _, weight in made),
            self._valid_length(network),
            draws=_draws(network),
        )

    def _forward(self, number: int, sources: list[int], pulse: _Pulse, stack: ExitStack) -> Forward:
        if not sources:
            return _never
        network = self._engine.placed(number, self._attempt.device)
        if self._options.mode == EXACT:
            rows = stack.enter_context(only_heads(network, sources))
            forward = exact_forward(network, rows, self._attempt.device)
        else:
            forward = reference_forward(network, sources, self._attempt.device)
        return pulse.around(forward, stack.enter_context(ticking(network, pulse.tick)))

    def _valid_length(self, network: torch.nn.Module) -> Callable[[int], int]:
        segment_s = self._options.segment_s
        if segment_s is not None and is_transformer(network):
            return _always(int(segment_s * SAMPLE_RATE))
        return getattr(network, "valid_length", _as_it_is)

    def _segment_s(self, network: torch.nn.Module) -> float | Fraction:
        wanted = self._options.segment_s
        usual = segment_of(network) if wanted is None else wanted
        return usual if self._attempt.share == 1.0 else float(usual) * self._attempt.share


def _as_it_is(length: int) -> int:
    return length


def _never(_samples: FloatArray) -> FloatArray:
    raise AssertionError("a network that adds nothing was run")


def _always(frames: int) -> Callable[[int], int]:
    return lambda _length: frames


def _draws(network: Any) -> bool:
    """Whether upstream's forward draws a number for the place of its position codes."""
    transformer = getattr(network, "crosstransformer", None)
    return transformer is not None and transformer.emb == "sin"


class _Rising:
    """Passes fractions on, but never a smaller one than before."""

    def __init__(self, report: ReportFraction) -> None:
        self._report = report
        self._highest = 0.0

    def __call__(self, fraction: float) -> None:
        self._highest = max(self._highest, fraction)
        self._report(self._highest)


class _Pulse:
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
        if self._loop is not None:
            share = min(1.0, self._finished / self._layers)
            self.report((self._loop.done + share) / self._loop.total)


class _Scale:
    """Brings a song to the level that networks know, two channels, and back."""

    def __init__(self, source: SampleReader, facts: SongFacts) -> None:
        self._source = source
        self._mean = np.float32(facts.mean)
        self._std = np.float32(facts.std) + _NEARLY_ZERO

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 (2, stop - start), zeros outside the song."""
        scaled = np.zeros((CHANNELS, stop - start), np.float32)
        low, high = max(start, 0), min(stop, self._source.frames)
        if low < high:
            samples = self._source.read(low, high)
            scaled[:, low - start : high - start] = (samples - self._mean) / self._std
        return scaled

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
