"""Measures a split song without the true stems; `verdict` says what the figures mean.

`measure` listens to both stems, and then lets the built-in engine hear three more: what voice it
finds in the music, what music in the vocals, and whether it would have split the song alike.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from karaoke_studio.separation.engine import Check, ReportFraction, SampleReader, SongFacts
from karaoke_studio.separation.instant import InstantEngine
from karaoke_studio.separation.split_features import (
    BANDS,
    NAMES,
    WINDOW,
    Array,
    FloatArray,
    SplitMeter,
)

#: What is measured per window: sums and means of `split_features`, then powers of samples.
COLUMNS = (
    *NAMES,
    "voice",
    "music",
    "song",
    "voice_in_music",
    "music_in_voice",
    "second_voice",
    "apart",
)
_READ_FRAMES = 2 * WINDOW
#: Shares of the time that the parts of `measure` take.
_METERS, _HEARINGS = 0.25, 3

#: Derived columns that also count as the mean of five windows, and of the song.
_AROUND = ("level", "voice_in_music", "music_in_voice", "apart", "torn", "alike", "moves_together")
_FLOOR = 1e-5


class Hears(Protocol):
    """An engine, as far as it is needed here."""

    def separate(
        self,
        source: SampleReader,
        sink: Compared,
        facts: SongFacts,
        report: ReportFraction,
        check: Check,
    ) -> None:
        """See `Engine.separate`."""
        ...


def measure(
    voice: SampleReader,
    music: SampleReader,
    report: ReportFraction,
    check: Check,
    engine: Hears | None = None,
) -> Array:
    """Measure a split song in windows of half a second.

    Args:
        voice: the vocals at 44.1 kHz, one or two channels.
        music: everything else, alike.
        report: gets a rising fraction.
        check: called now and then; raises when it is to end.
        engine: that hears the stems again, `InstantEngine` by default.

    Returns:
        float64 (windows, len(COLUMNS)).
    """
    song = Sum(voice, music)
    meter, powers, facts = SplitMeter(), Powers(voice.frames), _Facts()
    for start in range(0, voice.frames, _READ_FRAMES):
        check()
        stop = min(start + _READ_FRAMES, voice.frames)
        sung, played = (_finite(stem.read(start, stop)) for stem in (voice, music))
        meter.add(sung, played)
        facts.add(sung + played)
        powers.add(start, (sung, played, sung + played))
        report(_METERS * stop / voice.frames)
    rows = [meter.finish(), powers.sums]
    engine = engine or InstantEngine()
    for number, (heard, compared) in enumerate(((music, music), (voice, voice), (song, voice))):
        sink = Compared(compared)

        def told(fraction: float, number: int = number) -> None:
            report(_METERS + (1 - _METERS) * (number + fraction) / _HEARINGS)

        engine.separate(heard, sink, facts.finish(), told, check)
        rows.append(sink.powers.sums[:, {0: [0], 1: [1], 2: [0, 1]}[number]])
    return np.concatenate(rows, axis=1)


def _finite(block: FloatArray) -> FloatArray:
    return block if np.isfinite(block.sum()) else np.nan_to_num(block, posinf=0.0, neginf=0.0)


class Sum:
    """Two stems as the song that they are."""

    def __init__(self, voice: SampleReader, music: SampleReader) -> None:
        self._stems = voice, music
        self.channels, self.frames = voice.channels, voice.frames
        self.sample_rate = voice.sample_rate

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 (channels, stop - start), zeros where the range leaves the song."""
        voice, music = self._stems
        found: FloatArray = voice.read(start, stop) + music.read(start, stop)
        return found


