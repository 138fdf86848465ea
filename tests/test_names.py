from __future__ import annotations

import random
import sys
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest

from karaoke_studio.job import OutputSpec
from karaoke_studio.names import (
    NAME_LIMIT_BYTES,
    TEMPLATE_FIELDS,
    WrongTemplate,
    check_template,
    file_name,
    numbered,
    safe_name,
)

#: FAULTS C21: what songs are called, by people and by those who wish us ill.
DIFFICULT = [
    "שיר ערש",
    "שיר (feat. مغني)",
    "🎤🎶 party 👩‍👩‍👧",
    "\u202egpj.exe",
    "a\u200fb\u2066c\u2069",
    "\u200d",
    unicodedata.normalize("NFC", "Café Zürich"),
    unicodedata.normalize("NFD", "Café Zürich"),
    "x" * 255,
    "é" * 127,
    "🎤" * 63 + "abc",
    "two\nlines\r\nand\ttab",
    "\x00\x07bell",
    "-rf",
    "--help",
    "-.hidden",
    "/.hidden",
    "%d %s %n",
    "\"double\" 'single' `back`",
    "$(reboot) ; rm -rf *",
    "CON",
    "con.tar",
    "COM1 .flac",
    "LPT¹",
    "nul",
    "conin$",
    "trailing dots...",
    "trailing space ",
    "..",
    "",
    " . - ",
    "../../etc/passwd",
    "C:\\Windows\\system32",
    "\\\\server\\share",
    "AC/DC: Who? *Live* <1990> |x|",
    "lone \ud800 surrogate \udcff",
    "{title} {0} {{",
    "line\u2028separator\u0085",
]


def check_safe(name: str) -> None:
    """Assert that a whole file name is safe on every system."""
    encoded = name.encode()  # surrogates would fail here
    assert 0 < len(encoded) <= NAME_LIMIT_BYTES
    assert not set(name) & set('/\\:<>"|?*')
    assert name[0] not in " .-"
    assert name[-1] not in " ."
    assert all(unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} for c in name)
    assert all(c == "\u200d" or unicodedata.category(c) != "Cf" for c in name)
    assert len(PureWindowsPath(name).parts) == len(Path(name).parts) == 1
    first = name.split(".")[0].rstrip(" ").upper()
    devices = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    assert first not in devices
    assert not (first[:3] in {"COM", "LPT"} and len(first) == 4 and first[3] in "0123456789¹²³")


@pytest.mark.parametrize("text", DIFFICULT)
def test_difficult_names_become_safe(text: str, tmp_path: Path) -> None:
    name = file_name(OutputSpec.name, {"base": text, "stem": "Vocals"}, ".flac")
    check_safe(name)
    assert name.endswith(".flac")
    check_safe(safe_name(text)[:60])
    (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("text", DIFFICULT)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    once = safe_name(text)
    assert safe_name(once) == once


def test_readable_names_are_not_touched() -> None:
    for text in ("Ärzte – Junge (Live) [2007]", "שלום", "100% Hits, Vol. 2", "C'est la vie", "١٢"):
        assert safe_name(text) == text


def test_random_names_become_safe() -> None:
    rng = random.Random(21)
    nasty = "".join(chr(c) for c in range(0x80)) + "\u200d\u200b\u202e\u2028\u0300é🎤שا\ufeff\ue000"
    for _ in range(3000):
        text = "".join(
            rng.choice(nasty) if rng.random() < 0.7 else chr(rng.randrange(sys.maxunicode + 1))
            for _ in range(rng.choice((0, 1, 2, 5, 40, 300)))
        )
        values = {field: text for field in TEMPLATE_FIELDS if rng.random() < 0.6}
        fields = {"base": text, **values, "stem": "Instrumental"}
        check_safe(file_name("{artist} - {title} {album} ({stem})", fields, ".opus"))


def test_long_names_keep_their_stem() -> None:
    for text in ("x" * 255, "é" * 127, "🎤" * 63, "שלום " * 50):
        fields = {"base": text, "artist": text, "title": text}
        template = "{artist} - {title} - {base} ({stem})"
        names = {
            file_name(template, {**fields, "stem": stem}, ".flac")
            for stem in ("Vocals", "Instrumental", "Karaoke")
        }
        assert {name[name.index("(") :] for name in names} == {
            "(Vocals).flac",
            "(Instrumental).flac",
            "(Karaoke).flac",
        }
        # shortened no more than a little
        assert all(len(name.encode()) > NAME_LIMIT_BYTES * 0.7 for name in names)


def test_templates_use_their_fields_and_empty_ones_fall_back_to_the_base() -> None:
    fields = {"base": "01 file", "artist": "A", "title": "T", "album": "", "stem": "Vocals"}
    assert file_name("{artist} - {title} ({stem})", fields, ".mp3") == "A - T (Vocals).mp3"
    assert file_name("{album}", fields, ".mp3") == "01 file.mp3"
    assert file_name("{artist}/{title}", fields, ".mp3") == "A-T.mp3"


def test_values_are_not_templates() -> None:
    assert file_name("{base}", {"base": "{title}{0}"}, ".wav") == "{title}{0}.wav"


@pytest.mark.parametrize("template", ["{base} ({stem})", "{title}{stem}", "{stem}", "{{x}} {stem}"])
def test_templates_that_work(template: str) -> None:
    check_template(template, 2)


def test_one_file_needs_no_stem_in_its_name() -> None:
    check_template("{base}", 1)
    check_template("fixed", 1)


@pytest.mark.parametrize(
    "template",
    [
        "{stem",
        "stem}",
        "{",
        "{} {stem}",
        "{0} {stem}",
        "{year} {stem}",
        "{stem.upper}",
        "{stem[0]}",
        "{stem!r}",
        "{stem!x}",
        "{stem:.0}",
        "{stem:d}",
        "{stem:>1000000000}",
        "{stem:{base}}",
        "{Stem}",
    ],
)
def test_templates_that_cannot_work_are_refused_before_any_work(template: str) -> None:
    with pytest.raises(WrongTemplate) as caught:
        check_template(template, 1)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("template", ["{base}", "fixed", "x" * 300 + "{stem}"])
def test_templates_that_give_both_files_one_name_are_refused(template: str) -> None:
    with pytest.raises(WrongTemplate, match="same name"):
        check_template(template, 2)


def test_numbers_stand_before_the_suffix() -> None:
    assert numbered("A (Vocals).flac", 1) == "A (Vocals).flac"
    assert numbered("A (Vocals).flac", 12) == "A (Vocals) (12).flac"
    assert numbered("Vol. 2.5.flac", 2) == "Vol. 2.5 (2).flac"
    long = file_name("{base}", {"base": "x" * 255}, ".flac")
    assert len(numbered(long, 99_999).encode()) <= 255
