"""The net: a small U-Net over bands and columns that gives two masks, for mid and side.

`karaoke_studio.separation.mask_net` computes the same in numpy; what is said there about bands
and features holds here, and a test keeps the two together.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

N_FFT, HOP = 4096, 1024
#: Bins up to 5.5 kHz are bands of their own; above, four make one, up to 16.5 kHz.
SINGLE, GROUPED, GROUP = 512, 256, 4
BANDS = SINGLE + GROUPED
BINS = N_FFT // 2 + 1
#: Columns come in multiples of this.
STRIDE = 32

#: Mean power of a bin where the samples' is 1, given the window of `stft`.
NOISE_POWER = 0.25
_FLOOR, _SILENCE = 1e-6, 1e-7
_CHANNELS = (24, 32, 64, 96, 128)


def window() -> Tensor:
    """Return the Hann window of `karaoke_studio.separation.stft`."""
    return torch.hann_window(N_FFT) * (1 / 1.5) ** 0.5


def to_bands(values: Tensor) -> Tensor:
    """Average (…, columns, BINS) into (…, BANDS, columns)."""
    grouped = values[..., SINGLE : SINGLE + GROUP * GROUPED]
    grouped = grouped.reshape(*grouped.shape[:-1], GROUPED, GROUP).mean(-1)
    return torch.cat([values[..., :SINGLE], grouped], -1).transpose(-1, -2)


def features(mid: Tensor, side: Tensor, level: Tensor) -> Tensor:
    """Return what the net sees.

    Args:
        mid: powers (batch, columns, BINS).
        side: the same.
        level: (batch,): mean square of mid and side samples together.

    Returns:
        (batch, 4, BANDS, columns): log powers of mid and side, centre similarity c and c⁸.
    """
    scale = (1 / (NOISE_POWER * level))[:, None, None]
    mid, side = mid * scale, side * scale
    centre = (_smooth(mid - side) / (_smooth(mid + side) + _SILENCE)).clamp(0, 1)
    logs = [torch.log10(to_bands(power) + _FLOOR) for power in (mid, side)]
    c = to_bands(centre)
    return torch.stack([*logs, c, c**8], 1)


def _smooth(power: Tensor) -> Tensor:
    """Sum 3 columns × 5 bins around each."""
    columns = functional.pad(power, (2, 2, 1, 1))
    columns = columns[:, :-2] + columns[:, 1:-1] + columns[:, 2:]
    return sum(columns[..., shift : shift + BINS] for shift in range(5))


class _Conv(nn.Sequential):
    """Convolution, normalisation, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1, inplace=True),
        )


class _Up(nn.Sequential):
    """Doubles bands and columns."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1, inplace=True),
        )


class Block(nn.Module):
    """Looks around in time and frequency, then across all frequencies at once; both residual.

    Source of the second half: W. Choi et al., "Investigating U-Nets with various intermediate
    blocks for spectrogram-based singing voice separation", ISMIR 2020.
    """

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        hidden = max(16, bands // 4)
        self.near = _Conv(channels, channels, 3)
        self.down = nn.Linear(bands, hidden, bias=False)
        self.up = nn.Linear(hidden, bands, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Change (batch, channels, bands, columns)."""
        x = x + self.near(x)
        y = functional.leaky_relu(self.norms[0](self.down(x.transpose(2, 3))), 0.1)
        return x + self.norms[1](self.up(y)).transpose(2, 3)


class MaskNet(nn.Module):
    """(batch, 4, BANDS, columns) → masks (batch, 2, BANDS, columns), 0…1."""

    def __init__(self) -> None:
        """Make a net with random weights."""
        super().__init__()
        a, b, c, d, e = _CHANNELS
        self.register_buffer("mean", torch.zeros(1, 4, BANDS, 1))
        self.register_buffer("spread", torch.ones(1, 4, BANDS, 1))
        place = torch.linspace(0, 1, BANDS)
        places = torch.stack([2 * place - 1, torch.log2(1 + 63 * place) / 3 - 1])
        self.register_buffer("places", places[None, :, :, None])
        self.encoders = nn.ModuleList(
            [
                _Conv(6, a, 5, 2),
                _Conv(a, b, 5, 2),
                nn.Sequential(_Conv(b, c, 5, 2), Block(c, BANDS // 8)),
                nn.Sequential(_Conv(c, d, 5, 2), Block(d, BANDS // 16)),
                nn.Sequential(_Conv(d, e, 3, 2), Block(e, BANDS // 32), Block(e, BANDS // 32)),
            ]
        )
        self.decoders = nn.ModuleList(
            [
                nn.Sequential(_Up(e, d), Block(d, BANDS // 16)),
                _Up(2 * d, c),
                _Up(2 * c, b),
                _Up(2 * b, a),
            ]
        )
        self.coarse = nn.Conv2d(2 * a, 2 * 4, 3, 1, 1)
        self.fine = nn.Conv2d(6, 2, 3, 1, 1, bias=False)
        nn.init.zeros_(self.coarse.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """Compute the masks; `columns` is a multiple of STRIDE."""
        x = (seen - self.mean) / self.spread
        places = self.places.expand(x.shape[0], -1, -1, x.shape[-1])
        x = torch.cat([x, places], 1).contiguous(memory_format=torch.channels_last)
        fine = self.fine(x)
        skips = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
        skips.pop()
        for decoder in self.decoders:
            x = torch.cat([decoder(x), skips.pop()], 1)
        coarse = functional.pixel_shuffle(self.coarse(x), 2)
        return torch.sigmoid((coarse + fine).float())
