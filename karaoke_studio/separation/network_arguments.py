"""Which networks we build, and with which arguments: fixed tables, checked before anything is made.

A model file names a class and its arguments. The class is looked up here and nowhere else; each
argument must be known and within its range. Nothing is ever imported because a file says so.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

log = logging.getLogger(__name__)

#: Stems that networks may make; their names become file names.
KNOWN_STEMS = ("drums", "bass", "other", "vocals", "guitar", "piano")
SAMPLE_RATE = 44100
CHANNELS = 2
MAX_SEGMENT_S = 120
MAX_JSON_CHARACTERS = 100_000

Arguments = dict[str, Any]
_Check = Callable[[Any], bool]


class ArgumentError(ValueError):
    """A class or an argument that we do not build; says which in a few words."""


def _whole(low: int, high: int) -> _Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> _Check:
    def check(value: Any) -> bool:
        if type(value) not in {int, float, Fraction}:
            return False
        return (not isinstance(value, float) or math.isfinite(value)) and low <= value <= high

    return check


def _flag(value: Any) -> bool:
    return type(value) is bool


def _flag_or_whole(high: int) -> _Check:
    return lambda value: _flag(value) or _whole(0, high)(value)


def _exactly(wanted: Any) -> _Check:
    return lambda value: type(value) is type(wanted) and value == wanted


def _one_of(*values: Any) -> _Check:
    return lambda value: any(_exactly(wanted)(value) for wanted in values)


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _numbers(low: float, high: float, at_most: int) -> _Check:
    check = _number(low, high)
    return lambda value: (
        isinstance(value, list) and len(value) <= at_most and all(check(item) for item in value)
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 100


def _stems(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(_one_of(*KNOWN_STEMS)(stem) for stem in value)
        and len(set(value)) == len(value)
    )


_COMMON: dict[str, _Check] = {
    "sources": _stems,
    "audio_channels": _exactly(CHANNELS),
    "channels": _whole(1, 512),
    "growth": _number(1, 4),
    "depth": _whole(1, 8),
    "rewrite": _flag,
    "kernel_size": _whole(1, 64),
    "stride": _whole(1, 16),
    "context": _whole(0, 16),
    "norm_starts": _whole(0, 1000),
    "norm_groups": _whole(1, 64),
    "dconv_mode": _whole(0, 3),
    "dconv_depth": _whole(-8, 8),
    "dconv_comp": _number(1, 64),
    "dconv_init": _number(0, 1),
    "rescale": _number(0, 10),
    "samplerate": _exactly(SAMPLE_RATE),
    "segment": _number(0.1, MAX_SEGMENT_S),
}

_HYBRID: dict[str, _Check] = _COMMON | {
    "channels_time": _or_none(_whole(1, 512)),
    "nfft": _one_of(256, 512, 1024, 2048, 4096, 8192, 16384),
    "wiener_iters": _whole(-1, 8),
    "end_iters": _whole(-1, 8),
    "wiener_residual": _flag,
    "cac": _flag,
    "multi_freqs": _or_none(_numbers(0.001, 0.999, 8)),
    "multi_freqs_depth": _whole(0, 8),
    "freq_emb": _or_none(_number(0, 10)),
    "emb_scale": _number(0.01, 1000),
    "emb_smooth": _flag,
    "time_stride": _whole(1, 16),
    "context_enc": _whole(0, 16),
}

_LSTM_AND_ATTENTION: dict[str, _Check] = {
    "dconv_attn": _whole(0, 1000),
    "dconv_lstm": _whole(0, 1000),
}

_TRANSFORMER: dict[str, _Check] = {
    "bottom_channels": _whole(0, 4096),
    "t_layers": _whole(0, 32),
    "t_emb": _one_of("sin", "scaled", "cape"),
    "t_hidden_scale": _number(0.1, 16),
    "t_heads": _whole(1, 64),
    "t_dropout": _number(0, 1),
    "t_max_positions": _whole(1, 100_000),
    "t_norm_in": _flag,
    "t_norm_in_group": _flag_or_whole(64),
    "t_group_norm": _flag_or_whole(64),
    "t_norm_first": _flag,
    "t_norm_out": _flag_or_whole(64),
    "t_max_period": _number(1, 1e6),
    "t_weight_decay": _number(0, 10),
    "t_lr": _or_none(_number(0, 10)),
    "t_layer_scale": _flag,
    "t_gelu": _flag,
    "t_weight_pos_embed": _number(0, 100),
    # with a random shift the same song would come out differently each time
    "t_sin_random_shift": _exactly(0),
    "t_cape_mean_normalize": _flag,
    "t_cape_augment": _flag,
    "t_cape_glob_loc_scale": _numbers(0, 1e6, 3),
    # sparse attention needs a package that we do not have
    "t_sparse_self_attn": _exactly(False),
    "t_sparse_cross_attn": _exactly(False),
    "t_mask_type": _text,
    "t_mask_random_seed": _whole(0, 2**32),
    "t_sparse_attn_window": _whole(0, 100_000),
    "t_global_window": _whole(0, 100_000),
    "t_sparsity": _number(0, 1),
    "t_auto_sparsity": _flag,
    "t_cross_first": _flag,
    "use_train_segment": _flag,
}

#: Class as files name it → what its arguments may be.
ARGUMENTS: dict[str, dict[str, _Check]] = {
    "demucs.htdemucs.HTDemucs": _HYBRID | _TRANSFORMER,
    "demucs.hdemucs.HDemucs": _HYBRID
    | _LSTM_AND_ATTENTION
    | {"hybrid": _flag, "hybrid_old": _flag},
    "demucs.demucs.Demucs": _COMMON
    | _LSTM_AND_ATTENTION
    | {
        "lstm_layers": _whole(0, 8),
        "gelu": _flag,
        "glu": _flag,
        "normalize": _flag,
        "resample": _flag,
    },
}
#: The only argument that ever comes without its name.
_POSITIONAL = ("sources",)


def parse_arguments(args: str, kwargs: str) -> Arguments:
    """Read the arguments of a network from the JSON texts that a file holds.

    Raises:
        ArgumentError: they are not in the form that Demucs writes.
    """
    positional, named = _json(args), _json(kwargs)
    if not isinstance(positional, list) or len(positional) > len(_POSITIONAL):
        raise ArgumentError("arguments without names")
    if not isinstance(named, dict):
        raise ArgumentError("arguments that are no object")
    return join_arguments(positional, named)


def join_arguments(positional: list[Any], named: dict[str, Any]) -> Arguments:
    """Return all arguments by name.

    Raises:
        ArgumentError: one is given twice, or too many have no name.
    """
    if len(positional) > len(_POSITIONAL):
        raise ArgumentError("arguments without names")
    joined = dict(zip(_POSITIONAL, positional, strict=False))
    if joined.keys() & named.keys():
        raise ArgumentError("an argument that is given twice")
    return joined | named


def checked_arguments(class_name: str, arguments: Arguments) -> Arguments:
    """Return the arguments that the class takes, all within their ranges.

    Unknown ones are left out, as Demucs does: old files name some that no longer exist.

    Raises:
        ArgumentError: the class is not in the table, or a value is out of its range.
    """
    if class_name not in ARGUMENTS:
        raise ArgumentError(f"a network of the kind {class_name[:60]!r}")
    known = ARGUMENTS[class_name]
    for name in sorted(arguments.keys() - known.keys()):
        log.warning("the argument %.60r of a network is unknown, it is left out", name)
    kept = {name: value for name, value in arguments.items() if name in known}
    for name, value in kept.items():
        if not known[name](value):
            raise ArgumentError(f"{name} = {str(value)[:40]}")
    if "sources" not in kept:
        raise ArgumentError("no names of stems")
    return kept


def arguments_to_json(arguments: Arguments) -> str:
    """Return arguments as the text that `parse_arguments` reads."""
    return json.dumps(arguments, default=_fraction_to_json)


def _fraction_to_json(value: Any) -> Any:
    if isinstance(value, Fraction):
        parts = {"numerator": value.numerator, "denominator": value.denominator}
        return {"_type": "fraction", **parts}
    raise ArgumentError(f"a value of the kind {type(value).__name__}")


def _json(text: str) -> Any:
    if len(text) > MAX_JSON_CHARACTERS:
        raise ArgumentError("arguments that are too long")
    try:
        return _with_fractions(json.loads(text))
    except (ValueError, RecursionError) as exc:
        raise ArgumentError("arguments that cannot be read") from exc


def _with_fractions(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_fractions(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "_type" in value:
        if value.keys() != {"_type", "numerator", "denominator"} or value["_type"] != "fraction":
            raise ArgumentError("a value of an unknown type")
        return make_fraction(value["numerator"], value["denominator"])
    return {name: _with_fractions(item) for name, item in value.items()}


def make_fraction(numerator: Any, denominator: Any) -> Fraction:
    """Return a fraction of two whole numbers that are not absurdly large.

    Raises:
        ArgumentError: they are anything else.
    """
    limit = 10**9
    if not _whole(-limit, limit)(numerator) or not _whole(1, limit)(denominator):
        raise ArgumentError("a broken fraction")
    return Fraction(numerator, denominator)


def parse_fraction(text: Any, *more: Any) -> Fraction:
    """Return a fraction as pickles hold it: a text such as "39/5", or two whole numbers.

    Raises:
        ArgumentError: it is anything else.
    """
    if more or not isinstance(text, str):
        return make_fraction(text, *(more or (1,))[:1])
    parts = text.split("/")
    if len(parts) > 2 or not all(part.isdecimal() and len(part) <= 9 for part in parts):
        raise ArgumentError("a broken fraction")
    return make_fraction(*(int(part) for part in [*parts, "1"][:2]))
