"""Engines for tests, with behaviour: what they do wrong, they do on purpose.

`instrumental = original - vocals` nulls even for vocals that are zero or late; only an engine whose
right answer is known can show that a path through the program is right.
"""

from __future__ import annotations

import os
import time

import numpy as np

from karaoke_studio.separation.engine import (
    Check,
    Engine,
    FloatArray,
    ReportFraction,
    SampleReader,
    SongFacts,
    VocalsWriter,
)

BLOCK_FRAMES = 65536

#: Seconds that `SlowEngine` takes for any song.
SLOW_SECONDS_VARIABLE = "KARAOKE_STUDIO_TEST_SLOW_SECONDS"


class ArraySource:
    """A song in memory."""

    def __init__(self, samples: FloatArray, sample_rate: int) -> None:
        self.samples = samples
        self.channels, self.frames = samples.shape
        self.sample_rate = sample_rate

    def read(self, start: int, stop: int) -> FloatArray:
        block = np.zeros((self.channels, stop - start), np.float32)
        low, high = max(start, 0), min(stop, self.frames)
        if high > low:
            block[:, low - start : high - start] = self.samples[:, low:high]
        return block


class ArraySink:
    """Vocals in memory; refuses what a writer may refuse: frames twice, or outside the song."""

    def __init__(self, channels: int, frames: int) -> None:
        self.samples = np.zeros((channels, frames), np.float32)
        self.written = np.zeros(frames, np.bool_)

    def write(self, start: int, block: FloatArray) -> None:
        stop = start + block.shape[1]
        assert block.dtype == np.float32
        assert 0 <= start <= stop <= self.samples.shape[1], "outside the song"
        assert not self.written[start:stop].any(), "a frame was written twice"
        self.samples[:, start:stop] = block
        self.written[start:stop] = True


class EndlessSource:
    """A song of any length, seven seconds over and over, that is never held."""

    def __init__(self, seconds: float, sample_rate: int, channels: int = 2) -> None:
        self.frames = round(seconds * sample_rate)
        self.channels = channels
        self.sample_rate = sample_rate
        times = np.arange(7 * sample_rate) / sample_rate
        left = 0.3 * np.sin(2 * np.pi * 220 * times + 3 * np.sin(times))
        self._loop = np.stack([left, 0.5 * left][:channels]).astype(np.float32)

    def read(self, start: int, stop: int) -> FloatArray:
        block = np.zeros((self.channels, stop - start), np.float32)
        low, high = max(start, 0), min(stop, self.frames)
        if high > low:
            # numpy's own mode="wrap" subtracts the length over and over: slow far into a song.
            within = np.arange(low, high) % self._loop.shape[1]
            np.take(self._loop, within, axis=1, out=block[:, low - start : high - start])
        return block


class NullSink:
    """Throws the vocals away, and counts them."""

    frames = 0

    def write(self, start: int, block: FloatArray) -> None:
        self.frames += block.shape[1]


def facts_of(samples: FloatArray) -> SongFacts:
    """The facts that an import pass would give, from the song at its own rate."""
    mono = samples.mean(axis=0, dtype=np.float64)
    ratio = 0.0
    if len(samples) == 2:
        middle = float(np.sqrt(np.mean(np.square(samples.sum(axis=0, dtype=np.float64)))))
        side = float(np.sqrt(np.mean(np.square(np.diff(samples.astype(np.float64), axis=0)))))
        ratio = side / middle if middle else 0.0
    return SongFacts(
        rms=float(np.sqrt(np.mean(mono**2))),
        peak=float(np.abs(samples).max()),
        mean=float(mono.mean()),
        std=float(mono.std()),
        side_ratio=ratio,
    )


def separated(engine: Engine, samples: FloatArray, sample_rate: int) -> FloatArray:
    """Run an engine over a song in memory, with its reports checked; return the vocals."""
    sink = ArraySink(*samples.shape)
    fractions: list[float] = []
    source = ArraySource(samples, sample_rate)
    engine.separate(source, sink, facts_of(samples), fractions.append, lambda: None)
    assert sink.written.all(), "frames are missing"
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    return sink.samples


class EchoEngine:
    """Vocals = input, at 44.1 kHz, in blocks from front to back."""

    name = "echo"
    sample_rate: int | None = 44100
    delay_frames = 0

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        for start in range(0, source.frames, BLOCK_FRAMES):
            check()
            stop = min(start + BLOCK_FRAMES, source.frames)
            sink.write(start, source.read(start - self.delay_frames, stop - self.delay_frames))
            report(stop / source.frames)


class EchoAnyRate(EchoEngine):
    """Vocals = input, at whatever rate the song has."""

    name = "echo_any"
    sample_rate = None


class DelayedEchoEngine(EchoEngine):
    """The mutant: one frame late. A test that it passes tests nothing."""

    name = "echo_delayed"
    delay_frames = 1


class SlowEngine(EchoAnyRate):
    """Like `EchoAnyRate`, but takes a set time, looking every 50 ms whether it is cancelled."""

    name = "slow"

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        steps = max(round(float(os.environ.get(SLOW_SECONDS_VARIABLE, "5")) / 0.05), 1)
        edges = np.linspace(0, source.frames, steps + 1).astype(int)
        for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            check()
            time.sleep(0.05)
            if stop > start:
                sink.write(start, source.read(start, stop))
            report(stop / source.frames)


class LeakyEngine(EchoAnyRate):
    """The mutant that keeps the sound of every song it has made."""

    name = "leaky"
    kept: list[FloatArray] = []  # noqa: RUF012 - shared on purpose

    def separate(
        self,
        source: SampleReader,
        sink: VocalsWriter,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        self.kept.append(source.read(0, source.frames) + 0)
        super().separate(source, sink, facts, report, check)
