from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator

import pytest

from karaoke_studio.library.search_words import match_expression, searchable

TITLES = [
    "Café del Mar",
    "夜曲",
    "ギター・ソング",
    "나는 노래한다",
    "เพลงรัก",
    "AC/DC – T.N.T.",
    "I ♥ Karaoke 🎤",
    "Naïve “NEAR” me",
    "Ｆｕｌｌ ｗｉｄｔｈ",
    "שיר",
]


@pytest.fixture
def index() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE words USING fts5("
        "title, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3')"
    )
    rows = [(number, searchable(title)) for number, title in enumerate(TITLES)]
    connection.executemany("INSERT INTO words (rowid, title) VALUES (?, ?)", rows)
    yield connection
    connection.close()


def find(index: sqlite3.Connection, typed: str) -> list[str]:
    match = match_expression(typed)
    if not match:
        return TITLES
    rows = index.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", (match,))
    return [TITLES[number] for (number,) in rows]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("cafe", "Café del Mar"),
        ("CAFÉ", "Café del Mar"),
        ("cafe\u0301", "Café del Mar"),
        ("mar caf", "Café del Mar"),
        ("夜", "夜曲"),
        ("曲", "夜曲"),
        ("夜曲", "夜曲"),
        ("ソン", "ギター・ソング"),
        ("ｷﾞﾀｰ", "ギター・ソング"),
        ("노래", "나는 노래한다"),
        ("한다", "나는 노래한다"),
        ("รัก", "เพลงรัก"),
        ("ac/dc", "AC/DC – T.N.T."),
        ("t.n.t", "AC/DC – T.N.T."),
        ("🎤", "I ♥ Karaoke 🎤"),
        ("♥", "I ♥ Karaoke 🎤"),
        ("naive", "Naïve “NEAR” me"),
        ("near", "Naïve “NEAR” me"),
        ("full wid", "Ｆｕｌｌ ｗｉｄｔｈ"),
        ("שי", "שיר"),
    ],
)
def test_a_song_is_found_however_it_is_typed(
    index: sqlite3.Connection, typed: str, found: str
) -> None:
    assert find(index, typed) == [found]


@pytest.mark.parametrize(
    "typed",
    [
        '"',
        '""" """',
        "*",
        "a*b",
        "NEAR(a b, 3)",
        "a AND b",
        "OR",
        "NOT",
        "title:x",
        "-x",
        "^x",
        "(",
        ")(",
        "{title}: x",
        "x + y",
        "'; DROP TABLE songs --",
        "\0",
        "\ud800",
        "🧑‍🎤",
        "\u0301",
        "%_",
        "\\",
        "x" * 5000,
        " ".join(["a"] * 500),
    ],
)
def test_nothing_that_is_typed_is_an_error(index: sqlite3.Connection, typed: str) -> None:
    assert isinstance(find(index, typed), list)


def test_every_sign_there_is_can_be_typed(index: sqlite3.Connection) -> None:
    signs = [chr(code) for code in range(0x3000) if unicodedata.category(chr(code)) != "Cs"]
    for start in range(0, len(signs), 64):
        find(index, "".join(signs[start : start + 64]))
        find(index, " ".join(signs[start : start + 64]))


def test_what_was_not_typed_is_not_found(index: sqlite3.Connection) -> None:
    assert find(index, "曲夜") == []
    assert find(index, "cafe tnt") == []
    assert find(index, "afe") == []
