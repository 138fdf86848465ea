"""All steps of a preparation, in order, over a staged song. Runs in a *media* child.

Three passes over files of ours (listen, work, bring to level), each block by block: memory does
not grow with the song, but for 12 bytes per second that say where it is silent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from karaoke_studio.audio.loudness import LoudnessMeter
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.preparation import filters, normalizer
from karaoke_studio.preparation.blocks import BLOCK_FRAMES, FloatArray, with_context
from karaoke_studio.preparation.metrics import Findings, Listener
from karaoke_studio.preparation.noise_reducer import NoiseReducer
from karaoke_studio.preparation.restorer import Declipper
from karaoke_studio.preparation.validation import Preparation

Report = Callable[[float], None]
Check = Callable[[], None]

#: Share of the work up to the end of listening, and of the steps.
_HEARD, _WORKED = 0.2, 0.85
#: The gate opens so much above the noise, and not below this; the compressor begins so much below
#: the loudness, which is that of all channels together.
_GATE_ABOVE_DB, _LOWEST_GATE_DB, _DRC_BELOW_DB = 9.0, -60.0, 8.0
_NO_LUFS = -23.0
_TRIM_WINDOW_S, _TRIM_MARGIN_S = 0.02, 0.1
#: Silence is below the loudest place by so much, or by more where the recording is not so silent.
_SILENT_DB, _NOT_SILENT_DB, _ABOVE_QUIETEST_DB = -50.0, -40.0, 6.0


def prepare(
    original: Path,
    target: Path,
    song: dict[str, Any],
    wanted: Preparation,
    report: Report,
    check: Check,
) -> dict[str, Any]:
    """Prepare a staged song.

    Args:
        original: raw samples.
        target: raw samples to write; a file of the same name with `.part` lies beside it meanwhile.
        song: its `sample_rate` and `channels`.
        wanted: what to do.
        report: told 0…1.
        check: raises to stop.

    Returns:
        `sample_rate`, `channels` and `frames` of the target, `found` in the original, `lufs` and
        `gain_db` of the result, `start_s` where it begins in the original.

    Raises:
        OSError: the disk is full.
    """
    rate, channels = int(song["sample_rate"]), int(song["channels"])
    with RawFile.open(original, channels) as source:
        findings = _listen(source, rate, wanted, _part(report, 0, _HEARD, source.frames, check))
        worked = _Result(wanted.rate or rate, wanted.channels or channels)
        part = target.with_name(f"{target.name}.part")
        with RawFile.create(part, worked.channels) as file:
            told = _part(report, _HEARD, _WORKED, source.frames, check)
            for block in _worked(_read(source, told), rate, channels, wanted, findings):
                file.write(worked.frames, block)
                worked.add(block)
    gain_db = worked.finish(wanted)
    with RawFile.open(part, worked.channels) as file, RawFile.create(target, worked.channels) as to:
        told = _part(report, _WORKED, 1.0, worked.stop - worked.start, check)
        blocks = _read(file, told, worked.start, worked.stop)
        if wanted.lufs is not None:
            blocks = normalizer.limited(blocks, worked.rate, gain_db)
        meter, at = LoudnessMeter(worked.rate, worked.channels), 0
        for block in blocks:
            to.write(at, block)
            meter.add(block)
            at += len(block)
    part.unlink()
    return {
        "sample_rate": worked.rate,
        "channels": worked.channels,
        "frames": at,
        "start_s": worked.start / worked.rate,
        "gain_db": gain_db,
        "lufs": meter.finish(),
        "found": _told(findings, wanted),
    }


def _read(
    file: RawFile, told: Callable[[int], None], start: int = 0, stop: int | None = None
) -> Iterator[FloatArray]:
    stop = file.frames if stop is None else stop
    for at in range(start, stop, BLOCK_FRAMES):
        told(at - start)
        yield file.read(at, min(at + BLOCK_FRAMES, stop))


def _part(
    report: Report, first: float, last: float, frames: int, check: Check
) -> Callable[[int], None]:
    def told(at: int) -> None:
        check()
        report(first + (last - first) * at / max(1, frames))

    return told


def _listen(
    source: RawFile, rate: int, wanted: Preparation, told: Callable[[int], None]
) -> Findings:
    listener = Listener(
        rate,
        source.channels,
        noise=wanted.denoise or wanted.gate,
        hum=wanted.dehum,
        clipping=wanted.declip,
    )
    for block in _read(source, told):
        listener.add(block)
    return listener.finish()


def _worked(
    blocks: Iterable[FloatArray],
    rate: int,
    channels: int,
    wanted: Preparation,
    findings: Findings,
) -> Iterator[FloatArray]:
    if findings.clip_level is not None:
        declipper = Declipper(rate, findings.clip_level)
        blocks = with_context(blocks, declipper, declipper.context)
    blocks = _filtered(blocks, rate, channels, _before(wanted, findings))
    noise = findings.noise if wanted.denoise else None
    if noise is not None or wanted.dereverb:
        reducer = NoiseReducer(rate, noise, is_dry=wanted.dereverb)
        size = 2 * BLOCK_FRAMES // reducer.hop * reducer.hop
        blocks = with_context(blocks, reducer, reducer.context, size)
    blocks = _filtered(blocks, rate, channels, _after(wanted, findings))
    if wanted.channels is not None and wanted.channels != channels:
        blocks, channels = normalizer.mixed_to(blocks, wanted.channels), wanted.channels
    if wanted.rate is not None and wanted.rate != rate:
        blocks = normalizer.resampled(blocks, rate, wanted.rate, channels)
    return iter(blocks)


def _filtered(
    blocks: Iterable[FloatArray], rate: int, channels: int, chosen: list[filters.Filter]
) -> Iterable[FloatArray]:
    return filters.filtered(blocks, rate, channels, chosen) if chosen else blocks


def _before(wanted: Preparation, findings: Findings) -> list[filters.Filter]:
    """Return FFmpeg's filters up to the spectral ones."""
    return [
        *([filters.DECLICK] if wanted.declick else []),
        *filters.dehum(findings.hum_hz),
        *(filters.highpass(wanted.highpass) if wanted.highpass is not None else []),
    ]


