"""Quicker layers for the transformer of a torch network on the processor, within rounding.

Upstream's linear layers go through MKL, which keeps to AVX2 on the processors of AMD; oneDNN takes
the widest arithmetic that there is (97 against 58 GFLOP/s on a core of a Zen 4). Its operator is
the one that torch's own compiler emits; where a build lacks it, nothing is replaced.

Imports torch, so it is itself imported late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

from karaoke_studio.separation.torch_networks import last_layers

#: The annotations of torch leave most methods of its tensors untyped.
Tensor = Any


@contextmanager
def quick_layers(network: Any) -> Iterator[None]:
    """Replace the linear and attention layers of a network's transformer, for the time being.

    The new layers share their weights with the old ones. Networks without a transformer, and those
    that are not on the processor, stay as they are.
    """
    replaced: list[tuple[torch.nn.Module, str, torch.nn.Module]] = []
    try:
        for layer in _transformer_layers(network):
            for name, child in list(layer.named_children()):
                quick = _quick(child)
                if quick is not None:
                    replaced.append((layer, name, child))
                    setattr(layer, name, quick)
        yield
    finally:
        for layer, name, child in replaced:
            setattr(layer, name, child)


@contextmanager
def in_short(network: Any, *, everywhere: bool) -> Iterator[None]:
    """Let a network on the processor count in 16 bits (bfloat16), for the time being.

    Args:
        network: any.
        everywhere: not in its transformer alone but in all layers, the last excepted.
    """
    if everywhere:
        with _whole_numbers_last(network), torch.autocast("cpu", torch.bfloat16):
            yield
        return
    transformer: Any = getattr(network, "crosstransformer", None)
    if transformer is None:
        yield
        return
    plain = transformer.forward

    def forward(*sides: Tensor) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            made = plain(*sides)
        return tuple(side.float() for side in made)

    transformer.forward = forward
    try:
        yield
    finally:
        del transformer.forward


@contextmanager
def _whole_numbers_last(network: Any) -> Iterator[None]:
    """Keep the last layers at 32 bits: what they round is heard as it is."""
    ends = last_layers(network) or []
    try:
        for holder, name, layer in ends:
            setattr(holder, name, _AtFullLength(layer))
        yield
    finally:
        for holder, name, layer in ends:
            setattr(holder, name, layer)


class _AtFullLength(torch.nn.Module):
    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.layer(values.float())


def _transformer_layers(network: Any) -> list[torch.nn.Module]:
    transformer: Any = getattr(network, "crosstransformer", None)
    if transformer is None or next(network.parameters()).device.type != "cpu":
        return []
    mkldnn: Any = torch.backends.mkldnn
    if not mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return []
    return [*transformer.layers, *transformer.layers_t]


def _quick(layer: torch.nn.Module) -> torch.nn.Module | None:
    if type(layer) is torch.nn.Linear:
        return _Linear(layer)
    if type(layer) is torch.nn.MultiheadAttention:
        return _Attention(layer)
    return None


def _multiplied(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`torch.nn.functional.linear`, by oneDNN."""
    return torch.ops.mkldnn._linear_pointwise(values, weight, bias, "none", [], "")


class _Linear(torch.nn.Module):
    def __init__(self, layer: torch.nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, values: Tensor) -> Tensor:
        return _multiplied(values, self.weight, self.bias)


class _Attention(torch.nn.Module):
    """Attention without masks through the fused kernel, called as torch's own module is."""

    def __init__(self, layer: torch.nn.MultiheadAttention) -> None:
        super().__init__()
        self._heads = layer.num_heads
        self.in_weight, self.in_bias = layer.in_proj_weight, layer.in_proj_bias
        self.out = _Linear(layer.out_proj)

    def forward(
        self, query: Tensor, key: Tensor, _value: Tensor, **_options: Any
    ) -> tuple[Tensor, None]:
        """Attend from (1, t, c) to (1, s, c), which serves as key and value."""
        width = query.shape[-1]
        if query is key:
            parts = self._projected(query, 0, 3 * width).split(width, -1)
        else:
            both = self._projected(key, width, 3 * width).split(width, -1)
            parts = (self._projected(query, 0, width), *both)
        queries, keys, values = (self._by_head(part) for part in parts)
        attended: Tensor = functional.scaled_dot_product_attention(queries, keys, values)
        return self.out(attended.transpose(1, 2).reshape(query.shape)), None

    def _projected(self, values: Tensor, first: int, last: int) -> Tensor:
        return _multiplied(values, self.in_weight[first:last], self.in_bias[first:last])

    def _by_head(self, values: Tensor) -> Tensor:
        return values.unflatten(-1, (self._heads, -1)).transpose(1, 2)
