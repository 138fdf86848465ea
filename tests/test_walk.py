from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from karaoke_studio.walk import SONG_SUFFIXES, is_folder, natural_key, only_new, songs_in


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def found(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in songs_in(root)]


def test_songs_come_in_natural_order(tmp_path: Path) -> None:
    make(tmp_path, "10 b.mp3", "2 a.mp3", "1 c.MP3", "disc 10/1.flac", "disc 2/11.ogg")
    make(tmp_path, "disc 2/3.ogg")
    assert found(tmp_path) == [
        "1 c.MP3",
        "2 a.mp3",
        "10 b.mp3",
        "disc 2/3.ogg",
        "disc 2/11.ogg",
        "disc 10/1.flac",
    ]


def test_only_songs_are_taken(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "b.jpg", "c.m3u", "mp3", ".hidden.mp3", "._d.mp3", ".git/e.mp3")
    make(tmp_path, "f.mp3.part", "g.lrc", "h.webm")
    assert found(tmp_path) == ["h.webm"]


@pytest.mark.parametrize("suffix", sorted(SONG_SUFFIXES))
def test_every_ending_is_found_in_any_case(suffix: str, tmp_path: Path) -> None:
    make(tmp_path, "a" + suffix, "B" + suffix.upper())
    assert len(found(tmp_path)) == 2


def test_a_named_file_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    for name in ("song.xyz", "noending", "missing.mp3", ".hidden.mp3"):
        assert list(songs_in(tmp_path / name)) == [tmp_path / name]


def test_a_folder_called_like_a_song_is_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "x.mp3/inside.flac")
    assert found(tmp_path) == ["x.mp3/inside.flac"]
    (tmp_path / "empty.mp3").mkdir()
    assert list(songs_in(tmp_path / "empty.mp3")) == []


def test_loops_of_links_end(tmp_path: Path) -> None:
    make(tmp_path, "album/1.mp3")
    (tmp_path / "album" / "again").symlink_to(tmp_path)
    (tmp_path / "self.mp3").symlink_to(tmp_path / "self.mp3")
    assert found(tmp_path) == ["self.mp3", "album/1.mp3"]
    assert list(songs_in(tmp_path / "self.mp3")) == [tmp_path / "self.mp3"]


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", chr(0xDCFF), chr(0xD800)])
def test_names_that_no_system_has_are_files_that_are_not_there(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.mp3"
    assert list(songs_in(path)) == [path]
    assert not is_folder(path)


def test_names_of_other_encodings_survive(tmp_path: Path) -> None:
    raw = os.path.join(os.fsencode(tmp_path), b"caf\xe9.mp3")  # noqa: PTH118 - a name in bytes
    try:
        os.close(os.open(raw, os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this disk wants UTF-8 names")
    (song,) = songs_in(tmp_path)
    assert os.fsencode(song) == raw


def test_the_natural_key_orders_anything() -> None:
    rng = random.Random(3)
    letters = ["a", "B", "10", "2", "٣", "²", " ", "0", "é", "9" * 300, "-"]
    names = ["".join(rng.choices(letters, k=rng.randrange(6))) for _ in range(400)]
    once = sorted(names, key=natural_key)
    rng.shuffle(names)
    assert [natural_key(n) for n in sorted(names, key=natural_key)] == [
        natural_key(n) for n in once
    ]
    assert sorted(["b2", "B10", "b1"], key=natural_key) == ["b1", "b2", "B10"]


def test_a_song_named_beside_its_folder_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "album/1.mp3", "album/2.mp3")
    monkeypatch.chdir(tmp_path)
    seen: set[Path] = set()
    paths = (Path("album/2.mp3"), tmp_path / "album", Path("album/../album/1.mp3"))
    named = [only_new(songs_in(path), seen) for path in paths]
    assert named == [[Path("album/2.mp3")], [tmp_path / "album/1.mp3"], []]
