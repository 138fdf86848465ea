"""Turns mixes into what a step needs: features, and powers per band from which the loss is exact.

A mask m is one number per band and column, so the power of its error, summed over the band's bins,
is m² Σ|x|² − 2 m Σ Re(x v*) + Σ|v|² for mix x and voice v. Three sums per band take the place of
complex spectra; they need no gradient, so the worker process makes them.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.instant import net as nets
from training.instant.net import BINS, GROUP, GROUPED, HOP, N_FFT, SINGLE
from training.instant.store import SAMPLE_RATE

#: Chance that a mix's centre similarity is hidden, so that stereo never does worse than mono.
_HIDDEN_CENTRE = 0.12
#: Spread of the difference between the level of a part and that of its song, in log10 of power.
_LEVEL_SPREAD = 0.25
_EQUALISER_DB, _BALANCE_DB = 2.5, 2.0
#: How much brighter voices are made, per octave from 700 to 5600 Hz: speech is duller than songs.
_PRESENCE_DB = (-0.5, 4.0)
#: Share of the power that may be wrong before more is hardly worth the while: where somebody sings,
#: and where nobody does.
_ENOUGH, _ENOUGH_SILENCE = 2e-3, 6e-5
#: Sum of magnitudes, a hundredth of a usual mix's, that keeps silent mixes from counting most.
_QUIET = 50.0


class Examples(NamedTuple):
    """A batch: everything (batch, …, BANDS, columns).

    Attributes:
        seen: features, (batch, 4, BANDS, columns).
        mix: Σ|x|² over each band's bins, of mid and side: (batch, 2, BANDS, columns).
        shared: Σ Re(x v*).
        voice: Σ|v|².
        music: Σ|a|².
    """

    seen: Tensor
    mix: Tensor
    shared: Tensor
    voice: Tensor
    music: Tensor


def _columns(samples: Tensor) -> Tensor:
    """Return complex (…, columns, BINS) of (…, frames), as `separation.stft` has them."""
    around = torch.nn.functional.pad(samples, (N_FFT // 2, N_FFT // 2))
    return torch.fft.rfft(around.unfold(-1, N_FFT, HOP) * nets.window(), norm="ortho")


def _band_sums(values: Tensor) -> Tensor:
    """Sum (…, columns, BINS) into (…, BANDS, columns); the last band also holds what is above."""
    top = SINGLE + GROUP * GROUPED
    grouped = values[..., SINGLE:top]
    grouped = grouped.reshape(*grouped.shape[:-1], GROUPED, GROUP).sum(-1)
    grouped[..., -1] += values[..., top:].sum(-1)
    return torch.cat([values[..., :SINGLE], grouped], -1).transpose(-1, -2)


def _colours(count: int, generator: torch.Generator) -> Tensor:
    """Return gains (count, {music, voice}, BINS): equalisers, and for some mixes a low-pass."""
    hertz = torch.arange(BINS) * (SAMPLE_RATE / N_FFT)
    place = (torch.log2(hertz.clamp_min(30) / 30) / 9.6 * 7).clamp(0, 6.999)
    low, part = place.long(), place % 1
    knots = torch.randn(count, 2, 8, generator=generator) * _EQUALISER_DB
    gain_db = knots[..., low] * (1 - part) + knots[..., low + 1] * part
    low_db, high_db = _PRESENCE_DB
    presence_db = low_db + (high_db - low_db) * torch.rand(count, 1, generator=generator)
    gain_db[:, 1] += presence_db * torch.log2(hertz.clamp(700, 5600) / 700)
    gain = 10 ** (gain_db / 20)
    cutoff = 10_500 + 9000 * torch.rand(count, generator=generator)
    cutoff[torch.rand(count, generator=generator) > 0.25] = SAMPLE_RATE
    return gain * (hertz < cutoff[:, None])[:, None]


def prepare(mixes: np.ndarray, seed: int | None) -> Examples:
    """Analyse float32 (count, {music, voice}, {left, right}, frames).

    With a `seed` each voice is also put over the music of the next mix, which costs next to nothing
    and makes 2 · count examples; colours and levels vary, and the centre similarity is now and then
    hidden.
    """
    count = len(mixes)
    samples = torch.from_numpy(mixes)
    left, right = samples[:, :, 0], samples[:, :, 1]
    spectra = _columns(torch.stack([(left + right) / 2, (left - right) / 2], 2))
    real, imaginary = spectra.real.contiguous(), spectra.imag.contiguous()
    powers = real**2 + imaginary**2
    generator = torch.Generator()
    voices = musics = torch.arange(count)
    if seed is not None:
        generator.manual_seed(seed)
        voices, musics = torch.cat([voices, voices]), torch.cat([musics, musics.roll(-1)])
    music, voice = powers[musics, 0], powers[voices, 1]
    cross = real[musics, 0] * real[voices, 1] + imaginary[musics, 0] * imaginary[voices, 1]
    if seed is not None:
        gains = _colours(2 * count, generator)
        gains[count:] *= 10 ** (torch.randn(count, 2, 1, generator=generator) * _BALANCE_DB / 20)
        gains = gains[:, :, None, None]
        music, voice = music * gains[:, 0] ** 2, voice * gains[:, 1] ** 2
        cross = cross * (gains[:, 0] * gains[:, 1])
    mix = music + voice + 2 * cross
    level = mix.mean((1, 2, 3)) * 2 / nets.NOISE_POWER + 1e-9
    if seed is not None:
        level = level * 10 ** (_LEVEL_SPREAD * torch.randn(len(level), generator=generator))
    seen = nets.features(mix[:, 0], mix[:, 1], level)
    if seed is not None:
        hidden = torch.rand(len(seen), generator=generator) < _HIDDEN_CENTRE
        seen[hidden, 2:] = 0.5
    return Examples(seen, *(_band_sums(part) for part in (mix, voice + cross, voice, music)))


def error_of(masks: Tensor, batch: Examples) -> Tensor:
    """Return the power of the error per band and column: (batch, 2, BANDS, columns)."""
    return (masks * (masks * batch.mix - 2 * batch.shared) + batch.voice).clamp_min(0)


def loss_of(masks: Tensor, batch: Examples) -> tuple[Tensor, Tensor]:
    """Return the loss, and each mix's error in dB of its music and voice together."""
    error = error_of(masks, batch)
    wrong = error.sum((1, 2, 3))
    sung = batch.voice.sum((1, 2, 3))
    whole = sung + batch.music.sum((1, 2, 3)) + 1e-6
    enough = torch.where(sung > 1e-6 * whole, _ENOUGH, _ENOUGH_SILENCE)
    sizes = batch.voice.sqrt().sum((1, 2, 3)) + batch.music.sqrt().sum((1, 2, 3)) + _QUIET
    amounts = (error + 1e-9).sqrt().sum((1, 2, 3)) / sizes
    loss = torch.log10(wrong / whole + enough).mean() + 0.5 * amounts.mean()
    return loss, 10 * torch.log10((wrong.detach() + 1e-9) / whole)
