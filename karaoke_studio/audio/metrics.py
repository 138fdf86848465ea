"""How far a processed song is from the original: figures that need no true stems.

They say how much was changed, not how well: a perfect split of a song that is all voice and one of
a song without any differ most. For figures against the truth see `benchmarks/quality.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: SNR from which on more does not count, and the weights of the score.
BEST_SNR_DB = 30.0
_SNR_SHARE, _SPECTRUM_SHARE = 0.7, 0.3

_N_FFT, _HOP = 2048, 1024
_TINY = 1e-20

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class QualityMetrics:
    """What `calculate_quality_metrics` found.

    Attributes:
        snr_db: power of the original over that of the difference; infinite where there is none.
        rms_change_db: RMS level of the processed song over the original's.
        spectral_similarity: 0…1, the cosine between the magnitude spectra of both, column by
            column, weighted by the columns' sizes.
    """

    snr_db: float
    rms_change_db: float
    spectral_similarity: float

    @property
    def score(self) -> float:
        """0…1: 0.7 · SNR / 30 dB (0 dB and less counts 0, 30 dB and more 1) + 0.3 · similarity."""
        snr = min(max(self.snr_db / BEST_SNR_DB, 0.0), 1.0)
        return _SNR_SHARE * snr + _SPECTRUM_SHARE * self.spectral_similarity

    def __float__(self) -> float:
        """Return the score."""
        return self.score


@dataclass
class QualityMeter:
    """The same for songs that come block by block; memory for one block."""

    _original: float = 0.0
    _processed: float = 0.0
    _difference: float = 0.0
    _alike: float = 0.0
    _sizes: float = 0.0
    _rest: list[FloatArray] = field(default_factory=list)

    def add(self, original: ArrayLike, processed: ArrayLike) -> None:
        """Take the next samples of both, (channels, n) or (n,)."""
        pair = [np.atleast_2d(np.asarray(part, np.float32)) for part in (original, processed)]
        if pair[0].shape != pair[1].shape:
            raise ValueError(f"{pair[0].shape} and {pair[1].shape} cannot be compared")
        first, second = (part.astype(np.float64) for part in pair)
        self._original += float(np.square(first).sum())
        self._processed += float(np.square(second).sum())
        self._difference += float(np.square(first - second).sum())
        if self._rest:
            pair = [np.concatenate(parts, 1) for parts in zip(self._rest, pair, strict=True)]
        columns = max(0, (pair[0].shape[1] - _N_FFT) // _HOP + 1)
        if columns:
            self._compare(*(part[:, : _N_FFT + _HOP * (columns - 1)] for part in pair))
        self._rest = [part[:, columns * _HOP :].copy() for part in pair]

    def result(self) -> QualityMetrics:
        """Return the figures of all that came so far."""
        # the end of the song, and songs shorter than a column
        alike, sizes = self._alike, self._sizes
        if self._rest and self._rest[0].shape[1]:
            missing = max(0, _N_FFT - self._rest[0].shape[1])
            self._compare(*(np.pad(part, ((0, 0), (0, missing))) for part in self._rest))
        similarity = self._alike / self._sizes if self._sizes > _TINY else 1.0
        self._alike, self._sizes = alike, sizes
        return QualityMetrics(
            _ratio_db(self._original, self._difference),
            _ratio_db(self._processed, self._original),
            min(max(similarity, 0.0), 1.0),
        )

    def _compare(self, original: FloatArray, processed: FloatArray) -> None:
        first, second = (_magnitudes(part) for part in (original, processed))
        sizes = np.sqrt(np.square(first).sum(-1) * np.square(second).sum(-1))
        whole = np.square(first).sum(-1)
        # columns in which one of both is silent count by the original's size, and are not alike
        alike = np.where(sizes > _TINY, (first * second).sum(-1) / np.maximum(sizes, _TINY), 0)
        self._alike += float((alike * np.sqrt(whole)).sum())
        self._sizes += float(np.sqrt(whole).sum())


def calculate_quality_metrics(original: ArrayLike, processed: ArrayLike) -> QualityMetrics:
    """Compare a processed song with the original by SNR, RMS level and spectrum.

    Args:
        original: (channels, frames) or (frames,).
        processed: the same shape.

    Returns:
        The figures; as a `float` they are `calculate_quality_score`.

    Raises:
        ValueError: the shapes differ.
    """
    meter = QualityMeter()
    meter.add(original, processed)
    return meter.result()


def calculate_quality_score(original: ArrayLike, processed: ArrayLike) -> float:
    """Return 0.7 · SNR / 30 dB, kept within 0…1, + 0.3 · spectral similarity.

    Args:
        original: (channels, frames) or (frames,).
        processed: the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    return calculate_quality_metrics(original, processed).score


def _ratio_db(over: float, under: float) -> float:
    if under <= _TINY:
        return math.inf if over > _TINY else 0.0
    return 10 * math.log10(max(over, _TINY) / under)


def _magnitudes(samples: FloatArray) -> NDArray[np.float64]:
    columns = np.lib.stride_tricks.sliding_window_view(samples, _N_FFT, axis=-1)[:, ::_HOP]
    found: NDArray[np.float64] = np.abs(np.fft.rfft(columns * np.hanning(_N_FFT)))
    return found
