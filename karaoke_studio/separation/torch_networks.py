"""Torch networks as functions on arrays: as upstream runs them, or exactly as well but faster.

The only file that runs a network. What torch raises becomes one of our errors here, by type.
"""

from __future__ import annotations

import copy
import ctypes
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from karaoke_studio.errors import DeviceLost, OutOfMemory
from karaoke_studio.separation.cores import usual_threads
from karaoke_studio.separation.device import CPU
from karaoke_studio.separation.engine import FloatArray
from karaoke_studio.separation.ways import TORCH_BF16, TORCH_F32

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Tick = Callable[[], None]

#: (chunks, channels, samples)
_BATCH_AXES = 3
#: No card is kept busier by more chunks at once.
_MOST_CHUNKS = 8
#: What a forward takes of a card's memory for each frame of a chunk, and the share of what is free
#: there that may be used: others use the card too.
_BYTES_PER_FRAME, _SHARE = 4096, 0.7


def use_threads(count: int) -> int:
    """Let torch use so many threads (0 = one for each core); return how many."""
    import torch

    count = count if count > 0 else usual_threads()
    torch.set_num_threads(count)
    return count


def load_runtime() -> dict[str, str]:
    """Import all that a song needs, ahead of the first one; return `versions`."""
    _keep_freed_memory()
    # Threads that wait for each other by spinning cost nothing on an idle machine; beside a busy
    # window they took three quarters more processor time for the same chunk.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    importlib.import_module("demucs.htdemucs")
    return versions()


def _keep_freed_memory() -> None:
    """Tell the allocator to keep what is freed; it counts only before torch is imported.

    Each forward frees and takes some gigabytes. Handing them to the system in between cost a
    quarter of the time (1.94 against 2.31 s a chunk, two cores, glibc 2.36); no bit changes.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):  # another C library than glibc
        libc = ctypes.CDLL(None)
        trim_threshold, top_pad, mmap_max = -1, -2, -4
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 256 << 20)


@contextmanager
def device_errors(device: str) -> Iterator[None]:
    """Turn what torch raises on a device into our errors.

    Raises:
        OutOfMemory: it does not fit.
        DeviceLost: a device other than the processor failed.
    """
    import torch

    try:
        yield
    except (MemoryError, RuntimeError) as exc:
        # for the processor torch has no type of its own, only this word in the text
        if isinstance(exc, (MemoryError, torch.OutOfMemoryError)) or "alloc_cpu" in str(exc):
            raise OutOfMemory(
                f"There is not enough memory on the device {device}.",
                hint="Choose a shorter segment, the device cpu, or the engine instant.",
            ) from exc
        if device == CPU:
            raise
        raise DeviceLost(
            f"The device {device} failed.", hint="Choose the device auto or cpu, and try again."
        ) from exc


def on_device(network: torch.nn.Module, device: str) -> torch.nn.Module:
    """Return a network on a device; on another than the processor it is a copy.

    Raises:
        OutOfMemory: it does not fit.
        DeviceLost: the device failed.
    """
    import torch

    if device == CPU:
        return network
    # convolutions would else round to 10 bits by themselves, which `exact` does not allow
    torch.backends.cudnn.allow_tf32 = False
    with device_errors(device):
        return copy.deepcopy(network).to(device)


def chunks_at_once(device: str, frames: int) -> int:
    """Return how many chunks of so many frames a device takes at once, by its free memory.

    On the processor one: two brought nothing for twice the memory.
    """
    free = _free_bytes(device)
    fitting = int(free * _SHARE) // (frames * _BYTES_PER_FRAME)
    return max(1, min(fitting, _MOST_CHUNKS))


def _free_bytes(device: str) -> int:
    """Return what is free on a device, 0 where it does not say."""
    import torch

    kind = device.partition(":")[0]
    try:
        if kind in {"cuda", "xpu"}:
            return int(getattr(torch, kind).mem_get_info(device)[0])
        if kind == "mps":
            return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    except (RuntimeError, AssertionError) as exc:
        log.info("%s does not say what is free: %s", device, exc)
    return 0


def free_device(device: str) -> None:
    """Give back what torch holds on a device, as far as the device still listens."""
    import torch

    gc.collect()
    kind = device.partition(":")[0]
    backend = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.mps}.get(kind)
    if backend is not None:
        with suppress(RuntimeError):
            backend.empty_cache()


def reference_forward(
    network: torch.nn.Module, sources: Sequence[int], device: str
) -> Callable[[FloatArray], FloatArray]:
    """Return upstream's own forward: float32 (channels, n) → (sources, channels, n)."""
    import torch

    def forward(samples: FloatArray) -> FloatArray:
        with device_errors(device), torch.no_grad():
            made = network(torch.from_numpy(samples)[None].to(device))[0]
            return cast("FloatArray", made[list(sources)].cpu().numpy())

    return forward


