import doctest

import pytest

from karaoke_studio.job import BIT_DEPTHS, ENGINES, FORMATS, Stage
from karaoke_studio.ui import text


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(text)
    assert result.attempted > 10
    assert result.failed == 0


@pytest.mark.parametrize(
    ("eta_s", "words"),
    [
        (None, ""),
        (0.2, "a moment left"),
        (3.6, "about 4 s left"),
        (12, "about 12 s left"),
        (20.4, "about 20 s left"),
        (22, "about 20 s left"),
        (57, "about 55 s left"),
        (58, "about 1 min left"),
        (89, "about 1 min left"),
        (91, "about 2 min left"),
        (3569, "about 59 min left"),
        (3571, "about 1 h left"),
        (7325, "about 2 h 2 min left"),
    ],
)
def test_time_left_is_as_exact_as_can_be_known(eta_s: float | None, words: str) -> None:
    assert text.time_left(eta_s) == words


def test_time_left_never_grows_while_time_passes() -> None:
    def in_seconds(words: str) -> float:
        units = {"s": 1, "min": 60, "h": 3600}
        parts = words.removeprefix("about ").removesuffix(" left").split()
        if parts[0] == "a":
            return 3
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return sum(int(number) * units[unit] for number, unit in pairs)

    said = [in_seconds(text.time_left(seconds)) for seconds in range(9000)]
    assert said == sorted(said)


@pytest.mark.parametrize("stage", list(Stage))
def test_each_stage_has_one_word(stage: Stage) -> None:
    assert text.stage(stage)[0].isupper()
    assert "_" not in text.stage(stage)


def test_each_choice_of_a_job_has_words() -> None:
    assert all(text.engine(name)[0].isupper() for name in ENGINES)
    assert all(text.file_format(name) for name in FORMATS)
    assert all(text.bit_depth(name) for name in BIT_DEPTHS)


@pytest.mark.parametrize(
    ("files", "folders", "words"),
    [
        (1, 0, "Make karaoke of 1 song"),
        (3, 0, "Make karaoke of 3 songs"),
        (1200, 0, "Make karaoke of 1,200 songs"),
        (0, 1, "Make karaoke of all songs in 1 folder"),
        (2, 3, "Make karaoke of 2 songs and all songs in 3 folders"),
    ],
)
def test_a_drop_says_what_it_will_do(files: int, folders: int, words: str) -> None:
    assert text.dropped(files, folders) == words


def test_a_hundred_per_cent_is_only_said_at_the_end() -> None:
    assert [text.percent(f) for f in (-0.1, 0.996, 0.99999, 1.0)] == [
        "0 %",
        "99 %",
        "99 %",
        "100 %",
    ]


def test_text_from_outside_is_one_line_without_control_characters() -> None:
    assert text.one_line("A\nB\x00\tC\u202e  D") == "A B C D"


def test_a_tooltip_shows_markup_literally() -> None:
    assert text.tooltip("<b>&") == "<span>&lt;b&gt;&amp;</span>"
    assert text.tooltip("") == ""


def test_a_window_title_keeps_a_songs_star() -> None:
    assert text.window_title("Song [*]") == "Song [*][*] – Karaoke Studio"
    assert text.window_title("") == "Karaoke Studio"


def test_closing_names_what_is_unfinished() -> None:
    assert text.close_question(1, exporting=False) == "One song is not finished yet."
    assert text.close_question(3, exporting=False) == "3 songs are not finished yet."
    assert text.close_question(0, exporting=True) == "An export is still being written."
    assert "2 songs and an export" in text.close_question(2, exporting=True)
