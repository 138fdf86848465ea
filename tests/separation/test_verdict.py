"""A split that is judged without its truth: what is worse is told to be worse, and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from karaoke_studio.audio.doubt import DoubtCurve, weakest_places
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.split_features import NAMES, SAMPLE_RATE, WINDOW, SplitMeter
from karaoke_studio.separation.split_measures import measure
from karaoke_studio.separation.verdict import Trees, Verdict, judge, judge_take, load_model
from tests.helpers.engines import ArraySource
from tests.helpers.signals import FloatArray, noise, tune

SECONDS = 6
RATE = SAMPLE_RATE


def sung(seconds: float = SECONDS, rate: int = RATE) -> FloatArray:
    """A vowel with vibrato that comes and goes, in the middle."""
    times = np.arange(round(seconds * rate)) / rate
    pitch = 220 * 2 ** (np.round(2 * np.sin(times)) / 6) * (1 + 0.01 * np.sin(35 * times))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(n * phase) * np.exp(-(((n * 220 - 700) / 900) ** 2)) for n in range(1, 20))
    phrases = np.sin(2 * np.pi * times / 3) > -0.6
    mono = 0.05 * voice * np.convolve(phrases, np.ones(2000) / 2000, "same")
    return np.stack([mono, mono]).astype(np.float32)


def played(seconds: float = SECONDS, rate: int = RATE) -> FloatArray:
    band = tune(2, minor=True, bpm=100, seconds=seconds, sample_rate=rate, seed=3)
    hall = 0.02 * noise(seconds, rate, 2)
    return (0.5 * np.broadcast_to(band, hall.shape) * [[1], [0.6]] + hall).astype(np.float32)


def verdict(voice: FloatArray, music: FloatArray) -> Verdict:
    sources = (ArraySource(part, RATE) for part in (voice, music))
    return judge(measure(*sources, lambda _: None, lambda: None))


def test_what_leaks_more_is_judged_worse() -> None:
    voice, music = sung(), played()
    found = []
    for leak in (0.0, 0.5):
        split = voice * (1 - leak) + music * leak
        found.append(verdict(split, voice + music - split))
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[1] > 0.2
    assert found[0].music_db > found[1].music_db


def test_the_place_where_it_went_wrong_is_the_weakest() -> None:
    voice, music = sung(12), played(12)
    split = voice.copy()
    wrong = slice(5 * RATE, 8 * RATE)
    split[:, wrong] = 0.5 * (voice + music)[:, wrong]
    plain = verdict(split, voice + music - split).to_plain()
    curve = DoubtCurve.from_plain(plain)
    assert curve is not None
    assert len(curve.doubts) == 24
    start_s, end_s, _ = weakest_places(curve, most=1)[0]
    assert 3.5 <= start_s < end_s <= 9.5


def test_blocks_of_any_size_give_the_same_figures() -> None:
    voice, music = sung(3.3), played(3.3)
    rows = []
    for size in (voice.shape[1], 10_007):
        meter = SplitMeter()
        for start in range(0, voice.shape[1], size):
            part = slice(start, start + size)
            meter.add(voice[:, part], music[:, part])
        rows.append(meter.finish())
    assert rows[0].shape == (-(-voice.shape[1] // WINDOW), len(NAMES))
    np.testing.assert_array_equal(*rows)


def test_trees_are_followed_to_their_leaves() -> None:
    trees = Trees.from_plain(
        {
            "base": 1.0,
            "roots": [0, 5],
            "figure": [0, -1, 1, -1, -1, -1],
            "limit": [0.0, 0, 2.0, 0, 0, 0],
            "left": [1, 0, 3, 0, 0, 0],
            "right": [2, 0, 4, 0, 0, 0],
            "value": [0, 10, 0, 20, 30, 0.5],
        }
    )
    figures = np.array([[0.0, 9.0], [1.0, 2.0], [1.0, 3.0]])
    assert trees.predict(figures).tolist() == [11.5, 21.5, 31.5]


def test_coefficients_for_other_figures_are_refused() -> None:
    other = vars(load_model()) | {"names": ("other",)}
    voice = sung(1)
    sources = (ArraySource(part, RATE) for part in (voice, played(1)))
    rows = measure(*sources, lambda _: None, lambda: None)
    with pytest.raises(ValueError, match="other figures"):
        judge(rows, type(load_model())(**other))


def written(folder: Path, stems: dict[str, FloatArray], rate: int) -> dict[str, Path]:
    paths = {stem: folder / f"{stem}.flac" for stem in stems}
    for stem, path in paths.items():
        sf.write(path, stems[stem].T, rate, subtype="PCM_24")
    return paths


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1)])
def test_a_take_is_judged_from_its_files(tmp_path: Path, rate: int, channels: int) -> None:
    voice, music = sung(5.2, rate)[:channels], played(5.2, rate)[:channels]
    stems = {"vocals": voice, "drums": 0.4 * music, "other": 0.6 * music}
    sound = {"channels": channels, "sample_rate": rate, "frames": voice.shape[1]}
    told: list[float] = []
    found = judge_take(written(tmp_path, stems, rate), sound, told.append, lambda: None)
    assert found is not None
    assert 0 <= found["score"] <= 1
    assert found["word"] in {"excellent", "good", "rough"}
    assert len(found["doubts"]) == 11
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_what_cannot_be_judged_is_not(tmp_path: Path) -> None:
    silent = np.zeros((1, RATE), np.float32)
    sound = {"channels": 1, "sample_rate": RATE, "frames": RATE}
    paths = written(tmp_path, {"vocals": silent, "instrumental": silent}, RATE)
    assert judge_take(paths, sound, lambda _: None, lambda: None) is None
    only = {"drums": paths["vocals"]}
    assert judge_take(only, sound, lambda _: None, lambda: None) is None


def test_a_damaged_stem_is_said_to_be(tmp_path: Path) -> None:
    stems = {"vocals": sung(3), "instrumental": played(3)}
    paths = written(tmp_path, stems, RATE)
    whole = paths["instrumental"].read_bytes()
    paths["instrumental"].write_bytes(whole[: len(whole) // 2])
    sound = {"channels": 2, "sample_rate": RATE, "frames": 3 * RATE}
    with pytest.raises(CorruptAudio, match="instrumental"):
        judge_take(paths, sound, lambda _: None, lambda: None)


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    def check() -> None:
        raise Cancelled

    sound = {"channels": 2, "sample_rate": RATE, "frames": RATE}
    paths = written(tmp_path, {"vocals": sung(1), "instrumental": played(1)}, RATE)
    with pytest.raises(Cancelled):
        judge_take(paths, sound, lambda _: None, check)


def test_a_curve_of_a_long_song_stays_small() -> None:
    doubts = np.linspace(0, 1, 20_000)
    plain = Verdict(5.0, 8.0, np.zeros((20_000, 2)), doubts).to_plain()
    assert plain["step_s"] == 1.5
    assert len(plain["doubts"]) == 6667
    assert plain["score"] == 0.5
