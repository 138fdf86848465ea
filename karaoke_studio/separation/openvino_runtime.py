"""OpenVINO, loaded with care, and networks that run on it. The only file that imports it.

Its package reports every import and conversion to its makers, through a package of its own. That
one is kept out before OpenVINO is loaded: nothing of ours goes to anybody.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from karaoke_studio.errors import ModelDamaged
from karaoke_studio.separation.converted import ConvertedNetwork
from karaoke_studio.separation.engine import Check, FloatArray
from karaoke_studio.separation.openvino_int8 import round_linear_layers
from karaoke_studio.separation.spectra import Spectra

log = logging.getLogger(__name__)

F32, BF16, INT8 = "f32", "bf16", "int8"
#: How long a forward runs before it is asked again whether to go on.
_WAIT_MS = 30


def load_openvino() -> Any:
    """Import OpenVINO without its telemetry, and return it."""
    # an import of what is None fails, and OpenVINO then does without
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino
    import openvino.opset13

    return openvino


def has_bf16() -> bool:
    """Whether the processor multiplies in 16 bits by itself."""
    found: list[str] = load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in found


class OpenVinoNetwork:
    """A converted network, compiled for the processor."""

    def __init__(self, folder: Path, network: ConvertedNetwork, precision: str, threads: int):
        """Compile a network.

        Args:
            folder: of the conversion.
            network: which one in it.
            precision: `F32`, `BF16`, or `INT8` for the linear layers and 32 bits for the rest.
            threads: of the processor.

        Raises:
            ModelDamaged: the runtime refuses it.
        """
        openvino = load_openvino()
        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": F32 if precision == INT8 else precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            model = core.read_model(folder / network.file)
            if precision == INT8:
                round_linear_layers(openvino, model, network.ranges)
            compiled = core.compile_model(model, "CPU", options)
        except RuntimeError as exc:
            raise ModelDamaged(
                "A converted network cannot be used.", hint="Choose the mode exact."
            ) from exc
        self._request = compiled.create_infer_request()
        self._spectra = Spectra(network.n_fft, network.frames)
        self.stems = network.stems

    def run(self, samples: FloatArray, check: Check, waited: Callable[[], None]) -> FloatArray:
        """Return float32 (stems, channels, n) of float32 (channels, n), n as the network takes it.

        Args:
            samples: the chunk; what is missing at its end counts as zero.
            check: called every few hundredths of a second; what it raises ends the forward.
            waited: called as often.

        Raises:
            Cancelled: from `check`.
        """
        length = samples.shape[-1]
        mix = np.zeros((samples.shape[0], self._spectra.frames), np.float32)
        mix[:, :length] = samples
        self._request.start_async([self._spectra.analyse(mix)[None], mix[None]])
        try:
            while not self._request.wait_for(_WAIT_MS):
                check()
                waited()
        except BaseException:
            self._request.cancel()
            raise
        spectrum, wave = (self._request.get_output_tensor(number).data for number in (0, 1))
        made: FloatArray = np.array(wave[0], np.float32)
        for stem, part in enumerate(spectrum[0]):
            made[stem] += self._spectra.synthesise(part)
        return made[..., :length]
