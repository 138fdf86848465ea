"""Small true Demucs networks with seeded random weights, and the files they come in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
import yaml
from demucs.apply import BagOfModels
from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs
from safetensors.torch import save_file

STEMS = ["drums", "bass", "other", "vocals"]

#: Arguments of nets with a tenth of a million to a million parameters.
SMALL: dict[type[torch.nn.Module], dict[str, Any]] = {
    HTDemucs: {
        "channels": 8,
        "nfft": 1024,
        "depth": 4,
        "dconv_mode": 3,
        "t_layers": 3,
        "t_heads": 2,
        "t_hidden_scale": 2.0,
        "bottom_channels": 16,
        "segment": Fraction(3, 5),
    },
    HDemucs: {
        "channels": 4,
        "nfft": 1024,
        "depth": 5,
        "dconv_attn": 3,
        "dconv_lstm": 3,
        "segment": 1,
    },
    Demucs: {"channels": 4, "depth": 5, "dconv_attn": 3, "dconv_lstm": 3, "segment": 1},
}
#: The published htdemucs.
TRUE_HTDEMUCS: dict[str, Any] = {
    "channels": 48,
    "dconv_mode": 3,
    "bottom_channels": 512,
    "segment": Fraction(39, 5),
}


def make_net(
    kind: type[torch.nn.Module] = HTDemucs,
    seed: int = 0,
    sources: Sequence[str] = STEMS,
    **changes: Any,
) -> torch.nn.Module:
    """A network whose residual branches matter, so that every part of it shows in its output."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = kind(list(sources), **(SMALL[kind] | changes))
        for name, weight in net.named_parameters():
            if name.endswith(".scale"):  # LayerScale starts so low that its branch is silent
                weight.data.fill_(0.3)
    return net.eval()


def make_true_htdemucs(seed: int = 0) -> torch.nn.Module:
    """Random weights in the published shape: 42 million parameters."""
    return make_net(HTDemucs, seed, **(dict.fromkeys(SMALL[HTDemucs]) | _defaults(TRUE_HTDEMUCS)))


def _defaults(arguments: dict[str, Any]) -> dict[str, Any]:
    rest = {"nfft": 4096, "depth": 4, "t_layers": 5, "t_heads": 8, "t_hidden_scale": 4.0}
    return rest | arguments


def make_bag(count: int = 2, kind: type[torch.nn.Module] = HTDemucs, **options: Any) -> BagOfModels:
    """Networks with different weights, together."""
    return BagOfModels([make_net(kind, seed) for seed in range(count)], **options)


def _json_default(value: Any) -> Any:
    if isinstance(value, Fraction):
        parts = {"numerator": value.numerator, "denominator": value.denominator}
        return {"_type": "fraction"} | parts
    return str(value)


def metadata_of(net: torch.nn.Module) -> dict[str, str]:
    """What the published safetensors files say of the network in them."""
    args, kwargs = net._init_args_kwargs
    kind = type(net)
    return {
        "klass": f"{kind.__module__}.{kind.__qualname__}",
        "args": json.dumps(args, default=_json_default),
        "kwargs": json.dumps(kwargs, default=_json_default),
    }


def write_safetensors(net: torch.nn.Module, path: Path, *, half: bool = True) -> str:
    """Write a network as the Hugging Face repositories hold it; return its sha256."""
    state = {
        name: (value.half() if half else value).contiguous()
        for name, value in net.state_dict().items()
    }
    save_file(state, path, metadata=metadata_of(net))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_legacy(net: torch.nn.Module, folder: Path, sig: str, *, prefix: bool = True) -> Path:
    """Write a network as the old repositories hold it: `{sig}-{sha256[:8]}.th`."""
    args, kwargs = net._init_args_kwargs
    package = {
        "klass": type(net),
        "args": args,
        "kwargs": kwargs,
        "state": {name: value.half() for name, value in net.state_dict().items()},
        "training_args": {"seed": 42, "model": "htdemucs", "dset": {"sources": STEMS}},
    }
    plain = folder / f"{sig}.th"
    torch.save(package, plain)
    if not prefix:
        return plain
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    return plain.rename(folder / f"{sig}-{digest[:8]}.th")


def write_bag(
    folder: Path,
    name: str,
    nets: Sequence[torch.nn.Module],
    weights: Sequence[Sequence[float]] | None = None,
    segment: float | None = None,
) -> list[Path]:
    """Write `{name}.yaml` with one safetensors file per network; return those."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}{number}sig.safetensors" for number in range(len(nets))]
    for net, path in zip(nets, paths, strict=True):
        write_safetensors(net, path)
    bag: dict[str, Any] = {"models": [path.stem for path in paths]}
    if weights is not None:
        bag["weights"] = [list(row) for row in weights]
    if segment is not None:
        bag["segment"] = segment
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(bag))
    return paths


def through_file(net: torch.nn.Module, folder: Path) -> torch.nn.Module:
    """The network as upstream's own loader gives it back from a file."""
    from demucs.hf import load_safetensors_model

    path = folder / f"through-{id(net)}.safetensors"
    write_safetensors(net, path)
    return load_safetensors_model(path).eval()
