"""Converts networks for OpenVINO; only ever in a child that ends after it.

Torch and OpenVINO are both loaded here, and nowhere else. What is converted is the network without
its Fourier transforms: spectrum and wave in, spectrum and wave out. Upstream's own forward is
traced, with its transforms taken out of it.

Imports torch, so it is itself imported late.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from karaoke_studio.errors import ModelRefused
from karaoke_studio.separation.converted import (
    ConvertedModel,
    ConvertedNetwork,
    write_facts,
    writing,
)
from karaoke_studio.separation.engine import FloatArray
from karaoke_studio.separation.model_networks import Model, is_empty, is_transformer, segment_of
from karaoke_studio.separation.network_arguments import CHANNELS, SAMPLE_RATE
from karaoke_studio.separation.openvino_int8 import measure_ranges
from karaoke_studio.separation.openvino_runtime import load_openvino
from karaoke_studio.separation.spectra import Spectra
from karaoke_studio.separation.torch_networks import draws, fused_attention, only_heads

log = logging.getLogger(__name__)


def can_convert(network: Any) -> bool:
    """Whether a network is one of those that can be converted: an HTDemucs as published."""
    return is_transformer(network) and bool(network.use_train_segment) and bool(network.cac)


def convert_model(
    model: Model,
    stems: Sequence[str],
    folder: Path,
    check: Callable[[], None],
    music: FloatArray | None = None,
) -> ConvertedModel:
    """Convert the networks of a model that add to some stems.

    Args:
        model: loaded for at least these stems.
        stems: that will be asked for.
        folder: where the conversion is put, whole or not at all.
        check: called between networks.
        music: float32 (channels, n) at the level that networks know, as long as a chunk; what is
            missing counts as zero. With it the networks can count in 8 bits, too.

    Raises:
        Cancelled: from `check`.
        ModelRefused: its networks are of a kind that cannot be converted.
        OSError: the disk is full.
    """
    networks: dict[int, ConvertedNetwork] = {}
    with writing(folder) as part:
        for number, (network, row) in enumerate(zip(model.networks, model.weights, strict=True)):
            check()
            made = [stem for stem in stems if row[model.sources.index(stem)]]
            if made:
                file = part / f"network-{number}.xml"
                networks[number] = _converted(model, network, made, file, music)
        converted = ConvertedModel(
            model.sources,
            model.weights,
            tuple(Fraction(segment_of(network)) for network in model.networks),
            tuple(draws(network) for network in model.networks),
            networks,
        )
        write_facts(part, converted)
    return converted


def _converted(
    model: Model, network: Any, stems: list[str], file: Path, music: FloatArray | None
) -> ConvertedNetwork:
    if is_empty(network) or not can_convert(network):
        raise ModelRefused(
            f"The model {model.name} cannot be converted.", hint="Choose the mode exact."
        )
    frames = int(segment_of(network) * SAMPLE_RATE)
    spectra = Spectra(int(network.nfft), frames)
    example = (
        torch.zeros(1, 2 * CHANNELS, spectra.bins, spectra.columns),
        torch.zeros(1, CHANNELS, frames),
    )
    openvino = load_openvino()
    with (
        only_heads(network, [model.sources.index(stem) for stem in stems]) as rows,
        torch.no_grad(),
        fused_attention(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # tracing warns of every length that it takes as fixed
        core = _WithoutTransforms(network, rows)
        converted = openvino.convert_model(core, example_input=example)
    converted.reshape({number: list(one.shape) for number, one in enumerate(example)})
    openvino.save_model(converted, file, compress_to_fp16=False)
    ranges: dict[str, Any] = {}
    if music is not None:
        mix = np.zeros((CHANNELS, frames), np.float32)
        mix[:, : music.shape[-1]] = music[:, :frames]
        saved = openvino.Core().read_model(file)
        ranges = measure_ranges(openvino, saved, (spectra.analyse(mix)[None], mix[None]))
    return ConvertedNetwork(file.name, tuple(stems), frames, spectra.n_fft, ranges)


class _WithoutTransforms(torch.nn.Module):
    """A network that takes its spectrum instead of making it, and gives its own away."""

    def __init__(self, network: Any, rows: list[int]) -> None:
        super().__init__()
        self.network = network
        self._rows = rows

    def forward(self, spectrum: Any, wave: Any) -> tuple[Any, Any]:
        """(1, 2 · channels, bins, columns), (1, channels, n) → both for each stem."""
        made: list[Any] = []

        def keep(_mixed: Any, spectra: Any) -> Any:
            made.append(spectra)
            return spectra

        transforms = {
            "_spec": lambda _wave: spectrum,
            "_magnitude": lambda given: given,
            "_mask": keep,
            "_ispec": lambda _spectra, _length: 0.0,
        }
        vars(self.network).update(transforms)
        try:
            waves = self.network(wave)
        finally:
            for name in transforms:
                del vars(self.network)[name]
        return made[0][:, self._rows], waves[:, self._rows]
