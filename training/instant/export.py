"""Writes the weights that the program ships: `python -m training.instant.export RUN/ema.pt OUT`.

Normalisations are folded into the convolutions, so that `karaoke_studio.separation.mask_net` only
multiplies matrices. OUT.npz holds float16; OUT.json is its card: what it learned from, on what
terms, its checksum, and how well it does, from what `benchmarks/quality.py --json FILE` told of it.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.instant.net import MaskNet

Arrays = dict[str, NDArray[np.float32]]

_LEARNED_FROM = [
    {"what": "bands: FluidR3 GM and MuseScore General (FluidSynth)", "licence": "MIT"},
    {"what": "bands: models of the Synthesis ToolKit", "licence": "MIT-like"},
    {"what": "voices: output of espeak-ng, re-sung", "licence": "not covered by its GPL"},
    {"what": "voices: flite rms, slt, kal16 (CMU), re-sung", "licence": "BSD-like"},
    {"what": "voices: festival slt (HTS), kal (CMU), re-sung", "licence": "free for any use"},
    {"what": "voices: SVOX Pico, re-sung", "licence": "Apache-2.0"},
]


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _up_phases(weight: Tensor) -> Tensor:
    """Turn (inputs, outputs, 4, 4) into (2, 2, outputs, inputs · 4): 2 × 2 taps per phase.

    Place o of the result is 2 i − 1 + k for tap k of place i: an even one has taps 1 (i) and 3
    (i − 1), an odd one 0 (i + 1) and 2 (i); of the padded places that is 3 first, then 1, and 2
    first, then 0.
    """
    taps = {0: (3, 1), 1: (2, 0)}
    phases = [
        [weight[:, :, taps[row]][:, :, :, taps[column]] for column in range(2)] for row in range(2)
    ]
    stacked = torch.stack([torch.stack(row) for row in phases])
    return stacked.permute(0, 1, 3, 2, 4, 5).reshape(2, 2, weight.shape[1], -1)


def _block(name: str, block: nn.Module) -> dict[str, Tensor]:
    conv, norm = block.near[0], block.near[1]
    scale, shift = _scale_and_shift(norm)
    out = {f"{name}.weight": conv.weight * scale[:, None, None, None], f"{name}.bias": shift}
    for kind, linear, place in (("down", block.down, 0), ("up", block.up, 1)):
        scale, shift = _scale_and_shift(block.norms[place])
        out[f"{name}.{kind}"] = linear.weight
        out[f"{name}.{kind}_scale"], out[f"{name}.{kind}_shift"] = scale, shift
    return out


@torch.no_grad()
def fold(net: MaskNet) -> Arrays:
    """Return the weights by the names of `mask_net`."""
    out = {
        "mean": net.mean[0],
        "scale": 1 / net.spread[0],
        "fine.weight": net.fine.weight,
        "coarse.weight": net.coarse.weight,
        "coarse.bias": net.coarse.bias,
    }
    for side, levels in (("encoder", net.encoders), ("decoder", net.decoders)):
        for level, layer in enumerate(levels):
            name = f"{side}{level}"
            is_plain = isinstance(layer[0], nn.Conv2d | nn.ConvTranspose2d)
            first, blocks = (layer, []) if is_plain else (layer[0], list(layer)[1:])
            scale, shift = _scale_and_shift(first[1])
            if side == "encoder":
                out[f"{name}.weight"] = first[0].weight * scale[:, None, None, None]
            else:
                out[f"{name}.weight"] = _up_phases(first[0].weight * scale[None, :, None, None])
            out[f"{name}.bias"] = shift
            for number, block in enumerate(blocks):
                out |= _block(f"{name}.block{number}", block)
    return {name: value.float().cpu().numpy() for name, value in out.items()}


def write(arrays: Arrays, target: Path, facts: dict[str, Any]) -> None:
    """Write `target`.npz and its card."""
    weights = target.with_suffix(".npz")
    np.savez(weights, **{name: value.astype(np.float16) for name, value in arrays.items()})
    card = {
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "parameters": sum(value.size for value in arrays.values()),
        "licence": "GPL-3.0-or-later",
        "learned_from": _LEARNED_FROM,
        **facts,
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def figures_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return the medians that `benchmarks/quality.py` told of the engine, and on how many songs."""
    widths = {
        width: {
            name: round(value, 2) for name, value in told["medians"][f"instant, {width}"].items()
        }
        for width in ("stereo", "mono")
    }
    return {"synthesised_songs": len(told["songs"]), **widths}


def export(weights: Path, target: Path, facts: dict[str, Any]) -> None:
    """Export a run's averaged weights."""
    net = MaskNet()
    net.load_state_dict(torch.load(weights, map_location="cpu"))
    write(fold(net.eval()), target, facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("target", type=Path, help="without a suffix")
    parser.add_argument("--figures", type=Path, help="what benchmarks/quality.py told as JSON")
    options = parser.parse_args()
    figures = figures_of(json.loads(options.figures.read_text())) if options.figures else {}
    export(options.weights, options.target, {"figures": figures})


if __name__ == "__main__":
    main()
