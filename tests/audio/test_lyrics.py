"""LRC text and the file beside the song."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from karaoke_studio.audio.lyrics import find_lrc, format_lrc, parse_lrc


def test_plain_text_comes_back_line_by_line() -> None:
    assert parse_lrc("\none\n\ntwo\n\n") == ((None, "one"), (None, ""), (None, "two"))


def test_times_in_every_notation() -> None:
    text = "[00:01]a\n[00:02.5]b\n[0:03.25]c\n[00:04:500]d\n[100:00.001]e"
    assert parse_lrc(text) == ((1, "a"), (2.5, "b"), (3.25, "c"), (4.5, "d"), (6000.001, "e"))


def test_lines_are_sorted_and_repeated() -> None:
    assert parse_lrc("[00:09]end\n[00:01][00:05]again") == ((1, "again"), (5, "again"), (9, "end"))


def test_headers_go_and_lines_without_time_stay_in_place() -> None:
    text = "[ti:Title]\n[ar:A]\n[length: 3:20]\n[00:01]one\n(clap)\n\n[00:02]two"
    assert parse_lrc(text) == ((1, "one"), (None, "(clap)"), (2, "two"))


@pytest.mark.parametrize(("offset", "expected"), [("+500", 1.5), ("500", 1.5), ("-500", 2.5)])
def test_a_positive_offset_is_earlier(offset: str, expected: float) -> None:
    assert parse_lrc(f"[offset:{offset}]\n[00:02.00]a") == ((expected, "a"),)


def test_nothing_starts_before_the_song() -> None:
    assert parse_lrc("[offset:5000]\n[00:02.00]a") == ((0, "a"),)


def test_word_times_are_stripped() -> None:
    assert parse_lrc("[00:01.00]<00:01.00>Hello <00:01.50>wide <00:02.00>world") == (
        (1, "Hello wide world"),
    )


def test_a_song_text_may_contain_brackets() -> None:
    assert parse_lrc("[Chorus]\nla [la] <3") == ((None, "[Chorus]"), (None, "la [la] <3"))


def test_control_characters_go() -> None:
    assert parse_lrc("[00:01]a\x07\tb\x1b") == ((1, "a b"),)


def test_format_and_parse_are_inverse() -> None:
    lines = ((0.0, "a"), (59.99, "b"), (3600.5, "c"))
    assert parse_lrc(format_lrc(lines)) == lines


@pytest.mark.parametrize("name", ["My Song.lrc", "my song.LRC"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_file_beside_the_song(tmp_path: Path, name: str, encoding: str) -> None:
    (tmp_path / name).write_text("[00:01]šá歌", encoding=encoding)
    (tmp_path / "Another.lrc").write_text("[00:01]no")
    assert find_lrc(tmp_path / "My Song.mp3") == ((1, "šá歌"),)


def test_old_windows_text(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_bytes("[00:01]naïve café".encode("cp1252"))
    assert find_lrc(tmp_path / "a.flac") == ((1, "naïve café"),)


def test_nothing_beside_the_song(tmp_path: Path) -> None:
    assert find_lrc(tmp_path / "a.flac") == ()
    assert find_lrc(tmp_path / "missing" / "a.flac") == ()


def test_what_is_no_lyrics_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_bytes(b"x" * (256 * 1024 + 1))
    (tmp_path / "b.lrc").mkdir()
    os.mkfifo(tmp_path / "c.lrc")
    for name in "abc":
        assert find_lrc(tmp_path / f"{name}.mp3") == ()
