"""Tries variants with equal small budgets: `python -m training.instant.ablation DATA FILE`.

Each variant changes one thing of the recipe and sees the same mixes in the same order; it is judged
by mixes that training leaves out. FILE is a table in CSV, to which lines are added: a variant that
is there already is skipped.
"""

import argparse
import csv
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.instant import net as nets
from training.instant.examples import Examples, error_of, loss_of, prepare
from training.instant.mixing import Desk
from training.instant.train import Mixes, Recipe

_RECIPE = Recipe(minutes=math.inf, batch=8)
_JUDGED, _JUDGED_COLUMNS = 24, 256
_EMA = 0.98

Loss = Callable[[Tensor, Examples], tuple[Tensor, Tensor]]
Change = Callable[[Examples], Examples]


def _same(batch: Examples) -> Examples:
    return batch


def _without_centre(batch: Examples) -> Examples:
    seen = batch.seen.clone()
    seen[:, 2:] = 0.5
    return batch._replace(seen=seen)


def _loss_with(amounts: float) -> Loss:
    """Return the loss with another weight of the amplitudes."""

    def loss(masks: Tensor, batch: Examples) -> tuple[Tensor, Tensor]:
        both, errors_db = loss_of(masks, batch)
        error = error_of(masks, batch)
        wrong = (error + 1e-9).sqrt().sum((1, 2, 3))
        sizes = (batch.voice.sqrt() + batch.music.sqrt()).sum((1, 2, 3)) + 50
        return both + (amounts - 0.5) * (wrong / sizes).mean(), errors_db

    return loss


def _loss_by_octave(masks: Tensor, batch: Examples) -> tuple[Tensor, Tensor]:
    """Judge six ranges of frequency for themselves, besides the whole."""
    both, errors_db = loss_of(masks, batch)
    error, size = error_of(masks, batch).sum(1), (batch.voice + batch.music).sum(1)
    parts = []
    for first, last in ((0, 32), (32, 64), (64, 128), (128, 256), (256, 512), (512, nets.BANDS)):
        wrong = error[:, first:last].sum((1, 2))
        whole = size[:, first:last].sum((1, 2)) + 1e-3
        parts.append(torch.log10(wrong / whole + 2e-3).mean())
    return 0.5 * both + 0.5 * torch.stack(parts).mean(), errors_db


class _Long(nets.MaskNet):
    """Looks further in time: dilated convolutions where columns are coarsest."""

    def __init__(self) -> None:
        super().__init__()
        channels = 128
        self.far = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, (1, 3), 1, (0, step), (1, step), bias=False),
                nn.BatchNorm2d(channels),
                nn.LeakyReLU(0.1),
            )
            for step in (1, 2)
        )
        self.encoders[4] = nn.Sequential(self.encoders[4], _Residual(self.far))


class _Residual(nn.Module):
    def __init__(self, layers: nn.ModuleList) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return x


class _Recurrent(nets.MaskNet):
    """Remembers: a recurrent path over time where columns are coarsest."""

    def __init__(self) -> None:
        super().__init__()
        self.encoders[4] = nn.Sequential(self.encoders[4], _Memory(128))


