"""The limits of what is taken in: sample rate, channels, length, tags, cover."""

from __future__ import annotations

from karaoke_studio.errors import LimitExceeded

MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
MAX_CHANNELS = 8
MAX_DURATION_S = 12 * 3600
MAX_TEXT_BYTES = 4 * 1024
MAX_LYRICS_BYTES = 64 * 1024
MAX_COVER_BYTES = 10_000_000
MAX_COVER_PIXELS = 25_000_000


def check_shape(name: str, sample_rate: int, channels: int) -> None:
    """Refuse sound of an unreasonable rate or number of channels.

    Raises:
        LimitExceeded: the rate is outside 4–384 kHz or there are not 1–8 channels.
    """
    if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:
        raise LimitExceeded(
            f"{name} has a sample rate of {sample_rate:,} Hz; 4,000 to 384,000 Hz can be used.",
            hint="Convert the song to 44,100 Hz first.",
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise LimitExceeded(
            f"{name} has {channels:,} channels; 1 to {MAX_CHANNELS} can be used.",
            hint="Convert the song to stereo first.",
        )


def check_duration(name: str, frames: int, sample_rate: int) -> None:
    """Refuse a song that is too long.

    Raises:
        LimitExceeded: it is longer than twelve hours.
    """
    if frames > MAX_DURATION_S * sample_rate:
        raise LimitExceeded(
            f"{name} is longer than {MAX_DURATION_S // 3600} hours.",
            hint="Cut it into pieces first.",
        )
