"""What can be asked of a preparation, and what cannot."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from karaoke_studio.audio.limits import MAX_RATE_HZ, MIN_RATE_HZ
from karaoke_studio.errors import KaraokeError

LUFS = (-40.0, -6.0)
HIGHPASS_HZ = (10.0, 1000.0)
RATES_HZ = (MIN_RATE_HZ, MAX_RATE_HZ)
#: The steps in their order: damage first, since what comes after listens to clean sound.
STEPS = (
    "declip",
    "declick",
    "dehum",
    "highpass",
    "denoise",
    "dereverb",
    "gate",
    "drc",
    "trim_silence",
    "channels",
    "rate",
    "lufs",
)


class WrongPreparation(KaraokeError):
    """What is asked for is nothing, or out of range."""

    code = "LIMIT_EXCEEDED"


@dataclass(frozen=True)
class Preparation:
    """What is done to a recording; the fields are in the order in which it is done.

    Attributes:
        declip: make peaks round again that were cut off.
        declick: take out clicks of up to some milliseconds.
        dehum: take out the hum of the mains and its harmonics, where there is any.
        highpass: corner in Hz, 24 dB an octave below it; against wind and rumble.
        denoise: take out steady noise, as loud as it is where the recording is quietest.
        dereverb: make the room's late echo quieter.
        gate: make pauses quieter.
        drc: make loud places less loud.
        trim_silence: cut silence off both ends.
        channels: 1 or 2; None = as it is.
        rate: sample rate in Hz; None = as it is.
        lufs: integrated loudness; no true peak is over −1 dBTP then. None = as it is.
    """

    declip: bool = False
    declick: bool = False
    dehum: bool = False
    highpass: float | None = None
    denoise: bool = False
    dereverb: bool = False
    gate: bool = False
    drc: bool = False
    trim_silence: bool = False
    channels: int | None = None
    rate: int | None = None
    lufs: float | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """What is done, in order."""
        chosen = asdict(self)
        return tuple(name for name in STEPS if chosen[name] not in (None, False))

    def to_plain(self) -> dict[str, Any]:
        """Return what a pipe carries."""
        return asdict(self)

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            WrongPreparation: with what is wrong.
        """
        for name, (low, high) in (
            ("lufs", LUFS),
            ("highpass", HIGHPASS_HZ),
            ("rate", RATES_HZ),
            ("channels", (1, 2)),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise WrongPreparation(f"{name} must be from {low:g} to {high:g}, not {value:g}.")
