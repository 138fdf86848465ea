"""Steady noise and late echo, taken out of the spectrum.

FFmpeg's `afftdn` knows noise that is equally loud at all frequencies; what recordings have is not,
and of pink noise it leaves 6 dB more than this, which subtracts what it heard in the pauses.
Source for the echo: K. Lebart et al., "A new method based on spectral subtraction for speech
dereverberation", Acta Acustica 87 (2001).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter
from scipy.signal import lfilter

from karaoke_studio.preparation.blocks import FloatArray, framed, joined, root_hann, window_length

Powers = NDArray[np.float32]

#: No part of the spectrum is made quieter than by so much: less sounds like water.
FLOOR_DB = -20.0
#: How much of the noise's power is taken away; more than 1 because noise is above its mean, too.
_NOISE_SHARE = 2.0
#: Columns and bins that power and gain are averaged over, against single tones that come and go.
_POWER_OVER, _GAIN_OVER = (5, 3), (3, 3)
#: A living room: how long its echo takes to fall by 60 dB, and what still belongs to the voice.
_ECHO_S, _EARLY_S = 0.5, 0.05
#: How loud that echo is in power, of the sound itself.
_ECHO_SHARE = 0.2
_ECHO_FLOOR_DB = -12.0
#: Around a block: the room's echo before it.
_CONTEXT_S = 0.75


class NoiseReducer:
    """Makes noise and echo quieter in blocks of a recording.

    Args:
        sample_rate: of the recording.
        noise: mean power of the noise in each bin, see `metrics.Listener`; None = leave it.
        is_dry: make the late echo quieter, too.
    """

    def __init__(self, sample_rate: int, noise: Powers | None, *, is_dry: bool = False) -> None:
        self._length = window_length(sample_rate)
        self.hop = self._length // 4
        self._window = root_hann(self._length)
        self._noise, self._is_dry = noise, is_dry
        self._hop_s = self.hop / sample_rate
        self.context = round(_CONTEXT_S / self._hop_s) * self.hop

    def __call__(self, block: FloatArray) -> FloatArray:
        """Return float32 (frames, channels) of the same shape; all channels get one gain."""
        spectra = [
            fft.rfft(framed(channel, self._length, self.hop) * self._window, workers=2)
            for channel in block.T
        ]
        power = np.mean([spectrum.real**2 + spectrum.imag**2 for spectrum in spectra], axis=0)
        gain = self._gain(power)
        return np.stack(
            [
                joined(
                    fft.irfft(spectrum * gain, self._length, workers=2) * self._window,
                    self.hop,
                    len(block),
                )
                for spectrum in spectra
            ],
            axis=1,
        )

    def _gain(self, power: Powers) -> Powers:
        smooth = np.maximum(uniform_filter(power, _POWER_OVER), 1e-20)
        gain = np.ones_like(power)
        if self._noise is not None:
            left = 1 - _NOISE_SHARE * self._noise / smooth
            gain = np.maximum(left, 10 ** (FLOOR_DB / 20))
        if self._is_dry:
            gain *= np.maximum(1 - self._echo(power) / smooth, 10 ** (_ECHO_FLOOR_DB / 20))
        return np.asarray(uniform_filter(gain, _GAIN_OVER), np.float32)

    def _echo(self, power: Powers) -> Powers:
        """Return what the room still gives back of all that was 50 ms ago and more."""
        late = round(_EARLY_S / self._hop_s)
        fall = 10 ** (-6 * self._hop_s / _ECHO_S)
        before = np.pad(power, ((late, 0), (0, 0)))[: len(power)]
        return np.asarray(lfilter([_ECHO_SHARE * (1 - fall)], [1, -fall], before, axis=0))
