"""What range, strength and brush do to a voice, with tones whose right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from karaoke_studio.fixes import TO_MUSIC, TO_VOICE, Fix, Stroke
from karaoke_studio.separation import reshaping
from karaoke_studio.separation.reshaping import Reshaper
from tests.helpers.engines import ArraySource

RATE = 44_100
FRAMES = 3 * RATE


def tone(hz: float, level: float = 0.2) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(FRAMES) / RATE)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def reshape(fix: Fix, voice: np.ndarray, song: np.ndarray, offset: int = 0) -> np.ndarray:
    made = np.zeros_like(voice)
    at = 0
    sources = (ArraySource(samples, RATE) for samples in (voice, song))
    for start, block in Reshaper(fix, offset, RATE).blocks(*sources, lambda: None):
        assert start == at
        made[:, start : start + block.shape[1]] = block
        at += block.shape[1]
    assert at == voice.shape[1]
    return made


def level_db(samples: np.ndarray, reference: np.ndarray) -> float:
    """Level of the middle second, where no edge of the clip reaches."""
    middle = slice(RATE, 2 * RATE)
    powers = [(part[:, middle].astype(np.float64) ** 2).mean() for part in (samples, reference)]
    return float(10 * np.log10(max(powers[0], 1e-30) / powers[1]))


def fix(**fields: object) -> Fix:
    return Fix("t", 0, FRAMES, **fields)  # type: ignore[arg-type]


def line(
    to: str, hz: float, *, strength: float = 1.0, start: int = 0, stop: int = FRAMES
) -> Stroke:
    return Stroke(to, strength, 0.08, 0.4, ((start, hz), (stop, hz)))


def test_what_no_stroke_touches_keeps_every_bit() -> None:
    voice, music = tone(440), tone(3000)
    stroke = line(TO_MUSIC, 12_000, start=RATE, stop=2 * RATE)
    made = reshape(fix(strokes=(stroke,)), voice, voice + music)
    untouched = np.r_[0 : RATE // 2, 5 * RATE // 2 : FRAMES]
    assert np.array_equal(made[:, untouched], voice[:, untouched])


def test_the_brush_takes_one_tone_and_leaves_the_other() -> None:
    low, high = tone(300), tone(2400)
    made = reshape(fix(strokes=(line(TO_MUSIC, 2400),)), low + high, low + high)
    assert level_db(made - low, high) < -50
    half = reshape(fix(strokes=(line(TO_MUSIC, 2400, strength=0.5),)), low + high, low + high)
    assert level_db(half - low, high) == pytest.approx(-6.02, abs=0.2)


def test_the_brush_gives_what_the_music_has() -> None:
    voice, music = tone(300), tone(2400)
    made = reshape(fix(strokes=(line(TO_VOICE, 2400),)), voice, voice + music)
    assert level_db(made - voice - music, music) < -50


def test_a_stroke_is_where_it_was_drawn_in_a_clip_that_begins_later() -> None:
    voice = tone(1000)
    stroke = line(TO_MUSIC, 1000, start=RATE * 5 // 4, stop=RATE * 7 // 4)
    at_once = reshape(fix(strokes=(stroke,)), voice, voice)
    offset = 20 * RATE
    moved = line(
        TO_MUSIC, 1000, start=stroke.points[0][0] + offset, stop=stroke.points[1][0] + offset
    )
    later = reshape(fix(strokes=(moved,)), voice, voice, offset)
    assert np.abs(later - at_once).max() < 1e-4
    quiet = np.abs(at_once[0]).reshape(-1, 441).max(axis=1) < 0.01
    where = np.flatnonzero(quiet) * 441 / RATE
    assert where.min() == pytest.approx(1.21, abs=0.05)
    assert where.max() == pytest.approx(1.79, abs=0.05)


def test_a_voice_has_a_range() -> None:
    low, middle, high = tone(80), tone(800), tone(9000)
    made = reshape(fix(low_hz=160.0, high_hz=4000.0), low + middle + high, low + middle + high)
    assert level_db(made - middle, middle) < -45


def test_strength_moves_what_is_in_doubt_and_nothing_else() -> None:
    sure, doubtful, music = tone(300), tone(2400), tone(6000)
    voice, song = sure + 0.5 * doubtful, sure + doubtful + music

    def heard(strength: float) -> float:
        made = reshape(fix(strength=strength), voice, song)
        return level_db(made - sure, doubtful)

    as_it_is = level_db(voice - sure, doubtful)
    assert heard(-1.0) < as_it_is - 6
    assert heard(1.0) > as_it_is + 1
    assert heard(1.0) < 0
    stronger = reshape(fix(strength=1.0), sure, sure + music)
    assert level_db(stronger - sure, music) < -40


def test_later_strokes_go_over_earlier_ones() -> None:
    voice, music = tone(300), tone(2400)
    strokes = (line(TO_VOICE, 2400), line(TO_MUSIC, 2400))
    made = reshape(fix(strokes=strokes), voice, voice + music)
    assert level_db(made - voice, music) < -40
    other = reshape(fix(strokes=strokes[::-1]), voice, voice + music)
    assert level_db(other - voice - music, music) < -40


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    voice, music = tone(440), tone(3000)
    wish = fix(low_hz=100.0, strength=0.5, strokes=(line(TO_VOICE, 3000, strength=0.7),))
    usual = reshape(wish, voice, voice + music)
    monkeypatch.setattr(reshaping, "_SEGMENTS", 7)
    assert np.array_equal(reshape(wish, voice, voice + music), usual)
