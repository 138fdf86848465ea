"""The safetensors format, read strictly from memory: a header of names and places, then numbers.

Nothing in such a file can run; what a hostile one can do is lie about sizes, so every figure is
checked against the bytes that are there before anything is made from it.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

#: The published files have some 600 tensors and headers of some 60 kB.
MAX_HEADER_BYTES = 8 << 20
MAX_TENSORS = 20_000
MAX_DIMENSIONS = 8
#: Bytes per number of the kinds that weights come in.
ITEM_BYTES = {"F16": 2, "BF16": 2, "F32": 4}

_LENGTH_BYTES = 8


class TensorFileError(ValueError):
    """The bytes are no safetensors file of weights; says why in a few words."""


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in the data, and what it is.

    Attributes:
        dtype: a key of `ITEM_BYTES`.
        shape: its dimensions.
        begin: offset of its first byte.
        end: offset after its last byte.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class TensorFile:
    """What a file holds.

    Attributes:
        metadata: texts that its writer left.
        tensors: name → place in `data`.
        data: all numbers.
    """

    metadata: dict[str, str]
    tensors: dict[str, Place]
    data: bytearray


def read_tensor_file(
    stream: BinaryIO, size: int, digest: Callable[[bytes | bytearray], None]
) -> TensorFile:
    """Read a whole file once.

    Args:
        stream: the open file, at its start.
        size: how many bytes it has.
        digest: told every byte, in order, before any of them is looked at closely.

    Raises:
        TensorFileError: it is not in the format, or holds other things than weights.
        OSError: it cannot be read.
    """
    start = _read(stream, min(size, _LENGTH_BYTES))
    digest(start)
    length = int.from_bytes(start, "little")
    fits = len(start) == _LENGTH_BYTES and 2 <= length <= min(
        MAX_HEADER_BYTES, size - _LENGTH_BYTES
    )
    header = _read(stream, length if fits else 0)
    digest(header)
    data = _read(stream, size - len(start) - len(header))
    digest(data)
    if not fits:
        raise TensorFileError("no header")
    metadata, tensors = _parse(bytes(header))
    _check_places(tensors, len(data))
    return TensorFile(metadata, tensors, data)


def _read(stream: BinaryIO, count: int) -> bytearray:
    data = bytearray(count)
    view = memoryview(data)
    done = 0
    while done < count:
        got = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not got:
            raise OSError("the file ended while it was read")
        done += got
    return data


def _parse(header: bytes) -> tuple[dict[str, str], dict[str, Place]]:
    try:
        fields = json.loads(header, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as exc:
        raise TensorFileError("a broken header") from exc
    if not isinstance(fields, dict):
        raise TensorFileError("a header that is no object")
    metadata = fields.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise TensorFileError("broken metadata")
    if not 0 < len(fields) <= MAX_TENSORS:
        raise TensorFileError(f"{len(fields)} tensors")
    return metadata, {name: _place(name, field) for name, field in fields.items()}


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise TensorFileError("a name that stands twice")
    return fields


def _place(name: str, field: Any) -> Place:
    if not isinstance(field, dict) or field.keys() != {"dtype", "shape", "data_offsets"}:
        raise TensorFileError(f"a broken entry for {name[:40]!r}")
    dtype, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise TensorFileError(f"numbers of the kind {str(dtype)[:20]!r}")
    if not _are_counts(shape, MAX_DIMENSIONS) or not _are_counts(offsets, 2) or len(offsets) != 2:
        raise TensorFileError(f"broken figures for {name[:40]!r}")
    begin, end = offsets
    if end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
        raise TensorFileError(f"a size that is not that of {name[:40]!r}")
    return Place(dtype, tuple(shape), begin, end)


def _are_counts(values: Any, at_most: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= at_most
        and all(type(value) is int and 0 <= value < 1 << 40 for value in values)
    )


def _check_places(tensors: dict[str, Place], size: int) -> None:
    """Make sure that the tensors fill the data without gap or overlap."""
    places = sorted((place.begin, place.end) for place in tensors.values())
    if places[0][0] != 0 or places[-1][1] != size:
        raise TensorFileError("sizes that are not those of the file")
    if any(one[1] != other[0] for one, other in pairwise(places)):
        raise TensorFileError("tensors that overlap")
    if any(place.begin % ITEM_BYTES[place.dtype] for place in tensors.values()):
        raise TensorFileError("tensors at odd places")