class Powers:
    """Sums the squares of several signals per window."""

    def __init__(self, frames: int, signals: int = 3) -> None:
        self.sums: Array = np.zeros((-(-frames // WINDOW), signals))

    def add(self, start: int, blocks: tuple[FloatArray, ...]) -> None:
        """Add the frames from `start` on, (channels, n) each."""
        frames = blocks[0].shape[1]
        first = start // WINDOW
        edges = np.maximum(np.arange(first, -(-(start + frames) // WINDOW)) * WINDOW - start, 0)
        for signal, block in enumerate(blocks):
            squares = np.square(block, dtype=np.float64).sum(axis=0)
            self.sums[first : first + len(edges), signal] += np.add.reduceat(squares, edges)


class Compared:
    """Takes what an engine finds: how strong it is, and what of another signal it leaves."""

    def __init__(self, other: SampleReader) -> None:
        self._other = other
        self.powers = Powers(other.frames, 2)

    def write(self, start: int, block: FloatArray) -> None:
        """Take float32 (channels, n) from frame `start` on."""
        other = _finite(self._other.read(start, start + block.shape[1]))
        self.powers.add(start, (block, other - block))


class _Facts:
    """Sums up what an engine wants to know of a song."""

    def __init__(self) -> None:
        self._frames, self._peak = 0, 0.0
        self._sum = self._middle = self._side = 0.0

    def add(self, block: FloatArray) -> None:
        middle = block.mean(axis=0, dtype=np.float64)
        self._frames += len(middle)
        self._peak = max(self._peak, float(np.abs(block).max(initial=0)))
        self._sum += float(middle.sum())
        self._middle += float(np.square(middle).sum())
        if len(block) == 2:
            self._side += float(np.square((block[0] - block[1]) / 2, dtype=np.float64).sum())

    def finish(self) -> SongFacts:
        frames = max(1, self._frames)
        mean, power = self._sum / frames, self._middle / frames
        return SongFacts(
            rms=math.sqrt(power),
            peak=self._peak,
            mean=mean,
            std=math.sqrt(max(0.0, power - mean**2)),
            side_ratio=math.sqrt(self._side / self._middle) if self._middle else 0.0,
        )


def describe(rows: Array) -> tuple[Array, tuple[str, ...]]:
    """Return what the judge looks at, float64 (windows, figures), and each figure's name.

    Args:
        rows: from `measure`.
    """
    of = {name: rows[:, number] for number, name in enumerate(COLUMNS)}
    powers = rows[:, : NAMES.index("alike")]
    bands = {part: _bands_of(powers, part) for part in ("voice", "music", "both", "torn", "across")}
    loudness = float(of["song"].mean()) + 1e-15
    quiet = _FLOOR * loudness
    whole = bands["voice"] + bands["music"]
    hush = _FLOOR * (whole.mean() + 1e-12)

    def ratio(one: Array, other: Array, floor: float = quiet) -> Array:
        return np.asarray(10 * np.log10((one + floor) / (other + floor)))

    found = {
        "level": ratio(of["voice"], of["music"]),
        "loudness": ratio(of["song"], np.full(len(rows), loudness)),
        "voice_in_music": ratio(of["voice_in_music"], of["voice"]),
        "voice_in_song": ratio(of["voice_in_music"], of["song"]),
        "music_in_voice": ratio(of["music_in_voice"], of["voice"]),
        "music_in_song": ratio(of["music_in_voice"], of["song"]),
        "second": ratio(of["second_voice"], of["voice"]),
        "apart": ratio(of["apart"], of["voice"]),
        "apart_of_second": ratio(of["apart"], of["second_voice"]),
        "apart_of_song": ratio(of["apart"], of["song"]),
        "wrong": ratio(of["voice_in_music"] + of["music_in_voice"], of["voice"]),
        "wrong_music": ratio(of["voice_in_music"] + of["music_in_voice"], of["music"]),
        "torn": ratio(bands["torn"].sum(1), whole.sum(1), hush),
        "torn_voice": ratio(bands["torn"].sum(1), bands["voice"].sum(1), hush),
        "torn_music": ratio(bands["torn"].sum(1), bands["music"].sum(1), hush),
        "across": ratio(bands["across"].sum(1), bands["voice"].sum(1), hush),
        "both": bands["both"].sum(1) / (whole.sum(1) + hush),
        "voice_side": of["voice_side"] / (bands["voice"].sum(1) + hush),
        "music_side": of["music_side"] / (bands["music"].sum(1) + hush),
        **{name: of[name] for name in NAMES[NAMES.index("alike") :]},
    }
    for band in range(BANDS):
        voice, music = bands["voice"][:, band], bands["music"][:, band]
        found[f"level_{band}"] = ratio(voice, music, hush / BANDS)
        found[f"torn_{band}"] = ratio(bands["torn"][:, band], voice + music, hush / BANDS)
    found["across_middle"] = ratio(
        bands["across"][:, 2:5].sum(1), bands["voice"][:, 2:5].sum(1), hush
    )
    for name in _AROUND:
        found[f"{name}_around"] = _mean_around(found[name])
        found[f"{name}_song"] = np.full(len(rows), found[name].mean())
    return np.stack(list(found.values()), axis=1), tuple(found)


def _bands_of(powers: Array, part: str) -> Array:
    first = NAMES.index(f"{part}_0")
    return powers[:, first : first + BANDS]


def _mean_around(values: Array) -> Array:
    padded = np.pad(values, 2, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 5).mean(axis=1))
