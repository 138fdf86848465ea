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
from karaoke_studio.separation.spectra import Spectra

log = logging.getLogger(__name__)

F32, BF16 = "f32", "bf16"
#: How long a forward runs before it is asked again whether to go on.
_WAIT_MS = 30


def load_openvino() -> Any:
    """Import OpenVINO without its telemetry, and return it."""
    # an import of what is None fails, and OpenVINO then does without
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

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
            precision: `F32` or `BF16`.
            threads: of the processor.

        Raises:
            ModelDamaged: the runtime refuses it.
        """
        core = load_openvino().Core()
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            compiled = core.compile_model(core.read_model(folder / network.file), "CPU", options)
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
