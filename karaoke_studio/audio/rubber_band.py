"""Key and tempo by the Rubber Band library, through its C interface; nothing else is known here.

All channels of all stems go through one instance: separate ones drift apart. The calls give the
interpreter away while they compute.

Source: https://github.com/breakfastquay/rubberband/blob/v3.1.2/rubberband/rubberband-c.h
"""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.tune import Tune
from karaoke_studio.errors import ProcessingFailed

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]

_NAMES = {
    "win32": ("rubberband-2.dll", "rubberband.dll", "librubberband-2.dll"),
    "darwin": ("librubberband.2.dylib", "librubberband.dylib"),
}
_LINUX_NAMES = ("librubberband.so.2",)
#: Options of the library: live, its finer engine, threads are ours, stereo stays together.
_REAL_TIME, _FINER, _NO_THREADS, _TOGETHER = 0x1, 0x20000000, 0x00010000, 0x10000000
_CONSISTENT, _KEEP_FORMANTS = 0x04000000, 0x01000000
#: Frames that are given to the library at a time.
_PIECE = 1024


@functools.cache
def library() -> Any:
    """Return the library, None where it is not installed. Loaded once, in a few milliseconds."""
    for name in _NAMES.get(sys.platform, _LINUX_NAMES):
        try:
            loaded = ctypes.CDLL(name)
            break
        except OSError as exc:
            log.info("Rubber Band is not there: %s", exc)
    else:
        return None
    rows = ctypes.POINTER(ctypes.POINTER(ctypes.c_float))
    unsigned, state = ctypes.c_uint, ctypes.c_void_p
    for call, result, arguments in (
        ("new", state, [unsigned, unsigned, ctypes.c_int, ctypes.c_double, ctypes.c_double]),
        ("delete", None, [state]),
        ("set_max_process_size", None, [state, unsigned]),
        ("get_preferred_start_pad", unsigned, [state]),
        ("get_start_delay", unsigned, [state]),
        ("process", None, [state, rows, unsigned, ctypes.c_int]),
        ("available", ctypes.c_int, [state]),
        ("retrieve", unsigned, [state, rows, unsigned]),
    ):
        function = getattr(loaded, f"rubberband_{call}")
        function.restype, function.argtypes = result, arguments
    return loaded


class Stretcher:
    """Moves key and tempo of one stretch of sound, from its first frame to its last.

    Attributes:
        pad_frames: so much of what lies before the first frame is to be fed first, through `prime`.
    """

    def __init__(self, tune: Tune, *, sample_rate: int, channels: int) -> None:
        """Prepare for sound of so many channels in all.

        Raises:
            ProcessingFailed: the library is not installed.
        """
        loaded = library()
        if loaded is None:
            raise ProcessingFailed(
                "Key and tempo cannot be changed: the Rubber Band library is missing.",
                hint="Install it (Debian, Ubuntu: librubberband2) and start the program again.",
            )
        self._library = loaded
        self._ratio = 1 / tune.tempo
        self._channels = channels
        options = _REAL_TIME | _FINER | _NO_THREADS | _TOGETHER | _CONSISTENT
        if tune.keeps_formants:
            options |= _KEEP_FORMANTS
        self._state = loaded.rubberband_new(
            sample_rate, channels, options, self._ratio, tune.pitch_scale
        )
        self._free = weakref.finalize(self, loaded.rubberband_delete, self._state)
        loaded.rubberband_set_max_process_size(self._state, _PIECE)
        self.pad_frames: int = loaded.rubberband_get_preferred_start_pad(self._state)
        self._to_drop: int = loaded.rubberband_get_start_delay(self._state)
        self._fed = self._made = 0

    def prime(self, before: FloatArray) -> None:
        """Take float32 (channels, `pad_frames`): the sound before the first frame."""
        self._process(before, is_last=False)

    def feed(self, block: FloatArray, *, is_last: bool = False) -> FloatArray:
        """Take float32 (channels, n), return what is ready of it; with `is_last` all the rest.

        All blocks together become 1/tempo times as long, to the frame.
        """
        self._fed += block.shape[1]
        made = self._process(block, is_last=is_last)
        if is_last:
            missing = round(self._fed * self._ratio) - self._made
            rest = made[:, : max(0, missing)]
            if missing > rest.shape[1]:
                rest = np.pad(rest, ((0, 0), (0, missing - rest.shape[1])))
            made = rest
        self._made += made.shape[1]
        return made

    def close(self) -> None:
        """Free the library's memory; else it goes with the object."""
        self._free()

    def _process(self, block: FloatArray, *, is_last: bool) -> FloatArray:
        parts = []
        frames = block.shape[1]
        for start in range(0, max(frames, 1), _PIECE):
            stop = min(start + _PIECE, frames)
            piece = np.ascontiguousarray(block[:, start:stop])
            ends = is_last and stop == frames
            rows = self._rows(piece)
            self._library.rubberband_process(self._state, rows, stop - start, int(ends))
            parts.append(self._retrieve())
        return np.concatenate(parts, axis=1)

    def _retrieve(self) -> FloatArray:
        parts = [np.empty((self._channels, 0), np.float32)]
        while (count := self._library.rubberband_available(self._state)) > 0:
            out = np.empty((self._channels, count), np.float32)
            got = self._library.rubberband_retrieve(self._state, self._rows(out), count)
            dropped = min(self._to_drop, got)
            self._to_drop -= dropped
            parts.append(out[:, dropped:got])
            if not got:
                break
        return np.concatenate(parts, axis=1)

    def _rows(self, samples: FloatArray) -> Any:
        """Return the addresses of the rows of float32 (channels, n), which must outlive them."""
        pointer = ctypes.POINTER(ctypes.c_float)
        first, step = samples.ctypes.data, samples.strides[0]
        return (pointer * self._channels)(
            *(ctypes.cast(first + step * row, pointer) for row in range(self._channels))
        )


def retuned(
    blocks: Iterable[Sequence[FloatArray]], tune: Tune, *, sample_rate: int, frames: int
) -> Iterator[list[FloatArray]]:
    """Move key and tempo of all stems of a song at once, as the player does.

    Args:
        blocks: for each stretch of the song all stems, float32 (n, channels).
        tune: how.
        sample_rate: Hz.
        frames: length of the song before.

    Yields:
        All stems, float32 (m, channels); together 1/tempo times as long.

    Raises:
        ProcessingFailed: the library is not installed.
    """
    stretcher: Stretcher | None = None
    fed = 0
    for stems in blocks:
        channels = stems[0].shape[1]
        rows = np.concatenate([stem.T for stem in stems])
        if stretcher is None:
            stretcher = Stretcher(tune, sample_rate=sample_rate, channels=len(rows))
            stretcher.prime(np.zeros((len(rows), stretcher.pad_frames), np.float32))
        fed += rows.shape[1]
        made = stretcher.feed(rows, is_last=fed >= frames)
        yield [
            np.ascontiguousarray(made[first : first + channels].T)
            for first in range(0, len(rows), channels)
        ]
