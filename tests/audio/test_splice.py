"""Whatever voice comes, voice and music together stay what they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.audio.encode import write_audio
from karaoke_studio.audio.raw import RawFile
from karaoke_studio.audio.splice import FADE_S, Splice, music_of, prove_spliced, write_spliced
from tests.helpers.street import read_ints

RATE = 8000
FULL = 1 << 23


def write_take(folder: Path, stems: dict[str, np.ndarray]) -> dict[str, Path]:
    folder.mkdir()
    for name, samples in stems.items():
        write_audio(
            folder / f"{name}.flac",
            [samples.astype(np.int32)],
            sample_rate=RATE,
            channels=samples.shape[1],
            format="flac",
            bit_depth="24",
            frames=len(samples),
        )
    return {name: folder / f"{name}.flac" for name in stems}


def new_voice(path: Path, samples: np.ndarray) -> RawFile:
    file = RawFile.create(path, samples.shape[1], len(samples))
    file.write(0, samples)
    return file


def read(path: Path) -> np.ndarray:
    return read_ints(path)[0].T >> 8


@pytest.mark.parametrize("seed", range(12))
def test_any_voice_in_any_stretch_keeps_the_song(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, channels = int(rng.integers(400, 200_000)), int(rng.integers(1, 3))
    names = [("vocals", "instrumental"), ("vocals", "drums", "other"), ("vocals", "drums")][
        seed % 3
    ]
    loud = FULL if seed % 2 else FULL // 8
    old = {name: rng.integers(-loud, loud, (frames, channels), endpoint=False) for name in names}
    start, stop = sorted(rng.choice(frames + 1, 2, replace=False).tolist())
    if seed == 0:
        start, stop = 0, frames
    offset = max(0, start - int(rng.integers(0, 100)))
    # far over full scale, and worse
    voice = rng.normal(0, rng.choice([0.1, 1, 50]), (stop - offset, channels)).astype(np.float32)
    voice[rng.integers(0, len(voice), 3)] = [[np.nan], [np.inf], [-np.inf]]
    splice = Splice(start, stop, offset, frames, RATE, shift_bits=int(rng.integers(0, 3)))
    take = write_take(tmp_path / "old", old)
    (tmp_path / "new").mkdir()
    files = {name: tmp_path / "new" / f"{name}.flac" for name in names}
    told: list[float] = []
    with new_voice(tmp_path / "voice.f32", voice) as new:
        write_spliced(splice, take, new, files, told.append, lambda: None)
    peaks = tmp_path / "peaks"
    test = prove_spliced(splice, take, files, peaks, told.append, lambda: None)
    made = {name: read(path) for name, path in files.items()}
    assert np.array_equal(sum(made.values()), sum(old.values()))
    assert test.is_exact
    changed = {"vocals", music_of(dict.fromkeys(names))}
    for name in names:
        same = made[name] == old[name]
        assert same[:start].all()
        assert same[stop:].all()
        assert name in changed or same.all()
    assert not np.array_equal(made["vocals"], old["vocals"])
    assert 0 < told[0] <= told[-1] == 1.0


def test_a_take_that_is_not_the_song_is_told(tmp_path: Path) -> None:
    old = {name: np.arange(9000)[:, None] * k for name, k in (("vocals", 3), ("instrumental", 5))}
    take = write_take(tmp_path / "old", old)
    other = write_take(tmp_path / "other", old | {"vocals": old["vocals"] + 1})
    splice = Splice(10, 20, 0, 9000, RATE, 0)
    test = prove_spliced(splice, take, other, tmp_path / "p", lambda _: None, lambda: None)
    assert not test.is_exact
    assert test.level_db > -100


def test_the_ends_of_the_song_have_no_seam(tmp_path: Path) -> None:
    fade = round(FADE_S * RATE)
    silence = np.zeros((4000, 1), np.int64)
    with new_voice(tmp_path / "voice.f32", np.full((4000, 1), 0.5, np.float32)) as new:
        whole = Splice(0, 4000, 0, 4000, RATE, 0).voice(0, silence, silence, new)
        inner = Splice(100, 3900, 0, 4000, RATE, 0).voice(0, silence, silence, new)
    assert (whole == FULL // 2).all()
    assert not inner[:100].any()
    assert not inner[3900:].any()
    assert (inner[100 + fade : 3900 - fade] == FULL // 2).all()
    rise = inner[100 : 100 + fade, 0]
    assert (np.diff(rise) > 0).all()
    assert np.array_equal(rise, inner[3900 - fade : 3900, 0][::-1])


def test_blocks_of_any_size_give_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    voice, music = rng.integers(-1000, 1000, (2, 5000, 2))
    splice = Splice(700, 4300, 650, 5000, RATE, 1)
    with new_voice(tmp_path / "v.f32", rng.normal(0, 0.1, (4000, 2)).astype(np.float32)) as new:
        at_once = splice.voice(0, voice, music, new)
        parts = [
            splice.voice(at, voice[at : at + 333], music[at : at + 333], new)
            for at in range(0, 5000, 333)
        ]
    assert np.array_equal(at_once, np.concatenate(parts))
