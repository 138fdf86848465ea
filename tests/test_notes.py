from __future__ import annotations

import pytest

from karaoke_studio import notes

CODES = [value for name, value in vars(notes).items() if name.isupper() and name[0] != "_"]


@pytest.mark.parametrize("code", CODES)
def test_every_note_is_a_sentence(code: str) -> None:
    for detail in ("1:02", 48_000):
        sentence = notes.describe(notes.note(code, detail))
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith(".")
        assert "{" not in sentence


def test_a_detail_with_colons_arrives_whole() -> None:
    assert "at 1:02:33;" in notes.describe(notes.note(notes.TRUNCATED, "1:02:33"))
    assert "48000 Hz" in notes.describe(notes.note(notes.RATE_CHANGED, 48_000))


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        (
            "cuda:0 OUT_OF_MEMORY cpu",
            "Made on the CPU because the graphics card ran out of memory.",
        ),
        (
            "cuda:0 OUT_OF_MEMORY cuda:0",
            "Made in smaller pieces because the graphics card ran out of memory.",
        ),
        ("mps DEVICE_LOST cpu", "Made on the CPU because the graphics card stopped answering."),
        ("htdemucs MODEL_DAMAGED", "Made by the built-in engine because htdemucs is damaged."),
        ("htdemucs", "Made by the built-in engine because htdemucs could not be used."),
    ],
)
def test_a_fallback_says_how_and_why(detail: str, sentence: str) -> None:
    assert notes.describe(notes.note(notes.FALLBACK, detail)) == sentence


@pytest.mark.parametrize("text", ["", "from_the_future", "from_the_future:7", "odd {braces}:{0}"])
def test_an_unknown_note_is_shown_as_it_is(text: str) -> None:
    assert notes.describe(text) == text.partition(":")[0]
