"""The whole way in half a minute: `python -m training.instant.smoke FOLDER`.

A few mixes of plain tones take the place of songs, so that neither sound fonts nor speech programs
are needed: a gliding, vibrating harmonic voice over held chords and clicks. The net must learn to
tell them apart, be killed and go on, and the exported weights must give in numpy what it gives.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch

from karaoke_studio.separation.mask_net import masks_of
from training.instant import export, store
from training.instant.net import BANDS, STRIDE, MaskNet
from training.instant.store import FRAMES, SAMPLE_RATE, Samples
from training.instant.train import Recipe, Run

#: By how much the loss must fall, and how closely numpy must agree.
FALL, AGREEMENT = 0.2, 1e-4

_RECORDINGS, _FIRST_STEPS = 6, 4


def _tone(hertz: np.ndarray | float, harmonics: int) -> Samples:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, FRAMES)) / SAMPLE_RATE
    total = sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))
    return np.asarray(total, np.float32)


def make_data(folder: Path) -> None:
    """Write songs and takes of plain tones."""
    at_s = np.arange(FRAMES) / SAMPLE_RATE
    for number in range(_RECORDINGS):
        rng = np.random.default_rng([5, number])
        chord = sum(_tone(220 * 2 ** (int(rng.integers(12)) / 12), 3) for _ in range(3))
        clicks = np.zeros(FRAMES, np.float32)
        clicks[:: SAMPLE_RATE // 3] = 40
        music = [np.stack([chord * 0.9, chord * 1.1]), np.stack([clicks, clicks])]
        bend = 3 * np.sin(at_s * rng.uniform(1, 2)) + 0.5 * np.sin(2 * np.pi * 5.5 * at_s)
        sung = _tone(300 * 2 ** (bend / 12), 12) * (np.sin(at_s * 1.7) > -0.6)
        voice = np.stack([sung, sung]).astype(np.float32)
        for name, tracks, labels in (
            ("songs", music, ["pad", "drums"]),
            ("takes", [voice, voice], ["lead", "lead room"]),
        ):
            levelled = [store.level(track.astype(np.float32), 0.06) for track in tracks]
            kept = [track for track in levelled if track is not None]
            store.save(folder / name, number, kept, {"labels": labels})


def smoke(folder: Path, steps: int) -> tuple[float, float]:
    """Return the loss at the beginning and at the end.

    Raises:
        RuntimeError: it was not gone on with where it stopped, or numpy gives something else.
    """
    make_data(folder)
    recipe = Recipe(minutes=60, batch=4, columns=64)
    first = Run(folder, folder / "run", recipe)
    before = first.train(_FIRST_STEPS)
    again = Run(folder, folder / "run", recipe)
    if again.step != first.step:
        raise RuntimeError(f"stopped at step {first.step}, went on at {again.step}")
    after = again.train(steps)
    export.export(folder / "run" / "ema.pt", folder / "net", {})
    net = MaskNet()
    net.load_state_dict(torch.load(folder / "run" / "ema.pt"))
    seen = np.random.default_rng(0).standard_normal((4, BANDS, 2 * STRIDE)).astype(np.float32)
    with torch.no_grad():
        wanted = net.eval()(torch.from_numpy(seen[None]))[0].numpy()
    found = masks_of(export.fold(net), seen.transpose(2, 0, 1)).transpose(1, 2, 0)
    difference = np.abs(found - wanted).max()
    if difference > AGREEMENT:
        raise RuntimeError(f"numpy differs by {difference:.1e}")
    return before, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    before, after = smoke(options.folder, options.steps)
    print(f"loss {before:.3f} -> {after:.3f}")
    if after > before - FALL:
        raise SystemExit(f"The loss fell by less than {FALL}.")


if __name__ == "__main__":
    main()
