"""Key and tempo: right pitch, right length, right place, all channels in step."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.rubber_band import Stretcher
from karaoke_studio.audio.tune import Tune
from karaoke_studio.errors import ProcessingFailed

RATE = 44_100
FloatArray = NDArray[np.float32]

needs_library = pytest.mark.skipif(
    rubber_band.library() is None, reason="the Rubber Band library is not installed"
)
TUNES = [Tune(3), Tune(-2.5), Tune(0, 0.8), Tune(4, 1.25), Tune(-12, 0.5), Tune(12, 1.5)]


def moved(sound: FloatArray, tune: Tune, start: int = 0, block: int = 4_096) -> FloatArray:
    """Stretch float32 (channels, n) from a frame on."""
    stretcher = Stretcher(tune, sample_rate=RATE, channels=len(sound))
    pad = stretcher.pad_frames
    before = np.zeros((len(sound), pad), np.float32)
    lead = min(pad, start)
    before[:, pad - lead :] = sound[:, start - lead : start]
    stretcher.prime(before)
    edges = range(start, sound.shape[1], block)
    made = [
        stretcher.feed(sound[:, at : at + block], is_last=at + block >= sound.shape[1])
        for at in edges
    ]
    stretcher.close()
    return np.concatenate(made, axis=1)


def tone(seconds: float, hz: float = 440.0, channels: int = 2) -> FloatArray:
    line = 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.tile(line.astype(np.float32), (channels, 1))


def pitch(line: FloatArray) -> float:
    """Return the strongest frequency in Hz, to a hundredth of a semitone."""
    seen = np.abs(np.fft.rfft(line * np.hanning(len(line))))
    at = int(seen.argmax())
    low, here, high = np.log(seen[at - 1 : at + 2])
    return float((at + 0.5 * (low - high) / (low - 2 * here + high)) * RATE / len(line))


@needs_library
@pytest.mark.parametrize("tune", TUNES)
def test_pitch_and_length_are_what_was_asked_for(tune: Tune) -> None:
    made = moved(tone(2.0), tune)
    assert made.shape == (2, round(2.0 * RATE / tune.tempo))
    cents = 1200 * np.log2(pitch(made[0, 8_000:-8_000]) / (440 * tune.pitch_scale))
    assert abs(cents) < 1


@needs_library
@pytest.mark.parametrize("tune", TUNES)
def test_a_beat_stays_where_it_is_in_the_song(tune: Tune) -> None:
    sound = np.zeros((2, 2 * RATE), np.float32)
    beat = round(1.4 * RATE)
    sound[:, beat : beat + 30] = 0.5
    start = RATE // 2
    power = moved(sound, tune, start)[0].astype(float) ** 2
    centre = (np.arange(len(power)) * power).sum() / power.sum()
    late_s = (centre - (beat + 15 - start) / tune.tempo) / RATE
    assert abs(late_s) < 0.005  # 8 ms are the least that an ear tells apart


@needs_library
def test_stems_stay_in_step() -> None:
    rng = np.random.default_rng(1)
    one = rng.uniform(-0.3, 0.3, RATE).astype(np.float32)
    other = rng.uniform(-0.3, 0.3, RATE).astype(np.float32)
    made = moved(np.stack([one, one, other, other]), Tune(2, 0.9))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[2], made[3])
    assert not np.array_equal(made[0], made[2])


@needs_library
def test_what_lies_before_the_first_frame_is_no_fade_in() -> None:
    made = moved(tone(2.0), Tune(0, 0.9), start=RATE)
    assert np.abs(made[0, :500]).max() > 0.15


@needs_library
def test_nothing_at_all_may_be_fed() -> None:
    stretcher = Stretcher(Tune(1), sample_rate=RATE, channels=2)
    stretcher.prime(np.zeros((2, stretcher.pad_frames), np.float32))
    assert stretcher.feed(np.zeros((2, 0), np.float32), is_last=True).shape == (2, 0)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rubber_band, "library", lambda: None)
    with pytest.raises(ProcessingFailed, match="Rubber Band") as caught:
        Stretcher(Tune(1), sample_rate=RATE, channels=2)
    assert "librubberband2" in caught.value.hint


def test_a_tune_survives_as_plain_values() -> None:
    for tune in (Tune(), Tune(-3.25, 0.8, keeps_formants=True)):
        assert Tune.from_plain(tune.to_plain()) == tune
    assert Tune().is_plain
    assert Tune(keeps_formants=True).is_plain
    assert not Tune(0.01).is_plain
    for wrong in ({"semitones": 13}, {"tempo": 0.4}, {"tempo": 1.6}):
        with pytest.raises(ValueError, match="out of range"):
            Tune.from_plain({**Tune().to_plain(), **wrong})
