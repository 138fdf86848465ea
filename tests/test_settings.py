from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.job import ALL_STEMS, STEMS, NetworkChoice
from karaoke_studio.settings import (
    Settings,
    chosen_stems,
    load_settings,
    network_choice,
    save_settings,
)
from tests.helpers.disks import fill_disk

CHOSEN = Settings(
    sound_device="Headset",
    match_loudness=True,
    sound_latency="low",
    sound_exclusive=True,
    plays_on=True,
    mixer_open=False,
    theme="dark",
    spectrogram_colours="viridis",
    spectrogram_window=8192,
    spectrogram_scale="mel",
    spectrogram_range_db=72,
    spectrogram_source="vocals",
    beats_shown=False,
    loops_snap=False,
    quality="best",
    engine="centre",
    device="cuda:1",
    network_mode="reference",
    overlap=0.1,
    shifts=2,
    segment_s=5,
    threads=3,
    stems="all",
    queue_paused=True,
    volume=0.25,
    export_folder="/m/שירים \udcff",
    export_format="mp3",
    export_bit_depth="16",
    export_bitrate_kbps=320,
    export_stems="vocals",
    export_name="{stem}",
    auto_export=True,
    auto_export_folder="/k",
    follow_playhead="smooth",
    wheel="seek",
    count_in=True,
    draft_first=False,
    fill_unsplit=False,
    copy_originals=False,
    model_folder="/m/models",
    library_folder="/m/library",
    watch_folder="/m/new",
    keep_drafts_days=30,
    pause_on_battery=True,
    pause_at_night=True,
    night_begins=23,
    night_ends=6,
    table_columns="title:300",
    wide_kind="covers",
    log_names=True,
    recent_files=("/m/שיר \udcff.mp3", "/m/b\nc"),
)


def test_seed_001_22_settings_survive_the_disk(tmp_path: Path) -> None:
    assert all(
        getattr(CHOSEN, field.name) != field.default for field in dataclasses.fields(Settings)
    )
    save_settings(CHOSEN, tmp_path / "settings.json")
    assert load_settings(tmp_path / "settings.json") == CHOSEN
    json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))


def test_new_jobs_are_made_as_chosen() -> None:
    folders = (Path("/models"),)
    wanted = NetworkChoice(folders, "reference", 0.1, 2, 5, "cuda:1", 3)
    assert network_choice(CHOSEN, folders) == wanted
    assert network_choice(Settings(), folders) == NetworkChoice(folders)
    assert (chosen_stems(CHOSEN), chosen_stems(Settings())) == (ALL_STEMS, STEMS)


def test_no_file_means_defaults_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_settings(tmp_path / "settings.json") == Settings()
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "pink"),
        ("theme", None),
        ("theme", ["dark"]),
        ("engine", "../best"),
        ("engine", ""),
        ("quality", "perfect"),
        ("device", "cuda:x"),
        ("device", 0),
        ("network_mode", "quickest"),
        ("overlap", 0.51),
        ("shifts", 11),
        ("segment_s", 3.5),
        ("threads", -1),
        ("stems", "drums"),
        ("queue_paused", 0),
        ("engine", 7),
        ("volume", "loud"),
        ("volume", True),
        ("volume", 1.01),
        ("volume", -0.1),
        ("volume", math.nan),
        ("volume", math.inf),
        ("export_folder", 5),
        ("export_format", "wma"),
        ("export_bitrate_kbps", -1),
        ("export_bitrate_kbps", True),
        ("export_bitrate_kbps", 128.5),
        ("export_stems", None),
        ("export_bit_depth", 24),
        ("export_bit_depth", "64"),
        ("copy_originals", 1),
        ("copy_originals", "yes"),
        ("model_folder", None),
        ("library_folder", ["a"]),
        ("recent_files", "a"),
        ("recent_files", ["a", 1]),
    ],
)
def test_a_wrong_value_is_told_and_the_others_are_kept(
    name: str, value: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({**dataclasses.asdict(CHOSEN), name: value}))
    wanted = dataclasses.replace(CHOSEN, **{name: getattr(Settings(), name)})
    assert load_settings(file) == wanted
    assert name in caplog.text


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_volumes_at_the_ends_are_kept(value: float, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps({"volume": value}))
    assert load_settings(tmp_path / "s.json").volume == value


def test_settings_of_a_newer_version_are_no_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "s.json").write_text('{"holograms": true, "theme": "light"}')
    assert load_settings(tmp_path / "s.json") == Settings(theme="light")
    assert not [record for record in caplog.records if record.levelname != "INFO"]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 200_000, b'{"theme": "da']
)
def test_damaged_settings_mean_defaults(
    data: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "s.json").write_bytes(data)
    assert load_settings(tmp_path / "s.json") == Settings()
    assert caplog.records


def test_a_folder_in_the_place_of_settings_means_defaults(tmp_path: Path) -> None:
    (tmp_path / "s.json").mkdir()
    assert load_settings(tmp_path / "s.json") == Settings()


def test_settings_on_a_full_disk_stay_the_old_ones(small_disk: Path) -> None:
    file = small_disk / "settings.json"
    save_settings(Settings(theme="dark"), file)
    fill_disk(small_disk)
    with pytest.raises(OSError, match="No space"):
        save_settings(Settings(theme="light", export_folder="x" * 9000), file)
    assert load_settings(file) == Settings(theme="dark")
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "settings.json"]
