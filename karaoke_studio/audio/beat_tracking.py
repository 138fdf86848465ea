"""Finding the beats of a song. Runs in a *media* child.

A tracker finds them to the nearest 23 ms, and late by a little more: so a line is laid through
each beat's neighbours, and all of them are moved to where the sound rises. What is left is some
5 ms (songs of known tempo, `tests/audio/test_beat_tracking.py`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.beats import BAR, knots_of

FloatArray = NDArray[np.float32]
Times = NDArray[np.float64]

#: Longer recordings are sets and talks: they get no grid.
LONGEST_S = 1200
#: Blocks in which spectra are made, so that a long song needs no more memory than a short one.
_BLOCK_S = 30
_WINDOW, _HOP = 2048, 512
#: Each beat is laid on the line through so many on both sides.
_NEIGHBOURS = 8
#: Spectra that tell when the sound rises.
_FINE_WINDOW, _FINE_HOP = 512, 64
#: How far the tracker's beats may be off, all together.
_LATE_S, _EARLY_S = 0.05, 0.03
#: A window that is a third full shows the steepest rise: so much before the sound begins.
_WINDOW_LEAD_S = 0.0073
#: A grid is told by knots that describe each beat so exactly.
_TOLERANCE_S = 0.003
_FEWEST_BEATS = 8


def find_beats(mono: FloatArray, rate: int, bpm: float, sample_rate: int) -> dict[str, Any] | None:
    """Find the beats of a song.

    Args:
        mono: float32 (frames,), the whole song.
        rate: of `mono` in Hz.
        bpm: beats a minute of the song.
        sample_rate: of the frames that are told.

    Returns:
        What `BeatGrid.from_plain` takes; None where there are too few beats.
    """
    import librosa

    power = _mel_power(mono, rate)
    onsets = librosa.onset.onset_strength(S=librosa.power_to_db(power), sr=rate, hop_length=_HOP)
    _, beats = librosa.beat.beat_track(
        onset_envelope=onsets, sr=rate, hop_length=_HOP, bpm=bpm, units="frames"
    )
    if len(beats) < _FEWEST_BEATS:
        return None
    times = _evened(np.asarray(beats) * (_HOP / rate))
    times = times + _shift(times, mono, rate)
    times = times[(times >= 0) & (times < len(mono) / rate)]
    if len(times) < _FEWEST_BEATS:
        return None
    knots = knots_of((times * sample_rate).tolist(), _TOLERANCE_S * sample_rate)
    return {"knots": [list(knot) for knot in knots], "one": _first_of_a_bar(times, mono, rate)}


def _mel_power(mono: FloatArray, rate: int) -> FloatArray:
    """Return the mel spectrum as librosa makes it of the whole, block by block."""
    import librosa

    padded = np.pad(mono, _WINDOW // 2)
    hops = _BLOCK_S * rate // _HOP
    blocks = []
    for first in range(0, 1 + len(mono) // _HOP, hops):
        block = padded[first * _HOP : (first + hops - 1) * _HOP + _WINDOW]
        if len(block) >= _WINDOW:
            blocks.append(
                librosa.feature.melspectrogram(
                    y=block, sr=rate, n_fft=_WINDOW, hop_length=_HOP, center=False
                )
            )
    return np.concatenate(blocks, axis=1)


def _evened(times: Times) -> Times:
    """Return each time on the line through its neighbours."""
    even = np.empty_like(times)
    for number in range(len(times)):
        first = max(0, number - _NEIGHBOURS)
        part = times[first : number + _NEIGHBOURS + 1]
        line = np.polyfit(np.arange(len(part)), part, 1)
        even[number] = np.polyval(line, number - first)
    return even


def _shift(times: Times, mono: FloatArray, rate: int) -> float:
    """Return by how many seconds all beats have to move to lie where the sound rises."""
    rises, at = _rises(mono, rate)
    shifts = np.arange(-_LATE_S, _EARLY_S, _FINE_HOP / rate / 2)
    sums = [np.interp(times + shift, at, rises).sum() for shift in shifts]
    return float(shifts[int(np.argmax(sums))]) + _WINDOW_LEAD_S


def _rises(mono: FloatArray, rate: int) -> tuple[FloatArray, Times]:
    """Return how much louder it gets, over all of the spectrum, and the second of each value."""
    padded = np.pad(mono, _FINE_WINDOW // 2)
    taper = np.hanning(_FINE_WINDOW).astype(np.float32)
    hops = _BLOCK_S * rate // _FINE_HOP
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FINE_WINDOW)[::_FINE_HOP]
    rises = np.zeros(len(windows), np.float32)
    for first in range(0, len(windows) - 2, hops):
        part = windows[first : first + hops + 2]
        levels = np.log1p(100 * np.abs(np.fft.rfft(part * taper)))
        steps = np.maximum(levels[2:] - levels[:-2], 0).mean(axis=1)
        rises[first + 1 : first + 1 + len(steps)] = steps
    return rises, np.arange(len(windows), dtype=np.float64) * (_FINE_HOP / rate)


def _first_of_a_bar(times: Times, mono: FloatArray, rate: int) -> int:
    """Return which of the first four beats begins a bar: most chords change with such a one."""
    import librosa

    tones = []
    for start, stop in pairwise(times.tolist()):
        part = mono[round(start * rate) : round(stop * rate)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), rate))
        low, high = 60, 2_000
        tone = np.round(librosa.hz_to_midi(np.arange(low, high))).astype(int) % 12
        chroma = np.bincount(tone, weights=spectrum[low:high], minlength=12)
        tones.append(chroma / (np.linalg.norm(chroma) or 1.0))
    told = np.array(tones)
    change = 1 - (told[1:] * told[:-1]).sum(axis=1)  # with beat n + 1
    sums = [
        change[(phase - 1) % BAR :: BAR].mean() if len(change) >= BAR else 0.0
        for phase in range(BAR)
    ]
    return int(np.argmax(sums))
