"""Trains the net: `python -m training.instant.train DATA RUN --minutes 50`.

DATA holds `songs` and `takes`, RUN gets `state.pt` (all that it takes to go on at the very step),
`ema.pt` (the averaged weights: what is exported) and `log.csv`. Killed at any moment, the same
command goes on from the last state. The rate falls along a cosine of the *time spent*, so the end
comes when it was asked for; steps in which the process was held up do not count in full.
"""

import argparse
import copy
import csv
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from training.instant import net as nets
from training.instant.examples import Examples, loss_of, prepare
from training.instant.mixing import Desk

_WARM_UP_STEPS = 60
_EMA = 0.996
_CLIP = 5.0
_MEASURED_BATCHES = 8
_LOG_EVERY, _SAVE_EVERY, _REFRESH_EVERY = 20, 20, 40
_LONGEST_STEP_S = 8.0


@dataclass(frozen=True)
class Recipe:
    """What a run is made of.

    Attributes:
        minutes: of training in all.
        rate: highest learning rate.
        batch: examples per step: half as many mixes, each voice also over another's music.
        columns: per mix.
        seed: of weights and mixes.
    """

    minutes: float
    rate: float = 2e-3
    batch: int = 12
    columns: int = 128
    seed: int = 0


class Mixes(IterableDataset):
    """Batches, each seeded by its step."""

    def __init__(self, data: Path, recipe: Recipe, first_step: int) -> None:
        """Mix from `data`, for the steps from `first_step` on."""
        self._data = data
        self._recipe = recipe
        self._first_step = first_step

    def __iter__(self) -> Iterator[Examples]:
        desk = Desk(self._data / "songs", self._data / "takes", validation=False)
        frames = (self._recipe.columns - 1) * nets.HOP
        step = self._first_step
        while True:
            if step % _REFRESH_EVERY == 0:
                desk.refresh()
            rng = np.random.default_rng([3, self._recipe.seed, step])
            mixes = [np.stack(desk.mix(rng, frames)) for _ in range(self._recipe.batch // 2)]
            seed = self._recipe.seed * 1_000_003 + step
            yield prepare(np.stack(mixes).astype(np.float32), seed)
            step += 1


class Run:
    """A training that can be stopped and taken up at any step."""

    def __init__(self, data: Path, folder: Path, recipe: Recipe) -> None:
        """Take up the run in `folder`, or begin one."""
        torch.manual_seed(recipe.seed)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._recipe = recipe
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = nets.MaskNet().to(self.device, memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.net)
        self._optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=recipe.rate, weight_decay=1e-3
        )
        self.step, self.spent_s = 0, 0.0
        state = folder / "state.pt"
        if state.exists():
            self._restore(torch.load(state, map_location=self.device))
        mixes = Mixes(data, recipe, self.step)
        self._batches = iter(DataLoader(mixes, batch_size=None, num_workers=1, prefetch_factor=4))
        if not self.step:
            self._measure_features()

    def _restore(self, state: dict) -> None:
        self.net.load_state_dict(state["net"])
        self.ema.load_state_dict(state["ema"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent_s = state["step"], state["spent_s"]

    def save(self) -> None:
        """Write the state and the averaged weights."""
        state = {
            "net": self.net.state_dict(),
            "ema": self.ema.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
        }
        for name, content in (("state.pt", state), ("ema.pt", self.ema.state_dict())):
            part = self._folder / f"{name}.part"
            torch.save(content, part)
            part.replace(self._folder / name)

    @torch.no_grad()
    def _measure_features(self) -> None:
        """Learn mean and spread of each band's features, by which they are normalised."""
        seen = torch.cat([next(self._batches).seen for _ in range(_MEASURED_BATCHES)])
        for net in (self.net, self.ema):
            net.mean.copy_(seen.mean((0, 3))[None, :, :, None])
            net.spread.copy_(seen.std((0, 3))[None, :, :, None].clamp_min(0.3))

    def train(self, steps: int | None = None) -> float:
        """Train until the time is spent, or for so many steps; return the last steps' loss."""
        recent: list[tuple[float, float]] = []
        last = deque[float](maxlen=_LOG_EVERY)
        goal = math.inf if steps is None else self.step + steps
        while self.spent_s < self._recipe.minutes * 60 and self.step < goal:
            started = time.perf_counter()
            told = self._take_step()
            if not math.isfinite(told[0]):
                self._go_back()
                continue
            recent.append(told)
            last.append(told[0])
            self.spent_s += min(time.perf_counter() - started, _LONGEST_STEP_S)
            if self.step % _LOG_EVERY == 0:
                self._log(*np.mean(recent, axis=0))
                recent.clear()
            if self.step % _SAVE_EVERY == 0:
                self.save()
        self.save()
        return float(np.mean(last)) if last else math.nan

    def _take_step(self) -> tuple[float, float]:
        done = min(self.spent_s / (self._recipe.minutes * 60), 1)
        rate = self._recipe.rate * min(1, (self.step + 1) / _WARM_UP_STEPS)
        rate *= 0.5 * (1 + math.cos(math.pi * done)) + 0.005
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        batch = Examples(*(part.to(self.device) for part in next(self._batches)))
        self.net.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            masks = self.net(batch.seen)
        loss, errors_db = loss_of(masks, batch)
        self._optimiser.zero_grad()
        loss.backward()
        steepness = torch.nn.utils.clip_grad_norm_(self.net.parameters(), _CLIP)
        self.step += 1
        if not torch.isfinite(steepness):
            return math.nan, math.nan
        self._optimiser.step()
        self._average()
        return loss.item(), errors_db.median().item()

    def _go_back(self) -> None:
        """Return to what was saved last, without the steps that led to numbers without end."""
        step, spent_s = self.step, self.spent_s
        print(f"step {step}: back to the last state", flush=True)
        self._restore(torch.load(self._folder / "state.pt", map_location=self.device))
        self.step, self.spent_s = step, spent_s

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(_EMA, (self.step + 1) / (self.step + 30))
        mine, theirs = self.ema.state_dict(), self.net.state_dict()
        for name, value in mine.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[name], 1 - keep)
            else:
                value.copy_(theirs[name])

    def _log(self, loss: float, error_db: float) -> None:
        heard_h = self.step * self._recipe.batch * self._recipe.columns * nets.HOP / 44_100 / 3600
        row = (self.step, self.spent_s / 60, loss, error_db, heard_h)
        path = self._folder / "log.csv"
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(("step", "minutes", "loss", "error_db", "hours_heard"))
            writer.writerow((row[0], *(f"{value:.4f}" for value in row[1:])))
        print(f"step {row[0]}: {row[1]:.1f} min, loss {loss:.3f}, {error_db:.2f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    recipe = Recipe(options.minutes, options.rate, options.batch)
    Run(options.data, options.run, recipe).train()


if __name__ == "__main__":
    main()
