"""The examples of the page on Python run as they stand."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from karaoke_studio.paths import DATA_DIR_VARIABLE, resource
from tests.helpers.signals import sung_mix
from tests.helpers.street import write_song


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "data"))
    vocals, band = sung_mix(3, 44_100)
    song = write_song(tmp_path / "song.wav", vocals + band, 44_100, "PCM_24")
    folder = tmp_path / "made"
    folder.mkdir()
    done = doctest.testfile(
        str(resource("docs/api.md")),
        module_relative=False,
        globs={"song": song, "folder": folder},
        encoding="utf-8",
    )
    assert done.attempted > 10
    assert done.failed == 0
