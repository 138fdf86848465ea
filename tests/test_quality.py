"""The benchmark of splits measures what it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from benchmarks import quality
from benchmarks.quality import RATE
from karaoke_studio.paths import resource
from karaoke_studio.separation.instant import WEIGHTS
from tests.helpers.signals import noise, sung_mix

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def write(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples.T, RATE, subtype="FLOAT")


@pytest.fixture
def parts() -> tuple[np.ndarray, np.ndarray]:
    return sung_mix(3, RATE)


def test_stems_are_found_however_the_rest_is_cut(
    tmp_path: Path, parts: tuple[np.ndarray, np.ndarray]
) -> None:
    vocals, music = parts
    rest = {
        "four": {"drums": music / 2, "bass": music / 4, "other": music / 4},
        "two": {"accompaniment": music, "mixture": 7 * music},
        "whole": {"mixture": vocals + music},
    }
    for name, stems in rest.items():
        for stem, samples in {"vocals": vocals, **stems}.items():
            write(tmp_path / name / f"{stem}.wav", samples)
        found = quality.read_stems(tmp_path / name)
        np.testing.assert_allclose(found[0], vocals, atol=1e-6)
        np.testing.assert_allclose(found[1], music, atol=1e-6)


def test_figures_of_ways_whose_right_answer_is_known(
    tmp_path: Path, parts: tuple[np.ndarray, np.ndarray]
) -> None:
    vocals, music = parts
    write(tmp_path / "vocals.wav", vocals)
    write(tmp_path / "accompaniment.wav", music)
    ways = {
        "nothing": lambda song: song,
        "quiet": lambda song: song * np.float32(1e-3),
        "oracle": lambda song: song,
    }
    rows = quality.judge_stems(tmp_path, ways)
    nothing, oracle = rows["nothing, stereo"], rows["oracle, stereo"]
    assert nothing["vocals_db"] == pytest.approx(-3, abs=0.1)
    assert nothing["share"] == 0
    assert nothing["leak_db"] == pytest.approx(0, abs=0.01)
    assert rows["quiet, mono"]["leak_db"] == pytest.approx(-60, abs=0.1)
    assert oracle["share"] == 1
    assert oracle["vocals_db"] > 8
    assert oracle["vocals_1s_db"] > 8


def test_a_score_is_held_against_the_truth(
    tmp_path: Path, parts: tuple[np.ndarray, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    vocals, music = (part[:, : 2 * RATE] for part in parts)
    write(tmp_path / "vocals.wav", vocals)
    write(tmp_path / "accompaniment.wav", music)
    song = quality.judge_stems(tmp_path, {"less": lambda song: song * 0.1}, scored=True)
    assert all(0 <= row["score"] <= 1 for row in song.values())
    worse = {name: row | {"score": 0.0, "vocals_db": -9.0} for name, row in song.items()}
    quality.show_correlations([song, worse])
    told = capsys.readouterr().out.splitlines()
    assert "over 2 songs" in told[0]
    assert told[1].split()[:3] == ["less,", "stereo", "1.00"]


def test_ranks_are_correlated_and_what_never_changes_is_not() -> None:
    one = np.array([1, 2, 3, 40], np.float32)
    assert quality.rank_correlation(one, one**3) == pytest.approx(1)
    assert quality.rank_correlation(one, -one) == pytest.approx(-1)
    assert np.isnan(quality.rank_correlation(one, one * 0))


def test_artefacts_are_what_neither_voice_nor_music_explains(
    parts: tuple[np.ndarray, np.ndarray],
) -> None:
    vocals, music = parts
    assert quality.artefacts_db(vocals * 0.9 + music * 0.2, vocals, music) < -100
    hiss = noise(3, RATE, 2)
    hiss *= np.sqrt(np.mean(vocals**2) / np.mean(hiss**2)) / 10
    assert quality.artefacts_db(vocals + hiss, vocals, music) == pytest.approx(-20, abs=0.5)


def test_a_song_without_stems_is_judged_where_nobody_sings(
    tmp_path: Path, parts: tuple[np.ndarray, np.ndarray]
) -> None:
    vocals, music = parts
    vocals[:, : RATE + RATE // 2] = 0
    path = tmp_path / "song.wav"
    write(path, vocals + music)
    leaked = np.float32(0.01)
    ways = {
        "good": lambda _song: vocals + leaked * music,
        "bad": lambda song: song,
        "worse": lambda _song: music,
    }
    path.with_suffix(".voiceless").write_text("0 1.5\n")
    rows = quality.judge_song(path, ways)
    assert rows["good"]["null_depth_db"] == pytest.approx(40, abs=0.1)
    assert rows["bad"]["null_depth_db"] == pytest.approx(0, abs=0.1)
    assert rows["good"]["voiceless_s"] == pytest.approx(1.5)
    assert rows["good"]["voice_band"] > rows["worse"]["voice_band"]
    path.with_suffix(".voiceless").unlink()
    found = quality.judge_song(path, {"good": ways["good"]})
    assert found["good"]["null_depth_db"] > 30


def test_all_is_told_as_json_and_drawn(
    tmp_path: Path, parts: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stem, samples in zip(("vocals", "mixture"), parts, strict=True):
        write(tmp_path / "songs" / "train" / "one" / f"{stem}.wav", samples)
    options = ["--stems-folder", str(tmp_path / "songs"), "--json", str(tmp_path / "told.json")]
    options += ["--pictures", str(tmp_path / "pictures"), "--without-repet", "--narrowed"]
    options += ["--weights", str(resource(WEIGHTS))]
    monkeypatch.setattr("sys.argv", ["quality.py", *options])
    assert quality.main() == 0
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["machine"]["processors"] >= 1
    assert {"centre, mono", "instant, stereo", "half, mono"} <= set(told["medians"])
    assert list(told["songs"]) == ["train/one"]
    assert (
        told["medians"]["instant, mono"]["share"] == told["medians"]["instant x c, mono"]["share"]
    )
    assert (tmp_path / "pictures" / "instant-train-one.png").stat().st_size > 1000
