"""Many loudspeakers to two: L + 0.707 C + 0.707 Ls, and the same on the right; no LFE.

Not scaled down: nothing clips here because samples are floats, and files are written with one
common gain later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatBlock = NDArray[np.float32]

_HALF = math.sqrt(0.5)
#: Loudspeaker → (share on the left, share on the right).
_WEIGHTS: dict[str, tuple[float, float]] = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
    "FC": (_HALF, _HALF),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "FLC": (_HALF, 0.0),
    "FRC": (0.0, _HALF),
    "BC": (0.5, 0.5),
    "TC": (0.5, 0.5),
    "TFC": (0.5, 0.5),
    "TBC": (0.5, 0.5),
}
for _side in ("BL", "SL", "WL", "SDL", "TFL", "TBL", "TSL"):
    _WEIGHTS[_side] = (_HALF, 0.0)
for _side in ("BR", "SR", "WR", "SDR", "TFR", "TBR", "TSR"):
    _WEIGHTS[_side] = (0.0, _HALF)

#: What WAV and FLAC mean by a bare number of channels.
_USUAL: dict[int, tuple[str, ...]] = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "LFE", "BL", "BR"),
    7: ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


def downmix_matrix(speakers: Sequence[str]) -> FloatBlock:
    """Return the weights of a downmix, float32 (speakers, 2).

    Args:
        speakers: names as FFmpeg gives them ("FL", "LFE", …), three to eight; when one is unknown
            the usual order for that number of channels is taken.
    """
    known = speakers if all(name in _WEIGHTS for name in speakers) else _USUAL[len(speakers)]
    return np.array([_WEIGHTS[name] for name in known], np.float32)