def quick_forward(
    network: torch.nn.Module, rows: Sequence[int], device: str, way: str = TORCH_F32
) -> Callable[[FloatArray], FloatArray]:
    """Return the same for a network under `only_heads`, which tells the rows, but quicker.

    It also takes several chunks at once: (b, channels, n) → (b, sources, channels, n).

    Attention goes through the fused kernel, not through the "fast path" of torch's module, which
    writes out all scores: 1.1 times as fast, and a gigabyte less.

    Args:
        network: on its device.
        rows: of its output, which are the stems.
        device: its name.
        way: `TORCH_F32` is upstream's result within rounding; the others round to 16 bits on the
            way, in the transformer or everywhere but in the last layers.
    """
    import torch

    from karaoke_studio.separation.torch_layers import in_short, quick_layers

    def layers() -> AbstractContextManager[None]:
        if way == TORCH_F32 or device != CPU:
            return quick_layers(network)
        return in_short(network, everywhere=way == TORCH_BF16)

    def forward(samples: FloatArray) -> FloatArray:
        batch = samples if samples.ndim == _BATCH_AXES else samples[None]
        with device_errors(device), torch.inference_mode(), fused_attention(), layers():
            made = network(torch.from_numpy(batch).to(device))
            stems = cast("FloatArray", made[:, list(rows)].cpu().numpy())
        return stems if batch is samples else stems[0]

    return forward


@contextmanager
def fused_attention() -> Iterator[None]:
    """Keep torch's attention away from its "fast path", which writes out all scores."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(value=before)


@contextmanager
def only_heads(network: torch.nn.Module, sources: Sequence[int]) -> Iterator[list[int]]:
    """Let a network make only some of its sources, in the order given.

    The last layers make all sources side by side, each from the same inputs, so the others can be
    left out. Networks whose last layers mix the sources are left as they are.

    Yields:
        Which rows of the network's output are those sources.
    """
    heads = last_layers(network)
    names = cast("list[str]", network.sources)
    if heads is None or not sources:
        yield list(sources)
        return
    try:
        for holder, name, layer in heads:
            setattr(holder, name, _sliced(layer, sources, len(names)))
        network.sources = [names[number] for number in sources]  # type: ignore[assignment]
        yield list(range(len(sources)))
    finally:
        network.sources = names  # type: ignore[assignment]
        for holder, name, layer in heads:
            setattr(holder, name, layer)


def last_layers(network: Any) -> list[tuple[torch.nn.Module, str, torch.nn.Module]] | None:
    """Return the last layers as (holder, attribute, layer), None where they mix the sources."""
    from demucs.demucs import Demucs
    from demucs.hdemucs import MultiWrap

    if isinstance(network, Demucs):
        last: Any = network.decoder[-1]
        return [(last, str(len(last) - 1), last[-1])]
    if not network.cac:
        return None
    ends: list[Any] = [network.decoder[-1]]
    if getattr(network, "hybrid", True):
        ends.append(network.tdecoder[-1])
    layers: list[Any] = [
        layer for end in ends for layer in (end.layers if isinstance(end, MultiWrap) else [end])
    ]
    if any(layer.norm for layer in layers):
        return None
    return [(layer, "conv_tr", layer.conv_tr) for layer in layers]


def _sliced(layer: Any, sources: Sequence[int], count: int) -> torch.nn.Module:
    """Return a transposed convolution that makes only some of `count` groups of channels."""
    import torch

    size = layer.out_channels // count
    rows = [number * size + row for number in sources for row in range(size)]
    shape = (layer.in_channels, len(rows), layer.kernel_size, layer.stride, layer.padding)
    sliced: torch.nn.Module = type(layer)(*shape, device="meta")
    for name, dimension in (("weight", 1), ("bias", 0)):
        index = torch.tensor(rows, device=layer.weight.device)
        value = getattr(layer, name).detach().index_select(dimension, index)
        setattr(sliced, name, torch.nn.Parameter(value, requires_grad=False))
    return sliced.eval()


@contextmanager
def ticking(network: torch.nn.Module, tick: Tick) -> Iterator[int]:
    """Call `tick` whenever a layer is done; yields how many there are in a forward.

    An exception from `tick` ends the forward: a song can be cancelled within a layer's time.
    """
    layers = _layers(network)
    handles = [layer.register_forward_hook(lambda _layer, _args, _out: tick()) for layer in layers]
    try:
        yield len(layers)
    finally:
        for handle in handles:
            handle.remove()


def _layers(network: Any) -> list[torch.nn.Module]:
    sides = [getattr(network, name, ()) for name in ("encoder", "tencoder", "decoder", "tdecoder")]
    transformer = getattr(network, "crosstransformer", None)
    if transformer is not None:
        sides += [transformer.layers, transformer.layers_t]
    return [layer for side in sides for layer in side]


def draws(network: Any) -> bool:
    """Whether upstream's forward draws a number for the place of its position codes."""
    transformer = getattr(network, "crosstransformer", None)
    return transformer is not None and transformer.emb == "sin"


def versions() -> dict[str, str]:
    """Return the versions of what decides the bits."""
    import demucs
    import soxr
    import torch

    return {
        "torch": str(torch.__version__),
        "demucs": str(demucs.__version__),
        "numpy": np.__version__,
        "soxr": str(soxr.__version__),
    }
