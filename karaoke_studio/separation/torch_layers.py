"""Quicker layers for the transformer of a torch network on the processor, within rounding.

Upstream's linear layers go through MKL, which keeps to AVX2 on the processors of AMD; oneDNN takes
the widest arithmetic that there is (97 against 58 GFLOP/s on a core of a Zen 4). Its operator is
the one that torch's own compiler emits; where a build lacks it, nothing is replaced.

Imports torch, so it is itself imported late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from demucs.demucs import LocalState
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
def in_pieces(network: Any) -> Iterator[None]:
    """Let a network's attention look from a few places at a time, for the time being.

    The result is the same within rounding, on any device; the scores of all places for all others,
    which are the most that some devices hold at once, are never there together.
    """
    replaced: list[tuple[torch.nn.Module, str, torch.nn.Module]] = []
    try:
        for holder in list(network.modules()):
            for name, child in list(holder.named_children()):
                kind = _pieced(child)
                if kind is not None:
                    replaced.append((holder, name, child))
                    setattr(holder, name, kind(child))
        yield
    finally:
        for holder, name, child in replaced:
            setattr(holder, name, child)


def has_attention(network: Any) -> bool:
    """Whether a network has layers that `in_pieces` changes."""
    return any(_pieced(layer) is not None for layer in network.modules())


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
        self.out: torch.nn.Module = _Linear(layer.out_proj)

    def forward(
        self, query: Tensor, key: Tensor, _value: Tensor, **_options: Any
    ) -> tuple[Tensor, None]:
        """Attend from (b, t, c) to (b, s, c), which serves as key and value."""
        width = query.shape[-1]
        if query is key:
            parts = self._projected(query, 0, 3 * width).split(width, -1)
        else:
            both = self._projected(key, width, 3 * width).split(width, -1)
            parts = (self._projected(query, 0, width), *both)
        attended = self._attended(*(self._by_head(part) for part in parts))
        return self.out(attended.transpose(1, 2).reshape(query.shape)), None

    def _attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(queries, keys, values)

    def _projected(self, values: Tensor, first: int, last: int) -> Tensor:
        return _multiplied(values, self.in_weight[first:last], self.in_bias[first:last])

    def _by_head(self, values: Tensor) -> Tensor:
        return values.unflatten(-1, (self._heads, -1)).transpose(1, 2)


class _PiecedAttention(_Attention):
    """The same from a few places at a time, by torch's own linear layers: on any device."""

    def __init__(self, layer: torch.nn.MultiheadAttention) -> None:
        super().__init__(layer)
        self.out = layer.out_proj

    def _attended(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        attend = functional.scaled_dot_product_attention
        return torch.cat([attend(some, keys, values) for some in queries.split(_PIECE, 2)], 2)

    def _projected(self, values: Tensor, first: int, last: int) -> Tensor:
        return functional.linear(values, self.in_weight[first:last], self.in_bias[first:last])


class _PiecedLocalState(torch.nn.Module):
    """Attention of the generation before, in which near places count more, piece by piece."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        """(b, c, t) → (b, c, t)."""
        layer, count = self.layer, values.shape[-1]
        queries, keys, content = (
            self._by_head(part(values)) for part in (layer.query, layer.key, layer.content)
        )
        keys = keys / keys.shape[2] ** 0.5
        decay = torch.sigmoid(self._by_head(layer.query_decay(values))) / 2
        steps = torch.arange(1, layer.ndecay + 1, device=values.device, dtype=values.dtype)
        # how much a place loses with each step away from the one that looks
        fall = torch.einsum("f,bhfs->bhs", steps, decay) / layer.ndecay**0.5
        places: Tensor = torch.arange(count, device=values.device)
        heard = []
        for some in places.split(_PIECE):
            away = (places[:, None] - some[None, :]).abs()
            scores = torch.einsum("bhct,bhcs->bhts", keys, queries[..., some])
            scores = scores - away * fall[:, :, None, some]
            scores = torch.softmax(scores.masked_fill(away == 0, _ITSELF), dim=2)
            heard.append(torch.einsum("bhts,bhct->bhcs", scores, content))
        made: Tensor = layer.proj(torch.cat(heard, -1).reshape(values.shape))
        return values + made

    def _by_head(self, values: Tensor) -> Tensor:
        return values.unflatten(1, (self.layer.heads, -1))


#: Places that look at once.
_PIECE = 256
#: The score of a place for itself in `LocalState`, as upstream has it: next to nothing.
_ITSELF = -100.0


def _pieced(layer: Any) -> Callable[[Any], torch.nn.Module] | None:
    if type(layer) is torch.nn.MultiheadAttention and layer.batch_first:
        return _PiecedAttention
    if type(layer) is LocalState and layer.ndecay and not layer.nfreqs:
        return _PiecedLocalState
    return None