class _Memory(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, channels // 2, bidirectional=True, batch_first=True)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        count, channels, bands, columns = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(count * bands, columns, channels)
        made, _ = self.gru(rows.float())
        made = made.reshape(count, bands, columns, channels).permute(0, 3, 1, 2)
        return x + self.norm(made)


class _Near(nets.MaskNet):
    """Does not look across all frequencies at once."""

    def __init__(self) -> None:
        super().__init__()
        for block in self.modules():
            if isinstance(block, nets.Block):
                nn.init.zeros_(block.norms[1].weight)
                block.norms[1].weight.requires_grad_(requires_grad=False)


@dataclass(frozen=True)
class Variant:
    """What is different.

    Attributes:
        net: makes the net.
        loss: from masks and batch.
        learn: changes what training sees.
        judge: changes what is judged by.
        recipe: of the mixes.
    """

    net: Callable[[], nets.MaskNet] = nets.MaskNet
    loss: Loss = loss_of
    learn: Change = _same
    judge: Change = _same
    recipe: Recipe = _RECIPE


VARIANTS = {
    "as it is": Variant(),
    "as it is, another seed": Variant(recipe=replace(_RECIPE, seed=1)),
    "no centre similarity": Variant(learn=_without_centre, judge=_without_centre),
    "no look across frequencies": Variant(net=_Near),
    "6 s at once, half as many": Variant(recipe=replace(_RECIPE, batch=4, columns=256)),
    "dilated path": Variant(net=_Long),
    "recurrent path": Variant(net=_Recurrent),
    "amplitudes count 2.0": Variant(loss=_loss_with(2.0)),
    "amplitudes count 0": Variant(loss=_loss_with(0.0)),
    "loss also by octaves": Variant(loss=_loss_by_octave),
}


def _judged(data: Path) -> list[Examples]:
    desk = Desk(data / "songs", data / "takes", validation=True)
    frames = (_JUDGED_COLUMNS - 1) * nets.HOP
    batches: list[Examples] = []
    for number in range(_JUDGED):
        mix = np.stack(desk.mix(np.random.default_rng([7, number]), frames)).astype(np.float32)
        if mix[1].any():
            batches.append(prepare(mix[None], None))
    return batches


def try_variant(data: Path, variant: Variant, steps: int, judged: list[Examples]) -> dict:
    """Train from scratch; return figures by name."""
    torch.manual_seed(variant.recipe.seed)
    net = variant.net().to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(_EMA), use_buffers=True
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    batches = iter(Mixes(data, variant.recipe, 0))
    first = [variant.learn(next(batches)).seen for _ in range(4)]
    seen = torch.cat(first)
    net.mean.copy_(seen.mean((0, 3))[None, :, :, None])
    net.spread.copy_(seen.std((0, 3))[None, :, :, None].clamp_min(0.3))
    spent_s = 0.0
    for step in range(steps):
        batch = variant.learn(next(batches))
        started = time.perf_counter()
        for group in optimiser.param_groups:
            rate = 0.5 * (1 + math.cos(math.pi * step / steps)) * min(1, (step + 1) / 30)
            group["lr"] = 2e-3 * rate
        with torch.autocast("cpu", torch.bfloat16):
            masks = net.train()(batch.seen)
        loss, _ = variant.loss(masks, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(net)
        spent_s += time.perf_counter() - started
    average.eval()
    sdr, leaks = [], []
    with torch.no_grad():
        for batch in judged:
            masks = functional.hardtanh(average(variant.judge(batch).seen), 0, 1)
            voice = batch.voice.sum()
            sdr.append(float(10 * torch.log10(voice / error_of(masks, batch).sum())))
            silent = batch._replace(mix=batch.music, shared=0 * batch.voice, voice=0 * batch.voice)
            leaks.append(float(10 * torch.log10(error_of(masks, silent).sum() / voice)))
    return {
        "vocals_db": np.median(sdr),
        "vocals_mean_db": np.mean(sdr),
        "music_in_vocals_db": np.median(leaks),
        "seconds_per_step": spent_s / steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    done = set()
    if options.table.exists():
        with options.table.open(newline="") as file:
            done = {row["variant"] for row in csv.DictReader(file)}
    judged = _judged(options.data)
    for name, variant in VARIANTS.items():
        if name in done:
            continue
        figures = try_variant(options.data, variant, options.steps, judged)
        is_new = not options.table.exists()
        with options.table.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(("variant", "steps", *figures))
            writer.writerow((name, options.steps, *(f"{value:.3f}" for value in figures.values())))
        print(name, {key: round(float(value), 3) for key, value in figures.items()}, flush=True)


if __name__ == "__main__":
    main()
