"""Which models are there, and which engine a choice means, told from names alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from karaoke_studio.catalogue import (
    KNOWN_MODELS,
    LEGACY_SHA256,
    PUBLISHED,
    known_model,
    model_of,
)
from karaoke_studio.engines import choose_engine, choose_quality, installed_models
from karaoke_studio.errors import ModelMissing
from karaoke_studio.job import NETWORK_ENGINES
from karaoke_studio.separation.model_files import find_model


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("nested", [False, True])
def test_networks_without_a_yaml_are_the_published_model(tmp_path: Path, nested: bool) -> None:
    folder = tmp_path / "htdemucs_ft" if nested else tmp_path
    *most, last = known_model("htdemucs_ft").signatures
    touch(folder, *(f"{signature}.safetensors" for signature in most))
    assert installed_models((tmp_path,)) == []
    touch(folder, f"{last}-f3cf25b2.th")
    assert installed_models((tmp_path,)) == ["htdemucs_ft"]
    assert len(find_model("htdemucs_ft", (tmp_path,)).files) == 4


def test_what_is_installed_is_found(tmp_path: Path) -> None:
    touch(tmp_path / "htdemucs", "955717e8.safetensors")
    # in a folder of another name a model is not looked for
    touch(tmp_path / "stuff", "htdemucs_6s.yaml", "5c90dfd2.safetensors")
    assert installed_models((tmp_path, tmp_path / "gone")) == ["htdemucs"]
    with pytest.raises(ModelMissing):
        find_model("htdemucs_6s", (tmp_path,))


def test_the_catalogue_is_of_one_piece() -> None:
    assert {model.name for model in KNOWN_MODELS} == set(NETWORK_ENGINES)
    signatures = {signature for bag in PUBLISHED.values() for signature in bag["models"]}
    assert signatures == LEGACY_SHA256.keys()
    for model in KNOWN_MODELS:
        assert model.files[0] == f"{model.name}.yaml"
        assert all(model_of(signature) == model.name for signature in model.signatures)
    assert model_of("00000000") is None
    assert known_model("nothing") is None


ALL = ["htdemucs", "htdemucs_6s", "htdemucs_ft", "mdx_extra"]


@pytest.mark.parametrize(
    ("installed", "draft", "normal", "best"),
    [
        ([], "instant", "instant", "instant"),
        (["htdemucs"], "instant", "htdemucs", "htdemucs"),
        (ALL, "instant", "htdemucs", "htdemucs_ft"),
        (["htdemucs_ft"], "instant", "htdemucs_ft", "htdemucs_ft"),
        (["mdx_extra", "htdemucs_6s"], "instant", "htdemucs_6s", "htdemucs_6s"),
        (["mdx_extra"], "instant", "instant", "mdx_extra"),
        (["unknown"], "instant", "instant", "instant"),
    ],
)
def test_each_quality_takes_what_is_there(
    installed: list[str], draft: str, normal: str, best: str
) -> None:
    found = [choose_quality(quality, installed) for quality in ("draft", "normal", "best")]
    assert found == [draft, normal, best]


def test_only_auto_looks_at_the_quality(tmp_path: Path) -> None:
    for name in ("htdemucs", "htdemucs_ft"):
        (tmp_path / f"{name}.yaml").write_text("models: []")
    folders = (tmp_path, tmp_path / "there is none")
    assert installed_models(folders) == ["htdemucs", "htdemucs_ft"]
    assert choose_engine("auto", folders) == "htdemucs_ft"
    assert choose_engine("auto", folders, "normal") == "htdemucs"
    assert choose_engine("auto", folders, "draft") == "instant"
    assert choose_engine("centre", folders, "best") == "centre"
