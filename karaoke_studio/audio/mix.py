"""Faders: how loud each stem is, one law for what is heard and what is exported.

A fader's position is the gain itself, 0…1 (half way is −6 dB), so "guide voice 20 %" is a fifth of
the voice. No fader goes above the stem as it is: a mix needs no headroom of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from karaoke_studio.audio.beats import AS_FOUND, Beating
from karaoke_studio.audio.places import Place
from karaoke_studio.audio.tune import AS_RECORDED, Tune

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]
VOICE, MUSIC = "vocals", "instrumental"


@dataclass(frozen=True)
class Mix:
    """Where the faders of one song stand.

    Attributes:
        voice: of the guide voice, 0…1.
        music: of everything else together, 0…1.
        levels: stem → its own fader, 0…1, under the one of the music; 1 where nothing is said.
        pans: stem → where it stands, −1 (left) … 1 (right); in the middle where nothing is said.
        muted: stems that are silent.
        solo: where any are named, all others are silent.
        tune: key and tempo that the song is played in.
        places: that a person named, in the order of the song.
        beating: what a person put right about the beats.
    """

    voice: float = 0.0
    music: float = 1.0
    levels: Mapping[str, float] = field(default_factory=dict)
    muted: frozenset[str] = frozenset()
    solo: frozenset[str] = frozenset()
    tune: Tune = AS_RECORDED
    places: tuple[Place, ...] = ()
    beating: Beating = AS_FOUND
    pans: Mapping[str, float] = field(default_factory=dict)

    def level(self, stem: str) -> float:
        """Return where a stem's own fader stands."""
        return self.voice if stem == VOICE else self.levels.get(stem, 1.0)

    def gain(self, stem: str) -> float:
        """Return the gain of a stem, exact in float32."""
        if stem in self.muted or (self.solo and stem not in self.solo):
            return 0.0
        gain = self.voice if stem == VOICE else self.music * self.levels.get(stem, 1.0)
        return float(np.float32(gain))

    def gains(self, stems: Sequence[str]) -> tuple[float, ...]:
        """Return the gains of stems in their order."""
        return tuple(self.gain(stem) for stem in stems)

    def sides(self, stem: str, channels: int = 2) -> tuple[float, float]:
        """Return the gains of a stem on the left and on the right, exact in float32.

        One side gets quieter, none gets louder: panning needs no headroom either. What has one
        channel has no sides.
        """
        gain, pan = self.gain(stem), self.pans.get(stem, 0.0) if channels > 1 else 0.0
        left, right = (float(np.float32(gain * min(1.0, 1.0 - side * pan))) for side in (1, -1))
        return left, right

    def with_faders(self, other: Mix) -> Mix:
        """Return this with the faders of another mix; what is no fader stays."""
        return replace(other, tune=self.tune, places=self.places, beating=self.beating)

    def to_plain(self) -> dict[str, Any]:
        """Return the object that a song keeps; {} for faders that nobody touched."""
        if self == Mix():
            return {}
        return {
            "voice": self.voice,
            "music": self.music,
            "levels": dict(sorted(self.levels.items())),
            "muted": sorted(self.muted),
            "solo": sorted(self.solo),
            **({} if self.tune == AS_RECORDED else {"tune": self.tune.to_plain()}),
            **({"places": [place.to_plain() for place in self.places]} if self.places else {}),
            **({} if self.beating == AS_FOUND else {"beats": self.beating.to_plain()}),
            **({"pans": dict(sorted(self.pans.items()))} if self.pans else {}),
        }

    @staticmethod
    def from_plain(data: Any) -> Mix:
        """Rebuild faders from `to_plain`'s object; what cannot be understood is the default."""
        if not data:
            return Mix()
        try:
            return Mix(
                _position(data["voice"]),
                _position(data["music"]),
                {str(stem): _position(level) for stem, level in data["levels"].items()},
                frozenset(map(str, data["muted"])),
                frozenset(map(str, data["solo"])),
                Tune.from_plain(data["tune"]) if "tune" in data else AS_RECORDED,
                tuple(Place.from_plain(place) for place in data.get("places", ())),
                Beating.from_plain(data["beats"]) if "beats" in data else AS_FOUND,
                {str(stem): _place(pan) for stem, pan in data.get("pans", {}).items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            log.warning("the faders of a song cannot be understood: %s", exc)
            return Mix()


def _position(value: Any) -> float:
    if type(value) not in {int, float} or not 0 <= value <= 1:
        raise ValueError(f"a fader cannot stand at {value!r}")
    return float(value)


def _place(value: Any) -> float:
    if type(value) not in {int, float} or not -1 <= value <= 1:
        raise ValueError(f"a stem cannot stand at {value!r}")
    return float(value)


def mixed(blocks: Sequence[FloatArray], sides: Sequence[Sequence[float]]) -> FloatArray:
    """Return the sum of blocks, each times its gains, added in their order.

    Args:
        blocks: float32 (frames, 1 or 2), all of one shape.
        sides: gains of each on the left and on the right; what has one channel takes the first.
    """
    total = np.zeros_like(blocks[0])
    for block, gains in zip(blocks, sides, strict=True):
        total += block * np.asarray(gains, np.float32)[: block.shape[1]]
    return total
