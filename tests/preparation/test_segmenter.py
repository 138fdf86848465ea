"""Voice that begins and ends at known times; one singer and two."""

from __future__ import annotations

import numpy as np
import pytest

from karaoke_studio.preparation.segmenter import HOP_S, Segments, find_segments
from tests.helpers.signals import FloatArray, noise, sung_mix

RATE = 44_100
SPANS = ((1.0, 2.5), (4.0, 4.6), (4.8, 7.0))


def voice(seed: int = 0, seconds: float = 8) -> FloatArray:
    """A singer without pauses, as good as."""
    return sung_mix(seconds + 1, RATE, seed=seed)[0][:, round(0.3 * RATE) :][
        :, : round(seconds * RATE)
    ]


def singing() -> FloatArray:
    sung = np.zeros((2, 8 * RATE), np.float32)
    for start, stop in SPANS:
        inside = slice(round(start * RATE), round(stop * RATE))
        t = np.arange(inside.stop - inside.start) / RATE
        tone = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 9))
        sung[:, inside] = 0.1 * tone
    return sung


def segments(samples: FloatArray, pieces: int = 5) -> Segments:
    return find_segments((part.T for part in np.array_split(samples, pieces, axis=1)), RATE)


@pytest.mark.parametrize("bleed", [0.0, 0.003])
def test_seed_001_06_phrases_have_their_edges(bleed: float) -> None:
    """To 30 ms, also over what a separation leaves of the band; short pauses part no phrases."""
    found = segments(singing() + noise(8, RATE, level=bleed))
    assert np.allclose(found.phrases, [(1.0, 2.5), (4.0, 7.0)], atol=0.03)
    assert np.allclose(found.silences, [(0, 1.0), (2.5, 4.0), (7.0, 8.0)], atol=0.03)
    at = np.arange(len(found.voiced)) * HOP_S
    sung = np.any([(at >= start) & (at < stop) for start, stop in SPANS], axis=0)
    score = 2 * (sung & found.voiced).sum() / (sung.sum() + found.voiced.sum())
    assert score > 0.97
    assert not found.is_duet


def test_seed_001_06_two_singers_are_told_from_one() -> None:
    for seed in (0, 1):
        one, other = voice(seed), voice(seed + 50)
        assert not segments(one).is_duet
        assert segments(one + other).is_duet


def test_blocks_change_nothing() -> None:
    once, often = segments(singing(), 1), segments(singing(), 37)
    assert once.phrases == often.phrases
    assert once.overlap == pytest.approx(often.overlap, abs=0.01)


@pytest.mark.parametrize("frames", [0, 1, 100, RATE])
def test_silence_has_no_phrases(frames: int) -> None:
    found = find_segments([np.zeros((frames, 2), np.float32)], RATE)
    assert found.phrases == ()
    assert not found.voiced.any()
    assert found.overlap == 0
    covered = sum(stop - start for start, stop in found.silences)
    assert covered == pytest.approx(frames / RATE, abs=0.01)
