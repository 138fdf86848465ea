"""Demucs networks on the chunk loop: a song in, the stems that are asked for out.

`reference` runs the forward of upstream as it is; `exact` makes the same stems within rounding
(≥ 110 dB) and skips what the job does not need; `fast` and `turbo` may count with fewer digits, as
far as was measured to keep their promises (`calibration`). Where the person left the device to us,
a graphics card that fails is left for the processor, and the song goes on from where it was. One
without enough memory is first given fewer chunks at once, then attention in pieces.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from karaoke_studio.errors import DeviceError, DeviceLost, ModelRefused, OutOfMemory
from karaoke_studio.separation.device import devices_to_try
from karaoke_studio.separation.engine import Check, ReportFraction
from karaoke_studio.separation.model_networks import Model, is_empty, is_transformer, segment_of
from karaoke_studio.separation.network_arguments import SAMPLE_RATE
from karaoke_studio.separation.overlap_add import Forward, Network
from karaoke_studio.separation.song_run import (
    Fallback,
    Ledger,
    NetworkOptions,
    Pulse,
    Rising,
    Separation,
    Song,
    never,
    run_song,
    shares_of,
    song_recipe,
)
from karaoke_studio.separation.torch_networks import (
    chunks_at_once,
    draws,
    free_device,
    on_device,
    only_heads,
    quick_forward,
    reference_forward,
    ticking,
    use_threads,
    versions,
)
from karaoke_studio.separation.ways import REFERENCE

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Attempt:
    """A device, how many chunks it is given at once, and whether attention is made in pieces.

    None of it changes the result by more than rounding.
    """

    device: str
    chunks: int = 1
    in_pieces: bool = False


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
            OutOfMemory: it does not fit on the device that was named, or on any, however it is
                done.
            DeviceLost: the device that was named is not there, or failed.
            OSError: the disk is full.
        """
        self._require(song, options)
        rising = Rising(report)
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
        if options.mode == REFERENCE:  # upstream's own forward, one chunk after the other
            return [_Attempt(device) for device in devices]
        return [attempt for device in devices for attempt in self._attempts_on(device, options)]

    def _attempts_on(self, device: str, options: NetworkOptions) -> list[_Attempt]:
        """Return the ways of using a device, each with less memory than the one before."""
        from karaoke_studio.separation.torch_layers import has_attention

        segments = [options.segment_s or segment_of(network) for network in self.model.networks]
        most = chunks_at_once(device, int(SAMPLE_RATE * max(segments)))
        # a quarter each time: a try that fails costs the chunks it was given
        counts = [most, *(count for count in (most // 4,) if count > 1), 1]
        attempts = [_Attempt(device, count) for count in dict.fromkeys(counts)]
        if any(has_attention(network) for network in self.model.networks):
            attempts.append(_Attempt(device, 1, in_pieces=True))
        return attempts


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
        self.recipe = song_recipe(song, options) | {
            "model": engine.model.sha256,
            "backend": "torch",
            "segments_s": [str(self._segment_s(network)) for network in engine.model.networks],
            "device": attempt.device,
            "chunks": attempt.chunks,
            "in_pieces": attempt.in_pieces,
            "threads": threads,
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
        ready = self._ledger.begin(self.recipe)
        check()
        with ExitStack() as stack:
            pulse = Pulse(report, check)
            networks = [
                self._network(number, pulse, stack)
                for number in range(len(self._engine.model.networks))
            ]
            run_song(self._song, self._options, ready, self._ledger, pulse, networks)

    def _network(self, number: int, pulse: Pulse, stack: ExitStack) -> Network:
        """Return a network as the loop sees it, set up until `stack` is closed."""
        model = self._engine.model
        made = shares_of(model.sources, model.weights[number], self._song.sinks)
        network = model.networks[number]
        sources = [model.sources.index(name) for _, name, _ in made]
        return Network(
            self._forward(number, sources, pulse, stack),
            int(SAMPLE_RATE * self._segment_s(network)),
            tuple(stem for stem, _, _ in made),
            tuple(weight for _, _, weight in made),
            self._valid_length(network),
            draws=draws(network),
            batch=self._attempt.chunks,
        )

    def _forward(self, number: int, sources: list[int], pulse: Pulse, stack: ExitStack) -> Forward:
        if not sources:
            return never
        network = self._engine.placed(number, self._attempt.device)
        if self._options.mode == REFERENCE:
            forward = reference_forward(network, sources, self._attempt.device)
        else:
            from karaoke_studio.separation.torch_layers import in_pieces

            if self._attempt.in_pieces:
                stack.enter_context(in_pieces(network))
            rows = stack.enter_context(only_heads(network, sources))
            forward = quick_forward(network, rows, self._attempt.device, self._options.way)
        return pulse.around(forward, stack.enter_context(ticking(network, pulse.tick)))

    def _valid_length(self, network: torch.nn.Module) -> Callable[[int], int]:
        segment_s = self._options.segment_s
        if segment_s is not None and is_transformer(network):
            return _always(int(segment_s * SAMPLE_RATE))
        return getattr(network, "valid_length", _as_it_is)

    def _segment_s(self, network: torch.nn.Module) -> float | Fraction:
        wanted = self._options.segment_s
        return segment_of(network) if wanted is None else wanted


def _as_it_is(length: int) -> int:
    return length


def _always(frames: int) -> Callable[[int], int]:
    return lambda _length: frames
