from __future__ import annotations

import sys
from pathlib import Path

import pytest

from karaoke_studio import licences
from karaoke_studio.licences import Part, list_parts, read_papers


def test_the_program_its_models_and_its_fonts_come_first() -> None:
    own, models, net, *others = list_parts()
    assert "GNU GENERAL PUBLIC LICENSE" in read_papers(own)
    assert "research" in read_papers(models)
    assert "FluidR3" in read_papers(net)
    assert others[0].name == "Inter (font)"
    assert "SIL OPEN FONT LICENSE" in read_papers(others[0]).upper()


def test_what_it_needs_is_named_with_its_terms_and_what_it_does_not_is_not() -> None:
    parts = {part.name.split()[0]: part for part in list_parts()}
    assert {"numpy", "mutagen", "PySide6_Essentials", "torch", "demucs"} <= set(parts)
    assert "pytest" not in parts, "only those who build it need it"
    assert "karaoke-studio" not in parts
    terms = read_papers(parts["mutagen"])
    assert "GNU GENERAL PUBLIC LICENSE" in terms
    assert "Requires-Dist" not in terms
    silent = [name for name, part in parts.items() if len(read_papers(part)) < 40]
    assert silent == []


def test_a_packaged_program_lists_what_was_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "licences" / "system" / "libx").mkdir(parents=True)
    (tmp_path / "licences" / "Thing 1.0").mkdir()
    (tmp_path / "licences" / "Thing 1.0" / "LICENSE").write_text("as you like")
    (tmp_path / "licences" / "system" / "libx" / "copyright").write_text("free")
    (tmp_path / "LICENSE").write_text("ours")
    monkeypatch.setattr(licences, "is_frozen", lambda: True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "karaoke-studio"))
    parts = list_parts()
    assert [part.name for part in parts[-2:]] == ["system/libx", "Thing 1.0"]
    assert read_papers(parts[0]) == "ours"
    assert read_papers(parts[-1]) == "as you like"


def test_papers_that_are_gone_or_in_other_letters_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"caf\xe9")
    words = read_papers(Part("x", (tmp_path / "a", tmp_path / "gone")))
    assert "caf" in words
    assert "cannot be read" in words
    assert read_papers(Part("y")) == "It says nothing about its terms."