def _after(wanted: Preparation, findings: Findings) -> list[filters.Filter]:
    """Return FFmpeg's filters after the spectral ones."""
    chosen = []
    if wanted.gate:
        noise_db = -math.inf if findings.noise_db is None else findings.noise_db
        chosen.append(filters.gate(max(noise_db + _GATE_ABOVE_DB, _LOWEST_GATE_DB)))
    if wanted.drc:
        loud = _NO_LUFS if findings.lufs is None else findings.lufs
        chosen.append(filters.compressor(loud - _DRC_BELOW_DB))
    return chosen


class _Result:
    """What the steps made: its loudness, and where it is not silent."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self.frames = self.start = self.stop = 0
        self._meter = LoudnessMeter(rate, channels)
        self._window = max(1, round(_TRIM_WINDOW_S * rate))
        self._rest = np.zeros((0, channels), np.float32)
        self._levels: list[FloatArray] = []

    def add(self, block: FloatArray) -> None:
        self._meter.add(block)
        self.frames += len(block)
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // self._window * self._window
        powers = np.square(samples[:whole]).mean(axis=1).reshape(-1, self._window)
        self._levels.append(powers.mean(axis=1))
        self._rest = samples[whole:]

    def finish(self, wanted: Preparation) -> float:
        """Find the ends, and return the gain to the loudness that is wanted, in dB."""
        self.stop = self.frames
        if wanted.trim_silence:
            self.start, self.stop = self._ends()
        lufs = self._meter.finish()
        return 0.0 if wanted.lufs is None or lufs is None else wanted.lufs - lufs

    def _ends(self) -> tuple[int, int]:
        powers = np.concatenate(self._levels) if self._levels else np.zeros(0, np.float32)
        if not powers.any():
            return 0, self.frames
        levels = 10 * np.log10(np.maximum(powers, 1e-20))
        loudest = float(levels.max())
        quietest = float(np.percentile(levels, 2)) + _ABOVE_QUIETEST_DB
        limit = min(max(quietest, loudest + _SILENT_DB), loudest + _NOT_SILENT_DB)
        loud = np.flatnonzero(levels >= limit)
        margin = round(_TRIM_MARGIN_S * self.rate)
        start = max(0, int(loud[0]) * self._window - margin)
        return start, min(self.frames, int(loud[-1] + 1) * self._window + margin)


def _told(findings: Findings, wanted: Preparation) -> dict[str, Any]:
    """Return what was found as plain values, rounded."""
    found = asdict(findings)
    del found["noise"]
    if not wanted.declip:
        del found["clip_level"]
    if not wanted.dehum:
        del found["hum_hz"]
    return {name: _rounded(value) for name, value in found.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [round(number, 2) for number in value]
    return round(value, 4) if isinstance(value, float) else value
