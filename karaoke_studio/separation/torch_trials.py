"""Tries the ways of torch on the processor; see `trials`.

Imports torch, so it is itself imported late.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from karaoke_studio.errors import OutOfMemory
from karaoke_studio.separation.calibration import Trial
from karaoke_studio.separation.device import CPU
from karaoke_studio.separation.engine import Check, FloatArray
from karaoke_studio.separation.model_networks import Model, segment_of
from karaoke_studio.separation.network_arguments import SAMPLE_RATE
from karaoke_studio.separation.openvino_conversion import can_convert
from karaoke_studio.separation.torch_networks import (
    only_heads,
    quick_forward,
    reference_forward,
    ticking,
    use_threads,
)
from karaoke_studio.separation.trials import run_upstream, trials_to_plain, try_way
from karaoke_studio.separation.ways import TORCH_BF16, TORCH_BF16_TRANSFORMER, TORCH_F32

log = logging.getLogger(__name__)


def first_network(model: Model, stem: str) -> int:
    """Return the number of the first network that adds to a stem."""
    place = model.sources.index(stem)
    return next(number for number, row in enumerate(model.weights) if row[place])


def chunk_frames(model: Model, number: int) -> int:
    """Return how many frames a network takes at once."""
    return int(SAMPLE_RATE * segment_of(model.networks[number]))


def try_all(
    model: Model, number: int, chunks: FloatArray, folder: Path, threads: int, check: Check
) -> dict[str, Any]:
    """Try all ways; leaves chunks and upstream's vocals in a folder.

    Args:
        model: whose network is tried.
        number: of the network.
        chunks: float32 (chunks, 2, `chunk_frames`).
        folder: for the files.
        threads: of the processor, 0 = the usual.
        check: called after every layer.

    Returns:
        Plain values: `trials`, `network`, `is_convertible`.

    Raises:
        Cancelled: from `check`.
    """
    use_threads(threads)
    network, vocals = model.networks[number], model.sources.index("vocals")
    with ticking(network, check):
        upstream = reference_forward(network, [vocals], CPU)
        tried, wanted = run_upstream(upstream, chunks, folder)
        trials = []
        for way in _ways(network):
            with only_heads(network, [vocals]) as rows:
                run = quick_forward(network, rows, CPU, way)
                try:
                    trials.append(try_way(way, run, tried, wanted))
                # a layer that does not count in 16 bits on this processor; the other ways may
                except (RuntimeError, OutOfMemory) as exc:
                    log.warning("%s does not run: %s", way, exc)
                    trials.append(Trial(way, 0.0, 0.0, type(exc).__name__))
    return {
        "trials": trials_to_plain(trials),
        "network": number,
        "is_convertible": can_convert(network),
    }


def _ways(network: Any) -> list[str]:
    """Return the ways that are worth a try: short numbers only where there are units for them."""
    supported: Any = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    if supported is None or not supported():
        return [TORCH_F32]
    has_transformer = getattr(network, "crosstransformer", None) is not None
    return [TORCH_F32, *([TORCH_BF16_TRANSFORMER] if has_transformer else []), TORCH_BF16]
