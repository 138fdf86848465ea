import pytest

from karaoke_studio.errors import (
    ERRORS,
    CorruptAudio,
    KaraokeError,
    NoOutputDevice,
    OutputLost,
)
from karaoke_studio.ui import messages


def test_a_failed_song_says_what_happened_and_what_to_do() -> None:
    words = messages.job_failure(CorruptAudio("a.mp3 ends at 1:02.", hint="Copy it again."))
    assert words.sentence == "a.mp3 ends at 1:02. Copy it again."
    assert words.action == "Try again"


@pytest.mark.parametrize("kind", list(ERRORS.values()), ids=list(ERRORS))
def test_every_error_becomes_one_line(kind: type[KaraokeError]) -> None:
    error = kind("It\nbroke.", hint="")
    for words in (messages.job_failure(error), messages.export_failure(error)):
        assert words.sentence == "It broke."
    assert "\n" not in messages.playback_problem(error).sentence


def test_a_missing_sound_device_is_calm_and_can_be_looked_for_again() -> None:
    for error in (NoOutputDevice("No device."), OutputLost("Lost.")):
        words = messages.playback_problem(error)
        assert words.action == "Look again"
        assert "sound device" in words.sentence


def test_a_broken_take_cannot_be_looked_for() -> None:
    assert messages.playback_problem(CorruptAudio("The take is damaged.")).action == ""
