from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from karaoke_studio.jobs import keeper as keeper_module
from karaoke_studio.jobs.keeper import Keeper
from karaoke_studio.settings import Settings, load_settings, save_settings

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")


def test_the_last_settings_are_written_while_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, is_ready, written = tmp_path / "settings.json", threading.Event(), []

    def save_slowly(settings: Settings, path: Path) -> None:
        assert is_ready.wait(10)
        written.append(settings.volume)
        save_settings(settings, path)

    monkeypatch.setattr(keeper_module, "save_settings", save_slowly)
    keeper = Keeper(file)
    for hundredth in range(50):
        keeper.keep(Settings(volume=hundredth / 100))
    assert not file.exists()
    is_ready.set()
    keeper.close()
    assert load_settings(file).volume == 0.49
    # the one that was being written, and the last
    assert len(written) <= 2


def test_settings_that_cannot_be_written_are_told_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(tmp_path / "nowhere" / "settings.json")
    with caplog.at_level(logging.WARNING):
        keeper.keep(Settings())
        keeper.close()
    assert [record.message for record in caplog.records if "could not be saved" in record.message]
